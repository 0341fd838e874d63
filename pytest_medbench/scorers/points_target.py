"""The targets of `key_points`: points with their terms, checked as the suite is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from pytest_medbench.answers.mentions import prepared_alias
from pytest_medbench.answers.points import Amount, Point
from pytest_medbench.answers.units import known_units, parse_unit
from pytest_medbench.errors import nearest
from pytest_medbench.suites import explain
from pytest_medbench.suites.explaining import shortened

MOST_POINTS = 50
_EXPECTED = 'a list of points, or {"points": […], "max_length": 200}'


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a text")
    return text


def _alias(text: str) -> str:
    if not prepared_alias(text)[0]:
        raise ValueError("expected a term of letters, digits or signs")
    return text


_Text = Annotated[str, AfterValidator(_said)]
_Alias = Annotated[str, AfterValidator(_alias)]
_Aliases = Annotated[tuple[_Alias, ...], Field(min_length=1)]


class NumberModel(BaseModel):
    """A point's `number`.

    Parameters
    ----------
    value : float
    unit : str
        Such as `mg`, `mg/kg/d`, `次/分`; "" for a bare number or a score.
    tolerance : float
        Relative to `value`, 0 to 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float = Field(strict=True, allow_inf_nan=False)
    unit: str
    tolerance: float = Field(0.0, ge=0, le=1)

    @field_validator("unit")
    @classmethod
    def _known(cls, unit: str) -> str:
        try:
            parse_unit(unit)
        except ValueError as error:
            part = str(error)
            hint = nearest(part, known_units()) or '; a bare number has unit ""'
            raise ValueError(f"unit {part!r} is not known{hint}") from None
        return unit

    def amount(self) -> Amount:
        """Give the amount as it is looked for."""
        return Amount(self.value, parse_unit(self.unit), self.tolerance)


class PointModel(BaseModel):
    """A key point as an item's target has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    point: _Text
    any: tuple[_Alias, ...] = ()
    beside: tuple[_Aliases, ...] = Field((), alias="with")
    number: NumberModel | None = None
    negated: bool | Literal["either"] = False
    field: _Text | None = None

    @model_validator(mode="after")
    def _something_is_looked_for(self) -> Self:
        if not self.any and self.number is None:
            raise ValueError("expected the aliases in 'any', or a 'number' that stands for itself")
        if not self.any and (self.beside or self.negated):
            key = "with" if self.beside else "negated"
            raise ValueError(f"{key!r} needs aliases in 'any'")
        for aliases in (self.any, *self.beside):
            twice = next((a for at, a in enumerate(aliases) if a in aliases[:at]), None)
            if twice is not None:
                raise ValueError(f"alias {twice!r} stands twice in one list")
        return self

    def looked_for(self) -> Point:
        """Give the point as it is looked for."""
        amount = self.number.amount() if self.number is not None else None
        negated = None if self.negated == "either" else self.negated
        return Point(self.any, self.beside, amount, negated)


class PointsTarget(BaseModel):
    """A whole target: its points, and the length that is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    points: tuple[PointModel, ...] = Field(min_length=1, max_length=MOST_POINTS)
    max_length: int | None = Field(None, ge=1, strict=True)

    @model_validator(mode="after")
    def _points_differ(self) -> Self:
        for at, point in enumerate(self.points):
            for before, other in enumerate(self.points[:at]):
                if point.point.strip() == other.point.strip():
                    raise ValueError(f"points {before + 1} and {at + 1} are both {point.point!r}")
                if _rule(point) == _rule(other):
                    raise ValueError(
                        f"points {before + 1} and {at + 1} are met by the same words; "
                        "each point stands for itself"
                    )
        if self.max_length is not None and any(point.field for point in self.points):
            raise ValueError("max_length does not go with points that have a field")
        return self

    @property
    def is_object(self) -> bool:
        """Whether the answer is a JSON object."""
        return any(point.field is not None for point in self.points)


def _rule(point: PointModel) -> Any:
    return (
        sorted(map(prepared_alias, point.any)),
        sorted(sorted(map(prepared_alias, each)) for each in point.beside),
        point.number,
        point.negated,
        point.field,
    )


def points_target(target: Any) -> PointsTarget:
    """Read a target.

    Raises
    ------
    ValueError
        If it is none; says which point, which key, and what was expected.
    """
    given = {"points": target} if isinstance(target, list) else target
    if not isinstance(given, dict):
        raise ValueError(shortened(f"target = {target!r}, expected {_EXPECTED}"))
    try:
        return PointsTarget.model_validate(given)
    except ValidationError as error:
        raise ValueError(f"target: {explain(error, PointsTarget)}") from None
