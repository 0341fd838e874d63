"""How often the limits of paired differences miss the truth; `coverage.py` prints it.

0/1 pairs are summed over all tables, so that their rates have no Monte Carlo error; the rest is
drawn. Beside each stands what the rule that was turned down would miss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import multinomial

from pytest_medbench.stats import PairedPart, tango, weighted_difference

CONFIDENCE = 0.95
RUNS = 10_000
NEGLIGIBLE = 1e-9
Row = tuple[str, int, float, float, float]
Limits = Callable[[int, int], tuple[float, float]]


def pairs(n: int) -> Iterator[Row]:
    """Give the worst of all shares of losses, for each discordance, and Tango's worst beside."""
    ours = limits_by_table(lambda lost, gained: weighted_difference(
        [PairedPart(1.0, lost, gained, n)], CONFIDENCE))  # fmt: skip
    theirs = limits_by_table(lambda lost, gained: tango(lost, gained, n, CONFIDENCE))
    for discordance in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
        shares = (0.0, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 1.0)
        missed = [missing(n, discordance, share, ours) for share in shares]
        tangos = [max(missing(n, discordance, share, theirs)) for share in shares]
        low, high = (max(side) for side in zip(*missed, strict=True))
        yield (
            f"0/1 pairs, discordance {discordance:.0%}, worst share lost",
            n,
            low,
            high,
            max(tangos),
        )


def limits_by_table(limits: Limits) -> Limits:
    known: dict[tuple[int, int], tuple[float, float]] = {}

    def look(lost: int, gained: int) -> tuple[float, float]:
        if (lost, gained) not in known:
            known[lost, gained] = limits(lost, gained)
        return known[lost, gained]

    return look


def missing(n: int, discordance: float, share: float, limits: Limits) -> tuple[float, float]:
    """Give the chances that the low limit is over the truth, and the high one under it."""
    rates = [discordance * share, discordance * (1 - share), 1 - discordance]
    truth = rates[1] - rates[0]
    lost, gained = (side.ravel() for side in np.indices((n + 1, n + 1)))
    inside = lost + gained <= n
    lost, gained = lost[inside], gained[inside]
    chances = multinomial.pmf(np.stack([lost, gained, n - lost - gained], axis=1), n, rates)
    over = under = 0.0
    for at in np.flatnonzero(chances > NEGLIGIBLE):
        low, high = limits(int(lost[at]), int(gained[at]))
        over += chances[at] * (low > truth + 1e-12)
        under += chances[at] * (high < truth - 1e-12)
    return float(over), float(under)


def pseudo_pairs(parts: list[PairedPart]) -> tuple[float, float]:
    """Give the normal limits with one pseudo-pair each way a task: the rule turned down."""
    middle = variance = 0.0
    for part in parts:
        square = part.losses.squares + part.gains.squares
        mean = (part.gained - part.lost) / part.pairs
        n = part.pairs + 2
        shrunk = (part.gained - part.lost) / n
        middle += part.weight * mean
        variance += part.weight**2 * ((square + 2) / n - shrunk**2) / n
    reach = 1.6448536269514722 * math.sqrt(variance)
    return middle - reach, middle + reach


def drawn(name: str, tasks: list[np.ndarray], weights: list[float], truth: float, n: int) -> Row:
    """Give the misses over runs; each task is an array of differences, runs x pairs."""
    lost = [np.maximum(-task, 0).sum(axis=1).tolist() for task in tasks]
    gained = [np.maximum(task, 0).sum(axis=1).tolist() for task in tasks]
    fallen = [(np.maximum(-task, 0) ** 2).sum(axis=1).tolist() for task in tasks]
    risen = [(np.maximum(task, 0) ** 2).sum(axis=1).tolist() for task in tasks]
    missed = np.zeros(4)
    for run in range(RUNS):
        parts = [
            PairedPart(
                weight,
                lost[t][run],
                gained[t][run],
                tasks[t].shape[1],
                t,
                fallen[t][run],
                risen[t][run],
            )
            for t, weight in enumerate(weights)
        ]
        low, high = weighted_difference(parts, CONFIDENCE)
        other = pseudo_pairs(parts)
        ends = (low, -high, other[0], -other[1])
        missed += [end > at + 1e-12 for end, at in zip(ends, (truth, -truth) * 2, strict=True)]
    over, under, *turned_down = (float(count) for count in missed / RUNS)
    return name, n, over, under, max(turned_down)


def graded_cases() -> Iterator[tuple[str, Callable[..., np.ndarray], float]]:
    def repeats(k: int, drop: float) -> Callable[..., np.ndarray]:
        def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
            certain = rng.random(shape) < 0.8
            chance = np.where(certain, 1.0, rng.random(shape))
            new = np.where(rng.random(shape) < drop, 0.0, chance)
            return (rng.binomial(k, new) - rng.binomial(k, chance)) / k

        return draw

    def clusters(members: int, discordance: float) -> Callable[..., np.ndarray]:
        def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
            moved = rng.random(shape) < discordance
            return (
                np.where(moved, rng.binomial(members, 0.5, shape), 0)
                * rng.choice([-1, 1], shape)
                / members
            )

        return draw

    def rubric(shift: float) -> Callable[..., np.ndarray]:
        def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
            return rng.beta(8 - shift, 2 + shift, shape) - rng.beta(8, 2, shape)

        return draw

    yield "graded, 5 repeats, unchanged", repeats(5, 0.0), 0.0
    yield "graded, 5 repeats, 10 % lost", repeats(5, 0.1), -0.1 * 0.9
    yield "clusters of 2, 10 % move", clusters(2, 0.1), 0.0
    yield "clusters of 5, 20 % move", clusters(5, 0.2), 0.0

    def rare(lost: float, *small: float) -> Callable[..., np.ndarray]:
        def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
            return np.where(rng.random(shape) < lost, -1.0, rng.choice(small, shape))

        return draw

    for lost in (0.005, 0.02, 0.1):
        yield f"0.05 up or down, {lost:.1%} lost whole", rare(lost, -0.05, 0.05), -lost
        yield f"0.2 up, {lost:.1%} lost whole", rare(lost, 0.2), 0.2 - 1.2 * lost
        yield f"0.2 down, {lost:.1%} lost whole", rare(lost, -0.2), -0.2 - 0.8 * lost
    yield "rubric scores, independent, unchanged", rubric(0.0), 0.0
    yield "rubric scores, independent, 10 points lower", rubric(1.0), -0.1


def graded(rng: np.random.Generator) -> Iterator[Row]:
    for n in (3, 10, 42, 100, 400):
        for name, draw, truth in graded_cases():
            yield drawn(name, [draw(rng, (RUNS, n))], [1.0], truth, n)


def tasks(rng: np.random.Generator) -> Iterator[Row]:
    for sizes in ([3] * 12, [10] * 12, [30] * 12, [3, 30, 150], [400, 42, 42], [3] * 3 + [150] * 8):
        for lost, gained in ((0.0, 0.0), (0.01, 0.01), (0.05, 0.05), (0.02, 0.0), (0.1, 0.0),
                             (0.15, 0.05), (0.05, 0.15)):  # fmt: skip
            arrays = []
            for n in sizes:
                draw = rng.random((RUNS, n))
                arrays.append((draw > 1 - gained).astype(float) - (draw < lost))
            name = f"tasks of {brief(sizes)}, {lost:.0%} lost, {gained:.0%} gained"
            weights = [1 / len(sizes)] * len(sizes)
            yield drawn(name, arrays, weights, gained - lost, sum(sizes))


def brief(sizes: list[int]) -> str:
    return ", ".join(f"{sizes.count(n)} x {n}" for n in dict.fromkeys(sizes))
