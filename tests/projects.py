"""Projects for acceptance tests: suites on disk, models that know the key, the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUITE = """\
[suite]
name = "{name}"
items = "items.jsonl"
{suite}
[score]
scorer = "{scorer}"
{score}
[prompt]
max_tokens = 16
{prompt}
[gates]
{gates}
"""

# Answers as the key says, from the items' files beside it; `wrong` gives another letter.
KEY_MODEL = """
import json
import tomllib
from pathlib import Path

def _items():
    found = {}
    for path in Path(__file__).parent.glob("**/suite.toml"):
        try:
            name = tomllib.loads(path.read_text("utf-8", "replace"))["suite"]["name"]
        except (ValueError, KeyError):
            continue
        for line in (path.parent / "items.jsonl").read_text("utf-8", "replace").splitlines():
            try:
                item = json.loads(line)
                found.setdefault((name, item["id"]), item)
            except (ValueError, KeyError):
                continue
    return found

ITEMS = _items()

def _text(target):
    return json.dumps(target, ensure_ascii=False) if isinstance(target, dict) else str(target)

def right(request):
    return _text(ITEMS[request.suite, request.item]["target"])

def wrong(request):
    item = ITEMS[request.suite, request.item]
    letters = "ABCDEFGHIJ"[: len(item["options"])]
    return next(letter for letter in letters if letter != item["target"])

def empty(messages):
    return ""

def always_a(messages):
    return "A"

def refusal(messages):
    return "I'm sorry, but I cannot provide medical advice. Please consult a doctor."

def echo(messages):
    return messages[-1]["content"]

def ramble(request):
    options = ITEMS[request.suite, request.item].get("options") or ["one", "two"]
    named = " ".join(f"Option {letter} ({text}) may be right." for letter, text in
                     zip("ABCDEFGHIJ", options))
    return (named + " ") * (100_000 // len(named))
"""


@dataclass
class Result:
    """What a command came to."""

    status: int
    out: str

    def line(self, part: str) -> str:
        """Give the first line that holds a text."""
        return next((line for line in self.out.splitlines() if part in line), "")


@dataclass
class Project:
    """A user's project in a folder of its own."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> Path:
        """Write a file."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def config(self, text: str) -> None:
        """Write `medbench.toml`."""
        self.write("medbench.toml", text)

    def suite(
        self,
        items: Iterable[Mapping[str, Any] | str],
        *,
        name: str = "demo",
        scorer: str = "choice",
        suite: str = "",
        score: str = "",
        prompt: str = "",
        gates: str = "overall = 0.6",
    ) -> Path:
        """Write a suite; an item may be a raw line."""
        lines = [
            item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
            for item in items
        ]
        self.write(f"suites/{name}/items.jsonl", "".join(line + "\n" for line in lines))
        return self.write(
            f"suites/{name}/suite.toml",
            SUITE.format(
                name=name, scorer=scorer, suite=suite, score=score, prompt=prompt, gates=gates
            ),
        )

    def key_model(self) -> None:
        """Write `key.py` with callables that know the answers."""
        self.write("key.py", KEY_MODEL)

    def answer(self, **texts: str | None) -> str:
        """Write `model.py`, which knows the key but for these ids (None raises); give its name."""
        self.key_model()
        self.write(
            "model.py",
            f"import key\nTEXTS = {texts!r}\n\n"
            "def answer(request):\n"
            "    if request.item not in TEXTS:\n"
            "        return key.right(request)\n"
            "    if TEXTS[request.item] is None:\n"
            "        raise RuntimeError('no answer from this model')\n"
            "    return TEXTS[request.item]\n",
        )
        return "--medbench-model=python:model:answer"

    def run(self, *arguments: str, ci: bool = False) -> Result:
        """Run pytest in a process of its own."""
        return self.command("-m", "pytest", "-p", "no:randomly", *arguments, ci=ci)

    def command(self, *arguments: str, ci: bool = False) -> Result:
        """Run Python in a process of its own."""
        environ = {name: value for name, value in os.environ.items() if name != "CI"}
        environ |= {"COLUMNS": "120", **self.environ} | ({"CI": "true"} if ci else {})
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Result(done.returncode, done.stdout + done.stderr)

    def files(self, *folders: str) -> Iterator[tuple[Path, bytes]]:
        """Give every file under some folders with what it holds."""
        for folder in folders:
            for path in (self.root / folder).rglob("*"):
                if path.is_file():
                    yield path, path.read_bytes()

    def runs(self) -> list[Path]:
        """Give the runs' folders, oldest first."""
        return sorted((self.root / ".medbench" / "runs").glob("*/"))

    def verdicts(self) -> dict[str, Any]:
        """Read the last run's verdicts."""
        text = (self.runs()[-1] / "verdicts.json").read_text(encoding="utf-8")
        value: dict[str, Any] = json.loads(text)
        return value

    def journal(self) -> list[dict[str, Any]]:
        """Read the last run's outcomes, sorted by suite and id."""
        lines = [
            json.loads(line)
            for path in self.runs()[-1].glob("journal*.jsonl")
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        return sorted(lines, key=lambda line: (line["suite"], line["id"]))


def questions(count: int, *, prefix: str = "q", **labels: Any) -> list[dict[str, Any]]:
    """Make choice items whose key runs through the letters."""
    options = ["aspirin", "heparin", "insulin", "warfarin"]
    return [
        {
            "id": f"{prefix}{number:03}",
            "input": f"Question {number}: which one is meant?",
            "options": options,
            "target": "ABCD"[number % 4],
            **labels,
        }
        for number in range(count)
    ]


KEY = "--medbench-model=python:key:right"


def server_config(url: str, *, further: str = "", gates: str = "") -> str:
    """Give a `medbench.toml` for a model behind a URL."""
    return (
        f'[tool.medbench]\nmodel = "server"\n[tool.medbench.models.server]\nbase_url = "{url}"\n'
        f'model = "loopback"\n{further}\n{gates}'
    )


def answers(items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Give target by input."""
    return {str(item["input"]): str(item["target"]) for item in items}
