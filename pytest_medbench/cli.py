"""The `medbench` command."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_medbench.cli_suites import add_commands
from pytest_medbench.errors import MedbenchError
from pytest_medbench.report.plain import printable, printable_lines

if TYPE_CHECKING:
    from pytest_medbench.baselines.accepting import Accepted
    from pytest_medbench.comparing import Compared
    from pytest_medbench.importers import Report


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns
    -------
    int
        0 done; 1 something was left out, and named; 2 nothing was done. That of `merge` is the
        verdict's, or 2 where none could be made. Of `compare` 1 is a drop that is shown or a flip
        that blocks, and 10 inconclusive. That of `plan` is pytest's.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except (MedbenchError, OSError) as error:
        print(printable_lines(f"medbench: {error}"), file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="medbench", description="Suites and runs of pytest-medbench."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("import", help="make suites from a public dataset's files")
    command.add_argument(
        "format",
        choices=[
            "medbench-v4",
            "pubmedqa",
            "medxpertqa",
            "medbench-brasil",
            "medbench-brasil-runs",
        ],
    )
    command.add_argument("source", type=Path, help="the file or folder as it was published")
    command.add_argument("-o", "--output", type=Path, required=True, help="folder for the suites")
    command.add_argument("--force", action="store_true", help="replace suites that are there")
    command.set_defaults(run=_import)

    command = commands.add_parser(
        "export", help="write a run's answers as a benchmark's site takes them"
    )
    command.add_argument("format", choices=["medbench-v4"])
    command.add_argument("run_folder", metavar="RUN", help="a run's id or folder")
    command.add_argument("-o", "--output", type=Path, required=True, help="the .zip to write")
    command.add_argument(
        "--allow-missing",
        action="store_true",
        help="leave out items without an answer, naming them",
    )
    command.add_argument("--home", type=Path, default=Path(".medbench"), help="default: .medbench")
    command.set_defaults(run=_export)

    command = commands.add_parser("runs", help="list the runs of this project, newest first")
    command.add_argument("--home", type=Path, default=Path(".medbench"), help="default: .medbench")
    command.set_defaults(run=_runs)

    command = commands.add_parser("merge", help="join the runs of shards into one verdict")
    command.add_argument("runs", metavar="RUN", nargs="+", help="a run's id or folder")
    command.add_argument("-o", "--output", type=Path, help="the new run's folder")
    command.add_argument("--home", type=Path, default=Path(".medbench"), help="default: .medbench")
    command.set_defaults(run=_merge)

    command = commands.add_parser("accept", help="make a whole run the baseline of its suites")
    command.add_argument("run_folder", metavar="RUN", help="a run's id or folder; a merged one too")
    command.add_argument("--as", dest="key", metavar="NAME", help="default: the model's name")
    command.add_argument(
        "--reason", metavar="TEXT", help="why, where the run blocked or is inconclusive"
    )
    command.add_argument("--home", type=Path, default=Path(".medbench"), help="default: .medbench")
    command.set_defaults(run=_accept)

    command = commands.add_parser("anchor", help="make the present baseline the anchor")
    command.add_argument("key", metavar="KEY", help="the accepted name")
    command.add_argument("--reason", metavar="TEXT", required=True, help="why; it is kept")
    command.add_argument("--home", type=Path, default=Path(".medbench"), help="default: .medbench")
    command.set_defaults(run=_anchor)

    command = commands.add_parser("compare", help="hold a run against an earlier one")
    command.add_argument("old", metavar="RUN_A", help="the earlier run's id or folder")
    command.add_argument("new", metavar="RUN_B", help="the later run's id or folder")
    command.add_argument(
        "--redact", action="store_true", help="leave out all that was asked and answered"
    )
    command.add_argument("--format", choices=["text", "json"], default="text")
    command.add_argument("-o", "--output", type=Path, help="the file to write; default: print")
    command.add_argument("--home", type=Path, default=Path(".medbench"), help="default: .medbench")
    command.set_defaults(run=_compare)

    command = commands.add_parser(
        "plan",
        help="say what a run would ask, cost and take, and ask nothing",
        usage="medbench plan [PYTEST ARGUMENTS...]",
        # pytest's arguments are its own to read, those that begin with a hyphen too.
        prefix_chars="\0",
        add_help=False,
    )
    command.add_argument("pytest_arguments", nargs=argparse.REMAINDER)
    command.set_defaults(run=_plan)

    add_commands(commands)
    return parser


def _import(arguments: argparse.Namespace) -> int:
    from pytest_medbench.importers import IMPORTERS

    convert = IMPORTERS[arguments.format]
    return _told(convert(arguments.source, arguments.output, force=arguments.force))


def _export(arguments: argparse.Namespace) -> int:
    from pytest_medbench.importers import EXPORTERS

    folder = _run_folder(arguments.run_folder, arguments.home)
    write = EXPORTERS[arguments.format]
    return _told(write(folder, arguments.output, allow_missing=arguments.allow_missing))


def _run_folder(name: str, home: Path) -> Path:
    folder = Path(name)
    return folder if folder.is_dir() else home / "runs" / name


def _told(report: Report) -> int:
    for path in report.written:
        print(path)
    for problem in report.problems:
        print(printable_lines(f"medbench: {problem}"), file=sys.stderr)
    left_out = f", {report.omitted:,} more not shown" if report.omitted else ""
    print(f"{report.items:,} items, {len(report.problems):,} problems{left_out}")
    return 0 if report.ok else 1


def _runs(arguments: argparse.Namespace) -> int:
    from pytest_medbench.runs import list_runs

    runs = list_runs(arguments.home)
    if not runs:
        print(f"no runs under {arguments.home}")
    for run in runs:
        status = "-" if run.exit_status is None else run.exit_status
        line = f"{run.id}  {run.verdict:<13} exit {status:<3} {run.planned:>7,} items  {run.model}"
        print(printable(line))
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    from pytest_medbench.merging import merge
    from pytest_medbench.report.terminal import write_decision
    from pytest_medbench.report.writer import PlainWriter

    runs = [_run_folder(name, arguments.home) for name in arguments.runs]
    merged = merge(runs, home=arguments.home, output=arguments.output)
    writer = PlainWriter(sys.stdout)
    decision, place = merged.decision, str(merged.folder)
    write_decision(writer, decision, model=merged.model, run=merged.run, place=place)
    if merged.exit_status != decision.exit_status:
        writer.write_line(
            "--medbench-strict: wrong and unparsable items are failed tests "
            f"(exit status {merged.exit_status})"
        )
    return merged.exit_status


def _accept(arguments: argparse.Namespace) -> int:
    from pytest_medbench.baselines.accepting import accept

    folder = _run_folder(arguments.run_folder, arguments.home)
    root = arguments.home.resolve().parent
    return _said(accept(folder, root=root, key=arguments.key, reason=arguments.reason))


def _anchor(arguments: argparse.Namespace) -> int:
    from pytest_medbench.baselines.accepting import move_anchor

    root = arguments.home.resolve().parent
    return _said(move_anchor(root, arguments.key, arguments.reason))


def _said(accepted: Accepted) -> int:
    for path in accepted.written:
        print(printable(str(path)))
    key = printable(repr(accepted.key), 200)
    print(f"{key}: {len(accepted.written):,} written, {len(accepted.unchanged):,} as they were")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from pytest_medbench.comparing import compare_runs

    old, new = (_run_folder(name, arguments.home) for name in (arguments.old, arguments.new))
    # Hundreds of thousands of outcomes are read, and none of them becomes garbage.
    gc.disable()
    try:
        return _give_out(compare_runs(old, new, arguments.home.resolve().parent), arguments)
    finally:
        gc.enable()


def _give_out(compared: Compared, arguments: argparse.Namespace) -> int:
    from pytest_medbench.report.compared import compared_json, compared_text

    try:
        make = {"json": compared_json, "text": compared_text}[arguments.format]
        data = make(compared, redact=arguments.redact)
    finally:
        compared.catalogue.close()
    if arguments.output is None:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(data.encode(encoding, "backslashreplace").decode(encoding))
    else:
        arguments.output.write_text(data, encoding="utf-8")
    return compared.exit_status


def _plan(arguments: argparse.Namespace) -> int:
    import pytest

    given: list[str] = arguments.pytest_arguments
    if given[-1:] in (["-h"], ["--help"]):
        print("usage: medbench plan [PYTEST ARGUMENTS...], see pytest --help")
        return 0
    # This command has imported the package that pytest then finds as a plugin. Of several filters
    # the last counts, and after `--` there are only files.
    end = given.index("--") if "--" in given else len(given)
    quiet = ["-W", "ignore:Module already imported so cannot be rewritten; pytest_medbench"]
    return int(pytest.main(["--medbench-plan-only", *given[:end], *quiet, *given[end:]]))
