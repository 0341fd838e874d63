"""The rule that holds without a `max_drop`: is a drop shown?"""

from __future__ import annotations

import random

import pytest
from accepted import accept, against, held
from made_suites import answer, entries, entry, suite

from pytest_medbench.gates import Decision, Verdict
from pytest_medbench.gates.regression import Comparison, SliceChange
from pytest_medbench.stats import mcnemar
from pytest_medbench.suites import Suite

SPECIALTIES = [f"s{n}" for n in range(24)]


def exam_of(number: int, specialties: list[str] = SPECIALTIES) -> Suite:
    return suite(
        [entry(f"{name}-{n}", specialty=name) for name in specialties for n in range(number)]
    )


def row(comparison: Comparison, key: str) -> SliceChange:
    (found,) = [each for each in comparison.slices if each.key == key]
    return found


def blocked(comparison: Comparison) -> set[str]:
    return {each.key for each in comparison.slices if each.verdict is Verdict.BLOCK}


def fall(
    exam: Suite, lost: int, *, first: str = "s0", gained: int = 0
) -> tuple[Comparison, Decision]:
    """Compare a run that lost and gained items of one specialty; a half was right."""
    old, new = [], []
    count = 0
    for each in exam.entries:
        here = each.labels.specialty == first
        count += here
        right = not here or count > gained
        old.append("c" if right else "w")
        new.append("w" if here and gained < count <= gained + lost else "c")
    outcomes = answer(exam, "".join(new))
    return held(exam, outcomes, against(accept(exam, "".join(old))))


def test_drop_in_one_specialty_blocks_and_is_named() -> None:
    comparison, decision = fall(exam_of(100), 12)
    assert "specialty.s0" in blocked(comparison)
    assert blocked(comparison) <= {"specialty.s0", "overall"}
    found = row(comparison, "specialty.s0")
    assert (found.difference, found.p) == (-0.12, mcnemar(12, 0))
    assert decision.exit_status == 1
    assert any("specialty.s0" in reason and "baseline" in reason for reason in decision.reasons)


def test_specialties_are_corrected_for_their_number() -> None:
    # p = 0.002: under 0.02, and not under 0.02 / 24.
    comparison, _ = fall(exam_of(100), 9)
    assert 0.001 < (row(comparison, "specialty.s0").p or 0) < 0.02
    assert "specialty.s0" not in blocked(comparison)
    alone, _ = fall(exam_of(100, ["s0"]), 9)
    assert "specialty.s0" in blocked(alone)


def test_secondaries_are_tested_only_inside_a_rejected_primary() -> None:
    def run(lost: int, others: int) -> Comparison:
        exam = suite(
            [
                *entries(60, specialty="surgery/cardiac"),
                *entries(60, "j", specialty="surgery/thoracic"),
                *entries(60, "k", specialty="medicine/cardiology"),
            ]
        )
        old = "c" * 60 + "w" * others + "c" * (60 - others) + "c" * 60
        new = "w" * lost + "c" * (60 - lost) + "c" * 120
        return held(exam, answer(exam, new), against(accept(exam, old)))[0]

    assert "specialty.surgery/cardiac" in blocked(run(12, 0))
    # What one secondary lost another gained: the primary shows no drop.
    assert "specialty.surgery/cardiac" not in blocked(run(12, 12))


def test_secondary_under_thirty_groups_has_no_verdict() -> None:
    exam = suite(
        [*entries(20, specialty="surgery/cardiac"), *entries(60, "j", specialty="surgery")]
    )
    comparison, _ = held(exam, answer(exam, "w" * 20 + "c" * 60), against(accept(exam, "c")))
    found = row(comparison, "specialty.surgery/cardiac")
    assert (found.verdict, found.p, found.lost) == (None, None, 20)
    assert row(comparison, "specialty.surgery").verdict is Verdict.BLOCK


def test_safety_categories_are_a_family_of_their_own() -> None:
    items = [
        *entries(200, safety=("medication",), harm="mild", specialty="surgery"),
        *entries(2000, "j", specialty="surgery"),
    ]
    exam = suite(items)
    comparison, decision = held(
        exam, answer(exam, "w" * 7 + "c" * 2193), against(accept(exam, "c"))
    )
    assert blocked(comparison) == {"safety.medication"}
    assert decision.exit_status == 1


def test_drop_under_half_a_point_never_blocks() -> None:
    exam = suite(entries(5000))
    comparison, decision = held(exam, answer(exam, "w" * 24 + "c"), against(accept(exam, "c")))
    found = row(comparison, "overall")
    assert found.significant
    assert found.verdict is None
    assert decision.exit_status == 0
    comparison, _ = held(exam, answer(exam, "w" * 25 + "c"), against(accept(exam, "c")))
    assert blocked(comparison) == {"overall"}


def test_small_drop_of_safety_is_not_ignored() -> None:
    exam = suite(entries(5000, safety=("medication",), harm="mild"))
    comparison, _ = held(exam, answer(exam, "w" * 24 + "c"), against(accept(exam, "c")))
    assert blocked(comparison) == {"safety.medication"}


def test_ignore_below_is_the_users_to_set() -> None:
    exam = suite(entries(1000, specialty="surgery"))
    outcomes, accepted = answer(exam, "w" * 20 + "c"), against(accept(exam, "c"))
    assert held(exam, outcomes, accepted)[1].exit_status == 1
    for gates in (
        {"ignore_below": 0.03},
        {"overall": {"ignore_below": 0.03}, "specialty.*": {"ignore_below": 0.03}},
    ):
        assert held(exam, outcomes, accepted, gates=gates)[1].exit_status == 0


def test_no_drop_shown_is_never_called_not_worse() -> None:
    exam = suite(entries(1000))
    comparison, decision = held(exam, answer(exam, "c"), against(accept(exam, "c")))
    found = row(comparison, "overall")
    assert found.verdict is None
    assert found.reason.startswith("no drop shown; would have seen >= ")
    assert decision.verdict is Verdict.PASS
    assert "not worse" not in str(decision)


def test_few_items_are_advisory_and_decide_nothing() -> None:
    exam = suite(entries(60))
    comparison, decision = held(exam, answer(exam, "c"), against(accept(exam, "c")))
    assert comparison.advisory
    assert not comparison.decided
    assert decision.exit_status == 10
    assert any("advisory" in note for note in decision.notes)
    wide = held(exam, answer(exam, "c"), against(accept(exam, "c")), gates={"max_blind": 0.3})
    assert wide[1].exit_status == 0


def test_drop_shown_on_few_items_blocks_all_the_same() -> None:
    exam = suite(entries(60))
    comparison, decision = held(exam, answer(exam, "w" * 30 + "c"), against(accept(exam, "c")))
    assert comparison.advisory
    assert decision.exit_status == 1


def test_rise_is_no_blindness() -> None:
    exam = suite(entries(200))
    comparison, decision = held(exam, answer(exam, "c"), against(accept(exam, "w" * 80 + "c")))
    assert not comparison.advisory
    assert decision.exit_status == 0


def test_missing_answers_count_against_pass_and_block_alike() -> None:
    exam = suite(entries(1000))
    accepted = against(accept(exam, "c"))
    comparison, _ = held(exam, answer(exam, "e" * 20 + "c"), accepted)
    found = row(comparison, "overall")
    assert (found.verdict, found.missing, found.difference) == (Verdict.INCONCLUSIVE, 20, 0.0)
    comparison, _ = held(exam, answer(exam, "e" * 20 + "w" * 20 + "c"), accepted)
    assert row(comparison, "overall").verdict is Verdict.BLOCK


def test_what_was_missing_when_accepted_counts_as_right_then() -> None:
    exam = suite(entries(1000))
    accepted = against(accept(exam, "e" * 20 + "c"))
    comparison, _ = held(exam, answer(exam, "w" * 20 + "c"), accepted)
    assert row(comparison, "overall").verdict is Verdict.INCONCLUSIVE
    comparison, _ = held(exam, answer(exam, "c"), accepted)
    assert row(comparison, "overall").verdict is None


@pytest.mark.parametrize("discordance", [0.02, 0.05, 0.1])
def test_unchanged_noisy_model_passes(discordance: float) -> None:
    exam = exam_of(42)
    rng = random.Random(17)
    truth = ["c" if rng.random() < 0.8 else "w" for _ in exam.entries]

    def draw() -> str:
        return "".join(rng.choice("cw") if rng.random() < discordance else each for each in truth)

    decided = [
        held(exam, answer(exam, draw()), against(accept(exam, draw())))[1].exit_status
        for _ in range(5)
    ]
    assert 1 not in decided


def test_misspelt_baseline_is_inconclusive_and_says_what_to_type() -> None:
    exam = suite(entries(400))
    problem = "no baseline 'odl'; did you mean 'old'?"
    comparison, decision = held(
        exam, answer(exam, "c"), against(problems=[problem]), gates={"overall": 0.5}
    )
    assert decision.exit_status == 10
    assert any(problem in reason for reason in decision.reasons)
    assert not comparison.decided


def test_no_baseline_yet_is_no_failure_and_decides_nothing() -> None:
    exam = suite(entries(400))
    comparison, decision = held(exam, answer(exam, "c"), gates={"overall": 0.5})
    assert decision.exit_status == 0
    assert any("no baseline yet" in note for note in decision.notes)
    assert not comparison.decided
    assert held(exam, answer(exam, "c"))[1].exit_status == 10


def test_suite_without_a_baseline_leaves_the_others_compared() -> None:
    exam, fresh = suite(entries(400)), suite(entries(400, "j"), "fresh", rule="all")
    outcomes = {**answer(exam, "c"), **answer(fresh, "w")}
    comparison, decision = held([exam, fresh], outcomes, against(accept(exam, "c")))
    assert row(comparison, "overall").pairs == 400
    assert decision.exit_status == 0
    assert any("no baseline yet for 1 suite: fresh" in note for note in decision.notes)


def test_dropped_specialty_is_inconclusive_and_named() -> None:
    exam = suite([*entries(400, specialty="surgery"), *entries(1, "j", specialty="medicine")])
    now = suite(entries(400, specialty="surgery"))
    for gates in ({}, {"specialty.*": 0.5}, {"specialty.*": {"max_drop": 0.1}}):
        comparison, decision = held(now, answer(now, "c"), against(accept(exam, "c")), gates=gates)
        assert comparison.vanished[""] == ("specialty.medicine",)
        assert decision.exit_status == 10
        assert any("specialty.medicine" in reason for reason in decision.reasons)
        if gates:
            (gone,) = [each for each in decision.verdicts if each.slice.key == "specialty.medicine"]
            assert gone.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("gone", "labels", "status"),
    [
        (2, {}, 0),
        (3, {}, 10),
        (1, {"safety": ("medication",)}, 10),
        (1, {"must_pass": True}, 10),
    ],
)
def test_vanished_groups_are_named_and_few_are_forgiven(
    gone: int, labels: dict[str, object], status: int
) -> None:
    stay = entries(400 + 3 - gone)
    exam = suite(
        [*stay, *entries(gone, "gone", **labels), *entries(1, "s", safety=("medication",))]
    )
    now = suite([*stay, *entries(1, "s", safety=("medication",))])
    comparison, decision = held(now, answer(now, "c"), against(accept(exam, "c")))
    (left,) = [each for each in comparison.left_out if each.kind == "vanished"]
    assert left.groups == tuple(f"gone{n}" for n in range(gone))
    assert decision.exit_status == status


def test_dropped_suite_is_inconclusive() -> None:
    exam, other = suite(entries(400)), suite(entries(5, "j"), "other")
    accepted = against(accept(exam, "c"), accept(other, "c"))
    _, decision = held(exam, answer(exam, "c"), accepted)
    assert decision.exit_status == 10
    assert any("of other" in reason for reason in decision.reasons)


def test_shard_is_not_compared() -> None:
    exam = suite(entries(400))
    _, decision = held(exam, answer(exam, "w"), against(accept(exam, "c")), shard="1/2")
    assert (decision.verdict, decision.exit_status) == (None, 0)
