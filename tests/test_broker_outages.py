"""The broker and a server that goes away, for a while or for good."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from pathlib import Path

import pytest
from brokers import FakeModel, echo, question, reason, running, served, take, text
from loopback import LoopbackServer, Reply, error_reply

from pytest_medbench.exchange import Failure, Request, Response
from pytest_medbench.jobs import Job
from pytest_medbench.models import ModelError

BROKEN = error_reply(500, message="no")


class Coming(FakeModel):
    """Answers, or is away: as the test says, or as a function of the item says."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.broken: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.order: list[str] = []
        self.probed = threading.Condition()

    async def answer(self, request: Request) -> Response:
        with self.probed:
            self.asked[request.item] += 1
            self.order.append(request.item)
            self.probed.notify_all()
        if self.away or request.item in self.broken:
            raise ModelError("connection failed: refused", retry=True)
        return Response(request.item)

    def wait_for(self, sent: int) -> None:
        with self.probed:
            assert self.probed.wait_for(lambda: len(self.order) >= sent, 30)


class TestServerThatComesBack:
    def test_no_item_is_lost(self, tmp_path: Path) -> None:
        events: list[str] = []
        away = threading.Event()

        def heard(kind: str, said: str) -> None:
            events.append(f"{kind}: {said}")
            if kind == "outage":
                away.set()

        with contextlib.ExitStack() as up:
            server = up.enter_context(LoopbackServer(echo, delay=0.01))
            port, asked = server._port, served(server)
            with running(tmp_path, asked, on_event=heard, concurrency=8, outage=10.0) as broker:
                broker.submit_many([(n, question(n)) for n in range(200)])
                server.wait_for(50)
                up.close()
                assert away.wait(30)
                with LoopbackServer(echo, port=port) as again:
                    results = [take(broker, n) for n in range(200)]
                    assert again.requests
                assert [text(result) for result in results] == [str(n) for n in range(200)]
                assert broker.stopped is None
                stats = broker.stats()
                assert (stats.answered, stats.failed) == (200, 0)
        # What was in flight was sent again, and the journal can say so.
        assert max(result.tries for result in results) > 1
        assert any(event.startswith("back: 'ours' answers again") for event in events)

    def test_item_with_a_single_try_is_not_lost_either(self, tmp_path: Path) -> None:
        model = Coming()
        with running(tmp_path, model, concurrency=8, outage=4.0, max_tries=1) as broker:
            model.away = True
            broker.submit_many([(n, question(n)) for n in range(40)])
            model.wait_for(9)
            model.away = False
            assert [text(take(broker, n)) for n in range(40)] == [str(n) for n in range(40)]
            assert broker.stopped is None

    def test_it_is_asked_more_and_more_at_once(self, tmp_path: Path) -> None:
        model = Coming()
        with running(tmp_path, model, concurrency=16, outage=4.0) as broker:
            model.away = True
            broker.submit_many([(n, question(n)) for n in range(100)])
            model.wait_for(17)  # the whole window, and a probe
            model.away = False
            for n in range(100):
                text(take(broker, n))
            assert broker.stats().limit == 16

    def test_request_that_hung_through_it_costs_its_item_nothing(self, tmp_path: Path) -> None:
        script: list[str | Reply] = [Reply(stall=True), *[BROKEN] * 8]
        with (
            LoopbackServer(echo, script=script) as server,
            running(
                tmp_path,
                served(server),
                concurrency=8,
                outage=2.0,
                max_tries=1,
                request_timeout=3.0,
            ) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(20)])
            results = [take(broker, n) for n in range(20)]
            assert [text(result) for result in results] == [str(n) for n in range(20)]
            server.release()

    def test_time_away_does_not_count_against_an_item(self, tmp_path: Path) -> None:
        class Crowded(Coming):
            """Has too many requests at first when it is back."""

            async def answer(self, request: Request) -> Response:
                refused = not self.away and request.item not in self.broken
                self.broken.add(request.item)
                try:
                    return await super().answer(request)
                except ModelError as error:
                    if refused or self.away:
                        raise ModelError(error.reason, retry=True, slow_down=refused) from None
                    return Response(request.item)

        model = Crowded()
        with running(tmp_path, model, concurrency=8, outage=4.0, deadline=0.9) as broker:
            model.away = True
            broker.submit_many([(n, question(n)) for n in range(8)])
            model.wait_for(10)  # the second probe comes after more than the deadline
            model.broken.clear()
            model.away = False
            assert [text(take(broker, n)) for n in range(8)] == [str(n) for n in range(8)]

    def test_item_that_takes_the_server_down_each_time_ends_as_an_error(
        self, tmp_path: Path
    ) -> None:
        class Fragile(Coming):
            async def answer(self, request: Request) -> Response:
                if request.item == "5":
                    self.away = True
                elif self.away and self.asked[request.item] % 2:
                    self.away = False  # its supervisor has started it again
                return await super().answer(request)

        model = Fragile()
        model.broken = {"5"}
        with running(tmp_path, model, concurrency=8, outage=2.0, max_tries=3) as broker:
            broker.submit_many([(n, question(n)) for n in range(60)])
            results = [take(broker, n) for n in range(60)]
            assert "refused" in reason(results[5])
            assert not [r for r in results[:5] + results[6:] if isinstance(r, Failure)]
            assert broker.stopped is None

    def test_item_that_was_there_each_time_is_believed_three_times(self) -> None:
        job = Job(question(), bytes(32), tries=9, lost=9)
        believed = []
        for _ in range(5):
            job.outages += 1
            believed.append(job.excuse())
        assert believed == [True, True, True, False, False]
        assert (job.spent, job.lost, job.excused) == (6, 6, 3)


class TestServerThatHasGone:
    def test_run_stops_and_says_how_to_go_on(self, tmp_path: Path) -> None:
        with contextlib.ExitStack() as up:
            server = up.enter_context(LoopbackServer(echo, delay=0.01))
            with running(tmp_path, served(server), concurrency=8, outage=0.5) as broker:
                broker.submit_many([(n, question(n)) for n in range(300)])
                server.wait_for(40)
                up.close()
                results = [take(broker, n) for n in range(300)]
                said = broker.stopped
        assert said is not None
        assert said.startswith("the server of 'ours' has not answered for 0.5 s (last: connection ")
        assert said.endswith("; what was answered is kept: start the same command again to go on")
        failures = [result for result in results if isinstance(result, Failure)]
        assert 0 < len(failures) < 300
        assert all(failure.stopped and failure.reason == said for failure in failures)

    def test_what_was_answered_is_kept_and_served_after_the_stop(self, tmp_path: Path) -> None:
        model = Coming()
        with running(tmp_path, model, concurrency=4, outage=0.4) as broker:
            broker.submit_many([(n, question(n)) for n in range(20)])
            for n in range(20):
                text(take(broker, n))
            model.away = True
            broker.submit_many([(n, question(n)) for n in range(20, 60)])
            for n in range(20, 60):
                assert take(broker, n) == Failure(broker.stopped or "", model.asked[str(n)], True)
            sent = sum(model.asked.values())
            broker.submit_many([(n, question(n)) for n in range(80)])
            assert [take(broker, n).tries for n in range(20)] == [0] * 20
            assert {reason(take(broker, n)) for n in range(20, 80)} == {broker.stopped}
            assert sum(model.asked.values()) == sent

    def test_it_is_probed_by_one_item_after_the_other(self, tmp_path: Path) -> None:
        model = Coming()
        model.away = True
        with running(tmp_path, model, concurrency=8, outage=1.0) as broker:
            broker.submit_many([(n, question(n)) for n in range(40)])
            for n in range(40):
                reason(take(broker, n))
            probes = model.order[8:]
            assert 2 <= len(probes) <= 8
            assert len(set(probes)) == len(probes)

    def test_server_that_hangs_is_gone_too(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(Reply(stall=True)) as server,
            running(
                tmp_path, served(server), concurrency=8, outage=0.4, request_timeout=0.2
            ) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(40)])
            said = {reason(take(broker, n)) for n in range(40)}
            assert said == {broker.stopped}
            assert "(last: no answer within 0.2 s)" in said.pop()

    def test_hanging_probe_does_not_hide_that_the_server_is_back(self, tmp_path: Path) -> None:
        script: list[str | Reply] = [*[BROKEN] * 8, Reply(stall=True)]
        with (
            LoopbackServer(echo, script=script) as server,
            running(tmp_path, served(server), concurrency=8, outage=4.0) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(20)])
            assert [take(broker, n).tries > 0 for n in range(9, 20)] == [True] * 11
            assert broker.stopped is None
            server.release()


class TestMaintenancePage:
    @pytest.mark.parametrize("headers", [{}, {"Retry_After": "0.05"}])
    def test_it_stops_the_run_and_uses_up_no_item(
        self, tmp_path: Path, headers: dict[str, str]
    ) -> None:
        with (
            LoopbackServer(error_reply(503, message="maintenance", **headers)) as server,
            running(tmp_path, served(server), concurrency=8, outage=0.6, max_tries=3) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(40)])
            results = [take(broker, n) for n in range(40)]
            said = broker.stopped
        assert said is not None
        assert "has not answered for 0.6 s (last: HTTP 503" in said
        assert all(isinstance(result, Failure) and result.stopped for result in results)
        assert len(server.requests) < 40

    def test_it_is_not_asked_before_the_time_it_names(self, tmp_path: Path) -> None:
        page = error_reply(503, message="maintenance", Retry_After="1")
        with (
            LoopbackServer(echo, script=[page] * 9) as server,
            running(tmp_path, served(server), concurrency=8, outage=8.0, max_tries=2) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(40)])
            assert [text(take(broker, n)) for n in range(40)] == [str(n) for n in range(40)]
            assert broker.stopped is None
            # The window, and the one probe that still met the page: no item paid for it.
            assert len(server.requests) == 49


class TestItemsAtFault:
    @pytest.mark.parametrize("broken", [{"0"}, {"39"}, {"0", "1"}, {"38", "39"}])
    def test_item_with_a_single_try_ends_once_others_are_answered_or_none_is_left(
        self, tmp_path: Path, broken: set[str]
    ) -> None:
        model = Coming()
        model.broken = broken
        with running(tmp_path, model, concurrency=4, outage=0.2, max_tries=1) as broker:
            broker.submit_many([(n, question(n)) for n in range(40)])
            results = [take(broker, n) for n in range(40)]
            failed = {str(n): r for n, r in enumerate(results) if isinstance(r, Failure)}
            assert set(failed) == broken
            assert all((f.tries, f.stopped) == (1, False) for f in failed.values())
            assert broker.stopped is None

    def test_item_that_is_never_answered_is_no_outage(self, tmp_path: Path) -> None:
        model = Coming()
        model.broken = {"3", "50", "99"}
        with running(tmp_path, model, concurrency=1, outage=0.2, max_tries=5) as broker:
            broker.submit_many([(n, question(n)) for n in range(100)])
            results = [take(broker, n) for n in range(100)]
            failed = {n: r for n, r in enumerate(results) if isinstance(r, Failure)}
            assert set(failed) == {3, 50, 99}
            assert all((f.tries, f.stopped) == (5, False) for f in failed.values())
            assert broker.stopped is None

    def test_many_of_them_left_at_the_end_are_no_outage(self, tmp_path: Path) -> None:
        model = Coming()
        model.broken = {str(n) for n in range(0, 120, 6)}
        with running(tmp_path, model, concurrency=16, outage=0.2, max_tries=6) as broker:
            broker.submit_many([(n, question(n)) for n in range(120)])
            results = [take(broker, n) for n in range(120)]
            failed = {str(n): r for n, r in enumerate(results) if isinstance(r, Failure)}
            assert set(failed) == model.broken
            assert all((f.tries, f.stopped) == (6, False) for f in failed.values())
            assert broker.stopped is None

    def test_last_item_ends_by_its_own_tries(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(BROKEN) as server,
            running(tmp_path, served(server), outage=0.1, max_tries=12) as broker,
        ):
            broker.submit_many([("a", question())])
            result = take(broker, "a")
            assert "gave up after 12 tries" in reason(result)
            assert result == Failure(reason(result), 12, stopped=False)
            assert broker.stopped is None

    def test_server_that_only_says_too_many_is_there(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(error_reply(429, message="slow down")) as server,
            running(tmp_path, served(server), concurrency=8, outage=0.1, max_tries=3) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(30)])
            results = [take(broker, n) for n in range(30)]
            assert all(isinstance(r, Failure) and not r.stopped and r.tries == 3 for r in results)
            assert broker.stopped is None

    def test_server_that_refuses_each_item_is_there(self, tmp_path: Path) -> None:
        with (
            LoopbackServer(error_reply(400, message="bad")) as server,
            running(tmp_path, served(server), concurrency=8, outage=0.1) as broker,
        ):
            broker.submit_many([(n, question(n)) for n in range(30)])
            results = [take(broker, n) for n in range(30)]
            assert all(isinstance(r, Failure) and not r.stopped and r.tries == 1 for r in results)
            assert broker.stopped is None
