"""A trained model."""
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import _modiste
from ._data import Data
from ._images import batches, is_single, one
from ._settings import settings_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Image = Union[str, os.PathLike[str], NDArray[Any], Any]
    Images = Union[Image, Sequence[Image]]

# The error for other combinations of arguments.
_EVALUATED = "evaluate: give images and labels, or a labelled folder, or a part of the data"


def load(path: str | os.PathLike[str], *, threads: int | None = None) -> Model:
    """Reads a trained model.

    path: a model file (`best.safetensors`), or the folder of a run for its best model.
    threads: number of threads; by default, one per available core. Answers do not depend on it.
    """
    return Model(_modiste.Model.load(os.fspath(path), threads))


class Explanation:
    """A heat map that shows which parts of an image support a class.

    class_name: the explained class. probability: its probability. map: float32 (rows, columns), from 0 to 1. peak: the
    value that 1 stands for. layer: the layer of Grad-CAM, None for occlusion. image: the input of the network, uint8
    (h, w) or (h, w, 3).
    """

    def __init__(self, model: _modiste.Model, image: NDArray[np.uint8], class_name: str, probability: float,
                 found: _modiste.MapArrays):
        values, rows, columns, self.peak, self.layer = found
        height, width, channels = model.shape
        self.class_name, self.probability = class_name, probability
        self.map = values.reshape(rows, columns)
        self.image = image.reshape((height, width) if channels == 1 else (height, width, channels))
        self._model = model

    def overlay(self, scale: int = 8) -> NDArray[np.uint8]:
        """The image overlaid with the map, each pixel a square of side `scale`: uint8 (h * scale, w * scale, 3)."""
        if scale < 1:
            raise ValueError(f"scale: {scale} is below 1")
        pixels = self._model.overlay(self.image.reshape(-1), self.map.reshape(-1), self.map.shape, scale)
        height, width = self.image.shape[:2]
        return pixels.reshape(height * scale, width * scale, 3)

    def __repr__(self) -> str:
        rows, columns = self.map.shape
        return f"<modiste.Explanation of {self.class_name} ({self.probability:.3f}): map {rows} x {columns}>"


class Model:
    """A trained model; `modiste.load` reads one.

    classes: names of the classes, in the order of logits and probabilities.
    shape: height, width and channels of an image.
    checksum: CRC-32 of the whole model, as in its file. parameters: number of trained parameters.
    temperature: divisor of the logits before softmax.
    config: the configuration of its run, as TOML. provenance: its training data and the metrics of its epoch.

    Methods take images as an array (n, h, w) or (n, h, w, 3), one image (h, w) or (h, w, 3), a path, a PIL picture, or a
    list of these. Arrays hold uint8, numbers from 0 to 255, or floats from 0 to 1. Arrays of uint8 and the model's own
    size are not copied; pictures and arrays of another size are prepared like the training pictures. A single image
    gives a single answer, several images give one answer each.
    
    Several threads may use a model, one at a time, and so may forked processes. A pickle contains the whole model.
    """

    def __init__(self, inner: _modiste.Model):
        self._model = inner
        self.classes: list[str] = inner.classes
        self.shape: tuple[int, int, int] = inner.shape
        self.checksum: str = inner.checksum
        self.parameters: int = inner.parameters
        self.temperature: float = inner.temperature
        self.config: str = inner.config
        self.provenance: dict[str, Any] = json.loads(inner.provenance())

    def __repr__(self) -> str:
        height, width, channels = self.shape
        place = "" if self._model.path is None else f" {os.fspath(self._model.path)}"
        return f"<modiste.Model{place}: {len(self.classes)} classes, {height} x {width} x {channels}>"

    def __reduce__(self) -> tuple[Any, ...]:
        path = None if self._model.path is None else os.fspath(self._model.path)
        return _unpickled, (bytes(self._model.to_bytes()), path, self._model.threads)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file."""
        with open(path, "wb") as file:
            file.write(self._model.to_bytes())

    def logits(self, images: Images, *, mirror: bool = False, background: str = "auto") -> NDArray[np.float32]:
        """Logits: float32 (n, classes), or (classes) for one image.

        mirror: return the mean for each image and its mirror image.
        background: the background of the object in pictures: auto, bright, dark or keep.
        """
        parts, single = batches(self._model, images, background)
        found = [self._model.logits(pixels, mirror) for pixels in parts]
        flat = found[0] if len(found) == 1 else np.concatenate([np.empty(0, np.float32), *found])
        logits = flat.reshape(-1, len(self.classes))
        return logits[0] if single else logits

    def predict_proba(self, images: Images, *, mirror: bool = False,
                      background: str = "auto") -> NDArray[np.float64]:
        """Probabilities at the model's temperature: float64 (n, classes), or (classes) for one image.

        mirror, background: as in `logits`.
        """
        logits = self.logits(images, mirror=mirror, background=background)
        return self._model.answers(logits.reshape(-1), mirror, None, None)[1].reshape(logits.shape)

    def predict(self, images: Images, *, reject: float | None = None, threshold: float | None = None,
                mirror: bool = False, background: str = "auto") -> Any:
        """The most probable class: an array of names (n), or a name for one image.

        reject: the accuracy that answers must reach on the validation images (0.9 to 0.995); less certain answers become
        None, "none of these". threshold: answers with a lower probability become None.
        mirror, background: as in `logits`.
        """
        if reject is not None and threshold is not None:
            raise ValueError("reject: cannot be given together with threshold")
        logits = self.logits(images, mirror=mirror, background=background)
        classes, _, rejected = self._model.answers(logits.reshape(-1), mirror, reject, threshold)
        names = np.array(self.classes)[classes]
        if reject is not None or threshold is not None:
            names = names.astype(object)
            names[rejected] = None
        if logits.ndim == 2:
            return names
        return None if names[0] is None else str(names[0])

    def data(self, data: str | os.PathLike[str] | None = None, **fields: Any) -> Data:
        """The data that the model was trained on, prepared for it. A model that was loaded from a run's folder knows its
        location.

        data: another location, or other data with the same classes. fields: other settings of the data, such as `split`.
        """
        return Data(self._model.data(settings_of({"data.source": data, **fields})))

    def evaluate(self, images: Any = None, labels: ArrayLike | None = None, *, part: str | None = None,
                 mirror: bool = False) -> dict[str, Any]:
        """Evaluates the model on labelled images: a dictionary with `accuracy`, `loss`, `auroc`, their 95 % intervals,
        `confusion` (truth in rows), `calibration`, `classes` and more, as printed by `modiste evaluate --json`.

        images, labels: images with names or indices of classes (n). Or only images: a folder of labelled pictures or a
        table. Or neither, with `part` (train, validation, test) of the data that the model was trained on.
        mirror: also evaluate the mean logits of images and their mirror images.
        """
        if labels is None and images is not None and not isinstance(images, (str, os.PathLike)):
            raise TypeError(_EVALUATED)
        if (images is None) == (part is None):
            raise TypeError(_EVALUATED)
        if part is not None:
            images, labels, _ = self.data().part(part)
        elif labels is None:
            images, labels, _ = Data(self._model.labelled(os.fspath(images))).train
        if labels is None:
            raise ValueError(f"part: {part} has no labels to compare with")
        logits = self.logits(images)
        if logits.ndim == 1:
            raise ValueError("images: one image, not several (n, ...) with a label for each")
        mirrored = self.logits(images, mirror=True).reshape(-1) if mirror else None
        positions = self._positions(labels, len(logits))
        worth: dict[str, Any] = json.loads(self._model.evaluate(logits.reshape(-1), positions, mirrored))
        return worth

    def score(self, images: Images, labels: ArrayLike) -> float:
        """Accuracy: the share of the images (n) whose class agrees with their labels (n)."""
        logits = self.logits(images)
        classes = self._model.answers(logits.reshape(-1), False, None, None)[0]
        return float(np.mean(classes == self._positions(labels, len(classes))))

    def explain(self, image: Image, class_name: str | None = None, *, method: str = "grad-cam",
                layer: str | None = None, patch: int | None = None, stride: int | None = None,
                fill: int | None = None, background: str = "auto") -> Explanation:
        """Shows which parts of one image led to the answer.

        class_name: the class to explain; by default, the model's answer.
        method: grad-cam, with a map of the size of a layer's output, or occlusion, with a map of the size of the image.
        layer: the layer for grad-cam. patch, stride, fill: side (7), step (1) and grey value (0) of the patch with which
        occlusion covers the image.
        """
        if method not in ("grad-cam", "occlusion"):
            raise ValueError(f"method: {method!r} is neither grad-cam nor occlusion")
        idle = {"layer": layer} if method == "occlusion" else {"patch": patch, "stride": stride, "fill": fill}
        for name, value in idle.items():
            if value is not None:
                raise ValueError(f"{name}: has no effect on {method}")
        if not is_single(image) and isinstance(image, (list, tuple)) and any(is_single(item) for item in image):
            raise ValueError("image: several images; give one at a time")
        pixels = one(self._model, image, background)
        classes, probabilities, _ = self._model.answers(self._model.logits(pixels, False), False, None, None)
        position = int(classes[0]) if class_name is None else self._position(class_name)
        settings = None
        if method == "occlusion":
            settings = tuple(usual if value is None else value
                             for value, usual in [(patch, 7), (stride, 1), (fill, 0)])
        found = self._model.explain(pixels, position, layer, settings)
        return Explanation(self._model, pixels, self.classes[position], float(probabilities[position]), found)

    def _position(self, name: str) -> int:
        if name not in self.classes:
            raise ValueError(f"class_name: {name!r} is none of the classes {', '.join(self.classes)}")
        return self.classes.index(name)

    def _positions(self, labels: ArrayLike, images: int) -> NDArray[np.uint16]:
        """Converts names or indices of classes (n) to indices."""
        given = np.asarray(labels)
        if given.shape != (images,):
            raise ValueError(f"labels: of shape {given.shape}, not ({images},), one for each image")
        if given.dtype.kind in "OU":
            known = {name: position for position, name in enumerate(self.classes)}
            unknown = sorted({str(label) for label in given if label not in known})
            if unknown:
                raise ValueError(f"labels: {unknown[0]!r} is none of the classes {', '.join(self.classes)}")
            return np.array([known[label] for label in given], np.uint16)
        if given.dtype.kind not in "iu" or (images and not 0 <= given.min() <= given.max() < len(self.classes)):
            raise ValueError(f"labels: not names of classes, or indices from 0 to {len(self.classes) - 1}")
        return given.astype(np.uint16)


def _unpickled(content: bytes, path: str | None, threads: int | None) -> Model:
    return Model(_modiste.Model.from_bytes(content, path, threads))
