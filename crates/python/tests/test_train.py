"""Runs from Python equal the program's runs, to the byte; they can be stopped and continued."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import SMALL, flags

import modiste


def files(folder):
    return {name: (folder / name).read_bytes() for name in ("best.safetensors", "last.ckpt", "config.toml", "digests.csv")}


def test_a_run_equals_that_of_the_program(program, run, folder):
    program("train", "--split=600/200/100", *flags(SMALL), "--out", folder / "program", "--quiet")
    assert files(folder / "program") == files(run.folder)
    assert modiste.Run(folder / "program").history[-1]["train_loss"] == run.history[-1]["train_loss"]
    assert len(run.history) == 2 and run.best["epoch"] == run.model.provenance["chosen"]["epoch"]
    assert re.fullmatch(r"<modiste.Run .*grey: epoch \d of 2, validation accuracy 0\.\d{4}>", repr(run))
    # The program can continue the run.
    assert "report.html" in program("report", run.folder)
    assert program("verify", run.folder, "--json")["same"] is True


def test_a_run_has_the_report_and_events_of_the_program(program, run, folder):
    program("train", "--split=600/200/100", *flags(SMALL), "--out", folder / "reported/grey", "--quiet")
    listed = lambda top: sorted(os.fspath(path.relative_to(top)) for path in top.rglob("*"))
    events = re.compile(r"events\.out\.tfevents\..*")
    theirs, ours = (listed(top) for top in (folder / "reported/grey", run.folder))
    assert [events.sub("events", name) for name in ours] == [events.sub("events", name) for name in theirs]
    assert "report.html" in ours and "events" in [events.sub("events", name) for name in ours]
    # The only times in reports are the speeds of metrics.csv.
    for name in [name for name in ours if name.startswith(("figures/", "evaluation", "worst"))]:
        file, other = run.folder / name, folder / "reported/grey" / name
        assert not file.is_file() or file.read_bytes() == other.read_bytes(), name
    size = lambda top: next(top.glob("events.*")).stat().st_size
    assert abs(size(run.folder) - size(folder / "reported/grey")) < 200


def test_a_report_is_left_out_if_asked(program, folder):
    run = modiste.train(out=folder / "silent", split="600/200/100", progress=False, report=False, **{**SMALL, "epochs": 1})
    names = {path.name.split(".")[0] for path in run.folder.iterdir()}
    assert not names & {"report", "figures", "events", "evaluation"}
    longer = modiste.resume(run.folder, epochs=2, progress=False)
    assert "report.html" in {path.name for path in longer.folder.iterdir()}


def test_own_pictures_get_suitable_settings(program, pictures, folder):
    notes = []
    run = modiste.train(pictures, out=folder / "own", epochs=1, progress=lambda event: notes.append(event))
    program("train", "--data", pictures, "--epochs", "1", "--out", folder / "own-program", "--quiet")
    assert files(folder / "own-program") == files(run.folder)
    texts = [event["text"] for event in notes if event["event"] == "note"]
    assert any("settings for" in text for text in texts) and any("mirrored" in text for text in texts)
    assert [event["event"] for event in notes if event["event"] in ("started", "epoch")] == ["started", "epoch"]


def test_arrays_are_kept_with_the_run(folder):
    data = modiste.load_data(split="300/100/100")
    words = np.array(data.classes)[data.train.labels]
    run = modiste.train((data.train.images, words), out=folder / "arrays", split="0.8/0.2/0.0", progress=False, **SMALL)
    assert set(run.model.classes) == set(data.classes)
    assert len(run.model.data().train.images) == 240
    again = modiste.train(run.folder / "data/arrays.npz", out=folder / "again", split="0.8/0.2/0.0", progress=False, **SMALL)
    assert files(again.folder)["best.safetensors"] == files(run.folder)["best.safetensors"]
    longer = modiste.resume(run.folder, epochs=3, progress=False)
    assert len(longer.history) == 3
    with pytest.raises(FileExistsError, match="arrays.npz: exists already"):
        modiste.train((data.train.images, words), out=folder / "arrays", progress=False)


def test_a_run_starts_from_a_model(run, folder):
    more = modiste.train(out=folder / "more", from_=run.folder, split="600/200/100", progress=False,
                         epochs=1, batch=32, lr=0.001)
    assert more.history[0]["train_loss"] < run.history[0]["train_loss"]
    assert more.model.parameters == run.model.parameters


def test_wrong_settings_are_refused_before_there_is_a_folder(folder, pictures):
    images, labels = np.zeros((20, 16, 16), np.uint8), np.arange(20) % 2
    spoiled = images / 255
    spoiled[4] = np.nan
    cases = [
        ({"epoch": 3}, TypeError, r"epoch: no such field; the nearest is epochs \(training.epochs\)"),
        ({"learning_rte": 3}, TypeError, "the nearest is learning_rate"),
        ({"xyzzy": 3}, TypeError, r"xyzzy: no such field; modiste.fields\(\) lists them"),
        ({"lr": 1, "learning_rate": 1}, TypeError, "training.schedule.learning_rate is given twice"),
        ({"epochs": "many"}, ValueError, 'training.epochs: "many" is not'),
        ({"epochs": -1}, ValueError, "training.epochs: -1 is not"),
        ({"epochs": {}}, TypeError, "epochs: dict is neither a number"),
        ({"flip": 3}, ValueError, "training.augmentation.flip"),
        ({"length": 3}, ValueError, "network.length: has no effect on the architecture residual"),
        ({"preset": "fast"}, ValueError, "fast"),
        ({"preset": "mlp", "config": "x.toml"}, ValueError, "preset: cannot be given together with config"),
        ({"config": "nowhere.toml"}, FileNotFoundError, "nowhere.toml: failed to"),
        ({"threads": 5000}, ValueError, "threads: 5000 is not from 1 to 1024"),
        ({"data": "nowhere"}, FileNotFoundError, "nowhere"),
        ({"data": 3}, TypeError, "data: int is neither a path nor a pair of images and labels"),
        ({"data": (images, labels[:3])}, TypeError, r"labels of type int64 and shape \(3,\), not whole"),
        ({"data": (images, labels / 2)}, TypeError, "labels of type float64"),
        ({"data": (images[0, 0], labels)}, TypeError, r"images of type uint8 and shape \(16,\)"),
        ({"data": (images.astype(str), labels)}, TypeError, "images of type <U3"),
        ({"data": (images + 300.0, labels)}, ValueError, "image 0 holds 300, which is not in 0 to 255"),
        ({"data": (spoiled, labels)}, ValueError, "image 4 holds NaN"),
        ({"batch": 10**9}, ValueError, "batch"),
    ]
    for settings, kind, text in cases:
        with pytest.raises(kind, match=text) as caught:
            modiste.train(**{"out": folder / "wrong", "progress": False, **settings})
        assert "\n" not in str(caught.value), settings
        assert not (folder / "wrong/config.toml").exists() and not (folder / "wrong/data").exists(), settings
    with pytest.raises(ValueError, match="already holds a run"):
        modiste.train(out=folder / "grey", progress=False, epochs=1, split="600/200/100")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        modiste.Run("nowhere")
    with pytest.raises(ValueError, match="nowhere: has no run to resume"):
        modiste.resume("nowhere")


# Long enough for a signal to arrive in time, short enough to finish.
LONG = {**SMALL, "split": "2000/200/100", "epochs": 6}


def test_a_progress_function_receives_events_and_may_stop_the_run(folder):
    whole = modiste.train(out=folder / "whole", progress=False, **LONG)
    seen = []

    def stop(event):
        seen.append(event)
        if event["event"] == "epoch" and event["epoch"] == 2:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        modiste.train(out=folder / "stopped", progress=stop, **LONG)
    assert seen[-1]["validation_accuracy"] == whole.history[1]["validation_accuracy"]
    stopped = modiste.Run(folder / "stopped")
    assert len(stopped.history) < 6 and "of 2" in repr(stopped)
    modiste.resume(folder / "stopped", threads=1, progress=False)
    assert files(folder / "stopped") == files(folder / "whole")


# A background job of a shell starts with the signal ignored.
CODE = """
import signal, sys, modiste
signal.signal(signal.SIGINT, signal.default_int_handler)
modiste.train(out=sys.argv[1], split="2000/200/100", widths=[4, 8], epochs=40, batch=32, lr=0.05, threads=1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="run by systems with SIGINT")
def test_ctrl_c_leaves_a_checkpoint(folder):
    out = folder / "interrupted"
    child = subprocess.Popen([sys.executable, "-c", CODE, out], stderr=subprocess.PIPE, text=True)
    while not (out / "metrics.csv").exists():
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    sent = time.monotonic()
    said = child.communicate(timeout=60)[1]
    assert time.monotonic() - sent < 20
    assert child.returncode != 0
    assert said.splitlines()[-1] == ("KeyboardInterrupt: stopped with a checkpoint; continue with "
                                     f"modiste.resume({str(out)!r})")
    # Plain lines, because there is no terminal.
    assert "training 2" in said and re.search(r"epoch +1/40  train loss \d", said)
    assert len(modiste.Run(out).history) < 40
    run = modiste.resume(out, threads=1, progress=False)
    assert len(run.history) == 40
    whole = modiste.train(out=folder / "uninterrupted", config=out / "config.toml", threads=1, progress=False)
    assert files(whole.folder)["best.safetensors"] == files(out)["best.safetensors"]


def test_progress_on_a_terminal(folder):
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", CODE.replace("epochs=40", "epochs=3"), folder / "terminal"],
                             stderr=slave)
    os.close(slave)
    said = b""
    while True:
        try:
            said += os.read(master, 65536)
        except OSError:
            break
    assert child.wait() == 0
    lines = said.decode().replace("\r\n", "\n").split("\n")
    shown = [line.rpartition("\x1b[K")[2] for line in lines]
    assert shown[0].startswith("training ") and [line[:9] for line in shown[1:4]] == [f"epoch {i}/3" for i in (1, 2, 3)]
    assert re.search(r"epoch 1/3 \[=*>? *\] \d+/63  \d+ images/s  loss \d\.\d{4}  accuracy 0\.\d{4}  left ", said.decode())


def test_progress_in_a_notebook(folder):
    nbformat = pytest.importorskip("nbformat")
    from nbclient import NotebookClient

    book = nbformat.v4.new_notebook()
    code = CODE.replace("epochs=40", "epochs=3").replace("sys.argv[1]", repr(str(folder / "notebook")))
    book.cells = [nbformat.v4.new_code_cell(code)]
    NotebookClient(book, kernel_name="python3", timeout=120).execute()
    [output] = [output for output in book.cells[0].outputs if output.output_type == "display_data"]
    table = output.data["text/html"]
    assert table.count("<tr") == 4 and "validation accuracy" in table and "<progress" not in table
    assert "training " in table and "epoch 3/3" in output.data["text/plain"]


def test_fields_are_named_as_flags(run):
    table = {field["name"]: field for field in modiste.fields()}
    assert table["epochs"]["path"] == "training.epochs" and table["lr"]["path"] == "training.schedule.learning_rate"
    assert table["widths"]["kinds"] == ["residual"] and "number" in table["lr"]["values"]
    assert 'widths = [\n    4,\n    8,\n]' in run.model.config or "widths = [4, 8]" in run.model.config
    assert json.dumps(run.history)
