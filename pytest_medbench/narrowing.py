"""What left items out of a run: pytest's own flags, and ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_medbench.options import Options


def narrowed_by(config: pytest.Config, options: Options) -> list[str]:
    """Name what leaves items out, at the time the plan is made.

    A shard is not named: merging the shards decides on the whole.
    """
    given = {**_of_pytest(config), **_of_medbench(options)}
    return [name for name, narrows in given.items() if narrows]


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
