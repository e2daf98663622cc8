"""Ends answers that trickle: a read time-out starts anew with every byte that arrives."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t

_LOOK_SECONDS = 0.5


class Watched(t.Protocol):
    """A call that is under way.

    Attributes:
        sock: Its socket, once there is one.
        until: Monotonic time in seconds at which it must be over.
        expired: Set when it was ended.
    """

    sock: socket.socket | None
    until: float
    expired: bool


class Watch:
    """One thread that looks at all calls of the process twice a second."""

    def __init__(self) -> None:
        self._calls: dict[int, Watched] = {}
        self._lock = threading.Lock()
        self._running = False

    def add(self, call: Watched) -> None:
        """Watch a call of the current thread."""
        with self._lock:
            self._calls[threading.get_ident()] = call
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="answers", daemon=True).start()

    def remove(self) -> None:
        """Watch the current thread's call no longer: it is over."""
        with self._lock:
            self._calls.pop(threading.get_ident(), None)

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            with self._lock:  # so that no connection is ended that has gone to the next call
                for call in self._calls.values():
                    if call.sock is not None and time.monotonic() > call.until:
                        call.expired = True
                        # The plain socket's method: TLS's own would break a read in another thread.
                        with contextlib.suppress(OSError):  # it is closed already
                            socket.socket.shutdown(call.sock, socket.SHUT_RDWR)


watch = Watch()
