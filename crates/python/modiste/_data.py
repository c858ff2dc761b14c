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

    images: uint8 (n, h, w), or (n, h, w, 3) in colours. labels: uint16 (n), positions in the data's `classes`; None
    where the source keeps them to itself. names: where each image came from (n).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint16] | None
    names: list[str]

    def __repr__(self) -> str:
        labels = "no labels" if self.labels is None else "labels"
        return f"<modiste.Part images {self.images.shape}, {labels}>"


class Data:
    """A data set in three parts, as the program divides it.

    name, split: as the program calls them. classes: their names. train, validation, test: each a `Part`; the last two
    may be empty.
    """

    def __init__(self, arrays: _modiste.Arrays):
        self.name, self.split, self.classes, (height, width, channels), parts = arrays
        one = (height, width) if channels == 1 else (height, width, channels)
        self.train, self.validation, self.test = (
            Part(images.reshape(-1, *one), labels, names) for images, labels, names in parts)

    def part(self, name: str) -> Part:
        """The part called `train`, `validation` or `test`."""
        if name not in ("train", "validation", "test"):
            raise ValueError(f"part: {name!r} is none of train, validation, test")
        found: Part = getattr(self, name)
        return found

    def __repr__(self) -> str:
        counts = " / ".join(f"{len(self.part(name).images):,}" for name in ("train", "validation", "test"))
        return f"<modiste.Data {self.name}: {counts} images in {len(self.classes)} classes>"


def load_data(data: str | os.PathLike[str] = "embedded", **fields: Any) -> Data:
    """Loads images as training does: from a folder of pictures per class, an archive, arrays, tables.

    data: what `modiste train --data` takes, or "embedded" for Fashion-MNIST. fields: those of the data, such as `split`
    and `image_size` (`modiste.fields()` lists all).
    """
    return Data(_modiste.load_data(settings_of({"data.source": data, **fields})))
