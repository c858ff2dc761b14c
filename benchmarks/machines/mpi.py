#!/usr/bin/env python3
"""Trains over real MPI and compares bytes with one process.

usage: mpi.py MODISTE [--namespaces] [--ranks 2,3,4] [--full]

MODISTE is a binary built with --features mpi. With --namespaces each rank is a machine of its own: a network
namespace with a veth pair and an address (needs root, ip and tc). --full, with --namespaces, adds a link that is cut.
"""

import argparse
import contextlib
import csv
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

SMALL = ["--split", "400/100/100", "--quiet", "--threads", "1"]
# A placeholder for the run of the first case.
FIRST = "FIRST"
CASES = {
    "adam, dropout, flips": ["--preset", "light", "--length", "1", "--width", "2", "--stem-stride", "4", "--epochs", "2"],
    "sgd, cosine, cutmix, averaged weights": [
        "--architecture", "residual", "--widths", "8,16", "--optimiser", "sgd", "--schedule", "cosine", "--set", "cutmix=1",
        "--set", "average=0.9", "--epochs", "2", "--batch", "50",
    ],
    "muon, one cycle, every other augmentation": [
        "--architecture", "residual", "--widths", "8,16", "--optimiser", "muon", "--schedule", "one_cycle", "--mixup", "0.4",
        "--shift", "2", "--cutout", "4", "--erase", "0.5", "--turn", "10", "--zoom", "0.1", "--shear", "5", "--brightness", "0.2",
        "--contrast", "0.2", "--epochs", "2", "--batch", "50",
    ],
    "sgd, two teachers": [
        "--architecture", "residual", "--widths", "8,16", "--optimiser", "sgd", "--teacher", "swift," + FIRST, "--teacher-weight", "0.9",
        "--epochs", "2", "--batch", "50",
    ],
    "adam, plateau, frozen blocks": [
        "--from", FIRST, "--freeze", "1", "--schedule", "plateau", "--set", "patience=0", "--epochs", "3",
    ],
}
# Long enough to be interrupted in the middle.
LONGER = ["--preset", "light", "--length", "1", "--width", "2", "--stem-stride", "4", "--epochs", "12"]
# With these, mpirun notices a cut link and ends the job within seconds instead of minutes.
NOTICE = [word for name, value in (("time", 3), ("intvl", 1), ("probes", 3)) for word in
          ("--mca", f"oob_tcp_keepalive_{name}", str(value))]
FILES = ["best.safetensors", "last.ckpt", "config.toml"]


def fail(text):
    sys.exit(f"mpi.py: {text}")


class Machines:
    """The machines that run ranks: this host, or network namespaces with an address each."""

    def __init__(self, count, namespaces):
        self.names = [f"mo{i}" for i in range(count)] if namespaces else []
        self.agent = None

    def __enter__(self):
        if not self.names:
            return self
        run = lambda *words: subprocess.run(words, check=True)
        self.__exit__()
        run("ip", "link", "add", "mobr", "type", "bridge")
        run("ip", "link", "set", "mobr", "up")
        for i, name in enumerate(self.names):
            run("ip", "netns", "add", name)
            run("ip", "link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "link", "set", f"v{name}", "master", "mobr", "up")
            run("ip", "-n", name, "addr", "add", f"10.9.0.{i + 1}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
        agent = tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False)
        agent.write('#!/bin/sh\nhost=$1; shift\nexec ip netns exec "mo$((${host##*.} - 1))" sh -c "$*"\n')
        agent.close()
        os.chmod(agent.name, os.stat(agent.name).st_mode | stat.S_IXUSR)
        self.agent = agent.name
        return self

    def __exit__(self, *_):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.kill_all()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], **quiet)
            subprocess.run(["ip", "link", "del", f"v{name}"], **quiet)
        if self.names:
            subprocess.run(["ip", "link", "del", "mobr"], **quiet)

    def shape(self, rate):
        """Limits the rate at which every machine sends. A smaller bucket would run dry between two ticks of the kernel's
        timer; a larger one would pass more short messages at once."""
        burst = "64kb" if rate == "1gbit" else "256kb"
        for name in self.names:
            subprocess.run(["tc", "-n", name, "qdisc", "del", "dev", "eth0", "root"], stderr=subprocess.DEVNULL)
            if rate:
                subprocess.run(["tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate,
                                "burst", burst, "latency", "50ms"], check=True)

    def cut(self, number):
        """Takes a machine's link down."""
        subprocess.run(["ip", "link", "set", f"v{self.names[number]}", "down"], check=True)

    def mend(self, number):
        """Takes a machine's link up again."""
        subprocess.run(["ip", "link", "set", f"v{self.names[number]}", "up"], check=True)

    def kill_all(self):
        """Kills all processes on the machines, because MPI's daemons survive there when their link is cut."""
        for name in self.names:
            found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, timeout=60).stdout
            for pid in found.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    def mpirun(self, ranks):
        """The command that starts `ranks` ranks."""
        words = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
        if not self.names:
            return words + ["-n", str(ranks)]
        net = "10.9.0.0/24"
        hosts = ",".join(f"10.9.0.{i + 1}" for i in range(ranks))
        words = ["ip", "netns", "exec", self.names[0]] + words
        words += ["--host", hosts, "--mca", "plm_rsh_agent", self.agent, "--mca", "btl", "tcp,self"]
        # MPI assumes a core for each rank, but all ranks share this machine's, so a waiting rank must yield.
        words += ["--mca", "mpi_yield_when_idle", str(int(ranks > os.cpu_count()))]
        words += ["--mca", "btl_tcp_if_include", net, "--mca", "oob_tcp_if_include", net, *NOTICE]
        return words + ["-n", str(ranks)]


def environment(**more):
    return dict(os.environ, OMPI_MCA_rmaps_base_oversubscribe="1", **more)


def run(words, expect=0, **options):
    """Runs a command to its end and returns its output."""
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=600, **options)
    if expect is not None and (done.returncode == 0) != (expect == 0):
        fail(f"{' '.join(words)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def metrics(folder):
    """The rows of metrics.csv without times."""
    with open(folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in ("seconds", "images_per_second")} for row in rows]


def compare(one, other):
    """Fails unless two runs have the same bytes."""
    for name in FILES:
        if (one / name).read_bytes() != (other / name).read_bytes():
            fail(f"{other / name} differs from {one / name}")
    if metrics(one) != metrics(other):
        fail(f"{other / 'metrics.csv'} differs from {one / 'metrics.csv'}")


def same_bytes(modiste, machines, root, ranks):
    """Checks every case with every number of ranks; returns the folder of the first case."""
    for number, (name, settings) in enumerate(CASES.items()):
        settings = [word.replace(FIRST, str(root / "alone0")) for word in settings]
        alone = root / f"alone{number}"
        run([modiste, "train", *SMALL, *settings, "--out", str(alone)])
        for count in ranks:
            out = root / f"case{number}-{count}"
            run(machines.mpirun(count) + [modiste, "train", *SMALL, *settings, "--out", str(out)])
            compare(alone, out)
            print(f"{name}: {count} ranks give the bytes of one process")
    return root / "alone0"


def answers(text):
    """The answers of a command, without its times."""
    found = json.loads(text)
    return {key: value for key, value in found.items() if key not in ("peak_bytes", "seconds", "threads")}


def same_answers(modiste, machines, model, root):
    """Checks evaluation and prediction of a part, divided among ranks."""
    for command in (["evaluate", str(model), "--part", "test", "--json"], ["predict", str(model), "--json"]):
        alone = answers(run([modiste, *command]).stdout)
        if answers(run(machines.mpirun(3) + [modiste, *command]).stdout) != alone:
            fail(f"{command[0]}: 3 ranks give other answers than one process")
            print(f"{command[0]}: 3 ranks give the answers of one process")


def refusals(modiste, machines, root):
    """Checks that a rank with another program, other data or other settings is refused."""
    other = root / "other-program"
    shutil.copy(modiste, other)
    with open(other, "ab") as file:
        file.write(b"\0")
    train = ["train", *SMALL, *CASES["adam, dropout, flips"], "--out", str(root / "refused")]
    for what, program, more in [
        ("the program's checksum", str(other), []),
        ("training.seed", modiste, ["--seed", "7"]),
        ("the images' checksum", modiste, ["--split-seed", "1"]),
    ]:
        words = machines.mpirun(1) + [modiste, *train, ":", "-n", "1", program, *train, *more]
        said = run(words, expect=1).stderr
        lines = [line for line in said.splitlines() if line.startswith("modiste: ")]
        if len(lines) != 1 or not lines[0].startswith("modiste: rank 1 on ") or what not in lines[0]:
            fail(f"{what}: not refused in one line:\n{said}")
        print(lines[0])
    if (root / "refused").exists():
        fail("a refused start left a folder")


def broken_and_resumed(modiste, machines, root, name, break_it, patience=300):
    """Interrupts a job of 3 ranks after its first checkpoint, and resumes it with 2."""
    settings = [*SMALL, *LONGER, "--set", "checkpoint_minutes=0.001"]
    alone, out = root / f"{name}-alone", root / f"{name}-broken"
    run([modiste, "train", *settings, "--out", str(alone)])
    words = machines.mpirun(3) + ["-x", f"MODISTE_EXCHANGE_SECONDS={patience}", modiste, "train", *settings, "--out", str(out)]
    # A process that survives the job, such as a daemon behind a cut link, would keep a pipe open.
    said = root / f"{name}.txt"
    with open(said, "w") as file:
        job = subprocess.Popen(words, env=environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    deadline = time.monotonic() + 300
    while not (out / "last.ckpt").exists():
        if job.poll() is not None or time.monotonic() > deadline:
            fail(f"{name}: the job wrote no checkpoint:\n{said.read_text()}")
        time.sleep(0.01)
    break_it(job)
    clock = time.monotonic()
    try:
        job.wait(120)
    except subprocess.TimeoutExpired:
        job.kill()
        fail(f"{name}: the job continued for 120 s:\n{said.read_text()}")
    finally:
        machines.kill_all()
    seconds = time.monotonic() - clock
    if job.returncode == 0 or (out / "report.html").exists():
        fail(f"{name}: the job ended as if nothing had happened")
    run(machines.mpirun(2) + [modiste, "train", "--resume", str(out), "--quiet", "--threads", "1"])
    compare(alone, out)
    print(f"{name}: the job ended after {seconds:.0f} s with status {job.returncode}; resumed with 2 ranks it gives the same bytes")
    for line in said.read_text().splitlines():
        if line.startswith("modiste: "):
            print(f"  {line}")


def kill_a_rank(job):
    """Kills the rank of the job that started last."""
    ranks = [pid for pid in descendants(job.pid) if "train" in command_line(pid) and "mpirun" not in command_line(pid)]
    os.kill(max(ranks), signal.SIGKILL)


def command_line(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def descendants(pid):
    found, waiting = [], [pid]
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parents.setdefault(int((entry / "stat").read_text().rsplit(") ", 1)[1].split()[1]), []).append(int(entry.name))
    while waiting:
        for child in parents.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("modiste")
    parser.add_argument("--namespaces", action="store_true")
    parser.add_argument("--ranks", default="2,3,4")
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    modiste = str(pathlib.Path(arguments.modiste).resolve())
    ranks = [int(count) for count in arguments.ranks.split(",")]
    count = max(3, *ranks)
    with tempfile.TemporaryDirectory() as folder, Machines(count, arguments.namespaces) as machines:
        root = pathlib.Path(folder)
        model = same_bytes(modiste, machines, root, ranks)
        same_answers(modiste, machines, model, root)
        if not arguments.namespaces:
            refusals(modiste, machines, root)
        broken_and_resumed(modiste, machines, root, "a rank killed", kill_a_rank)
        if arguments.full and arguments.namespaces:
            broken_and_resumed(modiste, machines, root, "a link cut", lambda _: machines.cut(2), patience=10)
            machines.mend(2)


if __name__ == "__main__":
    main()
