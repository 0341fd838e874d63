"""Accepted versions made in memory, and runs compared with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from made_suites import answer

from pytest_medbench.baselines.records import Figures, ItemRecord, SuiteBaseline
from pytest_medbench.gates import Circumstances, Decision, decide, parse_gates
from pytest_medbench.gates.accounting import is_safety
from pytest_medbench.gates.regression import Against, Comparison, Confirmation, compare
from pytest_medbench.gates.slices import keys_of
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.suites import Entry, Suite

MADE_WITH = "0123456789abcdef"
PLACE = "medbench.toml [gates]"


def accept(suite: Suite, letters: str, *, run: str = "run-1", **given: Any) -> SuiteBaseline:
    """Give the baseline of a suite that was answered by one letter an item.

    `scores` gives the repeats by id; `hashes` names what it was made with.
    """
    scores: Mapping[str, tuple[float, ...]] = given.pop("scores", {})
    outcomes = answer(suite, letters)
    items = {
        entry.id: _record(outcomes.get((suite.name, entry.id)), entry, scores.get(entry.id, ()))
        for entry in suite.entries
    }
    keys = keys_of({entry.labels for entry in suite.entries}) | {f"suite.{suite.name}"}
    values: dict[str, Any] = {
        "key": "old",
        "suite": suite.name,
        "run": run,
        "accepted_on": "2026-11-01",
        "reason": None,
        "verdict": "PASS",
        "model": {"name": "old"},
        "repeats": 1,
        "hashes": {},
        "slices": {key: Figures(None, None, None, 1) for key in keys},
        "items": items,
    }
    return SuiteBaseline(**{**values, **given})


def _record(outcome: Outcome | None, entry: Entry, scores: tuple[float, ...]) -> ItemRecord:
    known = {"group": entry.group, "critical": is_safety(entry.labels) or entry.must_pass}
    if outcome is None:
        return ItemRecord(entry.id, Status.ERROR, None, None, MADE_WITH, **known)
    score = sum(scores) / len(scores) if scores else outcome.score
    return ItemRecord(entry.id, outcome.status, score, "A", MADE_WITH, scores, **known)


def against(
    *baselines: SuiteBaseline, which: Any = "baseline", problems: Sequence[str] = ()
) -> Against:
    key = baselines[0].key if baselines else "old"
    return Against(key, which, {each.suite: each for each in baselines}, tuple(problems))


def made_with(suites: Iterable[Suite], **changed: str) -> dict[tuple[str, str], str]:
    """Give what each item is made with; `changed` gives another hash by id."""
    return {
        (suite.name, entry.id): changed.get(entry.id, MADE_WITH)
        for suite in suites
        for entry in suite.entries
    }


def held(
    suites: Suite | Sequence[Suite],
    outcomes: Mapping[tuple[str, str], Outcome],
    *accepted: Against,
    gates: Mapping[str, Any] | None = None,
    by_suite: Mapping[str, Mapping[str, Any]] | None = None,
    changed: Mapping[str, str] | None = None,
    hashes: Mapping[str, Mapping[str, str]] | None = None,
    repeats: Mapping[tuple[str, str], Sequence[float]] | None = None,
    confirmations: Iterable[Confirmation] = (),
    selected: Mapping[str, set[str]] | None = None,
    **circumstances: Any,
) -> tuple[Comparison, Decision]:
    """Compare a run, and decide on it."""
    listed = [suites] if isinstance(suites, Suite) else list(suites)
    rules = parse_gates(gates or {}, PLACE, scope=None)
    for name, table in (by_suite or {}).items():
        rules += parse_gates(table, f"{name}/suite.toml [gates]", scope=name)
    chosen = selected or {each.name: {one.id for one in each.entries} for each in listed}
    comparison = compare(
        listed,
        chosen,
        outcomes,
        made_with(listed, **(changed or {})),
        accepted,
        rules,
        hashes=hashes,
        repeats=repeats,
        confirmations=confirmations,
    )
    return comparison, decide(
        listed, chosen, outcomes, rules, Circumstances(**circumstances), comparison
    )
