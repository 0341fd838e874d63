"""Scores that lose what they could say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_medbench.lint.model import Finding, Row
from pytest_medbench.lint.registry import whole_rules
from pytest_medbench.suites import Suite

GRADED = frozenset({"json", "key_points"})


def is_graded(suite: Suite) -> bool:
    """Tell whether an item's score may lie between 0 and 1."""
    table = suite.spec.score
    return table.scorer in GRADED or (
        table.scorer == "multi" and table.options.get("credit") == "f1"
    )


@whole_rules({"partial-credit": "a graded scorer whose group rule makes 0 or 1 of every score"})
class PartialCredit:
    """Finds suites that ask for partial credit and do not count it."""

    def __init__(self) -> None:
        self._seen: dict[str, Suite] = {}

    def see(self, row: Row) -> Iterable[Finding]:
        """Note the suite."""
        self._seen.setdefault(row.suite.name, row.suite)
        return ()

    def finish(self) -> Iterator[Finding]:
        """Give a finding for each such suite."""
        for name, suite in self._seen.items():
            rule = suite.spec.score.group_rule
            if rule != "mean" and is_graded(suite):
                said = (
                    f"group_rule = {rule!r} counts an item as right from correct_at = "
                    f"{suite.spec.score.correct_at:g} on and as wrong below; say group_rule = "
                    "'mean' if parts of it are to count"
                )
                yield Finding("partial-credit", "advice", name, suite.path, None, None, said)
