"""The window of requests ahead of the cases: what is asked for when, and what never is."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from brokers import FakeModel, running
from hypothesis import given, settings
from hypothesis import strategies as st
from projects import Project, questions

from pytest_medbench.broker import Broker
from pytest_medbench.cache import Mode
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.options import Options
from pytest_medbench.prefetch import EARLY, Prefetcher
from pytest_medbench.suites import Entry, Suite

WIDTH = 256


@dataclass(frozen=True)
class Node:
    """What the window sees of a case."""

    nodeid: str
    suite: Suite
    entry: Entry
    may_be_skipped: bool = False


class Recording(FakeModel):
    """Answers with the item's id, and knows what it was asked."""

    cacheable = False

    def __init__(self, wanted: str = "") -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.wanted = wanted
        self.was_asked = threading.Event()

    async def answer(self, request: Request) -> Response:
        self.asked[request.item] += 1
        if request.item == self.wanted:
            self.was_asked.set()
        return Response(request.item)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    project = Project(tmp_path_factory.mktemp("prefetch"))
    path = project.suite([*questions(1000), *questions(1000, prefix="r")])
    made = Catalogue(Options(root=project.root))
    made.read(path)
    yield made
    made.close()


def nodes(catalogue: Catalogue, count: int) -> list[Node]:
    (suite,) = catalogue.suites
    return [Node(f"x::{entry.id}", suite, entry) for entry in suite.entries[:count]]


@contextmanager
def prefetching(
    catalogue: Catalogue,
    model: FakeModel,
    cases: Sequence[Node],
    likely_new: Iterable[Node] | None = None,
    concurrency: int = 64,
) -> Iterator[tuple[Prefetcher, Broker]]:
    rest = iter(cases)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), model, Mode.OFF, concurrency=concurrency) as broker,
    ):
        yield (
            Prefetcher(
                catalogue,
                broker,
                lambda: rest,
                concurrency=concurrency,
                waiting=lambda: None,
                likely_new=likely_new,
            ),
            broker,
        )


def test_what_is_likely_new_is_asked_for_from_the_start(catalogue: Catalogue) -> None:
    cases = nodes(catalogue, 2000)
    model = Recording(wanted=cases[-1].entry.id)
    with prefetching(catalogue, model, cases, cases[-5:]) as (prefetcher, broker):
        prefetcher.take(cases[0])
        assert model.was_asked.wait(30)
        assert broker.backlog == WIDTH - 1 + 5
        assert cases[WIDTH].entry.id not in model.asked


def test_what_another_process_took_is_not_kept_even_if_it_is_likely_new(
    catalogue: Catalogue,
) -> None:
    class Slow(Recording):
        async def answer(self, request: Request) -> Response:
            response = await super().answer(request)
            if request.item == self.wanted:
                await asyncio.sleep(3600)
            return response

    cases = nodes(catalogue, 2000)
    queue = deque(cases[:1500])
    hung = Slow(wanted=cases[900].entry.id)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), hung, Mode.OFF, concurrency=1) as broker,
    ):
        prefetcher = Prefetcher(
            catalogue,
            broker,
            lambda: queue,
            concurrency=1,
            waiting=lambda: None,
            likely_new=iter(cases[900:]),
            loses=True,
        )
        prefetcher.take(queue.popleft())
        assert hung.was_asked.wait(30)  # nothing more can be sent
        assert broker.backlog == WIDTH - 1 + EARLY * WIDTH
        while len(queue) > 150:
            queue.pop()
        for _ in range(120):
            prefetcher.take(queue.popleft())
        assert broker.backlog == len(queue) == 30
    assert set(hung.asked) == {case.entry.id for case in [*cases[:WIDTH], cases[900]]}


@settings(max_examples=15)
@given(st.data())
def test_every_case_is_asked_for_once_and_few_are_held(
    catalogue: Catalogue, data: st.DataObject
) -> None:
    cases = nodes(catalogue, data.draw(st.integers(1, 2000)))
    left = data.draw(st.sampled_from([1, 2, 7, 500]))
    first = data.draw(st.integers(0, len(cases)))
    likely_new = cases[first::left]
    model = Recording()
    with prefetching(catalogue, model, cases, iter(likely_new)) as (prefetcher, broker):
        for case in cases:
            item, result = prefetcher.take(case)
            assert isinstance(result, Response)
            assert item is not None
            assert case.entry.id == item.id == result.text
            assert broker.backlog <= (1 + EARLY) * WIDTH
        assert broker.backlog == 0
    assert model.asked == Counter(case.entry.id for case in cases)


def test_order_of_the_session_need_not_be_that_of_the_plan(catalogue: Catalogue) -> None:
    cases = nodes(catalogue, 400)
    model = Recording()
    with prefetching(catalogue, model, cases) as (prefetcher, _):
        for case in reversed(cases):
            _, result = prefetcher.take(case)
            assert isinstance(result, Response)
            assert result.text == case.entry.id
    assert set(model.asked) == {case.entry.id for case in cases}


def test_case_that_may_be_skipped_is_not_asked_for_ahead(catalogue: Catalogue) -> None:
    plain, marked = nodes(catalogue, 600)[:300], nodes(catalogue, 600)[300:]
    marked = [Node(case.nodeid, case.suite, case.entry, True) for case in marked]
    model = Recording()
    with prefetching(catalogue, model, [*marked, *plain], marked) as (prefetcher, broker):
        # The first one's condition does not hold, the others are skipped and never taken.
        _, result = prefetcher.take(marked[0])
        assert isinstance(result, Response)
        for case in plain:
            prefetcher.take(case)
        assert broker.backlog == 0
    assert set(model.asked) == {case.entry.id for case in [marked[0], *plain]}


def test_after_a_stop_only_what_has_an_answer_is_given(catalogue: Catalogue) -> None:
    cases = nodes(catalogue, 1000)
    model = Recording(wanted=cases[WIDTH - 1].entry.id)
    with prefetching(catalogue, model, cases) as (prefetcher, broker):
        prefetcher.take(cases[0])
        assert model.was_asked.wait(30)
        broker.halt("stopped by the test", 30.0)
        results = [prefetcher.take(case)[1] for case in cases[1:]]
        assert not prefetcher.has_answers()
    given = [result for result in results if isinstance(result, Response)]
    stopped = [result for result in results if isinstance(result, Failure)]
    assert len(given) == WIDTH - 1
    assert all(failure.stopped for failure in stopped)
    assert {failure.reason for failure in stopped} == {"stopped by the test"}
    assert sum(model.asked.values()) == WIDTH


def test_answers_that_wait_are_known_of(catalogue: Catalogue) -> None:
    cases = nodes(catalogue, 2)
    model = Recording(wanted=cases[1].entry.id)
    with prefetching(catalogue, model, cases) as (prefetcher, broker):
        assert not prefetcher.has_answers()
        prefetcher.take(cases[0])
        assert model.was_asked.wait(30)
        broker.halt("stopped by the test", 30.0)
        assert prefetcher.has_answers()
        assert isinstance(prefetcher.take(cases[1])[1], Response)
        assert not prefetcher.has_answers()


def test_item_that_cannot_be_read_again_holds_nothing_up(tmp_path: Path) -> None:
    project = Project(tmp_path)
    path = project.suite(questions(20))
    own = Catalogue(Options(root=tmp_path))
    own.read(path)
    cases = nodes(own, 20)
    items = path.with_name("items.jsonl")
    items.write_text(items.read_text().replace("Question 7:", "Question X:"))
    model = Recording()
    with prefetching(own, model, cases, cases[5:]) as (prefetcher, _):
        results = [prefetcher.take(case)[1] for case in cases]
    own.close()
    assert isinstance(results[7], Failure)
    assert "changed meanwhile" in results[7].reason
    assert sum(isinstance(result, Response) for result in results) == 19
