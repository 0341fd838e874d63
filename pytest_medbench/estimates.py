"""What a run would ask, cost and take, said before anything is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_medbench.price import DOLLAR, Price
from pytest_medbench.tokens import OVER, UNDER, likely_input_tokens, most_output_tokens

ASSUMED_SECONDS = 0.5
ASSUMED_TOKENS_PER_SECOND = 50.0
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=repr).encode


@dataclass(frozen=True, slots=True)
class Observed:
    """What a model's stored responses were like.

    Parameters
    ----------
    responses : int
        How many were looked at, 1 or more.
    latency : float
        Mean seconds from sending to the last byte.
    output_tokens : float or None
        Mean tokens of an answer; None where the server reported none.
    """

    responses: int
    latency: float
    output_tokens: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What would be asked for one suite, or for the whole run.

    Parameters
    ----------
    items : int
    cached : int
        Items whose response is stored.
    requests : int
        What is left, identical requests counted once.
    input_tokens : int
        Of those requests; see `tokens.likely_tokens` for the error.
    output_tokens : int
        Expected: the mean of the stored responses for each request, but no more than
        `most_output_tokens`; half of that where nothing is stored.
    most_output_tokens : int
        What `max_tokens` allows.
    unlimited : int
        Requests that set no `max_tokens`, so that 4,096 stands for it.
    usd_low, usd_high : float or None
        From the fewest input tokens with the expected output to the most of both; None without a
        price.
    minutes : float
        Requests x latency / requests in flight, no less than the requests a minute allow, nor
        than one latency.
    latency : float
        Seconds a request is taken to last.
    observed : Observed or None
        Where latency and expected output come from. None: half a second is assumed, and a
        fiftieth for each token of output.
    """

    items: int
    cached: int
    requests: int
    input_tokens: int
    output_tokens: int
    most_output_tokens: int
    unlimited: int
    usd_low: float | None
    usd_high: float | None
    minutes: float
    latency: float
    observed: Observed | None


@dataclass(slots=True)
class _Tally:
    items: int = 0
    cached: int = 0
    requests: int = 0
    input_tokens: float = 0.0
    most_output_tokens: int = 0
    unlimited: int = 0

    def add(self, input_tokens: float, most: int, limited: bool) -> None:
        self.requests += 1
        self.input_tokens += input_tokens
        self.most_output_tokens += most
        self.unlimited += not limited


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what terms a run asks.

    Parameters
    ----------
    concurrency : int
        Requests in flight in all processes together, 1 or more.
    requests_per_minute : float or None
        In all processes together.
    price : Price or None
        That of the batch service, if it is used.
    observed : Observed or None
        What the model's stored responses were like; see `observed.observe`.
    merge : bool
        Whether identical requests are asked once, as is done for models that can be cached.
    """

    concurrency: int
    requests_per_minute: float | None = None
    price: Price | None = None
    observed: Observed | None = None
    merge: bool = True


def estimate(requests: Iterable[tuple[Mapping[str, Any], bool]], terms: Terms) -> Estimate:
    """Estimate one suite.

    Parameters
    ----------
    requests : iterable of (mapping, bool)
        Each item's request as it would be sent, and whether its response is stored.
    terms : Terms
    """
    _, total = estimate_suites((("", wire, cached) for wire, cached in requests), terms)
    return total


def estimate_suites(
    requests: Iterable[tuple[str, Mapping[str, Any], bool]], terms: Terms
) -> tuple[dict[str, Estimate], Estimate]:
    """Estimate each suite of a run, and the run.

    A request that two suites have in common counts in both, and once in the run.

    Parameters
    ----------
    requests : iterable of (str, mapping, bool)
        Each item's suite, its request, and whether its response is stored.
    terms : Terms
    """
    suites: dict[str, _Tally] = {}
    total = _Tally()
    seen = _Seen()
    for name, wire, cached in requests:
        suite = suites.setdefault(name, _Tally())
        suite.items += 1
        total.items += 1
        if cached:
            suite.cached += 1
            total.cached += 1
            continue
        new_in_suite, new_in_run = seen.note(name, wire) if terms.merge else (True, True)
        if not new_in_suite:
            continue
        tokens = likely_input_tokens(wire)
        most, limited = most_output_tokens(wire)
        suite.add(tokens, most, limited)
        if new_in_run:
            total.add(tokens, most, limited)
    return {name: _estimate(tally, terms) for name, tally in suites.items()}, _estimate(
        total, terms
    )


class _Seen:
    """Remembers requests by 8 bytes each: 1 in 10^7 runs of a million items counts one too few."""

    def __init__(self) -> None:
        self._first: dict[int, str] = {}
        self._also: set[tuple[str, int]] = set()

    def note(self, suite: str, wire: Mapping[str, Any]) -> tuple[bool, bool]:
        """Tell whether a request is new in its suite, and in the run."""
        text = _canonical(wire).encode("utf-8", "surrogatepass")
        digest = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
        first = self._first.get(digest)
        if first is None:
            self._first[digest] = suite
            return True, True
        if first == suite or (suite, digest) in self._also:
            return False, False
        self._also.add((suite, digest))
        return True, False


def _estimate(tally: _Tally, terms: Terms) -> Estimate:
    output = _expected_output(tally, terms.observed)
    latency = _latency(tally, output, terms.observed)
    seconds = max(
        tally.requests * latency / max(1, terms.concurrency),
        60 * tally.requests / terms.requests_per_minute if terms.requests_per_minute else 0.0,
        latency if tally.requests else 0.0,
    )
    low, high = _usd(tally, output, terms.price)
    return Estimate(
        items=tally.items,
        cached=tally.cached,
        requests=tally.requests,
        input_tokens=round(tally.input_tokens),
        output_tokens=output,
        most_output_tokens=tally.most_output_tokens,
        unlimited=tally.unlimited,
        usd_low=low,
        usd_high=high,
        minutes=seconds / 60,
        latency=latency,
        observed=terms.observed,
    )


def _expected_output(tally: _Tally, observed: Observed | None) -> int:
    if observed is None or observed.output_tokens is None:
        return tally.most_output_tokens // 2
    return min(round(tally.requests * observed.output_tokens), tally.most_output_tokens)


def _latency(tally: _Tally, output: int, observed: Observed | None) -> float:
    if observed is not None:
        return observed.latency
    each = output / tally.requests if tally.requests else 0.0
    return ASSUMED_SECONDS + each / ASSUMED_TOKENS_PER_SECOND


def _usd(tally: _Tally, output: int, price: Price | None) -> tuple[float | None, float | None]:
    if price is None:
        return None, None
    low = price.cost(round(tally.input_tokens / OVER), output)
    high = price.cost(round(tally.input_tokens / UNDER), tally.most_output_tokens)
    return low / DOLLAR, high / DOLLAR
