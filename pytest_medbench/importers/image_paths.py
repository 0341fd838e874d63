"""Reads the paths of images, written as a list, as one path, or as the text of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_STRING = re.compile(r"""'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)\"""")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ITSELF = frozenset("\\'\"/")
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HALVES = re.compile("[\ud800-\udfff]")


def read_image_paths(value: Any) -> list[str]:
    """Give the relative paths that `img_path` names.

    Parameters
    ----------
    value : list of str, or str
        A list; one path; or the text of a list, as Python or JSON write one.

    Raises
    ------
    ValueError
        If it is none of these, or a path is empty, absolute, a URL, leaves its folder by `..`,
        or holds a backslash or a control character.
    """
    if isinstance(value, str):
        text = value.strip()
        listed = text.startswith("[") and text.endswith("]")
        value = parse_list_text(text) if listed else [value]
    if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
        raise ValueError(
            f"img_path = {_short(value)}: expected a list of paths, a path, or the text of a list"
        )
    for path in value:
        _check(path)
    return value


def parse_list_text(text: str) -> list[str]:
    """Read a flat list of quoted strings; nothing is evaluated.

    Raises
    ------
    ValueError
        If the text is anything else.
    """
    strings: list[str] = []
    body = text.strip()
    if body[:1] != "[" or body[-1:] != "]" or len(body) < 2:
        raise _not_a_list(text)
    body = body[1:-1].strip()
    position = 0
    while position < len(body):
        found = _STRING.match(body, position)
        if found is None:
            raise _not_a_list(text)
        strings.append(_unescape(found[1] if found[1] is not None else found[2], text))
        position = _after_comma(body, found.end(), text)
    return strings


def _after_comma(body: str, position: int, text: str) -> int:
    while position < len(body) and body[position].isspace():
        position += 1
    if position < len(body) and body[position] != ",":
        raise _not_a_list(text)
    position += 1
    while position < len(body) and body[position].isspace():
        position += 1
    return position


def _unescape(quoted: str, text: str) -> str:
    def replace(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        if code is not None:
            if int(code, 16) > 0x10FFFF:
                raise _not_a_list(text)
            return chr(int(code, 16))
        if found[4] in _ITSELF:
            return found[4]
        if found[4] not in _SIMPLE:
            raise _not_a_list(text)
        return _SIMPLE[found[4]]

    plain = _ESCAPE.sub(replace, quoted)
    if _HALVES.search(plain):
        # JSON writes a character beyond U+FFFF as two halves.
        try:
            plain = plain.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise _not_a_list(text) from error
    return plain


def _check(path: str) -> None:
    parts: Sequence[str] = path.split("/")
    wrong = None
    if not path.strip():
        wrong = "is empty"
    elif _CONTROL.search(path):
        wrong = "holds a control character"
    elif "\\" in path:
        wrong = "holds a backslash; write it with '/'"
    elif path.startswith(("/", "~")) or _DRIVE.match(path):
        wrong = "is absolute; expected a path relative to the data set's folder"
    elif "://" in path:
        wrong = "is a URL; expected a path relative to the data set's folder"
    elif ".." in parts:
        wrong = "leaves the data set's folder by '..'"
    if wrong is not None:
        raise ValueError(f"img_path {_short(path)} {wrong}")


def _not_a_list(text: str) -> ValueError:
    return ValueError(f"img_path = {_short(text)}: expected the text of a list of quoted paths")


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
