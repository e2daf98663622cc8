"""What the control endpoints and ``erp_sandbox.testing`` do, as plain functions.

All of them must run on the server's event loop (see :meth:`SandboxServer.call`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_sandbox.app import Sandbox
    from erp_sandbox.store import Collection, Row
    from erp_sandbox.vendor import SandboxVendor


class NotThereError(LookupError):
    """There is no such vendor, resource or record."""


class Actions:
    """Everything a test may ask of, or do to, a running sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def report(self, vendor: str | None = None) -> dict[str, dict[str, object]]:
        """Return the counters by vendor: those of one vendor, or of all."""
        names = self._sandbox.vendors if vendor is None else [self._vendor(vendor).name]
        found: dict[str, dict[str, object]] = {}
        for name in names:
            played = self._sandbox.vendors[name]
            duplicates: dict[str, dict[str, int]] = {}
            for collection in played.collections.values():
                double = collection.duplicates()
                if double:
                    duplicates[collection.shape.name] = double
            found[name] = {
                **self._sandbox.recorder.report(name),
                "duplicates": duplicates,
                "rows": {key: len(rows) for key, rows in played.collections.items()},
                **played.extra_report(),
            }
        return found

    def reset(self, *, data: bool = False) -> None:
        """Set the counters to zero and empty the log; with ``data`` also make all rows anew."""
        self._sandbox.recorder.reset()
        if data:
            for vendor in self._sandbox.vendors.values():
                vendor.reset_data()

    def calls(self, vendor: str | None = None, since: int = 0) -> list[dict[str, object]]:
        """Return the log of recent calls with a number above ``since``, oldest first."""
        return self._sandbox.recorder.entries(vendor, since)

    def rows(self, vendor: str, resource: str) -> list[Row]:
        """Return every full record of a resource."""
        return list(self._collection(vendor, resource))

    def row(self, vendor: str, resource: str, key: object) -> Row:
        """Return one full record.

        Raises:
            NotThereError: There is none.
        """
        found = self._collection(vendor, resource).get(key)
        if found is None:
            message = f"no record {key} in {vendor}/{resource}"
            raise NotThereError(message)
        return found

    def change(
        self,
        vendor: str,
        resource: str,
        key: object,
        fields: Mapping[str, object],
        stamp: object = None,
    ) -> Row:
        """Change fields of a record as the vendor's own users would.

        Args:
            vendor: Vendor name.
            resource: Resource name or alias.
            key: Primary key.
            fields: Columns and their new values.
            stamp: Change stamp in the vendor's own form; None means now.

        Returns:
            The changed record.
        """
        played = self._vendor(vendor)
        collection = self._collection(vendor, resource)
        shape = collection.shape
        row = {**self.row(vendor, resource, key), **fields}
        if str(row[shape.key]) != str(key):
            message = f"{shape.key} is the primary key and stays"
            raise ValueError(message)
        if shape.stamp is not None:
            row[shape.stamp] = played.stamp() if stamp is None else stamp
        row = played.completed(collection, row)
        collection.put(row)
        self._sandbox.store.commit()
        return row

    def insert(
        self, vendor: str, resource: str, fields: Mapping[str, object], stamp: object = None
    ) -> Row:
        """Add a record as the vendor's own users would; duplicates are not prevented.

        Args:
            vendor: Vendor name.
            resource: Resource name or alias.
            fields: Columns; a missing primary key is made.
            stamp: Change stamp in the vendor's own form; None means now, or what ``fields`` says.

        Returns:
            The new record.
        """
        played = self._vendor(vendor)
        collection = self._collection(vendor, resource)
        shape = collection.shape
        row = dict(fields)
        if row.get(shape.key) is None:
            row[shape.key] = played.new_key(collection)
        elif row[shape.key] in collection:
            message = f"{shape.key} {row[shape.key]} exists"
            raise ValueError(message)
        if shape.stamp is not None and (stamp is not None or row.get(shape.stamp) is None):
            row[shape.stamp] = played.stamp() if stamp is None else stamp
        row = played.completed(collection, row)
        collection.put(row)
        self._sandbox.store.commit()
        return row

    def delete(self, vendor: str, resource: str, key: object) -> None:
        """Remove a record; the vendor keeps no sign that it was there.

        Raises:
            NotThereError: There is none.
        """
        self.row(vendor, resource, key)
        self._collection(vendor, resource).delete(key)
        self._sandbox.store.commit()

    def faults(self) -> list[Mapping[str, object]]:
        """Return the fault rules in force, with how often each was seen and used."""
        return self._sandbox.faults.as_json()

    def add_faults(self, rules: object) -> None:
        """Add a fault rule or a list of them.

        Raises:
            ValueError: One of them is not usable.
        """
        self._sandbox.faults.add(rules)

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        self._sandbox.faults.clear()

    def expire_tokens(self, vendor: str | None = None) -> dict[str, int]:
        """Kill all tokens and return how many there were, by vendor."""
        names = self._sandbox.vendors if vendor is None else [self._vendor(vendor).name]
        return {name: self._sandbox.vendors[name].expire_tokens() for name in names}

    def shift_clock(self, offset_seconds: float) -> None:
        """Set the vendors' clock this many seconds ahead of the real one."""
        self._sandbox.clock.shift(offset_seconds)

    def _vendor(self, name: str) -> SandboxVendor:
        vendor = self._sandbox.vendors.get(name)
        if vendor is None:
            message = f"no vendor {name}; there are {', '.join(self._sandbox.vendors)}"
            raise NotThereError(message)
        return vendor

    def _collection(self, vendor: str, resource: str) -> Collection:
        played = self._vendor(vendor)
        collection = played.collection(resource)
        if collection is None:
            known = ", ".join(played.collections)
            message = f"no resource {resource} at {vendor}; there are {known}"
            raise NotThereError(message)
        return collection
