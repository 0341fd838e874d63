"""The comparison with what was accepted, short, in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pytest_medbench.gates.regression import Comparison, ItemChange, SliceChange
from pytest_medbench.gates.rules import OVERALL
from pytest_medbench.gates.verdict import Verdict
from pytest_medbench.report.plain import printable
from pytest_medbench.report.writer import Writer

ROWS = 12
ITEMS = 10
_COLOURS: dict[Verdict | None, dict[str, bool]] = {
    Verdict.PASS: {"green": True},
    Verdict.BLOCK: {"red": True, "bold": True},
    Verdict.INCONCLUSIVE: {"yellow": True},
}


def write_comparison(writer: Writer, comparison: Comparison, *, redact: bool = False) -> None:
    """Write what changed: the slices, worst first, and the items that got worse.

    Parameters
    ----------
    writer : Writer
    comparison : Comparison
        Nothing is decided here.
    redact : bool
        Whether to leave the answers out.
    """
    if not comparison.against:
        return
    names = ", ".join(
        f"{printable(key, 80)} ({which})" for which, key in comparison.against.items()
    )
    writer.section(f"medbench: against {names}", "-")
    _write_slices(writer, comparison.slices, both=len(comparison.against) > 1)
    _write_items(writer, comparison.items, redact=redact)
    for kind, word in (("void", "void"), ("missing", "missing"), ("vanished", "vanished")):
        number = sum(len(each.groups) for each in comparison.left_out if each.kind == kind)
        if number:
            writer.write_line(f"- {number:,} groups {word}, and so no pairs")


def _write_slices(writer: Writer, rows: Sequence[SliceChange], *, both: bool) -> None:
    shown = [row for row in rows if row.family or row.gate or row.verdict]
    # The whole is never among what is left out.
    shown.sort(key=lambda row: row.key != OVERALL)
    if not shown:
        return
    head = f"{'verdict':<13}{'change':>9}  {'interval':<17}{'n':>7}{'lost':>6}{'gained':>7}  slice"
    writer.write_line(head, bold=True)
    for row in shown[:ROWS]:
        writer.write_line(_row(row, both=both), **_COLOURS.get(row.verdict, {}))
    if len(shown) > ROWS:
        writer.write_line(f"… and {len(shown) - ROWS} more slices in the run's folder")


def _row(row: SliceChange, *, both: bool) -> str:
    word = row.verdict.value if row.verdict is not None else "none shown"
    change = "-" if row.difference is None else f"{_arrow(row)} {100 * row.difference:+.1f}"
    interval = ""
    if row.low is not None and row.high is not None:
        interval = f"{100 * row.low:+6.1f} – {100 * row.high:+.1f}"
    title = row.key if row.scope is None else f"{row.key} of {row.scope}"
    title += f" ({row.which})" if both else ""
    if row.max_drop is not None:
        title += f", at most {100 * row.max_drop:g} lower"
    elif row.verdict is None and row.would_have_seen is not None:
        title += f", would have seen ≥ {100 * row.would_have_seen:.1f}"
    return (
        f"{word:<13}{change:>9}  {interval:<17}{row.pairs:>7,}{row.lost:>6,}{row.gained:>7,}  "
        f"{printable(title)}"
    )


def _arrow(row: SliceChange) -> str:
    """Point where the whole interval does."""
    if row.high is not None and row.high < 0:
        return "↓"
    return "↑" if row.low is not None and row.low > 0 else "="


def _write_items(writer: Writer, items: Sequence[ItemChange], *, redact: bool) -> None:
    kinds = Counter(item.kind for item in items)
    flips = sum(item.flip for item in items)
    if not items:
        writer.write_line("no item came out differently")
        return
    writer.write_line(
        f"{kinds['regression']:,} items got worse ({flips:,} safety flips), "
        f"{kinds['improvement']:,} better, {kinds['still wrong']:,} safety items still wrong"
    )
    worse = [item for item in items if item.kind == "regression"]
    for item in worse[:ITEMS]:
        colour = _COLOURS[Verdict.BLOCK] if item.blocks else {}
        writer.write_line(f"  {_item(item, redact=redact)}", **colour)
    if len(worse) > ITEMS:
        writer.write_line(f"  … and {len(worse) - ITEMS:,} more in the run's folder")


def _ends(item: ItemChange) -> tuple[str, str]:
    """Say what an item came to before and now, in words that differ."""
    was, now = item.was_answer or item.was_status, item.now_answer or item.now_status
    if was == now:
        # The first of several answers was the same.
        was, now = f"{was} ({item.was_score:.2f})", f"{now} ({item.now_score:.2f})"
    return was, now


def _item(item: ItemChange, *, redact: bool) -> str:
    text = f"{item.suite}::{item.id}"
    labels = [
        item.harm and f"harm {item.harm}",
        *item.safety,
        "must-pass" if item.must_pass else "",
    ]
    named = ", ".join(label for label in labels if label)
    if named:
        text += f" [{named}]"
    if not redact:
        text += ": {} → {}".format(*_ends(item))
    if item.note:
        text += f" ({item.note})"
    return printable(text)
