"""The ledger: lines by account, stream and business key."""

from __future__ import annotations

import contextlib
import typing as t

from erp_ledger.aliases import Aliases
from erp_ledger.bases import Bases
from erp_ledger.field_hashes import either
from erp_ledger.intents import Intent
from erp_ledger.learned import LearnedAnswers
from erp_ledger.partitions import now, stored
from erp_ledger.record import LedgerRecord, RecordStatus
from erp_ledger.records import Records, entries_of, matching
from erp_ledger.runs import Runs
from erp_ledger.store import Change, Row, open_store
from erp_ledger.transfer import Transfer

_UPSERT_TEXT = """WITH shared (partition, status, run) AS (VALUES (?, ?, ?)),
        lines (key, digest, vendor_id, attempts, at, body, parent) AS (VALUES {{rows}})
    INSERT INTO erp_records AS old (partition, key, digest, status, vendor_id, attempts, run,
        first_at, last_at, failed_at, body, parent)
    SELECT partition, key, digest, status, NULLIF(vendor_id, ''), attempts, run, at, at,
        CASE WHEN status IN ('refused', 'waiting', 'unknown') THEN at END,
        NULLIF(body, ''), NULLIF(parent, '')
    FROM shared, lines WHERE 1 = 1
    ON CONFLICT (partition, key) DO UPDATE SET
        held = {held},
        vendor_id = CASE WHEN excluded.status = 'deleted' THEN NULL
            ELSE COALESCE(excluded.vendor_id, old.vendor_id) END,
        failed_at = CASE WHEN excluded.failed_at IS NULL AND excluded.status <> 'intent' THEN NULL
            ELSE COALESCE(old.failed_at, excluded.failed_at) END,
        digest = excluded.digest, status = excluded.status,
        attempts = old.attempts + excluded.attempts, run = excluded.run,
        last_at = excluded.last_at, body = excluded.body, parent = excluded.parent"""
_UPSERT = _UPSERT_TEXT.format(
    held="""CASE WHEN excluded.status IN ('accepted', 'deleted') THEN NULL
            WHEN old.status = 'accepted' THEN old.digest ELSE old.held END"""
)
# A call that may have been executed may have replaced the vendor's version: nobody knows which one
# the vendor holds then.
_UPSERT_UNSURE = _UPSERT_TEXT.format(
    held="""CASE WHEN old.status = 'accepted' OR old.held IS NOT NULL
            THEN erp_nothing() END"""
)
_UNSURE = frozenset({RecordStatus.INTENT, RecordStatus.UNKNOWN})
_SURE = frozenset({RecordStatus.ACCEPTED, RecordStatus.DELETED})
_ROW = "(?, ?, ?, ?, ?, ?, ?)"


class Ledger(Records, Aliases, Bases, LearnedAnswers, Runs, Transfer):
    """Records by account, stream and business key; safe to use from many threads."""

    def intend(
        self,
        account: str,
        stream: str,
        run: str,
        lines: t.Mapping[str, bytes],
        changes: t.Iterable[Change] = (),
        *,
        bases: t.Mapping[str, bytes] | None = None,
    ) -> Intent:
        """Note that records are about to be sent; it is on the disk when this returns.

        Args:
            account: Whose data it is.
            stream: Sink name.
            run: The run.
            lines: Hash of the body by business key.
            changes: What is to be noted with it.
            bases: What the base of some of them will be, by business key.

        Returns:
            The intent: `receipt` takes records out of it when their end is known, `withdraw` when
            they were not sent after all.

        Raises:
            LedgerError: If the store fails.
        """
        partition = self.partition(account, stream)
        keys = {stored(key): digest for key, digest in lines.items()}
        known = {stored(key): base for key, base in (bases or {}).items()}
        intent = Intent.new(partition, run, now(), keys, known)
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
        self.commit(intent.without(map(stored, keys)))

    def receipt(
        self,
        account: str,
        stream: str,
        entries: t.Iterable[LedgerRecord],
        intents: t.Iterable[Intent] = (),
    ) -> list[Change]:
        """The changes that write lines, for `commit`.

        Args:
            account: Whose data it is.
            stream: Sink name.
            entries: Records; each replaces the earlier line of its key, keeps a known vendor id and
                known aliases, and adds to its attempts.
            intents: What these records were sent under; they are taken out of it.
        """
        at = now()
        partition = self.partition(account, stream)
        keys = []
        names: list[tuple[str, str]] = []
        rows: dict[tuple[str, RecordStatus, str], list[Row]] = {}
        for entry in entries:
            key, digest, status, vendor_id, attempts, run, *_ = entry
            keys.append(stored(key))
            upsert = (
                _UPSERT_UNSURE
                if status in _UNSURE or (entry.unsure and status not in _SURE)
                else _UPSERT
            )
            rows.setdefault((upsert, status, run), []).append(
                (
                    keys[-1],
                    bytearray(digest),
                    vendor_id or "",
                    attempts,
                    at,
                    entry.body or "",
                    entry.parent or "",
                )
            )
            names += [(alias, key) for alias in entry.aliases]
        changes = [
            Change(upsert, _ROW, some, (partition, status.value, run))
            for (upsert, status, run), some in rows.items()
        ]
        changes += self._named(partition, names)
        for intent in intents:
            changes += intent.without(keys)
        return changes

    def write(
        self,
        account: str,
        stream: str,
        entries: t.Iterable[LedgerRecord],
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

    def forget(self, account: str = "", stream: str = "", key: str = "") -> int:
        """Let records count as changed; that the vendor has them is not forgotten.

        Args:
            account: Whose data it is; empty for all.
            stream: Sink name; empty for all.
            key: Business key as `name=value`, or the value alone; empty for all.

        Returns:
            Number of records that the vendor has and of which nobody knows the version now.

        Raises:
            LedgerError: If the store fails.
        """
        whose, named, values = matching(stream, key, account)
        there = f"(status = 'accepted' OR held IS NOT NULL) AND {whose} AND {named}"
        rows = self._store.read(
            f"SELECT COUNT(*) FROM erp_records JOIN erp_partitions USING (partition) WHERE {there}",  # noqa: S608
            values,
        )
        forgotten = f"""UPDATE erp_records SET
                digest = CASE WHEN status = 'accepted' THEN erp_nothing() ELSE digest END,
                held = CASE WHEN held IS NOT NULL THEN erp_nothing() END
            WHERE (status = 'accepted' OR held IS NOT NULL) AND partition IN
                (SELECT partition FROM erp_partitions WHERE {whose}) AND {named}"""  # noqa: S608
        self.commit([Change(forgotten, "", [values])])
        return int(rows[0][0])

    def recover(self, account: str, stream: str) -> None:
        """Turn what was under way when a run was cut off into lines with the status `intent`.

        Only for who has the lease: nobody else is sending then.

        Args:
            account: Whose data it is.
            stream: Sink name.

        Raises:
            LedgerError: If the store fails.
        """
        for intent in self.intents(account, stream):
            will = intent.bases  # before the receipt takes them out
            changes = self.receipt(account, stream, entries_of(intent), [intent])
            if will:
                # The call may have been executed: until that is known, either base is right.
                was = self.bases(account, stream, list(will))
                bases = {key: either(was.get(key, b""), base) for key, base in will.items()}
                changes += self.based(account, stream, bases)
            self.commit(changes)


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
