#!/usr/bin/env python3
"""Compares `modiste serve` with FastAPI over ONNX Runtime: the same model, bodies and clients.

    python3 benchmarks/serve/run.py RUN                   # a run folder or a model of 28x28 grey images
    python3 benchmarks/serve/run.py RUN --record laptop   # keeps the figures in ../runs/DATE-serve-laptop

It needs wrk (Debian's package) and Rust; the peer's packages go into benchmarks/.venv.
"""
import argparse
import datetime
import gzip
import json
import os
import re
import shlex
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
import machine  # noqa: E402

MODISTE = Path(os.environ.get("MODISTE", ROOT / "target" / "release" / "modiste"))
VENV = HERE.parent / ".venv"
CONNECTIONS = (1, 8, 64)
# Name, number of processes, threads of ONNX Runtime in each (0: its default, all cores).
PEERS = (("fastapi", 1, 0), ("fastapi, 2 workers", 2, 1))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=float, default=3, help="seconds per slice (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="slices of each server (default 3)")
    parser.add_argument("--record", metavar="NAME", help="keep the run in ../runs/DATE-serve-NAME")
    parser.add_argument("--python", metavar="PATH", help="a Python with the peer's packages")
    parser.add_argument("--serve", default="", help="more options of modiste serve")
    return parser.parse_args()


def say(text):
    print(text, file=sys.stderr, flush=True)


def install():
    """The Python with the peer's packages."""
    python = VENV / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*command, "-r", HERE / "requirements.txt"], check=True)
    return python


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Server:
    """A server process that answers at `url`; its children end with it."""

    def __init__(self, name, command, url=None, environment=None):
        self.name = name
        self.process = subprocess.Popen(
            list(map(str, command)), stderr=subprocess.PIPE, text=True, cwd=HERE,
            env={**os.environ, **(environment or {})}, start_new_session=True)
        self.url = url or self.listening()
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{name} did not start")

    def listening(self):
        for line in self.process.stderr:
            if found := re.search(r"listening on (http://\S+)", line):
                return found[1]
        raise SystemExit(f"{self.name} did not start")

    def close(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()

    def predict(self, body, kind):
        request = urllib.request.Request(
            f"{self.url}/v1/predict", body, {"Content-Type": kind}, method="POST")
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)["predictions"]


def images(count):
    """The first of the official test images."""
    packed = ROOT / "crates/data/embedded/t10k-images-idx3-ubyte.gz"
    data = gzip.decompress(packed.read_bytes())[16:]
    return [data[i * 784:][:784] for i in range(count)]


def png(pixels):
    """A grey PNG picture of 28 x 28 pixels."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + pixels[y * 28:][:28] for y in range(28))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def bodies(pixels):
    """The same image in both kinds of body."""
    return {
        "png": ("image/png", png(pixels)),
        "json": ("application/json", json.dumps({"images": [list(pixels)]}).encode()),
    }


def check(servers):
    """Checks that all servers give the same answers before anything is timed."""
    largest = 0.0
    for pixels in images(50):
        for kind, body in bodies(pixels).values():
            said = [server.predict(body, kind)[0] for server in servers]
            for other in said[1:]:
                rows = zip(said[0]["classes"], other["classes"])
                largest = max([largest, *(abs(a["probability"] - b["probability"]) for a, b in rows)])
    if largest > 1e-4:
        raise SystemExit(f"the servers differ by {largest} in a probability")
    return largest


def slice_of(server, connections, file, kind, seconds):
    """Runs wrk for this many seconds, after a short warm-up."""
    command = ["wrk", "-t1", f"-c{connections}", "-s", HERE / "post.lua", "--timeout", "30s"]
    environment = {**os.environ, "BODY": str(file), "KIND": kind}
    for time_ in (0.5, seconds):
        duration = f"{max(1, round(time_))}s"
        done = subprocess.run([*map(str, command), "-d", duration, f"{server.url}/v1/predict"],
                              capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(servers, folder, given):
    """Measures every body with every number of connections, the servers in turns."""
    entries = []
    for body, (kind, content) in bodies(images(1)[0]).items():
        file = folder / body
        file.write_bytes(content)
        for connections in CONNECTIONS:
            slices = {server.name: [] for server in servers}
            for turn in range(given.rounds):
                for server in servers if turn % 2 == 0 else servers[::-1]:
                    taken = slice_of(server, connections, file, kind, given.seconds)
                    slices[server.name].append(taken)
            entries.append({"body": body, "connections": connections, "slices": slices})
            say(row(entries[-1], servers[0].name))
    return entries


def figures(slices):
    """Medians over the slices: requests per second, p50 and p99 in milliseconds; total of failed requests."""
    middle = lambda values: statistics.median(values)
    return (middle([s["requests"] / s["seconds"] for s in slices]), middle([s["p50_ms"] for s in slices]),
            middle([s["p99_ms"] for s in slices]), sum(s["failed"] for s in slices))


def row(entry, ours):
    cells = [entry["body"], str(entry["connections"])]
    base = figures(entry["slices"][ours])[0]
    for name, slices in entry["slices"].items():
        rate, p50, p99, failed = figures(slices)
        cells.append(f"{rate:,.0f} / {p50:.2f} / {p99:.2f}" + (f" ({failed} failed)" if failed else ""))
        if name != ours:
            cells.append(f"{base / rate:.1f}")
    return "| " + " | ".join(cells) + " |"


def table(results):
    entries = results["entries"]
    names = list(entries[0]["slices"])
    heads = [f"{names[0]}: requests/s / p50 / p99 ms"]
    for name in names[1:]:
        heads += [name, "times faster"]
    lines = ["| body | connections | " + " | ".join(heads) + " |", "|---" * (2 + len(heads)) + "|"]
    lines += [row(entry, names[0]) for entry in entries]
    processor = results["machine"]["processor"]["name"]
    lines += ["", f"{processor}, {results['machine']['processors']} processors, the load generator (wrk, one "
              f"thread) on the same ones. Medians of {results['options']['rounds']} slices of "
              f"{results['options']['seconds']:g} s, in turns. Largest difference of a probability on "
              f"50 images: {results['largest_difference']:.1e}."]
    return "\n".join(lines)


def main():
    given = arguments()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt-get install wrk")
    subprocess.run(["cargo", "build", "-q", "--release"], cwd=ROOT, check=True)
    python = given.python or install()
    servers = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        try:
            onnx = folder / "model.onnx"
            export = [MODISTE, "export", given.model, "--format", "onnx", "--out", onnx]
            subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
            serve = [MODISTE, "serve", given.model.resolve(), "--listen", "127.0.0.1:0", "--no-card"]
            servers.append(Server("modiste serve", serve + shlex.split(given.serve)))
            for name, workers, threads in PEERS:
                port = free_port()
                command = [python, HERE / "fastapi_peer.py", onnx, port, workers]
                environment = {"PEER_THREADS": str(threads)}
                servers.append(Server(name, command, f"http://127.0.0.1:{port}", environment))
            now = datetime.datetime.now().astimezone()
            results = {
                "date": now.isoformat(timespec="seconds"),
                "options": {"seconds": given.seconds, "rounds": given.rounds, "serve": given.serve},
                "machine": machine.describe(python),
                "model": json.load(urllib.request.urlopen(f"{servers[0].url}/v1/model")),
                "largest_difference": check(servers),
            }
            results["entries"] = measure(servers, folder, given)
        finally:
            for server in servers:
                server.close()
    print(table(results))
    if given.record:
        kept = HERE.parent / "runs" / f"{now:%Y-%m-%d}-serve-{given.record}"
        kept.mkdir(parents=True)
        (kept / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        (kept / "table.md").write_text(table(results) + "\n")


if __name__ == "__main__":
    main()
