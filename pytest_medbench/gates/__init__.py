"""Gates, and the one place where a verdict is made."""

from pytest_medbench.gates.check import check_gates
from pytest_medbench.gates.decide import decide
from pytest_medbench.gates.measure import SliceScore
from pytest_medbench.gates.rules import Gate, parse_gates
from pytest_medbench.gates.verdict import (
    Circumstances,
    Decision,
    GateVerdict,
    MustPassFailure,
    Verdict,
    combine,
)

__all__ = [
    "Circumstances",
    "Decision",
    "Gate",
    "GateVerdict",
    "MustPassFailure",
    "SliceScore",
    "Verdict",
    "check_gates",
    "combine",
    "decide",
    "parse_gates",
]
