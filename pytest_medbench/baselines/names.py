"""The names of a baseline's files: percent-encoded keys, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import quote, unquote

from pytest_medbench.errors import ConfigError
from pytest_medbench.report.plain import printable

Which = Literal["baseline", "anchor"]

FOLDER = "__snapshots__"
LONGEST_KEY = 200
_ANCHOR = ".anchor"
_SUMMARY = ".json"
_ITEMS = ".items.jsonl"
# File systems take names of 255 bytes; the longest suffix has 19, and there are partial files.
_PIECE = 180


@dataclass(frozen=True, slots=True)
class Pair:
    """The two files of one baseline or anchor.

    Parameters
    ----------
    summary : Path
        Everything but the items, as indented JSON.
    items : Path
        One line an item.
    """

    summary: Path
    items: Path

    @property
    def exists(self) -> bool:
        """Whether at least one of them is there."""
        return self.summary.is_file() or self.items.is_file()


def check_key(key: str) -> str:
    """Give the key if a baseline can have it.

    Raises
    ------
    ConfigError
        If it is empty, longer than 200 characters, has blanks at its ends, or holds characters
        that do not show.
    """
    if 1 <= len(key) <= LONGEST_KEY and key == key.strip() and printable(key) == key:
        return key
    raise ConfigError(
        f"key {printable(repr(key), 80)} of a baseline: expected 1 to {LONGEST_KEY} printable "
        "characters without blanks at the ends; give another with --medbench-accept-as"
    )


def encode(key: str) -> PurePosixPath:
    """Give the path of a key's files within their folder, without suffix.

    Letters, digits, `_`, `-`, `~` and inner dots stay, everything else is percent-encoded as
    UTF-8. What would be too long for a file's name is cut into folders, whose names end with a
    single `%`; no encoded key does.
    """
    text = quote(key, safe="")
    if text.startswith("."):
        text = "%2E" + text[1:]
    if text.lower().endswith(_ANCHOR):
        at = len(text) - len(_ANCHOR)
        text = f"{text[:at]}%2E{text[at + 1 :]}"
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return PurePosixPath(*(f"{piece}%" for piece in pieces[:-1]), pieces[-1])


def pair_of(folder: Path, key: str, which: Which = "baseline") -> Pair:
    """Give the files of a key under a `__snapshots__` folder. Raises ConfigError."""
    stem = folder / encode(check_key(key))
    middle = _ANCHOR if which == "anchor" else ""
    return Pair(
        stem.with_name(stem.name + middle + _SUMMARY), stem.with_name(stem.name + middle + _ITEMS)
    )


def key_of(path: PurePosixPath) -> tuple[str, Which] | None:
    """Give the key of a file by its path under `__snapshots__`; None for any other file."""
    suffix = next((each for each in (_ITEMS, _SUMMARY) if path.name.endswith(each)), None)
    if suffix is None:
        return None
    stem = path.name.removesuffix(suffix)
    which: Which = "anchor" if stem.endswith(_ANCHOR) else "baseline"
    stem = stem.removesuffix(_ANCHOR)
    pieces = [*path.parts[:-1], stem]
    try:
        key = unquote("".join(piece.removesuffix("%") for piece in pieces), errors="strict")
        same = encode(check_key(key)).parts == tuple(pieces)
    except (UnicodeDecodeError, ConfigError):
        return None
    return (key, which) if same else None


def keys_in(folder: Path) -> list[str]:
    """Give the keys of which a `__snapshots__` folder holds a file, sorted."""
    return sorted({key for key, _ in _found(folder)})


def _found(folder: Path) -> Iterator[tuple[str, Which]]:
    if folder.is_dir():
        for path in folder.rglob("*.json*"):
            found = key_of(PurePosixPath(path.relative_to(folder).as_posix()))
            if found is not None:
                yield found


def is_baseline_file(path: Path, dirname: str = FOLDER) -> bool:
    """Tell whether a path has the name of a baseline's file, beside a suite."""
    for folder in path.parents:
        if folder.name == dirname:
            beside = (folder.parent / "suite.toml").is_file()
            inner = PurePosixPath(path.relative_to(folder).as_posix())
            return beside and key_of(inner) is not None
        if not folder.name.endswith("%"):
            return False
    return False
