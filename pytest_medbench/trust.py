"""Whether all answers of a run are the answers of one model."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pytest_medbench.errors import SuiteError
from pytest_medbench.exchange import Failure
from pytest_medbench.outcomes import SCORED, Cause, Outcome, Status

if TYPE_CHECKING:
    from pytest_medbench.asking import Asker
    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.suites import Suite

RE_ASKED = 20
FLIP_RATE = 0.10
ALPHA = 0.001


def doubts_about_server(outcomes: Iterable[Outcome]) -> list[str]:
    """Name the models that answered, if the server said more than one."""
    served = Counter(filter(None, map(_server_of, outcomes)))
    if len(served) < 2:
        return []
    said = ", ".join(f"{name} for {count:,} answers" for name, count in served.most_common())
    return [f"the server changed during the run: {said}"]


def _server_of(outcome: Outcome) -> str | None:
    # A filter that stood before the model tells nothing of the model behind it.
    return None if outcome.reason == Cause.CONTENT_FILTER else outcome.served_by


def is_stored(outcome: Outcome, since: float | None) -> bool:
    """Tell whether a response was there before the run asked.

    Parameters
    ----------
    outcome : Outcome
    since : float or None
        When the run began to ask through batches, whose answers are stored too, and new.
    """
    return outcome.from_cache and (since is None or outcome.asked_at < since)


def doubts_about_cache(
    catalogue: Catalogue,
    asker: Asker,
    outcomes: Mapping[tuple[str, str], Outcome],
    *,
    seed: str,
    since: float | None = None,
) -> list[str]:
    """Ask some items with stored responses afresh, where nothing declares the model's revision.

    Up to 20 scored items are drawn by the seed. If more statuses differ than a flip rate of 10 %
    explains (binomial test, 0.001), the stored responses are not those of the model that answers
    now; nor are they if the server says that it is another model.
    """
    # An item without a target is unscored whatever is answered, and would tell nothing.
    stored = [
        key
        for key, outcome in outcomes.items()
        if is_stored(outcome, since) and outcome.status in SCORED
    ]
    if not stored or asker.model.fingerprint().get("revision") is not None:
        return []
    stored.sort(key=lambda key: hashlib.sha256("\0".join((seed, *key)).encode()).digest())
    suites = {suite.name: suite for suite in catalogue.suites}
    drawn = [(suites[suite], item) for suite, item in stored[:RE_ASKED]]
    fresh = _ask_afresh(catalogue, asker, drawn)
    if not fresh:
        return ["stored responses could not be checked: no item could be asked afresh"]
    said = sorted(set(filter(None, map(_server_of, outcomes.values()))))
    says = sorted(set(filter(None, map(_server_of, fresh))).difference(said))
    if says:
        return [
            f"the cache is not trusted: asked afresh the server says it is {', '.join(says)}, and "
            f"the answers are of {', '.join(said) or 'a server that did not say'}"
        ]
    differing = sum(_differs(outcomes[outcome.suite, outcome.id], outcome) for outcome in fresh)
    if _at_least(differing, len(fresh)) >= ALPHA:
        return []
    return [
        f"the cache is not trusted: {differing} of {len(fresh)} items asked afresh came out "
        "differently; declare the model's revision, or run with --medbench-cache=refresh"
    ]


def _differs(stored: Outcome, fresh: Outcome) -> bool:
    # Of an item that is asked several times the first repeat is asked again.
    if stored.scores:
        return stored.scores[0] != fresh.score
    return stored.status is not fresh.status


def _ask_afresh(
    catalogue: Catalogue, asker: Asker, drawn: list[tuple[Suite, str]]
) -> list[Outcome]:
    items = {}
    requests = []
    for suite, item_id in drawn:
        try:
            item = catalogue.item(suite, suite.entry(item_id))
        except SuiteError:
            # The file was changed after the run; what is asked now would be another question.
            continue
        key = ("afresh", suite.name, item_id)
        items[key] = (suite, item)
        requests.append((key, catalogue.request(suite, item)))
    asker.broker.submit_many(requests, fresh=True)
    fresh = []
    for key, (suite, item) in items.items():
        result = asker.broker.take(key)
        if not isinstance(result, Failure):
            outcome = catalogue.grade(suite, item, result)
            if outcome.status is not Status.ERROR:
                fresh.append(outcome)
    return fresh


def _at_least(k: int, n: int) -> float:
    """P(X >= k) for X ~ Binomial(n, FLIP_RATE)."""
    if k == 0:
        return 1.0
    from scipy.special import betainc

    return float(betainc(k, n - k + 1, FLIP_RATE))
