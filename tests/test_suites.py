"""Items: each line read, checked and found again, each mistake named where it stands."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from written_suites import (
    SUITE_TOML,
    ids,
    items,
    line,
    problems,
    read,
    refused,
    row,
    write,
    written,
)

from pytest_medbench.errors import SuiteError
from pytest_medbench.suites import Item, Suite
from pytest_medbench.suites.schema import MAX_LINE


def only_problem(suite: Suite) -> str:
    (problem,) = problems(suite)
    return problem


class TestItems:
    def test_labels_default_to_those_of_the_suite(self, tmp_path: Path) -> None:
        toml = SUITE_TOML.replace(
            "items =", 'language = "zh"\ntask = "Recall"\ndimension = "knowledge_qa"\nitems ='
        )
        suite = written(tmp_path, row("a"), row("b", language="en", task="Own"), toml=toml)
        first, second = (entry.labels for entry in suite.entries)
        assert (first.language, first.task) == ("zh", "Recall")
        assert (second.language, second.task) == ("en", "Own")
        assert first.dimension == second.dimension == "knowledge_qa"
        assert first.track == "llm"

    def test_task_defaults_to_the_name_of_the_suite(self, tmp_path: Path) -> None:
        assert written(tmp_path, row()).entries[0].labels.task == "small"

    def test_safety_item_without_harm_counts_as_severe(self, tmp_path: Path) -> None:
        suite = written(
            tmp_path,
            row("a", safety=["medication"]),
            row("b", safety=["medication"], harm="mild"),
            row("c"),
        )
        assert [entry.labels.harm for entry in suite.entries] == ["severe", "mild", None]

    def test_group_and_cluster_default_inwards(self, tmp_path: Path) -> None:
        suite = written(
            tmp_path, row("a"), row("b", group="g"), row("c", group="g", cluster="case 1")
        )
        assert [(entry.group, entry.cluster) for entry in suite.entries] == [
            ("a", "a"),
            ("g", "g"),
            ("g", "case 1"),
        ]

    def test_null_target_is_not_scored_and_not_inspected(self, tmp_path: Path) -> None:
        (entry,) = written(tmp_path, row(target=None)).entries
        assert not entry.scored
        assert entry.problem is None

    def test_review_counts_with_both_a_name_and_a_day(self, tmp_path: Path) -> None:
        by, on = {"reviewed_by": "reviewer 7"}, {"reviewed_on": "2026-01-31"}
        suite = written(tmp_path, row("a", **by), row("b", **on), row("c", **by, **on))
        assert [entry.reviewed for entry in suite.entries] == [False, False, True]

    def test_constant_answer_of_an_item_comes_from_its_scorer(self, tmp_path: Path) -> None:
        assert written(tmp_path, row(target="C")).entries[0].traits.constant == "C"

    def test_equal_labels_are_one_object(self, tmp_path: Path) -> None:
        first, second = written(tmp_path, row("a"), row("b")).entries
        assert first.labels is second.labels

    def test_input_may_be_chat_messages(self, tmp_path: Path) -> None:
        messages = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}]}]
        suite = written(tmp_path, row(input=messages))
        assert items(suite, ["q1"])[0].input == messages

    def test_digest_changes_with_either_file(self, tmp_path: Path) -> None:
        digests = {
            written(tmp_path / "a", row()).digest,
            written(tmp_path / "b", row(target="B")).digest,
            written(tmp_path / "c", row(), toml=SUITE_TOML + "\n").digest,
        }
        assert len(digests) == 3
        assert written(tmp_path / "d", row()).digest in digests


class TestLines:
    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            (b"{", "is not JSON"),
            (b'{"id": "x" "input"}', "is not JSON: expected `,` or `}` at column 12"),
            (b"[1, 2]", "[1, 2]: Input should be an object"),
            (line(row("x", optoins=[])), "unknown key 'optoins'; did you mean 'options'?"),
            (line(row("x", spec="x")), "unknown key 'spec'"),
            (b'{"id": "x", "input": "?"}', "key 'target' is missing"),
            (b'{"input": "?", "target": "A"}', "key 'id' is missing"),
            (
                line(row("x", specialty="internal_medicine/cardiolgy")),
                "specialty 'internal_medicine/cardiolgy' is not in the taxonomy; "
                "did you mean 'internal_medicine/cardiology'?",
            ),
            (line(row("x", safety=["medicaton"])), "did you mean 'medication'?"),
            (line(row("x", population=["pregnat"])), "did you mean 'pregnant'?"),
            (line(row("x", harm="sever")), "harm = 'sever'"),
            (line(row("x", harm="sever")), "did you mean 'severe'?"),
            (line(row("x", target=7)), "target = 7, expected one letter"),
            (line(row("x", input=7)), "input = 7: expected a text or a list of chat messages"),
            (line(row("x", input=[])), "expected a text or chat messages"),
            (line(row("x", input=[{"content": "?"}])), "each with its 'role'"),
            (line(row("x", input=[{"role": "user"}, 7])), "a list of chat messages"),
            (line(row("x", options=["o"] * 27)), "options"),
            (line(row("x", group="a\tb")), "group = 'a\\tb'"),
            (line(row("x", task=" padded")), "task = ' padded'"),
            (b'{"id": "x", "input": "\\ud800", "target": "A"}', "is not JSON"),
            (b'{"id": "x", "target": "A", "input": "\xff"}', "is not UTF-8 (byte 37)"),
            (line(row("x", input="中文"))[:-1].decode().encode("gbk") + b"}", "is not UTF-8"),
            (line(row("x", meta={}))[:-1] + b', "target": "B"}', "key 'target' is given twice"),
            (b'{"id": "x", "meta": ' + b"[" * 100_000, "recursion limit"),
            (b'{"id": "x", "meta": ' + b"9" * 100_000 + b"}", "is not JSON"),
        ],
    )  # fmt: skip
    def test_bad_line_says_what_is_wrong_and_the_rest_is_read(
        self, tmp_path: Path, bad: bytes, said: str
    ) -> None:
        suite = written(tmp_path, row("before"), bad, row("after"))
        assert ids(suite) == ["before", "line-2", "after"]
        problem = only_problem(suite)
        assert problem.startswith(f"{tmp_path / 'items.jsonl'}:2: ")
        assert said in problem
        assert [item.id for item in items(suite, ["before", "after"])] == ["before", "after"]

    @pytest.mark.parametrize(
        "bad", ["", "a::b", " a", "a ", "a\nb", "a\x1b[31m", "\u202ea", "a\u00a0", "x" * 201]
    )
    def test_bad_id_is_shown_with_what_ids_are(self, tmp_path: Path, bad: str) -> None:
        problem = only_problem(written(tmp_path, row(bad)))
        assert "expected 1 to 200 printable characters without '::'" in problem
        assert "\x1b" not in problem

    @pytest.mark.parametrize("good", ["x" * 200, "a:b", "问题 1", "q#2", "a/b", "[x]", "é-1"])
    def test_id_may_hold_anything_printable(self, tmp_path: Path, good: str) -> None:
        assert ids(written(tmp_path, row(good))) == [good]

    def test_duplicate_id_names_both_lines(self, tmp_path: Path) -> None:
        suite = written(tmp_path, row("a"), row("b"), row("a"))
        assert ids(suite) == ["a", "b", "line-3"]
        assert only_problem(suite).endswith(
            "items.jsonl:3: id 'a' is already used in line 1; ids are unique"
        )

    def test_bad_line_does_not_take_the_id_of_a_good_one(self, tmp_path: Path) -> None:
        suite = written(tmp_path, b"{", row("line-1"), row("line-1-"))
        assert ids(suite) == ["line-1--", "line-1", "line-1-"]
        assert len(problems(suite)) == 1

    def test_bad_line_is_planned_as_an_item_of_its_own(self, tmp_path: Path) -> None:
        entry = written(tmp_path, row("a"), b"{").entries[1]
        assert (entry.group, entry.cluster, entry.scored) == ("line-2", "line-2", True)

    def test_many_unknown_keys_are_counted_not_listed(self, tmp_path: Path) -> None:
        problem = only_problem(written(tmp_path, row(**{f"k{n}": n for n in range(5_000)})))
        assert "and 4995 more" in problem
        assert len(problem) < 2_000

    def test_long_words_are_cut_in_the_message(self, tmp_path: Path) -> None:
        for bad in (row(**{"k" * 100_000: 1}), row(harm="h" * 100_000), row(group="g" * 999)):
            assert len(only_problem(written(tmp_path, bad))) < 1_000

    def test_line_of_ten_megabytes_is_an_item(self, tmp_path: Path) -> None:
        suite = written(tmp_path, row("big", input="x" * 10_000_000), row("small"))
        big, small = items(suite, ["big", "small"])
        assert len(big.input) == 10_000_000
        assert small.id == "small"

    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    @pytest.mark.parametrize("length", [MAX_LINE, 2 * MAX_LINE + 7])
    def test_line_beyond_the_limit_hides_no_other(
        self, tmp_path: Path, length: int, mark: bytes
    ) -> None:
        place = write(tmp_path)
        (tmp_path / "items.jsonl").write_bytes(
            mark + b"x" * (length + 1 - len(mark)) + b"\n" + line(row("after"))
        )
        suite = read(place)
        assert ids(suite) == ["line-1", "after"]
        assert f"longer than {MAX_LINE} bytes" in only_problem(suite) or mark
        assert items(suite, ["after"])[0].input == "Question after?"

    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n", b"\n \t\n"])
    def test_line_endings_and_blank_lines_do_not_matter(self, tmp_path: Path, end: bytes) -> None:
        suite = read(write(tmp_path, row("a"), row("b"), row("c"), end=end))
        assert [item.id for item in items(suite, ["c", "a", "b"])] == ["c", "a", "b"]
        assert not problems(suite)

    def test_lines_are_counted_with_the_blank_ones(self, tmp_path: Path) -> None:
        suite = written(tmp_path, b"", row("a"), b"", b"{")
        assert [entry.line for entry in suite.entries] == [2, 4]
        assert ids(suite)[1] == "line-4"

    def test_byte_order_mark_is_no_part_of_the_first_item(self, tmp_path: Path) -> None:
        suite = written(tmp_path, b"\xef\xbb\xbf" + line(row("a")), row("b"))
        assert [item.id for item in items(suite, ["a", "b"])] == ["a", "b"]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_utf16_is_told_to_be_saved_as_utf8(self, tmp_path: Path, encoding: str) -> None:
        place = write(tmp_path)
        text = "\n".join(json.dumps(row(name)) for name in "ab")
        (tmp_path / "items.jsonl").write_bytes(text.encode(encoding))
        suite = read(place)
        assert len(problems(suite)) == len(suite.entries) == 2
        assert all("save the file as UTF-8" in problem for problem in problems(suite))


class TestReadingAgain:
    @pytest.mark.parametrize(
        "change",
        [
            lambda data: data.replace(b'"target": "A"', b'"target": "B"'),
            lambda data: b"\n" + data,
            lambda data: data[:20],
            lambda data: b"",
            lambda data: b"\x00" * len(data),
        ],
    )
    def test_file_changed_since_is_noticed(self, tmp_path: Path, change: Any) -> None:
        suite = written(tmp_path, row("a"))
        path = tmp_path / "items.jsonl"
        path.write_bytes(change(path.read_bytes()))
        with pytest.raises(SuiteError, match=r"items\.jsonl:1: .*'a'.*changed meanwhile"):
            items(suite, ["a"])

    def test_file_removed_since_is_noticed(self, tmp_path: Path) -> None:
        suite = written(tmp_path, row("a"))
        (tmp_path / "items.jsonl").unlink()
        with pytest.raises(SuiteError, match="changed meanwhile"):
            items(suite, ["a"])

    def test_lines_added_behind_do_no_harm(self, tmp_path: Path) -> None:
        suite = written(tmp_path, row("a"))
        with (tmp_path / "items.jsonl").open("ab") as file:
            file.write(line(row("b")))
        assert items(suite, ["a"])[0].id == "a"

    def test_bad_line_cannot_be_read_as_an_item(self, tmp_path: Path) -> None:
        suite = written(tmp_path, row("a"), b"{")
        with pytest.raises(SuiteError, match="is not JSON"):
            items(suite, ["line-2"])

    def test_reader_opens_again_after_it_was_closed(self, tmp_path: Path) -> None:
        suite = written(tmp_path, row("a"))
        reader = suite.reader()
        for _ in range(2):
            assert reader(suite.entries[0]).id == "a"
            reader.close()
            reader.close()


words = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20
).filter(lambda text: "::" not in text)
texts = st.text(st.characters(codec="utf-8"), max_size=60)
targets = st.sampled_from("ABCD") | texts
meta = st.dictionaries(texts, st.none() | st.integers(-(2**60), 2**60) | texts | st.lists(texts))
good_rows = st.fixed_dictionaries(
    {"id": words, "input": texts, "target": targets},
    optional={
        "options": st.lists(texts, max_size=26),
        "group": words,
        "meta": meta,
        "rationale": texts,
        "specialty": st.sampled_from(["surgery", "internal_medicine/cardiology"]),
        "safety": st.lists(st.sampled_from(["medication", "infection_control"]), max_size=2),
        "must_pass": st.booleans(),
    },
)
bad_lines = st.one_of(
    st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")),
    st.sampled_from([b"{", b"[]", b"null", b'"id"', b"\xff\xfe", b"\x00", b'{"id": "x"}', b"\r"]),
    good_rows.map(lambda one: line(one)[:-1]),
    good_rows.map(lambda one: line({**one, "unknown": 1})),
)


@st.composite
def files(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[bytes]]:
    good = draw(st.lists(good_rows, max_size=6, unique_by=lambda one: one["id"]))
    ascii_only = draw(st.booleans())
    lines = [json.dumps(one, ensure_ascii=ascii_only).encode() for one in good]
    for bad in draw(st.lists(bad_lines, max_size=6)):
        lines.insert(draw(st.integers(0, len(lines))), bad)
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return good, [mark, *(one + end for one in lines)]


@given(files())
@settings(max_examples=200, deadline=None)
@example(([row("line-1")], [b"{\n", line(row("line-1"))]))
def test_every_good_line_is_read_back_exactly_whatever_stands_around_it(
    written_file: tuple[list[dict[str, Any]], list[bytes]],
) -> None:
    good, lines = written_file
    with tempfile.TemporaryDirectory() as folder:
        place = write(Path(folder))
        (Path(folder) / "items.jsonl").write_bytes(b"".join(lines))
        if not b"".join(lines).removeprefix(b"\xef\xbb\xbf").strip():
            assert "no items" in str(refused(place))
            return
        suite = read(place)
        found = items(suite, [one["id"] for one in good])
    assert found == [Item.model_validate(one) for one in good]
    assert len(set(ids(suite))) == len(suite.entries)
    assert [entry.id for entry in suite.entries if entry.problem is None] == [
        one["id"] for one in good
    ]
