"""What a phrase does to a scope of negation."""

from __future__ import annotations

from enum import Enum, auto


class Kind(Enum):
    """What a phrase does to a scope."""

    NOT = auto()
    """Opens one."""
    BOTH = auto()
    """Opens one, and negates what stands before it in its clause: "must not be given"."""
    REVERSE = auto()
    """Opens one, or ends the one it stands in: "do not stop", "not without"."""
    SHORT = auto()
    """Opens one of a few characters: `non`, a bare 不."""
    PASSIVE = auto()
    """Negates what stands before it if it follows a form of "be", else opens one."""
    BACK = auto()
    """Negates what stands before it in its clause, if anything does, else opens one."""
    LIMIT = auto()
    """Takes an open one back: "not … more than"."""
    STOP = auto()
    """Ends one, and begins a clause."""
    SOFT = auto()
    """Ends one unless it follows its cue at once: 立即, but not in 不能立即."""
    OF = auto()
    """Ends one that 未 opened: 未控制的."""
    PAUSE = auto()
    """A comma in a list: the scope goes on."""
    LIST = auto()
    """A Chinese comma before a short segment: only the scope of 否认 goes on."""
    COLON = auto()
    """Ends one, unless a heading goes before it: "Avoid: …"."""
    DASH = auto()
    """Ends one that `no` or `not` opened, and leaves "Avoid – …" as it is."""
    NEUTRAL = auto()
    """Leaves all as it is, and hides the cues in it."""
