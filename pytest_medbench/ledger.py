"""What the processes of one run have spent and hold of its budget, in one small file."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_medbench.pools import Amount, LedgerError, Totals, UsedUp

# So many requests' worth is taken at a time, if there is enough: it is what a killed process loses.
LEASE = 64
_BLOCK = 4096
_WAITED_FOR = b"W"
_numbers = itertools.count()


@dataclass(slots=True)
class _Books:
    """What stands in the file: who holds how much, and who waits."""

    spent: Amount = field(default_factory=Amount)
    lost: Amount = field(default_factory=Amount)
    held: dict[str, Amount] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)

    def left(self, limit: Amount) -> Amount:
        return limit - self.spent - self.lost - sum(self.held.values(), Amount())

    def hold(self, owner: str, amount: Amount) -> None:
        self.held.pop(owner, None)
        if amount:
            self.held[owner] = amount

    def wait(self, owner: str, waits: bool) -> None:
        if waits != (owner in self.waiting):
            (self.waiting.append if waits else self.waiting.remove)(owner)


class Ledger:
    """A pool in a file that several processes of one machine share.

    The file is overwritten in place by one system call under a lock, so that neither a killed
    process nor a full disk leaves half of it. Each process that holds something also holds a lock
    on a file of its own beside it, by which the others see that it lives.

    Parameters
    ----------
    path : Path
        The file, in the run's folder. It counts on where a run is resumed.
    limit : Amount
    workers : int
        Processes that share it; no lease is more than a quarter of a worker's even part of what
        is left, unless one request needs more.
    """

    def __init__(self, path: Path, limit: Amount, workers: int) -> None:
        self._path = path
        self._limit = limit
        self._parts = 4 * max(1, workers)
        self._owner = f"{os.getpid()}-{next(_numbers)}-{secrets.token_hex(3)}"
        self._fd: int | None = None
        self._life: int | None = None

    def lease(self, kept: Amount, spent: Amount, need: Amount) -> Amount | None:
        """See `Pool.lease`."""
        with self._books() as books:
            books.spent += spent
            books.hold(self._owner, kept)
            left = books.left(self._limit)
            fits = left.covers(need)
            if not fits or books.waiting:
                self._bury_the_dead(books)
            others = any(owner != self._owner for owner in books.held)
            books.wait(self._owner, not fits and (others or bool(kept)))
            if fits:
                granted = need if books.waiting else self._portion(need, left)
                books.hold(self._owner, kept + granted)
                return granted
        if others or kept:
            return None
        raise UsedUp(left)

    def _portion(self, need: Amount, left: Amount) -> Amount:
        """Take enough for a while, and leave enough for the others."""

        def part(needed: int, free: int) -> int:
            return max(needed, min(needed * LEASE, free // self._parts))

        return Amount(part(need.requests, left.requests), part(need.money, left.money))

    def give_back(self, kept: Amount, spent: Amount) -> None:
        """See `Pool.give_back`."""
        with self._books() as books:
            books.spent += spent
            books.hold(self._owner, kept)

    def is_waited_for(self) -> bool:
        """See `Pool.is_waited_for`. One byte is read, without the lock."""
        return self._fd is not None and os.pread(self._fd, 1, 0) == _WAITED_FOR

    def totals(self) -> Totals:
        """See `Pool.totals`."""
        with self._books() as books:
            return Totals(books.spent, books.lost)

    def close(self) -> None:
        """See `Pool.close`. What is still held counts as lost."""
        still_held = False
        if self._fd is not None:
            still_held = True
            with contextlib.suppress(LedgerError), self._books() as books:
                books.wait(self._owner, waits=False)
                still_held = self._owner in books.held
            os.close(self._fd)
        if self._life is not None:
            if not still_held:
                self._life_of(self._owner).unlink(missing_ok=True)
            os.close(self._life)
        self._fd = self._life = None

    def _life_of(self, owner: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{owner}")

    def _bury_the_dead(self, books: _Books) -> None:
        """Count as spent what processes held that are gone."""
        for owner in {*books.held, *books.waiting} - {self._owner}:
            if self._is_gone(owner):
                books.lost += books.held.pop(owner, Amount())
                books.wait(owner, waits=False)

    def _is_gone(self, owner: str) -> bool:
        try:
            with self._life_of(owner).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            return True
        self._life_of(owner).unlink(missing_ok=True)
        return True

    @contextlib.contextmanager
    def _books(self) -> Iterator[_Books]:
        """Give the file's content under the lock, and write back what became of it."""
        try:
            fd = self._open()
            fcntl.flock(fd, fcntl.LOCK_EX)
            try:
                before = os.pread(fd, max(_BLOCK, os.fstat(fd).st_size), 0)
                books = _read(before) if before else _Books()
                yield books
                after = _written(books)
                if after != before.rstrip():
                    size = -(-max(len(before), len(after) + 1) // _BLOCK) * _BLOCK
                    _put(fd, after.ljust(size - 1) + b"\n")
            finally:
                fcntl.flock(fd, fcntl.LOCK_UN)
        except OSError as error:
            raise LedgerError(
                f"{self._path}: cannot be written: {error.strerror}; without it the budget could "
                "be exceeded"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(
                f"{self._path}: is no ledger of a budget; without it the budget could be exceeded: "
                "start a new run"
            ) from error

    def _open(self) -> int:
        if self._fd is None:
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
            if self._life is None:
                self._life = os.open(self._life_of(self._owner), flags, 0o644)
                fcntl.flock(self._life, fcntl.LOCK_EX)
            self._fd = os.open(self._path, flags, 0o644)
        return self._fd


def _put(fd: int, data: bytes) -> None:
    if os.pwrite(fd, data, 0) != len(data):
        os.pwrite(fd, data, 0)  # the disk is full: the second call says so


def _written(books: _Books) -> bytes:
    document = {
        "format": 1,
        "spent": _pair(books.spent),
        "lost": _pair(books.lost),
        "held": {owner: _pair(amount) for owner, amount in books.held.items()},
        "waiting": books.waiting,
    }
    mark = _WAITED_FOR if books.waiting else b" "
    return mark + json.dumps(document).encode()


def _read(data: bytes) -> _Books:
    document = json.loads(data[1:])
    if document["format"] != 1:
        raise ValueError(document["format"])
    return _Books(
        spent=_amount(document["spent"]),
        lost=_amount(document["lost"]),
        held={str(owner): _amount(pair) for owner, pair in document["held"].items()},
        waiting=[str(owner) for owner in document["waiting"]],
    )


def _pair(amount: Amount) -> list[int]:
    return [amount.requests, amount.money]


def _amount(pair: Any) -> Amount:
    requests, money = pair
    return Amount(int(requests), int(money))
