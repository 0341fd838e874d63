"""Says what is wrong with a value: key, value found, what was expected."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from pytest_medbench.errors import nearest

MOST_PROBLEMS = 5
LONGEST_MESSAGE = 2000
_SHOWN = 80

# Values come from hostile files: neither their depth nor their size may cost anything here.
_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = _SHOWN
_repr.maxlevel = 2


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say the problems of a validation as key, value found, what was expected."""
    problems = _without_alternatives(error.errors(include_url=False, include_context=True))
    said = [_say(problem, model) for problem in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        said.append(f"and {len(problems) - MOST_PROBLEMS} more")
    return "; ".join(said)


def shortened(message: str) -> str:
    """Cut a message at 2,000 characters: it may repeat a value of 16 MB."""
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"


def _say(problem: Any, model: type[BaseModel]) -> str:
    place = _short(".".join(str(part) for part in problem["loc"]))
    kind, message = problem["type"], problem["msg"]
    if kind == "extra_forbidden":
        known = _known_keys(model, problem["loc"][:-1])
        hint = nearest(str(problem["loc"][-1]), known) or "; known are " + ", ".join(known)
        return f"unknown key {place!r}{hint}"
    if kind == "missing":
        return f"key {place!r} is missing"
    if kind == "json_invalid":
        # The parser saw one line of the file and calls it the first.
        said = message.removeprefix("Invalid JSON: ").replace(" at line 1 column ", " at column ")
        return f"is not JSON: {said}"
    value = problem["input"]
    shown = _short(_repr.repr(value))
    message = message.removeprefix("Value error, ")
    if kind == "literal_error" and isinstance(value, str):
        message += nearest(value, re.findall(r"'([^']*)'", problem["ctx"]["expected"]))
    return f"{place + ' = ' if place else ''}{shown}: {message}"


def _without_alternatives(problems: Sequence[Any]) -> list[Any]:
    """Say `input` once, not once for each type it could have had."""
    kept = []
    said = False
    for problem in problems:
        if problem["loc"][:1] == ("input",) and len(problem["loc"]) > 1:
            if said:
                continue
            said = True
            expected = "expected a text or a list of chat messages"
            problem = {**problem, "loc": ("input",), "msg": expected}
        kept.append(problem)
    return kept


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _known_keys(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    for part in place:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field is not None else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
