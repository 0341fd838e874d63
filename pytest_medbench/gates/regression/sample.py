"""The pairs of one slice under one view: its figures, and what the tests need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from math import fsum
from typing import TYPE_CHECKING

from pytest_medbench.gates.measure import links_of
from pytest_medbench.gates.regression.pairing import Cells, PairCell
from pytest_medbench.gates.slices import Index
from pytest_medbench.stats import (
    Interval,
    PairedPart,
    difference_of,
    least_visible,
    mcnemar,
    sign_flip,
    weighted_difference,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


class View(Enum):
    """Which pairs count, and what the missing ones count as."""

    SCORED = "scored"
    WORST = "worst"
    BEST = "best"
    REVIEWED = "reviewed"


@dataclass(frozen=True)
class Pairs:
    """All pairs of a run against one accepted version.

    Parameters
    ----------
    index : Index
        The run's groups, whose plan fixes the weights.
    cells : dict
        The pairs by suite and labels.
    """

    index: Index
    cells: Cells

    def of(self, key: str, scope: str | None = None) -> list[PairCell]:
        """Give the pairs of a slice."""
        found = self.index.cells(key, scope)
        return [
            self.cells[cell.suite, cell.labels]
            for cell in found
            if (cell.suite, cell.labels) in self.cells
        ]

    def sample(self, key: str, scope: str | None, view: View) -> Sample | None:
        """Give a slice's pairs under a view; None where a task of it has none.

        Tasks of which every group is new leave the mean: there is nothing to hold them against.
        """
        tasks = []
        for weight, found in self.index.tasks(key, scope, scored_part=True):
            cells = [self.cells.get((cell.suite, cell.labels)) for cell in found]
            here = [cell for cell in cells if cell is not None and (len(cell) or cell.void)]
            if here:
                tasks.append((weight, _task(here, view)))
        if not tasks or not all(len(task.change) for _, task in tasks):
            return None
        whole = fsum(weight for weight, _ in tasks)
        return Sample(tuple((weight / whole, task) for weight, task in tasks))


@dataclass(frozen=True)
class _Task:
    old: Floats
    new: Floats
    change: Floats
    clusters: Integers

    @cached_property
    def sizes(self) -> tuple[Integers, Integers]:
        """Each pair's cluster, numbered from 0, and the pairs in each cluster."""
        import numpy as np

        _, codes, sizes = np.unique(self.clusters, return_inverse=True, return_counts=True)
        return codes, sizes

    @property
    def single(self) -> bool:
        """Whether each pair is a cluster of its own."""
        return len(self.sizes[1]) == len(self.clusters)

    def parts(self, weight: float, link: int) -> list[PairedPart]:
        """Give the clusters of each size as a part of their own."""
        import numpy as np

        codes, sizes = self.sizes
        means = self.change
        if not self.single:
            means = np.clip(np.bincount(codes, self.change) / sizes, -1.0, 1.0)
        found = []
        for size in np.unique(sizes):
            here = means[sizes == size] if not self.single else means
            number = len(here)
            share = weight * int(size) * number / len(self.change)
            losses, gains = here[here < 0], here[here > 0]
            found.append(
                PairedPart(
                    share,
                    max(0.0, -fsum(losses)),
                    fsum(gains),
                    number,
                    link,
                    lost_squares=fsum(losses**2),
                    gained_squares=fsum(gains**2),
                )
            )
        return found


def _task(cells: Sequence[PairCell], view: View) -> _Task:
    import numpy as np

    def joined(name: str) -> Floats:
        return np.concatenate([np.asarray(getattr(cell, name), float) for cell in cells])

    clusters = np.concatenate([np.asarray(cell.clusters, np.int64) for cell in cells])
    # In the candidate's disfavour what it lacks is wrong, and what was not accepted was right.
    worst = view is not View.BEST
    old = joined("old_high" if worst else "old_low")
    new = joined("new_low" if worst else "new_high")
    if view in (View.SCORED, View.REVIEWED):
        mask = joined("known" if view is View.SCORED else "reviewed") > 0
        old, new, clusters = old[mask], new[mask], clusters[mask]
    return _Task(old, new, new - old, clusters)


@dataclass(frozen=True)
class Sample:
    """The pairs of a slice: its tasks with their weights, which sum to 1."""

    tasks: tuple[tuple[float, _Task], ...]

    @cached_property
    def pairs(self) -> int:
        """How many there are."""
        return sum(len(task.change) for _, task in self.tasks)

    @cached_property
    def clusters(self) -> int:
        """How many clusters they are in, over all tasks."""
        import numpy as np

        if len(self.tasks) == 1:
            return len(self.tasks[0][1].sizes[1])
        return len(np.unique(np.concatenate([task.clusters for _, task in self.tasks])))

    @cached_property
    def parts(self) -> list[PairedPart]:
        """The parts of the weighted mean difference."""
        links = [1]
        if len(self.tasks) > 1:
            links = links_of([task.clusters.tolist() for _, task in self.tasks])
        found: list[PairedPart] = []
        for (weight, task), shared in zip(self.tasks, links, strict=True):
            # Tasks without a cluster of another's are numbered by themselves; so are the sizes.
            apart = not shared or len(self.tasks) == 1
            for part in task.parts(weight, 0):
                link = len(found) + 1 if apart else -shared
                found.append(PairedPart(part.weight, part.lost, part.gained, part.pairs, link))
        return found

    @cached_property
    def difference(self) -> float:
        """New minus old, in [-1, 1]."""
        return difference_of(self.parts)

    def interval(self, confidence: float) -> Interval:
        """Give the limits of the difference."""
        return weighted_difference(self.parts, confidence)

    def score(self, *, new: bool) -> float:
        """Give the score of one version over these pairs, in [0, 1]."""
        return fsum(
            weight * fsum(task.new if new else task.old) / len(task.change)
            for weight, task in self.tasks
        )

    @cached_property
    def lost(self) -> int:
        """Pairs that are lower now."""
        return sum(int((task.change < 0).sum()) for _, task in self.tasks)

    @cached_property
    def gained(self) -> int:
        """Pairs that are higher now."""
        return sum(int((task.change > 0).sum()) for _, task in self.tasks)

    @cached_property
    def p(self) -> float:
        """One-sided p that there is no drop: McNemar's, or sign-flip where pairs are more."""
        if len(self.tasks) == 1 and self.tasks[0][1].single and self._binary():
            return mcnemar(self.lost, self.gained)
        return sign_flip(self._by_cluster)

    def _binary(self) -> bool:
        import numpy as np

        task = self.tasks[0][1]
        return bool(np.isin(task.old, (0, 1)).all() and np.isin(task.new, (0, 1)).all())

    @cached_property
    def _by_cluster(self) -> list[float]:
        """What each cluster adds to the difference; those that add nothing left out."""
        import numpy as np

        shares = [task.change * (weight / len(task.change)) for weight, task in self.tasks]
        clusters = np.concatenate([task.clusters for _, task in self.tasks])
        changes: Floats = np.concatenate(shares)
        if self.clusters < len(clusters):
            _, codes = np.unique(clusters, return_inverse=True)
            changes = np.bincount(codes, changes).astype(float)
        # A sum of floats that should be 0 need not be.
        kept: list[float] = np.sort(changes[np.abs(changes) > 1e-15]).tolist()
        return kept

    def would_have_seen(self, level: float) -> float | None:
        """Give the drop that a test at this level finds in four of five runs; None if none is.

        Without a drop as much would be gained as is lost: the losses say how much the versions
        differ by chance, whatever else was gained. So a worse answer never sharpens the eye.
        """
        # As a share of the pairs; for clusters, of as many single pairs as would vary as much.
        spread = 2 * self.pairs * fsum(each * each for each in self._by_cluster if each < 0)
        pairs = max(1, int(self.pairs / max(1.0, spread)))
        return least_visible(pairs, min(1.0, spread), level)
