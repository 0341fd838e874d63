"""Reads the JSON lines of the MedXpertQA repository: its own sets, MedQA, MedMCQA, MMLU."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import ascii_uppercase
from types import MappingProxyType
from typing import Any

from pytest_medbench.importers.answer_choices import split_choices
from pytest_medbench.importers.image_paths import read_image_paths
from pytest_medbench.importers.reading import Row, read_rows
from pytest_medbench.importers.writing import ITEMS_FILE, Report, SuiteWriter, is_item_id
from pytest_medbench.suites import SuiteFileModel

REPOSITORY = "https://github.com/TsinghuaC3I/MedXpertQA"
MOST_OPTIONS = 26

TASKS: Mapping[str, str] = MappingProxyType(
    {
        "medqa": "MedQA",
        "medmcqa": "MedMCQA",
        "mmlu-medical": "MMLU-medical",
        "medxpertqa-mm": "MedXpertQA-MM",
        "medxpertqa-text": "MedXpertQA-Text",
        "medxpertqa-sampled-mm": "MedXpertQA-MM",
        "medxpertqa-sampled-text": "MedXpertQA-Text",
    }
)

# Subjects of MedMCQA that are a clinical department; preclinical ones have no specialty.
SPECIALTIES: Mapping[str, str] = MappingProxyType(
    {
        "Anaesthesia": "anesthesiology",
        "Dental": "stomatology",
        "ENT": "otolaryngology",
        "Gynaecology & Obstetrics": "obstetrics_gynecology",
        "Medicine": "internal_medicine",
        "Ophthalmology": "ophthalmology",
        "Orthopaedics": "surgery/orthopedics",
        "Pediatrics": "pediatrics",
        "Psychiatry": "psychiatry",
        "Radiology": "medical_imaging",
        "Skin": "dermatology",
        "Surgery": "surgery",
    }
)
_ALIKE = "two of the options are the same; taken over without a score, the label is in meta"
_NOT_IN_META = frozenset({"id", "question", "options", "label", "images"})


def import_medxpertqa(source: Path, target: Path, *, force: bool = False) -> Report:
    """Write one suite from one file.

    Parameters
    ----------
    source : Path
        A `.jsonl` of the repository's shape: `question` that ends in `Answer Choices: (A) …`,
        `label` with one letter, and where there are any `id`, `options` and `images`.
    target : Path
        The folder for the suite's folder, which is named for the file.
    force : bool
        Whether a suite that is already there is replaced.

    Returns
    -------
    Report
        Nothing raises on the source's content. A row whose options cannot be read in exactly one
        way is a problem that names its line, and is not written. One with two options that are the
        same is a problem too; it is written with `"target": null`.
    """
    report = Report()
    slug = re.sub(r"[^a-z0-9.]+", "-", source.stem.lower().removesuffix("_input")).strip("-.")
    name = (slug or "medxpertqa")[:100]
    try:
        with SuiteWriter(target, name, force=force) as writer:
            has_images = False
            for row in read_rows(source, report):
                try:
                    fields = _item(row)
                    writer.add(fields)
                except ValueError as error:
                    report.add(source, row.line, str(error))
                    continue
                has_images = has_images or "images" in fields["meta"]
                if fields["target"] is None:
                    report.add(source, row.line, _ALIKE)
            if not writer.items:
                report.add(source, None, "no row could be taken over; no suite was written")
                return report
            report.written.append(writer.commit(_spec(name, source.name, has_images)))
            report.items = writer.items
    except (OSError, ValueError) as error:
        report.add(source, None, str(error))
    return report


def _item(row: Row) -> dict[str, Any]:
    value = row.value
    question = value.get("question")
    if not isinstance(question, str):
        raise ValueError("key 'question': expected text")
    stem, options = split_choices(question, _listed_options(value.get("options")))
    if not stem.strip():
        raise ValueError("key 'question': nothing stands before the answer choices")
    fields: dict[str, Any] = {
        "id": _id(row),
        "input": stem,
        "options": options,
        "target": _target(value.get("label"), options),
        "meta": {key: kept for key, kept in value.items() if key not in _NOT_IN_META},
    }
    if len({option.strip() for option in options}) < len(options):
        # Which of the two was meant cannot be known from a response that names the text.
        fields["meta"]["label"] = fields["target"]
        fields["target"] = None
    images = _images(value.get("images"))
    if images:
        fields["meta"]["images"] = images
    specialty = value.get("subject_name")
    if isinstance(specialty, str) and specialty in SPECIALTIES:
        fields["specialty"] = SPECIALTIES[specialty]
    return fields


def _id(row: Row) -> str:
    original = row.value.get("id")
    if original is None:
        return f"row-{row.line}"
    text = str(original)
    if isinstance(original, bool) or not isinstance(original, int | str) or not is_item_id(text):
        raise ValueError(f"id = {text[:80]!r}: expected 1 to 200 printable characters without '::'")
    return text


def _listed_options(listed: Any) -> list[str] | None:
    """Read `[{"letter": "A", "content": …}, …]`; None where the row lists none."""
    if listed is None:
        return None
    if not isinstance(listed, list) or not 2 <= len(listed) <= MOST_OPTIONS:
        raise ValueError("key 'options': expected a list of 2 to 26 options")
    contents: list[str] = []
    for letter, option in zip(ascii_uppercase, listed, strict=False):
        content = option.get("content") if isinstance(option, dict) else None
        if not isinstance(content, str) or not content.strip() or option.get("letter") != letter:
            raise ValueError(
                f'key \'options\': expected {{"letter": "{letter}", "content": text}} in place '
                f"{len(contents) + 1}"
            )
        contents.append(content)
    return contents


def _target(label: Any, options: list[str]) -> str:
    letters = ascii_uppercase[: len(options)]
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    if not isinstance(label, str) or len(label) != 1 or label not in letters:
        raise ValueError(f"label = {str(label)[:80]!r}: expected one letter, A to {letters[-1]}")
    return label


def _images(images: Any) -> list[str]:
    """Read `[{"image_path": …}, …]`."""
    if images is None:
        return []
    if not isinstance(images, list):
        raise ValueError("key 'images': expected a list")
    return read_image_paths(
        [image.get("image_path") if isinstance(image, dict) else image for image in images]
    )


def _spec(name: str, file: str, has_images: bool) -> SuiteFileModel:
    task = TASKS.get(name, name)
    return SuiteFileModel.model_validate(
        {
            "suite": {
                "name": name,
                "title": task + (" (sampled)" if "sampled" in name else ""),
                "track": "vlm" if has_images else "llm",
                "dimension": "medical_knowledge",
                "task": task,
                "language": "en",
                "licence": "MIT for the repository; the set's own terms hold",
                "source": f"{REPOSITORY}, {file}",
                "items": ITEMS_FILE,
            },
            "prompt": {"template": "choice"},
            "score": {"scorer": "choice"},
        }
    )
