"""A plain residual network in PyTorch on a folder of pictures, for comparison with `modiste train` on small data sets.

    python small_sets_torch.py FOLDER SECONDS [SIZE]

FOLDER has train/CLASS and val/CLASS. Pictures are shrunk into SIZE x SIZE (64) by areas and padded with the
median of their border, mirrored, cropped and recoloured while training. Trains for SECONDS on two threads,
one cycle of SGD that ends where the time does, and prints a line an epoch: seconds, training and validation accuracy.
Seconds are CPU time divided by the threads, so that other work on the machine does not count; SEED is in the environment.
Needs torch, torchvision, Pillow, numpy.
"""

import os
import pathlib
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2


def fit(path, n):
    image = Image.open(path).convert("RGB")
    scale = n / max(image.size)
    w, h = (max(1, round(side * scale)) for side in image.size)
    image = image.resize((w, h), Image.Resampling.BOX)
    a = np.asarray(image)
    border = np.concatenate([a[0], a[-1], a[:, 0], a[:, -1]])
    ground = Image.new("RGB", (n, n), tuple(np.median(border, 0).astype(int).tolist()))
    ground.paste(image, ((n - w) // 2, (n - h) // 2))
    return torch.from_numpy(np.asarray(ground)).permute(2, 0, 1)


def load(folder, n):
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir())
    files = [(p, i) for i, c in enumerate(classes) for p in sorted((folder / c).iterdir())]
    return torch.stack([fit(p, n) for p, _ in files]), torch.tensor([i for _, i in files])


THREADS = int(os.environ.get("THREADS", "2"))


def clock():
    return time.process_time() / THREADS


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True),
            nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o),
        )
        same = stride == 1 and i == o
        self.skip = nn.Identity() if same else nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        return torch.relu(self.body(x) + self.skip(x))


def network(classes, w=16):
    stem = [nn.Conv2d(3, w, 3, 1, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(True)]
    widths = [w, w, 2 * w, 4 * w, 8 * w]
    blocks = [Block(i, o, 1 if n == 0 else 2) for n, (i, o) in enumerate(zip(widths, widths[1:]))]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(8 * w, classes))


def main():
    torch.set_num_threads(THREADS)
    torch.manual_seed(int(os.environ.get("SEED", "0")))
    folder, seconds = pathlib.Path(sys.argv[1]), float(sys.argv[2])
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    (x, y), (vx, vy) = load(folder / "train", n), load(folder / "val", n)
    change = v2.Compose([
        v2.RandomHorizontalFlip(), v2.RandomResizedCrop(n, (0.5, 1.0), antialias=True), v2.ColorJitter(0.2, 0.2, 0.2),
        v2.ToDtype(torch.float32, scale=True),
    ])
    model, batch = network(int(y.max()) + 1), 16
    optimiser = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
    start, epoch, right = clock(), 0, 0.0
    while clock() - start < seconds:
        model.train()
        order, hits = torch.randperm(len(x)), 0
        for at in order.split(batch):
            if len(at) < 2:
                continue
            # One cycle over the time that is given, so that it ends where the time does.
            part = min(1.0, (clock() - start) / seconds)
            rate = 0.05 * (part / 0.3 if part < 0.3 else 0.5 + 0.5 * np.cos(np.pi * (part - 0.3) / 0.7))
            optimiser.param_groups[0]["lr"] = max(rate, 1e-5)
            out = model(torch.stack([change(x[i]) for i in at]))
            loss = loss_of(out, y[at])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            hits += (out.argmax(1) == y[at]).sum().item()
        model.eval()
        with torch.no_grad():
            right = (model(vx.float() / 255).argmax(1) == vy).float().mean().item()
        epoch += 1
        print(f"{epoch},{clock() - start:.1f},{hits / len(x):.4f},{right:.4f}", flush=True)


main()
