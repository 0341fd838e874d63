"""The verdict as plain data: what every report renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pytest_medbench.gates.measure import SliceScore
from pytest_medbench.gates.rules import Gate


class Verdict(StrEnum):
    """What a gate, or a run, comes to."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    BLOCK = "BLOCK"
    INCONCLUSIVE = "INCONCLUSIVE"


WORST_FIRST = (Verdict.BLOCK, Verdict.INCONCLUSIVE, Verdict.PASS)

OK = 0
BLOCKED = 1
UNDECIDED = 10
INCOMPLETE = 11
_RANKS = (OK, 5, 6, UNDECIDED, INCOMPLETE, BLOCKED, 2, 4, 3)


def combine(*statuses: int) -> int:
    """Give the exit status that wins: 3, 4, 2, 1, 11, 10, 6, 5, 0; an unknown one over all."""
    return max(
        statuses,
        key=lambda status: _RANKS.index(status) if status in _RANKS else len(_RANKS),
        default=OK,
    )


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a run was, besides its outcomes.

    Parameters
    ----------
    partial : str or None
        What of the plan it is and why: `12 of 2,000 (-k)`.
    allow_partial, ci : bool
        Whether a part may exit 0, and whether this is CI, where it may not.
    shard : str or None
        `2/8`: a part that only a merge decides on.
    control : bool
        Whether the answers came from no model.
    report_only : bool
        Whether a run without gates is meant.
    stopped : str or None
        What ended it early: `-x`, `--maxfail`, a deadline.
    doubts : tuple of str
        Sentences, each of which leaves the run undecided.
    notes : tuple of str
        Sentences that are printed beside the verdict.
    baseline_slices : tuple of str
        Slices of the baseline, which wildcards cover too.
    early : tuple of str
        What sequential tests found, each of which blocks.
    """

    partial: str | None = None
    allow_partial: bool = False
    ci: bool = False
    shard: str | None = None
    control: bool = False
    report_only: bool = False
    stopped: str | None = None
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    baseline_slices: tuple[str, ...] = ()
    early: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """One gate on one slice.

    Parameters
    ----------
    gate : Gate
    slice : SliceScore
        The figures at the gate's confidence.
    verdict : Verdict
    reason : str
        A sentence for a person.
    n_needed : int or None
        Groups that a verdict would need at the observed rate.
    incomplete : bool
        Whether too many items of the slice have no score.
    """

    gate: Gate
    slice: SliceScore
    verdict: Verdict
    reason: str
    n_needed: int | None = None
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class MustPassFailure:
    """A must-pass group that did not pass.

    Parameters
    ----------
    suite, group : str
    items : tuple of str
        The ids that are not `correct`.
    blocks : bool
        Whether one was answered wrong; otherwise one is missing or deselected.
    reason : str
        A sentence for a person.
    """

    suite: str
    group: str
    items: tuple[str, ...]
    blocks: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict of a run.

    Parameters
    ----------
    verdict : Verdict or None
        None where none is made: for a shard, and for a run that is only to report.
    exit_status : int
        0, 1, 10 or 11; `combine` joins it with pytest's own.
    headline : str
        A sentence for a person.
    planned : int
        Items of this run.
    counts : mapping of str to int
        Items by status, and `not run`; they sum to `planned`.
    slices : tuple of SliceScore
        Every slice of the run.
    verdicts : tuple of GateVerdict
        The worst first.
    must_pass : tuple of MustPassFailure
    reasons : tuple of str
        Why the run is no PASS, besides the verdicts.
    notes : tuple of str
        What else a reader of the verdict must know.
    partial : str or None
        What of the plan it is, if not all.
    """

    verdict: Verdict | None
    exit_status: int
    headline: str
    planned: int
    counts: Mapping[str, int]
    slices: tuple[SliceScore, ...]
    verdicts: tuple[GateVerdict, ...]
    must_pass: tuple[MustPassFailure, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    partial: str | None = None
