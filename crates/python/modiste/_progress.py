"""Progress of a run: a line that changes on a terminal, a table in a notebook, plain lines elsewhere."""
from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO, Union

# An event as a dictionary; `event` is started, note, step, validating or epoch.
Event = dict[str, Any]
Progress = Union[bool, Callable[[Event], None]]

# Longest time without output during an epoch if there is no terminal, in seconds.
_SILENCE = 30.0
_BAR = 24


def shown(progress: Progress) -> Callable[[Event], None]:
    """The function to call with the events of a run: the caller's own, or one that suits the environment."""
    if callable(progress):
        return progress
    if not progress:
        return lambda event: None
    if _in_notebook():
        return Notebook()
    return Terminal(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr)


def _in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, which can display tables."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def duration(seconds: float) -> str:
    """`1h02m`, `2m05s` or `7s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h{whole // 60 % 60:02}m"
    return f"{whole // 60}m{whole % 60:02}s" if whole >= 60 else f"{whole}s"


def begun(event: Event) -> str:
    """The first line of a run."""
    done = event["epochs_done"]
    if done >= event["epochs"]:
        verb = "finished before:"
    else:
        verb = "resuming" if done + event["steps_done"] > 0 else "training"
    return (f"{verb} {event['parameters']} parameters on {event['images']} images, {event['epochs']} epochs, "
            f"in {event['folder']}")


def epoch_line(event: Event, epochs: int) -> str:
    """The line of an epoch, as printed by the program."""
    validation = ""
    if event["validation_loss"] is not None:
        auroc = "-" if event["validation_auroc"] is None else f"{event['validation_auroc']:.4f}"
        validation = (f"  validation loss {event['validation_loss']:.4f} accuracy "
                      f"{event['validation_accuracy']:.4f} AUROC {auroc}")
    best = "  best" if event["best"] and validation else ""
    return (f"epoch {event['epoch']:>{len(str(epochs))}}/{epochs}  train loss {event['train_loss']:.4f} accuracy "
            f"{event['train_accuracy']:.4f}{validation}  {event['seconds']:.1f} s, "
            f"{event['images_per_second']:.0f} images/s{best}")


class Lines:
    """Prints a line for each epoch, and one after each long time without output."""

    def __init__(self, out: TextIO):
        self.out = out
        self.epochs = 0
        self.said = time.monotonic()
        self.pace = Pace()

    def __call__(self, event: Event) -> None:
        kind = event["event"]
        if kind == "started":
            self.epochs = event["epochs"]
            self.pace = Pace()
            self.say(begun(event))
        elif kind == "note":
            self.say(event["text"])
        elif kind == "epoch":
            self.say(epoch_line(event, self.epochs))
        elif kind == "step":
            self.step(event, self.pace.left(event))

    def say(self, line: str) -> None:
        """Prints a line that stays."""
        print(line, file=self.out, flush=True)
        self.said = time.monotonic()

    def step(self, event: Event, left: str) -> None:
        """Prints the progress within an epoch."""
        if time.monotonic() - self.said >= _SILENCE:
            self.say(f"epoch {event['epoch']}/{event['epochs']}  step {event['step']}/{event['steps']}  "
                     f"{numbers(event, left)}")


class Terminal(Lines):
    """Like `Lines`, with a status line below for the current epoch."""

    def say(self, line: str) -> None:
        print("\r\x1b[K", end="", file=self.out)
        super().say(line)

    def step(self, event: Event, left: str) -> None:
        done = _BAR * event["step"] // event["steps"]
        bar = "=" * done + ">" * (done < _BAR)
        print(f"\r\x1b[Kepoch {event['epoch']}/{event['epochs']} [{bar:<{_BAR}}] {event['step']}/{event['steps']}  "
              f"{numbers(event, left)}", end="", file=self.out, flush=True)


class Notebook(Lines):
    """Shows a table of the epochs and a bar for the current one in the cell's output."""

    COLUMNS = [("epoch", "epoch", "d"), ("train loss", "train_loss", ".4f"),
               ("train accuracy", "train_accuracy", ".4f"), ("validation loss", "validation_loss", ".4f"),
               ("validation accuracy", "validation_accuracy", ".4f"), ("AUROC", "validation_auroc", ".4f"),
               ("seconds", "seconds", ".1f")]

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        from IPython import display

        self.lines: list[str] = []
        self.rows: list[Event] = []
        self.bar = ""
        self.handle: Any = display.display(self, display_id=True)  # type: ignore[no-untyped-call]

    def _repr_html_(self) -> str:
        parts = [f"<div>{html.escape(line)}</div>" for line in self.lines]
        if self.rows:
            head = "".join(f"<th>{title}</th>" for title, _, _ in self.COLUMNS)
            parts.append(f"<table><tr>{head}</tr>{''.join(map(self._row, self.rows))}</table>")
        return "".join(parts) + self.bar

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        text = "\n".join([*self.lines, *(epoch_line(row, self.epochs) for row in self.rows)])
        return {"text/html": self._repr_html_(), "text/plain": text}

    def _row(self, row: Event) -> str:
        cells = ("-" if row[key] is None else format(row[key], how) for _, key, how in self.COLUMNS)
        style = " style='font-weight: bold'" if row["best"] else ""
        return f"<tr{style}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"

    def __call__(self, event: Event) -> None:
        if event["event"] == "epoch":
            self.rows.append(event)
            self.bar = ""
            self.handle.update(self)
        else:
            super().__call__(event)

    def say(self, line: str) -> None:
        self.lines.append(line)
        self.handle.update(self)

    def step(self, event: Event, left: str) -> None:
        about = html.escape(f"epoch {event['epoch']}/{event['epochs']}  {numbers(event, left)}")
        self.bar = f"<div><progress value='{event['step']}' max='{event['steps']}'></progress> {about}</div>"
        self.handle.update(self)


class Pace:
    """Estimates the remaining time from the steps since this process started."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.first: int | None = None

    def left(self, event: Event) -> str:
        """Time for the remaining steps; unknown at the first step."""
        position = (event["epoch"] - 1) * event["steps"] + event["step"]
        if self.first is None:
            self.first, self.began = position, time.monotonic()
        if position == self.first:
            return "-"
        each = (time.monotonic() - self.began) / (position - self.first)
        return duration(each * (event["epochs"] * event["steps"] - position))


def numbers(event: Event, left: str) -> str:
    """The numbers of a step."""
    return (f"{event['images_per_second']:.0f} images/s  loss {event['loss']:.4f}  accuracy {event['accuracy']:.4f}  "
            f"left {left}")
