"""Compares the training speed of the preset `swift` with the same network, batches and optimiser in PyTorch.

    python3 benchmarks/swift_twin.py MODISTE [--threads 2] [--rounds 3] [--seconds 4] [--json FILE]

Needs PyTorch. The processes take turns. The figures are images per second of training steps (forward, backward,
Muon) on batches in memory, and the speed of modiste divided by that of PyTorch's fastest mode in the same round.
"""
import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "peers"))

WIDTHS, BATCH, CLASSES = [16, 48, 96], 256, 10
MODES = ("channels-last", "nchw", "compiled")


def torch_speed(mode, threads, seconds):
    """Images per second of the twin, after two steps that are not timed."""
    import torch
    from muon_torch import MuonAndSgd
    from residual_torch import Residual

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = Residual(WIDTHS, 1, CLASSES).train()
    layout = torch.contiguous_format if mode == "nchw" else torch.channels_last
    model = model.to(memory_format=layout)
    run = torch.compile(model) if mode == "compiled" else model
    optimiser = MuonAndSgd(
        model, lambda p: p.dim() > 1, lr=0.01, momentum=0.95, nesterov=True, matrix_rate=0.4, weight_decay=0.15
    )
    images = torch.rand(BATCH, 1, 28, 28).to(memory_format=layout)
    labels = torch.randint(0, CLASSES, (BATCH,))
    loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    times = []
    while len(times) < 5 or sum(times[2:]) < seconds:
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        loss(run(images), labels).backward()
        optimiser.step()
        times.append(time.perf_counter() - start)
    return BATCH / statistics.median(times[2:])


def modiste_speed(binary, threads, seconds):
    command = [binary, "bench", "--preset", "swift", "--threads", str(threads)]
    command += ["--batch", str(BATCH), "--seconds", str(seconds), "--json"]
    output = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    widths = output["network"]["widths"]
    if widths != WIDTHS:
        raise SystemExit(f"the preset has widths {widths}, this script {WIDTHS}")
    return output["train_images_per_second"]


def processor():
    text = Path("/proc/cpuinfo").read_text()
    found = re.search(r"model name\s*: (.*)", text)
    return found[1] if found else "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modiste")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--torch", choices=MODES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.torch:
        print(torch_speed(args.torch, args.threads, args.seconds))
        return
    rounds = []
    for _ in range(args.rounds):
        speeds = {"modiste": modiste_speed(args.modiste, args.threads, args.seconds)}
        for mode in MODES:
            command = [sys.executable, __file__, args.modiste, "--torch", mode]
            command += ["--threads", str(args.threads), "--seconds", str(args.seconds)]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
            speeds[mode] = float(run.stdout)
        rounds.append(speeds)
        print("  ".join(f"{name} {speed:.0f}" for name, speed in speeds.items()), flush=True)
    ratios = sorted(r["modiste"] / max(r[mode] for mode in MODES) for r in rounds)
    median = statistics.median(ratios)
    print(f"ratio to PyTorch's fastest mode: {median:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    if args.json:
        record = {"processor": processor(), "threads": args.threads, "batch": BATCH}
        record |= {"command": " ".join(sys.argv), "rounds": rounds, "ratio": median}
        args.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
