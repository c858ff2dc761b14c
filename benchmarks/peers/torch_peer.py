"""The PyTorch peer of run.py: the twin in ../../peers, eager or compiled, in either memory layout."""
import os
import sys
from pathlib import Path

# Compile in this process, without a pool of workers beside the measured threads.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "peers"))

import torch
import torch.nn.functional as F

import protocol
from inception_resnet_torch import InceptionResNet, Settings, parameter_count

MODES = ("channels-last", "nchw", "compiled")


def twin(settings):
    """The network with the weights of a file, or PyTorch's own."""
    chosen = Settings(settings.length, settings.width, settings.dropout, stem_stride=settings.stride)
    model = InceptionResNet(chosen)
    if settings.weights:
        tensors = protocol.read_weights(settings.weights)
        model.load_state_dict({name: torch.from_numpy(t) for name, t in tensors.items()})
    return model


def batches(settings, layout):
    """Batches in the form that the network takes, converted before the clock starts."""
    for pixels, labels in protocol.batches(settings):
        images = torch.from_numpy(pixels).float().div(255).unsqueeze(1)
        yield images.contiguous(memory_format=layout), torch.from_numpy(labels)


def trainer(model, batches):
    """Returns a function that makes one training step, with Adam in its fused form, the fastest."""
    optimizer = torch.optim.Adam(model.parameters(), lr=protocol.LEARNING_RATE, fused=True)
    model.train()

    def step(number):
        images, labels = batches[number % len(batches)]
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return lambda: [loss.item()]

    return step


def predictor(model, batches):
    """Returns a function that predicts one batch."""
    model.eval()

    def step(number):
        with torch.inference_mode():
            logits = model(batches[number % len(batches)][0])
        return lambda: logits[0].tolist()

    return step


def main():
    settings = protocol.settings("mode")
    if settings.mode not in MODES:
        raise SystemExit(f"--mode {settings.mode} is none of {MODES}")
    torch.set_num_threads(settings.threads)
    layout = torch.contiguous_format if settings.mode == "nchw" else torch.channels_last
    model = twin(settings).to(memory_format=layout)
    parameters = parameter_count(model)
    if settings.mode == "compiled":
        model = torch.compile(model)
    make = trainer if settings.task == "train" else predictor
    step = make(model, list(batches(settings, layout)))
    about = f"torch {torch.__version__} {settings.mode} {torch.get_num_threads()} threads"
    protocol.serve(about, parameters, settings.batch, step)


if __name__ == "__main__":
    main()
