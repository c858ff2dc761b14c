"""Makes mix.json: what torchvision's CutMix and MixUp make of small images, and quantiles of scipy's beta distribution.

The random draws are modiste's, computed by peers/positional_random.py; the transforms are torchvision's own. Needs the
packages numpy, scipy, torch and torchvision (0.29 made the file): python make_mix.py
"""

import json
import pathlib
import sys
import types
from unittest import mock

import numpy as np
import scipy.stats
import torch
import torchvision
from torchvision.transforms import v2

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "peers"))
from positional_random import blocks  # noqa: E402

AUGMENT = 7
PARTNER, RECTANGLE, ATTEMPTS = 8, 9, 1 << 16
COUNT, CLASSES = 50, 4
CASES = [
    {"shape": shape, "cutmix": cutmix, "mixup": mixup, "seed": seed, "epoch": epoch}
    for shape in ([8, 11, 1], [6, 9, 3])
    for cutmix, mixup, seed, epoch in ((1.0, 0.0, 5, 0), (0.0, 0.2, 1 << 40, 3), (0.5, 1.0, 7, 12), (0.3, 4.0, 8, 1))
]
# Among them images that CutMix leaves unchanged and images whose partner has the same class.
INDICES = [0, 1, 2, 3, 17, 30, 48, 49]


def image(i, shape):
    """Image `i`, (c, h, w); tests/mix.rs has the same formula."""
    h, w, c = np.indices(shape)
    return torch.from_numpy(((i * 61 + h * 23 + w * 7 + c * 101) % 256).astype(np.uint8)).permute(2, 0, 1)


def draw(case, item, index):
    """The four random words of one image."""
    return [int(word) for word in blocks(case["seed"], AUGMENT, item, case["epoch"], index + 1)[index]]


def johnk(case, index):
    """A draw from Beta(a, a) by Jöhnk's method."""
    attempt = 0
    while True:
        words = draw(case, ATTEMPTS + attempt, index)
        for pair in (words[:2], words[2:]):
            x, y = ((1.0 - word / 2.0**32) ** (1.0 / case["mixup"]) for word in pair)
            if 0.0 < x + y <= 1.0:
                return x / (x + y)
        attempt += 1


def mixed(case, index):
    """Pixels (h, w, c) and shares of image `index`, by torchvision."""
    shape = case["shape"]
    partner, chance, size, _ = draw(case, PARTNER, index)
    partner = partner * COUNT >> 32
    images = torch.stack([image(i, shape) for i in (index, partner)]).float()
    labels = torch.tensor([index % CLASSES, partner % CLASSES])
    if chance / 2.0**32 < case["cutmix"]:
        transform, lam = v2.CutMix(num_classes=CLASSES), size / 2.0**32
        row, column = draw(case, RECTANGLE, index)[:2]
        # torchvision draws the column first.
        centres = [torch.tensor([column * shape[1] >> 32]), torch.tensor([row * shape[0] >> 32])]
    else:
        transform, lam, centres = v2.MixUp(num_classes=CLASSES), johnk(case, index), []
    transform._dist = types.SimpleNamespace(sample=lambda _: torch.tensor(lam, dtype=torch.float64))
    with mock.patch("torch.randint", side_effect=centres):
        pixels, shares = transform(images, labels)
    return pixels[0].permute(1, 2, 0).ravel().tolist(), shares[0].tolist()


def main():
    for case in CASES:
        found = [mixed(case, index) for index in INDICES]
        case["pixels"] = [[round(value, 3) for value in pixels] for pixels, _ in found]
        case["shares"] = [shares for _, shares in found]
    levels = [0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.98]
    quantiles = {str(a): scipy.stats.beta.ppf(levels, a, a).tolist() for a in (0.2, 1.0, 4.0)}
    about = {"torchvision": torchvision.__version__, "scipy": scipy.__version__}
    content = {**about, "count": COUNT, "classes": CLASSES, "indices": INDICES, "levels": levels, "quantiles": quantiles}
    text = json.dumps({**content, "cases": CASES}, separators=(",", ":"))
    text = text.replace('"cases":[', '"cases":[\n').replace('},{"shape', '},\n{"shape').replace(".0,", ",").replace(".0]", "]")
    pathlib.Path(__file__).with_name("mix.json").write_text(text + "\n")


main()
