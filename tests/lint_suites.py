"""Small suites for the tests of the lint, and what it finds in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_medbench.lint import Finding, Linted, lint
from pytest_medbench.taxonomy import load_taxonomy

SUITE = """\
[suite]
name = "{name}"
licence = "CC-BY-4.0"
items = "items.jsonl"
{suite}
[prompt]
{prompt}
[score]
scorer = "{scorer}"
{score}
[gates]
{gates}
"""
STEMS = [
    "Which electrolyte falls first in prolonged vomiting of gastric juice?",
    "A child of four has a barking cough at night. What is the likeliest cause?",
    "Which nerve is at risk in a fracture of the humeral shaft?",
    "Where is iron mainly taken up in the gut?",
    "Which cell makes antibodies once it has matured?",
    "Which valve lies between the left atrium and the left ventricle?",
]


def clean(number: int = 0, **more: Any) -> dict[str, Any]:
    """Give an item that breaks no rule."""
    row: dict[str, Any] = {
        "id": f"i{number}",
        "input": STEMS[number % len(STEMS)],
        "options": [f"{word} {number}" for word in ("alder", "beech", "cedar", "maple")],
        "target": "ABCD"[number % 4],
        "specialty": "general_practice",
        "source": "A textbook, 2nd edition (2020), chapter 3",
        "rationale": "Because it is so.",
    }
    row.update(more)
    return {key: value for key, value in row.items() if value is not ...}


def write(
    folder: Path,
    items: Iterable[Mapping[str, Any] | str],
    *,
    name: str = "demo",
    scorer: str = "choice",
    suite: str = "",
    prompt: str = "",
    score: str | None = None,
    gates: str = "",
) -> Path:
    """Write a suite; an item may be a raw line, and partial credit counts where there is some."""
    if score is None:
        score = 'group_rule = "mean"' if scorer in ("json", "key_points") else ""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    lines = [
        item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items
    ]
    (place / "items.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    text = SUITE.format(
        name=name, scorer=scorer, suite=suite, prompt=prompt, score=score, gates=gates
    )
    path = place / "suite.toml"
    path.write_text(text, encoding="utf-8")
    return path


def linted(*paths: Path, rules: Sequence[str] = (), advice: bool = True) -> Linted:
    """Lint some suites."""
    return lint(paths, load_taxonomy(), rules, advice=advice)


def found(
    folder: Path, items: Iterable[Mapping[str, Any] | str], **suite: Any
) -> dict[tuple[str, str], list[Finding]]:
    """Lint a suite of these items; give what is not waived, by rule and level."""
    listed: dict[tuple[str, str], list[Finding]] = {}
    for finding in linted(write(folder, items, **suite)).findings:
        if not finding.waived:
            listed.setdefault((finding.rule, finding.level), []).append(finding)
    return listed


def rules(folder: Path, *items: Mapping[str, Any] | str, **suite: Any) -> set[tuple[str, str]]:
    """Lint a suite of these items; give the rules that are broken, with their levels."""
    return set(found(folder, items, **suite))
