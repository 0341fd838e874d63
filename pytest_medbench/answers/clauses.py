"""A free text cut into sentences, with the headings and list items they stand under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_medbench.answers.text import fold, squeezed, visible

# NFKC makes plain digits of circled ones: what lists in one line would no longer be known.
_CIRCLED = re.compile("[\u2460-\u2487\u2776-\u2793]")
# And ORSⅢ would be one word.
_ROMAN = re.compile("(?<=[A-Za-z0-9])(?=[\u2160-\u217f])")
_BULLET = re.compile(r"^( ?)(?:[*+•·●○▪‣◦–—-]|#{1,6}) (?!$)", re.MULTILINE)
_NUMBERED = re.compile(
    r"^( ?)\*{0,2}(?:\(?(?:\d{1,2}|[a-h]|[一二三四五六七八九十]{1,2})(?:\)|、|\.(?!\d)))"
    r"\*{0,2} ?(?!$)",
    re.MULTILINE | re.IGNORECASE,
)
_HEADING = re.compile(
    r"^ ?(?:#{1,6} (?P<hash>[^\n]{1,120})|\*\*(?P<bold>[^*\n]{1,120})\*\*:?) ?$", re.MULTILINE
)
_FIRST_NUMBER = re.compile(r"1[)、.]")
_ENUMERATOR = re.compile(r"(?:(?<=^)|(?<=[\s:。;,、!?]))\(?(\d{1,2})(?:\)|、|\.(?!\d)) ?")
_MARKUP = str.maketrans(
    {"*": None, "`": None, "$": None, "_": " ", "’": "'", "‘": "'", "\u2581": " "}
)
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_CJK = "\u3400-\u9fff"
_CJK_BLANK = re.compile(rf"(?<=[{_CJK}]) (?=[{_CJK}])")
_END = re.compile(rf"\n|[。!?;]|\.(?=\s|$|[{_CJK}\"')\]])")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:dr|mr|mrs|ms|prof|st|vs|approx|fig|cf|e\.g|i\.e|eg|ie|resp|ca|(?P<no>nos?)|max"
    r"|min|incl|esp|b\.i\.d|t\.i\.d|q\.i\.d|p\.o|i\.v|i\.m|s\.c)$"
)
# "No. 5" is a number, "No. She stays" an answer.
_NUMBERED_BY_NO = re.compile(r"\.\s?(?:\d|of\b)")
_LONGEST_ABBREVIATION = 8
_MOST_INLINE = 40


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a prepared text.

    Parameters
    ----------
    start, end : int
        Where it stands, without its final mark.
    parent : int or None
        The index of the heading or list item it stands under.
    """

    start: int
    end: int
    parent: int | None = None


def spread(text: str) -> str:
    """Put what circled numbers (①) list on lines of its own, and set Roman ones (Ⅲ) off.

    To be done before `visible`, which makes plain digits and letters of them.
    """
    return text if text.isascii() else _ROMAN.sub(" ", _CIRCLED.sub("\n- ", text))


def prepared(text: str) -> str:
    """Give the visible text in lower case, without markup, each list item on a line of its own.

    Hyphens between letters become blanks, so that `beta-blocker` is `beta blocker`; blanks
    between Chinese characters go. Lines of lists begin with `- `, with one blank before it where
    they are indented; headings end with a colon.
    """
    return _plain(visible(spread(text)))


def prepared_term(term: str) -> str:
    """Give a term as it would stand in a prepared text."""
    folded = squeezed(fold(_ROMAN.sub(" ", term)).translate(_MARKUP)).lower()
    return _CJK_BLANK.sub("", _HYPHEN.sub(" ", folded))


def _plain(text: str) -> str:
    text = _HEADING.sub(lambda found: (found["hash"] or found["bold"]).rstrip(" :：") + ":", text)
    text = _NUMBERED.sub(r"\1- ", _BULLET.sub(r"\1- ", text))
    text = text.translate(_MARKUP)
    if _FIRST_NUMBER.search(text):
        text = "\n".join(_without_enumeration(line) for line in text.split("\n"))
    return _CJK_BLANK.sub("", _HYPHEN.sub(" ", text)).lower()


def _without_enumeration(line: str) -> str:
    """Cut a line at the numbers of a list in it: 1. … 2. …"""
    places: list[re.Match[str]] = []
    for found in _ENUMERATOR.finditer(line):
        if int(found[1]) == len(places) + 1:
            places.append(found)
    if not 2 <= len(places) <= _MOST_INLINE:
        return line
    pieces, at = [], 0
    for found in places:
        pieces.append(line[at : found.start()])
        at = found.end()
    return "\n- ".join([*pieces, line[at:]])


def sentences(text: str) -> list[Sentence]:
    """Cut a prepared text into its sentences.

    A line that ends with a colon is the parent of the list items that follow it, or of the one
    line of text that does; a list item is the parent of the indented items below it.
    """
    found: list[Sentence] = []
    heading: int | None = None
    top: int | None = None
    at = 0
    after_blank = False
    for line in text.split("\n"):
        end = at + len(line)
        body = line.strip()
        if body:
            is_item, indented = body.startswith("- "), line.startswith(" ")
            is_heading = body.endswith(":")
            if not is_item and (is_heading or after_blank):
                heading = None
            parent = top if is_item and indented and top is not None else heading
            first = len(found)
            for start, stop in _pieces(text, at, end):
                found.append(Sentence(start, stop, parent))
            last = len(found) - 1
            if last >= first:
                if is_item and not indented:
                    top = last
                elif not is_item:
                    top = None
                    heading = last if is_heading else None
        after_blank = not body
        at = end + 1
    return found


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a line at the ends of its sentences."""
    at = start
    for mark in _END.finditer(text, start, end):
        if mark[0] == "." and _is_abbreviation(text, start, mark.start()):
            continue
        if text[at : mark.start()].strip(" -"):
            yield at, mark.start()
        at = mark.end()
    if text[at:end].strip(" -"):
        yield at, end


def _is_abbreviation(text: str, start: int, dot: int) -> bool:
    found = _ABBREVIATION.search(text[max(start, dot - _LONGEST_ABBREVIATION) : dot])
    if found is None:
        return False
    return found["no"] is None or _NUMBERED_BY_NO.match(text, dot) is not None
