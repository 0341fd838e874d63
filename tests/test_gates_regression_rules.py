"""Gates against what was accepted, as they are written."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import Any

import pytest
from made_suites import answer, entries, suite

from pytest_medbench.errors import ConfigError
from pytest_medbench.gates import Circumstances, Gate, Verdict, check_gates, decide, parse_gates
from pytest_medbench.taxonomy import load_taxonomy

PLACE = "medbench.toml [gates]"


def parse(text: str, scope: str | None = None) -> list[Gate]:
    return parse_gates(tomllib.loads(text), PLACE, scope=scope)


def test_max_drop_alone_is_a_gate() -> None:
    (gate,) = parse('"specialty.*" = { max_drop = 0.02 }')
    assert (gate.max_drop, gate.min, gate.max_wrong, gate.min_items) == (0.02, None, None, 10)


def test_settings_of_the_comparison_stand_beside_the_gates() -> None:
    (gate,) = parse("max_blind = 0.1\nignore_below = 0\nalpha = 0.02")
    assert gate.settings
    assert (gate.max_blind, gate.ignore_below, gate.alpha) == (0.1, 0, 0.02)
    assert not any(gate.settings for gate in parse("overall = 0.5"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("overall.max_drop = 2", "0.02 is 2 points"),
        ("overall.max_drop = 0", "0.02 is 2 points"),
        ("overall.max_drop = '2 %'", "0.02 is 2 points"),
        ("overall.max_dropp = 0.02", "did you mean 'max_drop'"),
        ("overall = { max_drop = 0.02, alpha = 0.5 }", "at most 0.2"),
        ("overall = { min = 0.5, alpha = 0.05 }", "error of a max_drop"),
        ("overall = { min = 0.5, max_blind = 0.05 }", "unknown option 'max_blind'"),
        ("overall.ignore_below = -0.1", "half a point"),
        ("max_blind = 5", "0.02 is 2 points"),
        ("max_blid = 0.05", "did you mean 'max_blind'"),
        ("alpha = true", "at most 0.2"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        parse(text)


def test_settings_in_a_suite_are_refused() -> None:
    with pytest.raises(ConfigError, match="write it in the user's gates"):
        parse("max_blind = 0.1", scope="exam")


def test_gates_survive_the_plan() -> None:
    gates = parse("max_blind = 0.1\noverall = { max_drop = 0.02, alpha = 0.01 }")
    assert [Gate(**dataclasses.asdict(gate)) for gate in gates] == gates


def test_settings_and_margins_pass_the_check_before_the_first_request() -> None:
    exam = suite(entries(20, specialty="internal_medicine"))
    gates = parse('max_blind = 0.1\n"specialty.*" = { max_drop = 0.02 }\noverall.max_drop = 0.02')
    check_gates(gates, [exam], load_taxonomy())
    with pytest.raises(ConfigError, match="no taxonomy"):
        check_gates(parse('"specialty.nonsense".max_drop = 0.1'), [exam], load_taxonomy())


def test_settings_alone_are_no_gate() -> None:
    exam = suite(entries(20))
    selected = {"exam": {each.id for each in exam.entries}}
    gates = parse("max_blind = 0.1")
    decision = decide([exam], selected, answer(exam, "c"), gates, Circumstances())
    assert (decision.verdicts, decision.exit_status) == ((), 10)


def test_margin_of_a_run_that_was_compared_with_nothing_is_inconclusive() -> None:
    exam = suite(entries(20))
    selected = {"exam": {each.id for each in exam.entries}}
    gates: Any = parse("overall.max_drop = 0.1")
    decision = decide([exam], selected, answer(exam, "c"), gates, Circumstances())
    assert [each.verdict for each in decision.verdicts] == [Verdict.INCONCLUSIVE]
    assert decision.exit_status == 10
