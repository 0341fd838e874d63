"""Specialties, safety categories and populations: which labels exist and what they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pytest_medbench.errors import SuiteError, nearest
from pytest_medbench.toml_text import MAX_TOML, parse_toml

BUILT_IN = Path(__file__).with_name("taxonomy.toml")
MAX_NAME = 200

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_RESERVED = frozenset({"and", "or", "not"})
_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "specialties": ("zh", "en", "code"),
        "safety": ("zh", "en", "family"),
        "populations": ("zh", "en"),
    }
)
_OPTIONAL = frozenset({"code"})


@dataclass(frozen=True, slots=True)
class Name:
    """What a label is called.

    Parameters
    ----------
    zh, en : str
        The Chinese and the English name; 1 to 200 printable characters.
    code : str or None
        For a specialty, its code in China's national catalogue of clinical departments
        (`03.04`); None where the catalogue has no such entry.
    family : str or None
        For a safety category, the list it is from: `safety`, `ethics`, `ama` or a user's own.
    """

    zh: str
    en: str
    code: str | None = None
    family: str | None = None


@dataclass(frozen=True)
class Taxonomy:
    """The labels that items may carry, by id.

    Parameters
    ----------
    specialties : Mapping of str to Name
        Primaries (`internal_medicine`) and secondaries (`internal_medicine/cardiology`).
    safety : Mapping of str to Name
        Safety and ethics categories; each name has its `family`.
    populations : Mapping of str to Name
        Groups of patients that need another answer than most.
    """

    specialties: Mapping[str, Name]
    safety: Mapping[str, Name]
    populations: Mapping[str, Name]

    def primaries(self) -> tuple[str, ...]:
        """Give the ids of the primary specialties, in the order of the files."""
        return tuple(label for label in self.specialties if "/" not in label)

    def secondaries(self, primary: str | None = None) -> tuple[str, ...]:
        """Give the ids of the secondary specialties, of one primary or of all."""
        prefix = "" if primary is None else f"{primary}/"
        return tuple(
            label for label in self.specialties if "/" in label and label.startswith(prefix)
        )


def load_taxonomy(extra: Sequence[Path] = ()) -> Taxonomy:
    """Give the built-in taxonomy, extended by users' own files.

    Parameters
    ----------
    extra : sequence of Path
        TOML files of the shape of the built-in one: tables `specialties`, `safety` and
        `populations`, each with entries `id = { zh = "…", en = "…" }`. A secondary's primary may
        be built in or stand in any of the files.

    Raises
    ------
    SuiteError
        If a file cannot be read, is larger than 1 MiB, is not UTF-8 or not TOML; if a key is
        unknown, missing or of the wrong type; if an id is misspelt or taken; if a secondary has
        no primary. It names the file and, where there is one, the line.
    """
    if not extra:
        return _built_in()
    merged = _Merger(_built_in())
    for path in extra:
        merged.add(path)
    return merged.taxonomy()


@lru_cache(maxsize=1)
def _built_in() -> Taxonomy:
    merged = _Merger()
    merged.add(BUILT_IN)
    return merged.taxonomy()


@dataclass(frozen=True, slots=True)
class _File:
    """A taxonomy file as it was read; `text` is kept to find lines only when one is needed."""

    path: Path
    text: str

    def error(self, key: str, message: str) -> SuiteError:
        return SuiteError(self.path, _line_of(self.text, key), message)


class _Merger:
    """Collects the entries of several files and remembers where each stands."""

    def __init__(self, base: Taxonomy | None = None) -> None:
        self._tables: dict[str, dict[str, Name]] = {
            kind: dict(getattr(base, kind)) if base else {} for kind in _KEYS
        }
        built_in = _File(BUILT_IN, "")
        self._places: dict[str, tuple[str, _File]] = {
            label: (kind, built_in) for kind, table in self._tables.items() for label in table
        }

    def add(self, path: Path) -> None:
        """Add a file's entries; raise SuiteError at the first that cannot be used."""
        file = _File(path, _read_text(path))
        try:
            document = parse_toml(file.text)
        except ValueError as error:
            raise SuiteError(path, None, f"is not TOML: {error}") from error
        for kind, table in document.items():
            if kind not in _KEYS:
                raise file.error(kind, _unknown(kind, _KEYS))
            if not isinstance(table, dict):
                raise file.error(kind, f"{kind} = {_short(table)}: expected a table [{kind}]")
            for label, entry in table.items():
                try:
                    self._add_entry(file, kind, label, entry)
                except ValueError as error:
                    raise file.error(label, str(error)) from error

    def _add_entry(self, file: _File, kind: str, label: str, entry: Any) -> None:
        _check_id(kind, label)
        if label in self._places:
            taken_kind, taken_file = self._places[label]
            built_in = taken_file.path == BUILT_IN
            where = "the built-in taxonomy" if built_in else str(taken_file.path)
            raise ValueError(
                f"{kind}.{label} is already in [{taken_kind}] of {where}; choose another id"
            )
        self._tables[kind][label] = _name(kind, label, entry)
        self._places[label] = (kind, file)

    def taxonomy(self) -> Taxonomy:
        """Check that every secondary has its primary, and give the whole."""
        specialties = self._tables["specialties"]
        primaries = [label for label in specialties if "/" not in label]
        for label in specialties:
            primary = label.partition("/")[0]
            if primary not in specialties:
                hint = nearest(primary, primaries) or "; add it to [specialties]"
                raise self._places[label][1].error(
                    label, f"specialties.{label}: there is no primary specialty {primary!r}{hint}"
                )
        return Taxonomy(**{kind: MappingProxyType(table) for kind, table in self._tables.items()})


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TOML + 1)
    except OSError as error:
        raise SuiteError(path, None, f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_TOML:
        message = f"is larger than {MAX_TOML} bytes, which a taxonomy file may have"
        raise SuiteError(path, None, message)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"is not UTF-8 (byte {error.start}); save the file as UTF-8"
        raise SuiteError(path, line, message) from error


def _line_of(text: str, key: str) -> int | None:
    """Find the first line that has a key in its header or before its `=`, for messages."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        header = stripped.startswith("[")
        left = stripped.partition("]")[0].strip("[ ") if header else stripped.partition("=")[0]
        spelt = {left, *left.split(".")}
        if key in {part.strip().strip("\"'") for part in spelt}:
            return number
    return None


def _check_id(kind: str, label: str) -> None:
    parts = label.split("/")
    deepest = 2 if kind == "specialties" else 1
    usable = all(_ID.fullmatch(part) and part not in _RESERVED for part in parts)
    if usable and len(parts) <= deepest:
        return
    slash = ", or two of them joined by '/'" if deepest == 2 else ""
    raise ValueError(
        f"{kind}.{_short(label)}: expected a lower-case letter and then up to 63 lower-case "
        f"letters, digits or '_'{slash}; and, or, not are taken by pytest's -m"
    )


def _name(kind: str, label: str, entry: Any) -> Name:
    """Check one entry and turn it into a name; raise ValueError that says what is wrong."""
    known = _KEYS[kind]
    if not isinstance(entry, dict):
        raise ValueError(
            f"{kind}.{label} = {_short(entry)}: expected a table with {', '.join(known)}"
        )
    for key in entry:
        if key not in known:
            raise ValueError(f"{kind}.{label}: {_unknown(key, known)}")
    for key in known:
        if key not in entry and key not in _OPTIONAL:
            raise ValueError(f"{kind}.{label}: key {key!r} is missing")
    for key, value in entry.items():
        _check_value(f"{kind}.{label}.{key}", key, value)
    return Name(**entry)


def _check_value(place: str, key: str, value: Any) -> None:
    if key == "family":
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise ValueError(
                f"{place} = {_short(value)}: expected a lower-case word such as 'safety', "
                "'ethics', 'ama' or one of your own"
            )
        return
    usable = isinstance(value, str) and value.isprintable() and value == value.strip()
    if not usable or not 0 < len(value) <= MAX_NAME:
        raise ValueError(
            f"{place} = {_short(value)}: expected text of 1 to {MAX_NAME} printable characters "
            "without blanks at the ends"
        )


def _unknown(key: str, known: Mapping[str, object] | Sequence[str]) -> str:
    return f"unknown key {_short(key)}{nearest(key, known) or '; known are ' + ', '.join(known)}"


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 80 else said[:77] + "..."
