"""Pairs: the groups of the present run beside the same groups as they were accepted."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import fsum

from pytest_medbench.baselines.records import ItemRecord, SuiteBaseline
from pytest_medbench.gates.regression.model import Reason
from pytest_medbench.groups import GroupScore, Outcomes, bounds, members_of, score_of
from pytest_medbench.outcomes import SCORED, Status
from pytest_medbench.suites import Entry, Labels, Suite

Limits = tuple[float, float]
Repeats = Sequence[tuple[float, bool]]

NOT_IN_RUN = "no score in this run"
NOT_ACCEPTED = "no score in the accepted run"
CUT = "cut by the selection"
NEW = "not among the accepted items"
ITEM = "the items themselves (input, options, target, examples, or members of the group)"


class _State(Enum):
    SAME = "same"
    VOID = "void"
    NEW = "new"


@dataclass(slots=True)
class PairCell:
    """Groups of one suite with the same labels: in every slice together, or not at all.

    Parameters
    ----------
    clusters : array of int
        Of each pair, numbered over all suites.
    old_low, old_high, new_low, new_high : array of float
        Each group's value with its missing members wrong and right, in both versions.
    known, reviewed : array of int
        1 for groups with a score in both versions, and for reviewed ones.
    void, fresh : int
        Groups made with something else, and new ones: no pairs.
    """

    clusters: array[int] = field(default_factory=lambda: array("q"))
    old_low: array[float] = field(default_factory=lambda: array("d"))
    old_high: array[float] = field(default_factory=lambda: array("d"))
    new_low: array[float] = field(default_factory=lambda: array("d"))
    new_high: array[float] = field(default_factory=lambda: array("d"))
    known: array[int] = field(default_factory=lambda: array("b"))
    reviewed: array[int] = field(default_factory=lambda: array("b"))
    void: int = 0
    fresh: int = 0

    def __len__(self) -> int:
        return len(self.clusters)

    def add(self, cluster: int, old: Limits, new: Limits, *, reviewed: bool) -> None:
        """Take a pair in."""
        self.clusters.append(cluster)
        self.old_low.append(old[0])
        self.old_high.append(old[1])
        self.new_low.append(new[0])
        self.new_high.append(new[1])
        self.known.append(old[0] == old[1] and new[0] == new[1])
        self.reviewed.append(reviewed)


Cells = dict[tuple[str, tuple[Labels, ...]], PairCell]


@dataclass(frozen=True)
class Run:
    """The present run, as far as its pairs need it.

    Parameters
    ----------
    outcomes : mapping
        By suite and id.
    repeats : mapping
        The scores of items that were asked several times, by suite and id.
    made_with : mapping
        What voids each item of this run, by suite and id.
    hashes : mapping
        By suite what its outcomes are made with, to name what changed; may lack suites.
    """

    outcomes: Outcomes
    repeats: Mapping[tuple[str, str], Sequence[float]]
    made_with: Mapping[tuple[str, str], str]
    hashes: Mapping[str, Mapping[str, str]]


@dataclass
class PairedSuite:
    """One suite against what was accepted for it.

    Parameters
    ----------
    suite : Suite
    baseline : SuiteBaseline
    left_out : dict
        Groups that are no pair, by kind and reason.
    comparable : list of (Entry, bool)
        Items made with the same in both versions, and whether their group is must-pass.
    """

    suite: Suite
    baseline: SuiteBaseline
    left_out: dict[tuple[Reason, str], list[str]] = field(default_factory=dict)
    comparable: list[tuple[Entry, bool]] = field(default_factory=list)

    def leave(self, kind: Reason, reason: str, group: str) -> None:
        """Name a group that is no pair."""
        self.left_out.setdefault((kind, reason), []).append(group)


def pair(
    suite: Suite, scores: Sequence[GroupScore], run: Run, baseline: SuiteBaseline, cells: Cells
) -> PairedSuite:
    """Put a suite's groups beside the accepted ones.

    Parameters
    ----------
    suite : Suite
    scores : sequence of GroupScore
        The suite's groups of this run; those that only a judge can score make no pairs.
    run : Run
    baseline : SuiteBaseline
    cells : dict
        Takes the pairs in.
    """
    paired = PairedSuite(suite, baseline)
    members_by_group = members_of(suite)
    changed = _what_changed(run.hashes.get(suite.name, {}), baseline.hashes)
    first = sum(map(len, cells.values()))
    numbers: dict[str, int] = {}
    seen: dict[int, PairCell] = {}
    for score in scores:
        # By identity, which is cheaper than the hash of labels; the scores keep theirs alive.
        cell = seen.get(id(score.labels))
        if cell is None:
            cell = cells.setdefault((suite.name, score.labels), PairCell())
            seen[id(score.labels)] = cell
        members = members_by_group[score.group]
        state = _state(paired, score, members, run.made_with)
        if score.judged and state is not _State.VOID:
            continue
        if state is _State.VOID:
            cell.void += 1
            paired.leave("void", changed, score.group)
        elif state is _State.NEW:
            cell.fresh += 1
            paired.leave("new", NEW, score.group)
        else:
            number = numbers.setdefault(score.cluster, first + len(numbers))
            old, new = _values(paired, score, members, run)
            cell.add(number, old, new, reviewed=score.reviewed)
    return paired


def _what_changed(now: Mapping[str, str], then: Mapping[str, str]) -> str:
    names = [name for name in then if name in now and now[name] != then[name]]
    return ", ".join(name.replace("_", " ") for name in names) or ITEM


def _state(
    paired: PairedSuite,
    score: GroupScore,
    members: Sequence[Entry],
    made_with: Mapping[tuple[str, str], str],
) -> _State:
    """Tell whether a group can be compared; note its items that can be."""
    name = paired.suite.name
    records = paired.baseline.items
    new = void = 0
    for entry in members:
        record = records.get(entry.id)
        digest = made_with.get((name, entry.id))
        if record is None:
            new += 1
        elif record.made_with == digest:
            paired.comparable.append((entry, score.must_pass))
        elif digest is not None or not score.n_deselected:
            # What an item outside this run would be made with nobody has said.
            void += 1
    if new == len(members):
        return _State.NEW
    return _State.VOID if void or new else _State.SAME


def _values(
    paired: PairedSuite, score: GroupScore, members: Sequence[Entry], run: Run
) -> tuple[Limits, Limits]:
    """Give a group's value with what is missing wrong and right, accepted and now."""
    suite = paired.suite
    rule, correct_at = suite.spec.score.group_rule, suite.spec.score.correct_at
    records = paired.baseline.items
    old = _value(rule, [accepted(records[entry.id], correct_at) for entry in members])
    new = score.worst, score.best
    if run.repeats:
        new = _value(rule, [_asked(suite, entry, run) for entry in members])
    if old[0] != old[1]:
        paired.leave("missing", NOT_ACCEPTED, score.group)
    if new[0] != new[1]:
        paired.leave("missing", CUT if score.n_deselected else NOT_IN_RUN, score.group)
    return old, new


def accepted(record: ItemRecord, correct_at: float) -> Repeats:
    """Give the scores of an accepted item, one a repeat, and which are correct; none if missing."""
    if record.status not in SCORED:
        return ()
    if record.scores:
        return [(score, score >= correct_at) for score in record.scores]
    score = 0.0 if record.score is None else record.score
    return ((score, record.status is Status.CORRECT),)


def _asked(suite: Suite, entry: Entry, run: Run) -> Repeats:
    outcome = run.outcomes.get((suite.name, entry.id))
    score = None if outcome is None else score_of(outcome)
    if outcome is None or score is None:
        return ()
    found = run.repeats.get((suite.name, entry.id))
    if found is None:
        return ((score, outcome.status is Status.CORRECT),)
    return [(each, each >= suite.spec.score.correct_at) for each in found]


def _value(rule: str, members: Sequence[Repeats]) -> Limits:
    """Give the mean over the repeats of a group's value, with what is missing wrong and right."""
    if len(members) == 1 and len(members[0]) == 1:
        ((score, right),) = members[0]
        value = score if rule == "mean" else float(right)
        return value, value
    times = max(map(len, members)) or 1
    limits = [_one_repeat(rule, members, repeat) for repeat in range(times)]
    return fsum(low for low, _ in limits) / times, fsum(high for _, high in limits) / times


def _one_repeat(rule: str, members: Sequence[Repeats], repeat: int) -> Limits:
    have = [each[repeat] for each in members if repeat < len(each)]
    scores = [score for score, _ in have]
    return bounds(rule, scores, sum(right for _, right in have), len(members) - len(have))
