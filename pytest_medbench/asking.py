"""What a process needs to run cases: the model behind its broker, and the journal."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_medbench import models
from pytest_medbench.broker import Broker
from pytest_medbench.cache import Mode, Store
from pytest_medbench.exchange import Failure, Response
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.prefetch import Askable, Prefetcher, Upcoming
from pytest_medbench.runs import STORE, Journal, RunFolder

if TYPE_CHECKING:
    from pytest_medbench.asked import Asked
    from pytest_medbench.cases import Case
    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.options import Options
    from pytest_medbench.suites import Item

GRACE = 3.0
PROGRESS = 15.0


class Asker:
    """Asks the model under test for the cases of one process.

    Parameters
    ----------
    options : Options
    catalogue : Catalogue
    folder : RunFolder
    process : str
        `main`, or the xdist worker's id; names the journal.
    served_url : str or None
        Where another process of this run already serves the embedded model.
    say : callable
        Prints a line for the person who waits.

    Raises
    ------
    ConfigError
        If no model is named, or the name cannot be used.
    """

    def __init__(
        self,
        options: Options,
        catalogue: Catalogue,
        folder: RunFolder,
        *,
        process: str = "main",
        served_url: str | None = None,
        say: Callable[[str], None],
    ) -> None:
        self._options = options
        self._catalogue = catalogue
        self._folder = folder
        self._process = process
        self._say = say
        self.model = models.resolve(
            options.named_model(),
            aliases=options.models,
            root=options.root,
            environ=os.environ,
            overrides={"timeout": options.timeout},
            served_url=served_url,
            progress=say,
        )
        self.broker = self._make_broker(Mode(options.cache))
        self._prefetcher: Prefetcher | None = None
        self._for_tests: Prefetcher | None = None
        self._journal: Journal | None = None
        self._done = 0
        self._planned = 0
        self._started = self._said = time.monotonic()
        # Until the plan stands nothing becomes garbage; a collection would only cost time.
        gc.disable()
        self.broker.start()

    def _make_broker(self, mode: Mode) -> Broker:
        options = self._options
        cache = (options.cache_dir or options.home / "cache") / "responses.sqlite"
        store = Store(
            cache, self._folder.path / STORE, mode, max_age=options.max_cache_age * 3600.0
        )
        return Broker(
            self.model,
            store,
            concurrency=options.concurrency,
            max_tries=options.max_tries,
            deadline=options.give_up_after,
        )

    def fingerprint(self) -> Mapping[str, Any]:
        """Wait for the model and say what it is. Raises ModelError."""
        self.broker.wait_ready()
        return self.model.fingerprint()

    def plan(self, upcoming: Upcoming, planned: int) -> None:
        """Get ready to run `planned` cases in the order that `upcoming` gives."""
        gc.freeze()
        gc.enable()
        self._planned = planned
        self._started = self._said = time.monotonic()
        self._journal = self._folder.journal(self._process)
        self._prefetcher = self._window(upcoming)

    def _window(self, upcoming: Upcoming) -> Prefetcher:
        return Prefetcher(
            self._catalogue,
            self.broker,
            upcoming,
            concurrency=self._options.concurrency,
            waiting=self._progress,
        )

    def ask(
        self, asked: Asked, upcoming: Upcoming
    ) -> tuple[Item | None, Response | Failure, Outcome]:
        """Ask and score for a user's own test, which feeds no gate and no journal."""
        if self._for_tests is None:
            self._for_tests = self._window(upcoming)
        item, result = self._for_tests.take(asked)
        return item, result, self._outcome(asked, item, result)

    def _outcome(self, case: Askable, item: Item | None, result: Response | Failure) -> Outcome:
        if isinstance(result, Failure) or item is None:
            return _failed(case.suite.name, case.entry.id, result)
        return self._catalogue.grade(case.suite, item, result)

    def run(self, case: Case) -> Outcome:
        """Ask for one case, score the response, write both down."""
        suite, entry = case.suite, case.entry
        response: Response | None = None
        if entry.problem is not None:
            outcome = Outcome(suite.name, entry.id, Status.ERROR, reason=entry.problem)
        else:
            assert self._prefetcher is not None, "plan() comes before run()"
            item, result = self._prefetcher.take(case)
            if self._done == 0:
                threading.Thread(target=_import_what_the_end_needs, daemon=True).start()
            response = result if isinstance(result, Response) else None
            outcome = self._outcome(case, item, result)
        assert self._journal is not None, "plan() comes before run()"
        self._journal.append(outcome, response)
        self._done += 1
        if time.monotonic() - self._said >= PROGRESS and self._done < self._planned:
            self._progress()
        return outcome

    def _progress(self) -> None:
        stats = self.broker.stats()
        seconds = time.monotonic() - self._started
        line = (
            f"{self._done}/{self._planned} items after {seconds:.0f} s, {stats.in_flight} in flight"
        )
        if stats.retried:
            line += f", {stats.retried} retries"
        if self._done:
            line += f", about {seconds / self._done * (self._planned - self._done):.0f} s left"
        self._say(line)
        self._said = time.monotonic()

    def close(self) -> None:
        """Let go of the model, keep what arrives within a few seconds."""
        gc.enable()
        gc.freeze()
        self.broker.close(grace=GRACE if self.broker.in_flight else 0.0)
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def _failed(suite: str, item: str, result: Response | Failure) -> Outcome:
    reason = result.reason if isinstance(result, Failure) else "no response"
    return Outcome(suite, item, Status.ERROR, reason=reason[:2000], tries=result.tries)


def _import_what_the_end_needs() -> None:
    # Deciding takes scipy, and hypothesis's own plugin imports hypothesis for its summary: together
    # a second, which costs little while requests are under way.
    import hypothesis.internal.observability  # noqa: F401 - the import is the point
    import scipy.special  # noqa: F401 - the import is the point
