"""Moves a ledger's lines to another place, line by line compared."""

from __future__ import annotations

import hashlib
import typing as t

from erp_ledger.partitions import Partitions
from erp_ledger.store import Change, LedgerError, Row

_PAGE = 500
"""Rows that are read, compared and written together."""
_FENCED_OFF = """CREATE TRIGGER IF NOT EXISTS erp_moved BEFORE INSERT ON erp_leases
    WHEN (SELECT version FROM erp_ledger) < 0
    BEGIN SELECT RAISE(ABORT, 'it was moved by erp ledger move; set the place it was moved to');
    END"""
_RETIRED = """UPDATE erp_ledger SET version = -version
    WHERE version > 0 AND (SELECT COUNT(*) FROM erp_partitions) = ?"""
_VERSION = "SELECT version FROM erp_ledger"


class LedgerTable(t.NamedTuple):
    """A table whose rows are moved.

    Attributes:
        name: Its name.
        columns: Its columns without the partition; the first one tells rows of a partition apart.
        first: What is less than any value of that column.
        partitioned: Its rows belong to partitions.
    """

    name: str
    columns: tuple[str, ...]
    first: str | int = ""
    partitioned: bool = True


TABLES = (
    # First: hashes of fields mean nothing under another key, so ledgers with two keys are not one.
    LedgerTable("erp_base_key", ("number", "secret"), first=-1, partitioned=False),
    LedgerTable("erp_bases", ("key", "base")),
    LedgerTable(
        "erp_records",
        (
            *("key", "status", "digest", "held", "vendor_id", "attempts", "run", "first_at"),
            *("last_at", "failed_at", "parent", "body"),
        ),
        first="",
    ),
    LedgerTable("erp_intents", ("intent", "run", "noted_at", "lines"), first=-1),
    LedgerTable("erp_aliases", ("alias", "key")),
    LedgerTable("erp_answers", ("shape", "run", "noted_at")),
    LedgerTable("erp_failing", ("key", "runs", "run")),
    LedgerTable("erp_runs", ("run", "started_at", "ended_at", "report"), partitioned=False),
)
"""All but the leases, which belong to processes, and the partitions, whose numbers differ."""


class Transfer(Partitions):
    """Reads and takes whole tables."""

    def partitions(self) -> list[tuple[str, str]]:
        """All accounts and streams."""
        query = "SELECT account, stream FROM erp_partitions ORDER BY account, stream"
        return [(account, stream) for account, stream in self._store.read(query, ())]

    def pages(self, table: LedgerTable, partition: int) -> t.Iterator[list[Row]]:
        """The rows of a table and a partition, in the order of their first column.

        Args:
            table: The table.
            partition: Number of the account and stream; of no effect where there are none.
        """
        whose, values = _whose(table, partition)
        key, last = table.columns[0], table.first
        query = (
            f"SELECT {', '.join(table.columns)} FROM {table.name} "  # noqa: S608
            f"WHERE {whose} AND {key} > ? ORDER BY {key} LIMIT {_PAGE}"
        )
        while rows := self._store.read(query, (*values, last)):
            yield rows
            last = rows[-1][0]

    def same(self, table: LedgerTable, partition: int, rows: list[Row]) -> dict[t.Any, Row]:
        """The rows that this ledger has in place of some of another one, by their first column.

        Args:
            table: See `pages`.
            partition: See `pages`.
            rows: Rows of the other ledger.
        """
        whose, values = _whose(table, partition)
        among, keys = self._store.among(table.columns[0], [row[0] for row in rows])
        query = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {whose} AND {among}"  # noqa: S608
        return {row[0]: row for row in self._store.read(query, (*values, *keys))}

    def put(self, table: LedgerTable, partition: int, rows: list[Row]) -> None:
        """Add rows; they are on the disk when this returns.

        Args:
            table: See `pages`.
            partition: See `pages`.
            rows: The rows.

        Raises:
            LedgerError: If the store fails, or the lease was lost.
        """
        own = (partition,) if table.partitioned else ()
        columns = ", ".join([*["partition"] * len(own), *table.columns])
        places = ", ".join("?" * (len(own) + len(table.columns)))
        statement = f"INSERT INTO {table.name} ({columns}) VALUES {{rows}} ON CONFLICT DO NOTHING"  # noqa: S608
        self._store.apply(
            [Change(statement, f"({places})", [(*own, *row) for row in rows])], guarded=True
        )

    def number_of(self, table: LedgerTable, partition: int) -> int:
        """How many rows a table has of a partition.

        Args:
            table: See `pages`.
            partition: See `pages`.
        """
        whose, values = _whose(table, partition)
        return int(
            self._store.read(f"SELECT COUNT(*) FROM {table.name} WHERE {whose}", values)[0][0]  # noqa: S608
        )

    def retire(self, partitions: int) -> bool:
        """Let nobody use this ledger any more: it opens no more, and gives no more leases.

        Args:
            partitions: How many accounts and streams were moved.

        Returns:
            Whether that was done; not, if there are others by now.

        Raises:
            LedgerError: If the store fails, or a lease was lost.
        """
        [(version,)] = self._store.apply(
            [Change(_FENCED_OFF, "", [()]), Change(_RETIRED, "", [(partitions,)])],
            guarded=True,
            then=(_VERSION, ()),
        )
        return bool(version < 0)


def _whose(table: LedgerTable, partition: int) -> tuple[str, Row]:
    return ("partition = ?", (partition,)) if table.partitioned else ("1 = 1", ())


class Transferred(t.NamedTuple):
    """The result of a transfer.

    Attributes:
        rows: Rows by table, all of which both ledgers have alike.
        added: Rows that this call has added; an earlier call may have added the others.
        digest: Hash of all rows, in hexadecimal digits, which is that of both ledgers.
    """

    rows: dict[str, int]
    added: int
    digest: str


def transfer(source: Transfer, target: Transfer) -> Transferred:
    """Copy all lines, compare each, and retire the ledger that they come from.

    What the target has is left as it is; an earlier call may have been cut off. Whoever calls this
    holds the leases of all partitions in both ledgers.

    Args:
        source: A ledger in an SQLite file.
        target: The ledger that takes its place.

    Raises:
        LedgerError: If a line differs in the end, or the source has changed meanwhile; it is in use
            as before then.
    """
    partitions = source.partitions()
    parts = [
        (table, account, stream)
        for table in TABLES
        for account, stream in (partitions if table.partitioned else [("", "")])
    ]
    added = sum(_copy(source, target, *part) for part in parts)
    counts: dict[str, int] = dict.fromkeys((table.name for table in TABLES), 0)
    digests = hashlib.blake2b(digest_size=16), hashlib.blake2b(digest_size=16)
    for table, account, stream in parts:
        ours, theirs = _numbers(source, target, table, account, stream)
        here = 0
        for page in source.pages(table, ours):
            there = target.same(table, theirs, page)
            for row in page:
                if there.get(row[0]) != row:
                    raise LedgerError(_differs(table, stream, row[0]))
                digests[0].update(repr(row).encode())
                digests[1].update(repr(there[row[0]]).encode())
            here += len(page)
        if table.partitioned and target.number_of(table, theirs) != here:
            msg = (
                f"{_named(table, stream)}: the new ledger has lines that the old one has not; "
                f"{_NOT_RETIRED}; {_ANEW}"
            )
            raise LedgerError(msg)
        counts[table.name] += here
    first, second = (digest.hexdigest() for digest in digests)
    if first != second or not source.retire(len(partitions)):
        msg = f"the ledger has changed while it was moved; {_NOT_RETIRED}; call it again"
        raise LedgerError(msg)
    return Transferred(counts, added, first)


def _copy(source: Transfer, target: Transfer, table: LedgerTable, account: str, stream: str) -> int:
    """Add the rows that the target lacks.

    Returns:
        How many they were.

    Raises:
        LedgerError: If the target has another row in the place of one.
    """
    ours, theirs = _numbers(source, target, table, account, stream)
    added = 0
    for page in source.pages(table, ours):
        there = target.same(table, theirs, page)
        missing = [row for row in page if row[0] not in there]
        differing = [row for row in page if there.get(row[0], row) != row]
        if differing:
            raise LedgerError(_differs(table, stream, differing[0][0]))
        if missing:
            target.put(table, theirs, missing)
        added += len(missing)
    return added


_NOT_RETIRED = "the old ledger is in use as before"
_ANEW = (
    "if it was written to after an earlier move was cut off, move it to an empty database or schema"
)


def _numbers(
    source: Transfer, target: Transfer, table: LedgerTable, account: str, stream: str
) -> tuple[int, int]:
    if not table.partitioned:
        return 0, 0
    return source.partition(account, stream), target.partition(account, stream)


def _named(table: LedgerTable, stream: str) -> str:
    return f"{table.name} of {stream}" if stream else table.name


def _differs(table: LedgerTable, stream: str, key: object) -> str:
    return (
        f"{_named(table, stream)}: the line of {key} differs from the one in the new ledger, which "
        f"a run has written to, or which holds another ledger's lines of this account; "
        f"{_NOT_RETIRED}; {_ANEW}"
    )
