"""pytest-xdist: the only file that touches it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScheduling, WorkStealingScheduling

from pytest_medbench.run_id import new_run_id

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

    from pytest_medbench.coordinator import Coordinator

LOOK_AHEAD = 4096


def is_case_id(node_id: str) -> bool:
    """Tell whether a node id is that of a case."""
    return "suite.toml::" in node_id


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process runs tests for a controller."""
    return hasattr(config, "workerinput")


def worker_input(config: pytest.Config) -> dict[str, Any]:
    """Give what the controller told this worker."""
    return dict(config.workerinput.get("medbench", {}))  # type: ignore[attr-defined]


def worker_id(config: pytest.Config) -> str:
    """Give this worker's id, such as gw0."""
    return str(config.workerinput["workerid"])  # type: ignore[attr-defined]


def queued(config: pytest.Config, items: Sequence[pytest.Item]) -> Iterable[pytest.Item]:
    """Give the items that this worker has been handed and has not begun.

    The queue is private to xdist; where it is not found, nothing is known of what comes next, and
    cases are asked for one at a time.
    """
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor":
            queue = getattr(plugin, "torun", None)
            following = getattr(plugin, "nextitem_index", None)
            indices = [following] if isinstance(following, int) else []
            if queue is not None:
                with queue.lock() as waiting:
                    ahead = itertools.islice(waiting, LOOK_AHEAD)
                    indices += [index for index in ahead if isinstance(index, int)]
            return [items[index] for index in indices]
    return []


class ControllerHooks:
    """The hooks of xdist's controller.

    Parameters
    ----------
    coordinator : callable
        Gives the session's coordinator, which is told what the workers collected and left
        behind; sessions without suites never call it.
    """

    def __init__(self, coordinator: Callable[[], Coordinator]) -> None:
        self._coordinator = coordinator
        self._run_id = new_run_id()

    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker which run it belongs to."""
        node.workerinput["medbench"] = {"run": self._run_id}

    def pytest_xdist_node_collection_finished(
        self, node: WorkerController, ids: Sequence[str]
    ) -> None:
        """Plan the run from the first worker's ids, before any item is handed out."""
        if any(map(is_case_id, ids)):
            self._coordinator().workers_collected(ids, self._run_id, node.gateway.id)

    def pytest_xdist_make_scheduler(
        self, config: pytest.Config, log: Producer
    ) -> ShareScheduling | None:
        """Hand out shares up front where `--dist=load` would hand out small chunks."""
        return ShareScheduling(config, log) if config.getoption("dist") == "load" else None


class ShareScheduling:
    """Stock `load` scheduling, until there are cases: then every worker gets its share at once.

    A window of requests can only stay full if the worker knows what comes next; with small chunks
    its queue runs dry at each chunk's end. xdist's work stealing hands out equal shares and lets
    workers that are done take from those that are not.
    """

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        self._config = config
        self._log = log
        self._inner: Any = LoadScheduling(config, log)

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Take what a worker collected; the first decides how work is handed out."""
        if type(self._inner) is LoadScheduling and any(map(is_case_id, collection)):
            sharing = WorkStealingScheduling(self._config, self._log)
            for known in self._inner.nodes:
                sharing.add_node(known)
            self._inner = sharing
        self._inner.add_node_collection(node, collection)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
