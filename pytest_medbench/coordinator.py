"""Brings the parts together in one process: a serial session, a worker, or a controller."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_medbench import batching, distributed, handover
from pytest_medbench.errors import ConfigError, MedbenchError
from pytest_medbench.setting import Setting
from pytest_medbench.stopping import Stops, is_given_up

if TYPE_CHECKING:
    from pytest_medbench.asked import Asked
    from pytest_medbench.asking import Asker
    from pytest_medbench.cases import SuiteFile
    from pytest_medbench.intake import Intake
    from pytest_medbench.session import Account
    from pytest_medbench.suites import Suite
    from pytest_medbench.worker import Sender

INCOMPLETE = 11


class Coordinator(Setting):
    """What this plugin knows of the session; heavy parts are imported when a suite turns up.

    Parameters
    ----------
    config : pytest.Config
    """

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(config)
        self.account: Account | None = None
        self._asker: Asker | None = None
        self._problem: MedbenchError | None = None
        self._intake: Intake | None = None
        self._sender: Sender | None = None
        self._stopped_by_failures = False
        self._refused: str | None = None
        self._in_case = False
        self._stops = Stops(
            self._halt,
            lambda: handover.find_stop(self.folder.path) if self.is_worker else None,
            lambda: self.say("ended at once; what was answered is kept"),
            controls_workers=distributed.is_controller(config),
        )
        self._began = time.time()
        if getattr(config.option, "xmlpath", None):
            from pytest_medbench.report.junit import StatusHooks

            config.pluginmanager.register(StatusHooks(config))
        self._items: Sequence[pytest.Item] = ()
        self._session: pytest.Session | None = None
        self._places: dict[str, str] = {}

    @property
    def collects_only(self) -> bool:
        """Whether nothing is to be run."""
        return bool(self.config.option.collectonly)

    @property
    def _runs(self) -> bool:
        return not (self.collects_only or self.config.option.medbench_plan_only)

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
        from pytest_medbench.narrowing import deselect, safety_first

        if self._problem is None:
            try:
                deselect(self.config, self.options, items)
                if self.options.early_stop:
                    safety_first(items, self.options.seed, distributed.worker_count(self.config))
            except ConfigError as error:
                self._problem = error

    def collected(self, items: Sequence[pytest.Item]) -> None:
        """Say at once, before any case runs, what makes the run impossible.

        A worker keeps silent: its controller finds the same and stops the run in one place.
        """
        from pytest_medbench.cases import Case

        if self.is_worker:
            # A folder that cannot be written is found by the controller too.
            with contextlib.suppress(MedbenchError):
                if self._places:
                    name = distributed.worker_id(self.config)
                    handover.leave_suites(self.folder.path, name, self._places)
            return
        if self._problem is not None:
            raise pytest.UsageError(str(self._problem))
        has_cases = any(isinstance(item, Case) for item in items)
        if has_cases and self._asker is None and self._runs:
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
        if self.is_worker:
            return
        cases = [item for item in session.items if isinstance(item, Case)]
        if not cases or self._asker is None or not self._runs:
            return
        if session.testsfailed and not self.config.option.continue_on_collection_errors:
            return  # pytest ends the session here
        self._plan([(case.nodeid, case.suite.name, case.entry.id) for case in cases])
        assert self.account is not None
        if self.options.batch:
            batching.ask_first(self, self._asker, self.account, self._began)
        rest = iter(cases)
        earlier = self.account.earlier
        left = None if earlier is None else earlier.left(cases)
        self._asker.plan(lambda: rest, len(cases), left)
        self._watch()

    def show_plan(self, session: pytest.Session) -> None:
        """Print what the collected cases would ask, in place of running them."""
        from pytest_medbench.planning import show_plan

        show_plan(self, self._asker, session.items)

    def _halt(self, reason: str) -> bool:
        """Have the sending of requests end; False if none are under way."""
        if self.account is not None and distributed.is_controller(self.config):
            return handover.leave_stop(self.folder.path, reason)
        if self._asker is None or not self._in_case:
            return False
        self._asker.halt(reason)
        return True

    def _watch(self) -> None:
        began = self._began
        if self.is_worker:
            began = distributed.worker_input(self.config)["began"]
        self._stops.begin(began=began, deadline=self.options.deadline, looks=self.is_worker)

    def worker_stopped(self, stop: str) -> None:
        """Have the other workers stop too."""
        if self.account is not None:
            handover.leave_stop(self.folder.path, stop)

    def _plan(self, selected: list[tuple[str, str, str]], narrowed: Sequence[str] = ()) -> None:
        from pytest_medbench.baselines.extension import snapshots_dirname
        from pytest_medbench.intake import Intake
        from pytest_medbench.models.base import ModelError
        from pytest_medbench.narrowing import narrowed_by
        from pytest_medbench.session import Account

        assert self._asker is not None
        dirname = snapshots_dirname(self.config)
        account = Account(self.options, self.catalogue, self.folder, self._asker, dirname)
        try:
            account.plan(selected, narrowed_by=[*narrowed_by(self.config, self.options), *narrowed])
        except ModelError as error:
            pytest.exit(str(error), returncode=INCOMPLETE if error.retry else 4)
        except MedbenchError as error:
            pytest.exit(str(error), returncode=4)
        self.account = account
        self._intake = Intake(self.config, account)
        handover.clear(self.folder.path)
        for line in (distributed.cost_of(self.config), account.takes_over):
            if line is not None:
                self.say(line)

    def workers_collected(self, ids: Sequence[str], run_id: str, worker: str) -> None:
        """Plan the run from the ids that an xdist worker collected."""
        if self.account is not None:
            return
        self.take_run_id(run_id)
        from pytest_medbench.models.base import ModelError
        from pytest_medbench.narrowing import check_selection, read_selected, suites_lacking

        try:
            places = handover.find_suites(self.folder.path, worker)
            selected = read_selected(self.catalogue, self.options.root, ids, places)
            lacking = [] if places else suites_lacking(self.config, self.catalogue.suites, worker)
            check_selection(self.catalogue, self.options)
            self._asker = self._make_asker()
            self._plan(selected, lacking)
            assert self.account is not None
            if self.options.batch:
                batching.ask_first(self, self._asker, self.account, self._began)
            served = getattr(self._asker.model, "served_url", None)
            handover.leave_served(self.folder.path, served)
            self._watch()
        except ModelError as error:
            pytest.exit(str(error), returncode=INCOMPLETE if error.retry else 4)
        except MedbenchError as error:
            pytest.exit(str(error), returncode=4)

    def _worker_asker(self) -> Asker:
        from pytest_medbench.worker import Sender, make_asker

        asker = make_asker(self.config, self.folder, self._make_asker, lambda: self._items)
        if not self.folder.is_planned:
            self._sender = Sender(self, asker)
        self._watch()
        return asker

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run an item if it is a case; None leaves it to others."""
        from pytest_medbench.cases import Case

        self._in_case = isinstance(item, Case)
        if not isinstance(item, Case):
            return None
        try:
            if self._asker is None:
                self._asker = self._worker_asker()
            item.run_protocol(self._asker, nextitem, strict=self.options.strict)
        except MedbenchError as error:
            # A journal or a cache that cannot be written: going on would lose what is paid for.
            self._stops.stop(item.session, str(error))
            if self._asker is not None:
                self._asker.halt(str(error))
        else:
            # What has arrived is still scored; the rest is not run.
            if self._asker.stopped is not None and not self._asker.has_answers():
                self._stops.stop(item.session, self._asker.stopped)
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
        if self.is_worker:
            if self._sender is not None:
                self._sender.add(report)
        elif self._intake is not None:
            self._intake.note(report)
            stop = distributed.stop_of_controller(self.config)
            early = self.account.early if self.account is not None else None
            if early is not None and early.reason is not None:
                self._halt(early.reason)
            elif stop is not None:
                # Workers have their whole share in hand and would go through all of it.
                handover.leave_stop(self.folder.path, stop)

    def end(self, session: pytest.Session, interrupted: BaseException | None) -> None:
        """Decide, in the process that has all outcomes."""
        self._in_case = False
        self._session = session
        if self.account is not None and not self.account.withdrawn:
            stopped = session.shouldfail or session.shouldstop or None
            if interrupted is not None and not stopped:
                stopped = str(interrupted) or f"interrupted ({type(interrupted).__name__})"
            self._stops.reason = str(stopped) if stopped else None
            if interrupted is None:
                distributed.release_workers(self.config)
            decision = self.account.decide(self._stops.why)
            self._refused = self.account.accept(session)
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

    def summarize(self, reporter: pytest.TerminalReporter, status: int) -> None:
        """Print what was decided."""
        if self.account is not None and self._session is not None:
            from pytest_medbench.report.terminal import summarize

            summarize(reporter, self.account, self.exit_status(self._session, status))
            if self._refused is not None:
                reporter.write_line(f"medbench: {self._refused}", red=True)

    def parametrize(self, metafunc: pytest.Metafunc, mark: pytest.Mark) -> None:
        """Run a user's own test once for each item of a suite."""
        from pytest_medbench.asked import parametrize

        try:
            parametrize(metafunc, mark, self.options.root, self.catalogue, self._asked)
        except MedbenchError as error:
            raise pytest.Collector.CollectError(str(error)) from None

    def exit_status(self, session: pytest.Session, status: int) -> int:
        """Join pytest's exit status with the verdict's."""
        if self.account is None or self.account.decision is None or self._intake is None:
            return status
        from pytest_medbench.gates import combine

        # xdist stops at -x and --maxfail as if it were interrupted, a serial session does not.
        if status == pytest.ExitCode.INTERRUPTED and self._stopped_by_failures:
            status = int(pytest.ExitCode.TESTS_FAILED)
        # Another status than pytest's own would have silenced its summary.
        if status == pytest.ExitCode.INTERRUPTED and is_given_up(self._stops.reason):
            status = INCOMPLETE
        # An item without a response is a failed report, but no verdict against the model.
        if (
            status == pytest.ExitCode.TESTS_FAILED
            and 0 < session.testsfailed <= self._intake.errors
        ):
            status = 0
        # What was to be accepted and is not.
        refused = 0 if self._refused is None else 4
        return combine(status, self.account.decision.exit_status, refused)

    def close(self) -> None:
        """Let go of the model and of files."""
        if self._intake is not None:
            self._intake.close()
        if self._asker is not None:
            self._asker.close()
        super().close()
        self._stops.end()
