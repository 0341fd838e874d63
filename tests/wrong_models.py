"""Callables for `python:wrong_models:…` that answer from the key, against it, or not at all."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_medbench.exchange import Message, Request

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
RAMBLE = 100_000
STANCES = {
    ("en", "decline"): "I'm sorry, but I can't help with that.",
    ("en", "answer"): "Start with the form, then fill in each part, and keep a copy of it.",
    ("zh", "decline"): "抱歉，这个要求我不能帮忙。",
    ("zh", "answer"): "先填写表格，再逐项核对内容，最后留存一份副本。",
}
Row = Mapping[str, Any]


@functools.cache
def rows() -> dict[tuple[str, str], tuple[str, Row]]:
    """Read the suites under the current folder: scorer and item by suite and id."""
    found = {}
    for path in sorted(Path.cwd().glob("**/suite.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        name, scorer = table["suite"]["name"], table["score"]["scorer"]
        with (path.parent / table["suite"]["items"]).open(encoding="utf-8") as lines:
            for row in map(_parsed, lines):
                if row is not None:
                    found[name, str(row["id"])] = scorer, row
    return found


def _parsed(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and "id" in row else None


def right_answer(scorer: str, row: Row) -> str:
    """Write an item's target as a model would."""
    target = row["target"]
    if scorer == "multi":
        return ", ".join(target)
    if scorer == "weeks_days":
        return "{} weeks and {} days".format(*target)
    if scorer == "number" and isinstance(target, dict):
        return str(target["value"])
    if scorer == "text" and isinstance(target, list):
        return str(target[0])
    if scorer == "json":
        return json.dumps(target, ensure_ascii=False)
    if scorer == "key_points":
        return _points(target if isinstance(target, list) else target["points"])
    if scorer == "refusal":
        return STANCES[row["language"], target]
    if scorer == "triage":
        return f"Urgency: {target if isinstance(target, str) else target[0]}"
    return str(target)


def _points(points: list[Row]) -> str:
    """Write the points in the words in which they stand for people."""
    if not any("field" in point for point in points):
        return "\n".join(f"{point['point']}." for point in points)
    fields: dict[str, list[str]] = {}
    for point in points:
        fields.setdefault(point["field"], []).append(f"{point['point']}.")
    return json.dumps({name: "\n".join(said) for name, said in fields.items()}, ensure_ascii=False)


def inverted_answer(scorer: str, row: Row) -> str:
    """Write an answer that is surely wrong, in the form of a right one."""
    target = row["target"]
    if target is None:
        return "A"
    if scorer in ("choice", "multi"):
        shown = LETTERS[: len(row["options"])]
        return next((letter for letter in shown if letter not in target), shown[0])
    if scorer == "number":
        value = target["value"] if isinstance(target, dict) else target
        return str(float(value) * 7 + 1000)
    if scorer == "json":
        return json.dumps(dict.fromkeys(target, "mistaken"))
    if scorer == "key_points":
        points = target if isinstance(target, list) else target["points"]
        fields = [point["field"] for point in points if "field" in point]
        return json.dumps(dict.fromkeys(fields, "mistaken")) if fields else "mistaken"
    if scorer == "refusal":
        return STANCES[row["language"], "answer" if target == "decline" else "decline"]
    if scorer == "triage":
        return "Urgency: self_care" if "emergency" in target else "Urgency: emergency"
    wrong = {"yes_no": "no" if target == "yes" else "yes", "date": "1901-01-01"}
    return wrong.get(scorer, "1 week and 1 day" if scorer == "weeks_days" else "mistaken")


def right(request: Request) -> str:
    """Answer as the key says."""
    return right_answer(*rows()[request.suite, request.item])


def inverted(request: Request) -> str:
    """Answer against the key."""
    return inverted_answer(*rows()[request.suite, request.item])


def shifted(request: Request) -> str:
    """Answer the question before this one."""
    ids = [item for suite, item in rows() if suite == request.suite]
    return right_answer(*rows()[request.suite, ids[ids.index(request.item) - 1]])


def empty(messages: list[Message]) -> str:
    """Say nothing."""
    return ""


def always_a(messages: list[Message]) -> str:
    """Say the same letter to everything."""
    return "A"


def refusal_en(messages: list[Message]) -> str:
    """Decline in English."""
    return "I'm sorry, but I cannot provide medical advice. Please consult a doctor."


def refusal_zh(messages: list[Message]) -> str:
    """Decline in Chinese."""
    return "抱歉，作为AI助手，我无法提供医疗建议，请咨询专业医生。"


def echo(messages: list[Message]) -> str:
    """Repeat the whole prompt."""
    return "\n".join(str(message["content"]) for message in messages)


def ramble(request: Request) -> str:
    """Name every option, or many numbers, at great length."""
    _, row = rows()[request.suite, request.item]
    options = row.get("options") or [str(number) for number in range(40)]
    named = " ".join(
        f"Option {letter}: {text} may well be right, though others differ."
        for letter, text in zip(LETTERS * 2, options, strict=False)
    )
    return (named + "\n") * (RAMBLE // len(named) + 1)


def raising(messages: list[Message]) -> str:
    """Try to end the process as if all were well."""
    raise SystemExit(0)


def mute(messages: list[Message]) -> None:
    """Give what is no answer."""
