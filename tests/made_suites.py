"""Suites and outcomes made in memory, for tests of scores and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_medbench.exchange import Response
from pytest_medbench.gates import Circumstances, Decision, GateVerdict, decide, parse_gates
from pytest_medbench.outcomes import Outcome, Score, Status
from pytest_medbench.suites import Entry, Item, Labels, Suite, SuiteFileModel, Traits

LETTERS: Mapping[str, Status | None] = {
    "c": Status.CORRECT,
    "w": Status.WRONG,
    "u": Status.UNPARSABLE,
    "e": Status.ERROR,
    "s": Status.SKIPPED,
    "n": Status.UNSCORED,
    "-": None,
}


@dataclass(frozen=True)
class StubScorer:
    name: str = "stub"
    template: str = "stub"
    needs_judge: bool = False

    @property
    def code(self) -> str:
        return ""

    def inspect(self, item: Item) -> Traits:
        return Traits()

    def score(self, item: Item, response: Response) -> Score:
        return Score(0.0)


def labels(**given: Any) -> Labels:
    values: dict[str, Any] = {
        "specialty": None,
        "safety": (),
        "harm": None,
        "population": (),
        "language": "en",
        "task": "task",
        "dimension": "dimension",
        "track": "llm",
    }
    if given.get("safety") and "harm" not in given:
        values["harm"] = "severe"
    return Labels(**{**values, **given})


def entry(id_: str, **given: Any) -> Entry:
    own = {
        name: given.pop(name)
        for name in list(given)
        if name in ("group", "cluster", "must_pass", "scored", "reviewed", "traits")
    }
    group = own.pop("group", id_)
    cluster = own.pop("cluster", group)
    return Entry(id_, 1, 0, 0, labels(**given), group, cluster, **own)


def entries(number: int, prefix: str = "i", **given: Any) -> list[Entry]:
    return [entry(f"{prefix}{index}", **given) for index in range(number)]


def suite(
    items: Iterable[Entry], name: str = "exam", *, rule: str = "all", needs_judge: bool = False
) -> Suite:
    spec = SuiteFileModel.model_validate(
        {"suite": {"name": name, "items": "i"}, "score": {"scorer": "stub", "group_rule": rule}}
    )
    scorer = StubScorer(needs_judge=needs_judge)
    return Suite(Path(name) / "suite.toml", spec, scorer, list(items), "digest")


def outcome(suite_: str, id_: str, letter: str) -> Outcome | None:
    status = LETTERS[letter]
    if status is None:
        return None
    score = {"c": 1.0, "w": 0.0, "u": 0.0}.get(letter)
    return Outcome(suite_, id_, status, score)


def answer(suite_: Suite, letters: str) -> dict[tuple[str, str], Outcome]:
    """Give outcomes by one letter an item, the last letter for all that follow."""
    padded = letters + letters[-1] * (len(suite_.entries) - len(letters))
    found = {
        (suite_.name, each.id): outcome(suite_.name, each.id, letter)
        for each, letter in zip(suite_.entries, padded, strict=False)
    }
    return {key: value for key, value in found.items() if value is not None}


def run(
    suites: Suite | Sequence[Suite],
    outcomes: Mapping[tuple[str, str], Outcome],
    gates: Mapping[str, Any] | None = None,
    *,
    by_suite: Mapping[str, Mapping[str, Any]] | None = None,
    selected: Mapping[str, set[str]] | None = None,
    **circumstances: Any,
) -> Decision:
    listed = [suites] if isinstance(suites, Suite) else list(suites)
    rules = parse_gates(gates or {}, "medbench.toml [gates]", scope=None)
    for name, table in (by_suite or {}).items():
        rules += parse_gates(table, f"{name}/suite.toml [gates]", scope=name)
    everything = {each.name: {one.id for one in each.entries} for each in listed}
    return decide(listed, selected or everything, outcomes, rules, Circumstances(**circumstances))


def only(decision: Decision, key: str) -> GateVerdict:
    """Give the one verdict on a slice."""
    (found,) = [each for each in decision.verdicts if each.slice.key == key]
    return found
