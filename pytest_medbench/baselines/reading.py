"""Reads a baseline, and says what is wrong with one that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import from_json

from pytest_medbench.baselines.files import FORMAT, BaselineError, digest_of, read_bytes
from pytest_medbench.baselines.names import Pair
from pytest_medbench.baselines.records import Figures, ItemRecord, SuiteBaseline
from pytest_medbench.baselines.schema import ItemModel, SummaryModel
from pytest_medbench.report.plain import printable
from pytest_medbench.suites import explain

RESTORE = "restore it from version control, or accept a run again"
_CONFLICT = re.compile(rb"^(<{7}|={7}|>{7}|\|{7})(?: |\r?$)", re.MULTILINE)
_AT = re.compile(r" at line (\d+) column (\d+)$")
_SHOWN = 300


def read_baseline(pair: Pair, key: str, suite: str | None = None) -> SuiteBaseline | None:
    """Read the two files of a baseline or an anchor.

    Parameters
    ----------
    pair : Pair
    key : str
    suite : str or None
        Whose it must be; None for any suite's.

    Returns
    -------
    SuiteBaseline or None
        None if there is neither file.

    Raises
    ------
    BaselineError
        If a file is missing, half written, merged with conflict markers, of a newer format,
        edited into something else, or the two do not belong together.
    """
    summary_data, items_data = read_bytes(pair.summary), read_bytes(pair.items)
    if summary_data is None and items_data is None:
        return None
    for path, data in ((pair.summary, summary_data), (pair.items, items_data)):
        if data is None:
            raise BaselineError(path, None, f"is missing, and its counterpart is there; {RESTORE}")
    assert summary_data is not None
    assert items_data is not None
    summary = _summary(pair.summary, summary_data)
    _check_owner(pair.summary, summary, key, suite)
    items = _items(pair.items, items_data, summary.repeats)
    _check_belongs(pair, summary, items_data, len(items))
    return SuiteBaseline(
        key=key,
        suite=summary.suite,
        run=summary.run,
        accepted_on=summary.accepted_on,
        reason=summary.reason,
        verdict=summary.verdict,
        model=summary.model,
        repeats=summary.repeats,
        hashes=summary.hashes,
        slices={key: Figures(**each.model_dump()) for key, each in summary.slices.items()},
        items=items,
    )


def _summary(path: Path, data: bytes) -> SummaryModel:
    _check_conflict(path, data)
    try:
        document = from_json(data)
    except ValueError as error:
        _not_json(path, None, str(error))
    if not isinstance(document, dict):
        raise BaselineError(path, 1, f"is no baseline: expected a JSON object; {RESTORE}")
    found = document.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise BaselineError(
            path,
            _line_of(data, "format"),
            f"format = {found}: made by a newer version of pytest-medbench; this one reads "
            f"format {FORMAT}; upgrade it",
        )
    try:
        return SummaryModel.model_validate(document)
    except ValidationError as error:
        key = str(error.errors(include_url=False)[0]["loc"][-1])
        said = printable(explain(error, SummaryModel), _SHOWN)
        raise BaselineError(path, _line_of(data, key), f"{said}; {RESTORE}") from error


def _line_of(data: bytes, key: str) -> int | None:
    """Give the first line that begins with a key."""
    start = f'"{key}":'.encode()
    lines = enumerate(data.splitlines(), 1)
    return next((number for number, line in lines if line.lstrip().startswith(start)), None)


def _check_conflict(path: Path, data: bytes) -> None:
    found = _CONFLICT.search(data)
    if found is not None:
        line = data.count(b"\n", 0, found.start()) + 1
        raise BaselineError(
            path,
            line,
            f"holds conflict markers of a merge ({found[1].decode()}); take both files of one "
            "side whole, or accept a run again",
        )


def _not_json(path: Path, line: int | None, said: str) -> NoReturn:
    at = _AT.search(said)
    line = line or (int(at[1]) if at else None)
    if said.startswith("EOF while parsing"):
        raise BaselineError(path, line, f"ends in the middle, half written; {RESTORE}")
    said = said if line is None else _AT.sub(r" at column \2", said)
    raise BaselineError(path, line, f"is not JSON: {printable(said, _SHOWN)}; {RESTORE}")


def _check_owner(path: Path, summary: SummaryModel, key: str, suite: str | None) -> None:
    for what, found, expected in (("key", summary.key, key), ("suite", summary.suite, suite)):
        if expected is not None and found != expected:
            raise BaselineError(
                path,
                None,
                f"{what} = {printable(repr(found), 80)}: expected {printable(repr(expected), 80)} "
                "at this place; a copied baseline is none, accept a run under the new name",
            )


def _items(path: Path, data: bytes, repeats: int) -> dict[str, ItemRecord]:
    _check_conflict(path, data)
    found: dict[str, ItemRecord] = {}
    lines: dict[str, int] = {}
    for number, record in _records(path, data):
        if record.id in lines:
            raise BaselineError(
                path,
                number,
                f"id {printable(repr(record.id), 80)} is on line {lines[record.id]} too; {RESTORE}",
            )
        if len(record.scores) not in ((0, 1) if repeats == 1 else (0, repeats)):
            raise BaselineError(
                path, number, f"{len(record.scores)} scores: expected {repeats}; {RESTORE}"
            )
        lines[record.id] = number
        found[record.id] = record
    return found


def _records(path: Path, data: bytes) -> Iterator[tuple[int, ItemRecord]]:
    if data and not data.endswith(b"\n"):
        line = data.count(b"\n") + 1
        raise BaselineError(path, line, f"ends in the middle, half written; {RESTORE}")
    validate = ItemModel.model_validate_json
    for number, text in enumerate(data.splitlines(), 1):
        try:
            item = validate(text)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            if not text.strip():
                raise BaselineError(
                    path, number, f"is empty: expected an item; {RESTORE}"
                ) from None
            if problem["type"] == "json_invalid":
                _not_json(path, number, problem["msg"].removeprefix("Invalid JSON: "))
            said = printable(explain(error, ItemModel), _SHOWN)
            raise BaselineError(path, number, f"{said}; {RESTORE}") from error
        yield (
            number,
            ItemRecord(
                item.id,
                item.status,
                item.score,
                item.answer,
                item.made_with,
                tuple(item.scores),
                item.group,
                item.critical,
            ),
        )


def _check_belongs(pair: Pair, summary: SummaryModel, items: bytes, count: int) -> None:
    if count != summary.items.count:
        raise BaselineError(
            pair.items,
            None,
            f"holds {count:,} items: expected the {summary.items.count:,} that "
            f"{pair.summary.name} was written with; {RESTORE}",
        )
    if digest_of(items) != summary.items.sha256:
        raise BaselineError(
            pair.items,
            None,
            f"is not the file that {pair.summary.name} was written with (its SHA-256 is another): "
            f"edited by hand, or from another run; {RESTORE}",
        )
