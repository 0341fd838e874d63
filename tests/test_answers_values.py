"""Labels, numbers, dates, durations, phrases and objects, and why there is no answer."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench.answers import (
    Reading,
    is_refusal,
    read_choice,
    read_choices,
    read_date,
    read_integer,
    read_label,
    read_number,
    read_object,
    read_phrases,
    read_weeks_days,
    why_missing,
)
from pytest_medbench.answers.numbers import chinese_number
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause

NO, CLASH = Cause.NO_ANSWER, Cause.CONTRADICTORY
LABELS = ["yes", "no", "maybe"]


def got(reading: Reading[Any]) -> Any:
    return reading.answer if reading.cause is None else reading.cause


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Yes", "yes"),
        ("no.", "no"),
        ("**Yes**, because", "yes"),
        ("<yes>", "yes"),
        ("True", "yes"),
        ("\\boxed{yes}", "yes"),
        ("The answer is no.", "no"),
        ("Final answer: No", "no"),
        ("No doubt the answer is yes", "yes"),
        ("No significant difference, answer: yes", "yes"),
        ("The evidence is inconclusive, so maybe", "maybe"),
        ("答案：否", "no"),
        ("是的，可以", "yes"),
        ("不是", "no"),
        ("不能", "no"),
        ("不正确", "no"),
        ("不确定", "maybe"),
        ("答案是不能确定", "maybe"),
        ("Yes. So the answer is no.", CLASH),
        ("Yes and no", NO),
        ("Not necessarily", NO),
        ("The answer is not yes", NO),
        ("Answer: yes/no", NO),
        ("Answer: yes, no or maybe.", NO),
        ("Answer with yes, no or maybe.", NO),
        ("It depends", NO),
        ("", NO),
    ],
)
def test_a_label_is_read(text: str, label: object) -> None:
    assert got(read_label(text, LABELS)) == label


def test_labels_of_ones_own_stand_for_themselves() -> None:
    assert got(read_label("患者结局：好转", ["治愈", "好转", "未愈", "死亡"])) == "好转"
    assert got(read_label("能", ["能", "不能"])) == "能"
    assert got(read_label("No", ["能", "不能"])) == "不能"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("25.2", 25.2),
        ("25.2 mL/min", 25.2),
        ("The answer is 25.2 mL/min.", 25.2),
        ("1,234.5", 1234.5),
        ("１２．５", 12.5),
        ("12%", 12),
        ("1.2e-3", 0.0012),
        ("1.2×10^-3", 0.0012),
        ("1.2 × 10⁹/L", 1.2e9),
        ("$\\boxed{1.5 \\times 10^{3}}$", 1500),
        ("2½", 2.5),
        ("-5", -5),
        ("−5", -5),
        ("Answer: $-3$", -3),
        ("<5>", 5),
        ("about 5", 5),
        ("约为1.5万", 15000),
        ("答案：三十五", 35),
        ("答案是二十五毫克", 25),
        ("三点五", 3.5),
        ("Answer: three", 3),
        ("**22.9 kg/m²**", 22.9),
        ("BMI = 70 / (1.75)^2 = 22.9 kg/m²", 22.9),
        ("The GFR is 85 mL/min/1.73 m²", 85),
        ("Weight 70 kg.\nHeight 175 cm.\nTherefore the BMI is 22.9 kg/m^2.", 22.9),
        ("Answer: 9.4 mg/dL (normal 8.5-10.5)", 9.4),
        ("Answer: 3\nFinal answer: 4", 4),
        ("<think>7</think>8", 8),
        ("Answer: 3\nAnswer: 4", CLASH),
        ("5-10 mg", CLASH),
        ("5 to 10", CLASH),
        ("答案：5~10", CLASH),
        ("The answer is < 5", CLASH),
        ("Answer: at least 5", NO),
        ("Answer: 4/10", CLASH),
        ("12,5", NO),
        ("1.234,5", NO),
        ("IL-6 is high", NO),
        ("Vitamin B12", NO),
        ("1e400", NO),
        ("9" * 5000, NO),
        ("no idea", NO),
        ("", NO),
    ],
)
def test_a_number_is_read(text: str, number: object) -> None:
    found = got(read_number(text))
    assert found == (pytest.approx(number) if isinstance(number, float | int) else number)


def test_a_number_that_may_lack_digits_is_not_read() -> None:
    assert got(read_number("Answer: 25", partial=True)) is NO
    assert got(read_number("Answer: 25 mg is", partial=True)) == 25
    assert got(read_number("First, the weight is 70 kg, so", partial=True)) is NO


def test_whole_numbers() -> None:
    assert got(read_integer("Score: 7 points")) == 7
    assert got(read_integer("3.5")) is NO


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_any_number_is_read_back(value: float) -> None:
    for text in (repr(value), f"Answer: {value!r} mg", f"The result is {value!r}."):
        found = read_number(text).answer
        assert found is not None
        assert math.isclose(found, value, rel_tol=1e-9)


@given(st.integers(-(10**15), 10**15))
def test_thousands_separators_are_read(value: int) -> None:
    assert read_number(f"答案：{value:,} 元").answer == value


@pytest.mark.parametrize(
    ("numeral", "value"),
    [("十", 10), ("十二", 12), ("一百零三", 103), ("两千", 2000), ("三万五千", 35000), ("负三", -3)]
    + [("零点五", 0.5), ("三四", None), ("点", None), ("百分", None)],
)
def test_simple_chinese_numerals(numeral: str, value: float | None) -> None:
    assert chinese_number(numeral) == value


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("03/05/2026", date(2026, 3, 5)),
        ("2026-03-05", date(2026, 3, 5)),
        ("2026年3月5日", date(2026, 3, 5)),
        ("２０２６年３月５日", date(2026, 3, 5)),
        ("March 5, 2026", date(2026, 3, 5)),
        ("Mar 5th, 2026", date(2026, 3, 5)),
        ("the 5th of March, 2026", date(2026, 3, 5)),
        ("25/03/2026", date(2026, 3, 25)),
        ("The answer is **03/05/2026**.", date(2026, 3, 5)),
        ("LMP 01/01/2024. So the due date is 10/07/2024.", date(2024, 10, 7)),
        ("Answer: 1/1/2024\nAnswer: 1/2/2024", CLASH),
        ("1/1/2024 or 1/2/2024", CLASH),
        ("2/30/2024", NO),
        ("1/1/24", NO),
        ("tomorrow", NO),
    ],
)
def test_a_date_is_read(text: str, day: object) -> None:
    assert got(read_date(text)) == day


FORMS = ["%m/%d/%Y", "%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%B %d, %Y", "%d %b %Y"]


@given(st.dates(date(1000, 1, 1)), st.sampled_from(FORMS))
def test_any_date_is_read_back(day: date, form: str) -> None:
    assert read_date(f"The answer is {day.strftime(form)}.").answer == day
    assert read_date(day.strftime("%d/%m/%Y"), order="dmy").answer == day


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("5 weeks and 3 days", (5, 3)),
        ("The answer is 5 weeks, 3 days.", (5, 3)),
        ("('5 weeks', '3 days')", (5, 3)),
        ("(5, 3)", (5, 3)),
        ("5w3d", (5, 3)),
        ("5+3", (5, 3)),
        ("38 6/7 weeks", (38, 6)),
        ("孕5周+3天", (5, 3)),
        ("5 weeks", (5, 0)),
        ("Answer: 5 weeks\nAnswer: 6 weeks", CLASH),
        ("Reply as (weeks, days), such as (12, 3), and nothing else.", NO),
        ("5 days", NO),
    ],
)
def test_weeks_and_days_are_read(text: str, pair: object) -> None:
    assert got(read_weeks_days(text)) == pair


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("**Metoprolol.**", "metoprolol"),
        ("The answer is Metoprolol, a beta blocker.", "metoprolol"),
        ("答案：肾脏内科", "肾脏内科"),
        ("\\boxed{Metoprolol}", "metoprolol"),
        ("Answer:\nMetoprolol", "metoprolol"),
        ("Answer: x\nAnswer: y", CLASH),
        ("Answer: x\nFinal answer: y", "y"),
        ("", NO),
        ("word " * 500, NO),
    ],
)
def test_a_phrase_is_read(text: str, first: object) -> None:
    found = got(read_phrases(text))
    assert (found[0] if isinstance(found, tuple) else found) == first


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('First {"b": 2} then\n```json\n{"a": 1}\n```', {"a": 1}),
        ('Here it is: {"a": {"b": 2}} as asked', {"a": {"b": 2}}),
        ('<think>{"a": 2}</think>{"a": 1}', {"a": 1}),
        ('{"a": 1,}', {"a": 1}),
        ("{“a”：1}", {"a": 1}),
        ('{"a": 1} {"a": 2}', CLASH),
        ('{"a": 1, "a": 2}', CLASH),
        ('{"a": NaN}', NO),
        ('{"a": 1', NO),
        ("{'a': 1}", NO),
        ("__import__('os')", NO),
        ('{"a":' * 5000, NO),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", NO),
        ('{"a":' + "9" * 5000 + "}", NO),
    ],
)
def test_an_object_is_read(text: str, value: object) -> None:
    assert got(read_object(text)) == value


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=8),
        st.one_of(st.integers(), st.text(st.characters(codec="utf-8"), max_size=8), st.booleans()),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["{}", "```json\n{}\n```", "好的：\n{}"]),
)
def test_any_object_is_read_back(value: dict[str, Any], around: str) -> None:
    text = json.dumps(value)
    assert read_object(around.replace("{}", text)).answer == value


def test_the_schema_repeated_from_the_prompt_is_no_answer() -> None:
    prompt = '请计算并严格按照以下格式输出：{"总费用": 0, "个人支付": 0}'
    assert got(read_object('{"总费用": 0, "个人支付": 0}', prompt=prompt)) is NO
    assert got(read_object(f'{prompt}\n{{"总费用": 9}}', prompt=prompt)) == {"总费用": 9}


READERS: list[Callable[..., Reading[Any]]] = [
    lambda text, **more: read_label(text, LABELS, **more),
    read_number,
    read_date,
    read_weeks_days,
    read_phrases,
    read_object,
]
PIECES = st.sampled_from(
    ["Answer: ", "答案是", "1", ",", ".", "/", "-", "e9", "×10^", "万", "三", "yes", "no", "not "]
    + [
        "(5, 3)",
        "weeks",
        "2024",
        "年",
        "{",
        "}",
        '"a":',
        "[",
        "]",
        "```",
        "\\boxed{",
        "<",
        "\ud800",
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


UNITS = ["A", "(", " ", "\n", "A. ", "answer is ", "Answer: A\n", "答案是", "选项A", "<think>", "{"]
UNITS += ['{"a":', "[", "```json{", "1,", "1 x 10^", "12/", "5+", "\u0301", "a\u0315\u0300\u05ae"]
UNITS += [
    "\ufdfa",
    "ＡＢ",
    "三",
    "A, ",
    "*",
    "# ",
    "\\boxed{",
    "final answer ",
    '{"a":1}',
    "½",
    "10⁹",
]
OPTIONS = ["5 mg", "50 mg", "500 mg", "5 g", "metformin"]


@pytest.mark.parametrize("unit", UNITS)
def test_hostile_texts_are_read_to_the_end(unit: str) -> None:
    """A pattern that backtracks over these 100 kB would not come back within the test's day."""
    text = (unit * (100_000 // len(unit) + 1))[:100_000]
    for reader in READERS:
        reader(text)
        reader(text, prompt=text[:50_000])
    read_choice(text, OPTIONS)
    read_choices(text, OPTIONS, prompt=text[:50_000])
    is_refusal(text)


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


def test_durations_are_not_carried_over() -> None:
    assert read_weeks_days("4 weeks and 13 days").answer == (4, 13)
    assert timedelta(weeks=4, days=13) == timedelta(weeks=5, days=6)
