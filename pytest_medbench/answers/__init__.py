"""Text to answer: what a response gives as its answer, in Chinese and English.

Every reader takes the response's text as it came and gives a `Reading`: the answer in canonical
form, or the cause why there is none. None of them raises for any text, evaluates anything, or
takes longer than linear time; of long texts the beginning and the end are looked at.
"""

from pytest_medbench.answers.choices import read_choice, read_choices
from pytest_medbench.answers.dates import read_date
from pytest_medbench.answers.gestation import read_weeks_days
from pytest_medbench.answers.numbers import read_integer, read_number
from pytest_medbench.answers.objects import read_object
from pytest_medbench.answers.phrases import read_phrases
from pytest_medbench.answers.reading import Reading, is_partial, why_missing
from pytest_medbench.answers.refusals import is_refusal
from pytest_medbench.answers.stances import Stance, read_stance
from pytest_medbench.answers.text import fold, normalise, prompt_text, visible
from pytest_medbench.answers.urgency import read_urgency
from pytest_medbench.answers.words import read_label

__all__ = [
    "Reading",
    "Stance",
    "fold",
    "is_partial",
    "is_refusal",
    "normalise",
    "prompt_text",
    "read_choice",
    "read_choices",
    "read_date",
    "read_integer",
    "read_label",
    "read_number",
    "read_object",
    "read_phrases",
    "read_stance",
    "read_urgency",
    "read_weeks_days",
    "visible",
    "why_missing",
]
