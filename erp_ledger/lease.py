"""Keeps two runs from working on one account and stream at once.

A lease is held by the process itself (a file lock, or a session of PostgreSQL), so it ends with the
process, however that dies. Either can be lost while the process lives: a server ends sessions, and
somebody may delete a lock file. So an owner proves its leases (see `Fence`) inside each commit, and
before each attempt of a call is written to the wire. Who takes a lease over that was not given back
waits until no call of the owner before can be under way any more.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import logging
import pathlib
import time
import typing as t

from erp_ledger.locks import FileLocks, SessionLocks
from erp_ledger.store import LedgerError
from erp_vendors.stores import kind_of

if t.TYPE_CHECKING:
    from erp_ledger.ledger import Ledger
    from erp_ledger.locks import Locks
    from erp_vendors.http.budget import Clock

logger = logging.getLogger("erp.ledger")

_POLL_SECONDS = 0.25
_REMIND_SECONDS = 15.0
_FRESH_SECONDS = 5.0
"""A lease that was proven counts as ours for so long; after that the database is asked again."""
_MARGIN_SECONDS = 5.0
"""Beyond that and the longest call, for a vendor that is still at work when its connection ends."""
_LONGEST_WAIT = 900.0
"""Seconds that a run waits for the calls of one that was cut off; if it must be more, it fails."""
_PROOFS = 3
"""Questions to a slow database before the run gives up."""
_LOCK_NAME_BYTES = 8


class Leases:
    """The leases of one run; they are taken by one thread and proven by many."""

    def __init__(self, ledger: Ledger, locks: Locks) -> None:
        """Make a holder of leases without any.

        Args:
            ledger: The ledger, whose commits prove the leases from now on.
            locks: What the leases end with.
        """
        self._ledger = ledger
        self._locks = locks
        self._waited: dict[int, bool] = {}
        self._held: list[tuple[str, str]] = []
        self._seen: set[str] = set()
        self._proven = 0.0
        self._over = False
        ledger.guard(self._check)

    def take(self, account: str, stream: str, clock: Clock, longest: float = 0.0) -> None:
        """Take a lease, waiting for a run that holds it, and for calls of one that lost it.

        Args:
            account: The account.
            stream: The sink.
            clock: For waiting.
            longest: Seconds that an attempt of a call of this run can take.

        Raises:
            LedgerError: If it would have to wait for such calls for too long, or for a run that
                waits for this one.
            Interrupted: If the run is asked to stop meanwhile.
        """
        started = reminded = clock.now()
        marks: set[str] = set()
        self._seen.clear()
        try:
            while not self.try_to_take(account, stream, longest):
                self._check_mutual((account, stream), marks)
                if clock.now() - reminded >= _REMIND_SECONDS or clock.now() == started:
                    reminded = clock.now()
                    logger.info("%s: waiting for another run that writes to this account", stream)
                clock.sleep(_POLL_SECONDS)
        finally:
            for mark in marks:
                self._locks.unmark(mark)
        partition = self._ledger.partition(account, stream)
        self._outwait(stream, partition, clock)
        self._waited[partition] = True

    def try_to_take(self, account: str, stream: str, longest: float = 0.0) -> bool:
        """Take a lease if nobody holds it; calls of the owner before may still be under way.

        Args:
            account: See `take`.
            stream: See `take`.
            longest: See `take`.
        """
        token = self._locks.take(_name(account, stream))
        if not token:
            return False
        partition = self._ledger.partition(account, stream)
        seconds = longest + _FRESH_SECONDS + _MARGIN_SECONDS
        started = _now()
        self._ledger.fence.take_over(partition, token, round(1000 * seconds))
        if not self._waited:
            self._proven = started
        self._waited[partition] = False
        self._held.append((account, stream))
        return True

    def prove(self) -> None:
        """Make sure that all leases are still ours; it costs next to nothing if that was just done.

        Raises:
            LedgerError: If one is not, or if the run is over.
        """
        if self._over:
            msg = "the run is over and has given its leases back; it sends nothing more"
            raise LedgerError(msg)
        if not self._waited:
            return
        for _ in range(_PROOFS):
            if _now() - self._proven < _FRESH_SECONDS:
                self._locks.check()
                return
            self._ledger.fence.prove()
        msg = "the ledger (setting 'ledger') answers too slowly to tell whether this run may go on"
        raise LedgerError(msg)

    def give_back(self, *, ended: bool) -> None:
        """Give all leases back; nothing can be proven from then on.

        Args:
            ended: No call of this run is under way.

        Raises:
            LedgerError: If the store fails.
        """
        self._over = True
        self._ledger.guard(None)
        try:
            while self._waited:
                partition, waited = self._waited.popitem()
                self._ledger.fence.give_back(partition, waited=waited, ended=ended)
        finally:
            self._locks.close()

    def _check(self, cursor: t.Any) -> None:  # noqa: ANN401 - DB-API has no type
        # The time before the question counts: the answer may be long on its way.
        started = _now()
        self._locks.check()
        if cursor is not None:
            self._ledger.fence.check(cursor)
        self._proven = max(self._proven, started)

    def _check_mutual(self, wanted: tuple[str, str], marks: set[str]) -> None:
        """End this run if the one that it waits for waits for it; of the two, only one ends.

        Args:
            wanted: Account and sink that this run waits for.
            marks: What tells others that it waits, by name.

        Raises:
            LedgerError: If it has to end.
        """
        for held in self._held:
            mark = _name(*held, *wanted)
            if mark not in marks and self._locks.mark(mark):
                marks.add(mark)
            if wanted > held:
                continue  # the other one looks for that
            theirs = _name(*wanted, *held)
            if self._locks.mark(theirs):
                self._locks.unmark(theirs)
                self._seen.discard(theirs)
            elif theirs not in self._seen:
                self._seen.add(theirs)  # its wait may be just over: the next look tells
            else:
                msg = (
                    f"another run writes to {wanted[1]} and waits for {held[1]}, to which this run "
                    f"writes, while this one waits for {wanted[1]}; this run ends, so that the "
                    "other one can go on: start it again"
                )
                raise LedgerError(msg)

    def _outwait(self, stream: str, partition: int, clock: Clock) -> None:
        told = False
        while (left := self._ledger.fence.left(partition)) > 0:
            if left > _LONGEST_WAIT:
                until = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=left)
                msg = (
                    f"{stream}: another run lost its lease while it was sending records, and its "
                    f"last call may be under way until {until:%Y-%m-%d %H:%M:%S} UTC; start this "
                    "run again after that"
                )
                raise LedgerError(msg)
            if not told:
                logger.info(
                    "%s: another run lost its lease while it was sending records; waiting %.0f s "
                    "until its last call has surely ended",
                    stream,
                    left,
                )
            told = True
            clock.sleep(min(left, _REMIND_SECONDS))


@contextlib.contextmanager
def leases(
    setting: str, ledger: Ledger, ended: t.Callable[[], bool] = lambda: True
) -> t.Iterator[Leases]:
    """Open the place where leases are taken; leaving the context gives all of them back.

    Args:
        setting: The `ledger` setting.
        ledger: The open ledger.
        ended: Whether no call of this run is under way, asked when they are given back.

    Yields:
        The run's leases.

    Raises:
        ConfigError: If there is no such place.
    """
    locks: Locks
    if kind_of("ledger", setting, "postgresql") == "postgresql":
        locks = SessionLocks(setting)
    else:
        locks = FileLocks(pathlib.Path(setting).absolute())
    held = Leases(ledger, locks)
    abandoned = False
    try:
        yield held
    except GeneratorExit:
        abandoned = True  # nobody has left the context, and the ledger may be closed
        raise
    finally:
        if abandoned:
            locks.close()
        else:
            # A lock file says by itself that its owner is dead.
            held.give_back(ended=isinstance(locks, FileLocks) or ended())


def _name(*parts: str) -> str:
    """The name of a lock that stands for some texts."""
    text = "\0".join(parts).encode()
    return hashlib.blake2b(text, digest_size=_LOCK_NAME_BYTES).hexdigest()


def _now() -> float:
    """Seconds by a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
