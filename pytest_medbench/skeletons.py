"""Writes the skeleton of a suite: `suite.toml` with comments, and two items to be replaced."""

from __future__ import annotations

import json
import os
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pytest_medbench.errors import ConfigError, nearest
from pytest_medbench.lint.scoring import GRADED
from pytest_medbench.scorers import bind, names
from pytest_medbench.suites import SUITE_FILE, ScoreTable, SuiteTable

BUILT_IN = Path(__file__).with_name("skeletons.toml")
ITEMS_FILE = "items.jsonl"

_SUITE = """\
# Every key: docs/suites.md of pytest-medbench. Try it: medbench lint {folder}
[suite]
# unique among the suites of a run
name = "{name}"
# change it with every change of the items
version = "1"
title = "{title}"
description = "Two examples; no clinician has reviewed the items."
dimension = "{dimension}"
# default: the name
# task = "MedExam"
language = "{language}"
# under which others may use the items
licence = "CC-BY-4.0"
source = "written for this project"
items = "items.jsonl"

[prompt]
# default: the scorer's own
# template = "{template}"
# or cot: reason first, then a last line with the answer
strategy = "direct"
# of the answer; default: the model's
# max_tokens = 512

[score]
# {about}
scorer = "{scorer}"
# {rule_about}
group_rule = "{rule}"
{score}
[gates]
{gates}
"""
_GATES = """\
# `min` must be above what always the same answer reaches.
overall = 0.60
# "safety.medication" = 0.90
# "harm.death" = { max_wrong = 0 }"""
_GRADED_RULE = 'partial credit counts; with "all" an item is right from correct_at on, or wrong'
_NO_GATES = "# A judge's scores gate nothing yet."


@lru_cache(maxsize=1)
def _templates() -> dict[str, Any]:
    return tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))


def scorers() -> list[str]:
    """Give the scorers that there are skeletons for."""
    known = set(names())
    return [name for name in _templates() if name in known]


def write_skeleton(folder: Path, scorer: str = "choice", language: str = "en") -> list[Path]:
    """Write a new suite.

    Parameters
    ----------
    folder : Path
        Its folder, which must not exist yet; the last part is the suite's name.
    scorer : str
    language : {'en', 'zh'}

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ConfigError
        If the name cannot be a suite's, the folder exists, or there is no skeleton for the
        scorer.
    OSError
        If a file cannot be written.
    """
    known = scorers()
    if scorer not in known:
        hint = nearest(scorer, known) or "; there are " + ", ".join(known)
        raise ConfigError(f"--scorer {scorer}: there is no skeleton for it{hint}")
    name = folder.resolve().name
    _check_name(name)
    if os.path.lexists(folder):
        raise ConfigError(f"{folder}: exists already; give another name, or take it away")
    files = {
        SUITE_FILE: _suite(folder, name, scorer, language),
        ITEMS_FILE: _items(name, scorer, language),
    }
    folder.mkdir(parents=True)
    written = []
    for file, text in files.items():
        place = folder / file
        place.write_text(text, encoding="utf-8")
        written.append(place)
    return written


def _check_name(name: str) -> None:
    try:
        SuiteTable(name=name, items=ITEMS_FILE)
    except ValidationError:
        raise ConfigError(
            f"{name!r:.120} cannot be a suite's name; expected 1 to 100 of A–Z a–z 0–9 . _ -, "
            "starting with a letter or digit"
        ) from None


def _suite(folder: Path, name: str, scorer: str, language: str) -> str:
    template = _templates()[scorer]
    graded = scorer in GRADED
    return _SUITE.format(
        folder=json.dumps(str(folder), ensure_ascii=False)[1:-1],
        name=name,
        title=name.replace("-", " ").replace("_", " "),
        dimension=template["dimension"],
        language=language,
        template=_prompt(scorer),
        about=template["about"],
        scorer=scorer,
        rule_about=_GRADED_RULE if graded else "a group counts as right if all its members are",
        rule="mean" if graded else "all",
        score="".join(line + "\n" for line in template.get("score", ())),
        gates=_NO_GATES if scorer == "judge" else _GATES,
    )


def _prompt(scorer: str) -> str:
    return bind(ScoreTable(scorer=scorer)).template


def _items(name: str, scorer: str, language: str) -> str:
    lines: list[str] = []
    for number, item in enumerate(_templates()[scorer][language], 1):
        row = {"id": f"{name}-{number:03d}"} | item
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)
