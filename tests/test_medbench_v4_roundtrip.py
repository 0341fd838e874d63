"""What goes out to MedBench v4's site is what came from it, with the answers filled in."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from public_data import data, items, read, v4, write_rows

from pytest_medbench.exchange import Response
from pytest_medbench.importers import ExportError, export_medbench_v4, import_medbench_v4
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.runs import RunFolder

Answer = Callable[[str, str], str | None]


def run(root: Path, folders: Iterable[Path], answer: Answer, run_id: str = "r1") -> Path:
    """Write a run's folder in which `answer(suite, id)` answered; None is a failed request."""
    run_folder = RunFolder(root / ".medbench", run_id)
    journal = run_folder.journal("main")
    planned = []
    for folder in folders:
        suite = read(folder)
        path = (folder / "suite.toml").relative_to(root)
        planned.append({"name": suite.name, "path": str(path), "digest": suite.digest})
        # A run ends its items in another order than the file's.
        for entry in reversed(suite.entries):
            text = answer(suite.name, entry.id)
            if text is None:
                journal.append(Outcome(suite.name, entry.id, Status.ERROR, reason="cut"), None)
            else:
                journal.append(Outcome(suite.name, entry.id, Status.UNSCORED), Response(text))
    journal.close()
    run_folder.write_plan({"suites": planned})
    return run_folder.path


def unpacked(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def blank(text: bytes) -> list[Any]:
    """Give the lines of a file with their answers blanked."""
    return [json.loads(line) | {"answer": ""} for line in text.splitlines()]


ROWS = [
    v4("甲？\nA. 一\nB. 二", 4),
    v4("甲？\nA. 二\nB. 一", 4),
    {
        "other": {"source": "medsafety_v4", "id": "x y", "更多": [1.5, None]},
        "answer": "",
        "question": "乙\n",
    },
]


@pytest.fixture
def imported(tmp_path: Path) -> tuple[Path, list[Path]]:
    """A small download, imported."""
    write_rows(tmp_path / "in" / "llm" / "MedSafety.jsonl", ROWS, ending="\r\n")
    report = import_medbench_v4(tmp_path / "in", tmp_path / "suites")
    assert report.ok
    return tmp_path, report.written


def test_lines_are_the_original_ones_but_for_the_answer(
    imported: tuple[Path, list[Path]],
) -> None:
    root, folders = imported
    out = root / "submission.zip"
    report = export_medbench_v4(run(root, folders, lambda _, item: f"答 {item}"), out)
    assert report.ok
    assert (report.written, report.items) == ([out], 3)
    original = (root / "in" / "llm" / "MedSafety.jsonl").read_bytes()
    ((name, text),) = unpacked(out).items()
    assert name == "MedSafety.jsonl"
    assert blank(text) == blank(original)
    # Keys keep their order, lines their end, Chinese its bytes.
    answers = ["答 4#1", "答 4#2", "答 x y"]
    expected = original.decode()
    for answer in answers:
        expected = expected.replace('"answer": ""', f'"answer": "{answer}"', 1)
    assert text.decode() == expected


def test_same_run_gives_the_same_bytes(imported: tuple[Path, list[Path]]) -> None:
    root, folders = imported
    folder = run(root, folders, lambda *_: "A")
    export_medbench_v4(folder, root / "1.zip")
    export_medbench_v4(folder, root / "2.zip")
    assert (root / "1.zip").read_bytes() == (root / "2.zip").read_bytes()


def test_whole_response_is_the_answer(imported: tuple[Path, list[Path]]) -> None:
    root, folders = imported
    said = ' \n{"答案": "A"}\r\n\u2028</s>\x00😀 '
    export_medbench_v4(run(root, folders, lambda *_: said), root / "s.zip")
    (text,) = unpacked(root / "s.zip").values()
    lines = text.split(b"\r\n")
    assert [json.loads(line)["answer"] for line in lines if line] == [said] * 3


@pytest.mark.parametrize("answer", [None, "", " \n"])
def test_item_without_an_answer_is_refused_and_named(
    imported: tuple[Path, list[Path]], answer: str | None
) -> None:
    root, folders = imported
    folder = run(root, folders, lambda _, item: answer if item == "4#2" else "B")
    with pytest.raises(ExportError, match="4#2") as refused:
        export_medbench_v4(folder, root / "s.zip")
    assert "4#1" not in str(refused.value)
    assert not (root / "s.zip").exists()
    report = export_medbench_v4(folder, root / "s.zip", allow_missing=True)
    assert [(str(p.place), p.line) for p in report.problems] == [("MedSafety.jsonl", 2)]
    (text,) = unpacked(root / "s.zip").values()
    assert [json.loads(line)["answer"] for line in text.splitlines()] == ["B", "", "B"]


def test_item_that_the_run_never_reached_is_missing(imported: tuple[Path, list[Path]]) -> None:
    root, folders = imported
    folder = run(root, folders, lambda *_: "A")
    journal = folder / "journal-main.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2]))
    with pytest.raises(ExportError, match="'4#1' of medbench-v4-medsafety has no answer"):
        export_medbench_v4(folder, root / "s.zip")


def test_row_that_was_never_imported_is_missing(tmp_path: Path) -> None:
    write_rows(tmp_path / "in" / "MedHC.jsonl", [v4("甲？"), "{", v4("乙？", 2), "{"])
    report = import_medbench_v4(tmp_path / "in", tmp_path / "suites")
    folder = run(tmp_path, report.written, lambda *_: "A")
    with pytest.raises(ExportError) as refused:
        export_medbench_v4(folder, tmp_path / "s.zip")
    assert "MedHC.jsonl:2: " in str(refused.value)
    assert "MedHC.jsonl:4: " in str(refused.value)


def test_answer_after_an_error_counts_and_the_first_one_stays(
    imported: tuple[Path, list[Path]],
) -> None:
    root, folders = imported
    run(root, folders, lambda *_: None)
    run_folder = RunFolder(root / ".medbench", "r1")
    journal = run_folder.journal("main")
    for text in ("first", "second"):
        for item in ("4#1", "4#2", "x y"):
            outcome = Outcome("medbench-v4-medsafety", item, Status.UNSCORED)
            journal.append(outcome, Response(text))
    journal.close()
    export_medbench_v4(run_folder.path, root / "s.zip")
    (text,) = unpacked(root / "s.zip").values()
    assert {json.loads(line)["answer"] for line in text.splitlines()} == {"first"}


def test_suite_changed_since_the_run_is_refused(imported: tuple[Path, list[Path]]) -> None:
    root, folders = imported
    folder = run(root, folders, lambda *_: "A")
    path = folders[0] / "items.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("甲", "丙"), encoding="utf-8")
    with pytest.raises(ExportError, match="was changed since the run"):
        export_medbench_v4(folder, root / "s.zip")


def test_question_changed_before_the_run_is_refused(imported: tuple[Path, list[Path]]) -> None:
    root, folders = imported
    path = folders[0] / "items.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("甲？", "丙？"), encoding="utf-8")
    with pytest.raises(ExportError, match="the question is not the original one"):
        export_medbench_v4(run(root, folders, lambda *_: "A"), root / "s.zip")


def test_run_without_the_benchmark_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / ".medbench", "r1")
    folder.write_plan({"suites": []})
    with pytest.raises(ExportError, match="no suite that was imported from MedBench v4"):
        export_medbench_v4(folder.path, tmp_path / "s.zip")


def test_tracks_are_kept_in_folders_of_their_own(tmp_path: Path) -> None:
    write_rows(tmp_path / "in" / "llm" / "MedHC.jsonl", [v4("甲？")])
    write_rows(tmp_path / "in" / "vlm" / "MedVQA.jsonl", [v4("乙？", img_path="['a.png']")])
    report = import_medbench_v4(tmp_path / "in", tmp_path / "suites")
    export_medbench_v4(run(tmp_path, report.written, lambda *_: "A"), tmp_path / "s.zip")
    files = unpacked(tmp_path / "s.zip")
    assert sorted(files) == ["llm/MedHC.jsonl", "vlm/MedVQA.jsonl"]
    assert json.loads(files["vlm/MedVQA.jsonl"])["img_path"] == "['a.png']"


@pytest.mark.parametrize(("track", "files"), [("llm", 38), ("agent", 14), ("vlm", 10)])
def test_official_files_come_back_line_for_line(tmp_path: Path, track: str, files: int) -> None:
    source = data("medbench_v4", track)
    report = import_medbench_v4(source, tmp_path / "suites")
    asked = {row["input"] for folder in report.written for row in items(folder)}
    folder = run(tmp_path, report.written, lambda suite, item: f"{suite} {item}")
    assert export_medbench_v4(folder, tmp_path / "s.zip").ok
    written = unpacked(tmp_path / "s.zip")
    assert len(written) == files
    for name, text in written.items():
        original = (source / name).read_bytes()
        assert blank(text) == blank(original)
        answers = [json.loads(line)["answer"] for line in text.splitlines()]
        assert all(answers)
        assert len(set(answers)) == len(answers)
        assert {json.loads(line)["question"] for line in text.splitlines()} <= asked
