"""The files of a baseline: their names, their bytes, and what is said of damaged ones."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from baseline_projects import baseline, item, put
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_medbench.baselines.files import BaselineError, to_bytes
from pytest_medbench.baselines.names import (
    FOLDER,
    LONGEST_KEY,
    check_key,
    encode,
    is_baseline_file,
    key_of,
    keys_in,
    pair_of,
)
from pytest_medbench.baselines.reading import read_baseline
from pytest_medbench.baselines.records import Figures, ItemRecord, kept_answer
from pytest_medbench.errors import ConfigError
from pytest_medbench.outcomes import SCORED
from pytest_medbench.report.plain import printable


def _is_key(text: str) -> bool:
    return text == text.strip() and printable(text) == text


KEYS = st.one_of(
    st.text(st.sampled_from("aA./:%~ é中😀_-"), min_size=1, max_size=LONGEST_KEY),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=60),
    st.sampled_from([".", "..", "a.anchor", "a.ANCHOR", "a.anchor.json", ".anchor", "a%", "%2E"]),
).filter(_is_key)


@given(KEYS, st.sampled_from(["baseline", "anchor"]))
@example("python:models.ours:answer", "baseline")
@example("openai:org/model-1.5b", "anchor")
@example("中" * LONGEST_KEY, "anchor")
@example("ours.anchor", "baseline")
def test_a_file_name_gives_its_key_back(key: str, which: str) -> None:
    pair = pair_of(Path("folder"), key, which)
    for path in (pair.summary, pair.items):
        inner = PurePosixPath(path.relative_to("folder").as_posix())
        assert key_of(inner) == (key, which)
        assert all(len(part) <= 220 and part.isascii() for part in inner.parts)
        assert ".." not in inner.parts


@given(KEYS, KEYS)
@example("a.anchor", "a")
@example("a/b", "a%2Fb")
@example("x" * 181, "x" * 180)
def test_two_keys_never_share_a_file(one: str, other: str) -> None:
    def files(key: str) -> set[Path]:
        pairs = [pair_of(Path(), key, "baseline"), pair_of(Path(), key, "anchor")]
        return {path for pair in pairs for path in (pair.summary, pair.items)}

    assert one == other or not files(one) & files(other)


@given(st.text(st.sampled_from(string.printable), max_size=40))
def test_a_file_of_another_kind_has_no_key(name: str) -> None:
    path = PurePosixPath(name + ".json")
    found = key_of(path)
    if found is not None:
        key, which = found
        suffix = ".anchor.json" if which == "anchor" else ".json"
        assert str(encode(key)) + suffix == str(path)


def test_an_everyday_key_is_readable_in_its_file_name() -> None:
    assert pair_of(Path(), "ours-2026.10").summary == Path("ours-2026.10.json")
    assert pair_of(Path(), "local:qwen2.5").items == Path("local%3Aqwen2.5.items.jsonl")


@pytest.mark.parametrize(
    "key", ["", " a", "a ", "a\nb", "x" * 201, "a\u200bb", "\ud800", "\x1b[2J"]
)
def test_a_key_that_does_not_show_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="expected 1 to 200 printable"):
        check_key(key)


def test_keys_are_found_in_a_folder(tmp_path: Path) -> None:
    for key in ("ours", "a/b", "中" * 100):
        put(tmp_path, baseline(key))
    put(tmp_path, baseline("ours"), "anchor")
    put(tmp_path, baseline("only-an-anchor"), "anchor")
    (tmp_path / FOLDER / "test_x").mkdir()
    for other in ("test_x.ambr", "notes.txt", "no%zz.json", "test_x/test_y.json"):
        (tmp_path / FOLDER / other).write_text("{}")
    assert keys_in(tmp_path / FOLDER) == ["a/b", "only-an-anchor", "ours", "中" * 100]
    assert keys_in(tmp_path / "nowhere") == []


def test_only_files_beside_a_suite_are_baselines(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / "ours.json"
    assert not is_baseline_file(path)
    (tmp_path / "suite.toml").touch()
    assert is_baseline_file(path)
    assert is_baseline_file(pair_of(tmp_path / FOLDER, "中" * 100).items)
    assert not is_baseline_file(tmp_path / FOLDER / "test_x" / "ours.json")
    assert not is_baseline_file(tmp_path / FOLDER / "test_x.ambr")
    assert not is_baseline_file(tmp_path / "other" / "ours.json")


TEXT = st.text(st.characters(codec="utf-8"), max_size=20).filter(str.isprintable)
UNIT = st.floats(0, 1)
RECORDS = st.builds(
    ItemRecord,
    id=TEXT.filter(bool),
    status=st.sampled_from(sorted(SCORED)),
    score=UNIT,
    answer=st.none() | st.text().map(kept_answer),
    made_with=st.text("0123456789abcdef", min_size=16, max_size=16),
    scores=st.just(()) | st.tuples(UNIT, UNIT, UNIT),
)


@given(
    st.lists(RECORDS, min_size=1, max_size=5, unique_by=lambda record: record.id),
    st.dictionaries(TEXT, st.builds(Figures, UNIT, UNIT, UNIT, st.integers(0, 9)), max_size=3),
    st.none() | st.text(st.characters(codec="utf-8")),
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    records: list[ItemRecord],
    slices: dict[str, Figures],
    reason: str | None,
) -> None:
    folder = tmp_path_factory.mktemp("written")
    items = {record.id: record for record in records}
    made = baseline(items=items, slices=slices, reason=reason, repeats=3)
    put(folder, made)
    read = read_baseline(pair_of(folder / FOLDER, "ours"), "ours", "demo")
    assert read == made
    backwards = baseline(
        items=dict(reversed(items.items())),
        slices=dict(reversed(slices.items())),
        reason=reason,
        repeats=3,
    )
    assert to_bytes(backwards) == to_bytes(made)


def test_a_changed_item_is_one_changed_line() -> None:
    made = baseline()
    changed = {**made.items, "q002": item("q002", answer="C")}
    before, after = (
        to_bytes(baseline(items=items))[1].decode().splitlines() for items in (made.items, changed)
    )
    assert before[0] == after[0]
    assert before[1] != after[1]
    assert json.loads(after[1])["answer"] == "C"
    assert list(json.loads(after[1])) == ["answer", "id", "made_with", "score", "status"]


def test_the_summary_is_sorted_and_indented() -> None:
    text = to_bytes(baseline())[0].decode()
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert text.startswith('{\n  "accepted_on": "2026-11-01",\n')
    assert text.endswith("}\n")


@given(st.text())
def test_a_kept_answer_is_short_and_shows(answer: str) -> None:
    kept = kept_answer(answer)
    assert kept is not None
    assert len(kept) <= 16
    assert printable(kept) == kept
    assert kept_answer(answer) == kept


@given(st.text(max_size=30), st.text(max_size=30))
@example("#0123456789ab", "x" * 17)
@example("a" * 17, "a" * 18)
@example(str(kept_answer("a" * 17)), "a" * 17)
def test_two_answers_are_never_kept_as_one(one: str, other: str) -> None:
    assert (kept_answer(one) == kept_answer(other)) is (one == other)


def test_no_answer_is_kept_as_none_and_an_empty_one_as_empty() -> None:
    assert kept_answer(None) is None
    assert kept_answer("") == ""
    assert kept_answer("B") == "B"


def _edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def _read_error(folder: Path) -> BaselineError:
    with pytest.raises(BaselineError) as caught:
        read_baseline(pair_of(folder / FOLDER, "ours"), "ours", "demo")
    assert "\x1b" not in str(caught.value)
    return caught.value


NONSENSE: list[tuple[str, Callable[[str], str], int | None, str]] = [
    ("summary", lambda text: "", None, "half written"),
    ("summary", lambda text: text[: len(text) // 2], None, "half written"),
    ("summary", lambda text: "nonsense", 1, "is not JSON"),
    ("summary", lambda text: "[]", 1, "expected a JSON object"),
    ("summary", lambda text: text.replace('"format": 1', '"format": 2'), 3, "newer version"),
    ("summary", lambda text: text.replace('"format": 1', '"format": "x"'), 3, "format"),
    ("summary", lambda text: text.replace('"run"', '"ran"'), None, "'ran'"),
    ("summary", lambda text: text.replace('"PASS"', '"PAST"'), None, "verdict = 'PAST'"),
    ("summary", lambda text: text.replace('"high": 0.9', '"high": 9'), None, "less than or equal"),
    ("summary", lambda text: text.replace('"n": 2', '"n": NaN'), None, "n = "),
    ("summary", lambda text: text.replace('"demo"', '"other"'), None, "expected 'demo'"),
    ("summary", lambda text: text.replace('"key": "ours"', '"key": "x"'), None, "expected 'ours'"),
    ("summary", lambda text: "<<<<<<< HEAD\n" + text, 1, "conflict markers"),
    ("items", lambda text: "", None, "holds 0 items"),
    ("items", lambda text: text[:-1], 2, "half written"),
    ("items", lambda text: text[: len(text) - 30], 2, "half written"),
    ("items", lambda text: text.splitlines(keepends=True)[0], None, "holds 1 items"),
    ("items", lambda text: text + text, 3, "is on line 1 too"),
    ("items", lambda text: text.replace('"B"', '"C"'), None, "edited by hand"),
    ("items", lambda text: text.replace('"wrong"', '"wrog"'), 2, "status = 'wrog'"),
    ("items", lambda text: text.replace("1.0", "1.5"), 1, "less than or equal to 1"),
    ("items", lambda text: text.replace("1.0", "null"), 1, "expected a score"),
    ("items", lambda text: text.replace('"B"', '"\\u001b[2J"'), 1, "expected printable"),
    ("items", lambda text: "\n" + text, 1, "is empty"),
    ("items", lambda text: "nonsense\n" + text, 1, "is not JSON"),
    (
        "items",
        lambda text: text.replace(
            '{"answer":"#', '<<<<<<< HEAD\n=======\n>>>>>>> new\n{"answer":"#'
        ),
        2,
        "conflict markers",
    ),
]


@pytest.mark.parametrize(("which", "change", "line", "said"), NONSENSE)
def test_a_damaged_file_is_named_with_the_place_and_what_to_do(
    tmp_path: Path, which: str, change: Callable[[str], str], line: int | None, said: str
) -> None:
    put(tmp_path, baseline())
    path = getattr(pair_of(tmp_path / FOLDER, "ours"), which)
    _edit(path, change)
    error = _read_error(tmp_path)
    assert error.place == path
    assert said in str(error)
    if line is not None:
        assert error.line == line
        assert str(error).startswith(f"{path}:{line}: ")
    assert any(hint in error.message for hint in ("restore it", "take both", "upgrade", "accept a"))


@pytest.mark.parametrize("which", ["summary", "items"])
def test_one_file_without_the_other_is_an_error(tmp_path: Path, which: str) -> None:
    put(tmp_path, baseline())
    path = getattr(pair_of(tmp_path / FOLDER, "ours"), which)
    path.unlink()
    error = _read_error(tmp_path)
    assert error.place == path
    assert "is missing" in error.message


def test_files_of_two_acceptances_do_not_belong_together(tmp_path: Path) -> None:
    put(tmp_path, baseline())
    pair = pair_of(tmp_path / FOLDER, "ours")
    _, items = to_bytes(baseline(items={"q001": item(), "q002": item("q002", answer="D")}))
    pair.items.write_bytes(items)
    assert "is not the file that ours.json was written with" in str(_read_error(tmp_path))


def test_line_ends_that_git_changed_are_no_damage(tmp_path: Path) -> None:
    put(tmp_path, baseline())
    pair = pair_of(tmp_path / FOLDER, "ours")
    for path in (pair.summary, pair.items):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_baseline(pair, "ours", "demo") == baseline()


def test_neither_file_is_no_baseline(tmp_path: Path) -> None:
    assert read_baseline(pair_of(tmp_path, "ours"), "ours", "demo") is None


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, baseline())
    pair = pair_of(tmp_path / FOLDER, "ours")
    pair.items.unlink()
    pair.items.mkdir()
    assert "is no file" in str(_read_error(tmp_path))


@given(st.binary(max_size=60))
@example(b"\xff")
@example(b'{"format": 1e400}')
@example(b"[" * 60)
def test_any_bytes_are_read_or_refused_with_a_place(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    put(folder, baseline())
    pair = pair_of(folder / FOLDER, "ours")
    for path in (pair.items, pair.summary):
        path.write_bytes(data)
        _read_error(folder)


def test_what_cannot_be_written_leaves_the_old_files(tmp_path: Path) -> None:
    put(tmp_path, baseline())
    pair = pair_of(tmp_path / FOLDER, "ours")
    before = pair.summary.read_bytes()
    part = pair.items.with_name(pair.items.name + ".part")
    part.mkdir()
    with pytest.raises(BaselineError, match=r"ours\.items\.jsonl: cannot be written: Is a direct"):
        put(tmp_path, baseline(verdict="BLOCK"))
    assert pair.summary.read_bytes() == before
