#!/usr/bin/env python3
"""Compares two builds of `ours` in turns: their speeds, and whether their values are the same.

    python3 benchmarks/pairs.py BEFORE AFTER [--only TEXT] [--rounds N] [--seconds S] [--threads N]

BEFORE and AFTER are two `modiste-benchmark` programs. Each round measures a slice of both, in alternating order,
so that other work on the machine affects both equally. Prints the median of the rounds' ratios (above 1: AFTER is
faster) with its quartiles, and whether the values of the first step have the same bits.
"""
import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from processes import PeerError, Process
from workloads import Workload

PIXELS, CLASSES, IMAGES = 784, 10, 256
WORKLOADS = [
    Workload(task, 4, 5, stride, batch)
    for stride in (2, 1)
    for task, batch in (("train", 64), ("infer", 64), ("infer", 1))
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--only", metavar="TEXT", default="", help="workloads whose name contains TEXT")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.7, help="seconds per slice (default 0.7)")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def images(folder):
    """Writes files of patterned images; the content does not matter."""
    pixels, labels = folder / "images", folder / "labels"
    pixels.write_bytes(bytes(i * 7919 % 251 for i in range(IMAGES * PIXELS)))
    labels.write_bytes(bytes(i % CLASSES for i in range(IMAGES)))
    return ["--images", pixels, "--labels", labels]


def measure(workload, programs, data, given, folder):
    """The ratio of speeds of each round, and the first values of both programs."""
    options = [*workload.arguments(), *data, "--threads", str(given.threads)]
    processes = []
    try:
        for number, program in enumerate(programs):
            command = [program, *options]
            processes.append(Process(program.name, command, given.threads, folder / f"log-{number}"))
            processes[-1].run(given.seconds)
        ratios = []
        for number in range(given.rounds):
            order = (0, 1) if number % 2 else (1, 0)
            median = {i: processes[i].run(given.seconds)["median"] for i in order}
            ratios.append(median[0] / median[1])
        return ratios, [process.first["values"] for process in processes]
    finally:
        for process in processes:
            process.close()


def main():
    given = arguments()
    wanted = [workload for workload in WORKLOADS if given.only in workload.name]
    if not wanted:
        sys.exit(f"modiste: no workload has this name; available: {', '.join(w.name for w in WORKLOADS)}")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data = images(folder)
        for workload in wanted:
            ratios, values = measure(workload, (given.before, given.after), data, given, folder)
            low, middle, high = statistics.quantiles(ratios, n=4)
            same = "same bits" if values[0] == values[1] else "OTHER VALUES"
            print(f"{workload.name:<20} {middle:.3f} ({low:.3f} to {high:.3f})  {same}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except PeerError as error:
        sys.exit(f"modiste: {error}")
