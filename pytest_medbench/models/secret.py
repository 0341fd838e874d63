"""A key that does not show itself, and takes itself out of what others wrote."""

from __future__ import annotations

from typing import Any

_WINDOW = 8
_REMOVED = "[key removed]"


class Secret:
    """Holds an API key.

    Parameters
    ----------
    value : str
        The key.
    """

    __slots__ = ("_blocks", "_value", "_windows")

    def __init__(self, value: str) -> None:
        self._value = value
        last = max(1, len(value) - _WINDOW + 1)
        self._windows = frozenset(value[i : i + _WINDOW] for i in range(last)) - {""}
        # Eight consecutive characters of the key hold one of these blocks whole, so that text
        # without any is known to be clean after a few searches.
        whole = len(value) < _WINDOW
        self._blocks = (
            tuple(self._windows)
            if whole
            else tuple({value[i : i + 4] for i in range(0, len(value) - 3, 4)})
        )

    def __repr__(self) -> str:
        return "Secret(...)"

    def reveal(self) -> str:
        """Give the key, for the one place that sends it."""
        return self._value

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")

    def touches(self, text: str) -> bool:
        """Tell whether `text` may hold a part of the key."""
        return any(block in text for block in self._blocks)

    def scrub(self, text: str) -> str:
        """Take out every run of 8 or more characters of the key (all of it if it is shorter)."""
        if not self.touches(text):
            return text
        hidden = bytearray(len(text))
        for window in self._windows:
            at = text.find(window)
            while at >= 0:
                hidden[at : at + len(window)] = b"\1" * len(window)
                at = text.find(window, at + 1)
        if not any(hidden):
            return text
        shown = []
        for at, character in enumerate(text):
            if not hidden[at]:
                shown.append(character)
            elif at == 0 or not hidden[at - 1]:
                shown.append(_REMOVED)
        return "".join(shown)

    def scrub_json(self, value: Any) -> Any:
        """Take the key out of every string of a JSON value."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, list):
            return [self.scrub_json(entry) for entry in value]
        if isinstance(value, dict):
            return {self.scrub(key): self.scrub_json(entry) for key, entry in value.items()}
        return value
