"""Items that are asked several times: one outcome of many, and how noisy they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pytest_medbench.outcomes import MISSING, Outcome, Status


def join(outcomes: Sequence[Outcome], *, correct_at: float, must_pass: bool) -> Outcome:
    """Make one outcome of an item's repeats.

    Its score is the mean of theirs; the status goes by that, and for a must-pass item by the worst.
    A repeat without a score leaves the item without one.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of one item, in the order of the samples, at least one.
    correct_at : float
        The score in [0, 1] from which on an item is correct.
    must_pass : bool
    """
    first = outcomes[0]
    if len(outcomes) == 1:
        return first
    together = replace(
        first,
        tries=sum(outcome.tries for outcome in outcomes),
        asked_at=min(outcome.asked_at for outcome in outcomes),
    )
    for at, outcome in enumerate(outcomes):
        if outcome.status in MISSING:
            reason = f"repeat {at + 1} of {len(outcomes)}: {outcome.reason}"
            return replace(together, status=outcome.status, score=None, parts={}, reason=reason)
    scores = tuple(outcome.score for outcome in outcomes if outcome.score is not None)
    if len(scores) < len(outcomes):
        return replace(together, status=Status.UNSCORED, score=None)
    mean = sum(scores) / len(scores)
    worst = min(outcomes, key=lambda outcome: outcome.score or 0.0)
    counted = min(scores) if must_pass else mean
    status = Status.CORRECT if counted >= correct_at else _not_correct(outcomes)
    return replace(
        together,
        status=status,
        score=mean,
        parts=_means(outcomes),
        reason=None if status is not Status.UNPARSABLE else worst.reason,
        scores=scores,
    )


def _not_correct(outcomes: Sequence[Outcome]) -> Status:
    unread = sum(outcome.status is Status.UNPARSABLE for outcome in outcomes)
    return Status.UNPARSABLE if 2 * unread > len(outcomes) else Status.WRONG


def _means(outcomes: Sequence[Outcome]) -> dict[str, float]:
    # A repeat that could not be read has no parts, and nothing of any.
    names = dict.fromkeys(name for each in outcomes for name in each.parts)
    return {
        name: sum(each.parts.get(name, 0.0) for each in outcomes) / len(outcomes) for name in names
    }


def noise(outcomes: Iterable[Outcome]) -> str | None:
    """Say how much the repeats of a run differ; None where nothing was asked several times.

    pass^k is the share of items of which all k repeats have the full score (Yao et al., tau-bench,
    2024); the flip rate is the chance that two repeats of an item differ in that.
    """
    scores = [outcome.scores for outcome in outcomes if outcome.scores]
    if not scores:
        return None
    k, items = len(scores[0]), len(scores)
    mean = sum(sum(each) / len(each) for each in scores) / items
    worst = sum(map(min, scores)) / items
    right = [sum(value >= 1.0 for value in each) for each in scores]
    always = sum(count == len(each) for count, each in zip(right, scores, strict=True)) / items
    flips = sum(
        2 * count * (len(each) - count) / (len(each) * (len(each) - 1))
        for count, each in zip(right, scores, strict=True)
    )
    return (
        f"{k} repeats of {items:,} items: mean {100 * mean:.1f}, pass^{k} {100 * always:.1f}, "
        f"worst of {k} {100 * worst:.1f}, flip rate {100 * flips / items:.1f} %"
    )
