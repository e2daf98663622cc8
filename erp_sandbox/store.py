"""The vendors' databases: rows in memory, written through to SQLite when a path is given."""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from erp_sandbox import jsontext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Row: TypeAlias = dict[str, Any]
"""One record. A row is replaced, never changed in place, so whoever holds one sees no half of a
change."""


def renamed(row: Row, names: Mapping[str, str | None]) -> Row:
    """Return a row with other column names.

    Args:
        row: The row.
        names: Other names by column; None leaves the column out.
    """
    if not names:
        return row
    pairs = ((names.get(column, column), value) for column, value in row.items())
    return {name: value for name, value in pairs if name is not None}


@dataclass(frozen=True)
class TableShape:
    """How one resource is kept.

    Attributes:
        name: Resource name, as in the stream name without the vendor.
        key: Primary key column.
        business: Alternative business keys, each one or several columns. The first is the one
            that the report counts duplicates by.
        stamp: Column with the time of the last change.
        lookups: Further single columns that are looked up often.
        aliases: Other names that the control endpoints accept for the resource.
    """

    name: str
    key: str
    business: tuple[tuple[str, ...], ...] = ()
    stamp: str | None = None
    lookups: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class Collection:
    """The rows of one resource, with an index on each business key and lookup column."""

    def __init__(self, shape: TableShape, sink: Callable[[str, Row | None], None]) -> None:
        self.shape = shape
        self._sink = sink
        self._rows: dict[str, Row] = {}
        columns = (*shape.business, *((name,) for name in shape.lookups))
        self._indexes: dict[tuple[str, ...], dict[tuple[str, ...], dict[str, None]]] = {
            names: {} for names in columns
        }
        self._shuffled: list[str] | None = None
        self._sorted: list[str] | None = None
        self._kept: dict[str, Row] | None = None
        self._is_changed = True

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return str(key) in self._rows

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self._rows.values()))

    def get(self, key: object) -> Row | None:
        """Return the row with this primary key, or None."""
        return self._rows.get(str(key))

    def find(self, columns: Sequence[str], values: Iterable[object]) -> list[Row]:
        """Return the rows whose indexed columns hold these values, oldest first."""
        wanted = _values(values)
        if wanted is None:
            return []
        return [self._rows[key] for key in self._indexes[tuple(columns)].get(wanted, ())]

    def first(self, column: str, value: object) -> Row | None:
        """Return the oldest row whose indexed column holds this value, or None."""
        found = self.find((column,), (value,))
        return found[0] if found else None

    def put(self, row: Row, *, persist: bool = True) -> None:
        """Insert a row, or replace the one with the same primary key."""
        key = str(row[self.shape.key])
        old = self._rows.get(key)
        self._is_changed = True
        if old is None:
            self._shuffled = self._sorted = None
        self._reindex(key, old, row)
        self._rows[key] = row
        if persist:
            self._sink(key, row)

    def delete(self, key: object) -> bool:
        """Remove a row.

        Returns:
            Whether there was one.
        """
        text = str(key)
        old = self._rows.pop(text, None)
        if old is None:
            return False
        self._shuffled = self._sorted = None
        self._is_changed = True
        self._reindex(text, old, None)
        self._sink(text, None)
        return True

    def clear(self) -> None:
        """Remove every row from memory."""
        self._is_changed = True
        self._rows.clear()
        for index in self._indexes.values():
            index.clear()
        self._shuffled = self._sorted = None

    def keep(self) -> None:
        """Remember the rows as they are now."""
        self._kept = dict(self._rows)
        self._is_changed = False

    def restore(self) -> bool:
        """Go back to the rows that are remembered.

        Returns:
            Whether there are any to go back to.
        """
        if self._kept is None:
            return False
        if self._is_changed:
            kept = self._kept
            self.clear()
            for row in kept.values():
                self.put(row, persist=False)
            self._is_changed = False
        return True

    def shuffled(self) -> list[Row]:
        """Return all rows in an order that is always the same but is that of no column."""
        if self._shuffled is None:
            self._shuffled = sorted(
                self._rows, key=lambda key: (zlib.crc32(key.encode()[::-1]), key)
            )
        return [self._rows[key] for key in self._shuffled]

    def by_key(self) -> list[Row]:
        """Return all rows in the order of their primary key."""
        if self._sorted is None:
            self._sorted = sorted(self._rows)
        return [self._rows[key] for key in self._sorted]

    def next_integer(self, column: str) -> int:
        """Return one more than the largest integer in a column."""
        return max((row[column] for row in self if isinstance(row.get(column), int)), default=0) + 1

    def duplicates(self) -> dict[str, int]:
        """Return the business keys that more than one row carries, with the number of rows."""
        if not self.shape.business:
            return {}
        index = self._indexes[self.shape.business[0]]
        return {"|".join(values): len(keys) for values, keys in index.items() if len(keys) > 1}

    def _reindex(self, key: str, old: Row | None, new: Row | None) -> None:
        for columns, index in self._indexes.items():
            before = None if old is None else _values(old.get(name) for name in columns)
            after = None if new is None else _values(new.get(name) for name in columns)
            if before == after:
                continue
            if before is not None:
                keys = index[before]
                del keys[key]
                if not keys:
                    del index[before]
            if after is not None:
                index.setdefault(after, {})[key] = None


def _values(values: Iterable[object]) -> tuple[str, ...] | None:
    """Return index text for the values, or None when one of them is absent."""
    texts = tuple("" if value is None else str(value) for value in values)
    return texts if all(texts) else None


class TableStore:
    """The collections of all vendors, and the file behind them if there is one."""

    def __init__(self, database: str | None = None) -> None:
        self._collections: dict[tuple[str, str], Collection] = {}
        self._connection: sqlite3.Connection | None = None
        self._dirty = False
        if database is not None:
            # The server's thread is not the one that opens the file; only one uses it at a time.
            self._connection = sqlite3.connect(database, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(
                """
                CREATE TABLE IF NOT EXISTS seeded (vendor TEXT PRIMARY KEY);
                CREATE TABLE IF NOT EXISTS rows (
                    vendor TEXT, resource TEXT, key TEXT, body BLOB NOT NULL,
                    PRIMARY KEY (vendor, resource, key)
                );
                """
            )

    def open(self, vendor: str, shape: TableShape) -> Collection:
        """Return the collection of one resource, filled from the file if it is there."""

        def sink(key: str, row: Row | None) -> None:
            self._write(vendor, shape.name, key, row)

        collection = Collection(shape, sink)
        self._collections[vendor, shape.name] = collection
        if self._connection is not None:
            found = self._connection.execute(
                "SELECT body FROM rows WHERE vendor = ? AND resource = ? ORDER BY rowid",
                (vendor, shape.name),
            )
            for (body,) in found:
                collection.put(jsontext.loads(body), persist=False)
        return collection

    def is_seeded(self, vendor: str) -> bool:
        """Return whether the file already holds this vendor's data."""
        if self._connection is None:
            return False
        query = "SELECT 1 FROM seeded WHERE vendor = ?"
        return self._connection.execute(query, (vendor,)).fetchone() is not None

    def mark_seeded(self, vendor: str) -> None:
        """Remember that this vendor's data has been made."""
        if self._connection is not None:
            self._connection.execute("INSERT OR IGNORE INTO seeded VALUES (?)", (vendor,))
            self._dirty = True
        self.commit()

    def keep(self, vendor: str) -> None:
        """Remember the rows of a vendor, unless a file holds them."""
        if self._connection is None:
            for collection in self._of(vendor):
                collection.keep()

    def restore(self, vendor: str) -> bool:
        """Go back to the rows of a vendor that are remembered.

        Returns:
            Whether there are any to go back to.
        """
        return all(collection.restore() for collection in self._of(vendor))

    def clear(self, vendor: str) -> None:
        """Remove every row of one vendor."""
        for collection in self._of(vendor):
            collection.clear()
        if self._connection is not None:
            self._connection.execute("DELETE FROM rows WHERE vendor = ?", (vendor,))
            self._connection.execute("DELETE FROM seeded WHERE vendor = ?", (vendor,))
            self._dirty = True

    def commit(self) -> None:
        """Make what was written so far survive a restart."""
        if self._connection is not None and self._dirty:
            self._connection.commit()
            self._dirty = False

    def close(self) -> None:
        """Commit and close the file."""
        if self._connection is not None:
            self.commit()
            self._connection.close()
            self._connection = None

    def _of(self, vendor: str) -> list[Collection]:
        return [found for (owner, _), found in self._collections.items() if owner == vendor]

    def _write(self, vendor: str, resource: str, key: str, row: Row | None) -> None:
        if self._connection is None:
            return
        self._dirty = True
        if row is None:
            self._connection.execute(
                "DELETE FROM rows WHERE vendor = ? AND resource = ? AND key = ?",
                (vendor, resource, key),
            )
        else:
            self._connection.execute(
                "INSERT INTO rows VALUES (?, ?, ?, ?) "
                "ON CONFLICT (vendor, resource, key) DO UPDATE SET body = excluded.body",
                (vendor, resource, key, jsontext.dumps(row)),
            )
