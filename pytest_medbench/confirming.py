"""Safety items that flipped, asked again: whether the new version really answers wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_medbench.errors import SuiteError
from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.gates.regression import Comparison, Confirmation, ItemChange
from pytest_medbench.outcomes import SCORED, Status

if TYPE_CHECKING:
    from pytest_medbench.baselines.records import SuiteBaseline
    from pytest_medbench.broker import Broker
    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.suites import Item, Suite

Accepted = Mapping[str, Mapping[str, "SuiteBaseline"]]
_Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Fresh:
    """An item that was asked again, and what the model said.

    Parameters
    ----------
    confirmation : Confirmation
    answers : tuple of str
        The responses' texts, those that could not be graded too.
    """

    confirmation: Confirmation
    answers: tuple[str, ...]


def confirm(
    comparison: Comparison,
    catalogue: Catalogue,
    broker: Broker,
    accepted: Accepted,
    *,
    times: int,
    repeats: int,
) -> list[Fresh]:
    """Ask the present model afresh where a safety or must-pass item flipped.

    The accepted version is not asked: its stored repeats speak for it, if it has any.

    Parameters
    ----------
    comparison : Comparison
    catalogue : Catalogue
        Has read the suites.
    broker : Broker
        Asks the present model.
    accepted : mapping of str to mapping of str to SuiteBaseline
        By `baseline` or `anchor`, then by suite.
    times : int
        How often each item is asked, from 1.
    repeats : int
        How often each was asked in the run: the answers that showed a flip never count, so the
        fresh ones have the sample numbers after them.

    Returns
    -------
    list of Fresh
        In the order of the flips. An answer that did not arrive or has no score is left out, so a
        server that is gone confirms nothing and clears nothing.
    """
    suites = {suite.name: suite for suite in catalogue.suites}
    samples = range(repeats, repeats + times)
    asked: dict[tuple[str, str], tuple[ItemChange, Suite, Item]] = {}
    requests: list[tuple[_Key, Request]] = []
    for change in comparison.items:
        if not change.flip or (change.suite, change.id) in asked:
            continue
        suite = suites[change.suite]
        try:
            item = catalogue.item(suite, suite.entry(change.id))
        except SuiteError:
            # The file was changed after the run; what is asked now would be another question.
            continue
        asked[change.suite, change.id] = change, suite, item
        requests += [
            (("confirm", suite.name, change.id, sample), catalogue.request(suite, item, sample))
            for sample in samples
        ]
    if requests:
        broker.submit_many(requests, fresh=True)
    results = {key: broker.take(key) for key, _ in requests}
    return [
        _weighed(
            change,
            suite,
            item,
            [results["confirm", suite.name, change.id, sample] for sample in samples],
            catalogue,
            accepted,
        )
        for change, suite, item in asked.values()
    ]


def _weighed(
    change: ItemChange,
    suite: Suite,
    item: Item,
    results: list[Response | Failure],
    catalogue: Catalogue,
    accepted: Accepted,
) -> Fresh:
    responses = [result for result in results if not isinstance(result, Failure)]
    outcomes = [catalogue.grade(suite, item, response) for response in responses]
    answers = tuple(response.text for response in responses)
    new = tuple(
        outcome.status is Status.CORRECT for outcome in outcomes if outcome.status in SCORED
    )
    identical = len(new) > 1 and len(set(answers)) == 1
    old = _old(change, suite, accepted)
    return Fresh(Confirmation(change.suite, change.id, old, new, identical), answers)


def _old(change: ItemChange, suite: Suite, accepted: Accepted) -> tuple[bool, ...] | None:
    """Give which stored repeats of the accepted version were correct; None if it has none."""
    baseline = accepted.get(change.which, {}).get(change.suite)
    record = None if baseline is None else baseline.items.get(change.id)
    if record is None or not record.scores:
        return None
    return tuple(score >= suite.spec.score.correct_at for score in record.scores)
