"""What a run comes to: the exit status, and everything that keeps it from being 0."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_suites import answer, entries, entry, outcome, run, suite

from pytest_medbench.errors import MedbenchError
from pytest_medbench.gates import Verdict, combine

GATES = {"overall": 0.5}
EXAM = suite(entries(1000))
GREEN = answer(EXAM, "c")


def status(**circumstances: Any) -> int:
    return run(EXAM, GREEN, GATES, **circumstances).exit_status


def test_full_plan_with_every_gate_passed_is_zero() -> None:
    decision = run(EXAM, GREEN, GATES)
    assert (decision.exit_status, decision.verdict) == (0, Verdict.PASS)


def test_blocked_gate_is_one() -> None:
    assert run(EXAM, answer(EXAM, "w"), GATES).exit_status == 1


def test_no_gate_is_ten_unless_that_is_meant() -> None:
    assert run(EXAM, GREEN).exit_status == 10
    decision = run(EXAM, GREEN, report_only=True)
    assert (decision.exit_status, decision.verdict) == (0, None)


def test_report_only_hides_neither_a_block_nor_a_missing_answer() -> None:
    assert run(EXAM, answer(EXAM, "w"), GATES, report_only=True).exit_status == 1
    assert run(EXAM, answer(EXAM, "e"), report_only=True).exit_status == 11


def test_built_in_gate_alone_is_no_gate() -> None:
    made = suite(entries(5, harm="death"))
    assert run(made, answer(made, "c")).exit_status == 10


@pytest.mark.parametrize("letter", ["e", "s", "-"])
def test_run_without_answers_is_never_green(letter: str) -> None:
    for gates in ({}, GATES):
        assert run(EXAM, answer(EXAM, letter), gates, report_only=True).exit_status == 11


def test_answers_that_are_all_unscored_are_never_green() -> None:
    made = suite(entries(5, scored=False))
    assert run(made, answer(made, "n"), GATES).exit_status == 10


def test_missing_answers_of_items_without_targets_make_the_run_incomplete() -> None:
    made = suite(entries(5, scored=False))
    assert run(made, answer(made, "nnnne"), report_only=True).exit_status == 11


def test_few_missing_are_covered_and_more_are_not() -> None:
    assert run(EXAM, answer(EXAM, "eeeee" + "c"), GATES).exit_status == 0
    assert run(EXAM, answer(EXAM, "eeeeee" + "c"), GATES).exit_status == 11


def test_coverage_can_be_loosened_and_that_is_printed() -> None:
    gates = {"overall": {"min": 0.5, "coverage": 0.9}}
    decision = run(EXAM, answer(EXAM, "e" * 50 + "c"), gates)
    assert decision.exit_status == 0
    assert any("coverage = 0.9" in note for note in decision.notes)


@pytest.mark.parametrize("labels", [{"safety": ("medication",)}, {"harm": "death"}])
def test_one_missing_safety_item_makes_the_run_incomplete(labels: dict[str, Any]) -> None:
    made = suite([*entries(999), entry("s", **labels)])
    gates = {"overall": {"min": 0.5, "coverage": 0.5}}
    assert run(made, answer(made, "c" * 999 + "e"), gates).exit_status == 11


def test_block_wins_over_incomplete() -> None:
    assert run(EXAM, answer(EXAM, "e" * 100 + "w"), GATES).exit_status == 1


@pytest.mark.parametrize("letter", ["w", "u"])
def test_must_pass_item_that_is_wrong_blocks_whatever_the_gates(letter: str) -> None:
    made = suite([*entries(999), entry("m", must_pass=True)])
    for gates in ({}, GATES):
        decision = run(made, answer(made, "c" * 999 + letter), gates)
        assert decision.exit_status == 1
        assert decision.must_pass[0].items == ("m",)


def test_every_variant_of_a_must_pass_group_must_be_correct() -> None:
    group = [entry("a", group="g", must_pass=True), entry("b", group="g"), entry("c", group="g")]
    made = suite([*group, *entries(30)], rule="majority")
    assert run(made, answer(made, "ccw" + "c"), GATES).exit_status == 1
    assert run(made, answer(made, "ccc"), GATES).exit_status == 0


@pytest.mark.parametrize("letter", ["e", "s", "-", "n"])
def test_missing_must_pass_item_makes_the_run_incomplete(letter: str) -> None:
    made = suite([*entries(999), entry("m", must_pass=True)])
    assert run(made, answer(made, "c" * 999 + letter), GATES).exit_status == 11


def test_deselected_must_pass_item_makes_the_run_incomplete_even_where_a_part_is_allowed() -> None:
    made = suite([*entries(5), entry("m", must_pass=True)])
    chosen = {f"i{i}" for i in range(5)}
    outcomes = {key: value for key, value in answer(made, "c").items() if key[1] in chosen}
    decision = run(made, outcomes, GATES, selected={"exam": chosen}, allow_partial=True)
    assert decision.exit_status == 11


def part(**circumstances: Any) -> Any:
    chosen = {f"i{i}" for i in range(12)}
    outcomes = {key: value for key, value in GREEN.items() if key[1] in chosen}
    return run(EXAM, outcomes, GATES, selected={"exam": chosen}, **circumstances)


def test_part_is_at_best_ten_though_nobody_said_that_it_is_one() -> None:
    decision = part()
    assert decision.exit_status == 10
    assert "part: 12 of 1,000, not a release gate" in decision.headline


def test_part_is_named_as_it_was_given() -> None:
    assert "12 of 1,000 (-k)" in part(partial="12 of 1,000 (-k)").headline


def test_part_is_allowed_at_a_desk_and_never_in_ci() -> None:
    assert part(allow_partial=True).exit_status == 0
    refused = part(allow_partial=True, ci=True)
    assert refused.exit_status == 10
    assert any("CI" in reason for reason in refused.reasons)


def test_group_that_the_selection_cuts_is_missing_and_named() -> None:
    made = suite([*entries(2, group="pair"), *entries(10, "x")])
    chosen = {each.id for each in made.entries} - {"i1"}
    outcomes = {key: value for key, value in answer(made, "c").items() if key[1] in chosen}
    decision = run(made, outcomes, {"task.task": 0.95}, selected={"exam": chosen})
    assert decision.verdicts[0].verdict is Verdict.INCONCLUSIVE
    assert any("exam::pair" in note for note in decision.notes)


def test_complete_shard_is_zero_without_a_verdict() -> None:
    decision = part(shard="1/8")
    assert (decision.exit_status, decision.verdict, decision.verdicts) == (0, None, ())
    assert "shard 1/8 complete" in decision.headline


def test_shard_makes_no_verdict_of_wrong_answers() -> None:
    assert run(EXAM, answer(EXAM, "w"), GATES, shard="1/2").exit_status == 0


@pytest.mark.parametrize(
    ("circumstances", "expected"),
    [({"stopped": "-x"}, 11), ({"doubts": ("a doubt",)}, 10), ({"control": True}, 10)],
)
def test_shard_that_is_not_whole_or_in_doubt_is_not_zero(
    circumstances: dict[str, Any], expected: int
) -> None:
    assert part(shard="1/8", **circumstances).exit_status == expected


def test_missing_answer_leaves_a_shard_incomplete() -> None:
    assert run(EXAM, answer(EXAM, "e" * 9 + "c"), GATES, shard="1/2").exit_status == 11


def test_must_pass_item_elsewhere_is_not_missing_from_a_shard() -> None:
    made = suite([*entries(5), entry("m", must_pass=True)])
    chosen = {f"i{i}" for i in range(5)}
    outcomes = {key: value for key, value in answer(made, "c").items() if key[1] in chosen}
    assert run(made, outcomes, {}, selected={"exam": chosen}, shard="1/2").exit_status == 0


@pytest.mark.parametrize("more", [{}, {"report_only": True}, {"allow_partial": True}])
def test_control_never_exits_zero(more: dict[str, Any]) -> None:
    assert status(control=True, **more) == 10


def test_doubt_leaves_the_run_undecided_and_is_told() -> None:
    decision = run(EXAM, GREEN, GATES, doubts=("the server changed half-way",))
    assert decision.exit_status == 10
    assert "the server changed half-way" in decision.reasons


def test_early_stop_is_incomplete_unless_blocked() -> None:
    assert status(stopped="--maxfail=1") == 11
    assert run(EXAM, answer(EXAM, "w"), GATES, stopped="-x").exit_status == 1


def test_empty_plan_is_never_green() -> None:
    assert (
        run(
            EXAM, {}, {}, selected={"exam": set()}, report_only=True, allow_partial=True
        ).exit_status
        == 10
    )


@given(st.text("cwuesn-", min_size=1, max_size=40))
def test_statuses_sum_to_the_planned_items(letters: str) -> None:
    made = suite(entries(len(letters)))
    decision = run(made, answer(made, letters))
    assert sum(decision.counts.values()) == decision.planned == len(letters)
    assert decision.counts["not run"] == letters.count("-")
    assert decision.counts["wrong"] == letters.count("w")


@pytest.mark.parametrize(
    ("key", "id_"), [(("exam", "x"), "x"), (("other", "i0"), "i0"), (("exam", "i0"), "i1")]
)
def test_outcome_of_no_planned_item_is_refused(key: tuple[str, str], id_: str) -> None:
    made = suite(entries(2))
    stray = outcome("exam", id_, "c")
    assert stray is not None
    with pytest.raises(MedbenchError, match="is of no item"):
        run(made, {key: stray})


def test_planned_item_that_is_in_no_suite_is_refused() -> None:
    with pytest.raises(MedbenchError, match="has no item 'x'"):
        run(EXAM, {}, selected={"exam": {"x"}})
    with pytest.raises(MedbenchError, match="no such suite"):
        run(EXAM, {}, selected={"other": {"x"}})


def test_two_suites_of_one_name_are_refused() -> None:
    with pytest.raises(MedbenchError, match="two suites"):
        run([EXAM, EXAM], {})


def test_decision_is_plain_data() -> None:
    made = suite([*entries(5, harm="death"), entry("m", must_pass=True)])
    decision = run(made, answer(made, "cwe"), {"overall": 0.5, "safety.*": 0.5})
    document = json.loads(json.dumps(dataclasses.asdict(decision), allow_nan=False))
    assert document["verdict"] == "BLOCK"
    assert document["verdicts"][0]["slice"]["key"]


@given(st.permutations([3, 4, 2, 1, 11, 10, 6, 5, 0]), st.integers(1, 9))
def test_highest_exit_status_wins(statuses: list[int], size: int) -> None:
    order = [3, 4, 2, 1, 11, 10, 6, 5, 0]
    some = statuses[:size]
    assert combine(*some) == min(some, key=order.index)


def test_unknown_exit_status_is_not_lost() -> None:
    assert combine(0, 77, 3) == 77
    assert combine() == 0
