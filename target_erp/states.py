"""STATE messages: held back until everything that came before them is settled."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import typing as t

from erp_vendors.errors import ErpError
from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from target_erp.delivery.watermark import Watermark

_PENDING = 64
"""STATE messages that are kept at most while the records before them are open."""


class StateOutputError(ErpError):
    """STATE cannot be written to stdout."""


class States:
    """Emits the newest STATE that nothing open stands before. Safe to use from many threads."""

    def __init__(self, watermark: Watermark) -> None:
        """No STATE has come yet.

        Args:
            watermark: Says up to which number everything is settled.
        """
        self._watermark = watermark
        self._pending: list[tuple[int, bytes]] = []
        self._ready: bytes | None = None
        self._broken = False
        self._lock = threading.Lock()

    def note(self, number: int, value: t.Any) -> None:  # noqa: ANN401 - any JSON
        """Keep a STATE until what came before it is settled.

        Of many only some are kept. What is left out would have come between two of them, so the
        STATE that goes out may be an earlier one, and is never a later one.

        Args:
            number: The newest number that was given out when it came.
            value: Its value.
        """
        state = number, codec.encode(value)
        with self._lock:
            if self._pending and self._pending[-1][0] == number:
                self._pending[-1] = state
                return
            self._pending.append(state)
            if len(self._pending) > _PENDING:
                self._advance()
            if len(self._pending) > _PENDING:
                self._pending = _thinned(self._pending)

    def emit(self) -> None:
        """Write the newest STATE before which everything is settled, if there is a new one.

        Raises:
            StateOutputError: If stdout does not take it. After that nothing more is written.
        """
        with self._lock:
            self._advance()
            if self._ready is None or self._broken:
                return
            try:
                _write(self._ready)
            except (OSError, ValueError) as error:
                self._broken = True
                _discard_output()
                msg = (
                    f"STATE cannot be written to stdout: {error}; what was written to the vendor "
                    "is in the ledger, so the next run recognises it"
                )
                raise StateOutputError(msg) from None
            self._ready = None

    def _advance(self) -> None:
        """Find the newest STATE that may go out; those before it are not needed any more."""
        settled = self._watermark.settled
        passed = 0
        while passed < len(self._pending) and self._pending[passed][0] <= settled:
            self._ready = self._pending[passed][1]
            passed += 1
        del self._pending[:passed]


def _thinned(pending: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """About half of the states, evenly spaced, with the first and the last among them."""
    first, *between, last = pending
    gap = (last[0] - first[0]) / (_PENDING // 2)
    kept = [first]
    for state in between:
        if state[0] - kept[-1][0] >= gap:
            kept.append(state)
    return [*kept, last]


def _write(line: bytes) -> None:
    if sys.stdout is None:
        msg = "it is closed"
        raise ValueError(msg)
    sys.stdout.write(line.decode() + "\n")
    sys.stdout.flush()


def _discard_output() -> None:
    """Point stdout to nowhere, or the interpreter's own flush at its end fails once more."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # it is no file, or closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, sys.stdout.fileno())
        finally:
            os.close(nowhere)
