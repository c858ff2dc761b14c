"""Compares the exported C source with TensorFlow Lite Micro: the same network, in single precision and in 8 bits.

    pip install tensorflow-cpu==2.21.0 tflite-micro
    python benchmarks/anywhere/micro.py MODISTE RUN [--images N] [--json FILE]

RUN is a run on the embedded images. The network is rebuilt in Keras from the steps of the exported page, so that both
sides have the same folded weights; TensorFlow's converter quantises it, calibrated on the first 1,000 training images.
TensorFlow Lite Micro is the interpreter of the package tflite-micro, whose kernels are its portable ones; the C source
is compiled by gcc -O2. Both answer the same test images on one thread of this machine, in turns; a microcontroller's
own kernels (CMSIS-NN) would be faster than the portable ones. It needs gcc.
"""
import argparse
import contextlib
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from pathlib import Path

import numpy as np
import tensorflow as tf
import tflite_micro

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from machine import describe  # noqa: E402

EMBEDDED = ROOT / "crates/data/embedded"
CALIBRATION = 1000
# Images per turn, and number of timed turns.
TURN, TURNS = 20, 5
TIMER = """#include <stdio.h>
#include <time.h>
#include "model.h"
int main(void)
{
    static struct model_memory memory;
    static uint8_t pixels[MODEL_PIXELS];
    float probabilities[MODEL_CLASSES];
    while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        const int best = model_predict(pixels, probabilities, &memory);
        clock_gettime(CLOCK_MONOTONIC, &b);
        printf("%d %.9f\\n", best, (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec));
    }
    return 0;
}
"""


def embedded(name, header):
    return np.frombuffer(gzip.decompress((EMBEDDED / name).read_bytes()), np.uint8, offset=header)


def export(args, folder, *options):
    said = subprocess.run([args.modiste, "export", args.run, "--json", *options], check=True, capture_output=True, text=True)
    return json.loads(said.stdout)


def keras_model(page):
    """The steps of a page as a Keras model from pixels / 255 to logits."""
    def part(name):
        return re.search(rf'id="{name}"[^>]*>(.*?)</script>', page, re.S)[1]

    model = json.loads(part("model"))
    numbers = np.frombuffer(b64decode(part("weights").strip()), "<f4")
    values = {0: tf.keras.Input(model["values"][0][:3], batch_size=1)}
    for step in model["steps"]:
        inputs = [values[i] for i in step["inputs"]]
        stretches = [numbers[first:first + length] for first, length in step.get("numbers", [])]
        out = keras_step(step, inputs, stretches, model["values"][step["output"]])
        values[step["output"]] = tf.keras.layers.ReLU()(out) if step["relu"] else out
    return tf.keras.Model(values[0], tf.keras.layers.Flatten()(values[model["logits"]]))


def keras_step(step, inputs, stretches, shape):
    layers = tf.keras.layers
    kind, x = step["kind"], inputs[0]
    if kind == "add":
        assert step["factor"] == 1, step
        return layers.Add()(inputs)
    if kind == "rectify":
        return layers.ReLU()(x)
    rows, columns, stride, padding = step["window"]
    if kind == "conv":
        weights, bias = stretches
        # (k, rows, columns, c) to (rows, columns, c, k)
        kernel = weights.reshape(len(bias), rows, columns, -1).transpose(1, 2, 3, 0)
        if padding:
            # Pad with as many zeros below and to the right as the windows reach, instead of Keras' rule.
            below = [max(0, (shape[i] - 1) * stride + size - padding - x.shape[1 + i]) for i, size in enumerate((rows, columns))]
            x = x if stride == 1 else layers.ZeroPadding2D(((padding, below[0]), (padding, below[1])))(x)
        layer = layers.Conv2D(len(bias), (rows, columns), stride, padding="same" if padding and stride == 1 else "valid")
        out = layer(x)
        layer.set_weights([kernel, bias])
        return out
    assert padding == 0, step
    pool = {"max_pool": layers.MaxPooling2D, "avg_pool": layers.AveragePooling2D}[kind]
    return pool((rows, columns), stride)(x)


def convert(model, kind, images):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None].astype(np.float32) / 255] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


class Micro:
    """TensorFlow Lite Micro's interpreter."""

    def __init__(self, model, kind):
        self.kind = kind
        self.interpreter = tflite_micro.runtime.Interpreter.from_bytes(model)

    def ask(self, image):
        """The class, and the time in seconds."""
        pixels = image[None].astype(np.float32) / 255 if self.kind == "f32" else (image[None].astype(np.int16) - 128).astype(np.int8)
        self.interpreter.set_input(pixels, 0)
        began = time.perf_counter()
        self.interpreter.invoke()
        seconds = time.perf_counter() - began
        return int(np.argmax(self.interpreter.get_output(0))), seconds

    def memory(self):
        """Used bytes of the arena, according to the interpreter."""
        with tempfile.TemporaryFile() as file, stderr_to(file):
            self.interpreter.print_allocations()
            file.seek(0)
            said = file.read().decode()
        return int(re.search(r"Arena allocation total (\d+)", said)[1])


@contextlib.contextmanager
def stderr_to(file):
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def compiled(folder):
    (folder / "timer.c").write_text("#define _POSIX_C_SOURCE 199309L\n" + TIMER)
    subprocess.run(["gcc", "-std=c99", "-O2", "-I", folder, folder / "timer.c", folder / "model.c", "-lm", "-o",
                    folder / "timer"], check=True)
    return folder / "timer"


def ask_c(program, images):
    said = subprocess.run([program], input=images.tobytes(), stdout=subprocess.PIPE, check=True).stdout.decode().split()
    return [int(best) for best in said[::2]], [float(seconds) for seconds in said[1::2]]


def measure(args, kind, model, images, labels, folder):
    promised = export(args, folder, "--format", "c", "--type", kind, "--split", args.split, "--out", folder / "model.c")
    program = compiled(folder)
    content = convert(model, kind, embedded("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)[:CALIBRATION])
    micro = Micro(content, kind)
    seconds = {"c": [], "micro": []}
    for turn in range(TURNS + 1):
        few = images[TURN * turn:TURN * (turn + 1)]
        ours, theirs = ask_c(program, few)[1], [micro.ask(image)[1] for image in few]
        if turn:  # The first turn is a warm-up.
            seconds["c"] += ours
            seconds["micro"] += theirs
    ours, theirs = ask_c(program, images)[0], [micro.ask(image)[0] for image in images]
    right = lambda classes: float(np.mean(np.array(classes) == labels))
    milliseconds = {name: 1000 * statistics.median(all) for name, all in seconds.items()}
    return {
        "c": {"constants_bytes": promised["flash"], "memory_bytes": promised["memory"], "median_ms": milliseconds["c"],
              "accuracy": right(ours)},
        "tflite-micro": {"model_bytes": len(content), "arena_bytes": micro.memory(), "median_ms": milliseconds["micro"],
                         "accuracy": right(theirs)},
        "same_class": float(np.mean(np.array(ours) == np.array(theirs))),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modiste")
    parser.add_argument("run")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--split", default="full", help="images that calibrate and check the exported C")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    images = embedded("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)[:args.images]
    labels = embedded("t10k-labels-idx1-ubyte.gz", 8)[:args.images]
    result = {"machine": describe(sys.executable), "images": args.images}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        export(args, folder, "--format", "html", "--out", folder / "page.html")
        model = keras_model((folder / "page.html").read_text())
        for kind in ["f32", "int8"]:
            result[kind] = measure(args, kind, model, images, labels, folder)
    text = json.dumps(result, indent=1)
    print(text)
    if args.json:
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
