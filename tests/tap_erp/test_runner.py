"""Streams side by side: one that fails harms no other, and a stop ends them all."""

from __future__ import annotations

import contextlib
import io
import threading
import typing as t

import pytest

from erp_plugin.cli import ExitCode
from erp_vendors.errors import ErpError
from tap_erp.streams.aimsio import AimsioStream
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.tap_erp.running import aimsio, cimcloud, make_tap, run_tap, sandbox_config, selected

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox
    from tap_erp.tap import TapErp

pytestmark = pytest.mark.usefixtures("short_pauses")

JOBS, USERS, OBJECTS = "aimsio_job_orders", "aimsio_users", "aimsio_object_index"
ACCOUNTS = "cimcloud_accounts"


def empty(request: Request) -> Reply:
    """Both vendors, without any data."""
    if request.path.endswith("/authenticate"):
        return Reply(body={"token": "a-token-1"})
    return Reply(body=[])


@pytest.fixture
def stub() -> t.Iterator[Stub]:
    with running_stub(empty) as stub:
        yield stub


def tap_of(stub: Stub, *streams: str) -> TapErp:
    config = {**aimsio(stub.url), **cimcloud(stub.url)}
    return make_tap(config, catalog=selected(config, *streams))


def sync(tap: TapErp) -> None:
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        tap.sync_all()


@contextlib.contextmanager
def ended_at_last(tap: TapErp) -> t.Iterator[None]:
    """A command ends with its main thread; a test has to wait for the streams that still run."""
    before = set(threading.enumerate())
    try:
        yield
    finally:
        tap.connection.clock.stop()
        for thread in set(threading.enumerate()) - before:
            thread.join(5)


def test_vendors_are_read_side_by_side(stub: Stub) -> None:
    together = threading.Barrier(2, timeout=5)

    def script(request: Request) -> Reply:
        if request.path.endswith(("/JobOrder", "/accounts/1")):
            together.wait()  # breaks unless both are there at once
        return empty(request)

    stub.script = script
    sync(tap_of(stub, JOBS, ACCOUNTS))
    assert not together.broken


def test_the_object_index_comes_after_all_other_streams(stub: Stub) -> None:
    sync(tap_of(stub, JOBS, OBJECTS))
    paths = [path.rpartition("/")[2] for path in stub.paths]
    assert paths[0] == "JobOrder"
    assert sorted(paths).count("JobOrder") == 1


def test_a_stream_finds_its_place_in_the_state_while_nobody_writes_it(stub: Stub) -> None:
    """To make the place is to change what another stream's thread may be writing."""
    tap = tap_of(stub, JOBS, USERS)
    made = threading.Thread(target=lambda: tap.streams[JOBS].stream_state, daemon=True)
    with tap.message_writer.lock:
        made.start()
        made.join(0.1)
        assert "bookmarks" not in tap.state
    made.join(5)
    assert set(tap.state["bookmarks"]) == {JOBS}


def test_a_defect_in_one_stream_ends_that_stream_alone(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    complete = AimsioStream._complete  # noqa: SLF001

    def defective(stream: AimsioStream, record: t.Any, entry: t.Any) -> t.Any:
        if stream.name == JOBS:
            msg = "no such field"
            raise KeyError(msg)
        return complete(stream, record, entry)

    monkeypatch.setattr(AimsioStream, "_complete", defective)
    run = run_tap(sandbox_config(sandbox), JOBS, USERS, ACCOUNTS)
    assert run.code == 1
    assert run.error == "1 of 3 streams failed: aimsio_job_orders: KeyError: 'no such field'"
    assert len(run.records(USERS)) == len(run.records(ACCOUNTS)) == 30
    assert "Traceback" in caplog.text, "a defect, so its place is told"


def test_streams_that_fail_for_one_reason_share_a_line(stub: Stub) -> None:
    stub.script = lambda request: Reply(403, "off") if "/rest/" in request.path else empty(request)
    with pytest.raises(ExitCode) as caught:
        sync(tap_of(stub, JOBS, USERS, ACCOUNTS))
    assert caught.value.code == 1
    assert str(caught.value).startswith("2 of 3 streams failed: ")
    assert "cimcloud" not in str(caught.value)


def test_a_wrong_login_of_one_vendor_ends_not_the_other(stub: Stub) -> None:
    stub.script = lambda request: Reply(401) if "/rest/" in request.path else empty(request)
    with pytest.raises(ExitCode, match=r"2 of 3 streams failed: .*'aimsio' were refused"):
        sync(tap_of(stub, JOBS, USERS, ACCOUNTS))
    assert len([path for path in stub.paths if "/rest/" in path]) == 1
    assert any("/accounts/" in path for path in stub.paths)


def test_the_summary_counts_records_and_calls(
    sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run_tap(sandbox_config(sandbox), USERS, ACCOUNTS)
    assert "aimsio_users: 30 records" in caplog.text
    assert "Read 60 records of 2 streams in " in caplog.text
    summary = next(line for line in caplog.text.splitlines() if "Read 60 records" in line)
    assert "aimsio 31" in summary
    assert "cimcloud 2" in summary


def test_a_stop_ends_all_streams(stub: Stub) -> None:
    stub.script = lambda request: (
        Reply(429, headers={"Retry-After": "600"}) if "/rest/" in request.path else empty(request)
    )
    tap = tap_of(stub, JOBS, USERS)
    threading.Timer(0.2, tap.connection.clock.stop).start()
    with pytest.raises(ErpError, match="stop"):
        sync(tap)


def test_a_reader_that_is_gone_ends_the_run(sandbox: RunningSandbox) -> None:
    class Gone(io.BytesIO):
        written = 0

        def write(self, data: t.Any) -> int:
            self.written += 1
            if self.written > 5:
                raise BrokenPipeError
            return len(data)

    tap = make_tap(sandbox_config(sandbox))
    with (
        contextlib.redirect_stdout(io.TextIOWrapper(Gone(), write_through=True)),
        ended_at_last(tap),
        pytest.raises(BrokenPipeError),
    ):
        tap.sync_all()
