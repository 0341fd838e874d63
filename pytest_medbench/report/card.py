"""A suite's card: what it says of itself, and what it covers."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator

from pytest_medbench.report.plain import printable
from pytest_medbench.report.writer import Writer
from pytest_medbench.suites import Entry, Suite

_LABEL = 14
_WIDTH = 96
# Lines of one kind of label.
ROWS = 40


def write_card(writer: Writer, suite: Suite) -> None:
    """Write what a suite says of itself, then how many items each label has."""
    writer.section(f"suite {printable(suite.name)}", "=")
    for label, said in _card(suite):
        lines = textwrap.wrap(printable(said, 2000), _WIDTH - _LABEL) or [""]
        for number, line in enumerate(lines):
            writer.write_line(f"{'' if number else label:<{_LABEL}}{line}")
    writer.write_line("")
    writer.write_line(f"{'items':>7}{'groups':>8}  label", bold=True)
    for kind, labels in _KINDS.items():
        _write_kind(writer, suite, kind, labels)
    if any(entry.problem for entry in suite.entries):
        writer.write_line("some lines cannot be read; medbench lint says why")


def _card(suite: Suite) -> Iterator[tuple[str, str]]:
    table, prompt, score = suite.spec.suite, suite.spec.prompt, suite.spec.score
    for label, value in (
        ("title", table.title),
        ("description", table.description),
        ("version", table.version),
        ("licence", table.licence),
        ("source", table.source),
    ):
        yield label, value or "-"
    task = table.task or table.name
    yield "place", f"track {table.track}, dimension {table.dimension}, task {task}"
    yield "language", table.language
    options = "".join(f", {key} = {value!r}" for key, value in score.options.items())
    judge = "; only a judge can score it" if suite.scorer.needs_judge else ""
    yield (
        "scorer",
        (
            f"{score.scorer}{options}; group rule {score.group_rule}, correct at "
            f"{score.correct_at:g}{judge}"
        ),
    )
    template = "its own text" if prompt.text else prompt.template or suite.scorer.template
    shots = f", {prompt.shots} shots" if prompt.shots else ""
    limit = f", at most {prompt.max_tokens:,} tokens" if prompt.max_tokens else ""
    yield "prompt", f"{template}, strategy {prompt.strategy}{shots}{limit}"
    if prompt.system:
        yield "system", prompt.system
    gates = [f"{key} {_gate(value)}" for key, value in suite.spec.gates.items()]
    yield "gates", "; ".join(gates) or "none"
    yield from _counts(suite)


def _counts(suite: Suite) -> Iterator[tuple[str, str]]:
    usable = [entry for entry in suite.entries if entry.problem is None]
    groups = len({entry.group for entry in usable})
    clusters = len({entry.cluster for entry in usable})
    said = f"{len(usable):,} in {groups:,} groups and {clusters:,} clusters"
    unscored = sum(not entry.scored for entry in usable)
    broken = len(suite.entries) - len(usable)
    must = sum(entry.must_pass for entry in usable)
    for count, what in (
        (must, "must pass"),
        (unscored, "without a target"),
        (broken, "lines cannot be read"),
    ):
        said += f", {count:,} {what}" if count else ""
    yield "items", said
    reviewed = sum(entry.reviewed for entry in usable)
    missing = "" if reviewed == len(usable) else "; the others have no clinical review recorded"
    yield "reviewed", f"{reviewed:,} of {len(usable):,} items{missing}"


def _gate(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items())
    return f"≥ {value}"


def _write_kind(
    writer: Writer, suite: Suite, kind: str, labels: Callable[[Entry], tuple[str | None, ...]]
) -> None:
    items: Counter[str] = Counter()
    groups: dict[str, set[str]] = {}
    for entry in suite.entries:
        if entry.problem is None:
            for label in labels(entry):
                named = label or "(none)"
                items[named] += 1
                groups.setdefault(named, set()).add(entry.group)
    listed = sorted(items)
    for label in listed[:ROWS]:
        writer.write_line(
            f"{items[label]:>7,}{len(groups[label]):>8,}  {kind}.{printable(label, 200)}"
        )
    if len(listed) > ROWS:
        writer.write_line(f"{'':>17}… and {len(listed) - ROWS:,} more of {kind}")


_KINDS: dict[str, Callable[[Entry], tuple[str | None, ...]]] = {
    "specialty": lambda entry: (entry.labels.specialty,),
    "safety": lambda entry: entry.labels.safety,
    "harm": lambda entry: (entry.labels.harm,) if entry.labels.harm else (),
    "population": lambda entry: entry.labels.population,
    "language": lambda entry: (entry.labels.language,),
    "task": lambda entry: (entry.labels.task,),
}
