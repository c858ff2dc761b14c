"""Records the Grad-CAM heat maps that PyTorch computes in float64 for the networks of make_golden.py.

    pip install torch==2.11.0 safetensors numpy
    python make_grad_cam.py                 # writes ../crates/explain/golden/grad_cam.json

For each network, image, class and layer: the sum of the layer's maps, each weighted by the mean
gradient of the class's logit by it (from autograd), with its negative parts set to zero; rows of
rows, not normalised. Networks, parameters and images are drawn as make_golden.py draws them.
"""
import json
from pathlib import Path

import numpy as np
import torch

import positional_random as draw
from make_golden import CASES, Masked, fill

OUT = Path(__file__).parent.parent / "crates" / "explain" / "golden" / "grad_cam.json"


def layers(model):
    """Modules by modiste's name of their output."""
    last = len(model.blocks) - 1
    return {f"blocks.{last}.relu": model.blocks[last], "reduction.concat": model.reduction}


def heat_map(model, module, x, label):
    """Grad-CAM by a hook on the module and autograd (Selvaraju et al. 2017, equations 1 and 2)."""
    kept = {}
    handle = module.register_forward_hook(lambda *args: kept.update(maps=args[2]))
    logit = model(x)[0, label]
    handle.remove()
    (gradient,) = torch.autograd.grad(logit, kept["maps"])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return (weights * kept["maps"]).sum(dim=1)[0].clamp(min=0).detach().numpy()


def record(name, case):
    model = Masked(case).double().eval()
    fill(model, case["seed"])
    shape = [case["images"], *(case["input"][key] for key in ("height", "width", "channels"))]
    images = draw.below(case["seed"], draw.BOOTSTRAP, 0, 0, int(np.prod(shape)), 256).reshape(shape)
    for image in range(case["images"]):
        x = torch.from_numpy(images[image : image + 1].astype(np.float64)).movedim(-1, 1) / 255
        for label in range(case["classes"]):
            for layer, module in layers(model).items():
                rows = [[float(f"{value:.9g}") for value in row] for row in heat_map(model, module, x, label)]
                yield {"case": name, "image": image, "class": label, "layer": layer, "map": rows}


def main():
    maps = [record for name, case in CASES.items() for record in record_some(name, case)]
    OUT.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(entry) for entry in maps)
    OUT.write_text(f'{{"torch": "{torch.__version__}", "maps": [\n{lines}\n]}}\n')
    print(f"{OUT}: {len(maps)} maps, {OUT.stat().st_size} bytes")


def record_some(name, case):
    """Two images and three classes, which keep the file small."""
    return [entry for entry in record(name, case) if entry["image"] < 2 and entry["class"] < 3]


if __name__ == "__main__":
    main()
