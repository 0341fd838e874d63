"""What answers given without looking reach on a slice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pytest_medbench.gates.slices import Index
from pytest_medbench.groups import GroupScore, bounds, each_group, members_of
from pytest_medbench.suites import Entry, Labels, Suite

LONGEST = "the longest option"
Blind = tuple[bool, str]


class Chance:
    """The reach of the best constant answer, and of the longest option, by slice.

    Parameters
    ----------
    suites : iterable of Suite
        Suites that only a judge can score are left out.
    """

    def __init__(self, suites: Iterable[Suite]) -> None:
        self._sums: dict[tuple[str, tuple[Labels, ...]], dict[Blind, float]] = {}
        self._right: dict[tuple[str, tuple[Labels, ...]], Counter[Blind]] = {}
        self.index = Index(
            {suite.name: self._scores(suite) for suite in suites if not suite.scorer.needs_judge}
        )

    def _scores(self, suite: Suite) -> Iterator[GroupScore]:
        members = members_of(suite)
        rule = suite.spec.score.group_rule
        for score in each_group(suite, {entry.id for entry in suite.entries}, {}):
            reached = _reach(rule, members[score.group])
            if reached:
                cell = suite.name, score.labels
                sums = self._sums.setdefault(cell, defaultdict(float))
                right = self._right.setdefault(cell, Counter())
                for blind, value in reached.items():
                    sums[blind] += value
                    right[blind] += value == 1
            yield score

    def best(self, key: str, scope: str | None) -> tuple[float, str]:
        """Give what one blind answer to all of a slice reaches at most, and which it is.

        Returns
        -------
        tuple of (float, str)
            A score in [0, 1], made like the slice's own; 0 where no item has such an answer.
        """
        reach: dict[Blind, float] = defaultdict(float)
        for weight, cells in self.index.tasks(key, scope):
            groups = sum(map(len, cells))
            for cell in cells:
                for blind, total in self._sums.get((cell.suite, cell.labels), {}).items():
                    reach[blind] += weight * total / groups
        if not reach:
            return 0.0, ""
        blind, score = max(reach.items(), key=lambda pair: (pair[1], pair[0]))
        return min(1.0, score), _said(blind)

    def fewest_wrong(self, key: str, scope: str | None) -> tuple[int, str]:
        """Give how many groups of a slice one blind answer gets wrong at least, and which it is."""
        right: Counter[Blind] = Counter()
        groups = 0
        for cell in self.index.cells(key, scope):
            groups += len(cell)
            right.update(self._right.get((cell.suite, cell.labels), {}))
        if not right:
            return groups, "any blind answer"
        blind, most = max(right.items(), key=lambda pair: (pair[1], pair[0]))
        return groups - most, _said(blind)


def _said(blind: Blind) -> str:
    longest, answer = blind
    return LONGEST if longest else f"always {answer!r}"


def _reach(rule: str, members: Sequence[Entry]) -> dict[Blind, float]:
    """Give a group's value under each blind answer that gets a member right."""
    right: Counter[Blind] = Counter()
    for entry in members:
        right.update((False, constant) for constant in set(entry.traits.constants))
        if entry.traits.longest:
            right[True, ""] += 1
    values = {}
    for blind, times in right.items():
        scores = [1.0] * times + [0.0] * (len(members) - times)
        values[blind], _ = bounds(rule, scores, times, 0)
    return values
