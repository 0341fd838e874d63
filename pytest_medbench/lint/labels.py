"""What an item does not say: source, rationale, harm, specialty, licence, review."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pytest_medbench.clock import now
from pytest_medbench.lint.model import Finding, Row
from pytest_medbench.lint.registry import item_rules, whole_rules
from pytest_medbench.suites import Suite

_MISSING = {
    "no-source": ("source", "say where the answer is from: `source`, with year and section"),
    "no-rationale": ("rationale", "say why the answer is right: `rationale`"),
    "no-specialty": ("specialty", "they count under specialty.(none): give them a `specialty`"),
    "no-harm": ("harm", "they count as severe: say what a wrong answer could do, `harm`"),
}


@whole_rules(
    {
        "no-source": "items without `source`",
        "no-rationale": "items without `rationale`",
        "no-specialty": "items without `specialty`",
        "no-harm": "items with a safety label and without `harm`",
        "no-licence": "a suite that does not say its licence",
    }
)
class MissingLabels:
    """Counts what items leave out; one finding a suite, at the first such item."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], Finding] = {}
        self._count: dict[tuple[str, str], int] = {}
        self._suites: dict[str, Suite] = {}

    def see(self, row: Row) -> Iterable[Finding]:
        """Note what is missing."""
        self._suites.setdefault(row.suite.name, row.suite)
        for rule, (key, todo) in _MISSING.items():
            if getattr(row.item, key) or (rule == "no-harm" and not row.item.safety):
                continue
            # An item that says that it may go without is not counted with the rest.
            if rule in row.waived:
                yield row.advice(rule, f"has no `{key}`; {todo}")
                continue
            place = row.suite.name, rule
            self._count[place] = self._count.get(place, 0) + 1
            if place not in self._first:
                self._first[place] = row.advice(rule, todo)

    def finish(self) -> Iterator[Finding]:
        """Give a finding for each suite and key."""
        for place, first in self._first.items():
            count = self._count[place]
            key, todo = _MISSING[first.rule]
            whole = len(self._suites[first.suite].entries)
            said = f"{count:,} of {whole:,} items have no `{key}`, this is the first; {todo}"
            yield replace(first, message=said, count=count)
        for name, suite in self._suites.items():
            if suite.spec.suite.licence in ("", "unknown"):
                said = "no `licence`: say in [suite] under which one the items may be used"
                yield Finding("no-licence", "advice", name, suite.path, None, None, said)


@item_rules({"must-pass": "a must-pass item that nothing can pass: no target, or only a judge"})
def must_pass(row: Row) -> Iterator[Finding]:
    """Find must-pass items that would block every release."""
    if not row.item.must_pass:
        return
    if row.item.target is None:
        yield row.error(
            "must-pass", "must_pass with target = null can never pass; give a target, or drop one"
        )
    elif row.suite.scorer.needs_judge:
        yield row.error(
            "must-pass", "must_pass on an item only a judge can score can never pass; drop it"
        )


@item_rules({"review": "a review half recorded, or on a day that is none or still to come"})
def review(row: Row) -> Iterator[Finding]:
    """Check the two keys that record a clinical review."""
    by, on = row.item.reviewed_by, row.item.reviewed_on
    if by is None and on is None:
        return
    for key, value, other in (("reviewed_by", by, "on"), ("reviewed_on", on, "by")):
        if not (value or "").strip():
            yield row.error(
                "review", f"`{key}` is missing or blank: a review counts with both; add it, or "
                f"take reviewed_{other} out"
            )  # fmt: skip
    if not (on or "").strip():
        return
    try:
        day = datetime.date.fromisoformat(on or "")
    except ValueError:
        yield row.error("review", f"reviewed_on = {on!r:.40} is no day; write it as 2026-11-30")
        return
    # Somewhere on earth it is already tomorrow.
    latest = datetime.datetime.fromtimestamp(now(), datetime.UTC).date()
    if day > latest + datetime.timedelta(days=1):
        yield row.error("review", f"reviewed_on = {on!r} is still to come; write the day it was")


@item_rules({"waiver": "`meta.lint_ok` that is no list of rules' names"})
def waiver(row: Row) -> Iterator[Finding]:
    """Check that a waiver waives something."""
    if "lint_ok" not in row.item.meta:
        return
    from pytest_medbench.lint.registry import RULES

    named = row.item.meta["lint_ok"]
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        yield row.error("waiver", 'meta.lint_ok is no list; write it as ["RULE", …]')
        return
    for name in named:
        if name not in RULES:
            yield row.error("waiver", f"meta.lint_ok names {name!r:.60}, which is no rule; drop it")
