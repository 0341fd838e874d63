"""The verdict in the terminal: a table of slices, worst first, and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_medbench.gates import Decision, GateVerdict, SliceScore, Verdict
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.report.changes import write_comparison
from pytest_medbench.report.plain import printable
from pytest_medbench.report.writer import Writer

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.session import Account

Markup = dict[str, bool]

ROWS = 20
_STATUSES: dict[Status, tuple[str, Markup]] = {
    Status.CORRECT: (".", {"green": True}),
    Status.WRONG: ("w", {"yellow": True}),
    Status.UNPARSABLE: ("u", {"yellow": True, "bold": True}),
    Status.ERROR: ("E", {"red": True, "bold": True}),
    Status.SKIPPED: ("s", {"yellow": True}),
    Status.UNSCORED: ("-", {"cyan": True}),
}
_COLOURS: dict[Verdict | None, Markup] = {
    Verdict.PASS: {"green": True},
    Verdict.BLOCK: {"red": True, "bold": True},
    Verdict.INCONCLUSIVE: {"yellow": True},
}


def letter_and_word(report: pytest.TestReport) -> tuple[str, str, tuple[str, Markup]]:
    """Give category, letter and word of a case's report."""
    status = Outcome.from_wire(report.medbench).status
    letter, markup = _STATUSES[status]
    if report.failed and status is not Status.ERROR:
        return "failed", "F", (f"{status.upper()} (FAILED)", {"red": True})
    return status.value, letter, (status.upper(), markup)


def summarize(reporter: pytest.TerminalReporter, account: Account, exit_status: int) -> None:
    """Print the table and the verdict of a session."""
    if account.comparison is not None:
        write_comparison(reporter, account.comparison, redact=account.options.redact)
    if account.decision is not None:
        write_decision(
            reporter,
            account.decision,
            model=account.asker.model.name,
            run=account.folder.id,
            place=_shown(account),
            exit_status=exit_status,
        )


def write_decision(
    writer: Writer,
    decision: Decision,
    *,
    model: str,
    run: str,
    place: str,
    exit_status: int | None = None,
) -> None:
    """Write the table and the verdict; nothing here decides anything.

    Parameters
    ----------
    writer : Writer
    decision : Decision
    model, run : str
        The model's name and the run's id.
    place : str
        The run's folder, where the rest stands.
    exit_status : int or None
        The session's, where more than the decision counts: an interrupt, an ordinary test.
    """
    status = decision.exit_status if exit_status is None else exit_status
    colour = _COLOURS.get(decision.verdict, {})
    title = decision.verdict.value if decision.verdict is not None else "no verdict"
    writer.section(f"medbench: {title}", "=", **colour)
    writer.write_line(f"model {printable(model)}, run {run}, {_counts(decision)}")
    _write_table(writer, decision)
    why = [
        f"{verdict.gate.key}: {verdict.reason}"
        for verdict in decision.verdicts
        if verdict.verdict is Verdict.INCONCLUSIVE
    ]
    _write_list(writer, [*decision.reasons, *why], most=6, mark="!")
    _write_list(writer, decision.notes, most=4, mark="-")
    writer.write_line(
        f"{printable(decision.headline)} (exit status {status}; all of it: {place})",
        **colour,
    )


def _shown(account: Account) -> str:
    path = account.folder.path
    root = account.options.root
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _counts(decision: Decision) -> str:
    counts = [f"{count:,} {status}" for status, count in decision.counts.items() if count]
    return f"{decision.planned:,} items planned: {', '.join(counts) or 'none run'}"


def _write_table(writer: Writer, decision: Decision) -> None:
    gated = [(verdict.slice, verdict) for verdict in decision.verdicts]
    shown = {(figures.key, figures.scope) for figures, _ in gated}
    plain = [
        (figures, None)
        for figures in sorted(decision.slices, key=_surely_low_first)
        if (figures.key, figures.scope) not in shown and figures.scope is None
    ]
    rows: list[tuple[SliceScore, GateVerdict | None]] = [*gated, *plain]
    if not rows:
        return
    confidence = round(200 * rows[0][0].confidence - 100)
    interval = f"{confidence} % interval"
    head = f"{'verdict':<13}{'score':>7}  {interval:<15}{'n':>7}{'unpars.':>8}{'errors':>7}  "
    writer.write_line(head + f"{'asked for':<11}slice", bold=True)
    for figures, verdict in rows[:ROWS]:
        decided = None if verdict is None else verdict.verdict
        writer.write_line(_row(figures, verdict), **_COLOURS.get(decided, {}))
    if len(rows) > ROWS:
        writer.write_line(f"… and {len(rows) - ROWS} more slices in verdicts.json")


def _surely_low_first(figures: SliceScore) -> tuple[float, str]:
    # By the upper end: a slice of one wrong item says less than one of thirty at a half.
    return (2.0 if figures.high is None else figures.high, figures.key)


def _row(figures: SliceScore, verdict: GateVerdict | None) -> str:
    word = "" if verdict is None else verdict.verdict.value
    score = "-" if figures.score is None else f"{100 * figures.score:.1f}"
    interval = ""
    if figures.low is not None and figures.high is not None:
        interval = f"{100 * figures.low:5.1f} – {100 * figures.high:5.1f}"
    return (
        f"{word:<13}{score:>7}  {interval:<15}{figures.scored:>7,}{figures.unparsable:>8,}"
        f"{figures.errors:>7,}  {_asked_for(verdict):<11}{printable(figures.title)}"
    )


def _asked_for(verdict: GateVerdict | None) -> str:
    if verdict is None:
        return ""
    gate = verdict.gate
    if gate.max_wrong is not None:
        return f"<= {gate.max_wrong} wrong"
    if gate.min is None and gate.max_drop is not None:
        return f"drop <= {100 * gate.max_drop:g}"
    if gate.min is None:
        return "exists"
    sign = ">=" if gate.rule == "point" else "low >="
    return f"{sign} {100 * gate.min:g}"


def _write_list(writer: Writer, lines: Sequence[str], *, most: int, mark: str) -> None:
    for line in lines[:most]:
        writer.write_line(f"{mark} {printable(line)}")
    if len(lines) > most:
        writer.write_line(f"{mark} … and {len(lines) - most} more in verdicts.json")
