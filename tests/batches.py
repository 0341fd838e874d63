"""What the tests of batches share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from batch_server import BatchServer
from brokers import QUICK, question, running, served, take

from pytest_medbench.batch import BatchModel, BatchReport, run_batch
from pytest_medbench.cache import Mode, Store
from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.models import Model


def questions(count: int, start: int = 0) -> list[Request]:
    return [question(f"question {number}") for number in range(start, start + count)]


class Batcher:
    """A project's folder, and runs in it."""

    def __init__(self, folder: Path, server: BatchServer, **more: Any) -> None:
        self.folder = folder
        self.home = folder / ".medbench"
        self.server = server
        self.said: list[str] = []
        self.more = {"poll": 0.001, "backoff": QUICK, "patience": 5.0, "unsure": 0.02, **more}
        self.make: Callable[[], Model] = lambda: served(server)

    def store(self, mode: Mode = Mode.ON, since: float | None = None) -> Store:
        return Store(
            self.folder / "cache.sqlite",
            self.folder / "run.sqlite",
            mode,
            resumed=since is not None,
            resumed_since=since,
        )

    def run(
        self,
        requests: Iterable[Request],
        *,
        mode: Mode = Mode.ON,
        since: float | None = None,
        **more: Any,
    ) -> BatchReport:
        with closing(self.store(mode, since)) as store:
            return run_batch(
                self.make(), store, requests, home=self.home, say=self.said.append,
                **{**self.more, **more},
            )  # fmt: skip

    def outcomes(
        self, requests: Iterable[Request], report: BatchReport
    ) -> dict[str, Response | Failure]:
        """Ask as the cases do, with a model that never goes live."""
        model = BatchModel(self.make(), report)
        with running(self.folder, model) as broker:
            return asked(broker, requests)

    def states(self) -> list[Path]:
        return [path for path in self.home.rglob("batches/*/*") if path.name != "lock"]


def asked(broker: Any, requests: Iterable[Request]) -> dict[str, Response | Failure]:
    found = {}
    for request in requests:
        broker.submit_many([(request.item, request)])
        found[request.item] = take(broker, request.item)
    return found


def texts(results: Mapping[str, Response | Failure]) -> dict[str, str]:
    return {
        name: result.text if isinstance(result, Response) else f"! {result.reason}"
        for name, result in results.items()
    }
