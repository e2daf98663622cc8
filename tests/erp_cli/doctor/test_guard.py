"""An examination only reads, makes no call too many, and keeps no secret."""

from __future__ import annotations

import concurrent.futures
import email.utils
import time
import typing as t

import pytest

from erp_cli.doctor.examiner import NoCallsLeftError
from erp_cli.doctor.guard import CallGuard, NotAReadError
from erp_vendors.http.redact import redact
from tests.support import doctor
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.transport import make_transport

if t.TYPE_CHECKING:
    import requests

    from erp_vendors.http import Transport
    from erp_vendors.http.call import Call


def fine(request: Request) -> Reply:
    return Reply(body={"path": request.path})


@pytest.fixture
def stub() -> t.Iterator[Stub]:
    with running_stub(fine) as stub:
        yield stub


def guarded(stub: Stub, *logins: str, most: int = 10) -> tuple[Transport, CallGuard]:
    transport, guard = make_transport(stub.url), CallGuard(logins, most)
    transport.observer = guard
    return transport, guard


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/customers", "/token/customers", "/x?path=/token"])
def test_what_may_change_something_is_not_sent(stub: Stub, method: str, path: str) -> None:
    transport, guard = guarded(stub, "/token")
    with pytest.raises(NotAReadError, match=method):
        transport.call(method, path, body=b"{}")
    assert not stub.requests
    assert not guard.exchanges


@pytest.mark.parametrize("path", ["/Token", "/api/token", "/token/"])
def test_a_login_and_reads_are_sent(stub: Stub, path: str) -> None:
    transport, guard = guarded(stub, "/token")
    transport.call("POST", path, body=b"secret=1")
    transport.get_json("/rows")
    assert [one.method for one in guard.exchanges] == ["POST", "GET"]
    with pytest.raises(NotAReadError):
        transport.call("PUT", path, body=b"{}")


def test_without_logins_no_post_is_one(stub: Stub) -> None:
    transport, _ = guarded(stub)
    with pytest.raises(NotAReadError):
        transport.call("POST", "/token", body=b"{}")
    assert not stub.requests


@pytest.mark.parametrize("threads", [1, 16])
def test_no_call_is_made_beyond_the_number(stub: Stub, threads: int) -> None:
    transport, guard = guarded(stub, most=25)

    def read(number: int) -> bool:
        try:
            transport.get_json(f"/rows/{number}")
        except NoCallsLeftError:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        through = list(pool.map(read, range(60)))
    assert sum(through) == 25
    assert len(stub.requests) == guard.calls == 25
    transport.close()


def test_another_attempt_counts_as_a_call(short_pauses: None) -> None:  # noqa: ARG001
    with running_stub(lambda _: Reply(503)) as stub:
        transport, _ = guarded(stub, most=2)
        with pytest.raises(NoCallsLeftError):
            transport.get_json("/rows")
        assert len(stub.requests) == 2


def test_what_is_kept_holds_no_secret() -> None:
    redact.add("a-password-of-ours")

    def answer(request: Request) -> Reply:
        if request.path == "/token":
            return Reply(body={"access_token": "a-token-nobody-knows-yet"})
        return Reply(body={"echo": "a-password-of-ours", "name": "shown"})

    with running_stub(answer) as stub:
        transport, guard = guarded(stub, "/token")
        transport.call("POST", "/token", body=b"password=a-password-of-ours")
        transport.get_json("/token")  # a login may be a GET
        transport.get_json("/rows", params={"key": "a-password-of-ours", "page": "1"})
        kept = str(guard.exchanges)
    assert "a-password-of-ours" not in kept
    assert "a-token-nobody-knows-yet" not in kept
    assert "shown" in kept
    assert "page=1" in kept


@pytest.mark.usefixtures("short_pauses")
def test_a_call_without_an_answer_is_kept_as_such() -> None:
    with running_stub(fine) as stub:
        transport, guard = guarded(stub)
    with pytest.raises(Exception, match="cannot reach"):
        transport.get_json("/rows")
    assert {one.status for one in guard.exchanges} == {None}


class Dated(CallGuard):
    """Sees another date in each answer than the server's own."""

    date = ""

    def answered(self, call: Call, response: requests.Response, seconds: float) -> None:
        response.headers["Date"] = self.date
        super().answered(call, response, seconds)


def clock_seen(stub: Stub, date: str) -> float | None:
    transport, guard = make_transport(stub.url), Dated((), 1)
    guard.date = date
    transport.observer = guard
    transport.get_json("/rows")
    return guard.clock_ahead


@pytest.mark.parametrize("ahead", [0, 3600, -3600])
def test_the_clock_of_an_answer_is_compared(stub: Stub, ahead: int) -> None:
    seen = clock_seen(stub, email.utils.formatdate(time.time() + ahead, usegmt=True))
    assert seen is not None
    assert abs(seen - ahead) < 30


@pytest.mark.parametrize("date", ["", "yesterday", "2026-13-45"])
def test_a_date_that_cannot_be_read_is_none(stub: Stub, date: str) -> None:
    assert clock_seen(stub, date) is None


def test_an_examination_ends_where_its_calls_do() -> None:
    """With any number of calls it says what it has not looked at, and is no failure."""
    token = Reply(body={"access_token": "t" * 20, "expires_in": 60})
    rows = Reply(body=[{"id": 1, "name": "a", "taxCode": "01"}, {"id": 2, "name": "b"}])

    def answer(request: Request) -> Reply:
        return token if request.path.endswith("token") else rows

    for most in (1, 2, 3, 4):
        with running_stub(answer) as stub:
            block = {"client_id": "i", "client_secret": "s" * 9, "scope": "s"}
            urls = {"api_url": f"{stub.url}/api", "token_url": f"{stub.url}/connect/token"}
            config = {"pentamic": {**block, **urls}}
            report = doctor.examined(config, "pentamic", most=most)
            assert len(stub.requests) <= most
        assert len(report.exchanges) <= most
        assert {one.name for one in report.findings} >= {"whole_list", "slash"}
