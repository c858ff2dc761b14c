"""Runs an exported ONNX model in ONNX Runtime and compares its answers with modiste's.

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
    modiste evaluate MODEL --part test --logits logits.json
    python check_onnx.py MODEL.onnx IMAGES logits.json

IMAGES are the pixels that modiste was given, as an IDX file (gzipped or not). The model is checked
by onnx.checker with the shapes inferred and compared, and answers in batches of 1, 7 and 64 that
need not be known when it is loaded. The exit status is 1 if a probability differs from the softmax
of the logits by more than the tolerance, or a class is not the first largest of its logits.
"""
import argparse
import gzip
import json
import sys
from itertools import cycle
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

BATCHES = (1, 7, 64)


def read_images(path, sizes):
    """Pixels (n, ...) of an IDX file of bytes."""
    content = path.read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    if content[:3] != b"\x00\x00\x08":
        sys.exit(f"{path}: not an IDX file of bytes")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(-1, *sizes)


def read_probabilities(path, temperature):
    """Softmax of the logits divided by the temperature, in float64, and the index of the first maximum of each row."""
    logits = np.array(json.loads(path.read_text())["logits"])
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True), logits.argmax(axis=1)


def check_file(path):
    """The shapes and the metadata of the model."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    classes = json.loads(metadata["classes"])
    preprocessing = json.loads(metadata["preprocessing"])
    json.loads(metadata["provenance"])
    sizes = [preprocessing["height"], preprocessing["width"]]
    sizes += [preprocessing["channels"]] if preprocessing["channels"] > 1 else []
    expected = {"images": ["n", *sizes], "probabilities": ["n", len(classes)], "class": ["n"]}
    if shapes != expected:
        sys.exit(f"{path}: has {shapes}, not {expected}")
    return sizes, float(metadata.get("temperature", 1))


def answers(path, images):
    """Probabilities and classes, computed in batches of several sizes, and the largest effect of the batch."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    parts, start = [], 0
    for size in cycle(BATCHES):
        if start >= len(images):
            break
        parts.append(session.run(["probabilities", "class"], {"images": images[start : start + size]}))
        start += size
    probabilities, classes = (np.concatenate(part) for part in zip(*parts))
    if classes.dtype != np.int64:
        sys.exit(f"{path}: gives classes as {classes.dtype}, not int64")
    return probabilities, classes


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("logits", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    args = parser.parse_args()
    sizes, temperature = check_file(args.model)
    expected, best = read_probabilities(args.logits, temperature)
    images = read_images(args.images, sizes)[: len(expected)]
    if len(images) != len(expected):
        sys.exit(f"{args.logits}: {len(expected)} answers for {len(images)} images")
    probabilities, classes = answers(args.model, images)
    difference = np.abs(probabilities - expected).max()
    other = int(np.sum(classes != best))
    print(
        f"{len(images)} images in batches of {BATCHES}, temperature {temperature:g}: largest difference of a "
        f"probability {difference:.1e}, other classes: {other}"
    )
    # A comparison with NaN is false, so test for agreement.
    sys.exit(0 if difference <= args.tolerance and other == 0 else 1)


if __name__ == "__main__":
    main()
