#!/usr/bin/env python3
"""Compares successive halving with a full grid of the same configurations.

usage: halving.py MODISTE [--seeds 5]     (minutes on two cores)

Halving must find a configuration whose validation accuracy, after all epochs, is within one standard error of the
grid's best, with at most a fifth of the grid's epochs.
"""

import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

SPLIT, EPOCHS = "600/400/100", 16
VALIDATION = 400
BASE = ["--preset", "light", "--split", SPLIT, "--length", "1", "--width", "2", "--stem-stride", "4",
        "--epochs", str(EPOCHS)]
OVER = {"lr": "1e-4,3e-4,1e-3,3e-3,1e-2,3e-2", "batch": "16,32,64", "dropout": "0,0.3"}
POINTS = math.prod(len(values.split(",")) for values in OVER.values())


def run(words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=3600)
    if done.returncode != 0:
        sys.exit(f"halving.py: {' '.join(words)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("modiste")
    parser.add_argument("--seeds", type=int, default=5, help="number of searches with different draws")
    arguments = parser.parse_args()
    modiste = str(pathlib.Path(arguments.modiste).resolve())
    over = [word for field, values in OVER.items() for word in ("--over", f"{field}={values}")]
    with tempfile.TemporaryDirectory() as folder:
        grid = json.loads(run([modiste, "grid", *BASE, *over, "--quiet", "--json", "--out", f"{folder}/grid"]))
        accuracies = [trial["numbers"]["best"]["validation_accuracy"] for trial in grid["trials"]]
        best = max(accuracies)
        error = math.sqrt(best * (1 - best) / VALIDATION)
        print(f"grid: {len(accuracies)} configurations, {EPOCHS * len(accuracies)} epochs, best {best:.4f} ± {error:.4f}")
        for seed in range(arguments.seeds):
            out = f"{folder}/search{seed}"
            words = [modiste, "search", *BASE, *over, "--quiet", "--out", out, "--sampler", "random",
                     "--search-seed", str(seed), "--trials", str(POINTS), "--round", str(POINTS), "--halving", "4", "--min-epochs", "1"]
            said = run(words)
            epochs = int(re.search(r"epochs trained: (\d+)", said)[1])
            found = json.loads(pathlib.Path(out, "results.json").read_text())
            score = found["trials"][found["best"]]["score"]["mean"]
            share = epochs / (EPOCHS * len(accuracies))
            verdict = "as asked" if score >= best - error and share <= 0.2 else "NOT as asked"
            print(f"halving, draws {seed}: {len(found['trials'])} configurations, {epochs} epochs ({share:.3f} of the grid's), "
                  f"found {score:.4f}: {verdict}", flush=True)


if __name__ == "__main__":
    main()
