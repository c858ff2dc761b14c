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

# What the arguments of `evaluate` are for.
_EVALUATED = "evaluate: give images and labels, or a labelled folder, or a part of the data"


def load(path: str | os.PathLike[str], *, threads: int | None = None) -> Model:
    """Reads a trained model.

    path: a model file (`best.safetensors`), or the folder of a run for its best model.
    threads: to compute with; one per available core unless given. Answers do not depend on it.
    """
    return Model(_modiste.Model.load(os.fspath(path), threads))


class Explanation:
    """A heat map: which parts of an image speak for a class.

    class_name: the class that was looked for. probability: what the model gives it. map: float32 (rows, columns), from
    0 to 1. peak: the meaning of 1. layer: the layer that Grad-CAM looked at, None for occlusion. image: the image as the
    network sees it, uint8 (h, w) or (h, w, 3).
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
        """The image with the map over it, each pixel as a square of `scale`: uint8 (h * scale, w * scale, 3)."""
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
    checksum: CRC-32 of the whole model, as in its file. parameters: how many are trained.
    temperature: what logits are divided by before softmax.
    config: the configuration of its run, as TOML. provenance: what it was trained on, and the numbers of its epoch.

    Wherever images are taken, they are an array (n, h, w) or (n, h, w, 3), one image (h, w) or (h, w, 3), a path, a
    picture of PIL, or a list of these. Arrays are of uint8, or of numbers from 0 to 255, or of floats from 0 to 1. Those
    of uint8 and the model's own size are not copied; pictures and arrays of another size are prepared as the training
    pictures were. For one image the answer is one, for several there is one for each.

    A model may be used by several threads, which then take turns, and in forked processes. A pickle holds all of it.
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

        mirror: the mean for each image and its mirror image.
        background: what lies behind the object in pictures: auto, bright, dark or keep.
        """
        parts, single = batches(self._model, images, background)
        found = [self._model.logits(pixels, mirror) for pixels in parts]
        flat = found[0] if len(found) == 1 else np.concatenate([np.empty(0, np.float32), *found])
        logits = flat.reshape(-1, len(self.classes))
        return logits[0] if single else logits

    def predict_proba(self, images: Images, *, mirror: bool = False,
                      background: str = "auto") -> NDArray[np.float64]:
        """Probabilities at the model's temperature: float64 (n, classes), or (classes) for one image.

        mirror, background: as for `logits`.
        """
        logits = self.logits(images, mirror=mirror, background=background)
        return self._model.answers(logits.reshape(-1), mirror, None, None)[1].reshape(logits.shape)

    def predict(self, images: Images, *, reject: float | None = None, threshold: float | None = None,
                mirror: bool = False, background: str = "auto") -> Any:
        """The most probable class: an array of names (n), or a name for one image.

        reject: the answer is None, "none of these", where answers would no longer be right this often (0.9 to 0.995) on
        the validation images. threshold: where the probability is below this.
        mirror, background: as for `logits`.
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
        """The data that the model was trained on, prepared for it; a model that was loaded from a run's folder knows
        where they are.

        data: where they are otherwise, or other data with the same classes. fields: other settings of the data, such as
        `split`.
        """
        return Data(self._model.data(settings_of({"data.source": data, **fields})))

    def evaluate(self, images: Any = None, labels: ArrayLike | None = None, *, part: str | None = None,
                 mirror: bool = False) -> dict[str, Any]:
        """How well the model does on labelled images: a dictionary with `accuracy`, `loss`, `auroc`, their intervals of
        95 %, `confusion` (truth in rows), `calibration`, `classes` and more, as `modiste evaluate --json` prints it.

        images, labels: images with names of classes or their positions (n). Or images alone: a folder of labelled
        pictures or a table, all of it. Or neither: `part` (train, validation, test) of the data it was trained on.
        mirror: also of the mean logits of images and their mirror images.
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
            raise ValueError("images: one image; needed are several, (n, ...), with a label for each")
        mirrored = self.logits(images, mirror=True).reshape(-1) if mirror else None
        positions = self._positions(labels, len(logits))
        worth: dict[str, Any] = json.loads(self._model.evaluate(logits.reshape(-1), positions, mirrored))
        return worth

    def score(self, images: Images, labels: ArrayLike) -> float:
        """Part of the images (n) that is classified as their labels (n) say."""
        logits = self.logits(images)
        classes = self._model.answers(logits.reshape(-1), False, None, None)[0]
        return float(np.mean(classes == self._positions(labels, len(classes))))

    def explain(self, image: Image, class_name: str | None = None, *, method: str = "grad-cam",
                layer: str | None = None, patch: int | None = None, stride: int | None = None,
                fill: int | None = None, background: str = "auto") -> Explanation:
        """Which parts of one image led to the answer.

        class_name: the class to look for; the model's answer unless given.
        method: grad-cam, a map as large as that of a layer; or occlusion, as large as the image.
        layer: the node that grad-cam looks at. patch, stride, fill: side (7), step (1) and grey value (0) of the patch
        that occlusion covers the image with.
        """
        if method not in ("grad-cam", "occlusion"):
            raise ValueError(f"method: {method!r} is neither grad-cam nor occlusion")
        idle = {"layer": layer} if method == "occlusion" else {"patch": patch, "stride": stride, "fill": fill}
        for name, value in idle.items():
            if value is not None:
                raise ValueError(f"{name}: has no effect on {method}")
        if not is_single(image) and isinstance(image, (list, tuple)) and any(is_single(item) for item in image):
            raise ValueError("image: several; they are explained one at a time")
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
        """Names of classes or their positions (n), as positions."""
        given = np.asarray(labels)
        if given.shape != (images,):
            raise ValueError(f"labels: of shape {given.shape}; needed is ({images},), one for each image")
        if given.dtype.kind in "OU":
            known = {name: position for position, name in enumerate(self.classes)}
            unknown = sorted({str(label) for label in given if label not in known})
            if unknown:
                raise ValueError(f"labels: {unknown[0]!r} is none of the classes {', '.join(self.classes)}")
            return np.array([known[label] for label in given], np.uint16)
        if given.dtype.kind not in "iu" or (images and not 0 <= given.min() <= given.max() < len(self.classes)):
            raise ValueError(f"labels: needed are names of classes, or positions from 0 to {len(self.classes) - 1}")
        return given.astype(np.uint16)


def _unpickled(content: bytes, path: str | None, threads: int | None) -> Model:
    return Model(_modiste.Model.from_bytes(content, path, threads))
