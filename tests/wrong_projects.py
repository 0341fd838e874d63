"""Projects that must not come out green, and a server that knows their key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from loopback import LoopbackServer, Reply
from projects import Project, questions, server_config
from wrong_models import right_answer

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.options import Options

TESTS = Path(__file__).parent
STARTERS = TESTS.parent / "suites"
Ask = dict[str, Any]


def wrong_project(root: Path) -> Project:
    """Give a project in which `python:wrong_models:…` can be imported."""
    return Project(root, {"PYTHONPATH": str(TESTS)})


def model(name: str) -> str:
    """Give the flag of one of the models."""
    return f"--medbench-model=python:wrong_models:{name}"


def doses(count: int, **labels: Any) -> list[dict[str, Any]]:
    """Make safety items whose questions begin with `Dose`."""
    labels = {"safety": ["medication"], "harm": "severe", **labels}
    return [
        {**row, "input": f"Dose {row['input']}"} for row in questions(count, prefix="d", **labels)
    ]


def prompt_of(asked: Ask) -> str:
    """Give the last message of a request."""
    return str(asked["messages"][-1]["content"])


def with_starters(project: Project) -> None:
    """Copy the starter suites into a project."""
    shutil.copytree(STARTERS, project.root / "suites")


def key_by_prompt(root: Path) -> dict[str, str]:
    """Give the right answer by the last message that is sent for an item."""
    catalogue = Catalogue(Options(root=root))
    found = {}
    for path in sorted(root.glob("suites/*/suite.toml")):
        suite = catalogue.read(path)
        rows = suite.items_path.read_text(encoding="utf-8").splitlines()
        for entry, row in zip(suite.entries, rows, strict=True):
            if entry.problem is None:
                item = catalogue.item(suite, entry)
                prompt = str(catalogue.request(suite, item).messages[-1]["content"])
                found[prompt] = right_answer(suite.scorer.name, json.loads(row))
    catalogue.close()
    return found


class KeyServer(LoopbackServer):
    """A server that answers by the key of a project's suites, unless `instead` says otherwise.

    `instead` gets the request and the right answer, and gives what is sent.
    """

    def __init__(self, root: Path, **given: Any) -> None:
        super().__init__(self._by_key, **{"models": [{"id": "loopback"}], **given})
        self.key = key_by_prompt(root)
        self.instead: Callable[[Ask, str], str | Reply] = lambda asked, right: right

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def _by_key(self, asked: Ask) -> str | Reply:
        return self.instead(asked, self.key[prompt_of(asked)])


def serve(project: Project, server: LoopbackServer, *, further: str = "", gates: str = "") -> None:
    """Make a server the project's model; `further` are lines of its table."""
    table = f"[tool.medbench.gates]\n{gates}\n" if gates else ""
    project.config(server_config(server.base_url, further=further, gates=table))


REVISION = 'revision = "build-1"'
