#!/usr/bin/env python3
"""Measures the cost of elements: two single-threaded ones side by side compared with one alone, and the time of a trial
outside of its epochs: from its start to its first step, and from the end of its last epoch to its end.

usage: efficiency.py MODISTE [--rounds 5] [--epochs 6] [--split 2000/500/500]     (on a machine with two idle cores)

It also prints the ratio by processor time, which estimates the ratio on idle cores if other processes use the machine.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

GRID = ["--preset", "light", "--length", "1", "--stem-stride", "2", "--over", "width=2"]


def plan(modiste, out, arguments):
    words = [modiste, "grid", *GRID, "--split", arguments.split, "--seeds", "2", "--epochs", str(arguments.epochs)]
    words += ["--out", str(out), "--plan", "slurm"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, timeout=60)


def seconds_of(modiste, out, trials):
    """Runs these elements at the same time; returns the wall time, the largest processor time and the start time."""
    words = [modiste, "grid", "--out", str(out), "--threads", "1", "--quiet", "--trial"]
    start, clock = time.time(), time.monotonic()
    elements = [subprocess.Popen([*words, str(trial)]) for trial in trials]
    used = []
    for element in elements:
        _, status, usage = os.wait4(element.pid, 0)
        if status != 0:
            raise SystemExit("efficiency.py: an element failed")
        used.append(usage.ru_utime + usage.ru_stime)
    return time.monotonic() - clock, max(used), start


def overhead(out, start, seconds):
    """Seconds of the first trial before its first step and after its last epoch, from the times of its files."""
    run = out / "trials" / "width=2,seed=0"
    began, ended = ((run / name).stat().st_mtime for name in ("environment.json", "metrics.csv"))
    return began - start, start + seconds - ended


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("modiste")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--split", default="2000/500/500")
    arguments = parser.parse_args()
    modiste = str(pathlib.Path(arguments.modiste).resolve())
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            load = os.getloadavg()[0]
            alone, both = (pathlib.Path(folder) / f"{name}{number}" for name in ("alone", "both"))
            plan(modiste, alone, arguments)
            plan(modiste, both, arguments)
            one, one_used, start = seconds_of(modiste, alone, [0])
            before, after = overhead(alone, start, one)
            two, two_used, _ = seconds_of(modiste, both, [0, 1])
            rows.append((2 * one / two, 2 * one_used / two_used, before, after))
            print(f"one alone {one:.2f} s, two side by side {two:.2f} s: {rows[-1][0]:.2f} times one, {rows[-1][1]:.2f} by processor "
                  f"time; {before:.2f} s to the first step, {after:.2f} s after the last epoch (load before: {load:.1f})", flush=True)
    medians = [statistics.median(values) for values in zip(*rows)]
    print(f"median of {arguments.rounds}: {medians[0]:.2f} times one, {medians[1]:.2f} by processor time; {medians[2]:.2f} s + "
          f"{medians[3]:.2f} s beside the epochs")


if __name__ == "__main__":
    main()
