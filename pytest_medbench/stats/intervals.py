"""The interval of one mean of clusters, and what a run without a failure shows."""

from __future__ import annotations

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """Two one-sided limits of a mean in [0, 1].

    Parameters
    ----------
    low, high : float
        Each holds with the one-sided confidence it was made for, so that together they are the
        two-sided interval at 2c - 1: 0.95 gives the 90 % interval.
    """

    low: float
    high: float


def beta_interval(mean: float, size: float, confidence: float = 0.95) -> Interval:
    """Give the limits of a mean of values in [0, 1]; their width is never zero.

    Parameters
    ----------
    mean : float
        The observed mean, in [0, 1].
    size : float
        Independent values it is a mean of, over 0; an effective number need not be whole.
    confidence : float
        One-sided, in [0.5, 1).

    Returns
    -------
    Interval
        For 0/1 values the exact interval of Clopper and Pearson. For graded values the same beta
        quantiles at k = mean * size, which are conservative: of all distributions on [0, 1] with
        one mean the 0/1 one spreads most. Each limit grows with `mean`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    Clopper and Pearson, Biometrika 26 (1934) 404-413.
    """
    if not 0 <= mean <= 1:
        raise ValueError(f"mean {mean!r} is not between 0 and 1")
    if not (size > 0 and math.isfinite(size)):
        raise ValueError(f"size {size!r} is not over 0")
    check_confidence(confidence)
    # Imported here because a session that decides nothing should not pay for it.
    from scipy.special import betaincinv

    hits = mean * size
    misses = size - hits
    low = float(betaincinv(hits, misses + 1, 1 - confidence)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, confidence)) if misses > 0 else 1.0
    return Interval(min(low, mean), max(high, mean))


def check_confidence(confidence: float) -> None:
    """Raise ValueError unless `confidence` is one-sided: at least 0.5 and under 1."""
    if not 0.5 <= confidence < 1:
        raise ValueError(f"confidence {confidence!r} is not between 0.5 and 1")


def zero_failure_bound(size: float, confidence: float = 0.95) -> float:
    """Give the rate of failures that `size` trials without one rule out, one-sided.

    Parameters
    ----------
    size : float
        Independent trials, over 0.
    confidence : float
        One-sided, in [0.5, 1).

    Returns
    -------
    float
        1 - (1 - confidence)^(1 / size), in (0, 1).
    """
    return 1 - beta_interval(1.0, size, confidence).low


def zero_failure_size(rate: float, confidence: float = 0.95) -> int:
    """Give how many trials without a failure show that their rate is under `rate`.

    Parameters
    ----------
    rate : float
        In (0, 1).
    confidence : float
        One-sided, in [0.5, 1).

    Returns
    -------
    int
        59, 299 and 598 for 5, 1 and 0.5 % at 0.95.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate {rate!r} is not between 0 and 1")
    check_confidence(confidence)
    return math.ceil(math.log(1 - confidence) / math.log1p(-rate) - 1e-9)
