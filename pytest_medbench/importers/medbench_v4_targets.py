"""MedBench v4's own way of writing answers, read into the form a scorer takes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pytest_medbench.importers.lettered import parse_lettered
from pytest_medbench.importers.medbench_v4_tasks import Task

_LETTERS = re.compile(r"<?\s?((?:[A-Z][\s,，、|]{0,3}){1,26})>?")
_LISTS = {
    "MedHG": re.compile(r"(?:有以下科室|科室列表)[：:]"),
    "MedIntentID": re.compile(r"(?:预定义的意图识别|意图列表)[：:]"),
}
_LIST_END = re.compile(r"[。\n]")
MOST_OPTIONS = 26


def read_options(task: Task, question: str) -> list[str] | None:
    """Give a choice question's options where its text holds them beyond doubt, else None."""
    if task.scorer not in ("choice", "multi"):
        return None
    named = _LISTS.get(task.name)
    if named is None:
        return parse_lettered(question)
    found = named.search(question)
    if found is None:
        return None
    listed = _LIST_END.split(question[found.end() :], maxsplit=1)[0]
    options = [option.strip() for option in listed.split("、")]
    whole = all(options) and len(set(options)) == len(options)
    return options if whole and 2 <= len(options) <= MOST_OPTIONS else None


def read_target(task: Task, answer: Any, options: Sequence[str] | None) -> Any:
    """Turn a filled `answer` into the target of the task's scorer.

    Parameters
    ----------
    task : Task
    answer : object
        As the line has it: text, a list or an object. Blank text and null mean that it is
        withheld.
    options : sequence of str or None

    Returns
    -------
    object
        None for a withheld answer; a letter for `choice`, a list of letters for `multi`, an
        object for `json`; for `judge` the answer as it is, as the reference.

    Raises
    ------
    ValueError
        If the answer has another form than the task's.
    """
    if answer is None or (isinstance(answer, str) and not answer.strip()):
        return None
    if task.scorer == "judge":
        return answer
    if task.scorer == "json":
        return _fields(answer)
    letters = _letters(answer, options)
    if task.scorer == "multi":
        return letters
    if len(letters) != 1:
        raise ValueError(f"answer = {_short(answer)}: expected one letter, found {len(letters)}")
    return letters[0]


def _fields(answer: Any) -> dict[str, Any]:
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"answer = {_short(answer)}: expected a JSON object") from error
    if not isinstance(answer, dict) or not answer:
        raise ValueError(f"answer = {_short(answer)}: expected a JSON object with fields")
    return answer


def _letters(answer: Any, options: Sequence[str] | None) -> list[str]:
    if options is None:
        raise ValueError(
            f"answer = {_short(answer)} cannot be checked: 2 to {MOST_OPTIONS} options could not "
            "be read from the question without doubt"
        )
    text = "|".join(map(str, answer)) if isinstance(answer, list) else str(answer)
    names = [part.strip() for part in re.split("[|、]", text.strip())]
    if all(name in options for name in names):
        letters = [chr(ord("A") + options.index(name)) for name in names]
    else:
        found = _LETTERS.fullmatch(text.strip())
        letters = [char for char in found[1] if char.isalpha()] if found else []
    known = [chr(ord("A") + index) for index in range(len(options))]
    if not letters or not set(letters) <= set(known) or len(set(letters)) < len(letters):
        raise ValueError(
            f"answer = {_short(answer)}: expected letters of the options A to {known[-1]}, "
            "each once, or options' texts separated by '|'"
        )
    return sorted(letters)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
