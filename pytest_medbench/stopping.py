"""Ends a run early and in good order: signals, a deadline, the word of another process."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

GRACE = 3.0
INTERRUPTED = 2

_LATEST = GRACE + 7.0
_LOOKS_EVERY = 0.25
_GIVEN_UP = "medbench: "
_BY_SIGNAL = "interrupted by "


def as_stop(reason: str) -> str:
    """Give what pytest is told as the reason to stop; one that is no signal's is a run given up."""
    return reason if reason.startswith(_BY_SIGNAL) else _GIVEN_UP + reason


def is_given_up(stop: object) -> bool:
    """Tell whether pytest was stopped by this plugin, rather than by a person or by `-x`."""
    return str(stop).startswith(_GIVEN_UP)


def time_is_over(began: float, deadline: float | None) -> str | None:
    """Give the reason to stop once a deadline has passed.

    Parameters
    ----------
    began : float
        Seconds since the epoch.
    deadline : float or None
        Seconds from then on.
    """
    if deadline is None or time.time() < began + deadline:
        return None
    return (
        "the time that --medbench-deadline gives is over; what was answered is kept: start the "
        "same command again to go on"
    )


class Signals:
    """Makes the first SIGINT or SIGTERM a request to stop, and a second an end at once.

    Parameters
    ----------
    stop : callable
        Takes a reason and asks for an orderly stop; False if there is nothing to end in order,
        so that the interrupt is raised as ever.
    leave : callable
        Called before the process ends at once.
    """

    def __init__(self, stop: Callable[[str], bool], leave: Callable[[], None]) -> None:
        self._stop = stop
        self._leave = leave
        self._asked = False
        self._late = False
        self._previous: dict[signal.Signals, Any] = {}

    def install(self) -> None:
        """Take the signals over, where this is the thread that gets them."""
        if threading.current_thread() is threading.main_thread() and not self._previous:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._handle)

    def restore(self) -> None:
        """Give the signals back."""
        while self._previous:
            signal.signal(*self._previous.popitem())

    def insist(self) -> None:
        """Raise the interrupt in a while, should the orderly end not have come by then."""
        timer = threading.Timer(_LATEST, self._raise_late)
        timer.daemon = True
        timer.start()

    def _raise_late(self) -> None:
        if self._previous:
            self._late = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._late:
            self._late = False
            raise KeyboardInterrupt("what was under way did not end")
        if self._asked:
            self._leave()
            os._exit(INTERRUPTED)
        self._asked = True
        name = signal.Signals(number).name
        if not self._stop(_BY_SIGNAL + name):
            raise KeyboardInterrupt(name)


class Watch(threading.Thread):
    """Looks a few times a second whether the run is to stop, and says so once.

    Parameters
    ----------
    look : callable
        Gives a reason to stop, or None.
    stop : callable
        Called with the reason; what it gives is of no account.
    """

    def __init__(self, look: Callable[[], str | None], stop: Callable[[str], object]) -> None:
        super().__init__(name="medbench-watch", daemon=True)
        self._look = look
        self._tell = stop
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until there is a reason, or the watch is ended."""
        while not self._ended.wait(_LOOKS_EVERY):
            reason = self._look()
            if reason is not None:
                self._tell(reason)
                return

    def end(self) -> None:
        """End the watch."""
        self._ended.set()


class Stops:
    """Why and how the part of a run that is in this process ends early.

    Parameters
    ----------
    halt : callable
        Takes a reason; ends the sending of requests, here or in all workers. False if there is
        nothing to end in order.
    look : callable
        Gives the reason that another process left, or None.
    leave : callable
        Called before the process ends at once.
    controls_workers : bool
        Whether other processes have to end before this one can.

    Attributes
    ----------
    reason : str or None
        What pytest was told.
    """

    def __init__(
        self,
        halt: Callable[[str], bool],
        look: Callable[[], str | None],
        leave: Callable[[], None],
        *,
        controls_workers: bool,
    ) -> None:
        self.reason: str | None = None
        self._halt = halt
        self._look = look
        self._controls_workers = controls_workers
        self._signals = Signals(self._at_signal, leave)
        self._watch: Watch | None = None

    @property
    def why(self) -> str | None:
        """The reason, for the verdict."""
        return None if self.reason is None else self.reason.removeprefix(_GIVEN_UP)

    def begin(self, *, began: float, deadline: float | None, looks: bool) -> None:
        """Take signals over, and watch the time and what other processes leave.

        Parameters
        ----------
        began : float
            When the run did, in seconds since the epoch.
        deadline : float or None
            Seconds from then on.
        looks : bool
            Whether other processes may have left a reason.
        """
        self._signals.install()
        if self._watch is None and (looks or deadline is not None):
            look = self._look
            self._watch = Watch(lambda: time_is_over(began, deadline) or look(), self._halt)
            self._watch.start()

    def _at_signal(self, reason: str) -> bool:
        stopped = self._halt(reason)
        if stopped and self._controls_workers:
            self._signals.insist()
        return stopped

    def stop(self, session: pytest.Session, reason: str) -> None:
        """Have pytest end the session after the present item."""
        self.reason = self.reason or as_stop(reason)
        session.shouldstop = self.reason

    def end(self) -> None:
        """Give the signals back."""
        if self._watch is not None:
            self._watch.end()
        self._signals.restore()
