"""Checks the page in a real browser: upload, drop, paste, drawing, errors, the model card, keyboard, phone.

    python3 crates/serve/browser/check.py target/release/modiste RUN [--pictures FOLDER]

RUN is a run folder or model file, trained on the embedded images. It needs Chromium and chromedriver
(Debian's packages chromium and chromium-driver) and nothing else.
"""
import argparse
import gzip
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import urllib.request
import zlib

from webdriver import Driver

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOKEN = "correct-horse-battery"


class Server:
    """The served model."""

    def __init__(self, modiste, model, token=None):
        environment = {"MODISTE_TOKEN": token} if token else {}
        self.process = subprocess.Popen(
            [modiste, "serve", model, "--listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True, env=environment)
        for line in self.process.stderr:
            if found := re.search(r"listening on (http://\S+)", line):
                self.url = found[1]
                return
        raise RuntimeError("the server did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait() == 0, "the server ended with an error"

    def predict(self, picture):
        """The interface's answer to a picture."""
        request = urllib.request.Request(
            f"{self.url}/v1/predict", picture, {"Content-Type": "image/png"}, method="POST")
        with urllib.request.urlopen(request) as response:
            return json.load(response)["predictions"][0]


def png(width, height, pixels):
    """A grey PNG picture."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    rows = b"".join(b"\0" + pixels[y * width:][:width] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def images():
    """The official test images."""
    packed = ROOT / "crates/data/embedded/t10k-images-idx3-ubyte.gz"
    data = gzip.decompress(packed.read_bytes())[16:]
    return [data[i * 784:][:784] for i in range(10)]


ANSWER = "return document.querySelector('#answer b')?.innerText"
SEEN = """const c = document.querySelector('#seen');
return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 0)"""
FILE = """const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], 'shoe.png', { type: 'image/png' }));
"""


HEAT = """const c = document.querySelector('#heat');
const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
return data.some((v, i) => i % 4 === 3 && v > 60) && document.querySelector('#heat-class').innerText"""


def check_heat(browser):
    """Checks the heat map of the answer, then of another class."""
    answer = browser.script(ANSWER)
    assert browser.until("the heat map", HEAT) == answer
    browser.click("#bars li:nth-child(2) button")
    second = browser.text("#bars li:nth-child(2) button span")
    browser.until("the second class", "return document.querySelector('#heat-class').innerText === arguments[0]", second)
    browser.click("#heat-on")
    assert browser.script("return document.querySelector('#heat').hidden")
    browser.click("#heat-on")


def check_upload(browser, server, folder):
    """Checks chosen files, right and wrong ones."""
    for i, image in enumerate(images()[:3]):
        file = folder / f"{i}.png"
        file.write_bytes(png(28, 28, image))
        said = server.predict(file.read_bytes())
        browser.type("#file", str(file))
        browser.until(f"the image {i}", SEEN.replace("return [", "const seen = [")
                      + "; return String(seen) === arguments[0]", ",".join(map(str, image)))
        assert browser.script(ANSWER) == said["class"], said
        bars = browser.script("return [...document.querySelectorAll('#bars .value')].map((v) => v.innerText)")
        assert bars == [f"{100 * c['probability']:.1f} %" for c in said["classes"]], (bars, said)
    text = folder / "text.png"
    text.write_text("no picture")
    browser.type("#file", str(text))
    browser.until("the reason", "return document.querySelector('#error').innerText.includes('is not a PNG')")
    assert not browser.script(ANSWER), "an old answer is shown with an error"
    browser.type("#file", str(folder / "0.png"))
    browser.until("an answer after an error", ANSWER)
    assert browser.text("#error") == ""


def check_drop_and_paste(browser, server):
    import base64
    picture = png(28, 28, images()[7])
    said = server.predict(picture)["class"]
    encoded = base64.b64encode(picture).decode()
    for kind, fire in [
        ("drop", "document.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))"),
        ("paste", "document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))"),
    ]:
        browser.script("document.querySelector('#answer').replaceChildren()")
        browser.script(FILE + fire, encoded)
        assert browser.until(kind, ANSWER) == said, kind


def check_drawing(browser, kind="mouse"):
    browser.click("#tab-draw")
    browser.script("document.querySelector('#answer').replaceChildren()")
    # A shape like a pair of trousers.
    for points in [[(-40, -90), (40, -90)], [(-40, -90), (-50, 90)], [(40, -90), (50, 90)]]:
        browser.stroke("#canvas", points, kind)
    browser.until("an answer to a drawing", ANSWER)
    browser.until("the drawing", SEEN.replace("return [", "const seen = [")
                  + "; return seen.filter((v) => v > 100).length > 60")
    browser.click("#clear")
    browser.until("an empty answer", "return document.querySelector('#answer').innerText === 'Nothing yet'")


def check_keyboard(browser):
    """Checks the page without a mouse: the tabs, the canvas, a class."""
    browser.script("document.activeElement.blur(); document.querySelector('#tab-draw').focus()")
    browser.keys("enter", "tab")
    assert browser.script("return document.activeElement.id") == "canvas"
    outline = browser.script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus is not visible"
    browser.keys("space", *["down"] * 9, *["right"] * 6, "space", "left")
    browser.until("an answer to a drawing by keyboard", ANSWER)
    browser.keys("delete")
    browser.until("an empty answer", "return document.querySelector('#answer').innerText === 'Nothing yet'")
    browser.click("#tab-file")


def check_card(browser):
    browser.until("the card", "return !document.querySelector('#card-body').hidden")
    cells = browser.script("return [...document.querySelectorAll('#confusion td')].map((c) => Number(c.innerText))")
    assert len(cells) == 100 and sum(cells) == 10_000, cells  # validation images of the split full
    assert browser.script("return document.querySelectorAll('#classes tbody tr').length") == 10
    label = browser.text("#mistakes button")
    said = re.search(r"seen as (.+) \(", label)[1]
    browser.script("document.querySelector('#answer').replaceChildren()")
    browser.click("#mistakes button")
    assert browser.until("the mistake", ANSWER) == said, label


def check_fits(browser, width):
    inner, page = browser.script("return [innerWidth, document.documentElement.scrollWidth]")
    assert inner == width and page <= width, f"the page is {page} wide on {inner}"


def check_colours(browser):
    background = "return getComputedStyle(document.body).backgroundColor"
    for scheme, colour in [("dark", "rgb(20, 23, 29)"), ("light", "rgb(255, 255, 255)")]:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.cdp("Emulation.setEmulatedMedia", features=[feature])
        assert browser.script(background) == colour, scheme


def check_network(browser, server):
    """Checks that the page made no other requests and logged no errors apart from those for the wrong pictures."""
    requests = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    urls = [m["params"]["request"]["url"] for m in requests if m["method"] == "Network.requestWillBeSent"]
    assert len(urls) > 8, urls
    outside = [url for url in urls if not url.startswith((server.url, "blob:", "data:"))]
    assert not outside, outside
    expected = ("status of 400", "status of 503", "status of 401")
    wrong = [m["message"] for m in browser.log("browser")
             if m["level"] == "SEVERE" and not any(text in m["message"] for text in expected)]
    assert not wrong, wrong


def check_docs(browser, server):
    browser.open(f"{server.url}/docs")
    paths = json.load(urllib.request.urlopen(f"{server.url}/openapi.json"))["paths"]
    browser.until("the description", "return document.querySelectorAll('.operation').length === arguments[0]", len(paths))
    empty = browser.script("return [...document.querySelectorAll('.operation :is(th, td)')].filter((c) => !c.innerText).length")
    assert empty == 0, f"{empty} cells of /docs are empty"


def check_token(driver, modiste, model):
    with Server(modiste, model, TOKEN) as server, driver.browser() as browser:
        browser.open(server.url)
        browser.until("the question", "return !document.querySelector('#token').hidden")
        browser.type("#token-text", "wrong")
        browser.click("#token button")
        browser.until("the refusal", "return document.querySelector('#error').innerText.includes('token')")
        browser.script("document.querySelector('#token-text').value = ''")
        browser.type("#token-text", TOKEN)
        browser.click("#token button")
        browser.until("the model", "return document.querySelector('#about').innerText.includes('parameters')")
        check_card(browser)
        check_network(browser, server)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modiste")
    parser.add_argument("model")
    parser.add_argument("--pictures", type=pathlib.Path, help="write screenshots to this folder")
    args = parser.parse_args()
    with Driver() as driver, Server(args.modiste, args.model) as server, \
            tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        pictures = args.pictures or folder
        pictures.mkdir(exist_ok=True, parents=True)
        with driver.browser() as browser:
            browser.open(server.url)
            check_card(browser)
            check_upload(browser, server, folder)
            check_heat(browser)
            check_drop_and_paste(browser, server)
            check_drawing(browser)
            check_keyboard(browser)
            browser.type("#file", str(folder / "1.png"))
            browser.until("the last picture", HEAT)
            check_fits(browser, 1280)
            browser.picture(pictures / "page.png")
            check_colours(browser)
            browser.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
            browser.picture(pictures / "dark.png")
            check_docs(browser, server)
            browser.picture(pictures / "docs.png")
            check_network(browser, server)
        with driver.browser(390, 844, phone=True) as browser:
            browser.open(server.url)
            check_card(browser)
            check_upload(browser, server, folder)
            check_fits(browser, 390)
            browser.picture(pictures / "phone.png")
            check_drawing(browser, "touch")
            check_network(browser, server)
        check_token(driver, args.modiste, args.model)
    print("the page works: upload, drop, paste, drawing, errors, card, keyboard, phone, dark, token")


if __name__ == "__main__":
    sys.exit(main())
