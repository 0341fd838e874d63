"""What the tests of the importers share: small files in the public shapes, and the real ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_medbench.importers import Report
from pytest_medbench.importers.answer_choices import MARKER, join_choices
from pytest_medbench.scorers import bind
from pytest_medbench.suites import Suite, read_suite
from pytest_medbench.taxonomy import load_taxonomy

DATA = Path(os.environ.get("MEDBENCH_DATA", Path(__file__).parents[2] / "shared" / "data"))


def data(*parts: str) -> Path:
    place = DATA.joinpath(*parts)
    if not place.exists():
        pytest.skip(f"{'/'.join(parts)} is not here; MEDBENCH_DATA names the folder of public data")
    return place


def write_rows(path: Path, rows: Iterable[Any], ending: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_bytes("".join(line + ending for line in lines).encode())
    return path


def items(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "items.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def read(folder: Path) -> Suite:
    return read_suite(folder / "suite.toml", load_taxonomy(), bind)


def one(report: Report) -> Path:
    (folder,) = report.written
    return folder


def problems(report: Report) -> list[tuple[int | None, str]]:
    return [(problem.line, problem.message) for problem in report.problems]


def v4(question: str, number: Any = 1, source: str = "MedSafety_V4", **more: Any) -> dict[str, Any]:
    return {"question": question, "answer": "", "other": {"id": number, "source": source}} | more


def mx(stem: str, options: list[str], label: Any = "A", **more: Any) -> dict[str, Any]:
    return {"question": stem + MARKER + join_choices(options), "label": label} | more
