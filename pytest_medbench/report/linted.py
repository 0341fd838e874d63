"""What a lint found, as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pytest_medbench.lint import Finding, Linted
from pytest_medbench.report.plain import printable
from pytest_medbench.report.writer import Writer

# Findings of one rule in one suite that are printed; JSON has the rest.
ROWS = 20
_MESSAGE = 1_000


def write_lint(writer: Writer, linted: Linted) -> None:
    """Write a line for each finding that is not waived, and a last one that counts."""
    printed: Counter[tuple[str, str]] = Counter()
    for finding in linted.findings:
        if finding.waived:
            continue
        place = finding.suite, finding.rule
        printed[place] += 1
        if printed[place] <= ROWS:
            writer.write_line(_line(finding))
    for (suite, rule), count in printed.items():
        more = count - ROWS + linted.omitted[suite, rule]
        if count > ROWS:
            writer.write_line(
                f"{printable(suite)}: {rule}: {more:,} more; --format json has them, and --rule "
                f"{rule} shows no other"
            )
    writer.write_line(_summary(linted))


def _line(finding: Finding) -> str:
    place = str(finding.place) + ("" if finding.line is None else f":{finding.line}")
    item = "" if finding.item is None else f" [{printable(finding.item, 200)}]"
    message = printable(finding.message, _MESSAGE)
    return f"{printable(place)}: {finding.level} {finding.rule}{item}: {message}"


def _summary(linted: Linted) -> str:
    items = sum(linted.suites.values())
    waived = sum(linted.waived.values())
    parts = [
        f"{len(linted.suites):,} suites, {items:,} items: {linted.errors:,} errors, "
        f"{linted.advice:,} advice"
    ]
    if waived:
        parts.append(f"{waived:,} waived")
    return ", ".join(parts)


def lint_json(linted: Linted) -> str:
    """Give everything as JSON, ASCII only; the waived findings, too."""
    document: dict[str, Any] = {
        "version": 1,
        "suites": linted.suites,
        "errors": linted.errors,
        "advice": linted.advice,
        "waived": sum(linted.waived.values()),
        "counts": [
            {"rule": rule, "level": level, "count": count}
            for (level, rule), count in sorted(linted.counts.items())
        ],
        "omitted": [
            {"suite": suite, "rule": rule, "count": count}
            for (suite, rule), count in sorted(linted.omitted.items())
        ],
        "findings": [_row(finding) for finding in linted.findings],
    }
    return json.dumps(document, indent=1) + "\n"


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "level": finding.level,
        "suite": finding.suite,
        "file": str(finding.place),
        "line": finding.line,
        "item": finding.item,
        "message": finding.message,
        "others": list(finding.others),
        "count": finding.count,
        "waived": finding.waived,
    }
