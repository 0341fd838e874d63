"""Suites written to disk for tests, and a scorer that is only as large as they need."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_medbench.errors import SuiteError
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Score
from pytest_medbench.suites import Item, ScoreTable, Suite, Traits, read_suite
from pytest_medbench.taxonomy import load_taxonomy

SUITE_TOML = """\
[suite]
name = "small"
items = "items.jsonl"

[score]
scorer = "letter"
"""


@dataclass(frozen=True)
class LetterScorer:
    """Right where the response is the target, a letter of the options."""

    name: str = "letter"
    template: str = "choice"
    needs_judge: bool = False

    @property
    def code(self) -> str:
        return ""

    def inspect(self, item: Item) -> Traits:
        if not isinstance(item.target, str):
            raise ValueError(f"target = {item.target!r}, expected one letter")
        return Traits(constant=item.target)

    def score(self, item: Item, response: Response) -> Score:
        return Score(float(response.text == item.target))


def bind(table: ScoreTable) -> LetterScorer:
    if table.scorer != "letter":
        raise ValueError(f"scorer {table.scorer!r} is unknown; did you mean 'letter'?")
    for key in table.options:
        raise ValueError(f"scorer 'letter' has no option {key!r}; it has none")
    return LetterScorer()


def row(id_: str = "q1", **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "input": f"Question {id_}?",
        "options": ["one", "two", "three", "four"],
        "target": "A",
    } | more


def line(item: Any) -> bytes:
    return json.dumps(item, ensure_ascii=False).encode()


def write(folder: Path, *rows: Any, toml: str | bytes = SUITE_TOML, end: bytes = b"\n") -> Path:
    """Write a suite; a row is an object, or the bytes of its line."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "suite.toml"
    place.write_bytes(toml.encode() if isinstance(toml, str) else toml)
    lines = [one if isinstance(one, bytes) else line(one) for one in rows]
    (folder / "items.jsonl").write_bytes(b"".join(one + end for one in lines))
    return place


def read(place: Path, scorer: LetterScorer | None = None) -> Suite:
    return read_suite(place, load_taxonomy(), bind if scorer is None else lambda _: scorer)


def written(folder: Path, *rows: Any, toml: str | bytes = SUITE_TOML) -> Suite:
    return read(write(folder, *rows, toml=toml))


def refused(place: Path) -> SuiteError:
    with pytest.raises(SuiteError) as caught:
        read(place)
    return caught.value


def problems(suite: Suite) -> list[str]:
    return [entry.problem for entry in suite.entries if entry.problem is not None]


def ids(suite: Suite) -> list[str]:
    return [entry.id for entry in suite.entries]


def items(suite: Suite, names: Iterable[str]) -> list[Item]:
    reader = suite.reader()
    try:
        return [reader(suite.entry(name)) for name in names]
    finally:
        reader.close()
