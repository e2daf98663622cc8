"""Locks that end with their process: of files beside an SQLite ledger, or of a PostgreSQL session.

Each lease has one, and so has each wait for a lease, by which two runs find out that they wait for
each other.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import typing as t

from erp_ledger.store import LedgerError, postgres
from erp_vendors.errors import ConfigError
from erp_vendors.private import is_at, lock_file
from erp_vendors.stores import explained

if t.TYPE_CHECKING:
    import pathlib

_TOKEN_BYTES = 16


class Locks(t.Protocol):
    """Locks that end with this process."""

    def take(self, name: str) -> str:
        """Take one without waiting.

        Returns:
            What identifies it: nobody can get a lock with this token while its owner lives. Empty
            if another process has the lock.

        Raises:
            ErpError: If that cannot be told.
        """

    def mark(self, name: str) -> bool:
        """Take a lock that is no lease, without waiting.

        Returns:
            Whether this process has it now; not, if another one has it.

        Raises:
            ErpError: If that cannot be told.
        """

    def unmark(self, name: str) -> None:
        """Give such a lock back."""

    def check(self) -> None:
        """Whether the locks are still there, as far as this machine can tell.

        Raises:
            LedgerError: If one is not.
        """

    def close(self) -> None:
        """Give all leases back."""


class FileLocks:
    """Locks of files beside an SQLite ledger."""

    def __init__(self, ledger: pathlib.Path) -> None:
        """Begin without any locks, beside the file of a ledger."""
        self._ledger = ledger
        self._beside = ledger.resolve()  # as SQLite does: another run may name it by a link
        self._held: dict[pathlib.Path, int] = {}
        self._marks: dict[pathlib.Path, int] = {}
        self._file = _file_of(ledger)

    def take(self, name: str) -> str:
        """See `Locks`."""
        path = self._path(name, "lock")
        with _locking(path):
            descriptor = lock_file(path)
            if descriptor is None:
                return ""
            with contextlib.ExitStack() as undo:
                undo.callback(os.close, descriptor)
                token = os.pread(descriptor, 2 * _TOKEN_BYTES, 0).decode()
                if not token:
                    token = secrets.token_hex(_TOKEN_BYTES)
                    os.write(descriptor, token.encode())
                undo.pop_all()
        self._held[path] = descriptor
        return token

    def mark(self, name: str) -> bool:
        """See `Locks`."""
        path = self._path(name, "wait")
        with _locking(path):
            descriptor = lock_file(path)
        if descriptor is not None:
            self._marks[path] = descriptor
        return descriptor is not None

    def unmark(self, name: str) -> None:
        """See `Locks`."""
        path = self._path(name, "wait")
        with _locking(path):
            path.unlink(missing_ok=True)  # before others can lock it
        os.close(self._marks.pop(path))

    def _path(self, name: str, ending: str) -> pathlib.Path:
        return self._beside.with_name(f"{self._beside.name}.{name}.{ending}")

    def check(self) -> None:
        """See `Locks`."""
        if _file_of(self._ledger) != self._file:
            msg = (
                f"the ledger {self._ledger} was deleted or replaced, so what this run notes is "
                "lost; it ends before it sends anything more"
            )
            raise LedgerError(msg)
        for path, descriptor in list(self._held.items()):
            if not is_at(descriptor, path):
                msg = (
                    f"the lock file {path} was deleted or replaced, so another run may be under "
                    "way; this run ends before it sends anything more"
                )
                raise LedgerError(msg)

    def close(self) -> None:
        """See `Locks`."""
        for locks in (self._held, self._marks):
            while locks:
                os.close(locks.popitem()[1])


@contextlib.contextmanager
def _locking(path: pathlib.Path) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"cannot lock {path} (setting 'ledger'): {error.strerror}"
        raise ConfigError(msg) from None


def _file_of(path: pathlib.Path) -> tuple[int, int] | None:
    """Which file lies at a path: device and number; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class SessionLocks:
    """Advisory locks of a session in PostgreSQL."""

    def __init__(self, url: str) -> None:
        """Open a session of a ledger's server, without any locks."""
        self._session = postgres(url, autocommit=True)
        self._token = secrets.token_hex(_TOKEN_BYTES)

    def take(self, name: str) -> str:
        """See `Locks`."""
        return self._token if self.mark(name) else ""

    def mark(self, name: str) -> bool:
        """See `Locks`."""
        return self._asked("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)

    def unmark(self, name: str) -> None:
        """See `Locks`."""
        self._asked("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)

    def _asked(self, question: str, name: str) -> bool:
        try:
            return bool(self._session.execute(question, (name,)).fetchone()[0])
        except Exception as error:  # noqa: BLE001 - the driver is optional
            msg = f"the ledger in PostgreSQL (setting 'ledger') fails: {explained(error)}"
            raise LedgerError(msg) from None

    def check(self) -> None:
        """Do nothing: without its session a lease stays ours as long as nobody takes it."""

    def close(self) -> None:
        """See `Locks`."""
        self._session.close()
