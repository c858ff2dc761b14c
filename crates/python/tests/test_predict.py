"""Models in Python give the same bits as the program, for every kind of input."""
import json
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

import modiste


def probabilities(program, model, *inputs):
    answers = program("predict", model, *inputs, "--probabilities", "--json")["answers"]
    return np.array([answer["probabilities"] for answer in answers]), [answer["name"] for answer in answers]


def test_logits_and_evaluation_equal_those_of_the_program(program, run, test_part, folder):
    said = program("evaluate", run.folder, "--part", "test", "--mirror", "--json", "--logits", folder / "logits.json")
    logits = np.array(json.loads((folder / "logits.json").read_text())["logits"], np.float32)
    assert np.array_equal(run.model.logits(test_part.images), logits)
    found = run.model.evaluate(part="test", mirror=True)
    assert {key: said[key] for key in found} == found
    assert run.model.evaluate(test_part.images, test_part.labels) == run.evaluate("test")
    names = np.array(run.model.classes)[test_part.labels]
    assert run.model.evaluate(test_part.images, names)["accuracy"] == found["accuracy"]
    assert run.model.score(test_part.images, names) == found["accuracy"]
    assert set(said) - set(found) == {"model", "data", "split", "part"}


def test_arrays_get_the_programs_answers(program, run, test_part, folder):
    np.save(folder / "images.npy", test_part.images)
    expected, names = probabilities(program, run.folder, folder / "images.npy")
    model = run.model
    images = test_part.images
    for given in [images, images[..., None], images.reshape(len(images), -1), list(images), images.astype(np.int64),
                  images.astype(np.float32), images.astype(np.float16), images / 255, np.asfortranarray(images),
                  np.repeat(images, 2, axis=0)[::2], images[:, None], images[..., None].astype(np.uint16).tolist()]:
        assert np.array_equal(model.predict_proba(given), expected)
    assert model.predict(images).tolist() == names
    assert model.predict_proba(images).dtype == np.float64 and model.logits(images).dtype == np.float32
    assert model.predict(images[3]) == names[3]
    assert np.array_equal(model.predict_proba(images[3]), expected[3])
    assert np.array_equal(model.predict_proba(images[3].reshape(-1)), expected[3])
    for nothing in [images[:0], []]:
        assert model.predict_proba(nothing).shape == (0, 10) and model.predict(nothing).shape == (0,)


def test_mirror_and_rejection_equal_those_of_the_program(program, run, test_part, folder):
    np.save(folder / "mirror.npy", test_part.images)
    # Half of the answers are rejected.
    threshold = float(np.median(run.model.predict_proba(test_part.images, mirror=True).max(axis=1)))
    said = program("predict", run.folder, folder / "mirror.npy", "--mirror", "--threshold", repr(threshold),
                   "--probabilities", "--json")["answers"]
    found = run.model.predict(test_part.images, mirror=True, threshold=threshold)
    assert found.tolist() == [None if answer["rejected"] else answer["name"] for answer in said]
    assert 40 <= found.tolist().count(None) <= 60
    assert np.array_equal(run.model.predict_proba(test_part.images, mirror=True),
                          [answer["probabilities"] for answer in said])
    with pytest.raises(ValueError, match="no threshold gives an accuracy of 0.9999"):
        run.model.predict(test_part.images, reject=0.9999)
    with pytest.raises(ValueError, match="cannot be given together"):
        run.model.predict(test_part.images, reject=0.9, threshold=0.5)


def test_pictures_get_the_programs_answers(program, colour_run, pictures):
    files = sorted(pictures.glob("*/*"))
    expected, names = probabilities(program, colour_run.folder, *files)
    model = colour_run.model
    assert np.array_equal(model.predict_proba(files), expected)
    assert model.predict([str(file) for file in files]).tolist() == names
    assert model.predict(files[0]) == names[0]
    # Decoders may read the colours of a JPEG file differently, so PIL's pictures are compared as PNG files.
    lossless = [i for i, file in enumerate(files) if file.suffix == ".png"]
    opened = [Image.open(files[i]) for i in lossless]
    assert np.array_equal(model.predict_proba(opened), expected[lossless])
    assert np.array_equal(model.predict_proba([np.asarray(picture) for picture in opened]), expected[lossless])
    mixed = model.predict_proba([files[1], opened[0], np.asarray(opened[0])])
    assert np.array_equal(mixed, expected[[1, lossless[0], lossless[0]]])


def test_pil_pictures_are_read_like_their_files(program, run, colour_run, pictures, folder):
    draw = np.random.default_rng(1)
    grey = Image.fromarray(draw.integers(0, 256, (40, 30), np.uint8))
    colours = Image.open(next(pictures.glob("*/1.png")))
    alpha = colours.copy()
    alpha.putalpha(128)
    deep = Image.fromarray(draw.integers(0, 65536, (30, 30), np.uint16))
    turned = colours.copy()
    turned.getexif()[0x0112] = 6
    for number, picture in enumerate([grey, colours, alpha, colours.quantize(16), grey.convert("1"), deep]):
        file = folder / f"kind-{number}.png"
        picture.save(file)
        for of in (run, colour_run):
            expected, _ = probabilities(program, of.folder, file)
            assert np.array_equal(of.model.predict_proba(picture), expected[0]), picture.mode
    turned.save(folder / "turned.png", exif=turned.getexif())
    expected, _ = probabilities(program, colour_run.folder, folder / "turned.png")
    assert np.array_equal(colour_run.model.predict_proba(Image.open(folder / "turned.png")), expected[0])
    cmyk = colours.convert("CMYK")
    assert np.array_equal(colour_run.model.predict_proba(cmyk), colour_run.model.predict_proba(cmyk.convert("RGB")))
    with pytest.raises(ValueError, match="PIL's mode F; convert it to L or RGB"):
        run.model.predict(grey.convert("F"))


def test_a_labelled_folder_is_evaluated_by_the_names_of_its_classes(program, colour_run, pictures):
    said = program("evaluate", colour_run.folder, pictures, "--json")
    found = colour_run.model.evaluate(pictures)
    assert {key: said[key] for key in found} == found and found["images"] == 80
    assert colour_run.evaluate("validation")["accuracy"] == colour_run.best["validation_accuracy"]


def test_flat_networks_take_images(program, flat_run, folder):
    images = flat_run.model.data().test.images
    assert images.shape == (100, 28, 28) and flat_run.model.shape == (28, 28, 1)
    np.save(folder / "flat.npy", images)
    expected, _ = probabilities(program, flat_run.folder, folder / "flat.npy")
    assert np.array_equal(flat_run.model.predict_proba(images), expected)
    mirrored = flat_run.model.predict_proba(images, mirror=True)
    assert np.array_equal(flat_run.model.predict_proba(images[:, :, ::-1], mirror=True), mirrored)


def test_heat_maps_equal_those_of_the_program(program, run, colour_run, pictures, folder, test_part):
    file = next(pictures.glob("top/2.jpg"))
    for options, keywords in [((), {}), (("--class", "bottom"), {"class_name": "bottom"}),
                              (("--method", "occlusion", "--patch", "5", "--stride", "2", "--fill", "90"),
                               {"method": "occlusion", "patch": 5, "stride": 2, "fill": 90})]:
        said = program("explain", colour_run.folder, file, *options, "--json", "--out", folder / "why.png")
        found = colour_run.model.explain(file, **keywords)
        wanted = said["images"][0]["maps"][0]
        assert np.array_equal(found.map, np.array(wanted["map"], np.float32))
        assert (found.class_name, found.probability, found.layer) == \
            (wanted["class"], wanted["probability"], said.get("layer"))
        assert np.float32(found.peak) == np.float32(wanted["peak"])
        assert found.overlay(3).shape == (48, 48, 3) and found.image.shape == (16, 16, 3)
    grey = run.model.explain(test_part.images[0])
    assert grey.class_name == run.model.predict(test_part.images[0])
    # Where the map is zero, the overlay shows the image unchanged.
    cold = grey.map.copy()
    assert 0.0 <= cold.min() and cold.max() == 1.0 and grey.overlay(1).shape == (28, 28, 3)
    for keywords, text in [({"class_name": "Hat"}, "'Hat' is none of the classes T-shirt"),
                           ({"layer": "nowhere"}, "layer: there is no layer \"nowhere\""),
                           ({"method": "guess"}, "neither grad-cam nor occlusion"),
                           ({"patch": 3}, "patch: has no effect on grad-cam"),
                           ({"method": "occlusion", "patch": 99}, "does not fit into an image"),
                           ({"method": "occlusion", "fill": 256}, "fill: 256 is above 255")]:
        with pytest.raises(ValueError, match=text):
            run.model.explain(test_part.images[0], **keywords)
    with pytest.raises(ValueError, match="is not one image"):
        run.model.explain(test_part.images)


def test_large_arrays_are_not_copied(run):
    resource = pytest.importorskip("resource")
    images = np.zeros((200_000, 28, 28), np.uint8)
    images[:] = 1
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run.model.logits(images)
    # 150 MiB of images, 8 MiB of logits.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024


def test_the_lock_is_released_and_threads_agree(run, test_part):
    images = np.repeat(test_part.images, 40, axis=0)
    expected = run.model.logits(images)
    # Another thread counts while this one computes the network.
    counted = []

    def count():
        while not counted or counted[-1] >= 0:
            counted.append(len(counted))
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    began, start = time.monotonic(), len(counted)
    run.model.logits(images)
    turns, seconds = len(counted) - start, time.monotonic() - began
    counted.append(-1)
    counter.join()
    assert turns >= 2 or seconds < 0.02, (turns, seconds)
    found = []
    threads = [threading.Thread(target=lambda: found.append(run.model.logits(images))) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 4 and all(np.array_equal(logits, expected) for logits in found)
    for threads in (1, 2, 3):
        assert np.array_equal(modiste.load(run.folder, threads=threads).logits(images), expected)


@pytest.mark.skipif(sys.platform == "win32", reason="run by systems that fork")
def test_a_forked_process_answers(run):
    # In a separate process, because pytest's threads must not be forked.
    code = f"""
import multiprocessing, numpy as np, modiste
model = modiste.load({str(run.folder)!r}, threads=2)
images = np.arange(28 * 28 * 50, dtype=np.uint32).astype(np.uint8).reshape(50, 28, 28)
expected = model.logits(images)
with multiprocessing.get_context("fork").Pool(2) as pool:
    found = pool.map(model.logits, [images] * 4)
child = multiprocessing.get_context("fork").Process(target=lambda: exit(int(not np.array_equal(model.logits(images), expected))))
child.start(); child.join()
assert child.exitcode == 0 and all(np.array_equal(logits, expected) for logits in found)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_pickles_and_saved_files_hold_the_model(run, test_part, folder):
    copy = pickle.loads(pickle.dumps(run.model))
    assert copy.checksum == run.model.checksum and copy.classes == run.model.classes
    assert np.array_equal(copy.logits(test_part.images), run.model.logits(test_part.images))
    run.model.save(folder / "saved.safetensors")
    assert (folder / "saved.safetensors").read_bytes() == (run.folder / "best.safetensors").read_bytes()


def test_wrong_images_are_refused_in_one_line(run, test_part, colour_run, pictures, folder):
    model, images = run.model, test_part.images
    (folder / "text.png").write_text("no picture")
    spoiled = images[:5] / 255
    spoiled[2, 0, 0] = np.nan
    cases = [
        (images.astype(np.int64) - 300, ValueError, "image 0 holds -300, which is not in 0 to 255"),
        (images * 2.0, ValueError, "which is not in 0 to 255"),
        (spoiled, ValueError, "image 2 holds NaN, which is not in 0 to 255"),
        (np.array(["a", "b"]), TypeError, "images: of type <U1; supported are bytes, integers and floats"),
        (images.astype(complex), TypeError, "images: of type complex128"),
        (np.array([None]), TypeError, "images: of type object"),
        (np.zeros((2, 3, 4, 5, 6), np.uint8), ValueError, r"images: of shape \(2, 3, 4, 5, 6\), not \(28, 28\)"),
        (np.zeros(5, np.uint8), ValueError, r"images: of shape \(5,\)"),
        (np.zeros((9, 4, 28, 28), np.uint8), ValueError, "which are not those of images"),
        (np.zeros((2, 5, 5), np.uint8), ValueError, "is 5 x 5 pixels, too small to show anything"),
        (7, TypeError, "images: int is neither an array, nor a path or a picture, nor a list of these"),
        ([images[0], 7], TypeError, "image: int is neither an array, nor a path or a picture"),
        ([images], ValueError, r"image: an array of shape \(100, 28, 28\) is not one image"),
        ("nowhere.png", FileNotFoundError, "nowhere.png: failed to"),
        (pictures, ValueError, "photos: is a folder, not a file"),
        (folder / "text.png", ValueError, "text.png: "),
    ]
    for given, kind, text in cases:
        with pytest.raises(kind, match=text) as caught:
            model.predict(given)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match='background: "blue" is not a background: auto, bright, dark or keep'):
        colour_run.model.predict(next(pictures.glob("*/*.png")), background="blue")
    for given, text in [(images[0], "images: one image"), (images[:3], r"labels: of shape \(100,\), not \(3,\)")]:
        with pytest.raises(ValueError, match=text):
            model.evaluate(given, test_part.labels)
    for labels, text in [(["Hat"] * 3, "'Hat' is none of the classes"), ([0, 1, 10], "indices from 0 to 9"),
                         ([0.5, 1, 2], "not names of classes")]:
        with pytest.raises(ValueError, match=text):
            model.evaluate(images[:3], labels)
    for wrong in [{}, {"images": images}, {"images": images, "labels": test_part.labels, "part": "test"}]:
        with pytest.raises(TypeError, match="give images and labels, or a labelled folder, or a part"):
            model.evaluate(**wrong)
    with pytest.raises(ValueError, match="part: 'all' is none of"):
        model.evaluate(part="all")


def test_wrong_models_are_refused_in_one_line(run, folder, colour_run):
    content = (run.folder / "best.safetensors").read_bytes()
    (folder / "newer.safetensors").write_bytes(content.replace(b"modiste model 1", b"modiste model 9"))
    (folder / "cut.safetensors").write_bytes(content[:-10])
    (folder / "changed.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (folder / "empty").mkdir(exist_ok=True)
    for path, kind, text in [("nowhere", FileNotFoundError, "nowhere: failed to"),
                             ("empty", FileNotFoundError, "best.safetensors: failed to"),
                             ("newer.safetensors", ValueError, "newer.safetensors: .*modiste model 9"),
                             ("cut.safetensors", ValueError, "cut.safetensors: "),
                             ("changed.safetensors", ValueError, "changed.safetensors: .*checksum")]:
        with pytest.raises(kind, match=text) as caught:
            modiste.load(folder / path)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="threads: 0 is not from 1 to 1024"):
        modiste.load(run.folder, threads=0)
    alone = modiste.load(colour_run.folder / "best.safetensors")
    with pytest.raises(ValueError, match="was trained on photos; give that folder as `data`"):
        alone.data()


def test_data_is_divided_as_in_the_program(run):
    data = modiste.load_data(split="600/200/100")
    assert [len(data.part(name).images) for name in ("train", "validation", "test")] == [600, 200, 100]
    assert data.train.images.dtype == np.uint8 and data.train.labels.dtype == np.uint16
    assert data.classes == run.model.classes and data.train.names[0].startswith("train-images")
    assert np.array_equal(data.test.images, run.model.data().test.images)
    assert "600 / 200 / 100 images in 10 classes" in repr(data)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        modiste.load_data("nowhere")
    with pytest.raises(ValueError, match="split"):
        modiste.load_data(split="none")
