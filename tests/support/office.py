"""A vendor's table in memory whose records have an id and a tax code, and runs against it."""

from __future__ import annotations

import threading
import typing as t

from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.delivery.model import Reference
from target_erp.writers.keys import key_of
from tests.support.plugins import Message, TargetRun, record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

THINGS = "pentamic_things"
WRONG, POISON, ORPHAN = "wrong", "poison", "orphan"
"""Names with which a record does not fit the write schema, is refused by the vendor, or waits."""


class Office(Writer):
    """Finds a record by its id, or else by its tax code; the one with T7 gets the id 7."""

    stream = THINGS
    vendor = "pentamic"
    account = "acc"
    keys = ("id", "tax")
    deletable = True

    def __init__(self, *, tells_ids: bool = True) -> None:
        self.tells_ids = tells_ids
        self.rows: dict[str, Message] = {}
        self.deleted: list[str] = []
        self.calls = 0
        self.lock = threading.Lock()

    def prepare(self, record: Message) -> Prepared:
        if record.get("name") == WRONG:
            msg = "it does not fit the write schema"
            raise RefusedError(msg)
        parents = (Reference("pentamic_parents", ("id=none",), "parent"),)
        return Prepared(
            key_of(record, self.keys), record, parents if record.get("name") == ORPHAN else ()
        )

    def send(self, writes: list[Write]) -> None:
        (write,) = writes
        with self.lock:
            self.calls += 1
            if write.body.get("name") == POISON:
                msg = "the vendor refuses it"
                raise RefusedError(msg, status=400)
            found = self._find(write)
            key = dict(write.key)
            number = found or key.get("id") or key.get("tax", f"T-new-{self.calls}")[1:]
            kept = {name: str(value) for name, value in write.key}
            self.rows[number] = {**self.rows.get(number, {}), **write.body, **kept}
            if self.tells_ids:
                write.vendor_id = number

    def delete(self, write: Write) -> None:
        with self.lock:
            self.calls += 1
            found = self._find(write)
            if found:
                self.deleted.append(found)
                del self.rows[found]

    def current(self, write: Write) -> Message | None:
        self.calls += 1
        return self.rows.get(self._find(write) or "")

    def _find(self, write: Write) -> str | None:
        key = dict(write.key)
        number = key.get("id") or write.vendor_id
        if number in self.rows:
            return number
        tax = key.get("tax", "").casefold()
        same = (n for n, row in self.rows.items() if tax and row.get("tax", "").casefold() == tax)
        return next(same, None)


class Site:
    """Runs the target against an office, with one ledger.

    Attributes:
        office: The vendor.
        folder: Where ledger and dead letters are.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.office = Office()

    def config(self, **more: t.Any) -> Message:
        """The target's configuration."""
        base: Message = {
            "pentamic": {"client_id": "c", "client_secret": "office-secret-1", "scope": "s"},
            "ledger": str(self.folder / "ledger.sqlite"),
            "dead_letters": str(self.folder / "dead"),
            "report_file": "none",
            "deletes": [THINGS],
            "guards": {"max_deletes": 10},
        }
        return {**base, **more}

    def run(self, *messages: Message | str, **config: t.Any) -> TargetRun:
        """One run; the SCHEMA of the table comes first."""
        return run_target(self.config(**config), [described(THINGS), *messages])


def described(stream: str) -> Message:
    """The SCHEMA message of such a table."""
    return schema(stream, (), id={}, tax={}, name={"type": "string"})


def thing(
    number: t.Any = None, name: str = "a name", stream: str = THINGS, **more: t.Any
) -> Message:
    """A RECORD message; without a number it has no id."""
    fields = {"name": name, **more} if number is None else {"id": number, "name": name, **more}
    return {**record(stream, **fields), "version": 1}


def activate(stream: str = THINGS, version: int = 1) -> Message:
    """An ACTIVATE_VERSION message."""
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def tombstone(number: int) -> Message:
    """A record that its source has deleted."""
    return record(THINGS, id=number, _sdc_deleted_at="2026-01-01T00:00:00Z")
