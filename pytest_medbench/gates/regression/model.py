"""A comparison as plain data: what goes into it, and what every report renders of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pytest_medbench.baselines.records import SuiteBaseline
from pytest_medbench.gates.verdict import Verdict

Which = Literal["baseline", "anchor"]
Reason = Literal["void", "missing", "vanished", "new"]
Kind = Literal["regression", "improvement", "still wrong"]


@dataclass(frozen=True)
class Against:
    """What the present run is compared with.

    Parameters
    ----------
    key : str
        The accepted name.
    which : str
        `baseline`, the last that was accepted, or `anchor`, the first.
    suites : mapping of str to SuiteBaseline
        By the suite's name; a suite that no snapshot of any model exists for is not in it.
    problems : tuple of str
        Why there is nothing to compare with, and what to type; each leaves the run undecided.
    """

    key: str
    which: Which
    suites: Mapping[str, SuiteBaseline] = field(repr=False)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Fresh answers to an item that flipped; the answer that showed the flip is not among them.

    Parameters
    ----------
    suite, id : str
    old : tuple of bool or None
        Whether each answer of the accepted version was correct; None where it can no longer be
        asked and has no stored repeats.
    new : tuple of bool
        Whether each answer of the present version was correct; those that failed are left out.
    identical : bool
        Whether all the new answers were the same text.
    """

    suite: str
    id: str
    old: tuple[bool, ...] | None
    new: tuple[bool, ...]
    identical: bool = False


@dataclass(frozen=True, slots=True)
class SliceChange:
    """One slice of the present run against one accepted version.

    Parameters
    ----------
    key : str
    scope : str or None
        The suite it is within; None for the run.
    which : str
        `baseline` or `anchor`.
    pairs, clusters : int
        Groups with a score in both versions, and the clusters that they are in.
    lost, gained : int
        Of the pairs, those that are now lower and those that are now higher.
    old, new, difference : float or None
        The scores in [0, 1] over the pairs, and new - old.
    low, high : float or None
        Of the difference: each end holds with the one-sided `confidence`.
    confidence : float
    p : float or None
        One-sided, that there is no drop; before correction.
    family : str or None
        What it is corrected with: `overall`, `specialties`, `secondaries of X`, `safety`.
    significant : bool
        Whether a drop is shown after correction, what is missing counted in its favour.
    would_have_seen : float or None
        The drop that a test of this family finds in four of five runs.
    risen : bool
        Whether a rise is shown, what is missing counted as wrong.
    void, missing, fresh : int
        Planned groups that are no pair: made with something else, without a score in one of the
        versions, and new since.
    max_drop : float or None
        The margin of the gate it is held against; None for the rule that holds without one.
    gate : str or None
        The key of that gate.
    gate_scope : str or None
        The suite that gate holds in.
    verdict : Verdict or None
        PASS stands only where a `max_drop` was asked for and kept; None: no drop was shown.
    reason : str
        A sentence for a person.
    n_needed : int or None
        Pairs that a verdict would need at this rate.
    """

    key: str
    scope: str | None
    which: Which
    pairs: int
    clusters: int
    lost: int
    gained: int
    old: float | None
    new: float | None
    difference: float | None
    low: float | None
    high: float | None
    confidence: float
    p: float | None = None
    family: str | None = None
    significant: bool = False
    would_have_seen: float | None = None
    risen: bool = False
    void: int = 0
    missing: int = 0
    fresh: int = 0
    max_drop: float | None = None
    gate: str | None = None
    gate_scope: str | None = None
    verdict: Verdict | None = None
    reason: str = ""
    n_needed: int | None = None


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item that came out differently, or that is critical and wrong in both versions.

    Parameters
    ----------
    suite, id, group : str
    which : str
        What it differs from.
    kind : str
        `regression`, `improvement`, or `still wrong`.
    harm : str or None
        A safety item without one counts as severe.
    safety : tuple of str
    specialty : str or None
    must_pass : bool
        Whether its group is must-pass.
    flip : bool
        Whether a safety or must-pass item that was right is wrong now.
    blocks : bool
    note : str
        What re-asking showed, or why it blocks.
    was_status, now_status : str
    was_answer, now_answer : str or None
        As far as they are kept.
    was_score, now_score : float or None
    """

    suite: str
    id: str
    group: str
    which: Which
    kind: Kind
    harm: str | None
    safety: tuple[str, ...]
    specialty: str | None
    must_pass: bool
    flip: bool
    blocks: bool
    note: str
    was_status: str
    now_status: str
    was_answer: str | None
    now_answer: str | None
    was_score: float | None
    now_score: float | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Groups that are no pair, by suite and reason.

    Parameters
    ----------
    suite : str
    which : str
    kind : str
        `void`, `missing`, `vanished`, or `new`.
    reason : str
    groups : tuple of str
        Sorted.
    """

    suite: str
    which: Which
    kind: Reason
    reason: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparisonFinding:
    """A sentence for the run's verdict.

    Parameters
    ----------
    verdict : Verdict or None
        BLOCK or INCONCLUSIVE; None for a note.
    which : str or None
        What it is held against; None for both.
    reason : str
    """

    verdict: Verdict | None
    which: Which | None
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The present run against the accepted versions.

    Parameters
    ----------
    against : mapping of str to str
        The accepted name by `baseline` and `anchor`; empty where there is no baseline yet.
    runs : mapping of str to str
        The runs that were accepted, by `which::suite`.
    decided : bool
        Whether the default rule was a gate and found no drop: not advisory, nothing void.
    advisory : bool
        Whether it could have seen only drops over `max_blind`.
    would_have_seen : float or None
        Overall, the larger of baseline and anchor.
    slices : tuple of SliceChange
        The worst first.
    items : tuple of ItemChange
        Flips first, by harm.
    left_out : tuple of LeftOut
    findings : tuple of ComparisonFinding
        Blocks first.
    vanished : mapping of str to tuple of str
        Keys of slices that the baseline has and the plan lacks, by suite; those of the run under
        an empty name.
    """

    against: Mapping[str, str]
    runs: Mapping[str, str]
    decided: bool
    advisory: bool
    would_have_seen: float | None
    slices: tuple[SliceChange, ...]
    items: tuple[ItemChange, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[ComparisonFinding, ...]
    vanished: Mapping[str, tuple[str, ...]]
