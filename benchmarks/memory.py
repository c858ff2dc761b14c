#!/usr/bin/env python3
"""Compares the memory that `modiste summary` estimates for a training with the peak of the training.

usage: memory.py MODISTE [--csv FILE]

Trains one epoch of each configuration. Prints the estimate, which excludes the data, and the peak of the process's
resident memory minus that of the smallest training on the same images. An estimate far below the peak is an error,
because a training would start although it does not fit. An estimate of twice the peak refuses trainings that would
fit.
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# Name: split, and options of the network and the training.
CASES = {
    "swift": ("full", []),
    "swift, batch 1024": ("4096/500/500", ["--batch", "1024"]),
    "light": ("2000/500/500", ["--preset", "light"]),
    "paper, stem stride 2": ("600/100/100", ["--preset", "paper", "--stem-stride", "2"]),
    "paper, batch 128": ("256/100/100", ["--preset", "paper", "--batch", "128"]),
    "residual 64, 128, 256": ("600/100/100", ["--widths", "64,128,256"]),
    "wide_resnet": ("600/100/100", ["--architecture", "wide_resnet"]),
    "mlp": ("600/100/100", ["--preset", "mlp", "--units", "2048", "--layers", "4"]),
}
SMALLEST = ["--architecture", "residual", "--widths", "2", "--batch", "1"]


def peak_of(words):
    """Peak resident bytes of a process that must succeed."""
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"memory.py: {' '.join(words)}\n{said}")
    return usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("modiste", type=pathlib.Path)
    parser.add_argument("--csv", type=pathlib.Path)
    arguments = parser.parse_args()
    modiste = str(arguments.modiste.resolve())
    train = [modiste, "train", "--epochs", "1", "--quiet"]
    rows, data = [], {}
    with tempfile.TemporaryDirectory() as folder:

        def peak(split, options):
            out = f"{folder}/run"
            shutil.rmtree(out, ignore_errors=True)
            return peak_of([*train, "--split", split, *options, "--out", out])

        for name, (split, options) in CASES.items():
            words = [modiste, "summary", *options, "--json"]
            said = subprocess.run(words, capture_output=True, text=True, check=True)
            estimate = json.loads(said.stdout)["training_bytes"]
            if split not in data:
                data[split] = peak(split, SMALLEST)
            taken = peak(split, options) - data[split]
            rows.append((name, estimate, taken, round(estimate / taken, 2)))
            mebibytes = f"estimate {estimate / 2**20:6.0f} MiB  taken {taken / 2**20:6.0f} MiB"
            print(f"{name:28} {mebibytes}  {estimate / taken:.2f}", flush=True)
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("configuration", "estimate", "taken", "ratio"), *rows])
    short = [name for name, estimate, taken, _ in rows if estimate < 0.9 * taken]
    if short:
        sys.exit(f"memory.py: estimated too low: {', '.join(short)}")


if __name__ == "__main__":
    main()
