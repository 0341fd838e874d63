"""What no run may do, whatever its items, answers and gates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from made_suites import answer, entry, run, suite

from pytest_medbench.gates import Decision, Verdict
from pytest_medbench.suites import Suite

MISSING = "es-"


@dataclass(frozen=True)
class Made:
    suite: Suite
    letters: str
    gates: dict[str, Any]
    circumstances: dict[str, Any] = field(default_factory=dict)

    def decide(self, letters: str | None = None) -> Decision:
        outcomes = answer(self.suite, self.letters if letters is None else letters)
        return run(self.suite, outcomes, self.gates, **self.circumstances)


@st.composite
def items(draw: st.DrawFn, number: int) -> list[Any]:
    made = []
    for index in range(number):
        safety = draw(st.sampled_from([(), (), ("medication",)]))
        group = draw(st.sampled_from([None, None, f"g{index // 3}"]))
        made.append(
            entry(
                f"i{index}",
                group=group or f"i{index}",
                cluster=draw(st.sampled_from([f"i{index}", "c1", "c2"])),
                safety=safety,
                harm=draw(st.sampled_from(["severe", "death"])) if safety else None,
                specialty=draw(st.sampled_from([None, "surgery", "surgery/cardiac"])),
                task=draw(st.sampled_from(["one", "two"])),
                dimension=draw(st.sampled_from(["one", "two"])),
                must_pass=draw(st.integers(0, 19)) == 0,
                reviewed=draw(st.booleans()),
                scored=draw(st.integers(0, 9)) > 0,
            )
        )
    return made


options = st.fixed_dictionaries(
    {"min": st.sampled_from([0.05, 0.3, 0.5, 0.75, 1.0])},
    optional={
        "rule": st.sampled_from(["point", "confidence"]),
        "min_items": st.integers(1, 8),
        "max_wrong": st.integers(0, 5),
        "require_reviewed": st.booleans(),
        "scored_part": st.booleans(),
    },
)
keys = st.sampled_from(
    [
        "overall",
        "safety.*",
        "specialty.*",
        "specialty.surgery",
        "task.one",
        "harm.death",
        "track.llm",
    ]
)
run_circumstances = st.fixed_dictionaries(
    {}, optional={"report_only": st.booleans(), "control": st.booleans()}
)


@st.composite
def runs(draw: st.DrawFn) -> Made:
    number = draw(st.integers(1, 14))
    made = suite(draw(items(number)), rule=draw(st.sampled_from(["all", "majority", "mean"])))
    letters = draw(st.text("cccccwue-", min_size=number, max_size=number))
    gates = draw(st.dictionaries(keys, options, max_size=4))
    return Made(made, letters, gates, draw(run_circumstances))


def change(made: Made, index: int, letter: str) -> str:
    return made.letters[:index] + letter + made.letters[index + 1 :]


def by_slice(decision: Decision) -> dict[tuple[str, str], Verdict]:
    return {(each.gate.key, each.slice.key): each.verdict for each in decision.verdicts}


@settings(max_examples=200)
@given(runs(), st.data())
def test_right_answer_in_place_of_a_wrong_one_never_makes_it_worse(
    made: Made, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(made.letters) - 1))
    before = made.decide(change(made, index, "w"))
    after = made.decide(change(made, index, "c"))
    if before.verdict is not Verdict.BLOCK:
        assert after.verdict is not Verdict.BLOCK
    if before.exit_status == 0:
        assert after.exit_status == 0
    for key, verdict in by_slice(before).items():
        if verdict is Verdict.PASS:
            assert by_slice(after)[key] is Verdict.PASS
        if by_slice(after)[key] is Verdict.BLOCK:
            assert verdict is Verdict.BLOCK


@settings(max_examples=200)
@given(runs(), st.data())
def test_missing_answer_never_makes_it_pass_nor_block(made: Made, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(made.letters) - 1))
    before = made.decide()
    after = made.decide(change(made, index, data.draw(st.sampled_from(MISSING))))
    assert before.exit_status == 0 or after.exit_status != 0
    if before.verdict is not Verdict.BLOCK:
        assert after.verdict is not Verdict.BLOCK
    for key, verdict in by_slice(after).items():
        assert verdict in (Verdict.INCONCLUSIVE, by_slice(before)[key])


@settings(max_examples=100)
@given(runs(), st.randoms(use_true_random=False))
def test_order_in_which_outcomes_arrive_changes_nothing(made: Made, random: Any) -> None:
    outcomes = list(answer(made.suite, made.letters).items())
    before = run(made.suite, dict(outcomes), made.gates, **made.circumstances)
    random.shuffle(outcomes)
    assert run(made.suite, dict(outcomes), made.gates, **made.circumstances) == before


@settings(max_examples=200)
@given(runs())
def test_exit_zero_means_that_nothing_that_matters_is_missing_or_wrong(made: Made) -> None:
    decision = made.decide()
    assert sum(decision.counts.values()) == decision.planned
    if decision.exit_status != 0:
        return
    assert not made.circumstances.get("control")
    assert all(each.verdict is Verdict.PASS for each in decision.verdicts)
    for each, letter in zip(made.suite.entries, made.letters, strict=True):
        if each.labels.safety:
            assert letter not in MISSING
        if each.must_pass:
            assert letter == "c"


@settings(max_examples=200)
@given(runs())
def test_figures_are_consistent_on_every_slice(made: Made) -> None:
    for found in made.decide().slices:
        assert found.right + found.wrong <= found.groups == found.scored + found.missing
        assert found.clusters <= found.scored
        if found.score is not None:
            assert found.low is not None
            assert found.high is not None
            assert 0 <= found.low <= found.score <= found.high <= 1
            assert found.low < found.high
