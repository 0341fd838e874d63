"""Takes in the results of a batch that has ended, and sends again what they leave open."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

from pytest_medbench.batch.files import Writer, picked
from pytest_medbench.batch.plan import Plan
from pytest_medbench.batch.results import Lines, Results
from pytest_medbench.batch.state import BatchFolder, Record
from pytest_medbench.cache import Store
from pytest_medbench.models.base import ModelError
from pytest_medbench.models.batches import BatchService, FileGoneError, Seen
from pytest_medbench.models.openai import OpenAIModel

_DOWNLOADS = 3
_TOO_MANY_TOKENS = "token_limit_exceeded"
_SMALLEST = 64


class Collector:
    """Collects the batches of one run.

    Parameters
    ----------
    folder : BatchFolder
    store : Store
    model : OpenAIModel
    service : BatchService
    plan : Plan

    Attributes
    ----------
    one_at_a_time : bool
        Whether the provider takes no second batch before the first has ended.
    input_tokens, output_tokens : int
        Of the answers so far.
    """

    def __init__(
        self,
        folder: BatchFolder,
        store: Store,
        model: OpenAIModel,
        service: BatchService,
        plan: Plan,
    ) -> None:
        self._folder = folder
        self._store = store
        self._model = model
        self._service = service
        self._plan = plan
        self._most = plan.limits.requests
        self._fewest = max(1, plan.limits.requests // _SMALLEST)
        self.one_at_a_time = False
        self.input_tokens = 0
        self.output_tokens = 0

    async def collect(self, record: Record, seen: Seen, say: Callable[[str], None]) -> list[Record]:
        """Store what a batch brought, and give the batches that ask again for the rest.

        Raises
        ------
        ModelError
            If the results cannot be fetched now.
        CacheError, RunError
            If a file cannot be read or written.
        """
        keys = self._folder.keys(record)
        results = Results(self._model, self._store, keys, record.round)
        gone = None
        for file_id, expected in ((seen.output, seen.answered), (seen.errors, 0)):
            if file_id is not None:
                gone = await self._fetch(file_id, results, expected) or gone
        self._plan.answer(results.answered)
        self.input_tokens += results.input_tokens
        self.output_tokens += results.output_tokens
        again = self._left_open(record, keys, results, seen, gone)
        new = self._written_again(record, again, seen)
        record.collected = True
        self._folder.save(record)
        say(_summary(record, len(results.answered), seen, len(again)))
        return new

    async def _fetch(self, file_id: str, results: Results, expected: int) -> ModelError | None:
        """Read a file of results; give the error if it is no longer there."""
        for number in range(1, _DOWNLOADS + 1):
            before = len(results.answered)
            try:
                lines = await self._service.again(functools.partial(self._read, file_id, results))
            except FileGoneError as error:
                return error
            whole = not lines.broken and lines.known >= expected
            if whole or (number > 1 and len(results.answered) == before):
                break
        return None

    async def _read(self, file_id: str, results: Results) -> Lines:
        lines = Lines()
        try:
            async with contextlib.aclosing(self._service.lines(file_id)) as texts:
                async for text in texts:
                    results.read(text, lines)
        finally:
            results.save()  # what came of a file that breaks off counts as well
        return lines

    def _left_open(
        self,
        record: Record,
        keys: list[bytes],
        results: Results,
        seen: Seen,
        gone: ModelError | None,
    ) -> set[bytes]:
        """Sort what has no answer: given up with its reason, or to be sent again."""
        faulty = {line: said for _, said, line in seen.problems if line is not None}
        again = set()
        for number, key in enumerate(keys, start=1):
            if key not in self._plan.open:
                continue
            self._plan.open[key] -= 1
            error = results.refused.get(key)
            if error is None and number in faulty:
                error = ModelError(f"batch {seen.id}: {faulty[number]}")
            error = error or gone or _whole(seen)
            if not error.retry:
                self._plan.give_up(key, error.reason)
            elif self._plan.open[key] > 0:
                continue  # another batch holds it as well
            elif seen.status == "cancelled":
                self._plan.give_up(key, f"{error.reason}; run again to send it anew")
            elif record.round >= self._plan.limits.rounds and not self._shrinks(seen):
                tries = f"{record.round} round{'' if record.round == 1 else 's'}"
                self._plan.give_up(key, f"{error.reason} (gave up after {tries})")
            else:
                again.add(key)
        return again

    def _shrinks(self, seen: Seen) -> bool:
        """Whether the provider refused the whole batch for its size, and a smaller one may pass."""
        too_many = any(code == _TOO_MANY_TOKENS for code, _, _ in seen.problems)
        return seen.status == "failed" and too_many and self._most > self._fewest

    def _written_again(self, record: Record, again: set[bytes], seen: Seen) -> list[Record]:
        if not again:
            return []
        round_ = record.round + 1
        if self._shrinks(seen):
            # What may be queued is limited by its tokens, which only the provider counts.
            self.one_at_a_time = True
            self._most = max(self._fewest, min(self._most, record.requests) // 2)
            round_ = record.round
        writer = Writer(self._folder, self._most, self._plan.limits.bytes, round_)
        try:
            for key, text in picked(self._folder, record, again):
                writer.add(key, text)
            writer.finish()
        finally:
            writer.close()
        for key in again:
            self._plan.open[key] += 1
        return writer.records


def _whole(seen: Seen) -> ModelError:
    """Say why a request of a batch has no line of its own."""
    if seen.status == "completed":
        reason = f"batch {seen.id} was completed without a result for it"
    elif seen.status == "failed":
        said = "; ".join(said for _, said, line in seen.problems if line is None)
        reason = f"batch {seen.id} failed: {said or 'no reason given'}"
    else:
        reason = f"batch {seen.id} was {seen.status} before it was answered"
    return ModelError(reason.replace("was expired", "expired"), retry=True)


def _summary(record: Record, answered: int, seen: Seen, again: int) -> str:
    line = f"batch {seen.id}: {seen.status}, {answered:,} of {record.requests:,} answered"
    problems = "; ".join(sorted({said for _, said, _ in seen.problems})[:3])
    line += f" ({problems})" if problems else ""
    return line + (f"; {again:,} are sent again" if again else "")
