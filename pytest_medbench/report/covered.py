"""The map of what suites cover, as text and as JSON."""

from __future__ import annotations

import json

from pytest_medbench.covering import Axis, Covered
from pytest_medbench.report.plain import printable
from pytest_medbench.report.writer import Writer

_COLUMNS = 3
_WIDTH = 44


def write_coverage(writer: Writer, covered: Covered) -> None:
    """Write a table for each axis, and then the holes."""
    writer.section("medbench: coverage", "=")
    writer.write_line(
        f"{len(covered.suites)} suites, {covered.questions:,} questions in {covered.items:,} "
        f"items; {covered.reviewed:,} items reviewed by a clinician, {covered.judged:,} for a "
        "judge only"
    )
    for axis in covered.axes:
        _write_axis(writer, axis)
    _write_holes(writer, covered)


def _write_axis(writer: Writer, axis: Axis) -> None:
    needed = max((cell.needed for cell in axis.cells), default=0)
    asked = f" (at least {needed:,} each)" if needed else ""
    writer.write_line("")
    writer.write_line(f"{axis.title}{asked}", bold=True)
    if axis.name == "secondary":
        # 91 lines say little; the holes below name each that is short.
        short = len(axis.holes)
        writer.write_line(f"  {len(axis.cells) - short} of {len(axis.cells)} covered")
        return
    cells = [
        f"{printable(cell.label, _WIDTH - 10):<{_WIDTH - 9}}{cell.count:>5,}"
        f"{' !' if cell.is_hole else '  '}"
        for cell in axis.cells
    ]
    for start in range(0, len(cells), _COLUMNS):
        writer.write_line(("  " + "  ".join(cells[start : start + _COLUMNS])).rstrip())


def _write_holes(writer: Writer, covered: Covered) -> None:
    writer.write_line("")
    for said in covered.broken:
        writer.write_line(f"cannot be read: {printable(said, 1000)}")
    if covered.unreadable:
        writer.write_line(
            f"{covered.unreadable:,} lines cannot be read and do not count; medbench lint says why"
        )
    if covered.unscored:
        writer.write_line(f"{covered.unscored:,} items without a target do not count")
    holes = covered.holes
    if not holes:
        writer.write_line("no hole")
        return
    writer.write_line(f"{len(holes):,} holes", bold=True)
    for axis, cell in holes:
        label = printable(cell.label)
        writer.write_line(f"  {axis:<13}{label}: {cell.count:,} of {cell.needed:,}")


def coverage_json(covered: Covered) -> str:
    """Give everything as JSON, ASCII only."""
    document = {
        "version": 1,
        "suites": covered.suites,
        "items": covered.items,
        "questions": covered.questions,
        "unscored": covered.unscored,
        "unreadable": covered.unreadable,
        "reviewed": covered.reviewed,
        "judged": covered.judged,
        "broken": covered.broken,
        "axes": {
            axis.name: {
                cell.label: {"count": cell.count, "needed": cell.needed} for cell in axis.cells
            }
            for axis in covered.axes
        },
        "holes": [
            {"axis": axis, "label": cell.label, "count": cell.count, "needed": cell.needed}
            for axis, cell in covered.holes
        ],
    }
    return json.dumps(document, indent=1) + "\n"
