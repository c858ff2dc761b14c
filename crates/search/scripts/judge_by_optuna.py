#!/usr/bin/env python3
"""Runs Optuna's samplers on the functions of crates/search/tests/samplers.rs and writes tests/optuna.json.

usage: judge_by_optuna.py [TABLE.csv]     (needs optuna; TABLE.csv is a recorded grid, as tests/trials.csv)

Records for each function and sampler the mean and standard deviation, over 40 seeds, of the best value after 60 trials.
"""

import csv
import json
import math
import pathlib
import statistics
import sys

import optuna

HERE = pathlib.Path(__file__).resolve().parent.parent
SEEDS, TRIALS, TABLE_TRIALS = 40, 60, 20


def branin(trial):
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    a = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return a * a + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
P = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
     [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]


def hartmann6(trial):
    x = [trial.suggest_float(f"x{j}", 0, 1) for j in range(6)]
    inner = lambda i: sum(A[i][j] * (x[j] - 1e-4 * P[i][j]) ** 2 for j in range(6))
    return -sum(c * math.exp(-inner(i)) for i, c in enumerate([1, 1.2, 3, 3.2]))


def mixed(trial):
    """A rate on a logarithmic range, a choice, a whole number, and a field that only one choice has."""
    rate = trial.suggest_float("rate", 1e-5, 1, log=True)
    width = trial.suggest_int("width", 1, 32)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    value = (math.log10(rate) + 2.5) ** 2 + 0.01 * (width - 20) ** 2 + {"a": 1.0, "b": 0.0, "c": 3.0}[kind]
    if kind == "b":
        value += 4 * (trial.suggest_float("momentum", 0, 1) - 0.7) ** 2
    return value


def table(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [field for field in rows[0] if field.startswith("epoch_")]
    fields = [field for field in rows[0] if field not in epochs]
    choices = {field: list(dict.fromkeys(row[field] for row in rows)) for field in fields}
    known = {tuple(row[field] for field in fields): max(float(row[epoch]) for epoch in epochs) for row in rows}

    def objective(trial):
        return -known[tuple(trial.suggest_categorical(field, choices[field]) for field in fields)]

    return objective


def best(function, sampler, trials):
    study = optuna.create_study(sampler=sampler)
    study.optimize(function, n_trials=trials)
    return study.best_value


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    functions = {"branin": (branin, TRIALS), "hartmann6": (hartmann6, TRIALS), "mixed": (mixed, TRIALS)}
    path = HERE / "tests" / "trials.csv" if len(sys.argv) < 2 else pathlib.Path(sys.argv[1])
    if path.exists():
        functions["table"] = (table(path), TABLE_TRIALS)
    found = {"optuna": optuna.__version__, "seeds": SEEDS}
    for name, (function, trials) in functions.items():
        found[name] = {"trials": trials}
        for kind, sampler in (("tpe", optuna.samplers.TPESampler), ("random", optuna.samplers.RandomSampler)):
            values = [best(function, sampler(seed=seed), trials) for seed in range(SEEDS)]
            found[name][kind] = {"mean": statistics.mean(values), "deviation": statistics.stdev(values)}
    (HERE / "tests" / "optuna.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
