"""The part of a response that is meant to be read: folded, bounded, without reasoning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

HEAD = 4_000
TAIL = 8_000
_CHUNK = 256
_CUT = "\n\n[...]\n\n"
_SHORTEST_ECHO = 60
_SHORTEST_PROMPT = 12
_LONGEST_BEFORE = 200

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_FOLD: dict[int, str | None] = {
    ord("½"): ".5",
    ord("¼"): ".25",
    ord("¾"): ".75",
    ord("−"): "-",
    ord("‐"): "-",
    ord("‑"): "-",
    ord("﹣"): "-",
    ord("×"): "×",
    ord("∗"): "*",
    ord("◁"): "<",
    ord("▷"): ">",
    ord("。"): "。",
    ord("…"): "…",
    **dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF], None),
    **dict.fromkeys(range(0xFDF0, 0xFDFE), " "),  # phrases in one sign, up to 18 letters long
    **dict.fromkeys([0x2028, 0x2029, 0x0085, 0x000B, 0x000C], "\n"),
}
_POWER = re.compile("(?<=[0-9)])[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4}")
_SPACES = re.compile(r"[^\S\n ][^\S\n]*| [^\S\n]+")

_REASONING = r"think|thinking|thought|thoughts|reasoning|reason|reflection|scratchpad|analysis"
_TAG = re.compile(rf"<(/?)(?:[a-z]{{1,12}}:)?(?:{_REASONING})>", re.IGNORECASE)
_CHANNEL = re.compile(r"<\|channel\|>(\w{1,20})(?:<\|message\|>)?")
_CONTROL_TOKEN = re.compile(r"<\|[a-z_]{1,20}\|>|</?s>")


def visible(text: str) -> str:
    """Give what a reader of the response sees.

    Reasoning blocks are cut out (one that is never closed reaches to the end), only the first
    4,000 and the last 8,000 characters of what is left are kept, full-width and other
    compatibility forms are folded to plain ones (NFKC; superscript powers become `^n`), and
    runs of blanks become one.
    """
    if "<" in text or "◁" in text:
        text = without_reasoning(text)
    return squeezed(fold(bounded(text)))


def squeezed(text: str) -> str:
    """Make every run of blanks within a line one blank."""
    if "  " in text or "\t" in text or "\r" in text or not text.isascii():
        text = _SPACES.sub(" ", text)
    return text.strip()


def bounded(text: str, head: int = HEAD, tail: int = TAIL) -> str:
    """Keep the beginning and the end of a long text, with a mark between them."""
    if len(text) <= head + tail:
        return text
    return text[:head] + _CUT + text[-tail:]


def fold(text: str) -> str:
    """Fold compatibility forms (full-width letters and digits, ligatures) to plain ones."""
    if text.isascii():
        return text
    text = _POWER.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    text = text.translate(_FOLD)
    if unicodedata.is_normalized("NFKC", text):
        return text
    # NFKC takes quadratic time on long runs of combining marks, so it only sees short pieces.
    pieces = (text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK))
    return "".join(unicodedata.normalize("NFKC", piece) for piece in pieces)


def without_reasoning(text: str) -> str:
    """Cut out reasoning blocks; one that is never closed reaches to the end of the text."""
    channels = list(_CHANNEL.finditer(text))
    if channels:
        last = channels[-1]
        text = text[last.end() :] if last[1] == "final" else ""
    text = text.replace("◁", "<").replace("▷", ">")
    kept: list[str] = []
    start = depth = 0
    for tag in _TAG.finditer(text):
        if not tag[1]:
            if depth == 0:
                kept.append(text[start : tag.start()])
            depth += 1
        elif depth > 0:
            depth -= 1
            start = tag.end()
        else:
            # The opening tag was part of the prompt: all up to here was reasoning.
            kept.clear()
            start = tag.end()
    if depth == 0:
        kept.append(text[start:])
    return _CONTROL_TOKEN.sub("\n", "\n".join(kept))


def prompt_text(content: str | Sequence[Mapping[str, Any]]) -> str:
    """Give the text of an item's input: a string, or the text parts of its messages."""
    if isinstance(content, str):
        return content
    said: list[str] = []
    for message in content:
        inner = message.get("content", message.get("text", ""))
        if isinstance(inner, str):
            said.append(inner)
        elif isinstance(inner, list):
            said.extend(str(part.get("text", "")) for part in inner if isinstance(part, dict))
    return "\n".join(said)


def without_echo(text: str, prompt: str) -> tuple[str, bool]:
    """Cut the prompt out of a visible text that repeats it, wholly or up to where it broke off.

    Parameters
    ----------
    text : str
        From `visible`.
    prompt : str
        From `prompt_text`.

    Returns
    -------
    tuple of (str, bool)
        What stands after the last repetition, with what stands before the first one if that is
        short (a long text there is the rest of the prompt: a system message, examples), and
        whether anything was cut. Fewer than 60 characters in common are no echo unless they are
        the whole prompt.
    """
    if len(prompt) < _SHORTEST_PROMPT or len(text) < min(len(prompt), _SHORTEST_ECHO):
        return text, False
    shown = squeezed(fold(prompt))
    if len(shown) < _SHORTEST_ECHO:
        rest = text.removeprefix(shown)
        return rest, rest != text
    first = text.find(shown[:_SHORTEST_ECHO])
    last = text.rfind(shown[:_SHORTEST_ECHO])
    closing = text.rfind(shown[-_SHORTEST_ECHO:])
    if first < 0 and closing < 0:
        is_part = len(text) >= _SHORTEST_ECHO and "\n" in text and text in shown
        return ("", True) if is_part else (text, False)
    end = last + common_length(text[last:], shown) if last >= 0 else 0
    if closing >= 0:
        end = max(end, closing + _SHORTEST_ECHO)
    before = text[: max(first, 0)]
    return (before if len(before) <= _LONGEST_BEFORE else "") + "\n" + text[end:], True


def common_length(left: str, right: str) -> int:
    """Count the characters that two texts share at their beginning."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[:middle] == right[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


_QUOTES = re.compile(r"[\"'`“”‘’「」『』《》【】\[\](){}*_#!?！？。，、；：;|~…]+")
_INNER = re.compile(r"(?<![0-9])[.,:]|[.,:](?![0-9])|(?<=[^\W\d])-(?=[^\W\d])")
_HYPHEN_END = re.compile(r"(?:(?<=\s)|^)-(?=\s|$)")
_CJK_BLANK = re.compile(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])")


def normalise(text: str) -> str:
    """Fold case, blanks, compatibility forms and punctuation that carries no meaning.

    Signs that carry meaning in medicine stay: decimal points, `-5`, `+`, `<`, `>`, `%`, `/`.
    """
    text = fold(text).casefold()
    text = _INNER.sub(" ", _QUOTES.sub(" ", text))
    text = " ".join(_HYPHEN_END.sub(" ", text).split())
    return text if text.isascii() else _CJK_BLANK.sub("", text)
