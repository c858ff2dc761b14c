#!/usr/bin/env python3
"""Models a training step over several ranks: fits the model to measured exchanges, compares it with measured steps and
predicts clusters.

usage: model.py MEASURED.jsonl [--cores 2] [--nodes 2,8,64] [--latency 50e-6]     (exchange.py writes MEASURED.jsonl)

A message of b bytes takes a + b / B seconds. A gather of b bytes over R ranks is a ring of R - 1 messages of b / R
bytes or, if that is faster, ceil(log2 R) rounds that double the bytes sent. In a transposition (`turn`) of b bytes,
each rank sends every other rank the columns that it needs: R - 1 messages of b / R^2 bytes. a and B are fitted for each
rate to gathers and transpositions with as many ranks as cores. If there are more ranks than cores, the times are
multiplied by ranks over cores.

A step of a batch of n images has s = min(32, max(8, n / 8)) shards. A rank has at most ceil(s / R) of them, shared by
its c cores: ceil(ceil(s / R) / c) * n / s images one after the other, and a part that every rank computes alone (the
optimiser, Winograd's filters). Both times are fitted to the measured steps of one process. The exchanges are those of
the measured steps. Their sizes grow with the shards for normalisations and gradients, and with the images for logits;
a real training also exchanges whether to stop.

Efficiency is the speed of N nodes divided by N times the speed of one.
"""

import argparse
import itertools
import json
import math
import statistics

FLOAT, CLASSES = 4, 10
BATCHES = [64, 128, 256, 512, 1024, 2048, 4096]
NODES = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]


def gather(ranks, size, a, bandwidth):
    if ranks == 1:
        return 0.0
    sent = (ranks - 1) / ranks * size / bandwidth
    return min((ranks - 1) * a, math.ceil(math.log2(ranks)) * a) + sent


def turn(ranks, size, a, bandwidth):
    if ranks == 1:
        return 0.0
    return (ranks - 1) * a + (ranks - 1) / ranks**2 * size / bandwidth


TIMES = {"gather": gather, "turn": turn}


def measured(lines):
    """Kind, ranks, bytes and seconds of every exchange that was measured separately."""
    for line in lines:
        if "gather_seconds" in line:
            size = FLOAT * line["values"]
            yield "gather", line["ranks"], size, line["gather_seconds"]
            yield "turn", line["ranks"], 8 * size, line["turn_seconds"]


def errors(exchanges, a, bandwidth, cores):
    """For each exchange, the logarithm of the modelled time over the measured time."""
    said = lambda kind, ranks, size: TIMES[kind](ranks, size, a, bandwidth) * max(1.0, ranks / cores)
    return [math.log(said(kind, ranks, size) / seconds) for kind, ranks, size, seconds in exchanges]


def least(squares, low, high):
    """The two positive numbers with the least sum of squares, by search on increasingly fine logarithmic grids."""
    for _ in range(4):
        grids = [[l + (h - l) * i / 24 for i in range(25)] for l, h in zip(low, high)]
        best = min(itertools.product(*grids), key=lambda at: squares(*(10**x for x in at)))
        width = [(h - l) / 8 for l, h in zip(low, high)]
        low, high = ([x + sign * w for x, w in zip(best, width)] for sign in (-1, 1))
    return tuple(10**x for x in best)


def fit(exchanges):
    """The latency and the bandwidth with the least squared relative error."""
    squares = lambda a, bandwidth: sum(e * e for e in errors(exchanges, a, bandwidth, math.inf))
    return least(squares, [-7.0, 6.5], [-3.0, 10.5])


def shards_of(batch):
    return min(max(batch // 8, 8), 32, batch)


def alone(lines):
    """Fixed seconds of a step of one process, and seconds per image."""
    steps = [(line["batch"], line["step_seconds"]) for line in lines if line["ranks"] == 1]
    squares = lambda fixed, image: sum(math.log((fixed + n * image) / seconds) ** 2 for n, seconds in steps)
    return least(squares, [-5.0, -6.0], [-1.0, -2.0])


class Network:
    """The measured exchanges of a step."""

    def __init__(self, line):
        self.parameters = line["parameters"]
        batch, shards = line["batch"], shards_of(line["batch"])
        gathers = [e["values"] for e in line["exchanges"] if e["kind"] == "gather"]
        self.norms = [n // shards for n in gathers if n not in (self.parameters, CLASSES * batch)]

    def exchanges(self, ranks, batch, wish=True):
        """Kind and bytes of the exchanges of a step."""
        shards = shards_of(batch)
        yield from (("gather", FLOAT * shards * row) for row in self.norms)
        yield "gather", FLOAT * CLASSES * batch
        if wish:
            yield "gather", FLOAT * ranks
        yield "turn", FLOAT * shards * self.parameters
        yield "gather", FLOAT * self.parameters


def computing(ranks, cores, batch, fixed, image):
    shards = shards_of(batch)
    in_turn = math.ceil(math.ceil(shards / ranks) / cores)
    return fixed + in_turn * batch / shards * image


def check_steps(lines, rates, network, fixed, image, cores):
    """Prints measured and modelled steps; all ranks shared the cores of one machine."""
    print("\n| rate | ranks | batch | added | step | exchanges | model: step | exchanges | error |")
    print("|---|---|---|---|---|---|---|---|---|")
    all_errors = {}
    for line in lines:
        ranks, batch, delay = line["ranks"], line.get("batch"), line.get("delay_us", 0) * 1e-6
        if batch is None or ranks == 1:
            continue
        a, bandwidth = rates[line["rate"]]
        exchanged = sum(e["seconds"] for e in line["exchanges"])
        model = 0.0
        for kind, size in network.exchanges(ranks, batch, wish=False):
            rounds = 1 if kind == "turn" else math.ceil(math.log2(ranks))
            model += TIMES[kind](ranks, size, a, bandwidth) + rounds * delay
        model *= max(1.0, ranks / cores)
        step = computing(ranks, 1, batch, fixed, image) * max(1.0, ranks / cores) + model
        error = step / line["step_seconds"] - 1
        all_errors.setdefault(ranks, []).append(abs(error))
        print(f"| {line['rate']} | {ranks} | {batch} | {1e6 * delay:.0f} us | {1e3 * line['step_seconds']:.1f} ms | "
              f"{1e3 * exchanged:.1f} ms | {1e3 * step:.1f} ms | {1e3 * model:.1f} ms | {error:+.0%} |")
    print()
    for ranks, sizes in all_errors.items():
        print(f"error of {len(sizes)} steps with {ranks} ranks: median {statistics.median(sizes):.0%}, largest {max(sizes):.0%}")


def table(name, network, fixed, image, a, bandwidth, cores):
    """Prints the efficiency by nodes and batch, and the largest cost beyond an even share of one node's work."""
    print(f"\n{name}, {cores} cores a node\n")
    print("| nodes | " + " | ".join(map(str, BATCHES)) + " | batch for 0.8 |\n|---|" + "---|" * (len(BATCHES) + 1))
    for nodes in NODES:
        row, enough = [], "none"
        for batch in BATCHES:
            images = lambda nodes: computing(nodes, cores, batch, 0.0, image)
            even = (fixed + images(1)) / nodes
            parts = {"c": images(nodes) - images(1) / nodes, "f": fixed - fixed / nodes, "l": 0.0, "b": 0.0}
            for kind, size in network.exchanges(nodes, batch):
                latency = TIMES[kind](nodes, 0, a, bandwidth)
                parts["l"] += latency
                parts["b"] += TIMES[kind](nodes, size, a, bandwidth) - latency
            efficiency = even / (even + sum(parts.values()))
            if efficiency >= 0.8 and enough == "none":
                enough = str(batch)
            row.append(f"{efficiency:.2f} {max(parts, key=parts.get)}")
        print(f"| {nodes} | " + " | ".join(row) + f" | {enough} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("measured")
    parser.add_argument("--cores", type=int, default=2, help="cores of the machine that was measured")
    parser.add_argument("--nodes", default="2,8,64", help="cores of the nodes in the predicted clusters")
    parser.add_argument("--latency", type=float, default=50e-6, help="seconds added to each message in clusters")
    arguments = parser.parse_args()
    with open(arguments.measured) as file:
        lines = [json.loads(line) for line in file]
    rates = {}
    for rate in dict.fromkeys(line["rate"] for line in lines):
        exchanges = list(measured(line for line in lines if line["rate"] == rate))
        a, bandwidth = rates[rate] = fit([exchange for exchange in exchanges if exchange[1] <= arguments.cores])
        print(f"{rate}: {a * 1e6:.1f} us a message, {8 * bandwidth / 1e9:.2f} Gbit/s")
        for ranks in sorted({exchange[1] for exchange in exchanges}):
            those = [exchange for exchange in exchanges if exchange[1] == ranks]
            off = [abs(math.expm1(e)) for e in errors(those, a, bandwidth, arguments.cores)]
            print(f"  {ranks} ranks, error of {len(off)} exchanges: median {statistics.median(off):.0%}, largest {max(off):.0%}")
    fixed, image = alone(lines)
    network = Network(next(line for line in lines if line.get("exchanges")))
    print(f"one core: {1e3 * fixed:.2f} ms a step and {1e3 * image:.3f} ms an image; {network.parameters} parameters, "
          f"{len(network.norms)} exchanges of normalisations")
    check_steps(lines, rates, network, fixed, image, arguments.cores)
    print("\nAsked about clusters. The letter is what costs most: c cores or ranks without a shard, f work that every "
          "rank does alone, l latency, b bandwidth.")
    for rate, cores in itertools.product([r for r in rates if r != "none"], arguments.nodes.split(",")):
        a, bandwidth = rates[rate]
        name = f"{rate}, {1e6 * (a + arguments.latency):.0f} us a message"
        table(name, network, fixed, image, a + arguments.latency, bandwidth, int(cores))


if __name__ == "__main__":
    main()
