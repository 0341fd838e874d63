"""What the terminal shows of a comparison."""

from __future__ import annotations

import io
from dataclasses import replace

from accepted import accept, against, held
from made_suites import answer, entries, entry, suite

from pytest_medbench.gates.regression import Comparison
from pytest_medbench.report.changes import write_comparison
from pytest_medbench.report.writer import PlainWriter
from pytest_medbench.suites import Suite


def shown(comparison: Comparison, *, redact: bool = False) -> str:
    file = io.StringIO()
    write_comparison(PlainWriter(file), comparison, redact=redact)
    return file.getvalue()


def exam() -> Suite:
    return suite(
        [
            entry("s0", safety=("medication",), harm="death"),
            *entries(400, specialty="surgery"),
            *entries(400, "j", specialty="medicine"),
        ]
    )


def test_worst_slice_follows_the_whole_with_arrow_and_interval() -> None:
    made = exam()
    text = shown(held(made, answer(made, "c" + "w" * 40 + "c"), against(accept(made, "c")))[0])
    lines = text.splitlines()
    assert "against old (baseline)" in lines[0]
    assert lines[2].endswith("overall")
    assert lines[3].startswith("BLOCK")
    assert "↓ -10.0" in lines[3]
    assert lines[3].endswith("specialty.surgery")
    assert "40 items got worse (0 safety flips), 0 better" in text
    assert "… and 30 more in the run's folder" in text


def test_slice_without_a_drop_says_what_would_have_been_seen() -> None:
    made = exam()
    text = shown(held(made, answer(made, "c"), against(accept(made, "c")))[0])
    assert "none shown" in text
    assert "overall, would have seen ≥" in text
    assert "not worse" not in text
    assert "no item came out differently" in text


def test_flip_is_named_with_its_harm_and_both_answers() -> None:
    made = exam()
    comparison, _ = held(made, answer(made, "wc"), against(accept(made, "c")))
    text = shown(comparison)
    assert "exam::s0 [harm death, medication]: A → wrong (harm death: wrong blocks)" in text


def test_redacted_comparison_has_ids_and_no_answers() -> None:
    made = exam()
    comparison, _ = held(made, answer(made, "wc"), against(accept(made, "c")))
    hidden = replace(comparison, items=(replace(comparison.items[0], was_answer="SECRET"),))
    assert "SECRET" in shown(hidden)
    assert "SECRET" not in shown(hidden, redact=True)
    assert "exam::s0" in shown(hidden, redact=True)


def test_what_a_model_wrote_cannot_steer_the_terminal() -> None:
    made = exam()
    comparison, _ = held(made, answer(made, "wc"), against(accept(made, "c")))
    hostile = replace(comparison.items[0], now_answer="\x1b[31mB\nPASS")
    text = shown(replace(comparison, items=(hostile,)))
    assert "\x1b" not in text
    assert "\nPASS" not in text


def test_void_groups_are_counted() -> None:
    made = exam()
    comparison, _ = held(
        made, answer(made, "c"), against(accept(made, "c")), changed={"i1": "f" * 16}
    )
    assert "1 groups void" in shown(comparison)


def test_nothing_is_shown_without_a_baseline() -> None:
    made = exam()
    assert shown(held(made, answer(made, "c"))[0]) == ""
