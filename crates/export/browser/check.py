"""Checks an exported page in a real browser: the program's answers, no requests, keyboard, drawing, phone, dark mode.

    python3 crates/export/browser/check.py target/release/modiste RUN [--images N] [--pictures FOLDER]
    python3 crates/export/browser/check.py target/release/modiste RUN --photographs FOLDER

RUN is a run folder or model file. The first form wants one that was trained on the embedded images; the second
takes any, and compares the answers to all photographs in the folder and those below it, of which
photographs.py makes some. It needs Chromium and chromedriver (Debian's packages chromium and chromium-driver)
and nothing else.
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
# Longest time per image in milliseconds.
SLOWEST = 50
# Tolerances by format: if the page decodes a photograph itself, the pixels are the same and only rounding differs.
DECODED = {".jpg": 1e-5, ".jpeg": 1e-5, ".png": 1e-5, ".webp": TOLERANCE}
ANSWER = "return document.querySelector('#answer b')?.innerText"


def test_images(count):
    packed = ROOT / "crates/data/embedded/t10k-images-idx3-ubyte.gz"
    data = gzip.decompress(packed.read_bytes())[16:]
    return [data[i * 784:][:784] for i in range(count)]


def png(width, height, channels, pixels):
    """A PNG picture with 1 (grey), 2 (grey and alpha), 3 or 4 channels."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    line = width * channels
    rows = b"".join(b"\0" + pixels[y * line:][:line] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def photograph(image, seed, channels):
    """An enlarged garment, dark on a bright, uneven background; with alpha, on a transparent one."""
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
    """Checks the probabilities of test images, and the time per image."""
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
    """Checks PNG pictures of several sizes and colours, whose pixels and probabilities must agree."""
    files = []
    for i, image in enumerate(test_images(8)):
        file = folder / f"photo-{i}.png"
        file.write_bytes(photograph(image, i, 1 + i % 4))
        files.append(file)
    files += sorted((ROOT / "crates/data/tests/files").glob("turned-[12].png"))
    differences = compare(browser, modiste, model, files)
    assert len(differences) >= 8, differences
    largest = max(differences.values())
    assert largest <= TOLERANCE, f"a probability of a photograph differs by {largest:.1e}"
    print(f"{len(differences)} drawn photographs: largest difference of a probability {largest:.1e}")


def check_photographs(browser, modiste, model, folder):
    """Checks photographs of any format, and prints the largest difference for each format."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in DECODED)
    differences = compare(browser, modiste, model, files)
    assert len(differences) == len(files) > 0, f"{len(differences)} of {len(files)} photographs were answered"
    for suffix in sorted({file.suffix.lower() for file in files}):
        found = [(differences[file], file) for file in files if file.suffix.lower() == suffix]
        largest, file = max(found)
        print(f"{len(found)} photographs {suffix}: largest difference of a probability {largest:.1e} ({file.name})")
        assert largest <= DECODED[suffix], f"a probability of {file} differs by {largest:.1e}"


def compare(browser, modiste, model, files):
    """The largest difference of a probability for every file that `predict` answers."""
    said = json.loads(run(modiste, "predict", model, *files, "--json", "--top", "10"))
    expected = {pathlib.Path(answer["id"]): answer for answer in said["answers"]}
    code = """const done = arguments[arguments.length - 1], bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
    modiste.prepare(new Blob([bytes])).then(({ pixels, note }) => done({ note, all: modiste.probabilities(pixels) }))
      .catch((error) => done({ error: error.message }))"""
    differences = {}
    for file in files:
        if file not in expected:
            continue
        body = {"script": code, "args": [base64.b64encode(file.read_bytes()).decode()]}
        found = browser.call("POST", "/execute/async", body)
        assert "error" not in found, (file, found)
        answer = expected[file]
        assert found["note"] == answer.get("note", ""), (file, found["note"], answer)
        differences[file] = max(abs(found["all"][entry["class"]] - entry["probability"]) for entry in answer["top"])
    return differences


def check_page(browser, folder):
    """Checks a chosen file, a wrong one, drawing by mouse and by keyboard, "none of these", the camera."""
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
    assert not browser.script(ANSWER), "an old answer is shown with an error"
    cut = folder / "cut.jpg"
    cut.write_bytes((ROOT / "crates/data/tests/files/colour.jpg").read_bytes()[:-200])
    browser.type("#file", str(cut))
    browser.until("the reason", "return document.querySelector('#error').innerText.includes('damaged JPEG')")
    browser.click("#tab-draw")
    for points in [[(-40, -90), (40, -90)], [(-40, -90), (-50, 90)], [(40, -90), (50, 90)]]:
        browser.stroke("#canvas", points)
    browser.until("an answer to a drawing", ANSWER)
    browser.script("document.querySelector('#clear').click(); document.querySelector('#tab-draw').focus()")
    browser.keys("tab", "tab")
    assert browser.script("return document.activeElement.id") == "canvas"
    browser.keys("space", *["down"] * 9, "space")
    browser.until("an answer to a drawing by keyboard", ANSWER)
    check_drop_and_paste(browser, file)
    check_camera(browser)


def check_drop_and_paste(browser, file):
    """Checks dropped and pasted pictures, and drops that are not files."""
    code = """const data = new DataTransfer(), bytes = Uint8Array.from(atob(arguments[1]), (c) => c.charCodeAt(0));
    if (bytes.length) data.items.add(new File([bytes], "a.png", { type: "image/png" }));
    clear();
    const kind = arguments[0] === "drop" ? DragEvent : ClipboardEvent;
    document.dispatchEvent(new kind(arguments[0], { dataTransfer: data, clipboardData: data, cancelable: true }));"""
    for event, sentence in [("drop", "that is not a file"), ("paste", "the clipboard contains no picture")]:
        browser.script(code, event, base64.b64encode(file.read_bytes()).decode())
        browser.until(f"an answer to a {event}", ANSWER)
        browser.script(code, event, "")
        browser.until("the reason", "return document.querySelector('#error').innerText.includes(arguments[0])", sentence)


def check_camera(browser):
    """Checks a refused camera, and one that shows Chromium's test picture."""
    browser.cdp("Browser.setPermission", permission={"name": "camera"}, setting="denied")
    browser.click("#tab-camera")
    browser.until("an error for the camera", "return document.querySelector('#error').innerText.includes('the camera was refused')")
    browser.click("#tab-file")
    browser.cdp("Browser.setPermission", permission={"name": "camera"}, setting="granted")
    browser.click("#tab-camera")
    browser.until("the camera", "return !document.querySelector('#shoot').disabled")
    browser.script("clear()")
    browser.click("#shoot")
    browser.until("an answer to the camera", ANSWER)
    browser.click("#tab-file")


def check_old_browsers(driver, page, folder):
    """Checks the message without typed arrays, without newer JavaScript syntax, and without JavaScript."""
    words = folder / "words.html"
    text = page.read_text()
    words.write_text(text.replace('"use strict";', '"use strict"; let let = 0;'))
    cases = [
        (page, ("Page.addScriptToEvaluateOnNewDocument", {"source": "delete globalThis.Float32Array"}), "too old for this page"),
        (words, None, "too old for this page"),
        (page, ("Emulation.setScriptExecutionDisabled", {"value": True}), "needs JavaScript"),
    ]
    for file, command, sentence in cases:
        with driver.browser() as browser:
            if command:
                browser.cdp(command[0], **command[1])
            browser.open(file.as_uri())
            found = browser.call("GET", f"/element/{browser.find('body')}/text")
            assert sentence in found, (sentence, found[:300])


def check_looks(browser, width, pictures, name):
    page = browser.script("return document.documentElement.scrollWidth")
    assert page <= width, f"the page is {page} wide on {width}"
    for scheme, colour in [("dark", "rgb(20, 23, 29)"), ("light", "rgb(255, 255, 255)")]:
        browser.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert browser.script("return getComputedStyle(document.body).backgroundColor") == colour, scheme
        if pictures:
            browser.picture(pictures / f"page-{name}-{scheme}.png")


def check_silence(browser):
    """Checks that the page made no requests and logged no errors."""
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
    parser.add_argument("--photographs", type=pathlib.Path, help="only compare the answers to these photographs")
    args = parser.parse_args()
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    with Driver() as driver, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        page = folder / "page.html"
        run(args.modiste, "export", args.model, "--format", "html", "--out", page)
        for name, width, phone in [("wide", 1280, False), ("phone", 390, True)][:1 if args.photographs else 2]:
            # A simulated camera, and permission without a question.
            camera = ["--use-fake-device-for-media-stream", "--deny-permission-prompts"]
            with driver.browser(width=width, phone=phone, arguments=camera) as browser:
                browser.open(page.as_uri())
                browser.until("the model", "return globalThis.modiste && document.querySelector('#about').innerText.includes('parameters')")
                if args.photographs:
                    check_photographs(browser, args.modiste, args.model, args.photographs)
                    check_silence(browser)
                    continue
                if not phone:
                    check_images(browser, args.modiste, args.model, folder, args.images)
                    check_pictures(browser, args.modiste, args.model, folder)
                check_page(browser, folder)
                browser.type("#file", str(folder / "chosen.png"))
                browser.until("an answer", ANSWER)
                check_looks(browser, width, args.pictures, name)
                check_silence(browser)
        if not args.photographs:
            check_old_browsers(driver, page, folder)
    print("the page gives the program's answers")


if __name__ == "__main__":
    main()
