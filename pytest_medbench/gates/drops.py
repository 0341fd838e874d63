"""The verdict of one `max_drop` on one slice, from what the comparison found."""

from __future__ import annotations

from dataclasses import replace

from pytest_medbench.gates.measure import SliceScore, measure
from pytest_medbench.gates.regression.model import Comparison, SliceChange
from pytest_medbench.gates.regression.wording import whose
from pytest_medbench.gates.resolve import ALPHA
from pytest_medbench.gates.rules import Gate
from pytest_medbench.gates.slices import Index
from pytest_medbench.gates.threshold import figure
from pytest_medbench.gates.verdict import WORST_FIRST, GateVerdict, Verdict


def judge_drop(
    index: Index, gate: Gate, key: str, comparison: Comparison | None
) -> GateVerdict | None:
    """Hold a gate's `max_drop` against one slice; None where nothing was ever accepted for it.

    Parameters
    ----------
    index : Index
    gate : Gate
    key : str
        The slice; for a wildcard one of those that it stands for.
    comparison : Comparison or None
        Of baseline and anchor the worse decides.
    """
    own = replace(gate, min=None, max_wrong=None)
    confidence = 1 - (ALPHA if gate.alpha is None else gate.alpha)
    slice_ = measure(index, key, gate.scope, confidence)
    if comparison is None:
        reason = "max_drop: the run was compared with nothing"
        return GateVerdict(own, slice_, Verdict.INCONCLUSIVE, reason)
    rows = [
        row
        for row in comparison.slices
        if (row.gate, row.gate_scope, row.key) == (gate.key, gate.scope, key)
        and not (slice_.groups and _nothing_accepted(row))
    ]
    if not rows:
        return None if _none_yet(comparison, slice_) else _uncompared(own, slice_)
    worst = min(rows, key=_badness)
    verdict, reason = _held_back(index, own, slice_, worst)
    incomplete = slice_.groups > 0 and slice_.coverage < gate.floor
    if incomplete and verdict is Verdict.PASS:
        verdict = Verdict.INCONCLUSIVE
        reason = (
            f"{slice_.missing_items:,} items have no score: coverage "
            f"{figure(slice_.coverage, gate.floor)} is under {gate.floor:g}"
        )
    name = whose(comparison.against.get(worst.which, ""), worst.which)
    reason = f"max_drop against {name}: {reason}"
    return GateVerdict(own, slice_, verdict, reason, worst.n_needed, incomplete)


def _nothing_accepted(row: SliceChange) -> bool:
    """Tell whether the slice lies wholly in suites that no model was ever accepted for."""
    return not (row.pairs or row.void or row.missing or row.fresh)


def _none_yet(comparison: Comparison, slice_: SliceScore) -> bool:
    # A comparison that has a baseline but no suite of it has failed, and is no first run.
    return not comparison.against or (bool(comparison.runs) and slice_.groups > 0)


def _uncompared(gate: Gate, slice_: SliceScore) -> GateVerdict:
    reason = "max_drop: there is no accepted run of this slice to compare with"
    return GateVerdict(gate, slice_, Verdict.INCONCLUSIVE, reason)


def _badness(row: SliceChange) -> tuple[int, float]:
    verdict = Verdict.INCONCLUSIVE if row.verdict is None else row.verdict
    return WORST_FIRST.index(verdict), -2.0 if row.low is None else row.low


def _held_back(
    index: Index, gate: Gate, slice_: SliceScore, row: SliceChange
) -> tuple[Verdict, str]:
    verdict = Verdict.INCONCLUSIVE if row.verdict is None else row.verdict
    if verdict is not Verdict.PASS or gate.scored_part:
        return verdict, row.reason
    blank = any(not sum(map(len, cells)) for _, cells in index.tasks(row.key, row.scope))
    if not slice_.judged and not blank:
        return verdict, row.reason
    return (
        Verdict.INCONCLUSIVE,
        "rules cannot score all of it; scored_part = true holds the gate against the rest "
        f"({row.reason})",
    )
