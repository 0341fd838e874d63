"""`triage`: how soon a patient is sent to care."""

from __future__ import annotations

from typing import Any

from pytest_medbench.answers import is_partial, prompt_text, read_urgency, why_missing
from pytest_medbench.answers.urgency import LEVELS
from pytest_medbench.errors import nearest
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Cause, Score
from pytest_medbench.scorers.registry import NoOptions, scorer
from pytest_medbench.suites import Item, Traits

NO_UNDER_TRIAGE, NO_OVER_TRIAGE = "no_under_triage", "no_over_triage"


def _accepted(target: Any) -> list[int]:
    """Give the ranks of the accepted levels, the least urgent first."""
    named = target if isinstance(target, list) else [target]
    for level in named:
        if not isinstance(level, str) or level not in LEVELS:
            hint = nearest(level, LEVELS) if isinstance(level, str) else ""
            known = ", ".join(reversed(LEVELS))
            raise ValueError(f"target = {target!r}, expected one of {known}, or a list{hint}")
    ranks = sorted(LEVELS.index(level) for level in named)
    if not ranks or ranks != list(range(ranks[0], ranks[0] + len(ranks))):
        raise ValueError(f"target = {target!r}, expected neighbouring levels, each once")
    if len(ranks) == len(LEVELS):
        raise ValueError(f"target = {target!r}: every level is accepted, so that none is wrong")
    return ranks


def _inspect(item: Item, options: NoOptions) -> Traits:
    ranks = _accepted(item.target)
    return Traits(tuple(LEVELS[rank] for rank in ranks), parts=tuple(_parts(ranks, None)))


def _parts(accepted: list[int], rank: int | None) -> dict[str, float]:
    """Give the parts that can fail with these accepted levels; none is met without an answer."""
    parts = {}
    if accepted[0] > 0:
        parts[NO_UNDER_TRIAGE] = float(rank is not None and rank >= accepted[0])
    if accepted[-1] < len(LEVELS) - 1:
        parts[NO_OVER_TRIAGE] = float(rank is not None and rank <= accepted[-1])
    return parts


@scorer("triage", template="triage", inspect=_inspect)
def triage(item: Item, response: Response, options: NoOptions) -> Score:
    """Score 1 where the level of urgency given is an accepted one.

    The parts are `no_under_triage` (no less urgent than all accepted levels) and `no_over_triage`
    (no more urgent), each only where it can fail; without a level both are 0.

    References
    ----------
    Under- and over-triage as in emergency medicine: a patient sent to a lower, or a higher, level
    of care than needed (American College of Surgeons, Resources for Optimal Care of the Injured
    Patient). The four levels are those that patients can act on.
    """
    accepted = _accepted(item.target)
    found = read_urgency(
        response.text, prompt=prompt_text(item.input), partial=is_partial(response)
    )
    if found.answer is None:
        cause = why_missing(found.cause or Cause.NO_ANSWER, response)
        return Score(0.0, None, cause, parts=_parts(accepted, None))
    rank = LEVELS.index(found.answer)
    return Score(float(rank in accepted), found.answer, parts=_parts(accepted, rank))
