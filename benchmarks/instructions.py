#!/usr/bin/env python3
"""Counts the instructions of training steps, predictions and kernels: what a noisy machine cannot disturb.

    python3 benchmarks/instructions.py            # count and compare with instructions.json
    python3 benchmarks/instructions.py --record   # count and write instructions.json anew

It needs valgrind (Linux) and strip. The engine runs on one thread with AVX2, as valgrind knows no
AVX-512. A count is the difference between two runs of different length, so start and end cancel out. A
change of the compiler moves counts as well: instructions.json says which one it was. Exit status 1: a
count moved by more than the limit, or the counts could not be taken.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from processes import PeerError
from tools import HERE, Tools, run
from workloads import Workload

RECORD = HERE / "instructions.json"
ISA = "avx2"
# The networks are small, as valgrind is some fifty times slower than the processor; every kind of step
# is in them.
NETWORKS = [
    Workload("train", 1, 2, 2, 2),
    Workload("infer", 1, 2, 2, 2),
]
KERNELS = ["gemm", "adam"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--record", action="store_true", help="write the counts to instructions.json")
    parser.add_argument("--limit", type=float, default=2.0, metavar="PERCENT",
                        help="the change that is reported (default 2)")
    parser.add_argument("--only", metavar="TEXT", help="cases whose name has TEXT")
    return parser.parse_args()


def commands(tools, folder):
    """The command line of every case by its name."""
    # Without the table of lines, which valgrind would read for longer than it counts.
    stripped = folder / "modiste-benchmark"
    run(["strip", "-o", stripped, tools.ours], "strip")
    tools.ours = stripped
    found = {case.name: tools.command("modiste", case, 1)[0] for case in NETWORKS}
    return found | {f"kernel-{name}": [stripped, "--kernel", name] for name in KERNELS}


def instructions(command, steps):
    """Instructions of a process that makes its first step and then `steps` more."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*valgrind, *command, "--isa", ISA], input="run 0\n" * steps, capture_output=True, text=True
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerError(f"valgrind failed: {last}")
    return int(found[1])


def count(command):
    """Instructions of one step: the second."""
    return instructions(command, 1) - instructions(command, 0)


def version(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def compare(name, now, before, limit):
    """Prints one case; whether it moved by more than the limit."""
    if before is None:
        print(f"{name:<20} {now:>14,}   not recorded")
        return False
    change = 100 * (now - before) / before
    moved = abs(change) > limit
    print(f"{name:<20} {now:>14,}   {change:+.3f} %{'   MOVED' if moved else ''}")
    return moved


def main():
    given = arguments()
    if given.record and given.only is not None:
        sys.exit("modiste: --record takes all cases, so --only does not go with it")
    kept = json.loads(RECORD.read_text()) if RECORD.exists() else {"instructions": {}}
    about = {"valgrind": version("valgrind", "--version"), "rustc": version("rustc", "--version"),
             "instruction_set": ISA}
    for name, value in about.items():
        if kept.get(name, value) != value:
            print(f"recorded with {name} {kept[name]}, now {value}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(sys.executable, Path(folder), [], lambda text: print(text, file=sys.stderr))
        cases = commands(tools, Path(folder))
        wanted = [name for name in cases if given.only is None or given.only in name]
        if not wanted:
            sys.exit(f"modiste: no case has such a name; there are {', '.join(cases)}")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = dict(zip(wanted, pool.map(count, [cases[name] for name in wanted])))
    before = {} if given.record else kept["instructions"]
    moved = [name for name in wanted if compare(name, counts[name], before.get(name), given.limit)]
    if given.record:
        RECORD.write_text(json.dumps({**about, "instructions": counts}, indent=1) + "\n")
    return int(bool(moved))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (PeerError, FileNotFoundError, subprocess.CalledProcessError) as error:
        sys.exit(f"modiste: {error}")
