"""Tries typical user data: makes each kind of data, runs `modiste` on it and prints a table of the results.

    python own_pictures.py MODISTE [MNIST.npz] [PART...]

MODISTE is the binary; parts are silently_wrong, folders, tables, words, hostile (default: all). FASHION in the
environment is the folder of Fashion-MNIST's files. Every row has the command, as it was run, and what came of it: a number that was counted
here, or the line that the command printed. Needs Pillow and numpy; takes some minutes and 2 GB of disk in a
temporary folder.
"""

import csv
import gzip
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile

import numpy as np
from PIL import Image, ImageDraw

MODISTE = str(pathlib.Path(sys.argv[1]).resolve())
FILES = [argument for argument in sys.argv[2:] if argument.endswith(".npz")]
MNIST = str(pathlib.Path(FILES[0]).resolve()) if FILES else None
PARTS = [argument for argument in sys.argv[2:] if argument not in FILES]
TINY = "--preset cnn --channels 4 --stages 1 --epochs 1 --quiet --out"


def run(command, timeout=600):
    """Runs a command; returns the exit status, stdout and stderr."""
    done = subprocess.run(
        f'"$M" {command}', shell=True, capture_output=True, timeout=timeout, env={**os.environ, "M": MODISTE}
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def row(what, command, now):
    cells = [str(cell).replace("|", "\\|").replace("\n", " ").strip() for cell in (what, now)]
    print(f"| {cells[0]} | `{command}` | {cells[1]} |", flush=True)


def said(what, command, pattern=None, lines=1):
    """A row with the lines on stderr, or with the first that matches `pattern`."""
    status, out, err = run(command)
    text = [line for line in (err + out).splitlines() if line.strip()]
    if pattern:
        text = [line for line in text if re.search(pattern, line)] or ["(nothing)"]
    shown = "; ".join(line.removeprefix("modiste: ") for line in text[:lines])[:420]
    row(what, command, f"{'exit ' + str(status) + ': ' if status else ''}{shown}")


def info(what, source, more=""):
    """A row with the result of `data info`."""
    command = f"data info --data {source} --json{' ' + more if more else ''}"
    status, out, err = run(command)
    if status:
        line = (err.splitlines() or ["?"])[-1].removeprefix("modiste: ")
        return row(what, command, f"exit {status}: {line[:420]}")
    found = json.loads(out)
    parts = ", ".join(f"{p['images']} {p['part']}" for p in found["parts"] if p["images"])
    shape = found["shape"]
    classes = found["classes"]
    shown = ", ".join(classes[:4]) + (", ..." if len(classes) > 4 else "")
    size = f"{shape['height']}x{shape['width']}x{shape['channels']}" if isinstance(shape, dict) else shape
    passed = f"; {len(found['passed_over'])} files passed over" if found["passed_over"] else ""
    row(what, command, f"{parts}; {size}; {len(classes)} classes ({shown}){passed}")


def predictions(command):
    status, out, err = run(command)
    return {a["id"]: a["name"] for a in json.loads(out)["answers"]} if out else {}


def right(answers):
    """Number of answers that equal the name of the picture's folder, and number of answers."""
    return sum(pathlib.Path(i).parent.name == name for i, name in answers.items()), len(answers)


# Pictures.

RNG = np.random.default_rng(7)


def shape_picture(kind, side=28, mode="L", ground=None, ink=None):
    """A disc, a square or a bar at a random position on a noisy background."""
    wide, high = (side, side) if isinstance(side, int) else side
    channels = 3 if mode == "RGB" else 1
    ground = RNG.integers(180, 250, channels) if ground is None else np.full(channels, ground)
    ink = RNG.integers(0, 90, channels) if ink is None else np.full(channels, ink)
    picture = Image.new(mode, (wide, high), tuple(ground.tolist()) if channels == 3 else int(ground[0]))
    r = 0.25 * min(wide, high)
    x, y = RNG.uniform(r, wide - r), RNG.uniform(r, high - r)
    fill = tuple(ink.tolist()) if channels == 3 else int(ink[0])
    draw = ImageDraw.Draw(picture)
    if kind == "disc":
        draw.ellipse((x - r, y - r, x + r, y + r), fill)
    elif kind == "square":
        draw.rectangle((x - 0.8 * r, y - 0.8 * r, x + 0.8 * r, y + 0.8 * r), fill)
    else:
        draw.rectangle((x - r, y - 0.2 * r, x + r, y + 0.2 * r), fill)
    pixels = np.asarray(picture, float) + RNG.normal(0, 5, np.asarray(picture).shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


KINDS = ("bar", "disc", "square")


def folder(name, per_class, kinds=KINDS, save="png", **options):
    for kind in kinds:
        place = pathlib.Path(name, kind)
        place.mkdir(parents=True, exist_ok=True)
        for i in range(per_class):
            shape_picture(kind, **options).save(place / f"{i}.{save}")
    return name


def arrays(count, side=12, classes=3, channels=None):
    shape = (count, side, side) if channels is None else (count, side, side, channels)
    return RNG.integers(0, 256, shape, dtype=np.uint8), np.arange(count) % classes


def idx(array):
    array = np.ascontiguousarray(array, np.uint8)
    return struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def prelude():
    """Makes data that several parts use."""
    folder("bright", 60)
    run("train --data bright --quiet --out bright-run")
    folder("large", 20, side=56)
    for kind in KINDS:
        os.makedirs(f"sizes/{kind}", exist_ok=True)
        for i in range(20):
            shape_picture(kind, tuple(RNG.integers(40, 90, 2)), "RGB").save(f"sizes/{kind}/{i}.png")
    os.makedirs("nested/bar/2020/may")
    shutil.copytree("sizes/disc", "nested/disc")
    for i in range(20):
        shape_picture("bar").save(f"nested/bar/2020/may/{i}.png")
    folder("trains", 12, ("bar", "disc"))
    os.rename("trains/bar", "trains/train")
    for part in ("train", "valid"):
        folder(f"fastai/{part}", 14)
    arrows()


def arrows():
    for name in ("left", "right"):
        os.makedirs(f"arrows/{name}", exist_ok=True)
        for i in range(60):
            picture = shape_picture("bar", 32)
            arrow = ImageDraw.Draw(picture)
            x, y = RNG.integers(10, 22), RNG.integers(8, 24)
            tip = 7 if name == "right" else -7
            arrow.line((x - 8, y, x + 8, y), 0, 2)
            arrow.polygon([(x + tip, y - 4), (x + tip, y + 4), (x + 2 * tip, y)], 0)
            picture.save(f"arrows/{name}/{i}.png")


def silently_wrong():
    answers = right(predictions("predict bright-run bright --json"))
    accuracy = json.loads(run("evaluate bright-run bright --json")[1])["accuracy"]
    row("a grey model, pictures with bright borders", "predict bright-run bright --json",
        f"{answers[0]} of {answers[1]} right; `evaluate bright-run bright` says {accuracy:.4f}")
    answers = right(predictions("predict bright-run large --json"))
    row("pictures of another size than the network's (56, the network has 28)", "predict bright-run large --json",
        f"{answers[0]} of {answers[1]} right")
    garments()
    os.makedirs("flat/test", exist_ok=True)
    for kind in KINDS:
        shutil.copytree(f"bright/{kind}", f"flat/train/{kind}", dirs_exist_ok=True)
    truth = {}
    for i in range(1, 13):
        truth[str(i)] = KINDS[i % 3]
        shape_picture(KINDS[i % 3]).save(f"flat/test/{i}.png")
    rows = [["id", "class"]] + [[str(i), ""] for i in range(1, 13)]
    with open("sample.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    command = "predict bright-run flat/test --submission s.csv --sample sample.csv"
    run(command)
    filled = list(csv.DictReader(open("s.csv")))
    count = sum(truth[line["id"]] == line["class"] for line in filled)
    row("a flat `test/` folder of `1.png` to `12.png` and a submission", command, f"{count} of 12 right")
    folder("numbered", 12)
    for old, new in zip(KINDS, ("1", "2", "10")):
        os.rename(f"numbered/{old}", f"numbered/{new}")
    run(f"train --data numbered {TINY} numbered-run")
    command = "predict numbered-run numbered --csv n.csv"
    run(command)
    names = sorted({line["class"] for line in csv.DictReader(open("n.csv"))}, key=int)
    row("class folders `1`, `2`, `10`", command, f"the csv's classes are among 1, 2, 10: {names}")
    for kinds, count in ((KINDS[1:], 40), (KINDS, 60)):
        name = f"few-{len(kinds)}x{count}"
        folder(name, count, kinds, side=32)
        command = f"train --data {name} --json --out {name}-run"
        found = json.loads(run(command)[1])
        row(f"few pictures, no option ({len(kinds)} x {count})", command,
            f"validation accuracy {found['validation']['accuracy']:.3f} on {found['validation']['images']} pictures")
    said("a temperature from few validation pictures", "train --data few-2x40 --out again --epochs 20", "calibrated")
    for other in ("arrows", "signs"):
        if other == "signs":
            shutil.copytree("arrows/left", "signs/a1")
            shutil.copytree("arrows/right", "signs/b2")
        command = f"train --data {other} --json --out {other}-run"
        status, out, err = run(command)
        mirrored = next((line for line in err.splitlines() if "mirrored" in line), "").split(";")[0]
        row(f"arrows to the left and the right{', the classes called a1 and b2' if other == 'signs' else ''}", command,
            f"{mirrored}; validation accuracy {json.loads(out)['validation']['accuracy']:.3f}")
    for kind in KINDS:
        os.makedirs(f"deep/{kind}", exist_ok=True)
        for i in range(20):
            pixels = np.asarray(shape_picture(kind)).astype(np.uint16)
            Image.fromarray(pixels).save(f"deep/{kind}/{i}.png")
    command = "data info --data deep --json"
    parts = json.loads(run(command)[1])["parts"]
    row("16-bit PNG that hold 0 to 255", command, f"mean pixel {parts[0]['pixels']['mean']:.2f} of 1, not 0")
    os.makedirs("black/a", exist_ok=True)
    os.makedirs("black/b", exist_ok=True)
    for i in range(20):
        Image.new("L", (16, 16), 0).save(f"black/a/{i}.png")
        shape_picture("disc", 16).save(f"black/b/{i}.png")
    said("black pictures", f"train --data black {TINY.replace('--quiet ', '')} black-run", "black or of one")
    planes = RNG.integers(0, 256, (300, 3, 1, 1)) + np.linspace(-40, 40, 32)[None, None, None, :] + np.linspace(
        -20, 20, 32)[None, None, :, None]
    np.savez("rows.npz", x_train=planes.clip(0, 255).astype(np.uint8).reshape(300, 3072), y_train=np.arange(300) % 3)
    said("rows of 3,072 bytes in CIFAR's order", "data info --data rows.npz", "channels|32x32")
    for kind in KINDS[:2]:
        os.makedirs(f"copies/{kind}", exist_ok=True)
        for i in range(10):
            shape_picture(kind).save(f"copies/{kind}/{i}.png")
            for k in range(30):
                shutil.copy(f"copies/{kind}/{i}.png", f"copies/{kind}/{i}-{k}.png")
    shutil.copy("copies/bar/0.png", "copies/disc/other.png")
    os.makedirs("copies/single")
    shape_picture("square").save("copies/single/1.png")
    shape_picture("square").save("copies/single/2.png")
    said("copies, a picture under two labels, a class of two", f"train --data copies {TINY.replace('--quiet ', '')} c-run",
         "note", 4)


def garments():
    """300 test images of Fashion-MNIST, inverted, in three sizes."""
    command = "train --widths 16,32,64 --epochs 2 --split 20000/1000/1000 --quiet --out garments"
    run(command, 1800)
    raw = pathlib.Path(os.environ.get("FASHION", "fashion"))
    if not raw.exists():
        return
    images = np.frombuffer(gzip.open(raw / "t10k-images-idx3-ubyte.gz").read(), np.uint8)[16:].reshape(-1, 28, 28)
    labels = np.frombuffer(gzip.open(raw / "t10k-labels-idx1-ubyte.gz").read(), np.uint8)[8:]
    names = json.loads(run("data info --json")[1])["classes"]
    for size in ((28, 28), (56, 56), (600, 800)):
        place = f"white-{size[0]}x{size[1]}"
        os.makedirs(place, exist_ok=True)
        for i in range(300):
            picture = Image.fromarray(255 - images[i])
            if size == (56, 56):
                picture = picture.resize(size, Image.Resampling.BICUBIC)
            elif size != (28, 28):
                sheet = Image.new("L", (size[1], size[0]), 255)
                sheet.paste(picture.resize((420, 420), Image.Resampling.BICUBIC), (190, 90))
                picture = sheet
            picture.save(f"{place}/{i:03}.png")
        command = f"predict garments {place} --json"
        answers = predictions(command)
        count = sum(names[labels[int(pathlib.Path(i).stem)]] == name for i, name in answers.items())
        row(f"Fashion-MNIST on a white ground, {size[0]}x{size[1]}", command, f"{count / 300:.3f} of 300 right")


def folders():
    said("pictures of several sizes", "data info --data sizes", "become")
    said("and of a size of one's own", "data info --data sizes --image-size 32x48 --fit crop", "become")
    info("a plain folder a class, no parts", "sizes")
    for name, parts in (("fastai", ("train", "valid")), ("capitals", ("Train", "Test")),
                        ("words", ("training", "testing")), ("three", ("train", "dev", "test"))):
        for part in parts:
            if not os.path.exists(f"{name}/{part}"):
                folder(f"{name}/{part}", 14)
        info(f"`{'/`, `'.join(parts)}/`", name)
    info("a class called `train`", "trains")
    shutil.copytree("sizes", "strays")
    for name, data in (("Thumbs.db", b"x"), ("disc/desktop.ini", b"x"), ("README.txt", b"hello"),
                       ("bar/broken.png", b"\x89PNG\r\n\x1a\nno"), ("bar/empty.jpg", b"")):
        pathlib.Path("strays", name).write_bytes(data)
    said("strays, a broken and an empty picture", "data info --data strays", "passed over")
    said("the same with --strict", "data info --data strays --strict", "strict")
    info("folders in a class", "nested")
    zipped()
    with tarfile.open("sizes.tar.gz", "w:gz") as archive:
        archive.add("sizes")
    info("a zip of a folder", "sizes.zip")
    info("a tar.gz of a folder", "sizes.tar.gz")
    for kind in KINDS[:2]:
        os.makedirs(f"kinds/{kind}", exist_ok=True)
        for i, ending in enumerate(("gif", "tiff", "webp", "bmp", "jpg", "png") * 3):
            picture = shape_picture(kind, 24, "RGB")
            if ending == "png":
                picture.putalpha(Image.new("L", picture.size, 120))
            picture.save(f"kinds/{kind}/{i}.{ending}")
    info("GIF, TIFF, WebP, BMP, JPEG, transparent PNG", "kinds")


def zipped():
    with zipfile.ZipFile("sizes.zip", "w") as archive:
        for path in sorted(pathlib.Path("sizes").rglob("*.png")):
            archive.write(path)


def tables():
    zipped()
    for name, table, columns in (("labels", "labels.csv", ("filename", "label")),
                                 ("hugging", "train/metadata.csv", ("file_name", "label")),
                                 ("kaggle", "train.csv", ("id", "breed"))):
        place = pathlib.Path(name, {"labels": "images", "hugging": "train", "kaggle": "train"}[name])
        place.mkdir(parents=True)
        rows = [columns]
        for i in range(45):
            shape_picture(KINDS[i % 3]).save(place / f"{i}.png")
            rows.append((f"{i}" if name == "kaggle" else f"{i}.png", KINDS[i % 3]))
        with open(pathlib.Path(name, table), "w", newline="") as file:
            csv.writer(file).writerows(rows)
        info(f"`{table}` beside pictures", name)
    x, y = arrays(60)
    header = ",".join(["label"] + [f"pixel{i + 1}" for i in range(144)])
    lines = [header] + [",".join(map(str, [label, *pixels.ravel()])) for pixels, label in zip(x, y)]
    os.makedirs("pixels")
    with gzip.open("pixels/fashion-mnist_train.csv.gz", "wt") as file:
        file.write("\n".join(lines))
    info("`label,pixel1,...`, gzipped", "pixels/fashion-mnist_train.csv.gz")
    words = ["\ufefflabel;" + header.replace(",", ";")[6:]]
    words += [";".join(map(str, [KINDS[label], *pixels.ravel()])) for pixels, label in zip(x, y)]
    pathlib.Path("semicolons.csv").write_bytes("\r\n".join(words).encode())
    info("`;`, byte-order mark, Windows line ends, labels as words", "semicolons.csv")
    np.savez("keras.npz", x_train=x, y_train=y, x_test=x[:15], y_test=y[:15])
    np.savez("medmnist.npz", train_images=x, train_labels=y[:, None], val_images=x[:15], val_labels=y[:15, None],
             test_images=x[:15], test_labels=y[:15, None])
    os.makedirs("kmnist")
    for part, n in (("train", 60), ("test", 15)):
        np.savez(f"kmnist/kmnist-{part}-imgs.npz", arr_0=x[:n])
        np.savez(f"kmnist/kmnist-{part}-labels.npz", arr_0=y[:n])
    os.makedirs("pairs")
    for part, n in (("train", 60), ("test", 15)):
        np.save(f"pairs/x_{part}.npy", x[:n])
        np.save(f"pairs/y_{part}.npy", y[:n] + 1)
    for what, source in (("Keras' npz", "keras.npz"), ("MedMNIST's npz, labels (n, 1)", "medmnist.npz"),
                         ("KMNIST's two files a part", "kmnist"), ("npy pairs, labels from 1", "pairs")):
        info(what, source)
    if MNIST:
        info("Keras' MNIST", MNIST)
    os.makedirs("emnist")
    letters = np.arange(130) % 26 + 1
    for part, n in (("train", 130), ("test", 52)):
        images = RNG.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        for kind, data in (("images-idx3", images), ("labels-idx1", letters[:n])):
            with gzip.open(f"emnist/emnist-letters-{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(idx(data))
    info("EMNIST's letters", "emnist")
    os.makedirs("torch/FashionMNIST/raw")
    for part, n in (("train", 60), ("t10k", 15)):
        for kind, data in (("images-idx3", x[:n]), ("labels-idx1", y[:n])):
            pathlib.Path(f"torch/FashionMNIST/raw/{part}-{kind}-ubyte").write_bytes(idx(data))
    info("torchvision's `FashionMNIST/raw` below the folder", "torch")
    os.makedirs("cifar")
    for name in ("data_batch_1", "data_batch_2", "test_batch"):
        records = np.concatenate([np.arange(40, dtype=np.uint8)[:, None] % 10,
                                  RNG.integers(0, 256, (40, 3072), dtype=np.uint8)], 1)
        pathlib.Path(f"cifar/{name}.bin").write_bytes(records.tobytes())
    info("CIFAR-10's binary files", "cifar")
    run(f"train --data cifar {TINY} cifar-run")
    for source in ("cifar", "cifar/test_batch.bin"):
        command = f"predict cifar-run {source} --json"
        row("predicting CIFAR's binary files", command, f"{len(predictions(command))} answers")
    command = "predict bright-run sizes.zip --json"
    answers = predictions(command)
    row("predicting a zip of pictures", command, f"{len(answers)} answers by name, such as {min(answers, default='-')}")
    command = "predict bright-run labels --json"
    row("predicting a folder with a table in it", command, f"{len(predictions(command))} answers for 45 pictures")


def words():
    pathlib.Path("notes.txt").write_text("hello")
    said("a file of another kind", "data info --data notes.txt")
    os.makedirs("documents")
    pathlib.Path("documents/a.xlsx").write_text("x")
    pathlib.Path("documents/b.txt").write_text("x")
    said("a folder of other things", "data info --data documents")
    folder("big", 40, KINDS[:2], side=224, mode="RGB")
    said("224x224 pictures, the paper's network", f"train --data big --preset paper --batch 512 --out big-run")
    said("the estimate alone", "summary --data big --preset paper --batch 32", "memory|takes|too large")
    shutil.copytree("nested", "moving")
    run(f"train --data moving {TINY} moving-run")
    os.rename("moving", "moved")
    said("moved data", "train --resume moving-run --epochs 2")
    said("named again", "train --resume moving-run --epochs 2 --data moved", "best epoch")
    said("--resume with other data", "train --resume moving-run --epochs 3 --data trains")
    said("--split 1/0/0", "train --data sizes --split 1/0/0 --out x")
    said("--split 1.0/0.0/0.0", "train --data sizes --split 1.0/0.0/0.0 --out x")
    status, out, err = run("serve moving-run --listen localhost:0 & sleep 2; kill $!")
    row("--listen localhost:8080", "serve moving-run --listen localhost:0", (err + out).splitlines()[0])
    run(f"train --data fastai {TINY} fastai-run")
    said("evaluate --part test where there is none", "evaluate fastai-run --part test")
    said("a labelled folder of new pictures", "evaluate bright-run large", "accuracy")
    said("starting from a model, other classes", "train --data arrows --from bright-run --epochs 1 --out from-run",
         "best epoch \\d")
    said("more epochs on a finished run", "train --resume fastai-run --epochs 2", "best epoch \\d")
    run(f"train --data sizes --preset mlp --epochs 1 --quiet --out mlp-run")
    command = "predict mlp-run sizes --json"
    row("a flat network (`mlp`) predicts pictures", command, f"{len(predictions(command))} answers")
    said("colour asked of grey pictures", f"train --data bright --colour 0.2 --quiet --out grey-run")


def hostile():
    for name, link in (("out.zip", "../../evil.png"), ("absolute.zip", "/etc/evil.png")):
        with zipfile.ZipFile(name, "w") as archive:
            archive.writestr(link, b"x")
        said(f"an archive with `{link}`", f"data info --data {name}")
    with gzip.open("bomb.tar.gz", "wb") as file:
        for _ in range(1200):
            file.write(bytes(1 << 20))
    said("1.2 GB of zeros in a tar.gz of 1 MB", "data info --data bomb.tar.gz")
    unicode = os.fsencode("sizes-odd/disc/") + b"\xff\xfe.png"
    shutil.copytree("sizes", "sizes-odd")
    shutil.copy("sizes/disc/0.png", unicode)
    info("a file name that is no Unicode", "sizes-odd")
    folder("listed/images", 4, ("disc", "bar"))
    rows = ["file,label", *(f"{kind}/{i}.png,{kind}" for kind in ("disc", "bar") for i in range(1, 5))]
    pathlib.Path("listed/labels.csv").write_text("\n".join(rows))
    said("a row without a picture, a picture without a row", "data info --data listed", "passed over")
    os.makedirs("many/a")
    os.makedirs("many/b")
    template = {k: shape_picture(k, 16) for k in ("disc", "bar")}
    for (kind, picture), place in zip(template.items(), "ab"):
        picture.save(f"many/{place}/0.png")
        data = pathlib.Path(f"many/{place}/0.png").read_bytes()
        for i in range(1, 50_000):
            pathlib.Path(f"many/{place}/{i}.png").write_bytes(data)
    start = time.time()
    command = "data info --data many --json"
    status, out, err = run(command, 1200)
    images = sum(p["images"] for p in json.loads(out)["parts"])
    row("100,000 files", command, f"{images} images in {time.time() - start:.0f} s")
    changing("many")


def changing(name):
    """Files vanish, shrink and appear while the folder is read."""
    stop = threading.Event()

    def disturb():
        i = 49_999
        while not stop.is_set() and i > 0:
            pathlib.Path(name, "b", f"{i}.png").unlink()
            pathlib.Path(name, "a", f"{i}.png").write_bytes(b"\x89PNG")
            pathlib.Path(name, "a", f"new{i}.png").write_bytes(b"")
            i -= 7

    thread = threading.Thread(target=disturb)
    thread.start()
    command = f"data info --data {name}"
    status, out, err = run(command, 1200)
    stop.set()
    thread.join()
    text = next((line for line in err.splitlines() if "passed over" in line), (err.splitlines() or ["?"])[-1])
    row("a folder that changes while it is read", command, f"exit {status}: {text[:300]}")


def main():
    with tempfile.TemporaryDirectory() as place:
        fashion = os.environ.get("FASHION")
        if fashion:
            os.environ["FASHION"] = str(pathlib.Path(fashion).resolve())
        os.chdir(place)
        prelude()
        for title, part in (("Silently wrong", silently_wrong), ("Folders of pictures", folders),
                            ("Tables and arrays", tables), ("Words, sizes, going on", words),
                            ("Hostile and huge", hostile)):
            if PARTS and part.__name__ not in PARTS:
                continue
            print(f"\n## {title}\n\n| what people have | command | now |\n|---|---|---|", flush=True)
            part()


main()
