"""Letter groups: `B`, `(C)`, `A、C`, `ABC` at one place of a text, and what may follow them."""

from __future__ import annotations

import re

from pytest_medbench.answers.contents import Contents

_OPEN = r"[\s(<\[{\"'“‘「『【《$]{0,4}"
_CLOSE = r"[)>\]}\"'”’」』】》$]{0,4}"
# Not B12, B-cell, I'm, A/B ratio of two words, x.y
_LETTER = r"[A-Za-z](?![A-Za-z0-9_^%]|['’-][A-Za-z0-9]|\.[A-Za-z0-9]\b(?!\.))"
_AND = (
    rf"{_CLOSE}\s?\.?(?:(?:[,，、/|;；&+]|\band\b|[和与及跟])\s?(?:and\s)?"
    r"|(?P<either>\s?(?:\bor\b|或者?))\s?)"
    rf"(?:options?\s|choices?\s)?{_OPEN}"
)
_NEXT = re.compile(
    rf"{_AND}(?P<letter>{_LETTER})"
    r"(?!\s?(?:is|are|was|were|would|can|cannot|does|has|may|might)\b|\s?[项]?\s?[是错不])"
)
_FIRST = re.compile(
    rf"{_OPEN}(?:(?:options?|choices?|letters?|选项)\s?[:：]?\s?)?{_OPEN}"
    rf"(?:(?P<run>[A-Z]{{2,26}})(?![A-Za-z0-9_-])|(?P<letter>{_LETTER}))"
)
_INSTEAD = re.compile(
    rf"\s?(?:not|不是|并非|非)\s?(?:option\s)?{_OPEN}[A-Z]{_CLOSE}\s?[,，;；.。]?\s?"
    r"(?:but(?:\srather)?|it\sis|it['’]s|rather|instead|而是|应该是|应为|应是|是)\s?"
)
_DENIED = re.compile(
    r"[)>\]\"'”’」』】》]{0,3}\s?(?:项|选项|option)?\s?"
    r"(?:(?:is|was|are|were|seems|would\sbe|can\sbe|could\sbe)(?:\s(?:also|clearly|definitely|"
    r"therefore|thus|most))?\s(?:not\b|incorrect|wrong|false|unlikely|excluded|less|ruled|"
    r"contraindicated|inappropriate|the\s(?:wrong|incorrect|least)|never|out\b)"
    r"|isn['’]t|wasn['’]t|aren['’]t|can(?:not|['’]t|\snot)\b|(?:does|do)(?:\snot\b|n['’]t)"
    r"|(?:是)?(?:错|不|有误|可排除|排除|非))",
    re.IGNORECASE,
)
_RANGE = re.compile(r"[)\]]?\s?(?:-|–|—|~|～|to\b|through\b|到|至)\s?[(\[]?[A-Z]\b")
_SET_OFF = re.compile(
    r"[)>\]}\"'”’」』】》$]{1,4}|\s?[.,;:!?，。；：！？、…}]|\s?\n|\s?$|\s?</|\s?[–—]|\s[-(\[<]\s?|\s?\[|\\"
    r"|\s?[\u2190-\u2bff\U0001f000-\U0001faff]",
)
_JOINS = re.compile(
    r"\s(?:because|since|as|for|due|given|based|is|was|would|which|that|if|so|but|while|whereas|"
    r"although|though|however|in|on|from|here|therefore|thus|only|option|choice|answer|the|this|"
    r"it|according|among|out|of)\b"
    r"|\s?(?:项|选项|因|由|是|为|正|最|对|而|但|且|故|所|理|解|原|即|吧|呢|了|选|更)",
    re.IGNORECASE,
)
_DELIMITED = re.compile(r"[)>\]}\"'”’」』】》]{0,3}\s?[.:：、)\-–—]\s?(?P<rest>[^\n]{1,400})")
_FUNCTION_WORD = re.compile(
    r"(?:because|since|as|for|due|given|based|the|this|that|it|in|on|from|with|an?|if|when|while|"
    r"these|there|they|he|she|we|no|not|by|to|of|at|per|first|most|patients?|explanation|reason)\b"
)


class Group:
    """Letters that stand together as one answer.

    Parameters
    ----------
    letters : str
        Upper case, sorted, each once; empty where the group cannot be one answer.
    start, end : int
        Where the group's first letter is and where its last one ends.
    """

    __slots__ = ("end", "letters", "start")

    def __init__(self, letters: str, start: int, end: int) -> None:
        self.letters = letters
        self.start = start
        self.end = end


def group_at(text: str, at: int, allowed: str, contents: Contents) -> Group | None:
    """Read the letters that stand at a place of a text.

    Parameters
    ----------
    text : str
    at : int
        Right after the words that announce an answer.
    allowed : str
        The item's letters, such as `ABCDE`.
    contents : Contents
        Tells `B. 500 mg` from `E. coli`, and a letter that contradicts the text beside it.

    Returns
    -------
    Group or None
        None where no answer stands there, or where it is denied ("A is wrong") or a range.
        A group with no letters is contradictory: `A or B`, `B. <the text of option C>`.
    """
    instead = _INSTEAD.match(text, at)
    first = _FIRST.match(text, instead.end() if instead else at)
    if first is None:
        return None
    start, end = first.start("run" if first["run"] else "letter"), first.end()
    letters, either = list(first["run"] or first["letter"]), False
    while len(letters) < 27 and (more := _NEXT.match(text, end)):
        letters.append(more["letter"])
        either = either or more["either"] is not None
        end = more.end()
    upper = [letter.upper() for letter in letters]
    if any(letter not in allowed for letter in upper) or not _ends_well(text, start, end, contents):
        return None
    if first["run"] and len(set(upper)) < len(upper):
        return None
    if either or (len(upper) == 1 and _other_text(text, end, upper[0], contents)):
        return Group("", start, end)
    return Group("".join(sorted(set(upper))), start, end)


def is_denied(text: str, end: int) -> bool:
    """Tell whether what follows a letter says that it is not the answer, or begins a range."""
    return _DENIED.match(text, end) is not None or _RANGE.match(text, end) is not None


def _ends_well(text: str, start: int, end: int, contents: Contents) -> bool:
    """Tell whether a letter stands for itself and is no word, article or part of a name."""
    if is_denied(text, end):
        return False
    delimited = _DELIMITED.match(text, end)
    if delimited and delimited["rest"][0].islower():
        return _is_label(text[start], delimited["rest"], contents)
    if _SET_OFF.match(text, end):
        return True
    own = contents.own(text[start].upper())
    if own and contents.leading(text[end : end + 2 * len(own) + 80]) == text[start].upper():
        return True
    joins = _JOINS.match(text, end)
    if joins is None:
        return False
    # "is a" and "as a" before a noun are articles; "A because" is an answer.
    return text[start].isupper() or text[start] not in "ai"


def _is_label(letter: str, rest: str, contents: Contents) -> bool:
    """Tell `B. because` and `B. metformin`, option B's text, from `E. coli`."""
    if _FUNCTION_WORD.match(rest):
        return True
    own = contents.own(letter.upper())
    first_word = own.partition(" ")[0]
    return bool(own) and rest.casefold().startswith(first_word)


def _other_text(text: str, end: int, letter: str, contents: Contents) -> bool:
    """Tell whether the line after a label is the text of another option."""
    delimited = _DELIMITED.match(text, end)
    if delimited is None:
        return False
    said = contents.equal(delimited["rest"])
    return said is not None and said != letter
