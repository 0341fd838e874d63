"""What `medbench compare` gives out, as text for a person and as JSON."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pytest_medbench.report.changed_texts import read_texts
from pytest_medbench.report.changes import write_comparison
from pytest_medbench.report.comparison_files import document, to_bytes
from pytest_medbench.report.plain import printable
from pytest_medbench.report.writer import PlainWriter

if TYPE_CHECKING:
    from pytest_medbench.comparing import Compared, StoredRun

_WORDS = {0: "no drop shown", 1: "BLOCK", 10: "INCONCLUSIVE"}


def compared_json(compared: Compared, *, redact: bool = False) -> str:
    """Give what `comparison.json` would hold, with both runs."""
    texts = (
        {}
        if redact
        else read_texts(
            compared.comparison, compared.catalogue, compared.new.folder, compared.folder_of()
        )
    )
    whole = {
        **document(compared.comparison, texts, redact=redact),
        "old": _run(compared.old),
        "new": _run(compared.new),
        "notes": list(compared.notes),
        "exit_status": compared.exit_status,
    }
    return to_bytes(whole).decode()


def _run(run: StoredRun) -> dict[str, str]:
    return {"run": run.id, "model": run.model}


def compared_text(compared: Compared, *, redact: bool = False) -> str:
    """Give the slices, the items that got worse, and what follows from them."""
    file = io.StringIO()
    writer = PlainWriter(file)
    old, new = compared.old, compared.new
    writer.write_line(
        f"{printable(new.model, 80)} (run {printable(new.id, 80)}) against "
        f"{printable(old.model, 80)} (run {printable(old.id, 80)})"
    )
    write_comparison(writer, compared.comparison, redact=redact)
    for finding in compared.comparison.findings:
        word = "note" if finding.verdict is None else finding.verdict.value
        writer.write_line(f"{word}: {printable(finding.reason, 1000)}")
    for note in compared.notes:
        writer.write_line(f"note: {printable(note)}")
    writer.write_line(f"medbench compare: {_WORDS[compared.exit_status]}")
    return file.getvalue()
