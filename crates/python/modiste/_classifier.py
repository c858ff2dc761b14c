"""A scikit-learn estimator."""
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _modiste
from ._model import Model
from ._training import train

# A perceptron for rows of values that are not images, with enough steps for a few dozen rows.
_ROWS = {"network.units": 64, "training.epochs": 60, "training.schedule.learning_rate": 0.01}
# The smallest and the largest batch for such rows, and the usual number of steps per epoch.
_BATCH, _STEPS = (8, 64), 8


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """A network as a scikit-learn estimator.

    X are images, (n, h, w) or (n, h, w, 3), or rows of their values, (n, h * w) or (n, h * w * 3), with `shape`. Rows
    without a shape are unrelated values and train a perceptron. Values are bytes, or numbers that are scaled by `scale`
    and rounded to bytes. y are labels of any type (n).

    Parameters
    ----------
    preset : swift, small, light, paper, cnn or mlp; by default, settings that suit the images.
    epochs : passes over the images; by default, a number that suits them.
    seed : seed of the initial weights, the order of images and the augmentation.
    validation : share of the images of each class to hold out, which chooses the best epoch; if this is less than one
        image of each class, nothing is held out and the last epoch gives the model.
    shape : (h, w) or (h, w, 3), the shape of the image in each row.
    scale : (low, high), the values that become 0 and 255; by default, the smallest and largest value of the training
        images, or 0 and 255 for bytes.
    threads : number of threads; by default, one per available core.
    settings : dictionary of further fields of the configuration, by name or path.

    Attributes
    ----------
    classes_ : the labels, in the order of the probabilities.
    model_ : the trained `modiste.Model`; its classes are indices into `classes_`.
    history_ : a dictionary of metrics for each epoch.
    n_features_in_ : number of values of an image. image_shape_ : its shape. scale_ : the values that become 0 and 255.
    """

    def __init__(self, preset: str | None = None, epochs: int | None = None, seed: int = 0,
                 validation: float = 0.1, shape: tuple[int, ...] | None = None,
                 scale: tuple[float, float] | None = None, threads: int | None = None,
                 settings: dict[str, Any] | None = None):
        self.preset = preset
        self.epochs = epochs
        self.seed = seed
        self.validation = validation
        self.shape = shape
        self.scale = scale
        self.threads = threads
        self.settings = settings

    def fit(self, X: Any, y: Any) -> Classifier:
        """Trains a network on X, images (n, ...), and y, labels (n)."""
        rows, shape = _flattened(X)
        rows, y = validate_data(self, rows, y, dtype=[np.float64, np.float32, np.uint8], ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("y: holds one class; at least two classes are needed")
        self.image_shape_ = self._shape(rows.shape[1], shape)
        self.scale_ = self._scale(rows)
        fields: dict[str, Any] = {"data.split": self._split(labels), "training.epochs": self.epochs, "training.seed": self.seed}
        if self.image_shape_ == (1, rows.shape[1]) and self.preset is None:
            fields = {**_ROWS, "training.batch": _batch(len(rows)), **{k: v for k, v in fields.items() if v is not None}}
            preset: str | None = "mlp"
        else:
            preset = self.preset
        images = self._bytes(rows).reshape(-1, *self.image_shape_)
        with tempfile.TemporaryDirectory(prefix="modiste-") as folder:
            run = train((images, labels), out=Path(folder) / "run", preset=preset, threads=self.threads, progress=False,
                        report=False, settings={**fields, **(self.settings or {})})
            content = (run.folder / "best.safetensors").read_bytes()
        self.history_ = run.history
        self.model_ = Model(_modiste.Model.from_bytes(content, None, self.threads))
        return self

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
        """Probabilities, float64 (n, classes), in the order of `classes_`."""
        images = self.images(X)
        return self.model_.predict_proba(images)

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """Labels (n)."""
        images = self.images(X)
        labels: np.ndarray[Any, Any] = self.classes_[self.model_.predict(images).astype(int)]
        return labels

    def images(self, X: Any) -> np.ndarray[Any, Any]:
        """Images in the form that `model_` takes: uint8 (n, h, w) or (n, h, w, 3)."""
        check_is_fitted(self)
        rows, shape = _flattened(X)
        rows = validate_data(self, rows, dtype=[np.float64, np.float32, np.uint8], reset=False)
        if shape is not None and shape != self.image_shape_:
            raise ValueError(f"X: holds images of shape {shape}; the network was trained on {self.image_shape_}")
        return self._bytes(rows).reshape(-1, *self.image_shape_)

    def _shape(self, values: int, found: tuple[int, ...] | None) -> tuple[int, ...]:
        """The shape of an image with this many values."""
        given = found if self.shape is None else tuple(self.shape)
        if given is None:
            return (1, values)
        if len(given) not in (2, 3) or np.prod(given) != values:
            raise ValueError(f"shape: {given} is not the shape of an image of {values} values, (h, w) or (h, w, 3)")
        return given

    def _scale(self, rows: np.ndarray[Any, Any]) -> tuple[float, float]:
        """The values that become 0 and 255."""
        if self.scale is not None:
            low, high = self.scale
            if not low < high:
                raise ValueError(f"scale: {low} is not below {high}")
            return float(low), float(high)
        if rows.dtype == np.uint8:
            return 0.0, 255.0
        low, high = float(rows.min()), float(rows.max())
        return low, high if high > low else low + 1.0

    def _bytes(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        low, high = self.scale_
        if rows.dtype == np.uint8 and (low, high) == (0.0, 255.0):
            return rows
        scaled = (rows.astype(np.float64) - low) * (255.0 / (high - low))
        return np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)

    def _split(self, labels: np.ndarray[Any, Any]) -> str:
        """The split that holds out the validation images."""
        share = float(self.validation)
        if not 0.0 <= share < 1.0:
            raise ValueError(f"validation: {share} is not from 0 to below 1")
        if np.bincount(labels).min() * share < 1.0:
            share = 0.0
        return f"{1.0 - share:.6f}/{share:.6f}/0.0"


def _flattened(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Images as rows, and the shape of an image; rows stay unchanged."""
    shape = np.shape(X) if hasattr(X, "shape") or isinstance(X, (list, tuple)) else ()
    if len(shape) in (3, 4):
        images = np.asarray(X)
        return images.reshape(len(images), -1), shape[1:]
    return X, None


def _batch(rows: int) -> int:
    """A batch size that gives an epoch several steps."""
    return int(np.clip(rows // _STEPS, *_BATCH))
