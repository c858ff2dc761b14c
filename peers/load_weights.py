"""Runs the PyTorch example of docs/export.md, as printed, and checks its output.

    pip install torch==2.11.0 safetensors numpy
    python load_weights.py WEIGHTS.safetensors LOGITS.json

WEIGHTS come from `modiste export MODEL --format safetensors`, LOGITS from `modiste evaluate MODEL
--part test --logits LOGITS.json` with the embedded images. The example runs in this folder, where the
twin lies; the exit status is 1 if its logits are not modiste's.
"""
import gzip
import json
import re
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
IMAGES = HERE.parent / "crates/data/embedded/t10k-images-idx3-ubyte.gz"
TOLERANCE = 1e-4


def example():
    """The Python example of the document."""
    blocks = re.findall(r"```python\n(.*?)```", (HERE.parent / "docs/export.md").read_text(), re.S)
    (block,) = [block for block in blocks if "inception_resnet_torch" in block]
    return block


def main():
    weights, logits = map(Path, sys.argv[1:])
    pixels = np.frombuffer(gzip.decompress(IMAGES.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28)
    code = example()
    if '"best.weights.safetensors"' not in code:
        sys.exit("docs/export.md: the example does not load best.weights.safetensors")
    sys.path.insert(0, str(HERE))
    names = {"images": pixels}
    exec(code.replace('"best.weights.safetensors"', repr(str(weights.resolve()))), names)
    expected = np.array(json.loads(logits.read_text())["logits"])
    found = names["logits"].numpy()
    difference = np.abs(found - expected).max()
    print(f"{len(found)} images: largest difference of a logit {difference:.1e}")
    sys.exit(0 if difference <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
