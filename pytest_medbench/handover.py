"""What the processes of one run leave for each other in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_medbench.runs import RunError

_SERVED = "served.json"
_STOP = "stop.txt"
_SUITES = "suites-{}.json"


def leave_served(folder: Path, served: Any) -> None:
    """Tell the workers where the embedded model is served; None is not written."""
    if served is not None:
        _write(folder / _SERVED, json.dumps(served))


def find_served(folder: Path) -> Any:
    """Give where the embedded model is served, None if it is not."""
    path = folder / _SERVED
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def leave_stop(folder: Path, reason: str) -> bool:
    """Tell all processes of the run to stop; the first reason stays. Tells whether it is told."""
    path = folder / _STOP
    try:
        if not path.exists():
            _write(path, reason)
    except RunError:
        return False
    return True


def find_stop(folder: Path) -> str | None:
    """Give the reason to stop, None if there is none yet."""
    try:
        return (folder / _STOP).read_text(encoding="utf-8") or None
    except OSError:
        return None


def clear(folder: Path) -> None:
    """Take away what an earlier part of a resumed run left."""
    for path in (folder / _STOP, folder / _SERVED):
        path.unlink(missing_ok=True)


def leave_suites(folder: Path, worker: str, places: Mapping[str, str]) -> None:
    """Tell the controller where the suites are that this worker collected, by node id.

    xdist hands over the ids of selected items only: a suite without any would be overlooked and a
    part taken for the whole. From the node id of a suite outside the rootdir its path is not seen.
    """
    _write(folder / _SUITES.format(worker), json.dumps(dict(places)))


def find_suites(folder: Path, worker: str) -> dict[str, str]:
    """Give what a worker left; nothing where its files are not seen from here."""
    path = folder / _SUITES.format(worker)
    if not path.exists():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from error
