"""Reading the ledger's lines."""

from __future__ import annotations

import typing as t

from erp_ledger.intents import COLUMNS as INTENT_COLUMNS
from erp_ledger.intents import Intent
from erp_ledger.partitions import Partitions, iso, stored
from erp_ledger.record import Known, LedgerRecord, RecordStatus

_KNOWN = "key, status, digest, held, vendor_id, failed_at, last_at"
_COLUMNS = "key, digest, status, vendor_id, attempts, run, first_at, last_at, body, parent"


class FoundRecord(t.NamedTuple):
    """A record of the ledger with its account and sink."""

    account: str
    stream: str
    entry: LedgerRecord


class Records(Partitions):
    """Records by account, stream and business key."""

    def look(self, account: str, stream: str, key: str) -> LedgerRecord | None:
        """The line of a record, or None.

        Args:
            account: Whose data it is.
            stream: Sink name.
            key: Business key.
        """
        partition = self._partition_of(account, stream)
        rows = self._store.read(
            f"SELECT {_COLUMNS} FROM erp_records WHERE partition = ? AND key = ?",  # noqa: S608
            (partition, stored(key)),
        )
        return _entry(rows[0]) if rows else None

    def look_many(self, account: str, stream: str, keys: t.Collection[str]) -> dict[str, Known]:
        """What is known of some records; those without a line are left out.

        Args:
            account: Whose data it is.
            stream: Sink name.
            keys: Business keys, any number.
        """
        rows = self._rows_of(account, stream, "erp_records", _KNOWN, keys)
        return {key: Known(_STATUSES[status], *known) for key, (status, *known) in rows.items()}

    def accounts(self, stream: str) -> list[str]:
        """All accounts that have lines of a sink.

        Args:
            stream: Sink name.
        """
        query = "SELECT account FROM erp_partitions WHERE stream = ? ORDER BY account"
        return [account for (account,) in self._store.read(query, (stream,))]

    def unsettled(self, account: str, stream: str) -> list[LedgerRecord]:
        """Records whose outcome is not final: intents and unknown ones, oldest first.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        partition = self._partition_of(account, stream)
        rows = self._store.read(
            f"SELECT {_COLUMNS} FROM erp_records WHERE partition = ? "  # noqa: S608
            "AND status IN ('intent', 'unknown') ORDER BY last_at, key",
            (partition,),
        )
        return [_entry(row) for row in rows]

    def waiting(self, account: str) -> list[tuple[str, LedgerRecord]]:
        """Records that wait for another one: their sink and line, oldest first.

        Args:
            account: Whose data it is.
        """
        partitions = self._store.read(
            "SELECT stream, partition FROM erp_partitions WHERE account = ? ORDER BY stream",
            (account,),
        )
        return [
            (stream, _entry(row))
            for stream, partition in partitions
            for row in self._store.read(
                f"SELECT {_COLUMNS} FROM erp_records WHERE partition = ? "  # noqa: S608
                "AND parent IS NOT NULL ORDER BY last_at, key",
                (partition,),
            )
        ]

    def intents(self, account: str, stream: str) -> list[Intent]:
        """What is under way, or was when a run was cut off; oldest first.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        partition = self._partition_of(account, stream)
        rows = self._store.read(
            f"SELECT {INTENT_COLUMNS} FROM erp_intents WHERE partition = ? ORDER BY noted_at",  # noqa: S608
            (partition,),
        )
        return [Intent.of(row) for row in rows]

    def find(
        self,
        stream: str = "",
        key: str = "",
        status: RecordStatus | None = None,
        *,
        account: str = "",
    ) -> list[FoundRecord]:
        """Records by any of their parts, newest first; of what is under way, too.

        Args:
            stream: Sink name; empty for all.
            key: Business key as `name=value`, or the value alone; empty for all.
            status: What is known; None for all.
            account: Whose data it is; empty for all.
        """
        whose, named, values = matching(stream, key, account)
        marked = "1 = 1"
        if status:
            marked, values = "status = ?", (*values, status.value)
        rows = self._store.read(
            f"SELECT account, stream, {_COLUMNS} FROM erp_records "  # noqa: S608
            f"JOIN erp_partitions USING (partition) WHERE {whose} AND {named} AND {marked} "
            "ORDER BY last_at DESC, key",
            values,
        )
        found = [FoundRecord(account, name, _entry(row)) for account, name, *row in rows]
        if status not in {None, RecordStatus.INTENT}:
            return found
        under_way = self._under_way(stream, key, account)
        newer = {(line.account, line.stream, line.entry.key) for line in under_way}
        older = (line for line in found if (*line[:2], line.entry.key) not in newer)
        return [*under_way, *older]

    def _under_way(self, stream: str, key: str, account: str) -> list[FoundRecord]:
        """Records that are about to be sent, or were when a run was cut off."""
        rows = self._store.read(
            f"SELECT account, stream, {INTENT_COLUMNS} FROM erp_intents "  # noqa: S608
            "JOIN erp_partitions USING (partition) ORDER BY noted_at DESC",
            (),
        )
        wanted = stored(key)
        found = {}
        for whose, name, *row in rows:
            if stream not in {"", name} or account not in {"", whose}:
                continue
            for entry in entries_of(Intent.of(row)):
                if not key or entry.key == wanted or entry.key.endswith(f"={wanted}"):
                    before = self.look(whose, name, entry.key)
                    found[whose, name, entry.key] = FoundRecord(whose, name, _after(entry, before))
        return list(found.values())


_STATUSES = {status.value: status for status in RecordStatus}


def _entry(row: t.Sequence[t.Any]) -> LedgerRecord:
    key, digest, status, vendor_id, attempts, run, first_at, last_at, body, parent = row
    return LedgerRecord(
        key=key,
        digest=bytes(digest),
        status=RecordStatus(status),
        vendor_id=vendor_id,
        attempts=int(attempts),
        run=run,
        first_at=iso(first_at),
        last_at=iso(last_at),
        body=body,
        parent=parent,
    )


def matching(stream: str, key: str, account: str) -> tuple[str, str, tuple[t.Any, ...]]:
    """A search in the tables of partitions and of records.

    Args:
        stream: Sink name; empty for all.
        key: Business key as `name=value`, or the value alone; empty for all.
        account: Whose data it is; empty for all.

    Returns:
        A condition of the partitions, one of the records, and the values of both.
    """
    whose, named = ["1 = 1"], "1 = 1"
    values: list[t.Any] = []
    for column, value in (("stream", stream), ("account", account)):
        if value:
            whose.append(f"{column} = ?")
            values.append(value)
    if key:
        named = "(key = ? OR substr(key, length(key) - ?) = ?)"
        wanted = stored(key)
        values += [wanted, len(wanted), f"={wanted}"]
    return " AND ".join(whose), named, tuple(values)


def entries_of(intent: Intent) -> list[LedgerRecord]:
    """What was about to be sent, as lines."""
    at = iso(intent.noted_at)
    return [
        LedgerRecord(key, digest, RecordStatus.INTENT, None, 1, intent.run, at, at)
        for key, digest in intent.digests.items()
    ]


def _after(entry: LedgerRecord, before: LedgerRecord | None) -> LedgerRecord:
    """The record as it is after an earlier state of it."""
    if before is None:
        return entry
    return entry._replace(
        vendor_id=before.vendor_id,
        attempts=before.attempts + entry.attempts,
        first_at=before.first_at,
    )
