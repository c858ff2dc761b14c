#!/usr/bin/env python3
"""Counts the instructions of training steps, predictions and kernels, which other work on the machine does not affect.

    python3 benchmarks/instructions.py            # count and compare with instructions.json
    python3 benchmarks/instructions.py --record   # count and write instructions.json

It needs valgrind (Linux) and strip. The engine runs on one thread with AVX2, because valgrind does not support
AVX-512. A count is the difference between two runs of different length, so start and end cancel out. Another
compiler changes the counts, too, so instructions.json names the compiler. The exit status is 1 if a count changed
by more than the limit or could not be taken.
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
# The networks are small, because valgrind is about fifty times slower than the processor; together they
# have every kind of step.
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
    parser.add_argument("--only", metavar="TEXT", help="cases whose name contains TEXT")
    return parser.parse_args()


def commands(tools, folder):
    """The command line of every case, by name."""
    # Strip the line tables, which valgrind would take longer to read than to count.
    stripped = folder / "modiste-benchmark"
    run(["strip", "-o", stripped, tools.ours], "strip")
    tools.ours = stripped
    found = {case.name: tools.command("modiste", case, 1)[0] for case in NETWORKS}
    return found | {f"kernel-{name}": [stripped, "--kernel", name] for name in KERNELS}


def instructions(command, steps):
    """Instructions of a process that makes one step and then `steps` more."""
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
    """Instructions of the second step."""
    return instructions(command, 1) - instructions(command, 0)


def version(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def compare(name, now, before, limit):
    """Prints one case; returns whether it changed by more than the limit."""
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
        sys.exit("modiste: --only: cannot be used with --record, which counts all cases")
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
            sys.exit(f"modiste: no case has this name; available: {', '.join(cases)}")
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
