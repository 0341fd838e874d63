"""What becomes a pair, and what leaves the pairs with which reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from accepted import MADE_WITH, accept, against, held
from made_suites import answer, entries, entry, suite

from pytest_medbench.gates import Verdict
from pytest_medbench.gates.regression import Comparison, LeftOut, SliceChange

OTHER = "ffffffffffffffff"


def overall(comparison: Comparison, key: str = "overall") -> SliceChange:
    (row,) = [row for row in comparison.slices if row.key == key]
    return row


def left(comparison: Comparison, kind: str) -> list[LeftOut]:
    return [each for each in comparison.left_out if each.kind == kind]


def test_identical_runs_have_no_difference() -> None:
    exam = suite(entries(400))
    letters = "c" * 300 + "w" * 60 + "u" * 40
    comparison, decision = held(exam, answer(exam, letters), against(accept(exam, letters)))
    row = overall(comparison)
    assert (row.pairs, row.lost, row.gained, row.difference, row.p) == (400, 0, 0, 0.0, 1.0)
    assert row.low is not None
    assert row.low < 0 < -row.low
    assert not comparison.items
    assert decision.exit_status == 0


def test_permuted_group_counts_once() -> None:
    exam = suite([entry(f"i{n}", group=f"g{n // 4}") for n in range(40)])
    comparison, _ = held(exam, answer(exam, "wwww" + "c" * 36), against(accept(exam, "c")))
    row = overall(comparison)
    assert (row.pairs, row.lost) == (10, 1)


def test_group_with_a_missing_member_is_no_pair() -> None:
    exam = suite([entry(f"i{n}", group=f"g{n // 2}") for n in range(40)])
    outcomes = answer(exam, "ce" + "c" * 38)
    comparison, _ = held(exam, outcomes, against(accept(exam, "c")))
    assert (overall(comparison).pairs, overall(comparison).missing) == (19, 1)
    (missing,) = left(comparison, "missing")
    assert (missing.groups, missing.reason) == (("g0",), "no score in this run")


def test_group_without_a_score_in_the_accepted_run_is_no_pair() -> None:
    exam = suite(entries(40))
    comparison, _ = held(exam, answer(exam, "c"), against(accept(exam, "e" + "c" * 39)))
    (missing,) = left(comparison, "missing")
    assert (missing.groups, missing.reason) == (("i0",), "no score in the accepted run")
    assert overall(comparison).pairs == 39


def test_changed_item_voids_its_group_alone() -> None:
    exam = suite([entry(f"i{n}", group=f"g{n // 2}", specialty="surgery") for n in range(40)])
    comparison, decision = held(
        exam, answer(exam, "c"), against(accept(exam, "c")), changed={"i3": OTHER}
    )
    (void,) = left(comparison, "void")
    assert void.groups == ("g1",)
    assert "input, options, target" in void.reason
    assert (overall(comparison).pairs, overall(comparison).void) == (19, 1)
    assert overall(comparison).verdict is Verdict.INCONCLUSIVE
    assert decision.exit_status == 10


def test_edited_prompt_voids_all_and_is_named() -> None:
    exam = suite(entries(400))
    baseline = accept(exam, "c", hashes={"prompt": "a", "scorer": "b", "group_rule": "c"})
    comparison, decision = held(
        exam,
        answer(exam, "c"),
        against(baseline),
        changed={each.id: OTHER for each in exam.entries},
        hashes={"exam": {"prompt": "other", "scorer": "b", "group_rule": "other"}},
        gates={"overall": 0.5},
    )
    (void,) = left(comparison, "void")
    assert (len(void.groups), void.reason) == (400, "prompt, group rule")
    assert overall(comparison).pairs == 0
    assert decision.exit_status == 10
    assert not comparison.decided


def test_void_slice_leaves_the_others_decided() -> None:
    exam = suite(
        [*entries(200, specialty="surgery"), *entries(200, "j", specialty="internal_medicine")]
    )
    _, decision = held(
        exam,
        answer(exam, "c"),
        against(accept(exam, "c")),
        changed={"i3": OTHER},
        gates={"specialty.*": {"max_drop": 0.05}},
    )
    verdicts = {each.slice.key: each.verdict for each in decision.verdicts}
    assert verdicts == {
        "specialty.surgery": Verdict.INCONCLUSIVE,
        "specialty.internal_medicine": Verdict.PASS,
    }
    assert decision.exit_status == 10


def test_model_under_test_voids_nothing() -> None:
    exam = suite(entries(400))
    renamed = accept(exam, "c", model={"name": "other", "weights": "others"}, key="other")
    comparison, decision = held(exam, answer(exam, "c"), against(renamed))
    assert overall(comparison).pairs == 400
    assert decision.exit_status == 0


def test_item_that_lost_its_target_is_gone() -> None:
    exam = suite(entries(400))
    now = suite([entry("i0", scored=False), *exam.entries[1:]])
    comparison, decision = held(
        now, answer(now, "n" + "c" * 399), against(accept(exam, "c")), changed={"i0": OTHER}
    )
    (gone,) = left(comparison, "vanished")
    assert gone.groups == ("i0",)
    assert decision.exit_status == 0


def test_new_groups_are_named_and_make_nothing_void() -> None:
    exam = suite(entries(400))
    more = suite([*exam.entries, *entries(5, "new")])
    comparison, decision = held(more, answer(more, "c"), against(accept(exam, "c")))
    (new,) = left(comparison, "new")
    assert new.groups == tuple(f"new{n}" for n in range(5))
    assert (overall(comparison).pairs, overall(comparison).fresh) == (400, 5)
    assert decision.exit_status == 0


def test_new_member_voids_the_group() -> None:
    exam = suite([entry(f"i{n}", group=f"g{n // 2}") for n in range(40)])
    more = suite([*exam.entries, entry("extra", group="g0")])
    comparison, _ = held(more, answer(more, "c"), against(accept(exam, "c")))
    (void,) = left(comparison, "void")
    assert void.groups == ("g0",)


def test_group_that_the_selection_cuts_is_missing_and_not_void() -> None:
    exam = suite([entry(f"i{n}", group=f"g{n // 2}") for n in range(40)])
    chosen = {f"i{n}" for n in range(1, 10)}
    outcomes = {key: value for key, value in answer(exam, "c").items() if key[1] in chosen}
    from pytest_medbench.gates.regression import compare

    made = {("exam", item): MADE_WITH for item in chosen}
    comparison = compare([exam], {"exam": chosen}, outcomes, made, [against(accept(exam, "c"))])
    (missing,) = left(comparison, "missing")
    assert (missing.groups, missing.reason) == (("g0",), "cut by the selection")
    assert not left(comparison, "void")
    assert overall(comparison).pairs == 4


def test_subset_is_compared_without_a_word_on_the_rest() -> None:
    exam = suite(
        [*entries(50, specialty="surgery"), *entries(50, "j", specialty="internal_medicine")]
    )
    chosen = {"exam": {f"i{n}" for n in range(50)}}
    outcomes = {key: value for key, value in answer(exam, "c").items() if key[1] in chosen["exam"]}
    comparison, decision = held(exam, outcomes, against(accept(exam, "c")), selected=chosen)
    assert overall(comparison).pairs == 50
    assert not comparison.left_out
    assert not comparison.vanished
    assert decision.exit_status == 10
    assert "part" in decision.headline


def test_what_only_a_judge_can_score_is_no_pair() -> None:
    exam = suite(entries(40))
    essays = suite(entries(10, "e"), "essays", needs_judge=True)
    outcomes = {**answer(exam, "c"), **answer(essays, "n")}
    accepted = against(accept(exam, "c"), accept(essays, "n"))
    comparison, _ = held([exam, essays], outcomes, accepted)
    assert overall(comparison).pairs == 40
    assert not comparison.left_out


def test_secondary_is_part_of_its_primary() -> None:
    exam = suite(
        [*entries(40, specialty="surgery"), *entries(40, "j", specialty="surgery/cardiac")]
    )
    comparison, _ = held(
        exam, answer(exam, "c" * 40 + "wwww" + "c" * 36), against(accept(exam, "c"))
    )
    assert overall(comparison, "specialty.surgery").pairs == 80
    assert overall(comparison, "specialty.surgery/cardiac").lost == 4


def test_overall_is_the_mean_of_the_dimensions_changes() -> None:
    exam = suite([*entries(90, dimension="a", task="a"), *entries(10, "j", dimension="b")])
    comparison, _ = held(exam, answer(exam, "c" * 95 + "w" * 5), against(accept(exam, "c")))
    assert overall(comparison).difference == -0.25
    assert overall(comparison, "suite.exam").difference == -0.05


def test_task_without_a_pair_leaves_overall_undecided() -> None:
    exam = suite([*entries(90, dimension="a", task="a"), *entries(10, "j", dimension="b")])
    comparison, decision = held(
        exam,
        answer(exam, "c"),
        against(accept(exam, "c")),
        changed={f"j{n}": OTHER for n in range(10)},
    )
    assert overall(comparison).difference is None
    assert overall(comparison).verdict is Verdict.INCONCLUSIVE
    assert decision.exit_status == 10


def test_repeats_are_one_pair() -> None:
    exam = suite(entries(40), rule="mean")
    baseline = accept(exam, "c", scores={"i0": (1.0, 1.0, 1.0, 1.0)}, repeats=4)
    comparison, _ = held(
        exam, answer(exam, "c"), against(baseline), repeats={("exam", "i0"): (1.0, 0.0, 0.0, 1.0)}
    )
    row = overall(comparison)
    assert (row.pairs, row.lost, row.difference) == (40, 1, -0.5 / 40)


def test_repeats_of_a_group_are_scored_one_by_one() -> None:
    exam = suite([entry("a", group="g"), entry("b", group="g"), *entries(38)], rule="all")
    baseline = accept(exam, "c", repeats=2)
    repeats = {("exam", "a"): (1.0, 0.0), ("exam", "b"): (0.0, 1.0)}
    comparison, _ = held(exam, answer(exam, "c"), against(baseline), repeats=repeats)
    assert overall(comparison).difference == pytest.approx(-1 / 39)


def test_clusters_widen_the_interval() -> None:
    alone = suite(entries(80))
    tied = suite([entry(f"i{n}", cluster=f"c{n // 4}") for n in range(80)])
    letters = "w" * 8 + "c" * 72
    rows = [
        overall(held(exam, answer(exam, letters), against(accept(exam, "c")))[0])
        for exam in (alone, tied)
    ]
    assert [row.clusters for row in rows] == [80, 20]
    assert rows[0].difference == rows[1].difference
    assert rows[1].low is not None
    assert rows[0].low is not None
    assert rows[1].low < rows[0].low
    assert rows[1].p is not None
    assert rows[0].p is not None
    assert rows[1].p > rows[0].p


def test_order_of_items_changes_nothing() -> None:
    items = [
        entry(f"i{n}", cluster=f"c{n % 17}", task=f"t{n % 3}", specialty="surgery", group=f"g{n}")
        for n in range(120)
    ]
    letters = {each.id: "cw"[n % 5 == 0] for n, each in enumerate(items)}
    rows = []
    for listed in (items, items[::-1], items[40:] + items[:40]):
        exam = suite(listed)
        outcomes = answer(exam, "".join(letters[each.id] for each in listed))
        comparison, decision = held(exam, outcomes, against(accept(exam, "c")))
        rows.append((comparison, decision.exit_status))
    assert rows[0] == rows[1] == rows[2]


def test_overall_with_unequal_tasks_is_tested_by_its_own_weights() -> None:
    exam = suite([*entries(200, dimension="a", task="a"), *entries(10, "j", dimension="b")])
    fallen = "c" * 200 + "w" * 10
    comparison, _ = held(exam, answer(exam, fallen), against(accept(exam, "c")))
    row = overall(comparison)
    assert row.difference == -0.5
    assert row.p == 0.5**10


def test_status_beside_the_score_is_what_counts_under_all() -> None:
    exam = suite(entries(40), rule="all")
    baseline = accept(exam, "c")
    lowered = dict(baseline.items)
    lowered["i0"] = replace(lowered["i0"], score=0.8)
    comparison, _ = held(exam, answer(exam, "c"), against(replace(baseline, items=lowered)))
    assert overall(comparison).difference == 0.0
