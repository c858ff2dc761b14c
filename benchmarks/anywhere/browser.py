"""Compares the exported page with ONNX Runtime Web: the same network, the same browser, one image at a time.

    npm install onnxruntime-web@1.30.0
    python3 benchmarks/anywhere/browser.py MODISTE RUN node_modules/onnxruntime-web/dist [--json FILE]

RUN is a run on the embedded images. Both compute the probabilities of the same test images on one thread, in turns,
each in a separate browser (Chromium without a graphics card). Memory is the private memory of the page's process
afterwards, minus that of an empty page. The requirements are those of crates/export/browser/check.py.
"""
import argparse
import base64
import functools
import gzip
import http.server
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "crates/serve/browser")]
from machine import describe  # noqa: E402
from webdriver import Driver  # noqa: E402

# What ONNX Runtime Web needs for the plain WebAssembly backend.
RUNTIME = ["ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]
PAGE = """<!doctype html><meta charset="utf-8"><title>ort</title><script src="ort.wasm.min.js"></script><script>
ort.env.wasm.numThreads = 1;
ort.InferenceSession.create("best.onnx", { executionProviders: ["wasm"], graphOptimizationLevel: "all" }).then((session) => {
  globalThis.ask = async (pixels) => {
    const images = new ort.Tensor("uint8", pixels, [1, 28, 28]);
    return Array.from((await session.run({ images })).probabilities.data);
  };
}, (error) => (globalThis.wrong = String(error)));
</script>"""
ASK = """const done = arguments[arguments.length - 1], bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
(async () => {
  const all = [], times = [];
  for (let i = 0; i < bytes.length; i += 784) {
    const began = performance.now();
    all.push(await ask(bytes.slice(i, i + 784)));
    times.push(performance.now() - began);
  }
  done([all, times]);
})().catch((error) => done(String(error)))"""


def test_images(count):
    packed = ROOT / "crates/data/embedded/t10k-images-idx3-ubyte.gz"
    data = gzip.decompress(packed.read_bytes())[16:]
    return [data[i * 784:][:784] for i in range(count)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the files of a folder with the types that WebAssembly and modules need."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript",
                      ".wasm": "application/wasm"}

    def log_message(self, *_):
        pass


def private_bytes(driver):
    """Private memory of the largest page process of the browser."""
    def children(pid):
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
        return [int(pid) for pid in found] + [below for pid in found for below in children(int(pid))]

    largest = 0
    for pid in children(driver.process.pid):
        try:
            if b"--type=renderer" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                continue
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        own = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
        largest = max(largest, 1024 * own)
    return largest


class Contender:
    """A page that answers `ask`, in a separate browser."""

    def __init__(self, url, ready):
        self.driver = Driver().__enter__()
        self.window = self.driver.browser().__enter__()
        self.window.open("about:blank")
        self.empty = private_bytes(self.driver)
        self.window.open(url)
        self.window.until("the network", f"return {ready}")
        self.times, self.answers = [], []

    def turn(self, images):
        found = self.window.call("POST", "/execute/async", {
            "script": ASK, "args": [base64.b64encode(b"".join(images)).decode()]})
        assert not isinstance(found, str), found
        self.answers += found[0]
        self.times += found[1]

    def close(self):
        memory = private_bytes(self.driver) - self.empty
        self.window.__exit__()
        self.driver.__exit__()
        return memory


def sizes(files):
    contents = [pathlib.Path(file).read_bytes() for file in files]
    return {"bytes": sum(map(len, contents)), "gzip_bytes": sum(len(gzip.compress(c, 9)) for c in contents)}


def measure(args, folder):
    for kind, name in [("html", "page.html"), ("onnx", "best.onnx")]:
        subprocess.run([args.modiste, "export", args.run, "--format", kind, "--out", folder / name], check=True,
                       stdout=subprocess.DEVNULL)
    for name in RUNTIME:
        (folder / name).write_bytes((args.runtime / name).read_bytes())
    (folder / "ort.html").write_text(PAGE)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    page = Contender(f"{base}/page.html", "globalThis.modiste && (globalThis.ask = async (p) => modiste.probabilities(p)) && true")
    peer = Contender(f"{base}/ort.html", "globalThis.wrong ?? Boolean(globalThis.ask)")
    images = test_images(args.images)
    for start in range(0, args.images, 50):
        turn = [page, peer] if start % 100 == 0 else [peer, page]
        for contender in turn:
            contender.turn(images[start:start + 50])
    version = page.window.script("return navigator.userAgent")
    difference = max(abs(a - b) for mine, other in zip(page.answers, peer.answers, strict=True)
                     for a, b in zip(mine, other, strict=True))
    package = json.loads((args.runtime.parent / "package.json").read_text())
    result = {"machine": describe(sys.executable), "peer": f"onnxruntime-web {package['version']}", "images": args.images, "browser": version, "largest_difference": difference}
    shipped = {"page": ["page.html"], "onnxruntime-web": ["ort.html", *RUNTIME, "best.onnx"]}
    for name, contender in [("page", page), ("onnxruntime-web", peer)]:
        # The first turn is a warm-up.
        times = sorted(contender.times[50:])
        quarter = len(times) // 4
        result[name] = {**sizes(folder / file for file in shipped[name]), "median_ms": statistics.median(times),
                        "quartiles_ms": [times[quarter], times[-quarter]], "memory_bytes": contender.close()}
    server.shutdown()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modiste")
    parser.add_argument("run")
    parser.add_argument("runtime", type=pathlib.Path, help="the folder dist of onnxruntime-web")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(args, pathlib.Path(folder))
    text = json.dumps(result, indent=1)
    print(text)
    if args.json:
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
