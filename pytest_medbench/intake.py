"""Takes in what reports bring, in the process that decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_medbench.outcomes import Outcome, Status

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.runs import Journal
    from pytest_medbench.session import Account

PHASES = ("setup", "call", "teardown")


class Intake:
    """Counts the outcomes of a run, from this process or from workers.

    Parameters
    ----------
    config : pytest.Config
    account : Account

    Attributes
    ----------
    errors : int
        Reports that failed because an item has no response: no failed tests of the model.
    """

    def __init__(self, config: pytest.Config, account: Account) -> None:
        self.errors = 0
        self._config = config
        self._account = account
        self._journals: dict[str, Journal] = {}

    def note(self, report: pytest.TestReport) -> None:
        """Take an outcome from a report, or the crash of a worker."""
        wire = getattr(report, "medbench", None)
        if wire is not None:
            outcome = Outcome.from_wire(wire)
            sent = getattr(report, "medbench_sent", None)
            if sent is not None:
                outcome = self._from_afar(outcome, sent, report)
            self._account.note(outcome)
            if outcome.status is Status.ERROR:
                self.errors += 1
            elif outcome.status in (Status.WRONG, Status.UNPARSABLE):
                self._remember_for_last_failed(report.nodeid)
        elif report.when not in PHASES and self._account.is_planned(report.nodeid):
            # What xdist says when a worker died; a fixture's failed teardown is no crash.
            self._account.note_crash(report.nodeid, str(report.longrepr))
            self.errors += 1

    def _from_afar(
        self, outcome: Outcome, sent: Mapping[str, Any], report: pytest.TestReport
    ) -> Outcome:
        """Write down what a worker on another machine sent, if it read the suites of this one."""
        worker = str(sent["worker"])
        self._account.note_commit(worker, sent["commit"])
        other = self._account.differs(outcome.suite, sent["made_with"])
        if other is not None:
            reason = f"worker {worker} has another {other} than this machine; make them the same"
            outcome = Outcome(outcome.suite, outcome.id, Status.ERROR, reason=reason)
            # The terminal has not seen the report yet.
            report.outcome, report.longrepr = "failed", f"error: {reason}"
            report.__dict__["medbench"] = outcome.to_wire()
        if worker not in self._journals:
            self._journals[worker] = self._account.folder.journal(worker)
        self._journals[worker].write(outcome, sent["answer"])
        return outcome

    def _remember_for_last_failed(self, node_id: str) -> None:
        # Wrong answers are passed reports; --lf and --ff are to bring them back all the same.
        plugin = self._config.pluginmanager.getplugin("lfplugin")
        if plugin is not None:
            plugin.lastfailed[node_id] = True

    def close(self) -> None:
        """Close the journals."""
        while self._journals:
            self._journals.popitem()[1].close()
