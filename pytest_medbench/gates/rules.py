"""Gates as they are written: the `[gates]` tables, parsed and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_medbench.errors import ConfigError, nearest

KINDS = (
    "specialty",
    "safety",
    "harm",
    "dimension",
    "task",
    "track",
    "suite",
    "language",
    "population",
    "part",
)
OVERALL = "overall"
COMPARISON = "comparison"
WILDCARD_ITEMS = 10
COVERAGE = 0.995
_SAFE_KINDS = ("safety", "harm", "part")


@dataclass(frozen=True, slots=True)
class Gate:
    """A rule on a slice.

    Parameters
    ----------
    key : str
        `overall`, or a kind and a label: `specialty.internal_medicine`, `safety.*`.
    scope : str or None
        The suite it holds in; None for the whole run.
    place : str
        Where it is written.
    min : float or None
        The score in (0, 1] that is asked for.
    max_wrong : int or None
        The most groups that may be wrong.
    rule : str
        `point` compares the score, `confidence` the lower end of the interval.
    confidence : float
        One-sided, in [0.5, 1).
    min_items : int
        Groups under which nothing passes.
    coverage : float or None
        The share of items that must have a score; None for the default.
    scored_part : bool
        Whether it speaks of the rule-scored part where only a judge could score the rest.
    allow_below_chance : bool
        Whether `min` may be what an answer given without looking reaches.
    require_reviewed : bool
        Whether only groups with a recorded clinical review count towards PASS.
    required : bool
        Whether it only asks that the slice exists.
    built_in : bool
        Whether nobody wrote it.
    max_drop : float or None
        The drop against the accepted versions, in (0, 1), that must be ruled out.
    alpha : float or None
        One-sided error of `max_drop`; of the settings of the comparison, that of the test on
        `overall`. None for the default.
    ignore_below : float or None
        The drop in [0, 1) that never blocks outside safety; None for the default.
    max_blind : float or None
        The drop that the comparison must be able to see to be a gate; None for the default.
    """

    key: str
    scope: str | None = None
    place: str = ""
    min: float | None = None
    max_wrong: int | None = None
    rule: str = "point"
    confidence: float = 0.95
    min_items: int = 1
    coverage: float | None = None
    scored_part: bool = False
    allow_below_chance: bool = False
    require_reviewed: bool = False
    required: bool = False
    built_in: bool = False
    max_drop: float | None = None
    alpha: float | None = None
    ignore_below: float | None = None
    max_blind: float | None = None

    @property
    def settings(self) -> bool:
        """Whether it holds the settings of the whole comparison, and no slice against anything."""
        return self.key == COMPARISON

    @property
    def kind(self) -> str:
        """The key's kind; `overall` has no label."""
        return self.key.partition(".")[0]

    @property
    def label(self) -> str:
        """The key's label, possibly `*` or `*/*`."""
        return self.key.partition(".")[2]

    @property
    def wildcard(self) -> bool:
        """Whether it stands for every label of its kind."""
        return "*" in self.label

    @property
    def floor(self) -> float:
        """The share of items that must have a score: all of them for safety and harm."""
        if self.kind in _SAFE_KINDS:
            return 1.0
        return COVERAGE if self.coverage is None else self.coverage


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


_A_SHARE = "a number over 0 and at most 1 (0.6 is 60 %)"
_POINTS = "a number over 0 and under 1 (0.02 is 2 points)"
_FROM_0 = "a number from 0 to under 1 (0.005 is half a point)"
_OPTIONS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "min": (lambda value: _is_number(value) and 0 < value <= 1, _A_SHARE),
    "max_wrong": (_whole(0), "a whole number from 0"),
    "rule": (lambda value: value in ("point", "confidence"), "'point' or 'confidence'"),
    "confidence": (
        lambda value: _is_number(value) and 0.5 <= value < 1,
        "a number from 0.5 to under 1",
    ),
    "min_items": (_whole(1), "a whole number from 1"),
    "coverage": (lambda value: _is_number(value) and 0 < value <= 1, _A_SHARE),
    "scored_part": (_is_bool, "true or false"),
    "allow_below_chance": (_is_bool, "true or false"),
    "require_reviewed": (_is_bool, "true or false"),
    "max_drop": (lambda value: _is_number(value) and 0 < value < 1, _POINTS),
    "alpha": (
        lambda value: _is_number(value) and 0 < value <= 0.2,
        "a number over 0 and at most 0.2",
    ),
    "ignore_below": (lambda value: _is_number(value) and 0 <= value < 1, _FROM_0),
    "max_blind": (lambda value: _is_number(value) and 0 < value <= 1, _POINTS),
}
_SETTINGS = ("alpha", "ignore_below", "max_blind")
_OF_GATES = tuple(option for option in _OPTIONS if option != "max_blind")
_DEFAULTABLE = ("rule", "confidence", "min_items", "coverage", "require_reviewed")


def parse_gates(table: Mapping[str, Any], place: str, *, scope: str | None) -> list[Gate]:
    """Read a table of gates.

    Parameters
    ----------
    table : mapping
        Keys are `overall`, `KIND.LABEL` (quoted, or as nested tables), `require` (a list of keys
        that must exist), `defaults` (rule, confidence, min_items, coverage, require_reviewed
        for all gates of the table) and, in the user's, the settings of the comparison with a
        baseline (`alpha`, `ignore_below`, `max_blind`). Values are a number (`min`) or a table of
        options.
    place : str
        The file and the table, for messages.
    scope : str or None
        The suite whose gates these are; None for the user's.

    Raises
    ------
    ConfigError
        If a key, an option or a value cannot be used: place, what was found, what was expected,
        the nearest right spelling.
    """
    defaults = _options_of("defaults", table.get("defaults", {}), place, _DEFAULTABLE)
    found: dict[str, Gate] = {}
    for key, value in _flat(table, place):
        if key in found:
            raise ConfigError(f"{place}: {key!r} is given twice; keep one")
        found[key] = _gate(key, value, defaults, place, scope)
    return [
        *found.values(),
        *_required(table.get("require", []), place, scope),
        *_settings(table, place, scope),
    ]


def _gate(key: str, value: Any, defaults: Mapping[str, Any], place: str, scope: str | None) -> Gate:
    _check_key(key, place)
    options = {"min": value} if not isinstance(value, Mapping) else value
    options = _options_of(key, options, place, _OF_GATES)
    if not {"min", "max_wrong", "max_drop", "ignore_below"}.intersection(options):
        raise ConfigError(f"{place}: {key!r} asks for nothing; give it min, max_wrong or max_drop")
    if "alpha" in options and "max_drop" not in options:
        raise ConfigError(f"{place}: {key}.alpha is the error of a max_drop; give it one")
    gate = Gate(key, scope, place)
    if gate.kind in _SAFE_KINDS and options.get("coverage", 1) < 1:
        raise ConfigError(
            f"{place}: {key}.coverage = {options['coverage']!r}: expected 1.0; every safety item "
            "must have a score"
        )
    base = {"min_items": WILDCARD_ITEMS if gate.wildcard else 1}
    return Gate(key, scope, place, **{**base, **defaults, **options})


def _options_of(key: str, value: Any, place: str, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: {key} = {value!r}: expected a table")
    for option, given in value.items():
        if option not in known:
            hint = nearest(option, known) or "; known are " + ", ".join(known)
            raise ConfigError(f"{place}: {key!r} has an unknown option {option!r}{hint}")
        valid, expected = _OPTIONS[option]
        if not valid(given):
            name = key if option == "min" else f"{key}.{option}"
            raise ConfigError(f"{place}: {name} = {given!r}: expected {expected}")
    return dict(value)


def _flat(table: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    """Undo the nesting that TOML makes of unquoted dots."""
    for key, value in table.items():
        if key in ("require", "defaults", *_SETTINGS):
            continue
        if key not in KINDS:
            yield key, value
        elif isinstance(value, Mapping):
            for label, rest in value.items():
                yield from _labels(f"{key}.{label}", rest)
        else:
            raise ConfigError(
                f"{place}: {key} = {value!r}: expected a label, as in '{key}.NAME' or '{key}.*'"
            )


def _labels(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Go on where a label has dots of its own, as the names of suites and tasks may."""
    inner = isinstance(value, Mapping) and value and not set(value) & set(_OPTIONS)
    if inner and key.partition(".")[0] in ("suite", "task", "dimension"):
        for label, rest in value.items():
            yield from _labels(f"{key}.{label}", rest)
    else:
        yield key, value


def _check_key(key: str, place: str) -> None:
    kind, dot, label = key.partition(".")
    if key == OVERALL:
        return
    if kind not in KINDS or not dot:
        shapes = [OVERALL, "require", "defaults", *_SETTINGS, *KINDS]
        hint = nearest(kind, shapes) or "; a key is overall or one of " + ", ".join(
            f"{name}.LABEL" for name in KINDS
        )
        raise ConfigError(f"{place}: unknown gate {key!r}{hint}")
    wildcards = ("*", "*/*") if kind == "specialty" else ("*",)
    if not label or ("*" in label and label not in wildcards):
        expected = " or ".join(f"'{kind}.{each}'" for each in ("NAME", *wildcards))
        raise ConfigError(f"{place}: gate {key!r}: expected {expected}")


def _required(value: Any, place: str, scope: str | None) -> list[Gate]:
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
        raise ConfigError(f"{place}: require = {value!r}: expected a list of slices")
    for key in value:
        _check_key(key, place)
    return [Gate(key, scope, place, required=True) for key in dict.fromkeys(value)]


def _settings(table: Mapping[str, Any], place: str, scope: str | None) -> list[Gate]:
    given = {name: table[name] for name in _SETTINGS if name in table}
    if not given:
        return []
    if scope is not None:
        raise ConfigError(
            f"{place}: {next(iter(given))} is of the whole comparison; write it in the user's gates"
        )
    return [Gate(COMPARISON, None, place, **_options_of(COMPARISON, given, place, _SETTINGS))]
