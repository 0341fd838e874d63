"""What a model that reads no question would get right, held against chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pytest_medbench.lint.model import LETTERS, Finding, Row
from pytest_medbench.lint.registry import whole_rules
from pytest_medbench.suites import Suite

# The chance that a lint of sound suites finds any of these errors at all.
LEVEL = 0.001
# Fewer groups for each letter than this, and chi-square's approximation is not used.
_FEWEST_EXPECTED = 5

_BLIND: Mapping[str, str] = {
    "first-option": "the first option",
    "longest-option": "the longest option (control:longest)",
    "shortest-option": "the shortest option",
}
# As the controls choose: the first of the longest.
_CHOOSE: Mapping[str, Callable[[list[int]], int]] = {
    "first-option": lambda lengths: 0,
    "longest-option": lambda lengths: lengths.index(max(lengths)),
    "shortest-option": lambda lengths: lengths.index(min(lengths)),
}
_TODO: Mapping[str, str] = {
    "first-option": "put the right options in other places",
    "longest-option": "make options alike in length: a model needs no medicine to find the longest",
    "shortest-option": "make options alike in length",
}


@dataclass
class _Group:
    """One group: whether each blind choice got all its members right, and by what chance."""

    letter: int
    options: int
    right: dict[str, bool]
    chance: float

    def add(self, other: _Group) -> None:
        """Take in a further member; its options may stand in the same order, so chance stays."""
        for rule, right in other.right.items():
            self.right[rule] = self.right[rule] and right
        self.chance = min(self.chance, other.chance)


@dataclass
class _Tally:
    """One suite's groups, counted."""

    suite: Suite
    groups: int = 0
    right: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    expected: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    letters: dict[int, list[int]] = field(default_factory=dict)
    open: dict[str, _Group] = field(default_factory=dict)

    def count(self, group: _Group) -> None:
        """Count one group."""
        self.groups += 1
        counts = self.letters.setdefault(group.options, [0] * group.options)
        counts[group.letter] += 1
        for rule, right in group.right.items():
            self.right[rule] += right
            self.expected[rule] += group.chance


@whole_rules(
    {
        "answer-balance": "letters that are right more often, or less, than chance explains",
        "longest-option": "the longest option is right more often than chance explains",
        "shortest-option": "the shortest option is right more often than chance explains",
        "first-option": "the first option is right more often than chance explains",
    }
)
class Balance:
    """Tests each suite of single choices; a group counts once, its first member's letter.

    The blind choices are tested one-sided by the binomial distribution with the groups' mean
    chance, which is exact where all have the same number of options and errs to the safe side
    where not [1]_; the letters by chi-square over the numbers of options, or by exact binomials
    under Bonferroni's bound where a letter is expected less than 5 times. The level is 0.001
    over the number of tests that are made.

    References
    ----------
    .. [1] W. Hoeffding, On the distribution of the number of successes in independent trials,
       Annals of Mathematical Statistics 27 (1956).
    """

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}

    def see(self, row: Row) -> Iterable[Finding]:
        """Count one item."""
        if row.right is None or len(row.options) < 2 or row.suite.scorer.name == "multi":
            return ()
        tally = self._tallies.setdefault(row.suite.name, _Tally(row.suite))
        one = _group(row, row.right)
        if not row.grouped:
            tally.count(one)
        elif row.entry.group in tally.open:
            tally.open[row.entry.group].add(one)
        else:
            tally.open[row.entry.group] = one
        return ()

    def finish(self) -> Iterator[Finding]:
        """Test all suites, with the level shared among the tests."""
        tests = []
        for tally in self._tallies.values():
            for group in tally.open.values():
                tally.count(group)
            tests += [(tally, rule, _beats(tally, rule)) for rule in _BLIND]
            tests.append((tally, "answer-balance", balance(tally.letters)))
        for tally, rule, p_value in tests:
            if p_value < LEVEL / len(tests):
                spec = tally.suite
                said = _uneven(tally) if rule == "answer-balance" else _blind(tally, rule)
                said = f"{said}, p = {p_value:.1g}; "
                todo = _TODO.get(rule, "spread the right options over all letters")
                yield Finding(
                    rule, "error", spec.name, spec.items_path, None, None, said + todo,
                    count=tally.groups,
                )  # fmt: skip


def _group(row: Row, right: int) -> _Group:
    lengths = [len(option) for option in row.options]
    found = {rule: choose(lengths) == right for rule, choose in _CHOOSE.items()}
    return _Group(right, len(lengths), found, 1 / len(lengths))


def _beats(tally: _Tally, rule: str) -> float:
    """Give the one-sided p-value of a blind choice's success."""
    from scipy.special import bdtrc

    right, expected = tally.right[rule], tally.expected[rule]
    if right <= expected:
        return 1.0
    return float(bdtrc(right - 1, tally.groups, expected / tally.groups))


def balance(letters: Mapping[int, list[int]]) -> float:
    """Test whether every letter is right equally often.

    Parameters
    ----------
    letters : mapping of int to list of int
        By the number of options: how often each letter is right.

    Returns
    -------
    float
        The p-value, in [0, 1].
    """
    many = {k: n for k, n in letters.items() if sum(n) >= _FEWEST_EXPECTED * k}
    few = {k: n for k, n in letters.items() if k not in many}
    found = [test(part) for test, part in ((_chi_square, many), (_exact, few)) if part]
    return min(1.0, len(found) * min(found, default=1.0))


def _chi_square(letters: Mapping[int, list[int]]) -> float:
    from scipy.special import chdtrc

    statistic = 0.0
    for options, counts in letters.items():
        expected = sum(counts) / options
        statistic += sum((count - expected) ** 2 for count in counts) / expected
    return float(chdtrc(sum(options - 1 for options in letters), statistic))


def _exact(letters: Mapping[int, list[int]]) -> float:
    """Test letter by letter, both sides, by the binomial distribution under Bonferroni's bound."""
    from scipy.special import bdtr, bdtrc

    tests = 2 * sum(letters)
    smallest = 1.0
    for options, counts in letters.items():
        groups = sum(counts)
        for count in counts:
            above = bdtrc(count - 1, groups, 1 / options) if count else 1.0
            smallest = min(smallest, float(above), float(bdtr(count, groups, 1 / options)))
    return min(1.0, tests * smallest)


def _blind(tally: _Tally, rule: str) -> str:
    right, groups = tally.right[rule], tally.groups
    return (
        f"{_BLIND[rule]} is right in {right:,} of {groups:,} questions ({right / groups:.0%}), by "
        f"chance {tally.expected[rule] / groups:.0%}"
    )


def _uneven(tally: _Tally) -> str:
    options, counts = max(tally.letters.items(), key=lambda pair: sum(pair[1]))
    shares = ", ".join(
        f"{letter} {count:,}" for letter, count in zip(LETTERS, counts, strict=False)
    )
    return f"right letters are uneven: {shares} (of {options} options each)"
