"""Makes two classes of pictures that look like photographs to a decoder, for check.py --photographs.

    python crates/export/browser/photographs.py FOLDER [--count N]

FOLDER gets a folder for each class, as `modiste train --data` takes it. The pictures have gradients, soft and hard
edges, the noise of a sensor, sizes from 40 to 700 pixels and aspects up to 1 : 4; JPEG (baseline and progressive,
with restarts, with whole and with halved colours, turned by their Exif tag, grey), PNG and WebP. It needs Pillow and NumPy.
"""
import argparse
from pathlib import Path

import numpy as np
from PIL import Image

# Exif's tag for the orientation, and its values for a half and a quarter turn.
ORIENTATION, TURNS = 0x0112, [1, 3, 6]


def scene(draw, kind, height, width):
    """A picture of discs or stripes in front of a sky, float (h, w, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    slope = draw.uniform(-0.4, 0.4, 3)
    pixels = draw.uniform(90, 190, 3) + slope * (y[..., None] - height / 2) * 255 / height
    for _ in range(draw.integers(2, 6)):
        colour, soft = draw.uniform(0, 255, 3), draw.uniform(0.5, 4)
        if kind == "discs":
            radius = draw.uniform(0.08, 0.3) * min(height, width)
            away = np.hypot(y - draw.uniform(0, height), x - draw.uniform(0, width)) - radius
        else:
            angle, thick = draw.uniform(0, np.pi), draw.uniform(0.02, 0.08) * min(height, width)
            line = (x - draw.uniform(0, width)) * np.cos(angle) + (y - draw.uniform(0, height)) * np.sin(angle)
            away = np.abs(line) - thick
        inside = 1 / (1 + np.exp(np.clip(away / soft, -50, 50)))
        pixels += inside[..., None] * (colour - pixels)
    noise = draw.normal(0, draw.uniform(1, 9), (height, width, 3))
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def save(image, stem, turn, draw):
    """Saves the picture in one of several formats."""
    exif = Image.Exif()
    exif[ORIENTATION] = TURNS[turn]
    jpeg = {"quality": int(draw.integers(40, 97)), "exif": exif}
    way = int(draw.integers(8))
    if way < 4:
        more = {"progressive": True} if way == 3 else {"restart_marker_rows": 1} if way == 2 else {}
        image.save(stem.with_suffix(".jpg"), subsampling=int(draw.integers(3)), **more, **jpeg)
    elif way == 4:
        image.convert("L").save(stem.with_suffix(".jpg"), **jpeg)
    elif way == 5:
        image.save(stem.with_suffix(".webp"), quality=80)
    else:
        image.save(stem.with_suffix(".png"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=24, help="pictures of each class")
    args = parser.parse_args()
    draw = np.random.default_rng(17)
    for kind in ("discs", "stripes"):
        (args.folder / kind).mkdir(parents=True, exist_ok=True)
        for i in range(args.count):
            short, aspect = int(draw.integers(40, 400)), draw.choice([1, 4 / 3, 16 / 9, 4])
            size = [short, min(int(short * aspect), 700)]
            height, width = size if draw.random() < 0.6 else size[::-1]
            save(Image.fromarray(scene(draw, kind, height, width)), args.folder / kind / f"{i}", i % 3, draw)


if __name__ == "__main__":
    main()
