"""Makes baselines from a run that has ended, if it may become one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_medbench.baselines.fingerprints import CACHED_AS, kept_fingerprint
from pytest_medbench.baselines.hashes import ItemHasher, suite_hashes
from pytest_medbench.baselines.records import Figures, ItemRecord, SuiteBaseline, kept_answer
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.database import identity_of
from pytest_medbench.errors import MedbenchError
from pytest_medbench.gates.accounting import NOT_RUN, is_safety, tally
from pytest_medbench.gates.measure import measure
from pytest_medbench.gates.rules import COVERAGE
from pytest_medbench.gates.slices import Index
from pytest_medbench.gates.verdict import Verdict
from pytest_medbench.groups import each_group, score_of
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.report.plain import printable
from pytest_medbench.suites import Entry, Suite

NO_VERDICT = "no verdict"
LONGEST_REASON = 1000
_CONFIDENCE = 0.95
_DIGITS = 6
_PARTS = (("safety", 1.0, "safety items"), ("scored", COVERAGE, "items with a target"))


class AcceptError(MedbenchError):
    """A run that cannot become a baseline; nothing was written."""


@dataclass(frozen=True)
class Finished:
    """A run that has ended.

    Parameters
    ----------
    run : str
        Its id.
    plan : mapping
        What `plan.json` holds.
    catalogue : Catalogue
        Has read the plan's suites.
    outcomes : mapping
        By suite and id.
    verdict : str or None
        PASS, BLOCK or INCONCLUSIVE; None where none was made.
    stopped : str or None
        What ended it early.
    scores : mapping of (str, str) to sequence of float
        By suite and id the scores of the repeats, where the outcomes do not hold them.
    """

    run: str
    plan: Mapping[str, Any]
    catalogue: Catalogue
    outcomes: Mapping[tuple[str, str], Outcome]
    verdict: str | None
    stopped: str | None

    @property
    def repeats(self) -> int:
        """How often each item was asked."""
        return int(self.plan["settings"].get("repeats") or 1)

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.plan["model"].get("name", "?"))


def check_acceptable(finished: Finished, reason: str | None) -> None:
    """Check that a run may become a baseline.

    Parameters
    ----------
    finished : Finished
    reason : str or None
        Why it is accepted; a run that blocked or is inconclusive needs one.

    Raises
    ------
    AcceptError
        If it is a part, a sample or a shard, was stopped, lacks outcomes, or needs a reason.
    """
    why = [*_not_whole(finished), *_not_covered(finished)]
    if why:
        raise AcceptError(
            f"run {finished.run} cannot be accepted as a baseline: {'; '.join(why)}; nothing was "
            "written, run the full plan to its end and accept that"
        )
    if finished.verdict in (Verdict.BLOCK, Verdict.INCONCLUSIVE) and not (reason or "").strip():
        raise AcceptError(
            f"run {finished.run} came to {finished.verdict}: accepting it needs a reason, which "
            "is kept in the snapshot; nothing was written, give --medbench-accept-reason TEXT "
            "(medbench accept: --reason TEXT)"
        )


def _not_whole(finished: Finished) -> Iterator[str]:
    settings = finished.plan["settings"]
    if settings["shard"] is not None:
        number, of = settings["shard"]
        yield f"it is shard {number}/{of}, join all of them with medbench merge first"
    if finished.plan["partial"] is not None:
        yield f"it is a part, {printable(str(finished.plan['partial']), 200)}"
    elif finished.plan["narrowed_by"] or settings["sample"] is not None:
        yield "something was left out by " + ", ".join(
            finished.plan["narrowed_by"] or ["--medbench-sample"]
        )
    elif settings["shard"] is None:
        cut = [suite["name"] for suite in finished.plan["suites"] if suite["selected"] != "all"]
        if cut:
            yield f"not all items of {', '.join(cut)} are in its plan"
    if finished.stopped is not None:
        yield f"it was stopped early, {printable(finished.stopped, 200)}"


def _not_covered(finished: Finished) -> Iterator[str]:
    suites = finished.catalogue.suites
    every = {suite.name: {entry.id for entry in suite.entries} for suite in suites}
    counted = tally(suites, every, finished.outcomes)
    if counted.statuses[NOT_RUN]:
        yield f"{counted.statuses[NOT_RUN]:,} items have not run"
    for part, floor, what in _PARTS:
        if counted.coverage(part) < floor:
            yield (
                f"{counted.missing[part]:,} of {counted.planned[part]:,} {what} have no score "
                f"(at least {floor:.1%} must)"
            )
    unread = sum(entry.problem is not None for suite in suites for entry in suite.entries)
    if unread:
        yield f"{unread:,} lines of items cannot be read"


def make_baselines(
    finished: Finished, key: str, reason: str | None, accepted_on: str
) -> dict[str, SuiteBaseline]:
    """Make the baselines of a run, one for each suite, of the items that have an outcome.

    Nothing is written. Whether the run may become a baseline is for `check_acceptable` to say; to
    compare with a run it need not.

    Parameters
    ----------
    finished : Finished
    key : str
    reason : str or None
    accepted_on : str
        YYYY-MM-DD.

    Raises
    ------
    AcceptError
        If an item can no longer be read.
    """
    made = {}
    for suite in finished.catalogue.suites:
        hashes = suite_hashes(
            finished.catalogue, suite, finished.plan["model"], repeats=finished.repeats
        )
        made[suite.name] = SuiteBaseline(
            key=key,
            suite=suite.name,
            run=finished.run,
            accepted_on=accepted_on,
            reason=kept_reason(reason),
            verdict=finished.verdict or NO_VERDICT,
            model=_model(finished.plan["model"]),
            repeats=finished.repeats,
            hashes=hashes,
            slices=_slices(suite, finished),
            items=_items(suite, finished, hashes),
        )
    return made


def kept_reason(reason: str | None) -> str | None:
    """Give a reason as one line of at most 1,000 characters that show; None for an empty one."""
    return printable(" ".join((reason or "").split()), LONGEST_REASON) or None


def _slices(suite: Suite, finished: Finished) -> dict[str, Figures]:
    ids = {entry.id for entry in suite.entries}
    index = Index({suite.name: each_group(suite, ids, finished.outcomes)})
    found = {}
    for key in index.names(suite.name):
        figures = measure(index, key, suite.name, _CONFIDENCE)
        found[key] = Figures(
            _rounded(figures.score), _rounded(figures.low), _rounded(figures.high), figures.scored
        )
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _items(suite: Suite, finished: Finished, hashes: Mapping[str, str]) -> dict[str, ItemRecord]:
    digests = dict(ItemHasher(finished.catalogue, suite, hashes).of_all())
    critical = {
        entry.group for entry in suite.entries if entry.must_pass or is_safety(entry.labels)
    }
    found = {}
    for entry in suite.entries:
        outcome = finished.outcomes.get((suite.name, entry.id))
        if outcome is None or entry.problem is not None:
            continue
        if entry.id not in digests:
            raise AcceptError(
                f"{suite.name}::{entry.id} is not there any more as it was asked; nothing was "
                "written, run the suite again"
            )
        found[entry.id] = _record(
            outcome, digests[entry.id], finished, entry, critical=entry.group in critical
        )
    return found


def _record(
    outcome: Outcome, made_with: str, finished: Finished, entry: Entry, *, critical: bool
) -> ItemRecord:
    score = score_of(outcome)
    status = Status.ERROR if score is None and outcome.score is not None else outcome.status
    return ItemRecord(
        id=outcome.id,
        status=status,
        score=None if score is None else float(score),
        answer=kept_answer(outcome.answer),
        made_with=made_with,
        scores=tuple(map(float, outcome.scores)) if finished.repeats > 1 else (),
        group=None if entry.group == entry.id else entry.group,
        critical=critical,
    )


def _model(planned: Mapping[str, Any]) -> dict[str, Any]:
    fingerprint = {name: value for name, value in planned.items() if name != "name"}
    return {**kept_fingerprint(planned), CACHED_AS: identity_of(fingerprint)}
