"""JSON objects in a response: bare, in a fence, or after prose; parsed, never evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pytest_medbench.answers.reading import Reading
from pytest_medbench.answers.text import bounded, without_echo, without_reasoning
from pytest_medbench.outcomes import Cause

LARGEST = 64_000
DEEPEST = 20
_BUDGET = 4 * LARGEST
_MOST_TRIES = 50
_MOST_FENCES = 20
_FENCE = re.compile(r"```(?:json|JSON)?\s?(.*?)```", re.DOTALL)
_TRAILING_COMMA = re.compile(r",\s?(?=[}\]])")
_FULL_WIDTH = str.maketrans({"“": '"', "”": '"', "：": ":", "，": ","})


class _ConflictError(ValueError):
    """A key that stands twice with different values."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            raise _ConflictError(key)
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant)


def read_object(text: str, *, prompt: str = "", partial: bool = False) -> Reading[dict[str, Any]]:
    """Read the one JSON object a response gives.

    Fenced objects come before others, and of one object inside another only the outer one
    counts. Trailing commas and full-width quotes, colons and commas between members are
    mended where the text is not JSON as it stands. Objects deeper than 20 levels, or in more
    than 64,000 characters, are not read.

    Parameters
    ----------
    text : str
        The response, as it came.
    prompt : str
        What was asked: an object that stands in it is no answer.
    partial : bool
        Makes no difference: an object that was cut off has no end and is not read.

    Returns
    -------
    Reading of dict
        Contradictory where two different objects are given, or a key twice with two values.
    """
    shown = without_reasoning(text) if "<" in text or "◁" in text else text
    shown = bounded(shown, LARGEST // 4, LARGEST - LARGEST // 4)
    if prompt:
        shown, _ = without_echo(shown, prompt)
    fenced = [found[1] for found in _FENCE.finditer(shown)][-_MOST_FENCES:]
    asked = list(_objects(prompt[-LARGEST:])) if "{" in prompt else []
    try:
        for places in (fenced, [shown]):
            found = [each for place in places for each in _objects(place) if each not in asked]
            if found:
                same = all(each == found[0] for each in found)
                return Reading(found[0]) if same else Reading(None, Cause.CONTRADICTORY)
    except _ConflictError:
        return Reading(None, Cause.CONTRADICTORY)
    return Reading(None, Cause.NO_ANSWER)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    found = list(_parsed(text))
    if not found and "{" in text:
        found = list(_parsed(_TRAILING_COMMA.sub("", text)))
    if not found and "{" in text:
        found = list(_parsed(_TRAILING_COMMA.sub("", text.translate(_FULL_WIDTH))))
    yield from found


def _parsed(text: str) -> Iterator[dict[str, Any]]:
    spent = at = 0
    for _ in range(_MOST_TRIES):
        at = text.find("{", at)
        if at < 0 or spent > _BUDGET:
            return
        try:
            value, end = _DECODER.raw_decode(text, at)
        except _ConflictError:
            raise
        except json.JSONDecodeError as error:
            spent += error.pos - at
            at += 1
        except (ValueError, RecursionError):
            # An integer of thousands of digits, NaN, or hundreds of levels.
            spent += LARGEST // 4
            at += 1
        else:
            if _depth(value) <= DEEPEST:
                yield value
            at = end


def _depth(value: object) -> int:
    """Count the levels of a value, stopping soon after the deepest that is allowed."""
    level: list[object] = [value]
    for depth in range(DEEPEST + 2):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        if not inner:
            return depth
        level = inner
    return DEEPEST + 1
