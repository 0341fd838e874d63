"""The interval of a mean of means: clusters of several sizes, tasks, dimensions, overall."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_medbench.stats.intervals import Interval, beta_interval

MOST = 2.0**40


@dataclass(frozen=True, slots=True)
class Part:
    """One mean that a mean of means is made of.

    Parameters
    ----------
    weight : float
        Its share, over 0; the weights of all parts sum to 1.
    mean : float
        In [0, 1].
    size : float
        Effective number of clusters, over 0.
    link : int
        Parts that share clusters have the same number.
    """

    weight: float
    mean: float
    size: float
    link: int


def score_of(parts: Sequence[Part]) -> float:
    """Give the weighted mean of the parts, in [0, 1]."""
    return min(1.0, max(0.0, math.fsum(part.weight * part.mean for part in parts)))


def mean_of_means(parts: Sequence[Part], confidence: float = 0.95) -> Interval:
    """Give the limits of a weighted mean of means.

    Parameters
    ----------
    parts : sequence of Part
        At least one.
    confidence : float
        One-sided, in [0.5, 1).

    Returns
    -------
    Interval
        The wider on each side of two intervals. MOVER: m - sqrt(sum of squared w (m_t - l_t)),
        and likewise above. Pooled: the beta interval of m at 1 / (sum of w^2 / n_t) clusters.
        Alone each misses too often: MOVER where many small parts lie on one side of a half (up to
        13 % instead of 5 %), the pooled one where the smallest part is the most uncertain (10 %).
        Parts with one `link` are taken for wholly correlated: their distances are added before
        they are squared. One part alone keeps its own limits. Each limit grows with each mean.

    References
    ----------
    Zou and Donner, Statistics in Medicine 27 (2008) 1693-1702; for the effective number of
    clusters Kish, Survey Sampling (1965), section 11.7.
    """
    mean = score_of(parts)
    below: defaultdict[int, float] = defaultdict(float)
    above: defaultdict[int, float] = defaultdict(float)
    spread: defaultdict[int, float] = defaultdict(float)
    for part in parts:
        limits = beta_interval(part.mean, part.size, confidence)
        below[part.link] += part.weight * (part.mean - limits.low)
        above[part.link] += part.weight * (limits.high - part.mean)
        spread[part.link] += part.weight / math.sqrt(part.size)
    pooled = beta_interval(mean, 1 / math.hypot(*spread.values()) ** 2, confidence)
    low = min(pooled.low, mean - math.hypot(*below.values()))
    high = max(pooled.high, mean + math.hypot(*above.values()))
    return Interval(max(0.0, low), min(1.0, high))


def size_factor(parts: Sequence[Part], minimum: float, confidence: float = 0.95) -> float | None:
    """Give how many times the clusters are needed for the lower limit to reach `minimum`.

    Parameters
    ----------
    parts : sequence of Part
        The observed means; each keeps its own at every size.
    minimum : float
        In [0, 1].
    confidence : float
        One-sided, in [0.5, 1).

    Returns
    -------
    float or None
        At least 1; None where no size would do, because the score is not over `minimum`.
    """

    def reaches(factor: float) -> bool:
        scaled = [replace(part, size=part.size * factor) for part in parts]
        return mean_of_means(scaled, confidence).low >= minimum

    enough = 1.0
    while not reaches(enough):
        enough *= 2
        if enough > MOST or score_of(parts) <= minimum:
            return None
    short = enough / 2
    if enough == 1.0:
        return 1.0
    while enough - short > 1e-6 * enough:
        middle = (short + enough) / 2
        if reaches(middle):
            enough = middle
        else:
            short = middle
    return enough
