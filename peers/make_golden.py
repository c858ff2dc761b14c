"""Writes the golden files of the tests: results of PyTorch in float64 for a few small networks.

    pip install torch==2.11.0 safetensors numpy
    python make_golden.py [FOLDER]          # default: ../crates/reference/golden

Each file holds images, labels (or shares of classes), logits before training (running statistics) and in
the first step, the losses of ten steps on that batch, digests of the initial parameters, of the first
step's gradients, of every change after ten steps, of the optimiser's slots and of how far the averaged
weights moved, and the logits after them, of the averaged weights as well. A digest is the largest absolute value, the Euclidean norm, a projection on fixed weights (so
that every value counts) and the values themselves: all of a small tensor, 64 spread ones of a
large one. Metadata name the versions and all settings.
"""
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import positional_random as draw
from inception_resnet_torch import InceptionResNet, Settings
from muon_torch import MuonAndSgd
from residual_torch import Residual, WideResNet

STEPS = 10
FULL, SPREAD = 192, 64
# PyTorch's names of modiste's optimiser slots.
SLOTS = {
    "adam": {"first_moments": "exp_avg", "second_moments": "exp_avg_sq"},
    "sgd": {"momentum": "momentum_buffer"},
    "muon": {"momentum": "momentum_buffer"},
}
ADAM = {"kind": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-3, "weight_decay": 0.0}
# Of sixty seeds, those whose first step stays furthest from zeros of ReLUs and from equal maxima, so that
# results in f32 have the same signs. Epsilon and the low rate keep ten steps comparable: steps do not depend on
# the sign of a gradient near 0, and small errors do not grow.
CASES = {
    "grey": {
        "network": Settings(length=1, width=3, dropout=0.0, stem_stride=2),
        "input": {"height": 13, "width": 12, "channels": 1}, "classes": 10, "images": 4,
        "optimiser": ADAM, "learning_rate": 1e-4, "label_smoothing": 0.0, "class_weights": None, "seed": 26,
    },
    "colour": {
        "network": Settings(length=2, width=2, dropout=0.0, residual_scale=0.3),
        "input": {"height": 10, "width": 8, "channels": 3}, "classes": 5, "images": 3,
        "optimiser": {"kind": "adam", "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-3, "weight_decay": 0.5},
        "learning_rate": 1e-4, "label_smoothing": 0.1,
        "class_weights": [0.5, 1.0, 2.0, 0.25, 1.5], "seed": 35,
    },
    "dropout": {
        "network": Settings(length=1, width=1, dropout=0.3, residual=False),
        "input": {"height": 6, "width": 9, "channels": 1}, "classes": 2, "images": 3,
        "optimiser": ADAM, "learning_rate": 1e-4, "label_smoothing": 0.0, "class_weights": None,
        "seed": 2**40 + 18,
    },
    "nesterov": {
        "network": Settings(length=1, width=2, dropout=0.0),
        "input": {"height": 9, "width": 8, "channels": 1}, "classes": 4, "images": 4,
        "optimiser": {
            "kind": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.05, "decoupled": False,
        },
        "learning_rate": 1e-3, "label_smoothing": 0.1, "class_weights": [0.5, 1.0, 2.0, 0.25],
        "shares": True, "average": 0.8, "seed": 7,
    },
    "frozen": {
        "network": Settings(length=1, width=2, dropout=0.0),
        "input": {"height": 9, "width": 8, "channels": 1}, "classes": 4, "images": 4,
        "optimiser": {
            "kind": "sgd", "momentum": 0.7, "nesterov": False, "weight_decay": 0.05, "decoupled": False,
        },
        "learning_rate": 1e-3, "label_smoothing": 0.0, "class_weights": None,
        "rates": [0.0, 1.0, 0.5], "average": 0.9, "seed": 12,
    },
    "muon": {
        "network": {"architecture": "residual", "widths": [3, 6, 12], "dropout": 0.0},
        "input": {"height": 16, "width": 17, "channels": 1}, "classes": 4, "images": 4,
        "optimiser": {
            "kind": "muon", "momentum": 0.9, "nesterov": True, "matrix_rate": 0.5, "weight_decay": 0.5,
        },
        "learning_rate": 1e-3, "label_smoothing": 0.1, "class_weights": None, "average": 0.8, "seed": 33,
    },
    "residual": {
        "network": {"architecture": "residual", "widths": [3, 6, 12], "dropout": 0.0},
        "input": {"height": 16, "width": 17, "channels": 1}, "classes": 4, "images": 4,
        "optimiser": {**ADAM, "weight_decay": 0.5}, "learning_rate": 1e-4, "label_smoothing": 0.1,
        "class_weights": None, "seed": 33,
    },
    "wide": {
        "network": {"architecture": "wide_resnet", "depth": 10, "widening": 1, "dropout": 0.0},
        "input": {"height": 8, "width": 9, "channels": 3}, "classes": 3, "images": 4,
        "optimiser": {**ADAM, "weight_decay": 0.5}, "learning_rate": 1e-4, "label_smoothing": 0.0,
        "class_weights": None, "seed": 36,
    },
}


def is_weight(tensor):
    """Whether this is a tensor of weights; only weights decay."""
    return tensor.dim() > 1


def fill(model, seed):
    """The same state as `perturbed_state` of the Rust tests."""
    for position, (name, tensor) in enumerate(model_order(model)):
        count = tensor.numel()
        if is_weight(tensor):
            window = int(np.prod(tensor.shape[2:]))
            limit = np.sqrt(6.0 / (window * (tensor.shape[0] + tensor.shape[1])))
            values = limit * (2.0 * draw.units(seed, draw.INITIALISATION, position, 0, count) - 1.0)
        else:
            around_one = name.endswith((".running_var", ".weight"))
            low, extent = (0.5, 1.0) if around_one else (-0.1, 0.2)
            values = low + extent * draw.units(seed, draw.BOOTSTRAP, 2 + position, 0, count)
        rounded = torch.from_numpy(values.astype(np.float32).astype(np.float64))
        tensor.data.copy_(rounded.reshape(tensor.shape))


def model_order(model):
    """The state in the order of modiste's nodes, which equals the order of the modules."""
    state = model.state_dict(keep_vars=True).items()
    return [(name, tensor) for name, tensor in state if not name.endswith("num_batches_tracked")]


def make(case):
    """The network of a case."""
    network, inputs, classes = case["network"], case["input"]["channels"], case["classes"]
    if isinstance(network, Settings):
        return Masked(case)
    if network["architecture"] == "residual":
        return Residual(network["widths"], inputs, classes)
    return WideResNet(network["depth"], network["widening"], inputs, classes)


class Masked(InceptionResNet):
    """The twin with modiste's dropout masks."""

    def __init__(self, case):
        settings = case["network"]
        super().__init__(settings, case["input"]["channels"], case["classes"])
        self.seed, self.step, self.node = case["seed"], 0, {}
        block = 3 * settings.width * (settings.width + 1) // 2 + 3 + settings.residual
        position = 1  # the image
        sizes = {"input": 3, "blocks": settings.length * block, "reduction": 14, "dense": 5}
        for place, nodes in sizes.items():
            position += nodes
            if settings.dropout > 0 and place in settings.dropout_places:
                self.node[place] = position
                position += 1

    def drop(self, place, x):
        if not self.training or place not in self.node:
            return x
        rate = self.settings.dropout
        keeps = draw.dropout_keeps(self.seed, self.node[place], self.step, x.numel(), rate)
        n, c, *sides = x.shape
        keeps = torch.from_numpy(keeps).reshape(n, *sides, c).movedim(-1, 1)
        return torch.where(keeps, x / (1.0 - rate), 0.0)


def digest(tensor):
    values = tensor.detach().numpy().ravel().astype(np.float64)
    index = np.arange(values.size)
    weights = index * 7919 % 1009 / 1009 - 0.5
    shown = values if values.size <= FULL else values[np.arange(SPREAD) * values.size // SPREAD]
    figures = [np.abs(values).max(), np.sqrt(np.sum(values * values)), np.sum(values * weights)]
    return np.concatenate([figures, shown])


def record(case):
    """All tensors of one golden file."""
    model = make(case).double()
    fill(model, case["seed"])
    shape = case["input"]
    size = shape["height"] * shape["width"] * shape["channels"]
    seed, n = case["seed"], case["images"]
    images = draw.below(seed, draw.BOOTSTRAP, 0, 0, n * size, 256).astype(np.uint8)
    images = images.reshape(n, shape["height"], shape["width"], shape["channels"])
    labels = draw.below(seed, draw.BOOTSTRAP, 1, 0, n, case["classes"]).astype(np.uint16)
    x = torch.from_numpy(images).movedim(-1, 1).double() / 255.0
    y = torch.from_numpy(labels.astype(np.int64))
    out = {"images": images, "labels": labels}
    if case.get("shares"):
        raw = draw.units(seed, draw.BOOTSTRAP, 3, 0, n * case["classes"]).reshape(n, -1)
        out["shares"] = (raw / raw.sum(1, keepdims=True)).astype(np.float32).astype(np.float64)
        y = torch.from_numpy(out["shares"])
    initial = {name: tensor.detach().clone() for name, tensor in model_order(model)}
    add = lambda group, pairs: out.update({f"{group}/{name}": digest(t) for name, t in pairs})
    add("initial", initial.items())
    out["logits/predict"] = predict(model, x)
    slots, average = train(model, case, x, y, out, add)
    out["logits/after"] = predict(model, x)
    add("change", ((name, t - initial[name]) for name, t in model_order(model)))
    for group, key in SLOTS[case["optimiser"]["kind"]].items():
        pairs = model.named_parameters()
        add(group, ((name, slots[p].get(key, torch.zeros_like(p))) for name, p in pairs))
    if average is not None:
        out["logits/average"] = predict(average.module, x)
        add("average", ((name, t - initial[name]) for name, t in model_order(average.module)))
    return out


def predict(model, x):
    model.eval()
    with torch.no_grad():
        return model(x).numpy()


def groups_of(model, case):
    """Parameter groups: only weights decay; parameters take the rates of the case in turn, and 0 freezes."""
    groups, rates = [], case.get("rates", [])
    positions = {name: i for i, (name, _) in enumerate(model_order(model))}
    for name, p in model.named_parameters():
        decay = case["optimiser"]["weight_decay"] if is_weight(p) else 0.0
        rate = rates[positions[name] % len(rates)] if rates else 1.0
        if rate > 0.0:
            rate = case["learning_rate"] * rate
            groups.append({"params": [p], "weight_decay": decay, "lr": rate})
    return groups


def optimizer_of(model, case):
    groups, settings = groups_of(model, case), case["optimiser"]
    if settings["kind"] == "adam":
        betas = (settings["beta1"], settings["beta2"])
        return torch.optim.AdamW(groups, betas=betas, eps=settings["epsilon"])
    if settings["kind"] == "muon":
        return MuonAndSgd(model, is_weight, lr=case["learning_rate"], exact=True, **fields_of(settings))
    assert not settings["decoupled"], "PyTorch's SGD has only coupled decay"
    return torch.optim.SGD(groups, momentum=settings["momentum"], nesterov=settings["nesterov"])


def fields_of(settings):
    """An optimiser's settings without its kind."""
    return {name: value for name, value in settings.items() if name != "kind"}


def freeze_statistics(model, case):
    """Switches normalisations to `eval` if their running mean has rate 0."""
    rates = case.get("rates", [])
    for i, (name, _) in enumerate(model_order(model)):
        if rates and name.endswith("running_mean") and rates[i % len(rates)] == 0.0:
            model.get_submodule(name.rsplit(".", 1)[0]).eval()


def rates_of(model, case):
    """A rate for each tensor; the statistics of one normalisation have the same rate."""
    rates, names = case.get("rates", []), [name for name, _ in model_order(model)]
    if not rates:
        return []
    of = lambda name: rates[names.index(name.replace("running_var", "running_mean")) % len(rates)]
    return [of(name) for name in names]


def train(model, case, x, y, out, add):
    """Makes ten steps on one batch; returns the optimiser's state and the averaged model."""
    weights, named = case["class_weights"], list(model.named_parameters())
    optimizer = optimizer_of(model, case)
    average = None
    if case.get("average") is not None:
        ema = get_ema_multi_avg_fn(case["average"])
        average = AveragedModel(model, multi_avg_fn=ema, use_buffers=True)
    weights = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    losses = []
    model.train()
    freeze_statistics(model, case)
    for model.step in range(STEPS):
        optimizer.zero_grad()
        logits = model(x)
        loss = F.cross_entropy(logits, y, weights, label_smoothing=case["label_smoothing"])
        loss.backward()
        if model.step == 0:
            out["logits/train"] = logits.detach().numpy()
            add("gradient", ((name, p.grad) for name, p in named))
        optimizer.step()
        if average is not None:
            average.update_parameters(model)
        losses.append(loss.item())
    out["losses"] = np.array(losses)
    return optimizer.state, average


def main():
    default = Path(__file__).parent.parent / "crates" / "reference" / "golden"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name, case in CASES.items():
        rates, network = rates_of(make(case), case), case["network"]
        network = asdict(network) if isinstance(network, Settings) else network
        settings = {"average": None, **case, "network": network, "rates": rates}
        metadata = {
            "case": json.dumps(settings, sort_keys=True),
            "torch": torch.__version__, "numpy": np.__version__,
            "safetensors": safetensors.__version__, "script": "peers/make_golden.py",
        }
        path = folder / f"{name}.safetensors"
        safetensors.numpy.save_file(record(case), path, metadata)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
