"""Key points that overlap, stand in the stem, or cannot be met."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_medbench.answers import normalise
from pytest_medbench.exchange import Response
from pytest_medbench.lint.model import Finding, Row
from pytest_medbench.lint.registry import item_rules
from pytest_medbench.lint.texts import count_han, count_words, holds

Point = Mapping[str, Any]

_MET = 1.0
# A longer stem brings a record to be summarised, and names what an answer has to.
_RECORD_WORDS = 80
_RECORD_HAN = 160
_SHOWN = 60


@item_rules(
    {
        "points-overlap": "two key points that the same words meet",
        "point-in-stem": "a key point that the question itself already states",
        "point-unmet": "a key point that nothing meets, or not its own text",
        "points-too-long": "key points that cannot all be met, or not in the length that is read",
        "field-not-asked": "a field of the target that neither stem nor prompt asks for",
    }
)
def key_points(row: Row) -> Iterator[Finding]:
    """Check the target of one key-point or JSON item by the scorer itself."""
    if row.suite.scorer.name == "json":
        yield from _fields_of_json(row)
    if row.suite.scorer.name != "key_points" or row.item.target is None:
        return
    points = points_of(row.item.target)
    yield from _fields(row, [point["field"] for point in points if point.get("field")])
    stated = [_statement(row, point) for point in points]
    for point, said in zip(points, stated, strict=True):
        yield from _reachable(row, point, said)
    usable = [(point, said) for point, said in zip(points, stated, strict=True) if said is not None]
    for index, one in enumerate(usable):
        for other in usable[index + 1 :]:
            yield from _overlap(row, one, other)
    if len(usable) == len(points) and not _meets(row, points, _answer(usable)):
        yield row.error(
            "points-too-long",
            "an answer that states every point and no more does not meet them all: it is longer "
            "than max_length, or one point undoes another; raise the limit or drop a point",
        )


def _statement(row: Row, point: Point) -> str | None:
    """Give the shortest text that meets a point: its own, or one made of an alias."""
    own = str(point.get("point", ""))
    for said in (own, *_made(point)):
        if _meets(row, [point], _answer([(point, said)])):
            return said
    return None


def _made(point: Point) -> Iterator[str]:
    """Make a sentence of each alias, with the first of each list beside it and the number."""
    beside = [str(aliases[0]) for aliases in point.get("with", ()) if aliases]
    number = point.get("number")
    if isinstance(number, dict):
        beside.append(f"{number.get('value')} {number.get('unit', '')}".strip())
    for alias in point.get("any") or [""]:
        said = " ".join([str(alias), *beside]).replace("*", "").strip()
        if not point.get("negated"):
            yield said
        else:
            yield ("无" if count_han(said) else "no ") + said
            yield ("不要" if count_han(said) else "do not ") + said


def _reachable(row: Row, point: Point, said: str | None) -> Iterator[Finding]:
    if said is None:
        yield row.error(
            "point-unmet",
            f"the point {_said(point)} is met neither by its own text nor by any of its aliases; "
            "mend the aliases",
        )
        return
    if said != point.get("point"):
        yield row.advice(
            "point-unmet",
            f"the point {_said(point)} is not met by its own text, so that an answer in those "
            "words does not count; reword it, or add the alias it uses",
        )
    if _meets(row, [point], row.stem):
        yield row.error(
            "point-in-stem",
            f"the point {_said(point)} is met by repeating the stem; narrow its aliases, or ask "
            "for something else",
        )
    elif _is_bare(point) and not point.get("negated") and not _is_record(row):
        for alias in point["any"]:
            if holds(row.normal_stem, normalise(str(alias).rstrip("*"))):
                yield row.advice(
                    "point-in-stem",
                    f"the alias {str(alias)[:_SHOWN]!r} of the point {_said(point)} stands in the "
                    "question; an answer that only speaks of it may meet the point, so add `with`",
                )
                return


def _is_record(row: Row) -> bool:
    """Tell whether a stem is so long that it brings the text that an answer is to be taken from."""
    return count_han(row.stem) > _RECORD_HAN or count_words(row.stem) > _RECORD_WORDS


def _overlap(row: Row, first: tuple[Point, str], second: tuple[Point, str]) -> Iterator[Finding]:
    """Say whether one thing said earns both of two points."""
    one, other = first[0], second[0]
    if one.get("field") != other.get("field"):
        return
    shared = _aliases(one) & _aliases(other) if _is_bare(one) and _is_bare(other) else set()
    if shared and one.get("negated", False) == other.get("negated", False):
        yield row.error(
            "points-overlap",
            f"{min(shared)[:_SHOWN]!r} alone meets both {_said(one)} and {_said(other)}; take it "
            "out of one, or add `with`",
        )
        return
    by_other = _meets(row, [one], _answer([second]))
    by_one = _meets(row, [other], _answer([first]))
    if by_one and by_other:
        yield row.error(
            "points-overlap",
            f"the points {_said(one)} and {_said(other)} are each met by the other's text, so that "
            "one statement counts twice; join them, or narrow one",
        )
    elif by_one or by_other:
        wide, narrow = (one, other) if by_other else (other, one)
        yield row.advice(
            "points-overlap",
            f"whoever states the point {_said(narrow)} has stated {_said(wide)}, too; narrow the "
            "latter, or join them",
        )


def _is_bare(point: Point) -> bool:
    """Tell whether an alias alone meets a point."""
    return bool(point.get("any")) and not point.get("with") and not point.get("number")


def _aliases(point: Point) -> set[str]:
    return {normalise(str(alias)) for alias in point.get("any", ())}


def points_of(target: Any) -> list[Point]:
    """Give the points of a target, which may be a list or an object."""
    listed = target.get("points", []) if isinstance(target, dict) else target
    return [point for point in listed or [] if isinstance(point, dict)]


def _answer(stated: Sequence[tuple[Point, str]]) -> str:
    """Write an answer that states points, as JSON where they name fields."""
    if not any(point.get("field") for point, _ in stated):
        return "\n".join(said for _, said in stated)
    fields: dict[str, list[str]] = {}
    for point, said in stated:
        fields.setdefault(str(point.get("field") or "_"), []).append(said)
    return json.dumps({key: "\n".join(said) for key, said in fields.items()}, ensure_ascii=False)


def _meets(row: Row, points: Sequence[Point], text: str) -> bool:
    """Have the scorer itself say whether a text meets all of some points."""
    target = row.item.target
    part = {**target, "points": list(points)} if isinstance(target, dict) else list(points)
    item = row.item.model_copy(update={"target": part})
    return row.suite.scorer.score(item, Response(text)).value >= _MET


def _fields_of_json(row: Row) -> Iterator[Finding]:
    target = row.item.target
    prompt = row.suite.spec.prompt
    # A built-in template lists the fields itself.
    if isinstance(target, dict) and prompt.text is not None and "{fields}" not in prompt.text:
        yield from _fields(row, list(target))


def _fields(row: Row, fields: Sequence[str]) -> Iterator[Finding]:
    prompt = row.suite.spec.prompt
    shown = normalise("\n".join([row.stem, prompt.text or "", prompt.system or ""]))
    for field in dict.fromkeys(map(str, fields)):
        if normalise(field) not in shown:
            yield row.error(
                "field-not-asked",
                f"the target has the field {field[:_SHOWN]!r}, which neither stem nor prompt asks "
                "for; ask for it by that name",
            )


def _said(point: Point) -> str:
    said = str(point.get("point", ""))
    return repr(said if len(said) <= _SHOWN else said[: _SHOWN - 1] + "…")
