#!/usr/bin/env python3
"""Runs good and hostile clients at once for minutes.

    python3 benchmarks/serve/soak.py MODEL                        # ten minutes; MODEL is a model file
    python3 benchmarks/serve/soak.py MODEL --seconds 60 --record laptop

Every good request must be answered with 200 before the server's deadline, resident memory must stay
flat, and at the end, with the hostile clients still at work, SIGTERM must end the server with status
0. Only this machine's loopback address is used. The latencies and the curve of resident memory are
printed, and recorded with `--record` as ../runs/DATE-soak-NAME/.
"""
import argparse
import collections
import datetime
import http.client
import json
import multiprocessing
import os
import random
import signal
import socket
import statistics
import struct
import sys
import threading
import time
import zlib
from pathlib import Path

from run import HERE, MODISTE, Server, bodies, images, machine

# The server's --timeout in seconds. Good requests must be answered within it.
TIMEOUT = 5
# The median memory of the last third may exceed that of the middle third by 5 % and 2 MiB.
SLACK = lambda before: before * 1.05 + (2 << 20)
PAUSE = 0.01  # seconds between two requests of a client, so that the machine is not taken whole


def resident(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("the server is gone")


class Clients:
    """Threads of clients and the responses that they received."""

    def __init__(self, address, ending):
        self.address, self.stop, self.ending = address, threading.Event(), ending
        self.seen, self.lock = collections.Counter(), threading.Lock()
        self.seconds = collections.defaultdict(list)

    def count(self, what):
        with self.lock:
            self.seen[what] += 1

    def run(self, client):
        """Calls `client` repeatedly and counts its exceptions."""
        random_ = random.Random(repr(client))
        while not self.stop.wait(PAUSE):
            try:
                client(random_)
            except (OSError, http.client.HTTPException) as error:
                self.count(f"{client.__name__}: {type(error).__name__}")

    def ask(self, name, body, kind, expected):
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        try:
            connection.request("POST", "/v1/predict", body, {"Content-Type": kind})
            response = connection.getresponse()
            response.read()
            self.count(f"{name}: {response.status}")
            if response.status not in expected:
                self.count(f"WRONG {name}: {response.status}")
        finally:
            connection.close()

    def good(self, random_):
        """A client with small images on one connection."""
        self.good_requests(random_, "good", GOOD)

    def good_photograph(self, random_):
        """A client with photographs, which the server must decode and shrink."""
        self.good_requests(random_, "good photograph", PHOTOGRAPHS)

    def good_requests(self, random_, name, bodies_):
        kind, body = random_.choice(bodies_)
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        try:
            for _ in range(20):
                begun = time.monotonic()
                connection.request("POST", "/v1/predict", body, {"Content-Type": kind})
                response = connection.getresponse()
                said = json.loads(response.read())
                seconds = time.monotonic() - begun
                self.count(f"{name}: {response.status}")
                self.seconds[name].append(seconds)
                if self.ending.is_set():
                    return
                if response.status != 200 or not said["predictions"] or seconds > TIMEOUT:
                    self.count(f"WRONG {name}: {response.status} after {seconds:.1f} s")
                if self.stop.wait(PAUSE):
                    return
        except (OSError, http.client.HTTPException) as error:
            if not self.ending.is_set():
                self.count(f"WRONG {name}: {type(error).__name__}")
        finally:
            connection.close()

    def broken_picture(self, random_):
        body = bytearray(random_.choice(GOOD[::2])[1])
        for _ in range(random_.randrange(1, 20)):
            body[random_.randrange(len(body))] = random_.randrange(256)
        self.ask("broken picture", bytes(body[:random_.randrange(1, len(body) + 1)]), "image/png",
                 (200, 400, 503))

    def bomb(self, random_):
        self.ask("bomb", random_.choice(BOMBS), "image/png", (400, 503))

    def large_body(self, random_):
        self.ask("large body", b" " * random_.choice([9 << 20, 8 << 20, 1 << 20]),
                 random_.choice(["image/png", "application/json"]), (400, 413, 503))

    def odd_json(self, random_):
        body = random_.choice([b"", b"[" * 100_000, b'{"images":[' + b"[]," * 200_000, b'{"images":[[1e999]]}',
                               b'{"images":[["a"]]}', b"\xff" * 1000])
        self.ask("odd json", body, random_.choice(["application/json", "text/plain", "multipart/form-data; boundary=a"]),
                 (400, 413, 415, 503))

    def form_of_bombs(self, random_):
        """Small files that claim many pixels: too many in total, or damaged at the end."""
        body = form(*random_.choice([(HUGE, 256), (LARGE, 60), (LARGE[:-20], 60)]))
        self.ask("form of bombs", body, "multipart/form-data; boundary=x", (400, 413, 503))

    def echo(self, random_):
        """Long text that an error message might repeat."""
        body = random_.choice([b'{"images": [{"%s": 1}]}', b'{"%s": 1}', b'"%s"']) % (b"\\u0001" * 1_000_000)
        self.ask("echo", body, "application/json", (400, 503))

    def explain(self, random_):
        kind, body = random_.choice(GOOD)
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        try:
            connection.request("POST", "/v1/explain", body, {"Content-Type": kind})
            self.count(f"explain: {connection.getresponse().status}")
        finally:
            connection.close()

    def reload(self, random_):
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        try:
            connection.request("POST", "/v1/reload")
            self.count(f"reload: {connection.getresponse().status}")
        finally:
            connection.close()

    def slow_reader(self, random_):
        """Requests much and reads nothing."""
        ask = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n" * 2000
        with socket.create_connection(self.address, timeout=2 * TIMEOUT) as stream:
            try:
                stream.sendall(ask)
                time.sleep(2 * TIMEOUT)
            except OSError:
                pass
        self.count("slow reader")

    def slow_writers(self, random_):
        """More connections than the server allows, with unfinished large bodies."""
        head = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 8000000\r\n\r\n"
        streams = []
        try:
            for _ in range(random_.choice([30, 150])):
                stream = socket.create_connection(self.address, timeout=30)
                streams.append(stream)
                stream.sendall(head + bytes(random_.choice([1, 100_000])))
                if self.stop.is_set():
                    return
            for _ in range(20):
                for stream in streams:
                    try:
                        stream.sendall(b"x")
                    except OSError:
                        pass
                if self.stop.wait(0.5):
                    return
            self.count("slow writers")
        finally:
            for stream in streams:
                stream.close()

    def noise(self, random_):
        with socket.create_connection(self.address, timeout=30) as stream:
            stream.sendall(random_.randbytes(random_.randrange(1, 100_000)))
            stream.shutdown(socket.SHUT_WR)
            stream.recv(4096)
        self.count("noise")

    def hang_up(self, random_):
        """Disconnects in the middle, with or without a reset."""
        kind, body = random_.choice(GOOD)
        head = f"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        whole = head.encode() + body
        with socket.create_connection(self.address, timeout=30) as stream:
            if random_.random() < 0.5:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.sendall(whole[:random_.randrange(1, len(whole) + 1)])
        self.count("hang up")

    def slow(self, random_):
        """Many connections that send little and wait until the server closes them."""
        streams = [socket.create_connection(self.address, timeout=30) for _ in range(30)]
        try:
            for stream in streams:
                stream.sendall(b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\n"[:random_.randrange(1, 40)])
            for stream in streams:
                stream.recv(4096)
                self.count("slow")
        finally:
            for stream in streams:
                stream.close()


def picture(width, height, claimed=None, rows=None):
    """A grey PNG picture, black without `rows`, that may claim another size."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", *(claimed or (width, height)), 8, 0, 0, 0, 0)
    rows = zlib.compress(rows or bytes((width + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def form(picture_, count):
    head = b'--x\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\n'
    return (head + picture_ + b"\r\n") * count + b"--x--\r\n"


def photograph(side):
    """A grey square on black."""
    rows = b"".join(b"\0" + bytes(200 * (abs(x - side // 2) < side // 4 and abs(y - side // 2) < side // 4)
                                   for x in range(side)) for y in range(side))
    return picture(side, side, rows=rows)


GOOD = [body for pixels in images(10) for body in bodies(pixels).values()]
BOMBS = [picture(4000, 4000), picture(1, 1), picture(28, 28, (20_000, 20_000)), picture(2000, 2000, (4000, 4000)),
         picture(28, 28, (28, 27)), picture(16_000, 100)]
HUGE, LARGE = picture(4096, 4096), picture(1020, 1020)
PHOTOGRAPHS = [("image/png", photograph(side)) for side in (200, 600)]


def good_clients(address, ending, results):
    """Runs the good clients in a separate process, because the load of the hostile ones would affect their times."""
    clients = Clients(address, ending)
    work = [clients.good] * 3 + [clients.good_photograph] * 2
    threads = [threading.Thread(target=clients.run, args=[client], daemon=True) for client in work]
    for thread in threads:
        thread.start()
    ending.wait()
    clients.stop.set()
    for thread in threads:
        thread.join()
    results.put((clients.seen, dict(clients.seconds)))


def watch(server, address, seconds):
    """Runs all clients; returns their results, the resident bytes per second, and how the server ended while hostile
    clients were active."""
    ending, results = multiprocessing.Event(), multiprocessing.Queue()
    good = multiprocessing.Process(target=good_clients, args=(address, ending, results))
    good.start()
    clients = Clients(address, ending)
    work = [clients.broken_picture, clients.bomb, clients.form_of_bombs, clients.form_of_bombs, clients.large_body,
            clients.odd_json, clients.echo, clients.explain, clients.reload, clients.noise, clients.hang_up,
            clients.slow, clients.slow_reader, clients.slow_writers]
    threads = [threading.Thread(target=clients.run, args=[client]) for client in work]
    for thread in threads:
        thread.start()
    begun, curve = time.monotonic(), []
    while (now := time.monotonic() - begun) < seconds:
        curve.append((round(now, 1), resident(server.process.pid)))
        time.sleep(1)
    last = server.predict(*GOOD[0][::-1])
    ending.set()
    seen, clients.seconds = results.get()
    good.join()
    clients.seen += seen
    begun = time.monotonic()
    os.kill(server.process.pid, signal.SIGTERM)
    status = server.process.wait()
    ended = time.monotonic() - begun
    clients.stop.set()
    for thread in threads:
        thread.join()
    return clients, curve, last, status, ended


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--record", metavar="NAME")
    given = parser.parse_args()
    command = [MODISTE, "serve", given.model.resolve(), "--listen", "127.0.0.1:0",
               "--timeout", str(TIMEOUT), "--max-connections", "128"]
    server = Server("modiste serve", command)
    log = collections.deque(maxlen=50)
    threading.Thread(target=lambda: log.extend(server.process.stderr), daemon=True).start()
    host, port = server.url.removeprefix("http://").split(":")
    clients, curve, last, status, ended = watch(server, (host, int(port)), given.seconds)
    memory = [bytes_ for _, bytes_ in curve]
    third = len(memory) // 3
    first, middle, end = (statistics.median(memory[i * third:(i + 1) * third]) for i in range(3))
    wrong = [what for what in clients.seen if what.startswith("WRONG")]
    for what, count in sorted(clients.seen.items()):
        print(f"{count:9,}  {what}")
    print(f"resident memory, medians of the thirds: {first / 2**20:.1f}, {middle / 2**20:.1f}, "
          f"{end / 2**20:.1f} MiB; highest {max(memory) / 2**20:.1f} MiB")
    latency = {}
    for name, seconds in clients.seconds.items():
        seconds.sort()
        latency[name] = {"requests": len(seconds), "median_ms": 1000 * statistics.median(seconds),
                         "p99_ms": 1000 * seconds[len(seconds) * 99 // 100], "most_ms": 1000 * seconds[-1]}
        print(f"{name}: " + ", ".join(f"{what} {value:.1f}" for what, value in latency[name].items()))
    print(f"SIGTERM: status {status} after {ended:.1f} s")
    problems = [f"{what}: {clients.seen[what]} times" for what in wrong]
    problems += ["memory grew"] if end > SLACK(middle) else []
    problems += [f"it ended with status {status}: {''.join(log)}"] if status else []
    problems += [] if last else ["it no longer answers"]
    if given.record:
        now = datetime.datetime.now().astimezone()
        kept = HERE.parent / "runs" / f"{now:%Y-%m-%d}-soak-{given.record}"
        kept.mkdir(parents=True)
        results = {"date": now.isoformat(timespec="seconds"), "seconds": given.seconds, "problems": problems,
                   "machine": machine.describe(sys.executable), "seen": dict(sorted(clients.seen.items())),
                   "latency": latency, "sigterm_seconds": ended,
                   "resident_bytes": curve}
        (kept / "results.json").write_text(json.dumps(results) + "\n")
    sys.exit("; ".join(problems) if problems else 0)


if __name__ == "__main__":
    main()
