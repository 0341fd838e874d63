"""A slice's score, interval and counts, as reported and at its worst and best."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import compress

from pytest_medbench.gates.slices import TREES, Cell, Index
from pytest_medbench.stats import Interval, Part, mean_of_means, score_of, zero_failure_size

CLAIMS = (0.05, 0.01, 0.005, 0.001)


class View(Enum):
    """Which groups count, and what the missing ones count as."""

    SCORED = "scored"
    WORST = "worst"
    BEST = "best"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class SliceScore:
    """One slice's figures.

    Parameters
    ----------
    key : str
        `overall`, `specialty.internal_medicine` ...
    scope : str or None
        The suite it is within; None for the run.
    title : str
        The key, with the rule-scored part where only a judge could score the rest.
    score, low, high : float or None
        In [0, 1], without what is missing; None where nothing, or nothing of a task, is scored.
    confidence : float
        One-sided, of `low` and of `high`; both together hold at 2 * confidence - 1.
    groups, scored, missing : int
        Planned groups that a rule can score, those with a score, those without.
    right, wrong : int
        Groups that surely are, whatever the missing items bring.
    reviewed : int
        Groups with a score and a recorded clinical review.
    judged : int
        Groups that only a judge could score.
    clusters : int
        Of the groups with a score.
    items, missing_items, errors, unparsable, unreviewed : int
        Planned items with a target, judged ones too, and of them those without a score that a
        rule could give, with status error, unparsable, and with no recorded clinical review.
    coverage : float
        Share of the planned items with a rule that have a score; 0 if there is none.
    wrong_rate_below : float or None
        Where nothing is wrong or missing: the rate of wrong groups that is ruled out, one-sided.
    next_claim : tuple of (float, int) or None
        The next lower rate and the clusters without a wrong one that it needs.
    """

    key: str
    scope: str | None
    title: str
    score: float | None
    low: float | None
    high: float | None
    confidence: float
    groups: int
    scored: int
    missing: int
    right: int
    wrong: int
    reviewed: int
    judged: int
    clusters: int
    items: int
    missing_items: int
    errors: int
    unparsable: int
    unreviewed: int
    coverage: float
    wrong_rate_below: float | None = None
    next_claim: tuple[float, int] | None = None


def measure(index: Index, key: str, scope: str | None, confidence: float) -> SliceScore:
    """Give a slice's figures at a confidence."""
    cells = index.cells(key, scope)
    counts: Counter[str] = Counter()
    clusters: set[int] = set()
    for cell in cells:
        counts.update(cell.counts)
        clusters.update(compress(cell.clusters, cell.known))
    parts = parts_of(index, key, scope, View.SCORED, scored_part=True)
    score = score_of(parts) if parts else None
    limits = mean_of_means(parts, confidence) if parts else None
    below, claim = _without_failure(key, score, limits, counts, confidence)
    ruled = counts["items"] - counts["judged_items"]
    return SliceScore(
        key=key,
        scope=scope,
        title=_title(index, key, scope, counts),
        score=score,
        low=None if limits is None else limits.low,
        high=None if limits is None else limits.high,
        confidence=confidence,
        groups=counts["groups"],
        scored=counts["scored"],
        missing=counts["groups"] - counts["scored"],
        right=counts["right"],
        wrong=counts["wrong"],
        reviewed=counts["reviewed"],
        judged=counts["judged"],
        clusters=len(clusters),
        items=counts["items"],
        missing_items=counts["missing_items"],
        errors=counts["errors"],
        unparsable=counts["unparsable"],
        unreviewed=counts["unreviewed"],
        coverage=1 - counts["missing_items"] / ruled if ruled else 0.0,
        wrong_rate_below=below,
        next_claim=claim,
    )


def _without_failure(
    key: str,
    score: float | None,
    limits: Interval | None,
    counts: Counter[str],
    confidence: float,
) -> tuple[float | None, tuple[float, int] | None]:
    plain = key.partition(".")[0] not in TREES
    if limits is None or not plain or score != 1 or counts["right"] < counts["groups"]:
        return None, None
    below = 1 - limits.low
    rate = next((rate for rate in CLAIMS if rate < below), None)
    return below, None if rate is None else (rate, zero_failure_size(rate, confidence))


def _title(index: Index, key: str, scope: str | None, counts: Counter[str]) -> str:
    title = key if scope is None else f"{key} of {scope}"
    if counts["judged"]:
        every = counts["groups"] + counts["judged"]
        title += f", rule-scored part, {counts['groups']:,} of {every:,}"
    empty = sum(not cells for _, cells in index.tasks(key, scope))
    if empty and counts["groups"]:
        title += f", without {empty} task{'s'[: empty > 1]} that no target is known for"
    return title


def parts_of(
    index: Index, key: str, scope: str | None, view: View, *, scored_part: bool
) -> list[Part]:
    """Give the parts of a slice's mean under a view; none where a task of it has no group.

    Within a task the clusters of one size are a part: equal clusters have an exact interval, and
    the mean of the parts is the mean over groups.

    Parameters
    ----------
    scored_part : bool
        Whether a task in which no rule can score anything leaves the mean.
    """
    tasks = index.tasks(key, scope, scored_part=scored_part)
    scores = [_task_score(cells, view) for _, cells in tasks]
    if not scores or not all(scores):
        return []
    links = links_of([score.clusters for score in scores])
    parts: list[Part] = []
    for (weight, _), score, shared in zip(tasks, scores, links, strict=True):
        for share, mean, size in score.strata():
            link = -shared if shared else len(parts) + 1
            parts.append(Part(weight * share, mean, size, link))
    return parts


@dataclass(slots=True)
class _TaskScore:
    """The groups of each cluster, and the groups' clusters and values."""

    clusters: Counter[int]
    values: list[tuple[Sequence[int], Sequence[float]]]

    def __len__(self) -> int:
        return len(self.clusters)

    def strata(self) -> list[tuple[float, float, int]]:
        """Give for each size of cluster its share of the groups, its mean and its clusters."""
        numbers = Counter(self.clusters.values())
        groups = sum(size * number for size, number in numbers.items())
        totals = self._totals(numbers)
        return [
            (size * number / groups, min(1.0, totals[size] / (size * number)), number)
            for size, number in sorted(numbers.items())
        ]

    def _totals(self, sizes: Collection[int]) -> Mapping[int, float]:
        """Give the sum of the values by size of cluster."""
        if len(sizes) == 1:
            return {
                size: math.fsum(math.fsum(values) for _, values in self.values) for size in sizes
            }
        totals: defaultdict[int, float] = defaultdict(float)
        for clusters, values in self.values:
            for cluster, value in zip(clusters, values, strict=True):
                totals[self.clusters[cluster]] += value
        return totals


def _task_score(cells: Sequence[Cell], view: View) -> _TaskScore:
    score = _TaskScore(Counter(), [])
    for cell in cells:
        clusters: Sequence[int] = cell.clusters
        values: Sequence[float] = cell.best if view is View.BEST else cell.worst
        if view in (View.SCORED, View.REVIEWED):
            mask = cell.known if view is View.SCORED else cell.reviewed
            if not all(mask):
                clusters = list(compress(clusters, mask))
                values = list(compress(values, mask))
        score.clusters.update(clusters)
        score.values.append((clusters, values))
    return score


def links_of(clusters: Sequence[Iterable[int]]) -> list[int]:
    """Number the tasks that share clusters with another from 1, those that do not with 0."""
    parents = list(range(len(clusters)))

    def root(task: int) -> int:
        while parents[task] != task:
            task = parents[task]
        return task

    owners: dict[int, int] = {}
    for task, found in enumerate(clusters if len(clusters) > 1 else ()):
        for cluster in found:
            owner = owners.setdefault(cluster, task)
            if owner != task:
                parents[root(task)] = root(owner)
    tied = Counter(root(task) for task in range(len(clusters)))
    return [root(task) + 1 if tied[root(task)] > 1 else 0 for task in range(len(clusters))]
