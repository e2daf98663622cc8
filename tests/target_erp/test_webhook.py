"""The webhook: what it sends, when it tries again, and that it keeps its secrets."""

from __future__ import annotations

import email.utils
import json
import logging
import pathlib
import re
import socket
import time
import typing as t

import pytest
from jsonschema import Draft7Validator

from erp_plugin import config_schema
from erp_vendors.errors import Interrupted
from erp_vendors.settings import explain
from target_erp.webhook import WEBHOOK_SETTINGS, deliver
from tests.support.stub import Reply, Stub, running_stub

if t.TYPE_CHECKING:
    from tests.support.stub import Request

REPORT = {"run": "20261127T020000.000000Z", "exit_code": 3, "records_read": 12, "seconds": 1.5}
SECRET = "sh4red-secret"
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "writing.md"


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def replies() -> list[Reply]:
    """Answers in turn; the last one is repeated."""
    return [Reply()]


@pytest.fixture
def receiver(replies: list[Reply]) -> t.Iterator[Stub]:
    def answer(_: Request) -> Reply:
        return replies.pop(0) if len(replies) > 1 else replies[0]

    with running_stub(answer) as stub:
        yield stub


def send(url: str, clock: Time, secret: str | None = SECRET) -> str:
    return deliver(REPORT, url=url, secret=secret, clock=clock, sleep=clock.sleep)


def documented_check() -> t.Callable[[t.Mapping[str, str], bytes, str], bool]:
    """The function that the page for receivers shows."""
    block = next(
        block
        for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
        if "X-Erp-Signature" in block
    )
    namespace: dict[str, t.Any] = {}
    exec(compile(block, str(DOCS), "exec"), namespace)  # noqa: S102 - our own page
    return t.cast("t.Callable[..., bool]", namespace["genuine"])


def test_the_report_is_posted_signed_and_named(receiver: Stub, clock: Time) -> None:
    assert send(f"{receiver.url}/hook", clock) == ""
    (request,) = receiver.requests
    assert (request.method, request.path, request.json) == ("POST", "/hook", REPORT)
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Erp-Run"] == REPORT["run"]
    assert request.headers["X-Erp-Timestamp"] == "1800000000"
    assert re.fullmatch(r"sha256=[0-9a-f]{64}", request.headers["X-Erp-Signature"])


def test_without_a_secret_nothing_is_signed(receiver: Stub, clock: Time) -> None:
    assert send(receiver.url, clock, secret=None) == ""
    assert "X-Erp-Signature" not in receiver.requests[0].headers


def test_the_documented_check_accepts_ours_and_no_other(receiver: Stub) -> None:
    genuine = documented_check()
    assert deliver(REPORT, url=receiver.url, secret=SECRET) == ""
    request = receiver.requests[0]
    headers = {name.title(): value for name, value in request.headers.items()}
    assert genuine(headers, request.body, SECRET)
    assert not genuine(headers, request.body.replace(b"12", b"13"), SECRET)
    assert not genuine(headers, request.body, "another secret")
    later = {**headers, "X-Erp-Timestamp": str(int(time.time()) + 1)}
    assert not genuine(later, request.body, SECRET)


def test_an_old_delivery_that_somebody_repeats_is_not_accepted(receiver: Stub) -> None:
    old = Time(time.time() - 3600)
    assert send(receiver.url, old) == ""
    request = receiver.requests[0]
    headers = {name.title(): value for name, value in request.headers.items()}
    assert not documented_check()(headers, request.body, SECRET)


@pytest.mark.parametrize("bad", [Reply(429), Reply(503), Reply(500), Reply(cut="before")])
def test_the_webhook_tries_again_after_growing_pauses_and_signs_each_time_anew(
    receiver: Stub, replies: list[Reply], clock: Time, bad: Reply
) -> None:
    replies[:] = [bad, bad, bad, Reply()]
    assert send(receiver.url, clock) == ""
    assert clock.pauses == [1, 2, 4]
    stamps = [request.headers["X-Erp-Timestamp"] for request in receiver.requests]
    assert stamps == ["1800000000", "1800000001", "1800000003", "1800000007"]
    assert len({request.headers["X-Erp-Signature"] for request in receiver.requests}) == 4
    assert {request.headers["X-Erp-Run"] for request in receiver.requests} == {REPORT["run"]}


def test_the_webhook_gives_up_after_five_attempts(
    receiver: Stub, replies: list[Reply], clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    replies[:] = [Reply(503)]
    reason = send(receiver.url, clock)
    assert "HTTP 503 (attempt 5 of 5)" in reason
    assert len(receiver.requests) == 5
    (warning,) = [entry for entry in caplog.records if entry.levelno == logging.WARNING]
    assert reason in warning.getMessage()


@pytest.mark.parametrize("status", [400, 401, 404, 410, 501])
def test_a_refusal_is_final(receiver: Stub, replies: list[Reply], clock: Time, status: int) -> None:
    replies[:] = [Reply(status)]
    assert f"HTTP {status} (attempt 1" in send(receiver.url, clock)
    assert len(receiver.requests) == 1


def test_a_redirect_is_not_followed(receiver: Stub, replies: list[Reply], clock: Time) -> None:
    replies[:] = [Reply(301, headers={"Location": "/elsewhere"})]
    assert "webhook.url" in send(receiver.url, clock)
    assert receiver.paths == ["POST /"]


@pytest.mark.parametrize(
    "told", ["20", email.utils.formatdate(1_800_000_020, usegmt=True)], ids=["seconds", "date"]
)
def test_the_webhook_waits_as_it_is_told(
    receiver: Stub, replies: list[Reply], clock: Time, told: str
) -> None:
    replies[:] = [Reply(429, headers={"Retry-After": told}), Reply()]
    assert send(receiver.url, clock) == ""
    assert clock.pauses == [20]


def test_the_webhook_does_not_wait_for_longer_than_a_minute(
    receiver: Stub, replies: list[Reply], clock: Time
) -> None:
    replies[:] = [Reply(503, headers={"Retry-After": "25"})]
    assert "too long" in send(receiver.url, clock)
    assert clock.pauses == [25, 25]
    assert len(receiver.requests) == 3


@pytest.mark.slow
def test_an_answer_that_does_not_come_ends_the_attempt(
    receiver: Stub, replies: list[Reply], clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_erp.webhook._TIMEOUT", 1.0)
    replies[:] = [Reply(delay=1.5), Reply()]
    assert send(receiver.url, clock) == ""
    assert clock.pauses == [1]


def test_nobody_there_is_no_failure_of_the_run(clock: Time) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert "the connection failed (attempt 5 of 5)" in send(url, clock)
    assert clock.pauses == [1, 2, 4, 8]


@pytest.mark.parametrize("url", ["http://[half", "http://a b.invalid:x/", "ftp://host/", ""])
def test_an_impossible_address_is_no_failure_of_the_run(clock: Time, url: str) -> None:
    assert "webhook.url" in send(url, clock)


def test_a_run_that_was_asked_to_stop_tries_once(
    receiver: Stub, replies: list[Reply], clock: Time
) -> None:
    def interrupted(_: float) -> None:
        raise Interrupted

    replies[:] = [Reply(503)]
    reason = deliver(REPORT, url=receiver.url, clock=clock, sleep=interrupted)
    assert "asked to stop" in reason
    assert len(receiver.requests) == 1


def test_no_message_shows_the_address_or_the_secret(
    receiver: Stub, replies: list[Reply], clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    replies[:] = [Reply(400, {"error": SECRET})]
    host = receiver.url.removeprefix("http://")
    path = "services/T0001/B0001-hook-token-abcdef?token=q-token-123456"
    reason = send(f"http://login:pass-w0rd@{host}/{path}", clock)
    assert receiver.url in reason
    for text in (reason, *(entry.getMessage() for entry in caplog.records if entry.levelno > 10)):
        for hidden in ("services", "hook-token", "q-token", "pass-w0rd", "login", SECRET):
            assert hidden not in text


def problems(webhook: dict[str, t.Any]) -> list[str]:
    whole = config_schema(WEBHOOK_SETTINGS)
    errors = Draft7Validator(whole).iter_errors({"webhook": webhook})
    return [line for error in errors for line in explain(error, whole)]


def test_its_settings_are_checked() -> None:
    assert problems({"url": "https://example.com/hook", "secret": "x"}) == []
    assert problems({"secret": "x"}) == ["setting 'webhook.url' is missing"]
    assert "setting 'webhook.url' does not fit" in problems({"url": "example.com/hook"})[0]
    block = json.dumps(config_schema(WEBHOOK_SETTINGS)["properties"]["webhook"])
    assert block.count('"secret": true') == 2
