"""What the lint finds in public benchmarks, and what it costs: the tables of docs/lint-findings.md.

Usage: python tests/benchmarks/lint_findings.py [DATA] [--scale 200000]

DATA is the folder of public files, as for the tests (default: the environment's
MEDBENCH_DATA, or `data`).
Each data set is imported into a folder of its own and linted alone, all of them once together.
No item's text is printed. `--scale` lints one made suite of so many items instead.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from footprint import Footprint, measure

from pytest_medbench.importers import IMPORTERS

MEDXPERTQA = "medxpertqa/eval/data"
SETS: Mapping[str, tuple[str, str]] = {
    "MedBench v4, language": ("medbench-v4", "medbench_v4/llm"),
    "MedBench v4, agents": ("medbench-v4", "medbench_v4/agent"),
    "MedBench v4, images": ("medbench-v4", "medbench_v4/vlm"),
    "PubMedQA, test": ("pubmedqa", "pubmedqa"),
    "MedQA, test": ("medxpertqa", f"{MEDXPERTQA}/medqa/input/medqa_input.jsonl"),
    "MedMCQA, validation": ("medxpertqa", f"{MEDXPERTQA}/medmcqa/input/medmcqa_input.jsonl"),
    "MMLU, medical subjects": (
        "medxpertqa",
        f"{MEDXPERTQA}/mmlu_medical/input/mmlu_medical_input.jsonl",
    ),
    "MedXpertQA, images": (
        "medxpertqa",
        f"{MEDXPERTQA}/medxpertqa/input/medxpertqa_mm_input.jsonl",
    ),
    "MedXpertQA, images, sample": (
        "medxpertqa",
        f"{MEDXPERTQA}/medxpertqa_sampled/input/medxpertqa_sampled_mm_input.jsonl",
    ),
    "MedXpertQA, text, sample": (
        "medxpertqa",
        f"{MEDXPERTQA}/medxpertqa_sampled/input/medxpertqa_sampled_text_input.jsonl",
    ),
    "Exams of Brazil": ("medbench-brasil", "medbench_brasil"),
}
COMMAND = "import sys; from pytest_medbench.cli import main; sys.exit(main(sys.argv[1:]))"


def lint(folder: Path) -> tuple[Footprint, dict[str, Any]]:
    """Lint a folder with the command; give what it cost and what it found."""
    cost = measure([sys.executable, "-c", COMMAND, "lint", str(folder), "--format", "json"], folder)
    document: dict[str, Any] = json.loads(cost.out)
    return cost, document


def rows(name: str, document: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of a data set: rule, level, count, one example."""
    for count in sorted(document["counts"], key=lambda row: (row["level"] != "error", row["rule"])):
        same = [
            row
            for row in document["findings"]
            if (row["rule"], row["level"]) == (count["rule"], count["level"])
        ]
        first = same[0]
        number = f"{count['count']:,}"
        if first["item"] is None:
            number = f"over {sum(row['count'] for row in same):,}"
        elif first["rule"].startswith("no-"):
            number = f"{sum(row['count'] for row in same):,}"
        suite = first["suite"].removeprefix("medbench-v4-")
        place = suite if first["item"] is None else f"{suite}::{first['item']}"
        yield f"| {name} | `{first['rule']}` | {first['level']} | {number} | `{place}` |"


def findings(data: Path) -> None:
    """Import and lint every set that is there; print the tables."""
    with tempfile.TemporaryDirectory() as place:
        costs = []
        print("| data set | rule | level | count | an example |\n|---|---|---|---|---|")
        for number, (name, (kind, path)) in enumerate(SETS.items()):
            target = Path(place) / str(number)
            IMPORTERS[kind](data / path, target)
            cost, document = lint(target)
            costs.append((name, cost, document))
            for row in rows(name, document):
                print(row, flush=True)
        cost, document = lint(Path(place))
        costs.append(("all together", cost, document))
        across = [row for row in document["findings"] if any("::" in at for at in row["others"])]
        print("\n| across sets and suites | count | an example |\n|---|---|---|")
        for rule in ("duplicate", "near-duplicate"):
            for pair in sorted({_pair(row) for row in across if row["rule"] == rule}):
                same = [row for row in across if row["rule"] == rule and _pair(row) == pair]
                print(f"| `{rule}`: {' in '.join(pair)} | {len(same):,} | `{same[0]['item']}` |")
        print("\n| data set | items | errors | advice | seconds | MB |\n|---|---|---|---|---|---|")
        for name, cost, document in costs:
            print(_cost(name, cost, document))


def _pair(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["suite"], row["others"][0].partition("::")[0]


def _cost(name: str, cost: Footprint, document: Mapping[str, Any]) -> str:
    items = sum(document["suites"].values())
    return (
        f"| {name} | {items:,} | {document['errors']:,} | {document['advice']:,} | "
        f"{cost.seconds:.1f} | {cost.rss:.0f} |"
    )


def scale(items: int) -> None:
    """Lint a made suite: random words, 500 characters an item, one in a hundred nearly again."""
    generator = random.Random(11)
    words = ["".join(generator.choices("abcdefghilmnoprstu", k=generator.randint(2, 11)))
             for _ in range(9_000)]  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "suite.toml").write_text(
            '[suite]\nname = "made"\nitems = "items.jsonl"\n[score]\nscorer = "choice"\n', "utf-8"
        )
        stem, options = [""], [""]
        with (folder / "items.jsonl").open("w", encoding="utf-8") as file:
            for number in range(items):
                if number % 100 == 99:
                    stem[-2:] = ["changed", "here"]
                else:
                    stem = generator.choices(words, k=55)
                    options = [" ".join(generator.choices(words, k=4)) for _ in "ABCD"]
                item = {"id": f"m{number}", "input": " ".join(stem), "options": options,
                        "target": generator.choice("ABCD")}  # fmt: skip
                file.write(json.dumps(item) + "\n")
        cost, document = lint(folder)
        print(f"CPU {cost.cpu:.1f} s")
        print(_cost("made", cost, document))
        print(document["counts"])


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    data = os.environ.get("MEDBENCH_DATA", "data")
    parser.add_argument("data", nargs="?", type=Path, default=Path(data))
    parser.add_argument("--scale", type=int)
    arguments = parser.parse_args()
    if arguments.scale:
        scale(arguments.scale)
    else:
        findings(arguments.data)


if __name__ == "__main__":
    main()
