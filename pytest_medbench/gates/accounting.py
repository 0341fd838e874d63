"""What became of every planned item: counts, coverage, must-pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_medbench.errors import MedbenchError
from pytest_medbench.gates.verdict import MustPassFailure
from pytest_medbench.groups import Outcomes, score_of
from pytest_medbench.outcomes import SCORED, Status
from pytest_medbench.suites import Entry, Labels, Suite

NOT_RUN = "not run"
Selected = Mapping[str, Collection[str]]


@dataclass(slots=True)
class Tally:
    """Planned items and those that are missing.

    Parameters
    ----------
    statuses : Counter
        Items by status, and `not run`.
    planned, missing : Counter
        Items by part: `all`, `scored` (a rule can score it), `safety`.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    planned: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)

    def coverage(self, part: str) -> float:
        """Give the share of a part that is not missing; 1 where nothing of it is planned."""
        planned = self.planned[part]
        return 1 - self.missing[part] / planned if planned else 1.0


def is_safety(labels: Labels) -> bool:
    """Tell whether a wrong answer here can do severe harm, by its labels."""
    return bool(labels.safety) or labels.harm in ("severe", "death")


def check_plan(suites: Sequence[Suite], selected: Selected, outcomes: Outcomes) -> None:
    """Check that selection and outcomes are of these suites.

    Raises
    ------
    MedbenchError
        If two suites share a name, or an id is of no item or not of this run.
    """
    names = [suite.name for suite in suites]
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise MedbenchError(f"two suites are named {twice[0]!r}; names tell suites apart")
    for name in selected:
        if name not in names:
            raise MedbenchError(f"items of suite {name!r} are selected, and there is no such suite")
    for suite in suites:
        chosen = selected.get(suite.name, ())
        unknown = set(chosen) - {entry.id for entry in suite.entries}
        if unknown:
            raise MedbenchError(f"suite {suite.name!r} has no item {min(unknown)!r}")
    for (name, item), outcome in outcomes.items():
        if item not in selected.get(name, ()) or (outcome.suite, outcome.id) != (name, item):
            raise MedbenchError(
                f"the outcome of {outcome.suite}::{outcome.id}, noted for {name}::{item}, is of no "
                "item of this run"
            )


def tally(suites: Sequence[Suite], selected: Selected, outcomes: Outcomes) -> Tally:
    """Count what became of the planned items.

    Raises
    ------
    MedbenchError
        If the counts do not sum to the planned items.
    """
    result = Tally()
    for suite in suites:
        judged = suite.scorer.needs_judge
        chosen = selected.get(suite.name, ())
        for entry in suite.entries:
            if entry.id not in chosen:
                continue
            outcome = outcomes.get((suite.name, entry.id))
            result.statuses[NOT_RUN if outcome is None else outcome.status.value] += 1
            ruled = entry.scored and not judged
            if outcome is None:
                missing = True
            elif ruled:
                missing = score_of(outcome) is None
            else:
                missing = outcome.status not in SCORED and outcome.status is not Status.UNSCORED
            for part in _parts(entry, ruled=ruled):
                result.planned[part] += 1
                result.missing[part] += missing
    planned = sum(map(len, selected.values()))
    if sum(result.statuses.values()) != planned:
        raise MedbenchError(f"{planned} items were planned and {result.statuses} counted")
    return result


def _parts(entry: Entry, *, ruled: bool) -> Iterator[str]:
    yield "all"
    if ruled:
        yield "scored"
    if is_safety(entry.labels):
        yield "safety"


def must_pass_failures(
    suites: Sequence[Suite], selected: Selected, outcomes: Outcomes, *, shard: bool
) -> list[MustPassFailure]:
    """Give the must-pass groups of which a member is not `correct`.

    Parameters
    ----------
    shard : bool
        Whether what is deselected runs elsewhere; otherwise it is missing.
    """
    found = []
    for suite in suites:
        chosen = selected.get(suite.name, ())
        wanted = {entry.group for entry in suite.entries if entry.must_pass}
        groups: dict[str, list[Entry]] = {}
        for entry in suite.entries if wanted else ():
            if entry.group in wanted and (entry.scored or entry.must_pass):
                groups.setdefault(entry.group, []).append(entry)
        for group, members in groups.items():
            here = [entry for entry in members if entry.id in chosen] if shard else members
            failure = _must_pass(suite, group, here, outcomes)
            if failure is not None:
                found.append(failure)
    return found


def _must_pass(
    suite: Suite, group: str, members: Sequence[Entry], outcomes: Outcomes
) -> MustPassFailure | None:
    wrong: list[str] = []
    missing: list[str] = []
    for entry in members:
        outcome = outcomes.get((suite.name, entry.id))
        if outcome is None or suite.scorer.needs_judge or score_of(outcome) is None:
            missing.append(entry.id)
        elif outcome.status is not Status.CORRECT:
            wrong.append(entry.id)
    if not wrong and not missing:
        return None
    whose = f"must-pass {suite.name}::{group}"
    reason = (
        f"{whose}: {len(wrong)} of {len(members)} items are not correct"
        if wrong
        else f"{whose}: {len(missing)} of {len(members)} items have no score in this run"
    )
    return MustPassFailure(suite.name, group, tuple(wrong + missing), bool(wrong), reason)
