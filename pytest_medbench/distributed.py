"""pytest-xdist: the only file that touches it."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadGroupScheduling, LoadScheduling, WorkStealingScheduling
from xdist.scheduler.worksteal import MIN_PENDING

from pytest_medbench.report.counts import keep_counts_only
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


def is_controller(config: pytest.Config) -> bool:
    """Tell whether this process hands tests out to workers."""
    return config.pluginmanager.hasplugin("dsession")


def stop_of_controller(config: pytest.Config) -> str | None:
    """Give why the controller will hand out no more tests, None while it does."""
    session = config.pluginmanager.getplugin("dsession")
    stop = getattr(session, "shouldstop", None)
    return str(stop) if stop else None


def worker_count(config: pytest.Config) -> int:
    """Give how many workers the run was begun with; 1 for a serial one."""
    return int(getattr(config, "workerinput", {}).get("workercount", 1))


def worker_number(config: pytest.Config) -> int:
    """Give this worker's number, from 0; one that replaces another has a number too many."""
    digits = worker_id(config).removeprefix("gw")
    return int(digits) if digits.isdecimal() else 0


def worker_id(config: pytest.Config) -> str:
    """Give this worker's id, such as gw0."""
    return str(config.workerinput["workerid"])  # type: ignore[attr-defined]


def queued(
    config: pytest.Config, items: Sequence[pytest.Item], most: int | None = LOOK_AHEAD
) -> Iterable[pytest.Item]:
    """Give the items that this worker has been handed and has not begun, `most` of them or all.

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
                    ahead = itertools.islice(waiting, most)
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
    resumes : bool
        Whether the run's id is that of an earlier run, which the coordinator knows.
    """

    def __init__(self, coordinator: Callable[[], Coordinator], *, resumes: bool) -> None:
        self._resumes = resumes
        self._coordinator = coordinator
        self._began = time.time()
        self._id: str | None = None

    @property
    def _run_id(self) -> str:
        if self._id is None:
            self._id = self._coordinator().run_id if self._resumes else new_run_id()
        return self._id

    def pytest_xdist_setupnodes(self, config: pytest.Config, specs: Sequence[Any]) -> None:
        """Say at once what xdist would only stumble over."""
        elsewhere = [spec for spec in specs if not spec.popen or spec.chdir]
        if elsewhere and config.option.medbench_batch:
            raise pytest.UsageError(
                f"--medbench-batch and --tx {elsewhere[0]}: another machine does not see what the "
                "batches bring; leave --tx out"
            )
        if elsewhere and config.args_source is pytest.Config.ArgsSource.ARGS:
            raise pytest.UsageError(
                f"paths on the command line do not work with --tx {elsewhere[0]}: set testpaths in "
                "pytest's configuration to where the suites are, and leave the paths out"
            )

    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker which run it belongs to."""
        node.workerinput["medbench"] = {"run": self._run_id, "began": self._began}

    def pytest_xdist_node_collection_finished(
        self, node: WorkerController, ids: Sequence[str]
    ) -> None:
        """Plan the run from the first worker's ids, before any item is handed out."""
        if any(map(is_case_id, ids)):
            keep_counts_only(node.config)
            self._coordinator().workers_collected(ids, self._run_id, node.gateway.id)

    def pytest_testnodedown(self, node: WorkerController, error: object) -> None:
        """Tell the other workers of a worker that stopped the run."""
        stop = getattr(node, "workeroutput", {}).get("shouldstop")
        if stop:
            self._coordinator().worker_stopped(str(stop))

    def pytest_xdist_make_scheduler(
        self, config: pytest.Config, log: Producer
    ) -> ShareScheduling | None:
        """Hand out shares up front where xdist would hand out small chunks."""
        dist = config.getoption("dist")
        if dist == "load" and config.getoption("maxschedchunk") is None:
            return ShareScheduling(config, log, LoadScheduling(config, log))
        if dist == "loadgroup":
            return ShareScheduling(config, log, LoadGroupScheduling(config, log))
        if dist == "worksteal":
            return ShareScheduling(config, log, WorkStealingScheduling(config, log))
        return None


class ShareScheduling:
    """A scheduling of xdist's, until there are cases: then every worker gets its share at once.

    A window of requests can only stay full if the worker knows what comes next; with small chunks
    its queue runs dry at each chunk's end. Items that are in xdist groups stay with the first.
    """

    def __init__(self, config: pytest.Config, log: Producer, stock: Any) -> None:
        self._config = config
        self._log = log
        self._inner: Any = stock
        self._is_decided = False

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Take what a worker collected; the first decides how work is handed out."""
        first, self._is_decided = not self._is_decided, True
        if first and any(map(is_case_id, collection)) and not any(map(_is_grouped, collection)):
            sharing = _Sharing(self._config, self._log)
            for known in self._inner.nodes:
                sharing.add_node(known)
            self._inner = sharing
        self._inner.add_node_collection(node, collection)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _is_grouped(node_id: str) -> bool:
    # How xdist marks the items of a group; a parameter may hold the character too.
    return node_id.rfind("@") > node_id.rfind("]")


class _Sharing(WorkStealingScheduling):  # type: ignore[misc]  # xdist comes without types
    """xdist's work stealing: equal shares, and whoever is done takes from those that are not.

    With many items its lists are dear: for each item that is done all that follow it are moved,
    and the same ids are kept once for each worker.
    """

    steal_requested_from_node: WorkerController | None

    def add_node(self, node: WorkerController) -> None:
        """Give a worker an empty queue."""
        super().add_node(node)
        self.node2pending[node] = _Queue()

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Keep what a worker collected; the same ids as another's are kept once."""
        known = next((ids for ids in self.node2collection.values() if ids == collection), None)
        super().add_node_collection(node, collection)
        if known is not None and node in self.node2collection:
            self.node2collection[node] = known

    def check_schedule(self) -> None:
        """Give idle workers what nobody has yet, or what another has not begun to ask for."""
        up = [node for node in self.node2pending if not node.shutting_down]
        idle = self._idle(up)
        for at, node in enumerate(idle if self.pending else ()):
            self._send_tests(node, len(self.pending) // (len(idle) - at))
        idle = self._idle(idle)
        if not idle or self.steal_requested_from_node is not None:
            return
        indices, victim = max(
            ((self._not_begun(node), node) for node in up), key=lambda found: len(found[0])
        )
        if indices:
            victim.send_steal(indices[len(indices) // 2 :])
            self.steal_requested_from_node = victim
        else:
            # A worker runs its last test only when it knows that no other follows.
            for node in idle:
                node.shutdown()

    def _idle(self, nodes: Iterable[WorkerController]) -> list[WorkerController]:
        return [node for node in nodes if len(self.node2pending[node]) < MIN_PENDING]

    def _not_begun(self, node: WorkerController) -> list[int]:
        """Give what a worker may lose: ordinary tests, and cases it has no requests out for.

        What is in flight would be asked for twice, and its answer will be there soon.
        """
        waiting = itertools.islice(self.node2pending[node], MIN_PENDING, None)
        kept = 2 * (self.config.getoption("medbench_concurrency") or 64)
        found = []
        for index in waiting:
            if kept and is_case_id(self.collection[index]):
                kept -= 1
            else:
                found.append(index)
        return found

    def remove_pending_tests_from_node(
        self, node: WorkerController, indices: Sequence[int]
    ) -> None:
        """Take back what another worker is to get."""
        self.steal_requested_from_node = None
        taken = set(indices)
        left = (index for index in self.node2pending[node] if index not in taken)
        self.node2pending[node] = _Queue(left)
        self.pending.extend(indices)
        self.check_schedule()


class _Queue(deque[int]):
    """A list that is cheap to shorten from the front."""

    def __getitem__(self, at: Any) -> Any:
        return list(self)[at] if isinstance(at, slice) else super().__getitem__(at)

    def pop(self, at: int = -1) -> int:
        """Take one out."""
        value: int = self[at]
        del self[at]
        return value


def cost_of(config: pytest.Config) -> str | None:
    """Say what a way of handing out tests costs a suite, and what to do instead; None if nothing.

    Outcomes and verdicts are the same in every way.
    """
    if not is_controller(config):
        return None
    dist = config.getoption("dist")
    if dist == "each":
        return "--dist=each has every worker ask for every item; --dist=load asks for each once"
    if dist in ("loadscope", "loadfile"):
        return f"--dist={dist} keeps each suite on one worker; --dist=load uses all for each"
    if dist == "load" and config.getoption("maxschedchunk") is not None:
        return (
            "--maxschedchunk leaves workers without requests in flight at the end of each chunk; "
            "leave it out, and each gets its share at once"
        )
    return None


def release_workers(config: pytest.Config) -> None:
    """End the workers' processes once all are done, and not only after the verdict is made."""
    session = config.pluginmanager.getplugin("dsession")
    if session is not None and session.session_finished:
        session.nodemanager.teardown_nodes()
