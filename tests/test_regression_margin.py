"""`max_drop`: it must be shown that there is no drop over the margin."""

from __future__ import annotations

from typing import Any

import pytest
from accepted import accept, against, held
from made_suites import answer, entries, only, suite

from pytest_medbench.gates import GateVerdict, Verdict
from pytest_medbench.stats import PairedPart, weighted_difference


def drop(number: int, lost: int, gained: int = 0, *, missing: int = 0, **gate: Any) -> GateVerdict:
    """Hold so many pairs against a margin of two points, or another."""
    exam = suite(entries(number, specialty="surgery"))
    old = "c" * lost + "w" * gained + "c" * (number - lost - gained)
    new = "w" * lost + "c" * gained + "e" * missing + "c" * (number - lost - gained - missing)
    gates = {"specialty.surgery": {"max_drop": 0.02, **gate}}
    _, decision = held(exam, answer(exam, new), against(accept(exam, old)), gates=gates)
    return only(decision, "specialty.surgery")


@pytest.mark.parametrize(
    ("number", "lost", "gained", "verdict"),
    [
        (1000, 0, 0, Verdict.PASS),
        (1000, 5, 5, Verdict.PASS),
        (50, 0, 0, Verdict.INCONCLUSIVE),
        (1000, 20, 10, Verdict.INCONCLUSIVE),
        (1000, 40, 0, Verdict.BLOCK),
        (400, 9, 0, Verdict.BLOCK),
        (400, 3, 0, Verdict.PASS),
        (2000, 16, 0, Verdict.PASS),
    ],
)
def test_margin(number: int, lost: int, gained: int, verdict: Verdict) -> None:
    assert drop(number, lost, gained).verdict is verdict


@pytest.mark.parametrize("lost", range(0, 40, 3))
def test_figure_and_verdict_agree(lost: int) -> None:
    low, _ = weighted_difference([PairedPart(1.0, lost, 5, 700)], 0.95)
    assert (drop(700, lost, 5).verdict is Verdict.PASS) is (low > -0.02)


def test_undecided_margin_says_how_many_pairs_would_do() -> None:
    found = drop(100, 1, 1)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.n_needed is not None
    assert f"{found.n_needed:,} pairs would do" in found.reason
    times = -(-found.n_needed // 100)
    assert drop(100 * times, times, times).verdict is Verdict.PASS


def test_missing_counts_as_wrong_for_pass_and_right_for_block() -> None:
    assert drop(1000, 0, missing=12).verdict is Verdict.INCONCLUSIVE
    assert drop(1000, 0, missing=4).verdict is Verdict.PASS
    assert drop(1000, 40, missing=4).verdict is Verdict.BLOCK


def test_missing_under_the_coverage_floor_is_no_pass() -> None:
    found = drop(1000, 0, missing=6)
    assert (found.verdict, found.incomplete) == (Verdict.INCONCLUSIVE, True)


def test_few_groups_never_pass() -> None:
    assert drop(9, 0, min_items=10, max_drop=0.5).verdict is Verdict.INCONCLUSIVE
    assert drop(10, 0, min_items=10, max_drop=0.5).verdict is Verdict.PASS


def test_larger_error_passes_sooner_and_is_printed() -> None:
    assert drop(120, 0).verdict is Verdict.INCONCLUSIVE
    assert drop(120, 0, alpha=0.2).verdict is Verdict.PASS
    exam = suite(entries(120))
    gates = {"overall": {"max_drop": 0.02, "alpha": 0.2}}
    _, decision = held(exam, answer(exam, "c"), against(accept(exam, "c")), gates=gates)
    assert any("alpha = 0.2" in note and "loosens" in note for note in decision.notes)


def test_margin_takes_the_place_of_the_default_rule_on_its_slice() -> None:
    exam = suite(entries(2000))
    outcomes, accepted = answer(exam, "w" * 20 + "c"), against(accept(exam, "c"))
    assert held(exam, outcomes, accepted)[1].exit_status == 1
    gates = {"overall": {"max_drop": 0.05}}
    assert held(exam, outcomes, accepted, gates=gates)[1].exit_status == 0


def test_wildcard_holds_on_every_specialty() -> None:
    exam = suite([*entries(400, specialty="a"), *entries(400, "j", specialty="b")])
    gates = {"specialty.*": {"max_drop": 0.02}, "specialty.b": {"max_drop": 0.2}}
    _, decision = held(
        exam, answer(exam, "c" * 400 + "w" * 40 + "c"), against(accept(exam, "c")), gates=gates
    )
    assert only(decision, "specialty.a").verdict is Verdict.PASS
    assert only(decision, "specialty.b").verdict is Verdict.PASS
    assert any("loosens specialty.*: max_drop = 0.02" in note for note in decision.notes)


def test_threshold_and_margin_of_one_gate_both_hold() -> None:
    exam = suite(entries(400))
    gates = {"overall": {"min": 0.9, "max_drop": 0.02}}
    _, decision = held(
        exam, answer(exam, "w" * 80 + "c"), against(accept(exam, "w" * 80 + "c")), gates=gates
    )
    verdicts = {(each.gate.min, each.gate.max_drop): each.verdict for each in decision.verdicts}
    assert verdicts == {(0.9, None): Verdict.BLOCK, (None, 0.02): Verdict.PASS}


def test_gate_of_a_suite_is_held_within_it() -> None:
    one, two = suite(entries(400)), suite(entries(400, "j"), "two")
    outcomes = {**answer(one, "c"), **answer(two, "w" * 40 + "c")}
    accepted = against(accept(one, "c"), accept(two, "c"))
    _, decision = held(
        [one, two],
        outcomes,
        accepted,
        by_suite={"exam": {"overall": {"max_drop": 0.02}}, "two": {"overall": {"max_drop": 0.02}}},
    )
    verdicts = {each.gate.scope: each.verdict for each in decision.verdicts}
    assert verdicts == {"exam": Verdict.PASS, "two": Verdict.BLOCK}


def test_margin_without_any_baseline_yet_is_not_decided() -> None:
    exam = suite(entries(400))
    gates = {"overall": {"max_drop": 0.02}}
    _, decision = held(exam, answer(exam, "c"), gates=gates)
    assert (decision.verdicts, decision.exit_status) == ((), 10)
    _, decision = held(exam, answer(exam, "c"), gates={"overall": {"min": 0.5, "max_drop": 0.02}})
    assert decision.exit_status == 0


def test_margin_against_a_baseline_that_is_not_found_is_inconclusive() -> None:
    exam = suite(entries(400))
    _, decision = held(
        exam,
        answer(exam, "c"),
        against(problems=["no baseline 'odl'"]),
        gates={"overall": {"max_drop": 0.02}},
    )
    assert only(decision, "overall").verdict is Verdict.INCONCLUSIVE


def test_reviewed_groups_alone_must_hold_where_the_gate_says_so() -> None:
    exam = suite([*entries(400), *entries(20, "r", reviewed=True)])
    gate = {"max_drop": 0.02, "require_reviewed": True}
    _, decision = held(exam, answer(exam, "c"), against(accept(exam, "c")), gates={"overall": gate})
    assert "recorded clinical review" in only(decision, "overall").reason
    assert only(decision, "overall").verdict is Verdict.INCONCLUSIVE


def test_part_that_only_a_judge_can_score_is_no_pass_by_itself() -> None:
    exam = suite(entries(400))
    essays = suite(entries(10, "e"), "essays", needs_judge=True)
    outcomes = {**answer(exam, "c"), **answer(essays, "n")}
    accepted = against(accept(exam, "c"), accept(essays, "n"))
    for gate, verdict in (
        ({"max_drop": 0.02}, Verdict.INCONCLUSIVE),
        ({"max_drop": 0.02, "scored_part": True}, Verdict.PASS),
    ):
        _, decision = held([exam, essays], outcomes, accepted, gates={"overall": gate})
        assert only(decision, "overall").verdict is verdict
