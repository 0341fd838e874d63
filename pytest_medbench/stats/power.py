"""How large a drop a comparison would have seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mcnemar_power(pairs: int, lost_rate: float, gained_rate: float, alpha: float) -> float:
    """Give the chance that the exact one-sided McNemar test rejects.

    Parameters
    ----------
    pairs : int
        All pairs, at least 1.
    lost_rate, gained_rate : float
        Of a pair to be right before and wrong now, and the other way round; together at most 1.
    alpha : float
        Level of the test, in (0, 1).

    Returns
    -------
    float
        In [0, 1]; over the numbers of discordant pairs that are not rarer than 1e-12.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """
    discordance = lost_rate + gained_rate
    _check(pairs, discordance, alpha)
    if discordance == 0:
        return 0.0
    import numpy as np
    from scipy.special import betainc, gammaln, xlog1py, xlogy

    middle = pairs * discordance
    reach = 8 * math.sqrt(middle) + 30
    counts = np.arange(max(1, int(middle - reach)), min(pairs, math.ceil(middle + reach)) + 1)
    weights = np.exp(
        gammaln(pairs + 1)
        - gammaln(counts + 1)
        - gammaln(pairs - counts + 1)
        + xlogy(counts, min(1.0, discordance))
        + xlog1py(pairs - counts, -min(1.0, discordance))
    )
    least = _least_losses(counts, alpha)
    can = least <= counts
    tails = betainc(least[can], counts[can] - least[can] + 1, lost_rate / discordance)
    return float(min(1.0, (weights[can] * tails).sum()))


def _least_losses(counts: NDArray[Any], alpha: float) -> NDArray[Any]:
    """Give, of so many discordant pairs, the losses from which the test rejects."""
    import numpy as np
    from scipy.special import bdtr

    low, high = np.zeros_like(counts), counts + 1
    while (low < high).any():
        middle = (low + high) // 2
        # P(X >= k) is P(X <= count - k) by symmetry; no losses never reject.
        right = np.maximum(counts - middle, 0).astype(float)
        rejects = (middle > counts) | ((middle > 0) & (bdtr(right, counts, 0.5) <= alpha))
        low, high = np.where(rejects, low, middle + 1), np.where(rejects, middle, high)
    return low


def least_visible(pairs: int, discordance: float, alpha: float, power: float = 0.8) -> float | None:
    """Give the smallest drop that the exact one-sided McNemar test finds with a given power.

    Parameters
    ----------
    pairs : int
        Pairs compared, at least 1.
    discordance : float
        Share of pairs that differ between the versions without any drop, in [0, 1]. A larger
        drop than that is taken as losses alone.
    alpha : float
        Level of the test, in (0, 1): in a corrected family the level of its smallest p.
    power : float
        In (0, 1).

    Returns
    -------
    float or None
        In (0, 1]; None where not even a drop of 1 would be found, as under 5 pairs at 0.05.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """
    _check(pairs, discordance, alpha)
    if not 0 < power < 1:
        raise ValueError(f"power {power!r} is not between 0 and 1")

    def found(drop: float) -> bool:
        gained = max(0.0, (discordance - drop) / 2)
        return mcnemar_power(pairs, min(1.0, gained + drop), gained, alpha) >= power

    if not found(1.0):
        return None
    unseen, seen = 0.0, 1.0
    while seen - unseen > 1e-5:
        middle = (unseen + seen) / 2
        unseen, seen = (unseen, middle) if found(middle) else (middle, seen)
    return seen


def _check(pairs: int, discordance: float, alpha: float) -> None:
    if pairs < 1:
        raise ValueError(f"number of pairs {pairs!r} is not at least 1")
    if not 0 <= discordance <= 1 + 1e-9:
        raise ValueError(f"discordance {discordance!r} is not between 0 and 1")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha!r} is not between 0 and 1")
