"""Finds suites below paths, also from a file inside one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_medbench.errors import ConfigError
from pytest_medbench.suites import SUITE_FILE, is_suite_file


def find_suites(paths: Iterable[Path]) -> list[Path]:
    """Give the `suite.toml` files that some paths mean, each once, in the order of the paths.

    Parameters
    ----------
    paths : iterable of Path
        Folders, which are searched to the bottom without those whose name begins with a dot;
        `suite.toml` files; or any file inside a suite's folder.

    Raises
    ------
    ConfigError
        If a path does not exist, no suite lies below it, or it is a file outside any suite.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path}: there is no such file or folder")
        here = list(_below(path)) if path.is_dir() else [_around(path)]
        if not here:
            raise ConfigError(f"{path}: no suite below it; expected folders with a {SUITE_FILE}")
        for place in here:
            found.setdefault(place.resolve(), place)
    return list(found.values())


def one_suite(path: Path) -> Path:
    """Give the only `suite.toml` a path means.

    Raises
    ------
    ConfigError
        If there is none, or more than one.
    """
    found = find_suites([path])
    if len(found) > 1:
        raise ConfigError(f"{path}: {len(found)} suites lie below it; name one of them")
    return found[0]


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        place = Path(root) / SUITE_FILE
        if SUITE_FILE in files and is_suite_file(place):
            yield place


def _around(file: Path) -> Path:
    if file.name == SUITE_FILE:
        return file
    for folder in file.resolve().parents:
        place = folder / SUITE_FILE
        if place.exists() and is_suite_file(place):
            return _relative_to_file(file, place)
    raise ConfigError(f"{file}: lies in no suite's folder; expected a {SUITE_FILE} beside it")


def _relative_to_file(file: Path, place: Path) -> Path:
    """Say the suite's place as the file's was said, so that messages look alike."""
    near = file.parent / SUITE_FILE
    return near if near.exists() and near.resolve() == place.resolve() else place
