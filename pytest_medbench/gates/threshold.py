"""The verdict of one gate on one slice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_medbench.gates.measure import SliceScore, View, measure, parts_of
from pytest_medbench.gates.rules import Gate
from pytest_medbench.gates.slices import Index
from pytest_medbench.gates.verdict import WORST_FIRST, GateVerdict, Verdict
from pytest_medbench.stats import Part, mean_of_means, score_of, size_factor

# Sums of floats: a score that is the threshold must not miss it by its last bit.
EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class _Finding:
    verdict: Verdict
    reason: str
    n_needed: int | None = None


def judge(index: Index, gate: Gate, key: str) -> GateVerdict:
    """Hold a gate against one slice.

    What is missing counts as wrong for PASS and as right for BLOCK. `max_wrong` counts groups.

    Parameters
    ----------
    index : Index
    gate : Gate
    key : str
        The slice; for a wildcard one of those that it stands for.
    """
    slice_ = measure(index, key, gate.scope, gate.confidence)
    incomplete = slice_.groups > 0 and slice_.coverage < gate.floor
    finding = _finding(index, gate, slice_)
    if incomplete and finding.verdict is Verdict.PASS:
        finding = _Finding(
            Verdict.INCONCLUSIVE,
            f"{slice_.missing_items:,} items have no score: coverage "
            f"{figure(slice_.coverage, gate.floor)} is under {gate.floor:g}",
        )
    reason = finding.reason + _review(gate, slice_) + _claim(slice_)
    return GateVerdict(gate, slice_, finding.verdict, reason, finding.n_needed, incomplete)


def _finding(index: Index, gate: Gate, slice_: SliceScore) -> _Finding:
    if not slice_.groups:
        return _Finding(Verdict.INCONCLUSIVE, _why_empty(gate, slice_))
    findings = []
    if gate.min is not None:
        found = _hold_min(index, gate, gate.min, slice_)
        findings.append(_only_part(gate, slice_, found))
    if gate.max_wrong is not None:
        found = _hold_wrong(gate, gate.max_wrong, slice_)
        blocks = found.verdict is Verdict.BLOCK
        findings.append(found if blocks else _only_part(gate, slice_, found))
    return min(findings, key=lambda finding: WORST_FIRST.index(finding.verdict))


def _why_empty(gate: Gate, slice_: SliceScore) -> str:
    if slice_.judged:
        return f"only a judge can score its {slice_.judged:,} groups"
    if gate.wildcard and gate.key == slice_.key:
        return "no planned item with a target has such a label, or every slice is too small"
    return "no planned item with a target is in this slice"


def _only_part(gate: Gate, slice_: SliceScore, finding: _Finding) -> _Finding:
    if not slice_.judged or gate.scored_part:
        return finding
    return _Finding(
        Verdict.INCONCLUSIVE,
        f"only a judge can score {slice_.judged:,} of its groups; scored_part = true holds the "
        f"gate against the rest ({finding.reason})",
    )


def _hold_min(index: Index, gate: Gate, minimum: float, slice_: SliceScore) -> _Finding:
    def under(view: View) -> list[Part]:
        return parts_of(index, slice_.key, gate.scope, view, scored_part=gate.scored_part)

    worst, best = under(View.WORST), under(View.BEST)
    if not worst:
        return _Finding(
            Verdict.INCONCLUSIVE,
            "a task of it has no item that a rule can score, and no task leaves the mean",
        )
    small = slice_.scored < gate.min_items
    if _blocks(gate, minimum, best, small=small):
        return _Finding(Verdict.BLOCK, _compare(gate, minimum, slice_, best))
    if slice_.score is None:
        return _Finding(Verdict.INCONCLUSIVE, "a task of it has no group with a score")
    if small:
        return _too_few(gate, slice_.scored)
    if not _passes(gate, minimum, worst):
        return _undecided(gate, minimum, slice_, worst, best)
    if gate.require_reviewed and not (
        slice_.reviewed >= gate.min_items and _passes(gate, minimum, under(View.REVIEWED))
    ):
        return _Finding(
            Verdict.INCONCLUSIVE,
            f"it holds, but not on the {slice_.reviewed:,} groups alone that have a recorded "
            "clinical review (require_reviewed)",
        )
    return _Finding(Verdict.PASS, _compare(gate, minimum, slice_, worst))


def _passes(gate: Gate, minimum: float, parts: Sequence[Part]) -> bool:
    if not parts:
        return False
    if gate.rule == "point":
        return score_of(parts) >= minimum - EPSILON
    return mean_of_means(parts, gate.confidence).low >= minimum - EPSILON


def _blocks(gate: Gate, minimum: float, parts: Sequence[Part], *, small: bool) -> bool:
    if small:
        return mean_of_means(parts, gate.confidence).high < minimum - EPSILON
    return score_of(parts) < minimum - EPSILON


def _hold_wrong(gate: Gate, most: int, slice_: SliceScore) -> _Finding:
    wrong = f"{slice_.wrong:,} of {slice_.groups:,} groups are wrong"
    if slice_.wrong > most:
        return _Finding(Verdict.BLOCK, f"{wrong}; at most {most:,} may be")
    if slice_.groups - slice_.right > most:
        return _Finding(
            Verdict.INCONCLUSIVE,
            f"{wrong} and {slice_.missing:,} missing; at most {most:,} may be wrong",
        )
    if slice_.scored < gate.min_items:
        return _too_few(gate, slice_.scored)
    if gate.require_reviewed and slice_.reviewed < gate.min_items:
        return _Finding(
            Verdict.INCONCLUSIVE,
            f"{slice_.reviewed:,} groups have a recorded clinical review (require_reviewed); "
            f"a verdict needs {gate.min_items:,}",
            gate.min_items,
        )
    return _Finding(Verdict.PASS, f"{wrong}; {most:,} may be")


def _too_few(gate: Gate, scored: int) -> _Finding:
    return _Finding(
        Verdict.INCONCLUSIVE,
        f"{scored:,} groups have a score; a verdict needs {gate.min_items:,} (min_items)",
        gate.min_items,
    )


def _undecided(
    gate: Gate, minimum: float, slice_: SliceScore, worst: Sequence[Part], best: Sequence[Part]
) -> _Finding:
    if slice_.missing:
        low, high = score_of(worst), score_of(best)
        return _Finding(
            Verdict.INCONCLUSIVE,
            f"{slice_.missing:,} of {slice_.groups:,} groups are missing: the score is "
            f"{figure(low, minimum)} if they are wrong and {figure(high, minimum)} if they are "
            f"right; {minimum:g} is asked for",
        )
    factor = size_factor(worst, minimum, gate.confidence)
    end = mean_of_means(worst, gate.confidence).low
    text = (
        f"the score {figure(score_of(worst), minimum)} is not under {minimum:g}, but the lower "
        f"end {figure(end, minimum)} of its {_level(gate)} interval is"
    )
    if factor is None:
        return _Finding(Verdict.INCONCLUSIVE, f"{text}; at this rate no number of groups would do")
    needed = math.ceil(slice_.scored * factor - EPSILON)
    return _Finding(
        Verdict.INCONCLUSIVE, f"{text}; at this rate {needed:,} groups would do", needed
    )


def _compare(gate: Gate, minimum: float, slice_: SliceScore, parts: Sequence[Part]) -> str:
    score = score_of(parts)
    if gate.rule == "confidence" and score >= minimum - EPSILON:
        end = figure(mean_of_means(parts, gate.confidence).low, minimum)
        text = f"the lower end {end} of the {_level(gate)} interval is at least {minimum:g}"
    else:
        relation = "under" if score < minimum - EPSILON else "at least"
        text = f"the score {figure(score, minimum)} is {relation} {minimum:g}"
    if slice_.missing:
        as_ = "right" if score < minimum - EPSILON else "wrong"
        text += f" with {slice_.missing:,} missing groups counted {as_}"
    return f"{text} ({slice_.scored:,} groups)"


def _level(gate: Gate) -> str:
    return f"{200 * gate.confidence - 100:g} %"


def _review(gate: Gate, slice_: SliceScore) -> str:
    if gate.kind not in ("safety", "harm") or not slice_.items:
        return ""
    return f"; {slice_.unreviewed:,} of {slice_.items:,} items have no recorded clinical review"


def _claim(slice_: SliceScore) -> str:
    if slice_.wrong_rate_below is None:
        return ""
    text = (
        f"; none wrong: at {100 * slice_.confidence:g} % the rate of wrong ones is under "
        f"{100 * slice_.wrong_rate_below:.2g} %"
    )
    if slice_.next_claim is not None:
        rate, size = slice_.next_claim
        text += f", and {size:,} without one would show under {100 * rate:g} %"
    return text


def figure(value: float, beside: float) -> str:
    """Write a figure with as many places as tell it from the one it stands beside."""
    for places in range(3, 9):
        text = f"{value:.{places}f}"
        if float(text) != beside or abs(value - beside) < EPSILON:
            break
    return text
