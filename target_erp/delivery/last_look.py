"""How long ago the vendor was asked what it has, before records are written (`on_conflict`)."""

from __future__ import annotations

import contextlib
import threading
import typing as t

from erp_vendors.errors import ErpError
from target_erp.delivery.writer import OLDEST_READ

if t.TYPE_CHECKING:
    from erp_vendors.http import Transport
    from target_erp.delivery.model import Write
    from target_erp.delivery.writer import Writer


class LookTooOldError(ErpError):
    """A write was not sent, because somebody may have changed its record since the look."""


class LastLook(threading.local):
    """The look of each thread at what it writes.

    A call may wait for long before it is sent or repeated: for the vendor's limits, or as the
    vendor says (`Retry-After`). Then what was seen before is too old to be relied on.

    Attributes:
        times: Looks in this batch.
        tried: Whether an attempt of the write that is under way may have been sent.
    """

    def __init__(self) -> None:
        self.times = 0
        self.tried = False
        self._now: t.Callable[[], float] | None = None
        self._at = 0.0
        self._writes = False

    def watch(self, transport: Transport | None) -> None:
        """Have each attempt of a transport's calls checked, behind what is checked already.

        Args:
            transport: The transport; None where nothing is called.
        """
        if transport is None:
            return
        before = transport.before_send

        def check() -> None:
            if before is not None:
                before()
            self._check()

        transport.before_send = check

    def begin(self) -> None:
        """Forget the looks at an earlier batch."""
        self.times, self._now = 0, None

    def note(self, writer: Writer) -> None:
        """Note that the vendor is about to be asked.

        Args:
            writer: The sink's writer; if nothing is refused there, no look is too old.
        """
        if writer.policy.refuses_conflicts and writer.transport is not None:
            self._now = writer.transport.budget.clock.now
            self._at = self._now()
            self.times += 1

    @contextlib.contextmanager
    def writing(self) -> t.Iterator[None]:
        """Check the attempts that are made meanwhile."""
        self.tried, self._writes = False, True
        try:
            yield
        finally:
            self._writes = False

    def reopen(self, batch: t.Iterable[Write]) -> None:
        """Let records be judged once more, of which a policy may have made other bodies.

        Args:
            batch: The records.
        """
        for write in batch:
            write.unsure = write.unsure or self.tried
            if write.incoming is not None:
                write.body, write.incoming = write.incoming, None
            write.base = None

    def _check(self) -> None:
        if not self._writes or self._now is None:
            return
        if self._now() - self._at > OLDEST_READ:
            msg = "the vendor let the write wait, and what it has may have changed meanwhile"
            raise LookTooOldError(msg)
        self.tried = True
