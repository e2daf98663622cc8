"""Progress on a terminal that is none, with a clock that is turned by hand."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
import typing as t

import pytest
from singer_sdk.logging import StructuredFormatter

from erp_plugin.progress import ProgressLine
from erp_vendors.http.budget import Budget, Limits
from tests.support.transport import VirtualClock
from tests.support.waiting import wait_until

BY_ITSELF = ProgressLine._run  # noqa: SLF001 - its thread, which most tests turn by hand


class Tty(io.StringIO):
    """A terminal of one line, as far as carriage returns and blanks go."""

    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        """What a person sees: finished lines, and the one with the cursor."""
        seen = []
        for line in self.getvalue().split("\n"):
            shown = ""
            for text in line.split("\r"):
                shown = text + shown[len(text) :]
            seen.append(shown.rstrip())
        return seen


class Run:
    """A run of eight calls per second, half of what is permitted, and five records per call."""

    def __init__(self, stream: t.TextIO | None = None, **environ: str) -> None:
        self.clock = VirtualClock()
        self.rows = 0
        self.budgets = {"demo": Budget("demo", Limits(16, 5), self.clock)}
        self.logger = logging.getLogger("test.progress")
        self.stream = Tty() if stream is None else stream
        self.progress = ProgressLine(
            self.logger,
            rows=lambda: self.rows,
            budgets=lambda: self.budgets,
            stream=self.stream,
            environ=environ,
            clock=self.clock.now,
        )

    def goes_on(self, seconds: float) -> None:
        for _ in range(round(seconds * 8)):
            with self.budgets["demo"].call():
                self.budgets["demo"].pace()
            self.rows += 5
            self.clock.sleep(0.125)
            self.progress.tick()


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    del capsys  # a stdout that has no file number, whatever pytest's own is
    monkeypatch.setattr(ProgressLine, "_run", lambda _: None)
    monkeypatch.setenv("COLUMNS", "200")


def test_a_terminal_has_one_line_that_is_rewritten(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run()
    with run.progress:
        run.goes_on(20)
        assert run.stream.lines == ["800 records, demo 8.0 calls/s (50% of the limit)"]
        assert 70 <= run.stream.getvalue().count("\r") <= 80, "about four times a second"
        assert "\x1b" not in run.stream.getvalue()
    assert run.stream.lines == [""], "the terminal is left as it was"
    assert capsys.readouterr().out == ""


def test_a_short_run_shows_nothing() -> None:
    run = Run()
    with run.progress:
        run.goes_on(0.9)
    assert run.stream.getvalue() == ""


def test_the_time_left_is_told_where_the_total_is_known() -> None:
    run = Run()
    with run.progress:
        run.goes_on(2)
        run.progress.add_total(6000)
        run.goes_on(20)
        assert run.stream.lines[0].endswith("of the limit), about 2 min 10 s left")
        run.progress.add_total(80_000, lambda: run.rows // 5)
        run.goes_on(10)
        assert run.stream.lines[0].endswith("about 2 h 46 min left"), "that of the slowest part"


def test_a_total_that_is_reached_or_not_begun_tells_nothing() -> None:
    run = Run()
    with run.progress:
        run.progress.add_total(50)
        run.progress.add_total(50, lambda: 0)
        run.progress.add_total(0)
        run.goes_on(5)
        assert run.stream.lines[0].endswith("of the limit)")


def test_a_wait_for_the_limit_counts_down() -> None:
    run = Run()
    with run.progress:
        run.goes_on(2)
        for hold, shown in ((4.9, "calls/s"), (42, "waiting 42 s for the rate limit of demo")):
            run.budgets["demo"].hold(hold + 0.3, "the vendor said so")
            run.clock.sleep(0.3)
            run.progress.tick()
            assert shown in run.stream.lines[0]


def test_a_log_line_takes_the_place_of_the_live_one() -> None:
    run = Run()
    handler = logging.StreamHandler(run.stream)
    run.logger.addHandler(handler)
    try:
        with run.progress:
            run.goes_on(3)
            run.logger.warning("short")
            assert run.stream.lines == ["short", ""]
            run.goes_on(1)
            assert run.stream.lines[0] == "short"
            assert run.stream.lines[1].startswith("160 records")
        run.logger.warning("after")
        assert run.stream.lines == ["short", "after", ""]
        assert "emit" not in vars(handler), "the handler is as it was"
    finally:
        run.logger.removeHandler(handler)


def test_a_narrow_terminal_is_not_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    run = Run()
    with run.progress:
        run.goes_on(3)
        assert run.stream.lines == ["120 records, demo…"]


@pytest.mark.parametrize(
    ("stream", "environ", "seconds"),
    [
        (io.StringIO, {}, 30),
        (Tty, {"TERM": "dumb"}, 30),
        (Tty, {"MELTANO_PROJECT_ROOT": "/x"}, 60),
        (io.StringIO, {"SINGER_SDK_LOG_CONFIG": "/x"}, 60),
    ],
    ids=["no terminal", "dumb terminal", "meltano", "meltano's log configuration"],
)
def test_otherwise_there_is_a_log_line_now_and_then(
    stream: type[io.StringIO],
    environ: dict[str, str],
    seconds: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    run = Run(stream(), **environ)
    with run.progress:
        run.goes_on(seconds - 1)
        assert caplog.messages == []
        run.goes_on(2 * seconds)
    rows = [seconds * 40, 2 * seconds * 40]
    assert caplog.messages == [
        f"Progress: {number:,} records, demo 8.0 calls/s (50% of the limit)" for number in rows
    ]
    assert run.stream.getvalue() == ""


def test_a_log_line_is_structured(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run = Run(io.StringIO())
    with run.progress:
        run.progress.add_total(2400)
        run.goes_on(30.5)
    (record,) = caplog.records
    logged = json.loads(StructuredFormatter().format(record))
    assert logged["extra"]["progress"] == {
        "records": 1200,
        "seconds_left": 30,
        "vendors": {
            "demo": {
                "calls": 240,
                "calls_per_second": 8.0,
                "share_of_limit": 0.5,
                "waiting_seconds": 0,
            }
        },
    }


def test_in_a_pipe_the_last_one_has_the_line(caplog: pytest.LogCaptureFixture) -> None:
    """`tap-erp | target-erp`: two live lines on one terminal would overwrite each other."""
    caplog.set_level("INFO")
    reads, writes = os.pipe()
    with (
        open(reads),  # noqa: PTH123 - a file number
        open(writes, "w") as pipe,  # noqa: PTH123
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdout", pipe)
        run = Run()
    with run.progress:
        run.goes_on(31)
    assert run.stream.getvalue() == ""
    assert len(caplog.messages) == 1


def test_vendors_stand_side_by_side_and_may_come_later() -> None:
    run = Run()
    with run.progress:
        run.goes_on(2)
        run.budgets["other"] = Budget("other", Limits(1, 1), run.clock)
        run.goes_on(2)
        assert run.stream.lines[0].endswith(
            "demo 8.0 calls/s (50% of the limit), other 0.0 calls/s (0% of the limit)"
        )


@pytest.mark.slow
def test_the_progress_line_runs_by_itself_and_ends_with_its_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ProgressLine, "_run", BY_ITSELF)
    before = threading.enumerate()
    stream = Tty()
    run = Run(stream)
    progress = ProgressLine(
        run.logger, rows=lambda: 7, budgets=dict, stream=stream, environ={"NO_COLOR": "1"}
    )
    with progress:
        wait_until(lambda: "7 records" in stream.getvalue())
        assert stream.lines == ["7 records"]
    # Threads of other tests may end meanwhile; no new one may be left.
    assert set(threading.enumerate()) - set(before) == set()
    assert stream.lines == [""]
