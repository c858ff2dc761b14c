"""Loads a model file of modiste into the PyTorch twin and compares their answers.

    pip install torch==2.11.0 safetensors numpy
    python check_model.py MODEL.safetensors IMAGES ANSWERS [--tolerance 1e-4] [--float64]

IMAGES are the pixels that modiste was given: an IDX file (gzipped or not) or an npy file, one image
a row or (n, h, w) or (n, h, w, c). ANSWERS are what modiste made of them, in the same order:

    *.npy, *.json   logits (n, classes); in JSON as a list of lists, alone or under the key "logits"
    *.csv           columns p0, p1, ... with probabilities

Images beyond the answers are left out. The exit status is 1 if any logit or probability differs by
more than the tolerance, or if the most likely class does though the twin's two best are further
apart than that.
"""
import argparse
import csv
import gzip
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from inception_resnet_torch import InceptionResNet, Settings

BATCH = 256
IDX_BYTES = b"\x00\x00\x08"  # two zeros, then the code of unsigned bytes


def load_twin(path):
    """The twin with the file's weights, and its preprocessing."""
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    settings = Settings(**tomllib.loads(metadata["config"])["network"])
    preprocessing = json.loads(metadata["preprocessing"])
    classes = json.loads(metadata["classes"])
    twin = InceptionResNet(settings, preprocessing["channels"], len(classes))
    twin.load_state_dict(safetensors.torch.load_file(path), strict=True)
    return twin.eval(), preprocessing


def read_images(path, preprocessing):
    """Pixels (n, h, w, c)."""
    if path.suffix == ".npy":
        pixels = np.load(path)
    else:
        content = path.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        if content[:3] != IDX_BYTES:
            sys.exit(f"{path}: neither npy nor an IDX file of bytes")
        dimensions = content[3]
        pixels = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    sizes = [preprocessing[key] for key in ("height", "width", "channels")]
    return pixels.astype(np.uint8).reshape(-1, *sizes)


def read_answers(path):
    """The answers (n, classes) and whether they are probabilities."""
    if path.suffix == ".npy":
        return np.load(path), False
    if path.suffix == ".json":
        content = json.loads(path.read_text())
        return np.array(content["logits"] if isinstance(content, dict) else content), False
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name[:1] == "p" and name[1:].isdigit()]
    if not columns:
        sys.exit(f"{path}: no columns p0, p1, ...")
    return np.array([[float(row[name]) for name in columns] for row in rows]), True


def logits_of(twin, images, divisor, dtype):
    """The twin's logits (n, classes)."""
    twin = twin.to(dtype)
    with torch.inference_mode():
        x = torch.from_numpy(images).movedim(-1, 1)
        parts = [twin(part.to(dtype) / divisor) for part in x.split(BATCH)]
        return torch.cat(parts).double()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--float64", action="store_true", help="compute the twin in float64")
    args = parser.parse_args()
    twin, preprocessing = load_twin(args.model)
    answers, probabilities = read_answers(args.answers)
    images = read_images(args.images, preprocessing)
    if not 0 < len(answers) <= len(images):
        sys.exit(f"{args.answers}: {len(answers)} answers for {len(images)} images")
    dtype = torch.float64 if args.float64 else torch.float32
    expected = logits_of(twin, images[: len(answers)], preprocessing["divisor"], dtype)
    if probabilities:
        expected = expected.softmax(1)
    expected = expected.numpy()
    if answers.shape != expected.shape:
        sys.exit(f"{args.answers}: shape {answers.shape}, the twin has {expected.shape}")
    error = np.abs(answers - expected)
    best = np.sort(expected, axis=1)
    certain = best[:, -1] - best[:, -2] > 2 * args.tolerance
    other = int(np.sum((answers.argmax(1) != expected.argmax(1)) & certain))
    what = "probability" if probabilities else "logit"
    print(
        f"{len(answers)} images, {expected.shape[1]} classes: largest error of a {what} {error.max():.2e}, "
        f"largest {what} {np.abs(expected).max():.3g}, other classes on top: {other}"
    )
    # A comparison with NaN is false, so test for agreement.
    sys.exit(0 if error.max() <= args.tolerance and other == 0 else 1)


if __name__ == "__main__":
    main()
