"""Suites and runs written by others: bombs, pipes, ways out of the folder."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pytest_medbench import scorers
from pytest_medbench.errors import SuiteError
from pytest_medbench.few_shot import read_examples
from pytest_medbench.importers import ExportError, export_medbench_v4
from pytest_medbench.suites import Suite, read_suite
from pytest_medbench.suites.reading import is_suite_file
from pytest_medbench.taxonomy import load_taxonomy
from pytest_medbench.toml_text import MAX_TOML, TooDeepError, parse_toml

HEAD = '[suite]\nname = "s"\nitems = "{}"\n[score]\nscorer = "choice"\n{}'
GOOD = {"id": "q", "input": "Which?", "options": ["a", "b", "c"], "target": "B"}


def write(folder: Path, toml: str, items: bytes = b"") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "items.jsonl").write_bytes(items or json.dumps(GOOD).encode() + b"\n")
    path = folder / "suite.toml"
    path.write_text(toml, encoding="utf-8")
    return path


def read(path: Path) -> Suite:
    return read_suite(path, load_taxonomy(), scorers.bind)


def refused(path: Path) -> str:
    with pytest.raises(SuiteError) as caught:
        read(path)
    said = str(caught.value)
    assert len(said) < 3_000
    assert said.isprintable()
    return said


BOMBS = {
    "dotted key": "a." * 100_000 + "a = 1",
    "dotted header": "[" + "a." * 100_000 + "a]",
    "nested arrays": "a = " + "[" * 100_000,
    "nested tables": "a = " + "{a = " * 50_000,
    "deep and closed": "a = " + "[" * 500 + "]" * 500,
    "large number": "a = " + "9" * 100_000,
    "exponent": "correct_at = 1e999999",
    "impossible date": "a = 2026-02-30",
    "large key": "a" * 500_000 + " = 1",
    "control key": '"\\u001b]0;x\\u0007\\u202e" = 1\n[prompt]\n"\\u009b" = 1',
    "unclosed": 'a = """' + "x" * 500_000,
    "too large": "#" * (MAX_TOML + 1),
}


@pytest.mark.parametrize("name", BOMBS)
def test_toml_bomb_is_one_clear_error(tmp_path: Path, name: str) -> None:
    refused(write(tmp_path / "s", HEAD.format("items.jsonl", BOMBS[name] + "\n")))


@pytest.mark.parametrize(
    "name", ["dotted key", "dotted header", "nested arrays", "deep and closed"]
)
def test_depth_is_bounded_before_and_after_parsing(name: str) -> None:
    with pytest.raises(TooDeepError):
        parse_toml(BOMBS[name])


def test_toml_of_usual_depth_is_read() -> None:
    assert parse_toml("a.b.c = [[1, {d = 2}]]") == {"a": {"b": {"c": [[1, {"d": 2}]]}}}


BAD_LINES = {
    "deep": b'{"id": "x", "meta": ' + b"[" * 100_000,
    "deep and closed": b'{"id": "x", "meta": {"a":' + b"[" * 500 + b"]" * 500 + b"}}",
    "large number": b'{"id": "x", "input": "a", "target": ' + b"9" * 10_000 + b"}",
    "infinite": b'{"id": "x", "input": "a", "target": 1e999}',
    "NaN": b'{"id": "x", "input": "a", "target": NaN}',
    "half a surrogate": b'{"id": "x", "input": "\\ud800", "target": "A"}',
    "large target": b'{"id": "x", "input": "a", "target": "' + b"x" * 1_000_000 + b'"}',
    "large label": b'{"id": "x", "input": "a", "target": "A", "safety": ["'
    + b"x" * 99_000
    + b'"]}',
    "large key": b'{"id": "x", "' + b"x" * 99_000 + b'": 1}',
    "NUL": b'{"id": "x", "input": "a\0", "target": "A"}',
    "key twice": b'{"id": "x", "id": "y", "input": "a", "options": ["a", "b"], "target": "A"}',
    "UTF-16": '{"id": "x"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "too long": b'{"id": "' + b"x" * (17 * 1024 * 1024) + b'"}',
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_bad_line_is_named_and_the_good_ones_beside_it_count(tmp_path: Path, name: str) -> None:
    good = json.dumps(GOOD).encode()
    after = json.dumps({**GOOD, "id": "r"}).encode()
    items = b"\n".join([good, BAD_LINES[name].replace(b"\n", b" "), after, b""])
    suite = read(write(tmp_path / "s", HEAD.format("items.jsonl", ""), items))
    assert [entry.id for entry in suite.entries] == ["q", "line-2", "r"]
    problem = suite.entries[1].problem
    assert problem is not None
    assert "items.jsonl:2: " in problem
    assert len(problem) < 3_000
    assert problem.isprintable()


def outside(tmp_path: Path) -> dict[str, str]:
    """Give names of files that are no business of the suite in `tmp_path / "s"`."""
    folder = tmp_path / "s"
    folder.mkdir()
    secret = tmp_path / "secret.jsonl"
    secret.write_text(json.dumps(GOOD) + "\n")
    (folder / "link.jsonl").symlink_to(secret)
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    (folder / "device.jsonl").symlink_to("/dev/zero")
    (folder / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.jsonl")
    return {
        "dots": "../secret.jsonl",
        "absolute": str(secret),
        "link": "link.jsonl",
        "link to itself": "loop.jsonl",
        "through a linked folder": "up/secret.jsonl",
        "device": "device.jsonl",
        "absolute device": "/dev/zero",
        "pipe": "pipe.jsonl",
        "folder": ".",
        "NUL": "a\\u0000b",
        "long": "a" * 5_000,
    }


@pytest.mark.parametrize("key", ["items", "examples"])
def test_suite_reads_no_file_outside_its_folder(tmp_path: Path, key: str) -> None:
    for name in outside(tmp_path).values():
        if key == "items":
            said = refused(write(tmp_path / "s", HEAD.format(name, "")))
        else:
            prompt = f'[prompt]\nshots = 1\nexamples = "{name}"\n'
            suite = read(write(tmp_path / "s", HEAD.format("items.jsonl", prompt)))
            with pytest.raises(SuiteError) as caught:
                read_examples(suite)
            said = str(caught.value)
        assert "cannot be read" in said
        assert "Which?" not in said


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_suite_toml_that_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "suite.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    assert not is_suite_file(path)
    assert "cannot be read" in refused(path)


def test_example_line_that_is_too_long_is_not_held_whole(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s",
        HEAD.format("items.jsonl", '[prompt]\nshots = 1\nexamples = "shots.jsonl"\n'),
    )
    (tmp_path / "s" / "shots.jsonl").write_bytes(b"x" * (40 * 1024 * 1024))
    with pytest.raises(SuiteError, match=r"shots\.jsonl:1: the line is longer than 16777216 bytes"):
        read_examples(read(path))


def exportable(tmp_path: Path, *, path: Any = "s/suite.toml", **kept: Any) -> Path:
    """Make a run of one suite whose item says `kept` of the file it was imported from."""
    run = tmp_path / ".medbench" / "runs" / "one"
    run.mkdir(parents=True)
    meta = {
        "file": "a.jsonl", "row": 1, "rows": 1, "ending": "\n", "object": {"question": None},
        "sha256": hashlib.sha256(b"Which?").hexdigest(), **kept,
    }  # fmt: skip
    item = json.dumps({**GOOD, "meta": {"medbench_v4": meta}}).encode() + b"\n"
    toml = write(tmp_path / "s", HEAD.format("items.jsonl", ""), item)
    digest = hashlib.sha256(toml.read_bytes() + item).hexdigest()
    plan = {"suites": [{"name": "s", "path": path, "digest": digest}]}
    (run / "plan.json").write_text(json.dumps(plan))
    line = {"suite": "s", "id": "q", "status": "correct", "text": "=cmd|' /C calc'!A0"}
    (run / "journal-main.jsonl").write_text(json.dumps(line) + "\n")
    return run


def test_export_of_an_honest_suite_has_one_plain_member(tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    export_medbench_v4(exportable(tmp_path), out)
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["a.jsonl"]
        # JSON lines for the site, no table: a spreadsheet's formula is text like any other.
        assert json.loads(archive.read("a.jsonl"))["answer"] == "=cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    "kept",
    [
        {"file": "../a.jsonl"},
        {"file": "/etc/cron.d/a"},
        {"file": ".."},
        {"file": "a\\b"},
        {"file": "C:a"},
        {"file": "a\n.jsonl"},
        {"file": "a\x1b[31m"},
        {"file": ".bashrc"},
        {"file": "a" * 5_000},
        {"file": ["a"]},
        {"rows": 10**15},
        {"row": 0},
        {"row": 2},
        {"rows": 1e999},
        {"ending": '\n{"answer": "forged"}\n'},
        {"object": [1]},
    ],
)
def test_item_cannot_choose_what_is_written_where(tmp_path: Path, kept: dict[str, Any]) -> None:
    out = tmp_path / "out.zip"
    with pytest.raises(ExportError) as caught:
        export_medbench_v4(exportable(tmp_path, **kept), out)
    assert str(caught.value).isprintable()
    assert not out.exists()


@pytest.mark.parametrize("path", ["../../etc", "/etc", "a\0b", 7, None, ["s"]])
def test_plan_cannot_name_a_suite_outside_the_project(tmp_path: Path, path: Any) -> None:
    with pytest.raises(ExportError, match=r"lies outside|names no suites"):
        export_medbench_v4(exportable(tmp_path, path=path), tmp_path / "out.zip")
