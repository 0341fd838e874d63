"""Each fault of a server, over real HTTP: what becomes of an item, after how many tries."""

from __future__ import annotations

import email.utils
import re
import shutil
import ssl
import subprocess
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from brokers import QUICK, TOO_MANY, echo, question, reason, running, served, take, text
from loopback import CONTENT_FILTER, LoopbackServer, Reply, error_reply

from pytest_medbench.exchange import Failure, Response
from pytest_medbench.models import ModelError

COUNT = 60
SHORT = replace(QUICK, cap_asked=0.05)
TOO_LONG = error_reply(400, code="context_length_exceeded", message="8192 tokens at most")


def soon() -> str:
    return email.utils.formatdate(time.time() + 3600, usegmt=True)


class Moody:
    """Answers each item with its own text, after the faults it is told."""

    def __init__(self, *faults: Reply, items: set[str]) -> None:
        self.faults = faults
        self.items = items
        self.asked: Counter[str] = Counter()

    def __call__(self, asked: dict[str, Any]) -> str | Reply:
        item = echo(asked)
        self.asked[item] += 1
        if item in self.items and self.asked[item] <= len(self.faults):
            return self.faults[self.asked[item] - 1]
        return item


def ask(folder: Path, answer: Any, **more: Any) -> list[Response | Failure]:
    more = {"concurrency": 16, "backoff": SHORT, **more}
    with LoopbackServer(answer) as server, running(folder, served(server), **more) as broker:
        broker.submit_many([(n, question(n)) for n in range(COUNT)])
        results = [take(broker, n) for n in range(COUNT)]
        assert broker.stopped is None
        stats = broker.stats()
        assert stats.answered + stats.failed == COUNT
        assert sum(result.tries for result in results) == len(server.requests)
    return results


@pytest.mark.parametrize(
    "fault",
    [
        TOO_MANY,
        error_reply(429, Retry_After="0.01"),
        error_reply(429, Retry_After="1e9"),
        error_reply(429, Retry_After="-5"),
        error_reply(429, Retry_After="whenever"),
        error_reply(429, Retry_After=soon()),
        error_reply(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
        error_reply(503, Retry_After="0.01"),
        error_reply(500),
        Reply("A" * 999, cut=True),
        Reply(body="<html>Bad gateway</html>"),
        Reply(body='{"choices": [{"mess'),
        Reply(body={"choices": []}),
    ],
    ids=[
        "429",
        "429-wait",
        "429-absurd",
        "429-negative",
        "429-words",
        "429-date",
        "429-past",
        "503-wait",
        "500",
        "cut",
        "html",
        "half-json",
        "no-choices",
    ],
)
def test_passing_fault_of_some_costs_tries_and_no_item(tmp_path: Path, fault: Reply) -> None:
    moody = Moody(fault, fault, items={str(n) for n in range(0, COUNT, 15)})
    results = ask(tmp_path, moody)
    assert [text(result) for result in results] == [str(n) for n in range(COUNT)]
    assert [result.tries for result in results] == [1 if n % 15 else 3 for n in range(COUNT)]


def test_burst_that_hits_all_costs_tries_and_no_item(tmp_path: Path) -> None:
    moody = Moody(TOO_MANY, items={str(n) for n in range(COUNT)})
    results = ask(tmp_path, moody)
    assert [text(result) for result in results] == [str(n) for n in range(COUNT)]
    assert [result.tries for result in results] == [2] * COUNT


def test_500_on_every_tenth_request_costs_no_item(tmp_path: Path) -> None:
    sent: list[str] = []

    def answer(asked: dict[str, Any]) -> str | Reply:
        sent.append(echo(asked))
        return error_reply(500) if len(sent) % 10 == 0 else echo(asked)

    results = ask(tmp_path, answer)
    assert [text(result) for result in results] == [str(n) for n in range(COUNT)]
    assert [result.tries for result in results] == [sent.count(str(n)) for n in range(COUNT)]


@pytest.mark.parametrize(
    ("fault", "tries", "said"),
    [
        (TOO_LONG, 1, "HTTP 400.*8192 tokens at most"),
        (error_reply(422, message="bad schema"), 1, "HTTP 422.*bad schema"),
        (error_reply(500, message="no"), 3, r"HTTP 500.*no \(gave up after 3 tries\)"),
        (Reply("A" * 999, cut=True), 3, r"connection failed: .*\(gave up after 3 tries\)"),
        (Reply(body="<html>"), 3, r"no chat completion: .*\(gave up after 3 tries\)"),
        (Reply(body={"choices": []}), 3, r"there are no choices \(gave up after 3 tries\)"),
        (Reply(status=307, headers={"Location": "http://x.test/"}, body={}), 1, "redirects"),
    ],
    ids=["context", "schema", "500", "cut", "html", "no-choices", "redirect"],
)
def test_lasting_fault_of_one_item_is_its_error_and_nobody_elses(
    tmp_path: Path, fault: Reply, tries: int, said: str
) -> None:
    moody = Moody(*[fault] * 9, items={"7"})
    results = ask(tmp_path, moody, max_tries=3)
    failure = results.pop(7)
    assert failure == Failure(reason(failure), tries, stopped=False)
    assert re.search(said, reason(failure))
    assert [result.tries for result in results] == [1] * (COUNT - 1)
    assert [text(result) for result in results] == [str(n) for n in range(COUNT) if n != 7]


def test_request_that_is_never_answered_is_the_error_of_its_item(tmp_path: Path) -> None:
    moody = Moody(*[Reply(stall=True)] * 9, items={"7"})
    with (
        LoopbackServer(moody) as server,
        running(tmp_path, served(server), request_timeout=1.0, max_tries=2) as broker,
    ):
        broker.submit_many([(n, question(n)) for n in range(COUNT)])
        results = [take(broker, n) for n in range(COUNT)]
        server.release()
    said = "no answer within 1 s (gave up after 2 tries)"
    assert results.pop(7) == Failure(said, 2, stopped=False)
    assert [text(result) for result in results] == [str(n) for n in range(COUNT) if n != 7]


@pytest.mark.parametrize(
    ("reply", "finish_reason", "said"),
    [
        (CONTENT_FILTER, "content_filter", ""),
        (Reply("", finish_reason="content_filter"), "content_filter", ""),
        (Reply("The ans", finish_reason="length"), "length", "The ans"),
    ],
)
def test_answer_that_was_cut_off_by_the_model_is_an_answer(
    tmp_path: Path, reply: Reply, finish_reason: str, said: str
) -> None:
    results = ask(tmp_path, Moody(reply, items={"7"}))
    one = results[7]
    assert isinstance(one, Response)
    assert (one.finish_reason, one.text, one.tries) == (finish_reason, said, 1)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_certificate_that_does_not_verify_is_named_and_tried_once(
    tmp_path: Path, tls: ssl.SSLContext
) -> None:
    events: list[str] = []
    with (
        LoopbackServer(tls=tls) as server,
        running(
            tmp_path, served(server), on_event=lambda kind, said: events.append(said)
        ) as broker,
        pytest.raises(ModelError, match="certificate verify failed") as caught,
    ):
        broker.submit_many([("a", question())])
    assert server.base_url in str(caught.value)
    assert (events, server.requests) == ([], [])
