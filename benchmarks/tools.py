"""Prepares a measurement: peers in a virtual environment, two Rust programs, files."""
import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path

from processes import PeerError

HERE = Path(__file__).resolve().parent
EMBEDDED = HERE.parent / "crates" / "data" / "embedded"
VENV = HERE / ".venv"
REQUIREMENTS = HERE / "requirements.txt"
MODULES = {"torch": "torch", "onnxruntime": "onnxruntime", "keras": "tensorflow"}


class Tools:
    """The commands of all processes."""

    def __init__(self, python, folder, wanted, say):
        self.folder, self.say = folder, say
        self.python = Path(python) if python else install(say)
        self.missing = {}
        say("building ours")
        self.ours = build("ours", "modiste-benchmark")
        self.burn = None
        if "burn" in wanted:
            say("building burn")
            try:
                self.burn = build("burn", "burn-benchmark")
            except PeerError as error:
                self.missing["burn"] = str(error)
        for name in wanted:
            self.check_module(name)
        self.unpack()

    def check_module(self, name):
        """Records a peer whose package is not installed."""
        module = MODULES.get(name.split("-")[0])
        if module is None:
            return
        found = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{module}') is None)"
        if subprocess.run([self.python, "-c", found]).returncode:
            self.missing[name] = f"{self.python} has no {module}"

    def unpack(self):
        """Writes the embedded training images as raw bytes for all processes."""
        for kind, header in (("images", 16), ("labels", 8)):
            (source,) = EMBEDDED.glob(f"train-{kind}-idx?-ubyte.gz")
            (self.folder / f"{kind}.u8").write_bytes(gzip.decompress(source.read_bytes())[header:])

    def weights(self, workload):
        """The file with our initial parameters, written when first needed."""
        path = self.folder / f"weights-L{workload.length}W{workload.width}.bin"
        if not path.exists():
            run([self.ours, *workload.arguments(), "--write-weights", path], "ours' weights")
        return path

    def command(self, name, workload, threads):
        """The arguments of `Process`: command line, number of threads and log file."""
        options = [*workload.arguments(), "--threads", str(threads)]
        options += ["--images", self.folder / "images.u8", "--labels", self.folder / "labels.u8"]
        if workload.kind == "check" and name not in ("modiste", "burn"):
            options += ["--weights", self.weights(workload)]
        if name == "onnxruntime":
            options += ["--onnx", self.onnx(workload, options)]
        elif name.startswith("torch-"):
            options += ["--mode", name.removeprefix("torch-")]
        return [*self.program(name), *map(str, options)], threads, self.folder / f"{name}.log"

    def program(self, name):
        """The program of a process, without options."""
        if name.startswith("modiste"):
            return [self.ours]
        if name == "burn":
            return [self.burn]
        script = {"torch": "torch_peer", "onnxruntime": "onnx_peer", "keras": "keras_peer"}
        return [self.python, HERE / "peers" / f"{script[name.split('-')[0]]}.py"]

    def onnx(self, workload, options):
        """The twin with our parameters as ONNX."""
        path = self.folder / f"{workload.name}.onnx"
        script = HERE / "peers" / "export_onnx.py"
        weights = ["--weights", self.weights(workload)]
        run([self.python, script, *options, *weights, "--onnx", path], "the export to ONNX")
        return path


def install(say):
    """The virtual environment with the pinned peers, reinstalled when the pins change."""
    python, stamp = VENV / "bin" / "python", VENV / "installed"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        say(f"installing the peers into {VENV}; this takes minutes and some GiB")
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", REQUIREMENTS], check=True)
        stamp.write_text(digest)
    return python


def build(folder, name):
    """Builds one of the Rust programs and returns its path."""
    manifest = HERE / folder / "Cargo.toml"
    run(["cargo", "build", "--release", "--manifest-path", manifest], f"building {name}")
    query = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--manifest-path", manifest]
    found = subprocess.run(query, check=True, capture_output=True)
    return Path(json.loads(found.stdout)["target_directory"]) / "release" / name


def run(command, what):
    """Runs a program to its end."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerError(f"{what} failed: {last[:300]}")
