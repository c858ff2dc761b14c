"""An exported page in a real browser: the same answers as the program, no request, keyboard, drawing, phone, dark.

    python3 crates/export/browser/check.py target/release/modiste RUN [--images N] [--pictures FOLDER]

RUN is a run folder or model file, trained on the embedded images. It needs Chromium and chromedriver
(Debian's packages chromium and chromium-driver) and nothing else.
"""
import argparse
import base64
import gzip
import json
import math
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "crates/serve/browser"))
from webdriver import Driver  # noqa: E402

TOLERANCE = 1e-4
# Milliseconds that one image may take.
SLOWEST = 50
ANSWER = "return document.querySelector('#answer b')?.innerText"


def test_images(count):
    packed = ROOT / "crates/data/embedded/t10k-images-idx3-ubyte.gz"
    data = gzip.decompress(packed.read_bytes())[16:]
    return [data[i * 784:][:784] for i in range(count)]


def png(width, height, channels, pixels):
    """A PNG picture of 1 (grey), 2 (grey and alpha), 3 or 4 channels."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    line = width * channels
    rows = b"".join(b"\0" + pixels[y * line:][:line] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def photograph(image, seed, channels):
    """A garment, enlarged, dark on a bright and uneven background; with alpha on a transparent one."""
    draw = random.Random(seed)
    scale = draw.randint(5, 9)
    height, width = 28 * scale + draw.randint(20, 90), 28 * scale + draw.randint(20, 90)
    top, left = draw.randint(0, height - 28 * scale), draw.randint(0, width - 28 * scale)
    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            row, column = (y - top) // scale, (x - left) // scale
            inside = 0 <= row < 28 and 0 <= column < 28
            value = image[28 * row + column] if inside else 0
            grey = max(0, min(255, 245 - value + draw.randint(-4, 4)))
            colours = [grey] if channels < 3 else [grey, max(0, grey - 9), max(0, grey - 20)]
            alpha = [255 if value > 20 else value * 6] if channels in (2, 4) else []
            pixels += bytes(colours + alpha)
    return png(width, height, channels, bytes(pixels))


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def softmax(logits, temperature):
    largest = max(logits)
    powers = [math.exp((z - largest) / temperature) for z in logits]
    return [power / sum(powers) for power in powers]


def check_images(browser, modiste, model, folder, count):
    """Probabilities of test images, and the time that one takes."""
    run(modiste, "evaluate", model, "--split", "full", "--part", "test", "--logits", folder / "logits.json")
    logits = json.loads((folder / "logits.json").read_text())["logits"][:count]
    temperature = browser.script("return modiste.model.temperature")
    code = """const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0)), all = [], times = [];
    for (let i = 0; i < bytes.length; i += 784) {
      const began = performance.now();
      all.push(modiste.probabilities(bytes.subarray(i, i + 784)));
      times.push(performance.now() - began);
    }
    return [all, times.sort((a, b) => a - b)[times.length >> 1]];"""
    largest, slowest = 0, 0
    images = test_images(count)
    for start in range(0, count, 100):
        encoded = base64.b64encode(b"".join(images[start:start + 100])).decode()
        found, milliseconds = browser.script(code, encoded)
        slowest = max(slowest, milliseconds)
        for mine, row in zip(found, logits[start:start + 100], strict=True):
            largest = max(largest, *(abs(a - b) for a, b in zip(mine, softmax(row, temperature), strict=True)))
    assert largest <= TOLERANCE, f"a probability differs by {largest:.1e}"
    assert slowest < SLOWEST, f"an image takes {slowest:.0f} ms"
    print(f"{count} test images: largest difference of a probability {largest:.1e}, {slowest:.1f} ms an image")


def check_pictures(browser, modiste, model, folder):
    """PNG pictures of any size and colour: the same pixels are seen, so the same probabilities come out."""
    files = []
    for i, image in enumerate(test_images(8)):
        file = folder / f"photo-{i}.png"
        file.write_bytes(photograph(image, i, 1 + i % 4))
        files.append(file)
    files += sorted((ROOT / "crates/data/tests/files").glob("turned-[12].png"))
    said = json.loads(run(modiste, "predict", model, *files, "--json", "--top", "10"))
    expected = {pathlib.Path(answer["id"]).name: answer for answer in said["answers"]}
    code = """const done = arguments[arguments.length - 1], bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
    modiste.prepare(new Blob([bytes])).then(({ pixels, note }) => done({ note, all: modiste.probabilities(pixels) }))
      .catch((error) => done({ error: error.message }))"""
    largest = 0
    for file in files:
        if file.name not in expected:
            continue
        body = {"script": code, "args": [base64.b64encode(file.read_bytes()).decode()]}
        found = browser.call("POST", "/execute/async", body)
        assert "error" not in found, (file, found)
        answer = expected[file.name]
        assert found["note"] == answer.get("note", ""), (file, found["note"], answer)
        for entry in answer["top"]:
            largest = max(largest, abs(found["all"][entry["class"]] - entry["probability"]))
    assert len(expected) >= 8, expected
    assert largest <= TOLERANCE, f"a probability of a photograph differs by {largest:.1e}"
    print(f"{len(expected)} photographs: largest difference of a probability {largest:.1e}")


def check_page(browser, folder):
    """A file that is chosen, a wrong one, a drawing by mouse and by keyboard, "none of these", the camera."""
    file = folder / "chosen.png"
    file.write_bytes(png(28, 28, 1, test_images(1)[0]))
    browser.type("#file", str(file))
    answer = browser.until("an answer", ANSWER)
    options = browser.script("return [...document.querySelectorAll('#reject option')].map((o) => o.value)")
    assert len(options) >= 4, options
    reject = "const s = document.querySelector('#reject'); s.append(new Option('x', arguments[0])); s.value = arguments[0]; s.onchange()"
    browser.script(reject, "1.01")
    assert browser.script(ANSWER) == "none of these"
    browser.script(reject, "0")
    assert browser.script(ANSWER) == answer
    wrong = folder / "wrong.png"
    wrong.write_text("no picture")
    browser.type("#file", str(wrong))
    browser.until("the reason", "return document.querySelector('#error').innerText.includes('cannot read the file')")
    assert not browser.script(ANSWER), "an old answer stands beside an error"
    browser.click("#tab-draw")
    for points in [[(-40, -90), (40, -90)], [(-40, -90), (-50, 90)], [(40, -90), (50, 90)]]:
        browser.stroke("#canvas", points)
    browser.until("an answer to a drawing", ANSWER)
    browser.script("document.querySelector('#clear').click(); document.querySelector('#tab-draw').focus()")
    browser.keys("tab", "tab")
    assert browser.script("return document.activeElement.id") == "canvas"
    browser.keys("space", *["down"] * 9, "space")
    browser.until("an answer to a drawing by keyboard", ANSWER)
    browser.click("#tab-camera")
    browser.until("a word on the camera", "return document.querySelector('#error').innerText.includes('camera')")
    browser.click("#tab-file")


def check_looks(browser, width, pictures, name):
    page = browser.script("return document.documentElement.scrollWidth")
    assert page <= width, f"the page is {page} wide on {width}"
    for scheme, colour in [("dark", "rgb(20, 23, 29)"), ("light", "rgb(255, 255, 255)")]:
        browser.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert browser.script("return getComputedStyle(document.body).backgroundColor") == colour, scheme
        if pictures:
            browser.picture(pictures / f"page-{name}-{scheme}.png")


def check_silence(browser):
    """The page asked nobody, and nothing was wrong."""
    requests = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    urls = [m["params"]["request"]["url"] for m in requests if m["method"] == "Network.requestWillBeSent"]
    outside = [url for url in urls if not url.startswith(("file:", "blob:", "data:"))]
    assert urls and not outside, outside
    wrong = [m["message"] for m in browser.log("browser") if m["level"] == "SEVERE"]
    assert not wrong, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modiste")
    parser.add_argument("model")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--pictures", type=pathlib.Path, help="write screenshots to this folder")
    args = parser.parse_args()
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    with Driver() as driver, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        page = folder / "page.html"
        run(args.modiste, "export", args.model, "--format", "html", "--out", page)
        for name, width, phone in [("wide", 1280, False), ("phone", 390, True)]:
            with driver.browser(width=width, phone=phone) as browser:
                browser.open(page.as_uri())
                browser.until("the model", "return globalThis.modiste && document.querySelector('#about').innerText.includes('parameters')")
                if not phone:
                    check_images(browser, args.modiste, args.model, folder, args.images)
                    check_pictures(browser, args.modiste, args.model, folder)
                check_page(browser, folder)
                browser.type("#file", str(folder / "chosen.png"))
                browser.until("an answer", ANSWER)
                check_looks(browser, width, args.pictures, name)
                check_silence(browser)
    print("the page answers as the program does")


if __name__ == "__main__":
    main()
