"""Conversion of arrays, files and PIL pictures to images."""
from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _modiste

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Number of images to prepare together if they are not one array.
_TOGETHER = 256
# PIL's modes that a PNG file can store, and the modes that others are converted to.
_PNG = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}
_COLOURS = {"CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA",
            "RGBX": "RGB"}


def is_single(images: Any) -> bool:
    """Whether this is a path or a picture, that is, one image."""
    return isinstance(images, (str, os.PathLike)) or _is_picture(images)


def batches(model: _modiste.Model, images: Any, background: str) -> tuple[Iterator[NDArray[np.uint8]], bool]:
    """The images in the form that the network takes, uint8 (some * h * w * c), and whether it is a single image.

    An array of the network's own size is not copied if it is C-contiguous.
    """
    if is_single(images):
        return iter([_picture(model, images, background)]), True
    if isinstance(images, (list, tuple)):
        return _joined(model, images, background), False
    if not hasattr(images, "__array__"):
        raise TypeError(f"images: {type(images).__name__} is neither an array, nor a path or a picture, nor a list "
                        "of these")
    pixels, single = array(model, np.asarray(images))
    return iter([pixels]), single


def one(model: _modiste.Model, image: Any, background: str) -> NDArray[np.uint8]:
    """One image, uint8 (h * w * c)."""
    if is_single(image):
        return _picture(model, image, background)
    if not hasattr(image, "__array__") and not isinstance(image, (list, tuple)):
        raise TypeError(f"image: {type(image).__name__} is neither an array, nor a path or a picture")
    pixels, single = array(model, np.asarray(image))
    if not single and len(pixels) != np.prod(model.shape):
        raise ValueError(f"image: an array of shape {np.shape(image)} is not one image")
    return pixels


def array(model: _modiste.Model, pixels: NDArray[Any]) -> tuple[NDArray[np.uint8], bool]:
    """An array of one or several images as uint8 (n * h * w * c), and whether it is a single image."""
    height, width, channels = model.shape
    values = height * width * channels
    own: list[tuple[int, ...]] = [(height, width, channels)]
    if channels == 1:
        own.append((height, width))
    if channels != 3:
        # The order of colours in a row can only be guessed from the pixels, as in the program.
        own.append((values,))
    if pixels.dtype == np.uint8:
        for shape in own:
            if pixels.shape == shape or pixels.shape[1:] == shape:
                return np.ascontiguousarray(pixels).reshape(-1), pixels.shape == shape
    single = pixels.shape in own or _is_one(pixels, values)
    several = pixels[None] if single else pixels
    if several.ndim in (2, 3, 4) and len(several) == 0:
        return np.empty(0, np.uint8), False
    return _converted(model, several), single


def _is_one(pixels: NDArray[Any], values: int) -> bool:
    """Whether this is one image of another size: two dimensions that are not rows of values, or three with colours."""
    if pixels.ndim == 2:
        return bool(pixels.shape[1] != values)
    return pixels.ndim == 3 and pixels.shape[2] in (1, 3)


def _converted(model: _modiste.Model, several: NDArray[Any]) -> NDArray[np.uint8]:
    """Images of any numeric type and any size, read like an npy file in the program."""
    if several.dtype.kind not in "uifb":
        raise TypeError(f"images: of type {several.dtype}; supported are bytes, integers and floats")
    if several.dtype.kind == "f" and several.dtype.itemsize not in (4, 8):
        several = several.astype(np.float64)
    if several.ndim not in (2, 3, 4):
        height, width, channels = model.shape
        needed = f"({height}, {width})" if channels == 1 else f"({height}, {width}, {channels})"
        raise ValueError(f"images: of shape {several.shape}, not {needed} or (n, ...) of these")
    content = io.BytesIO()
    np.lib.format.write_array(content, several, allow_pickle=False)
    return model.array(content.getvalue(), "images")


def _joined(model: _modiste.Model, images: list[Any] | tuple[Any, ...], background: str) -> Iterator[NDArray[np.uint8]]:
    for first in range(0, len(images), _TOGETHER):
        yield np.concatenate([one(model, image, background) for image in images[first:first + _TOGETHER]])


def _is_picture(thing: Any) -> bool:
    """Whether this is a PIL picture; does not import PIL."""
    return type(thing).__module__.partition(".")[0] == "PIL" and hasattr(thing, "getexif")


def _picture(model: _modiste.Model, image: Any, background: str) -> NDArray[np.uint8]:
    """The pixels of a file or PIL picture in the form that the network takes."""
    if isinstance(image, (str, os.PathLike)):
        return model.picture_file(os.fspath(image), background)[0]
    return model.picture(_png(image), "picture", background)[0]


def _png(picture: Any) -> bytes:
    """A PIL picture as a PNG file, which keeps its pixels; turned upright like a file."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode not in _PNG:
        if upright.mode not in _COLOURS:
            raise ValueError(f"picture: of PIL's mode {upright.mode}; convert it to L or RGB")
        upright = upright.convert(_COLOURS[upright.mode])
    content = io.BytesIO()
    upright.save(content, "png", compress_level=0)
    return content.getvalue()
