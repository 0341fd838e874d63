"""Is a new version worse on the same items, and between which limits does its change lie?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_medbench.stats.intervals import Interval, check_confidence
from pytest_medbench.stats.mover import MOST, Part, mean_of_means

# From so many pairs on their own spread is known well enough to be used.
SPREAD_KNOWN = 40


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
    squares : float, optional
        Sum of the squared differences of graded pairs. Default: as of 0/1 pairs, the most it can
        be, lost + gained.

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
    squares: float | None = None

    def __post_init__(self) -> None:
        _check_counts(self.lost, self.gained, self.pairs)
        if not self.weight > 0:
            raise ValueError(f"weight {self.weight!r} is not over 0")
        if self.squares is not None:
            _check_squares(self.lost, self.gained, self.pairs, self.squares)

    def scaled(self, factor: float) -> PairedPart:
        """Give the same changes of `factor` times as many pairs."""
        return replace(
            self,
            lost=self.lost * factor,
            gained=self.gained * factor,
            pairs=self.pairs * factor,
            squares=None if self.squares is None else self.squares * factor,
        )

    @property
    def effective(self) -> float:
        """How many 0/1 pairs say as much: at least `pairs`, and more where graded ones vary less.

        Both spreads have one pseudo-pair each way, so that neither is 0; under 40 pairs the
        observed one is not used.
        """
        if self.squares is None or self.pairs < SPREAD_KNOWN:
            return self.pairs
        size = self.pairs + 2
        drift = ((self.gained - self.lost) / size) ** 2
        single = (self.lost + self.gained + 2) / size - drift
        observed = (self.squares + 2) / size - drift
        return self.pairs * max(1.0, single / observed)


def mcnemar(lost: int, gained: int) -> float:
    """Test whether a new version is worse on 0/1 pairs: McNemar's exact test, one-sided.

    Parameters
    ----------
    lost, gained : int
        Pairs right before and wrong now, and the other way round; at least 0.

    Returns
    -------
    float
        The chance of `lost` or more losses if each discordant pair falls either way alike, in
        (0, 1] down to the smallest number a float holds; 1 where nothing was lost.

    Raises
    ------
    ValueError
        If a number is under 0.

    References
    ----------
    McNemar, Psychometrika 12 (1947) 153-157.
    """
    if lost < 0 or gained < 0:
        raise ValueError(f"discordant pairs {lost!r} and {gained!r} are not at least 0")
    if lost == 0:
        return 1.0
    from scipy.special import betainc

    return float(betainc(lost, gained + 1, 0.5))


def tango(lost: int, gained: int, pairs: int, confidence: float = 0.95) -> Interval:
    """Give Tango's score interval of the change of a rate over 0/1 pairs.

    It is the field's usual one and holds on average; one of its limits alone misses in up to 9 %
    of runs instead of 5 % where few pairs are discordant, so verdicts use `paired_interval`.

    Parameters
    ----------
    lost, gained : int
        Pairs right before and wrong now, and the other way round.
    pairs : int
        All pairs, over 0.
    confidence : float
        One-sided, in [0.5, 1).

    Returns
    -------
    Interval
        Of new minus old, in [-1, 1].

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    Tango, Statistics in Medicine 17 (1998) 891-908.
    """
    _check_counts(lost, gained, pairs)
    check_confidence(confidence)
    from scipy.special import ndtri

    quantile = float(ndtri(confidence))
    low = _tango_low(lost, gained, pairs, quantile)
    high = -_tango_low(gained, lost, pairs, quantile)
    return Interval(low, high)


def _tango_low(lost: float, gained: float, pairs: float, quantile: float) -> float:
    below, above = -1.0, (gained - lost) / pairs
    while True:
        change = (below + above) / 2
        if not below < change < above:
            return below
        # The rate of losses that fits best if the change is this, by the quadratic of the paper.
        slope = (2 * pairs - gained + lost) * change - gained - lost
        rest = -lost * change * (1 - change)
        root = math.sqrt(max(0.0, slope * slope - 8 * pairs * rest))
        rate = (root - slope) / (4 * pairs) if slope <= 0 else -2 * rest / (root + slope)
        variance = max(0.0, 2 * rate + change * (1 - change))
        if gained - lost - pairs * change > quantile * math.sqrt(pairs * variance):
            below = change
        else:
            above = change


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
            squares=math.fsum(value * value for value in values),
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
        Of new minus old, in [-1, 1]: MOVER over the mean of the gains and the mean of the losses,
        each with the limits of `mean_of_means` at the effective numbers of pairs (for 0/1 pairs
        the limits of Clopper and Pearson), and with their correlation, which is negative because
        no pair does both.

    References
    ----------
    Zou and Donner, Statistics in Medicine 27 (2008) 1693-1702; for the correlation Zou,
    Psychological Methods 12 (2007) 399-413; for the effective number Korn and Graubard, Survey
    Methodology 24 (1998) 193-201.
    """
    gains = [Part(p.weight, min(1.0, p.gained / p.pairs), p.effective, p.link) for p in parts]
    losses = [Part(p.weight, min(1.0, p.lost / p.pairs), p.effective, p.link) for p in parts]
    gain, loss = mean_of_means(gains, confidence), mean_of_means(losses, confidence)
    up = math.fsum(part.weight * part.mean for part in gains)
    down = math.fsum(part.weight * part.mean for part in losses)
    tied = _correlation(gains, losses)
    low = up - down - _distance(up - gain.low, loss.high - down, tied)
    high = up - down + _distance(gain.high - up, down - loss.low, tied)
    return Interval(max(-1.0, low), min(1.0, high))


def _distance(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(0.0, one * one + other * other - 2 * correlation * one * other))


def _correlation(gains: Sequence[Part], losses: Sequence[Part]) -> float:
    """Give that of the mean gain and the mean loss, in [-1, 0], as 0/1 pairs have it."""
    both = up = down = 0.0
    for gain, loss in zip(gains, losses, strict=True):
        share = gain.weight**2 / gain.size
        both -= share * gain.mean * loss.mean
        up += share * gain.mean * (1 - gain.mean)
        down += share * loss.mean * (1 - loss.mean)
    spread = math.sqrt(up) * math.sqrt(down)
    return max(-1.0, both / spread) if spread > 0 else 0.0


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


def _check_counts(lost: float, gained: float, pairs: float) -> None:
    if not (pairs > 0 and math.isfinite(pairs)):
        raise ValueError(f"number of pairs {pairs!r} is not over 0")
    if not (lost >= 0 and gained >= 0 and lost + gained <= pairs * (1 + 1e-9)):
        raise ValueError(f"{lost!r} lost and {gained!r} gained are not 0 to {pairs!r} pairs")


def _check_squares(lost: float, gained: float, pairs: float, squares: float) -> None:
    least, most = (gained - lost) ** 2 / pairs, lost + gained
    if not least * (1 - 1e-9) - 1e-9 <= squares <= most * (1 + 1e-9) + 1e-9:
        raise ValueError(f"squares {squares!r} are not between {least!r} and {most!r}")
