"""The importers on the public files themselves; skipped where they are not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from string import ascii_uppercase

import pytest
from public_data import data, items, one, read

from pytest_medbench.importers import import_medbench_v4, import_medxpertqa, import_pubmedqa
from pytest_medbench.importers.answer_choices import MARKER, join_choices


class TestRealData:
    """What the public files hold; skipped where they are not."""

    @pytest.mark.parametrize(
        ("track", "files", "count"), [("llm", 38, 1620), ("agent", 14, 420), ("vlm", 10, 300)]
    )
    def test_medbench_v4(self, tmp_path: Path, track: str, files: int, count: int) -> None:
        report = import_medbench_v4(data("medbench_v4", track), tmp_path)
        assert report.ok
        assert (len(report.written), report.items) == (files, count)
        for folder in report.written:
            suite = read(folder)
            assert suite.spec.suite.track == track
            assert suite.spec.suite.dimension != "unmapped"
            assert not [entry.problem for entry in suite.entries if entry.problem]
            assert all("images" in row["meta"] for row in items(folder)) == (track == "vlm")

    @pytest.mark.parametrize("name", ["MedSafety", "MedEthics", "MedExam", "MedRxCheck_SCQ"])
    def test_medbench_v4_groups(self, tmp_path: Path, name: str) -> None:
        folder = one(import_medbench_v4(data("medbench_v4", "llm", f"{name}.jsonl"), tmp_path))
        rows = items(folder)
        sizes = Counter(row["group"] for row in rows)
        assert sorted(sizes.values()) == [5] * 30
        contents: dict[str, set[tuple[str, ...]]] = {}
        for row in rows:
            contents.setdefault(row["group"], set()).add(tuple(sorted(row["options"])))
            for letter, option in zip(ascii_uppercase, row["options"], strict=False):
                assert letter in row["input"]
                assert option in row["input"]
        assert all(len(seen) == 1 for seen in contents.values())

    def test_pubmedqa(self, tmp_path: Path) -> None:
        report = import_pubmedqa(data("pubmedqa"), tmp_path)
        assert report.ok
        assert report.items == 500
        assert not [entry for entry in read(one(report)).entries if entry.problem]

    @pytest.mark.parametrize(
        ("name", "count"),
        [
            ("medqa/input/medqa_input", 1273),
            ("medmcqa/input/medmcqa_input", 4183),
            ("mmlu_medical/input/mmlu_medical_input", 1089),
            ("medxpertqa/input/medxpertqa_mm_input", 2000),
            ("medxpertqa_sampled/input/medxpertqa_sampled_mm_input", 199),
            ("medxpertqa_sampled/input/medxpertqa_sampled_text_input", 244),
        ],
    )
    def test_medxpertqa(self, tmp_path: Path, name: str, count: int) -> None:
        source = data("medxpertqa", "eval", "data", f"{name}.jsonl")
        report = import_medxpertqa(source, tmp_path)
        assert report.items == count
        # MedMCQA has 21 rows with two options that are the same.
        alike = 21 if "medmcqa" in name else 0
        assert len(report.problems) == alike
        assert all("are the same" in str(problem) for problem in report.problems)
        originals = source.read_text(encoding="utf-8").split("\n")
        for row, line in zip(items(one(report)), originals, strict=False):
            original = json.loads(line)
            assert row["input"] + MARKER + join_choices(row["options"]) == original["question"]
            assert [row["target"] or row["meta"]["label"]] == original["label"]
        assert not [entry.problem for entry in read(one(report)).entries if entry.problem]
