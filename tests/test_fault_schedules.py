"""Whatever befalls a run and its processes: no answer is lost, none is asked for twice."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from faults.commands import FaultServer, made, outcomes, run
from faults.lives import Fault, Full, Life, Point
from faults.processes import Child, Ended, Run, begin, tear
from faults.trials import Kill, Trial, play
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from projects import Project, questions

from pytest_medbench.cache import Mode
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.options import Options
from pytest_medbench.outcomes import SCORED, Outcome, Status
from pytest_medbench.runs import read_journal

SCHEDULES = int(os.environ.get("MEDBENCH_SCHEDULES", "100"))
MOST = 12

LIVES = st.builds(
    Life,
    faults=st.lists(st.none() | st.sampled_from(Fault), max_size=8).map(tuple),
    gone_from=st.integers(0, 12),
    gone_for=st.sampled_from([0, 0, 0, 1, 5, 1000]),
    window=st.integers(1, 8),
    ahead=st.integers(1, MOST),
    backwards=st.booleans(),
    kill=st.none() | st.tuples(st.sampled_from(Point), st.sampled_from([1, 1, 2, 3, 5, 9])),
    close_after=st.sampled_from([None] * 4 + [0, 1, 4, 9]),
    halt_after=st.sampled_from([None] * 4 + [0, 1, 4, 9]),
    grace=st.sampled_from([0.0, 0.02, 0.1]),
    full=st.none() | st.none() | st.tuples(st.sampled_from(Full), st.integers(1, 6)),
    journal_full=st.sampled_from([None] * 6 + [1, 3, 9]),
    clock=st.sampled_from([0.0, 0.0, 0.0, -3600.0, 3600.0]),
)


class Shop:
    """What all schedules share: a suite of a dozen questions, and what becomes of it undisturbed.

    Attributes
    ----------
    schedules, processes : int
        How many there were.
    killed : Counter of Point
    """

    def __init__(self, root: Path) -> None:
        made = Project(root)
        self.catalogue = Catalogue(Options(root))
        self.suite = self.catalogue.read(made.suite(questions(MOST)))
        self.schedules = self.processes = self.stopped = 0
        self.killed: Counter[str] = Counter()
        self.undisturbed: dict[str, tuple[Any, ...]] = {}

    def begin(self, run: Run, life: Life, *, resumed: bool) -> Child:
        """Begin a process."""
        self.processes += 1
        return begin(run, life, self.catalogue, self.suite, resumed=resumed)

    def __str__(self) -> str:
        n = max(1, self.schedules)
        return (
            f"{n} schedules, {self.processes} processes, {self.killed.total()} killed "
            f"({', '.join(f'{count} {point}' for point, count in sorted(self.killed.items()))}), "
            f"{self.stopped} stopped; with no failure at most {1 - 0.05 ** (1 / n):.3%} of "
            "schedules fail (95 %)"
        )


def plain(outcome: Outcome) -> tuple[Any, ...]:
    """Give what does not depend on when an answer came, and from where."""
    return (outcome.status, outcome.score, outcome.answer, outcome.reason, outcome.served_by)


class Schedule(RuleBasedStateMachine):
    """Processes that begin, go on with, or run beside a run, and files that are damaged."""

    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="schedule-"))
        self.runs = 0
        self.items = 0
        # Items with an answer on disk: in the shared cache, there since this run began, and in
        # this run's folder.
        self.shared: set[str] = set()
        self.lately: set[str] = set()
        self.own: set[str] = set()

    @initialize(items=st.integers(1, MOST), life=LIVES, mode=st.sampled_from(Mode))
    def first_run(self, items: int, life: Life, mode: Mode) -> None:
        self.items = items
        self.new_run(life, mode)

    @rule(life=LIVES, mode=st.sampled_from(Mode))
    def new_run(self, life: Life, mode: Mode) -> None:
        self.run, self.clock = self.new(mode, life.clock), life.clock
        self.own, self.lately = set(), set()
        self.process(life, resumed=False)

    @rule(life=LIVES)
    def resumed_run(self, life: Life) -> None:
        self.process(life, resumed=True)

    @rule(life=LIVES, other=LIVES)
    def another_run_at_the_same_time(self, life: Life, other: Life) -> None:
        beside = self.new(Mode.ON, other.clock)
        child = self.shop.begin(beside, other, resumed=False)
        mine = self.shop.begin(self.run, life, resumed=True)
        ended = child.end()
        self.check(beside, other, ended)
        self.account_for(mine.end(), life, self.stored(resumed=True))
        self.shared |= ended.events.items("shared")
        # These may be dated by a clock that was behind.
        self.lately -= ended.events.items("shared")

    @rule(half=st.text(max_size=40))
    def torn_journal(self, half: str) -> None:
        tear(self.run, '{"suite":' + half)

    @rule(share=st.floats(0, 1))
    def cache_cut_short(self, share: float) -> None:
        if self.run.cache.exists():
            os.truncate(self.run.cache, int(self.run.cache.stat().st_size * share))
            self.shared, self.lately = set(), set()

    @rule(data=st.binary(max_size=4096))
    def cache_overwritten(self, data: bytes) -> None:
        if self.run.cache.exists():
            self.run.cache.write_bytes(data)
            self.shared, self.lately = set(), set()

    @rule()
    def cache_removed(self) -> None:
        shutil.rmtree(self.home / "cache", ignore_errors=True)
        self.shared, self.lately = set(), set()

    def new(self, mode: Mode, clock: float) -> Run:
        self.runs += 1
        run = Run(self.home, f"run-{self.runs}", mode, self.items)
        run.begin(clock)
        return run

    def process(self, life: Life, *, resumed: bool) -> Ended:
        stored = self.stored(resumed)
        ended = self.shop.begin(self.run, life, resumed=resumed).end()
        self.account_for(ended, life, stored)
        return ended

    def account_for(self, ended: Ended, life: Life, stored: set[str]) -> None:
        assert not stored & ended.events.items("asked"), "asked for what had been answered"
        new = ended.events.items("answered") & ended.events.items("handed")
        assert new <= ended.events.items("own", "shared"), "handed over before it was on disk"
        self.acknowledge(ended, life)
        self.check(self.run, life, ended)

    def stored(self, resumed: bool) -> set[str]:
        """Give the items that must not be asked for."""
        mode = self.run.mode
        shared = self.shared if mode in (Mode.ON, Mode.READ) else set()
        lately = self.lately if mode is Mode.REFRESH else set()
        return shared | lately | self.own if resumed else shared

    def acknowledge(self, ended: Ended, life: Life) -> None:
        shared = ended.events.items("shared")
        self.own |= ended.events.items("own")
        self.shared |= shared
        # What the shared cache held before and what this run put there is told apart by time; that
        # the clock was set back after the run began is learnt from the journal only.
        late = life.clock < self.clock
        self.lately |= shared & ended.events.items("journalled") if late else shared

    def check(self, run: Run, life: Life, ended: Ended) -> None:
        """Check the account: one status an item, no score without an answer, all written down."""
        if ended.killed:
            assert life.kill is not None
            self.shop.killed[life.kill[0]] += 1
        self.shop.stopped += ended.stopped is not None
        if not ended.killed and ended.stopped is None:
            assert len(ended.outcomes) == run.items
        written: dict[str, Any] = {}
        for line in read_journal(run.folder.path):
            written[line["id"]] = line
            self.check_line(line)
        kept = ended.events.items("own", "shared")
        for item, outcome in ended.outcomes.items():
            assert written[item]["status"] == outcome.status
            assert outcome.status is not Status.ERROR or item not in kept, "an answer overlooked"
            assert outcome.status is Status.ERROR or plain(outcome) == self.shop.undisturbed[item]

    def check_line(self, line: dict[str, Any]) -> None:
        if line["status"] == Status.ERROR:
            assert line["score"] is None
            assert "text" not in line
        else:
            assert line["status"] in SCORED
            known = self.shop.undisturbed[line["id"]]
            assert (line["status"], line["score"], line["answer"]) == known[:3]

    def teardown(self) -> None:
        try:
            if self.items:
                self.finish()
                self.shop.schedules += 1
        finally:
            shutil.rmtree(self.home)

    def finish(self) -> None:
        """Resume once more, undisturbed: all is as if nothing had happened."""
        ended = self.process(Life(), resumed=True)
        assert ended.stopped is None
        found = {item: plain(outcome) for item, outcome in ended.outcomes.items()}
        assert found == dict(list(self.shop.undisturbed.items())[: self.items])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    run = Run(tmp_path / "undisturbed", "run", Mode.OFF, MOST)
    run.begin(0.0)
    ended = shop.begin(run, Life(), resumed=False).end()
    found = {item: plain(outcome) for item, outcome in ended.outcomes.items()}
    shop.undisturbed = dict(sorted(found.items()))
    assert Counter(status for status, *_ in found.values()) == {
        Status.CORRECT: 6,
        Status.WRONG: 2,
        Status.UNPARSABLE: 4,
    }
    return shop


@pytest.mark.filterwarnings(
    "ignore:cache .* is corrupt",
    # The children use no lock that another thread of this process could hold.
    "ignore:.*use of fork:DeprecationWarning",
)
def test_any_schedule_of_faults_ends_as_an_undisturbed_run(shop: Shop) -> None:
    machine = type("InShop", (Schedule,), {"shop": shop})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=SCHEDULES,
            stateful_step_count=5,
            suppress_health_check=list(HealthCheck),
            # Threads decide what happens in which order: a shorter schedule proves little.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
    print(shop)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    with FaultServer() as server:
        project = made(tmp_path_factory.mktemp("undisturbed"), server.base_url)
        assert run(project).status == 0
    return outcomes(project)


@pytest.mark.parametrize(
    "trial",
    [
        Trial((), ((Kill.KILL, 12), (Kill.TERMINATE, 9)), resumed=True),
        Trial(("-n", "2"), ((Kill.KILL, 17),), resumed=True),
        Trial(("-n", "2"), ((Kill.INTERRUPT, 11),), resumed=False),
    ],
    ids=str,
)
def test_command_that_is_killed_at_any_point_ends_as_an_undisturbed_one(
    tmp_path: Path, undisturbed: list[str], trial: Trial
) -> None:
    report = play(trial, tmp_path, undisturbed)
    assert not report.wrong, "\n".join(report.wrong)
