"""Slices: which groups share a label, and how a slice's mean is put together."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_medbench.gates.rules import OVERALL
from pytest_medbench.groups import GroupScore
from pytest_medbench.suites import Labels

NONE = "(none)"
PART = "part"
TREES = ("overall", "dimension", "track")
Task = tuple[str, str]


@dataclass(slots=True)
class Cell:
    """Groups of one suite with the same labels: in every slice together, or not at all.

    Parameters
    ----------
    suite : str
    labels : tuple of Labels
    clusters : array of int
        Of each group, numbered over all suites.
    worst, best : array of float
        Each group's value with its missing members wrong and right.
    known, reviewed : array of int
        1 for groups that have a score, and for reviewed ones.
    counts : Counter
        Groups and items by what became of them, to be added up over a slice.
    """

    suite: str
    labels: tuple[Labels, ...]
    clusters: array[int] = field(default_factory=lambda: array("Q"))
    worst: array[float] = field(default_factory=lambda: array("d"))
    best: array[float] = field(default_factory=lambda: array("d"))
    known: array[int] = field(default_factory=lambda: array("b"))
    reviewed: array[int] = field(default_factory=lambda: array("b"))
    counts: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.worst)

    def add(self, score: GroupScore, cluster: int) -> None:
        """Take a group in."""
        counts = self.counts
        counts["items"] += score.n_members
        counts["errors"] += score.n_errors
        counts["unreviewed"] += score.n_unreviewed
        if score.judged:
            counts["judged"] += 1
            counts["judged_items"] += score.n_members
            return
        self.clusters.append(cluster)
        self.worst.append(score.worst)
        self.best.append(score.best)
        self.known.append(score.value is not None)
        self.reviewed.append(score.reviewed)
        counts["groups"] += 1
        counts["scored"] += score.value is not None
        counts["right"] += score.right is True
        counts["wrong"] += score.right is False
        counts["reviewed"] += score.reviewed and score.value is not None
        counts["missing_items"] += score.n_missing
        counts["unparsable"] += score.n_unparsable


def keys_of(labels: Iterable[Labels]) -> set[str]:
    """Give the keys of every slice that a group with these labels is in."""
    keys = {OVERALL}
    for label in labels:
        keys.update(_keys_of(label))
    return keys


def _keys_of(labels: Labels) -> Iterator[str]:
    primary = None if labels.specialty is None else labels.specialty.partition("/")[0]
    yield f"specialty.{primary or NONE}"
    if primary != labels.specialty:
        yield f"specialty.{labels.specialty}"
    for category in labels.safety:
        yield f"safety.{category}"
    if labels.harm is not None:
        yield f"harm.{labels.harm}"
    for population in labels.population:
        yield f"population.{population}"
    yield f"language.{labels.language}"
    yield f"task.{labels.task}"
    yield f"dimension.{labels.dimension}"
    yield f"track.{labels.track}"


class Index:
    """The groups of a run by slice.

    Parameters
    ----------
    by_suite : mapping of str to sequence of GroupScore
    blank : iterable of (str, Labels)
        Suites and labels of items without a target: in no slice, but their task is planned.
    parts : mapping of str to iterable of (str, GroupScore)
        By suite, groups scored by one part: they are in the slice `part.NAME` and in no other.
    """

    def __init__(
        self,
        by_suite: Mapping[str, Iterable[GroupScore]],
        blank: Iterable[tuple[str, Labels]] = (),
        parts: Mapping[str, Iterable[tuple[str, GroupScore]]] | None = None,
    ) -> None:
        cells: dict[tuple[str, tuple[Labels, ...]], Cell] = {}
        of_parts: dict[tuple[str, str], Cell] = {}
        numbers: dict[str, int] = {}
        first = 0
        for suite, scores in by_suite.items():
            numbers.clear()
            # By identity, which is cheaper than the hash of labels; the labels are kept with it.
            seen: dict[int, tuple[tuple[Labels, ...], Cell]] = {}
            for score in scores:
                known = seen.get(id(score.labels))
                if known is None:
                    cell = cells.setdefault((suite, score.labels), Cell(suite, score.labels))
                    seen[id(score.labels)] = score.labels, cell
                else:
                    cell = known[1]
                number = numbers.setdefault(score.cluster, first + len(numbers))
                cell.add(score, number)
            for name, score in (parts or {}).get(suite, ()):
                cell = of_parts.setdefault((suite, name), Cell(suite, ()))
                cell.add(score, numbers.setdefault(score.cluster, first + len(numbers)))
            first += len(numbers)
        self._slices: dict[tuple[str | None, str], list[Cell]] = {}
        for (suite, name), cell in of_parts.items():
            for scope in (None, suite):
                self._slices.setdefault((scope, f"{PART}.{name}"), []).append(cell)
        for cell in cells.values():
            for key in (*keys_of(cell.labels), f"suite.{cell.suite}"):
                self._slices.setdefault((None, key), []).append(cell)
                self._slices.setdefault((cell.suite, key), []).append(cell)
        self._blank = sorted({(suite, each) for suite, each in blank}, key=repr)

    def names(self, scope: str | None = None) -> list[str]:
        """Give the keys of all slices of a suite or of the run, sorted."""
        return sorted(key for owner, key in self._slices if owner == scope)

    def cells(self, key: str, scope: str | None = None) -> Sequence[Cell]:
        """Give what a slice is made of; nothing for one that the run does not have."""
        return self._slices.get((scope, key), ())

    def tasks(
        self, key: str, scope: str | None = None, *, scored_part: bool = False
    ) -> list[tuple[float, list[Cell]]]:
        """Give a slice's parts: their weights, which sum to 1, and cells.

        A plain slice and a task have one part. `overall` is the plain mean of its dimensions,
        each the plain mean of its tasks; `dimension.X` and `track.X` likewise. A planned task in
        which no rule can score anything is a part with no group; with `scored_part` it is left
        out.
        """
        cells = self.cells(key, scope)
        kind, _, label = key.partition(".")
        if kind not in TREES:
            return [(1.0, list(cells))]
        tree: dict[Task, list[Cell]] = {}
        for cell in cells:
            for task in dict.fromkeys(_tasks_of(cell.labels, kind, label)):
                tree.setdefault(task, []).append(cell)
        for suite, labels in self._blank:
            if scope in (None, suite):
                for task in _tasks_of([labels], kind, label):
                    tree.setdefault(task, [])
        if scored_part:
            tree = {task: found for task, found in tree.items() if any(map(len, found))}
        sizes = Counter(dimension for dimension, _ in tree)
        return [
            (1 / (len(sizes) * sizes[dimension]), found)
            for (dimension, _), found in sorted(tree.items())
        ]


def _tasks_of(labels: Iterable[Labels], kind: str, label: str) -> Iterator[Task]:
    for each in labels:
        if kind == OVERALL or getattr(each, kind) == label:
            yield each.dimension, each.task
