"""What the server has committed: rows, and a log of every version in the order of commits."""

from __future__ import annotations

import collections
import json
import time
import typing as t

Row = dict[str, t.Any]

POISON = "POISON"
"""A record that holds this text is refused."""


class Commit(t.NamedTuple):
    """One committed version of a record.

    Attributes:
        at: Monotonic time in seconds, which all processes of a machine share.
        key: Business key.
        place: Which of the rows with this key it is, from 0.
        row: What came.
    """

    at: float
    key: str
    place: int
    row: Row


class Book:
    """Rows by business key. Two rows with one key are what must not happen."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = collections.defaultdict(list)
        self.by_id: dict[int, tuple[str, Row]] = {}
        self.next_id = 1
        """Number of the next row."""
        self.log: list[Commit] = []
        self.edits = 0
        """Changes that a person has made."""

    def create(self, key: object, row: Row, **assigned: t.Any) -> Row:
        """Commit a row as a new one, even if there is one with this key.

        Args:
            key: Business key.
            row: What came.
            **assigned: What the vendor adds, `id` among it (default: the next number).
        """
        rows = self.rows[str(key)]
        whole = {**row, **assigned}
        self.by_id[self.next_id] = (str(key), whole)
        self.next_id += 1
        rows.append(whole)
        self.log.append(Commit(time.monotonic(), str(key), len(rows) - 1, row))
        return whole

    def update(self, key: object, row: Row, place: int = 0, *, kept: t.Collection[str] = ()) -> Row:
        """Commit a change of a row that is there.

        Args:
            key: Business key.
            row: What came.
            place: Which of the rows with this key.
            kept: If the API replaces the whole row: what stays of it nevertheless.
        """
        whole = self.rows[str(key)][place]
        for name in [name for name in whole if kept and name not in kept]:
            del whole[name]
        whole.update(row)
        self.log.append(Commit(time.monotonic(), str(key), place, row))
        return whole

    def upsert(self, key: object, row: Row, **assigned: t.Any) -> bool:
        """Commit a row under its key.

        Args:
            key: Business key.
            row: What came.
            **assigned: What the vendor adds to a new row.

        Returns:
            Whether it is new.
        """
        if self.rows.get(str(key)):
            self.update(key, row)
            return False
        self.create(key, row, **assigned)
        return True

    def edit(self, key: object, changes: Row) -> Row:
        """Change a row as a person does: no call of the target is behind it.

        Args:
            key: Business key.
            changes: Properties and their new values.
        """
        whole = self.rows[str(key)][0]
        whole.update(changes)
        self.edits += 1
        return whole

    def find(self, key: object) -> list[Row]:
        """All rows with this key."""
        return self.rows.get(str(key), [])

    def delete(self, number: int) -> None:
        """Take a row away.

        Args:
            number: Which one, counted from 1.
        """
        key, whole = self.by_id.pop(number)
        self.rows[key] = [row for row in self.rows[key] if row is not whole]

    @property
    def duplicates(self) -> int:
        """Rows that a key has more than once."""
        return sum(len(rows) - 1 for rows in self.rows.values() if rows)

    @staticmethod
    def refuses(*rows: Row) -> bool:
        """Whether one of the rows is poison."""
        return POISON in json.dumps(rows)
