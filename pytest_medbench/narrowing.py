"""What left items out of a run: pytest's own flags, and ours."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.catalogue import Catalogue
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


def read_selected(
    catalogue: Catalogue, root: Path, node_ids: Iterable[str], places: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Find the suites and items that node ids stand for, reading the suites.

    Node ids of ordinary tests are left out. `places` are the paths of suites by node id; suites
    that have none are looked for under `root`.
    """
    suites = {node_id: catalogue.read(Path(place)) for node_id, place in places.items()}
    found = []
    for node_id in node_ids:
        path, separator, item = node_id.partition("::")
        if separator and Path(path).name == "suite.toml":
            suite = suites.get(path) or catalogue.read(root / path)
            found.append((node_id, suite.name, _item_id(suite, item)))
    return found


def _item_id(suite: Suite, name: str) -> str:
    try:
        return suite.entry(name).id
    except KeyError:
        # --dist=loadgroup appends the name of the xdist group.
        return name.rpartition("@")[0]


def check_selection(catalogue: Catalogue, options: Options) -> None:
    """Refuse selection flags that name a label that no item has. Raises ConfigError."""
    from pytest_medbench.selection import select

    select(options, ((suite, entry) for suite in catalogue.suites for entry in suite.entries))


def safety_first(items: list[pytest.Item], seed: int, workers: int) -> None:
    """Put the cases that the early stop looks at first, in the order in which it looks.

    Each of several workers gets an unbroken part of the items: dealt out like cards, so that all
    of them begin with what is looked at first.
    """
    from pytest_medbench.cases import Case
    from pytest_medbench.gates.early import clusters_in, place_of
    from pytest_medbench.stats.sequential import order

    names: dict[tuple[str, str], str] = {}
    suites = {case.suite.name: case.suite for case in items if isinstance(case, Case)}
    for suite in suites.values():
        for cluster, groups in clusters_in(suite).items():
            entries = [entry for group in groups for entry in group]
            if any(entry.labels.safety for entry in entries):
                place = place_of(suite.name, cluster)
                names.update(((suite.name, entry.id), place) for entry in entries)
    places = {name: at for at, name in enumerate(order(names.values(), seed))}

    def rank(item: pytest.Item) -> int:
        name = names.get((item.suite.name, item.entry.id)) if isinstance(item, Case) else None
        return len(places) if name is None else places[name]

    items.sort(key=rank)
    items[:] = [item for first in range(workers) for item in items[first::workers]]
