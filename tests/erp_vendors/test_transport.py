"""How far a call got decides whether it is repeated; sessions, renewals, limits and errors."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from erp_vendors.errors import (
    CallError,
    ConfigError,
    CredentialsError,
    DataError,
    MissingResourceError,
    Phase,
)
from erp_vendors.http.auth import BasicAuth, Token, TokenAuth
from erp_vendors.http.budget import Limits
from erp_vendors.http.policy import ATTEMPTS, CONNECT_ATTEMPTS
from tests.support.raw_server import whole_request
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.transport import VirtualClock, answers, make_transport

if t.TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from erp_vendors.http.call import CallOptions
    from erp_vendors.http.transport import Transport

pytestmark = pytest.mark.usefixtures("short_pauses")

OK = Reply(body={"ok": True})


class WatchedStub(Stub):
    """A stub that knows the connections, and may drop each one some seconds after an answer."""

    def __init__(
        self, script: t.Callable[[Request], Reply], *, drop_after: float | None = None
    ) -> None:
        super().__init__(script)
        self.drop_after = drop_after
        self.connections: list[int] = []

    def serve(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        self.connections.append(handler.client_address[1])
        super().serve(handler, request)
        if self.drop_after is not None:
            time.sleep(self.drop_after)
            handler.close_connection = True

    @contextlib.contextmanager
    def running(self) -> t.Iterator[WatchedStub]:
        self.start()
        try:
            yield self
        finally:
            self.stop()


class CountingAuth(TokenAuth):
    """Tokens t1, t2, ..."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched = 0

    def fetch(self, previous: Token | None) -> Token:  # noqa: ARG002
        self.fetched += 1
        return Token(f"token-number-{self.fetched}")


def call_fails(transport: Transport, method: str, **options: t.Any) -> CallError:
    with pytest.raises(CallError) as caught:
        transport.call(method, "/x", **t.cast("CallOptions", options))
    return caught.value


def test_a_thread_keeps_its_connection_alive() -> None:
    with WatchedStub(lambda _: OK).running() as stub:
        transport = make_transport(stub.url)
        for _ in range(5):
            transport.get_json("/x")
        assert len(set(stub.connections)) == 1
        together = threading.Barrier(3)

        def calls(_: int) -> None:
            together.wait(5)
            for _ in range(5):
                transport.get_json("/x")

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(calls, range(3)))
        assert len(stub.connections) == 20
        assert len(set(stub.connections)) == 4


def test_a_connection_that_the_server_closed_meanwhile_costs_no_call() -> None:
    with WatchedStub(lambda _: OK, drop_after=0).running() as stub:
        transport = make_transport(stub.url)
        for _ in range(4):
            transport.call("POST", "/x", body=b"{}", repeatable=False)
            time.sleep(0.02)
        assert len(stub.requests) == len(set(stub.connections)) == 4


def test_a_connection_that_is_closed_during_the_wait_for_a_turn_costs_no_call() -> None:
    with WatchedStub(lambda _: OK, drop_after=0.05).running() as stub:
        transport = make_transport(stub.url, limits=Limits(5, 1))
        for _ in range(3):
            transport.call("POST", "/x", body=b"{}", repeatable=False)
        assert len(stub.requests) == len(set(stub.connections)) == 3


def test_requests_as_they_go_out() -> None:
    with running_stub(lambda _: OK) as stub:
        transport = make_transport(stub.url + "/", user_agent="demo/1")
        transport.call("POST", "/a%2Fb", params={"q": "x y"}, body=b"[1]", headers={"X-Y": "z"})
        request = stub.requests[0]
        assert request.path == "/a%2Fb?q=x+y"
        assert request.body == b"[1]"
        assert request.headers["User-Agent"] == "demo/1"
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["Accept"] == "application/json"
        assert request.headers["X-Y"] == "z"


def test_decimals_come_in_exact() -> None:
    with running_stub(lambda _: Reply(body=b'{"price": 10.10}')) as stub:
        assert make_transport(stub.url).get_json("/x") == {"price": Decimal("10.10")}


def closed_port() -> socket.socket:
    """A socket that is bound, so that nobody else takes the port, but does not listen."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_refused_connection_is_not_sent(repeatable: bool) -> None:  # noqa: FBT001
    with closed_port() as taken:
        transport = make_transport(f"http://127.0.0.1:{taken.getsockname()[1]}")
        error = call_fails(transport, "POST", repeatable=repeatable)
        assert (error.phase, error.status, error.attempts) == (
            Phase.NOT_SENT,
            None,
            CONNECT_ATTEMPTS,
        )
        assert error.unreachable
        assert "demo.api_url" in str(error)
        assert "\n" not in str(error)


def test_an_unreachable_vendor_is_not_asked_again_for_every_call() -> None:
    with closed_port() as taken:
        transport = make_transport(f"http://127.0.0.1:{taken.getsockname()[1]}")
        first = call_fails(transport, "GET")
        assert call_fails(transport, "GET") is first


def test_a_call_that_was_not_sent_is_sent_later_even_if_it_is_not_repeatable() -> None:
    opened, received = threading.Event(), list[bytes]()

    class OpensLater(VirtualClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            taken.listen()
            opened.set()

    def serve_once() -> None:
        opened.wait(5)
        connection, _ = taken.accept()
        with connection:
            received.append(whole_request(connection))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with closed_port() as taken:
        taken.settimeout(5)
        server = threading.Thread(target=serve_once, daemon=True)
        server.start()
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        transport = make_transport(url, clock=OpensLater(), timeout=5)
        answer = transport.call("POST", "/x", body=b"{}", repeatable=False)
        server.join(5)
    assert answer.attempts == 2
    assert len(received) == 1


@pytest.mark.serial
@pytest.mark.parametrize(
    ("reply", "phase", "status"),
    [
        (Reply(cut="before"), Phase.SENT, None),
        (Reply(body={"a": "b" * 100}, cut="half"), Phase.SENT, None),
        (Reply(delay=0.4), Phase.SENT, None),
        (Reply(500, "down"), Phase.ANSWERED, 500),
        (Reply(503, "down"), Phase.ANSWERED, 503),
        (Reply(504, "down"), Phase.ANSWERED, 504),
        (Reply(408, "slow"), Phase.ANSWERED, 408),
    ],
    ids=["cut before", "half a body", "time-out", "500", "503", "504", "408"],
)
def test_a_call_that_may_have_been_executed(reply: Reply, phase: Phase, status: int | None) -> None:
    with running_stub(lambda _: reply) as stub:
        transport = make_transport(stub.url, timeout=0.1)
        error = call_fails(transport, "POST", body=b"{}")
        assert (error.phase, error.status, error.attempts) == (phase, status, 1)
        assert stub.paths == ["POST /x"]
        error = call_fails(transport, "POST", body=b"{}", repeatable=False)
        assert len(stub.requests) == 2
        error = call_fails(transport, "GET")
        assert (error.phase, error.status, error.attempts) == (phase, status, ATTEMPTS)
        assert len(stub.requests) == 2 + ATTEMPTS
        error = call_fails(transport, "POST", body=b"{}", repeatable=True)
        assert len(stub.requests) == 2 + 2 * ATTEMPTS
        assert error.unreachable is (status is None)


def test_a_time_out_names_the_setting() -> None:
    with running_stub(lambda _: Reply(delay=0.4)) as stub:
        error = call_fails(make_transport(stub.url, timeout=0.1), "POST")
        assert "no answer within 0.1 s (demo.timeout_seconds)" in str(error)


@pytest.mark.parametrize("reply", [Reply(503), Reply(cut="before"), Reply(body=b"{", status=200)])
def test_a_passing_fault_is_ridden_out(reply: Reply) -> None:
    with running_stub(answers(reply, reply, OK)) as stub:
        assert make_transport(stub.url).get_json("/x") == {"ok": True}
        assert len(stub.requests) == 3


@pytest.mark.parametrize("status", [400, 404, 405, 409, 422, 501])
def test_a_refusal_is_not_repeated(status: int) -> None:
    with running_stub(lambda _: Reply(status, {"message": "bad\n field"})) as stub:
        error = call_fails(make_transport(stub.url), "GET")
        assert (error.phase, error.status, error.attempts) == (Phase.ANSWERED, status, 1)
        assert f"/x: HTTP {status}: " + '{"message": "bad\\n field"}' in str(error)
        assert not error.unreachable


@pytest.mark.parametrize("status", [404, 405])
def test_a_guessed_path_may_be_missing(status: int) -> None:
    with running_stub(lambda _: Reply(status)) as stub, pytest.raises(MissingResourceError):
        make_transport(stub.url).get_json("/guess", optional=True)


def only(token: str) -> t.Callable[[Request], Reply]:
    """A script that takes one token."""
    return lambda request: OK if request.headers["Authorization"] == token else Reply(401)


def test_a_refused_token_is_renewed_once() -> None:
    auth = CountingAuth()
    with running_stub(only("Bearer token-number-2")) as stub:
        transport = make_transport(stub.url, auth)
        transport.call("POST", "/x", body=b"{}", repeatable=False)
        assert auth.fetched == 2
        assert len(stub.requests) == 2
        stub.script = lambda _: Reply(401)
        with pytest.raises(CredentialsError, match="HTTP 401, the credentials in 'demo'"):
            transport.get_json("/x")
        assert auth.fetched == 3
        assert len(stub.requests) == 4


def test_tokens_that_never_work_are_refused_and_no_login_follows() -> None:
    auth = CountingAuth()
    with running_stub(lambda _: Reply(401)) as stub:
        transport = make_transport(stub.url, auth)
        for _ in range(3):
            with pytest.raises(CredentialsError, match="HTTP 401, the credentials in 'demo'"):
                transport.get_json("/x")
        assert auth.fetched == 2, "the first one may have been ended by somebody else's login"
        assert len(stub.requests) == 4


def test_a_call_whose_login_fails_has_not_been_sent() -> None:
    class Failing(TokenAuth):
        def fetch(self, previous: Token | None) -> Token:  # noqa: ARG002
            msg = "the answer to the login is lost"
            raise CallError(msg, phase=Phase.SENT)

    with running_stub(lambda _: OK) as stub:
        transport = make_transport(stub.url, Failing())
        error = call_fails(transport, "POST", repeatable=False)
        assert (error.phase, error.status, error.may_have_run) == (Phase.NOT_SENT, None, False)
        assert stub.requests == []


def test_ten_threads_that_are_refused_at_once_share_one_new_token() -> None:
    auth = CountingAuth()
    together = threading.Barrier(10)

    def script(request: Request) -> Reply:
        if request.headers["Authorization"] == "Bearer token-number-1":
            together.wait(5)
            return Reply(401)
        return OK

    with running_stub(lambda _: OK) as stub:
        transport = make_transport(stub.url, auth)
        transport.get_json("/x")
        stub.script = script
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda _: transport.get_json("/x"), range(10)))
        assert auth.fetched == 2
        assert len(stub.requests) == 21


def test_a_wrong_password_is_tried_once_also_by_ten_threads() -> None:
    """Some vendors lock an account after a few wrong ones."""

    def call(_: int) -> None:
        with pytest.raises(CredentialsError, match="demo"):
            transport.get_json("/x")

    with running_stub(lambda _: Reply(401, delay=0.02)) as stub:
        transport = make_transport(stub.url, BasicAuth("user", "wrong-password"))
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(call, range(20)))
        assert len(stub.requests) == 1


def test_401_for_one_path_is_no_verdict_on_credentials_that_work_elsewhere() -> None:
    def script(request: Request) -> Reply:
        return Reply(401) if request.path == "/denied" else OK

    with running_stub(script) as stub:
        transport = make_transport(stub.url, BasicAuth("user", "good-password"))
        transport.get_json("/x")
        with pytest.raises(CredentialsError):
            transport.get_json("/denied")
        assert transport.get_json("/x") == {"ok": True}


def test_403_names_what_is_wrong_and_ends_nothing_else() -> None:
    with running_stub(answers(Reply(403, "API permission is off"), OK)) as stub:
        transport = make_transport(stub.url, BasicAuth("user", "good-password"))
        with pytest.raises(CredentialsError, match=r"lacks the permission.*API permission is off"):
            transport.get_json("/x")
        assert transport.get_json("/x") == {"ok": True}


def test_a_redirect_is_a_wrong_address() -> None:
    elsewhere = Reply(301, headers={"Location": "https://elsewhere.example"})
    with running_stub(lambda _: elsewhere) as stub:
        with pytest.raises(ConfigError, match=r"demo\.api_url"):
            make_transport(stub.url).get_json("/x")
        assert len(stub.requests) == 1


@pytest.mark.parametrize("url", ["not a url", "example.com", "ftp://example.com", "http://[::1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigError, match=r"demo\.api_url is not usable"):
        make_transport(url).get_json("/x")


def test_an_answer_that_is_no_json_is_shown_unless_it_looks_like_records() -> None:
    with running_stub(lambda _: Reply(body=b"<html>Please sign in</html>")) as stub:
        transport = make_transport(stub.url)
        with pytest.raises(DataError, match="not JSON: '<html>Please sign in</html>'"):
            transport.get_json("/x")
        assert len(stub.requests) == ATTEMPTS
        stub.script = lambda _: Reply(body=b' [{"name": "Ann", "phone"')
        with pytest.raises(DataError, match=r"breaks off or is malformed \(25 bytes\)") as caught:
            transport.get_json("/x", repeatable=False)
        assert "Ann" not in str(caught.value)
        assert len(stub.requests) == ATTEMPTS + 1


def test_secrets_in_answers_do_not_reach_the_error() -> None:
    def script(request: Request) -> Reply:
        return Reply(400, {"you sent": request.headers["Authorization"], "pass": "hunter2-hunter2"})

    with running_stub(script) as stub:
        transport = make_transport(stub.url, BasicAuth("user", "hunter2-hunter2"))
        error = call_fails(transport, "GET")
        assert "hunter2" not in f"{error} {error.body}"
        assert "dXNlcjpodW50ZXIy" not in f"{error} {error.body}"
        assert error.body.count("*****") == 2
