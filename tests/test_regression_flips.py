"""Safety items that were right and are wrong now."""

from __future__ import annotations

from typing import Any

import pytest
from accepted import accept, against, held
from made_suites import answer, entries, entry, suite

from pytest_medbench.gates import Decision
from pytest_medbench.gates.regression import Confirmation, ItemChange


def flip(
    *, old: str | None = None, new: str | None = None, identical: bool = False, **labels: Any
) -> tuple[ItemChange, Decision]:
    """Flip one item among 1,000; `old` and `new` are the fresh answers, c or w."""
    given = {"safety": ("medication",), "harm": "moderate", **labels}
    exam = suite([entry("s0", **given), *entries(1000)])
    asked = []
    if new is not None:
        right = tuple(letter == "c" for letter in new)
        before = None if old is None else tuple(letter == "c" for letter in old)
        asked = [Confirmation("exam", "s0", before, right, identical)]
    comparison, decision = held(
        exam, answer(exam, "wc"), against(accept(exam, "c")), confirmations=asked
    )
    (item,) = comparison.items
    return item, decision


def test_flip_that_was_not_asked_again_is_listed_and_blocks_nothing() -> None:
    item, decision = flip()
    assert (item.kind, item.flip, item.blocks) == ("regression", True, False)
    assert (item.was_status, item.now_status, item.was_answer) == ("correct", "wrong", "A")
    assert "--medbench-confirm-flips=5" in item.note
    assert decision.exit_status == 0
    assert any("exam::s0" in note for note in decision.notes)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("ccccc", "wwwww", 1),
        ("ccccc", "wwwwc", 0),
        ("ccccc", "wwwcc", 0),
        ("ccccw", "wwwww", 0),
        ("ccccc", "ccccc", 0),
        ("cccccccccc", "wwwwwwwwwc", 0),
        ("cccccccccc", "wwwwwwwccc", 0),
        (None, "wwwww", 10),
        (None, "wwwcc", 10),
        (None, "wwccc", 0),
        ("ccc", "wwwww", 10),
        ("ccccc", "wwww", 10),
        ("ccccc", "", 10),
    ],
)
def test_confirmation(old: str | None, new: str, status: int) -> None:
    item, decision = flip(old=old, new=new)
    assert decision.exit_status == status
    assert item.blocks is (status == 1)


@pytest.mark.parametrize(
    "labels",
    [
        {"harm": "severe"},
        {"harm": "death"},
        {"harm": None},
        {"safety": (), "harm": "severe"},
        {"must_pass": True},
    ],
)
@pytest.mark.parametrize("new", [None, "ccccc"])
def test_grave_harm_and_must_pass_block_whatever_re_asking_says(
    labels: dict[str, Any], new: str | None
) -> None:
    item, decision = flip(old="ccccc" if new else None, new=new, **labels)
    assert item.blocks
    assert decision.exit_status == 1
    assert "wrong blocks" in item.note
    if new:
        assert "re-asking only informs" in item.note


def test_identical_answers_are_said_to_add_nothing() -> None:
    item, _ = flip(old="ccccc", new="wwwww", identical=True)
    assert "deterministic: re-asking adds nothing" in item.note


def test_old_answers_may_come_from_the_accepted_repeats() -> None:
    exam = suite([entry("s0", safety=("medication",), harm="moderate"), *entries(1000)])
    baseline = accept(exam, "c", scores={"s0": (1.0,) * 5}, repeats=5)
    asked = Confirmation("exam", "s0", None, (False,) * 5)
    for record, status in ((baseline, 1), (accept(exam, "c"), 10)):
        _, decision = held(exam, answer(exam, "wc"), against(record), confirmations=[asked])
        assert decision.exit_status == status


def test_first_answer_stays_in_the_score() -> None:
    exam = suite([entry("s0", safety=("medication",), harm="mild"), *entries(1000)])
    asked = Confirmation("exam", "s0", (True,) * 5, (True,) * 5)
    comparison, _ = held(
        exam, answer(exam, "wc"), against(accept(exam, "c")), confirmations=[asked]
    )
    (row,) = [row for row in comparison.slices if row.key == "safety.medication"]
    assert row.lost == 1


def test_unparsable_answer_is_a_flip_and_a_missing_one_is_none() -> None:
    exam = suite([entry("s0", safety=("medication",)), *entries(1000)])
    for letter, flips in (("u", 1), ("e", 0)):
        comparison, decision = held(exam, answer(exam, letter + "c"), against(accept(exam, "c")))
        assert sum(item.flip for item in comparison.items) == flips
        assert decision.exit_status == (1 if flips else 11)


def test_still_wrong_safety_items_are_listed_by_harm() -> None:
    exam = suite(
        [
            entry("a", safety=("medication",), harm="mild"),
            entry("b", safety=("medication",), harm="severe"),
            entry("c", safety=("medication",), harm="moderate"),
            entry("d", specialty="surgery"),
            *entries(1000),
        ]
    )
    comparison, decision = held(exam, answer(exam, "wwuwc"), against(accept(exam, "wwwwc")))
    assert [(item.kind, item.id) for item in comparison.items] == [
        ("still wrong", "b"),
        ("still wrong", "c"),
        ("still wrong", "a"),
    ]
    assert decision.exit_status == 0


def test_flips_stand_first_and_improvements_last() -> None:
    exam = suite(
        [
            entry("better"),
            entry("worse"),
            entry("mild", safety=("dosing",), harm="mild"),
            entry("grave", safety=("dosing",), harm="death"),
            *entries(1000),
        ]
    )
    comparison, _ = held(exam, answer(exam, "cwwwc"), against(accept(exam, "wcccc")))
    assert [item.id for item in comparison.items] == ["grave", "mild", "worse", "better"]
    assert [item.flip for item in comparison.items] == [True, True, False, False]


def test_graded_item_that_fell_is_a_regression() -> None:
    from dataclasses import replace

    exam = suite(entries(40), rule="mean")
    outcomes = answer(exam, "w")
    outcomes["exam", "i0"] = replace(outcomes["exam", "i0"], score=0.2)
    baseline = accept(exam, "w")
    records = dict(baseline.items)
    records["i0"] = replace(records["i0"], score=0.7)
    comparison, _ = held(exam, outcomes, against(replace(baseline, items=records)))
    (item,) = comparison.items
    assert (item.kind, item.was_score, item.now_score) == ("regression", 0.7, 0.2)


def test_void_item_is_no_flip() -> None:
    exam = suite([entry("s0", safety=("medication",)), *entries(1000)])
    comparison, decision = held(
        exam, answer(exam, "wc"), against(accept(exam, "c")), changed={"s0": "f" * 16}
    )
    assert not comparison.items
    assert decision.exit_status == 10
