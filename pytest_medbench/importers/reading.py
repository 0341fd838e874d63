"""Reads a public data set's JSON lines one by one; what cannot be read becomes a problem."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pytest_medbench.importers.writing import Report
from pytest_medbench.suites.schema import MAX_LINE


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file.

    Parameters
    ----------
    line : int
        Counted from 1, blank lines included.
    number : int
        Counted from 1 over the lines that are not blank, unreadable ones included.
    ending : str
        The line's end: `\\n`, `\\r\\n`, or nothing at the end of the file.
    value : dict
    """

    line: int
    number: int
    ending: str
    value: dict[str, Any]


def read_rows(path: Path, report: Report) -> Iterator[Row]:
    """Give the JSON objects of a file, one a line.

    Parameters
    ----------
    path : Path
    report : Report
        Gets a problem for each line that is too long, not UTF-8, or no JSON object, and for a
        file that cannot be read.
    """
    number = 0
    try:
        with path.open("rb") as file:
            for line, data in _bounded_lines(file):
                if data is not None and not data.strip():
                    continue
                number += 1
                if data is None:
                    report.add(path, line, f"is longer than {MAX_LINE} bytes; it was left out")
                    continue
                try:
                    value = _object(data, first=line == 1)
                except ValueError as error:
                    report.add(path, line, str(error))
                else:
                    yield Row(line, number, _ending(data), value)
    except OSError as error:
        report.add(path, None, f"cannot be read: {error.strerror}")


def count_rows(path: Path) -> int:
    """Count the lines that are not blank; 0 where the file cannot be read."""
    try:
        with path.open("rb") as file:
            return sum(data is None or bool(data.strip()) for _, data in _bounded_lines(file))
    except OSError:
        return 0


def parse_json(data: bytes) -> Any:
    """Parse JSON from elsewhere strictly.

    Raises
    ------
    ValueError
        If it is not UTF-8, not JSON, nested too deep, has a key twice in one object, a number
        JSON does not know (NaN), or half a surrogate pair.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start}); save the file as UTF-8") from error
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} (character {error.pos})") from error
    except RecursionError as error:
        raise ValueError("is nested too deep to be read") from error
    except UnicodeEncodeError as error:
        raise ValueError("holds half a surrogate pair, which is no character") from error
    return value


def _object(data: bytes, *, first: bool) -> dict[str, Any]:
    value = parse_json(data.removeprefix(b"\xef\xbb\xbf") if first else data)
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, found {type(value).__name__}")
    return value


def _bounded_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Give line numbers and lines; None for one that is too long, which is never held whole."""
    number = 0
    while data := file.readline(MAX_LINE + 1):
        number += 1
        if len(data) <= MAX_LINE:
            yield number, data
            continue
        while data and not data.endswith(b"\n"):
            data = file.readline(MAX_LINE)
        yield number, None


def _ending(data: bytes) -> str:
    if data.endswith(b"\r\n"):
        return "\r\n"
    return "\n" if data.endswith(b"\n") else ""


def _no_constant(name: str) -> Any:
    raise ValueError(f"holds {name}, which is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"key {key[:80]!r} stands twice in one object")
            seen.add(key)
    return value
