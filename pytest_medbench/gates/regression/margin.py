"""Is it shown that there is no drop over a margin? The rule of `max_drop`."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_medbench.gates.regression.families import Tested, Views
from pytest_medbench.gates.regression.sample import Sample
from pytest_medbench.gates.regression.wording import many, points
from pytest_medbench.gates.resolve import ALPHA
from pytest_medbench.gates.rules import Gate
from pytest_medbench.gates.verdict import Verdict
from pytest_medbench.stats import pairs_needed

EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Held:
    """What a margin comes to on one slice.

    Parameters
    ----------
    verdict : Verdict
    reason : str
    n_needed : int or None
        Pairs that a PASS would need at this rate.
    """

    verdict: Verdict
    reason: str
    n_needed: int | None = None


def hold(
    gate: Gate,
    views: Views,
    tested: Tested | None,
    ignore_below: float,
    reviewed: Sample | None = None,
) -> Held:
    """Hold a slice's pairs against a margin.

    What is missing counts against the candidate for PASS and in its favour for BLOCK.

    Parameters
    ----------
    gate : Gate
        Its `max_drop` is the margin, `alpha` the one-sided error.
    views : Views
    tested : Tested or None
        What the corrected test of a drop says.
    ignore_below : float
        The drop that never blocks: 0 for safety and harm.
    reviewed : Sample or None
        The pairs with a recorded clinical review, on which a gate with `require_reviewed` must
        hold too.
    """
    margin = gate.max_drop
    assert margin is not None
    worst, best = views.worst, views.best
    if views.void:
        return Held(
            Verdict.INCONCLUSIVE, f"{many(views.void, 'group')} of it cannot be compared (void)"
        )
    if worst is None or best is None:
        return Held(Verdict.INCONCLUSIVE, "it has no pair, or a task of it has none")
    shown = tested is not None and tested.shown
    blocked = _blocks(gate, margin, best, shown=shown, ignore_below=ignore_below)
    if blocked is not None:
        return Held(Verdict.BLOCK, blocked)
    least = worst if views.scored is None else views.scored
    if least.pairs < gate.min_items:
        return Held(
            Verdict.INCONCLUSIVE,
            f"{many(least.pairs, 'pair')}; a verdict needs {gate.min_items:,} (min_items)",
            gate.min_items,
        )
    low = worst.interval(1 - level_of(gate)).low
    text = (
        f"at worst {points(low)} points ({_percent(gate)} % one-sided, {many(worst.pairs, 'pair')})"
    )
    if views.missing:
        text += f", {many(views.missing, 'missing group')} counted against it"
    if low > -margin and gate.require_reviewed and not _holds(gate, margin, reviewed):
        return Held(
            Verdict.INCONCLUSIVE,
            f"{text}: it holds, but not on the pairs alone that have a recorded clinical review "
            "(require_reviewed)",
        )
    if low > -margin:
        return Held(Verdict.PASS, f"{text}: within {points(margin)}")
    needed = pairs_needed(worst.parts, margin, 1 - level_of(gate))
    rest = "at this rate no number of pairs would do"
    if needed is not None:
        rest = f"at this rate {many(needed, 'pair')} would do"
    return Held(
        Verdict.INCONCLUSIVE, f"{text}: not shown to be within {points(margin)}; {rest}", needed
    )


def _holds(gate: Gate, margin: float, sample: Sample | None) -> bool:
    enough = sample is not None and sample.pairs >= gate.min_items
    return enough and sample is not None and sample.interval(1 - level_of(gate)).low > -margin


def level_of(gate: Gate) -> float:
    """Give the one-sided error of a gate's margin."""
    return ALPHA if gate.alpha is None else gate.alpha


def _percent(gate: Gate) -> str:
    return f"{100 * (1 - level_of(gate)):g}"


def _blocks(
    gate: Gate, margin: float, best: Sample, *, shown: bool, ignore_below: float
) -> str | None:
    drop = -best.difference
    if drop < ignore_below - EPSILON:
        return None
    high = best.interval(1 - level_of(gate)).high
    text = f"{points(drop)} points lower ({many(best.pairs, 'pair')})"
    if high < -margin:
        return f"{text}, at best {points(-high)}: over {points(margin)}"
    if shown and drop > margin / 2 + EPSILON and best.pairs >= gate.min_items:
        return f"{text}, a drop (p = {best.p:.2g}) over half of {points(margin)}"
    return None
