"""Scorers: a function a name, from an item and a response to a score in [0, 1].

A scorer of one's own is one function, registered from a `conftest.py`:

>>> from pytest_medbench.scorers import scorer
>>> @scorer("starts_with_target")
... def starts_with_target(item, response, options):
...     return float(response.text.startswith(item.target))
"""

from pytest_medbench.scorers import (  # noqa: F401 -- importing registers them
    choice,
    date,
    json_fields,
    judge,
    key_points,
    multi,
    number,
    refusal,
    ternary,
    text,
    triage,
    weeks_days,
)
from pytest_medbench.scorers.grading import grade
from pytest_medbench.scorers.options import content_of
from pytest_medbench.scorers.registry import NoOptions, bind, names, scorer

__all__ = ["NoOptions", "bind", "content_of", "grade", "names", "scorer"]
