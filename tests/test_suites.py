"""A suite: its two files read and checked, each mistake named where it stands."""

from __future__ import annotations

import json
import os
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
    row,
    write,
    written,
)

from pytest_medbench.errors import SuiteError
from pytest_medbench.suites import Item, Suite, is_suite_file
from pytest_medbench.suites.places import line_in, line_of
from pytest_medbench.suites.schema import MAX_LINE


def refused(place: Path) -> SuiteError:
    with pytest.raises(SuiteError) as caught:
        read(place)
    return caught.value


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
            (b"[1, 2]", "expected"),
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
            (b'{"id": "x", "target": "A", "input": "\xff"}', "is not UTF-8 (byte 36)"),
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
        "safety": st.lists(st.sampled_from(["medication", "privacy"]), max_size=2),
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
        try:
            suite = read(place)
        except SuiteError as error:
            assert "no items" in str(error)
            assert not good
            return
        found = items(suite, [one["id"] for one in good])
    assert found == [Item.model_validate(one) for one in good]
    assert len(set(ids(suite))) == len(suite.entries)
    assert [entry.id for entry in suite.entries if entry.problem is None] == [
        one["id"] for one in good
    ]


class TestSuiteToml:
    @pytest.mark.parametrize(
        ("toml", "number", "said"),
        [
            ("[suite]\nname = 'x'\nitems =\n", 3, "is not TOML"),
            ("[suite]\nname = 'x'\n[suite]\n", 3, "is not TOML"),
            ("[suite]\nname = '''x\n\n", 4, "is not TOML"),
            (
                SUITE_TOML.replace("name =", '"licens" = "x" # inline\nname ='),
                2,
                "unknown key 'suite.licens'; did you mean 'licence'?",
            ),
            (SUITE_TOML + "[prompts]\n", 7, "unknown key 'prompts'; did you mean 'prompt'?"),
            (SUITE_TOML + "[ prompt ] # x\nshot = 1\n", 8, "did you mean 'shots'?"),
            (SUITE_TOML + 'prompt.strategy = "cott"\n', 7, "unknown"),
            (
                SUITE_TOML + '["prompt"]\n"strategy" = """\ncott"""\n',
                8,
                "prompt.strategy",
            ),
            (SUITE_TOML + "[prompt]\nstrategy = 'cott'\n", 8, "did you mean 'cot'?"),
            (SUITE_TOML + "[prompt]\nshots = 65\n", 8, "prompt.shots = 65"),
            (SUITE_TOML.replace('name = "small"', "name = 7"), 2, "suite.name = 7"),
            (SUITE_TOML.replace("small", "s p"), 2, "suite.name = 's p'"),
            (SUITE_TOML.replace("items", "version = 2026.11\nitems"), 3, "suite.version = 2026.11"),
            (SUITE_TOML.replace("items", "track = 'lm'\nitems"), 3, "did you mean 'llm'?"),
            (SUITE_TOML.replace("items", "task = 'a\\tb'\nitems").replace("'", '"'), 3, "task"),
            ("[suite]\nitems = 'x'\n[score]\nscorer = 'letter'\n", 1, "key 'suite.name' is miss"),
            ("[suite]\nname = 'x'\nitems = 'x'\n", None, "key 'score' is missing"),
            (SUITE_TOML + "correct_at = 0\n", 7, "score.correct_at = 0"),
            (SUITE_TOML + "group_rule = 'al'\n", 7, "did you mean 'all'?"),
            (SUITE_TOML.replace("letter", "leter"), 6, "did you mean 'letter'?"),
            (SUITE_TOML + "\n# x\ntolerance = 1\n", 9, "no option 'tolerance'"),
            ("gates = 1\n" + SUITE_TOML, 1, "gates = 1"),
        ],
    )
    def test_mistake_is_named_with_line_and_key(
        self, tmp_path: Path, toml: str, number: int | None, said: str
    ) -> None:
        error = refused(write(tmp_path, row(), toml=toml))
        assert error.place == tmp_path / "suite.toml"
        assert said in str(error)
        if "prompt.strategy = " not in toml or "[" not in toml.splitlines()[-1]:
            assert error.line == number

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_byte_order_mark_and_line_endings_do_not_matter(self, tmp_path: Path, end: str) -> None:
        toml = b"\xef\xbb\xbf" + SUITE_TOML.replace("\n", end).encode()
        assert written(tmp_path, row(), toml=toml).name == "small"

    @pytest.mark.parametrize(
        "toml",
        [
            SUITE_TOML.replace("small", "中文").encode("gbk"),
            SUITE_TOML.encode("utf-16"),
            b"\xff" + SUITE_TOML.encode(),
        ],
    )
    def test_not_utf8_says_so(self, tmp_path: Path, toml: bytes) -> None:
        assert "save the file as UTF-8" in str(refused(write(tmp_path, row(), toml=toml)))

    @pytest.mark.parametrize(
        "bomb",
        [
            "x = " + "[" * 100_000,
            "x = " + "{a=" * 50_000,
            "[" + ".".join("a" * 50_000) + "]",
            SUITE_TOML + "[gates]\n" + ".".join("a" * 50_000) + " = 1\n",
            SUITE_TOML + "x." + ".".join("a" * 50_000) + " = 1\n",
            SUITE_TOML.replace('"small"', "[" * 40 + "]" * 40),
            "x = " + "9" * 10_000,
            "x = 2026-13-45\n",
            "x = '" + "y" * 2_000_000 + "'",
        ],
    )
    def test_hostile_toml_is_one_clear_error(self, tmp_path: Path, bomb: str) -> None:
        place = write(tmp_path, row(), toml=bomb)
        assert is_suite_file(place)
        assert len(str(refused(place))) < 1_000

    def test_file_that_is_missing_is_named(self, tmp_path: Path) -> None:
        assert "cannot be read" in str(refused(tmp_path / "suite.toml"))

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n"])
    def test_suite_without_items_is_an_error(self, tmp_path: Path, content: bytes) -> None:
        place = write(tmp_path)
        (tmp_path / "items.jsonl").write_bytes(content)
        assert str(refused(place)).startswith(f"{tmp_path / 'items.jsonl'}: no items")


class TestItemsPath:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("../items.jsonl", "outside the suite's folder"),
            ("/etc/hostname", "outside the suite's folder"),
            ("none.jsonl", "there is no such file"),
            ("", "it is no file"),
            (".", "it is no file"),
            ("pipe", "it is no file"),
            ("loop", "cannot be read"),
            ("link", "outside the suite's folder"),
            ("linked/items.jsonl", "outside the suite's folder"),
            ("a\\u0000b", "cannot be read"),
            ("x" * 5_000, "cannot be read"),
        ],
    )
    def test_unusable_path_is_an_error_at_its_line(
        self, tmp_path: Path, name: str, said: str
    ) -> None:
        folder = tmp_path / "suite"
        toml = SUITE_TOML.replace('"items.jsonl"', f'"{name}"')
        place = write(folder, row(), toml=toml)
        (tmp_path / "items.jsonl").write_bytes(line(row()))
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to(folder / "loop")
        (folder / "link").symlink_to(tmp_path / "items.jsonl")
        (folder / "linked").symlink_to(tmp_path)
        error = refused(place)
        assert said in str(error)
        assert error.line == 3
        assert str(error).startswith(f"{place}:3: items = ")

    def test_file_in_a_folder_within_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "a.jsonl").write_bytes(line(row()))
        toml = SUITE_TOML.replace("items.jsonl", "data/a.jsonl")
        assert ids(written(tmp_path, toml=toml)) == ["q1"]

    def test_link_within_the_folder_is_followed(self, tmp_path: Path) -> None:
        place = write(tmp_path, row(), toml=SUITE_TOML.replace("items.jsonl", "link.jsonl"))
        (tmp_path / "link.jsonl").symlink_to("items.jsonl")
        assert ids(read(place)) == ["q1"]

    def test_suite_in_a_linked_folder_is_read(self, tmp_path: Path) -> None:
        write(tmp_path / "real", row())
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert ids(read(tmp_path / "link" / "suite.toml")) == ["q1"]


class TestWhoseFile:
    @pytest.mark.parametrize(
        ("toml", "ours"),
        [
            (SUITE_TOML, True),
            ("[suite]\nname = 'x'\nitems = 'y'\nwhatever = 1\n", True),
            ("suite = { name = 'x', items = 'y' }\n", True),
            ("[suite]\nname = 'x'\n", False),
            ("[suite]\nitems = 'x'\n", False),
            ("suite = 'x'\n", False),
            ("[[suite]]\nname = 'x'\nitems = 'y'\n", False),
            ("[tests]\nname = 'x'\nitems = 'y'\n", False),
            ("", False),
            ("this is no TOML\n", False),
            ("x = " + "[" * 100_000, False),
            ("x" * 2_000_000, False),
        ],
    )
    def test_only_a_suite_table_with_name_and_items_makes_it_ours(
        self, tmp_path: Path, toml: str, ours: bool
    ) -> None:
        place = write(tmp_path, toml=toml)
        (tmp_path / "items.jsonl").unlink()
        assert is_suite_file(place) is ours

    @pytest.mark.parametrize("toml", ["", "this is no TOML", "[tests]\n", "[suite]\nname='x'\n"])
    def test_whatever_lies_beside_an_items_file_is_ours(self, tmp_path: Path, toml: str) -> None:
        assert is_suite_file(write(tmp_path, row(), toml=toml))

    @pytest.mark.parametrize(
        "toml",
        [
            SUITE_TOML.replace("items.jsonl", "exam.jsonl") + "[score\n",
            SUITE_TOML.replace("items.jsonl", "exam.jsonl").encode() + b"# \xff\n",
            SUITE_TOML.replace("items.jsonl", "exam.jsonl") + "[score]\n",
        ],
    )
    def test_slip_of_the_pen_makes_no_suite_disappear(
        self, tmp_path: Path, toml: str | bytes
    ) -> None:
        place = write(tmp_path, toml=toml)
        (tmp_path / "items.jsonl").unlink()
        assert is_suite_file(place)

    def test_file_that_cannot_be_read_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "suite.toml").mkdir()
        assert not is_suite_file(tmp_path / "suite.toml")


DOCUMENT = '''\
# [suite]
top = 1
["suite"] # [other]
description = """
[score]
name = "no"
""""  # four quotes
"name"='x' # = "items"
list = [
  "]", # ]
  { a = 1 },
]
a . "b.c" = 2
inner = { x = 1, "y" = { z = '#' } }
[suite.sub.name]
k = 1
[[many]]
q = 1
[score]
scorer = """a \\""" b"""
'''


@pytest.mark.parametrize(
    ("keys", "number"),
    [
        (("top",), 2),
        (("suite",), 3),
        (("suite", "description"), 4),
        (("suite", "name"), 8),
        (("suite", "list"), 9),
        (("suite", "a", "b.c"), 13),
        (("suite", "inner", "y", "z"), 14),
        (("suite", "sub", "name", "k"), 16),
        (("many", "q"), 18),
        (("score", "scorer"), 20),
        (("suite", "missing"), 3),
        (("missing", "name"), None),
    ],
)
def test_line_of_a_key_is_found_as_toml_means_it(keys: tuple[str, ...], number: int | None) -> None:
    assert line_of(DOCUMENT, *keys) == number
    assert line_of(DOCUMENT.replace("\n", "\r\n"), *keys) == number


def test_line_in_a_file_that_is_gone_is_unknown(tmp_path: Path) -> None:
    assert line_in(tmp_path / "suite.toml", "suite") is None


@given(st.text(alphabet="[]{}\"'\\#=.ab \n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_looking_for_a_line_never_fails_whatever_the_text(text: str) -> None:
    found = line_of(text, "a", "b")
    assert found is None or 1 <= found <= text.count("\n") + 1
