"""Groups: items that are scored as one, under the suite's group rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pytest_medbench.outcomes import SCORED, Outcome, Status
from pytest_medbench.suites import Entry, Labels, Suite

Outcomes = Mapping[tuple[str, str], Outcome]


class GroupScore(NamedTuple):
    """One group's score and what it may still become.

    Parameters
    ----------
    suite, group : str
        Which group.
    cluster : str
        Unique within the suite; clusters that a group ties together have one name.
    labels : tuple of Labels
        Those of its members, each once; the group is in every slice that one of them is in.
    value : float or None
        In [0, 1]; None if it is missing.
    right : bool or None
        Whether it counts as right: for `mean`, if all members are `correct`; None while the
        missing members decide.
    worst, best : float
        The value if the missing members were wrong, and if they were right; `value` lies between.
    n_members, n_missing, n_deselected : int
        Items of this run, those of them without a score, and items that the selection left out.
    n_errors, n_unparsable, n_unreviewed : int
        Items of this run with that status, and those with no recorded clinical review.
    n_wrong : int
        Members that were answered and are not `correct`.
    must_pass : bool
        Whether a member is must-pass, which makes all of them so.
    judged : bool
        Whether only a judge can score it; it is missing, and outside the rule-scored part.
    """

    suite: str
    group: str
    cluster: str
    labels: tuple[Labels, ...]
    value: float | None
    right: bool | None
    worst: float
    best: float
    n_members: int
    n_missing: int
    n_deselected: int
    n_errors: int
    n_unparsable: int
    n_unreviewed: int
    n_wrong: int
    must_pass: bool
    judged: bool

    @property
    def missing(self) -> bool:
        """Whether it has no score."""
        return self.value is None

    @property
    def reviewed(self) -> bool:
        """Whether a clinical review is recorded for every member of this run."""
        return self.n_unreviewed == 0


def bounds(rule: str, scores: Sequence[float], right: int, missing: int) -> tuple[float, float]:
    """Give a group's value with its missing members wrong, and with them right.

    Parameters
    ----------
    rule : str
        `all` and `majority` (more than half) give 0 or 1, `mean` the mean score.
    scores : sequence of float
        The scores in [0, 1] of the members that have one.
    right : int
        How many of these are `correct`.
    missing : int
        How many members have no score.

    Returns
    -------
    tuple of float
        Worst and best; the same where nothing is missing.
    """
    members = len(scores) + missing
    if rule == "mean":
        total = sum(scores)
        return min(1.0, total / members), min(1.0, (total + missing) / members)
    needed = members if rule == "all" else members // 2 + 1
    return float(right >= needed), float(right + missing >= needed)


def score_groups(
    suite: Suite, selected_ids: Collection[str], outcomes: Outcomes
) -> list[GroupScore]:
    """Score every group of which a member is in this run.

    Parameters
    ----------
    suite : Suite
    selected_ids : collection of str
        The ids of this run; a set.
    outcomes : mapping
        By suite and id; an id of this run without one has not run.

    Returns
    -------
    list of GroupScore
        In the order of the suite. Items without a target are outside. A group with a missing or
        deselected member is missing, unless the rule is `all` and a member is wrong already.
    """
    return list(each_group(suite, selected_ids, outcomes))


def each_group(
    suite: Suite, selected_ids: Collection[str], outcomes: Outcomes
) -> Iterator[GroupScore]:
    """Give what `score_groups` gives, one at a time."""
    members_by_group = members_of(suite)
    clusters = clusters_of(members_by_group.values())
    seen: dict[int, tuple[Labels, ...]] = {}
    for group, members in members_by_group.items():
        here = [entry for entry in members if entry.id in selected_ids]
        if here:
            labels = _labels_of(members, seen)
            cluster = clusters.get(members[0].cluster, members[0].cluster)
            yield _score(suite, group, cluster, labels, members, here, outcomes)


def score_group(
    suite: Suite, members: Sequence[Entry], selected_ids: Collection[str], outcomes: Outcomes
) -> GroupScore:
    """Score one group, of which at least a member is in this run.

    Parameters
    ----------
    suite : Suite
    members : sequence of Entry
        All members of the group.
    selected_ids, outcomes
        As for `score_groups`.

    Returns
    -------
    GroupScore
        Its cluster is the first member's, whatever it shares with other groups.
    """
    here = [entry for entry in members if entry.id in selected_ids]
    first = members[0]
    labels = _labels_of(members, {})
    return _score(suite, first.group, first.cluster, labels, members, here, outcomes)


def each_part(
    suite: Suite, selected_ids: Collection[str], outcomes: Outcomes
) -> Iterator[tuple[str, GroupScore]]:
    """Score the groups by the parts of their score that make slices of their own.

    Parameters
    ----------
    suite : Suite
    selected_ids, outcomes
        As for `score_groups`.

    Yields
    ------
    tuple of (str, GroupScore)
        A part's name, and a group of the items that have it. A response that could not be read has
        none of a part.
    """
    named = sorted({name for entry in suite.entries for name in entry.traits.parts})
    groups = list(members_of(suite).values()) if named else []
    clusters = clusters_of(groups)
    for name in named:
        parts = {
            (suite.name, entry.id): _part_of(outcome, name)
            for entry in suite.entries
            if name in entry.traits.parts
            and (outcome := outcomes.get((suite.name, entry.id))) is not None
        }
        for members in groups:
            bearing = [entry for entry in members if name in entry.traits.parts]
            if any(entry.id in selected_ids for entry in bearing):
                score = score_group(suite, bearing, selected_ids, parts)
                cluster = clusters.get(score.cluster, score.cluster)
                yield name, score._replace(cluster=cluster)


def _part_of(outcome: Outcome, name: str) -> Outcome:
    """Give an outcome as if the part were all of its score."""
    if outcome.status not in SCORED:
        return outcome
    value = outcome.parts.get(name, 0.0)
    status = Status.CORRECT if value >= 1 else Status.WRONG
    unread = outcome.status is Status.UNPARSABLE
    return replace(outcome, score=value, status=Status.UNPARSABLE if unread else status, scores=())


def members_of(suite: Suite) -> dict[str, list[Entry]]:
    """Give the items with a target by their group, in the order of the suite."""
    groups: dict[str, list[Entry]] = {}
    for entry in suite.entries:
        if entry.scored:
            groups.setdefault(entry.group, []).append(entry)
    return groups


def _labels_of(members: Sequence[Entry], seen: dict[int, tuple[Labels, ...]]) -> tuple[Labels, ...]:
    """Give the members' labels, each once, in a fixed order; `seen` has those of one alone."""
    first = members[0].labels
    if len(members) == 1 or all(entry.labels is first for entry in members):
        # Labels are shared by the items of a suite: their identity is cheaper than their hash.
        found = seen.get(id(first))
        if found is None:
            found = seen[id(first)] = (first,)
        return found
    return tuple(sorted({entry.labels for entry in members}, key=repr))


def clusters_of(groups: Iterable[Sequence[Entry]]) -> dict[str, str]:
    """Give a name to the clusters that share a group; those that share none keep theirs.

    Members of a group may name different clusters, or only some of them one; their clusters are
    then no more independent than the members are.
    """
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while (parent := parents.get(name, name)) != name:
            parents[name] = parents.get(parent, parent)
            name = parent
        return name

    for members in groups:
        for entry in members[1:]:
            if entry.cluster != members[0].cluster:
                parents[root(entry.cluster)] = root(members[0].cluster)
    return {name: root(name) for name in list(parents)}


def _score(
    suite: Suite,
    group: str,
    cluster: str,
    labels: tuple[Labels, ...],
    members: Sequence[Entry],
    here: Sequence[Entry],
    outcomes: Outcomes,
) -> GroupScore:
    rule = suite.spec.score.group_rule
    judged = suite.scorer.needs_judge
    have: list[Outcome] = []
    scores: list[float] = []
    right = errors = unparsable = 0
    for entry in here:
        outcome = outcomes.get((suite.name, entry.id))
        if outcome is None:
            continue
        errors += outcome.status is Status.ERROR
        unparsable += outcome.status is Status.UNPARSABLE
        score = None if judged else score_of(outcome)
        if score is not None:
            have.append(outcome)
            scores.append(score)
            right += outcome.status is Status.CORRECT
    wrong = len(scores) - right
    missing = len(members) - len(scores)
    if any(outcome.scores for outcome in have):
        worst, best = _mean_bounds(rule, have, suite.spec.score.correct_at, missing)
    else:
        worst, best = bounds(rule, scores, right, missing)
    decided = not missing or (rule == "all" and worst == best)
    return GroupScore(
        suite=suite.name,
        group=group,
        cluster=cluster,
        labels=labels,
        value=worst if decided else None,
        right=_right(rule, worst, best, wrong, missing),
        worst=worst,
        best=best,
        n_members=len(here),
        n_missing=len(here) - len(scores),
        n_deselected=len(members) - len(here),
        n_errors=errors,
        n_unparsable=unparsable,
        n_unreviewed=sum(not entry.reviewed for entry in here),
        n_wrong=wrong,
        must_pass=any(entry.must_pass for entry in members),
        judged=judged,
    )


def _mean_bounds(
    rule: str, have: Sequence[Outcome], correct_at: float, missing: int
) -> tuple[float, float]:
    """Give the means over the repeats of a group's bounds."""
    repeats = max(len(outcome.scores) for outcome in have)
    ends = []
    for at in range(repeats):
        scores = [each.scores[at] for each in have if at < len(each.scores)]
        right = sum(score >= correct_at for score in scores)
        ends.append(bounds(rule, scores, right, missing + len(have) - len(scores)))
    return sum(low for low, _ in ends) / repeats, sum(high for _, high in ends) / repeats


def _right(rule: str, worst: float, best: float, wrong: int, missing: int) -> bool | None:
    if rule == "mean":
        return False if wrong else None if missing else True
    return worst >= 1.0 if worst == best else None


def score_of(outcome: Outcome) -> float | None:
    """Give an outcome's score; None where it is missing or no score in [0, 1]."""
    if outcome.status not in SCORED:
        return None
    if outcome.status is Status.UNPARSABLE:
        return 0.0
    score = outcome.score
    return score if score is not None and 0 <= score <= 1 else None
