"""What the lint looks at, and what it says about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from pytest_medbench.answers import fold, normalise, prompt_text
from pytest_medbench.suites import Entry, Item, Suite

Level = Literal["error", "advice"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a suite, or could be better.

    Parameters
    ----------
    rule : str
        The rule's name, one of `RULES`.
    level : {'error', 'advice'}
        An error makes a score wrong or must not be published; advice is for a person to weigh.
    suite : str
        The suite's name; that of its folder where it could not be read.
    place : Path
        The file.
    line : int or None
        Counted from 1.
    item : str or None
        The item's id; None where the whole suite is meant.
    message : str
        What was found, and what to do. It never repeats personal data.
    others : tuple of str
        The other items it is about, as `suite::id`, or the id alone within the same suite.
    count : int
        How many items or groups it is about, where one finding stands for many.
    waived : bool
        Whether the item's `meta.lint_ok` names the rule.
    """

    rule: str
    level: Level
    suite: str
    place: Path
    line: int | None
    item: str | None
    message: str
    others: tuple[str, ...] = ()
    count: int = 1
    waived: bool = False


class Row:
    """One item in its suite, with what several rules need of it.

    Parameters
    ----------
    suite : Suite
    entry : Entry
    item : Item
    grouped : bool
        Whether its group has further members.

    Attributes
    ----------
    stem : str
        The text of the input, chat messages joined.
    right : int or None
        The index of the one right option, where there is such.
    """

    def __init__(self, suite: Suite, entry: Entry, item: Item, *, grouped: bool) -> None:
        self.suite = suite
        self.entry = entry
        self.item = item
        self.grouped = grouped
        self.stem = prompt_text(item.input)
        self.options = item.options or []
        self.right = _right(entry.traits.constants, len(self.options))

    @cached_property
    def folded(self) -> str:
        """Stem and options, compatibility forms folded to plain ones."""
        return fold("\n".join([self.stem, *self.options]))

    @cached_property
    def everything(self) -> str:
        """All of `texts`, folded; for a quick look."""
        return fold("\n".join([text for _, text in self.texts()]))

    @cached_property
    def normal_stem(self) -> str:
        """The stem as answers are normalised: case, blanks and punctuation folded."""
        return normalise(self.stem)

    @cached_property
    def normal_options(self) -> list[str]:
        """The options, normalised like the stem."""
        return [normalise(option) for option in self.options]

    @cached_property
    def waived(self) -> frozenset[str]:
        """The rules that the item's `meta.lint_ok` names."""
        named = self.item.meta.get("lint_ok")
        names = named if isinstance(named, list) else []
        return frozenset(name for name in names if isinstance(name, str))

    @property
    def language(self) -> str:
        """The item's language, or its suite's."""
        return self.entry.labels.language

    @property
    def is_chinese(self) -> bool:
        """Whether the item says that it is Chinese."""
        return self.language.partition("-")[0].lower() == "zh"

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give every text that a model or a reader sees, with the key it stands under."""
        yield "input", self.stem
        for letter, option in zip(LETTERS, self.options, strict=False):
            yield f"option {letter}", option
        for key in ("rationale", "source"):
            value = getattr(self.item, key)
            if value:
                yield key, value
        if not self.options:
            for value in strings_in(self.item.target):
                yield "target", value

    def error(self, rule: str, message: str, others: tuple[str, ...] = ()) -> Finding:
        """Say that something is wrong."""
        return self._finding(rule, "error", message, others)

    def advice(self, rule: str, message: str, others: tuple[str, ...] = ()) -> Finding:
        """Say what a person should look at."""
        return self._finding(rule, "advice", message, others)

    def _finding(self, rule: str, level: Level, message: str, others: tuple[str, ...]) -> Finding:
        place = self.suite.items_path
        entry = self.entry
        return Finding(rule, level, self.suite.name, place, entry.line, entry.id, message, others)


class Check(Protocol):
    """Looks at one item after the other, and may have something to say at the end."""

    def see(self, row: Row) -> Iterable[Finding]:
        """Look at one item."""

    def finish(self) -> Iterable[Finding]:
        """Say what only all items together show."""


def strings_in(value: Any) -> Iterator[str]:
    """Give the texts in a JSON value, from the outside in."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, dict):
            waiting.extend(inner.values())
        elif isinstance(inner, list):
            waiting.extend(inner)


def _right(constants: tuple[str, ...], options: int) -> int | None:
    if len(constants) != 1 or constants[0] not in LETTERS[:options]:
        return None
    return LETTERS.index(constants[0])
