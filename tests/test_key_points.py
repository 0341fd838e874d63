"""`key_points`: which points a free text states, by rule, in English and Chinese."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stated_points import QUESTION, amount, item, scored, states

from pytest_medbench.outcomes import Cause
from pytest_medbench.scorers import bind
from pytest_medbench.suites import ScoreTable

POINTS = [
    {"point": "aspirin 300 mg", "any": ["aspirin", "acetylsalicylic acid"], **amount(300, "mg")},
    {"point": "chewed", "any": ["aspirin"], "with": [["chew", "chewed"]]},
    {"point": "no nitrate", "any": ["nitrate*", "glyceryl trinitrate"], "negated": True},
    {"point": "ECG of the right side", "any": ["right-sided ECG", "V4R"]},
]


def test_the_score_is_the_share_of_the_points_and_each_point_is_a_part() -> None:
    score = scored(item(POINTS), "Chew aspirin 300 mg now. Take a right sided ECG.")
    assert score.value == 0.75
    assert score.answer == "3 of 4: 1, 2, 4"
    assert score.parts == {"point 1": 1, "point 2": 1, "point 3": 0, "point 4": 1}
    assert scored(item(POINTS), "Give him something to drink and wait.").answer == "0 of 4"


@pytest.mark.parametrize(
    ("text", "alias", "stated"),
    [
        ("Give ASPIRIN.", "aspirin", True),
        ("aspirins", "aspirin", True),
        ("aspirinate", "aspirin", False),
        ("an ECG, at once", "ECG", True),
        ("做ECG检查", "ECG", True),
        ("an MRA", "RA", False),
        ("hypoglycaemia", "hypoglyc*", True),
        ("beta-blockers", "beta blocker", True),
        ("a beta blocker", "beta-blocker", True),
        ("**metoprolol** `25`", "metoprolol", True),
        ("ｍｅｔｆｏｒｍｉｎ", "metformin", True),
        ("可嚼服阿司匹林肠溶片", "阿司匹林", True),
        ("维生素B12", "维生素B1", False),
        ("口服ORSⅢ，少量多次", "ORS", True),
        ("NYHAⅢ级", "NYHA Ⅲ级", True),
        ("ORS III", "ORSⅢ", True),
        ("ORSⅡ", "ORSⅢ", False),
        ("拨打120", "120", True),
        ("1200 mL", "120", False),
    ],
)
def test_english_terms_are_whole_words_and_chinese_ones_any_part(
    text: str, alias: str, stated: bool
) -> None:
    assert states(text, alias) is stated


def test_a_mention_that_is_not_negated_is_enough() -> None:
    assert states("No fever yesterday. Fever today.", "fever")


def test_a_negation_within_a_term_is_part_of_it() -> None:
    assert states("Do not induce vomiting.", "do not induce")
    assert states("不宜催吐", "不宜催吐")
    assert states("Do not induce vomiting.", "not induce vomiting", negated=True)
    stop = {"with": [["stop", "withhold"]]}
    assert states("Stop metformin.", "metformin", **stop)
    assert not states("Do not stop metformin.", "metformin", **stop)
    assert not states("Metformin goes on; stop the diuretic.", "metformin", **stop)
    assert states("不能自行停药", "停药", negated=True)
    assert not states("可以停药", "停药", negated=True)


def test_terms_beside_stand_in_the_same_sentence_and_are_not_negated() -> None:
    chew = {"with": [["chew", "chewed"], ["now", "at once"]]}
    assert states("At once let him chew an aspirin.", "aspirin", **chew)
    assert not states("Chew gum now. Then aspirin.", "aspirin", **chew)
    assert not states("阿司匹林不要嚼服", "阿司匹林", **{"with": [["嚼服"]]})


def test_a_heading_is_read_with_what_stands_under_it() -> None:
    text = "**Aspirin:**\n- 300 mg\n- chewed\n\nClopidogrel 75 mg"
    assert states(text, "aspirin", **amount(300, "mg"))
    assert states(text, "aspirin", **{"with": [["chewed"]]})
    assert not states(text, "aspirin", **amount(75, "mg"))
    assert states("- Aspirin\n  - 300 mg", "aspirin", **amount(300, "mg"))
    assert states("To be chewed:\n- aspirin", "aspirin", **{"with": [["chewed"]]})
    assert states(text, "aspirin", **{"with": [["chewed"]]}, **amount(300, "mg"))


FIELDS = [
    {"point": "diagnosis", "any": ["心肌梗死", "STEMI"], "field": "诊断"},
    {"point": "treatment", "any": ["阿司匹林"], **amount(300, "mg"), "field": "治疗"},
    {"point": "anywhere", "any": ["心电图"]},
]


def test_a_field_is_the_key_in_whose_value_the_point_stands() -> None:
    answer = {
        "诊断": "急性心肌梗死",
        "治疗": ["阿司匹林300mg嚼服", "吸氧"],
        "检查": {"一": "心电图"},
    }
    text = json.dumps(answer, ensure_ascii=False).replace("嚼服", "①嚼服②")
    assert scored(item(FIELDS), f"```json\n{text}\n```").value == 1
    moved = json.dumps({"诊断": "阿司匹林300mg", "治疗": "心肌梗死"}, ensure_ascii=False)
    assert scored(item(FIELDS), moved).answer == "0 of 3"
    prose = scored(item(FIELDS), "急性心肌梗死，阿司匹林300mg")
    assert (prose.value, prose.cause) == (0, Cause.NO_ANSWER)


def test_a_field_may_quote_the_end_of_its_source() -> None:
    answer = json.dumps({"诊断": QUESTION[-80:] + " STEMI"})
    assert scored(item(FIELDS), answer).parts["point 1"] == 1


@pytest.mark.parametrize(
    ("text", "finish", "cause"),
    [
        ("", "stop", Cause.NO_ANSWER),
        ("<think>aspirin 300 mg</think>", "stop", Cause.NO_ANSWER),
        ("", "content_filter", Cause.CONTENT_FILTER),
        ("", "length", Cause.TRUNCATED),
        ("I'm sorry, but I cannot help with that.", "stop", Cause.REFUSAL),
        ("抱歉，我无法回答这个问题。", "stop", Cause.REFUSAL),
        (QUESTION, "stop", Cause.NO_ANSWER),
    ],
)
def test_what_states_nothing_at_all_is_unparsable(text: str, finish: str, cause: Cause) -> None:
    score = scored(item(POINTS), text, finish)
    assert (score.value, score.answer, score.cause) == (0, None, cause)


def test_what_was_said_before_the_cut_and_after_a_refusal_counts() -> None:
    assert scored(item(POINTS), "Chew aspirin 300 mg and", "length").answer == "2 of 4: 1, 2"
    said = "I cannot give medical advice. Chew aspirin 300 mg."
    assert scored(item(POINTS), said).answer == "2 of 4: 1, 2"


ECHOED = [{"point": "pale", "any": ["pale"]}, {"point": "inferior", "any": ["inferior"]}]


def test_a_repeated_prompt_states_nothing_and_a_quoted_sentence_does() -> None:
    assert scored(item(ECHOED), f"{QUESTION}\nGive oxygen to him.").answer == "0 of 2"
    assert scored(item(ECHOED), f"{QUESTION}\n{QUESTION}\nGive oxygen.").answer == "0 of 2"
    broken_off = QUESTION[: QUESTION.index("He is")]
    assert scored(item(ECHOED), f"Question: {broken_off}", "length").answer == "0 of 2"
    first, second, _ = QUESTION.split(". ")
    assert scored(item(ECHOED), f"{second}. ECG: inferior leads.").answer == "2 of 2: 1, 2"
    assert scored(item(ECHOED), f"{first}. He looks pale to me.").answer == "2 of 2: 1, 2"


def test_what_lies_past_the_length_is_not_read() -> None:
    target = {"points": POINTS[:2], "max_length": 5}
    short = scored(item(target), "Chew aspirin 300 mg now.")
    assert (short.value, short.parts["within_length"]) == (1, 1)
    long = scored(item(target), "I would let him chew aspirin 300 mg now.")
    assert (long.value, long.parts["within_length"]) == (0, 0)
    own = scored(item(POINTS[:2]), "one two three aspirin 300 mg chewed", max_length=5)
    assert own.parts == {"point 1": 0, "point 2": 0, "within_length": 0}


def test_a_length_counts_characters_in_chinese_and_no_blanks() -> None:
    target = {"points": [{"point": "p", "any": ["阿司匹林"]}], "max_length": 6}
    question = "患者胸痛一小时，心电图示下壁导联ST段抬高，应立即给什么药？"
    assert scored(item(target, question), "给 阿 司 匹 林。").parts["within_length"] == 1
    assert scored(item(target, question), "应当给阿司匹林").answer == "0 of 1"
    english = item({**target, "points": [{"point": "p", "any": ["end"]}]}, question, "en")
    assert scored(english, "the very last word is end").value == 1


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("aspirin", "target = 'aspirin', expected a list of points"),
        ([], "points = []"),
        ([{"point": "p", "any": []}], "expected the aliases in 'any'"),
        ([{"point": "p", "any": [" "]}], "points.0.any.0 = ' '"),
        ([{"point": "p", "any": ["**"]}], "expected a term of letters, digits or signs"),
        ([{"point": " ", "any": ["a"]}], "points.0.point = ' '"),
        ([{"any": ["a"]}], "key 'points.0.point' is missing"),
        ([{"point": "p", "any": ["a"], "with": [[]]}], "points.0.with.0"),
        ([{"point": "p", "any": ["a"], "wiht": []}], "points.0.wiht"),
        ([{"point": "p", "number": {"value": 3}}], "key 'points.0.number.unit' is missing"),
        ([{"point": "p", "number": {"value": "3", "unit": "mg"}}], "points.0.number.value = '3'"),
        ([{"point": "p", **amount(3, "mgg")}], "unit 'mgg' is not known; did you mean 'mg'"),
        ([{"point": "p", **amount(3, "mg/kgg")}], "unit 'kgg' is not known"),
        ([{"point": "p", **amount(3, "mg"), "negated": True}], "'negated' needs aliases in 'any'"),
        ([{"point": "p", "any": ["a", "a"]}], "alias 'a' stands twice"),
        ([{"point": "p", "any": ["a"]}] * 2, "points 1 and 2 are both 'p'"),
        (
            [{"point": "p", "any": ["a", "b"]}, {"point": "q", "any": ["B", "a"]}],
            "points 1 and 2 are met by the same words",
        ),
        ({"points": [{"point": "p", "any": ["a"]}], "max_length": 0}, "max_length = 0"),
        ({"points": [{"point": "p", "any": ["a"]}], "length": 9}, "unknown key 'length'"),
        (
            {"points": [{"point": "p", "any": ["a"], "field": "f"}], "max_length": 9},
            "max_length does not go with points that have a field",
        ),
    ],
)
def test_targets_that_cannot_be_scored_are_told_where(target: Any, message: str) -> None:
    with pytest.raises(ValueError, match="target") as error:
        bind(ScoreTable(scorer="key_points")).inspect(item(target))
    assert message in str(error.value)


def test_a_length_of_the_suite_does_not_go_with_fields() -> None:
    with pytest.raises(ValueError, match="do not go with max_length"):
        scored(item(FIELDS), "{}", max_length=9)


SENTENCES = [
    "Chew aspirin 300 mg now.",
    "Nitrates must not be given.",
    "Record a right-sided ECG.",
    "立即吸氧。",
    "Call the catheter laboratory!",
]


@given(st.permutations(SENTENCES))
def test_the_order_of_the_sentences_makes_no_difference(order: list[str]) -> None:
    assert scored(item(POINTS), " ".join(order)).value == 1


@given(
    st.permutations(SENTENCES),
    st.sampled_from(
        [
            "No fever was found.",
            "He has not eaten.",
            "无发热、咳嗽。",
            "Do not wait!",
            "患者否认过敏史。",
            "If it gets worse, call again.",
            "Ranges: 5-10 mL.",
        ]
    ),
    st.integers(0, len(SENTENCES)),
)
def test_a_further_sentence_takes_no_point_away(order: list[str], more: str, at: int) -> None:
    order.insert(at, more)
    for joint in (" ", "\n", "\n\n"):
        assert scored(item(POINTS), joint.join(order)).value == 1


PIECES = st.sampled_from(
    [
        *(
            "aspirin ",
            "not ",
            "no ",
            "无",
            "不",
            "，",
            "、",
            ". ",
            "\n",
            "\n- ",
            "\n  - ",
            ":",
            "(",
        ),
        *(
            ")",
            "300 mg",
            "300-",
            "三百",
            "每日",
            "/kg",
            "avoid ",
            "but ",
            "if ",
            "1. ",
            "(2) ",
            "**",
        ),
        *(
            "# ",
            "{",
            '"诊断":',
            "}",
            "①",
            "\ud800",
            "½",
            "e9",
            "but not only ",
            "除",
            "外",
            "i can't ",
        ),
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)), st.booleans())
def test_reading_never_raises_and_the_score_is_the_share_of_the_parts(
    text: str, is_object: bool
) -> None:
    points = FIELDS if is_object else POINTS
    score = scored(item(points), text)
    assert 0 <= score.value <= 1
    if score.cause is None:
        assert score.value == sum(score.parts.values()) / len(points)
    else:
        assert score.value == 0


@pytest.mark.parametrize(
    "unit",
    ["aspirin ", "no ", "不", "无发热，", "- a\n", "a:\n", "300-", "1. ", "aspirin:\n- 300 mg\n"],
)
def test_no_place_is_looked_at_more_than_a_few_times(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the text is at most about twice the work, counted in cues that are taken."""
    from pytest_medbench.answers import negation

    taken = 0
    take = negation._Scan._take

    def counted(self: negation._Scan, cue: Any) -> None:
        nonlocal taken
        taken += 1
        take(self, cue)

    monkeypatch.setattr(negation._Scan, "_take", counted)
    scored(item(POINTS), unit * (4_000 // len(unit)))
    once, taken = taken, 0
    scored(item(POINTS), unit * (8_000 // len(unit)))
    assert taken <= 2.2 * once + 50
