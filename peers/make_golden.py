"""Records what PyTorch computes in float64 for a few small networks: the golden files of the tests.

    pip install torch==2.11.0 safetensors numpy
    python make_golden.py [FOLDER]          # default: ../crates/reference/golden

Each file holds images, labels, logits before training (running statistics) and in the first step,
the losses of ten AdamW steps on that batch, digests of the initial parameters, of the first step's
gradients, of every change after ten steps and of the optimiser's moments, and the logits after
them. A digest is the largest absolute value, the Euclidean norm, a projection on fixed weights (so
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

import positional_random as draw
from inception_resnet_torch import InceptionResNet, Settings

STEPS = 10
FULL, SPREAD = 192, 64
ADAM = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-3, "weight_decay": 0.0}
# Of sixty seeds, those whose first step stays furthest from zeros of ReLUs and from equal maxima:
# what is computed in f32 then has the same signs. Epsilon and the low rate keep ten steps comparable:
# they do not turn by the sign of a gradient near 0, and small errors do not grow.
CASES = {
    "grey": {
        "network": Settings(length=1, width=3, dropout=0.0, stem_stride=2),
        "input": {"height": 13, "width": 12, "channels": 1}, "classes": 10, "images": 4,
        "adam": ADAM, "learning_rate": 1e-4, "label_smoothing": 0.0, "class_weights": None, "seed": 26,
    },
    "colour": {
        "network": Settings(length=2, width=2, dropout=0.0, residual_scale=0.3),
        "input": {"height": 10, "width": 8, "channels": 3}, "classes": 5, "images": 3,
        "adam": {"beta1": 0.8, "beta2": 0.99, "epsilon": 1e-3, "weight_decay": 0.5},
        "learning_rate": 1e-4, "label_smoothing": 0.1,
        "class_weights": [0.5, 1.0, 2.0, 0.25, 1.5], "seed": 35,
    },
    "dropout": {
        "network": Settings(length=1, width=1, dropout=0.3, residual=False),
        "input": {"height": 6, "width": 9, "channels": 1}, "classes": 2, "images": 3,
        "adam": ADAM, "learning_rate": 1e-4, "label_smoothing": 0.0, "class_weights": None,
        "seed": 2**40 + 18,
    },
}


def is_weight(name):
    """Whether this is a tensor of weights, which alone are drawn as such and decay."""
    return name.endswith(".weight")


def fill(model, seed):
    """The state that `perturbed_state` of the Rust tests gives."""
    for position, (name, tensor) in enumerate(model_order(model)):
        count = tensor.numel()
        if is_weight(name):
            window = int(np.prod(tensor.shape[2:]))
            limit = np.sqrt(6.0 / (window * (tensor.shape[0] + tensor.shape[1])))
            values = limit * (2.0 * draw.units(seed, draw.INITIALISATION, position, 0, count) - 1.0)
        else:
            low, extent = (0.5, 1.0) if name.endswith("running_var") else (-0.1, 0.2)
            values = low + extent * draw.units(seed, draw.BOOTSTRAP, 2 + position, 0, count)
        rounded = torch.from_numpy(values.astype(np.float32).astype(np.float64))
        tensor.data.copy_(rounded.reshape(tensor.shape))


def model_order(model):
    """State in the order of modiste's nodes, which is that of the modules."""
    return list(model.state_dict(keep_vars=True).items())


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
    """Every tensor of one golden file."""
    model = Masked(case).double()
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
    initial = {name: tensor.detach().clone() for name, tensor in model_order(model)}
    add = lambda group, pairs: out.update({f"{group}/{name}": digest(t) for name, t in pairs})
    add("initial", initial.items())
    out["logits/predict"] = predict(model, x)
    moments = train(model, case, x, y, out, add)
    out["logits/after"] = predict(model, x)
    add("change", ((name, t - initial[name]) for name, t in model_order(model)))
    for group, key in (("first", "exp_avg"), ("second", "exp_avg_sq")):
        add(group, ((name, moments[p][key]) for name, p in model.named_parameters()))
    return out


def predict(model, x):
    model.eval()
    with torch.no_grad():
        return model(x).numpy()


def train(model, case, x, y, out, add):
    """Ten steps on one batch; gives the optimiser's state."""
    adam, weights = case["adam"], case["class_weights"]
    named = list(model.named_parameters())
    groups = [
        {"params": [p for name, p in named if is_weight(name)], "weight_decay": adam["weight_decay"]},
        {"params": [p for name, p in named if not is_weight(name)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=case["learning_rate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["epsilon"]
    )
    weights = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    losses = []
    model.train()
    for model.step in range(STEPS):
        optimizer.zero_grad()
        logits = model(x)
        loss = F.cross_entropy(logits, y, weights, label_smoothing=case["label_smoothing"])
        loss.backward()
        if model.step == 0:
            out["logits/train"] = logits.detach().numpy()
            add("gradient", ((name, p.grad) for name, p in named))
        optimizer.step()
        losses.append(loss.item())
    out["losses"] = np.array(losses)
    return optimizer.state


def main():
    default = Path(__file__).parent.parent / "crates" / "reference" / "golden"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name, case in CASES.items():
        settings = {**case, "network": asdict(case["network"])}
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
