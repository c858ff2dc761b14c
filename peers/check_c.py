"""Compiles and runs the C source of models and compares its answers with modiste's.

    python check_c.py MODISTE RUN...

RUN are runs on the embedded images. Each is exported in single precision and in 8-bit whole numbers, compiled by
gcc with -std=c99 -pedantic -Wall -Wextra -Werror for 64 bits, for 32 bits and with sanitizers, and answers the
official test images. Single precision must give `evaluate`'s probabilities to within 1e-4; whole numbers must
have the accuracy that the export promised, to the image, and the same logits on every machine. Where
arm-none-eabi-gcc and qemu-system-arm are installed, a Cortex-M4 answers some images as well. --missing allows what is
not installed. Networks that take long are checked with fewer images: --images 300 --split 600/100/1000. It needs
Python and numpy.
"""
import argparse
import gzip
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
BUILDS = {
    "64 bits": ["-O3"],
    "32 bits": ["-O2", "-m32", "-msse2", "-mfpmath=sse"],
    "sanitizers": ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
# Number of images per build; the first build answers those of --images.
FEW = {"32 bits": 100, "sanitizers": 20}
ARM = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-Os"]
DEVICE_IMAGES = 3
TOLERANCE = 1e-4


def fashion(name, header):
    content = gzip.decompress((ROOT / "crates/data/embedded" / name).read_bytes())
    return np.frombuffer(content, np.uint8, offset=header)


def softmax(logits, temperature):
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


class Check:
    """One model with one numeric type."""

    def __init__(self, modiste, run, kind, folder, expected, split):
        self.kind, self.folder, self.expected = kind, folder, expected
        printed = subprocess.run(
            [modiste, "export", run, "--format", "c", "--type", kind, "--split", split, "--json",
             "--out", folder / "model.c"], check=True, capture_output=True, text=True).stdout
        self.promised = json.loads(printed)
        self.temperature = float(re.search(r"MODEL_TEMPERATURE (\S+)f", (folder / "model.h").read_text())[1])
        self.name = f"{run}, {kind}"

    def fail(self, problem):
        sys.exit(f"{self.name}: {problem}")

    def answers(self, build, images):
        """Logits and probabilities of a build."""
        program = self.folder / "program"
        sources = [ROOT / "peers/c/main.c", self.folder / "model.c"]
        subprocess.run(["gcc", *STRICT, *BUILDS[build], "-I", self.folder, *sources, "-lm", "-o", program],
                       check=True)
        out = subprocess.run([program], input=images.tobytes(), stdout=subprocess.PIPE, check=True).stdout
        return np.frombuffer(out, np.float32).reshape(len(images), 2, -1).transpose(1, 0, 2)

    def run(self, images, labels, missing):
        logits, probabilities = self.answers("64 bits", images)
        own = softmax(logits.astype(np.float64), self.temperature)
        if not np.abs(own - probabilities).max() <= 1e-5:
            self.fail("the probabilities are not the softmax of the logits")
        difference = np.abs(probabilities - softmax(self.expected, self.temperature)).max()
        accuracy = np.mean(logits.argmax(axis=1) == labels)
        agreement = np.mean(logits.argmax(axis=1) == self.expected.argmax(axis=1))
        if self.kind == "f32" and not difference <= TOLERANCE:
            self.fail(f"a probability differs by {difference:.1e}")
        check = self.promised["check"]
        if self.kind == "int8" and len(images) == check["images"] == 10_000:
            if abs(accuracy - check["int8_accuracy"]) > 1e-9 or abs(agreement - check["agreement"]) > 1e-9:
                self.fail(f"accuracy {accuracy}, agreement {agreement}; promised were {check}")
        for build, count in FEW.items():
            self.compare(build, self.answers(build, images[:count])[0], logits[:count])
        device = self.device(images[:DEVICE_IMAGES], missing)
        if device is not None:
            self.compare("Cortex-M4", device, logits[:DEVICE_IMAGES])
        needs = ", ".join(f"{self.promised[key]:,} {unit}" for key, unit in
                          [("flash", "bytes of constants"), ("memory", "bytes of memory"),
                           ("multiply_adds", "multiply-adds")])
        print(f"{self.name}: accuracy {accuracy:.4f} on {len(images)} images, {100 * agreement:.2f} % as `evaluate`, "
              f"largest difference of a probability {difference:.1e}; {needs}{self.code_size(missing)}", flush=True)

    def compare(self, build, found, expected):
        """Checks that whole numbers give the same logits as in the first build, and floats nearly the same."""
        same = np.array_equal(found, expected)
        near = np.allclose(found, expected, rtol=1e-4, atol=1e-4)
        if not (same if self.kind == "int8" else near):
            self.fail(f"{build}: other logits, by up to {np.abs(found - expected).max():.1e}")

    def arm(self, missing):
        if shutil.which(ARM[0]):
            return True
        if not missing:
            self.fail(f"{ARM[0]} is not installed")
        return False

    def code_size(self, missing):
        if not self.arm(missing):
            return ""
        target = self.folder / "model.o"
        subprocess.run([*ARM, *STRICT, "-c", self.folder / "model.c", "-o", target], check=True)
        said = subprocess.run(["arm-none-eabi-size", "-A", target], check=True, capture_output=True, text=True).stdout
        text = sum(int(n) for n in re.findall(r"^\.text\S*\s+(\d+)", said, re.M))
        return f"; {text:,} bytes of code on a Cortex-M4"

    def device(self, images, missing):
        """Logits of a simulated Cortex-M4."""
        if not self.arm(missing):
            return None
        if not shutil.which("qemu-system-arm"):
            return None if missing else self.fail("qemu-system-arm is not installed")
        rows = ",\n".join("{" + ",".join(map(str, image.reshape(-1))) + "}" for image in images)
        (self.folder / "images.h").write_text(
            f"#include <stdint.h>\n#define IMAGES {len(images)}\n"
            f"static const uint8_t images[IMAGES][{images[0].size}] = {{{rows}}};\n")
        program = self.folder / "device.elf"
        subprocess.run([*ARM, "-I", self.folder, "-T", ROOT / "peers/c/device.ld", "-nostartfiles",
                        "--specs=rdimon.specs", "-Wl,--no-warn-rwx-segments", ROOT / "peers/c/device.c",
                        self.folder / "model.c", "-lm", "-o", program], check=True)
        said = subprocess.run(
            ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting-config",
             "enable=on,target=native", "-kernel", program], check=True, capture_output=True, text=True, timeout=300,
            stdin=subprocess.DEVNULL).stdout
        bits = [[int(word, 16) for word in line.split()] for line in said.splitlines() if line.strip()]
        return np.array(bits, np.uint32).view(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modiste")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--images", type=int, default=10_000, help="number of test images for the 64-bit build")
    parser.add_argument("--split", default="full", help="split for the calibration and the checks of the export")
    parser.add_argument("--missing", action="store_true", help="skip devices if their compiler is not installed")
    args = parser.parse_args()
    images = fashion("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 784)[: args.images]
    labels = fashion("t10k-labels-idx1-ubyte.gz", 8)[: args.images]
    for run in args.runs:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            subprocess.run([args.modiste, "evaluate", run, "--split", "full", "--part", "test",
                            "--logits", folder / "logits.json"], check=True, stdout=subprocess.DEVNULL)
            expected = np.array(json.loads((folder / "logits.json").read_text())["logits"])[: args.images]
            for kind in ["f32", "int8"]:
                Check(args.modiste, run, kind, folder, expected, args.split).run(images, labels, args.missing)


if __name__ == "__main__":
    main()
