"""The pytest nodes: a suite's file, and a case for each item with one report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_medbench.errors import MedbenchError
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.report.counts import keep_counts_only
from pytest_medbench.report.plain import printable
from pytest_medbench.suites import Entry, Labels, Suite

if TYPE_CHECKING:
    from pytest_medbench.asking import Asker

LONGEST_REPORT = 2000

# Marks with a meaning of their own in pytest; a label of the same name gets a prefix.
_TAKEN = frozenset(
    {
        "asyncio",
        "filterwarnings",
        "medbench",
        "parametrize",
        "skip",
        "skipif",
        "tryfirst",
        "trylast",
        "usefixtures",
        "xdist_group",
        "xfail",
    }
)


class SuiteFile(pytest.File):
    """A `suite.toml`, and behind it the items it names."""

    suite: Suite
    marks: LabelMarks
    relative: str
    _open: Callable[[SuiteFile], Suite | None]

    @classmethod
    def of(
        cls, parent: pytest.Collector, path: Path, open_suite: Callable[[SuiteFile], Suite | None]
    ) -> SuiteFile:
        """Make the node of a suite; it is read when its cases are wanted.

        pytest makes nodes of all files in a folder, also where one of them was asked for.
        """
        node: SuiteFile = cls.from_parent(parent, path=path)
        node.relative = os.path.relpath(path, parent.config.rootpath)
        node._open = open_suite
        return node

    def collect(self) -> Iterable[Case]:
        """Give one case for each item; a suite that cannot be used is a collection error."""
        try:
            suite = self._open(self)
        except MedbenchError as error:
            raise self.CollectError(str(error)) from None
        if suite is None:
            return
        self.suite = suite
        self.marks = LabelMarks(self.config)
        keep_counts_only(self.config)
        for entry in suite.entries:
            self.marks.of(entry.labels)
            yield Case.from_parent(self, name=entry.id, entry=entry)


class LabelMarks:
    """Turns labels into marks, shared by the cases and registered so that strict marks hold."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._marks: dict[str, pytest.Mark] = {}
        self._lists: dict[Labels, list[pytest.Mark]] = {}

    def of(self, labels: Labels) -> list[pytest.Mark]:
        """Give the marks of an item's labels."""
        marks = self._lists.get(labels)
        if marks is None:
            names = sorted(set(_words(labels)))
            marks = self._lists[labels] = [self._mark(name) for name in names]
        return marks

    def _mark(self, word: str) -> pytest.Mark:
        # pytest takes a name in the registry to end at the first of these.
        name = word.replace(":", "_").replace("(", "_")
        if name in _TAKEN or name.startswith("_"):
            name = f"label_{name}"
        mark = self._marks.get(name)
        if mark is None:
            self._config.addinivalue_line("markers", f"{name}: a label of medbench items")
            mark = self._marks[name] = getattr(pytest.mark, name).mark
        return mark


def _words(labels: Labels) -> Iterator[str]:
    if labels.specialty:
        yield labels.specialty
        yield from labels.specialty.split("/")
    yield from labels.safety
    yield from labels.population
    for label in (labels.harm, labels.language, labels.task, labels.dimension, labels.track):
        if label:
            yield label


# What pytest gives each item, and a case makes when it is first asked for: hardly any is, and with
# them an item would take a kilobyte.
_WHEN_NEEDED: Mapping[str, Callable[[Case], Any]] = {
    "keywords": lambda case: type(case.parent.keywords)(case),  # type: ignore[call-arg]  # of pytest
    "own_markers": lambda case: list(case.parent.marks.of(case.entry.labels)),
    "extra_keyword_matches": lambda case: set(),
    "stash": lambda case: pytest.Stash(),
    "_store": lambda case: case.stash,  # pytest's old name for it
    "user_properties": lambda case: [],
    "_report_sections": lambda case: [],
}


class Case(pytest.Item):
    """The node that runs one item."""

    # Slots, so that no instance needs a dictionary.
    __slots__ = ("entry", *_WHEN_NEEDED)
    entry: Entry
    parent: SuiteFile

    def __init__(self, *, entry: Entry, **further: Any) -> None:
        super().__init__(**further)
        self.entry = entry
        for name in _WHEN_NEEDED:
            delattr(self, name)

    def __getattr__(self, name: str) -> Any:
        make = _WHEN_NEEDED.get(name)
        if make is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = make(self)
        setattr(self, name, value)
        return value

    def iter_markers_with_node(self, name: str | None = None) -> Iterator[tuple[Any, pytest.Mark]]:
        """Give its marks and those of the nodes it is in, without making a list of its own."""
        for mark in self._marks:
            if name is None or mark.name == name:
                yield self, mark
        yield from self.parent.iter_markers_with_node(name)

    @property
    def _marks(self) -> Sequence[pytest.Mark]:
        try:
            own: list[pytest.Mark] = object.__getattribute__(self, "own_markers")
        except AttributeError:
            return self.parent.marks.of(self.entry.labels)
        return own

    @property
    def may_be_skipped(self) -> bool:
        """Whether a mark may have it skipped, so that it is not asked for ahead of its turn."""
        marked = any(mark.name in ("skip", "skipif") for mark in self._marks)
        return marked or _has_inherited_skip(self.parent)

    @property
    def suite(self) -> Suite:
        """The suite the item belongs to."""
        return self.parent.suite

    @property
    def location(self) -> tuple[str, int | None, str]:
        """The suite's file, relative to the rootdir, and the item's id."""
        return self.parent.relative, self.entry.line - 1, self.name

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Give where the item stands, for messages."""
        return self.path, self.entry.line - 1, self.name

    def runtest(self) -> None:
        """Never called: `run_protocol` emits one report for the whole item."""
        raise NotImplementedError(f"{self.nodeid} runs through run_protocol only")

    def run_protocol(self, asker: Asker, nextitem: pytest.Item | None, *, strict: bool) -> None:
        """Ask, score, and emit one report, unless the run was stopped before it could be asked."""
        start = time.time()
        clock = time.perf_counter()
        outcome = self._skipped() or asker.run(self)
        duration = time.perf_counter() - clock
        # None: the run was stopped before this item had an answer, so that it is not run.
        if outcome is not None:
            report = make_report(self, outcome, strict=strict, start=start, duration=duration)
            self.ihook.pytest_runtest_logreport(report=report)
        if not isinstance(nextitem, Case):
            self._leave_collectors(nextitem)

    def _leave_collectors(self, nextitem: pytest.Item | None) -> None:
        """Tear down what earlier tests set up and the next one is not in.

        A case itself has neither setup nor teardown, so that this waits for the last of a row.
        """
        call = pytest.CallInfo.from_call(
            lambda: self.session._setupstate.teardown_exact(nextitem),
            when="teardown",
            reraise=(pytest.exit.Exception, KeyboardInterrupt),
        )
        if call.excinfo is not None:
            report = pytest.TestReport.from_item_and_call(self, call)
            self.ihook.pytest_runtest_logreport(report=report)

    def _skipped(self) -> Outcome | None:
        if not self.may_be_skipped:
            return None
        from _pytest.skipping import evaluate_skip_marks

        skip = evaluate_skip_marks(self)
        if skip is None:
            return None
        return Outcome(self.suite.name, self.entry.id, Status.SKIPPED, reason=skip.reason)


def _has_inherited_skip(node: pytest.Collector) -> bool:
    known: bool | None = node.stash.get(_INHERITED, None)
    if known is None:
        known = any(mark.name in ("skip", "skipif") for mark in node.iter_markers())
        node.stash[_INHERITED] = known
    return known


_INHERITED = pytest.StashKey[bool]()


def make_report(
    case: Case, outcome: Outcome, *, strict: bool, start: float, duration: float
) -> pytest.TestReport:
    """Turn an outcome into the one report of its case.

    Wrong answers are passed reports with a word of their own: gates decide. Failed are an error,
    a must-pass item that is not correct, and with `strict` every wrong one.
    """
    longrepr: Any = None
    result = "passed"
    if outcome.status is Status.SKIPPED:
        result = "skipped"
        longrepr = (str(case.path), case.entry.line, f"Skipped: {printable(outcome.reason or '')}")
    elif is_failure(outcome, must_pass=case.entry.must_pass, strict=strict):
        result = "failed"
        longrepr = describe(outcome, must_pass=case.entry.must_pass)
    report = pytest.TestReport(
        nodeid=_id_of(case),
        location=case.location,
        keywords={},
        outcome=result,  # type: ignore[arg-type]
        longrepr=longrepr,
        when="call",
        duration=duration,
        start=start,
        stop=start + duration,
    )
    report.medbench = outcome.to_wire()  # type: ignore[attr-defined]
    return report


def _id_of(case: Case) -> Any:
    # Newer versions of pytest keep what a node id is made of, and would take the text apart again.
    return getattr(case, "id", None) or case.nodeid


def is_failure(outcome: Outcome, *, must_pass: bool, strict: bool) -> bool:
    """Tell whether an outcome counts as a failed test."""
    if outcome.status is Status.ERROR:
        return True
    not_right = outcome.status in (Status.WRONG, Status.UNPARSABLE)
    return not_right and (must_pass or strict)


def describe(outcome: Outcome, *, must_pass: bool) -> str:
    """Say what became of an item that failed, in a line that is safe to print."""
    if outcome.status is Status.ERROR:
        text = f"error: {outcome.reason}"
    else:
        title = "must-pass item" if must_pass else "item"
        if outcome.status is Status.UNPARSABLE:
            text = f"{title} unparsable: {outcome.reason}"
        else:
            text = f"{title} wrong: answered {outcome.answer!r}, score {outcome.score:g}"
    return printable(text, LONGEST_REPORT)
