"""A new version against the accepted one: found, compared, and accepted in its turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_medbench.baselines.accepting import prepare
from pytest_medbench.baselines.finding import Found, find
from pytest_medbench.baselines.hashes import made_with, suite_hashes
from pytest_medbench.baselines.making import Finished
from pytest_medbench.gates.regression import Against, Comparison, Confirmation, compare

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.gates import Gate
    from pytest_medbench.options import Options
    from pytest_medbench.outcomes import Outcome

Key = tuple[str, str]


class Versions:
    """What was accepted for the suites of a run.

    Parameters
    ----------
    options : Options
    catalogue : Catalogue
        Has read the suites.
    model : mapping
        The model's name and fingerprint, as the plan has them.
    dirname : str
        What the snapshots' folders are called.

    Raises
    ------
    ConfigError
        If no baseline can have the name that is given.
    """

    def __init__(
        self, options: Options, catalogue: Catalogue, model: Mapping[str, Any], dirname: str
    ) -> None:
        self._options = options
        self._catalogue = catalogue
        self._model = model
        self._dirname = dirname
        self.found: Found = find(
            catalogue.suites,
            options.baseline or self.accepted_as,
            named=options.baseline is not None,
            dirname=dirname,
        )

    @property
    def accepted_as(self) -> str:
        """The name under which this run would be accepted."""
        return self._options.accept_as or str(self._model["name"])

    def compare(
        self,
        selected: Mapping[str, frozenset[str]],
        outcomes: Mapping[Key, Outcome],
        gates: Iterable[Gate],
        confirmations: Iterable[Confirmation] = (),
    ) -> Comparison:
        """Hold a run's outcomes against the baseline and the anchor; see `regression.compare`."""
        found, suites = self.found, self._catalogue.suites
        repeats = self._options.repeats
        is_there = bool(found.baselines or found.anchors)
        return compare(
            suites,
            selected,
            outcomes,
            made_with(self._catalogue, selected, self._model, repeats=repeats) if is_there else {},
            self._against(),
            list(gates),
            hashes={
                suite.name: suite_hashes(self._catalogue, suite, self._model, repeats=repeats)
                for suite in (suites if is_there else ())
            },
            repeats={key: outcome.scores for key, outcome in outcomes.items() if outcome.scores},
            confirmations=confirmations,
        )

    def _against(self) -> list[Against]:
        found = self.found
        if not (found.baselines or found.anchors or found.problems or found.anchor_problems):
            return []
        return [
            Against(found.key, "baseline", found.baselines, found.problems),
            Against(found.key, "anchor", found.anchors, found.anchor_problems),
        ]

    def assert_snapshots(
        self, session: pytest.Session, finished: Finished, comparison: Comparison
    ) -> list[str]:
        """Count what was compared in syrupy's report, and accept the run if that is asked for.

        Returns
        -------
        list of str
            What could not be written or read.

        Raises
        ------
        MedbenchError
            If the run may not be accepted; nothing was written.
        """
        from pytest_medbench.baselines.extension import assert_snapshots, wants_update
        from pytest_medbench.gates import Verdict

        suites = self._catalogue.suites
        if not wants_update(session.config):
            bad = any(
                finding.verdict in (Verdict.BLOCK, Verdict.INCONCLUSIVE)
                for finding in comparison.findings
            )
            failed = list(self.found.baselines) if bad else []
            return assert_snapshots(
                session, suites, self.found.baselines, update=False, failed=failed
            )
        acceptances = prepare(
            finished,
            self.accepted_as,
            reason=self._options.accept_reason,
            compared_with=self._options.baseline,
            dirname=self._dirname,
        )
        records = {each.suite.name: each.baseline for each in acceptances}
        anchors = {each.suite.name: each.anchor for each in acceptances if each.anchor is not None}
        return assert_snapshots(session, suites, records, anchors=anchors, update=True)
