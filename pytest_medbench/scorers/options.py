"""The options of choice items: checks when a suite is read, and comparison by content."""

from __future__ import annotations

from string import ascii_uppercase

from pytest_medbench.answers import normalise
from pytest_medbench.suites import Item

FEWEST, MOST = 2, 26


def letters_of(item: Item) -> str:
    """Give the letters of an item's options, `ABCD`.

    Raises
    ------
    ValueError
        If there are no options, fewer than 2 or more than 26, a blank one, or two alike.
    """
    options = item.options
    if options is None:
        raise ValueError("key 'options' is missing: a choice item needs the list of its options")
    count = len(options)
    if not FEWEST <= count <= MOST:
        raise ValueError(f"options has {count} entries, expected {FEWEST} to {MOST} (A to Z)")
    shown = [option.strip() for option in options]
    if len(set(shown)) < count or "" in shown:
        _complain(shown)
    return ascii_uppercase[:count]


def _complain(shown: list[str]) -> None:
    for index, option in enumerate(shown):
        letter, first = ascii_uppercase[index], shown.index(option)
        if not option:
            raise ValueError(f"option {letter} is blank, expected a text")
        if first != index:
            raise ValueError(
                f"options {ascii_uppercase[first]} and {letter} are both {option!r}, "
                "expected different texts"
            )


def longest_option(options: list[str]) -> str | None:
    """Give the letter of the only longest option; None where two are the longest."""
    lengths = [len(option.strip()) for option in options]
    longest = max(lengths)
    return ascii_uppercase[lengths.index(longest)] if lengths.count(longest) == 1 else None


def content_of(item: Item, answer: str) -> str:
    """Give what an answer to a choice item means, whatever the order of its options.

    Parameters
    ----------
    item : Item
        A choice or multi item.
    answer : str
        A letter, or letters joined: an `Outcome.answer` of this item.

    Returns
    -------
    str
        The normalised text of the option; several are sorted and joined by `` | ``. A letter
        that is none of the item's stands for itself.
    """
    options = item.options or []
    said = []
    for letter in answer:
        index = ord(letter) - ord("A")
        said.append(normalise(options[index]) if 0 <= index < len(options) else letter)
    return " | ".join(sorted(said))
