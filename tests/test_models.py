"""How a model is named; controls; callables."""

from __future__ import annotations

import asyncio
import collections
import datetime
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from requests_asked import KEY, ask, request, shows_key

from pytest_medbench.errors import ConfigError
from pytest_medbench.exchange import Request, Response
from pytest_medbench.models import Model, ModelError, resolve
from pytest_medbench.models.controls import CONTROLS, Control
from pytest_medbench.models.openai import OpenAIModel


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
            ("local:smolm2-135m", "did you mean 'smollm2-135m'"),
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
