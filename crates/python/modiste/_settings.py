"""Fields of a configuration as keyword arguments."""
from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _modiste

FIELDS: list[dict[str, Any]] = json.loads(_modiste.fields())
_PATHS = {field["path"] for field in FIELDS}
# A field may be named by its flag, or by the end of its path if no other path has the same end.
_NAMES = {field["name"]: field["path"] for field in FIELDS}
_ENDS = [path.rpartition(".")[2] for path in _PATHS]
_NAMES.update({path.rpartition(".")[2]: path for path in _PATHS
               if _ENDS.count(path.rpartition(".")[2]) == 1})


def path_of(name: str) -> str:
    """The path of a field from its name or path; the error suggests the nearest name. Reserved words of Python need a
    trailing underscore: `from_`."""
    name = name.rstrip("_")
    if name in _PATHS:
        return name
    if name in _NAMES:
        return str(_NAMES[name])
    near = difflib.get_close_matches(name.rpartition(".")[2], _NAMES, 1, 0.4)
    hint = f"the nearest is {near[0]} ({_NAMES[near[0]]})" if near else "modiste.fields() lists them"
    raise TypeError(f"{name}: no such field; {hint}")


def text(name: str, value: Any) -> str:
    """A value in the form that the configuration reads: `true`, `0.1`, `16,48,96`."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (list, tuple, np.ndarray)):
        return ",".join(text(name, item) for item in value)
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    raise TypeError(f"{name}: {type(value).__name__} is neither a number, nor text, nor a list of these")


def settings_of(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Paths and values of the fields; those with the value `None` keep their default."""
    found = {}
    for name, value in fields.items():
        path = path_of(name)
        if path in found:
            raise TypeError(f"{name}: {path} is given twice")
        if value is not None:
            found[path] = text(name, value)
    return list(found.items())
