"""Reads the published results of medbench-brasil: a run for each model."""

from __future__ import annotations

import dataclasses
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pytest_medbench import gates
from pytest_medbench.catalogue import Catalogue
from pytest_medbench.errors import MedbenchError
from pytest_medbench.importers.medbench_brasil import FORMAT, RESULTS, import_medbench_brasil
from pytest_medbench.importers.medbench_brasil_results import Results, read_results
from pytest_medbench.importers.writing import Report
from pytest_medbench.options import Options
from pytest_medbench.outcomes import Outcome
from pytest_medbench.repeats import join
from pytest_medbench.runs import PLAN, RunError, RunFolder, read_plan
from pytest_medbench.session import verdicts_document
from pytest_medbench.suites import SUITE_FILE, Suite

SUITES = "suites"
HOME = ".medbench"
_PROCESS = "main"
_VERSIONS = ("pytest-medbench", "pytest", "pytest-xdist", "openai", "scipy")
_SETTINGS = (
    "concurrency",
    "cache",
    "sample",
    "seed",
    "shard",
    "baseline",
    "accept_as",
    "accept_reason",
    "strict",
    "report_only",
    "allow_partial",
    "ci",
)
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")


def import_medbench_brasil_runs(source: Path, target: Path, *, force: bool = False) -> Report:
    """Write one run for each model whose answers were published.

    Parameters
    ----------
    source : Path
        The repository's folder.
    target : Path
        The project's folder: its `suites` hold the editions as `import_medbench_brasil` writes
        them, the runs are written to `.medbench/runs/medbench-brasil-MODEL`.
    force : bool
        Whether runs that were imported earlier are replaced; no other run ever is.

    Returns
    -------
    Report
        Nothing raises on the source's content. `items` counts the outcomes of all runs.

    Notes
    -----
    What a response came to is taken over as it was published, the response's text is not. An item
    asked K times is one outcome with K scores, as `--medbench-repeats=K` leaves it.
    """
    report = Report()
    catalogue = Catalogue(Options(root=target))
    try:
        suites = _suites(catalogue, source, target, report)
        if suites:
            found = read_results(source, suites, catalogue, report)
            if not found:
                report.add(source, None, f"no results here; expected {RESULTS}/EDITION/*.json")
            for model, results in found.items():
                _import_run(model, results, catalogue, target, report, force=force)
    finally:
        catalogue.close()
    return report


def _suites(catalogue: Catalogue, source: Path, target: Path, report: Report) -> dict[str, Suite]:
    """Give the target's suites that ask what was asked."""
    with tempfile.TemporaryDirectory() as scratch:
        asked = Catalogue(Options(root=Path(scratch)))
        try:
            drafts = import_medbench_brasil(source, Path(scratch))
            if not drafts.written:
                for problem in drafts.problems:
                    report.add(problem.place, problem.line, problem.message)
            same: dict[str, Suite] = {}
            for folder in drafts.written:
                path = target / SUITES / folder.name / SUITE_FILE
                reason = _difference(asked, folder / SUITE_FILE, catalogue, path)
                if reason is None:
                    same[folder.name] = catalogue.read(path)
                else:
                    report.add(path, None, reason)
        finally:
            asked.close()
    return same


def _difference(asked: Catalogue, draft: Path, catalogue: Catalogue, path: Path) -> str | None:
    """Say in what a suite differs from what was asked and is right; None if in nothing."""
    if not path.is_file():
        return (
            f"there is no suite; its runs were not taken over: write it with medbench import "
            f"{FORMAT} SOURCE -o {SUITES}"
        )
    try:
        theirs, ours = _asked(asked, draft), _asked(catalogue, path)
    except MedbenchError as error:
        return str(error)
    changed = [id_ for id_ in theirs if ours.get(id_) != theirs[id_]]
    more = [id_ for id_ in ours if id_ not in theirs]
    if changed or more:
        named = ", ".join([*changed, *more][:3])
        return (
            f"{len(changed) + len(more):,} items are not what the models were asked ({named}); "
            "the runs of this suite were not taken over: import the suite anew"
        )
    return None


def _asked(catalogue: Catalogue, path: Path) -> dict[str, Any]:
    suite = catalogue.read(path)
    items = [catalogue.item(suite, entry) for entry in suite.entries if entry.problem is None]
    return {item.id: (catalogue.request(suite, item).messages, item.target) for item in items}


def _import_run(
    model: str,
    results: Results,
    catalogue: Catalogue,
    target: Path,
    report: Report,
    *,
    force: bool,
) -> None:
    home = target / HOME
    run_id = f"{FORMAT}-{_UNSAFE.sub('_', model)}"
    place = home / "runs" / run_id
    try:
        _check_place(place, force=force)
        home.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".import-", dir=home))
        try:
            draft = RunFolder(home, run_id, scratch / run_id)
            outcomes = _write_journals(draft, results)
            _write_verdict(draft, model, results, catalogue, target, outcomes)
            shutil.rmtree(place, ignore_errors=True)
            # A new and empty folder, and a home that version control leaves alone.
            RunFolder(home, run_id)
            draft.path.replace(place)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except (OSError, MedbenchError) as error:
        report.add(place, None, str(error))
        return
    report.written.append(place)
    report.items += len(outcomes)


def _check_place(place: Path, *, force: bool) -> None:
    if not place.exists():
        return
    if not force:
        raise FileExistsError("the run is there already; it was not touched: force the import")
    if (place / PLAN).is_file() and read_plan(place).get("imported_from") == FORMAT:
        return
    raise RunError(f"{place}: was not imported from {FORMAT}; it was not touched")


def _write_journals(folder: RunFolder, results: Results) -> dict[tuple[str, str], Outcome]:
    repeated = [each for by_id in results.samples.values() for each in by_id.values()]
    if results.repeats > 1:
        journal = folder.samples(_PROCESS)
        for repeats in repeated:
            for sample, outcome in enumerate(repeats):
                journal.append(outcome, None, sample)
        journal.close()
    found = [join(repeats, correct_at=1.0, must_pass=False) for repeats in repeated]
    journal = folder.journal(_PROCESS)
    for outcome in found:
        journal.append(outcome, None)
    journal.close()
    return {(outcome.suite, outcome.id): outcome for outcome in found}


def _write_verdict(
    folder: RunFolder,
    model: str,
    results: Results,
    catalogue: Catalogue,
    root: Path,
    outcomes: Mapping[tuple[str, str], Outcome],
) -> None:
    suites = [suite for suite in catalogue.suites if suite.name in results.samples]
    rules = [
        gate
        for suite in suites
        for gate in gates.parse_gates(suite.spec.gates, f"{suite.path} [gates]", scope=suite.name)
    ]
    selected = {suite.name: frozenset(entry.id for entry in suite.entries) for suite in suites}
    decision = gates.decide(suites, selected, outcomes, rules, gates.Circumstances())
    folder.write_plan(
        {
            **_plan(model, results.repeats, suites, catalogue, root),
            "planned": decision.planned,
            "partial": None,
            "gates": [dataclasses.asdict(gate) for gate in rules],
        }
    )
    folder.write_verdicts(verdicts_document(model, decision, None, ()))


def _plan(
    model: str, repeats: int, suites: Sequence[Suite], catalogue: Catalogue, root: Path
) -> dict[str, Any]:
    versions = {name: version(name) for name in _VERSIONS}
    options = Options(root=root)
    return {
        "format": 1,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "imported_from": FORMAT,
        "narrowed_by": [],
        "control": False,
        "model": {"name": model, "kind": "imported", "revision": None},
        "suites": [
            {
                "name": suite.name,
                "version": suite.spec.suite.version,
                "path": suite.path.relative_to(root).as_posix(),
                "digest": suite.digest,
                "prompt_digest": catalogue.prompt_digest(suite),
                "scorer": suite.spec.score.model_dump(),
                "items": len(suite.entries),
                "planned": len(suite.entries),
                "selected": "all",
            }
            for suite in suites
        ],
        "settings": {name: getattr(options, name) for name in _SETTINGS} | {"repeats": repeats},
        "taxonomy": [],
        "versions": versions | {"python": platform.python_version()},
        "commit": None,
    }
