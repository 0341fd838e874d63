"""Baselines as bytes: written the same each time, and read with the place of what is wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_medbench.baselines.names import Pair
from pytest_medbench.baselines.records import ItemRecord, SuiteBaseline
from pytest_medbench.errors import MedbenchError

FORMAT = 1


class BaselineError(MedbenchError):
    """A baseline's file that cannot be read or written.

    Parameters
    ----------
    place : Path
    line : int or None
        Counted from 1.
    message : str
        What was found, what was expected, what to do.
    """

    def __init__(self, place: Path, line: int | None, message: str) -> None:
        self.place = place
        self.line = line
        self.message = message
        where = f"{place}:{line}" if line is not None else str(place)
        super().__init__(f"{where}: {message}")


def to_bytes(baseline: SuiteBaseline) -> tuple[bytes, bytes]:
    """Give what the summary and the items' file hold.

    The same baseline always gives the same bytes. Keys and items are sorted, so that a changed
    item is one changed line.
    """
    items = items_bytes(baseline.items.values())
    document = {
        "format": FORMAT,
        "key": baseline.key,
        "suite": baseline.suite,
        "run": baseline.run,
        "accepted_on": baseline.accepted_on,
        "reason": baseline.reason,
        "verdict": baseline.verdict,
        "model": dict(baseline.model),
        "repeats": baseline.repeats,
        "hashes": dict(baseline.hashes),
        "slices": {key: dataclasses.asdict(each) for key, each in baseline.slices.items()},
        "items": {"count": len(baseline.items), "sha256": digest_of(items)},
    }
    return _json(document, indent=2) + b"\n", items


def items_bytes(records: Iterable[ItemRecord]) -> bytes:
    """Give the lines of items, sorted by id."""
    lines = []
    for record in sorted(records, key=lambda record: record.id):
        line: dict[str, Any] = {
            "id": record.id,
            "status": record.status.value,
            "score": record.score,
            "answer": record.answer,
            "made_with": record.made_with,
        }
        if record.scores:
            line["scores"] = list(record.scores)
        if record.group is not None:
            line["group"] = record.group
        if record.critical:
            line["critical"] = True
        lines.append(_json(line) + b"\n")
    return b"".join(lines)


def digest_of(items: bytes) -> str:
    """Give the SHA-256 of an items' file; git may have given its lines other ends."""
    return hashlib.sha256(items.replace(b"\r\n", b"\n")).hexdigest()


def _json(value: Any, indent: int | None = None) -> bytes:
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(
        value,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        indent=indent,
        separators=separators,
    )
    return text.encode("utf-8", errors="backslashreplace")


def write_pair(pair: Pair, summary: bytes, items: bytes) -> None:
    """Write both files, each whole or not at all; the summary, which names the other, last.

    Raises
    ------
    BaselineError
        If one cannot be written.
    """
    for path, data in ((pair.items, items), (pair.summary, summary)):
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise BaselineError(
                path, None, f"cannot be written: {error.strerror}; the run is kept, accept it again"
            ) from error


def read_bytes(path: Path) -> bytes | None:
    """Give what a file holds; None if there is none.

    Raises
    ------
    BaselineError
        If it cannot be read.
    """
    if not path.exists():
        return None
    try:
        if not path.is_file():
            raise BaselineError(path, None, "is no file; move it away and accept a run again")
        return path.read_bytes()
    except OSError as error:
        raise BaselineError(path, None, f"cannot be read: {error.strerror}") from error
