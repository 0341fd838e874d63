"""A key is never written, whatever a server does with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import LoopbackServer, Reply, error_reply
from requests_asked import KEY, ask, ask_once, model, request, shown_locals, shows_key

from pytest_medbench.models import ModelError
from pytest_medbench.models.openai import OpenAIModel
from pytest_medbench.models.secret import Secret


class TestKey:
    @pytest.mark.parametrize(
        "echo",
        [
            error_reply(401, message=f"Incorrect API key provided: {KEY}."),
            error_reply(400, message=f"Incorrect key: sk-test-****{KEY[10:19]}"),
            error_reply(500, message="x" * 295 + KEY),
            Reply(status=500, body=f"<html>Authorization: Bearer {KEY}</html>"),
            Reply(status=302, headers={"Location": f"https://x.test/{KEY}"}, body={}),
            Reply(body={"choices": [], "error": {"message": f"key {KEY}"}}),
        ],
    )
    def test_server_that_repeats_it_does_not_get_it_into_an_error(self, echo: Reply) -> None:
        with pytest.raises(ModelError) as caught, LoopbackServer(echo) as server:
            ask(model(server), request())
        assert not shows_key(caught.value.reason + shown_locals(caught.value))
        assert caught.value.__context__ is None

    def test_lost_connection_has_no_context_that_shows_it(self) -> None:
        with pytest.raises(ModelError) as caught, LoopbackServer(Reply("A", cut=True)) as server:
            ask(model(server), request())
        assert not shows_key(shown_locals(caught.value))

    def test_response_that_repeats_it_is_cleaned(self) -> None:
        call = {"function": {"name": "f", "arguments": KEY}}
        response = ask_once(
            Reply(f"B {KEY} B", tool_calls=[call], model=KEY, system_fingerprint=KEY[3:])
        )
        assert response.text == "B [key removed] B"
        assert not shows_key(repr(response))

    def test_neither_fingerprint_nor_wire_nor_repr_holds_it(self) -> None:
        with LoopbackServer(models=[{"id": "m", "owner": KEY}]) as server:
            asked = model(server)
            ask(asked, request())
        assert not shows_key(f"{asked.fingerprint()}{asked.wire(request())}{vars(asked)}")

    @given(st.text("ab1-", min_size=8, max_size=24), st.text("ab1- ", max_size=60), st.data())
    def test_no_eight_characters_of_it_are_left(
        self, key: str, text: str, data: st.DataObject
    ) -> None:
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, len(key) - 8))
        scrubbed = Secret(key).scrub(text[:at] + key[cut:] + text[at:])
        left = scrubbed.replace("[key removed]", "\0")
        assert not any(key[i : i + 8] in left for i in range(len(key) - 7))

    @given(st.text("ab", max_size=30))
    def test_other_text_stays_as_it_is(self, text: str) -> None:
        assert Secret(KEY).scrub(text) == text
        assert Secret("").scrub(text) == text

    def test_key_that_no_header_can_carry_is_refused_unseen(self) -> None:
        asked = OpenAIModel(
            "ours",
            base_url="http://127.0.0.1:1/v1",
            model="m",
            api_key_env="KEY",
            environ={"KEY": "sk-pass\u200bwort-geheim"},
        )
        with pytest.raises(ModelError, match="variable KEY holds characters") as caught:
            ask(asked)
        assert "geheim" not in caught.value.reason
