"""A plan through the provider's batch service: the answers of a live run, each paid once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from batch_server import BatchServer, End, Fault
from batches import Batcher, asked, questions, texts
from brokers import echo, question, running, served
from loopback import CONTENT_FILTER, LoopbackServer, Reply, error_reply
from requests_asked import KEY, shows_key

from pytest_medbench.batch import BatchModel, BatchReport, Limits
from pytest_medbench.cache import Mode
from pytest_medbench.errors import ConfigError
from pytest_medbench.exchange import Failure, Response
from pytest_medbench.models import ModelError
from pytest_medbench.models.controls import Control
from pytest_medbench.models.openai import OpenAIModel

KINDS: dict[str, str | Reply] = {
    "plain": "B",
    "chinese": "答案：B\u2028，\u0085\n",
    "cut": Reply("The ans", finish_reason="length"),
    "filtered answer": Reply(None, finish_reason="content_filter"),
    "filtered question": CONTENT_FILTER,
    "too long": error_reply(400, code="context_length_exceeded", message="too long"),
    "tools": Reply(None, finish_reason="tool_calls", tool_calls=[{"id": "1", "type": "function"}]),
    "logprobs": Reply("B", top_logprobs={"A": -2.0, "B": -0.2}),
    "another server": Reply("C", model="m-2", system_fingerprint="fp-2", usage=(7, 3)),
    "no choices": Reply(body={"choices": []}),
    "quota": error_reply(429, code="insufficient_quota", message="pay first"),
    "down": error_reply(500, message="oops"),
    "unprocessable": error_reply(422, message="no"),
    "half a pair": "\ud83d",
}


def kind_of(asked: dict[str, Any]) -> str | Reply:
    return KINDS[echo(asked)]


def essence(result: Response | Failure) -> object:
    if isinstance(result, Failure):
        return re.sub(r" \(gave up.*", "", result.reason).replace("127.0.0.1", "")
    kept = ("text", "finish_reason", "top_logprobs", "tool_calls", "input_tokens", "output_tokens")
    named = (*kept, "model", "system_fingerprint")
    return [getattr(result, name) for name in named]


def test_every_kind_of_answer_comes_out_as_in_a_live_run(tmp_path: Path) -> None:
    requests = [question(kind) for kind in KINDS]
    with BatchServer(kind_of) as server:
        batcher = Batcher(tmp_path / "batch", server)
        report = batcher.run(requests)
        before = len(server.requests)
        batched = batcher.outcomes(requests, report)
        assert len(server.requests) == before, "a case went live"
        with running(tmp_path / "live", served(server), max_tries=3) as broker:
            live = asked(broker, requests)
    assert {k: essence(v) for k, v in batched.items()} == {k: essence(v) for k, v in live.items()}
    assert report.requests == len(KINDS)
    assert report.answered + len(report.reasons) == len(KINDS)


def test_second_run_finds_everything_and_sends_nothing(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        batcher = Batcher(tmp_path, server)
        first = batcher.run(questions(7))
        again = batcher.run(questions(9))
    assert (first.answered, first.stored, first.batches) == (7, 0, ("batch_0",))
    assert (again.answered, again.stored, again.batches) == (2, 7, ("batch_1",))
    assert set(server.carried_out.values()) == {1}
    assert batcher.states() == []
    assert first.input_tokens == 70


def test_answers_are_those_to_the_questions_asked(tmp_path: Path) -> None:
    requests = [*questions(5), question("question 1"), question("question 1", sample=1)]
    with BatchServer(echo, ends=[End(mangle=lambda lines: lines[::-1])]) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(requests)
        found = texts(batcher.outcomes(requests[:5], report))
    assert found == {name: name for name in found}
    assert report.requests == 6
    (sent,) = server.uploads
    assert len(sent) == 6
    assert {line["url"] for line in sent} == {"/v1/chat/completions"}
    assert sent[0]["body"] == dict(served(server).wire(requests[0]))


def test_files_keep_within_the_providers_limits(tmp_path: Path) -> None:
    requests = [*questions(10), question("x" * 5_000)]
    with BatchServer(echo) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(requests, limits=Limits(requests=4, bytes=2_000))
        found = texts(batcher.outcomes(requests, report))
    assert [len(lines) for lines in server.uploads] == [4, 4, 2]
    assert "a batch takes 2,000" in found["x" * 5_000]
    assert report.answered == 10


def test_lines_are_ascii_where_readers_might_break_them(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        Batcher(tmp_path, server).run([question("a\u2028b\u0085c\n")])
    assert server.uploads[0][0]["body"]["messages"][0]["content"] == "a\u2028b\u0085c\n"


MANGLED = {
    "doubled": lambda lines: lines + lines,
    "no json": lambda lines: [b"not json\n", b"\xff\xfe\n", b"[]\n", b"\n", *lines],
    "foreign": lambda lines: [json.dumps({"custom_id": "00" * 32}).encode() + b"\n", *lines],
    "odd ids": lambda lines: [b'{"custom_id": "zz"}\n', b'{"custom_id": 5}\n', *lines],
    "deep": lambda lines: [b"[" * 100_000 + b"\n", *lines],
    "no newline at the end": lambda lines: [*lines[:-1], lines[-1].rstrip()],
}


@pytest.mark.parametrize("how", MANGLED)
def test_hostile_output_loses_no_answer(tmp_path: Path, how: str) -> None:
    with BatchServer(echo, ends=[End(mangle=MANGLED[how])]) as server:
        report = Batcher(tmp_path, server).run(questions(6))
    assert (report.answered, report.reasons, report.input_tokens) == (6, {}, 60)
    assert len(server.batches) == 1
    assert set(server.carried_out.values()) == {1}


def test_first_answer_counts_and_counts_more_than_an_error(tmp_path: Path) -> None:
    def mangle(lines: list[bytes]) -> list[bytes]:
        error = json.loads(lines[0])
        error["response"] = {"status_code": 400, "body": {"error": {"message": "no"}}}
        other = lines[0].replace(b"question 0", b"another answer")
        return [json.dumps(error).encode() + b"\n", *lines, other]

    with BatchServer(echo, ends=[End(mangle=mangle)]) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(questions(2))
        found = texts(batcher.outcomes(questions(2), report))
    assert found == {"question 0": "question 0", "question 1": "question 1"}


PARTIAL = {
    "expired": End("expired", answered=0.5),
    "expired without error lines": End("expired", answered=0.5, listed=False),
    "a line missing": End(mangle=lambda lines: lines[:-1]),
    "a line cut": End(mangle=lambda lines: [*lines[:-1], lines[-1][:20]]),
    "failed": End("failed", problems=[{"code": "oops", "message": "again", "line": None}]),
}


@pytest.mark.parametrize("how", PARTIAL)
def test_what_a_batch_leaves_open_is_sent_again_and_nothing_else(tmp_path: Path, how: str) -> None:
    with BatchServer(echo, ends=[PARTIAL[how]]) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(questions(8))
        found = batcher.outcomes(questions(8), report)
    assert (report.answered, report.reasons) == (8, {})
    assert texts(found) == {name: name for name in found}
    assert len(server.batches) == 2
    kept = set(server.created[0]) - set(server.created[1])
    assert all(server.carried_out[key] == 1 for key in kept)
    assert batcher.states() == []


def test_what_never_comes_has_its_reason_after_three_rounds(tmp_path: Path) -> None:
    with BatchServer(echo, ends=[End("expired", answered=0.0)] * 3) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(questions(3))
        found = texts(batcher.outcomes(questions(3), report))
    assert len(server.batches) == 3
    assert len(report.reasons) == 3
    assert all("expired" in reason and "3 rounds" in reason for reason in found.values())
    assert server.requests == []
    assert batcher.states() == []


def test_cancelled_batch_keeps_its_answers_and_is_not_sent_again(tmp_path: Path) -> None:
    with BatchServer(echo, ends=[End("cancelled", answered=0.5)]) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(questions(4))
        assert len(server.batches) == 1
        assert (report.answered, len(report.reasons)) == (2, 2)
        assert all("run again" in reason for reason in report.reasons.values())
        assert batcher.run(questions(4)).answered == 2
    assert set(server.carried_out.values()) == {1}


def test_request_the_provider_finds_faulty_does_not_sink_the_others(tmp_path: Path) -> None:
    problem = {"code": "invalid_request", "message": "bad line", "line": 2}
    with BatchServer(echo, ends=[End("failed", problems=[problem])]) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(questions(4))
        found = texts(batcher.outcomes(questions(4), report))
    assert report.answered == 3
    assert "bad line" in found["question 1"]


def test_too_many_tokens_are_sent_in_smaller_batches_one_at_a_time(tmp_path: Path) -> None:
    problem = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
    ends = [End("failed", problems=[problem])] * 4
    with BatchServer(echo, ends=ends) as server:
        report = Batcher(tmp_path, server).run(questions(64), limits=Limits(requests=64))
    assert report.answered == 64
    assert max(map(len, server.created[4:])) <= 16
    assert set(server.carried_out.values()) == {1}


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.READ, Mode.REFRESH])
def test_every_cache_mode_finds_what_the_batch_brought(tmp_path: Path, mode: Mode) -> None:
    with BatchServer(echo) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(questions(3), mode=mode, since=0.0)
        with_store = batcher.store(mode, since=0.0)
        keys = [bytes.fromhex(line["custom_id"]) for line in server.uploads[0]]
        assert len(with_store.lookup(keys, has_revision=True)) == 3
        with_store.close()
    assert report.answered == 3


FAULTS = [
    Fault("POST /files", error_reply(500)),
    Fault("POST /files", None),
    Fault("POST /files", Reply(body="<html>")),
    Fault("POST /batches", error_reply(429, Retry_After="0")),
    Fault("POST /batches", error_reply(503), done=True),
    Fault("POST /batches", error_reply(503)),
    Fault("POST /batches", None, done=True),
    Fault("POST /batches", Reply(body={"id": "../x"}), done=True),
    Fault("POST /batches", Reply(body="<html>"), done=True),
    Fault("GET /batches/", error_reply(502)),
    Fault("GET /batches/", None),
    Fault("content", error_reply(500)),
    Fault("content", None, done=True),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.call}-{fault.done}")
def test_call_that_fails_is_made_again_and_nothing_paid_twice(tmp_path: Path, fault: Fault) -> None:
    with BatchServer(echo, faults=[fault]) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(questions(40))
    assert server.faults == []
    assert report.answered == 40
    assert len(server.batches) == 1
    assert set(server.carried_out.values()) == {1}


def test_lost_batch_is_found_on_a_later_page_of_the_list(tmp_path: Path) -> None:
    fault = Fault("POST /batches", None, done=True)
    with BatchServer(echo) as server:
        server._page = 2
        Batcher(tmp_path / "other", server, limits=Limits(requests=1)).run(questions(5, start=50))
        server.faults = [fault]
        lost = Batcher(tmp_path, server)
        original = server._create

        def crowded(asked: dict[str, Any]) -> Any:
            made = original(asked)
            for number in range(5):
                server.batches.append(server.batches[number])
            server._create = original  # type: ignore[method-assign]
            return made

        server._create = crowded  # type: ignore[method-assign]
        report = lost.run(questions(3))
    assert report.answered == 3
    assert max(server.carried_out.values()) == 1


def test_results_that_are_gone_are_named_and_not_paid_again(tmp_path: Path) -> None:
    with BatchServer(echo, faults=[Fault("content", error_reply(404, message="gone"))]) as server:
        report = Batcher(tmp_path, server).run(questions(2))
    assert len(server.batches) == 1
    assert all("no longer there" in reason for reason in report.reasons.values())
    assert len(report.reasons) == 2


@pytest.mark.parametrize("status", [404, 405, 501])
def test_server_without_a_batch_service_is_named(tmp_path: Path, status: int) -> None:
    faults = [Fault("POST /files", error_reply(status))]
    with (
        BatchServer(echo, faults=faults) as server,
        pytest.raises(ModelError, match=r"no batch service .* run without --medbench-batch") as got,
    ):
        Batcher(tmp_path, server).run(questions(2))
    assert not got.value.retry


def test_refused_key_is_said_with_its_variable(tmp_path: Path) -> None:
    with BatchServer(echo, faults=[Fault("POST /files", error_reply(401))]) as server:
        batcher = Batcher(tmp_path, server)
        batcher.make = lambda: served(server, api_key_env="OURS", environ={"OURS": "k" * 20})
        with pytest.raises(ModelError, match="check the key in OURS"):
            batcher.run(questions(2))


def test_models_without_a_batch_service_are_refused(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        batcher = Batcher(tmp_path, server)
        batcher.make = lambda: Control("first")
        with pytest.raises(ConfigError, match="leave the flag out"):
            batcher.run(questions(1))


def test_key_that_the_server_repeats_is_nowhere(tmp_path: Path) -> None:
    def echoing(asked: dict[str, Any]) -> str | Reply:
        return Reply(text=f"Bearer {KEY}", system_fingerprint=KEY)

    said = error_reply(500, message=f"Bearer {KEY}")
    problem = {"code": KEY, "message": f"Bearer {KEY}", "line": None}
    ends = [End("failed", problems=[problem]), End(answered=0.5, status="expired"), End()]
    faults = [Fault("POST /files", said), Fault("GET /batches/", said), Fault("content", said)]
    with BatchServer(echoing, ends=ends, faults=faults) as server:
        batcher = Batcher(tmp_path, server)
        batcher.make = lambda: OpenAIModel(
            "ours", base_url=server.base_url, model="m", api_key_env="K", environ={"K": KEY}
        )
        report = batcher.run(questions(4))
        report.save(tmp_path)
    assert report.answered == 4
    assert not shows_key("\n".join(batcher.said))
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or not shows_key(path.read_bytes().decode("latin-1")), path


def test_report_tells_other_processes_what_it_knows(tmp_path: Path) -> None:
    with BatchServer(kind_of) as server:
        requests = [question("plain"), question("too long")]
        batcher = Batcher(tmp_path, server)
        report = batcher.run(requests)
        report.save(tmp_path)
        read = BatchReport.load(tmp_path)
        found = texts(batcher.outcomes(requests, read))
    assert found["plain"] == "B"
    assert "too long" in found["too long"]
    assert (read.fingerprint, read.reasons) == (report.fingerprint, report.reasons)


def test_request_that_was_in_no_batch_is_refused_not_sent(tmp_path: Path) -> None:
    with BatchServer(echo) as server:
        batcher = Batcher(tmp_path, server)
        report = batcher.run(questions(1))
        found = texts(batcher.outcomes([question("another")], report))
    assert "no batch brought an answer" in found["another"]
    assert server.requests == []


def test_batch_model_is_the_model_to_cache_and_report(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        live = served(server, concurrency=3, price={"input": 1})
        model = BatchModel(live, BatchReport(live.fingerprint()))
    asked = question("?")
    assert (model.name, model.concurrency, model.price) == ("ours", 3, {"input": 1})
    assert (model.cacheable, model.is_control) == (True, False)
    assert model.wire(asked) == live.wire(asked)
    assert model.fingerprint() == live.fingerprint()
