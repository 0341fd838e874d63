"""Writes a run's answers back as the lines MedBench v4's site takes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pytest_medbench.errors import MedbenchError
from pytest_medbench.importers.medbench_v4 import question_digest
from pytest_medbench.importers.writing import Report
from pytest_medbench.runs import read_journal, read_plan
from pytest_medbench.suites import SUITE_FILE, Item, explain
from pytest_medbench.suites.reading import file_inside, read_spec
from pytest_medbench.suites.schema import MAX_LINE

_NAMED = 20
# Items are written by others: what they say becomes the name of a member of an archive, and the
# number of lines to look for.
_FILE_NAME = re.compile(r"(?!\.)[\w .()+-]{1,100}")
_MOST_ROWS = 10_000_000
_ENDINGS = ("", "\n", "\r\n")


class ExportError(MedbenchError):
    """A run that cannot be exported."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of an original file, without its answer."""

    suite: str
    id: str
    row: int
    rows: int
    ending: str
    question: str
    kept: Mapping[str, Any]


def export_medbench_v4(run_folder: Path, out: Path, *, allow_missing: bool = False) -> Report:
    """Write a submission: the original lines with `answer` filled, zipped.

    Parameters
    ----------
    run_folder : Path
        `.medbench/runs/<id>`; its suites of other origin are left out.
    out : Path
        The zip file; replaced if it exists. The same run gives the same bytes. Files keep their
        names; where the run holds several tracks each has its folder, as the site takes one zip
        a track.
    allow_missing : bool
        Whether items without an answer leave their line's answer blank and become problems of
        the report.

    Raises
    ------
    ExportError
        If the run holds no suite of MedBench v4, a suite changed since the run or cannot be read,
        or items have no answer and `allow_missing` is not set.
    """
    files = _collect(run_folder)
    answers = _answers(run_folder, {line.suite for lines in files.values() for line in lines})
    report = Report()
    texts = {}
    for name, lines in sorted(files.items()):
        _note_rows_never_imported(name, lines, report)
        texts[name] = b"".join(_filled(name, line, answers, report) for line in lines)
        report.items += len(lines)
    if report.problems and not allow_missing:
        raise ExportError(
            f"{len(report.problems) + report.omitted} lines have no answer; run again until each "
            "has one, or allow missing ones, which leaves them blank:\n"
            + "\n".join(map(str, report.problems[:_NAMED]))
            + ("\n…" if len(report.problems) > _NAMED else "")
        )
    _write_zip(out, texts)
    report.written.append(out)
    return report


def _collect(run_folder: Path) -> dict[str, list[_Line]]:
    """Give the lines of each original file, in its order."""
    # <root>/.medbench/runs/<id>
    root = run_folder.resolve().parent.parent.parent
    found: dict[tuple[str, str], list[_Line]] = {}
    for name, folder, digest in _planned(run_folder, root):
        track, items = _read_suite(folder, digest)
        for item in items:
            kept = item.meta.get("medbench_v4")
            if isinstance(kept, dict) and isinstance(item.input, str):
                found.setdefault((track, str(kept.get("file"))), []).append(
                    _line(folder, name, item, kept)
                )
    if not found:
        raise ExportError(
            f"{run_folder}: the run holds no suite that was imported from MedBench v4"
        )
    several = len({track for track, _ in found}) > 1
    return {
        (f"{track}/{file}" if several else file): sorted(lines, key=lambda line: line.row)
        for (track, file), lines in found.items()
    }


def _planned(run_folder: Path, root: Path) -> Iterator[tuple[str, Path, str]]:
    """Give name, folder and digest of each suite of a run's plan."""
    suites = read_plan(run_folder).get("suites")
    for suite in suites if isinstance(suites, list) else [None]:
        keys = ("name", "path", "digest")
        values = [suite.get(key) if isinstance(suite, dict) else None for key in keys]
        if not all(isinstance(value, str) and "\0" not in value for value in values):
            raise ExportError(f"{run_folder}: its plan names no suites; the run is damaged")
        name, path, digest = map(str, values)
        place = root / path
        if not place.resolve().is_relative_to(root):
            raise ExportError(
                f"{run_folder}: its plan names the suite {path!r}, which lies outside {root}; "
                "export where the suites were run"
            )
        yield name, place.parent if place.name == SUITE_FILE else place, digest


def _line(folder: Path, suite: str, item: Item, kept: Mapping[str, Any]) -> _Line:
    question = str(item.input)
    try:
        if kept["sha256"] != question_digest(question):
            raise ValueError("the question is not the original one")
        if not _FILE_NAME.fullmatch(kept["file"]):
            raise ValueError(f"{kept['file']!r} is no file's name")
        if not 1 <= int(kept["row"]) <= int(kept["rows"]) <= _MOST_ROWS:
            raise ValueError("its row is none of the file's")
        if kept["ending"] not in _ENDINGS:
            raise ValueError(f"{kept['ending']!r} is no line's end")
        return _Line(
            suite=suite,
            id=item.id,
            row=int(kept["row"]),
            rows=int(kept["rows"]),
            ending=kept["ending"],
            question=question,
            kept=dict(kept["object"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ExportError(
            f"{folder}: item {item.id!r} was changed after its import: {error}; import it again, "
            "and run it"
        ) from error


def _read_suite(folder: Path, digest: str) -> tuple[str, Iterator[Item]]:
    """Give a suite's track and its items; raises where it is not the one that ran."""
    spec, text = read_spec(folder / SUITE_FILE)
    state = hashlib.sha256(text.encode())
    try:
        path = file_inside(folder, spec.suite.items)
        with path.open("rb") as file:
            while piece := file.read(MAX_LINE):
                state.update(piece)
    except (OSError, ValueError) as error:
        raise ExportError(f"{folder}: the suite cannot be read: {error}") from error
    if state.hexdigest() != digest:
        raise ExportError(
            f"{folder}: the suite was changed since the run, so its answers may belong to other "
            "questions; run it again"
        )
    return spec.suite.track, _items(path)


def _items(path: Path) -> Iterator[Item]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip() and len(line) <= MAX_LINE:
                try:
                    yield Item.model_validate_json(line.removeprefix(b"\xef\xbb\xbf"))
                except ValidationError as error:
                    raise ExportError(f"{path}:{number}: {explain(error, Item)}") from error


def _answers(run_folder: Path, suites: set[str]) -> dict[tuple[str, str], str]:
    """Give the first sample's answer of each item."""
    answers: dict[tuple[str, str], str] = {}
    for record in read_journal(run_folder):
        key = record.get("suite"), record.get("id"), record.get("text")
        if not all(isinstance(part, str) for part in key):
            continue
        suite, item, text = map(str, key)
        if suite not in suites or record.get("sample", 0) != 0:
            continue
        if record.get("status") not in ("error", "skipped") and text.strip():
            # As in the verdict, the first response counts.
            answers.setdefault((suite, item), text)
    return answers


def _note_rows_never_imported(name: str, lines: list[_Line], report: Report) -> None:
    here = {line.row for line in lines}
    for row in range(1, max(line.rows for line in lines) + 1):
        if row not in here:
            report.add(Path(name), row, "this row was not imported; see the import's report")


def _filled(
    name: str, line: _Line, answers: Mapping[tuple[str, str], str], report: Report
) -> bytes:
    answer = answers.get((line.suite, line.id), "")
    if not answer:
        report.add(Path(name), line.row, f"item {line.id!r} of {line.suite} has no answer")
    filled = dict(line.kept) | {"question": line.question, "answer": answer}
    text = json.dumps(filled, ensure_ascii=False) + line.ending
    # Half a surrogate pair has no UTF-8; as an escape it is still JSON.
    return text.encode("utf-8", "backslashreplace")


def _write_zip(out: Path, texts: Mapping[str, bytes]) -> None:
    descriptor, part = tempfile.mkstemp(prefix=".export-", suffix=".zip", dir=out.parent)
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name, text in texts.items():
                entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                entry.create_system = 3
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, text)
        Path(part).chmod(0o644)
        Path(part).replace(out)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
