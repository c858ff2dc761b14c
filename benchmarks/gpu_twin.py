"""The twin of a network in PyTorch on a CUDA card, in its fastest mode: `torch.compile` with CUDA graphs, bfloat16, channels last.

    python3 benchmarks/gpu_twin.py L-W-STRIDE|swift --batch 256 --seconds 2

Called by gpu.sh. Prints one JSON object with images a second of training steps (forward, backward, the same optimiser) and of predictions,
on batches that lie in the card's memory.
"""
import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))

import torch
import torch.nn.functional as F

CLASSES, GROUP = 10, 16


def twin(name):
    """The network and its optimiser."""
    if name == "swift":
        from muon_torch import MuonAndSgd
        from residual_torch import Residual

        model = Residual([16, 48, 96], 1, CLASSES)
        return model, lambda model: MuonAndSgd(
            model, lambda p: p.dim() > 1, lr=0.01, momentum=0.95, nesterov=True, matrix_rate=0.4, weight_decay=0.15
        )
    from inception_resnet_torch import InceptionResNet, Settings

    length, width, stride = map(int, name.split("-"))
    model = InceptionResNet(Settings(length, width, 0.3, stem_stride=stride))
    return model, lambda model: torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=True)


def speed(step, batch, seconds):
    """Images a second: the median over groups of steps, each waited for as a whole."""
    for _ in range(GROUP):
        step()
    torch.cuda.synchronize()
    times, begun = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        for _ in range(GROUP):
            step()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return GROUP * batch / statistics.median(times)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("network")
    arguments.add_argument("--batch", type=int, required=True)
    arguments.add_argument("--seconds", type=float, default=2.0)
    chosen = arguments.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    model, optimiser = twin(chosen.network)
    model = model.cuda().to(memory_format=torch.channels_last)
    optimiser = optimiser(model)
    images = torch.rand(chosen.batch, 1, 28, 28, device="cuda").to(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (chosen.batch,), device="cuda")

    @torch.compile(mode="max-autotune-no-cudagraphs" if chosen.network == "swift" else "reduce-overhead")
    def loss_of(images, labels):
        with torch.autocast("cuda", torch.bfloat16):
            return F.cross_entropy(model(images), labels)

    def train():
        loss_of(images, labels).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    model.train()
    training = speed(train, chosen.batch, chosen.seconds)
    model.eval()

    @torch.compile(mode="reduce-overhead")
    def logits_of(images):
        with torch.autocast("cuda", torch.bfloat16):
            return model(images)

    def predict():
        with torch.inference_mode():
            logits_of(images)

    prediction = speed(predict, chosen.batch, chosen.seconds)
    print(json.dumps({
        "train_images_per_second": training,
        "infer_images_per_second": prediction,
        "torch": torch.__version__,
        "card": torch.cuda.get_device_name(),
    }))


if __name__ == "__main__":
    main()
