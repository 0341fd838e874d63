"""The account of a run: what was planned, what came of it, what is decided."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pytest_medbench import gates, resuming
from pytest_medbench.baselines.making import Finished
from pytest_medbench.baselines.names import FOLDER
from pytest_medbench.errors import MedbenchError
from pytest_medbench.gates.early import EarlyStop
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.pooled import about_micro_f1
from pytest_medbench.provenance import MadeWith, commit_of, relative, taxonomy_files
from pytest_medbench.repeats import noise
from pytest_medbench.runs import RunError, RunFolder
from pytest_medbench.trust import doubts_about_cache, doubts_about_server, is_stored
from pytest_medbench.versions import Versions

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.asking import Asker
    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.exchange import Request
    from pytest_medbench.gates.regression import Comparison
    from pytest_medbench.options import Options

_VERSIONS = ("pytest-medbench", "pytest", "pytest-xdist", "openai", "scipy")


class Account:
    """Collects outcomes and has the verdict made from them, in the one process that decides.

    Parameters
    ----------
    options : Options
    catalogue : Catalogue
        Holds every suite of the run.
    folder : RunFolder
    asker : Asker
        Tells the model's fingerprint, and asks again where stored responses are in doubt.
    snapshots : str
        What the folders beside the suites are called that hold what was accepted.
    """

    def __init__(
        self,
        options: Options,
        catalogue: Catalogue,
        folder: RunFolder,
        asker: Asker,
        snapshots: str = FOLDER,
    ) -> None:
        self.options = options
        self.folder = folder
        self.asker = asker
        self.decision: gates.Decision | None = None
        self._document: Mapping[str, Any] = {}
        self._stopped: str | None = None
        self.versions: Versions | None = None
        self.comparison: Comparison | None = None
        self.earlier: resuming.Earlier | None = None
        self.early: EarlyStop | None = None
        self.withdrawn = False
        self.outcomes: dict[tuple[str, str], Outcome] = {}
        self._snapshots = snapshots
        self._catalogue = catalogue
        self._commit = commit_of(options.root)
        self._made_with: MadeWith | None = None
        self._doubts: dict[str, str] = {}
        self._selected: Mapping[str, frozenset[str]] = {}
        self._partial: str | None = None
        self._narrowed_by: Sequence[str] = ()
        self._gates: Sequence[gates.Gate] = ()
        self._node_ids: dict[str, tuple[str, str]] = {}

    @property
    def takes_over(self) -> str | None:
        """What this run takes over from one that was cut off."""
        return None if self.earlier is None else f"{self.earlier}; its answers are taken over"

    @property
    def planned(self) -> int:
        """Items in the plan."""
        return sum(map(len, self._selected.values()))

    def plan(self, selected: Iterable[tuple[str, str, str]], *, narrowed_by: Sequence[str]) -> None:
        """Fix the plan: which items run, under which gates, with which model.

        Parameters
        ----------
        selected : iterable of (node id, suite, item id)
        narrowed_by : sequence of str
            The flags that left something out.

        Raises
        ------
        ConfigError
            If a gate cannot be used, or the run that is resumed had another plan.
        ModelError
            If the model cannot be reached.
        RunError
            If the run's folder cannot be written, or another process is at work on the run.
        """
        chosen: dict[str, set[str]] = {suite.name: set() for suite in self._catalogue.suites}
        for node_id, suite, item in selected:
            self._node_ids[node_id] = (suite, item)
            chosen[suite].add(item)
        self._selected = {name: frozenset(ids) for name, ids in chosen.items()}
        self.narrow(narrowed_by)
        self._gates = self._read_gates()
        gates.check_gates(self._gates, self._catalogue.suites, self._catalogue.taxonomy)
        if self.options.early_stop:
            self.early = EarlyStop(
                self._catalogue.suites,
                self._selected,
                self._gates,
                self.options.sequential,
                self.options.seed,
            )
        document = self._plan_document(self.asker.fingerprint())
        self.folder.claim()
        if self.options.resume is not None:
            document = resuming.continued(self.folder, document)
        self._document = document
        self.versions = self._find_versions(document["model"])
        self.folder.write_plan(document)
        self.earlier = self._find_earlier(document)

    def _find_versions(self, model: Mapping[str, Any]) -> Versions | None:
        # A control is no model, and a shard no whole run.
        if self.asker.model.is_control or self.options.shard is not None:
            return None
        return Versions(self.options, self._catalogue, model, self._snapshots)

    def withdraw(self) -> None:
        """Decide nothing: the run turned out to be impossible before anything was asked."""
        self.withdrawn = True

    def _find_earlier(self, plan: Mapping[str, Any]) -> resuming.Earlier | None:
        if self.options.resume is not None:
            return self.asker.resumed
        return resuming.unfinished(self.options.home, plan, but=self.folder.id)

    def differs(self, suite: str, made_with: Mapping[str, str]) -> str | None:
        """Name what another machine made an outcome with and this one has not; None if nothing."""
        if self._made_with is None:
            self._made_with = MadeWith(self._catalogue, self.options, self.asker.fingerprint())
        mine = self._made_with.of(suite)
        return next((name for name in mine if mine[name] != made_with.get(name)), None)

    def note_commit(self, worker: str, commit: str | None) -> None:
        """Doubt what a worker on another machine did if it has another commit checked out."""
        if commit is not None and self._commit is not None and commit != self._commit:
            self._doubts.setdefault(
                worker,
                f"worker {worker} ran at commit {commit[:12]}, this machine is at "
                f"{self._commit[:12]}",
            )

    def narrow(self, reasons: Sequence[str]) -> None:
        """Note that the run is a part, and why."""
        everything = sum(len(suite.entries) for suite in self._catalogue.suites)
        self._narrowed_by = reasons
        # A shard alone is no part: merging the shards decides on the whole.
        if reasons or self.options.shard is None:
            self._partial = part_of(self.planned, everything, reasons)

    def _read_gates(self) -> list[gates.Gate]:
        found = list(gates.parse_gates(self.options.gates, self.options.place, scope=None))
        for suite in self._catalogue.suites:
            place = f"{suite.path} [gates]"
            found += gates.parse_gates(suite.spec.gates, place, scope=suite.name)
        return found

    def _plan_document(self, fingerprint: Mapping[str, Any]) -> dict[str, Any]:
        options = self.options
        return {
            "format": 1,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "planned": self.planned,
            "partial": self._partial,
            "narrowed_by": list(self._narrowed_by),
            "control": self.asker.model.is_control,
            "model": {"name": self.asker.model.name, **fingerprint},
            "suites": [
                {
                    "name": suite.name,
                    "version": suite.spec.suite.version,
                    "path": str(relative(suite.path, options.root)),
                    "digest": suite.digest,
                    "prompt_digest": self._catalogue.prompt_digest(suite),
                    "scorer": suite.spec.score.model_dump(),
                    "items": len(suite.entries),
                    "planned": len(self._selected[suite.name]),
                    "selected": (
                        "all"
                        if len(self._selected[suite.name]) == len(suite.entries)
                        else sorted(self._selected[suite.name])
                    ),
                }
                for suite in self._catalogue.suites
            ],
            "gates": [dataclasses.asdict(gate) for gate in self._gates],
            "settings": {
                "concurrency": options.concurrency,
                "cache": options.cache,
                "sample": options.sample,
                "seed": options.seed,
                "shard": options.shard,
                "repeats": options.repeats,
                "baseline": options.baseline,
                "accept_as": options.accept_as,
                "accept_reason": options.accept_reason,
                "strict": options.strict,
                "report_only": options.report_only,
                "allow_partial": options.allow_partial,
                "ci": options.ci,
            },
            "early_stop": None if self.early is None else self.early.document,
            "taxonomy": taxonomy_files(options),
            "versions": {name: version(name) for name in _VERSIONS}
            | {"python": platform.python_version()},
            "commit": self._commit,
        }

    def requests(self) -> Iterator[Request]:
        """Give the requests of the plan's items."""
        pairs = (
            (suite, entry)
            for suite in self._catalogue.suites
            for entry in suite.entries
            if entry.id in self._selected[suite.name]
        )
        return self._catalogue.requests(pairs, self.options.repeats)

    def note(self, outcome: Outcome) -> None:
        """Count an outcome; of two for one item the one with a response stays."""
        key = (outcome.suite, outcome.id)
        known = self.outcomes.get(key)
        if known is None or known.status in (Status.ERROR, Status.SKIPPED):
            self.outcomes[key] = outcome
            if self.early is not None:
                self.early.note(outcome)

    def note_crash(self, node_id: str, reason: str) -> None:
        """Count an item whose process died."""
        if node_id in self._node_ids:
            suite, item = self._node_ids[node_id]
            self.note(Outcome(suite, item, Status.ERROR, reason=reason))

    def is_planned(self, node_id: str) -> bool:
        """Tell whether a node id is that of a planned item."""
        return node_id in self._node_ids

    def decide(self, stopped: str | None) -> gates.Decision:
        """Have the verdict made, and write it down."""
        self._stopped = stopped
        options = self.options
        doubts = [*self._doubts.values(), *doubts_about_server(self.outcomes.values())]
        if stopped is None:
            doubts += doubts_about_cache(
                self._catalogue,
                self.asker,
                self.outcomes,
                seed=self.folder.id,
                since=self.asker.batch_since,
            )
        outcomes = self.outcomes.values()
        notes = [
            about_cache(outcomes, self.asker.batch_since),
            noise(outcomes),
            *about_micro_f1(self._catalogue, self.outcomes),
        ]
        circumstances = gates.Circumstances(
            partial=self._partial,
            allow_partial=options.allow_partial,
            ci=options.ci,
            shard=None if options.shard is None else "{}/{}".format(*options.shard),
            control=self.asker.model.is_control,
            report_only=options.report_only,
            stopped=stopped,
            doubts=tuple(doubts),
            notes=tuple(filter(None, notes)),
            early=() if self.early is None else tuple(map(str, self.early.blocks)),
        )
        if self.versions is not None:
            self.comparison = self.versions.compare(
                self._selected,
                self.outcomes,
                self._gates,
                self.asker.broker if stopped is None else None,
            )
        self.decision = self._decide(circumstances)
        try:
            if self.versions is not None and self.comparison is not None:
                self.versions.write_files(self.folder.path, self.comparison)
            self._write_verdicts(self.decision, stopped, doubts)
        except RunError as error:
            # What nobody can read again later is no verdict.
            self.decision = self._decide(dataclasses.replace(circumstances, stopped=str(error)))
        return self.decision

    def accept(self, session: pytest.Session) -> str | None:
        """Count what was compared as snapshots, and accept the run if `--snapshot-update` says so.

        Returns
        -------
        str or None
            Why it is not accepted, or what could not be written.
        """
        from pytest_medbench.baselines.extension import wants_update

        if self.versions is None or self.comparison is None or self.decision is None:
            return self._why_never_accepted() if wants_update(session.config) else None
        verdict = self.decision.verdict
        finished = Finished(
            run=self.folder.id,
            plan=self._document,
            catalogue=self._catalogue,
            outcomes=self.outcomes,
            verdict=None if verdict is None else verdict.value,
            stopped=self._stopped,
        )
        try:
            problems = self.versions.assert_snapshots(session, finished, self.comparison)
        except MedbenchError as error:
            return str(error)
        return "; ".join(problems) or None

    def _why_never_accepted(self) -> str:
        if self.asker.model.is_control:
            return "--snapshot-update: a control is no model; nothing was accepted"
        return (
            "--snapshot-update: a shard is no whole run; join all shards with medbench merge, and "
            "accept that run with medbench accept"
        )

    def _decide(self, circumstances: gates.Circumstances) -> gates.Decision:
        suites = self._catalogue.suites
        return gates.decide(
            suites, self._selected, self.outcomes, self._gates, circumstances, self.comparison
        )

    def _write_verdicts(
        self, decision: gates.Decision, stopped: str | None, doubts: Sequence[str]
    ) -> None:
        name = self.asker.model.name
        self.folder.write_verdicts(verdicts_document(name, decision, stopped, doubts))


def part_of(planned: int, everything: int, reasons: Sequence[str]) -> str | None:
    """Say which part of the plan a run is, and why; None where it is the whole."""
    if not reasons and planned >= everything:
        return None
    why = f" ({', '.join(reasons)})" if reasons else ""
    of = f"{everything:,}" if planned < everything else "the items collected"
    return f"{planned:,} of {of}{why}"


def about_cache(outcomes: Iterable[Outcome], since: float | None = None) -> str:
    """Say how many answers came from the cache, and the age of the oldest; see `is_stored`."""
    answered = [outcome for outcome in outcomes if outcome.asked_at]
    stored = [outcome.asked_at for outcome in answered if is_stored(outcome, since)]
    text = f"{len(stored):,} of {len(answered):,} answers came from the cache"
    if stored:
        # Below 0 where the clock was set back since.
        text += f", the oldest {max(0.0, time.time() - min(stored)) / 3600:.1f} h old"
    return text


def verdicts_document(
    model: str, decision: gates.Decision, stopped: str | None, doubts: Sequence[str]
) -> dict[str, Any]:
    """Give what `verdicts.json` holds."""
    return {
        "model": model,
        "stopped": stopped,
        "doubts": list(doubts),
        **dataclasses.asdict(decision),
    }
