"""Small image classifiers on a CPU: trained models, training, and a scikit-learn estimator.

    import modiste

    run = modiste.train("my-pictures")        # one folder of pictures per class
    run.model.predict("shoe.jpg")             # 'Sneaker'

    model = modiste.load("runs/first")        # a run's folder, or its best.safetensors
    model.predict_proba(images)               # uint8 (n, h, w) or (n, h, w, 3) -> float64 (n, classes)
    model.evaluate(images, labels)["accuracy"]
    model.explain("shoe.jpg").map             # float32 (rows, columns)

Answers have the same bits as those of the program `modiste`.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._data import Data, Part, load_data
from ._model import Explanation, Model, load
from ._modiste import __version__
from ._training import Run, fields, resume, train

if TYPE_CHECKING:
    from ._classifier import Classifier as Classifier

__all__ = [
    "Classifier", "Data", "Explanation", "Model", "Part", "Run", "__version__", "fields", "load", "load_data",
    "resume", "train",
]


def __getattr__(name: str) -> Any:
    # Only the estimator needs scikit-learn.
    if name == "Classifier":
        from ._classifier import Classifier
        return Classifier
    raise AttributeError(f"module 'modiste' has no attribute {name!r}")
