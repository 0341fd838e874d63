"""Finds the line of a key in a TOML document, for messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_medbench.toml_text import TOKEN, parse_toml

_AT_LINE = re.compile(r"\(at line (\d{1,9}), column \d{1,9}\)")


def line_of(text: str, *keys: str) -> int | None:
    """Find where a key stands, or else the innermost of its tables.

    Parameters
    ----------
    text : str
        A TOML document.
    *keys : str
        The table's name, the key's, and so on inwards.

    Returns
    -------
    int or None
        The line, from 1; None where not even the table is there.
    """
    found, depth = None, 0
    table: tuple[str, ...] = ()
    for line, statement in _statements(text):
        try:
            parsed = parse_toml(statement)
        except ValueError:
            return found
        if statement.startswith("["):
            table = _header(parsed)
            reached = _common(table, keys)
        elif keys[: len(table)] == table:
            reached = len(table) + _reach(parsed, keys[len(table) :])
        else:
            continue
        if reached > depth:
            found, depth = line, reached
        if depth == len(keys):
            break
    return found


def line_in(path: Path, *keys: str) -> int | None:
    """Find where a key stands in a file; None also where the file cannot be read."""
    try:
        return line_of(path.read_bytes().decode("utf-8-sig"), *keys)
    except (OSError, UnicodeDecodeError):
        return None


def line_of_syntax_error(text: str, error: Exception) -> int | None:
    """Give the line that the TOML parser's message names."""
    said = _AT_LINE.search(str(error))
    if said:
        return int(said[1])
    return text.rstrip().count("\n") + 1 if "at end of document" in str(error) else None


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Give each header and each `key = value` with the line it starts on."""
    text = text.replace("\r\n", "\n") + "\n"
    line, begin, depth = 1, 0, 0
    for token in TOKEN.finditer(text):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if token.lastgroup == "end" and depth <= 0:
            statement = text[begin : token.end()]
            if statement.strip():
                yield line, statement.lstrip()
            line += statement.count("\n")
            begin, depth = token.end(), 0


def _header(parsed: Any) -> tuple[str, ...]:
    names = []
    while parsed:
        parsed = parsed[0] if isinstance(parsed, list) else parsed
        if parsed:
            name, parsed = next(iter(parsed.items()))
            names.append(name)
    return tuple(names)


def _common(table: Sequence[str], keys: Sequence[str]) -> int:
    """Count the keys a header reaches; a header beside the way reaches none."""
    count = 0
    for name, key in zip(table, keys, strict=False):
        if name != key:
            return 0
        count += 1
    return count


def _reach(value: Any, keys: Sequence[str]) -> int:
    count = 0
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            break
        value = value[key]
        count += 1
    return count
