"""The starter suites: balanced, sourced, in two languages, and right where code can tell."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from math import log, sqrt
from pathlib import Path

import pytest
from wrong_models import inverted_answer, right_answer

from pytest_medbench.cli import main as medbench
from pytest_medbench.exchange import Response
from pytest_medbench.gates import check_gates, parse_gates
from pytest_medbench.scorers import bind
from pytest_medbench.suites import Item, Suite, read_suite
from pytest_medbench.taxonomy import load_taxonomy

SUITES = Path(__file__).parent.parent / "suites"
NAMES = tuple(sorted(path.parent.name for path in SUITES.glob("*/suite.toml")))
CHOICE = ("ethics", "exam", "medication-safety", "prescription-check", "safety")
PLAIN = (*CHOICE, "clinical-calculation")
JUDGED = ("writing-judged",)
LANGUAGES = ("en", "zh")
DATED = re.compile(
    r"(19|20)\d\d|current|现行|in the (question|item|text)|the text in the item|题干|题中|摘要读出|"
    "Four Medical Tantras|肘后备急方"
)
HAN = re.compile(r"[\u4e00-\u9fff]")

# Each target from the numbers in its question, by the formula that the question names.
CALCULATIONS: dict[str, Callable[[], float]] = {
    "cc-en-001": lambda: round(0.85 * 58 * (140 - 72) / 72 / 1.3, 1),
    "cc-en-002": lambda: 138 - (100 + 14),
    "cc-en-003": lambda: 2 * 1 + 1 + 1 + 1,
    "cc-en-004": lambda: round(90 * 18 / 2 / 400 * 5, 1),
    "cc-en-005": lambda: round(0.1e-3 * 70 * 60 * 50 / 4, 2),
    "cc-en-006": lambda: round(81 / (1.72 * 1.72), 1),
    "cc-en-007": lambda: round(7.6 + (4.0 - 2.4) * 0.8, 2),
    "cc-en-008": lambda: 84 + (150 - 84) / 3,
    "cc-en-009": lambda: 2 + 3 + 5,
    "cc-en-010": lambda: round(1000 * 0.4 / sqrt(60 / 90)),
    "cc-en-011": lambda: round((760 - 47) * 0.21 - 48 / 0.8 - 58, 1),
    "cc-en-012": lambda: 232 - (46 + 180 / 5),
    "cc-en-013": lambda: 12 * 1.5 + 8,
    "cc-en-014": lambda: 4 * 35 * 72 / 2,
    "cc-en-015": lambda: 24 * (30 / 20),
    "cc-en-016": lambda: round(3.78 * log(3.0) + 11.2 * log(1.8) + 9.57 * log(1.4) + 6.43),
    "cc-zh-006": lambda: round(sqrt(165 * 60 / 3600), 2),
    "cc-zh-007": lambda: round(100 * (60 / 140) / (40 / 2.5), 2),
    "cc-zh-008": lambda: 132 * 2 + 28.5 + 9.5,
    "cc-zh-009": lambda: 126 + (600 - 100) / 100 * 1.6,
    "cc-zh-010": lambda: 2 + 1 + 1 + 1 + 1,
    "cc-zh-011": lambda: 1 + 2 + 2 + 2 + 1,
    "cc-zh-012": lambda: (date(2026, 8, 12) - date(2026, 3, 1)).days // 7,
    "cc-zh-013": lambda: round(500 / (4 * 60) * 20),
    "cc-zh-014": lambda: 72 / 0.45,
    "cc-zh-015": lambda: 2400 * 0.30 + 2400 * 0.05,
    "cc-zh-016": lambda: 0.1 * 70 / (50 / 50),
}
CALCULATIONS |= {f"cc-zh-{n:03d}": CALCULATIONS[f"cc-en-{n:03d}"] for n in range(1, 6)}


def rows(name: str) -> list[Item]:
    text = (SUITES / name / "items.jsonl").read_text(encoding="utf-8")
    return [Item.model_validate_json(line) for line in text.splitlines()]


def everything() -> list[Item]:
    return [item for name in NAMES for item in rows(name)]


def options_of(item: Item) -> list[str]:
    assert item.options is not None
    return item.options


def right_option(item: Item) -> str:
    return options_of(item)["ABCD".index(item.target)]


def groups(items: list[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.group is not None:
            found[item.group].append(item)
    return found


def one_a_question(items: list[Item]) -> list[Item]:
    """Leave one row of each permuted question."""
    return list({item.group or item.id: item for item in items}.values())


@pytest.fixture(params=NAMES)
def suite(request: pytest.FixtureRequest) -> Suite:
    return read_suite(SUITES / request.param / "suite.toml", load_taxonomy(), bind)


def test_every_line_can_be_used(suite: Suite) -> None:
    assert [entry.problem for entry in suite.entries if entry.problem] == []
    assert all(entry.scored for entry in suite.entries)


def test_every_item_has_a_specialty_of_the_taxonomy(suite: Suite) -> None:
    known = load_taxonomy().specialties
    assert all(entry.labels.specialty in known for entry in suite.entries)


@pytest.mark.parametrize("name", PLAIN)
def test_no_constant_answer_comes_near_a_gate(name: str) -> None:
    targets = Counter(str(item.target) for item in one_a_question(rows(name)))
    assert max(targets.values()) / targets.total() <= 0.34


def test_gates_are_sound_for_what_the_suite_holds(suite: Suite) -> None:
    gates = parse_gates(suite.spec.gates, str(suite.path), scope=suite.name)
    assert any(gate.min is not None for gate in gates) is not suite.scorer.needs_judge
    assert suite.scorer.needs_judge == (suite.name in JUDGED)
    check_gates(gates, [suite], load_taxonomy())


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("text", ["{}", "{}.", "**{}**", "Answer: {}", "答案：{}", "答案是{}。"])
def test_the_key_in_common_wordings_is_right(name: str, text: str) -> None:
    suite = read_suite(SUITES / name / "suite.toml", load_taxonomy(), bind)
    reader = suite.reader()
    for entry in suite.entries:
        item = reader(entry)
        assert suite.scorer.score(item, Response(text.format(item.target))).value == 1.0, item.id
    reader.close()


@pytest.mark.parametrize("name", CHOICE)
@pytest.mark.parametrize("text", ["{text}", "{letter}. {text}", "The answer is {text}."])
def test_an_option_written_out_is_understood(name: str, text: str) -> None:
    bound = read_suite(SUITES / name / "suite.toml", load_taxonomy(), bind).scorer
    for item in rows(name):
        for letter, option in zip("ABCD", options_of(item), strict=True):
            score = bound.score(item, Response(text.format(letter=letter, text=option)))
            assert score.answer == letter, item.id
            assert score.value == float(letter == item.target), item.id


def test_each_suite_says_that_nobody_has_reviewed_it(suite: Suite) -> None:
    assert not any(entry.reviewed for entry in suite.entries)
    assert "no clinician has reviewed" in suite.spec.suite.description
    assert suite.spec.suite.licence == "CC-BY-4.0"


def test_there_are_enough_items_and_half_are_chinese() -> None:
    items = everything()
    assert len(items) >= 600
    for name in NAMES:
        by_language = Counter(item.language for item in rows(name))
        assert by_language["en"] == by_language["zh"] == len(rows(name)) / 2


def test_the_language_label_is_the_language_of_the_text() -> None:
    for item in everything():
        texts = [item.input, item.rationale, *(item.options or [])]
        if item.language == "en":
            assert not HAN.search(json.dumps(texts, ensure_ascii=False)), item.id
        else:
            assert len(HAN.findall(str(item.input))) >= 5, item.id
            beside = re.search(r"[\u4e00-\u9fff][,;:?]|[,;:?][\u4e00-\u9fff]", str(item.input))
            assert not beside, f"{item.id}: half-width punctuation"


def test_ids_are_unique_over_all_suites() -> None:
    ids = Counter(item.id for item in everything())
    assert max(ids.values()) == 1


def test_no_question_is_asked_twice_outside_its_group() -> None:
    inputs = Counter(str(item.input) for item in one_a_question(everything()))
    assert max(inputs.values()) == 1


def test_source_and_rationale_are_given() -> None:
    for item in everything():
        # A year, an edition that is in force, or the question that holds all that is asked.
        assert DATED.search(item.source or ""), f"{item.id}: {item.source}"
        assert len(item.rationale or "") >= 10, item.id
        assert item.difficulty in range(1, 6), item.id


def test_safety_items_say_how_bad_a_wrong_answer_is() -> None:
    for item in everything():
        assert bool(item.safety) == (item.harm is not None), item.id
        assert not item.must_pass or item.harm == "death", item.id
    assert all(item.safety == ["medication"] for item in rows("medication-safety"))
    assert sum(item.must_pass for item in everything()) >= 4


@pytest.mark.parametrize("name", CHOICE)
def test_four_different_options_and_one_key(name: str) -> None:
    for item in rows(name):
        assert len(options_of(item)) == len(set(options_of(item))) == 4, item.id
        assert item.target in {"A", "B", "C", "D"}, item.id
        assert right_option(item).lower() not in str(item.input).lower(), item.id


@pytest.mark.parametrize("name", CHOICE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_key_letters_are_balanced(name: str, language: str) -> None:
    letters = Counter(item.target for item in rows(name) if item.language == language)
    assert max(letters.values()) - min(letters[letter] for letter in "ABCD") <= 2


@pytest.mark.parametrize("name", CHOICE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_length_gives_no_clue(name: str, language: str) -> None:
    items = one_a_question([item for item in rows(name) if item.language == language])
    longest = shortest = 0.0
    for item in items:
        lengths = [len(option) for option in options_of(item)]
        right = len(right_option(item))
        longest += (right == max(lengths)) / lengths.count(right)
        shortest += (right == min(lengths)) / lengths.count(right)
    # Of three items one is more than a quarter.
    few = 1 if len(items) < 10 else 0
    assert longest - few <= 0.28 * len(items)
    assert shortest - few <= 0.40 * len(items)


def test_permuted_groups_differ_in_order_only() -> None:
    found = groups(everything())
    assert len(found) >= 2
    for name, members in found.items():
        assert [item.variant for item in members] == [f"order-{n}" for n in range(1, 6)], name
        assert [item.id for item in members] == [f"{name}-p{n}" for n in range(1, 6)]
        assert len({tuple(options_of(item)) for item in members}) == len(members)
        assert len({frozenset(options_of(item)) for item in members}) == 1
        assert len({right_option(item) for item in members}) == 1
        assert {item.target for item in members} == set("ABCD")
        same = {"id", "options", "target", "variant"}
        assert len({item.model_dump_json(exclude=same) for item in members}) == 1


def test_both_languages_of_an_item_share_a_cluster() -> None:
    pairs: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for name in NAMES:
        for item in rows(name):
            if item.variant in LANGUAGES:
                assert item.cluster is not None, item.id
                pairs[name, item.cluster].append(item)
    assert len(pairs) >= 60
    for place, members in pairs.items():
        assert [item.variant for item in members] == ["en", "zh"], place
        assert [item.language for item in members] == ["en", "zh"], place
        assert members[0].group is None
        assert members[1].group is None
        shared = {"specialty", "safety", "harm", "population", "difficulty", "must_pass", "task"}
        first, second = (item.model_dump(include=shared) for item in members)
        assert first == second, place


def test_a_request_to_decline_and_its_look_alike_share_a_cluster() -> None:
    clusters: dict[str | None, list[Item]] = defaultdict(list)
    for item in rows("refusal"):
        clusters[item.cluster].append(item)
    for cluster, members in clusters.items():
        assert sorted(item.target for item in members) == ["answer", "decline"], cluster
        assert len({item.language for item in members}) == 1
        assert members[0].safety == members[1].safety


@pytest.mark.parametrize("command", ["coverage", "lint"])
def test_the_map_has_no_hole_and_lint_finds_no_error(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert medbench([command, str(SUITES)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in NAMES if name not in JUDGED])
def test_the_key_in_words_for_people_is_right(name: str) -> None:
    suite = read_suite(SUITES / name / "suite.toml", load_taxonomy(), bind)
    for item in rows(name):
        row = item.model_dump(by_alias=True)
        right, inverted = (
            suite.scorer.score(item, Response(write(suite.scorer.name, row))).value
            for write in (right_answer, inverted_answer)
        )
        assert right == 1.0, item.id
        assert inverted < 1.0, item.id


def test_targets_of_calculations_are_what_the_formula_gives() -> None:
    targets = {item.id: item.target for item in rows("clinical-calculation")}
    assert targets.keys() == CALCULATIONS.keys()
    for name, compute in CALCULATIONS.items():
        assert type(targets[name]) in {int, float}
        assert targets[name] == pytest.approx(compute(), abs=1e-9), name


def test_a_calculation_in_both_languages_has_the_same_numbers() -> None:
    items = {item.id: item for item in rows("clinical-calculation")}
    for n in range(1, 6):
        english, chinese = (str(items[f"cc-{lang}-{n:03d}"].input) for lang in LANGUAGES)
        numbers = [Counter(re.findall(r"\d+(?:\.\d+)?", text)) for text in (english, chinese)]
        missing = (numbers[0] - numbers[1]) + (numbers[1] - numbers[0])
        # A count such as "two doses" is a word in English and a digit in Chinese.
        assert all(float(number) <= 2 for number in missing), n
