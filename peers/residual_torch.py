"""The residual networks of modiste in PyTorch, with the names that its files have."""
import torch.nn as nn
import torch.nn.functional as F


class Unit(nn.Module):
    """Convolution 3x3, batch normalisation, ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Stage(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.widen = Unit(inputs, outputs)
        self.add_module("0", Unit(outputs, outputs))
        self.add_module("1", Unit(outputs, outputs))

    def forward(self, x):
        x = F.max_pool2d(self.widen(x), 2)
        first, second = (self.get_submodule(name) for name in "01")
        return x + second(first(x))


class Residual(nn.Module):
    def __init__(self, widths, inputs, classes):
        super().__init__()
        self.stem = Unit(inputs, widths[0])
        sides = [widths[0], *widths]
        self.stages = nn.ModuleList(Stage(i, o) for i, o in zip(sides, sides[1:]))
        self.dense = nn.Linear(sides[-1], classes)

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.dense(x.amax((2, 3)))


class Before(nn.Module):
    """Batch normalisation and ReLU before a convolution 3x3."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.add_module("0", Before(inputs, outputs, stride))
        self.add_module("1", Before(outputs, outputs, 1))
        alike = inputs == outputs and stride == 1
        self.shortcut = None if alike else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        first, second = (self.get_submodule(name) for name in "01")
        active = F.relu(first.norm(x))
        y = second.conv(F.relu(second.norm(first.conv(active))))
        return (self.shortcut(active) if self.shortcut else x) + y


class Stem(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, 16, 3, 1, 1, bias=False)


class Last(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)


class WideResNet(nn.Module):
    def __init__(self, depth, widening, inputs, classes):
        super().__init__()
        self.stem = Stem(inputs)
        stages, before = [], 16
        for stage in range(3):
            channels, blocks = 16 * widening << stage, []
            for block in range((depth - 4) // 6):
                blocks.append(Block(before, channels, 2 if stage and not block else 1))
                before = channels
            stages.append(nn.ModuleList(blocks))
        self.stages = nn.ModuleList(stages)
        self.last = Last(before)
        self.dense = nn.Linear(before, classes)

    def forward(self, x):
        x = self.stem.conv(x)
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return self.dense(F.relu(self.last.norm(x)).mean((2, 3)))
