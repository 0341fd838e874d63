"""The circuit breaker by itself: what opens it, what closes it, and when it probes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench.breaker import MANY, SECONDS, WITNESSES, Breaker


def lose(breaker: Breaker[int], items: range | list[int], now: float = 0.0, window: int = 8) -> int:
    """Lose one try of each item; give how many it took to open the circuit, or 0."""
    seen: set[int] = set()
    for count, item in enumerate(items, start=1):
        opened = breaker.lost(item, now, suspect=item in seen, final=False, window=window)
        seen.add(item)
        if opened:
            return count
    return 0


def opened(outage: float = 120.0, at: float = 0.0) -> Breaker[int]:
    breaker: Breaker[int] = Breaker(outage)
    assert lose(breaker, range(MANY), now=at) == MANY
    assert breaker.is_open
    return breaker


class TestOpening:
    @given(st.integers(1, 200))
    def test_as_many_as_may_be_in_flight_open_it(self, window: int) -> None:
        assert lose(Breaker(120.0), range(500), window=window) == max(MANY, window)

    def test_eight_that_span_some_seconds_are_enough(self) -> None:
        breaker: Breaker[int] = Breaker(120.0)
        assert lose(breaker, range(MANY - 1), window=64) == 0
        assert breaker.lost(99, SECONDS, suspect=False, final=False, window=64)

    def test_it_opens_before_an_item_is_given_up_for_it(self) -> None:
        breaker: Breaker[int] = Breaker(120.0)
        assert lose(breaker, range(WITNESSES - 1)) == 0
        assert breaker.lost(99, 0.0, suspect=False, final=True, window=64)
        assert breaker.row == [0, 1, 99]

    @given(st.lists(st.booleans(), min_size=1, max_size=200))
    def test_one_or_two_items_alone_never_open_it(self, which: list[bool]) -> None:
        breaker: Breaker[int] = Breaker(120.0)
        for now, item in enumerate(which):
            assert not breaker.lost(int(item), float(now), suspect=False, final=True, window=1)

    @given(st.lists(st.integers(0, 50), min_size=1, max_size=200))
    def test_items_that_failed_while_others_were_answered_never_open_it(
        self, items: list[int]
    ) -> None:
        breaker: Breaker[int] = Breaker(120.0)
        for now, item in enumerate(items):
            assert not breaker.lost(item, float(now), suspect=True, final=True, window=1)

    @given(st.lists(st.integers(0, 10), min_size=1, max_size=50), st.integers(1, 64))
    def test_an_answer_ends_the_row(self, items: list[int], window: int) -> None:
        breaker: Breaker[int] = Breaker(120.0)
        for now, item in enumerate(items):
            assert not breaker.lost(item, float(now), suspect=False, final=True, window=window)
            assert breaker.troubled
            assert not breaker.answered(float(now))
            assert not breaker.troubled
        assert breaker.wait(100.0) == 0


class TestProbing:
    @given(st.floats(0.1, 1000), st.lists(st.floats(0.0, 30.0), max_size=40))
    def test_probes_are_single_and_rarer_with_time(
        self, outage: float, delays: list[float]
    ) -> None:
        breaker, now, sent = opened(outage), 0.0, [0.0]
        for delay in delays:
            now += breaker.wait(now) + delay
            assert breaker.wait(now) < 1e-6
            breaker.sent(now)
            sent.append(now)
            assert 0 < breaker.wait(now) <= min(5.0, outage / 4) * 1.001
        gaps = [later - earlier for earlier, later in pairwise(sent)]
        assert all(gap >= min(1.0, outage / 8) * 0.999 for gap in gaps)

    def test_they_come_after_1_2_4_and_then_every_5_seconds(self) -> None:
        breaker, now, sent = opened(), 0.0, []
        while now < 25:
            now += breaker.wait(now)
            breaker.sent(now)
            sent.append(now)
        assert sent == [1, 3, 7, 12, 17, 22, 27]

    def test_server_says_when_to_come_back(self) -> None:
        breaker = opened()
        breaker.postpone(40.0)
        assert breaker.wait(10.0) == 30.0

    def test_answer_closes_it_and_all_may_be_sent(self) -> None:
        breaker = opened(at=5.0)
        assert breaker.answered(25.0)
        assert (breaker.is_open, breaker.row, breaker.wait(25.0)) == (False, [], 0)
        assert lose(breaker, range(MANY), now=30.0) == MANY

    def test_it_gives_up_an_outage_after_it_opened(self) -> None:
        assert opened(outage=7.0, at=3.0).gives_up_at == 10.0


class TestUptime:
    @given(st.lists(st.tuples(st.floats(0.01, 100), st.booleans()), max_size=40))
    def test_outages_do_not_count(self, steps: list[tuple[float, bool]]) -> None:
        breaker: Breaker[int] = Breaker(1000.0)
        now = up = 0.0
        for seconds, down in steps:
            if down and not breaker.is_open:
                lose(breaker, range(MANY), now=now)
            elif not down:
                breaker.answered(now)
            now += seconds
            up += 0.0 if down else seconds
            assert abs(breaker.uptime(now) - up) < 1e-6
