"""OpenAI-compatible servers over real HTTP."""

from __future__ import annotations

import email.utils
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import CONTENT_FILTER, LoopbackServer, Reply, error_reply
from requests_asked import KEY, ask, ask_once, model, refused, request, shows_key

from pytest_medbench.exchange import Request
from pytest_medbench.models import ModelError
from pytest_medbench.models.completions import lasting, retry_after
from pytest_medbench.models.openai import OpenAIModel


class TestOpenAI:
    def test_reads_a_chat_completion(self) -> None:
        before = time.time()
        response = ask_once(
            Reply("答案：B", system_fingerprint="fp-9", model="m-2026", usage=(120, 7))
        )
        assert (response.text, response.finish_reason) == ("答案：B", "stop")
        assert (response.input_tokens, response.output_tokens) == (120, 7)
        assert (response.model, response.system_fingerprint) == ("m-2026", "fp-9")
        assert before <= response.arrived_at <= time.time()
        assert 0 < response.latency < 60
        assert response.tries == 1

    def test_sends_settings_system_prompt_and_extra_body(self) -> None:
        with LoopbackServer() as server:
            asked = model(
                server,
                settings={"temperature": 0, "max_tokens": 64, "extra_body": {"top_k": 1}},
                system="You are a pharmacist.",
            )
            ask(asked, request("剂量？", max_tokens=1))
        (sent,) = server.requests
        assert sent == {
            "model": "m",
            "messages": [
                {"role": "system", "content": "You are a pharmacist."},
                {"role": "user", "content": "剂量？"},
            ],
            "temperature": 0,
            "max_tokens": 1,
            "top_k": 1,
        }
        assert server.keys == 1
        assert dict(asked.wire(request("剂量？", max_tokens=1))) == sent

    def test_two_system_prompts_become_one(self) -> None:
        with LoopbackServer() as server:
            asked = model(server, system="Be brief.")
        messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "?"}]
        assert asked.wire(Request("s", "i", messages))["messages"] == [
            {"role": "system", "content": "Be brief.\n\nBe kind."},
            messages[1],
        ]

    def test_half_a_surrogate_pair_is_sent(self) -> None:
        with LoopbackServer() as server:
            ask(model(server), request("\ud83d"))
        assert server.requests[0]["messages"][0]["content"] == "\ud83d"

    def test_reads_logprobs_of_the_first_token_likeliest_first(self) -> None:
        response = ask_once(Reply("B", top_logprobs={"A": -2.0, "B": -0.2, " C": -9.5}))
        assert response.top_logprobs == (("B", -0.2), ("A", -2.0), (" C", -9.5))

    def test_reads_tool_calls(self) -> None:
        call = {"id": "1", "type": "function", "function": {"name": "dose", "arguments": "{}"}}
        response = ask_once(Reply(None, finish_reason="tool_calls", tool_calls=[call]))
        assert (response.text, response.tool_calls) == ("", (call,))

    def test_leaves_out_the_reasoning(self) -> None:
        response = ask_once(Reply("B", message={"reasoning_content": "A looks right, but"}))
        assert response.text == "B"

    def test_joins_content_in_parts(self) -> None:
        parts = [{"type": "text", "text": "B"}, {"type": "image"}, {"type": "text", "text": "."}]
        assert ask_once(Reply("", message={"content": parts})).text == "B."

    @pytest.mark.parametrize("usage", [None, (-1, 5)])
    def test_does_without_usage(self, usage: tuple[int, int] | None) -> None:
        assert ask_once(Reply("B", usage=usage)).input_tokens == 0

    def test_truncated_text_is_a_response(self) -> None:
        assert ask_once(Reply("The ans", finish_reason="length")).finish_reason == "length"

    @pytest.mark.parametrize(
        "reply",
        [
            CONTENT_FILTER,
            error_reply(400, code="content_policy_violation"),
            Reply(
                status=400,
                body={"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            ),
            Reply(None, finish_reason="content_filter"),
        ],
    )
    def test_content_filter_is_a_response_without_text(self, reply: Reply) -> None:
        response = ask_once(reply)
        assert (response.text, response.finish_reason) == ("", "content_filter")
        assert response.arrived_at > 0

    @pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
    def test_passing_troubles_may_be_retried(self, status: int) -> None:
        error = refused(error_reply(status, message="busy"))
        assert error.retry
        assert error.slow_down == (status == 429)
        assert error.lost == (status != 429)
        assert f"HTTP {status}" in error.reason
        assert "busy" in error.reason

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
    def test_lasting_troubles_are_not_retried(self, status: int) -> None:
        assert not refused(error_reply(status)).retry

    def test_too_long_a_prompt_is_not_retried(self) -> None:
        error = refused(
            error_reply(400, code="context_length_exceeded", message="8192 tokens at most")
        )
        assert not error.retry
        assert "8192 tokens at most" in error.reason

    def test_used_up_quota_is_not_retried(self) -> None:
        error = refused(error_reply(429, code="insufficient_quota"))
        assert (error.retry, error.slow_down) == (False, False)

    def test_retry_after_is_read(self) -> None:
        assert refused(error_reply(429, Retry_After="2.5")).retry_after == 2.5
        overloaded = refused(error_reply(503, Retry_After="7"))
        assert (overloaded.retry_after, overloaded.slow_down) == (7, True)
        assert overloaded.lost

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(body="<html>Bad gateway</html>"),
            Reply(body={"choices": []}),
            Reply(body={"choices": [{"index": 0}]}),
            Reply(body={"choices": "none"}),
            Reply(body=[1]),
            Reply(body={"error": {"message": "the engine died"}}),
            Reply("A" * 1000, cut=True),
        ],
    )
    def test_answer_that_is_none_may_be_retried(self, reply: Reply) -> None:
        assert refused(reply).retry

    def test_server_that_never_answers_runs_into_the_timeout(self) -> None:
        error = refused(Reply(stall=True), timeout=0.3)
        assert error.retry
        assert error.reason == "no answer within 0.3 s"

    def test_certificate_that_fails_in_mid_run_is_named_and_no_outage(self) -> None:
        asked = OpenAIModel("ours", base_url="https://127.0.0.1:1/v1", model="m")
        error = Exception("Connection error.")
        error.__cause__ = OSError("cannot connect")
        error.__cause__.__cause__ = ssl.SSLCertVerificationError(1, "certificate has expired")
        found = asked._refusals.lost(error, connecting=True)
        assert "the certificate of https://127.0.0.1:1/v1 does not verify" in found.reason
        assert "has expired" in found.reason
        assert (found.retry, found.lost) == (False, False)

    def test_redirect_is_an_error_that_names_the_target(self) -> None:
        error = refused(
            Reply(status=307, headers={"Location": "https://elsewhere.test/v1/x?token=1"}, body={})
        )
        assert not error.retry
        assert "https://elsewhere.test/v1/x;" in error.reason

    def test_error_text_cannot_steer_the_terminal(self) -> None:
        error = refused(error_reply(400, message="\x1b[2J\x07bad\r\n\u202egnp"))
        assert error.reason.isprintable()

    def test_importing_it_imports_no_client(self) -> None:
        code = (
            "import sys, pytest_medbench.models.openai, pytest_medbench.models\n"
            "print([name for name in ('openai', 'httpx2', 'aiohttp') if name in sys.modules])"
        )
        out = subprocess.check_output([sys.executable, "-c", code], text=True)
        assert out.strip() == "[]"


class TestStart:
    def started(self, server: LoopbackServer, **more: Any) -> Mapping[str, Any]:
        asked = model(server, **more)
        ask(asked)
        return asked.fingerprint()

    def test_entry_of_the_server_is_part_of_the_fingerprint(self) -> None:
        entries = [{"id": "other"}, {"id": "m", "root": "/weights/7b", "created": 1_700_000_000}]
        with LoopbackServer(models=entries) as server:
            fingerprint = self.started(server, revision="sha256:1")
        assert fingerprint["served"] == entries[1]
        assert fingerprint["revision"] == "sha256:1"

    def test_two_listings_of_one_model_are_the_same(self) -> None:
        now = time.time()
        one, other = (
            {"id": "m", "root": "w", "created": int(now) + n, "permission": [{"id": f"p{n}"}]}
            for n in (0, 7)
        )
        assert lasting(one, None) == lasting(other, email.utils.formatdate(now + 7))
        assert lasting({"id": "m", "created": 5}, None)["created"] == 5

    @pytest.mark.parametrize(
        "models",
        [None, [], error_reply(403), error_reply(501), Reply(body="<html>"), Reply(body={})],
    )
    def test_server_without_a_list_is_used(self, models: Any) -> None:
        with LoopbackServer(models=models) as server:
            assert self.started(server)["served"] is None

    def test_wrong_model_name_names_the_nearest(self) -> None:
        with (
            LoopbackServer(models=[{"id": "mm"}, {"id": "qwen"}]) as server,
            pytest.raises(ModelError, match=r"does not serve 'm'; did you mean 'mm'.*mm, qwen"),
        ):
            self.started(server)

    def test_list_in_pages_proves_nothing(self) -> None:
        page = Reply(body={"data": [{"id": "x"}], "has_more": True})
        with LoopbackServer(models=page) as server:
            assert self.started(server)["served"] is None

    def test_unreachable_server_is_named_with_what_to_check(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
            with pytest.raises(ModelError, match=rf"{url} cannot be reached.*check") as caught:
                ask(OpenAIModel("ours", base_url=url, model="m"))
        assert not caught.value.retry

    def test_refused_key_is_an_error_at_the_start(self) -> None:
        with (
            LoopbackServer(models=error_reply(401, message="bad key")) as server,
            pytest.raises(ModelError, match=r"HTTP 401.*bad key \(check the key in KEY\)"),
        ):
            self.started(server)

    def test_busy_server_may_be_asked_again(self) -> None:
        with (
            LoopbackServer(models=error_reply(503)) as server,
            pytest.raises(ModelError) as caught,
        ):
            self.started(server)
        assert caught.value.retry

    @pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": " \n"}])
    def test_missing_key_names_its_variable(self, environ: dict[str, str]) -> None:
        asked = OpenAIModel(
            "ours", base_url="http://127.0.0.1:1", model="m", api_key_env="KEY", environ=environ
        )
        with pytest.raises(ModelError, match="variable KEY holds no API key") as caught:
            ask(asked)
        assert not caught.value.retry

    def test_server_that_wants_no_key_gets_none_of_ours(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        seen: list[str] = []
        with LoopbackServer() as server:
            asked = OpenAIModel("ours", base_url=server.base_url, model="m")
            ask(asked, request())
            seen.extend(str(headers) for headers in server.headers)
        assert not shows_key(str(seen) + repr(vars(asked)))


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("said", "seconds"), [("0", 0), ("1.5", 1.5), ("-3", 0), ("nan", None), ("soon", None)]
    )
    def test_seconds(self, said: str, seconds: float | None) -> None:
        assert retry_after({"retry-after": said}) == seconds

    def test_date(self) -> None:
        seconds = retry_after(
            {"retry-after": email.utils.formatdate(time.time() + 90, usegmt=True)}
        )
        assert seconds is not None
        assert 60 < seconds <= 90
        assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0

    def test_none(self) -> None:
        assert retry_after({}) is None

    @given(st.text())
    def test_whatever_a_server_says_is_a_wait_or_nothing(self, said: str) -> None:
        seconds = retry_after({"retry-after": said})
        assert seconds is None or seconds >= 0
