"""The names scorers are known by, and a scorer with its options."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pytest_medbench.errors import nearest
from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Score
from pytest_medbench.suites import BoundScorer, Item, ScoreTable, Traits, explain

TEMPLATES = frozenset(
    {"choice", "multi", "yes_no", "number", "date", "weeks_days", "text", "json", "triage", "open"}
)


class NoOptions(BaseModel):
    """The options of a scorer that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ScoreFunction = Callable[[Item, Response, Any], "float | Score"]
InspectFunction = Callable[[Item, Any], Traits]
F = TypeVar("F", bound=ScoreFunction)


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    template: str
    options: type[BaseModel]
    function: ScoreFunction
    inspect: InspectFunction | None
    needs_judge: bool


_ENTRIES: dict[str, _Entry] = {}


def scorer(
    name: str,
    *,
    template: str = "open",
    options: type[BaseModel] = NoOptions,
    inspect: InspectFunction | None = None,
    needs_judge: bool = False,
) -> Callable[[F], F]:
    """Register a function as a scorer; to be used as a decorator.

    Parameters
    ----------
    name : str
        What `scorer = "…"` in a suite's `[score]` table says.
    template : str
        The prompt template of suites that name none: choice, multi, yes_no, number, date,
        weeks_days, text, json, triage or open.
    options : type of pydantic.BaseModel
        Reads the other keys of the `[score]` table; an instance of it is the function's third
        argument.
    inspect : callable, optional
        Checks an item's target when the suite is collected, ``(item, options) -> Traits``;
        raises ValueError that says key, value found, and what was expected.
    needs_judge : bool
        Whether its items are left to a judge.

    Raises
    ------
    ValueError
        If the name is taken by another function, or the template is unknown.
    """
    if template not in TEMPLATES:
        raise ValueError(
            f"template {template!r} of scorer {name!r} is unknown{nearest(template, TEMPLATES)}"
        )

    def register(function: F) -> F:
        known = _ENTRIES.get(name)
        if known is not None and _place(known.function) != _place(function):
            raise ValueError(
                f"scorer name {name!r} is taken by {'.'.join(_place(known.function))}; "
                "choose another"
            )
        _ENTRIES[name] = _Entry(name, template, options, function, inspect, needs_judge)
        return function

    return register


def _digest_of_file(path: str | None) -> str:
    try:
        return hashlib.sha256(Path(path or "").read_bytes()).hexdigest()
    except OSError:
        return "unknown"


def _place(function: ScoreFunction) -> tuple[str, str]:
    named: Any = function
    kind = type(function)
    return (
        getattr(named, "__module__", kind.__module__),
        getattr(named, "__qualname__", kind.__qualname__),
    )


def names() -> list[str]:
    """Give the registered names, sorted."""
    return sorted(_ENTRIES)


@dataclass(frozen=True, slots=True)
class _Bound:
    """A registered scorer with the options of one suite."""

    name: str
    template: str
    needs_judge: bool
    _options: BaseModel
    _function: ScoreFunction
    _inspect: InspectFunction | None

    @property
    def code(self) -> str:
        """The sha256 of the file that has a user's own scorer; empty for a built-in one."""
        if _place(self._function)[0].startswith("pytest_medbench."):
            return ""
        return _digest_of_file(inspect.getsourcefile(inspect.unwrap(self._function)))

    def inspect(self, item: Item) -> Traits:
        return Traits() if self._inspect is None else self._inspect(item, self._options)

    def score(self, item: Item, response: Response) -> Score:
        return _checked(self._function(item, response, self._options))


def bind(table: ScoreTable) -> BoundScorer:
    """Give the scorer a `[score]` table names, with its options.

    Raises
    ------
    ValueError
        If the scorer or an option is unknown or has a value it cannot have; names the nearest
        known spelling.
    """
    entry = _ENTRIES.get(table.scorer)
    if entry is None:
        hint = nearest(table.scorer, _ENTRIES) or "; known are " + ", ".join(names())
        raise ValueError(f"scorer {table.scorer!r} is unknown{hint}")
    given = table.options
    _check_keys(entry, given)
    try:
        options = entry.options.model_validate(given)
    except ValidationError as error:
        raise ValueError(f"scorer {entry.name!r}: {explain(error, entry.options)}") from error
    return _Bound(
        entry.name, entry.template, entry.needs_judge, options, entry.function, entry.inspect
    )


def _check_keys(entry: _Entry, given: Mapping[str, Any]) -> None:
    """Refuse keys the options do not have, also where a user's model would ignore them."""
    if entry.options.model_config.get("extra") == "allow":
        return
    fields = entry.options.model_fields
    known = [*fields, *(field.alias for field in fields.values() if field.alias)]
    for key in given:
        if key not in known:
            hint = nearest(key, known) or (
                "; known are " + ", ".join(known) if known else "; it has none"
            )
            raise ValueError(f"scorer {entry.name!r} has no option {key!r}{hint}")


def _checked(score: float | Score) -> Score:
    """Turn what a scorer gave into a Score whose numbers are in [0, 1]."""
    if not isinstance(score, Score):
        score = Score(_unit(score, "score"))
    elif score.cause is not None and score.value != 0:
        raise ValueError(f"score is {score.value!r} with cause {score.cause.value!r}, expected 0")
    else:
        _unit(score.value, "score")
    for name, part in score.parts.items():
        _unit(part, f"part {name!r}")
    return score


def _unit(value: object, what: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # a user's scorer may give anything
    except (TypeError, ValueError):
        raise TypeError(f"{what} is {value!r}, expected a number from 0 to 1") from None
    if math.isnan(number) or not 0 <= number <= 1:
        raise ValueError(f"{what} is {value!r}, expected a number from 0 to 1")
    return number
