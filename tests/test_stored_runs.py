"""Published runs of real models: their figures come out again, and their versions are compared."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from public_data import read

from pytest_medbench.baselines.hashes import made_with, suite_hashes
from pytest_medbench.baselines.making import Finished, check_acceptable, make_baselines
from pytest_medbench.baselines.whole_run import read_finished
from pytest_medbench.gates import Verdict
from pytest_medbench.gates.measure import measure
from pytest_medbench.gates.regression import Against, Comparison, SliceChange, compare
from pytest_medbench.gates.slices import Index
from pytest_medbench.groups import score_groups
from pytest_medbench.importers import import_medbench_brasil, import_medbench_brasil_runs
from pytest_medbench.outcomes import Status

EDITIONS = {"enamed-2025": 82, "revalida-2024-1": 85, "revalida-2024-2": 89, "revalida-2025-1": 85}
MODELS = 21
REPEATS = 3


class Stored(NamedTuple):
    """The published files, and the project that they were imported into."""

    source: Path
    root: Path
    runs: Mapping[str, Path]


@pytest.fixture(scope="module")
def stored(benchmark_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    source = benchmark_files / "medbench_brasil"
    if not source.is_dir():
        pytest.skip("medbench_brasil is not among the public benchmark files here")
    root = tmp_path_factory.mktemp("stored")
    suites = import_medbench_brasil(source, root / "suites")
    assert {path.name for path in suites.written} == set(EDITIONS)
    report = import_medbench_brasil_runs(source, root)
    assert report.ok
    assert report.items == MODELS * sum(EDITIONS.values())
    runs = {path.name.removeprefix("medbench-brasil-"): path for path in report.written}
    return Stored(source, root, runs)


class Published(NamedTuple):
    """One model's published figures for one edition."""

    run: str
    edition: str
    figures: dict[str, Any]


def published(stored: Stored) -> Iterator[Published]:
    for edition in EDITIONS:
        for path in sorted((stored.source / "results" / edition).glob("*.json")):
            figures = json.loads(path.read_text(encoding="utf-8"))
            yield Published(figures["modelId"].replace("/", "_"), edition, figures)


def wilson(right: float, n: int, z: float) -> tuple[float, float]:
    """Give Wilson's score interval (1927)."""
    rate, shrunk = right / n, 1 + z * z / n
    middle = (rate + z * z / (2 * n)) / shrunk
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / shrunk
    return middle - half, middle + half


@pytest.fixture(scope="module")
def finished(stored: Stored) -> Iterator[dict[str, Finished]]:
    found = {name: read_finished(folder, stored.root) for name, folder in stored.runs.items()}
    yield found
    for run in found.values():
        run.catalogue.close()


class TestFigures:
    def test_questions_are_those_the_benchmark_asks(self, stored: Stored) -> None:
        for edition, count in EDITIONS.items():
            suite = read(stored.root / "suites" / edition)
            assert len(suite.entries) == count
            assert not [entry for entry in suite.entries if entry.problem]
            assert suite.spec.prompt.system is not None

    def test_accuracy_and_interval_are_the_published_ones(
        self, stored: Stored, finished: dict[str, Finished]
    ) -> None:
        """The interval is Wilson's at z = 1.96, with every repeat taken for a question."""
        compared = 0
        for run, edition, figures in published(stored):
            scores = scores_of(finished[run], edition)
            n = REPEATS * len(scores)
            right = sum(sum(each) for each in scores.values())
            assert (right, n) == (figures["correct"], figures["total"])
            assert right / n == pytest.approx(figures["accuracy"], abs=1e-12)
            assert wilson(right, n, 1.96) == pytest.approx(figures["ci95"], abs=1e-12)
            compared += 1
        assert compared == MODELS * len(EDITIONS)

    def test_specialties_are_the_published_ones(
        self, stored: Stored, finished: dict[str, Finished]
    ) -> None:
        """The publisher counts a question of two specialties in both."""
        for run, edition, figures in published(stored):
            suite = next(s for s in finished[run].catalogue.suites if s.name == edition)
            scores = scores_of(finished[run], edition)
            by_specialty: defaultdict[str, list[float]] = defaultdict(list)
            for entry in suite.entries:
                item = finished[run].catalogue.item(suite, entry)
                for label in item.meta["specialty"]:
                    by_specialty[label] += scores[entry.id]
            assert {
                label: {"accuracy": sum(each) / len(each), "n": len(each)}
                for label, each in by_specialty.items()
            } == figures["perSpecialty"]

    def test_suites_slice_has_the_published_accuracy_and_a_wider_interval(
        self, stored: Stored, finished: dict[str, Finished]
    ) -> None:
        """Three answers to one question are no three questions."""
        for run, edition, figures in published(stored):
            suite = next(s for s in finished[run].catalogue.suites if s.name == edition)
            ids = {entry.id for entry in suite.entries}
            index = Index({edition: score_groups(suite, ids, finished[run].outcomes)})
            ours = measure(index, f"suite.{edition}", None, 0.975)
            low, high = figures["ci95"]
            assert ours.scored == EDITIONS[edition]
            assert ours.score == pytest.approx(figures["accuracy"], abs=1e-12)
            assert ours.high - ours.low > high - low
            assert ours.low < low

    def test_what_could_not_be_read_is_unparsable(self, finished: dict[str, Finished]) -> None:
        """Two of 21,483 published answers hold no letter, each one of three of its question."""
        samples = [
            json.loads(line)
            for run in finished
            for line in (stored_samples(finished[run])).read_text(encoding="utf-8").splitlines()
        ]
        assert len(samples) == MODELS * REPEATS * sum(EDITIONS.values())
        unread = [row for row in samples if row["status"] == Status.UNPARSABLE]
        assert len(unread) == 2
        assert all(row["answer"] is None for row in unread)

    def test_publisher_read_other_letters_than_a_model_stated(self, stored: Stored) -> None:
        """The letters are taken over as they were read; where a text says so, they are wrong."""
        stated = other = 0
        for path in stored.source.glob("results/*/meta-llama_llama-4-scout.raw.jsonl"):
            for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
                row = json.loads(line)
                letter = re.search(r"The best answer is \(?([A-D])\b", row["rawResponse"][-80:])
                stated += letter is not None
                other += letter is not None and letter[1] != row["parsed"]
        assert (stated, other) == (691, 226)


def stored_samples(finished: Finished) -> Path:
    root = finished.catalogue.suites[0].path.parents[2]
    return root / ".medbench" / "runs" / finished.run / "samples-main.jsonl"


def scores_of(finished: Finished, edition: str) -> dict[str, tuple[float, ...]]:
    return {id_: o.scores for (suite, id_), o in finished.outcomes.items() if suite == edition}


def versions(finished: Mapping[str, Finished], old: str, new: str) -> Comparison:
    """Hold one model's run against another's, accepted."""
    accepted, run = finished[old], finished[new]
    check_acceptable(accepted, "published")
    catalogue, model = run.catalogue, run.plan["model"]
    selected = {
        suite.name: frozenset(entry.id for entry in suite.entries) for suite in catalogue.suites
    }
    return compare(
        catalogue.suites,
        selected,
        run.outcomes,
        made_with(catalogue, selected, model, repeats=REPEATS),
        [Against(old, "baseline", make_baselines(accepted, old, "published", "2026-11-22"))],
        hashes={
            suite.name: suite_hashes(catalogue, suite, model, repeats=REPEATS)
            for suite in catalogue.suites
        },
        repeats={key: outcome.scores for key, outcome in run.outcomes.items()},
    )


def overall_of(comparison: Comparison) -> SliceChange:
    return next(row for row in comparison.slices if row.key == "overall" and row.scope is None)


def verdict_of(comparison: Comparison) -> Verdict | None:
    verdicts = {finding.verdict for finding in comparison.findings}
    return Verdict.BLOCK if Verdict.BLOCK in verdicts else max(verdicts - {None}, default=None)


FAMILIES = [
    ("claude-opus-4-5", "claude-opus-4-6", None),
    ("claude-opus-4-6", "claude-opus-4-7", None),
    ("gpt-5.1", "gpt-5.2", None),
    ("gpt-5.2", "gpt-5.4", None),
    ("mistralai_mistral-large-2411", "mistralai_mistral-large-2512", None),
    ("mistralai_mistral-large-2512", "mistralai_mistral-large-2411", Verdict.BLOCK),
    ("qwen_qwen3.6-plus", "qwen_qwen3.5-122b-a10b", Verdict.BLOCK),
    ("meta-llama_llama-4-maverick", "meta-llama_llama-4-scout", Verdict.BLOCK),
]


class TestVersions:
    @pytest.mark.parametrize(("old", "new", "verdict"), FAMILIES)
    def test_versions_of_one_family(
        self,
        stored: Stored,
        finished: dict[str, Finished],
        old: str,
        new: str,
        verdict: Verdict | None,
    ) -> None:
        found = versions(finished, old, new)
        overall = overall_of(found)
        assert verdict_of(found) == verdict
        assert found.left_out == ()
        assert overall.pairs == sum(EDITIONS.values())
        mean: defaultdict[str, list[float]] = defaultdict(list)
        for run, _, figures in published(stored):
            mean[run].append(figures["accuracy"])
        change = np.mean(mean[new]) - np.mean(mean[old])
        assert overall.difference == pytest.approx(change, abs=1e-9)
        assert overall.low < change < overall.high

    @pytest.mark.parametrize("run", ["claude-opus-4-7", "meta-llama_llama-4-scout"])
    def test_model_against_itself_has_no_drop(
        self, finished: dict[str, Finished], run: str
    ) -> None:
        found = versions(finished, run, run)
        assert verdict_of(found) is None
        assert overall_of(found).difference == 0.0
        assert not [item for item in found.items if item.kind != "still wrong"]

    def test_chance_of_a_drop_is_that_of_flipping_signs(
        self, finished: dict[str, Finished]
    ) -> None:
        """An own simulation of the test, with weights by which each edition counts the same."""
        old, new = "gpt-5.2", "gpt-5.4"
        differences = [
            (sum(after) - sum(scores_of(finished[old], edition)[id_])) / REPEATS / count / 4
            for edition, count in EDITIONS.items()
            for id_, after in scores_of(finished[new], edition).items()
        ]
        draws = 40_000
        signs = np.random.default_rng(7).choice([-1.0, 1.0], (draws, len(differences)))
        flipped = np.mean(signs @ differences <= sum(differences) + 1e-12)
        error = math.sqrt(flipped * (1 - flipped) / draws)
        p = overall_of(versions(finished, old, new)).p
        assert p == pytest.approx(flipped, abs=6 * error)
