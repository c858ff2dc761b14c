"""Writes the PyTorch twin as an ONNX file with a fixed batch size: export_onnx.py --onnx FILE ...

In evaluation mode the exporter folds batch normalisation into the convolutions before it; what is
left, ONNX Runtime folds itself.
"""
import warnings

import torch

import protocol
from torch_peer import twin


def main():
    settings = protocol.settings("onnx")
    model = twin(settings).eval()
    images = torch.zeros(settings.batch, 1, 28, 28)
    # Use the older exporter explicitly: it needs no further package and keeps names.
    warnings.simplefilter("ignore", DeprecationWarning)
    torch.onnx.export(
        model, (images,), settings.onnx, dynamo=False, opset_version=17,
        input_names=["images"], output_names=["logits"],
    )


if __name__ == "__main__":
    main()
