"""Records the learning rates of PyTorch's schedulers, for tests/schedules.rs.

Run: python schedules.py > schedules.json   (made with torch 2.11)
"""

import json
import math
import warnings

import torch
from torch.optim import lr_scheduler

warnings.simplefilter("ignore")


def optimiser(lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def run(opt, schedule, total):
    """The learning rate of each step."""
    rates = []
    for _ in range(total):
        rates.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step()
    return rates


def one_cycle(peak, total, fraction, start, end):
    opt = optimiser(1.0)
    # Stepped once more at the end, which the scheduler refuses; so the last step is left out.
    schedule = lr_scheduler.OneCycleLR(
        opt, peak, total_steps=total, pct_start=fraction, div_factor=start, final_div_factor=end,
        cycle_momentum=False)
    rates = []
    for step in range(total):
        rates.append(opt.param_groups[0]["lr"])
        opt.step()
        if step + 1 < total:
            schedule.step()
    return {"peak": peak, "total": total, "fraction": fraction, "start": start, "end": end, "rates": rates}


def cosine(peak, total, warmup, floor):
    opt = optimiser(peak)
    down = lr_scheduler.CosineAnnealingLR(opt, T_max=total - warmup, eta_min=floor)
    if warmup:
        # LinearLR from 1 / (w + 1) to 1 over w steps is (step + 1) / (w + 1).
        opt = optimiser(peak)
        up = lr_scheduler.LinearLR(opt, start_factor=1 / (warmup + 1), total_iters=warmup)
        down = lr_scheduler.CosineAnnealingLR(opt, T_max=total - warmup, eta_min=floor)
        down = lr_scheduler.SequentialLR(opt, [up, down], milestones=[warmup])
    return {"peak": peak, "total": total, "warmup": warmup, "floor": floor, "rates": run(opt, down, total)}


def losses(kind, n):
    if kind == "stuck":
        return [1.0] * n
    if kind == "noisy":
        return [1.0 / (1 + i // 4) + 0.05 * math.sin(7.3 * i) for i in range(n)]
    return [0.5 * (1 - 1e-5) ** i for i in range(n)]  # "creeping": improves by less than the threshold


def plateau(kind, lr, factor, patience, threshold, cooldown, floor):
    opt = optimiser(lr)
    schedule = lr_scheduler.ReduceLROnPlateau(
        opt, mode="min", factor=factor, patience=patience, threshold=threshold, threshold_mode="rel",
        cooldown=cooldown, min_lr=floor)
    seen, rates = losses(kind, 40), []
    for loss in seen:
        schedule.step(loss)
        rates.append(opt.param_groups[0]["lr"])
    return {"losses": seen, "learning_rate": lr, "factor": factor, "patience": patience,
            "threshold": threshold, "cooldown": cooldown, "floor": floor, "rates": rates}


print(json.dumps({
    "torch": torch.__version__.split("+")[0],
    "one_cycle": [
        one_cycle(8e-3, 37, 0.3, 25.0, 1e4),
        one_cycle(1e-2, 10, 0.25, 10.0, 100.0),
        one_cycle(1e-3, 12, 0.5, 1.0, 1e4),
    ],
    "cosine": [
        cosine(1e-3, 30, 0, 0.0),
        cosine(4e-3, 30, 6, 1e-5),
        cosine(1.0, 8, 1, 0.1),
    ],
    "plateau": [
        plateau("stuck", 1e-3, 0.3, 3, 1e-4, 0, 1e-6),
        plateau("stuck", 1e-3, 0.1, 2, 1e-4, 2, 0.0),
        plateau("noisy", 1e-2, 0.5, 1, 1e-4, 1, 1e-3),
        plateau("noisy", 1e-3, 0.3, 0, 0.1, 3, 0.0),
        plateau("creeping", 1e-3, 0.5, 4, 1e-4, 0, 1e-5),
        plateau("creeping", 1e-3, 0.5, 4, 0.0, 0, 1e-5),
    ],
}, indent=1))
