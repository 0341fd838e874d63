"""The plan in the terminal: what would be asked, what it would cost, how long it would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_medbench.estimates import Estimate
from pytest_medbench.report.plain import printable
from pytest_medbench.report.writer import Writer
from pytest_medbench.tokens import ASSUMED_OUTPUT, OVER, UNDER

ROWS = 30
_UNKNOWN = "-"


def write_plan(
    writer: Writer,
    suites: Mapping[str, Estimate],
    total: Estimate,
    *,
    model: str | None,
    batch: bool = False,
) -> None:
    """Write a line for each suite, one for all, and where the figures come from.

    Parameters
    ----------
    writer : Writer
    suites : mapping of str to Estimate
        By name; nothing here sorts them.
    total : Estimate
    model : str or None
        The model's name; None where none is named, so that only items and tokens are known.
    batch : bool
        Whether the provider's batch service would be asked.
    """
    writer.section("medbench: plan", "=")
    named = "no model is named" if model is None else f"model {printable(model)}"
    writer.write_line(f"{named}; nothing was asked")
    known = model is not None
    writer.write_line(
        f"{'items':>9}{'stored':>9}{'requests':>10}{'tokens in':>13}{'tokens out':>13}"
        f"{'most out':>13}{'USD':>17}{'minutes':>9}  suite",
        bold=True,
    )
    for name, estimate in list(suites.items())[:ROWS]:
        writer.write_line(_row(estimate, printable(name), known, batch))
    if len(suites) > ROWS:
        writer.write_line(f"… and {len(suites) - ROWS} more suites")
    writer.write_line(_row(total, "all", known, batch), bold=True)
    for note in _notes(total, known, batch):
        writer.write_line(f"- {note}")


def _row(estimate: Estimate, name: str, known: bool, batch: bool) -> str:
    cells = [f"{estimate.items:>9,}"]
    cells.append(f"{f'{estimate.cached:,}' if known else _UNKNOWN:>9}")
    cells.append(f"{f'{estimate.requests:,}' if known else _UNKNOWN:>10}")
    cells.append(f"{estimate.input_tokens:>13,}")
    cells.append(f"{f'{estimate.output_tokens:,}' if known else _UNKNOWN:>13}")
    cells.append(f"{f'{estimate.most_output_tokens:,}' if known else _UNKNOWN:>13}")
    cells.append(f"{_usd(estimate) if known else _UNKNOWN:>17}")
    cells.append(f"{_minutes(estimate) if known and not batch else _UNKNOWN:>9}")
    return "".join(cells) + f"  {name}"


def _usd(estimate: Estimate) -> str:
    if estimate.usd_low is None or estimate.usd_high is None:
        return _UNKNOWN
    return f"{_shown(estimate.usd_low)} – {_shown(estimate.usd_high)}"


def _shown(usd: float) -> str:
    return "< 0.01" if 0 < usd < 0.01 else f"{usd:,.2f}"


def _minutes(estimate: Estimate) -> str:
    if not estimate.requests:
        return "0"
    return "< 1" if estimate.minutes < 1 else f"{estimate.minutes:,.0f}"


def _notes(total: Estimate, known: bool, batch: bool) -> Iterator[str]:
    yield (
        "tokens in are counted by characters, identical requests once; the true number was "
        f"{1 / OVER:.1f} to {1 / UNDER:.1f} times that with the tokenizers this was tried with"
    )
    if not known:
        yield "requests, answers, price and minutes are not known without a model: --medbench-model"
        return
    if not total.requests:
        return
    yield _where_answers_come_from(total)
    if total.unlimited:
        yield (
            f"{total.unlimited:,} requests set no max_tokens: {ASSUMED_OUTPUT:,} tokens are "
            "assumed as the most for each"
        )
    if total.usd_low is None:
        yield "the price is not known: the model has no price in [tool.medbench.models]"
    else:
        yield "USD: from few tokens in and the tokens out, to many tokens in and the most out"
    yield "a batch may take up to a day" if batch else _where_minutes_come_from(total)


def _where_answers_come_from(total: Estimate) -> str:
    seen = total.observed
    if seen is None or seen.output_tokens is None:
        return "tokens out are assumed: half of the most, since no stored response tells them"
    return (
        f"tokens out: {seen.output_tokens:,.0f} a request, the mean of {seen.responses:,} stored "
        "responses"
    )


def _where_minutes_come_from(total: Estimate) -> str:
    if total.observed is None:
        return f"minutes: {total.latency:.1f} s a request are assumed"
    return (
        f"minutes: {total.latency:.2g} s a request, the mean of {total.observed.responses:,} "
        "stored responses"
    )
