"""Runs as their folders have them, written without running anything."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from projects import Project, Result

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.cli import main
from pytest_medbench.options import Options

Answers = Mapping[str, str | None]


def medbench(project: Project, *arguments: str | Path) -> Result:
    """Run the command in this process, in the project."""
    home = str(project.root / ".medbench")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main([*map(str, arguments), "--home", home])
    return Result(status, said.getvalue())


def store_run(
    project: Project,
    run: str,
    answers: Mapping[str, Answers] | None = None,
    *,
    selected: Mapping[str, list[str]] | None = None,
    model: str = "m",
    folder: Path | None = None,
    **settings: Any,
) -> Path:
    """Write a run of all suites; `answers` are the texts by suite and id, the key's if not given.

    None leaves the item without a response.
    """
    path = folder or project.root / ".medbench" / "runs" / run
    path.mkdir(parents=True)
    catalogue = Catalogue(Options(root=project.root))
    suites, lines = [], []
    for file in sorted((project.root / "suites").glob("*/suite.toml")):
        suite = catalogue.read(file)
        chosen = (selected or {}).get(suite.name)
        suites.append(
            {
                "name": suite.name,
                "version": "0",
                "path": str(file.relative_to(project.root)),
                "digest": suite.digest,
                "prompt_digest": catalogue.prompt_digest(suite),
                "scorer": suite.spec.score.model_dump(),
                "items": len(suite.entries),
                "planned": len(suite.entries if chosen is None else chosen),
                "selected": "all" if chosen is None else chosen,
            }
        )
        given = (answers or {}).get(suite.name, {})
        for entry in suite.entries:
            if chosen is not None and entry.id not in chosen:
                continue
            target = catalogue.item(suite, entry).target
            lines.append(_line(suite.name, entry.id, target, given.get(entry.id, target)))
    catalogue.close()
    values = {
        "sample": None,
        "seed": 0,
        "shard": None,
        "repeats": 1,
        "strict": False,
        "report_only": False,
        "allow_partial": False,
        "ci": False,
    }
    plan = {
        "format": 1,
        "planned": len(lines),
        "partial": None,
        "narrowed_by": [],
        "control": False,
        "model": {"name": model},
        "suites": suites,
        "gates": [],
        "settings": values | settings,
        "taxonomy": [],
        "versions": {},
        "commit": None,
    }
    (path / "plan.json").write_text(json.dumps(plan))
    (path / "journal-main.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ending = {"verdict": "PASS", "stopped": None, "exit_status": 0, "doubts": []}
    (path / "verdicts.json").write_text(json.dumps(ending))
    return path


def _line(suite: str, id_: str, target: str, text: str | None) -> dict[str, Any]:
    right = text is not None and text[:1] == target
    status = "error" if text is None else "correct" if right else "wrong"
    line = {
        "suite": suite,
        "id": id_,
        "sample": 0,
        "status": status,
        "score": None if text is None else float(right),
        "answer": None if text is None else text[:1],
        "reason": "no response" if text is None else None,
        "parts": {},
        "tries": 1,
        "asked_at": 1.0,
        "served_by": None,
        "scores": [],
    }
    return line if text is None else {**line, "text": text, "finish_reason": "stop"}
