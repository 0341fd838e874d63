"""Measure how often the printed limits miss the truth; run it as a script.

Each limit is one-sided at 0.95 and may miss in 5 % of the runs. The table gives both rates of
missing, the Monte Carlo error of the larger one, and `over` where that lies above 5 % by more than
three of those errors.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator

import numpy as np
import paired_coverage
from scipy.special import betaincinv

from pytest_medbench.stats import Part, beta_interval, mean_of_means

CONFIDENCE = 0.95
RUNS = 10_000
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def limits(mean: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Give what `beta_interval` gives, for many means at once."""
    hits = mean * size
    with np.errstate(all="ignore"):
        low = np.where(hits > 0, betaincinv(hits, size - hits + 1, 1 - CONFIDENCE), 0.0)
        high = np.where(size - hits > 0, betaincinv(hits + 1, size - hits, CONFIDENCE), 1.0)
    return np.minimum(low, mean), np.maximum(high, mean)


def coin(p: float) -> Draw:
    return lambda rng, shape: (rng.random(shape) < p).astype(float)


def two_points(a: float, b: float, p: float) -> Draw:
    return lambda rng, shape: np.where(rng.random(shape) < p, b, a)


def beta(a: float, b: float) -> Draw:
    return lambda rng, shape: rng.beta(a, b, shape)


def grid(steps: int, p: float) -> Draw:
    return lambda rng, shape: rng.binomial(steps, p, shape) / steps


def plain_cases() -> Iterator[tuple[str, Draw, float, int]]:
    for n in (3, 5, 10, 30, 150):
        for p in (0.05, 0.25, 0.5, 0.9, 0.97):
            yield f"0/1, p = {p}", coin(p), p, n
        yield "graded, beta(0.5, 0.5)", beta(0.5, 0.5), 0.5, n
        yield "graded, beta(8, 2)", beta(8, 2), 0.8, n
        yield "graded, beta(0.3, 0.03)", beta(0.3, 0.03), 0.3 / 0.33, n
        yield "graded, sevenths, p = 0.9", grid(7, 0.9), 0.9, n
        yield "graded, thirds, p = 0.1", grid(3, 0.1), 0.1, n
        yield "graded, 0 or 0.9, p = 0.95", two_points(0, 0.9, 0.95), 0.855, n
        yield "graded, 0.1 or 1, p = 0.05", two_points(0.1, 1, 0.05), 0.145, n
        yield "graded, 0 or 0.5, p = 0.5", two_points(0, 0.5, 0.5), 0.25, n


def plain(rng: np.random.Generator) -> Iterator[tuple[str, int, float, float]]:
    for name, draw, truth, n in plain_cases():
        low, high = limits(draw(rng, (RUNS, n)).mean(axis=1), n)
        yield name, n, float((low > truth).mean()), float((high < truth).mean())


def sizes_of_clusters() -> Iterator[tuple[str, list[int]]]:
    yield "1 and 10", [1, 10]
    yield "1, 2 ... 8", list(range(1, 9))
    yield "20 of 5", [5] * 20
    yield "100 of 1, one of 10", [1] * 100 + [10]
    yield "30 of 1, one of 30", [1] * 30 + [30]
    yield "10 of 1, 10 of 10", [1] * 10 + [10] * 10
    yield "40 of 1, 5 of 3", [1] * 40 + [3] * 5


def hull(
    means: np.ndarray, weights: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give what `mean_of_means` gives for unlinked parts, for many runs at once."""
    low, high = limits(means, sizes)
    mean = np.clip(means @ weights, 0, 1)
    pooled_low, pooled_high = limits(mean, float(1 / (weights**2 / sizes).sum()))
    below = np.sqrt((((means - low) * weights) ** 2).sum(axis=1))
    above = np.sqrt((((high - means) * weights) ** 2).sum(axis=1))
    return np.minimum(pooled_low, mean - below), np.maximum(pooled_high, mean + above)


def clustered(rng: np.random.Generator) -> Iterator[tuple[str, int, float, float]]:
    for name, listed in sizes_of_clusters():
        sizes = np.array(listed)
        kinds, numbers = np.unique(sizes, return_counts=True)
        weights = kinds * numbers / sizes.sum()
        for p in (0.1, 0.5, 0.9, 0.97):
            for tied in (1.0, 0.3):
                if tied == 1.0:
                    hits = (rng.random((RUNS, len(sizes))) < p) * sizes
                else:
                    spread = 1 / tied - 1
                    rate = rng.beta(p * spread, (1 - p) * spread, (RUNS, len(sizes)))
                    hits = rng.binomial(sizes, rate)
                shares = hits / sizes
                means = np.stack([shares[:, sizes == kind].mean(axis=1) for kind in kinds], axis=1)
                low, high = hull(means, weights, numbers)
                title = f"clusters {name}, correlation {tied}, p = {p}"
                yield title, len(sizes), float((low > p).mean()), float((high < p).mean())


def task_cases() -> Iterator[tuple[str, list[int], list[float]]]:
    for n in (1, 3, 10, 30):
        for p in (0.05, 0.3, 0.6, 0.9, 0.97):
            yield f"12 tasks of {n}, p = {p}", [n] * 12, [p] * 12
        yield f"36 tasks of {n}, p 0.5 to 0.99", [n] * 36, list(np.linspace(0.5, 0.99, 36))
    yield "3, 30 and 150 items, p 0.95", [3, 30, 150], [0.95] * 3
    yield "3, 30 and 150 items, p 0.6, 0.9, 0.99", [3, 30, 150], [0.6, 0.9, 0.99]
    yield "3, 30 and 150 items, p 0.2, 0.9, 0.99", [3, 30, 150], [0.2, 0.9, 0.99]
    yield "3 of 3 at 0.15, 8 of 150 at 0.8", [3] * 3 + [150] * 8, [0.15] * 3 + [0.8] * 8
    yield "2 tasks of 3, p = 0.9", [3, 3], [0.9, 0.9]


def plug_in(means: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Give the normal lower limit from observed variances: the rule that was turned down."""
    variance = (means * (1 - means) / np.array(sizes)).sum(axis=1) / len(sizes) ** 2
    return means.mean(axis=1) - 1.6449 * np.sqrt(variance)


def tasks(rng: np.random.Generator) -> Iterator[tuple[str, int, float, float, float]]:
    for name, sizes, rates in task_cases():
        truth = float(np.mean(rates))
        means = rng.binomial(np.array(sizes), np.array(rates), (RUNS, len(sizes))) / sizes
        weights = np.full(len(sizes), 1 / len(sizes))
        low, high = hull(means, weights, np.array(sizes))
        turned_down = float((plug_in(means, sizes) > truth).mean())
        over, under = float((low > truth).mean()), float((high < truth).mean())
        yield name, sum(sizes), over, under, turned_down


def check_against_package() -> None:
    """Stop where the vectors above say something else than the package does."""
    for mean, size in ((0.0, 3.0), (0.4, 7.5), (0.93, 150.0), (1.0, 12.0)):
        low, high = limits(np.array([mean]), size)
        assert np.allclose((low[0], high[0]), beta_interval(mean, size, CONFIDENCE)), (mean, size)
    parts = [Part(0.5, 0.4, 10, 0), Part(0.3, 0.9, 3, 1), Part(0.2, 1.0, 40, 2)]
    low, high = hull(
        np.array([[part.mean for part in parts]]),
        np.array([part.weight for part in parts]),
        np.array([part.size for part in parts]),
    )
    assert np.allclose((low[0], high[0]), mean_of_means(parts, CONFIDENCE))


def line(name: str, n: int, low: float, high: float, extra: str = "") -> bool:
    worst = max(low, high)
    error = math.sqrt(max(worst, 1 / RUNS) * (1 - worst) / RUNS)
    over = worst - 3 * error > 1 - CONFIDENCE
    print(
        f"{name:<58}{n:>5} {low:>8.2%} {high:>8.2%} {error:>7.2%}{'  over' if over else ''}{extra}"
    )
    return over


def main() -> int:
    check_against_package()
    seed = 20261122
    rng = np.random.default_rng(seed)
    print(f"{RUNS} runs a line, seed {seed}, one-sided confidence {CONFIDENCE}")
    print(f"{'case':<58}{'n':>5} {'low':>8} {'high':>8} {'error':>7}")
    over = sum(line(*row) for row in plain(rng))
    over += sum(line(*row) for row in clustered(rng))
    print("\nmeans of means (last column: the plug-in variance's lower limit)")
    over += sum(line(*row[:4], f"  {row[4]:>7.2%}") for row in tasks(rng))
    print("\npaired differences, exact (last column: Tango's interval)")
    for n in (3, 5, 10, 20, 42, 60, 100, 200, 400):
        over += sum(line(*row[:4], f"  {row[4]:>7.2%}") for row in paired_coverage.pairs(n))
    print("\npaired differences, graded and clustered (last column: one pseudo-pair each way)")
    over += sum(line(*row[:4], f"  {row[4]:>7.2%}") for row in paired_coverage.graded(rng))
    print("\npaired differences, means of means (last column: one pseudo-pair each way)")
    over += sum(line(*row[:4], f"  {row[4]:>7.2%}") for row in paired_coverage.tasks(rng))
    print(f"\n{over} lines over 5 % by more than three Monte Carlo errors")
    return min(over, 1)


if __name__ == "__main__":
    sys.exit(main())
