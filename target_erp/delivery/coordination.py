"""What threads of one run wait for, and why the run cannot go on."""

from __future__ import annotations

import threading
import typing as t

from erp_vendors.errors import Interrupted


class Coordination:
    """A lock, a condition that one thread waits for, and the failure that ends all waiting.

    Attributes:
        lock: Guards what the threads share.
        failure: Why the run cannot go on, or None.
    """

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.failure: Exception | None = None
        self._awaited: t.Callable[[], object] | None = None

    def wait(self, until: t.Callable[[], object]) -> None:
        """Wait with the lock held; only the thread that submits does so.

        Args:
            until: What is waited for; asked under the lock, whenever `changed` is called.

        Raises:
            Exception: The failure, if there is one.
        """
        self.wait_even_so(lambda: self.failure is not None or until())
        self.check()

    def wait_even_so(self, until: t.Callable[[], object], seconds: float | None = None) -> None:
        """Wait with the lock held, also after a failure.

        Args:
            until: See `wait`.
            seconds: How long to wait at most.
        """
        self._awaited = until
        try:
            self.lock.wait_for(until, seconds)
        finally:
            self._awaited = None

    @property
    def stopped(self) -> bool:
        """Whether nothing more may be sent."""
        return self.failure is not None

    def changed(self) -> None:
        """Wake the thread that waits, if what it waits for has come; with the lock held."""
        if self._awaited is not None and self._awaited():
            self.lock.notify_all()

    def check(self) -> None:
        """Raise the failure, if there is one."""
        if self.failure is not None:
            raise self.failure

    def fail(self, error: Exception) -> None:
        """End the run.

        Args:
            error: Why it cannot go on; the first one counts, unless it is an interruption.
        """
        with self.lock:
            if self.failure is None or isinstance(self.failure, Interrupted):
                self.failure = error
            self.changed()
