"""What `suite.toml` and a line of its items may hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_medbench.errors import nearest

Harm = Literal["none", "mild", "moderate", "severe", "death"]
Track = Literal["llm", "vlm", "agent"]
GroupRule = Literal["all", "majority", "mean"]
Strategy = Literal["direct", "few-shot", "cot", "logprob"]

MAX_LINE = 16 * 1024 * 1024


class Item(BaseModel):
    """One benchmark item, as its line says it."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=MAX_LINE)

    id: str = Field(min_length=1, max_length=200)
    input: str | list[dict[str, Any]]
    target: Any
    options: list[str] | None = None
    specialty: str | None = None
    safety: list[str] = []
    harm: Harm | None = None
    population: list[str] = []
    language: str | None = None
    task: str | None = None
    difficulty: int | None = None
    date: str | None = None
    group: str | None = None
    variant: str | None = None
    cluster: str | None = None
    must_pass: bool = False
    source: str | None = None
    rationale: str | None = None
    reviewed_by: str | None = None
    reviewed_on: str | None = None
    meta: dict[str, Any] = {}


class SuiteTable(BaseModel):
    """The `[suite]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    version: str = "0"
    title: str = ""
    description: str = ""
    track: Track = "llm"
    dimension: str = "general"
    task: str | None = None
    language: str = "en"
    licence: str = "unknown"
    source: str = ""
    items: str


class PromptTable(BaseModel):
    """The `[prompt]` table: a template's name, or text with {input} and {options} in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: str | None = None
    text: str | None = None
    system: str | None = None
    strategy: Strategy = "direct"
    shots: int = Field(default=0, ge=0, le=64)
    examples: str | None = None
    max_tokens: int | None = Field(default=None, ge=1)


class ScoreTable(BaseModel):
    """The `[score]` table; further keys are options of the scorer."""

    model_config = ConfigDict(extra="allow", frozen=True)

    scorer: str
    group_rule: GroupRule = "all"
    correct_at: float = Field(default=1.0, gt=0, le=1)

    @property
    def options(self) -> dict[str, Any]:
        """The keys that belong to the scorer."""
        return dict(self.model_extra or {})


class SuiteFileModel(BaseModel):
    """A whole `suite.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    suite: SuiteTable
    prompt: PromptTable = PromptTable()
    score: ScoreTable
    gates: dict[str, Any] = {}


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say every problem of a validation as key, value found, what was expected."""
    said = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = _known_keys(model, problem["loc"][:-1])
            hint = nearest(str(problem["loc"][-1]), known)
            said.append(f"unknown key {place!r}{hint or '; known are ' + ', '.join(known)}")
        elif problem["type"] == "missing":
            said.append(f"key {place!r} is missing")
        elif problem["type"] == "json_invalid":
            said.append(f"is not JSON: {problem['msg'].removeprefix('Invalid JSON: ')}")
        else:
            value = repr(problem["input"])
            value = value if len(value) <= 80 else value[:77] + "..."
            said.append(f"{place + ' = ' if place else ''}{value}: {problem['msg']}")
    return "; ".join(said)


def _known_keys(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    for part in place:
        annotation = (
            model.model_fields[str(part)].annotation if part in model.model_fields else None
        )
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        else:
            return []
    return list(model.model_fields)
