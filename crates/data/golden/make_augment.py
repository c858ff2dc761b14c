"""Makes augment.json: small pictures, and what torchvision makes of them.

Needs the packages numpy, torch and torchvision (0.26 made the file): python make_augment.py
"""

import json
import pathlib

import numpy as np
import torch
from torchvision.transforms.v2 import functional as F
from torchvision.transforms.functional import _get_inverse_affine_matrix


def warp(image, turn, zoom, shear, edge):
    """torchvision's affine; with the edge's pixels outside, its matrix and torch's sampling."""
    x = torch.from_numpy(image).permute(2, 0, 1).float()
    if not edge:
        out = F.affine(x, turn, [0, 0], zoom, [shear, 0.0], interpolation=F.InterpolationMode.BILINEAR)
    else:
        h, w = x.shape[1:]
        m = np.array(_get_inverse_affine_matrix([0.0, 0.0], turn, [0, 0], zoom, [shear, 0.0])).reshape(2, 3)
        ys, xs = np.mgrid[0:h, 0:w]
        grid = np.stack([xs - (w - 1) / 2, ys - (h - 1) / 2], -1) @ m[:, :2].T
        grid = (grid + np.array([w, h]) / 2) / np.array([w, h]) * 2 - 1
        grid = torch.from_numpy(grid).float()[None]
        out = torch.nn.functional.grid_sample(x[None], grid, "bilinear", "border", False)[0]
    return out.round().clamp(0, 255).permute(1, 2, 0).byte().numpy()


def colour(image, brightness, contrast, saturation):
    x = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    x = F.adjust_brightness(x, brightness)
    x = F.adjust_contrast(x, contrast)
    if x.shape[0] == 3:
        x = F.adjust_saturation(x, saturation)
    return (x * 255).round().clamp(0, 255).permute(1, 2, 0).byte().numpy()


def main():
    rng = np.random.default_rng(3)
    pictures = []
    for h, w, c in [(9, 12, 3), (11, 7, 1)]:
        ys, xs = np.mgrid[0:h, 0:w]
        smooth = 120 + 90 * np.sin(xs[..., None] / 2.1 + np.arange(c)) * np.cos(ys[..., None] / 1.7)
        pictures.append((smooth + rng.normal(0, 20, (h, w, c))).clip(0, 255).astype(np.uint8))
    cases = []
    for image in pictures:
        h, w, c = image.shape
        for turn, zoom, shear, edge in [
            (0, 1, 0, False), (90, 1, 0, False), (15, 1, 0, False), (-37, 1.3, 0, False), (0, 0.7, 0, True),
            (0, 1.9, 0, False), (0, 1, 20, False), (170, 0.8, -30, True), (-8, 1.1, 12, True),
        ]:
            out = warp(image, turn, zoom, shear, edge)
            cases.append({"shape": [h, w, c], "image": image.ravel().tolist(), "out": out.ravel().tolist(),
                          "warp": {"turn": turn, "zoom": zoom, "shear": shear, "edge": edge}})
        for brightness, contrast, saturation in [
            (1, 1, 1), (0.4, 1, 1), (1.7, 1, 1), (1, 0.3, 1), (1, 1.8, 1), (1, 1, 0), (1, 1, 2), (1.2, 0.7, 1.5), (0, 1, 1),
        ]:
            out = colour(image, brightness, contrast, saturation)
            cases.append({"shape": [h, w, c], "image": image.ravel().tolist(), "out": out.ravel().tolist(),
                          "colour": {"brightness": brightness, "contrast": contrast, "saturation": saturation}})
    text = json.dumps(cases, separators=(",", ":")).replace("},{\"shape", "},\n{\"shape")
    pathlib.Path(__file__).with_name("augment.json").write_text(text + "\n")


main()
