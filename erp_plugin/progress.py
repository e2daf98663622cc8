"""Progress of long work: one live line on a terminal, otherwise a log line now and then."""

from __future__ import annotations

import collections
import logging
import os
import shutil
import stat
import sys
import threading
import time
import typing as t

if t.TYPE_CHECKING:
    from typing_extensions import Self

    from erp_vendors.http.budget import Budget

_DRAW_SECONDS = 0.25
_QUIET_SECONDS = 1.0
"""A run shows no live line before so many seconds."""
_LOG_SECONDS = 30.0
_MELTANO_SECONDS = 60.0
"""Meltano repeats each line in its own log, so there are fewer."""
_RATE_SECONDS = 5.0
"""Rates on the live line are averages over so many seconds."""
_SHOWN_SECONDS = 5.0
"""Waits for a limit are shown from so many seconds on."""
_MINUTE, _HOUR = 60, 3600


class _Sample(t.NamedTuple):
    at: float
    rows: int
    calls: dict[str, int]


class ProgressLine:
    """Shows how far a run is; reads counters that others keep.

    On a terminal there is one line on stderr, rewritten four times a second and out of the way
    when something is logged. Without one, with `TERM=dumb` or under Meltano there is a log line
    every 30 seconds (Meltano: 60), so that short runs stay quiet. Nothing goes to stdout.
    """

    def __init__(
        self,
        logger: logging.Logger,
        *,
        rows: t.Callable[[], int],
        budgets: t.Callable[[], t.Mapping[str, Budget]],
        stream: t.TextIO | None = None,
        environ: t.Mapping[str, str] | None = None,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a progress display; it shows nothing before it is entered as a context.

        Args:
            logger: Where log lines go.
            rows: Records so far.
            budgets: Budget of each vendor that is connected so far.
            stream: Where the live line goes (default: stderr).
            environ: Environment variables (default: the process's).
            clock: Monotonic time in seconds.
        """
        environ = os.environ if environ is None else environ
        self._logger = logger
        self._rows = rows
        self._budgets = budgets
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        meltano = any(name.startswith(("MELTANO_", "SINGER_SDK_LOG_CONFIG")) for name in environ)
        self._live = not meltano and environ.get("TERM") != "dumb" and _is_ours(self._stream)
        log_seconds = _MELTANO_SECONDS if meltano else _LOG_SECONDS
        self._every = _DRAW_SECONDS if self._live else log_seconds
        self._parts: list[tuple[int, int, float, t.Callable[[], int]]] = []
        self._samples: collections.deque[_Sample] = collections.deque()
        # A signal handler may log while its own thread is drawing.
        self._lock = threading.RLock()
        self._width = 0
        self._begun = 0.0
        self._wrapped: list[logging.Handler] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def add_total(self, number: int, done: t.Callable[[], int] | None = None) -> None:
        """Tell how many records are to come, so that the time left can be shown.

        Args:
            number: Records still to come.
            done: Gives a count that grows with them (default: all records of the run).
        """
        done = done or self._rows
        self._parts.append((number, done(), self._clock(), done))

    def __enter__(self) -> Self:
        """Start to show."""
        self._samples.append(self._sample())
        self._begun = self._samples[0].at
        if self._live:
            self._wrap_handlers()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to show, and leave the terminal as it was."""
        self._stopped.set()
        self._thread.join(_QUIET_SECONDS)
        with self._lock:
            self._clear()
        for handler in self._wrapped:
            del handler.emit

    def tick(self) -> None:
        """Show how far the run is, if it is time to."""
        if self._clock() - self._samples[-1].at < self._every:
            return
        sample = self._sample()
        parts, values = self._describe(self._samples[0], sample)
        self._samples.append(sample)
        while self._samples[0].at < sample.at - _RATE_SECONDS and len(self._samples) > 1:
            self._samples.popleft()
        text = ", ".join(parts)
        if not self._live:
            self._logger.info("Progress: %s", text, extra={"progress": values})
        elif sample.at - self._begun >= _QUIET_SECONDS:
            self._draw(text)

    def _run(self) -> None:
        while not self._stopped.wait(min(self._every, 1.0)):
            self.tick()

    def _sample(self) -> _Sample:
        calls = {vendor: budget.calls for vendor, budget in self._budgets().items()}
        return _Sample(self._clock(), self._rows(), calls)

    def _describe(self, old: _Sample, new: _Sample) -> tuple[list[str], dict[str, t.Any]]:
        seconds = new.at - old.at
        parts = [f"{new.rows:,} records"]
        values: dict[str, t.Any] = {"records": new.rows, "vendors": {}}
        for vendor, budget in self._budgets().items():
            calls = new.calls.get(vendor, 0)
            rate = (calls - old.calls.get(vendor, 0)) / seconds
            share, wait = budget.share, budget.delay
            values["vendors"][vendor] = {
                "calls": calls,
                "calls_per_second": round(rate, 1),
                "share_of_limit": round(share, 2),
                "waiting_seconds": round(wait),
            }
            if wait >= _SHOWN_SECONDS:
                parts.append(f"waiting {wait:.0f} s for the rate limit of {vendor}")
            else:
                parts.append(f"{vendor} {rate:.1f} calls/s ({100 * share:.0f}% of the limit)")
        left = self._left(new.at)
        if left is not None:
            values["seconds_left"] = round(left)
            parts.append(f"about {_duration(left)} left")
        return parts, values

    def _left(self, now: float) -> float | None:
        """Seconds until the slowest of the parts is done whose totals are known."""
        lefts = []
        for number, before, since, done in self._parts:
            came = done() - before
            if 0 < came < number:
                lefts.append((number - came) * (now - since) / came)
        return max(lefts, default=None)

    def _draw(self, text: str) -> None:
        # A line that is wider than the terminal would wrap, and could not be rewritten.
        columns = shutil.get_terminal_size().columns - 1
        text = text if len(text) <= columns else f"{text[: columns - 1].rstrip()}…"
        with self._lock:
            # Blanks instead of escape sequences: they mean the same to every terminal.
            self._stream.write(f"\r{text.ljust(self._width)}")
            self._stream.flush()
            self._width = len(text)

    def _clear(self) -> None:
        if self._width:
            self._stream.write(f"\r{' ' * self._width}\r")
            self._stream.flush()
            self._width = 0

    def _wrap_handlers(self) -> None:
        """Let every handler that writes to a terminal clear the line before it writes."""
        loggers = [
            logging.getLogger(),
            *map(logging.getLogger, list(logging.root.manager.loggerDict)),
        ]
        for handler in {handler for logger in loggers for handler in logger.handlers}:
            stream = getattr(handler, "stream", None)
            if stream is not None and stream.isatty():
                handler.emit = self._clearing(handler.emit)  # type: ignore[method-assign, assignment]
                self._wrapped.append(handler)

    def _clearing(
        self, emit: t.Callable[[logging.LogRecord], None]
    ) -> t.Callable[[logging.LogRecord], None]:
        def wrapped(record: logging.LogRecord) -> None:
            with self._lock:
                self._clear()
                emit(record)

        return wrapped


def _is_ours(stream: t.TextIO) -> bool:
    """Whether a stream is a terminal on which no later plugin of a pipe shows a line of its own."""
    if not stream.isatty():
        return False
    try:
        return not stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):  # stdout is none, or closed
        return True


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"
