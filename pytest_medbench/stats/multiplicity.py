"""Families of tests: Holm, Benjamini and Hochberg, and families inside selected ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# Two ways to compute one p must not decide: a hundredth of what any p is known to.
TIE = 1e-12


@dataclass(frozen=True, slots=True)
class Decided:
    """What a family of tests decides of one hypothesis.

    Parameters
    ----------
    p, adjusted : float
        Before and after the correction, in [0, 1].
    rejected : bool
        Whether `adjusted` is at most the family's level.
    level : float
        The family's level; 0 for a family that was not looked into.
    """

    p: float
    adjusted: float
    rejected: bool
    level: float


def holm_adjusted(ps: Sequence[float]) -> list[float]:
    """Give p values to be held against the family's level, by Holm's step-down procedure.

    Parameters
    ----------
    ps : sequence of float
        In [0, 1], under any dependence.

    Returns
    -------
    list of float
        In the same order, in [0, 1].

    Raises
    ------
    ValueError
        If a p is not in [0, 1].

    References
    ----------
    Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.
    """
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, which in enumerate(_by_size(ps)):
        highest = max(highest, ps[which] * (len(ps) - rank))
        adjusted[which] = min(1.0, highest)
    return adjusted


def benjamini_hochberg_adjusted(ps: Sequence[float]) -> list[float]:
    """Give p values to be held against q, by the step-up procedure of Benjamini and Hochberg.

    Parameters
    ----------
    ps : sequence of float
        In [0, 1], independent or positively dependent.

    Returns
    -------
    list of float
        In the same order, in [0, 1].

    Raises
    ------
    ValueError
        If a p is not in [0, 1].

    References
    ----------
    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995) 289-300.
    """
    adjusted = [0.0] * len(ps)
    lowest = 1.0
    ranks = range(len(ps), 0, -1)
    for rank, which in zip(ranks, reversed(_by_size(ps)), strict=True):
        lowest = min(lowest, ps[which] * len(ps) / rank)
        adjusted[which] = lowest
    return adjusted


def holm(ps: Sequence[float], alpha: float) -> list[bool]:
    """Say which hypotheses Holm's procedure rejects: one false one or more in at most `alpha`.

    Parameters
    ----------
    ps : sequence of float
        In [0, 1], under any dependence.
    alpha : float
        Familywise error rate, in (0, 1).

    Returns
    -------
    list of bool
        In the same order.
    """
    return [p <= alpha + TIE for p in holm_adjusted(ps)]


def benjamini_hochberg(ps: Sequence[float], q: float) -> list[bool]:
    """Say which hypotheses are rejected at a false discovery rate of at most `q`.

    Parameters
    ----------
    ps : sequence of float
        In [0, 1], independent or positively dependent. Where every null holds the chance of any
        rejection is at most `q` too.
    q : float
        In (0, 1).

    Returns
    -------
    list of bool
        In the same order.
    """
    return [p <= q + TIE for p in benjamini_hochberg_adjusted(ps)]


def decide_family(
    ps: Mapping[str, float],
    level: float,
    adjust: Callable[[Sequence[float]], list[float]] = benjamini_hochberg_adjusted,
) -> dict[str, Decided]:
    """Decide one family of named hypotheses.

    Parameters
    ----------
    ps : mapping of str to float
        By name, in [0, 1].
    level : float
        In (0, 1); at 0 nothing is rejected.
    adjust : callable
        `benjamini_hochberg_adjusted` or `holm_adjusted`.

    Returns
    -------
    dict of str to Decided
        In the same order.
    """
    adjusted = adjust(list(ps.values()))
    return {
        name: Decided(p, corrected, level > 0 and corrected <= level + TIE, level)
        for (name, p), corrected in zip(ps.items(), adjusted, strict=True)
    }


def gatekeeping(
    parents: Mapping[str, float], children: Mapping[str, Mapping[str, float]], q: float
) -> tuple[dict[str, Decided], dict[str, dict[str, Decided]]]:
    """Decide primaries, and secondaries only inside a rejected primary.

    Parameters
    ----------
    parents : mapping of str to float
        p of each primary.
    children : mapping of str to mapping of str to float
        p of each secondary, by primary.
    q : float
        In (0, 1).

    Returns
    -------
    tuple of dict
        The primaries, by Benjamini and Hochberg at `q`; and the secondaries of each primary, by
        the same at q x rejected primaries / primaries, or all kept where it is not rejected.

    Raises
    ------
    ValueError
        If the secondaries of an unknown primary are given, or a p is not in [0, 1].

    References
    ----------
    Benjamini and Bogomolov, Journal of the Royal Statistical Society B 76 (2014) 297-318.
    """
    unknown = sorted(set(children) - set(parents))
    if unknown:
        raise ValueError(f"secondaries of {unknown[0]!r}, which is no primary")
    first = decide_family(parents, q)
    rejected = sum(decided.rejected for decided in first.values())
    inside = q * rejected / len(first) if first else 0.0
    second = {
        name: decide_family(ps, inside if first[name].rejected else 0.0)
        for name, ps in children.items()
    }
    return first, second


def _by_size(ps: Sequence[float]) -> list[int]:
    for p in ps:
        if not 0 <= p <= 1:
            raise ValueError(f"p {p!r} is not between 0 and 1")
    return sorted(range(len(ps)), key=ps.__getitem__)
