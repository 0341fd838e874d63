"""What the two files of a baseline may hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pytest_medbench.baselines.records import LONGEST_ANSWER
from pytest_medbench.outcomes import SCORED, Status

_Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


def _check_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("expected printable characters")
    return text


_Line = Annotated[str, AfterValidator(_check_printable)]


class FiguresModel(BaseModel):
    """A slice's figures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    score: _Unit | None
    low: _Unit | None
    high: _Unit | None
    n: int = Field(ge=0)


class ItemsModel(BaseModel):
    """Which items' file belongs to this summary."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class SummaryModel(BaseModel):
    """The first file: everything but the items."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1]
    key: _Line
    suite: _Line
    run: _Line
    accepted_on: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    reason: str | None
    verdict: Literal["PASS", "BLOCK", "INCONCLUSIVE", "no verdict"]
    model: dict[str, Any]
    repeats: int = Field(ge=1)
    hashes: dict[str, _Digest]
    slices: dict[_Line, FiguresModel]
    items: ItemsModel


class ItemModel(BaseModel):
    """A line of the second file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[_Line, Field(min_length=1, max_length=200)]
    status: Status
    score: _Unit | None
    answer: Annotated[_Line, Field(max_length=LONGEST_ANSWER)] | None
    made_with: _Digest
    scores: tuple[_Unit, ...] = ()
    group: Annotated[_Line, Field(min_length=1, max_length=200)] | None = None
    critical: bool = False

    @model_validator(mode="after")
    def _score_fits_status(self) -> ItemModel:
        if (self.score is None) is (self.status in SCORED):
            expected = "a score from 0 to 1" if self.status in SCORED else "score null"
            raise ValueError(f"status {self.status.value}: expected {expected}")
        return self
