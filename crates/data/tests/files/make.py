"""Writes the files beside it with NumPy and Pillow, the judges of the readers of npy, PNG, JPEG, WebP and BMP.

Image i of the six has the pixels (i * 40 + y * 4 + x * 3 + c * 50) % 256.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

here = Path(__file__).parent
i, y, x = np.meshgrid(np.arange(6), np.arange(4), np.arange(4), indexing="ij")
grey = ((i * 40 + y * 4 + x * 3) % 256).astype(np.uint8)
colour = np.stack([(grey.astype(int) + 50 * c) % 256 for c in range(3)], -1).astype(np.uint8)

rows = grey.reshape(6, 16)
for name in ["u1", "i2", "u4", ">u2", "i8", "f4", "f8", ">f8"]:
    label = name.replace(">", "big-")
    np.save(here / f"rows-{label}.npy", rows.astype(name))
np.save(here / "rows-unit.npy", (rows / 255).astype("f4"))
np.save(here / "rows-fortran.npy", np.asfortranarray(rows))
np.save(here / "cube-fortran.npy", np.asfortranarray(grey.astype("f4")))
np.save(here / "cube.npy", grey)
np.save(here / "colour.npy", colour)
np.save(here / "colour-rows.npy", colour.reshape(6, 48))
np.save(here / "structured.npy", np.zeros(3, [("a", "u1"), ("b", "f4")]))
np.save(here / "complex.npy", np.zeros((2, 4), "c8"))

Image.fromarray(grey[1]).save(here / "grey.png")
Image.fromarray(grey[1].astype(np.uint16) * 257).save(here / "grey-16.png")
Image.fromarray(colour[1]).save(here / "colour.png")
Image.fromarray(np.dstack([colour[1], np.full((4, 4), 255, np.uint8)])).save(here / "opaque.png")
Image.fromarray(np.dstack([colour[1], np.full((4, 4), 9, np.uint8)])).save(here / "transparent.png")
palette = Image.fromarray(grey[1]).convert("P")
palette.putpalette([v for k in range(256) for v in (k, 255 - k, 7)])
palette.save(here / "palette.png")
big = Image.fromarray(np.kron(colour[1], np.ones((8, 8, 1), np.uint8)))
big.save(here / "colour.jpg", quality=95)
big.save(here / "progressive.jpg", quality=95, progressive=True)
big.convert("L").save(here / "grey.jpg", quality=95)
for name in ["colour", "progressive", "grey"]:
    np.save(here / f"{name}-jpg.npy", np.asarray(Image.open(here / f"{name}.jpg"))[None])

# Formats for prediction and for folders to train on. Lossless ones must give these very pixels; of
# lossy WebP and of the eight orientations Pillow says what they are.
big.save(here / "colour.webp", lossless=True)
Image.fromarray(np.dstack([colour[1], np.full((4, 4), 9, np.uint8)])).save(
    here / "transparent.webp", lossless=True, exact=True
)
big.save(here / "lossy.webp", quality=90)
np.save(here / "lossy-webp.npy", np.asarray(Image.open(here / "lossy.webp"))[None])
big.save(here / "animated.webp", save_all=True, append_images=[big.rotate(90)], lossless=True)
Image.fromarray(colour[1]).save(here / "colour.bmp")
Image.fromarray(grey[1]).save(here / "grey.bmp")
Image.fromarray(np.dstack([colour[1], np.zeros((4, 4), np.uint8)])).save(here / "colour-32.bmp")
palette.save(here / "palette.bmp")

# 12 x 20 pixels, turned by each of the eight numbers of Exif.
turned = Image.fromarray(np.add.outer(np.arange(12) * 9, np.arange(20) * 7).astype(np.uint8))
for number in range(1, 9):
    exif = Image.Exif()
    exif[274] = number
    turned.save(here / f"turned-{number}.png", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(here / f"turned-{number}.png"))
    np.save(here / f"turned-{number}.npy", np.asarray(upright)[None])
turned.convert("RGB").save(here / "turned.jpg", exif=exif)
turned.convert("RGB").save(here / "turned.webp", exif=exif, lossless=True)
