"""Data sets as arrays."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import _modiste
from ._settings import settings_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Part(NamedTuple):
    """One part of a data set.

    images: uint8 (n, h, w), or (n, h, w, 3) in colour. labels: uint16 (n), indices into the data's `classes`, or None if
    the source has no labels. names: the origin of each image (n).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint16] | None
    names: list[str]

    def __repr__(self) -> str:
        labels = "no labels" if self.labels is None else "labels"
        return f"<modiste.Part images {self.images.shape}, {labels}>"


class Data:
    """A data set, divided into three parts as in the program.

    name, split: the program's names for the data and the split. classes: the names of the classes. train, validation,
    test: the parts, each a `Part`; the last two may be empty.
    """

    def __init__(self, arrays: _modiste.Arrays):
        self.name, self.split, self.classes, (height, width, channels), parts = arrays
        one = (height, width) if channels == 1 else (height, width, channels)
        self.train, self.validation, self.test = (
            Part(images.reshape(-1, *one), labels, names) for images, labels, names in parts)

    def part(self, name: str) -> Part:
        """The part named `train`, `validation` or `test`."""
        if name not in ("train", "validation", "test"):
            raise ValueError(f"part: {name!r} is none of train, validation, test")
        found: Part = getattr(self, name)
        return found

    def __repr__(self) -> str:
        counts = " / ".join(f"{len(self.part(name).images):,}" for name in ("train", "validation", "test"))
        return f"<modiste.Data {self.name}: {counts} images in {len(self.classes)} classes>"


def load_data(data: str | os.PathLike[str] = "embedded", **fields: Any) -> Data:
    """Loads images as for training: from one folder of pictures per class, an archive, arrays or tables.

    data: a path that `modiste train --data` takes, or "embedded" for Fashion-MNIST. fields: settings of the data, such
    as `split` and `image_size` (`modiste.fields()` lists all).
    """
    return Data(_modiste.load_data(settings_of({"data.source": data, **fields})))
