"""Checks report pages and their figures with Chromium, an independent renderer.

    python check_pages.py RUN/report.html ...    # needs chromium, pillow and numpy

Each page must fit windows of 1280 and 390 pixels and request no other file. For each figure beside it, Chromium's
rendering of the SVG file must equal the PNG file apart from the smoothing of edges. Ends with status 1 at the first
failure.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from PIL import Image

CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
# Largest mean difference of a channel, out of 255; a shift of all text by half a pixel exceeds it.
MEAN = 1.5
# Largest share of pixels that differ by more than half the range.
FAR = 0.002


def chromium(*args):
    done = subprocess.run([*CHROMIUM, *args], capture_output=True, text=True, timeout=300, check=True)
    return done.stdout


def check_page(page, folder):
    html = page.read_text()
    measure = (
        "<script>document.title = [innerWidth, document.documentElement.scrollWidth,"
        "performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length]"
        ".join(' ')</script></body>"
    )
    copy = folder / "page.html"
    copy.write_text(html.replace("</body>", measure))
    for width in (1280, 500):
        dom = chromium(f"--window-size={width},900", "--dump-dom", copy.as_uri())
        window, content, fetched = map(int, re.search("<title>(.*?)</title>", dom)[1].split())
        assert content <= window, f"{page}: {content} pixels wide in a window of {window}"
        assert fetched == 0, f"{page}: requests {fetched} files"
        # Windows of Chromium are at least 500 pixels wide, so a frame simulates a phone.
    frame = folder / "phone.html"
    frame.write_text(
        "<title>x</title><iframe src='page.html' width=390 height=900 style='border:0'></iframe>"
        "<script>onload = () => { const d = frames[0].document.documentElement;"
        "document.title = [390, d.scrollWidth].join(' ') }</script>"
    )
    dom = chromium("--allow-file-access-from-files", "--dump-dom", frame.as_uri())
    window, content = map(int, re.search("<title>(.*?)</title>", dom)[1].split())
    assert content <= window, f"{page}: {content} pixels wide on a phone of {window}"
    print(f"{page}: fits 1280, 500 and 390 pixels and requests no files")


def check_figure(svg, folder):
    png = svg.with_suffix(".png")
    ours = Image.open(png).convert("RGB")
    shot = folder / "shot.png"
    width, height = (-(-side // 2) for side in ours.size)
    frame = folder / "figure.html"
    frame.write_text(f"<body style='margin:0'><img src='{svg.resolve().as_uri()}' style='display:block'>")
    chromium(
        f"--window-size={width},{height}", "--force-device-scale-factor=2",
        f"--screenshot={shot}", frame.as_uri(),
    )
    theirs = Image.open(shot).convert("RGB").crop((0, 0, *ours.size))
    difference = numpy.abs(numpy.asarray(ours, dtype=float) - numpy.asarray(theirs, dtype=float))
    mean, far = difference.mean(), (difference.max(axis=2) > 128).mean()
    print(f"{svg.name}: mean difference {mean:.3f} of 255, {100 * far:.3f} % of pixels far off")
    assert mean <= MEAN and far <= FAR, f"{svg}: Chromium's picture is not {png.name}"


def main():
    assert len(sys.argv) > 1, __doc__
    for page in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            check_page(page, Path(folder))
            figures = sorted((page.parent / "figures").glob("*.svg"))
            figures += sorted(page.parent.glob(f"{page.stem}-*.svg"))
            assert figures, f"{page}: no figure is beside it"
            for svg in figures:
                check_figure(svg, Path(folder))


if __name__ == "__main__":
    main()
