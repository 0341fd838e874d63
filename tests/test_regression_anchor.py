"""The baseline and the anchor: the worse decides."""

from __future__ import annotations

import random

from accepted import accept, against, held
from made_suites import answer, entries, only, suite

from pytest_medbench.gates import Verdict

MARGIN = {"overall": {"max_drop": 0.02}}


def test_six_accepted_steps_of_1_9_points_do_not_pass_a_margin_of_2() -> None:
    exam = suite(entries(1000))
    rng = random.Random(4)
    now = ["c"] * 950 + ["w"] * 50
    anchor = against(accept(exam, "".join(now), run="run-0"), which="anchor")
    statuses = []
    for step in range(6):
        previous = against(accept(exam, "".join(now), run=f"run-{step}"))
        right, wrong = ([n for n, each in enumerate(now) if each == letter] for letter in "cw")
        for letter, changed in (("w", rng.sample(right, 49)), ("c", rng.sample(wrong, 30))):
            for place in changed:
                now[place] = letter
        outcomes = answer(exam, "".join(now))
        _, decision = held(exam, outcomes, previous, anchor, gates=MARGIN)
        _, alone = held(exam, outcomes, previous, gates=MARGIN)
        statuses.append((decision.exit_status, alone.exit_status))
    # Each step alone is merely undecided; against the anchor they add up.
    assert [alone for _, alone in statuses] == [10] * 6
    assert [both for both, _ in statuses[2:]] == [1] * 4
    assert statuses[0][0] == 10
    assert "(anchor)" in only(decision, "overall").reason


def test_steps_that_pass_one_by_one_are_stopped_by_the_anchor() -> None:
    exam = suite(entries(4000))
    anchor = against(accept(exam, "c", run="run-0"), which="anchor")
    verdicts = []
    for place in range(1, 4):
        previous = against(accept(exam, "w" * 36 * (place - 1) + "c", run=f"run-{place - 1}"))
        outcomes = answer(exam, "w" * 36 * place + "c")
        alone = held(exam, outcomes, previous, gates=MARGIN)[1]
        both = held(exam, outcomes, previous, anchor, gates=MARGIN)[1]
        verdicts.append((alone.exit_status, both.exit_status))
    assert [alone for alone, _ in verdicts] == [0, 0, 0]
    assert [both for _, both in verdicts] == [0, 1, 1]


def test_default_rule_runs_against_both() -> None:
    exam = suite(entries(2000))
    outcomes = answer(exam, "w" * 40 + "c")
    baseline = against(accept(exam, "w" * 35 + "c", run="run-2"))
    anchor = against(accept(exam, "c"), which="anchor")
    comparison, decision = held(exam, outcomes, baseline, anchor)
    verdicts = {row.which: row.verdict for row in comparison.slices if row.key == "overall"}
    assert verdicts == {"baseline": None, "anchor": Verdict.BLOCK}
    assert decision.exit_status == 1
    assert any("'old' (anchor)" in reason for reason in decision.reasons)


def test_anchor_that_is_the_baseline_is_compared_once() -> None:
    exam = suite(entries(400))
    accepted = accept(exam, "c")
    comparison, _ = held(
        exam, answer(exam, "c"), against(accepted), against(accepted, which="anchor")
    )
    assert comparison.against == {"baseline": "old"}
    assert {row.which for row in comparison.slices} == {"baseline"}


def test_anchor_that_is_void_is_inconclusive() -> None:
    exam = suite(entries(400))
    old = accept(suite(entries(390)), "c")
    anchor = against(accept(exam, "c", run="run-0", hashes={"prompt": "a"}), which="anchor")
    for record in list(anchor.suites["exam"].items.values())[:1]:
        changed = {record.id: "f" * 16}
    comparison, decision = held(
        exam,
        answer(exam, "c"),
        against(old),
        anchor,
        changed=changed,
    )
    assert decision.exit_status == 10
    assert {each.which for each in comparison.left_out if each.kind == "void"} == {
        "baseline",
        "anchor",
    }


def test_what_a_person_accepted_as_wrong_is_no_flip_against_the_anchor() -> None:
    exam = suite([*entries(1, "s", safety=("medication",)), *entries(1000)])
    baseline = against(accept(exam, "wc", run="run-2"))
    anchor = against(accept(exam, "c"), which="anchor")
    comparison, decision = held(exam, answer(exam, "wc"), baseline, anchor)
    (item,) = comparison.items
    assert (item.kind, item.which, item.flip) == ("still wrong", "baseline", False)
    assert decision.exit_status == 0


def test_item_that_only_the_anchor_has_a_score_for_flips_against_it() -> None:
    exam = suite([*entries(1, "s", safety=("medication",)), *entries(1000)])
    baseline = against(accept(exam, "ec", run="run-2"))
    anchor = against(accept(exam, "c"), which="anchor")
    comparison, decision = held(exam, answer(exam, "wc"), baseline, anchor)
    (item,) = comparison.items
    assert (item.which, item.flip, item.blocks) == ("anchor", True, True)
    assert decision.exit_status == 1
