"""Where a broker's results are kept on disk, and then laid down until they are taken."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from pytest_medbench.cache import CacheError, Store
from pytest_medbench.exchange import Failure, Response
from pytest_medbench.jobs import GRACE, Job
from pytest_medbench.models.base import Model


@dataclass(frozen=True, slots=True)
class Stats:
    """What a broker has done so far.

    Parameters
    ----------
    answered, cached, failed : int
        Requests that ended with a response of the model, one of the cache, or none.
    retried : int
        Tries that brought no response and were followed by another.
    in_flight, limit : int
        Requests sent and not yet answered, and how many there may be at present.
    input_tokens, output_tokens : int
        Of the responses that the model gave; the cache's cost nothing.
    """

    answered: int = 0
    cached: int = 0
    failed: int = 0
    retried: int = 0
    in_flight: int = 0
    limit: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Desk:
    """Jobs under way and results not yet taken; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[Hashable, Job] = {}
        self._by_digest: dict[bytes, Job] = {}
        self._ended: dict[Hashable, Response | Failure] = {}
        self._waiters: dict[Hashable, threading.Event] = {}
        self.broken: str | None = None
        self.answered = 0
        self.cached = 0
        self.failed = 0
        self.input_tokens = 0
        self.output_tokens = 0

    @property
    def backlog(self) -> int:
        """Keys entered and neither taken nor forgotten."""
        return len(self._jobs) + len(self._ended)

    def has_answers(self) -> bool:
        """Tell whether a response waits to be taken, or may still come."""
        with self._lock:
            return bool(self._jobs) or any(
                isinstance(ended, Response) for ended in self._ended.values()
            )

    def admit(self, jobs: Iterable[Job], *, merge: bool) -> list[Job]:
        """Enter jobs of one key each; give those whose request is not under way already.

        Parameters
        ----------
        jobs : iterable of Job
        merge : bool
            Whether the same request is asked once for all keys that want it at the same time.

        Raises
        ------
        ValueError
            If a key is entered already.
        """
        new = []
        with self._lock:
            for job in jobs:
                (key,) = job.keys
                if key in self._jobs or key in self._ended:
                    raise ValueError(f"{key!r} is submitted already and has not been taken")
                under_way = self._by_digest.get(job.digest) if merge else None
                if under_way is not None and not under_way.dropped:
                    under_way.keys.append(key)
                    self._jobs[key] = under_way
                    continue
                self._jobs[key] = self._by_digest[job.digest] = job
                new.append(job)
        return new

    def end(self, job: Job, ended: Response | Failure) -> None:
        """Lay down a job's result for each of its keys; only the first result counts."""
        with self._lock:
            self._end(job, ended)

    def _end(self, job: Job, ended: Response | Failure) -> None:
        if self._by_digest.get(job.digest) is job:
            del self._by_digest[job.digest]
        if job.keys or isinstance(ended, Response):
            self._count(ended)
        for key in job.keys:
            del self._jobs[key]
            self._ended[key] = ended
            waiter = self._waiters.pop(key, None)
            if waiter is not None:
                waiter.set()
        job.keys = []

    def _count(self, ended: Response | Failure) -> None:
        if isinstance(ended, Failure):
            self.failed += 1
        elif ended.tries == 0:
            self.cached += 1
        else:
            self.answered += 1
            self.input_tokens += ended.input_tokens
            self.output_tokens += ended.output_tokens

    def take(self, key: Hashable) -> Response | Failure | threading.Event:
        """Hand over a result, or what will be set once it is there.

        Raises
        ------
        KeyError
            If the key is not entered.
        """
        with self._lock:
            ended = self._ended.pop(key, None)
            if ended is not None:
                return ended
            if key not in self._jobs:
                raise KeyError(key)
            return self._waiters.setdefault(key, threading.Event())

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Drop keys; a job that nobody wants any more is marked as dropped."""
        with self._lock:
            for key in keys:
                self._ended.pop(key, None)
                self._waiters.pop(key, None)
                job = self._jobs.pop(key, None)
                if job is not None:
                    job.keys.remove(key)
                    job.dropped = not job.keys

    def fail_all(self, reason: str) -> None:
        """End all that is under way as stopped: why it broke down, else `reason`."""
        with self._lock:
            for job in set(self._jobs.values()):
                self._end(job, Failure(self.broken or reason, job.tries, stopped=True))

    def break_down(self, reason: str) -> None:
        """End all that is under way, now and later, because of a defect."""
        self.broken = self.broken or reason
        self.fail_all(reason)


class Keeper:
    """A thread that puts responses on disk before they reach the desk.

    All responses that arrived during one transaction make up the next, so that a slow disk
    costs neither a transaction an item nor the event loop's time.

    Parameters
    ----------
    store : Store
    model : Model
    desk : Desk
    halt : callable
        Called with a reason and a grace when responses can no longer be kept where they belong,
        so that nothing more is paid for.
    """

    def __init__(
        self, store: Store, model: Model, desk: Desk, halt: Callable[[str, float], None]
    ) -> None:
        self._store = store
        self._model = model
        self._desk = desk
        self._halt = halt
        self._queue: queue.SimpleQueue[tuple[Job, Response] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="medbench-keeper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, job: Job, ended: Response | Failure) -> None:
        """Take in a job's end; what a control answers is not kept, it costs nothing."""
        if isinstance(ended, Failure) or self._model.is_control:
            self._desk.end(job, ended)
        else:
            self._queue.put((job, ended))

    def close(self) -> None:
        """Keep what was put in so far, and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            batch = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while True:
                    batch.append(self._queue.get_nowait())
            open_ = None not in batch
            self._keep([entry for entry in batch if entry is not None])

    def _keep(self, batch: list[tuple[Job, Response]]) -> None:
        try:
            self._save(batch)
        except Exception as error:
            said = str(error) if isinstance(error, CacheError) else repr(error)
            reason = f"the response arrived and could not be kept: {said}"
            # First, so that nothing is sent by whoever is handed the failure.
            self._halt(f"responses arrive and cannot be kept: {said}", GRACE)
            for job, _ in batch:
                self._desk.end(job, Failure(reason, job.tries))
        else:
            if self._store.trouble is not None:
                self._halt(self._store.trouble, GRACE)
            for job, response in batch:
                self._desk.end(job, response)

    def _save(self, batch: list[tuple[Job, Response]]) -> None:
        # Under `-W error` the notice of a corrupt file is an exception; the responses are kept.
        with contextlib.suppress(Warning):
            self._store.save(
                [(job.digest, response) for job, response in batch],
                model=self._model.name,
                shared=self._model.cacheable,
            )
