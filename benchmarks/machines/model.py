#!/usr/bin/env python3
"""A model of a training step over several ranks: fitted to measured exchanges, checked against them, then asked
about clusters.

usage: model.py EXCHANGE.jsonl [--step SECONDS] [--parameters N] [--gathers N] [--norm-values N]

EXCHANGE.jsonl has the lines of `mpirun -n R exchange` (crates/mpi/examples/exchange.rs), for some R.

The model. A message of b bytes takes a + b / B. A gather of b bytes over R ranks is a ring of R - 1 messages of
b / R bytes; where that is shorter, ceil(log2 R) rounds that double what is sent. A turn sends, from each rank to
each other one, its rows of their columns: R - 1 messages. A step of a batch of n images has s = min(32, max(8,
n / 8)) shards, at most n; a rank computes ceil(s / R) of them; it gathers the sums of each normalisation twice, the
logits and the wish to stop once, turns the gradients and gathers their sums.
"""

import argparse
import json
import math

import itertools

FLOAT = 4


def gather(ranks, size, a, bandwidth):
    if ranks == 1:
        return 0.0
    ring = (ranks - 1) * (a + size / ranks / bandwidth)
    doubling = math.ceil(math.log2(ranks)) * a + (ranks - 1) * size / ranks / bandwidth
    return min(ring, doubling)


def turn(ranks, size, rows, a, bandwidth):
    if ranks == 1:
        return 0.0
    mine = rows / ranks
    return (ranks - 1) * a + (ranks - 1) * mine * size / ranks / bandwidth


def fit(lines):
    """The latency and the bandwidth with the least squared relative error, by search on a grid of logarithms."""
    best = (math.inf, 0.0, 0.0)
    low, high = [-7.0, 6.5], [-3.0, 10.5]
    for _ in range(4):
        grids = [[l + (h - l) * i / 24 for i in range(25)] for l, h in zip(low, high)]
        for la, lb in itertools.product(*grids):
            error = sum(e * e for e in errors(lines, 10**la, 10**lb))
            best = min(best, (error, la, lb))
        width = [(h - l) / 8 for l, h in zip(low, high)]
        low = [best[1] - width[0], best[2] - width[1]]
        high = [best[1] + width[0], best[2] + width[1]]
    return 10 ** best[1], 10 ** best[2]


def errors(lines, a, bandwidth):
    """Relative errors of the model, as logarithms of the ratio."""
    for line in lines:
        size = FLOAT * line["values"]
        yield math.log(gather(line["ranks"], size, a, bandwidth) / line["gather_seconds"])
        yield math.log(turn(line["ranks"], size, 8, a, bandwidth) / line["turn_seconds"])


def shards_of(batch):
    return min(max(batch // 8, 8), 32, batch)


def step(ranks, batch, image_seconds, network, a, bandwidth):
    """Seconds of a step: computing, small exchanges, large ones."""
    shards = shards_of(batch)
    mine = math.ceil(shards / ranks)
    compute = mine * math.ceil(batch / shards) * image_seconds
    norms = 2 * network["norms"]
    per_norm = FLOAT * 2 * network["norm_values"] / max(network["norms"], 1) * shards
    small = norms * gather(ranks, per_norm, a, bandwidth) + gather(ranks, FLOAT * ranks, a, bandwidth)
    small += gather(ranks, FLOAT * 10 * batch, a, bandwidth)
    size = FLOAT * network["parameters"]
    large = turn(ranks, size, shards, a, bandwidth) + gather(ranks, size, a, bandwidth)
    return compute, small, large


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("exchange")
    parser.add_argument("--image-ms", type=float, default=1.0, help="milliseconds of an image on one rank's cores")
    parser.add_argument("--parameters", type=int, default=1_100_000)
    parser.add_argument("--norms", type=int, default=30)
    parser.add_argument("--norm-values", type=int, default=3000, help="channels of all normalisations")
    parser.add_argument("--latency", type=float, help="seconds that each message takes more")
    parser.add_argument("--bandwidth", type=float, help="bytes a second in place of the fitted ones")
    arguments = parser.parse_args()
    with open(arguments.exchange) as file:
        lines = [json.loads(line) for line in file if line.startswith("{")]
    a, bandwidth = fit(lines)
    ratios = sorted(abs(math.expm1(abs(e))) for e in errors(lines, a, bandwidth))
    print(f"fitted: {a * 1e6:.1f} us a message, {bandwidth / 1e6:.0f} MB/s; "
          f"error of {len(ratios)} measurements: median {ratios[len(ratios) // 2]:.0%}, largest {ratios[-1]:.0%}")
    a += arguments.latency or 0.0
    bandwidth = arguments.bandwidth or bandwidth
    network = {"parameters": arguments.parameters, "norms": arguments.norms, "norm_values": arguments.norm_values}
    batches = [64, 128, 256, 512, 1024, 2048, 4096]
    ranks = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    image = arguments.image_ms / 1e3
    print(f"\nefficiency by ranks and batch ({arguments.image_ms} ms an image, {a * 1e6:.0f} us, {bandwidth / 1e6:.0f} MB/s); "
          "what takes most beside the even share of the work: s shards, l latency, b bandwidth")
    print("| ranks | " + " | ".join(map(str, batches)) + " |\n|---|" + "---|" * len(batches))
    for count in ranks:
        row = []
        for batch in batches:
            compute, small, large = step(count, batch, image, network, a, bandwidth)
            even = batch * image / count
            parts = {"s": compute - even, "l": small, "b": large}
            limit = max(parts, key=parts.get)
            row.append(f"{even / (compute + small + large):.2f} {limit}")
        print(f"| {count} | " + " | ".join(row) + " |")
    print("\nthe smallest batch with an efficiency of 0.8:")
    for count in ranks:
        for batch in batches:
            if batch * image / count / sum(step(count, batch, image, network, a, bandwidth)) >= 0.8:
                print(f"  {count} ranks: {batch}")
                break
        else:
            print(f"  {count} ranks: none up to {batches[-1]}")


if __name__ == "__main__":
    main()
