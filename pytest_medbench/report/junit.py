"""The verdict in the JUnit file: a test case for each gate, one for the run, the items' statuses.

Every mark used here is in the schemas that CI servers check, so nothing stands in properties of a
test case.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
from _pytest.junitxml import xml_key

from pytest_medbench.gates import Decision, Verdict
from pytest_medbench.outcomes import Outcome
from pytest_medbench.report.plain import printable

GATES = "medbench.gates"
# An undecided gate is shown red like a blocked one: it may not deploy, and CI servers draw skipped
# test cases as green.
_ELEMENTS = {Verdict.BLOCK: "failure", Verdict.INCONCLUSIVE: "error"}
_LONGEST = 2000


class StatusHooks:
    """Writes each item's status and answer beside its test case.

    pytest itself knows passed, failed and skipped only; a wrong answer is a passed report.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the status to the test case that pytest made."""
        wire = getattr(report, "medbench", None)
        log = self._config.stash.get(xml_key, None)
        if wire is None or log is None:
            return
        output = ET.Element("system-out")
        output.text = _status_line(Outcome.from_wire(wire))
        log.node_reporter(report).append(output)


def _status_line(outcome: Outcome) -> str:
    line = f"medbench status: {outcome.status}"
    if outcome.answer is not None:
        line += f", answered {outcome.answer!r}"
    if outcome.score is not None:
        line += f", score {outcome.score:g}"
    if outcome.reason is not None:
        line += f", {outcome.reason}"
    return printable(line, _LONGEST)


def add_decision(config: pytest.Config, decision: Decision, run: str, model: str) -> None:
    """Write the verdicts of a run into the JUnit file, where one is asked for.

    Parameters
    ----------
    config : pytest.Config
    decision : Decision
        What was decided; nothing is decided here.
    run, model : str
        The run's id and the model's name.
    """
    log = config.stash.get(xml_key, None)
    if log is None:
        return
    properties = {
        "medbench.verdict": decision.verdict.value if decision.verdict is not None else "none",
        "medbench.headline": decision.headline,
        "medbench.exit_status": str(decision.exit_status),
        "medbench.model": model,
        "medbench.run": run,
    }
    for name, value in properties.items():
        log.add_global_property(name, printable(value, _LONGEST))
    for name, verdict, lines in _rows(decision):
        case = log.node_reporter(f"{GATES}::{name}")
        case.attrs.update(classname=GATES, name=printable(name))
        element = _ELEMENTS.get(verdict)
        if element is None:
            log.add_stats("passed")
            continue
        shown = [printable(line, _LONGEST) for line in lines]
        node = ET.Element(element, message=f"{verdict}: {shown[0]}")
        node.text = "\n".join(shown)
        case.append(node)


def _rows(decision: Decision) -> Iterator[tuple[str, Verdict, list[str]]]:
    for each in decision.verdicts:
        yield each.slice.title, each.verdict, [each.reason]
    if decision.verdict is not None:
        yield "the whole run", decision.verdict, [decision.headline, *decision.reasons]
