"""A loader in memory that obeys versions as target-postgres does."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from tests.tap_erp.running import Message


class Loader:
    """The tables that a tap's messages make.

    A row is known by its key, or by its place where the stream has none. ACTIVATE_VERSION removes
    the rows whose own version is another one.
    """

    def __init__(self) -> None:
        self.tables: dict[str, dict[t.Any, tuple[Message, int | None]]] = {}
        self.keys: dict[str, list[str]] = {}
        self.state: Message = {}
        self.activated: list[str] = []

    def load(self, messages: t.Iterable[Message]) -> None:
        """Apply the messages of a run, or those that came out before it was killed."""
        self.activated = []
        for message in messages:
            if message["type"] == "STATE":
                self.state = message["value"]
                continue
            name = message["stream"]
            table = self.tables.setdefault(name, {})
            if message["type"] == "SCHEMA":
                self.keys[name] = message.get("key_properties") or []
            elif message["type"] == "RECORD":
                record = message["record"]
                key: t.Any = tuple(record[key] for key in self.keys[name]) or object()
                table[key] = record, message.get("version")
            elif message["type"] == "ACTIVATE_VERSION":
                self.activated.append(name)
                kept = {k: row for k, row in table.items() if row[1] == message["version"]}
                self.tables[name] = kept

    def rows(self, name: str) -> list[Message]:
        """The rows of a table."""
        return [record for record, _ in self.tables.get(name, {}).values()]
