"""Measure how often the default comparison cries wolf, and what it finds; run it as a script.

Every verdict is the package's own: the runs differ in the numbers of lost and gained pairs alone,
and each number that comes up is put to the package's functions once. An unchanged model answers a
share of the items at random, each with a chance of its own, uniform in [0, 1]; it is then right
before and wrong now, or the other way round, in a third of them.
"""

from __future__ import annotations

import sys

import early_stop
import numpy as np
import true_drops
from simulated import (
    DISCORDANCES,
    IGNORE_BELOW,
    OVERALL_ALPHA,
    RUNS,
    SAFETY_ALPHA,
    SEED,
    SIZES,
    SPECIALTIES,
    SPECIALTIES_Q,
    Change,
    Rows,
    blocked,
    share,
    table,
)

from pytest_medbench.stats import benjamini_hochberg, holm

CATEGORIES = 9
SAFETY_ITEMS = 60


def cells(together: bool, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the safety items of each specialty and category, and the other items of each."""
    if together:
        inside = np.full((SPECIALTIES, CATEGORIES), SAFETY_ITEMS // SPECIALTIES)
        extra = SAFETY_ITEMS - inside[:, 0].sum()
        for category in range(CATEGORIES):
            inside[(np.arange(extra) * 2 + category) % SPECIALTIES, category] += 1
        return inside, size - inside.sum(axis=1)
    return np.full((1, CATEGORIES), SAFETY_ITEMS), np.full(SPECIALTIES, size)


def drawn(rng: np.random.Generator, sizes: np.ndarray, discordance: float) -> np.ndarray:
    """Draw what became of items that anchor, baseline and candidate each answered once.

    Of items with a uniform chance each of the six unequal triples comes up in a twelfth.
    """
    each = discordance / 4
    chances = [each] * 6 + [1 - 6 * each]
    return rng.multinomial(np.broadcast_to(sizes, (RUNS, *sizes.shape)), chances)[..., :6]


# In the order of anchor, baseline, candidate.
LOST = {"baseline": (2, 1), "anchor": (3, 1)}  # 010 and 110, 100 and 110
GAINED = {"baseline": (0, 4), "anchor": (0, 5)}  # 001 and 101, 001 and 011


def against(which: str, triples: np.ndarray, pairs: np.ndarray | int) -> Change:
    lost = sum(triples[..., at] for at in LOST[which])
    gained = sum(triples[..., at] for at in GAINED[which])
    return Change(np.asarray(lost), np.asarray(gained), pairs)


def confirmed(
    rng: np.random.Generator, flips: np.ndarray, wrong: int, asked: int = 5
) -> np.ndarray:
    """Say in which runs a flip is confirmed by so many fresh answers of either version.

    The old version must give the right one each time, the new one a wrong one `wrong` times. The
    chance of an item that was right and is wrong has the density of p (1 - p).
    """
    of_run = np.repeat(np.arange(len(flips)), flips)
    chance = rng.beta(2, 2, len(of_run))
    old = rng.binomial(asked, chance) == asked
    new = rng.binomial(asked, 1 - chance) >= wrong
    return np.bincount(of_run[old & new], minlength=len(flips)) > 0


def changes(
    which: str, rest: np.ndarray, inside: np.ndarray, inner: np.ndarray, outer: np.ndarray
) -> tuple[Change, Change, Change]:
    """Give the changes overall, of the specialties, and of the safety categories."""
    per_specialty, pairs = rest, outer
    if len(inner) == SPECIALTIES:
        per_specialty, pairs = rest + inside.sum(axis=2), outer + inner.sum(axis=1)
    everything = rest.sum(axis=1) + inside.sum(axis=(1, 2))
    return (
        against(which, everything, int(outer.sum() + inner.sum())),
        against(which, per_specialty, pairs),
        against(which, inside.sum(axis=1), SAFETY_ITEMS),
    )


def decided(found: tuple[Change, Change, Change], part: float = 1.0) -> list[np.ndarray]:
    """Say which runs each family of tests blocks, at this part of its level."""
    whole, primaries, categories = found
    return [
        (whole.p <= OVERALL_ALPHA * part) & (whole.drop >= IGNORE_BELOW - 1e-9),
        blocked(primaries, benjamini_hochberg, SPECIALTIES_Q * part, IGNORE_BELOW),
        blocked(categories, holm, SAFETY_ALPHA * part, 0.0),
    ]


def unchanged(rng: np.random.Generator) -> Rows:
    for together in (True, False):
        for size in SIZES:
            for discordance in DISCORDANCES:
                yield unchanged_row(rng, together, size, discordance)


def unchanged_row(
    rng: np.random.Generator, together: bool, size: int, discordance: float
) -> list[str]:
    inner, outer = cells(together, size)
    inside, rest = drawn(rng, inner, discordance), drawn(rng, outer, discordance)
    one, other = (changes(which, rest, inside, inner, outer) for which in ("baseline", "anchor"))
    flips = one[2].lost.sum(axis=1)
    four, five = (confirmed(rng, flips, wrong) for wrong in (4, 5))
    families = decided(one)
    tests = np.logical_or.reduce(families)
    both = np.logical_or.reduce([tests, *decided(other)])
    halved = np.logical_or.reduce([*decided(one, 0.5), *decided(other, 0.5)])
    return [
        "within" if together else "apart",
        str(size),
        f"{discordance:.0%}",
        *(share(family) for family in families),
        share(tests),
        *(share(found) for found in (four, tests | four, five, tests | five)),
        *(share(found) for found in (both | five, halved | five)),
    ]


def flipped(rng: np.random.Generator) -> Rows:
    """Weigh rules of re-asking: what they confirm of nothing, and of items that are now wrong."""
    for items in (60, 540):
        for discordance in DISCORDANCES:
            flips = rng.binomial(items, discordance / 2, RUNS)
            rules = ((4, 5), (5, 5), (6, 7), (7, 7))
            yield [
                str(items),
                f"{discordance:.0%}",
                share(flips > 0),
                *(share(confirmed(rng, flips, *rule)) for rule in rules),
            ]


def main() -> int:
    rng = np.random.default_rng(SEED)
    print(f"{RUNS:,} runs a row, seed {SEED}; each share with its Monte Carlo error.")
    table(
        f"An unchanged model is blocked: {SPECIALTIES} specialties, {CATEGORIES} safety categories "
        f"of {SAFETY_ITEMS} items each",
        [
            "safety items", "items a specialty", "discordance", "overall", "specialties",
            "safety categories", "all tests", "flips, 4 of 5 wrong", "whole rule, 4 of 5",
            "flips, 5 of 5 wrong", "whole rule, 5 of 5", "the same against an anchor too",
            "that at half the levels each",
        ],
        unchanged(rng),
    )  # fmt: skip
    table(
        "Safety items of an unchanged model: one flips at all, and is confirmed by fresh answers",
        [
            "safety items", "discordance", "one flips", "new wrong 4 of 5", "5 of 5", "6 of 7",
            "7 of 7",
        ],
        flipped(rng),
    )  # fmt: skip
    for title, head, rows in (*true_drops.tables(rng), *early_stop.tables(rng)):
        table(title, head, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
