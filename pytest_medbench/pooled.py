"""Micro-F1: what the labels of all items of a suite come to together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.errors import SuiteError
from pytest_medbench.outcomes import SCORED, Outcome
from pytest_medbench.suites import Suite

SCORER, CREDIT = "multi", "f1"


class Pooled(NamedTuple):
    """Labels of a suite's items, pooled.

    Parameters
    ----------
    items : int
        Those with a score; a response that could not be read gave no label.
    hits, given, wanted : int
        Labels that were right, that were given, and that the targets have.
    """

    items: int
    hits: int
    given: int
    wanted: int

    @property
    def micro_f1(self) -> float:
        """Twice the hits over labels given and wanted, in [0, 1]."""
        return 2 * self.hits / (self.given + self.wanted)


def pooled(
    catalogue: Catalogue, suite: Suite, outcomes: Mapping[tuple[str, str], Outcome]
) -> Pooled:
    """Pool the labels of a suite of `multi` items.

    Raises
    ------
    SuiteError
        If a line of it cannot be read any more.

    References
    ----------
    Manning, Raghavan and Schuetze, Introduction to Information Retrieval (2008), section 13.6:
    micro-averaging.
    """
    items = hits = given = wanted = 0
    for entry in suite.entries:
        outcome = outcomes.get((suite.name, entry.id))
        if outcome is None or outcome.status not in SCORED or not entry.scored:
            continue
        target = set(catalogue.item(suite, entry).target)
        letters = set(outcome.answer or "")
        items += 1
        hits += len(letters & target)
        given += len(letters)
        wanted += len(target)
    return Pooled(items, hits, given, wanted)


def about_micro_f1(
    catalogue: Catalogue, outcomes: Mapping[tuple[str, str], Outcome]
) -> Iterator[str]:
    """Say the micro-F1 of each suite whose items are scored by their own F1."""
    for suite in catalogue.suites:
        table = suite.spec.score
        if table.scorer != SCORER or table.options.get("credit") != CREDIT:
            continue
        try:
            found = pooled(catalogue, suite, outcomes)
        except SuiteError:
            continue
        if found.items:
            yield (
                f"micro-F1 of {suite.name}: {100 * found.micro_f1:.1f} over {found.items:,} items "
                f"({found.hits:,} labels right, {found.given:,} given, {found.wanted:,} wanted)"
            )
