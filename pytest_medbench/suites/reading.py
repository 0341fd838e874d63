"""Reads a suite's folder."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from pytest_medbench.errors import SuiteError
from pytest_medbench.suites.entries import EntryReader
from pytest_medbench.suites.explaining import explain, shortened
from pytest_medbench.suites.model import BoundScorer, Suite
from pytest_medbench.suites.places import line_of, line_of_syntax_error
from pytest_medbench.suites.schema import ScoreTable, SuiteFileModel
from pytest_medbench.taxonomy import Taxonomy
from pytest_medbench.toml_text import MAX_TOML, TooDeepError, parse_toml

SUITE_FILE = "suite.toml"

_SUITE_HEADER = re.compile(r"^[ \t]*\[[ \t]*suite[ \t]*\]", re.MULTILINE)
_NAME = re.compile(r"^[ \t]*name[ \t]*=", re.MULTILINE)
_ITEMS = re.compile(r"^[ \t]*items[ \t]*=", re.MULTILINE)


def is_suite_file(path: Path) -> bool:
    """Tell whether a `suite.toml` is ours: a `[suite]` table with `name` and `items`.

    Whatever lies beside an `items.jsonl` is ours. A file that is no TOML is ours as well if it has
    these lines, so that a slip of the pen does not make a suite disappear.
    """
    if (path.parent / "items.jsonl").exists():
        return True
    try:
        data = _read_bytes(path)
    except OSError:
        return False
    if len(data) > MAX_TOML:
        return False
    text = data.decode("utf-8-sig", errors="replace")
    try:
        table = parse_toml(text).get("suite")
    except ValueError:
        return all(pattern.search(text) for pattern in (_SUITE_HEADER, _NAME, _ITEMS))
    return isinstance(table, dict) and {"name", "items"} <= table.keys()


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
    spec, text = read_spec(path)
    try:
        scorer = bind(spec.score)
    except ValueError as error:
        key = next((key for key in spec.score.options if key in str(error)), "scorer")
        raise SuiteError(path, line_of(text, "score", key), shortened(str(error))) from error
    digest = hashlib.sha256(text.encode())
    try:
        items_path = file_inside(path.parent, spec.suite.items)
        with items_path.open("rb") as file:
            entries = EntryReader(spec, scorer, taxonomy, items_path).read(file, digest)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise SuiteError(
            path,
            line_of(text, "suite", "items"),
            f"items = {shortened(repr(spec.suite.items))} cannot be read: {said}",
        ) from error
    if not entries:
        raise SuiteError(items_path, None, "no items: a suite needs at least one line")
    return Suite(path, spec, scorer, entries, digest.hexdigest())


def file_inside(folder: Path, name: str) -> Path:
    """Give the path of a suite's further file.

    Raises
    ------
    ValueError
        If it lies outside the folder, also by way of a link, or is no file. FileNotFoundError
        if there is none.
    """
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"it cannot be followed: {error}") from error
    if not inside:
        raise ValueError("it lies outside the suite's folder; move the file into it")
    if not path.exists():
        raise FileNotFoundError(2, f"there is no such file in {folder}")
    if not path.is_file():
        raise ValueError("it is no file")
    return path


def _read_bytes(path: Path) -> bytes:
    """Give a file's bytes, one more at the most than are allowed; a pipe is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        return file.read(MAX_TOML + 1)


def _read_text(path: Path) -> str:
    try:
        data = _read_bytes(path)
    except OSError as error:
        raise SuiteError(path, None, f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_TOML:
        message = f"is larger than {MAX_TOML} bytes, which a suite.toml may have"
        raise SuiteError(path, None, message)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SuiteError(
            path, line, f"is not UTF-8 (byte {error.start}); save the file as UTF-8"
        ) from error


def read_spec(path: Path) -> tuple[SuiteFileModel, str]:
    """Read a `suite.toml` alone; gives what it says, and its text.

    Raises
    ------
    SuiteError
        If it cannot be used.
    """
    text = _read_text(path)
    try:
        document = parse_toml(text)
    except TooDeepError as error:
        raise SuiteError(path, None, str(error)) from error
    except ValueError as error:
        line = line_of_syntax_error(text, error)
        raise SuiteError(path, line, shortened(f"is not TOML: {error}")) from error
    try:
        return SuiteFileModel.model_validate(document), text
    except ValidationError as error:
        keys = [str(part) for part in error.errors(include_url=False)[0]["loc"]]
        raise SuiteError(path, line_of(text, *keys), explain(error, SuiteFileModel)) from error
