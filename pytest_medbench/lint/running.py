"""Runs the rules over suites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_medbench.errors import ConfigError, MedbenchError, SuiteError, nearest
from pytest_medbench.gates import check_gates, parse_gates
from pytest_medbench.lint.binding import Binder
from pytest_medbench.lint.model import Check, Finding, Row
from pytest_medbench.lint.registry import RULES, checks, describe
from pytest_medbench.prompts import Prompter
from pytest_medbench.suites import Suite, read_suite
from pytest_medbench.suites.explaining import shortened
from pytest_medbench.taxonomy import Taxonomy

# Findings kept of each rule in each suite; further ones are counted.
MOST = 1_000

describe(
    {
        "schema": "a suite or a line that cannot be used, a doubled id, a label nobody knows",
        "prompt": "a template, placeholder or few-shot examples that cannot be used",
        "gates": "a gate that cannot mean what it says, or that a blind answer passes",
        "unknown-scorer": "a scorer that is not built in, so that targets were not checked",
    }
)


@dataclass
class Linted:
    """What a lint found.

    Parameters
    ----------
    suites : dict of str to int
        How many items each suite has, by name.
    findings : list of Finding
        By file and line; at most 1,000 of each rule in each suite.
    counts : Counter of (str, str)
        How often each rule at each level was broken, without what is waived.
    waived : Counter of str
        How often each rule was waived.
    omitted : Counter of (str, str)
        Findings beyond those kept, by suite and rule.
    """

    suites: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    waived: Counter[str] = field(default_factory=Counter)
    omitted: Counter[tuple[str, str]] = field(default_factory=Counter)
    _kept: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def errors(self) -> int:
        """How many errors there are; waived ones do not count."""
        return sum(count for (level, _), count in self.counts.items() if level == "error")

    @property
    def advice(self) -> int:
        """How many pieces of advice there are; waived ones do not count."""
        return sum(count for (level, _), count in self.counts.items() if level == "advice")

    def add(self, finding: Finding) -> None:
        """Take in a finding."""
        if finding.waived:
            self.waived[finding.rule] += 1
        else:
            self.counts[finding.level, finding.rule] += 1
        place = finding.suite, finding.rule
        if self._kept[place] < MOST:
            self._kept[place] += 1
            self.findings.append(finding)
        else:
            self.omitted[place] += 1


def check_names(given: Iterable[str]) -> frozenset[str]:
    """Give the rules meant; all where none is named.

    Raises
    ------
    ConfigError
        For a name that no rule has.
    """
    wanted = frozenset(given)
    for name in sorted(wanted - RULES.keys()):
        hint = nearest(name, RULES) or "; there are " + ", ".join(sorted(RULES))
        raise ConfigError(f"rule {name!r} is unknown{hint}")
    return wanted or frozenset(RULES)


def lint(
    suites: Iterable[Path], taxonomy: Taxonomy, rules: Collection[str] = (), *, advice: bool = True
) -> Linted:
    """Check suites, each alone and all together.

    Parameters
    ----------
    suites : iterable of Path
        `suite.toml` files, as `find_suites` gives them.
    taxonomy : Taxonomy
        The labels that may be used.
    rules : collection of str
        The rules to apply; all where there are none.
    advice : bool
        Whether advice is told, too.

    Raises
    ------
    ConfigError
        For a rule that there is not.
    SuiteError
        If a file is changed while it is read.
    """
    wanted = check_names(rules)
    run = _Run(wanted, taxonomy, advice=advice)
    for path in suites:
        run.read(path)
    run.finish()
    return run.result


class _Run:
    """One lint."""

    def __init__(self, wanted: frozenset[str], taxonomy: Taxonomy, *, advice: bool) -> None:
        self.result = Linted()
        self._wanted = wanted
        self._taxonomy = taxonomy
        self._advice = advice
        self._checks: Sequence[Check] = checks(wanted)
        self._waivers: dict[tuple[str, str], frozenset[str]] = {}

    def read(self, path: Path) -> None:
        """Check one suite."""
        binder = Binder()
        try:
            suite = read_suite(path, self._taxonomy, binder)
        except SuiteError as error:
            self._tell([_of_suite("schema", path.parent.name, error)])
            return
        if suite.name in self.result.suites:
            message = f"name {suite.name!r} is taken by another suite; give each its own"
            self._tell([_of_suite("schema", suite.name, SuiteError(path, None, message))])
            return
        self.result.suites[suite.name] = len(suite.entries)
        self._tell(_of_reading(suite, self._taxonomy, binder.unknown))
        sizes = Counter(entry.group for entry in suite.entries)
        reader = suite.reader()
        try:
            for entry in suite.entries:
                if entry.problem is None:
                    self._see(Row(suite, entry, reader(entry), grouped=sizes[entry.group] > 1))
        finally:
            reader.close()

    def _see(self, row: Row) -> None:
        if row.waived:
            self._waivers[row.suite.name, row.entry.id] = row.waived
        for check in self._checks:
            self._tell(check.see(row))

    def finish(self) -> None:
        """Check what only all suites together show, and sort."""
        for check in self._checks:
            self._tell(check.finish())
        self.result.findings.sort(key=lambda found: (str(found.place), found.line or 0))

    def _tell(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if finding.rule not in self._wanted:
                continue
            if finding.level == "advice" and not self._advice:
                continue
            waived = self._waivers.get((finding.suite, finding.item or ""), ())
            self.result.add(replace(finding, waived=True) if finding.rule in waived else finding)


def _of_reading(suite: Suite, taxonomy: Taxonomy, unknown: str | None) -> Iterator[Finding]:
    items = suite.items_path
    for entry in suite.entries:
        if entry.problem is not None:
            message = entry.problem.removeprefix(f"{items}:{entry.line}: ")
            yield Finding("schema", "error", suite.name, items, entry.line, entry.id, message)
    if unknown is not None:
        message = (
            f"scorer {unknown!r:.80} is not built in; targets were not checked, nor what only its "
            "code knows"
        )
        yield Finding("unknown-scorer", "advice", suite.name, suite.path, None, None, message)
    yield from _tried("prompt", suite, lambda: Prompter(suite))
    if unknown is None:
        yield from _tried("gates", suite, lambda: _check_gates(suite, taxonomy))


def _tried(rule: str, suite: Suite, action: Callable[[], object]) -> Iterator[Finding]:
    try:
        action()
    except MedbenchError as error:
        yield _of_suite(rule, suite.name, error, suite.path)


def _check_gates(suite: Suite, taxonomy: Taxonomy) -> None:
    gates = parse_gates(suite.spec.gates, "[gates]", scope=suite.name)
    check_gates(gates, [suite], taxonomy)


def _of_suite(rule: str, name: str, error: MedbenchError, place: Path | None = None) -> Finding:
    if isinstance(error, SuiteError):
        return Finding(rule, "error", name, error.place, error.line, None, error.message)
    assert place is not None
    return Finding(rule, "error", name, place, None, None, shortened(str(error)))
