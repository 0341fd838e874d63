"""Slices: which groups are in, how means are made, which gates hold."""

from __future__ import annotations

import pytest
from made_suites import answer, entries, entry, only, run, suite

from pytest_medbench.gates import Verdict

PASS, BLOCK, INCONCLUSIVE = Verdict.PASS, Verdict.BLOCK, Verdict.INCONCLUSIVE
SAFE = {"safety": ("medication",)}


def test_overall_is_the_mean_of_dimensions_of_tasks() -> None:
    made = suite(
        [
            *entries(100, "a", task="big", dimension="knowledge"),
            *entries(2, "b", task="small", dimension="knowledge"),
            *entries(4, "c", task="other", dimension="safety"),
        ]
    )
    decision = run(made, answer(made, "c" * 100 + "ww" + "ccww"), {"overall": 0.1})
    scores = {each.key: each.score for each in decision.slices}
    assert scores["dimension.knowledge"] == 0.5
    assert scores["overall"] == 0.5
    assert scores["track.llm"] == 0.5
    assert scores["suite.exam"] == pytest.approx(102 / 106)


def test_score_lies_inside_its_interval_on_every_slice() -> None:
    items = [
        entry(f"i{i}", cluster=f"c{i % 7 * (i % 3)}", task=f"t{i % 5}", dimension=f"d{i % 2}")
        for i in range(60)
    ]
    made = suite(items)
    for found in run(made, answer(made, "cwccu" * 12)).slices:
        assert found.low is not None
        assert found.score is not None
        assert found.high is not None
        assert found.low <= found.score <= found.high
        assert found.low < found.high


def test_tasks_that_share_clusters_have_the_wider_interval() -> None:
    def low(shared: bool) -> float:
        items = [
            entry(f"{task}{i}", cluster=f"{'' if shared else task}{i}", task=task)
            for task in ("a", "b")
            for i in range(20)
        ]
        made = suite(items)
        found = only(run(made, answer(made, "cccw" * 10), {"overall": 0.1}), "overall").slice.low
        assert found is not None
        return found

    assert low(shared=True) < low(shared=False)


def test_task_without_a_score_makes_overall_inconclusive_and_never_leaves_the_mean() -> None:
    made = suite([*entries(300, "a"), *entries(1, "b", task="gone", dimension="other")])
    gates = {"overall": {"min": 0.4, "coverage": 0.5}, "dimension.other": 0.4}
    decision = run(made, answer(made, "c" * 300 + "e"), gates)
    assert only(decision, "overall").verdict is INCONCLUSIVE
    assert only(decision, "overall").slice.score is None
    assert only(decision, "dimension.other").verdict is INCONCLUSIVE


def test_task_without_targets_makes_overall_inconclusive() -> None:
    made = suite([*entries(5, "a"), *entries(5, "b", task="open", scored=False)])
    outcomes = answer(made, "cccccnnnnn")
    assert only(run(made, outcomes, {"overall": 0.4}), "overall").verdict is INCONCLUSIVE
    found = only(run(made, outcomes, {"overall": {"min": 0.4, "scored_part": True}}), "overall")
    assert found.verdict is PASS
    assert "without 1 task" in found.slice.title


def test_specialty_wildcard_covers_primaries_with_their_secondaries() -> None:
    made = suite(
        [
            *entries(6, "a", specialty="internal/cardiology"),
            *entries(6, "b", specialty="internal"),
            *entries(40, "c", specialty="surgery/cardiac"),
        ]
    )
    keys = [each.slice.key for each in run(made, {}, {"specialty.*": 0.4}).verdicts]
    assert sorted(keys) == ["specialty.internal", "specialty.surgery"]
    nested = run(made, {}, {"specialty.*/*": 0.4})
    assert [each.slice.key for each in nested.verdicts] == ["specialty.surgery/cardiac"]
    assert any("under 30 groups" in note for note in nested.notes)


def test_small_secondary_has_a_verdict_where_a_gate_names_it() -> None:
    made = suite(entries(6, specialty="internal/cardiology"))
    gates = {"specialty.internal/cardiology": 0.4}
    decision = run(made, answer(made, "c"), gates)
    assert only(decision, "specialty.internal/cardiology").verdict is PASS


def test_wildcard_of_small_secondaries_only_is_not_green() -> None:
    made = suite(entries(6, specialty="internal/cardiology"))
    assert run(made, answer(made, "c"), {"specialty.*/*": 0.4}).exit_status == 10


def test_missing_answers_do_not_make_a_secondary_too_small_for_its_verdict() -> None:
    made = suite(entries(30, specialty="internal/cardiology"))
    decision = run(made, answer(made, "w" * 29 + "e"), {"specialty.*/*": 0.4})
    assert only(decision, "specialty.internal/cardiology").verdict is BLOCK


def test_items_without_a_specialty_are_held_to_the_wildcard_too() -> None:
    made = suite([*entries(10, "a", specialty="surgery"), *entries(10, "b")])
    decision = run(made, answer(made, "c" * 10 + "w"), {"specialty.*": 0.4})
    assert only(decision, "specialty.(none)").verdict is BLOCK


def test_suite_without_specialties_is_never_green_under_the_wildcard() -> None:
    made = suite(entries(20))
    decision = run(made, answer(made, "c"), {"specialty.*": 0.4})
    assert decision.exit_status == 10
    assert only(decision, "specialty.*").verdict is INCONCLUSIVE


@pytest.mark.parametrize("key", ["safety.*", "harm.*", "population.*"])
def test_wildcard_without_a_planned_label_is_inconclusive(key: str) -> None:
    made = suite(entries(20))
    assert run(made, answer(made, "c"), {key: 0.4, "overall": 0.4}).exit_status == 10


def test_wildcard_covers_the_baseline_and_a_vanished_label_is_inconclusive() -> None:
    made = suite(entries(12, **SAFE))
    decision = run(made, answer(made, "c"), {"safety.*": 0.4}, baseline_slices=("safety.privacy",))
    assert only(decision, "safety.privacy").verdict is INCONCLUSIVE
    assert only(decision, "safety.medication").verdict is PASS


def test_required_slice_must_exist() -> None:
    made = suite(entries(12, **SAFE))
    gates = {"overall": 0.4, "require": ["safety.medication"]}
    assert run(made, answer(made, "c"), gates).exit_status == 0
    gates["require"] = ["safety.medication", "safety.privacy"]
    decision = run(made, answer(made, "c"), gates)
    assert only(decision, "safety.privacy").verdict is INCONCLUSIVE
    assert decision.exit_status == 10


def test_required_slice_alone_is_no_gate_that_was_decided() -> None:
    made = suite(entries(12, **SAFE))
    assert run(made, answer(made, "c"), {"require": ["safety.medication"]}).exit_status == 10


def test_group_is_in_every_slice_of_its_members() -> None:
    made = suite([entry("a", group="g", language="zh"), entry("b", group="g", language="en")])
    scores = {each.key: each.groups for each in run(made, {}).slices}
    assert (scores["language.zh"], scores["language.en"], scores["overall"]) == (1, 1, 1)


def test_suites_gates_hold_within_the_suite_and_the_users_on_the_run() -> None:
    one, two = suite(entries(10), "one"), suite(entries(10), "two")
    outcomes = {**answer(one, "c"), **answer(two, "cccccwwwww")}
    decision = run([one, two], outcomes, {"suite.one": 0.9}, by_suite={"two": {"overall": 0.6}})
    verdicts = {(each.gate.scope, each.slice.key): each.verdict for each in decision.verdicts}
    assert verdicts == {(None, "suite.one"): PASS, ("two", "overall"): BLOCK}


@pytest.mark.parametrize(("user", "own"), [(0.4, 0.8), (0.8, 0.4)])
def test_stricter_of_two_gates_decides_and_the_other_is_named(user: float, own: float) -> None:
    made = suite(entries(10))
    letters = "ccccccwwww"
    decision = run(
        made, answer(made, letters), {"task.task": user}, by_suite={"exam": {"task.task": own}}
    )
    assert decision.exit_status == 1
    assert any("task.task: min = 0.4" in note and "stricter" in note for note in decision.notes)


def test_exact_key_takes_the_place_of_the_wildcard_and_that_is_named() -> None:
    made = suite([*entries(12, "a", **SAFE), *entries(12, "b", safety=("privacy",))])
    gates = {"safety.*": 0.9, "safety.privacy": 0.4}
    decision = run(made, answer(made, "c" * 18 + "w" * 6), gates)
    assert only(decision, "safety.privacy").verdict is PASS
    assert any("loosens safety.*" in note for note in decision.notes)


def test_exact_key_leaves_the_wildcards_other_criterion() -> None:
    made = suite(entries(12, **SAFE))
    gates = {"safety.*": 0.9, "safety.medication": {"max_wrong": 6}}
    verdicts = run(made, answer(made, "c" * 8 + "w"), gates).verdicts
    assert {each.verdict for each in verdicts} == {PASS, BLOCK}


def test_wrong_answer_that_can_kill_blocks_though_no_gate_says_so() -> None:
    made = suite(entries(400, harm="death", **SAFE))
    decision = run(made, answer(made, "w" + "c"), {"overall": 0.4})
    assert only(decision, "harm.death").verdict is BLOCK
    assert decision.exit_status == 1


def test_loosened_harm_gate_is_printed() -> None:
    made = suite(entries(400, harm="death", **SAFE))
    gates = {"overall": 0.4, "harm.death": {"max_wrong": 1}}
    decision = run(made, answer(made, "w" + "c"), gates)
    assert decision.exit_status == 0
    assert any("loosens the built-in 0" in note for note in decision.notes)


@pytest.mark.parametrize(
    "by_suite", [{"exam": {"harm.death": {"max_wrong": 5}}}, {"exam": {"harm.*": {"max_wrong": 5}}}]
)
def test_suite_cannot_loosen_the_harm_gate(by_suite: dict[str, dict[str, object]]) -> None:
    made = suite(entries(40, harm="death", **SAFE))
    assert run(made, answer(made, "w" + "c"), {"overall": 0.4}, by_suite=by_suite).exit_status == 1


def test_minimum_on_harm_death_keeps_the_built_in_limit() -> None:
    made = suite(entries(40, harm="death", **SAFE))
    assert run(made, answer(made, "w" + "c"), {"harm.death": 0.4}).exit_status == 1


def test_judged_items_make_a_rule_scored_part() -> None:
    plain = suite(entries(4), "plain")
    judged = suite(entries(6), "judged", needs_judge=True)
    outcomes = {**answer(plain, "c"), **answer(judged, "n")}
    found = only(run([plain, judged], outcomes, {"task.task": 0.4}), "task.task")
    assert found.slice.title == "task.task, rule-scored part, 4 of 10"
    assert found.verdict is INCONCLUSIVE
    gate = {"task.task": {"min": 0.4, "scored_part": True}}
    decision = run([plain, judged], outcomes, gate)
    assert only(decision, "task.task").verdict is PASS
    assert any("scored_part" in note for note in decision.notes)


def test_judged_score_gates_nothing() -> None:
    judged = suite(entries(6), "judged", needs_judge=True)
    assert run(judged, answer(judged, "c"), {"overall": 0.4}).exit_status == 10


def test_judged_item_that_can_kill_leaves_the_run_undecided() -> None:
    plain = suite(entries(4), "plain")
    judged = suite(entries(1, harm="death"), "judged", needs_judge=True)
    outcomes = {**answer(plain, "c"), **answer(judged, "n")}
    assert run([plain, judged], outcomes, {"suite.plain": 0.4}).exit_status == 10
