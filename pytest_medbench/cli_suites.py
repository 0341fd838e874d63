"""The commands of `medbench` that are about suites: lint, new, show, coverage."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_medbench.taxonomy import Taxonomy


def add_commands(commands: Any) -> None:
    """Add the parsers of these commands to those of `medbench`."""
    command = commands.add_parser("lint", help="check suites, without asking a model")
    command.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="a folder of suites, or a file of one"
    )
    command.add_argument("--format", choices=["text", "json"], default="text")
    command.add_argument(
        "--rule", action="append", default=[], metavar="RULE", help="apply this rule; repeatable"
    )
    command.add_argument("--no-advice", action="store_true", help="tell errors only")
    _add_taxonomy(command)
    command.set_defaults(run=_lint)

    command = commands.add_parser("new", help="write the skeleton of a suite")
    command.add_argument(
        "folder", metavar="NAME", type=Path, help="the suite's name, or its folder"
    )
    command.add_argument("--scorer", default="choice", help="default: choice")
    command.add_argument("--language", choices=["en", "zh"], default="en", help="default: en")
    command.set_defaults(run=_new)

    command = commands.add_parser("show", help="print a suite's card and what it covers")
    command.add_argument("suite", metavar="SUITE", type=Path, help="its folder or its suite.toml")
    _add_taxonomy(command)
    command.set_defaults(run=_show)

    command = commands.add_parser("coverage", help="print what suites cover, and the holes")
    command.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a folder of suites")
    command.add_argument("--format", choices=["text", "json"], default="text")
    _add_taxonomy(command)
    command.set_defaults(run=_coverage)


def _add_taxonomy(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--taxonomy",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a file that extends the taxonomy; repeatable",
    )


def _taxonomy(arguments: argparse.Namespace) -> Taxonomy:
    from pytest_medbench.taxonomy import load_taxonomy

    return load_taxonomy(arguments.taxonomy)


def _lint(arguments: argparse.Namespace) -> int:
    import gc

    from pytest_medbench.lint import find_suites, lint
    from pytest_medbench.report.linted import lint_json, write_lint
    from pytest_medbench.report.writer import PlainWriter

    suites = find_suites(arguments.paths)
    # Hundreds of thousands of items are read, and hardly any of what is kept becomes garbage.
    gc.freeze()
    gc.disable()
    try:
        linted = lint(suites, _taxonomy(arguments), arguments.rule, advice=not arguments.no_advice)
    finally:
        gc.enable()
        gc.unfreeze()
    if arguments.format == "json":
        sys.stdout.write(lint_json(linted))
    else:
        write_lint(PlainWriter(sys.stdout), linted)
    return 1 if linted.errors else 0


def _new(arguments: argparse.Namespace) -> int:
    from pytest_medbench.skeletons import write_skeleton

    for path in write_skeleton(arguments.folder, arguments.scorer, arguments.language):
        sys.stdout.write(f"{path}\n")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from pytest_medbench.lint import one_suite
    from pytest_medbench.lint.binding import Binder
    from pytest_medbench.report.card import write_card
    from pytest_medbench.report.writer import PlainWriter
    from pytest_medbench.suites import read_suite

    suite = read_suite(one_suite(arguments.suite), _taxonomy(arguments), Binder())
    write_card(PlainWriter(sys.stdout), suite)
    return 0


def _coverage(arguments: argparse.Namespace) -> int:
    from pytest_medbench.covering import cover
    from pytest_medbench.lint import find_suites
    from pytest_medbench.report.covered import coverage_json, write_coverage
    from pytest_medbench.report.writer import PlainWriter

    covered = cover(find_suites(arguments.paths), _taxonomy(arguments))
    if arguments.format == "json":
        sys.stdout.write(coverage_json(covered))
    else:
        write_coverage(PlainWriter(sys.stdout), covered)
    return 0 if covered.is_whole else 1
