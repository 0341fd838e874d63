"""The MedBench v4 download becomes suites that keep all that its site wants back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from public_data import items, one, problems, read, v4, write_rows

from pytest_medbench.exchange import Response
from pytest_medbench.importers import import_medbench_v4
from pytest_medbench.importers.medbench_v4_targets import read_options, read_target
from pytest_medbench.importers.medbench_v4_tasks import TASKS
from pytest_medbench.prompts import Prompter

ORDERS = ["甲乙丙", "乙丙甲", "丙甲乙", "甲丙乙", "乙甲丙"]


def permuted(number: int) -> list[dict[str, Any]]:
    return [
        v4(
            f"第{number}题：\n" + "\n".join(f"{m}. {o}" for m, o in zip("ABC", order, strict=True)),
            number,
        )
        for order in ORDERS
    ]


class TestMedBenchV4:
    def test_repeated_ids_are_kept_apart_and_form_one_group(self, tmp_path: Path) -> None:
        source = write_rows(tmp_path / "llm" / "MedSafety.jsonl", permuted(4) + permuted(7))
        report = import_medbench_v4(tmp_path, tmp_path / "suites")
        rows = items(one(report))
        assert report.ok
        assert [row["id"] for row in rows[:6]] == ["4#1", "4#2", "4#3", "4#4", "4#5", "7#1"]
        assert Counter(row["group"] for row in rows) == {"4": 5, "7": 5}
        assert {tuple(sorted(row["options"])) for row in rows} == {tuple(sorted("甲乙丙"))}
        assert rows[3]["meta"]["medbench_v4"]["object"]["other"] == {
            "id": 4,
            "source": "MedSafety_V4",
        }
        assert rows[3]["meta"]["medbench_v4"]["line"] == 4
        assert source.name == rows[3]["meta"]["medbench_v4"]["file"]

    def test_repeated_ids_of_an_open_task_are_no_group(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "MedHC.jsonl", [v4("一", 1), v4("二", 1), v4("三", 2)])
        rows = items(one(import_medbench_v4(tmp_path, tmp_path / "suites")))
        assert [row["id"] for row in rows] == ["1#1", "1#2", "2"]
        assert not any("group" in row for row in rows)
        assert [row.get("cluster") for row in rows] == ["1", "1", None]

    def test_made_up_id_never_meets_a_real_one(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "MedHC.jsonl", [v4("一", 4), v4("二", "4#1"), v4("三", 4)])
        rows = items(one(import_medbench_v4(tmp_path, tmp_path / "suites")))
        assert len({row["id"] for row in rows}) == 3
        assert rows[1]["id"] == "4#1"

    def test_id_that_no_item_may_have_becomes_the_row(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "MedHC.jsonl", [v4("一", "a::b")])
        (row,) = items(one(import_medbench_v4(tmp_path, tmp_path / "suites")))
        assert row["id"] == "row-1"
        assert row["meta"]["medbench_v4"]["object"]["other"]["id"] == "a::b"

    def test_suite_reads_back_with_its_labels(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "llm" / "MedSafety.jsonl", permuted(4))
        suite = read(one(import_medbench_v4(tmp_path, tmp_path / "suites")))
        assert suite.name == "medbench-v4-medsafety"
        assert (suite.spec.suite.track, suite.spec.suite.dimension) == ("llm", "HSE")
        assert suite.spec.suite.language == "zh"
        assert suite.spec.suite.licence == "none stated"
        assert suite.spec.prompt.text == "{input}"
        assert [entry.problem for entry in suite.entries] == [None] * 5
        assert not any(entry.scored for entry in suite.entries)

    def test_model_is_asked_the_question_to_the_last_blank(self, tmp_path: Path) -> None:
        question = "  {options} {{ input }}\n## 问题\n甲？\nA. 一\nB. 二\n\n"
        write_rows(tmp_path / "MedSafety.jsonl", [v4(question)])
        suite = read(one(import_medbench_v4(tmp_path, tmp_path / "suites")))
        item = suite.item(suite.entries[0].id)
        assert item.options == ["一", "二"]
        assert Prompter(suite).messages(item) == [{"role": "user", "content": question}]

    @pytest.mark.parametrize(
        ("answer", "target"), [("<B>", "B"), ("B", "B"), ("", None), (None, None), (" ", None)]
    )
    def test_answer_of_a_single_choice(self, tmp_path: Path, answer: Any, target: Any) -> None:
        row = v4("甲？\nA. 一\nB. 二") | {"answer": answer}
        write_rows(tmp_path / "MedSafety.jsonl", [row])
        folder = one(import_medbench_v4(tmp_path, tmp_path / "suites"))
        assert items(folder)[0]["target"] == target
        (entry,) = read(folder).entries
        assert entry.problem is None
        assert entry.scored is (target is not None)

    @pytest.mark.parametrize("answer", ["<C>", "<A, B>", "不知道", "AA", {"A": 1}, "<>"])
    def test_answer_that_is_none_of_the_options_is_a_problem_and_no_score(
        self, tmp_path: Path, answer: Any
    ) -> None:
        rows = [v4("甲？\nA. 一\nB. 二") | {"answer": answer}, v4("乙？\nA. 一\nB. 二", 2)]
        write_rows(tmp_path / "MedSafety.jsonl", rows)
        report = import_medbench_v4(tmp_path, tmp_path / "suites")
        ((line, message),) = problems(report)
        assert line == 1
        assert "answer = " in message
        assert [row["target"] for row in items(one(report))] == [None, None]

    @pytest.mark.parametrize("answer", ["<A, C, D>", "ACD", "A、C、D", "D|C|A", ["A", "C", "D"]])
    def test_answer_of_a_multiple_choice(self, answer: Any) -> None:
        task = TASKS["DDx-advanced"]
        options = read_options(task, "哪些？\n\nA. 一\nB. 二\nC. 三\nD. 四")
        assert read_target(task, answer, options) == ["A", "C", "D"]

    def test_answer_by_the_names_of_departments(self) -> None:
        task = TASKS["MedHG"]
        options = read_options(task, "假定医院有以下科室：肾内科、骨科、眼科。请推荐。")
        assert options == ["肾内科", "骨科", "眼科"]
        assert read_target(task, "眼科|肾内科", options) == ["A", "C"]

    def test_more_departments_than_letters_leave_the_item_unscored(self, tmp_path: Path) -> None:
        names = [f"第{number}科" for number in range(27)]
        row = v4(f"假定医院有以下科室：{'、'.join(names)}。请推荐。") | {"answer": "第1科"}
        write_rows(tmp_path / "MedHG.jsonl", [row])
        report = import_medbench_v4(tmp_path, tmp_path / "suites")
        assert "2 to 26 options" in str(report.problems[0])
        assert items(one(report))[0]["target"] is None

    def test_answer_with_fields_is_an_object(self) -> None:
        task = TASKS["MedInsureCalc"]
        assert read_target(task, {"总费用": 3}, None) == {"总费用": 3}
        assert read_target(task, '{"总费用": 3}', None) == {"总费用": 3}
        with pytest.raises(ValueError, match="expected a JSON object"):
            read_target(task, "三", None)

    @pytest.mark.parametrize(
        ("file", "question", "answer", "response"),
        [
            ("MedExam", "答：<E>\n\n## 题目：甲？ A. 一\nB. 二", "<B>", "<B>"),
            ("DDx-advanced", "哪些？\n\nA. 一\nB. 二\nC. 三", "<A, C>", "A,C"),
            ("MedRxCheck_MSQ", "哪些()\nA.甲B.乙C.维生素CD.丁\n", "AD", "AD"),
            (
                "MedHG",
                "假定医院有以下科室：肾内科、骨科、眼科。请推荐。",
                "眼科|肾内科",
                "肾内科、眼科",
            ),
            ("MedIntentID", "预定义的意图识别：病情咨询、用药咨询\n请问？", "用药咨询", "用药咨询"),
            ("MedInsureCalc", "请计算。", {"总费用": 3}, '{"总费用": 3}'),
            ("SMDoc", "请提取。", '{"体温": "未知"}', '{"体温": "未知"}'),
        ],
    )
    def test_right_answer_to_a_filled_line_scores_1(
        self, tmp_path: Path, file: str, question: str, answer: Any, response: str
    ) -> None:
        write_rows(tmp_path / f"{file}.jsonl", [v4(question) | {"answer": answer}])
        report = import_medbench_v4(tmp_path, tmp_path / "suites")
        assert report.ok
        suite = read(one(report))
        (entry,) = suite.entries
        assert entry.problem is None
        assert suite.scorer.score(suite.item(entry.id), Response(response)).value == 1

    def test_reference_of_an_open_task_is_kept(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "MedOutcome.jsonl", [v4("预测？") | {"answer": {"预测结局": "好转"}}])
        (row,) = items(one(import_medbench_v4(tmp_path, tmp_path / "suites")))
        assert row["target"] == {"预测结局": "好转"}

    def test_unknown_task_is_imported_and_said(self, tmp_path: Path) -> None:
        write_rows(tmp_path / "agent" / "MedBrandNew.jsonl", [v4("甲？")])
        report = import_medbench_v4(tmp_path, tmp_path / "suites")
        assert report.items == 1
        assert "MedBrandNew" in str(report.problems[0])
        assert read(one(report)).spec.suite.track == "agent"

    @pytest.mark.parametrize(
        "images",
        [["图/一.png", "b.pdf"], "['图/一.png', 'b.pdf']", '["\\u56fe/一.png", "b.pdf"]'],
    )
    def test_images_in_every_spelling(self, tmp_path: Path, images: Any) -> None:
        write_rows(tmp_path / "MedSeqIm.jsonl", [v4("看图。", img_path=images)])
        folder = one(import_medbench_v4(tmp_path, tmp_path / "suites"))
        (row,) = items(folder)
        assert row["meta"]["images"] == ["图/一.png", "b.pdf"]
        assert row["meta"]["medbench_v4"]["object"]["img_path"] == images
        assert read(folder).spec.suite.track == "vlm"

    @pytest.mark.parametrize(
        "path",
        ["/etc/passwd", "a/../../b.png", "..", "C:/b.png", "..\\b.png", "http://x/b.png", "", "~/b",
         "a\nb.png", ["a.png", 3], 7, "[a.png]", "['a.png'", "[__import__('os').getcwd()]"],
    )  # fmt: skip
    def test_image_outside_the_data_set_is_a_problem(self, tmp_path: Path, path: Any) -> None:
        rows = [v4("好", img_path="a.png"), v4("坏", 2, img_path=path)]
        write_rows(tmp_path / "MedVQA.jsonl", rows)
        report = import_medbench_v4(tmp_path, tmp_path / "suites")
        if path == "['a.png'":
            # No closing bracket: a file may be called that.
            assert report.ok
            return
        ((line, message),) = problems(report)
        assert line == 2
        assert "img_path" in message
        assert report.items == 1

    def test_nothing_to_import_is_a_problem(self, tmp_path: Path) -> None:
        for place in (tmp_path, tmp_path / "nowhere"):
            report = import_medbench_v4(place, tmp_path / "suites")
            assert not report.ok
            assert not report.written
