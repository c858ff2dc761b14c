"""Draws a small data set of three shapes, as pictures of many sizes.

    python draw_shapes.py FOLDER [PICTURES]

FOLDER/circle, FOLDER/square and FOLDER/triangle get PICTURES (60) PNG files each: RGB, 64 to 120 pixels a
side, the shape anywhere, turned, in a colour of its own on a ground of its own, with noise. Needs Pillow
and numpy.
"""

import pathlib
import sys

import numpy as np
from PIL import Image, ImageDraw

SHAPES = {"circle": 48, "square": 4, "triangle": 3}


def draw(rng, corners):
    width, height = rng.integers(64, 121, 2)
    ground = rng.integers(0, 256, 3)
    colour = rng.integers(0, 256, 3)
    while np.abs(colour - ground).sum() < 180:
        colour = rng.integers(0, 256, 3)
    radius = rng.uniform(0.16, 0.34) * min(width, height)
    centre = [rng.uniform(radius, side - radius) for side in (width, height)]
    turn = rng.uniform(0, 2 * np.pi)
    angles = turn + np.arange(corners) * 2 * np.pi / corners
    points = [(centre[0] + radius * np.cos(a), centre[1] + radius * np.sin(a)) for a in angles]
    # Draw four times as large and shrink, for smooth edges.
    large = Image.new("RGB", (4 * width, 4 * height), tuple(ground.tolist()))
    ImageDraw.Draw(large).polygon([(4 * x, 4 * y) for x, y in points], fill=tuple(colour.tolist()))
    pixels = np.asarray(large.resize((width, height), Image.Resampling.BOX), float)
    pixels = pixels + rng.normal(0, rng.uniform(2, 14), pixels.shape)
    return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))


def main():
    folder = pathlib.Path(sys.argv[1])
    pictures = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    rng = np.random.default_rng(20261126)
    for name, corners in SHAPES.items():
        (folder / name).mkdir(parents=True)
        for i in range(pictures):
            draw(rng, corners).save(folder / name / f"{name}{i:03}.png")


main()
