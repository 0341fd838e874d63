"""The pytest hooks, and nothing else: what they do stands in the modules they call."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_medbench.fixtures import medbench_item, medbench_response, medbench_score
from pytest_medbench.options import add_options

if TYPE_CHECKING:
    from pytest_medbench.coordinator import Coordinator

__all__ = ["medbench_item", "medbench_response", "medbench_score"]

_COORDINATOR = pytest.StashKey["Coordinator"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the flags."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and print the plan in place of the run if that is wanted."""
    config.addinivalue_line(
        "markers", "medbench(suite): run this test once for each item of a suite's folder"
    )
    if config.getoption("medbench_plan_only"):
        # Workers would have nothing to do.
        config.option.dist, config.option.tx, config.option.numprocesses = "no", [], None
        config.pluginmanager.register(PlanOnly(), "medbench-plan-only")


class PlanOnly:
    """Prints the plan in place of the run."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run nothing, ordinary tests neither."""
        if not session.config.option.collectonly:
            coordinator_of(session.config).show_plan(session)
        return True


def pytest_sessionstart(session: pytest.Session) -> None:
    """Watch the workers, where this process is the controller of some."""
    config = session.config
    if config.pluginmanager.hasplugin("dsession"):
        from pytest_medbench.distributed import ControllerHooks

        resumes = config.getoption("medbench_resume") is not None
        hooks = ControllerHooks(lambda: coordinator_of(config), resumes=resumes)
        config.pluginmanager.register(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Keep syrupy from taking accepted versions beside a test file for its own leftovers."""
    if getattr(session.config, "_syrupy", None) is not None:
        from pytest_medbench.baselines.guard import guard

        guard(session)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a suite."""
    if file_path.name != "suite.toml":
        return None
    return coordinator_of(parent.config).collect(file_path, parent)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test marked with `medbench` over the items of a suite."""
    mark = metafunc.definition.get_closest_marker("medbench")
    if mark is not None:
        coordinator_of(metafunc.config).parametrize(metafunc, mark)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Fix the plan before the first case, decide after the last."""
    coordinator = _known(session.config)
    interrupted: BaseException | None = None
    try:
        if coordinator is not None:
            coordinator.begin(session)
        return (yield)
    except BaseException as error:
        interrupted = error
        raise
    finally:
        # An xdist controller learns only during the loop that there are cases.
        coordinator = _known(session.config)
        if coordinator is not None:
            coordinator.end(session, interrupted)


class SessionHooks:
    """The hooks of a session that has suites; others do not pay for them."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Apply the selection flags."""
        self._coordinator.choose(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Stop before the first case where the run is impossible."""
        self._coordinator.collected(session.items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Run a case with one report."""
        return self._coordinator.run(item, nextitem)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count an outcome."""
        self._coordinator.note(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:
        """Give the statuses letters and words of their own."""
        return self._coordinator.letter_and_word(report)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int
    ) -> None:
        """Print the slices and the verdict."""
        self._coordinator.summarize(terminalreporter, int(exitstatus))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Set the exit status last: others set theirs in this hook, and OR them."""
        yield
        status = self._coordinator.exit_status(session, int(session.exitstatus))
        session.exitstatus = status
        self._coordinator.close()


def coordinator_of(config: pytest.Config) -> Coordinator:
    """Give the session's coordinator; the first call makes it and registers its hooks."""
    known = _known(config)
    if known is None:
        from pytest_medbench.coordinator import Coordinator

        known = config.stash[_COORDINATOR] = Coordinator(config)
        config.pluginmanager.register(SessionHooks(known), "medbench-session")
    return known


def _known(config: pytest.Config) -> Coordinator | None:
    return config.stash.get(_COORDINATOR, None)
