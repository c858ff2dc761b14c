"""Writes golden.json: random logits and labels, and what scikit-learn says of them.

    python make.py        # needs numpy, scipy and scikit-learn; their versions go into the file

Ties come from repeated rows (equal probabilities to the last bit, often with different labels),
from equal logits within a row, and from coarse scores in the bare AUROC cases. Classes are left out
of the labels, of the predictions, or of both.

The AUROC of a class without images, or with all of them, is null; their mean leaves it out. The
expected calibration error is computed here with numpy from its definition (Guo et al. 2017). The
standard errors that judge the bootstrap are computed from the influence of each image: for the
AUROC these are the placement values of DeLong, DeLong and Clarke-Pearson (Biometrics 1988).
"""

import json
import platform
import warnings
from pathlib import Path

import numpy
import scipy
import sklearn
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest
from sklearn import metrics


def draw_case(random, images, classes, absent, scale, repeats):
    """Logits (images, classes) of three decimals, labels without the classes `absent`."""
    present = [c for c in range(classes) if c not in absent]
    labels = random.choice(present, images)
    logits = random.normal(size=(images, classes)) * scale
    logits[numpy.arange(images), labels] += scale
    logits = logits.round(3)
    for _ in range(repeats):
        logits[random.integers(images)] = logits[random.integers(images)]
    for row in random.integers(images, size=repeats // 2):
        logits[row, random.integers(classes)] = logits[row].max()
    return logits, labels


def expected_calibration_error(probabilities, labels, bins=15):
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    error = 0.0
    for i in range(bins):
        inside = (confidence > i / bins) & (confidence <= (i + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def class_auroc(probabilities, labels, c):
    positive = labels == c
    if positive.all() or not positive.any():
        return None
    return metrics.roc_auc_score(positive, probabilities[:, c])


def auroc_standard_error(probabilities, labels):
    """Of the mean one-vs-rest AUROC, all classes present."""
    images, classes = probabilities.shape
    influence = numpy.zeros(images)
    for c in range(classes):
        positive = labels == c
        scores = probabilities[:, c]
        order = numpy.sign(scores[positive][:, None] - scores[~positive][None, :]) / 2 + 0.5
        area = order.mean()
        influence[positive] += (order.mean(axis=1) - area) / positive.mean() / classes
        influence[~positive] += (order.mean(axis=0) - area) / (~positive).mean() / classes
    return influence.std() / images**0.5


def evaluate(logits, labels):
    exact = logits.astype(numpy.float32).astype(numpy.float64)
    classes = list(range(logits.shape[1]))
    probabilities = softmax(exact, axis=1)
    predictions = exact.argmax(axis=1)
    losses = -log_softmax(exact, axis=1)[numpy.arange(len(labels)), labels]
    aurocs = [class_auroc(probabilities, labels, c) for c in classes]
    defined = [a for a in aurocs if a is not None]
    auroc = float(numpy.mean(defined)) if defined else None
    all_present = len(defined) == len(classes)
    error = auroc_standard_error(probabilities, labels) if all_present else None
    if all_present and len(classes) > 2:
        whole = metrics.roc_auc_score(
            labels, probabilities, multi_class="ovr", average="macro", labels=classes
        )
        assert abs(whole - auroc) < 1e-12
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predictions, labels=classes, zero_division=0
    )
    macro = metrics.precision_recall_fscore_support(
        labels, predictions, average="macro", zero_division=0
    )
    right = int((predictions == labels).sum())
    wilson = binomtest(right, len(labels)).proportion_ci(0.95, method="wilson")
    return {
        "classes": len(classes),
        "logits": logits.ravel().tolist(),
        "labels": labels.tolist(),
        "accuracy": metrics.accuracy_score(labels, predictions),
        "accuracy_interval": [wilson.low, wilson.high],
        "loss": metrics.log_loss(labels, probabilities, labels=classes),
        "loss_standard_error": losses.std() / len(labels) ** 0.5,
        "auroc": auroc,
        "auroc_standard_error": error,
        "confusion": metrics.confusion_matrix(labels, predictions, labels=classes).tolist(),
        "ece": expected_calibration_error(probabilities, labels),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "aurocs": aurocs,
        "macro": [float(v) for v in macro[:3]],
    }


def main():
    # A single class makes scikit-learn warn; the case is meant.
    warnings.filterwarnings("ignore", category=UserWarning)
    random = numpy.random.default_rng(2022)
    cases = []
    for number in range(24):
        classes = int(random.integers(2, 9))
        images = int(random.integers(5, 70))
        absent = random.choice(classes, int(random.integers(0, classes)), replace=False)
        scale = float(random.choice([0.1, 1.0, 3.0]))
        cases.append(draw_case(random, images, classes, absent.tolist(), scale, images // 2))
    cases.append(draw_case(random, 1, 3, [], 1.0, 0))
    cases.append(draw_case(random, 12, 4, [0, 1, 3], 1.0, 4))
    cases.append(draw_case(random, 600, 10, [], 1.0, 100))
    aurocs = []
    for _ in range(20):
        images = int(random.integers(2, 80))
        scores = random.integers(0, random.integers(2, 30), images) / 8
        positive = random.random(images) < random.uniform(0.1, 0.9)
        positive[:2] = [True, False]
        area = metrics.roc_auc_score(positive, scores)
        fpr, tpr, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
        aurocs.append({
            "scores": scores.tolist(),
            "positive": positive.tolist(),
            "auroc": area,
            "fpr": fpr.tolist(),
            "tpr": tpr.tolist(),
        })
    golden = {
        "made_with": {
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "aurocs": aurocs,
        "evaluations": [evaluate(*case) for case in cases],
    }
    path = Path(__file__).with_name("golden.json")
    path.write_text(json.dumps(golden, separators=(",", ":"), allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
