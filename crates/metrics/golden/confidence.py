"""Writes confidence.json: random logits and labels, with the temperature that scipy's minimiser finds,
scipy's probabilities at it, and the thresholds that a search over all of them gives.

    python confidence.py        # needs numpy and scipy; their versions go into the file
"""

import json
import platform
from pathlib import Path

import numpy
import scipy
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

TARGETS = [0.9, 0.95, 0.97, 0.98, 0.99, 0.995]


def temperature(logits, labels):
    """Over the logarithm of the temperature, so that scipy sees another function than we do."""
    rows = numpy.arange(len(labels))

    def loss(logarithm):
        return -log_softmax(logits / numpy.exp(logarithm), axis=1)[rows, labels].mean()

    found = minimize_scalar(
        loss, bounds=(numpy.log(0.05), numpy.log(20)), method="bounded", options={"xatol": 1e-10}
    )
    return float(numpy.exp(found.x))


def thresholds(probabilities, labels):
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    rules = []
    for target in TARGETS:
        good = [t for t in numpy.unique(top) if right[top >= t].mean() >= target]
        if good:
            taken = top >= good[0]
            rules.append([target, float(good[0]), float(taken.mean()), float(right[taken].mean())])
    return rules


def case(random, images, classes, scale, signal):
    labels = random.integers(classes, size=images)
    logits = random.normal(size=(images, classes)) * scale
    logits[numpy.arange(images), labels] += scale * signal
    logits = logits.round(3).astype(numpy.float32).astype(numpy.float64)
    found = temperature(logits, labels)
    probabilities = softmax(logits / found, axis=1)
    return {
        "classes": classes,
        "logits": logits.ravel().tolist(),
        "labels": labels.tolist(),
        "temperature": found,
        "probabilities": probabilities[:20].ravel().tolist(),
        "rules": thresholds(probabilities, labels),
    }


def main():
    random = numpy.random.default_rng(2017)
    shapes = [(60, 3, 0.3, 1.5), (200, 10, 1.0, 2.5), (200, 10, 6.0, 3.0), (300, 2, 12.0, 1.0)]
    shapes += [(80, 4, 3.0, 0.2), (400, 10, 4.0, 4.0)]
    golden = {
        "made_with": {
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
        },
        "cases": [case(random, *shape) for shape in shapes],
    }
    path = Path(__file__).with_name("confidence.json")
    path.write_text(json.dumps(golden, separators=(",", ":"), allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
