"""What the processes of one run leave for each other in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_SERVED = "served.json"
_SUITES = "suites-{}.json"


def leave_served(folder: Path, served: Any) -> None:
    """Tell the workers where the embedded model is served; None is not written."""
    if served is not None:
        (folder / _SERVED).write_text(json.dumps(served), encoding="utf-8")


def find_served(folder: Path) -> Any:
    """Give where the embedded model is served, None if it is not."""
    path = folder / _SERVED
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def leave_suites(folder: Path, worker: str, node_ids: Iterable[str]) -> None:
    """Tell the controller which suites this worker collected, also those with no item selected.

    xdist hands over the ids of selected items only, and a part must be seen to be one.
    """
    (folder / _SUITES.format(worker)).write_text(json.dumps(list(node_ids)), encoding="utf-8")


def find_suites(folder: Path, worker: str) -> list[str]:
    """Give the suites that a worker collected; none where its files are not seen from here."""
    path = folder / _SUITES.format(worker)
    if not path.exists():
        return []
    found: list[str] = json.loads(path.read_text(encoding="utf-8"))
    return found
