"""Reads what the models of medbench-brasil answered, as it was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_medbench.catalogue import Catalogue
from pytest_medbench.importers.medbench_brasil import RESULTS, read_object
from pytest_medbench.importers.writing import Report, is_item_id
from pytest_medbench.outcomes import Cause, Outcome, Status
from pytest_medbench.suites import Suite

MOST_REPEATS = 100


@dataclass
class Results:
    """What was published of one model.

    Parameters
    ----------
    repeats : int
        How often each question was asked, from 1 to 100.
    samples : dict
        By suite and id, an outcome for each repeat.
    """

    repeats: int
    samples: dict[str, dict[str, list[Outcome]]] = field(default_factory=dict)


def read_results(
    source: Path, suites: Mapping[str, Suite], catalogue: Catalogue, report: Report
) -> dict[str, Results]:
    """Read the results of some suites.

    Parameters
    ----------
    source : Path
        The repository's folder.
    suites : mapping of str to Suite
        By the edition's name.
    catalogue : Catalogue
        Has read them.
    report : Report
        Gets a problem for each file that is left out, and each question without an answer.

    Returns
    -------
    dict of str to Results
        By the model's name.
    """
    found: dict[str, Results] = {}
    for name, suite in suites.items():
        targets = {entry.id: str(catalogue.item(suite, entry).target) for entry in suite.entries}
        for path in sorted((source / RESULTS / name).glob("*.json")):
            try:
                answers = _read_file(path, name, targets)
                results = found.setdefault(answers.model, Results(answers.repeats))
                _check_fits(answers, name, results)
            except (OSError, ValueError) as error:
                report.add(path, None, f"{error}; the file was left out")
                continue
            results.samples[name] = answers.samples
            for id_ in sorted(targets.keys() - answers.samples.keys()):
                report.add(path, None, f"{id_}: no answer was published")
    return found


@dataclass(frozen=True)
class _Answers:
    """One file: a model's answers to one edition."""

    model: str
    repeats: int
    samples: dict[str, list[Outcome]]


def _check_fits(answers: _Answers, suite: str, results: Results) -> None:
    if suite in results.samples:
        raise ValueError(f"another file is of model {answers.model!r} as well")
    if answers.repeats != results.repeats:
        raise ValueError(
            f"{answers.repeats} runs a question, and {results.repeats} in another edition; a run "
            "has one number of repeats"
        )


def _read_file(path: Path, suite: str, targets: Mapping[str, str]) -> _Answers:
    value = read_object(path)
    model, repeats = value.get("modelId"), value.get("runsPerQuestion")
    questions = value.get("perQuestion")
    if not isinstance(model, str) or not is_item_id(model):
        raise ValueError("key 'modelId': expected a name")
    if type(repeats) is not int or not 1 <= repeats <= MOST_REPEATS:
        raise ValueError(f"key 'runsPerQuestion': expected a number from 1 to {MOST_REPEATS}")
    if not isinstance(questions, list) or not questions:
        raise ValueError("key 'perQuestion': expected a list")
    samples: dict[str, list[Outcome]] = {}
    for question in questions:
        id_ = question.get("questionId") if isinstance(question, dict) else None
        if not isinstance(id_, str) or id_ not in targets or id_ in samples:
            raise ValueError(f"questionId {str(id_)[:80]!r}: expected the suite's ids, each once")
        runs = question.get("runs")
        if not isinstance(runs, list) or len(runs) != repeats:
            raise ValueError(f"{id_}: key 'runs': expected a list of {repeats}")
        samples[id_] = [_outcome(suite, id_, run, targets[id_]) for run in runs]
    return _Answers(model, repeats, samples)


def _outcome(suite: str, id_: str, run: Any, target: str) -> Outcome:
    parsed = run.get("parsed") if isinstance(run, dict) else False
    if parsed is not None and (not isinstance(parsed, str) or len(parsed) != 1):
        raise ValueError(f"{id_}: key 'parsed': expected a letter or null")
    right = parsed == target
    if run.get("correct") is not right:
        said = str(run.get("correct"))[:80]
        raise ValueError(f"{id_}: {parsed!r} has correct = {said}, and the target is {target!r}")
    if parsed is None:
        return Outcome(suite, id_, Status.UNPARSABLE, 0.0, None, Cause.NO_ANSWER, tries=1)
    return Outcome(
        suite, id_, Status.CORRECT if right else Status.WRONG, float(right), parsed, tries=1
    )
