"""Labels, numbers, dates, durations, phrases and objects, as models write them."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench.answers import (
    Reading,
    read_date,
    read_integer,
    read_label,
    read_number,
    read_object,
    read_phrases,
    read_weeks_days,
)
from pytest_medbench.answers.numbers import chinese_number
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
        ("Answer: at least 5", CLASH),
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
    [
        *(("十", 10), ("十二", 12), ("一百零三", 103), ("两千", 2000), ("三万五千", 35000)),
        *(("负三", -3), ("零点五", 0.5), ("三四", None), ("点", None), ("百分", None)),
    ],
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


def test_durations_are_not_carried_over() -> None:
    assert read_weeks_days("4 weeks and 13 days").answer == (4, 13)
