"""InceptionResNetFashion in PyTorch, with the parameter names of modiste's own model files.

    pip install torch==2.11.0 safetensors numpy
    python inception_resnet_torch.py        # the published configurations and their parameter counts

The twin exists to be compared with: `make_golden.py` records what it computes for the tests,
`check_model.py` loads a trained model file into it. Inputs are floats (n, c, h, w) in [0, 1],
outputs are logits (n, classes). A model file loads strictly:

    twin.load_state_dict(safetensors.torch.load_file("best.safetensors"))
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

TRUNK = 64
PLACES = ("input", "blocks", "reduction", "dense")


@dataclass
class Settings:
    """The free parameters, named as in modiste's configuration."""

    length: int = 4
    width: int = 5
    dropout: float = 0.3
    dropout_places: tuple = PLACES
    stem_stride: int = 1
    residual: bool = True
    residual_scale: float = 0.2


def branch_channels(j):
    """Channels of convolution number j of a branch."""
    return (32, 32, 48, 80, 96)[j] if j < 5 else 96 + 16 * (j - 4)


class Shift(nn.Module):
    """Batch normalisation with a trained shift and no scale, not even a constant one in the state."""

    def __init__(self, channels, epsilon=1e-3, momentum=0.1):
        super().__init__()
        self.epsilon, self.momentum = epsilon, momentum
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        return F.batch_norm(
            x, self.running_mean, self.running_var, weight=None, bias=self.bias,
            training=self.training, momentum=self.momentum, eps=self.epsilon,
        )


class ConvBn(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, c, k, kernel, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(c, k, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = Shift(k)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Block(nn.Module):
    """Branch i has i + 1 convolutions, the first 1x1 and the others 3x3."""

    def __init__(self, settings):
        super().__init__()
        width = range(settings.width)
        self.scale = settings.residual_scale if settings.residual else None
        self.branches = nn.ModuleList(self.branch(i) for i in width)
        self.project = nn.Conv2d(sum(branch_channels(i) for i in width), TRUNK, 1)

    @staticmethod
    def branch(i):
        widths = [TRUNK] + [branch_channels(j) for j in range(i + 1)]
        kernels = [1] + [3] * i
        return nn.Sequential(*map(ConvBn, widths, widths[1:], kernels))

    def forward(self, x):
        y = self.project(torch.cat([branch(x) for branch in self.branches], dim=1))
        return F.relu(y if self.scale is None else x + self.scale * y)


class Reduction(nn.Module):
    """Three parallel branches that halve the map."""

    def __init__(self):
        super().__init__()
        self.conv = ConvBn(TRUNK, 64, 3, stride=2)
        self.stack = nn.Sequential(ConvBn(TRUNK, 32, 1), ConvBn(32, 48, 3), ConvBn(48, 64, 3, stride=2))

    def forward(self, x):
        pooled = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        return torch.cat([pooled, self.conv(x), self.stack(x)], dim=1)


class InceptionResNet(nn.Module):
    """Images (n, channels, h, w) to logits (n, classes)."""

    def __init__(self, settings=Settings(), channels=1, classes=10):
        super().__init__()
        self.settings = settings
        self.input = ConvBn(channels, TRUNK, 3, settings.stem_stride)
        self.blocks = nn.Sequential(*(Block(settings) for _ in range(settings.length)))
        self.reduction = Reduction()
        self.output = ConvBn(TRUNK + 128, TRUNK + 128, 1)
        self.dense = nn.Linear(TRUNK + 128, classes)

    def drop(self, place, x):
        """Dropout where the settings have it; subclasses replace it to use modiste's masks."""
        here = place in self.settings.dropout_places
        return F.dropout(x, self.settings.dropout, self.training) if here else x

    def forward(self, x):
        x = self.drop("input", self.input(x))
        x = self.drop("blocks", self.blocks(x))
        x = self.drop("reduction", self.reduction(x))
        x = self.output(F.avg_pool2d(x, 2))
        return self.dense(self.drop("dense", x.mean(dim=(2, 3))))


def parameter_count(model):
    """Number of trained values."""
    return sum(p.numel() for p in model.parameters())


if __name__ == "__main__":
    for length, width in ((3, 4), (4, 4), (3, 5), (4, 5)):
        count = parameter_count(InceptionResNet(Settings(length, width)))
        print(f"length {length}, width {width}: {count:,} parameters")
