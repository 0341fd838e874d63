"""What the comparison finds, what a margin passes, and clusters; `regressions.py` prints them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from simulated import (
    DISCORDANCES,
    IGNORE_BELOW,
    OVERALL_ALPHA,
    RUNS,
    SIZES,
    SPECIALTIES,
    SPECIALTIES_Q,
    Change,
    Rows,
    Table,
    share,
)

from pytest_medbench.stats import (
    PairedPart,
    benjamini_hochberg,
    sign_flip,
    tango,
    weighted_difference,
)


def drops(rng: np.random.Generator) -> Rows:
    for drop in (0.05, 0.1):
        for size in SIZES:
            for discordance in DISCORDANCES:
                half = discordance / 2
                chances = np.full((SPECIALTIES, 3), [half, half, 1 - discordance])
                chances[0] = [half + drop, half, 1 - discordance - drop]
                counts = rng.multinomial(size, chances, size=(RUNS, SPECIALTIES))
                change = Change(counts[..., 0], counts[..., 1], size)
                ps, large = change.p, change.drop[:, 0] >= IGNORE_BELOW
                found, halved = (
                    np.array([benjamini_hochberg(row, q)[0] for row in ps.tolist()])
                    for q in (SPECIALTIES_Q, SPECIALTIES_Q / 2)
                )
                whole = Change(change.lost.sum(axis=1), change.gained.sum(axis=1), size * 24)
                overall = (whole.p <= OVERALL_ALPHA) & (whole.drop >= IGNORE_BELOW)
                yield [
                    f"{100 * drop:.0f}",
                    str(size),
                    f"{discordance:.0%}",
                    share(found & large),
                    share(halved & large),
                    share(overall),
                ]


def margins(rng: np.random.Generator) -> Rows:
    margin = 0.02
    for size in (42, 100, 400, 1_008, 9_600):
        for discordance in DISCORDANCES:
            row = [str(size), f"{discordance:.0%}"]
            for drop in (margin, 0.0):
                lost, gained = (discordance + drop) / 2, (discordance - drop) / 2
                counts = rng.multinomial(size, [lost, gained, 1 - discordance], size=RUNS)
                change = Change(counts[:, 0], counts[:, 1], size)
                row += [share(low > -margin) for low in lower_limits(change, size)]
            yield row


def lower_limits(change: Change, size: int) -> Iterator[np.ndarray]:
    yield change.table(
        lambda lost, gained: weighted_difference([PairedPart(1.0, lost, gained, size)]).low
    )
    yield change.table(lambda lost, gained: tango(lost, gained, size).low)


def clustered(rng: np.random.Generator) -> Rows:
    """Put clusters that move together to the sign-flip test, and their items to McNemar's."""
    for clusters in (20, 42, 200):
        for members in (2, 5):
            for discordance in (0.05, 0.1):
                shape = (RUNS, clusters)
                moved = rng.random(shape) < 2 * discordance
                items = np.where(moved, rng.binomial(members, 0.5, shape), 0)
                sums = items * rng.choice([-1, 1], shape)
                kinds = np.stack([(sums == s).sum(axis=1) for s in range(-members, members + 1)], 1)
                known, where = np.unique(kinds, axis=0, return_inverse=True)
                steps = np.arange(-members, members + 1)
                ps = np.array([sign_flip(np.repeat(steps, kind).tolist()) for kind in known])[
                    where.ravel()
                ]
                lost, gained = (np.maximum(side, 0).sum(axis=1) for side in (-sums, sums))
                naive = Change(lost, gained, clusters * members).p
                yield [
                    str(clusters),
                    str(members),
                    f"{discordance:.0%}",
                    *(share(ps <= level) for level in (0.05, 0.01, 0.02 / 24)),
                    share(naive <= 0.01),
                ]


def tables(rng: np.random.Generator) -> Iterator[Table]:
    yield (
        "A true drop in one specialty of 24 is found",
        [
            "points",
            "items a specialty",
            "discordance besides",
            "by the specialties",
            "at half the level",
            "by overall",
        ],
        drops(rng),
    )
    yield (
        "max_drop of 2 points, one-sided 5 %: PASS",
        [
            "pairs",
            "discordance",
            "true drop 2 points",
            "by Tango's interval",
            "no drop",
            "by Tango's interval",
        ],
        margins(rng),
    )
    yield (
        "Clusters that move together: the sign-flip test of an unchanged model",
        ["clusters", "items in each", "discordance", "p ≤ 0.05", "p ≤ 0.01", "p ≤ 0.02 / 24",
         "McNemar over items, p ≤ 0.01"],
        clustered(rng),
    )  # fmt: skip
