"""What a process needs to run cases: the model behind its broker, and the journal."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_medbench import models
from pytest_medbench.broker import Broker
from pytest_medbench.cache import Mode, Store
from pytest_medbench.exchange import Failure, Response
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.prefetch import Askable, Prefetcher, Upcoming
from pytest_medbench.repeats import join
from pytest_medbench.report.plain import printable
from pytest_medbench.resuming import Earlier, read_earlier
from pytest_medbench.runs import STORE, Journal, RunFolder, answer_of
from pytest_medbench.shares import split_concurrency, split_rate
from pytest_medbench.stopping import GRACE

if TYPE_CHECKING:
    from pytest_medbench.asked import Asked
    from pytest_medbench.batch import BatchReport
    from pytest_medbench.budget import Budget
    from pytest_medbench.cases import Case
    from pytest_medbench.catalogue import Catalogue
    from pytest_medbench.models.base import Model
    from pytest_medbench.options import Options
    from pytest_medbench.suites import Item

MAIN = "main"
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
    share : (int, int)
        Which process this is, from 0, and how many share the model's limits and the budget.
    ledger : bool
        Whether the run's folder is one that all of them see.
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
        process: str = MAIN,
        share: tuple[int, int] = (0, 1),
        ledger: bool = True,
        served_url: str | None = None,
        say: Callable[[str], None],
    ) -> None:
        self._options = options
        self._catalogue = catalogue
        self._folder = folder
        self._process = process
        self._say = say
        self._served_url = served_url
        self.model = self._resolve()
        self.resumed: Earlier | None = read_earlier(folder.path) if options.resume else None
        self._share = share
        self._budget = self._make_budget(ledger=ledger)
        # An answer of the time before is a stored one; see `take_batch`.
        self.batch_since: float | None = None
        self.broker = self._make_broker()
        self._prefetcher: Prefetcher | None = None
        self._for_tests: Prefetcher | None = None
        self._journal: Journal | None = None
        self._samples: Journal | None = None
        self.last_answer: Mapping[str, Any] = {}
        self._done = 0
        self._planned = 0
        self._started = self._said = time.monotonic()
        # Until the plan stands nothing becomes garbage; a collection would only cost time.
        gc.disable()
        self.broker.start()

    def _resolve(self) -> Model:
        options = self._options
        return models.resolve(
            options.named_model(),
            aliases=options.models,
            root=options.root,
            environ=os.environ,
            overrides={"timeout": options.timeout},
            served_url=self._served_url,
            progress=self._say,
        )

    def store(self) -> Store:
        """Give a store of this run's responses."""
        options, resumed = self._options, self.resumed
        since = self.batch_since if resumed is None else resumed.since
        return Store(
            options.cache_file,
            self._folder.path / STORE,
            Mode(options.cache),
            max_age=options.max_cache_age * 3600.0,
            resumed=since is not None,
            resumed_since=since,
        )

    def begin_batch(self, since: float) -> None:
        """Let go of the live model: everything is asked through the batch service.

        Parameters
        ----------
        since : float
            When that begins, in seconds since the epoch.
        """
        self.broker.close()
        self.batch_since = since
        self.model = self._resolve()

    def take_batch(self, report: BatchReport) -> None:
        """Answer from what the batches brought, and ask nothing live."""
        from pytest_medbench.batch import BatchModel

        self._budget = None  # it was looked at before the batches were sent
        self.model = BatchModel(self.model, report)
        self.broker = self._make_broker()
        self.broker.start()

    def _make_broker(self) -> Broker:
        options = self._options
        number, workers = self._share
        rate = self.model.requests_per_minute
        limit = self.model.concurrency or options.concurrency
        return Broker(
            self.model,
            self.store(),
            concurrency=min(options.concurrency, split_concurrency(limit, workers, number)),
            max_tries=options.max_tries,
            deadline=options.give_up_after,
            outage=options.outage,
            requests_per_minute=None if rate is None else split_rate(rate, workers),
            allowance=self._budget,
            on_event=self._tell,
        )

    def _tell(self, kind: str, message: str) -> None:
        # Tries and pauses are counted; that the server is gone for a while is worth a line.
        if kind in ("outage", "back"):
            self._say(message)

    def _make_budget(self, *, ledger: bool) -> Budget | None:
        options = self._options
        if options.max_requests is None and options.budget_usd is None:
            return None
        from pytest_medbench.budget import Budget
        from pytest_medbench.price import needed_price

        price = None if options.budget_usd is None else needed_price(self.model)
        if price is not None and options.batch:
            price = price.in_batch()
        return Budget(
            max_requests=options.max_requests,
            usd=options.budget_usd,
            price=price,
            ledger=self._folder.path / "budget.json" if ledger else None,
            share=self._share,
        )

    def fingerprint(self) -> Mapping[str, Any]:
        """Wait for the model and say what it is. Raises ModelError."""
        self.broker.wait_ready()
        return self.model.fingerprint()

    def plan(
        self, upcoming: Upcoming, planned: int, likely_new: Iterable[Askable] | None = None
    ) -> None:
        """Get ready to run `planned` cases in the order that `upcoming` gives.

        `likely_new` are those that an earlier run left unanswered.
        """
        gc.freeze()
        gc.enable()
        self._planned = planned
        self._started = self._said = time.monotonic()
        self._journal = self._folder.journal(self._process)
        # What an xdist worker has in hand may be given to another.
        loses = self._process != MAIN
        repeats = self._options.repeats
        self._prefetcher = self._window(upcoming, likely_new, loses=loses, repeats=repeats)

    def _window(
        self,
        upcoming: Upcoming,
        likely_new: Iterable[Askable] | None = None,
        *,
        loses: bool = False,
        repeats: int = 1,
    ) -> Prefetcher:
        return Prefetcher(
            self._catalogue,
            self.broker,
            upcoming,
            concurrency=self._options.concurrency,
            waiting=self._progress,
            likely_new=likely_new,
            loses=loses,
            repeats=repeats,
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

    def run(self, case: Case) -> Outcome | None:
        """Ask for one case, score the response, write both down.

        Returns
        -------
        Outcome or None
            None if the run was stopped before an answer came: the item is not run.

        Raises
        ------
        RunError
            If the journal cannot be written.
        """
        assert self._journal is not None, "plan() comes before run()"
        assert self._prefetcher is not None, "plan() comes before run()"
        suite, entry = case.suite, case.entry
        response: Response | None = None
        if entry.problem is not None:
            outcome = Outcome(suite.name, entry.id, Status.ERROR, reason=entry.problem)
        else:
            item, results = self._prefetcher.take_all(case)
            if self._done == 0 and self._process == MAIN:
                threading.Thread(target=_import_what_the_end_needs, daemon=True).start()
            if any(isinstance(result, Failure) and result.stopped for result in results):
                return None
            outcomes = [self._outcome(case, item, result) for result in results]
            self._keep_samples(outcomes, results)
            response = results[0] if isinstance(results[0], Response) else None
            outcome = join(
                outcomes, correct_at=suite.spec.score.correct_at, must_pass=entry.must_pass
            )
        self._journal.append(outcome, response)
        self.last_answer = {} if response is None else answer_of(response)
        self._done += 1
        if time.monotonic() - self._said >= PROGRESS and self._done < self._planned:
            self._progress()
        return outcome

    def _keep_samples(
        self, outcomes: Sequence[Outcome], results: Sequence[Response | Failure]
    ) -> None:
        if self._options.repeats == 1:
            return
        if self._samples is None:
            self._samples = self._folder.samples(self._process)
        for sample, (outcome, result) in enumerate(zip(outcomes, results, strict=True)):
            self._samples.append(outcome, result if isinstance(result, Response) else None, sample)

    @property
    def stopped(self) -> str | None:
        """Why nothing more is asked; None while the run goes on."""
        return self.broker.stopped

    def halt(self, reason: str) -> None:
        """Ask nothing more; what is in flight has a few seconds to arrive."""
        self.broker.halt(reason, GRACE)

    def has_answers(self) -> bool:
        """Tell whether there are answers of cases that are still to run."""
        return self._prefetcher is not None and self._prefetcher.has_answers()

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
        if self._budget is not None:
            self._budget.close()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._samples is not None:
            self._samples.close()
            self._samples = None


def _failed(suite: str, item: str, result: Response | Failure) -> Outcome:
    reason = result.reason if isinstance(result, Failure) else "no response"
    return Outcome(suite, item, Status.ERROR, reason=printable(reason, 2000), tries=result.tries)


def _import_what_the_end_needs() -> None:
    # Deciding takes scipy, and hypothesis's own plugin imports hypothesis for its summary: together
    # a second, which costs little while requests are under way.
    import hypothesis.internal.observability  # noqa: F401 - the import is the point
    import scipy.special  # noqa: F401 - the import is the point
