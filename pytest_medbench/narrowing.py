"""What left items out of a run: pytest's own flags, and ours."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.options import Options
    from pytest_medbench.suites import Suite


def narrowed_by(config: pytest.Config, options: Options) -> list[str]:
    """Name what leaves items out, at the time the plan is made.

    A shard is not named: merging the shards decides on the whole.
    """
    given = {**_of_pytest(config), **_of_medbench(options)}
    return [name for name, narrows in given.items() if narrows]


def deselect(config: pytest.Config, options: Options, items: list[pytest.Item]) -> None:
    """Take out the cases that the selection flags leave out.

    Raises
    ------
    ConfigError
        If a flag names a label that no item has.
    """
    from pytest_medbench.cases import Case
    from pytest_medbench.selection import is_selecting, select

    if not is_selecting(options):
        return
    cases = [item for item in items if isinstance(item, Case)]
    chosen = select(options, ((case.suite, case.entry) for case in cases))
    dropped = [case for case in cases if case.entry.id not in chosen.get(case.suite.name, ())]
    if dropped:
        gone = set(dropped)
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=dropped)


def suites_lacking(config: pytest.Config, known: Iterable[Suite], worker: str) -> list[str]:
    """Name the suites under this machine's testpaths that a worker on another one lacks.

    Parameters
    ----------
    config : pytest.Config
    known : iterable of Suite
        Those that the worker collected.
    worker : str
        Its name, for the reader.
    """
    from pytest_medbench.suites import is_suite_file

    root = Path(config.rootpath)
    there = {suite.path.resolve() for suite in known}
    here = [path for start in config.getini("testpaths") for path in _suite_files(root / start)]
    return [
        f"{os.path.relpath(path, root)} is not on {worker}"
        for path in here
        if path.resolve() not in there and is_suite_file(path)
    ]


def _suite_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("suite.toml"))


def _of_pytest(config: pytest.Config) -> dict[str, bool]:
    option = config.option
    plugins = config.pluginmanager
    last_failed = getattr(plugins.getplugin("lfplugin"), "lastfailed", None)
    session = plugins.getplugin("session")
    return {
        "-k": bool(option.keyword),
        "-m": bool(option.markexpr),
        "--deselect": bool(option.deselect),
        "--ignore": any(_holds_suites(Path(path)) for path in option.ignore or ()),
        "--ignore-glob": bool(option.ignore_glob),
        "--lf": bool(getattr(option, "lf", False) and last_failed),
        "--sw": bool(getattr(option, "stepwise", False)),
        "an item named on the command line": any("::" in argument for argument in config.args),
        # No test has run by then, so that what failed is collection.
        "collection errors": bool(getattr(session, "testsfailed", 0)),
    }


def _holds_suites(path: Path) -> bool:
    return path.name == "suite.toml" or next(path.rglob("suite.toml"), None) is not None


def _of_medbench(options: Options) -> dict[str, bool]:
    labels = {f"--medbench-{kind}": bool(names) for kind, names in options.selections.items()}
    return {**labels, "--medbench-sample": options.sample is not None}
