"""A new version against the accepted one: found, compared, and accepted in its turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pytest_medbench.baselines.accepting import prepare
from pytest_medbench.baselines.finding import Found, find
from pytest_medbench.baselines.hashes import made_with, suite_hashes
from pytest_medbench.baselines.making import Finished
from pytest_medbench.confirming import Fresh, confirm
from pytest_medbench.gates.regression import Against, Comparison, compare

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.broker import Broker
    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.gates import Gate
    from pytest_medbench.gates.regression.model import Which
    from pytest_medbench.outcomes import Outcome

Key = tuple[str, str]


class Naming(Protocol):
    """What the options, or a run's plan, say of versions."""

    @property
    def baseline(self) -> str | None:
        """The name to compare with."""

    @property
    def accept_as(self) -> str | None:
        """The name to accept the run under."""

    @property
    def accept_reason(self) -> str | None:
        """Why it is accepted, whatever its verdict."""

    @property
    def repeats(self) -> int:
        """How often each item is asked."""

    @property
    def confirm_flips(self) -> int:
        """How often an item that flipped is asked again."""

    @property
    def home(self) -> Path:
        """The folder of runs."""

    @property
    def redact(self) -> bool:
        """Whether to write ids only."""


@dataclass(frozen=True)
class Planned:
    """What the settings of a plan say; nothing is asked again for it."""

    baseline: str | None = None
    accept_as: str | None = None
    accept_reason: str | None = None
    repeats: int = 1
    confirm_flips: int = 0
    redact: bool = False
    home: Path = Path(".medbench")


class Versions:
    """What was accepted for the suites of a run.

    Parameters
    ----------
    options : Naming
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
        self, options: Naming, catalogue: Catalogue, model: Mapping[str, Any], dirname: str
    ) -> None:
        self._options = options
        self._catalogue = catalogue
        self._model = model
        self._dirname = dirname
        self._fresh: list[Fresh] = []
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
        broker: Broker | None = None,
    ) -> Comparison:
        """Hold a run's outcomes against the baseline and the anchor; see `regression.compare`.

        With `--medbench-confirm-flips` and a `broker`, through which the model can be asked, safety
        items that flipped are asked again, and the answers count in the comparison.
        """
        found, suites = self.found, self._catalogue.suites
        repeats = self._options.repeats
        is_there = bool(found.baselines or found.anchors)
        hold = partial(
            compare,
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
        )
        comparison = hold()
        if broker is not None and self._options.confirm_flips > 0:
            self._fresh = confirm(
                comparison,
                self._catalogue,
                broker,
                {"baseline": found.baselines, "anchor": found.anchors},
                times=self._options.confirm_flips,
                repeats=repeats,
            )
        if self._fresh:
            comparison = hold(confirmations=[each.confirmation for each in self._fresh])
        return comparison

    def write_files(self, folder: Path, comparison: Comparison) -> None:
        """Write the comparison whole into the run's folder. Raises RunError."""
        from pytest_medbench.report.changed_texts import folder_in, read_texts
        from pytest_medbench.report.comparison_files import write_comparison_files

        redact = self._options.redact
        texts = (
            {}
            if redact
            else read_texts(
                comparison, self._catalogue, folder, folder_in(self._options.home), self._kept
            )
        )
        write_comparison_files(folder, comparison, texts, self._fresh, redact=redact)

    def _kept(self, which: Which, suite: str, ids: list[str]) -> Mapping[str, str]:
        """Give the accepted answers that the cache still has."""
        from pytest_medbench.kept import kept_answers
        from pytest_medbench.options import Options

        known = self.found.anchors if which == "anchor" else self.found.baselines
        # The plan of a merged run does not say where the cache was.
        if suite not in known or not isinstance(self._options, Options):
            return {}
        return kept_answers(self._options, self._catalogue, known[suite], ids)

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
