"""The permutation test of paired differences that are graded or summed over clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENUMERATED = 16
LEVELS = (4096, 1024, 256, 64)
BUDGET = 5e6
# What the transform leaves of a probability is exact to about this much.
FLOOR = 1e-15


def sign_flip(differences: Sequence[float]) -> float:
    """Test whether a new version is worse: the sign-flip test, one-sided.

    If the versions are alike, each cluster's difference could as well have the other sign. The
    statistic is the sum; the distribution over all 2^m signs is worked out, nothing is drawn.

    Parameters
    ----------
    differences : sequence of float
        New minus old, one of each cluster: the weighted sum of its groups. Any finite values;
        their unit does not matter.

    Returns
    -------
    float
        The chance of a sum as low as the observed one or lower, in (0, 1]. With up to 16
        differences other than 0, or where they are multiples of one unit, exact; else of the
        differences rounded to a grid that is symmetric about 0, whose own test is exact as well.
        Figures under 1e-15 are given as that. For 0/1 pairs it is McNemar's exact test.

    Raises
    ------
    ValueError
        If a difference is not a number.

    References
    ----------
    Fisher, The Design of Experiments (1935), section 21; for the transform Pagano and Tritchler,
    Journal of the American Statistical Association 78 (1983) 435-440.
    """
    import numpy as np

    values = np.asarray(differences, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("a difference is not a number")
    values = values[values != 0]
    if not len(values):
        return 1.0
    values = values / np.abs(values).max()
    if len(values) <= ENUMERATED:
        return _enumerated(values)
    return max(_on_grid(_steps(values)), 0.5 ** len(values), FLOOR)


def _enumerated(values: NDArray[np.float64]) -> float:
    import numpy as np

    sums = np.zeros(1)
    for value in np.abs(values):
        sums = np.concatenate([sums + value, sums - value])
    return float(np.mean(sums <= values.sum() + 1e-9))


def _steps(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give the differences in steps of one unit: their own, if any, else of a grid."""
    import numpy as np

    smallest = np.abs(values).min()
    steps: NDArray[np.int64]
    for parts in range(1, 61):
        scaled = values * (parts / smallest)
        if np.abs(scaled).max() > LEVELS[0]:
            break
        steps = np.rint(scaled).astype(np.int64)
        if np.abs(scaled - steps).max() < 1e-6 and _cost(steps) <= BUDGET:
            return steps
    for levels in LEVELS:
        steps = np.rint(values * levels).astype(np.int64)
        if _cost(steps) <= BUDGET:
            break
    return steps


def _cost(steps: NDArray[np.int64]) -> float:
    import numpy as np

    return float(len(np.unique(np.abs(steps))) * _reach(steps))


def _reach(steps: NDArray[np.int64]) -> int:
    """Give a sum that is never passed, or with a chance under 1e-21 by Hoeffding's bound."""
    import numpy as np

    sizes = np.abs(steps).astype(float)
    return int(min(sizes.sum(), math.ceil(10 * math.sqrt((sizes**2).sum())))) + 1


def _on_grid(steps: NDArray[np.int64]) -> float:
    import numpy as np

    reach = _reach(steps)
    observed = int(steps.sum())
    low = observed if observed < 0 else -observed - 1
    if low < -reach:
        tail = 0.0
    else:
        length = 1 << (2 * reach + 1).bit_length()
        turns = np.arange(length // 2 + 1) * (2 * math.pi / length)
        transform = np.ones(len(turns))
        for size, count in zip(*np.unique(np.abs(steps), return_counts=True), strict=True):
            transform *= np.cos(turns * int(size)) ** int(count)
        chances = np.fft.irfft(transform, length)
        tail = float(chances[length - reach : length + low + 1].sum())
    return min(1.0, tail if observed < 0 else 1 - tail)
