"""What `suite.toml` and a line of its items may hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Harm = Literal["none", "mild", "moderate", "severe", "death"]
Track = Literal["llm", "vlm", "agent"]
GroupRule = Literal["all", "majority", "mean"]
Strategy = Literal["direct", "few-shot", "cot", "logprob"]

MAX_LINE = 16 * 1024 * 1024
MAX_OPTIONS = 26


def _is_word(text: str) -> bool:
    return 1 <= len(text) <= 200 and text.isprintable() and text == text.strip()


def _check_word(text: str) -> str:
    if not _is_word(text):
        raise ValueError("expected 1 to 200 printable characters without blanks at the ends")
    return text


def _check_id(text: str) -> str:
    if "::" in text or not _is_word(text):
        raise ValueError(
            "expected 1 to 200 printable characters without '::' or blanks at the ends"
        )
    return text


Word = Annotated[str, AfterValidator(_check_word)]
ItemId = Annotated[str, AfterValidator(_check_id)]


def _check_messages(value: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if isinstance(value, list) and not (
        value and all(isinstance(message.get("role"), str) for message in value)
    ):
        raise ValueError("expected a text or chat messages, each with its 'role'")
    return value


class Item(BaseModel):
    """One benchmark item, as its line says it."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=MAX_LINE)

    id: ItemId
    input: Annotated[str | list[dict[str, Any]], AfterValidator(_check_messages)]
    target: Any
    options: list[str] | None = Field(default=None, max_length=MAX_OPTIONS)
    specialty: str | None = None
    safety: list[str] = []
    harm: Harm | None = None
    population: list[str] = []
    language: Word | None = None
    task: Word | None = None
    difficulty: int | None = None
    date: str | None = None
    group: Word | None = None
    variant: Word | None = None
    cluster: Word | None = None
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
    dimension: Word = "general"
    task: Word | None = None
    language: Word = "en"
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
