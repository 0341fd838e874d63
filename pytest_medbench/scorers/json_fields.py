"""`json`: the fields of a JSON object, each a part of the score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_medbench.answers import (
    is_partial,
    normalise,
    prompt_text,
    read_number,
    read_object,
    why_missing,
)
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.number import NumberOptions, is_number, is_right
from pytest_medbench.scorers.registry import scorer
from pytest_medbench.suites import Item, Traits


class FieldOptions(BaseModel):
    """How one field is compared.

    Parameters
    ----------
    type : {'number', 'text', 'set'}, optional
        By default what the target's value is: a number, a list (set), anything else (text).
    abs_tolerance, rel_tolerance : float
        As for `number`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["number", "text", "set"] | None = None
    abs_tolerance: float = Field(0.0, ge=0, allow_inf_nan=False)
    rel_tolerance: float = Field(0.0, ge=0, le=1)


class JsonOptions(BaseModel):
    """Options of `json`.

    Parameters
    ----------
    fields : mapping of str to FieldOptions
        For the fields that are not compared as their target's value says.
    abs_tolerance, rel_tolerance : float
        For the numbers that `fields` says nothing of.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fields: dict[str, FieldOptions] = {}
    abs_tolerance: float = Field(0.0, ge=0, allow_inf_nan=False)
    rel_tolerance: float = Field(0.0, ge=0, le=1)

    def of(self, name: str) -> FieldOptions:
        """Give a field's options."""
        return self.fields.get(name) or FieldOptions(
            abs_tolerance=self.abs_tolerance, rel_tolerance=self.rel_tolerance
        )


def _kind(wanted: object, options: FieldOptions) -> str:
    if options.type is not None:
        return options.type
    if is_number(wanted):
        return "number"
    return "set" if isinstance(wanted, list) else "text"


def _inspect(item: Item, options: JsonOptions) -> Traits:
    target = item.target
    if not isinstance(target, dict) or not target:
        raise ValueError(f"target = {target!r}, expected an object with at least one field")
    if len({normalise(name) for name in target}) < len(target):
        raise ValueError(f"target = {target!r}, expected fields of different names")
    for name, wanted in target.items():
        kind = _kind(wanted, options.of(name))
        fits = {"number": is_number(wanted), "set": isinstance(wanted, list), "text": True}[kind]
        if not fits:
            raise ValueError(f"target.{name} = {wanted!r}, expected a {kind} as its type says")
    return Traits()


@scorer("json", template="json", options=JsonOptions, inspect=_inspect)
def json_fields(item: Item, response: Response, options: JsonOptions) -> Score:
    """Score the share of the target's fields that are right; a missing one is wrong."""
    found = read_object(response.text, prompt=prompt_text(item.input), partial=is_partial(response))
    if found.answer is None:
        return Score(0.0, None, why_missing(found.cause or Cause.NO_ANSWER, response))
    given = {normalise(name): value for name, value in found.answer.items()}
    parts = {
        name: float(_fits(given, name, wanted, options.of(name)))
        for name, wanted in item.target.items()
    }
    answer = json.dumps(found.answer, ensure_ascii=False)
    return Score(sum(parts.values()) / len(parts), answer, parts=parts)


def _fits(given: Mapping[str, Any], name: str, wanted: Any, options: FieldOptions) -> bool:
    key = normalise(name)
    if key not in given:
        return False
    value = given[key]
    kind = _kind(wanted, options)
    if kind == "number":
        number = value if is_number(value) else read_number(str(value)).answer
        if number is None or isinstance(value, bool | dict | list):
            return False
        tolerances = NumberOptions(
            abs_tolerance=options.abs_tolerance, rel_tolerance=options.rel_tolerance
        )
        return is_right(number, wanted, tolerances)
    if kind == "set":
        members = value if isinstance(value, list) else _members(str(value))
        return {_flat(each) for each in members} == {_flat(each) for each in wanted}
    return _flat(value) == _flat(wanted)


def _members(text: str) -> list[str]:
    for separator in "、|;；,，":
        if separator in text:
            return text.split(separator)
    return [text]


def _flat(value: Any) -> str:
    """Give a value's normalised text; a number and the text of it are the same."""
    if isinstance(value, str):
        return normalise(value)
    if is_number(value):
        return f"{value:.10g}"
    return normalise(json.dumps(value, ensure_ascii=False, sort_keys=True))
