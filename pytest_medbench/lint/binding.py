"""Binds scorers where nothing is scored."""

from __future__ import annotations

from pytest_medbench.errors import nearest
from pytest_medbench.scorers import bind, names
from pytest_medbench.suites import BoundScorer, ScoreTable


class Binder:
    """Binds a suite's scorer; one of a user's own conftest.py, which is not run, checks nothing.

    A name that is nearly that of a known scorer is a slip of the pen, and stays an error.

    Attributes
    ----------
    unknown : str or None
        The name that is not known here.
    """

    def __init__(self) -> None:
        self.unknown: str | None = None

    def __call__(self, table: ScoreTable) -> BoundScorer:
        """Give the scorer of a `[score]` table.

        Raises
        ------
        ValueError
            If a known scorer cannot have these options.
        """
        known = names()
        if table.scorer in known or nearest(table.scorer, known):
            return bind(table)
        self.unknown = table.scorer
        return bind(ScoreTable(scorer="judge"))
