"""A comparison whole, as files in a run's folder: `comparison.json` and `comparison.csv`."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from pytest_medbench.confirming import Fresh
from pytest_medbench.gates.regression import Comparison, ItemChange, SliceChange
from pytest_medbench.report.changed_texts import Texts, has_texts
from pytest_medbench.report.plain import printable
from pytest_medbench.runs import RunError

JSON_FILE = "comparison.json"
CSV_FILE = "comparison.csv"
NOT_KEPT = "text not kept"
# What makes a spreadsheet take a cell for a formula, full-width forms included.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
LONGEST_CELL = 32_000
FORMAT = 1
COLUMNS = (
    "row", "which", "suite", "key", "verdict", "kind", "harm", "safety", "specialty", "group",
    "must_pass", "flip", "blocks", "pairs", "lost", "gained", "old", "new", "difference", "low",
    "high", "p", "would_have_seen", "max_drop", "reason", "was_status", "now_status", "question",
    "options", "expected", "accepted_answer", "new_answer",
)  # fmt: skip
_ITEM = tuple(field.name for field in dataclasses.fields(ItemChange))
ByItem = Mapping[tuple[str, str, str], Texts]


def write_comparison_files(
    folder: Path,
    comparison: Comparison,
    texts: ByItem,
    fresh: Iterable[Fresh] = (),
    *,
    redact: bool = False,
) -> None:
    """Write both files; nothing where there is nothing to compare with.

    Parameters
    ----------
    folder : Path
        The run's.
    comparison : Comparison
    texts : mapping
        What `read_texts` gave.
    fresh : iterable of Fresh
        What was asked again of items that flipped.
    redact : bool
        Whether to leave out all that was asked and answered; ids, labels and scores stay.

    Raises
    ------
    RunError
        If a file cannot be written.
    """
    if not comparison.against:
        return
    whole = document(comparison, texts, fresh, redact=redact)
    _write(folder / JSON_FILE, to_bytes(whole))
    _write(folder / CSV_FILE, table(comparison, texts, redact=redact).encode("utf-8", "replace"))


def document(
    comparison: Comparison,
    texts: ByItem,
    fresh: Iterable[Fresh] = (),
    *,
    redact: bool = False,
) -> dict[str, Any]:
    """Give what `comparison.json` holds; parameters as in `write_comparison_files`."""
    texts = {} if redact else texts
    kinds = Counter(change.kind for change in comparison.items)
    return {
        "format": FORMAT,
        "redacted": redact,
        "against": dict(comparison.against),
        "runs": dict(comparison.runs),
        "decided": comparison.decided,
        "advisory": comparison.advisory,
        "would_have_seen": comparison.would_have_seen,
        "findings": [dataclasses.asdict(finding) for finding in comparison.findings],
        "counts": {
            "regressions": kinds["regression"],
            "flips": sum(change.flip for change in comparison.items),
            "still_wrong": kinds["still wrong"],
            "improvements": kinds["improvement"],
        },
        "slices": [dataclasses.asdict(row) for row in comparison.slices],
        "regressions": _by_harm(comparison, "regression", texts, redact=redact),
        "still_wrong": _by_harm(comparison, "still wrong", texts, redact=redact),
        "improvements": [
            _item(change, {}, redact=True)
            for change in comparison.items
            if change.kind == "improvement"
        ],
        "confirmations": [_confirmation(each, redact=redact) for each in fresh],
        "left_out": [dataclasses.asdict(each) for each in comparison.left_out],
        "vanished": {name: list(keys) for name, keys in comparison.vanished.items()},
    }


def _by_harm(
    comparison: Comparison, kind: str, texts: ByItem, *, redact: bool
) -> list[dict[str, Any]]:
    """Put items of one harm and the same safety categories together, in their given order."""
    groups: dict[tuple[str | None, tuple[str, ...]], list[dict[str, Any]]] = {}
    for change in comparison.items:
        if change.kind == kind:
            items = groups.setdefault((change.harm, tuple(change.safety)), [])
            items.append(_item(change, texts, redact=redact))
    return [
        {"harm": harm, "safety": list(safety), "items": items}
        for (harm, safety), items in groups.items()
    ]


def _item(change: ItemChange, texts: ByItem, *, redact: bool) -> dict[str, Any]:
    found = _fields(change)
    if redact:
        del found["was_answer"], found["now_answer"]
        return found
    return found | _shown(change, texts)


def _fields(change: ItemChange) -> dict[str, Any]:
    # `asdict` copies deeply, which takes its time for a hundred thousand items.
    return {name: getattr(change, name) for name in _ITEM}


def _shown(change: ItemChange, texts: ByItem) -> dict[str, Any]:
    """Give what was asked and answered; `text not kept` where no run's folder has it."""
    text = texts.get((change.which, change.suite, change.id), Texts(None, None, None, None, None))
    return {
        "question": NOT_KEPT if text.question is None else text.question,
        "options": text.options,
        "expected": text.expected,
        "accepted_answer": NOT_KEPT if text.accepted is None else text.accepted,
        "new_answer": NOT_KEPT if text.new is None else text.new,
    }


def _confirmation(fresh: Fresh, *, redact: bool) -> dict[str, Any]:
    found = dataclasses.asdict(fresh.confirmation)
    return found if redact else {**found, "answers": list(fresh.answers)}


def table(comparison: Comparison, texts: ByItem, *, redact: bool = False) -> str:
    """Give what `comparison.csv` holds: a row for each slice, then one for each item.

    Text is on one line and escaped as in the terminal. A cell that a spreadsheet would take for a
    formula begins with an apostrophe.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _rows(comparison, texts, redact=redact):
        writer.writerow([_cell(row.get(name)) for name in COLUMNS])
    return file.getvalue()


def _rows(comparison: Comparison, texts: ByItem, *, redact: bool) -> Iterator[dict[str, Any]]:
    for row in comparison.slices:
        yield _slice_row(row)
    for change in comparison.items:
        found = _fields(change)
        shown = _shown(change, texts) if has_texts(change) and not redact else {}
        yield {
            **found,
            "row": "item",
            "key": change.id,
            "old": change.was_score,
            "new": change.now_score,
            "reason": change.note,
            **shown,
        }


def _slice_row(row: SliceChange) -> dict[str, Any]:
    verdict = None if row.verdict is None else row.verdict.value
    return {**dataclasses.asdict(row), "row": "slice", "suite": row.scope, "verdict": verdict}


def _cell(value: Any) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return defused(text)


def defused(text: str) -> str:
    """Make text one line, and no formula in a spreadsheet."""
    mark = "'" if text.lstrip(" ").startswith(FORMULA) else ""
    return (mark + printable(text, LONGEST_CELL))[:LONGEST_CELL]


def to_bytes(value: Mapping[str, Any]) -> bytes:
    """Give a document as JSON, whatever characters a model has sent."""
    try:
        return to_json(value, inf_nan_mode="null", indent=1) + b"\n"
    except ValueError:
        # Half a surrogate pair, which UTF-8 cannot hold.
        return json.dumps(value, ensure_ascii=True, indent=1, default=str).encode() + b"\n"


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(path.suffix + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise RunError(
            f"{path}: cannot be written: {error.strerror}; make room and run again"
        ) from error
