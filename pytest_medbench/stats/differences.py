"""Between which limits does the mean change over pairs lie, and how many pairs tell?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pytest_medbench.stats.intervals import Interval, check_confidence
from pytest_medbench.stats.mover import MOST
from pytest_medbench.stats.paired import check_counts


@dataclass(frozen=True, slots=True)
class PairedPart:
    """One mean of paired differences that a weighted difference is made of.

    Parameters
    ----------
    weight : float
        Its share, over 0; the weights of all parts sum to 1.
    lost, gained : float
        What the pairs lost and gained from the old version to the new one. Of 0/1 pairs the
        numbers of discordant ones each way; of graded ones the sums of the falls and of the
        rises, each at most 1 a pair. At least 0, together at most `pairs`.
    pairs : float
        Independent pairs (clusters), over 0; an effective number need not be whole.
    link : int
        Parts that share clusters have the same number.
    lost_squares, gained_squares : float, optional
        Of graded pairs the sums of the squared falls and rises, which make the interval narrower.
        Default: as of 0/1 pairs, the most they can be, `lost` and `gained`.

    Raises
    ------
    ValueError
        If a figure is out of its range.
    """

    weight: float
    lost: float
    gained: float
    pairs: float
    link: int = 0
    lost_squares: float | None = None
    gained_squares: float | None = None

    def __post_init__(self) -> None:
        check_counts(self.lost, self.gained, self.pairs)
        if not self.weight > 0:
            raise ValueError(f"weight {self.weight!r} is not over 0")
        for side in (self.losses, self.gains):
            least = side.total**2 / side.pairs
            if not least * (1 - 1e-9) - 1e-9 <= side.squares <= side.total * (1 + 1e-9) + 1e-9:
                raise ValueError(
                    f"squares {side.squares!r} are not between {least!r} and {side.total!r}"
                )

    @property
    def losses(self) -> Side:
        """The falls alone."""
        squares = self.lost if self.lost_squares is None else self.lost_squares
        return Side(self.weight, self.lost, squares, self.pairs, self.link)

    @property
    def gains(self) -> Side:
        """The rises alone."""
        squares = self.gained if self.gained_squares is None else self.gained_squares
        return Side(self.weight, self.gained, squares, self.pairs, self.link)

    def scaled(self, factor: float) -> PairedPart:
        """Give the same changes of `factor` times as many pairs."""
        losses, gains = self.losses, self.gains
        return replace(
            self,
            lost=self.lost * factor,
            gained=self.gained * factor,
            pairs=self.pairs * factor,
            lost_squares=losses.squares * factor,
            gained_squares=gains.squares * factor,
        )


class Side(NamedTuple):
    """The falls or the rises of a part: values in [0, 1], most of them 0.

    Parameters
    ----------
    weight : float
    total, squares : float
        Sum of the values, and of their squares.
    pairs : float
    link : int
    """

    weight: float
    total: float
    squares: float
    pairs: float
    link: int

    @property
    def mean(self) -> float:
        """In [0, 1]."""
        return min(1.0, self.total / self.pairs)

    @property
    def variance(self) -> float:
        """Of the weighted mean, as observed."""
        spread = max(0.0, self.squares / self.pairs - self.mean**2)
        return self.weight**2 * spread / self.pairs

    def limits(self, confidence: float) -> Interval:
        """Give the limits of the mean.

        Beta quantiles at the size of 0/1 pairs of this mean and spread; for the upper limit with
        one value of 1 more, which might have been missed. Of 0/1 pairs they are the limits of
        Clopper and Pearson.
        """
        from scipy.special import betaincinv

        low, high = 0.0, 1.0
        if self.total > 0 and self.squares > 0:
            unit = self.squares / self.total
            hits = self.total / unit
            low = float(betaincinv(hits, self.pairs / unit - hits + 1, 1 - confidence))
        unit = (self.squares + 1) / (self.total + 1)
        hits = (self.total + 1) / unit
        misses = self.pairs / unit - hits + 1
        if misses > 1e-9:
            high = float(betaincinv(hits, misses, confidence))
        return Interval(min(low, self.mean), max(high, self.mean))


def paired_interval(
    differences: Sequence[float],
    confidence: float = 0.95,
    sizes: Sequence[float] | None = None,
) -> Interval:
    """Give the limits of a mean of paired differences; their width is never zero.

    Parameters
    ----------
    differences : sequence of float
        New minus old of each cluster's mean, in [-1, 1]; at least one.
    confidence : float
        One-sided, in [0.5, 1).
    sizes : sequence of float, optional
        How much each cluster counts, over 0: the groups in it. Default: all alike.

    Returns
    -------
    Interval
        As `weighted_difference` has it, the clusters of one size being one part.

    Raises
    ------
    ValueError
        If there is no difference, or a value is out of its range.
    """
    listed = [1.0] * len(differences) if sizes is None else sizes
    by_size: defaultdict[float, list[float]] = defaultdict(list)
    for difference, size in zip(differences, listed, strict=True):
        if not -1 <= difference <= 1:
            raise ValueError(f"difference {difference!r} is not between -1 and 1")
        by_size[size].append(difference)
    if not by_size or not min(by_size) > 0:
        raise ValueError("an interval needs at least one difference, and sizes over 0")
    whole = math.fsum(listed)
    parts = [
        PairedPart(
            weight=size * len(values) / whole,
            lost=math.fsum(-value for value in values if value < 0),
            gained=math.fsum(value for value in values if value > 0),
            pairs=len(values),
            link=link,
            lost_squares=math.fsum(value * value for value in values if value < 0),
            gained_squares=math.fsum(value * value for value in values if value > 0),
        )
        for link, (size, values) in enumerate(sorted(by_size.items()))
    ]
    return weighted_difference(parts, confidence)


def difference_of(parts: Sequence[PairedPart]) -> float:
    """Give the weighted mean change, new minus old, in [-1, 1]."""
    changes = (part.weight * (part.gained - part.lost) / part.pairs for part in parts)
    return min(1.0, max(-1.0, math.fsum(changes)))


def weighted_difference(parts: Sequence[PairedPart], confidence: float = 0.95) -> Interval:
    """Give the limits of a weighted mean of paired differences; their width is never zero.

    Parameters
    ----------
    parts : sequence of PairedPart
        At least one; of 0/1 pairs alone `[PairedPart(1.0, lost, gained, pairs)]`.
    confidence : float
        One-sided, in [0.5, 1).

    Returns
    -------
    Interval
        Of new minus old, in [-1, 1]: MOVER over the mean gain and the mean loss, with their
        correlation, which is negative because no pair does both. The limits of each are the
        wider of MOVER over the parts and of all parts pooled, as in `mean_of_means`; for 0/1
        pairs of one part they are those of Clopper and Pearson.

    References
    ----------
    Zou and Donner, Statistics in Medicine 27 (2008) 1693-1702; for the correlation Zou,
    Psychological Methods 12 (2007) 399-413; for graded differences Fay and Feuer, Statistics in
    Medicine 16 (1997) 791-801.
    """
    check_confidence(confidence)
    gains, losses = [part.gains for part in parts], [part.losses for part in parts]
    up, gain = _limits(gains, confidence)
    down, loss = _limits(losses, confidence)
    both = math.fsum(
        rise.weight**2 * rise.mean * fall.mean / rise.pairs
        for rise, fall in zip(gains, losses, strict=True)
    )
    spread = math.sqrt(math.fsum(side.variance for side in gains))
    spread *= math.sqrt(math.fsum(side.variance for side in losses))
    tied = -min(1.0, both / spread) if spread > 0 else 0.0
    low = up - down - _distance(up - gain.low, loss.high - down, tied)
    high = up - down + _distance(gain.high - up, down - loss.low, tied)
    return Interval(max(-1.0, low), min(1.0, high))


def _limits(sides: Sequence[Side], confidence: float) -> tuple[float, Interval]:
    """Give the weighted mean of the falls, or of the rises, and its limits."""
    mean = math.fsum(side.weight * side.mean for side in sides)
    below: defaultdict[int, float] = defaultdict(float)
    above: defaultdict[int, float] = defaultdict(float)
    spread: defaultdict[int, float] = defaultdict(float)
    for side in sides:
        limits = side.limits(confidence)
        below[side.link] += side.weight * (side.mean - limits.low)
        above[side.link] += side.weight * (limits.high - side.mean)
        spread[side.link] += side.weight / math.sqrt(side.pairs)
    size = 1 / math.hypot(*spread.values()) ** 2
    weights = [(side.weight / side.pairs) ** 2 for side in sides]
    single = math.fsum(w * side.total for w, side in zip(weights, sides, strict=True))
    squares = math.fsum(w * side.squares for w, side in zip(weights, sides, strict=True))
    total = mean * size
    pooled = Side(1.0, total, total * squares / single if single > 0 else 0.0, size, 0)
    wider = pooled.limits(confidence)
    low = min(wider.low, mean - math.hypot(*below.values()))
    high = max(wider.high, mean + math.hypot(*above.values()))
    return mean, Interval(max(0.0, low), min(1.0, high))


def _distance(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(0.0, one * one + other * other - 2 * correlation * one * other))


def pairs_needed(
    parts: Sequence[PairedPart], max_drop: float, confidence: float = 0.95
) -> int | None:
    """Give how many pairs would show that the drop is under `max_drop`.

    Parameters
    ----------
    parts : sequence of PairedPart
        The observed changes; each keeps its rates at every size.
    max_drop : float
        In (0, 1].
    confidence : float
        One-sided, in [0.5, 1).

    Returns
    -------
    int or None
        All pairs of all parts, at least as many as there are; None where no number would do,
        because the observed drop is not under `max_drop`.
    """

    def shows(factor: float) -> bool:
        scaled = [part.scaled(factor) for part in parts]
        return weighted_difference(scaled, confidence).low > -max_drop

    have = math.fsum(part.pairs for part in parts)
    enough = 1.0
    while not shows(enough):
        enough *= 2
        if enough > MOST or difference_of(parts) <= -max_drop:
            return None
    short = enough / 2 if enough > 1 else 1.0
    while enough - short > 1e-6 * enough:
        middle = (short + enough) / 2
        short, enough = (short, middle) if shows(middle) else (middle, enough)
    return math.ceil(enough * have - 1e-9)
