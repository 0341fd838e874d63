"""Brings the parts together in one process: a serial session, a worker, or a controller."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_medbench import distributed, handover
from pytest_medbench.errors import ConfigError, MedbenchError
from pytest_medbench.options import Options, read_options

if TYPE_CHECKING:
    from pytest_medbench.asked import Asked
    from pytest_medbench.asking import Asker
    from pytest_medbench.cases import Case, SuiteFile
    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.gates import Decision
    from pytest_medbench.runs import RunFolder
    from pytest_medbench.session import Account
    from pytest_medbench.suites import Suite

INCOMPLETE = 11
PHASES = ("setup", "call", "teardown")


class Coordinator:
    """What this plugin knows of the session; heavy parts are imported when a suite turns up.

    Parameters
    ----------
    config : pytest.Config
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.is_worker = distributed.is_worker(config)
        self.account: Account | None = None
        self._options: Options | None = None
        self._catalogue: Catalogue | None = None
        self._folder: RunFolder | None = None
        self._asker: Asker | None = None
        self._problem: MedbenchError | None = None
        self._run_id: str | None = None
        self._case_errors = 0
        self._stopped_by_failures = False
        self._given_up = False
        if getattr(config.option, "xmlpath", None):
            from pytest_medbench.report.junit import StatusHooks

            config.pluginmanager.register(StatusHooks(config))
        self._items: Sequence[pytest.Item] = ()
        self._places: dict[str, str] = {}

    @property
    def options(self) -> Options:
        """The options, read once."""
        if self._options is None:
            self._options = read_options(self.config)
        return self._options

    @property
    def catalogue(self) -> Catalogue:
        """The suites read so far."""
        if self._catalogue is None:
            from pytest_medbench.catalogue import Catalogue

            self._catalogue = Catalogue(self.options)
        return self._catalogue

    @property
    def run_id(self) -> str:
        """The run's id; a worker has it from its controller."""
        if self._run_id is None:
            if self.is_worker:
                self._run_id = str(distributed.worker_input(self.config)["run"])
            else:
                from pytest_medbench.run_id import new_run_id

                self._run_id = new_run_id()
        return self._run_id

    @property
    def folder(self) -> RunFolder:
        """The run's folder."""
        if self._folder is None:
            from pytest_medbench.runs import RunFolder

            self._folder = RunFolder(self.options.home, self.run_id)
        return self._folder

    @property
    def collects_only(self) -> bool:
        """Whether nothing is to be run."""
        return bool(self.config.option.collectonly)

    def say(self, line: str) -> None:
        """Print a line for the person who waits."""
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and not self.is_worker:
            writer = self.config.get_terminal_writer()
            if writer.width_of_current_line:
                writer.line()
            reporter.write_line(f"medbench: {line}")
            reporter.currentfspath = None

    def collect(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Give the node of a `suite.toml`, or None if it is another project's."""
        from pytest_medbench.cases import SuiteFile
        from pytest_medbench.suites import is_suite_file

        if not parent.session.isinitpath(path) and not is_suite_file(path):
            return None
        return SuiteFile.of(parent, path, self.open)

    def open(self, node: SuiteFile) -> Suite | None:
        """Read a suite whose cases are wanted; None if the run is impossible anyway.

        Raises
        ------
        MedbenchError
            If the suite cannot be used.
        """
        if self._problem is not None:
            return None
        try:
            _ = self.options
        except ConfigError as error:
            self._problem = error
            if self.is_worker:
                # It cannot end the run with a usage error, but its collection errors arrive.
                raise
            return None
        suite = self.catalogue.read(node.path)
        self._places[node.nodeid] = str(node.path)
        self._prepare()
        return suite

    def _prepare(self) -> None:
        """Connect while the rest is collected."""
        if self._asker is not None or self.collects_only or self._problem is not None:
            return
        if self.is_worker:
            from pytest_medbench.models.openai import import_client

            threading.Thread(target=import_client, daemon=True).start()
        elif self.options.model is not None:
            try:
                self._asker = self._make_asker()
            except MedbenchError as error:
                self._problem = error

    def _make_asker(self, **further: Any) -> Asker:
        from pytest_medbench.asking import Asker

        self.options.named_model()
        return Asker(self.options, self.catalogue, self.folder, say=self.say, **further)

    def choose(self, items: list[pytest.Item]) -> None:
        """Keep the cases that the selection flags ask for."""
        from pytest_medbench.cases import Case
        from pytest_medbench.selection import is_selecting, select

        if self._problem is not None or not is_selecting(self.options):
            return
        cases = [item for item in items if isinstance(item, Case)]
        try:
            chosen = select(self.options, ((case.suite, case.entry) for case in cases))
        except ConfigError as error:
            self._problem = error
            return
        dropped = [case for case in cases if case.entry.id not in chosen.get(case.suite.name, ())]
        if dropped:
            gone = set(dropped)
            items[:] = [item for item in items if item not in gone]
            self.config.hook.pytest_deselected(items=dropped)

    def collected(self, items: Sequence[pytest.Item]) -> None:
        """Say at once, before any case runs, what makes the run impossible.

        A worker keeps silent: its controller finds the same and stops the run in one place.
        """
        from pytest_medbench.cases import Case

        if self.is_worker:
            if self._places:
                name = distributed.worker_id(self.config)
                handover.leave_suites(self.folder.path, name, self._places)
            return
        if self._problem is not None:
            raise pytest.UsageError(str(self._problem))
        has_cases = any(isinstance(item, Case) for item in items)
        if has_cases and self._asker is None and not self.collects_only:
            self._require_model()

    def _require_model(self) -> None:
        try:
            self._asker = self._make_asker()
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from None

    def begin(self, session: pytest.Session) -> None:
        """Fix the plan of a serial run; the controller of workers does that when they collected."""
        from pytest_medbench.cases import Case

        self._items = session.items
        cases = [item for item in session.items if isinstance(item, Case)]
        if not cases or self._asker is None or self.collects_only:
            return
        if session.testsfailed and not self.config.option.continue_on_collection_errors:
            return  # pytest ends the session here
        self._plan([(case.nodeid, case.suite.name, case.entry.id) for case in cases])
        rest = iter(cases)
        self._asker.plan(lambda: rest, len(cases))

    def _plan(self, selected: list[tuple[str, str, str]]) -> None:
        from pytest_medbench.models.base import ModelError
        from pytest_medbench.narrowing import narrowed_by
        from pytest_medbench.session import Account

        assert self._asker is not None
        account = Account(self.options, self.catalogue, self.folder, self._asker)
        try:
            account.plan(selected, narrowed_by=narrowed_by(self.config, self.options))
        except ModelError as error:
            pytest.exit(str(error), returncode=INCOMPLETE if error.retry else 4)
        except ConfigError as error:
            pytest.exit(str(error), returncode=4)
        self.account = account

    def workers_collected(self, ids: Sequence[str], run_id: str, worker: str) -> None:
        """Plan the run from the ids that an xdist worker collected."""
        if self.account is not None:
            return
        self._run_id = run_id
        from pytest_medbench.models.base import ModelError
        from pytest_medbench.session import read_selected

        try:
            places = handover.find_suites(self.folder.path, worker)
            selected = read_selected(self.catalogue, self.options.root, ids, places)
            self._check_selection()
            self._asker = self._make_asker()
            self._plan(selected)
            served = getattr(self._asker.model, "served_url", None)
            handover.leave_served(self.folder.path, served)
        except ModelError as error:
            pytest.exit(str(error), returncode=INCOMPLETE if error.retry else 4)
        except MedbenchError as error:
            pytest.exit(str(error), returncode=4)

    def _check_selection(self) -> None:
        from pytest_medbench.selection import select

        select(
            self.options,
            ((suite, entry) for suite in self.catalogue.suites for entry in suite.entries),
        )

    def _worker_asker(self) -> Asker:
        name = distributed.worker_id(self.config)
        served = handover.find_served(self.folder.path)
        asker = self._make_asker(process=name, served_url=served)
        asker.plan(lambda: self._queued_cases(), 0)
        return asker

    def _queued_cases(self) -> Iterable[Case]:
        from pytest_medbench.cases import Case

        ahead = distributed.queued(self.config, self._items)
        return (item for item in ahead if isinstance(item, Case))

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run an item if it is a case; None leaves it to others."""
        from pytest_medbench.cases import Case

        if not isinstance(item, Case):
            return None
        try:
            if self._asker is None:
                self._asker = self._worker_asker()
            item.run_protocol(self._asker, nextitem, strict=self.options.strict)
        except MedbenchError as error:
            # A journal or a cache that cannot be written: going on would lose what is paid for.
            self._given_up = True
            pytest.exit(str(error), returncode=int(pytest.ExitCode.INTERRUPTED))
        return True

    def _asked(self, asked: Asked) -> Any:
        if self._asker is None:
            self._asker = self._worker_asker() if self.is_worker else self._make_asker()
        return self._asker.ask(asked, self._upcoming_asked)

    def _upcoming_asked(self) -> Iterable[Asked]:
        from pytest_medbench.asked import Asked

        items = distributed.queued(self.config, self._items) if self.is_worker else self._items
        for item in items:
            asked = Asked.of(item)
            if asked is not None and asked.is_wanted_by(item):
                yield asked

    def note(self, report: pytest.TestReport) -> None:
        """Take an outcome from a report, here or from a worker."""
        wire = getattr(report, "medbench", None)
        if self.account is None or self.is_worker:
            return
        if wire is not None:
            from pytest_medbench.outcomes import Outcome, Status

            outcome = Outcome.from_wire(wire)
            self.account.note(outcome)
            if outcome.status is Status.ERROR:
                self._case_errors += 1
            elif outcome.status in (Status.WRONG, Status.UNPARSABLE):
                self._remember_for_last_failed(report.nodeid)
        elif report.when not in PHASES and self.account.is_planned(report.nodeid):
            # What xdist says when a worker died; a fixture's failed teardown is no crash.
            self.account.note_crash(report.nodeid, str(report.longrepr))
            self._case_errors += 1

    def _remember_for_last_failed(self, node_id: str) -> None:
        # Wrong answers are passed reports; --lf and --ff are to bring them back all the same.
        plugin = self.config.pluginmanager.getplugin("lfplugin")
        if plugin is not None:
            plugin.lastfailed[node_id] = True

    def end(self, session: pytest.Session, interrupted: BaseException | None) -> None:
        """Decide, in the process that has all outcomes."""
        if self.account is not None:
            stopped = session.shouldfail or session.shouldstop or None
            if interrupted is not None and not stopped:
                stopped = f"interrupted ({type(interrupted).__name__})"
            decision = self.account.decide(str(stopped) if stopped else None)
            self._stopped_by_failures = (
                bool(session.shouldfail)
                and isinstance(interrupted, KeyboardInterrupt)
                and type(interrupted) is not KeyboardInterrupt
            )
            from pytest_medbench.report.junit import add_decision

            add_decision(self.config, decision, self.folder.id, self.account.asker.model.name)

    def letter_and_word(self, report: pytest.TestReport) -> Any:
        """Give a case's status in the terminal; None leaves it to others."""
        if not hasattr(report, "medbench"):
            return None
        from pytest_medbench.report.terminal import letter_and_word

        return letter_and_word(report)

    def summarize(self, reporter: pytest.TerminalReporter) -> None:
        """Print what was decided."""
        if self.account is not None and self.account.decision is not None:
            from pytest_medbench.report.terminal import summarize

            summarize(reporter, self.account)

    def parametrize(self, metafunc: pytest.Metafunc, mark: pytest.Mark) -> None:
        """Run a user's own test once for each item of a suite."""
        from pytest_medbench.asked import parametrize

        try:
            parametrize(metafunc, mark, self.options.root, self.catalogue, self._asked)
        except MedbenchError as error:
            raise pytest.Collector.CollectError(str(error)) from None

    @property
    def decision(self) -> Decision | None:
        """What was decided, if anything was."""
        return None if self.account is None else self.account.decision

    def exit_status(self, session: pytest.Session, status: int) -> int:
        """Join pytest's exit status with the verdict's."""
        if self.decision is None:
            return status
        from pytest_medbench.gates import combine

        # xdist stops at -x and --maxfail as if it were interrupted, a serial session does not.
        if status == pytest.ExitCode.INTERRUPTED and self._stopped_by_failures:
            status = int(pytest.ExitCode.TESTS_FAILED)
        # Another status than pytest's own would have silenced its summary.
        if status == pytest.ExitCode.INTERRUPTED and self._given_up:
            status = INCOMPLETE
        # An item without a response is a failed report, but no verdict against the model.
        if status == pytest.ExitCode.TESTS_FAILED and session.testsfailed <= self._case_errors:
            status = 0
        return combine(status, self.decision.exit_status)

    def close(self) -> None:
        """Let go of the model and of files."""
        if self._asker is not None:
            self._asker.close()
        if self._catalogue is not None:
            self._catalogue.close()
