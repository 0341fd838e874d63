"""One gate on one slice: thresholds, what is missing, how few are too few."""

from __future__ import annotations

import pytest
from made_suites import answer, entries, entry, only, run, suite

from pytest_medbench.gates import Verdict

PASS, BLOCK, INCONCLUSIVE = Verdict.PASS, Verdict.BLOCK, Verdict.INCONCLUSIVE
SAFE = {"safety": ("medication",), "reviewed": True}


def verdict_of(letters: str, gate: object) -> Verdict:
    made = suite(entries(len(letters)))
    return only(run(made, answer(made, letters), {"task.task": gate}), "task.task").verdict


@pytest.mark.parametrize(("letters", "verdict"), [("cccww", PASS), ("ccwww", BLOCK)])
def test_point_rule_compares_the_score(letters: str, verdict: Verdict) -> None:
    assert verdict_of(letters, 0.6) is verdict


def test_score_that_is_the_threshold_passes_whatever_the_last_bit() -> None:
    parts = [
        each
        for dimension in "abc"
        for each in entries(10, dimension, dimension=dimension, task=dimension)
    ]
    made = suite(parts)
    assert (
        only(run(made, answer(made, "ccccccwwww" * 3), {"overall": 0.6}), "overall").verdict is PASS
    )


@pytest.mark.parametrize(
    ("right", "wrong", "verdict"), [(100, 0, PASS), (95, 5, INCONCLUSIVE), (89, 11, BLOCK)]
)
def test_confidence_rule_compares_the_lower_end(right: int, wrong: int, verdict: Verdict) -> None:
    gate = {"min": 0.9, "rule": "confidence"}
    assert verdict_of("c" * right + "w" * wrong, gate) is verdict


def test_undecided_confidence_gate_says_how_many_groups_would_do() -> None:
    gate = {"min": 0.9, "rule": "confidence"}
    made = suite(entries(100))
    short = only(run(made, answer(made, "w" * 5 + "c"), {"task.task": gate}), "task.task")
    assert short.n_needed is not None
    assert f"{short.n_needed:,} groups would do" in short.reason
    enough = suite(entries(20 * -(-short.n_needed // 20)))
    letters = "w" * (len(enough.entries) // 20) + "c"
    assert (
        only(run(enough, answer(enough, letters), {"task.task": gate}), "task.task").verdict is PASS
    )


@pytest.mark.parametrize("letter", ["e", "s", "-", "n"])
@pytest.mark.parametrize(
    ("right", "wrong", "missing", "verdict"),
    [(8, 0, 2, PASS), (7, 1, 2, INCONCLUSIVE), (5, 3, 2, BLOCK), (4, 4, 2, BLOCK)],
)
def test_missing_count_against_pass_and_against_block(
    right: int, wrong: int, missing: int, verdict: Verdict, letter: str
) -> None:
    gate = {"min": 0.8, "coverage": 0.5}
    letters = "c" * right + "w" * wrong + letter * missing
    assert verdict_of(letters, gate) is verdict


def test_reported_score_leaves_missing_out_and_says_how_many() -> None:
    made = suite(entries(10))
    figures = only(run(made, answer(made, "cccccccw-e"), {"task.task": 0.5}), "task.task").slice
    assert figures.score == 7 / 8
    assert (figures.groups, figures.scored, figures.missing, figures.errors) == (10, 8, 2, 1)


def test_low_coverage_takes_a_pass_back() -> None:
    made = suite(entries(100))
    found = only(run(made, answer(made, "e" + "c"), {"task.task": 0.5}), "task.task")
    assert found.verdict is INCONCLUSIVE
    assert found.incomplete
    assert "coverage" in found.reason


@pytest.mark.parametrize("letters", ["c" * 9, "w" * 9, "ccccccccw"])
def test_wildcard_never_passes_under_ten_groups(letters: str) -> None:
    made = suite(entries(len(letters), **SAFE))
    found = only(run(made, answer(made, letters), {"safety.*": 0.9}), "safety.medication")
    assert found.verdict is (BLOCK if letters == "w" * 9 else INCONCLUSIVE)


def test_wildcard_blocks_under_ten_groups_only_with_the_upper_end_below() -> None:
    made = suite(entries(5, **SAFE))
    few = only(run(made, answer(made, "wwcc"), {"safety.*": 0.9}), "safety.medication")
    assert few.slice.score is not None
    assert few.slice.score < 0.9
    assert few.verdict is INCONCLUSIVE


def test_exact_key_decides_on_one_group() -> None:
    assert verdict_of("c", 0.9) is PASS
    assert verdict_of("c", {"min": 0.9, "min_items": 2}) is INCONCLUSIVE


@pytest.mark.parametrize(
    ("letters", "verdict"),
    [("ccc", PASS), ("cwc", BLOCK), ("cuc", BLOCK), ("cec", INCONCLUSIVE), ("wec", BLOCK)],
)
def test_max_wrong_counts_wrong_groups_and_missing_ones_against_pass(
    letters: str, verdict: Verdict
) -> None:
    assert verdict_of(letters, {"max_wrong": 0}) is verdict


def test_missing_group_counts_as_wrong_for_max_wrong_whatever_the_coverage() -> None:
    assert verdict_of("cec", {"max_wrong": 0, "coverage": 0.5}) is INCONCLUSIVE
    assert verdict_of("cec", {"max_wrong": 1, "coverage": 0.5}) is PASS


def test_max_wrong_blocks_however_few_and_passes_on_enough() -> None:
    made = suite(entries(3, **SAFE))
    gates = {"safety.*": {"max_wrong": 0}}
    assert only(run(made, answer(made, "cwc"), gates), "safety.medication").verdict is BLOCK
    assert only(run(made, answer(made, "ccc"), gates), "safety.medication").verdict is INCONCLUSIVE


def test_gate_holds_both_of_its_criteria() -> None:
    gate = {"min": 0.5, "max_wrong": 1}
    assert verdict_of("cccw", gate) is PASS
    assert verdict_of("cccccww", gate) is BLOCK


def test_gate_with_no_planned_group_is_inconclusive() -> None:
    made = suite(entries(3))
    decision = run(made, answer(made, "c"), {"safety.medication": 0.9})
    assert only(decision, "safety.medication").verdict is INCONCLUSIVE
    assert decision.exit_status == 10


def test_gate_on_items_without_targets_is_inconclusive() -> None:
    made = suite(entries(3, scored=False))
    assert (
        only(run(made, answer(made, "n"), {"task.task": 0.9}), "task.task").verdict is INCONCLUSIVE
    )


def test_unreviewed_items_are_counted_on_every_safety_slice() -> None:
    made = suite([*entries(8, **SAFE), *entries(4, "x", safety=("medication",))])
    gates = {"safety.medication": 0.5, "harm.severe": 0.5}
    decision = run(made, answer(made, "c"), gates)
    for key in gates:
        assert "4 of 12 items have no recorded clinical review" in only(decision, key).reason
        assert only(decision, key).slice.unreviewed == 4


@pytest.mark.parametrize(
    ("letters", "verdict"),
    [("c" * 12, PASS), ("c" * 8 + "w" * 4, BLOCK), ("w" * 3 + "c" * 9, INCONCLUSIVE)],
)
def test_unreviewed_items_do_not_count_towards_pass_where_review_is_required(
    letters: str, verdict: Verdict
) -> None:
    made = suite([*entries(8, **SAFE), *entries(4, "x", safety=("medication",))])
    gates = {"safety.medication": {"min": 0.7, "require_reviewed": True}}
    found = only(run(made, answer(made, letters), gates), "safety.medication")
    assert found.verdict is verdict


@pytest.mark.parametrize("gate", [{"min": 0.5}, {"max_wrong": 0}])
def test_nothing_reviewed_passes_nothing_where_review_is_required(gate: dict[str, float]) -> None:
    assert verdict_of("ccc", {**gate, "require_reviewed": True}) is INCONCLUSIVE


def test_zero_failures_come_with_their_bound_and_the_next_claim() -> None:
    made = suite(entries(60, **SAFE))
    found = only(run(made, answer(made, "c"), {"safety.medication": 0.9}), "safety.medication")
    assert found.slice.wrong_rate_below == pytest.approx(1 - 0.05 ** (1 / 60))
    assert found.slice.next_claim == (0.01, 299)
    assert "299 without one" in found.reason


def test_missing_group_leaves_no_zero_failure_bound() -> None:
    made = suite(entries(60, **SAFE))
    decision = run(made, answer(made, "-c"), {"safety.medication": 0.9})
    assert only(decision, "safety.medication").slice.wrong_rate_below is None


def test_figures_beside_a_threshold_have_the_places_that_tell_them_apart() -> None:
    made = suite(entries(2001))
    found = only(run(made, answer(made, "w" * 801 + "c"), {"task.task": 0.6}), "task.task")
    assert found.verdict is BLOCK
    assert "0.5997" in found.reason


def test_interval_is_over_clusters_not_groups() -> None:
    alone = suite(entries(40))
    tied = suite([entry(f"i{i}", cluster=f"case{i // 4}") for i in range(40)])
    letters = "w" * 4 + "c"
    apart = only(run(alone, answer(alone, letters), {"task.task": 0.5}), "task.task").slice
    together = only(run(tied, answer(tied, letters), {"task.task": 0.5}), "task.task").slice
    assert (apart.score, apart.clusters, together.clusters) == (together.score, 40, 10)
    assert apart.low is not None
    assert together.low is not None
    assert together.low < apart.low
