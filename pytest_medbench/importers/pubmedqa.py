"""Reads PubMedQA's labelled questions: yes, no or maybe from an abstract without its conclusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_medbench.importers.reading import parse_json
from pytest_medbench.importers.writing import ITEMS_FILE, Report, SuiteWriter, is_item_id
from pytest_medbench.suites import SuiteFileModel

ITEMS_NAME = "ori_pqal.json"
TEST_NAME = "test_ground_truth.json"
SUITE = "pubmedqa"
ANSWERS = ("yes", "no", "maybe")
MAX_FILE = 256 * 1024 * 1024


def import_pubmedqa(source: Path, target: Path, *, force: bool = False) -> Report:
    """Write the suite `pubmedqa`.

    Parameters
    ----------
    source : Path
        `ori_pqal.json`, or a folder that holds it, there or in `data`. Where
        `test_ground_truth.json` lies beside it only its items are taken, else all.
    target : Path
        The folder for the suite's folder.
    force : bool
        Whether a suite that is already there is replaced.

    Returns
    -------
    Report
        Nothing raises on the source's content.

    Notes
    -----
    The prompt is the reasoning-required setting: the abstract's sections without the conclusion,
    then the question. Jin et al., PubMedQA: A Dataset for Biomedical Research Question Answering,
    EMNLP 2019.
    """
    report = Report()
    path = _items_file(source)
    try:
        entries = _entries(path, report)
        if not entries:
            return report
        with SuiteWriter(target, SUITE, force=force) as writer:
            for pmid, fields in _items(path, entries, report):
                try:
                    writer.add(fields)
                except ValueError as error:
                    report.add(path, None, f"PMID {pmid[:80]}: {error}")
            if not writer.items:
                report.add(path, None, "no item could be taken over; no suite was written")
                return report
            report.written.append(writer.commit(_spec(path.with_name(TEST_NAME).is_file())))
            report.items = writer.items
    except OSError as error:
        report.add(path, None, str(error))
    return report


def _items_file(source: Path) -> Path:
    if not source.is_dir():
        return source
    places = (source / ITEMS_NAME, source / "data" / ITEMS_NAME)
    return next((place for place in places if place.is_file()), places[0])


def _entries(path: Path, report: Report) -> Mapping[str, Any]:
    """Give the entries to take over, by PMID."""
    entries = _read_mapping(path, report)
    test_path = path.with_name(TEST_NAME)
    if not entries or not test_path.is_file():
        return entries
    chosen = {}
    for pmid, label in _read_mapping(test_path, report).items():
        entry = entries.get(pmid)
        if not isinstance(entry, dict):
            report.add(test_path, None, f"PMID {pmid[:80]} is not in {path.name}")
        elif entry.get("final_decision") != label:
            report.add(
                test_path,
                None,
                f"PMID {pmid[:80]}: {label!r} here, final_decision = "
                f"{entry.get('final_decision')!r} in {path.name}; left out",
            )
        else:
            chosen[pmid] = entry
    return chosen


def _read_mapping(path: Path, report: Report) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise ValueError(f"is larger than {MAX_FILE} bytes")
        value = parse_json(data.removeprefix(b"\xef\xbb\xbf"))
        if not isinstance(value, dict):
            raise ValueError(f"expected a JSON object by PMID, found {type(value).__name__}")
        if not value:
            raise ValueError("holds no item")
    except OSError as error:
        report.add(path, None, f"cannot be read: {error.strerror}")
    except ValueError as error:
        report.add(path, None, str(error))
    else:
        return value
    return {}


def _items(
    path: Path, entries: Mapping[str, Any], report: Report
) -> Iterator[tuple[str, dict[str, Any]]]:
    for pmid, entry in entries.items():
        try:
            yield pmid, _item(pmid, entry)
        except ValueError as error:
            report.add(path, None, f"PMID {pmid[:80]}: {error}")


def _item(pmid: str, entry: Any) -> dict[str, Any]:
    if not is_item_id(pmid):
        raise ValueError("is no PMID")
    if not isinstance(entry, dict):
        raise ValueError(f"expected an object, found {type(entry).__name__}")
    question, contexts = entry.get("QUESTION"), entry.get("CONTEXTS")
    if not isinstance(question, str) or not question.strip():
        raise ValueError("key 'QUESTION': expected text")
    if not isinstance(contexts, list) or not contexts or not all(map(_is_text, contexts)):
        raise ValueError("key 'CONTEXTS': expected a list of texts")
    if entry.get("final_decision") not in ANSWERS:
        raise ValueError(
            f"final_decision = {entry.get('final_decision')!r}: expected yes, no or maybe"
        )
    kept = {"year": "YEAR", "mesh": "MESHES", "sections": "LABELS"}
    return {
        "id": pmid,
        "input": "\n\n".join([*contexts, f"Question: {question}"]),
        "target": entry["final_decision"],
        "source": f"PMID {pmid}",
        "meta": {ours: entry[theirs] for ours, theirs in kept.items() if theirs in entry},
    }


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _spec(is_test: bool) -> SuiteFileModel:
    return SuiteFileModel.model_validate(
        {
            "suite": {
                "name": SUITE,
                "version": "PQA-L",
                "title": "PubMedQA, " + ("expert-labelled test set" if is_test else "PQA-L, all"),
                "description": "Yes, no or maybe from an abstract; reasoning-required setting.",
                "track": "llm",
                "dimension": "literature_reasoning",
                "task": "PubMedQA",
                "language": "en",
                "licence": "MIT",
                "source": "https://github.com/pubmedqa/pubmedqa",
                "items": ITEMS_FILE,
            },
            "prompt": {"template": "yes_no"},
            "score": {"scorer": "yes_no"},
        }
    )
