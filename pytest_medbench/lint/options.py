"""Options: different, exclusive, and free of their own letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from pytest_medbench.answers import fold
from pytest_medbench.lint.model import LETTERS, Finding, Row
from pytest_medbench.lint.ranges import read_range
from pytest_medbench.lint.registry import item_rules

_BAKED = re.compile(r"\s*[(（\[【]?([A-Za-z])(?:[)）\]】]|[.．、:：])\s*(?=\S)")
_JOINS = ("and ", "with ", "plus ", "or ", "+", "和", "及", "加", "或", "联合", "合并")
_TOGETHER = re.compile(
    r"(?:all|none|both|neither|any|either) (?:of )?(?:the |these )?(?:above|following|these|"
    r"other(?: (?:options|answers|choices))?)|(?:both|either|neither)? ?\(?[a-e]\)? "
    r"(?:and|or|nor|&) \(?[a-e]\)?|(?:a|b|c|d) ?[、,] ?(?:b|c|d|e)(?: ?[、,] ?[c-e])*|"
    r"(?:以上|上述)(?:各项|选项|所有|全部)?(?:都|均|皆|全)(?:是|对|正确|不是|不对|不正确|非|错误|有|可)?"
)
_ALL = "all-of-the-above"
_LONGEST = 60
_NONE = frozenset({"none", "none of these", "无", "都不是", "均不是"})
_SHORT = 4


@item_rules(
    {
        "option-letters": "options whose letters are written into their texts",
        "options-alike": "two options that say the same",
        "options-joined": "an option that is another one and something more",
        "options-overlap": "two ranges of numbers that overlap",
        _ALL: "an option that stands for other options, by place or by letter",
    }
)
def options(row: Row) -> Iterator[Finding]:
    """Check the options of one item."""
    if len(row.options) < 2:
        return
    yield from _letters(row)
    yield from _alike(row)
    yield from _overlapping(row)
    yield from _joined(row)
    yield from _together(row)


def _letters(row: Row) -> Iterator[Finding]:
    marks = [_BAKED.match(option) for option in row.options]
    own = sum(
        mark is not None and mark[1].upper() == letter
        for mark, letter in zip(marks, LETTERS, strict=False)
    )
    if own >= 2 and all(marks):
        yield row.error(
            "option-letters",
            f"options begin with letters of their own ({row.options[0].strip()[:2]!r} …), which "
            "the prompt adds; take them out of the texts",
        )


def _alike(row: Row) -> Iterator[Finding]:
    """Find options that are the same; case may carry meaning in short ones, such as genotypes."""
    seen: dict[str, str] = {}
    if len(set(row.normal_options)) == len(row.options) and all(row.normal_options):
        return
    for letter, option, normal in zip(LETTERS, row.options, row.normal_options, strict=False):
        text = " ".join(fold(option).split()).rstrip(" .。;；,，")
        first = seen.setdefault(normal if normal and len(text) > _SHORT else text, letter)
        if first != letter:
            yield row.error(
                "options-alike",
                f"options {first} and {letter} say the same; only one can be right, so change one",
            )


def _overlapping(row: Row) -> Iterator[Finding]:
    ranges = [read_range(option) for option in row.options]
    for (first, one), (second, other) in combinations(zip(LETTERS, ranges, strict=False), 2):
        if one is not None and other is not None and one.overlaps(other):
            yield row.advice(
                "options-overlap",
                f"the ranges of options {first} and {second} overlap, so that a value can be in "
                "both; make them exclusive",
            )
            return


def _joined(row: Row) -> Iterator[Finding]:
    texts = row.normal_options
    for short, text in enumerate(texts):
        for long, other in enumerate(texts):
            rest = other.removeprefix(text).lstrip() if text else other
            if rest != other and rest.startswith(_JOINS):
                yield row.advice(
                    "options-joined",
                    f"option {LETTERS[long]} is option {LETTERS[short]} and more, so that both may "
                    "count as right; make them exclusive",
                )
                return


def _together(row: Row) -> Iterator[Finding]:
    said = [" ".join(fold(option).lower().split()).rstrip(" .。") for option in row.options]
    found = [len(text) <= _LONGEST and bool(_TOGETHER.fullmatch(text)) for text in said]
    if not any(found):
        return
    at = found.index(True)
    letter = LETTERS[at]
    by_place = any(word in said[at] for word in ("above", "以上", "上述"))
    # A "none" at the end stands for no option above it.
    last = all(is_one or text in _NONE for text, is_one in zip(said[at:], found[at:], strict=True))
    if by_place and not last:
        yield row.error(
            _ALL, f"option {letter} points to those above it, and others follow; write it out"
        )
    elif row.grouped and not by_place:
        yield row.error(
            _ALL,
            f"option {letter} names others by their letters, and the group shows them in other "
            "orders; write out what it means",
        )
    else:
        yield row.advice(
            _ALL, f"option {letter} stands for other options; ask one thing and name it"
        )
