#!/usr/bin/env python3
"""Measures exchanges and training steps over real MPI between network namespaces, at several bandwidths.

usage: exchange.py EXAMPLES OUT.jsonl [--ranks 2,3,4] [--rates none,10gbit,1gbit] [--batches 64,512]

EXAMPLES is the folder of the examples `exchange` and `step`, built with
`cargo build --release -p modiste-mpi --features mpi --examples`. Needs root, ip and tc. Each line of OUT.jsonl has the
rate of the links; model.py reads them.
"""

import argparse
import json
import os
import pathlib
import subprocess

import mpi

# Batches for the steps of one process, which give the cost of a step independent of its batch.
ALONE = ["8", "16", "32", "64", "128", "256", "512", "1024"]


def lines(words):
    done = subprocess.run(words, capture_output=True, text=True, env=mpi.environment(), timeout=600)
    if done.returncode != 0:
        mpi.fail(f"{' '.join(words)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("examples", type=pathlib.Path)
    parser.add_argument("out")
    parser.add_argument("--ranks", default="2,3,4")
    parser.add_argument("--rates", default="none,10gbit,1gbit")
    parser.add_argument("--batches", default="64,512")
    arguments = parser.parse_args()
    exchange, step = (str((arguments.examples / name).resolve()) for name in ("exchange", "step"))
    ranks = [int(count) for count in arguments.ranks.split(",")]
    batches = arguments.batches.split(",")
    with open(arguments.out, "w") as out, mpi.Machines(max(ranks), True) as machines:

        def keep(rate, words):
            for line in lines(words):
                print(json.dumps({"rate": rate, "load": os.getloadavg()[0], **line}), file=out, flush=True)

        for batch in ALONE:
            keep("none", [step, batch])
        for rate in arguments.rates.split(","):
            machines.shape(None if rate == "none" else rate)
            for count in ranks:
                start = machines.mpirun(count)
                keep(rate, start + [exchange])
                for batch in batches:
                    for delay in ("0", "50"):
                        keep(rate, start + [step, batch, delay])


if __name__ == "__main__":
    main()
