"""The language an item says it is in, and how long it is."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_medbench.lint.model import Finding, Row
from pytest_medbench.lint.registry import item_rules
from pytest_medbench.lint.texts import count_han, count_letters, count_words

FEWEST_HAN = 4
MOST_HAN_SHARE = 0.2
MOST_WORDS = 500
MOST_HAN = 1000


@item_rules(
    {
        "language": "text that is not in the language the item says: zh without Chinese, en with",
        "long-stem": f"a stem of more than {MOST_WORDS} words or {MOST_HAN:,} Chinese characters",
    }
)
def language(row: Row) -> Iterator[Finding]:
    """Hold the label against the text."""
    han = count_han(row.folded)
    tag = row.language.partition("-")[0].lower()
    if tag == "zh":
        letters = count_letters(row.folded)
        if letters and han < FEWEST_HAN and han * 2 < letters:
            yield row.error(
                "language",
                f"says {row.language!r} and has {han} Chinese characters among {letters:,} "
                "letters; correct `language`, or translate it",
            )
    elif tag == "en" and han:
        yield from _han_in_english(row, han)
    words = count_words(row.stem)
    han_in_stem = count_han(row.stem)
    if words > MOST_WORDS or han_in_stem > MOST_HAN:
        size = f"{words:,} words" if words > MOST_WORDS else f"{han_in_stem:,} Chinese characters"
        yield row.advice(
            "long-stem", f"the stem has {size}; is all of it needed for the answer? Shorten it"
        )


def _han_in_english(row: Row, han: int) -> Iterator[Finding]:
    letters = count_letters(row.folded)
    said = (
        f"says {row.language!r} and has {han} Chinese characters among {letters:,} letters; "
        "correct `language`, or translate them"
    )
    if han / letters > MOST_HAN_SHARE:
        yield row.error("language", said)
    else:
        yield row.advice("language", said)
