"""The run's folder: what was written is there, whole, and can be read again."""

from __future__ import annotations

import json
import multiprocessing
import resource
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_medbench.exchange import Response
from pytest_medbench.outcomes import Outcome, Status
from pytest_medbench.runs import (
    Journal,
    RunError,
    RunFolder,
    list_runs,
    read_journal,
    read_plan,
)


def outcome(id_: str = "q1", **more: Any) -> Outcome:
    return Outcome("small", id_, Status.CORRECT, **{"score": 1.0, "answer": "A", **more})


def journalled(folder: Path) -> list[dict[str, Any]]:
    return list(read_journal(folder))


class TestJournal:
    def test_line_is_on_disk_when_append_returns(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        journal = run.journal("main")
        journal.append(outcome(tries=2), Response("A", latency=0.12345678, output_tokens=3))
        (line,) = journalled(run.path)
        assert (line["suite"], line["id"], line["status"], line["score"]) == (
            "small",
            "q1",
            "correct",
            1.0,
        )
        assert (line["text"], line["latency"], line["tries"]) == ("A", 0.1235, 2)
        journal.close()

    def test_outcome_without_a_response_has_no_text(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        journal = run.journal("main")
        journal.append(Outcome("small", "q1", Status.ERROR, reason="cut"), None)
        journal.close()
        (line,) = journalled(run.path)
        assert (line["status"], line["reason"]) == ("error", "cut")
        assert "text" not in line

    def test_journals_of_all_processes_are_read(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        for process in ("main", "gw0", "gw1"):
            journal = run.journal(process)
            journal.append(outcome(process), None)
            journal.close()
        assert sorted(line["id"] for line in journalled(run.path)) == ["gw0", "gw1", "main"]

    def test_journal_opened_again_goes_on_behind(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        for name in ("a", "b"):
            journal = run.journal("main")
            journal.append(outcome(name), None)
            journal.close()
        assert [line["id"] for line in journalled(run.path)] == ["a", "b"]

    def test_torn_last_line_is_left_out(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        journal = run.journal("main")
        for name in ("a", "b"):
            journal.append(outcome(name), None)
        journal.close()
        path = run.path / "journal-main.jsonl"
        path.write_bytes(path.read_bytes()[:-9])
        assert [line["id"] for line in journalled(run.path)] == ["a"]

    def test_journal_torn_by_a_kill_can_be_continued(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        path = run.path / "journal-main.jsonl"
        journal = run.journal("main")
        for name in ("a", "b"):
            journal.append(outcome(name), None)
        journal.close()
        path.write_bytes(path.read_bytes()[:-9])
        journal = run.journal("main")
        journal.append(outcome("c"), None)
        journal.close()
        assert [line["id"] for line in journalled(run.path)] == ["a", "c"]

    @pytest.mark.parametrize("line", [b"{\n", b"[]\n", b"5\n"])
    def test_spoilt_line_is_an_error_that_names_the_file(self, tmp_path: Path, line: bytes) -> None:
        (tmp_path / "journal-main.jsonl").write_bytes(line)
        with pytest.raises(RunError, match=r"journal-main\.jsonl: a line is no"):
            journalled(tmp_path)

    def test_journal_that_cannot_be_opened_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "j").mkdir()
        with pytest.raises(RunError, match="cannot be opened"):
            Journal(tmp_path / "j")

    @given(st.text(st.characters(), max_size=60), st.floats())
    @settings(max_examples=150, deadline=None)
    def test_whatever_a_model_wrote_can_be_journalled_and_read(
        self, text: str, number: float
    ) -> None:
        with tempfile.TemporaryDirectory() as home:
            run = RunFolder(Path(home), "r1")
            journal = run.journal("main")
            journal.append(outcome(answer=text, parts={"part": number}), Response(text))
            journal.append(outcome("next"), None)
            journal.close()
            first, second = journalled(run.path)
        assert first["text"] == text.encode("utf-8", "replace").decode()
        assert second["id"] == "next"

    def test_full_disk_is_an_error_and_leaves_no_half_line(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        context = multiprocessing.get_context("spawn")
        child = context.Process(target=_write_until_full, args=(tmp_path,))
        child.start()
        child.join(60)
        assert child.exitcode == 0
        data = (run.path / "journal-main.jsonl").read_bytes()
        assert data.endswith(b"\n")
        assert [line["id"] for line in journalled(run.path)] == ["a"]


def _write_until_full(home: Path) -> None:
    journal = RunFolder(home, "r1").journal("main")
    journal.append(outcome("a"), Response("x"))
    # A limit on the size of files stops a write half-way, as a full disk does.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
    try:
        journal.append(outcome("b"), Response("x" * 10_000))
    except RunError as error:
        raise SystemExit(0 if "make room and run again" in str(error) else 1) from error
    raise SystemExit(2)


class TestFolder:
    def test_plan_and_verdicts_are_read_back(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        run.write_plan({"model": {"name": "控制"}, "planned": 3})
        assert read_plan(run.path) == {"model": {"name": "控制"}, "planned": 3}
        assert "控制" in (run.path / "plan.json").read_text(encoding="utf-8")

    def test_plan_can_be_read_by_any_json_reader(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        run.write_plan({"nan": float("nan"), "status": Status.WRONG, "path": Path("a")})
        text = (run.path / "plan.json").read_text(encoding="utf-8")
        assert json.loads(text) == {"nan": None, "status": "wrong", "path": "a"}

    def test_no_half_written_file_is_left_in_place(self, tmp_path: Path) -> None:
        run = RunFolder(tmp_path, "r1")
        run.write_plan({"planned": 1})
        run.write_plan({"planned": 2})
        assert sorted(path.name for path in run.path.iterdir()) == ["plan.json"]

    def test_folder_stays_out_of_version_control(self, tmp_path: Path) -> None:
        RunFolder(tmp_path / ".medbench", "r1")
        assert (tmp_path / ".medbench" / ".gitignore").read_text(encoding="utf-8") == "*\n"

    def test_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "runs").write_text("", encoding="utf-8")
        with pytest.raises(RunError, match="cannot be made"):
            RunFolder(tmp_path, "r1")

    @pytest.mark.parametrize("data", [b"{", b"[]", b"\xff", b""])
    def test_plan_that_is_spoilt_is_named(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "plan.json").write_bytes(data)
        with pytest.raises(RunError, match=r"plan\.json: "):
            read_plan(tmp_path)

    def test_plan_that_is_missing_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match=r"plan\.json: cannot be read"):
            read_plan(tmp_path)


class TestListing:
    def test_runs_are_listed_newest_first_with_model_and_verdict(self, tmp_path: Path) -> None:
        old = RunFolder(tmp_path, "20260101-000000-aaaaaa")
        old.write_plan({"model": {"name": "ours"}, "planned": 60})
        old.write_verdicts({"verdict": "BLOCK", "exit_status": 1})
        new = RunFolder(tmp_path, "20260102-000000-aaaaaa")
        new.write_plan({"model": {"name": "ours"}, "planned": 61})
        RunFolder(tmp_path, "20260103-000000-aaaaaa")
        assert [
            (run.id, run.model, run.planned, run.verdict, run.exit_status)
            for run in list_runs(tmp_path)
        ] == [
            (new.id, "ours", 61, "not decided", None),
            (old.id, "ours", 60, "BLOCK", 1),
        ]

    @pytest.mark.parametrize("plan", [b"{", b"[]", b'{"model": 5, "planned": "x"}'])
    def test_damaged_run_does_not_hide_the_others(self, tmp_path: Path, plan: bytes) -> None:
        bad = RunFolder(tmp_path, "r2")
        (bad.path / "plan.json").write_bytes(plan)
        good = RunFolder(tmp_path, "r1")
        good.write_plan({"model": {"name": "ours"}, "planned": 1})
        assert [(run.id, run.model) for run in list_runs(tmp_path)] == [("r2", "?"), ("r1", "ours")]

    def test_home_without_runs_lists_none(self, tmp_path: Path) -> None:
        assert list_runs(tmp_path / ".medbench") == []
