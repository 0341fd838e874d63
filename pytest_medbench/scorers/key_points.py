"""`key_points`: the share of an item's key points that a free text states, by rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pytest_medbench.answers import (
    Stance,
    normalise,
    prompt_text,
    read_object,
    read_stance,
    visible,
    why_missing,
)
from pytest_medbench.answers.clauses import spread
from pytest_medbench.answers.points import Statements
from pytest_medbench.answers.repetition import is_chinese, limited, without_repetition
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.points_target import PointModel, PointsTarget, points_target
from pytest_medbench.scorers.registry import scorer
from pytest_medbench.suites import Item, Traits


class KeyPointsOptions(BaseModel):
    """Options of `key_points`.

    Parameters
    ----------
    max_length : int, optional
        Words of an English answer, or characters without blanks of a Chinese one; the rest is
        not read. A target's own `max_length` comes first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_length: int | None = Field(None, ge=1)


def _inspect(item: Item, options: KeyPointsOptions) -> Traits:
    target = points_target(item.target)
    if options.max_length is not None and target.is_object:
        raise ValueError("target has points with a field, which do not go with max_length")
    return Traits()


@scorer("key_points", options=KeyPointsOptions, inspect=_inspect)
def key_points(item: Item, response: Response, options: KeyPointsOptions) -> Score:
    """Score the share of the key points that are stated: their macro-recall.

    A point is stated where one sentence holds one of its terms, of each list beside it one, and
    its number, and none of them is negated (or, for a negated point, its term is). Each point is
    a part, `point 1` …; `within_length` is a part where a length is asked for.

    References
    ----------
    The macro-recall of MedBench v4's open-ended tasks, with terms and rules in the place of a
    judge (arXiv:2511.14439). Negation: see `answers.negation_words`.
    """
    target = points_target(item.target)
    asked = prompt_text(item.input)
    if target.is_object:
        return _of_object(target, asked, response)
    text = without_repetition(visible(spread(response.text)), spread(asked)).strip()
    if not text:
        return Score(0.0, None, why_missing(Cause.NO_ANSWER, response))
    within: dict[str, float] = {}
    most = target.max_length or options.max_length
    if most is not None:
        text, whole = limited(text, most, chinese=_is_chinese(item, asked))
        within["within_length"] = float(whole)
    statements = Statements(text)
    stated = [statements.states(point.looked_for()) for point in target.points]
    if not any(stated) and read_stance(text).answer in (Stance.DECLINED, Stance.REDIRECTED):
        return Score(0.0, None, Cause.REFUSAL)
    return _scored(stated, within)


def _of_object(target: PointsTarget, asked: str, response: Response) -> Score:
    text = without_repetition(response.text, asked)
    found = read_object(text)
    if found.answer is None and found.cause is Cause.CONTRADICTORY:
        found = read_object(text, prompt=asked)
    if found.answer is None:
        return Score(0.0, None, why_missing(found.cause or Cause.NO_ANSWER, response))
    fields = {normalise(name): _text(value) for name, value in found.answer.items()}
    fields[""] = _text(found.answer)
    statements: dict[str, Statements] = {}
    stated = [_states_in(point, fields, statements) for point in target.points]
    return _scored(stated, {})


def _states_in(point: PointModel, fields: Mapping[str, str], known: dict[str, Statements]) -> bool:
    name = normalise(point.field) if point.field is not None else ""
    if name not in fields:
        return False
    if name not in known:
        known[name] = Statements(fields[name])
    return known[name].states(point.looked_for())


def _text(value: Any) -> str:
    """Give what the value of a JSON field says, one line for each member."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_text(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "\n".join(f"- {_text(inner)}" for inner in value)
    return "" if value is None else str(value)


def _scored(stated: list[bool], more: Mapping[str, float]) -> Score:
    parts = {f"point {number}": float(said) for number, said in enumerate(stated, 1)}
    numbers = [str(number) for number, said in enumerate(stated, 1) if said]
    answer = f"{len(numbers)} of {len(stated)}" + (": " + ", ".join(numbers) if numbers else "")
    return Score(len(numbers) / len(stated), answer, parts={**parts, **more})


def _is_chinese(item: Item, asked: str) -> bool:
    if item.language is not None:
        return item.language.lower().startswith("zh")
    return is_chinese(asked)
