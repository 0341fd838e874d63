"""The early stop: blocks before the plan is through, whatever order the answers arrive in."""

from __future__ import annotations

import json

import made_suites as made
import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import KEY, Project, questions

from pytest_medbench.errors import ConfigError
from pytest_medbench.gates import parse_gates
from pytest_medbench.gates.early import EarlyStop
from pytest_medbench.outcomes import Outcome
from pytest_medbench.rates import Rates, read_rates

GATES = parse_gates({"safety.medication": 0.9}, "here", scope=None)
STOP = "--medbench-early-stop"
UNSAFE = "--medbench-model=python:unsafe:answer"
# Seeded by the item's name: wrong in four of ten of the medication items.
UNSAFE_MODEL = """
import hashlib
import key

def answer(request):
    unlucky = hashlib.sha256(request.item.encode()).digest()[0] < 102
    return key.wrong(request) if request.item.startswith("m") and unlucky else key.right(request)
"""


def early(rates: Rates = Rates(), *, number: int = 60) -> EarlyStop:  # noqa: B008 - frozen
    suite = made.suite(made.entries(number, safety=("medication",)))
    return EarlyStop([suite], {suite.name: made_ids(number)}, GATES, rates, seed=0)


def made_ids(number: int) -> frozenset[str]:
    return frozenset(entry.id for entry in made.entries(number))


def ended(name: str, letter: str) -> Outcome:
    outcome = made.outcome("exam", name, letter)
    assert outcome is not None
    return outcome


@given(st.lists(st.sampled_from("cwe"), min_size=60, max_size=60), st.randoms())
def test_the_order_of_arrival_changes_nothing(ends: list[str], draw: object) -> None:
    outcomes = [ended(f"i{at}", end) for at, end in enumerate(ends)]
    assert {outcome.id for outcome in outcomes} == made_ids(60)
    shuffled = list(outcomes)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    found = []
    for arrived in (outcomes, shuffled):
        stop = early()
        for outcome in arrived:
            stop.note(outcome)
        found.append(stop.blocks)
    assert found[0] == found[1]


def test_what_is_missing_never_stops_a_run() -> None:
    stop = early()
    for name in sorted(made_ids(60)):
        assert stop.note(ended(name, "e")) is None


def test_a_stop_waits_for_the_clusters_before_it() -> None:
    stop = early()
    first = stop._tests[0].clusters[0][1]
    for name in sorted(made_ids(60) - {first}):
        assert stop.note(ended(name, "w")) is None
    assert "early stop: safety.medication" in (stop.note(ended(first, "w")) or "")
    assert stop.blocks[0].seen < 20
    assert stop.blocks[0].low > stop.blocks[0].p0 == pytest.approx(0.1)


def test_the_gate_gives_the_rate_and_the_tests_share_alpha() -> None:
    suite = made.suite(
        [
            *made.entries(20, safety=("medication",)),
            *made.entries(9, "d", safety=("device_safety",)),
        ]
    )
    gates = parse_gates({"safety.*": {"min": 0.8}, "overall": 0.5}, "here", scope=None)
    ids = {suite.name: frozenset(entry.id for entry in suite.entries)}
    tests = EarlyStop([suite], ids, gates, Rates(), seed=3).document["tests"]
    assert [(test["slice"], test["clusters"]) for test in tests] == [
        ("safety.device_safety", 9),
        ("safety.medication", 20),
    ]
    assert [test["p0"] for test in tests] == pytest.approx([0.2, 0.2])
    assert {test["alpha"] for test in tests} == {0.025}


def test_no_slice_to_test_is_said() -> None:
    suite = made.suite(made.entries(5))
    with pytest.raises(ConfigError, match="no safety or harm slice of this run has a gate"):
        EarlyStop([suite], {suite.name: made_ids(5)}, GATES, Rates(), seed=0)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"p0": 0}, "p0 = 0: expected a number over 0 and under 1"),
        ({"p2": 0.1}, "unknown key 'p2'"),
        ({"p1": 0.1}, "expected p0 as well"),
        ({"p0": 0.2, "p1": 0.1}, "p1 over it"),
        ({"alpha": 0.6}, "at most 0.5"),
        ({"beta": "x"}, "beta = 'x'"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(table: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_rates(table, "medbench.toml [tool.medbench]")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("early"))
    project.key_model()
    project.write("unsafe.py", UNSAFE_MODEL)
    project.suite(
        [
            *questions(3_000, prefix="o"),
            *questions(150, prefix="m", safety=["medication"], harm="moderate"),
        ],
        gates='overall = 0.5\n"safety.medication" = 0.9',
    )
    project.config('[tool.medbench]\ncache = "off"\nconcurrency = 4\n')
    return project


def stopped_line(project: Project) -> str:
    (line,) = [each for each in project.verdicts()["reasons"] if each.startswith("early stop")]
    return str(line)


def test_an_unsafe_model_is_stopped_and_blocked_in_the_plans_order(project: Project) -> None:
    result = project.run("suites", UNSAFE, STOP, "--snapshot-update")
    # What was to be accepted and was refused makes it a usage error over all.
    assert result.status == 4, result.out
    assert "a run that was stopped" in result.out or "stopped" in result.out
    assert not list(project.root.rglob("__snapshots__"))
    result = project.run("suites", UNSAFE, STOP)
    assert result.status == 1, result.out
    assert "early stop: safety.medication" in result.out
    assert "the rest is not decided" in result.out
    serial, asked = stopped_line(project), len(project.journal())
    assert asked < 1_000
    plan = json.loads((project.runs()[-1] / "plan.json").read_text("utf-8"))
    (test,) = plan["early_stop"]["tests"]
    assert test["slice"] == "safety.medication"
    assert test["suite"] == "demo"
    result = project.run("suites", UNSAFE, STOP, "-n", "2")
    assert result.status == 1, result.out
    assert stopped_line(project) == serial
    # Whoever has no case of the slice in hand is told to stop, too.
    assert len(project.journal()) < 3_000


def test_a_good_model_runs_the_whole_plan(project: Project) -> None:
    result = project.run("suites", KEY, STOP)
    assert result.status == 0, result.out
    assert len(project.journal()) == 3_150


def test_a_shard_cannot_be_stopped_early(project: Project) -> None:
    result = project.run("suites", KEY, STOP, "--medbench-shard=1/2")
    assert result.status == 4
    assert "a shard decides nothing" in result.out
