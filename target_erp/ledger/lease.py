"""Keeps two runs from working on one account and stream at once.

A lease is held by the process itself (a file lock, or a session of PostgreSQL), so it ends with the
process, however that dies: nobody has to wait for a dead owner's time to run out.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import pathlib
import typing as t

from erp_vendors.errors import ConfigError

if t.TYPE_CHECKING:
    from erp_vendors.http.budget import Clock

logger = logging.getLogger("erp.ledger")

_POLL_SECONDS = 0.25
_REMIND_SECONDS = 15.0

Try = t.Callable[[str], bool]
"""Tries to take the lease of a name, without waiting."""


@contextlib.contextmanager
def leases(setting: str) -> t.Iterator[Try]:
    """Open the place where leases are taken; leaving the context gives all of them back.

    Args:
        setting: The `ledger` setting.

    Yields:
        A function that tries to take a lease.
    """
    with contextlib.ExitStack() as held:
        if setting.startswith(("postgresql://", "postgres://")):
            yield _in_postgres(setting, held)
        else:
            yield _in_files(pathlib.Path(setting), held)


def wait_for(take: Try, account: str, stream: str, clock: Clock) -> None:
    """Take a lease, waiting for a run that holds it.

    Args:
        take: From `leases`.
        account: The account.
        stream: The sink.
        clock: For waiting.

    Raises:
        Interrupted: If the run is asked to stop meanwhile.
    """
    name = hashlib.blake2b(f"{account}\0{stream}".encode(), digest_size=8).hexdigest()
    started = reminded = clock.now()
    while not take(name):
        if clock.now() - reminded >= _REMIND_SECONDS or clock.now() == started:
            reminded = clock.now()
            logger.info("%s: waiting for another run that writes to this account", stream)
        clock.sleep(_POLL_SECONDS)


def _in_files(ledger: pathlib.Path, held: contextlib.ExitStack) -> Try:
    def take(name: str) -> bool:
        path = ledger.with_name(f"{ledger.name}.{name}.lock")
        try:
            file = path.open("ab")
        except OSError as error:
            msg = f"cannot lock {path} (setting 'ledger'): {error}"
            raise ConfigError(msg) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        held.callback(file.close)
        return True

    return take


def _in_postgres(url: str, held: contextlib.ExitStack) -> Try:
    import psycopg  # noqa: PLC0415 - an extra; `open_ledger` has explained its absence

    session = psycopg.connect(url, autocommit=True)
    held.callback(session.close)

    def take(name: str) -> bool:
        statement = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
        row = session.execute(statement, (name,)).fetchone()
        return bool(row and row[0])

    return take
