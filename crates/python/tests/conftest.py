"""Fixtures: runs, pictures, and the program whose answers the tests compare with."""
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import modiste

TOP = Path(__file__).parents[3]
# A network that trains in a second; on a busy machine one thread is the fastest.
SMALL = {"architecture": "residual", "widths": [4, 8], "epochs": 2, "batch": 32, "lr": 0.05, "threads": 1}


def flags(fields):
    """Converts fields to the program's flags."""
    shown = {key: ",".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in fields.items()}
    return [f"--{key.replace('_', '-')}={value}" for key, value in shown.items()]


@pytest.fixture(scope="session")
def program():
    """Runs the program and returns its output, parsed if it is JSON."""
    binary = os.environ.get("MODISTE", TOP / "target/release/modiste")

    def call(*args, status=0):
        done = subprocess.run([binary, *map(os.fspath, args)], capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout) if "--json" in args else done.stdout + done.stderr

    return call


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("modiste")


@pytest.fixture(scope="session")
def run(folder):
    """A run on 600 images of Fashion-MNIST."""
    return modiste.train(out=folder / "grey", split="600/200/100", progress=False, **SMALL)


@pytest.fixture(scope="session")
def test_part(run):
    """The test images of that run."""
    return run.model.data().test


@pytest.fixture(scope="session")
def pictures(folder):
    """A folder of coloured JPEG and PNG pictures of several sizes, bright at the top or at the bottom."""
    draw = np.random.default_rng(5)
    for name in ("bottom", "top"):
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(40):
            height, width = draw.integers(20, 40, 2)
            pixels = draw.integers(0, 90, (height, width, 3), np.uint8)
            half = slice(0, height // 2) if name == "top" else slice(height // 2, None)
            pixels[half] += 150
            ending = "png" if i % 2 else "jpg"
            Image.fromarray(pixels).save(folder / "photos" / name / f"{i}.{ending}")
    return folder / "photos"


@pytest.fixture(scope="session")
def colour_run(folder, pictures):
    return modiste.train(pictures, out=folder / "colour", image_size=16, split="0.6/0.2/0.2", progress=False,
                         **{**SMALL, "architecture": "cnn", "widths": None, "channels": 4, "stages": 2})


@pytest.fixture(scope="session")
def flat_run(folder):
    return modiste.train(out=folder / "flat", preset="mlp", units=8, layers=1, epochs=1, split="300/100/100",
                         progress=False)
