"""The time of day, as one process sees it: a clock that is set during a run changes nothing."""

from __future__ import annotations

import time

# What counts on while the machine sleeps: Linux's monotonic clock stands still then, macOS's not.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_START = time.time() - time.clock_gettime(_STEADY)


def now() -> float:
    """Give the seconds since the epoch: the wall clock at the start, and a steady one from there.

    Within a process it never goes back and never jumps, so that no response is dated before the
    request to it, or counts as a day old because the machine's clock was put right.
    """
    return _START + time.clock_gettime(_STEADY)
