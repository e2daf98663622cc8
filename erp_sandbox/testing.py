"""A sandbox inside a test: ``with running_sandbox() as sandbox: ...``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from erp_sandbox.actions import Actions
from erp_sandbox.config import Settings
from erp_sandbox.server import SandboxServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from erp_sandbox.store import Row


class RunningSandbox:
    """A sandbox that serves on a free loopback port.

    Attributes:
        url: Base URL, for instance ``http://127.0.0.1:40123``.
    """

    def __init__(self, server: SandboxServer) -> None:
        self._server = server
        self._actions = Actions(server.sandbox)
        self.url = server.url

    def vendor_url(self, vendor: str) -> str:
        """Return the base URL of one vendor, to be given to a client as its ``api_url``."""
        return f"{self.url}/{vendor}"

    def report(self, vendor: str | None = None) -> dict[str, Any]:
        """Return the counters: of one vendor, or of all by vendor name."""
        found = self._server.call(lambda: self._actions.report(vendor))
        return found if vendor is None else found[vendor]

    def reset(self, *, data: bool = False) -> None:
        """Set the counters to zero; with ``data`` also make all rows anew."""
        self._server.call(lambda: self._actions.reset(data=data))

    def calls(self, vendor: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """Return the log of recent calls with a number above ``since``, oldest first."""
        return self._server.call(lambda: self._actions.calls(vendor, since))

    def rows(self, vendor: str, resource: str) -> list[Row]:
        """Return every full record of a resource; decimals are ``Decimal``."""
        return self._server.call(lambda: self._actions.rows(vendor, resource))

    def row(self, vendor: str, resource: str, key: object) -> Row:
        """Return one full record."""
        return self._server.call(lambda: self._actions.row(vendor, resource, key))

    def change(
        self,
        vendor: str,
        resource: str,
        key: object,
        fields: Mapping[str, object],
        stamp: object = None,
    ) -> Row:
        """Change fields of a record as the vendor's own users would; the stamp becomes now."""
        return self._server.call(lambda: self._actions.change(vendor, resource, key, fields, stamp))

    def insert(
        self, vendor: str, resource: str, fields: Mapping[str, object], stamp: object = None
    ) -> Row:
        """Add a record as the vendor's own users would."""
        return self._server.call(lambda: self._actions.insert(vendor, resource, fields, stamp))

    def delete(self, vendor: str, resource: str, key: object) -> None:
        """Remove a record; the vendor keeps no sign that it was there."""
        self._server.call(lambda: self._actions.delete(vendor, resource, key))

    def add_fault(self, kind: str, **rule: object) -> None:
        """Add a fault rule; see :class:`erp_sandbox.faults.SandboxFault` for its properties."""
        self._server.call(lambda: self._actions.add_faults({"kind": kind, **rule}))

    def faults(self) -> list[Mapping[str, object]]:
        """Return the fault rules in force, with how often each was seen and used."""
        return self._server.call(self._actions.faults)

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        self._server.call(self._actions.clear_faults)

    def expire_tokens(self, vendor: str | None = None) -> dict[str, int]:
        """Kill all tokens and return how many there were, by vendor."""
        return self._server.call(lambda: self._actions.expire_tokens(vendor))

    def shift_clock(self, offset_seconds: float) -> None:
        """Set the vendors' clock this many seconds ahead of the real one."""
        self._server.call(lambda: self._actions.shift_clock(offset_seconds))


@contextmanager
def running_sandbox(
    *,
    size: int = 60,
    seed: int = 1,
    latency_ms: float = 0,
    limits: bool = True,
    limit_scale: float = 1.0,
    faults: Sequence[Mapping[str, Any]] = (),
    database: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    variants: Mapping[str, str] | None = None,
) -> Iterator[RunningSandbox]:
    """Run a sandbox for the length of a ``with`` block.

    Args:
        size: Rows per resource.
        seed: Seed of data and random faults.
        latency_ms: Milliseconds that every vendor call takes at least.
        limits: False switches the vendors' rate limits off.
        limit_scale: Factor on the vendors' allowed rates.
        faults: Fault rules in force from the start.
        database: SQLite file that keeps the rows; None keeps them in memory.
        options: Options of each vendor, by its name (``{"aimsio": {"rate": 5}}``).
        variants: Answers to open points (``{"cimcloud.past_end": "not-found"}``); they go before
            the options, and :mod:`erp_sandbox.variants` says what they are.

    Yields:
        The running sandbox.
    """
    settings = Settings(
        size=size,
        seed=seed,
        latency_ms=latency_ms,
        limits=limits,
        limit_scale=limit_scale,
        faults=[dict(rule) for rule in faults],
        database=database,
        vendors={name: dict(values) for name, values in (options or {}).items()},
        variants=dict(variants or {}),
    )
    server = SandboxServer(settings)
    server.start()
    try:
        yield RunningSandbox(server)
    finally:
        server.stop()
