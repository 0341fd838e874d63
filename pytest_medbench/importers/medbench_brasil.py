"""Reads medbench-brasil: Brazil's medical licensing exams, a suite for each edition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import ascii_uppercase
from types import MappingProxyType
from typing import Any

from pytest_medbench.importers.reading import parse_json, read_rows
from pytest_medbench.importers.writing import ITEMS_FILE, Report, SuiteWriter
from pytest_medbench.suites import SuiteFileModel

FORMAT = "medbench-brasil"
QUESTIONS = ("packages", "dataset", "data")
RESULTS = "results"
MAX_FILE = 256 * 1024 * 1024

SPECIALTIES: Mapping[str, str] = MappingProxyType(
    {
        "cirurgia": "surgery",
        "clinica-medica": "internal_medicine",
        "ginecologia-obstetricia": "obstetrics_gynecology",
        "medicina-familia-comunidade": "general_practice",
        "pediatria": "pediatrics",
        "saude-publica": "preventive_medicine",
    }
)
_LEFT_OUT = (
    ("annulled", "was annulled by the examiners"),
    ("hasImage", "needs an image"),
    ("hasTable", "needs a table"),
)


def import_medbench_brasil(source: Path, target: Path, *, force: bool = False) -> Report:
    """Write one suite for each edition of an exam.

    Parameters
    ----------
    source : Path
        The repository's folder, or one edition's `.json`.
    target : Path
        The folder for the suites: `enamed-2025`, `revalida-2024-1` and so on.
    force : bool
        Whether suites that are already there are replaced.

    Returns
    -------
    Report
        Nothing raises on the source's content. Each question that the benchmark leaves out, since
        it was annulled or needs an image or a table, is a problem that names it.

    Notes
    -----
    The prompt is the one that was asked: the stem, a blank line, the options as `A) ...`; the
    system message is read from the raw responses beside the results, and left out without them.
    """
    report = Report()
    files = _files(source)
    if not files:
        report.add(source, None, f"no edition here; expected {'/'.join(QUESTIONS)}/EXAM/*.json")
    for path in files:
        try:
            _import_edition(path, source, target, report, force=force)
        except (OSError, ValueError) as error:
            report.add(path, None, str(error))
    return report


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises
    ------
    ValueError
        If it holds anything else, or is larger than 256 MiB.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ValueError(f"is larger than {MAX_FILE} bytes")
    value = parse_json(data)
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, found {type(value).__name__}")
    return value


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(source.joinpath(*QUESTIONS).glob("*/*.json"))


def _import_edition(path: Path, source: Path, target: Path, report: Report, *, force: bool) -> None:
    edition = read_object(path)
    name, questions = edition.get("id"), edition.get("questions")
    if not isinstance(name, str) or not isinstance(questions, list):
        raise ValueError("expected an edition with 'id', a text, and 'questions', a list")
    spec = _spec(name, edition, _system(source, name, report))
    with SuiteWriter(target, spec.suite.name, force=force) as writer:
        for number, question in enumerate(questions, 1):
            try:
                writer.add(_item(question, edition))
            except ValueError as error:
                report.add(path, None, f"{_named(question, number)}: {error}")
        if not writer.items:
            report.add(path, None, "no question could be taken over; no suite was written")
            return
        report.written.append(writer.commit(spec))
        report.items += writer.items


def _named(question: Any, number: int) -> str:
    name = question.get("id") if isinstance(question, dict) else None
    return name[:80] if isinstance(name, str) else f"question {number:,}"


def _item(question: Any, edition: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(question, dict):
        raise ValueError(f"expected an object, found {type(question).__name__}")
    for key, reason in _LEFT_OUT:
        if question.get(key):
            raise ValueError(f"{reason}; the benchmark does not ask it, it was left out")
    stem, target = question.get("stem"), question.get("correct")
    if not isinstance(stem, str) or not stem.strip():
        raise ValueError("key 'stem': expected text")
    options = _options(question.get("options"))
    letters = ascii_uppercase[: len(options)]
    if not isinstance(target, str) or len(target) != 1 or target not in letters:
        raise ValueError(f"correct = {str(target)[:80]!r}: expected one letter of {letters}")
    listed = [f"{letter}) {text}" for letter, text in zip(letters, options, strict=True)]
    labels = question.get("specialty")
    specialty = _specialty(labels)
    published = edition.get("publishedAt")
    return {
        "id": question.get("id"),
        "input": "\n".join([f"{stem}\n", *listed]),
        "options": options,
        "target": target,
        **({} if specialty is None else {"specialty": specialty}),
        **({"date": published} if isinstance(published, str) else {}),
        "meta": {"number": question.get("number"), "specialty": labels},
    }


def _options(value: Any) -> list[str]:
    if (
        not isinstance(value, dict)
        or not 2 <= len(value) <= len(ascii_uppercase)
        or list(value) != list(ascii_uppercase[: len(value)])
        or not all(isinstance(text, str) and text.strip() for text in value.values())
    ):
        raise ValueError("key 'options': expected texts by the letters A, B, ... in order")
    return list(value.values())


def _specialty(labels: Any) -> str | None:
    """Give the first of a question's specialties; all of them stay in `meta`."""
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError("key 'specialty': expected a list of texts")
    unknown = next((label for label in labels if label not in SPECIALTIES), None)
    if unknown is not None:
        known = ", ".join(SPECIALTIES)
        raise ValueError(f"specialty {unknown[:80]!r} is not known; expected one of {known}")
    return SPECIALTIES[labels[0]] if labels else None


def _system(source: Path, edition: str, report: Report) -> str | None:
    """Give the system message of the raw responses; None where there are none."""
    if not source.is_dir():
        return None
    # An edition's name is from a file: it is compared, and never made into a path.
    folders = [each for each in source.glob(f"{RESULTS}/*/") if each.name == edition]
    for path in sorted(raw for folder in folders for raw in folder.glob("*.raw.jsonl")):
        row = next(iter(read_rows(path, report)), None)
        text = None if row is None else next(_system_texts(row.value.get("requestParams")), None)
        if text:
            return text
    return None


def _system_texts(request: Any) -> Iterator[str]:
    """Find the system message in a request of any of the three APIs that were asked."""
    if not isinstance(request, dict):
        return
    said = [
        message for message in _dicts(request.get("messages")) if message.get("role") == "system"
    ]
    instructions = _dicts([request.get("systemInstruction")])
    parts = [part for each in instructions for part in _dicts(each.get("parts"))]
    found = [
        request.get("system"),
        *(message.get("content") for message in said),
        *(part.get("text") for part in parts),
    ]
    yield from (text for text in found if isinstance(text, str))


def _dicts(values: Any) -> list[dict[str, Any]]:
    every = values if isinstance(values, list) else []
    return [value for value in every if isinstance(value, dict)]


def _spec(name: str, edition: Mapping[str, Any], system: str | None) -> SuiteFileModel:
    source = edition.get("source")
    return SuiteFileModel.model_validate(
        {
            "suite": {
                "name": name,
                "version": str(edition.get("year", "0"))[:80],
                "title": f"{name}, text questions",
                "track": "llm",
                "dimension": "medical_knowledge",
                "task": name,
                "language": "pt",
                "licence": "Apache-2.0",
                "source": source if isinstance(source, str) else FORMAT,
                "items": ITEMS_FILE,
            },
            "prompt": {"text": "{input}", **({} if system is None else {"system": system})},
            # The published accuracy is the mean over all repeats of all questions.
            "score": {"scorer": "choice", "group_rule": "mean"},
        }
    )
