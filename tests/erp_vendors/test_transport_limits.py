"""The vendor's limits: what it tells is obeyed, what it permits is kept, and stop ends it all."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from erp_vendors.errors import CallError, DataError, Interrupted
from erp_vendors.http.auth import Token, TokenAuth
from erp_vendors.http.budget import Clock, Limits
from erp_vendors.http.policy import LONGEST_WAIT
from erp_vendors.http.transport import PATIENCE, WAITS
from tests.support.stub import Reply, Request, running_stub
from tests.support.transport import VirtualClock, answers, make_transport

pytestmark = pytest.mark.usefixtures("short_pauses")

OK = Reply(body={"ok": True})


def test_retry_after_on_an_outage_is_obeyed() -> None:
    clock = VirtualClock()
    with running_stub(answers(Reply(503, headers={"Retry-After": "77"}), OK)) as stub:
        make_transport(stub.url, clock=clock).get_json("/x")
    assert 77 <= clock.now() < 78


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "30"}, 60, 61),
        ({"Retry-After": "Fri, 01 Jan 2999 00:00:00 GMT"}, 2 * LONGEST_WAIT, 2 * LONGEST_WAIT + 1),
        ({"X-RateLimit-Reset": "20"}, 40, 41),
        ({}, 0.001, 1),
        ({"Retry-After": "0"}, 0.001, 1),
        ({"Retry-After": "Fri, 01 Jan 1999 00:00:00 GMT"}, 0.001, 1),
    ],
    ids=["seconds", "date, bounded", "reset", "not told", "zero", "date in the past"],
)
def test_a_rate_limit_is_waited_out(
    headers: dict[str, str],
    least: float,
    most: float,
    repeatable: bool,  # noqa: FBT001
) -> None:
    clock = VirtualClock()
    limited = Reply(429, "too many", headers)
    with running_stub(answers(limited, limited, OK)) as stub:
        transport = make_transport(stub.url, clock=clock)
        transport.call("POST", "/x", body=b"{}", repeatable=repeatable)
        assert len(stub.requests) == 3
    assert least <= clock.now() <= most


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}, {"X-RateLimit-Reset": "0"}])
def test_without_a_useful_time_the_vendor_is_asked_less_and_less_often(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erp_vendors.http.transport.backoff.full_jitter", float)
    clock = VirtualClock()
    limited = Reply(429, headers=headers)
    with running_stub(answers(*[limited] * 8, OK)) as stub:
        make_transport(stub.url, clock=clock).get_json("/x")
    assert clock.now() == pytest.approx(2 + 4 + 8 + 16 + 32 + 60 + 60 + 60, abs=1)


def test_a_rate_limit_without_end_is_given_up() -> None:
    clock = VirtualClock()
    with running_stub(lambda _: Reply(429, headers={"Retry-After": "10"})) as stub:
        with pytest.raises(CallError, match="HTTP 429"):
            make_transport(stub.url, clock=clock).call("POST", "/x", body=b"{}")
        assert len(stub.requests) == WAITS + 1


@pytest.mark.parametrize("path", ["/x", "/token"])
def test_a_limit_that_ends_in_ages_is_given_up_in_hours(path: str) -> None:
    class Asks(TokenAuth):
        def fetch(self, _: Token | None) -> Token:
            return Token(transport.call("POST", "/token", auth=None, repeatable=True).text)

    def script(request: Request) -> Reply:
        ages = Reply(429, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"})
        return ages if request.path == path else Reply(body=b"a-token-of-some-length")

    clock = VirtualClock()
    with running_stub(script) as stub:
        transport = make_transport(stub.url, Asks(), clock=clock)
        with pytest.raises(CallError, match=f"{path}: HTTP 429"):
            transport.call("POST", "/x", body=b"{}")
    assert clock.now() == pytest.approx(PATIENCE, abs=2)


def test_a_limit_told_to_one_thread_holds_all() -> None:
    clock = VirtualClock()
    limited = Reply(429, headers={"Retry-After": "50"})
    with running_stub(answers(limited, OK)) as stub:
        transport = make_transport(stub.url, clock=clock)
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda _: transport.get_json("/x"), range(20)))
    assert 50 <= clock.now() < 100


def test_nothing_remaining_waits_for_the_reset() -> None:
    clock = VirtualClock()
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "300"}
    with running_stub(answers(Reply(body={}, headers=headers), OK)) as stub:
        for obey, least, most in ((False, 0, 1), (True, 300, 301)):
            transport = make_transport(stub.url, clock=clock, obey_rate_headers=obey)
            stub.script = answers(Reply(body={}, headers=headers), OK)
            before = clock.now()
            transport.get_json("/x")
            transport.get_json("/x")
            assert least <= clock.now() - before <= most


@pytest.mark.parametrize("remaining", ["17", "", "many"])
def test_something_remaining_waits_for_nothing(remaining: str) -> None:
    clock = VirtualClock()
    headers = {"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": "300"}
    with running_stub(lambda _: Reply(body={}, headers=headers)) as stub:
        transport = make_transport(stub.url, clock=clock, obey_rate_headers=True)
        for _ in range(3):
            transport.get_json("/x")
    assert clock.now() < 1


@pytest.mark.serial
def test_never_more_calls_in_a_second_than_permitted() -> None:
    with running_stub(lambda _: OK) as stub:
        transport = make_transport(stub.url, limits=Limits(10, 10))
        started = time.monotonic()
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda _: transport.get_json("/x"), range(21)))
        assert stub.most_in_a_second() <= 10
        assert time.monotonic() - started >= 2.0


def test_never_more_calls_in_flight_than_permitted() -> None:
    with running_stub(lambda _: Reply(body={}, delay=0.02)) as stub:
        transport = make_transport(stub.url, limits=Limits(10_000, 3))
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda _: transport.get_json("/x"), range(20)))
        assert stub.most_in_flight == 3


def test_stop_interrupts_the_pause_before_a_new_attempt() -> None:
    clock = Clock()
    with running_stub(lambda _: Reply(503, headers={"Retry-After": "600"})) as stub:
        transport = make_transport(stub.url, clock=clock)
        threading.Timer(0.1, clock.stop).start()
        with pytest.raises(Interrupted):
            transport.get_json("/x")
        assert len(stub.requests) == 1


def test_json_of_too_many_values_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("erp_vendors.http.codec.MOST_PARTS", 20)
    with running_stub(lambda _: Reply(200, [1] * 50)) as stub:
        transport = make_transport(stub.url)
        with pytest.raises(DataError, match=r"too much JSON .* more than 20 values") as caught:
            transport.get_json("/x")
    assert "\n" not in str(caught.value)
