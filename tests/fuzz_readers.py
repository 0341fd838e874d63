"""The readers of files and of servers' bodies, as targets of the fuzzing."""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fuzz_targets import ITEMS, Target, decoded

from pytest_medbench import gates
from pytest_medbench.exchange import Response
from pytest_medbench.importers import IMPORTERS, export_medbench_v4
from pytest_medbench.importers.answer_choices import MARKER, split_choices
from pytest_medbench.importers.image_paths import read_image_paths
from pytest_medbench.importers.lettered import parse_lettered
from pytest_medbench.importers.reading import parse_json
from pytest_medbench.models import completions
from pytest_medbench.options import read_options
from pytest_medbench.prompts import Prompter
from pytest_medbench.runs import list_runs, read_journal, read_plan, read_verdicts
from pytest_medbench.scorers import bind, grade
from pytest_medbench.shards import read_outcomes, read_shard
from pytest_medbench.suites import read_suite
from pytest_medbench.suites.places import line_of, line_of_syntax_error
from pytest_medbench.suites.reading import is_suite_file
from pytest_medbench.taxonomy import load_taxonomy

SUITE = '[suite]\nname = "s"\nitems = "items.jsonl"\n[score]\nscorer = "{}"\n{}'
SHOTS = '[prompt]\nexamples = "examples.jsonl"\nshots = 1\n'
ITEM = {"id": "q", "input": "Which?", "target": "B", "options": ["a", "b", "c"]}
TAXONOMY = load_taxonomy()


@functools.cache
def scratch() -> Path:
    """Give a folder that is gone when the process ends; in memory where there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder in it
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _folder(name: str) -> Path:
    folder = scratch() / name
    folder.mkdir(exist_ok=True)
    return folder


def _read(folder: Path) -> None:
    """Read a suite and make the prompts of all its items; what is read can be scored."""
    path = folder / "suite.toml"
    is_suite_file(path)
    suite = read_suite(path, TAXONOMY, bind)
    for gate in gates.parse_gates(suite.spec.gates, str(path), scope=suite.name):
        assert gate.place
    prompter = Prompter(suite)
    prompter.digest()
    reader = suite.reader()
    try:
        for entry in suite.entries[:3]:
            if entry.problem is None:
                item = reader(entry)
                completions.encode({"messages": prompter.request(item).messages})
                grade(suite, item, Response('B, 5 mg, {"dose": 5}, 2026-03-05, yes'))
            else:
                assert all(map(str.isprintable, entry.problem.split("\n"))), entry.problem
                assert len(entry.problem) < 20_000
    finally:
        reader.close()


def _suite_toml(data: bytes) -> None:
    folder = _folder("toml")
    (folder / "suite.toml").write_bytes(data)
    (folder / "items.jsonl").write_text(json.dumps(ITEM) + "\n")
    _read(folder)


def _items(scorer: str, shots: str = "", file: str = "items.jsonl") -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        folder = _folder(f"{file}-{scorer}")
        (folder / "suite.toml").write_text(SUITE.format(scorer, shots))
        (folder / "items.jsonl").write_text(json.dumps(ITEM) + "\n")
        (folder / file).write_bytes(data)
        _read(folder)

    return run


def _taxonomy(data: bytes) -> None:
    path = scratch() / "taxonomy.toml"
    path.write_bytes(data)
    load_taxonomy([path])


def _options(data: bytes) -> None:
    folder = _folder("options")
    (folder / "medbench.toml").write_bytes(data)
    config: Any = SimpleNamespace(
        rootpath=folder,
        getoption=lambda name: [] if name.rpartition("_")[2] in _LABELS else None,
    )
    found = read_options(config)
    gates.parse_gates(found.gates, found.place, scope=None)


_LABELS = ("specialty", "safety", "task", "track")


def _places(data: bytes) -> None:
    text = decoded(data)
    line_of(text, "suite", "items")
    line_of_syntax_error(text, ValueError(text[:200]))


def _completion(data: bytes) -> None:
    """Read a body as a completion, as an error and as a listing, as the server's client does."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    found = completions.read(body, 0.1)
    if isinstance(found, Response):
        completions.encode({"text": found.text, "calls": [dict(c) for c in found.tool_calls]})
    completions.error_text(body)
    completions.is_filtered(body)
    entries, _ = completions.listing(body)
    for entry in entries:
        kept = completions.lasting(entry, decoded(data)[:100])
        json.dumps(kept, sort_keys=True)


def _retry_after(data: bytes) -> None:
    completions.retry_after({"retry-after": decoded(data)})
    completions.lasting({"id": "m"}, decoded(data))


def _run_folder(file: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        home = _folder(f"home-{file}")
        folder = home / "runs" / "one"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in _RUN.items():
            (folder / name).write_bytes(data if name == file else text)
        list_runs(home)
        read_plan(folder)
        read_verdicts(folder)
        for _ in read_journal(folder):
            pass
        shard = read_shard(folder)
        assert shard is not None
        for outcome in read_outcomes(shard):
            assert outcome.suite + outcome.id

    return run


_PLAN = {
    "format": 1, "narrowed_by": [], "control": False, "model": {"name": "m"}, "suites": [],
    "gates": [], "taxonomy": [], "versions": {}, "commit": None, "planned": 1,
    "settings": {"sample": None, "seed": 0, "shard": [1, 2], "strict": False,
                 "report_only": False, "allow_partial": False, "ci": False},
}  # fmt: skip
_LINE = {
    "suite": "s", "id": "q", "status": "correct", "score": 1.0, "answer": "A", "reason": None,
    "parts": {}, "tries": 1, "asked_at": 1.0, "served_by": None, "text": "A",
}  # fmt: skip
_RUN = {
    "plan.json": json.dumps(_PLAN).encode(),
    "verdicts.json": b'{"stopped": null, "doubts": [], "verdict": "PASS", "exit_status": 0}',
    "journal-main.jsonl": json.dumps(_LINE).encode() + b"\n",
}


def _imported(name: str, file: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        folder = _folder(f"import-{name}")
        (folder / file).write_bytes(data)
        report = IMPORTERS[name](folder / file, folder / "out", force=True)
        for problem in report.problems[:5]:
            assert len(str(problem)) < 20_000

    return run


def _export(data: bytes) -> None:
    """Export items of unknown origin, and the plan and the journal that go with them."""
    root = _folder("export")
    run, suite = root / ".medbench" / "runs" / "one", root / "s"
    for folder in (run, suite):
        folder.mkdir(parents=True, exist_ok=True)
    text = SUITE.format("judge", "")
    (suite / "suite.toml").write_text(text)
    (suite / "items.jsonl").write_bytes(data)
    digest = hashlib.sha256(text.encode() + data).hexdigest()
    plan = {"suites": [{"name": "s", "path": "s/suite.toml", "digest": digest}]}
    (run / "plan.json").write_text(json.dumps(plan))
    (run / "journal-main.jsonl").write_bytes(_RUN["journal-main.jsonl"] + data)
    out = root / "out.zip"
    export_medbench_v4(run, out, allow_missing=True)
    with zipfile.ZipFile(out) as archive:
        for name in archive.namelist():
            assert re.fullmatch(r"[\w .()+-]+", name), name
            assert not name.startswith("."), name


def _exported_item() -> bytes:
    kept = {
        "file": "a.jsonl", "row": 1, "rows": 2, "ending": "\n", "object": {"question": None},
        "sha256": hashlib.sha256(b"Which?").hexdigest(),
    }  # fmt: skip
    item = {"id": "q", "input": "Which?", "target": None, "meta": {"medbench_v4": kept}}
    return json.dumps(item).encode() + b"\n"


def readers() -> list[Target]:
    """Give every reader."""
    value_error = (ValueError,)
    # A file of 100 kB may be 20,000 lines that are all wrong, each with a message of its own.
    file = functools.partial(Target, seconds=0.5)
    runs = [
        file(f"run.{name}", "json", _run_folder(name), seeds=(text,)) for name, text in _RUN.items()
    ]
    items = [file(f"items.{name}", "lines", _items(name)) for name in sorted(ITEMS)]
    imports = [
        file("import.medbench-v4", "lines", _imported("medbench-v4", "MedSafety.jsonl")),
        file("import.medxpertqa", "lines", _imported("medxpertqa", "medqa.jsonl")),
        file("import.pubmedqa", "json", _imported("pubmedqa", "ori_pqal.json")),
    ]
    return [
        file("suite.toml", "toml", _suite_toml),
        *items,
        file("examples", "lines", _items("choice", SHOTS, "examples.jsonl")),
        file("taxonomy", "toml", _taxonomy),
        file("options", "toml", _options),
        file("places", "toml", _places),
        Target("completion", "json", _completion),
        Target("retry-after", "text", _retry_after),
        *runs,
        *imports,
        file("export", "lines", _export, seeds=(_exported_item(),)),
        Target("image-paths", "text", lambda data: read_image_paths(decoded(data)), value_error),
        Target("lettered", "text", lambda data: parse_lettered(decoded(data))),
        Target("choices", "text", lambda data: split_choices(MARKER + decoded(data)), value_error),
        Target("parse-json", "json", parse_json, value_error),
    ]
