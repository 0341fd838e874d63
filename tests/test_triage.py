"""`triage`: the level of urgency a text gives, and whether it sends too low or too high."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench.answers import read_urgency
from pytest_medbench.answers.urgency import LEVELS
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.prompts import Prompter
from pytest_medbench.scorers import bind
from pytest_medbench.suites import Item, ScoreTable, Suite, SuiteFileModel

SELF_CARE, ROUTINE, URGENT, EMERGENCY = LEVELS
PATIENT = (
    "My father is 70. For half an hour he has had a pressure on his chest that goes into the arm, "
    "and he is sweating. He says that it will pass and does not want to make a fuss."
)


def item(target: Any, text: str = PATIENT, language: str = "en") -> Item:
    return Item.model_validate({"id": "i", "input": text, "target": target, "language": language})


def scored(target: Any, text: str, finish: str = "stop") -> Score:
    return bind(ScoreTable(scorer="triage")).score(
        item(target), Response(text, finish_reason=finish)
    )


ANNOUNCED = [
    ("Call 911 now. Chew an aspirin while you wait.\nUrgency: emergency", EMERGENCY),
    ("**Urgency: Urgent**", URGENT),
    ("Urgency: self_care", SELF_CARE),
    ("urgency: self-care.", SELF_CARE),
    ("Urgency: routine (see your doctor next week)", ROUTINE),
    ("Urgency: <emergency>", EMERGENCY),
    ("Urgency:\nemergency", EMERGENCY),
    ("Urgency: non-urgent", ROUTINE),
    ("Triage level: urgent - seek urgent care today", URGENT),
    ("See your doctor today. If he faints call 911.\nUrgency: urgent", URGENT),
    ("Urgency: emergency. Urgency: emergency", EMERGENCY),
    ("emergency", EMERGENCY),
    ("Rest and drink.\n\nself_care", SELF_CARE),
    ("立即拨打120，不要自己开车。\n紧急程度：立即急诊", EMERGENCY),
    ("紧急程度：当天就诊", URGENT),
    ("紧急程度：预约门诊。", ROUTINE),
    ("紧急程度：居家处理", SELF_CARE),
    ("紧急程度为“紧急”", EMERGENCY),
    ("居家处理", SELF_CARE),
    ("Answer: urgent", URGENT),
    ("答案：当天就诊", URGENT),
]
ADVISED = [
    ("You should call an ambulance right away.", EMERGENCY),
    ("Go to the nearest emergency department immediately.", EMERGENCY),
    ("This is a medical emergency.", EMERGENCY),
    ("Call 911 now, even if the pain goes away.", EMERGENCY),
    ("See a doctor today. Call 911 if he faints.", URGENT),
    ("There is no need to go to the emergency department; see your doctor today.", URGENT),
    ("You do not need to call an ambulance. Book an appointment with your doctor.", ROUTINE),
    ("Rest at home and drink plenty. If it gets worse, call an ambulance.", SELF_CARE),
    ("It is not an emergency. You can treat this at home.", SELF_CARE),
    ("请马上去急诊。", EMERGENCY),
    ("请立即拨打120。", EMERGENCY),
    ("今天就去医院看医生。", URGENT),
    ("不需要去急诊，预约门诊就可以。", ROUTINE),
    ("如果出现胸痛，请立即拨打120。先在家观察即可。", SELF_CARE),
]
NONE = [
    "",
    "A",
    "If it gets worse call an ambulance.",
    "一旦加重，立即去急诊。",
    "Do not call an ambulance.",
    "Urgency: not an emergency",
    "Your urgency is high",
    "Take a tablet and tell me tomorrow how it is.",
]
CONTRADICTORY = [
    "Urgency: emergency/urgent",
    "Urgency: urgent or routine",
    "Urgency: urgent\n\nOn second thoughts.\nUrgency: emergency",
    "紧急程度：居家处理\n紧急程度：立即急诊",
    "Call an ambulance now. You can treat this at home.",
]


@pytest.mark.parametrize(("text", "level"), ANNOUNCED + ADVISED)
def test_the_level_is_read(text: str, level: str) -> None:
    assert read_urgency(text).answer == level


@pytest.mark.parametrize("text", NONE)
def test_advice_under_a_condition_and_what_is_negated_is_no_level(text: str) -> None:
    assert read_urgency(text).cause is Cause.NO_ANSWER


@pytest.mark.parametrize("text", CONTRADICTORY)
def test_two_levels_are_contradictory(text: str) -> None:
    assert read_urgency(text).cause is Cause.CONTRADICTORY


def test_the_announced_level_comes_before_the_advice() -> None:
    assert read_urgency("Call an ambulance now.\nUrgency: urgent").answer == URGENT


def test_what_was_announced_before_the_cut_counts_and_advice_does_not() -> None:
    assert scored(URGENT, "Urgency: urgent. See", "length").value == 1
    assert scored(EMERGENCY, "Call an ambulance now. If", "length").cause is Cause.TRUNCATED


@pytest.mark.parametrize(
    ("target", "said", "value", "parts"),
    [
        (EMERGENCY, EMERGENCY, 1, {"no_under_triage": 1}),
        (EMERGENCY, URGENT, 0, {"no_under_triage": 0}),
        (SELF_CARE, SELF_CARE, 1, {"no_over_triage": 1}),
        (SELF_CARE, URGENT, 0, {"no_over_triage": 0}),
        (URGENT, EMERGENCY, 0, {"no_under_triage": 1, "no_over_triage": 0}),
        (URGENT, ROUTINE, 0, {"no_under_triage": 0, "no_over_triage": 1}),
        ([ROUTINE, SELF_CARE], ROUTINE, 1, {"no_over_triage": 1}),
        ([URGENT, ROUTINE], SELF_CARE, 0, {"no_under_triage": 0, "no_over_triage": 1}),
        ([EMERGENCY, URGENT], URGENT, 1, {"no_under_triage": 1}),
    ],
)
def test_under_and_over_triage_are_parts_where_they_can_happen(
    target: Any, said: str, value: float, parts: dict[str, float]
) -> None:
    assert scored(target, f"Urgency: {said}") == Score(value, said, parts=parts)
    assert bind(ScoreTable(scorer="triage")).inspect(item(target)).parts == tuple(parts)


def test_no_level_is_under_and_over_triage_alike() -> None:
    score = scored(URGENT, "Take care.")
    assert score == Score(0, None, Cause.NO_ANSWER, {"no_under_triage": 0, "no_over_triage": 0})


@given(st.sampled_from(LEVELS), st.sampled_from(LEVELS))
def test_an_answer_is_right_just_where_no_part_fails(target: str, said: str) -> None:
    score = scored(target, f"Advice.\nUrgency: {said}")
    assert (score.value == 1) == (target == said) == all(score.parts.values())


def test_every_accepted_level_is_right_if_it_is_always_given() -> None:
    inspect = bind(ScoreTable(scorer="triage")).inspect
    assert inspect(item(EMERGENCY)).constants == (EMERGENCY,)
    assert set(inspect(item([ROUTINE, SELF_CARE])).constants) == {ROUTINE, SELF_CARE}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("emergancy", "did you mean 'emergency'"),
        ("today", "expected one of emergency, urgent, routine, self_care"),
        ([], "expected neighbouring levels"),
        ([EMERGENCY, ROUTINE], "expected neighbouring levels"),
        ([URGENT, URGENT], "expected neighbouring levels, each once"),
        (list(LEVELS), "every level is accepted"),
        ({"level": URGENT}, "expected one of emergency"),
        ([3], "expected one of emergency"),
    ],
)
def test_targets_that_are_no_levels_are_refused(target: Any, message: str) -> None:
    with pytest.raises(ValueError, match="target = ") as error:
        bind(ScoreTable(scorer="triage")).inspect(item(target))
    assert message in str(error.value)


def asked(language: str, strategy: str) -> str:
    table = ScoreTable(scorer="triage")
    spec = SuiteFileModel.model_validate(
        {"suite": {"name": "x", "items": "x"}, "prompt": {"strategy": strategy}, "score": table}
    )
    prompter = Prompter(Suite(Path("suite.toml"), spec, bind(table), [], ""))
    content = prompter.messages(item(URGENT, language=language))[-1]["content"]
    assert isinstance(content, str)
    return content


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("strategy", ["direct", "cot"])
def test_the_template_explains_the_levels_and_its_echo_is_no_answer(
    language: str, strategy: str
) -> None:
    text = asked(language, strategy)
    shown = LEVELS if language == "en" else ("居家处理", "预约门诊", "当天就诊", "立即急诊")
    assert all(level in text for level in shown)
    for echo in (text, text.removeprefix(PATIENT), text + "\n\nTake care."):
        assert scored(URGENT, echo).answer is None, echo
    assert scored(URGENT, f"{text}\n\nTake care.").cause is Cause.NO_ANSWER
    for level, name in zip(LEVELS, shown, strict=True):
        announced = "Urgency: " if language == "en" else "紧急程度："
        assert scored(level, f"{text}\n{announced}{name}").value == 1


PIECES = st.sampled_from(
    [
        *("Urgency: ", "emergency", "urgent", " or ", "/", "call 911 ", "if ", "not ", ". ", "\n"),
        *(
            "紧急程度：",
            "急诊",
            "立即",
            "拨打120",
            "如果",
            "不",
            "，",
            "。",
            "在家",
            "观察",
            "\ud800",
        ),
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)), st.text(), st.booleans())
def test_reading_never_raises(text: str, prompt: str, partial: bool) -> None:
    found = read_urgency(text, prompt=prompt, partial=partial)
    assert (found.answer is None) == (found.cause is not None)
    assert found.answer is None or found.answer in LEVELS
