"""What tokens cost: a model's `price`, and sums of money that do not round in anyone's favour."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

from pytest_medbench.errors import ConfigError, nearest

DOLLAR = 10**12
EXAMPLE = "price = { input = 2.5, output = 10.0 }"
_KEYS = ("input", "output", "batch")


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's tokens cost.

    Parameters
    ----------
    input, output : float
        US dollars per million tokens, 0 or more.
    batch : float
        What the provider's batch service takes of that, 0 or more; 0.5 is half.
    """

    input: float
    output: float
    batch: float = 0.5

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Give what so many tokens cost, in millionths of a millionth of a dollar (`DOLLAR`).

        Whole numbers add up the same in any order and in any process; each token's price is
        rounded up to one.
        """
        return input_tokens * _per_token(self.input) + output_tokens * _per_token(self.output)

    def in_batch(self) -> Price:
        """Give the price of the batch service."""
        factor = Decimal(str(self.batch))
        return replace(
            self,
            input=float(Decimal(str(self.input)) * factor),
            output=float(Decimal(str(self.output)) * factor),
            batch=1.0,
        )


@functools.cache
def _per_token(per_million: float) -> int:
    per_token = Decimal(str(per_million)) * (DOLLAR // 10**6)
    return int(per_token.to_integral_value(ROUND_CEILING))


def in_units(usd: float) -> int:
    """Give an amount of dollars in millionths of a millionth of one, rounded down."""
    return int(Decimal(str(usd)) * DOLLAR)


def shown_usd(units: int) -> str:
    """Give an amount for people: two decimals, more where it is less than ten cents."""
    usd = Decimal(units) / DOLLAR
    if usd == 0 or abs(usd) >= Decimal("0.1"):
        return f"{usd:,.2f}"
    return f"{usd:.6f}".rstrip("0").rstrip(".") if abs(usd) >= Decimal("0.000001") else f"{usd:.1E}"


def check_price(place: str, table: Mapping[str, Any]) -> None:
    """Check the keys and values of a `price` table.

    Parameters
    ----------
    place : str
        Where it stands, for the message.
    table : mapping

    Raises
    ------
    ConfigError
        For an unknown key, or a value that is no finite number of 0 or more.
    """
    for key, value in table.items():
        if key not in _KEYS:
            hint = nearest(key, _KEYS) or f"; known are {', '.join(_KEYS)}"
            raise ConfigError(f"{place}: unknown key {key!r}{hint}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < 0:
            unit = "a factor" if key == "batch" else "US dollars per million tokens"
            raise ConfigError(f"{place}: {key} = {value!r}: expected {unit}, 0 or more")


def price_of(model: Any) -> Price | None:
    """Give the price of a model, or None where it has none.

    Parameters
    ----------
    model : Model
        Its `price`, if it has one, is a table that `check_price` has passed.

    Raises
    ------
    ConfigError
        If only one of `input` and `output` is given.
    """
    table: Mapping[str, Any] | None = getattr(model, "price", None)
    if not table:
        return None
    for key in ("input", "output"):
        if key not in table:
            raise ConfigError(
                f"the price of model {model.name!r} lacks {key!r}: write {EXAMPLE}, US dollars "
                f"per million tokens, into [tool.medbench.models.{model.name}]"
            )
    return Price(float(table["input"]), float(table["output"]), float(table.get("batch", 0.5)))


def needed_price(model: Any) -> Price:
    """Give the price of a model that has to keep within a budget of dollars.

    Raises
    ------
    ConfigError
        If it has none; says what to write.
    """
    price = price_of(model)
    if price is not None:
        return price
    kind, colon, rest = model.name.partition(":")
    if kind == "openai" and colon:
        advice = (
            f"make an alias, [tool.medbench.models.NAME] with base_url, model = {rest!r}, "
            f"api_key_env and {EXAMPLE}"
        )
    elif (kind == "local" or colon) and kind in ("local", "control", "python"):
        advice = "it is not paid by the token: use --medbench-max-requests or --medbench-deadline"
    else:
        advice = f"write {EXAMPLE} into [tool.medbench.models.{model.name}]"
    raise ConfigError(
        f"--medbench-budget-usd: what model {model.name!r} costs is not known; {advice}"
        + (", in US dollars per million tokens" if "price" in advice else "")
    )
