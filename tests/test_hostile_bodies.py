"""Bodies of servers read without trust: whatever comes is a response, or text that says why not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_medbench.exchange import Response
from pytest_medbench.models import completions

HUGE = 10**400


def read(message: dict[str, Any] | None = None, **further: Any) -> Response:
    choice = {"message": {"content": "B", **(message or {})}, **further.pop("choice", {})}
    found = completions.read({"choices": [choice], **further}, 0.1)
    assert isinstance(found, Response)
    return found


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_numbers_that_are_none_of_a_completion_are_left_out() -> None:
    usage = {"prompt_tokens": HUGE, "completion_tokens": True}
    found = read(usage=usage)
    assert (found.input_tokens, found.output_tokens) == (0, 0)
    assert read(usage={"prompt_tokens": 7}).input_tokens == 7


@pytest.mark.parametrize("logprob", [HUGE, "nan", float("nan"), [], None, {}])
def test_log_probability_that_is_none_gives_none(logprob: Any) -> None:
    top = [{"token": "B", "logprob": logprob}]
    found = read(choice={"logprobs": {"content": [{"top_logprobs": top}]}})
    assert found.text == "B"
    assert found.top_logprobs == ()


def test_a_million_alternatives_are_not_kept() -> None:
    top = [{"token": "B", "logprob": -1}] * 1_000
    found = read(choice={"logprobs": {"content": [{"top_logprobs": top}]}})
    assert len(found.top_logprobs) == 100


def test_tool_calls_that_could_not_be_stored_are_no_completion() -> None:
    body = {"choices": [{"message": {"content": "B", "tool_calls": [{"a": nested(300)}]}}]}
    assert "deeper than 100 levels" in str(completions.read(body, 0.1))
    assert read({"tool_calls": [{"a": nested(50)}]}).tool_calls


def test_names_are_short_and_printable() -> None:
    evil = "m\x1b[31m\u202e\ud800" + "x" * 10_000
    found = read(model=evil, system_fingerprint=evil, choice={"finish_reason": evil})
    for said in (found.model, found.system_fingerprint, found.finish_reason):
        assert said is not None
        assert said.isprintable()
        assert len(said) <= completions.LONGEST_NAME
        said.encode()


def test_ten_megabytes_of_text_are_kept_whole() -> None:
    assert len(read({"content": "x" * 10_000_000}).text) == 10_000_000


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 600 + b"]" * 600, b"9" * 5_000, b"\xff", b""],
)
def test_body_that_is_none_parses_to_nothing(body: bytes) -> None:
    assert completions.parse(body) is None


@settings(max_examples=30)
@given(st.recursive(st.none() | st.text() | st.integers() | st.floats(), st.lists, max_leaves=8))
def test_any_error_body_gives_text(body: Any) -> None:
    for given_body in (body, {"error": body}, {"error": {"message": body, "code": body}}):
        said, _ = completions.error_text(given_body)
        assert len(said) <= 4_000
        completions.is_filtered(given_body)
        assert completions.parse(json.dumps(nested(5)).encode()) == nested(5)


def test_deep_error_message_is_not_written_out() -> None:
    assert "too deeply" in completions.error_text({"error": {"message": nested(600)}})[0]


def test_listing_leaves_out_what_cannot_be_shown_or_stored() -> None:
    entries = [
        {"id": "m\x1b[31m"},
        {"id": "x" * 10_000},
        {"id": "deep", "meta": nested(600)},
        {"id": ["m"]},
        {"id": "good", "created": HUGE},
    ]
    found, whole = completions.listing({"data": entries})
    assert [entry["id"] for entry in found] == ["good"]
    assert whole
    assert completions.lasting(found[0], None)["created"] == HUGE


@given(
    st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, [0-9-]{1,9} [A-Za-z]{3} [0-9: +-]{1,30}")
)
def test_any_date_header_is_a_time_or_none(said: str) -> None:
    seconds = completions.retry_after({"retry-after": said})
    assert seconds is None or seconds >= 0
    assert completions.lasting({"id": "m", "created": 1}, said)
