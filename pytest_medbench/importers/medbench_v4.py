"""Reads the official MedBench v4 download: a suite for each of its files."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

from pytest_medbench.importers.image_paths import read_image_paths
from pytest_medbench.importers.medbench_v4_targets import read_options, read_target
from pytest_medbench.importers.medbench_v4_tasks import DIMENSIONS, TASKS, Task
from pytest_medbench.importers.reading import Row, count_rows, read_rows
from pytest_medbench.importers.writing import ITEMS_FILE, Report, SuiteWriter, is_item_id
from pytest_medbench.suites import SuiteFileModel

FORMAT = "medbench-v4"
TRACKS = ("llm", "agent", "vlm")


def import_medbench_v4(source: Path, target: Path, *, force: bool = False) -> Report:
    """Write one suite for each file of the download.

    Parameters
    ----------
    source : Path
        The folder that holds `llm`, `agent` and `vlm`; one of these; or one `.jsonl` file.
    target : Path
        The folder for the suites, each in a folder of its own: `medbench-v4-medsafety` and so on.
    force : bool
        Whether suites that are already there are replaced.

    Returns
    -------
    Report
        Nothing raises on the source's content: what cannot be taken over is a problem that
        names file and line, and the rest is written.

    Notes
    -----
    The prompt is the question's text as it is. Rows whose ids repeat become `ID#1`, `ID#2`, … in
    the order of the file; in the single-choice sets, where they are one question with its options
    in other orders, they form a group. `meta.medbench_v4` keeps what the export needs to write
    the original line back. A blank answer is `"target": null`, and so is one that is not in the
    form of its task, which is a problem of the report too.
    """
    report = Report()
    files = _files(source)
    if not files:
        report.add(source, None, "no .jsonl file here; expected the folder with llm, agent, vlm")
    for path in files:
        task = TASKS.get(path.stem)
        if task is None:
            track = path.parent.name.lower()
            task = Task(_slug(path), track if track in TRACKS else "llm", "unmapped")
            report.add(
                path,
                None,
                f"task {path.stem!r} is not one this importer knows; it was taken over as open "
                "questions in the dimension 'unmapped': set dimension and scorer in its suite.toml",
            )
        try:
            _import_file(path, task, target, report, force=force)
        except (OSError, ValueError) as error:
            report.add(path, None, str(error))
    return report


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        return []
    folders = [folder for folder in sorted(source.iterdir()) if folder.name.lower() in TRACKS]
    return [path for folder in folders or [source] for path in sorted(folder.glob("*.jsonl"))]


def _import_file(path: Path, task: Task, target: Path, report: Report, *, force: bool) -> None:
    rows = _RowReader(path, task)
    with SuiteWriter(target, rows.suite, force=force) as writer:
        for row in read_rows(path, report):
            try:
                fields = rows.item(row)
                try:
                    gold = read_target(task, row.value["answer"], fields.get("options"))
                except ValueError as error:
                    # It stays, so that the export has all lines.
                    report.add(path, row.line, f"{error}; taken over without a score")
                    gold = None
                writer.add(fields | {"target": gold})
            except ValueError as error:
                report.add(path, row.line, str(error))
        if not writer.items:
            report.add(path, None, "no row could be taken over; no suite was written")
            return
        report.written.append(writer.commit(rows.spec()))
        report.items += writer.items


class _RowReader:
    """Turns the rows of one file into items; knows which ids repeat."""

    def __init__(self, path: Path, task: Task) -> None:
        self._file = path.name
        self._task = task
        self._rows = count_rows(path)
        scratch = Report()
        self._times = Counter(
            key for row in read_rows(path, scratch) if (key := _key(row.value)) is not None
        )
        self._seen: Counter[str] = Counter()
        self.suite = f"{FORMAT}-{_slug(path)}"

    def item(self, row: Row) -> dict[str, Any]:
        """Give an item's fields but for its target.

        Raises ValueError for a row that cannot be used.
        """
        question = row.value.get("question")
        if not isinstance(question, str) or not question.strip():
            raise ValueError("key 'question': expected the question's text")
        if "answer" not in row.value:
            raise ValueError("key 'answer' is missing; a withheld answer is \"\"")
        key = _key(row.value)
        if key is None:
            raise ValueError(
                'key \'other\': expected {"id": a number or text, "source": text}, both filled'
            )
        # Numbered before anything else can be wrong with the row: later rows keep their ids.
        identity = self._identity(key, row)
        options = read_options(self._task, question)
        fields: dict[str, Any] = {
            "input": question,
            "source": row.value["other"]["source"],
            "meta": self._meta(row),
        }
        if options is not None:
            fields["options"] = options
        return identity | fields

    def spec(self) -> SuiteFileModel:
        """Give the suite's table."""
        task = self._task
        dimension = DIMENSIONS.get(task.dimension, task.dimension)
        return SuiteFileModel.model_validate(
            {
                "suite": {
                    "name": self.suite,
                    "version": "v4",
                    "title": f"MedBench v4: {self._file.removesuffix('.jsonl')} ({dimension})",
                    "track": task.track,
                    "dimension": task.dimension,
                    "task": task.name,
                    "language": "zh",
                    "licence": "none stated",
                    "source": f"MedBench v4 download, {task.track}/{self._file}",
                    "items": ITEMS_FILE,
                },
                "prompt": {"text": "{input}"},
                "score": {"scorer": task.scorer, **task.options}
                | ({"group_rule": "all"} if task.permuted else {}),
            }
        )

    def _identity(self, key: str, row: Row) -> dict[str, Any]:
        if not is_item_id(key):
            return {"id": f"row-{row.line}"}
        if self._times[key] < 2 and not self._task.permuted:
            return {"id": key}
        self._seen[key] += 1
        number = self._seen[key]
        while f"{key}#{number}" in self._times:
            number += 1
            self._seen[key] = number
        item_id = f"{key}#{number}" if self._times[key] > 1 else key
        if not self._task.permuted:
            return {"id": item_id, "cluster": key}
        return {"id": item_id, "group": key, "variant": f"order-{number}"}

    def _meta(self, row: Row) -> dict[str, Any]:
        kept = {
            "file": self._file,
            "line": row.line,
            "row": row.number,
            "rows": self._rows,
            "ending": row.ending,
            "sha256": question_digest(row.value["question"]),
            # In the original order of its keys; the export fills these two in.
            "object": {
                name: None if name in ("question", "answer") else value
                for name, value in row.value.items()
            },
        }
        meta: dict[str, Any] = {"medbench_v4": kept}
        if "img_path" in row.value:
            meta["images"] = read_image_paths(row.value["img_path"])
        return meta


def _slug(path: Path) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower())[:80].strip("-._") or "file"


def question_digest(question: str) -> str:
    """Give the hash by which the export knows that a question is the original one."""
    return hashlib.sha256(question.encode()).hexdigest()


def _key(value: dict[str, Any]) -> str | None:
    """Give a row's id as text, or None where `other` lacks its id or source."""
    other = value.get("other")
    if not isinstance(other, dict):
        return None
    original, source = other.get("id"), other.get("source")
    if isinstance(original, bool) or not isinstance(original, int | str) or original == "":
        return None
    return str(original) if isinstance(source, str) and source else None
