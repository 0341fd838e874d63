"""Scorers: what an item's target may be, and what a response scores."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers import bind, content_of
from pytest_medbench.suites import BoundScorer, Item, ScoreTable, Traits

OPTIONS = ["aspirin", "heparin", "warfarin 5 mg", "no treatment at all"]


def bound(scorer: str, **options: Any) -> BoundScorer:
    return bind(ScoreTable.model_validate({"scorer": scorer, **options}))


def item(target: Any, options: list[str] | None = None, text: str = "Which one?") -> Item:
    return Item.model_construct(id="i1", input=text, target=target, options=options)


def scored(scorer: str, it: Item, text: str, finish: str = "stop", **options: Any) -> Score:
    return bound(scorer, **options).score(it, Response(text, finish_reason=finish))


def value(scorer: str, it: Item, text: str, **options: Any) -> float:
    return scored(scorer, it, text, **options).value


@given(st.permutations(OPTIONS), st.sampled_from(OPTIONS))
def test_the_order_of_the_options_leaves_the_score_as_it_is(
    options: list[str], chosen: str
) -> None:
    target = chr(65 + options.index("heparin"))
    letter = chr(65 + options.index(chosen))
    it = item(target, options)
    for text in (letter, chosen, f"The answer is {letter}. {chosen}", f"答案：{letter}"):
        score = scored("choice", it, text)
        assert score.value == float(chosen == "heparin")
        assert content_of(it, score.answer or "") == chosen


def test_content_of_several_letters_does_not_depend_on_their_order() -> None:
    first, second = item("AB", ["Ｘ", "y", "z"]), item("BC", ["z", "y.", "x"])
    assert content_of(first, "AB") == content_of(second, "BC") == "x | y"


def test_choice_tells_what_is_right_if_always_given() -> None:
    assert bound("choice").inspect(item("D", OPTIONS)) == Traits("D", longest=True)
    assert bound("choice").inspect(item("A", OPTIONS)) == Traits("A", longest=False)
    assert not bound("choice").inspect(item("A", ["xx", "yy", "z"])).longest


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("E", OPTIONS, "target = 'E', expected one letter from A to D"),
        ("b", OPTIONS, "target = 'b', expected one letter"),
        ("AB", OPTIONS, "target = 'AB', expected one letter"),
        (1, OPTIONS, "target = 1, expected one letter"),
        ("A", None, "key 'options' is missing"),
        ("A", ["x"], "options has 1 entries, expected 2 to 26"),
        ("A", [f"o{n}" for n in range(27)], "options has 27 entries, expected 2 to 26"),
        ("A", ["x", "y", "x "], "options A and C are both 'x', expected different texts"),
        ("A", ["x", " "], "option B is blank"),
    ],
)
def test_choice_refuses_items_that_cannot_be_scored(
    target: Any, options: list[str] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=r"expected|missing") as error:
        bound("choice").inspect(item(target, options))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("tokens", "answer", "cause"),
    [
        ([(" B", -0.1), ("A", -0.5)], "B", None),
        ([("The", -0.1), ("▁C", -3.0), ("D", -4.0)], "C", None),
        ([("(A", -1.0), ("B)", -0.5)], "B", None),
        ([("E", -0.1), ("A", -2.0)], "A", None),
        ([("a", -0.1), ("B", -2.0)], "B", None),
        ([("a", -0.1), ("b", -2.0)], "A", None),
        ([("A", float("nan")), ("C", -9.0)], "C", None),
        ([("A", -1.0), ("B", -1.0)], None, Cause.CONTRADICTORY),
        ([("The", -0.1), ("So", -0.2)], "D", None),
    ],
)
def test_the_likeliest_letter_is_the_answer(
    tokens: list[tuple[str, float]], answer: str | None, cause: Cause | None
) -> None:
    response = Response("The answer is D.", top_logprobs=tuple(tokens))
    score = bound("choice").score(item("B", OPTIONS), response)
    assert (score.answer, score.cause) == (answer, cause)
    assert score.value == float(answer == "B")


@pytest.mark.parametrize(
    ("text", "finish", "cause"),
    [
        ("", "stop", Cause.NO_ANSWER),
        ("Let me think about", "length", Cause.TRUNCATED),
        ("<think>The answer is B", "length", Cause.TRUNCATED),
        ("", "content_filter", Cause.CONTENT_FILTER),
        ("I cannot provide medical advice.", "stop", Cause.REFUSAL),
        ("作为AI我无法回答。", "stop", Cause.REFUSAL),
        ("Answer: A. Answer: C.", "stop", Cause.CONTRADICTORY),
    ],
)
@pytest.mark.parametrize("scorer", ["choice", "multi"])
def test_the_cause_of_a_missing_answer_is_told(
    scorer: str, text: str, finish: str, cause: Cause
) -> None:
    score = scored(scorer, item("B", OPTIONS), text, finish)
    assert (score.value, score.answer, score.cause) == (0.0, None, cause)


def test_what_was_said_before_the_cut_counts() -> None:
    assert scored("choice", item("B", OPTIONS), "B. heparin, beca", "length").value == 1
    assert scored("choice", item("B", OPTIONS), "B", "content_filter").value == 1


def test_multi_takes_the_exact_set() -> None:
    it = item(["C", "A"], OPTIONS)
    assert bound("multi").inspect(it) == Traits("AC")
    assert value("multi", it, "A、C") == 1
    assert value("multi", it, "aspirin; warfarin 5 mg") == 1
    assert value("multi", it, "A") == 0
    assert value("multi", it, "ABC") == 0


def test_multi_gives_part_credit_where_asked() -> None:
    score = scored("multi", item("AC", OPTIONS), "A、B、C", credit="f1")
    assert score.value == pytest.approx(0.8)
    assert score.parts == {"precision": pytest.approx(2 / 3), "recall": 1.0}


@pytest.mark.parametrize("target", ["", "AA", "AE", ["A", 1], [], 3, "A,C", {"A": 1}])
def test_multi_refuses_targets_that_are_no_letters(target: Any) -> None:
    with pytest.raises(ValueError, match=r"target = .* expected different letters from A to D"):
        bound("multi").inspect(item(target, OPTIONS))


def test_yes_no_maybe() -> None:
    assert bound("yes_no").inspect(item("no")) == Traits("no")
    assert value("yes_no", item("no"), "No, it is not.") == 1
    assert value("yes_no", item("no"), "答案：否") == 1
    assert value("yes_no", item("no"), "Yes") == 0
    assert value("yes_no", item("能"), "可以", labels=["能", "不能"]) == 1
    with pytest.raises(ValueError, match="target = 'No', expected one of yes, no, maybe"):
        bound("yes_no").inspect(item("No"))
    with pytest.raises(ValueError, match="labels are alike"):
        bound("yes_no", labels=["Yes", "yes"])


@pytest.mark.parametrize(
    ("target", "options", "right", "wrong"),
    [
        (100, {}, ["100", "100 mg", "1e2"], ["100.1", "99"]),
        (100, {"abs_tolerance": 1}, ["99", "101"], ["98.9", "101.1"]),
        (100, {"rel_tolerance": 0.05}, ["95", "105"], ["94.9", "105.1"]),
        (-0.549, {"rel_tolerance": 0.05}, ["-0.53", "-0.57"], ["-0.51", "0.549"]),
        (7, {"integer": True}, ["7", "7.4", "6.6"], ["7.6", "8"]),
        ({"value": 25.238, "lower": 23.9761, "upper": 26.4999}, {}, ["24", "26.4"], ["27"]),
        (0.3, {}, ["0.3", "0.30"], ["0.31"]),
    ],
)
def test_number_within_limits(
    target: Any, options: dict[str, Any], right: list[str], wrong: list[str]
) -> None:
    bound("number", **options).inspect(item(target))
    assert [value("number", item(target), text, **options) for text in right] == [1] * len(right)
    assert [value("number", item(target), text, **options) for text in wrong] == [0] * len(wrong)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        *(("25", {}), (True, {}), (float("inf"), {}), ({"lower": 1}, {}), (1.5, {"integer": True})),
        *(({"value": 5, "lower": 6}, {}), ({"value": 5, "high": 6}, {}), ([1], {})),
    ],
)
def test_number_refuses_targets_that_are_none(target: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"target = .*expected"):
        bound("number", **options).inspect(item(target))


def test_date() -> None:
    bound("date").inspect(item("2026-03-05"))
    assert value("date", item("2026-03-05"), "03/05/2026") == 1
    assert value("date", item("2026-03-05"), "05/03/2026", order="dmy") == 1
    assert scored("date", item("2026-03-05"), "5 April 2026") == Score(0.0, "2026-04-05")
    for target in ("03/05/2026", 20260305, "2026-02-30", "20260305"):
        with pytest.raises(ValueError, match="expected a date such as"):
            bound("date").inspect(item(target))


def test_weeks_and_days() -> None:
    bound("weeks_days").inspect(item([38, 6]))
    assert value("weeks_days", item([38, 6]), "38 weeks and 6 days") == 1
    assert value("weeks_days", item([38, 6]), "38 weeks") == 0
    for target in ([38], [38, 7], "38+6", [38.0, 6], [-1, 2]):
        with pytest.raises(ValueError, match=r"expected \[weeks, days\]"):
            bound("weeks_days").inspect(item(target))


def test_text_takes_any_of_its_targets() -> None:
    it = item(["Acetylsalicylic acid", "Aspirin"])
    bound("text").inspect(it)
    assert value("text", it, "The answer is **aspirin**.") == 1
    assert value("text", it, "ＡＳＰＩＲＩＮ") == 1
    assert scored("text", it, "Heparin") == Score(0.0, "heparin")
    assert scored("text", it, "I cannot help with that.").cause is Cause.REFUSAL
    for target in ("", " !", [], ["a", 1], {"a": 1}):
        with pytest.raises(ValueError, match="expected a text"):
            bound("text").inspect(item(target))


BILL = {"总费用": 1234.5, "结论": "能通过", "错误类型": ["错别字", "单位错误"]}


def test_each_json_field_is_a_part() -> None:
    bound("json").inspect(item(BILL))
    reply = '```json\n{"总费用": "1,234.5 元", "结论": "不能", "错误类型": "单位错误、错别字"}\n```'
    score = scored("json", item(BILL), reply)
    assert score.parts == {"总费用": 1.0, "结论": 0.0, "错误类型": 1.0}
    assert score.value == pytest.approx(2 / 3)
    assert scored("json", item(BILL), '{"总费用": 1234.5}').parts["结论"] == 0
    assert scored("json", item(BILL), "no object").cause is Cause.NO_ANSWER


def test_json_fields_have_tolerances_of_their_own() -> None:
    reply = '{"a": 103, "b": 103}'
    fields = {"a": {"rel_tolerance": 0.05}}
    score = scored("json", item({"a": 100, "b": 100}), reply, fields=fields)
    assert score.parts == {"a": 1.0, "b": 0.0}
    assert value("json", item({"a": 100, "b": 100}), reply, abs_tolerance=3) == 1
    with pytest.raises(ValueError, match=r"target.a = 'x', expected a number as its type says"):
        bound("json", fields={"a": {"type": "number"}}).inspect(item({"a": "x"}))
    with pytest.raises(ValueError, match="expected an object"):
        bound("json").inspect(item({}))


def test_true_is_no_number_and_a_number_no_text() -> None:
    assert value("json", item({"a": 1}), '{"a": true}') == 0
    assert value("json", item({"a": True}), '{"a": true}') == 1
    assert value("json", item({"a": "38"}), '{"a": 38}') == 1
