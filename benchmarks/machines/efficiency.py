#!/usr/bin/env python3
"""Measures what elements cost: two single-threaded ones side by side against one alone, and what a trial takes beside
its epochs.

usage: efficiency.py MODISTE [--rounds 5] [--epochs 6]     (on a machine with two idle cores)
"""

import argparse
import csv
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

GRID = ["--preset", "light", "--split", "2000/500/500", "--length", "1", "--stem-stride", "2", "--over", "width=2"]


def plan(modiste, out, epochs):
    words = [modiste, "grid", *GRID, "--seeds", "2", "--epochs", str(epochs), "--out", str(out), "--plan", "slurm"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, timeout=60)


def seconds_of(modiste, out, trials):
    """Wall seconds of these elements, run at the same time."""
    words = [modiste, "grid", "--out", str(out), "--threads", "1", "--quiet", "--trial"]
    clock = time.monotonic()
    elements = [subprocess.Popen([*words, str(trial)]) for trial in trials]
    if any(element.wait(600) for element in elements):
        raise SystemExit("efficiency.py: an element failed")
    return time.monotonic() - clock


def epochs_of(out, seed):
    """Seconds of the epochs of a trial."""
    with open(out / "trials" / f"width=2,seed={seed}" / "metrics.csv", newline="") as file:
        return sum(float(row["seconds"]) for row in csv.DictReader(file))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("modiste")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=6)
    arguments = parser.parse_args()
    modiste = str(pathlib.Path(arguments.modiste).resolve())
    ratios, overheads = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            load = os.getloadavg()[0]
            alone, both = (pathlib.Path(folder) / f"{name}{number}" for name in ("alone", "both"))
            plan(modiste, alone, arguments.epochs)
            plan(modiste, both, arguments.epochs)
            one = seconds_of(modiste, alone, [0])
            two = seconds_of(modiste, both, [0, 1])
            ratios.append(2 * one / two)
            overheads.append(one - epochs_of(alone, 0))
            print(f"one alone {one:.2f} s, two side by side {two:.2f} s: {ratios[-1]:.2f} times one; beside its epochs "
                  f"a trial took {overheads[-1]:.2f} s (load before: {load:.1f})", flush=True)
    print(f"median of {arguments.rounds}: {statistics.median(ratios):.2f} times one, {statistics.median(overheads):.2f} s")


if __name__ == "__main__":
    main()
