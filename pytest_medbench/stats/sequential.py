"""The early stop: block a release as soon as too many answers are unsafe, and never pass one."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import NamedTuple

from pytest_medbench.stats.intervals import Interval, check_confidence


class FixedTest(NamedTuple):
    """An exact binomial test of fixed size.

    Parameters
    ----------
    size : int
        Clusters it asks.
    rejects_at : int
        Unsafe ones from which it rejects.
    """

    size: int
    rejects_at: int


@dataclass(frozen=True, slots=True)
class Design:
    """What the early stop of one slice is to tell apart; it stands in the plan.

    Parameters
    ----------
    p0 : float
        Rate of unsafe clusters that is acceptable, in (0, 1).
    p1 : float
        Rate that is to be found, over `p0`, under 1.
    alpha : float
        Chance to stop, at any time, if the rate is at most `p0`; in (0, 0.5].
    beta : float
        Chance of the fixed test to miss a rate of `p1`, in (0, 0.5]. It sizes that test and
        nothing else: with a stop that may only block, no boundary depends on it.

    Raises
    ------
    ValueError
        If a figure is out of its range.
    """

    p0: float
    p1: float
    alpha: float = 0.05
    beta: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.p0 < self.p1 < 1:
            raise ValueError(f"p0 {self.p0!r} and p1 {self.p1!r} are not 0 < p0 < p1 < 1")
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            if not 0 < value <= 0.5:
                raise ValueError(f"{name} {value!r} is not over 0 and at most 0.5")

    def fixed(self) -> FixedTest:
        """Give the smallest fixed test with these errors, to set the requests beside."""
        from scipy.special import betainc

        def power(size: int, rejects_at: int, rate: float) -> float:
            return float(betainc(rejects_at, size - rejects_at + 1, rate))

        def enough(size: int, rejects_at: int) -> bool:
            return power(size, rejects_at, self.p1) >= 1 - self.beta

        for rejects_at in count(1):
            size = _first(rejects_at, partial(enough, rejects_at=rejects_at))
            if power(size, rejects_at, self.p0) <= self.alpha:
                break
        return FixedTest(size, rejects_at)


class Sequential:
    """A test that the rate of unsafe clusters is at most p0, with a look after every outcome.

    The evidence is a mixture of likelihood ratios against p0: half of the weight on p1, a quarter
    on twice its odds, and so on. It is a nonnegative supermartingale wherever the rate is at most
    p0, so that it ever reaches 1 / alpha with a chance of at most alpha.

    Parameters
    ----------
    design : Design
        Rates and errors.

    References
    ----------
    Wald, Annals of Mathematical Statistics 16 (1945) 117-186; Ville's inequality and the interval:
    Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 49 (2021) 1055-1080; outcomes
    between 0 and 1: Waudby-Smith and Ramdas, Journal of the Royal Statistical Society B 86 (2024)
    1-27.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.seen = 0
        self.bad = 0.0
        self.stopped = False
        self._rates = _alternatives(design.p1)
        shares = [0.5**place for place in range(len(self._rates))]
        self._weights = [share / math.fsum(shares) for share in shares]

    def observe(self, bad: float) -> bool:
        """Take the next cluster's outcome, in the order of the plan.

        Parameters
        ----------
        bad : float
            Its share of unsafe groups, in [0, 1]; True or False for a cluster of one.

        Returns
        -------
        bool
            Whether to stop and block. Once true it stays true.

        Raises
        ------
        ValueError
            If `bad` is not in [0, 1].
        """
        if not 0 <= bad <= 1:
            raise ValueError(f"outcome {bad!r} is not between 0 and 1")
        self.seen += 1
        self.bad += bad
        self.stopped = self.stopped or self.log_evidence() >= -math.log(self.design.alpha)
        return self.stopped

    def log_evidence(self) -> float:
        """Give the natural logarithm of the evidence against p0; -log(alpha) stops."""
        return self._log_mixture() - self._log_likelihood(self.design.p0)

    def interval(self, confidence: float = 0.95) -> Interval:
        """Give the confidence sequence's limits of the rate of unsafe clusters.

        Parameters
        ----------
        confidence : float
            One-sided, in [0.5, 1).

        Returns
        -------
        Interval
            Each limit misses the rate, at this look or at any other, with a chance of at most
            1 - confidence. When the test stops the lower limit at 1 - alpha is over p0.
        """
        check_confidence(confidence)
        if not self.seen:
            return Interval(0.0, 1.0)
        bound = -math.log1p(-confidence)
        share = self.bad / self.seen
        mixture, spread = self._log_mixture(), self._log_beta_mixture()
        low = _crossing(0.0, share, lambda p: mixture - self._log_likelihood(p) >= bound)
        high = _crossing(1.0, share, lambda p: spread - self._log_likelihood(p) >= bound)
        return Interval(low, high)

    def _log_likelihood(self, rate: float) -> float:
        good = self.seen - self.bad
        logs = ((self.bad, rate), (good, 1 - rate))
        return math.fsum(
            times * (math.log(chance) if chance > 0 else -math.inf)
            for times, chance in logs
            if times > 0
        )

    def _log_mixture(self) -> float:
        logs = [self._log_likelihood(rate) for rate in self._rates]
        highest = max(logs)
        pairs = zip(self._weights, logs, strict=True)
        return highest + math.log(math.fsum(w * math.exp(log - highest) for w, log in pairs))

    def _log_beta_mixture(self) -> float:
        """Give the likelihood averaged over the beta distribution with both parameters a half."""
        good = self.seen - self.bad
        halves = math.lgamma(self.bad + 0.5) + math.lgamma(good + 0.5)
        return halves - math.lgamma(self.seen + 1) - math.log(math.pi)


def order(clusters: Iterable[str], seed: int) -> list[str]:
    """Give the clusters in the order in which their outcomes enter the test.

    Parameters
    ----------
    clusters : iterable of str
        In any order; what comes twice counts once.
    seed : int
        Stands in the plan.

    Returns
    -------
    list of str
        A permutation that depends on `seed` and the names alone: two clusters stand in the same
        order whatever others there are.
    """

    def place(cluster: str) -> bytes:
        # Names come from files: one that holds half of a surrogate pair must be hashed too.
        return hashlib.sha256(f"{seed}\0{cluster}".encode(errors="surrogatepass")).digest()

    return sorted(set(clusters), key=place)


def _alternatives(p1: float) -> list[float]:
    """Give p1, and then rates each with twice the odds of the one before, up to a half and over."""
    rates = [p1]
    while rates[-1] < 0.5 or len(rates) < 2:
        odds = 2 * rates[-1] / (1 - rates[-1])
        rates.append(odds / (1 + odds))
    return rates


def _first(start: int, reached: Callable[[int], bool]) -> int:
    """Give the first whole number from `start` on for which `reached` holds; it then stays."""
    step = 1
    while not reached(start + step):
        step *= 2
    low, high = start - 1, start + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _crossing(outside: float, inside: float, excluded: Callable[[float], bool]) -> float:
    """Give the limit between excluded rates and `inside`, on the excluded side of it."""
    if not excluded(outside):
        return outside
    for _ in range(200):
        middle = (outside + inside) / 2
        if middle in (outside, inside):
            break
        outside, inside = (middle, inside) if excluded(middle) else (outside, middle)
    return outside
