"""Groups: items that are scored as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_suites import answer, entries, entry, labels, suite

from pytest_medbench.groups import GroupScore, bounds, score_groups
from pytest_medbench.outcomes import Outcome, Status

RULES = ["all", "majority", "mean"]


def group_of(letters: str, rule: str, left_out: int = 0) -> GroupScore:
    made = suite(entries(len(letters) + left_out, group="g"), rule=rule)
    ids = {each.id for each in made.entries[: len(letters)]}
    outcomes = {key: value for key, value in answer(made, letters).items() if key[1] in ids}
    (score,) = score_groups(made, ids, outcomes)
    return score


def test_permuted_group_counts_once() -> None:
    assert group_of("ccccc", "all").value == 1
    assert group_of("ccccw", "all").value == 0


@pytest.mark.parametrize(("letters", "value"), [("cccww", 1), ("ccwww", 0), ("ccww", 0)])
def test_majority_is_more_than_half(letters: str, value: float) -> None:
    assert group_of(letters, "majority").value == value


def test_mean_is_the_mean_score() -> None:
    made = suite(entries(2, group="g"), rule="mean")
    outcomes = {
        ("exam", "i0"): Outcome("exam", "i0", Status.WRONG, 0.25),
        ("exam", "i1"): Outcome("exam", "i1", Status.CORRECT, 1.0),
    }
    (score,) = score_groups(made, {"i0", "i1"}, outcomes)
    assert score.value == 0.625
    assert score.right is False


def test_correct_members_make_a_mean_group_right_under_a_score_of_one() -> None:
    made = suite(entries(1), rule="mean")
    (score,) = score_groups(
        made, {"i0"}, {("exam", "i0"): Outcome("exam", "i0", Status.CORRECT, 0.8)}
    )
    assert (score.value, score.right) == (0.8, True)


@pytest.mark.parametrize("letter", ["e", "s", "-", "n"])
@pytest.mark.parametrize("rule", RULES)
def test_group_with_a_missing_member_is_missing(rule: str, letter: str) -> None:
    score = group_of("ccccc"[:4] + letter, rule)
    assert score.missing
    assert score.n_missing == 1


def test_wrong_member_decides_an_all_group_though_another_is_missing() -> None:
    score = group_of("we", "all")
    assert score.value == 0
    assert score.right is False
    assert score.n_missing == 1


def test_group_with_a_deselected_member_is_missing_and_says_so() -> None:
    score = group_of("cc", "all", left_out=1)
    assert score.missing
    assert (score.n_members, score.n_deselected) == (2, 1)


def test_group_outside_the_selection_is_not_in_the_run() -> None:
    assert score_groups(suite(entries(3)), {"i1"}, {})[0].group == "i1"
    assert len(score_groups(suite(entries(3)), {"i1"}, {})) == 1


def test_item_without_a_target_is_outside_its_group() -> None:
    made = suite([entry("a", group="g"), entry("b", group="g", scored=False)])
    (score,) = score_groups(made, {"a", "b"}, answer(made, "cn"))
    assert score.value == 1
    assert score.n_members == 1


@pytest.mark.parametrize("value", [None, 1.5, -0.5, float("nan")])
def test_score_out_of_range_is_missing(value: float | None) -> None:
    made = suite(entries(1), rule="mean")
    outcomes = {("exam", "i0"): Outcome("exam", "i0", Status.CORRECT, value)}
    assert score_groups(made, {"i0"}, outcomes)[0].missing


def test_group_has_the_labels_of_all_its_members() -> None:
    made = suite([entry("a", group="g", language="zh"), entry("b", group="g")])
    (score,) = score_groups(made, {"a", "b"}, {})
    assert {each.language for each in score.labels} == {"en", "zh"}


def test_clusters_that_share_a_group_are_one() -> None:
    made = suite(
        [
            entry("a", group="g", cluster="x"),
            entry("b", group="g", cluster="y"),
            entry("c", cluster="y"),
            entry("d", cluster="z"),
        ]
    )
    first, second, third = score_groups(made, {"a", "b", "c", "d"}, {})
    assert first.cluster == second.cluster
    assert third.cluster != first.cluster


def test_group_is_must_pass_if_one_member_is_and_reviewed_if_all_are() -> None:
    made = suite([entry("a", group="g", must_pass=True, reviewed=True), entry("b", group="g")])
    (score,) = score_groups(made, {"a", "b"}, {})
    assert score.must_pass
    assert not score.reviewed


def test_judged_group_has_no_score_of_a_rule() -> None:
    made = suite(entries(1), needs_judge=True)
    (score,) = score_groups(made, {"i0"}, answer(made, "c"))
    assert score.judged
    assert score.missing


@given(st.sampled_from(RULES), st.text("cwu", min_size=1, max_size=7), st.data())
def test_value_lies_between_the_bounds_with_any_members_missing(
    rule: str, letters: str, data: st.DataObject
) -> None:
    whole = group_of(letters, rule).value
    some = "".join(data.draw(st.sampled_from([letter, "-"])) for letter in letters)
    score = group_of(some, rule)
    assert whole is not None
    assert score.worst <= whole <= score.best
    assert score.value is None or score.value == whole


@given(st.sampled_from(RULES), st.permutations("ccwue-"))
def test_order_of_members_changes_nothing(rule: str, letters: list[str]) -> None:
    score, other = group_of("".join(letters), rule), group_of("ccwue-", rule)
    assert (score.value, score.worst, score.best) == (other.value, other.worst, other.best)


def test_bounds_meet_where_nothing_is_missing() -> None:
    assert bounds("majority", [1.0, 0.0, 1.0], 2, 0) == (1.0, 1.0)
    assert labels(safety=("x",)).harm == "severe"
