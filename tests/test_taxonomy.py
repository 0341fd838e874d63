"""The labels items may carry: what is built in, and what users' own files may add."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_medbench.errors import SuiteError
from pytest_medbench.taxonomy import BUILT_IN, MAX_TOML, Name, Taxonomy, load_taxonomy

WORD = re.compile(r"[a-z][a-z0-9_]*")


@pytest.fixture
def built_in() -> Taxonomy:
    return load_taxonomy()


def write(folder: Path, text: str | bytes, name: str = "own.toml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(*paths: Path) -> SuiteError:
    with pytest.raises(SuiteError) as caught:
        load_taxonomy(paths)
    return caught.value


def test_there_are_24_primary_and_91_secondary_specialties(built_in: Taxonomy) -> None:
    assert len(built_in.primaries()) == 24
    assert len(built_in.secondaries()) == 91
    assert len(built_in.specialties) == 24 + 91


def test_safety_has_nine_areas_eleven_of_ethics_and_nine_principles(built_in: Taxonomy) -> None:
    families = Counter(name.family for name in built_in.safety.values())
    assert families == {"safety": 9, "ethics": 11, "ama": 9}


def test_ids_of_ethics_and_principles_say_their_family(built_in: Taxonomy) -> None:
    for label, name in built_in.safety.items():
        assert label.startswith("ethics_") == (name.family == "ethics")
        assert bool(re.match(r"ama_[1-9]_", label)) == (name.family == "ama")


def test_every_primary_has_a_secondary_and_every_secondary_its_primary(built_in: Taxonomy) -> None:
    by_primary = [built_in.secondaries(primary) for primary in built_in.primaries()]
    assert all(by_primary)
    assert [label for labels in by_primary for label in labels] == list(built_in.secondaries())


def test_secondaries_of_a_primary_are_not_those_of_one_that_starts_alike(
    built_in: Taxonomy,
) -> None:
    assert built_in.secondaries("internal_medicine")[3] == "internal_medicine/cardiology"
    assert built_in.secondaries("internal") == ()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", ["specialties", "safety", "populations"])
def test_names_are_unique_in_both_languages(built_in: Taxonomy, kind: str, language: str) -> None:
    names = [getattr(name, language).casefold() for name in getattr(built_in, kind).values()]
    assert len(names) == len(set(names))


def test_names_are_in_the_language_they_stand_under(built_in: Taxonomy) -> None:
    for table in (built_in.specialties, built_in.safety, built_in.populations):
        for name in table.values():
            assert re.search(r"[\u4e00-\u9fff]", name.zh)
            assert re.fullmatch(r"[A-Z][A-Za-z' -]*", name.en)


def test_ids_are_marker_words_of_one_kind_only(built_in: Taxonomy) -> None:
    labels = [*built_in.specialties, *built_in.safety, *built_in.populations]
    assert len(labels) == len(set(labels))
    for label in labels:
        assert all(WORD.fullmatch(part) for part in label.split("/"))
        assert label.count("/") <= (label in built_in.specialties)


def test_every_id_can_be_asked_for_with_pytest_m(
    built_in: Taxonomy, pytester: pytest.Pytester
) -> None:
    labels = [*built_in.specialties, *built_in.safety, *built_in.populations]
    pytester.makeconftest(
        f"""
        import pytest
        LABELS = {labels!r}
        def pytest_configure(config):
            for label in LABELS:
                config.addinivalue_line("markers", label)
        def pytest_collection_modifyitems(items):
            for label, item in zip(LABELS, items, strict=True):
                item.add_marker(getattr(pytest.mark, label))
        """
    )
    pytester.makepyfile(
        f"""
        import pytest
        @pytest.mark.parametrize("number", range({len(labels)}))
        def test_it(number):
            pass
        """
    )
    result = pytester.runpytest("--strict-markers", "-m", " or ".join(labels))
    result.assert_outcomes(passed=len(labels))
    result = pytester.runpytest("-m", "internal_medicine/cardiology and not medication")
    result.assert_outcomes(passed=1, deselected=len(labels) - 1)


def test_catalogue_codes_are_unique_and_well_formed(built_in: Taxonomy) -> None:
    codes = [name.code for name in built_in.specialties.values() if name.code is not None]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"\d\d(\.\d\d)?", code) for code in codes)
    primary_codes = [built_in.specialties[label].code for label in built_in.primaries()]
    assert all(code is not None and len(code) == 2 for code in primary_codes)
    assert primary_codes == sorted(primary_codes, key=str)


def test_codes_of_secondaries_lie_under_their_primary_but_for_merged_ones(
    built_in: Taxonomy,
) -> None:
    moved = {
        label
        for label in built_in.secondaries()
        if (code := built_in.specialties[label].code) is not None
        and code.split(".")[0] != built_in.specialties[label.split("/")[0]].code
    }
    assert moved == {
        "preventive_medicine/womens_health",
        "preventive_medicine/child_health",
        "pediatrics/pediatric_surgery",
        "infectious_diseases/tuberculosis",
        "oncology/radiation_oncology",
        "rehabilitation_medicine/sports_medicine",
        "traditional_chinese_medicine/ethnic_medicine",
        "traditional_chinese_medicine/integrated_medicine",
    }


def test_cardiology_has_the_catalogues_name_and_code(built_in: Taxonomy) -> None:
    name = built_in.specialties["internal_medicine/cardiology"]
    assert name == Name(zh="心血管内科专业", en="Cardiology", code="03.04")


def test_the_built_in_taxonomy_is_read_once_and_cannot_be_changed(built_in: Taxonomy) -> None:
    assert load_taxonomy() is built_in
    with pytest.raises(TypeError):
        built_in.safety["mine"] = Name("我", "Mine")  # type: ignore[index]


def test_loading_needs_neither_pytest_nor_pydantic() -> None:
    code = (
        "import sys; from pytest_medbench.taxonomy import load_taxonomy; load_taxonomy();"
        "assert not {'pytest', '_pytest', 'pydantic', 'openai', 'scipy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


OWN = """
[specialties]
pharmacy = { zh = "药学部", en = "Pharmacy" }
"pharmacy/clinical_pharmacy" = { zh = "临床药学", en = "Clinical Pharmacy" }
"internal_medicine/hepatology" = { zh = "肝病学", en = "Hepatology", code = "H-7" }

[safety.radiation_dose]
family = "radiation"
zh = "辐射剂量"
en = "Radiation Dose"

[populations]
g6pd = { zh = "G6PD缺乏症患者", en = "Patients with G6PD Deficiency" }
"""


def test_an_own_file_adds_to_every_kind(tmp_path: Path, built_in: Taxonomy) -> None:
    taxonomy = load_taxonomy([write(tmp_path, OWN)])
    assert taxonomy.primaries() == (*built_in.primaries(), "pharmacy")
    assert taxonomy.secondaries("pharmacy") == ("pharmacy/clinical_pharmacy",)
    assert taxonomy.specialties["internal_medicine/hepatology"].code == "H-7"
    assert taxonomy.safety["radiation_dose"] == Name(
        "辐射剂量", "Radiation Dose", family="radiation"
    )
    assert taxonomy.populations["g6pd"].en == "Patients with G6PD Deficiency"
    assert built_in.specialties.items() <= taxonomy.specialties.items()
    assert "pharmacy" not in load_taxonomy().specialties


def test_a_secondary_may_stand_before_its_primary_and_in_another_file(tmp_path: Path) -> None:
    secondary = write(tmp_path, '[specialties]\n"a/b" = { zh = "乙", en = "B" }\n', "1.toml")
    primary = write(tmp_path, '[specialties]\na = { zh = "甲", en = "A" }\n', "2.toml")
    assert load_taxonomy([secondary, primary]).secondaries("a") == ("a/b",)
    error = refused(secondary)
    assert (error.place, error.line) == (secondary, 2)


def test_a_byte_order_mark_and_an_empty_file_are_no_error(
    tmp_path: Path, built_in: Taxonomy
) -> None:
    marked = write(tmp_path, b"\xef\xbb\xbf" + OWN.encode(), "marked.toml")
    assert "pharmacy" in load_taxonomy([marked]).specialties
    assert load_taxonomy([write(tmp_path, "")]) == built_in


GOOD = 'zh = "甲", en = "A"'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\n[specialites]\n", 2, ["specialites", "did you mean 'specialties'"]),
        ("gates = 1\n", 1, ["gates", "known are specialties, safety, populations"]),
        ("safety = 3\n", 1, ["safety = 3", "expected a table [safety]"]),
        ("[safety]\nx = 'y'\n", 2, ["safety.x = 'y'", "expected a table with zh, en, family"]),
        (f"[populations]\nx = {{ {GOOD}, age = 3 }}\n", 2, ["populations.x", "'age'", "zh, en"]),
        (f"[specialties]\nx = {{ {GOOD}, cod = '1' }}\n", 2, ["'cod'", "did you mean 'code'"]),
        (f"[populations]\nx = {{ {GOOD}, family = 'a' }}\n", 2, ["unknown key 'family'"]),
        ("[populations]\nx = { zh = '甲' }\n", 2, ["populations.x", "key 'en' is missing"]),
        (f"[safety]\nx = {{ {GOOD} }}\n", 2, ["safety.x", "key 'family' is missing"]),
        (f"[safety]\nx = {{ {GOOD}, family = 'No' }}\n", 2, ["safety.x.family = 'No'", "'ama'"]),
        ("[populations]\nx = { zh = '', en = 'A' }\n", 2, ["populations.x.zh = ''", "1 to 200"]),
        ("[populations]\nx = { zh = '甲', en = 7 }\n", 2, ["populations.x.en = 7"]),
        ("[populations]\nx = { zh = '甲', en = ' A' }\n", 2, ["populations.x.en = ' A'"]),
        ('[populations]\nx = { zh = "甲", en = "\\u001b[2J" }\n', 2, ["populations.x.en"]),
        ('[populations]\nx = { zh = "甲", en = "A\\u202eB" }\n', 2, ["populations.x.en"]),
        ("[populations.x]\nzh = '甲'\nen = []\n", 1, ["populations.x.en = []"]),
        (f"[populations]\nOlder = {{ {GOOD} }}\n", 2, ["populations.'Older'", "lower-case"]),
        (f'[populations]\n"a b" = {{ {GOOD} }}\n', 2, ["'a b'"]),
        (f'[populations]\n"儿童" = {{ {GOOD} }}\n', 2, ["'儿童'"]),
        (f"[populations]\nnot = {{ {GOOD} }}\n", 2, ["taken by pytest's -m"]),
        (f'[populations]\n"a/b" = {{ {GOOD} }}\n', 2, ["'a/b'"]),
        (f'[specialties]\n"a/b/c" = {{ {GOOD} }}\n', 2, ["'a/b/c'", "joined by '/'"]),
        (f'[specialties]\n"surgery/" = {{ {GOOD} }}\n', 2, ["'surgery/'"]),
        (
            f'[specialties]\n"surgry/hand" = {{ {GOOD} }}\n',
            2,
            ["no primary specialty 'surgry'", "did you mean 'surgery'"],
        ),
        (
            f"[specialties]\nsurgery = {{ {GOOD} }}\n",
            2,
            ["specialties.surgery", "already in [specialties] of the built-in taxonomy"],
        ),
        (
            f"[populations]\n\nmedication = {{ {GOOD} }}\n",
            3,
            ["populations.medication", "already in [safety] of the built-in taxonomy"],
        ),
        ("[safety\n", None, ["is not TOML"]),
        ("[safety]\n[safety]\n", None, ["is not TOML"]),
        ("x = 2026-02-31\n", None, ["is not TOML"]),
        ("x = " + "9" * 5000, None, ["is not TOML"]),
        ("x = " + "[" * 50_000, None, ["is not TOML"]),
        (b"[safety]\n# \xbf\xc6\n", 2, ["is not UTF-8 (byte 11)", "save the file as UTF-8"]),
    ],
)
def test_a_bad_file_is_refused_with_place_value_and_what_was_expected(
    tmp_path: Path, text: str | bytes, line: int | None, said: list[str]
) -> None:
    path = write(tmp_path, text)
    error = refused(path)
    assert (error.place, error.line) == (path, line)
    assert [words for words in said if words not in error.message] == []
    assert len(error.message) < 600


def test_a_clash_of_two_own_files_names_both(tmp_path: Path) -> None:
    first, second = write(tmp_path, OWN, "1.toml"), write(tmp_path, OWN, "2.toml")
    error = refused(first, second)
    assert error.place == second
    assert f"already in [specialties] of {first}" in error.message


def test_adding_the_built_in_file_again_is_a_clash() -> None:
    assert "built-in taxonomy" in refused(BUILT_IN).message


def test_a_file_may_have_one_mebibyte_and_no_byte_more(tmp_path: Path) -> None:
    fits = write(tmp_path, b"#" * MAX_TOML, "fits.toml")
    assert load_taxonomy([fits]) == load_taxonomy()
    assert (
        f"larger than {MAX_TOML} bytes" in refused(write(tmp_path, b"#" * (MAX_TOML + 1))).message
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "none.toml")
    assert error.place == tmp_path / "none.toml"
    assert "cannot be read: No such file" in error.message
    assert "cannot be read" in refused(tmp_path).message


WORDS = st.from_regex(r"own_[a-z0-9_]{1,20}", fullmatch=True)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=200
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(
    entries=st.dictionaries(
        WORDS, st.tuples(st.sampled_from(["specialties", "safety", "populations"]), NAMES, NAMES)
    )
)
def test_what_an_own_file_says_is_what_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, tuple[str, str, str]]
) -> None:
    lines = [
        f"{kind}.{label} = {{ zh = {quoted(zh)}, en = {quoted(en)}"
        + (', family = "own" }' if kind == "safety" else " }")
        for label, (kind, zh, en) in entries.items()
    ]
    path = write(tmp_path_factory.mktemp("own"), "\n".join(lines))
    taxonomy = load_taxonomy([path])
    for label, (kind, zh, en) in entries.items():
        name = getattr(taxonomy, kind)[label]
        assert (name.zh, name.en) == (zh, en)
    sizes = Counter(kind for kind, _, _ in entries.values())
    for kind in ("specialties", "safety", "populations"):
        assert len(getattr(taxonomy, kind)) == len(getattr(load_taxonomy(), kind)) + sizes[kind]


@given(label=st.text(min_size=1, max_size=80))
@example("a" * 64)
@example("a" * 65)
@example("or")
@example("a\n")
@example("internal_medicine")
def test_an_id_is_taken_exactly_where_it_is_a_marker_word(
    tmp_path_factory: pytest.TempPathFactory, label: str
) -> None:
    escaped = "".join(f"\\U{ord(character):08x}" for character in label)
    if any(0xD800 <= ord(character) <= 0xDFFF for character in label):
        return
    text = f'[populations]\n"{escaped}" = {{ {GOOD} }}\n'
    path = write(tmp_path_factory.mktemp("own"), text)
    usable = re.fullmatch(r"[a-z][a-z0-9_]{0,63}", label) and label not in {"and", "or", "not"}
    known = load_taxonomy()
    if usable and label not in {*known.specialties, *known.safety, *known.populations}:
        assert label in load_taxonomy([path]).populations
    else:
        assert refused(path).place == path


@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda x: x.encode("utf-8", "surrogatepass")),
    )
)
@example(b"safety.x.y.z = 1")
@example(b"[[safety]]")
@example(b"safety = {}")
@example(b"specialties.'' = {}")
def test_any_bytes_are_loaded_or_refused_with_their_place(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = write(tmp_path_factory.mktemp("own"), data)
    error = None
    try:
        load_taxonomy([path])
    except SuiteError as raised:
        error = raised
    assert error is None or (error.place == path and error.message.isprintable())
