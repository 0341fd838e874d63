"""What pytest's terminal keeps of the reports of cases."""

from __future__ import annotations

import pytest

from pytest_medbench.outcomes import Status

_NAME = "medbench-counts"
# Those whose reports nobody reads again; errors and skips are listed at the end.
_COUNTED = (Status.CORRECT, Status.WRONG, Status.UNPARSABLE, Status.UNSCORED)


def keep_counts_only(config: pytest.Config) -> None:
    """Have the terminal count the reports of cases that did not fail, and let go of them.

    It would keep them all, a kilobyte each, for a summary that says how many there are.
    """
    plugins = config.pluginmanager
    reporter = plugins.getplugin("terminalreporter")
    # --durations goes through what the terminal kept.
    if reporter is None or plugins.hasplugin(_NAME) or config.option.durations is not None:
        return
    plugins.register(_Counts(reporter), _NAME)


class _Counts:
    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._stats = reporter.stats

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Put a status's first report in the place of the one that the terminal has just taken."""
        if not hasattr(report, "medbench"):
            return
        for status in _COUNTED:
            kept = self._stats.get(status)
            if kept and kept[-1] is report:
                kept[-1] = kept[0]
