"""Writes golden.json: what scikit-learn's classifiers say of the embedded images.

    cargo run --release -p modiste-data --example write_split -- target/paper
    python make.py            # needs numpy and scikit-learn; their versions go into the file
    python make.py svm knn    # these sections alone

All are fitted to the 5,000 training images of the split `paper` and asked about the 1,000 validation and the
1,000 test images; a digit an image is kept.

- svm: `SVC()`, on bytes and on pixels in 0 .. 1, which must agree; and `SVC(C=10, gamma=0.02)`.
- logistic: `LogisticRegression()` on pixels in 0 .. 1, to the optimum, with the objective there.
- knn: the k nearest by exact distances of whole numbers; of equally near images the first counts, of
  equal votes the lower class. `KNeighborsClassifier(k)` leaves ties open; the file notes how many of
  its answers differ.
- forest: accuracies of `RandomForestClassifier(random_state=seed)` for ten seeds.
"""

import gzip
import json
import platform
import sys
from pathlib import Path

import numpy
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

HERE = Path(__file__).parent
SPLIT = HERE.parents[2] / "target" / "paper"


def read(part):
    images = gzip.decompress((SPLIT / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((SPLIT / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    labels = numpy.frombuffer(labels, numpy.uint8, offset=8)
    return numpy.frombuffer(images, numpy.uint8, offset=16).reshape(len(labels), -1), labels


TRAIN, LABELS = read("train")
PARTS = {part: read(part) for part in ("validation", "test")}


def digits(predict):
    return {part: "".join(map(str, predict(images))) for part, (images, _) in PARTS.items()}


def svm():
    scaled = SVC().fit(TRAIN / 255, LABELS)
    raw = SVC().fit(TRAIN.astype(float), LABELS)
    answers = digits(lambda images: scaled.predict(images / 255))
    same = digits(lambda images: raw.predict(images.astype(float)))
    assert answers == same, "gamma = scale makes bytes and 0 .. 1 the same"
    other = SVC(C=10, gamma=0.02).fit(TRAIN / 255, LABELS)
    return {
        "default": {
            "predictions": answers,
            "gamma": scaled._gamma,
            "support_vectors": int(scaled.n_support_.sum()),
        },
        "c_10_gamma_0.02": {
            "predictions": digits(lambda images: other.predict(images / 255)),
            "support_vectors": int(other.n_support_.sum()),
        },
    }


def logistic():
    model = LogisticRegression(tol=1e-5, max_iter=5_000).fit(TRAIN / 255, LABELS)
    logs = model.predict_log_proba(TRAIN / 255)[numpy.arange(len(LABELS)), LABELS]
    objective = -logs.mean() + (model.coef_**2).sum() / (2 * len(LABELS))
    predictions = digits(lambda images: model.predict(images / 255))
    return {"predictions": predictions, "objective": objective, "steps": int(model.n_iter_[0])}


def nearest(images, k):
    """Predictions by exact distances, the first of equal ones first."""
    train = TRAIN.astype(numpy.int64)
    norms = (train**2).sum(axis=1)
    # Whole numbers below 2^53 are exact in float64, whose products are fast.
    products = images.astype(float) @ TRAIN.astype(float).T
    order = numpy.argsort(norms - 2 * products, axis=1, kind="stable")[:, :k]
    votes = [numpy.bincount(row, minlength=10) for row in LABELS[order]]
    return numpy.argmax(votes, axis=1)


def knn(k):
    answers = digits(lambda images: nearest(images, k))
    theirs = KNeighborsClassifier(k, algorithm="brute").fit(TRAIN.astype(float), LABELS)
    differ = {}
    for part, (images, _) in PARTS.items():
        theirs_digits = "".join(map(str, theirs.predict(images.astype(float))))
        differ[part] = sum(a != b for a, b in zip(answers[part], theirs_digits))
    return {"predictions": answers, "scikit_learn_differs": differ}


def forest():
    accuracies = {part: [] for part in PARTS}
    for seed in range(10):
        model = RandomForestClassifier(random_state=seed, n_jobs=2).fit(TRAIN, LABELS)
        for part, (images, labels) in PARTS.items():
            accuracies[part].append(float((model.predict(images) == labels).mean()))
    return accuracies


SECTIONS = {
    "svm": svm,
    "logistic": logistic,
    "knn": lambda: {str(k): knn(k) for k in (1, 5, 10)},
    "forest": forest,
}

file = HERE / "golden.json"
golden = json.loads(file.read_text()) if sys.argv[1:] and file.exists() else {}
golden["made_with"] = {
    "python": platform.python_version(),
    "numpy": numpy.__version__,
    "scikit-learn": sklearn.__version__,
}
for section in sys.argv[1:] or SECTIONS:
    golden[section] = SECTIONS[section]()
    file.write_text(json.dumps(golden, indent=1) + "\n")
    print(section, "is done", flush=True)
