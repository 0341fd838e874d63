"""Key points scored as a suite would have them scored, for tests."""

from __future__ import annotations

from typing import Any

from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Score
from pytest_medbench.scorers import bind
from pytest_medbench.suites import Item, ScoreTable, Traits

QUESTION = (
    "A 58-year-old man has had crushing chest pain for an hour, and the ECG shows ST elevation in "
    "the inferior leads. He is pale and sweating. Say what is to be given at once and what not."
)


def item(target: Any, text: str = QUESTION, language: str | None = None) -> Item:
    return Item.model_validate({"id": "i", "input": text, "target": target, "language": language})


def scored(it: Item, text: str, finish: str = "stop", **options: Any) -> Score:
    bound = bind(ScoreTable.model_validate({"scorer": "key_points", **options}))
    assert bound.inspect(it) == Traits()
    return bound.score(it, Response(text, finish_reason=finish))


def states(text: str, *aliases: str, **more: Any) -> bool:
    given_ = {"any": list(aliases)} if aliases else {}
    return scored(item([{"point": "p", **given_, **more}]), text).value == 1


def amount(value: float, unit: str, tolerance: float = 0.0) -> dict[str, Any]:
    return {"number": {"value": value, "unit": unit, "tolerance": tolerance}}
