"""pytest-xdist: the only file that touches it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from pytest_medbench.desk import Desk


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process runs tests for a controller."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Tell whether this process hands its tests to workers."""
    return (
        not is_worker(config)
        and config.pluginmanager.hasplugin("dsession")
    )


def worker_input(config: pytest.Config) -> dict[str, Any]:
    """Give what the controller told this worker."""
    return dict(config.workerinput.get("medbench", {}))  # type: ignore[attr-defined]


def worker_id(config: pytest.Config) -> str:
    """Give this worker's id, such as gw0."""
    return str(config.workerinput["workerid"])  # type: ignore[attr-defined]


def tell_controller(config: pytest.Config, **told: Any) -> None:
    """Leave plain values for the controller, which gets them when this worker is done."""
    config.workeroutput["medbench"] = told  # type: ignore[attr-defined]


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
                    indices += [index for index in waiting if isinstance(index, int)]
            return [items[index] for index in indices]
    return []


class ControllerHooks:
    """The hooks of xdist's controller.

    Parameters
    ----------
    desk : Desk
        Told what the workers collected and left behind.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker which run it belongs to."""
        node.workerinput["medbench"] = {"run": self._desk.run_id}

    def pytest_xdist_node_collection_finished(
        self, node: WorkerController, ids: Sequence[str]
    ) -> None:
        """Plan the run from the first worker's ids, before any item is handed out."""
        self._desk.workers_collected(ids)

    def pytest_testnodedown(self, node: WorkerController, error: object) -> None:
        """Take what a worker left behind."""
        output = getattr(node, "workeroutput", None) or {}
        self._desk.worker_done(output.get("medbench", {}))
