"""Models: names, OpenAI-compatible servers over real HTTP, controls, callables, and the key."""

from __future__ import annotations

import asyncio
import collections
import datetime
import email.utils
import re
import socket
import subprocess
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import CONTENT_FILTER, LoopbackServer, Reply, error_reply

from pytest_medbench.errors import ConfigError
from pytest_medbench.exchange import Request, Response
from pytest_medbench.models import Model, ModelError, resolve
from pytest_medbench.models.completions import lasting, retry_after
from pytest_medbench.models.controls import CONTROLS, Control
from pytest_medbench.models.openai import OpenAIModel
from pytest_medbench.models.secret import Secret

KEY = "sk-test-4f9aQzR7mW2xLbT0"


def request(
    text: str = "Which dose?", options: tuple[str, ...] = (), item: str = "i1", **settings: Any
) -> Request:
    return Request("s", item, [{"role": "user", "content": text}], settings, options)


def model(server: LoopbackServer, **more: Any) -> OpenAIModel:
    more.setdefault("api_key_env", "KEY")
    return OpenAIModel(
        "ours", base_url=server.base_url, model="m", environ={"KEY": KEY + "\n"}, **more
    )


def ask(asked: Model, *requests: Request) -> list[Response]:
    async def run() -> list[Response]:
        try:
            await asked.start()
            return [await asked.answer(one) for one in requests]
        finally:
            await asked.close()

    return asyncio.run(run())


def ask_once(reply: str | Reply, **more: Any) -> Response:
    with LoopbackServer(reply) as server:
        (response,) = ask(model(server, **more), request())
    return response


def refused(reply: str | Reply, **more: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask_once(reply, **more)
    return caught.value


def shows_key(text: str) -> bool:
    return any(KEY[i : i + 8] in text for i in range(len(KEY) - 7))


def shown_locals(error: BaseException) -> str:
    """What a traceback with all local variables shows of frames that are not this file's."""
    frames = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), capture_locals=True
    )
    assert any("pytest_medbench" in frame.filename for frame in frames)
    return str([frame.locals for frame in frames if frame.filename != __file__])


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


class TestControls:
    def answer(self, kind: str, asked: Request) -> str:
        (response,) = ask(Control(kind), asked)
        return response.text

    def test_first_and_longest(self) -> None:
        asked = request(options=("5 mg", "500 mg", "0.5 mg", "aspirin"))
        assert self.answer("first", asked) == "A"
        assert self.answer("longest", asked) == "D"
        assert self.answer("longest", request(options=("ab", "cd"))) == "A"

    def test_random_depends_on_suite_and_item_alone(self) -> None:
        texts = [
            self.answer("random", request(text, ("a", "b", "c", "d"), item="i7"))
            for text in ("one question", "another")
        ]
        assert len(set(texts)) == 1

    def test_random_uses_each_option_about_as_often(self) -> None:
        asked = [request(options=("a", "b", "c", "d"), item=str(n)) for n in range(2000)]
        counts = collections.Counter(r.text for r in ask(Control("random"), *asked))
        assert set(counts) == set("ABCD")
        # Five standard deviations of a binomial count; the seed is fixed by the items' ids.
        assert all(abs(count - 500) < 5 * (2000 * 0.25 * 0.75) ** 0.5 for count in counts.values())

    @pytest.mark.parametrize("kind", CONTROLS)
    def test_item_without_options_gets_no_answer(self, kind: str) -> None:
        assert self.answer(kind, request()) == ""

    def test_is_marked_so_that_no_run_of_it_deploys(self) -> None:
        assert Control("first").is_control
        assert not Control("first").cacheable


class TestCallables:
    @pytest.fixture
    def make(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[str], Callable[[str], Model]]:
        monkeypatch.setattr(sys, "path", list(sys.path))
        name = "model_of_" + re.sub(r"\W", "_", tmp_path.name)

        def write(source: str) -> Callable[[str], Model]:
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
            return lambda call: resolve(
                f"python:{name}:{call}", aliases={}, root=tmp_path, environ={}
            )

        return write

    def test_sync_async_messages_request_and_all_forms_of_answer(
        self, make: Callable[[str], Callable[[str], Model]]
    ) -> None:
        named = make(
            """
            from pytest_medbench.exchange import Response
            def sync(messages): return messages[0]["content"].upper()
            async def waits(messages): return {"role": "assistant", "content": "B"}
            def looks(request): return Response(request.item, finish_reason="length")
            class Model:
                async def __call__(self, messages): return "C"
                def method(self, messages): return {"content": None, "tool_calls": [{"id": "1"}]}
            model = Model()
            """
        )
        assert ask(named("sync"), request("dose?"))[0].text == "DOSE?"
        assert ask(named("waits"), request())[0].text == "B"
        assert ask(named("looks"), request(item="i9"))[0] == Response("i9", finish_reason="length")
        assert ask(named("model"), request())[0].text == "C"
        assert ask(named("model.method"), request())[0].tool_calls == ({"id": "1"},)

    def test_is_cached_only_with_a_fingerprint(
        self, make: Callable[[str], Callable[[str], Model]]
    ) -> None:
        named = make(
            """
            def plain(messages): return "A"
            def marked(messages): return "A"
            marked.fingerprint = "weights-1"
            def computed(messages): return "A"
            computed.fingerprint = lambda: "weights-2"
            """
        )
        for call, revision in (("plain", None), ("marked", "weights-1"), ("computed", "weights-2")):
            asked = named(call)
            ask(asked)
            assert asked.cacheable == (revision is not None)
            assert asked.fingerprint()["revision"] == revision

    def test_one_that_sees_the_item_is_keyed_by_it(
        self, make: Callable[[str], Callable[[str], Model]]
    ) -> None:
        asked = make("def key(request): return request.item")("key")
        ask(asked)
        assert asked.wire(request(item="1")) != asked.wire(request(item="2"))

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("def f(messages): return 1 / 0", "raised ZeroDivisionError: division by zero"),
            ("def f(messages): raise StopIteration", "StopIteration"),
            ("def f(messages): raise SystemExit(3)", "SystemExit: 3"),
            ("async def f(messages): raise KeyError('x')", "raised KeyError: 'x'"),
            ("def f(messages): return 7", "gave a int, expected text"),
            ("def f(messages): return {'content': 7}", "gave a dict, expected text"),
        ],
    )
    def test_defect_of_the_callable_is_not_retried(
        self, make: Callable[[str], Callable[[str], Model]], source: str, said: str
    ) -> None:
        with pytest.raises(ModelError, match=re.escape(said)) as caught:
            ask(make(source)("f"), request())
        assert not caught.value.retry

    @pytest.mark.parametrize(
        ("source", "call", "said"),
        [
            ("import nowhere_to_be_found", "f", "cannot be imported (ModuleNotFoundError"),
            ("def (", "f", "cannot be imported (SyntaxError"),
            ("answer = 1", "answr", "has no 'answr'; did you mean 'answer'?"),
            ("answer = 1", "answer", "it is a int, expected a function"),
            ("def f(m): pass\nf.fingerprint = 3", "f", "fingerprint is a int"),
            ("def f(m): pass\nf.fingerprint = lambda: 1 / 0", "f", "fingerprint failed"),
        ],
    )
    def test_what_cannot_be_called_says_where_and_why(
        self,
        make: Callable[[str], Callable[[str], Model]],
        source: str,
        call: str,
        said: str,
    ) -> None:
        with pytest.raises(ModelError, match=re.escape(said)):
            ask(make(source)(call))

    def test_slow_one_does_not_hold_up_the_others(
        self, make: Callable[[str], Callable[[str], Model]]
    ) -> None:
        asked = make(
            """
            import threading
            together = threading.Barrier(4, timeout=30)
            def f(messages):
                together.wait()
                return "A"
            """
        )("f")

        async def run() -> list[Response]:
            await asked.start()
            responses = await asyncio.gather(*[asked.answer(request()) for _ in range(4)])
            await asked.close()
            return responses

        assert [r.text for r in asyncio.run(run())] == ["A"] * 4


class TestResolve:
    ALIAS: Mapping[str, Any] = {"base_url": "http://127.0.0.1:8000/v1/", "model": "ours-7b"}

    def resolve(self, name: str, environ: Mapping[str, str] = {}, **alias: Any) -> Model:
        aliases = {"ours": {**self.ALIAS, **alias}}
        return resolve(name, aliases=aliases, root=Path(), environ=environ)

    def test_alias_gives_all_its_settings(self) -> None:
        found = self.resolve(
            "ours",
            revision="sha256:1",
            api_key_env="OURS_KEY",
            temperature=0,
            max_tokens=512,
            seed=7,
            top_p=0.9,
            timeout=30,
            system="Be brief.",
            extra_body={"top_k": 1},
            price={"input": 1.0},
            cutoff="2026-01",
            limits={"concurrency": 8, "requests_per_minute": 60},
        )
        assert isinstance(found, OpenAIModel)
        assert found.fingerprint() == {
            "kind": "openai",
            "base_url": "http://127.0.0.1:8000/v1",
            "model": "ours-7b",
            "revision": "sha256:1",
            "settings": {
                "temperature": 0, "max_tokens": 512, "seed": 7, "top_p": 0.9, "top_k": 1
            },
            "system": "Be brief.",
            "served": None,
        }  # fmt: skip
        assert (found.concurrency, found.requests_per_minute) == (8, 60)
        assert (found.name, found.price, found.cutoff) == ("ours", {"input": 1.0}, "2026-01")

    def test_openai_takes_address_and_key_from_the_environment(self) -> None:
        environ = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": KEY}
        found = self.resolve("openai:org/model:7b", environ)
        assert found.fingerprint()["base_url"] == "http://127.0.0.1:9/v1"
        assert found.fingerprint()["model"] == "org/model:7b"
        assert self.resolve("openai:m").fingerprint()["base_url"] == "https://api.openai.com/v1"

    def test_openai_without_a_key_names_the_variable(self) -> None:
        with pytest.raises(ModelError, match="OPENAI_API_KEY"):
            ask(self.resolve("openai:m"))

    def test_override_counts_more_than_the_alias(self) -> None:
        found = resolve(
            "ours",
            aliases={"ours": {**self.ALIAS, "max_tokens": 5, "seed": 1}},
            root=Path(),
            environ={},
            overrides={"max_tokens": 9, "seed": None},
        )
        assert found.fingerprint()["settings"] == {"max_tokens": 9, "seed": 1}

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("our", "did you mean 'ours'"),
            ("opnai:gpt", "did you mean 'openai'"),
            ("gpt", "configured in [tool.medbench.models]: ours; besides there are openai:MODEL"),
            ("openai", "expected openai:MODEL"),
            ("openai:", "expected openai:MODEL"),
            ("local:", "expected local[:NAME]"),
            ("control:rondom", "did you mean 'random'"),
            ("python:module", "expected python:MODULE:CALLABLE"),
            ("", "is not known"),
        ],
    )
    def test_unknown_name_says_what_there_is(self, name: str, said: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(said)):
            self.resolve(name)

    @pytest.mark.parametrize(
        ("alias", "said"),
        [
            ({"temprature": 0}, "unknown key 'temprature'; did you mean 'temperature'?"),
            ({"max_tokens": "many"}, "max_tokens = 'many': expected int"),
            ({"max_tokens": True}, "max_tokens = True: expected int"),
            ({"max_tokens": 0}, "expected more than 0"),
            ({"timeout": -1}, "expected more than 0"),
            ({"limits": {"concurency": 8}}, "did you mean 'concurrency'"),
            ({"limits": {"concurrency": 0}}, "expected more than 0"),
            ({"base_url": "127.0.0.1:8000"}, "expected an address such as"),
            ({"base_url": "http://u:secretpass@h/v1"}, "holds a user"),
            ({"extra_body": {"a": [datetime.date(2026, 1, 1)]}}, "cannot be sent"),
        ],
    )
    def test_bad_alias_says_which_key(self, alias: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(said)) as caught:
            self.resolve("ours", **alias)
        assert "secretpass" not in str(caught.value)

    def test_key_in_the_table_is_refused_and_not_shown(self) -> None:
        with pytest.raises(ConfigError, match=r"unknown key 'api_key'.*api_key_env") as caught:
            self.resolve("ours", api_key=KEY)
        assert not shows_key(str(caught.value))

    @pytest.mark.parametrize("missing", ["base_url", "model"])
    def test_alias_needs_address_and_model(self, missing: str) -> None:
        table = {key: value for key, value in self.ALIAS.items() if key != missing}
        with pytest.raises(ConfigError, match=f"key '{missing}' is missing"):
            resolve("ours", aliases={"ours": table}, root=Path(), environ={})
