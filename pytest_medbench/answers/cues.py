"""Where a text states its answer: the words models announce one with, English and Chinese."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_STATEMENTS = 100


class Statement(NamedTuple):
    """The place right after the words that announce an answer.

    `final` is set where the words mark it as the final or corrected one, or it is boxed; `linked`
    where a colon or a verb such as "is" leads to the answer.
    """

    at: int
    final: bool
    linked: bool


_FINAL = r"""
\\boxed\s?\{(?:\s?\\(?:text|mathrm|textbf|mathbf)\s?\{)?
|<(?:final_?)?answer>
|(?<![^\n])\#{4}(?=\s?\S)
|\b(?:final|corrected|revised|updated)\s(?:answer|choice|option|selection|result|response|diagnosis)
|\bcorrection:?\s(?:the\s)?(?:correct\s)?answer\b
|(?:最终|最后|更正后|更正|修正后|修正)的?[:：,，]?\s?(?:正确)?(?:答案|选择|选项|结果|结论|诊断)
"""

_NOUN = r"""
(?<!wrong\s)(?<!incorrect\s)(?<!worst\s)(?<!false\s)(?<!\bno\s)
  \banswers?(?!\s(?:choices?|options?|key|with|the|only|in)\b)\b
|\bans\b\.?
|\b(?:correct|right|best|appropriate|likely|suitable|true|accurate|ideal|preferred)\s
  (?:options?|choices?|statements?|response|letters?|selections?)\b
|(?<!错误)(?<!错误的)(?<!示例)(?<!参考)答案
|(?<![^\n。；;，,：\s])答(?=\s?[:：<])
|正确(?:的)?(?:选项|选择|说法|项)
"""

_VERB = r"""
(?:(?<=\bi\s)|(?<=\bwe\s)|(?<=['’]d\s)|(?<=['’]ll\s)
  |(?<=\bi\swould\s)|(?<=\bi\swill\s)|(?<=\bwe\swould\s)|(?<=\bwe\swill\s))
  (?:choose|pick|select|chose|picked|go\swith|opt\sfor|vote\sfor)\b
|(?<![不非勿待可单多首])(?<!不[能应可会该宜建])(?<!不建议)(?<!排除)
  (?:应选择?|故选择?|选择|因此选|所以选|建议选|选)(?![项取用题])
"""

_LINK = r"""
(?:\s?[:：=]\s{0,3}
|\s?[-–—](?=\s)
|\s?(?:is|are|was|would|should|must|will|be|to|this|that|question|the|here|for|case|patient|
   clearly|therefore|thus|hence|probably|likely|most|definitely|indeed|actually|still|
   option|options|choice|choices|letter|letters|answer|correct|best|i\s(?:choose|chose|think|believe))\b
|\s?(?:应该是|应该为|应该|应当|应为|应是|应|即为|就是|就|为|是|选择|选项|选|填|如下|的|最佳)
){0,6}
"""

_CUE = re.compile(
    rf"(?:(?P<final>{_FINAL})|{_NOUN}|{_VERB})(?P<link>{_LINK})",
    re.IGNORECASE | re.VERBOSE,
)
_HEADING = re.compile(
    r"(?:(?<=\n)|^) ?(?P<final>final )?(?:the )?(?:correct |best )?answer ?\n{1,2} ?",
    re.IGNORECASE,
)


_KEYS = (
    *(
        "\\boxed",
        "<answer>",
        "<final",
        "####",
        "final ",
        "correction",
        "corrected ",
        "revised ",
        "updated ",
    ),
    *("answer", "ans", "correct ", "right ", "best ", "appropriate ", "likely ", "suitable "),
    *("true ", "accurate ", "ideal ", "preferred "),
    *("choose", "pick", "select", "chose", "go with", "opt for", "vote for"),
)
_CHINESE_KEYS = (
    *(
        "最终",
        "最后",
        "更正",
        "修正",
        "答",
        "正确",
        "应选",
        "故选",
        "因此选",
        "所以选",
        "建议选",
        "选",
    ),
)
_MOST_KEYS = 2_000


def statements(text: str) -> list[Statement]:
    """Find the places where an answer may follow, at most 100, the last ones if there are more.

    Parameters
    ----------
    text : str
        From `visible`, runs of blanks already one.
    """
    found = []
    end = 0
    # Finding the few key words first takes a tenth of the time of searching with the pattern.
    for key in _key_places(text):
        cue = _CUE.match(text, key) if key >= end else None
        if cue is not None:
            found.append(Statement(cue.end(), cue["final"] is not None, bool(cue["link"])))
            end = cue.end()
    found += [
        Statement(cue.end(), cue["final"] is not None, True)
        for cue in (_HEADING.finditer(text) if "\n" in text else ())
    ]
    return found[-MAX_STATEMENTS:]


def _key_places(text: str) -> list[int]:
    plain = text.lower()
    if len(plain) != len(text):
        plain = text
    keys = _KEYS if text.isascii() else _KEYS + _CHINESE_KEYS
    places: set[int] = set()
    for key in keys:
        place = plain.find(key)
        while place >= 0:
            places.add(place)
            place = plain.find(key, place + len(key))
    return sorted(places)[-_MOST_KEYS:]


def first_line(text: str) -> str:
    """Give the first line that is not blank."""
    return text.lstrip().partition("\n")[0].strip()


def last_line(text: str) -> str:
    """Give the last line that is not blank."""
    return text.rstrip().rpartition("\n")[2].strip()


_SENTENCE = re.compile(r"(?<=[\w)%])[.;](?=\s)|[。；]")


def conclusion(text: str) -> str:
    """Give the last sentence of the last line if it draws a conclusion, or nothing."""
    sentences = [each for each in _SENTENCE.split(last_line(text)) if each.strip()]
    return sentences[-1].strip() if sentences and _CLOSED.search(sentences[-1]) else ""


_CLOSED = re.compile(
    r"\b(?:so|therefore|thus|hence|is|are|was|equals?|approximately|about|result|total|score)\b"
    r"|[=≈:]|因此|所以|故|综上|为|是|约|得",
    re.IGNORECASE,
)
