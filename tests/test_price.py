"""What tokens cost, and what is said where that is not known or not right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_medbench import models
from pytest_medbench.errors import ConfigError
from pytest_medbench.price import DOLLAR, Price, in_units, needed_price, price_of, shown_usd


def resolve(name: str = "ours", **keys: Any) -> models.Model:
    table: Mapping[str, Any] = {"base_url": "http://127.0.0.1:9/v1", "model": "m", **keys}
    return models.resolve(name, aliases={"ours": table}, root=Path(), environ={})


class TestTable:
    def test_an_alias_names_its_price(self) -> None:
        model = resolve(price={"input": 2.5, "output": 10, "batch": 0.4})
        assert price_of(model) == Price(2.5, 10.0, 0.4)

    def test_half_is_taken_in_a_batch_unless_it_says_otherwise(self) -> None:
        assert price_of(resolve(price={"input": 2.5, "output": 10.0})) == Price(2.5, 10.0, 0.5)
        assert Price(2.5, 10.0).in_batch() == Price(1.25, 5.0, 1.0)
        assert Price(0.3, 1.1, 0.1).in_batch() == Price(0.03, 0.11, 1.0)

    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("inputs", 1.0, "unknown key 'inputs'; did you mean 'input'?"),
            ("currency", "EUR", "unknown key 'currency'; known are input, output, batch"),
            ("input", -1.0, "input = -1.0: expected US dollars per million tokens, 0 or more"),
            ("input", "2.5", "input = '2.5': expected US dollars per million tokens, 0 or more"),
            ("output", float("inf"), "output = inf: expected US dollars per million tokens"),
            ("output", float("nan"), "output = nan: expected US dollars per million tokens"),
            ("output", True, "output = True: expected US dollars per million tokens"),
            ("batch", -0.5, "batch = -0.5: expected a factor, 0 or more"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, key: str, value: Any, said: str) -> None:
        with pytest.raises(ConfigError) as caught:
            resolve(price={key: value})
        assert f"[tool.medbench.models.ours] price: {said}" in str(caught.value)

    def test_a_half_known_price_is_no_price(self) -> None:
        with pytest.raises(ConfigError, match=r"'ours' lacks 'output': write price = \{ input"):
            price_of(resolve(price={"input": 1.0}))


class TestNeeded:
    @pytest.mark.parametrize(
        ("name", "advice"),
        [
            ("ours", "write price = { input = 2.5, output = 10.0 } into [tool.medbench.models.ou"),
            ("openai:gpt", "make an alias, [tool.medbench.models.NAME] with base_url, model = 'gp"),
            ("control:first", "it is not paid by the token: use --medbench-max-requests"),
            ("local", "it is not paid by the token: use --medbench-max-requests"),
        ],
    )
    def test_a_model_without_one_says_what_to_write(self, name: str, advice: str) -> None:
        class Named:
            pass

        model = resolve(name) if name != "local" else Named()
        model.name = name  # type: ignore[union-attr]
        with pytest.raises(ConfigError) as caught:
            needed_price(model)
        said = str(caught.value)
        assert said.startswith(f"--medbench-budget-usd: what model {name!r} costs is not known; ")
        assert advice in said

    def test_a_model_with_one_has_it(self) -> None:
        assert needed_price(resolve(price={"input": 0, "output": 0})) == Price(0.0, 0.0)


class TestMoney:
    @given(
        price=st.builds(Price, st.floats(0, 1000, allow_subnormal=False), st.floats(0, 1000)),
        tokens=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=20),
    )
    def test_a_sum_is_the_same_in_one_go(self, price: Price, tokens: list[tuple[int, int]]) -> None:
        apart = sum(price.cost(*each) for each in tokens)
        assert apart == price.cost(sum(a for a, _ in tokens), sum(b for _, b in tokens))

    def test_a_million_tokens_cost_the_price(self) -> None:
        assert Price(2.5, 10.0).cost(1_000_000, 0) == 2.5 * DOLLAR
        assert Price(0.075, 0.3).cost(1_000_000, 1_000_000) == 375 * DOLLAR // 1000

    def test_a_price_too_small_to_count_is_rounded_up(self) -> None:
        assert Price(1e-9, 0.0).cost(1, 1) == 1

    def test_tenths_are_tenths(self) -> None:
        assert in_units(0.1) + in_units(0.2) == in_units(0.3)

    @pytest.mark.parametrize(
        ("usd", "shown"),
        [
            (0.0, "0.00"),
            (4.9749, "4.97"),
            (12345.6, "12,345.60"),
            (0.05, "0.05"),
            (0.00125, "0.00125"),
            (1e-9, "1.0E-9"),
        ],
    )
    def test_amounts_are_shown_for_people(self, usd: float, shown: str) -> None:
        assert shown_usd(in_units(usd)) == shown
