"""The early stop's errors, requests and limits; `regressions.py` prints them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from simulated import RUNS, Rows, Table, share

from pytest_medbench.stats import Design, Sequential

CHUNK = 2_000
DESIGNS = (Design(0.005, 0.02), Design(0.01, 0.05), Design(0.001, 0.01))
RATES = (0.001, 0.005, 0.02, 0.05)


def state(design: Design, seen: int, bad: int) -> Sequential:
    """Give the test after these outcomes; their order does not matter to it."""
    test = Sequential(design)
    test.seen, test.bad = seen, float(bad)
    return test


def bounds(design: Design, looks: int) -> np.ndarray:
    """Give for each look the unsafe outcomes from which the package's test stops."""
    found, bad = [], 0
    for seen in range(1, looks + 1):
        while bad <= seen and state(design, seen, bad).log_evidence() < -math.log(design.alpha):
            bad += 1
        found.append(bad)
    return np.array(found)


def stopped_at(outcomes: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """Give the look at which each run stops; 0 where none does."""
    over = np.cumsum(outcomes, axis=1) >= bound
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1, 0)


def stops(rng: np.random.Generator, bound: np.ndarray, rate: float) -> np.ndarray:
    looks = len(bound)
    parts = [stopped_at(rng.random((CHUNK, looks)) < rate, bound) for _ in range(RUNS // CHUNK)]
    return np.concatenate(parts)


def from_plan(rng: np.random.Generator, bound: np.ndarray, bad: int) -> np.ndarray:
    """Give the stops of a plan of as many outcomes as looks, of which so many are unsafe."""
    plan = np.arange(len(bound)) < bad
    parts = [
        stopped_at(rng.permuted(np.tile(plan, (CHUNK, 1)), axis=1), bound)
        for _ in range(RUNS // CHUNK)
    ]
    return np.concatenate(parts)


def named(design: Design) -> str:
    return f"{design.p0:.1%} against {design.p1:.0%}"


def errors(rng: np.random.Generator) -> Rows:
    for design in DESIGNS:
        for looks in (design.fixed().size, 5_000):
            bound = bounds(design, looks)
            bad = math.floor(looks * design.p0)
            yield [
                named(design),
                f"{looks:,}",
                f"{design.alpha:.0%}",
                share(stops(rng, bound, design.p0) > 0),
                share(stops(rng, bound, design.p0 / 2) > 0),
                share(from_plan(rng, bound, bad) > 0),
            ]


def requests(rng: np.random.Generator) -> Rows:
    for design in DESIGNS:
        fixed = design.fixed()
        bound = bounds(design, fixed.size)
        for rate in RATES:
            at = stops(rng, bound, rate)
            asked = np.where(at > 0, at, fixed.size)
            fixed_power = float(np.mean(rng.binomial(fixed.size, rate, RUNS) >= fixed.rejects_at))
            error = asked.std() / math.sqrt(RUNS)
            yield [
                named(design),
                f"{rate:.1%}",
                str(fixed.size),
                f"{fixed_power:.1%}",
                share(at > 0),
                f"{asked.mean():.0f} ± {error:.1f}",
                f"{np.quantile(asked, 0.95):.0f}",
                f"{1 - asked.mean() / fixed.size:.0%}",
            ]


def limits(rng: np.random.Generator) -> Rows:
    design, looks = DESIGNS[0], 300
    for rate in (*RATES, 0.3):
        bad = np.cumsum(rng.random((RUNS, looks)) < rate, axis=1)
        over, under = np.zeros(RUNS, bool), np.zeros(RUNS, bool)
        for seen in range(1, looks + 1):
            kinds, where = np.unique(bad[:, seen - 1], return_inverse=True)
            pairs = np.array([state(design, seen, int(k)).interval(0.95) for k in kinds])[where]
            over |= pairs[:, 0] > rate
            under |= pairs[:, 1] < rate
        width = float(np.mean(pairs[:, 1] - pairs[:, 0]))
        yield [f"{rate:.1%}", f"{looks}", share(over), share(under), f"{100 * width:.1f}"]


def tables(rng: np.random.Generator) -> Iterator[Table]:
    yield (
        "The early stop, a look after every outcome: it stops at an acceptable rate",
        ["rates", "looks", "alpha", "rate p0", "rate p0 / 2", "a plan of so many, p0 of it unsafe"],
        errors(rng),
    )
    yield (
        "Its requests beside the fixed test (alpha 5 %, beta 10 %), which is also its plan",
        ["rates", "unsafe", "fixed test asks", "it blocks", "early stop blocks", "asks, mean",
         "95th percentile", "saved"],
        requests(rng),
    )  # fmt: skip
    yield (
        "Its limits (one-sided 95 %) miss the rate at any look",
        ["unsafe", "looks", "low", "high", "width at the last, points"],
        limits(rng),
    )
