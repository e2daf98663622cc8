"""Does something again and again, beside the thread that reads."""

from __future__ import annotations

import contextlib
import threading
import typing as t


@contextlib.contextmanager
def every(
    seconds: float, act: t.Callable[[], None], fail: t.Callable[[Exception], None]
) -> t.Iterator[None]:
    """Call something every few seconds as long as the context is open.

    Args:
        seconds: Seconds between two calls.
        act: What to call, in a thread of its own.
        fail: Told of an exception, which ends the calls.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(seconds):
            try:
                act()
            except Exception as error:  # noqa: BLE001 - raised again by the thread that reads
                fail(error)
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
