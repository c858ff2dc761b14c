"""Training."""
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from . import _modiste
from ._model import Model, load
from ._progress import Progress, shown
from ._settings import FIELDS, settings_of

# The file for data given as arrays, within a run's folder.
_ARRAYS = Path("data/arrays.npz")


class Run:
    """A run, as returned by `train` and `resume`; `Run(folder)` opens an existing run.

    folder: the run's folder. history: a dictionary of metrics for each epoch. best: the metrics of the best epoch, which
    gave the model.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self.history: list[dict[str, Any]] = json.loads(_modiste.metrics(self.folder))
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """The model of the best epoch."""
        if self._model is None:
            self._model = load(self.folder)
        return self._model

    @property
    def best(self) -> dict[str, Any]:
        """The metrics of the best epoch."""
        epoch: int = self.model.provenance["chosen"]["epoch"]
        return self.history[epoch - 1]

    def evaluate(self, part: str = "validation") -> dict[str, Any]:
        """Evaluates the model on a part of the run's data, like `Model.evaluate`: train, validation or, at the very end,
        test."""
        return self.model.evaluate(part=part)

    def __repr__(self) -> str:
        if not self.history:
            return f"<modiste.Run {self.folder}: no complete epoch yet>"
        best = self.best
        accuracy = best["validation_accuracy"]
        worth = "" if accuracy is None else f", validation accuracy {accuracy:.4f}"
        return f"<modiste.Run {self.folder}: epoch {best['epoch']} of {len(self.history)}{worth}>"


def fields() -> list[dict[str, Any]]:
    """Every field of a configuration: path, name (the keyword), default, values, meaning, and the kinds that have it."""
    return [dict(field) for field in FIELDS]


def train(data: Any = "embedded", *, preset: str | None = None, config: str | os.PathLike[str] | None = None,
          out: str | os.PathLike[str] | None = None, minutes: float | None = None, threads: int | None = None,
          progress: Progress = True, report: bool = True, settings: dict[str, Any] | None = None,
          **fields: Any) -> Run:
    """Trains a network and returns the run.

    data: a path that `modiste train --data` takes (a folder of pictures per class, an archive, arrays, a table),
    "embedded" for Fashion-MNIST, or a pair of arrays: images (n, h, w) or (n, h, w, 3) and labels (n), numbers or words.
    Arrays are saved in the run's folder, so that the run can be repeated and continued.
    preset: swift, small, light, paper, cnn or mlp. config: a configuration file, such as the `config.toml` of a run.
    Without either, your own pictures get settings that suit them.
    out: the run's folder; by default, a new one in `runs`.
    minutes: choose the number of epochs so that the run takes this long on this machine.
    threads: number of threads; by default, one per available core. Results do not depend on it.
    progress: whether to show the progress, or a function to call with a dictionary for each event.
    report: whether to write the report and TensorBoard's events, like `modiste train`.
    fields: fields of the configuration by the names of their flags (`epochs=20, lr=0.01, widths=[8, 16]`).
    settings: a dictionary of fields by their paths (`{"training.epochs": 20}`). `modiste.fields()` lists all fields.

    Ctrl-C writes a checkpoint and raises KeyboardInterrupt; `modiste.resume(folder)` continues from it.
    """
    given = settings_of({**(settings or {}), **fields})
    written = None
    if isinstance(data, (str, os.PathLike)):
        source = os.fspath(data)
    else:
        images, labels = _arrays(data)
        out = Path(out) if out is not None else _modiste.new_folder("runs", preset or "own")
        source = os.fspath((out / _ARRAYS).resolve())
        written = _write(out / _ARRAYS, images, labels)
    if source != "embedded":
        given.insert(0, ("data.source", source))
    try:
        return _watched(progress, lambda tell: _modiste.train(
            given, preset=preset, config=config, out=out, minutes=minutes, threads=threads, report=report,
            tell=tell))
    except BaseException:
        if written is not None and out is not None and not (Path(out) / "config.toml").exists():
            shutil.rmtree(written)
        raise


def resume(folder: str | os.PathLike[str], *, epochs: int | None = None, data: str | os.PathLike[str] | None = None,
           threads: int | None = None, progress: Progress = True, report: bool = True) -> Run:
    """Continues the run in `folder`, which was stopped, or which had ended if you give more `epochs`.

    data: the location of its data, if it has moved. threads, progress, report: as in `train`. The run ends with the same
    bytes as one that was not stopped.
    """
    settings = settings_of({"training.epochs": epochs, "data.source": data})
    return _watched(progress, lambda tell: _modiste.resume(folder, settings, threads=threads, report=report, tell=tell))


def _watched(progress: Progress, work: Any) -> Run:
    """Runs `work` and shows its progress; the exception for an interrupt says how to continue."""
    show = shown(progress)
    folder: list[str] = []

    def tell(text: str) -> None:
        event = json.loads(text)
        if event["event"] == "started":
            folder.append(event["folder"])
        show(event)

    try:
        return Run(work(tell))
    except KeyboardInterrupt:
        if not folder:
            raise
        raise KeyboardInterrupt(f"stopped with a checkpoint; continue with modiste.resume({folder[0]!r})") from None


def _arrays(data: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Images and labels with checked types and shapes."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TypeError(f"data: {type(data).__name__} is neither a path nor a pair of images and labels")
    images, labels = np.asarray(data[0]), np.asarray(data[1])
    if images.dtype.kind not in "uifb" or images.ndim not in (2, 3, 4):
        raise TypeError(f"data: images of type {images.dtype} and shape {images.shape}, not numbers (n, h, w) or "
                        "(n, h, w, 3)")
    if labels.dtype.kind == "O":
        labels = labels.astype(str)
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iuU":
        raise TypeError(f"data: labels of type {labels.dtype} and shape {labels.shape}, not whole numbers or words "
                        f"({len(images)},)")
    return images, labels


def _write(path: Path, images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> Path:
    """Writes the arrays and returns their new folder."""
    if path.exists():
        raise FileExistsError(f"{path}: exists already; choose another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, images=images, labels=labels)
    return path.parent
