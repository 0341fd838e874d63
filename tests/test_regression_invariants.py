"""What no comparison may do, whatever its items, answers and gates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from accepted import accept, against, held
from hypothesis import given, settings
from hypothesis import strategies as st
from made_suites import answer, entry, suite

from pytest_medbench.gates import Decision, Verdict
from pytest_medbench.gates.regression import Comparison
from pytest_medbench.suites import Entry

MARGIN = st.fixed_dictionaries(
    {"max_drop": st.sampled_from([0.01, 0.05, 0.2, 0.6])},
    optional={"min_items": st.integers(1, 8), "alpha": st.sampled_from([0.01, 0.2])},
)
KEYS = st.sampled_from(["overall", "safety.*", "specialty.*", "specialty.surgery", "task.one"])


@dataclass(frozen=True)
class Made:
    """A run of blocks of like items, and what was accepted: by one letter an item."""

    items: list[Entry]
    old: str
    new: str
    rule: str
    gates: dict[str, Any] = field(default_factory=dict)

    def held(self, new: str | None = None) -> tuple[Comparison, Decision]:
        exam = suite(self.items, rule=self.rule)
        outcomes = answer(exam, self.new if new is None else new)
        return held(exam, outcomes, against(accept(exam, self.old)), gates=self.gates)


@st.composite
def comparisons(draw: st.DrawFn, letters: str = "ccccwwue") -> Made:
    items: list[Entry] = []
    old, new = "", ""
    for block in range(draw(st.integers(1, 4))):
        labels: dict[str, Any] = {
            "specialty": draw(st.sampled_from([None, "surgery", "surgery/cardiac", "medicine"])),
            "task": draw(st.sampled_from(["one", "two"])),
            "dimension": draw(st.sampled_from(["one", "two"])),
            "must_pass": draw(st.integers(0, 9)) == 0,
        }
        if draw(st.booleans()):
            labels.update(safety=("medication",), harm=draw(st.sampled_from(["mild", "death"])))
        groups, clusters = draw(st.sampled_from([1, 1, 3])), draw(st.sampled_from([1, 1, 4]))
        for pattern in draw(
            st.lists(
                st.tuples(st.sampled_from(letters), st.sampled_from(letters), st.integers(1, 40)),
                min_size=1,
                max_size=4,
            )
        ):
            before, after, times = pattern
            for _ in range(times):
                number = len(items)
                items.append(
                    entry(
                        f"i{number}",
                        group=f"g{block}-{number // groups}",
                        cluster=f"c{block}-{number // clusters}",
                        **labels,
                    )
                )
                old, new = old + before, new + after
    gates = draw(st.dictionaries(KEYS, MARGIN, max_size=3))
    return Made(items, old, new, draw(st.sampled_from(["all", "majority", "mean"])), gates)


@settings(max_examples=30)
@given(comparisons())
def test_candidate_that_is_the_baseline_never_blocks_by_comparison(made: Made) -> None:
    comparison, decision = made.held(made.old)
    assert not any(row.verdict is Verdict.BLOCK for row in comparison.slices)
    assert not any(found.verdict is Verdict.BLOCK for found in comparison.findings)
    assert all(
        verdict.verdict is not Verdict.BLOCK
        for verdict in decision.verdicts
        if verdict.gate.max_drop is not None
    )
    assert all(
        row.difference in (None, 0.0) and row.p in (None, 1.0)
        for row in comparison.slices
        if not row.missing
    )
    assert all(item.kind == "still wrong" for item in comparison.items)


def _rank(decision: Decision) -> int:
    return (0, 10, 11, 1).index(decision.exit_status)


@settings(max_examples=60)
@given(comparisons(), st.data())
def test_worse_answer_never_makes_a_verdict_better(made: Made, data: st.DataObject) -> None:
    places = [place for place, letter in enumerate(made.new) if letter == "c"]
    if not places:
        return
    place = data.draw(st.sampled_from(places))
    times = data.draw(st.integers(1, 30))
    worse = list(made.new)
    for each in [each for each in places if each >= place][:times]:
        worse[each] = data.draw(st.sampled_from("wu")) if each == place else "w"
    (before, first), (after, second) = made.held(), made.held("".join(worse))
    assert _rank(second) >= _rank(first)
    by_slice = {(row.key, row.gate): row.verdict for row in after.slices}
    for row in before.slices:
        later = by_slice[row.key, row.gate]
        if row.verdict is Verdict.BLOCK:
            assert later is Verdict.BLOCK
        if row.verdict is Verdict.INCONCLUSIVE:
            assert later is not Verdict.PASS
    if not before.decided:
        assert not after.decided


@settings(max_examples=30)
@given(comparisons(), st.data())
def test_missing_answer_makes_no_slice_pass_nor_block(made: Made, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(made.new) - 1))
    lost = made.new[:place] + "e" + made.new[place + 1 :]
    before, _ = made.held()
    after, _ = made.held(lost)
    by_slice = {(row.key, row.gate): row.verdict for row in before.slices}
    for row in after.slices:
        if row.gate is not None and row.verdict in (Verdict.PASS, Verdict.BLOCK):
            assert by_slice[row.key, row.gate] is row.verdict


@settings(max_examples=25)
@given(comparisons(), st.randoms(use_true_random=False))
def test_order_of_items_changes_nothing(made: Made, random: Any) -> None:
    order = list(range(len(made.items)))
    random.shuffle(order)
    mixed = Made(
        [made.items[place] for place in order],
        "".join(made.old[place] for place in order),
        "".join(made.new[place] for place in order),
        made.rule,
        made.gates,
    )
    comparison, decision = made.held()
    again, other = mixed.held()
    assert [(row.key, row.gate, row.verdict) for row in again.slices] == [
        (row.key, row.gate, row.verdict) for row in comparison.slices
    ]
    assert again.items == comparison.items
    assert again.left_out == comparison.left_out
    assert (other.exit_status, other.headline) == (decision.exit_status, decision.headline)
