"""Few-shot examples: read, and answered as the prompt asks."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pytest_medbench.errors import SuiteError
from pytest_medbench.suites import Item, Suite
from pytest_medbench.suites.entries import parse_item, read_lines
from pytest_medbench.suites.explaining import shortened
from pytest_medbench.suites.places import line_in
from pytest_medbench.suites.reading import file_inside

_YES_NO_ZH: Mapping[object, str] = MappingProxyType({"yes": "是", "no": "否", "maybe": "不确定"})
_URGENCY_ZH: Mapping[object, str] = MappingProxyType(
    {
        "emergency": "立即急诊",
        "urgent": "当天就诊",
        "routine": "预约门诊",
        "self_care": "居家处理",
    }
)
_SHOW_NO_ANSWER = frozenset({"key_points", "refusal", "judge"})
"""Scorers whose targets say how an answer is judged, and are none themselves."""
_WHOLE_ANSWERS = frozenset({"json", "open", "triage"})
"""Templates whose answers are not announced by `Answer:`."""


def read_examples(suite: Suite) -> Sequence[Item]:
    """Read the examples that a suite's `[prompt]` names.

    Returns
    -------
    sequence of Item
        The first `shots` of the file, in its order; none where no examples are asked for.

    Raises
    ------
    SuiteError
        If `examples` or `shots` is given alone, the scorer's targets are no answers that could be
        shown, the file cannot be read or lies outside the suite's folder, a line is no item with a
        target, there are too few, or an example is one of the items that are tested.
    """
    table = suite.spec.prompt
    if not table.examples and not table.shots and table.strategy != "few-shot":
        return ()
    if not table.examples or not table.shots:
        key = "examples" if table.examples else "shots" if table.shots else "strategy"
        message = 'few-shot prompts need both examples = "FILE" and shots = N in [prompt]'
        raise SuiteError(suite.path, line_in(suite.path, "prompt", key), message)
    if suite.scorer.name in _SHOW_NO_ANSWER:
        message = (
            f"examples = {shortened(repr(table.examples))}: a target of scorer "
            f"{suite.scorer.name!r} says how an answer is judged and is none that an example could "
            "show; take examples and shots out of [prompt], or show examples in its text"
        )
        raise SuiteError(suite.path, line_in(suite.path, "prompt", "examples"), message)
    try:
        path = file_inside(suite.path.parent, table.examples)
        with path.open("rb") as file:
            lines = [(number, line) for number, _, line in read_lines(file) if line.strip()]
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise SuiteError(
            suite.path,
            line_in(suite.path, "prompt", "examples"),
            f"examples = {shortened(repr(table.examples))} cannot be read: {said}",
        ) from error
    examples = [_example(suite, path, number, line) for number, line in lines]
    if len(examples) < table.shots:
        raise SuiteError(
            path, None, f"holds {len(examples)} examples; [prompt] shots = {table.shots}"
        )
    chosen = examples[: table.shots]
    _check_none_is_tested(suite, path, chosen)
    return chosen


def _check_none_is_tested(suite: Suite, path: Path, examples: Sequence[Item]) -> None:
    read = suite.reader()
    tested = {entry.id: entry for entry in suite.entries if entry.problem is None}
    try:
        for example in examples:
            entry = tested.get(example.id)
            if entry is not None and read(entry).input == example.input:
                raise SuiteError(
                    path,
                    None,
                    f"example {example.id!r} is an item of this suite: its answer would be shown "
                    "to the model; keep examples apart from items",
                )
    finally:
        read.close()


def _example(suite: Suite, path: Path, number: int, line: bytes) -> Item:
    try:
        example = parse_item(line)
        if example.target is None:
            raise ValueError("target = null: an example shows an answer")
        if not isinstance(example.input, str):
            raise ValueError("input: expected a text; an example cannot be a list of messages")
        suite.scorer.inspect(example)
    except ValueError as error:
        raise SuiteError(path, number, shortened(str(error))) from error
    return example


def answer_to(example: Item, template: str | None, language: str, strategy: str) -> str:
    """Write an example's target as its prompt asks for it.

    Parameters
    ----------
    example : Item
    template : str or None
        The built-in template that asks; None for a text of the suite's own.
    language : str
        The language of the prompt.
    strategy : str
        With `cot` the example's rationale comes first, then a line with the answer.
    """
    answer = _written(example.target, template, language)
    if strategy != "cot" or template is None:
        return answer
    if template not in _WHOLE_ANSWERS:
        answer = ("答案：" if language == "zh" else "Answer: ") + answer
    return f"{example.rationale}\n{answer}" if example.rationale else answer


def _written(target: Any, template: str | None, language: str) -> str:
    write = _WRITERS.get(template or "")
    if write is not None:
        return write(target, language)
    return target if isinstance(target, str) else json.dumps(target, ensure_ascii=False)


def _letters(target: Any, language: str) -> str:
    return ("," if language == "zh" else ", ").join(map(str, target))


def _weeks_days(target: Any, _: str) -> str:
    return "(" + ", ".join(map(str, target)) + ")"


def _date(target: Any, language: str) -> str:
    if language == "zh":
        return str(target)
    try:
        return datetime.date.fromisoformat(target).strftime("%m/%d/%Y")
    except (TypeError, ValueError):
        return str(target)


def _yes_no(target: Any, language: str) -> str:
    return _YES_NO_ZH.get(target, str(target)) if language == "zh" else str(target)


def _number(target: Any, _: str) -> str:
    return str(target["value"] if isinstance(target, dict) and "value" in target else target)


def _text(target: Any, _: str) -> str:
    return str(target[0] if isinstance(target, list) and target else target)


def _urgency(target: Any, language: str) -> str:
    level = _text(target, language)
    if language == "zh":
        return f"紧急程度：{_URGENCY_ZH.get(level, level)}"
    return f"Urgency: {level}"


_WRITERS: Mapping[str, Callable[[Any, str], str]] = MappingProxyType(
    {
        "multi": _letters,
        "weeks_days": _weeks_days,
        "date": _date,
        "yes_no": _yes_no,
        "number": _number,
        "text": _text,
        "triage": _urgency,
    }
)
