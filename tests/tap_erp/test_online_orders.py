"""Online orders are taken by being read, so nothing of them may get lost (cimcloud.md 10)."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from tests.support.stub import Reply, Request, Stub, running_stub
from tests.tap_erp.running import Message, Run, cimcloud, command, run_tap, selected, written

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]

STREAM = "cimcloud_online_orders"
CALL = "GET /sandbox-site/OnlineOrders/1"


def page(first: int, count: int) -> list[Message]:
    return [{"o_key": f"O{number:03}"} for number in range(first, first + count)]


class Played:
    """OnlineOrders that answers in turn, and with nothing after that."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.stub: Stub

    def __call__(self, request: Request) -> Reply:
        if request.path.endswith("/authenticate"):
            return Reply(body={"token": "a-token-1"})
        return self.replies.pop(0) if self.replies else Reply(body=[])

    def run(self) -> Run:
        with running_stub(self) as self.stub:
            return run_tap(cimcloud(self.stub.url, read_online_orders=True), STREAM)

    @property
    def calls(self) -> list[str]:
        return [path for path in self.stub.paths if path.startswith("GET")]


def keys(run: Run) -> list[str]:
    return [record["o_key"] for record in run.records(STREAM)]


def test_online_orders_are_offered_only_on_request(sandbox: RunningSandbox) -> None:
    run = run_tap(cimcloud(sandbox.vendor_url("cimcloud")))
    assert STREAM not in {message.get("stream") for message in run.messages}
    assert not any("OnlineOrders" in path for path in sandbox.report("cimcloud")["by_path"])


def test_all_open_orders_come_and_are_taken(sandbox: RunningSandbox) -> None:
    for row in sandbox.rows("cimcloud", "orders"):
        sandbox.change("cimcloud", "orders", row["o_key"], {"exported": 0})
    config = cimcloud(sandbox.vendor_url("cimcloud"), read_online_orders=True)
    run = run_tap(config, STREAM)
    assert run.code == 0
    assert set(keys(run)) == {row["o_key"] for row in sandbox.rows("cimcloud", "orders")}
    assert {row["exported"] for row in sandbox.rows("cimcloud", "orders")} == {1}
    assert keys(run_tap(config, STREAM)) == []


def test_always_the_first_page_until_it_is_empty() -> None:
    played = Played(Reply(body=page(0, 50)), Reply(body=page(50, 50)), Reply(body=page(100, 3)))
    run = played.run()
    assert run.code == 0
    assert keys(run) == [order["o_key"] for order in page(0, 103)]
    assert played.calls == [CALL] * 4


def test_a_page_is_on_stdout_before_the_next_call(tmp_path: pathlib.Path) -> None:
    received: list[bytes] = []
    progress: list[int] = []

    def orders() -> int:
        return sum(b'"RECORD"' in line for line in received)

    def script(request: Request) -> Reply:
        if request.path.endswith("/authenticate"):
            return Reply(body={"token": "a-token-1"})
        deadline = time.monotonic() + 5
        while orders() < 50 * len(progress) and time.monotonic() < deadline:
            time.sleep(0.005)  # what is on its way through the pipe
        progress.append(orders())
        return Reply(body=page(50 * len(progress), 50) if len(progress) <= 3 else [])

    with running_stub(script) as stub:
        config = cimcloud(stub.url, read_online_orders=True)
        process = command(
            *("--config", written(tmp_path, "config", config)),
            *("--catalog", written(tmp_path, "catalog", selected(config, STREAM))),
        )
        with process:
            assert process.stdout is not None
            reader = threading.Thread(target=received.extend, args=(process.stdout,), daemon=True)
            reader.start()
            assert process.wait(30) == 0
            reader.join(5)
    assert progress == [0, 50, 100, 150]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, "oops"),
        Reply(503, "busy"),
        Reply(cut="before"),
        Reply(body=page(50, 50), cut="half"),
        Reply(body=b'[{"o_key": "O05'),
        Reply(body={"orders": page(50, 50)}),
        Reply(body=b"<html>"),
    ],
    ids=["500", "503", "cut", "half a body", "half a text", "no list", "page"],
)
def test_a_call_that_may_have_marked_orders_is_never_repeated(reply: Reply) -> None:
    played = Played(Reply(body=page(0, 50)), reply, Reply(body=page(100, 3)))
    run = played.run()
    assert played.calls == [CALL] * 2
    assert run.code == 1
    assert keys(run) == [order["o_key"] for order in page(0, 50)], "what came stays"
    for what in ("marked as taken", "exported since 20", "UTC", "back to 0", "cimcloud_orders"):
        assert what in run.error
    assert "\n" not in run.error


@pytest.mark.parametrize(
    "reply", [Reply(429, headers={"Retry-After": "0"}), Reply(401)], ids=["429", "401"]
)
def test_a_refusal_marks_nothing_so_the_call_is_made_again(reply: Reply) -> None:
    played = Played(reply, Reply(body=page(0, 3)))
    run = played.run()
    assert run.code == 0
    assert len(keys(run)) == 3


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_needs_no_search_for_lost_orders(status: int) -> None:
    played = Played(Reply(status, "not for you"))
    run = played.run()
    assert run.code == 1
    assert "marked as taken" not in run.error
    assert played.calls == [CALL]


def test_a_server_that_was_not_reached_has_marked_nothing() -> None:
    with running_stub(lambda _: Reply()) as stub:
        url = stub.url
    run = run_tap(cimcloud(url, read_online_orders=True, auth_type="basic"), STREAM)
    assert run.code == 1
    assert "cimcloud.api_url" in run.error
    assert "marked as taken" not in run.error


def test_a_site_that_does_not_mark_is_read_once_and_reported() -> None:
    played = Played(Reply(body=page(0, 50)), Reply(body=page(0, 50)), Reply(body=page(0, 50)))
    run = played.run()
    assert keys(run) == [order["o_key"] for order in page(0, 50)]
    assert run.code == 1
    assert "does not mark them as taken" in run.error
    assert played.calls == [CALL] * 2


def test_orders_that_came_with_repeated_ones_are_not_dropped() -> None:
    """They are marked as taken now, so nobody would ever see them again."""
    played = Played(Reply(body=page(0, 50)), Reply(body=page(40, 50)))
    run = played.run()
    assert keys(run) == [order["o_key"] for order in page(0, 90)]
    assert run.code == 1
