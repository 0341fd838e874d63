"""Hostile texts, refusals, and why there is no answer."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from fuzz_inputs import long_text
from fuzz_targets import extractors, scoring
from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench.answers import (
    Reading,
    is_refusal,
    read_choice,
    read_date,
    read_label,
    read_number,
    read_object,
    read_phrases,
    read_weeks_days,
    why_missing,
)
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause

NO, CLASH = Cause.NO_ANSWER, Cause.CONTRADICTORY
LABELS = ["yes", "no", "maybe"]

READERS: list[Callable[..., Reading[Any]]] = [
    lambda text, **more: read_label(text, LABELS, **more),
    read_number,
    read_date,
    read_weeks_days,
    read_phrases,
    read_object,
]
PIECES = st.sampled_from(
    [
        *("Answer: ", "答案是", "1", ",", ".", "/", "-", "e9", "×10^", "万", "三", "yes", "no"),
        *("not ", "(5, 3)", "weeks", "2024", "年", "{", "}", '"a":', "[", "]", "```", "<"),
        *("\\boxed{", "\ud800"),
    ]
)


@given(
    st.one_of(st.text(), st.lists(PIECES, max_size=50).map("".join)),
    st.booleans(),
    st.sampled_from(READERS),
)
def test_reading_never_raises(
    text: str, partial: bool, reader: Callable[..., Reading[Any]]
) -> None:
    found = reader(text, prompt="Which of these is it, and why do you think so?", partial=partial)
    assert (found.answer is None) == (found.cause is not None)


UNITS = [
    *("A", "(", " ", "\n", "A. ", "A, ", "answer is ", "Answer: A\n", "final answer ", "答案是"),
    *("选项A", "<think>", "\\boxed{", "{", '{"a":', '{"a":1}', "[", "```json{", "1,", "12/", "5+"),
    *("1 x 10^", "½", "10⁹", "三", "ＡＢ", "*", "# ", "\u0301", "a\u0315\u0300\u05ae", "\ufdfa"),
]
OPTIONS = ["5 mg", "50 mg", "500 mg", "5 g", "metformin"]


@pytest.mark.parametrize("unit", UNITS)
def test_hostile_texts_are_read_to_the_end(unit: str) -> None:
    """A pattern that backtracks over these 100 kB would not come back within the test's day."""
    data = (unit * (100_000 // len(unit) + 1))[:100_000].encode("utf-8", "surrogatepass")
    for target in [*extractors(), *scoring()]:
        target.run(data)


@pytest.mark.parametrize("seed", range(12))
def test_long_texts_of_any_fragments_are_read_to_the_end(seed: int) -> None:
    data = long_text(Random(seed)).encode("utf-8", "surrogatepass")
    for target in extractors():
        target.run(data)


def test_ten_megabytes_are_read_like_their_beginning_and_end() -> None:
    text = "Answer: B\n\n" + "It is the usual dose. " * 500_000
    assert read_choice(text, OPTIONS).answer == "B"
    assert read_choice("x" * 10_000_000 + "\nAnswer: B", OPTIONS).answer == "B"
    assert read_number("1 " * 5_000_000 + "\nThe result is 42").answer == 42


REFUSALS = [
    "I cannot provide medical advice.",
    "I'm sorry, but I can't help with that.",
    "As an AI language model, I do not diagnose.",
    "I am not able to answer this.",
    "作为AI我无法提供医疗建议。",
    "抱歉，我不能回答这个问题。",
    "很抱歉，无法提供。",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_known_as_one(text: str) -> None:
    assert is_refusal(text)
    assert why_missing(NO, Response(text)) is Cause.REFUSAL
    assert why_missing(NO, Response(text, finish_reason="content_filter")) is Cause.CONTENT_FILTER


@pytest.mark.parametrize("text", ["", "The patient cannot walk.", "患者不能行走。", "Give oxygen."])
def test_other_texts_are_no_refusal(text: str) -> None:
    assert not is_refusal(text)


def test_the_cause_tells_cut_off_from_empty() -> None:
    assert why_missing(NO, Response("<think>so", finish_reason="length")) is Cause.TRUNCATED
    assert why_missing(NO, Response("")) is NO
    assert why_missing(CLASH, Response("A or B", finish_reason="length")) is CLASH
