"""What is fuzzed: every extractor, every scorer, and every reader of a file, by name.

The extractors and the scorers are found by looking, so that a new one is fuzzed without a word
said here; one that needs an argument not known here fails `test_fuzz_corpus.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_medbench import answers, scorers
from pytest_medbench.errors import MedbenchError
from pytest_medbench.exchange import Response
from pytest_medbench.suites import Item, ScoreTable

OPTIONS = ["5 mg", "50 mg", "500 mg", "5 g", "metformin", "都不是", "A and B", "III"]
PROMPT = "Which dose is right, and why do you think so? 哪一个剂量是正确的？ " * 3
# What a reader's further arguments are given.
ARGUMENTS: dict[str, Any] = {"options": OPTIONS, "labels": ["yes", "no", "maybe"], "order": "dmy"}
# One item each that the scorer can use; a scorer that is not here fails a test.
ITEMS: dict[str, dict[str, Any]] = {
    "choice": {"options": OPTIONS, "target": "B"},
    "multi": {"options": OPTIONS, "target": "BD"},
    "number": {"target": {"value": 5.5, "lower": 5, "upper": 6}},
    "date": {"target": "2026-03-05"},
    "weeks_days": {"target": [38, 6]},
    "yes_no": {"target": "no"},
    "text": {"target": ["metformin", "二甲双胍"]},
    "json": {"target": {"dose": 5, "drugs": ["a", "b"], "name": "metformin", "deep": {"a": [1]}}},
    "judge": {"target": None},
    "key_points": {
        "target": {
            "points": [
                {
                    "point": "aspirin",
                    "any": ["aspirin", "阿司匹林", "a*"],
                    "with": [["chew", "嚼"]],
                },
                {"point": "dose", "any": ["dose"], "number": {"value": 300, "unit": "mg"}},
                {"point": "number", "number": {"value": 5, "unit": "", "tolerance": 0.1}},
                {"point": "no vomiting", "any": ["vomiting", "催吐"], "negated": True},
            ],
            "max_length": 500,
        }
    },
    "refusal": {"target": "decline"},
    "triage": {"target": ["urgent", "routine"]},
}
# Sentences, scopes and points are more work than one answer is.
SECONDS = {"key_points": 0.5, "refusal": 0.2, "triage": 0.2}
FINISHES = ("stop", "length", "content_filter")


@dataclass(frozen=True)
class Target:
    """Something that reads what others wrote.

    Parameters
    ----------
    name : str
    kind : str
        Which inputs it is given first: text, toml, json or lines.
    run : callable
        Reads some bytes.
    raises : tuple of type
        What it may raise besides this project's own errors, as its docstring says.
    seeds : tuple of bytes
        Inputs it accepts.
    seconds : float
        What 100 kB may take.
    """

    name: str
    kind: str
    run: Callable[[bytes], object]
    raises: tuple[type[Exception], ...] = ()
    seeds: tuple[bytes, ...] = ()
    seconds: float = 0.050


def decoded(data: bytes) -> str:
    """Give text that may hold halves of surrogate pairs, as JSON from a server may."""
    return data.decode("utf-8", "surrogateescape")


def extractors() -> list[Target]:
    """Give every public function of `answers` that takes a text."""
    found = []
    for name in answers.__all__:
        function = getattr(answers, name)
        if inspect.isfunction(function) and "text" in inspect.signature(function).parameters:
            seconds = 0.1 if "prompt" in inspect.signature(function).parameters else 0.05
            run = _reading(function)
            found.append(Target(f"answers.{name}", "text", run, seconds=seconds))
    return found


def _reading(function: Callable[..., object]) -> Callable[[bytes], object]:
    parameters = inspect.signature(function).parameters
    given = {name: value for name, value in ARGUMENTS.items() if name in parameters}

    def run(data: bytes) -> None:
        text = decoded(data)
        function(text, **given)
        # A second reading, which has its own time.
        if "prompt" in parameters:
            function(text, **given, prompt=text[: len(text) // 2] or PROMPT, partial=True)

    return run


def scoring() -> list[Target]:
    """Give every scorer of the registry that needs no judge."""
    return [
        Target(f"scorer.{name}", "text", _scored(name), seconds=SECONDS.get(name, 0.05))
        for name in scorers.names()
        if name in ITEMS and not scorers.bind(ScoreTable(scorer=name)).needs_judge
    ]


def _scored(name: str) -> Callable[[bytes], object]:
    bound = scorers.bind(ScoreTable(scorer=name))
    item = Item.model_validate({"id": "q", "input": PROMPT, **ITEMS[name]})
    bound.inspect(item)

    def run(data: bytes) -> None:
        finish = FINISHES[len(data) % len(FINISHES)]
        score = bound.score(item, Response(decoded(data), finish_reason=finish))
        assert 0 <= score.value <= 1

    return run


def is_allowed(target: Target, error: BaseException) -> bool:
    """Tell whether an exception is this project's own, with a text that can be shown."""
    if isinstance(error, MedbenchError):
        return is_showable(str(error))
    return isinstance(error, target.raises)


def is_showable(text: str) -> bool:
    """Tell whether a message is fit for a terminal: lines of printable characters, not too long."""
    return len(text) < 20_000 and all(line.isprintable() for line in text.split("\n"))


def every_target() -> list[Target]:
    """Give all targets, in a fixed order."""
    from fuzz_readers import readers  # it makes scratch files, which the extractors do not need

    return [*extractors(), *scoring(), *readers()]
