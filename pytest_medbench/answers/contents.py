"""An answer given by an option's text instead of its letter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from string import ascii_uppercase

from pytest_medbench.answers.text import normalise

_ARTICLE = re.compile(r"(?:the|an?|to)\s", re.IGNORECASE)
_DENIES = re.compile(
    r"\b(?:not|no|never|without|avoid\w*|contraindicated|exclud\w+|ruled? out|ruling|incorrect"
    r"|wrong|unlikely|rather than|instead of|cannot|except|false|less|nor|neither|if|or"
    r"|isn['’]?t|doesn['’]?t|don['’]?t|wasn['’]?t|which|what)\b"
    r"|[不非无没否勿]|排除|禁忌|错误|避免|除外|哪|什么|吗|或",
)
_LABEL = re.compile(r"(?:options?|choices?|选项)?\s?[(<\[]?\b[A-Z]\b[)>\].:、]{1,2}", re.IGNORECASE)
_NEXT_LABEL = re.compile(r"(?:and )?[a-z](?:\s|$)|$")
_LONE_LETTER = re.compile(r"[a-z](?![a-z])")
SHORT = 160


class Contents:
    """The normalised option texts of one item.

    Parameters
    ----------
    options : sequence of str
        In the order shown; the first is A.
    """

    def __init__(self, options: Sequence[str]) -> None:
        self._options = options
        #: The most characters a text can have that is made of the options.
        self.room = sum(map(len, options)) + 20 * len(options) + 100
        # A response that goes round in circles asks the same thousands of times.
        self._led: dict[str, str | None] = {}

    @cached_property
    def _texts(self) -> list[str]:
        return [normalise(option) for option in self._options]

    @cached_property
    def _longest_text(self) -> int:
        return max(map(len, self._texts))

    @cached_property
    def _longest_option(self) -> int:
        return max(map(len, self._options))

    @cached_property
    def look_like_labels(self) -> bool:
        """Whether an option begins with a letter of its own: `E. coli`, `D, antagonist`, `B>A`."""
        return any(len(text) > 1 and _LONE_LETTER.match(text) for text in self._texts)

    def own(self, letter: str) -> str:
        """Give the normalised text of a letter's option, empty where there is none."""
        index = ord(letter) - ord("A")
        return self._texts[index] if 0 <= index < len(self._texts) else ""

    def equal(self, text: str) -> str | None:
        """Give the letter of the only option that reads as `text` does."""
        # Normalising takes away little but punctuation and blanks, and costs much on long texts.
        if len(text) > 2 * self._longest_option + 200:
            return None
        wanted = normalise(text)
        found = [i for i, option in enumerate(self._texts) if option == wanted]
        return ascii_uppercase[found[0]] if len(found) == 1 and _tells(wanted) else None

    def leading(self, text: str) -> str | None:
        """Give the letter of the longest option that `text` begins with.

        The option has to end where a word ends, and what follows may not be another option.
        """
        shown = text[: 2 * self._longest_text + 80]
        if shown not in self._led:
            self._led[shown] = self._leading(shown)
        return self._led[shown]

    def _leading(self, shown: str) -> str | None:
        article = _ARTICLE.match(shown)
        for start in (0, article.end()) if article else (0,):
            said = normalise(shown[start:])
            found = [i for i, option in enumerate(self._texts) if _begins(said, option)]
            if found:
                return self._longest(found)
        return None

    def alone(self, text: str) -> str | None:
        """Give the letter of the option `text` begins with if a line or a list goes on after it."""
        letter = self.leading(text.lstrip())
        if letter is None:
            return None
        rest = normalise(text[: 2 * len(self.own(letter)) + 80].partition("\n")[0])
        rest = rest.removeprefix(self.own(letter)).strip()
        return letter if _NEXT_LABEL.match(rest) else None

    def only(self, text: str) -> str | None:
        """Give the letter of the only option a short text names and does not deny."""
        if len(text) > SHORT + max(map(len, self._texts)):
            return None
        said = f" {normalise(text)} "
        found = [i for i, option in enumerate(self._texts) if _within(said, option)]
        letter = self._longest(found) if found else None
        if letter is None:
            return None
        rest = said.replace(self.own(letter), " ", 1)
        if _DENIES.search(rest) or any(_within(rest, option) for option in self._texts):
            return None
        return letter

    def all_of(self, text: str) -> str | None:
        """Give the letters, in order, of the options a text is made of and nothing else."""
        rest = f" {normalise(_LABEL.sub(' ', text))} "
        order = sorted(range(len(self._texts)), key=lambda i: -len(self._texts[i]))
        found = []
        for i in order:
            if _within(rest, self._texts[i]):
                rest = rest.replace(self._texts[i], " ", 1)
                found.append(ascii_uppercase[i])
        left = re.sub(r"\b(?:and|or)\b|[和与及/|+、\s]", "", rest)
        return "".join(sorted(found)) if found and not left else None

    def _longest(self, found: Sequence[int]) -> str | None:
        """Give the longest of the options found if it holds all the others."""
        best = max(found, key=lambda i: len(self._texts[i]))
        text = self._texts[best]
        if any(self._texts[i] not in text or (i != best and self._texts[i] == text) for i in found):
            return None
        return ascii_uppercase[best]


def _tells(option: str) -> bool:
    """Tell whether an option's text can stand for it: a single letter is read as a label."""
    return len(option) > 1 or (option != "" and not ("a" <= option <= "z"))


def _begins(said: str, option: str) -> bool:
    if not _tells(option) or not said.startswith(option):
        return False
    return _word_ends(said, len(option))


def _within(said: str, option: str) -> bool:
    if not _tells(option):
        return False
    at = said.find(option)
    if at < 0:
        return False
    starts = at == 0 or not (_is_word(said[at - 1]) and _is_word(option[0]))
    return starts and _word_ends(said, at + len(option))


def _word_ends(said: str, end: int) -> bool:
    if end >= len(said):
        return True
    after, last = said[end], said[end - 1]
    if last.isdigit() and after in ".,%^" and end + 1 < len(said):
        return not said[end + 1].isdigit() and after not in "%^"
    return not (_is_word(after) and _is_word(last))


def _is_word(char: str) -> bool:
    return char.isalnum() and char < "\u2e80"
