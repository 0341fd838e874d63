"""Parts of a score that make slices of their own: no mean nets one fault against another."""

from __future__ import annotations

from dataclasses import replace

import made_suites as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench.errors import ConfigError
from pytest_medbench.gates import Verdict, check_gates, parse_gates
from pytest_medbench.groups import each_part
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.repeats import join
from pytest_medbench.suites import Suite, Traits
from pytest_medbench.taxonomy import load_taxonomy

UNDER, OVER = "no_under_triage", "no_over_triage"


def triage(*parts: tuple[str, ...], group: str | None = None) -> Suite:
    entries = [
        made.entry(f"i{at}", traits=Traits(parts=each), **({"group": group} if group else {}))
        for at, each in enumerate(parts)
    ]
    return made.suite(entries)


def outcome(name: str, status: Status = Status.WRONG, **parts: float) -> Outcome:
    score = {Status.CORRECT: 1.0, Status.WRONG: 0.0, Status.UNPARSABLE: 0.0}.get(status)
    return Outcome("exam", name, status, score=score, parts=parts)


def held(suite: Suite, outcomes: list[Outcome], gates: dict[str, object]) -> dict[str, Verdict]:
    found = {(each.suite, each.id): each for each in outcomes}
    decision = made.run(suite, found, gates)
    return {each.slice.key: each.verdict for each in decision.verdicts}


def test_one_fault_does_not_count_against_the_other_part() -> None:
    suite = triage(*[(UNDER, OVER)] * 4)
    outcomes = [
        outcome("i0", Status.CORRECT, **{UNDER: 1.0, OVER: 1.0}),
        *(outcome(f"i{at}", **{UNDER: 1.0, OVER: 0.0}) for at in (1, 2, 3)),
    ]
    gates = {f"part.{UNDER}": 1.0, f"part.{OVER}": 0.9}
    assert held(suite, outcomes, gates) == {
        f"part.{UNDER}": Verdict.PASS,
        f"part.{OVER}": Verdict.BLOCK,
    }


def test_an_item_counts_in_the_parts_it_has_alone() -> None:
    suite = triage((UNDER,), (UNDER,), (OVER,))
    outcomes = [outcome("i0", **{UNDER: 1.0}), outcome("i1"), outcome("i2", **{OVER: 1.0})]
    found = {(each.suite, each.id): each for each in outcomes}
    scores = [(name, score.value) for name, score in each_part(suite, {"i0", "i1", "i2"}, found)]
    assert scores == [(OVER, 1.0), (UNDER, 1.0), (UNDER, 0.0)]


def test_what_could_not_be_read_has_nothing_of_a_part() -> None:
    suite = triage((UNDER, OVER))
    gates = {"part.*": {"min": 0.5, "min_items": 1}}
    assert held(suite, [outcome("i0", Status.UNPARSABLE)], gates) == {
        f"part.{UNDER}": Verdict.BLOCK,
        f"part.{OVER}": Verdict.BLOCK,
    }


def test_a_missing_answer_is_no_fault_and_no_pass() -> None:
    suite = triage((UNDER,), (UNDER,))
    outcomes = [outcome("i0", **{UNDER: 1.0}), Outcome("exam", "i1", Status.ERROR)]
    assert held(suite, outcomes, {f"part.{UNDER}": 0.9}) == {f"part.{UNDER}": Verdict.INCONCLUSIVE}


def test_a_group_has_a_part_only_if_all_its_members_do() -> None:
    suite = triage((UNDER,), (UNDER,), (), group="g")
    outcomes = [outcome("i0", **{UNDER: 1.0}), outcome("i1", **{UNDER: 0.0}), outcome("i2")]
    found = {(each.suite, each.id): each for each in outcomes}
    ((name, score),) = each_part(suite, {"i0", "i1", "i2"}, found)
    assert (name, score.value, score.n_members) == (UNDER, 0.0, 2)


@given(st.lists(st.sampled_from([1.0, 0.0, None]), min_size=1, max_size=30))
def test_the_score_is_the_share_of_items_without_the_fault(values: list[float | None]) -> None:
    suite = triage(*[(UNDER,)] * len(values))
    outcomes = [
        outcome(f"i{at}", Status.UNPARSABLE)
        if value is None
        else outcome(f"i{at}", **{UNDER: value})
        for at, value in enumerate(values)
    ]
    found = {(each.suite, each.id): each for each in outcomes}
    decision = made.run(suite, found, {f"part.{UNDER}": {"min": 0.5}})
    (row,) = [each for each in decision.slices if each.key == f"part.{UNDER}"]
    assert row.score == pytest.approx(sum(value == 1 for value in values) / len(values))
    assert row.clusters == len(values)


def test_repeats_count_in_a_part_by_their_mean() -> None:
    repeats = [
        outcome("i0", Status.CORRECT, **{UNDER: 1.0}),
        outcome("i0", Status.UNPARSABLE),
    ]
    together = join(repeats, correct_at=1.0, must_pass=False)
    assert together.parts == {UNDER: 0.5}
    found = {("exam", "i0"): together}
    ((_, score),) = each_part(triage((UNDER,)), {"i0"}, found)
    assert score.value == 0.0


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ({f"part.{UNDER}": 0.9}, f"write a gate on part.{OVER} of suite 'exam' as well"),
        ({"part.no_under_triag": 0.9}, f"did you mean '{UNDER}'"),
        ({"part.*": {"min": 0.5, "max_drop": 0.1}}, "a part of a score has no max_drop"),
    ],
)
def test_a_gate_on_a_part_that_would_mislead_is_refused(
    gates: dict[str, object], said: str
) -> None:
    suite = triage((UNDER,), (UNDER, OVER))
    parsed = parse_gates(gates, "here", scope=None)
    with pytest.raises(ConfigError, match=said):
        check_gates(parsed, [suite], load_taxonomy())


def test_gates_on_all_parts_are_taken() -> None:
    suite = triage((UNDER,), (UNDER, OVER))
    for gates in ({"part.*": 0.9}, {f"part.{UNDER}": 1.0, f"part.{OVER}": 0.5}):
        check_gates(parse_gates(gates, "here", scope=None), [suite], load_taxonomy())
    plain = replace(suite, entries=made.entries(2))
    with pytest.raises(ConfigError, match="no item and no taxonomy has part"):
        check_gates(
            parse_gates({f"part.{UNDER}": 1.0}, "here", scope=None), [plain], load_taxonomy()
        )
