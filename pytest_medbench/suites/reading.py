"""Reads a suite's folder."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from pytest_medbench.errors import SuiteError
from pytest_medbench.suites.entries import EntryReader
from pytest_medbench.suites.model import BoundScorer, Suite
from pytest_medbench.suites.schema import ScoreTable, SuiteFileModel, explain
from pytest_medbench.taxonomy import Taxonomy

SUITE_FILE = "suite.toml"
MAX_TOML = 1024 * 1024


def is_suite_file(path: Path) -> bool:
    """Tell whether a `suite.toml` is ours: a `[suite]` table with `name` and `items`.

    A file that is no TOML is ours only beside an `items.jsonl`; other projects use the name too.
    """
    beside_items = (path.parent / "items.jsonl").exists()
    try:
        document = tomllib.loads(_read_text(path))
    except (SuiteError, tomllib.TOMLDecodeError):
        return beside_items
    table = document.get("suite")
    return beside_items or (isinstance(table, dict) and {"name", "items"} <= table.keys())


def read_suite(path: Path, taxonomy: Taxonomy, bind: Callable[[ScoreTable], BoundScorer]) -> Suite:
    """Read and check a suite.

    Parameters
    ----------
    path : Path
        A `suite.toml`.
    taxonomy : Taxonomy
        The labels that may be used.
    bind : callable
        Gives the scorer for a `[score]` table; raises ValueError for a name or option unknown.

    Raises
    ------
    SuiteError
        If `suite.toml` cannot be used, or there is no item. A line that cannot be read raises
        nothing: it becomes an entry with `problem` set.
    """
    spec, text = _read_spec(path)
    try:
        scorer = bind(spec.score)
    except ValueError as error:
        raise SuiteError(path, _line_of(text, "score"), str(error)) from error
    items_path = path.parent / spec.suite.items
    if not items_path.resolve().is_relative_to(path.parent.resolve()):
        raise SuiteError(
            path,
            _line_of(text, "suite", "items"),
            f"items = {spec.suite.items!r} lies outside the suite's folder; move the file into it",
        )
    digest = hashlib.sha256(text.encode())
    try:
        with items_path.open("rb") as file:
            entries = list(EntryReader(spec, scorer, taxonomy, items_path).read(file, digest))
    except OSError as error:
        raise SuiteError(
            path,
            _line_of(text, "suite", "items"),
            f"items = {spec.suite.items!r} cannot be read: {error.strerror}",
        ) from error
    if not entries:
        raise SuiteError(items_path, None, "no items: a suite needs at least one line")
    return Suite(path, spec, scorer, entries, digest.hexdigest())


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SuiteError(path, None, f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_TOML:
        raise SuiteError(path, None, f"is {len(data)} bytes; a suite.toml may have {MAX_TOML}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SuiteError(
            path, line, f"is not UTF-8 (byte {error.start}); save the file as UTF-8"
        ) from error


def _read_spec(path: Path) -> tuple[SuiteFileModel, str]:
    text = _read_text(path)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SuiteError(path, None, f"is not TOML: {error}") from error
    try:
        return SuiteFileModel.model_validate(document), text
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        line = _line_of(text, *[str(part) for part in place])
        raise SuiteError(path, line, explain(error, SuiteFileModel)) from error


def _line_of(text: str, table: str, key: str | None = None, *_: str) -> int | None:
    """Find the line of a table's header or of a key in it, for messages."""
    found = None
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped.strip("[] ") == table
            if inside:
                found = number
        elif inside and key is not None and stripped.split("=")[0].strip(" \"'") == key:
            return number
    return found
