"""The protocol between run.py and a measured process; the twin of ../ours/src/protocol.rs.

The process makes its first step and reports it in one line of JSON. It answers each line `run SECONDS` with
another, after at least one step and at least that many seconds of steps. It ends when its input ends.
"""
import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

PIXELS, CLASSES = 784, 10
LEARNING_RATE = 1e-3


def settings(*extra):
    """Parses the arguments of the process; `extra` names those that only this peer has."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", choices=("train", "infer"), required=True)
    for name in ("length", "width", "stride", "batch", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--dropout", type=float, required=True)
    for name in ("images", "labels"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("weights", *extra):
        parser.add_argument(f"--{name}")
    return parser.parse_args()


def batches(settings):
    """Pixels (batch, 28, 28), u8, and labels (batch), int64, of all whole batches, in order."""
    import numpy as np

    pixels = np.fromfile(settings.images, np.uint8).reshape(-1, 28, 28)
    labels = np.fromfile(settings.labels, np.uint8).astype(np.int64)
    b = settings.batch
    return [(pixels[i : i + b], labels[i : i + b]) for i in range(0, len(labels) - b + 1, b)]


def read_weights(path):
    """Arrays (f32) by name, from a file that `ours` wrote with --write-weights."""
    import numpy as np

    header, values = Path(path).read_bytes().split(b"\n", 1)
    tensors, start = {}, 0
    for name, shape in json.loads(header):
        count = int(np.prod(shape))
        tensors[name] = np.frombuffer(values, "<f4", count, start).reshape(shape).copy()
        start += 4 * count
    return tensors


def serve(about, parameters, batch, step):
    """Answers requests until the input ends.

    `step(k)` runs step number k and returns a function that gives the values to report: the loss, or
    the logits of an image. That function is called once per slice.
    """
    answers = claim_output()
    values = step(0)()
    answer(answers, about=about, parameters=parameters, values=values)
    number = 1
    for line in sys.stdin:
        word, wanted = line.split()
        if word != "run":
            raise SystemExit(f"no request: {line}")
        start, times = time.perf_counter(), []
        while not times or time.perf_counter() - start < float(wanted):
            begun = time.perf_counter()
            outcome = step(number)
            times.append(time.perf_counter() - begun)
            number += 1
        seconds = time.perf_counter() - start
        median = statistics.median(times)
        images = len(times) * batch
        answer(answers, images=images, seconds=seconds, median=median, values=outcome())


def claim_output():
    """Reserves stdout for answers; output of libraries goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def answer(file, **fields):
    print(json.dumps(fields), file=file, flush=True)
