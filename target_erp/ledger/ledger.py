"""The ledger: lines by account, stream and business key."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import typing as t

from target_erp.ledger.entry import Entry, Known, Mark
from target_erp.ledger.groups import GroupCommit
from target_erp.ledger.intents import COLUMNS as INTENT_COLUMNS
from target_erp.ledger.intents import Intent
from target_erp.ledger.store import Change, Row, Store, open_store

_COLUMNS = "key, digest, mark, vendor_id, attempts, run, first_at, last_at, body, parent"
_UPSERT = """WITH shared (place, mark, run) AS (VALUES (?, ?, ?)),
        lines (key, digest, vendor_id, attempts, at, body, parent) AS (VALUES {rows})
    INSERT INTO erp_records AS old (place, key, digest, mark, vendor_id, attempts, run,
        first_at, last_at, failed_at, body, parent)
    SELECT place, key, digest, mark, NULLIF(vendor_id, ''), attempts, run, at, at,
        CASE WHEN mark IN ('refused', 'waiting', 'unknown') THEN at END,
        NULLIF(body, ''), NULLIF(parent, '')
    FROM shared, lines WHERE 1 = 1
    ON CONFLICT (place, key) DO UPDATE SET
        held = CASE WHEN excluded.mark IN ('accepted', 'deleted') THEN NULL
            WHEN old.mark = 'accepted' THEN old.digest ELSE old.held END,
        vendor_id = CASE WHEN excluded.mark = 'deleted' THEN NULL
            ELSE COALESCE(excluded.vendor_id, old.vendor_id) END,
        failed_at = CASE WHEN excluded.failed_at IS NULL AND excluded.mark <> 'intent' THEN NULL
            ELSE COALESCE(old.failed_at, excluded.failed_at) END,
        digest = excluded.digest, mark = excluded.mark,
        attempts = old.attempts + excluded.attempts, run = excluded.run,
        last_at = excluded.last_at, body = excluded.body, parent = excluded.parent"""
_NEW_PLACE = """INSERT INTO erp_places (place, account, stream)
    SELECT COALESCE(MAX(place), 0) + 1, ?, ? FROM erp_places WHERE 1 = 1 ON CONFLICT DO NOTHING"""
_ROW = "(?, ?, ?, ?, ?, ?, ?)"


class Run(t.NamedTuple):
    """A run of the target.

    Attributes:
        run: Its id.
        started_at: UTC time (ISO 8601).
        ended_at: UTC time, or None while it runs or if it was killed.
        report: Its report as JSON text, or None.
    """

    run: str
    started_at: str
    ended_at: str | None
    report: str | None


class Found(t.NamedTuple):
    """A line, and where it belongs."""

    account: str
    stream: str
    entry: Entry


class Ledger:
    """Lines by account, stream and business key; safe to use from many threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._places: dict[tuple[str, str], int] = {}
        self._places_lock = threading.Lock()
        self._commits = GroupCommit(store)

    def look(self, account: str, stream: str, key: str) -> Entry | None:
        """The line of a record, or None.

        Args:
            account: Whose data it is.
            stream: Sink name.
            key: Business key.
        """
        place = self._place(account, stream, make=False)
        rows = self._store.read(
            f"SELECT {_COLUMNS} FROM erp_records WHERE place = ? AND key = ?",  # noqa: S608
            (place, _stored(key)),
        )
        return _entry(rows[0]) if rows else None

    def look_many(self, account: str, stream: str, keys: t.Collection[str]) -> dict[str, Known]:
        """What is known of some records; those without a line are left out.

        Args:
            account: Whose data it is.
            stream: Sink name.
            keys: Business keys, at most 1,000.
        """
        place = self._place(account, stream, make=False)
        if place is None or not keys:
            return {}
        wanted = {_stored(key): key for key in keys}
        condition, values = self._store.among("key", list(wanted))
        rows = self._store.read(
            "SELECT key, mark, digest, held, vendor_id, failed_at, last_at FROM erp_records "  # noqa: S608
            f"WHERE place = ? AND {condition}",
            (place, *values),
        )
        return {
            wanted[key]: Known(_MARKS[mark], digest, held, vendor_id, failed_at, last_at)
            for key, mark, digest, held, vendor_id, failed_at, last_at in rows
        }

    def unsettled(self, account: str, stream: str) -> list[Entry]:
        """Lines whose outcome is not final: intents and unknown ones, oldest first.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        place = self._place(account, stream, make=False)
        rows = self._store.read(
            f"SELECT {_COLUMNS} FROM erp_records WHERE place = ? "  # noqa: S608
            "AND mark IN ('intent', 'unknown') ORDER BY last_at, key",
            (place,),
        )
        return [_entry(row) for row in rows]

    def waiting(self, account: str) -> list[tuple[str, Entry]]:
        """Records that wait for another one: their sink and line, oldest first.

        Args:
            account: Whose data it is.
        """
        places = self._store.read(
            "SELECT stream, place FROM erp_places WHERE account = ? ORDER BY stream", (account,)
        )
        return [
            (stream, _entry(row))
            for stream, place in places
            for row in self._store.read(
                f"SELECT {_COLUMNS} FROM erp_records WHERE place = ? "  # noqa: S608
                "AND parent IS NOT NULL ORDER BY last_at, key",
                (place,),
            )
        ]

    def held_keys(self, account: str, stream: str) -> list[tuple[str, str | None]]:
        """Business key and vendor id of all records that the vendor has from us, by key.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        place = self._place(account, stream, make=False)
        rows = self._store.read(
            "SELECT key, vendor_id FROM erp_records WHERE place = ? "
            "AND (mark = 'accepted' OR held IS NOT NULL) ORDER BY key",
            (place,),
        )
        return [(key, vendor_id) for key, vendor_id in rows]

    def names_of(
        self, account: str, stream: str
    ) -> t.Iterator[tuple[str, tuple[str, ...], str | None]]:
        """Business key, other names and vendor id of all records that the vendor has from us.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        for key, vendor_id in self.held_keys(account, stream):
            yield key, (), vendor_id

    def intend(
        self,
        account: str,
        stream: str,
        run: str,
        lines: t.Mapping[str, bytes],
        changes: t.Iterable[Change] = (),
    ) -> Intent:
        """Note that records are about to be sent; it is on the disk when this returns.

        Args:
            account: Whose data it is.
            stream: Sink name.
            run: The run.
            lines: Hash of the body by business key.
            changes: What is to be noted with it.

        Returns:
            What `receipt` ends record by record, and `withdraw` as if it had never been.

        Raises:
            LedgerError: If the store fails.
        """
        place = t.cast("int", self._place(account, stream, make=True))
        keys = {_stored(key): digest for key, digest in lines.items()}
        intent = Intent.new(place, run, _now(), keys)
        self.commit([*changes, intent.noted])
        return intent

    def withdraw(self, intent: Intent, keys: t.Iterable[str]) -> None:
        """Forget that records were about to be sent, because they were not.

        Args:
            intent: The intent.
            keys: Business keys.

        Raises:
            LedgerError: If the store fails.
        """
        self.commit(intent.without(map(_stored, keys)))

    def receipt(
        self,
        account: str,
        stream: str,
        entries: t.Iterable[Entry],
        intents: t.Iterable[Intent] = (),
    ) -> list[Change]:
        """What to change so that the ledger has some lines.

        Args:
            account: Whose data it is.
            stream: Sink name.
            entries: Lines; each replaces the earlier line of its key, keeps a known vendor id, and
                adds to its attempts.
            intents: What these records were sent under; they are taken out of it.
        """
        now = _now()
        place = self._place(account, stream, make=True)
        keys = []
        rows: dict[tuple[Mark, str], list[Row]] = {}
        for key, digest, mark, vendor_id, attempts, run, _, _, body, parent in entries:
            keys.append(_stored(key))
            rows.setdefault((mark, run), []).append(
                (
                    keys[-1],
                    bytearray(digest),
                    vendor_id or "",
                    attempts,
                    now,
                    body or "",
                    parent or "",
                )
            )
        changes = [
            Change(_UPSERT, _ROW, some, (place, mark.value, run))
            for (mark, run), some in rows.items()
        ]
        for intent in intents:
            changes += intent.without(keys)
        return changes

    def commit(self, changes: t.Sequence[Change]) -> None:
        """Make changes; they are on the disk when this returns.

        What several threads change at once is one transaction.

        Args:
            changes: What other methods gave.

        Raises:
            LedgerError: If the store fails.
        """
        if changes:
            self._commits.write(changes)

    def write(
        self,
        account: str,
        stream: str,
        entries: t.Iterable[Entry],
        intents: t.Iterable[Intent] = (),
    ) -> None:
        """Write lines; they are on the disk when this returns.

        Args:
            account: See `receipt`.
            stream: See `receipt`.
            entries: See `receipt`.
            intents: See `receipt`.

        Raises:
            LedgerError: If the store fails.
        """
        self.commit(self.receipt(account, stream, entries, intents))

    def recover(self, account: str, stream: str) -> None:
        """Turn what was under way when a run was cut off into lines with the mark `intent`.

        Only for who has the lease: nobody else is sending then.

        Args:
            account: Whose data it is.
            stream: Sink name.

        Raises:
            LedgerError: If the store fails.
        """
        for intent in self.intents(account, stream):
            self.write(account, stream, _entries_of(intent), [intent])

    def intents(self, account: str, stream: str) -> list[Intent]:
        """What is under way, or was when a run was cut off; oldest first.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        place = self._place(account, stream, make=False)
        rows = self._store.read(
            f"SELECT {INTENT_COLUMNS} FROM erp_intents WHERE place = ? ORDER BY noted_at",  # noqa: S608
            (place,),
        )
        return [Intent.of(row) for row in rows]

    def begin_run(self, run: str) -> None:
        """Note that a run has started.

        Args:
            run: Its id.
        """
        begun = "INSERT INTO erp_runs (run, started_at) VALUES (?, ?)"
        self._store.apply([Change(begun, "", [(run, iso(_now()))])])

    def end_run(self, run: str, report: str) -> None:
        """Note that a run has ended.

        Args:
            run: Its id.
            report: Its report as JSON text.
        """
        ended = "UPDATE erp_runs SET ended_at = ?, report = ? WHERE run = ?"
        self._store.apply([Change(ended, "", [(iso(_now()), report, run)])])

    def runs(self, limit: int) -> list[Run]:
        """The newest runs, newest first.

        Args:
            limit: How many at most.
        """
        rows = self._store.read(
            "SELECT run, started_at, ended_at, report FROM erp_runs ORDER BY run DESC LIMIT ?",
            (limit,),
        )
        return [Run(*row) for row in rows]

    def find(
        self, stream: str = "", key: str = "", mark: Mark | None = None, *, account: str = ""
    ) -> list[Found]:
        """Lines by any of their parts, newest first; of what is under way, too.

        Args:
            stream: Sink name; empty for all.
            key: Business key as `name=value`, or the value alone; empty for all.
            mark: What is known; None for all.
            account: Whose data it is; empty for all.
        """
        conditions, values = ["1 = 1"], []
        for column, value in (("stream", stream), ("account", account)):
            if value:
                conditions.append(f"{column} = ?")
                values.append(value)
        if key:
            conditions.append("(key = ? OR substr(key, length(key) - ?) = ?)")
            stored = _stored(key)
            values += [stored, t.cast("t.Any", len(stored)), f"={stored}"]
        if mark:
            conditions.append("mark = ?")
            values.append(mark.value)
        rows = self._store.read(
            f"SELECT account, stream, {_COLUMNS} FROM erp_records JOIN erp_places USING (place) "  # noqa: S608
            f"WHERE {' AND '.join(conditions)} ORDER BY last_at DESC, key",
            tuple(values),
        )
        found = [Found(account, name, _entry(row)) for account, name, *row in rows]
        if mark not in {None, Mark.INTENT}:
            return found
        under_way = self._under_way(stream, key, account)
        newer = {(line.account, line.stream, line.entry.key) for line in under_way}
        older = (line for line in found if (*line[:2], line.entry.key) not in newer)
        return [*under_way, *older]

    def _under_way(self, stream: str, key: str, account: str) -> list[Found]:
        """Records that are about to be sent, or were when a run was cut off."""
        rows = self._store.read(
            f"SELECT account, stream, {INTENT_COLUMNS} FROM erp_intents "  # noqa: S608
            "JOIN erp_places USING (place) ORDER BY noted_at DESC",
            (),
        )
        stored = _stored(key)
        found = {}
        for whose, name, *row in rows:
            if stream not in {"", name} or account not in {"", whose}:
                continue
            for entry in _entries_of(Intent.of(row)):
                if not key or entry.key == stored or entry.key.endswith(f"={stored}"):
                    before = self.look(whose, name, entry.key)
                    found[whose, name, entry.key] = Found(whose, name, _after(entry, before))
        return list(found.values())

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _place(self, account: str, stream: str, *, make: bool) -> int | None:
        """The number that stands for an account and a stream."""
        with self._places_lock:
            while (account, stream) not in self._places:
                rows = self._store.read(
                    "SELECT place FROM erp_places WHERE account = ? AND stream = ?",
                    (account, stream),
                )
                if rows:
                    self._places[account, stream] = int(rows[0][0])
                elif not make:
                    return None
                else:
                    # Another run may take the same number at the same time: then look again.
                    self._store.apply([Change(_NEW_PLACE, "", [(account, stream)])])
            return self._places[account, stream]


def open_ledger(setting: str) -> Ledger:
    """Open, and where needed make, the ledger of a setting.

    Args:
        setting: Path of an SQLite file, or a `postgresql://` URL.

    Raises:
        ConfigError: If it cannot be opened.
    """
    with contextlib.ExitStack() as undo:
        store = undo.enter_context(contextlib.closing(open_store(setting)))
        ledger = Ledger(store)
        undo.pop_all()
        return ledger


def iso(millis: int) -> str:
    """UTC time in ISO 8601.

    Args:
        millis: Epoch milliseconds.
    """
    moment = dt.datetime.fromtimestamp(millis / 1000, dt.timezone.utc)
    return moment.isoformat(timespec="milliseconds")


_MARKS = {mark.value: mark for mark in Mark}


def _entry(row: t.Sequence[t.Any]) -> Entry:
    key, digest, mark, vendor_id, attempts, run, first_at, last_at, body, parent = row
    return Entry(
        key=key,
        digest=bytes(digest),
        mark=Mark(mark),
        vendor_id=vendor_id,
        attempts=int(attempts),
        run=run,
        first_at=iso(first_at),
        last_at=iso(last_at),
        body=body,
        parent=parent,
    )


def _entries_of(intent: Intent) -> list[Entry]:
    at = iso(intent.noted_at)
    return [
        Entry(key, bytes.fromhex(digest), Mark.INTENT, None, 1, intent.run, at, at)
        for key, digest in intent.lines.items()
    ]


def _after(entry: Entry, before: Entry | None) -> Entry:
    """A line as it stands when it follows another one."""
    if before is None:
        return entry
    return entry._replace(
        vendor_id=before.vendor_id,
        attempts=before.attempts + entry.attempts,
        first_at=before.first_at,
    )


def _stored(key: str) -> str:
    # PostgreSQL has no text with a zero in it.
    return key.replace("\0", "\\0") if "\0" in key else key


def _now() -> int:
    return int(dt.datetime.now(dt.timezone.utc).timestamp() * 1000)
