"""The rules' names, and the checks that apply them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pytest_medbench.lint.model import Check, Finding, Row

ItemRule = Callable[[Row], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's name and what it finds, in one line."""

    name: str
    description: str


RULES: dict[str, Rule] = {}
_CHECKS: list[tuple[frozenset[str], Callable[[], Check]]] = []


class _EachItem:
    """A check that looks at each item alone."""

    def __init__(self, rule: ItemRule) -> None:
        self.see = rule

    def finish(self) -> Iterable[Finding]:
        return ()


def describe(rules: Mapping[str, str]) -> frozenset[str]:
    """Add rules' names and descriptions; gives the names."""
    for name, description in rules.items():
        RULES[name] = Rule(name, description)
    return frozenset(rules)


def item_rules(rules: Mapping[str, str]) -> Callable[[ItemRule], ItemRule]:
    """Register a function that looks at one item, with the rules it applies."""

    def register(function: ItemRule) -> ItemRule:
        _CHECKS.append((describe(rules), lambda: _EachItem(function)))
        return function

    return register


def whole_rules(rules: Mapping[str, str]) -> Callable[[type[Check]], type[Check]]:
    """Register a class that looks at all items, with the rules it applies."""

    def register(kind: type[Check]) -> type[Check]:
        _CHECKS.append((describe(rules), kind))
        return kind

    return register


def checks(wanted: frozenset[str]) -> list[Check]:
    """Make the checks that apply any of these rules."""
    return [make() for names, make in _CHECKS if names & wanted]
