"""What the simulations share: changes of many runs at once, and tables of shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pytest_medbench.stats import mcnemar

RUNS = 20_000
SEED = 20261122
SPECIALTIES = 24
SIZES = (42, 100, 400)
DISCORDANCES = (0.02, 0.05, 0.1)
OVERALL_ALPHA = 0.01
SPECIALTIES_Q = 0.02
SAFETY_ALPHA = 0.02
IGNORE_BELOW = 0.005
Counts = np.ndarray
Rows = Iterator[list[str]]
Table = tuple[str, list[str], Rows]


@dataclass(frozen=True)
class Change:
    """Lost and gained pairs: one number a run, or one a run and slice."""

    lost: Counts
    gained: Counts
    pairs: Counts | int

    @property
    def drop(self) -> np.ndarray:
        return (self.lost - self.gained) / self.pairs

    def table(self, figure: Callable[[int, int], float]) -> np.ndarray:
        """Give a figure of each pair of numbers, worked out once for each that comes up."""
        codes = self.lost.astype(np.int64) * 10**6 + self.gained
        kinds, where = np.unique(codes, return_inverse=True)
        values = [figure(int(code // 10**6), int(code % 10**6)) for code in kinds]
        return np.array(values)[where].reshape(codes.shape)

    @cached_property
    def p(self) -> np.ndarray:
        return self.table(mcnemar)


def blocked(
    change: Change,
    decide: Callable[[list[float], float], list[bool]],
    level: float,
    ignore_below: float,
) -> np.ndarray:
    """Say which runs a family blocks."""
    ps = change.p
    large = change.drop >= ignore_below - 1e-9
    found = np.zeros(len(ps), bool)
    # Neither procedure rejects anything where no p is at the level.
    for run in np.flatnonzero(ps.min(axis=1) <= level):
        found[run] = (np.array(decide(ps[run].tolist(), level)) & large[run]).any()
    return found


def share(found: np.ndarray) -> str:
    """Give a share of the runs with its Monte Carlo error."""
    value = float(np.mean(found))
    error = math.sqrt(max(value, 1 / len(found)) * (1 - value) / len(found))
    return f"{value:.2%} ± {error:.2%}"


def table(title: str, head: list[str], rows: Rows) -> None:
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
