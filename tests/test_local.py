"""The embedded model answers from real weights, where the registry is reached."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pytest_medbench.exchange import Request, Response
from pytest_medbench.models.base import ModelError
from pytest_medbench.models.local import LocalModel, create, serve
from pytest_medbench.models.weights import KNOWN, WeightsError, ensure_weights

ROOT = Path(__file__).parent.parent
QUESTION = (
    "Which vitamin deficiency causes scurvy?\nA. Vitamin A\nB. Vitamin C\nC. Vitamin D\n"
    "D. Vitamin K\nAnswer with the letter only."
)
LETTERS = {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}


@pytest.fixture(scope="session")
def weights() -> Path:
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    try:
        return ensure_weights("smollm2-135m")
    except WeightsError as error:
        pytest.skip(f"the embedded weights cannot be had here: {error}")


@pytest.fixture(scope="session")
def url(weights: Path) -> Iterator[str]:
    """One server for all tests of this session."""
    address, stop = serve("local")
    yield address
    stop()


def ask(content: str = QUESTION, **settings: object) -> Request:
    return Request("suite", "item", [{"role": "user", "content": content}], settings)


def answers(url: str, *requests: Request) -> list[Response]:
    """The answers to requests that are in flight together."""

    async def run() -> list[Response]:
        model = create("local", served_url=url)
        await model.start()
        try:
            return await asyncio.gather(*map(model.answer, requests))
        finally:
            await model.close()

    return asyncio.run(run())


def in_a_process(script: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )


def test_a_question_is_answered_with_usage_and_finish_reason(url: str) -> None:
    (response,) = answers(url, ask())
    assert response.text
    assert response.finish_reason in ("stop", "length")
    assert 0 < response.output_tokens <= 48
    assert response.input_tokens > 30
    assert response.model == "smollm2-135m"


def test_letters_come_with_their_log_probabilities(url: str) -> None:
    (response,) = answers(url, ask(**LETTERS))
    found = dict(response.top_logprobs)
    assert {"A", "B", "C", "D"} <= set(found)
    assert len(found) == 20
    assert all(value <= 0 for value in found.values())
    assert response.output_tokens == 1


def test_an_answer_does_not_depend_on_what_is_asked_beside_it(url: str) -> None:
    (alone,) = answers(url, ask(**LETTERS))
    crowd = [ask(f"{QUESTION} Take your time, patient number {n}.", **LETTERS) for n in range(5)]
    beside = answers(url, *crowd[:2], ask(**LETTERS), *crowd[2:])[2]
    assert beside.text == alone.text
    assert beside.top_logprobs == alone.top_logprobs


def test_a_prompt_that_is_too_long_is_an_error_and_the_next_is_answered(url: str) -> None:
    with pytest.raises(ModelError, match="context size") as caught:
        answers(url, ask("word " * 20_000))
    assert not caught.value.retry
    assert answers(url, ask(**LETTERS))[0].text


async def patiently(model: LocalModel) -> Response:
    """Ask as the broker does: a connection that was idle too long is gone, and the next is not."""
    for _ in range(4):
        try:
            return await model.answer(ask("Yes or no?", max_tokens=1))
        except ModelError as error:
            if not error.retry:
                raise
    return await model.answer(ask("Yes or no?", max_tokens=1))


def test_more_connections_than_slots_are_all_served(url: str) -> None:
    async def run() -> list[str]:
        models = [create("local", served_url=url) for _ in range(20)]
        try:
            await asyncio.gather(*(model.start() for model in models))
            asked = [patiently(model) for model in models]
            return [response.text for response in await asyncio.gather(*asked)]
        finally:
            await asyncio.gather(*(model.close() for model in models))

    assert len(set(asyncio.run(run()))) == 1


def test_the_fingerprint_is_the_same_behind_another_port(url: str) -> None:
    async def fingerprint(served_url: str | None) -> object:
        model = create("local", served_url=served_url)
        await model.start()
        try:
            return model.fingerprint()
        finally:
            await model.close()

    here, there = asyncio.run(fingerprint(None)), asyncio.run(fingerprint(url))
    assert here == there
    assert KNOWN["smollm2-135m"].sha256 in str(here)
    assert "127.0.0.1" not in str(here)


def test_closing_a_client_leaves_the_server_to_the_others(url: str) -> None:
    assert answers(url, ask(**LETTERS))
    assert answers(url, ask(**LETTERS))


def test_stop_ends_the_server_and_may_be_called_again(weights: Path) -> None:
    address, stop = serve("local:smollm2-135m")
    port = urlsplit(address).port
    with socket.create_connection(("127.0.0.1", port), timeout=30):
        pass
    stop()
    stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=30)


ASK_AND_LEAVE = """
import asyncio
from pytest_medbench.exchange import Request
from pytest_medbench.models.local import LocalModel, create, serve
async def main():
    model = create("local", {"max_tokens": 300}, served_url=SERVED)
    await model.start()
    request = Request("s", "i", [{"role": "user", "content": "Tell a long story."}])
    asking = [asyncio.create_task(model.answer(request)) for _ in range(4)]
    await asyncio.wait(asking, timeout=0.3)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    await model.close()
asyncio.run(main())
print("left")
"""


@pytest.mark.parametrize("served", ["None", "serve('local')[0]"])
def test_the_process_leaves_silently_with_requests_in_flight(weights: Path, served: str) -> None:
    ran = in_a_process(ASK_AND_LEAVE.replace("SERVED", served))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "left\n", "")


def test_a_server_that_was_asked_nothing_stops(weights: Path) -> None:
    ran = in_a_process("from pytest_medbench.models.local import serve; serve('local')[1]()")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_an_interrupt_still_reaches_python_while_it_serves(weights: Path) -> None:
    ran = in_a_process(
        "import os, signal\n"
        "from pytest_medbench.models.local import serve\n"
        "serve('local')\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    signal.sigtimedwait([], 5)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "interrupted\n", "")


def test_defaults_hold_unless_set() -> None:
    request = ask()
    assert create("local").wire(request) | {"temperature": 0, "max_tokens": 48} == create(
        "local"
    ).wire(request)
    assert create("local", {"max_tokens": 9}).wire(request)["max_tokens"] == 9
    assert create("local").wire(ask(max_tokens=1))["max_tokens"] == 1


@pytest.mark.parametrize("name", ["local", "local:smollm2-135m", "smollm2-135m", "local:"])
def test_names_of_the_default_mean_the_same(name: str) -> None:
    assert create(name).name == "local:smollm2-135m"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"did you mean 'qwen2.5-coder-1.5b'\?"):
        create("local:qwen2.5-coder-1b")


def test_a_missing_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ModelError, match=r"pip install 'pytest-medbench\[local\]'"):
        asyncio.run(create("local").start())


def test_a_runtime_that_cannot_be_loaded_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('libgomp.so.1: no such file')")
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"cannot be loaded: libgomp\.so\.1.*libgomp1"):
        asyncio.run(create("local").start())


def test_weights_that_cannot_be_kept_are_a_model_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDBENCH_WEIGHTS", str(tmp_path / "file" / "weights"))
    with pytest.raises(ModelError, match="MEDBENCH_WEIGHTS"):
        asyncio.run(create("local").start())
