"""Text of models, servers and suites on its way to a person: nothing in it works."""

from __future__ import annotations

import json
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from loopback import LoopbackServer, Reply, error_reply
from projects import Project, Result, questions, server_config

from pytest_medbench.exchange import Response
from pytest_medbench.report.plain import printable, printable_lines
from pytest_medbench.runs import read_journal
from pytest_medbench.scorers.grading import served_by

EVIL = {
    "colour": "\x1b[31m",
    "link": "\x1b]8;;http://evil.test\x07here\x1b]8;;\x07",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "eight-bit sequence": "\x9b31m\x9d0;title\x9c",
    "carriage return": "FAILED\rPASSED",
    "backspace": "no\b\bok",
    "NUL": "a\x00b",
    "delete": "a\x7fb",
    "override": "a\u202eb\u202c",
    "isolate": "a\u2066b\u2069",
    "marks of direction": "\u200e\u200f\u061c",
    "zero width": "pa\u200bss\u200c\u200d\u2060\ufeff",
    "tags": "ok\U000e0041\U000e0042\U000e007f",
    "variation selectors": "ok\ufe01\U000e0101\U000e01ef",
    "fillers": "\u115f\u1160\u3164\uffa0",
    "separators": "a\u2028b\u2029c\u0085d\ve\ff",
    "half a surrogate": "a\ud800b",
    "private and unassigned": "\ue000\U0010ffff\ufffe",
}
ALL = " ".join(EVIL.values()) + " ]]> <b a='1'>&entity; =1+1|a **b** [x](javascript:1)"
UNSEEN = {chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x115F, 0x3164)}


def is_harmless(text: str) -> bool:
    return all(line.isprintable() and not UNSEEN.intersection(line) for line in text.split("\n"))


@pytest.mark.parametrize("name", EVIL)
def test_printable_text_shows_what_was_there(name: str) -> None:
    shown = printable(EVIL[name])
    assert is_harmless(shown)
    assert "\\" in shown


@given(st.text(st.characters()), st.integers(1, 300))
@example("\ud800", 10)
def test_printable_text_has_no_character_that_acts(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert is_harmless(shown)
    shown.encode()
    categories = {unicodedata.category(char) for char in shown}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert len(shown) <= 10 * limit


@given(st.text(st.sampled_from("aé中 …😀e\u0301"), max_size=50))
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@given(st.lists(st.text(st.characters(exclude_characters="\n")), max_size=5))
def test_lines_stay_lines(lines: list[str]) -> None:
    shown = printable_lines("\n".join(lines), 10_000)
    assert shown.split("\n") == [printable(line, 10_000) for line in lines] or not lines


@pytest.mark.parametrize("name", EVIL)
def test_what_a_server_says_it_is_fits_on_a_line(name: str) -> None:
    said = served_by(Response("A", model="m" + EVIL[name], system_fingerprint="f" * 10_000))
    assert said is not None
    assert said.isprintable()
    said.encode()
    assert len(said) <= 401


def answer(asked: dict[str, Any]) -> Reply:
    text = str(asked["messages"][-1]["content"])
    replies = {
        "Question 0:": Reply(text="B " + ALL, model="m" + ALL, system_fingerprint=ALL),
        "Question 1:": error_reply(400, message=ALL, code=ALL),
        "Question 2:": Reply(status=500, body=ALL.replace("\ud800", "")),
        "Question 3:": Reply(body={"choices": [], "error": {"message": ALL}}),
        "Question 4:": Reply(text=ALL, finish_reason=ALL),
        "Question 5:": Reply(body="[" * 100_000),
        "Question 6:": Reply(
            body=_completion('"tool_calls": ' + '[{"a":' * 400 + "1" + "}]" * 400)
        ),
        "Question 7:": Reply(body=_completion('"x": ' + "9" * 4_000)),
        "named": Reply(text=ALL),
    }
    return next((reply for key, reply in replies.items() if key in text), Reply(text="A"))


def _completion(further: str) -> str:
    return '{"choices": [{"message": {"content": "D", ' + further + "}}]}"


def hostile(root: Path, url: str) -> Project:
    project = Project(root)
    project.config(server_config(url, gates='[tool.medbench.gates]\n"task.*" = 0.5\n'))
    items: list[Any] = questions(10)
    items[0]["must_pass"] = items[4]["must_pass"] = True
    items += [
        '{"id": "x", "input": "a", "target": "A", "\\u001b[31m\\u202e": 1}',
        '{"id": "a\\u001b]0;x", "input": "a", "target": "A"}',
        '{"id": "y", "input": "a", "target": "A", "specialty": "\\u009b31m"}',
        '{"id": "z", "input": "a", "target": {"\\u202e": 1}, "options": ["a", "b"]}',
        '{"id": "w", "input": [' + "[" * 100_000,
        '{"id": "v", "input": "a", "target": ' + "9" * 5_000 + "}",
    ]
    project.suite(items, gates="", suite='title = "\\u001b[31m\\u202e"')
    text = {"id": "t", "input": "named", "target": "insulin", "must_pass": True, "task": "甲 <b>"}
    project.suite([text], name="text", scorer="text", gates="")
    return project


@pytest.fixture(scope="module", params=["0", "2"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    models = [{"id": "loopback"}, {"id": ALL}]
    with LoopbackServer(answer, models=models) as server:
        project = hostile(tmp_path_factory.mktemp("hostile"), server.base_url)
        result = project.run(
            "suites", "-vv", "-rA", "--tb=long", "--showlocals", "--color=no", "-n", request.param,
            "--medbench-max-tries=2", "--junitxml=junit.xml", "--log-file=log.txt",
            "--log-level=DEBUG", "-o", "junit_logging=all",
        )  # fmt: skip
    return project, result


def test_terminal_shows_hostile_text_and_obeys_none_of_it(ran: tuple[Project, Result]) -> None:
    project, result = ran
    assert result.status == 1, result.out
    assert is_harmless(result.out)
    assert "INTERNALERROR" not in result.out
    assert is_harmless((project.root / "log.txt").read_text(encoding="utf-8"))


def test_every_hostile_item_has_its_own_end(ran: tuple[Project, Result]) -> None:
    project, _ = ran
    statuses = {line["id"]: line["status"] for line in read_journal(project.runs()[-1])}
    broken = {f"line-{number}" for number in range(11, 17)}
    errors = {"q001", "q002", "q003", "q005", "q006"}
    assert {id_ for id_, status in statuses.items() if status == "error"} == errors | broken
    assert statuses["q007"] == "correct"
    assert statuses["q000"] == "unparsable"
    assert len(statuses) == 17
    assert project.verdicts()["planned"] == 17


def test_junit_file_is_valid_for_hostile_text(ran: tuple[Project, Result]) -> None:
    project, _ = ran
    path = project.root / "junit.xml"
    root = ET.parse(path).getroot()  # noqa: S314 - ours
    assert len(root.findall("testsuite/testcase")) >= 17
    assert is_harmless("".join(root.itertext()))
    assert all(is_harmless(value) for each in root.iter() for value in each.attrib.values())


def test_journal_holds_the_answer_as_it_came(ran: tuple[Project, Result]) -> None:
    project, _ = ran
    (line,) = [line for line in read_journal(project.runs()[-1]) if line["id"] == "t"]
    # UTF-8 has no half surrogates; everything else is there, escaped as JSON escapes it.
    assert line["text"] == ALL.replace("\ud800", "?")
    for path, data in project.files(".medbench/runs"):
        if path.suffix in (".json", ".jsonl"):
            assert b"\x1b" not in data
            assert b"\0" not in data
    assert json.dumps(project.verdicts())
