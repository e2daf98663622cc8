"""A stream of one resource of a vendor: its schema, its key and its bookmark."""

from __future__ import annotations

import datetime as dt
import typing as t

from erp_vendors import schemas
from erp_vendors.errors import ErpError
from erp_vendors.resource import Resource
from tap_erp.bookmark import Bookmark
from tap_erp.columns import learn
from tap_erp.learning import LearningStream, stable_columns
from tap_erp.stamps import moment_before, to_iso

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from erp_vendors.schemas import Schema
    from tap_erp.base import BaseTap

AnyResource = t.TypeVar("AnyResource", bound=Resource)
AnyClient = t.TypeVar("AnyClient")
Stamp = t.Any
"""Epoch milliseconds, or ISO text of one width; see `Bookmark`."""
Rows = t.Iterable[t.Mapping[str, t.Any]]


class ResourceStream(LearningStream, t.Generic[AnyResource, AnyClient]):
    """The records of one resource; a vendor's module says how they are read."""

    def __init__(
        self,
        tap: BaseTap,
        resource: AnyResource,
        *,
        schema: Schema | None = None,
        sample: t.Callable[[AnyClient], Rows] | None = None,
    ) -> None:
        """Make a stream.

        Args:
            tap: The tap.
            resource: The resource.
            schema: JSON schema of its records, if it is not that of the resource.
            sample: Reads rows whose columns are learned at discovery, if the settings ask for it.
        """
        keys, stamp = resource.primary_keys, resource.replication_key
        name = f"{self.vendor}_{resource.name}"
        if schema is None:
            schema = schemas.for_stream(self.vendor, resource.name, keys, stamp, resource.schema)
        if sample and discovers_columns(tap, self.vendor):
            try:
                rows = sample(tap.client(self.vendor))
                learn(schema, rows, stable=stable_columns(tap))
            except ErpError as error:
                tap.logger.warning("%s: no columns learned: %s", name, error)
        super().__init__(tap, name=name, schema=schema, primary_keys=keys, replication_key=stamp)
        self.resource = resource

    @property
    def client(self) -> AnyClient:
        """The vendor's client, which all streams of the run share."""
        return t.cast("AnyClient", self.erp.client(self.vendor))

    def open_bookmark(
        self,
        ceiling: Stamp | None,
        *,
        parse: t.Callable[[t.Any], Stamp | None] = to_iso,
        floor: t.Callable[[Stamp, dt.timedelta], Stamp] = moment_before,
        start: Stamp | None = None,
        floors_start: bool = False,
        state: t.Mapping[str, t.Any] | None = None,
        key: str | None = None,
        slack: dt.timedelta = dt.timedelta(0),
    ) -> Bookmark:
        """The bookmark that an earlier run has left; a run of the full table begins without one.

        It becomes the stream's `position`.

        Args:
            ceiling: See `Bookmark`.
            parse: See `Bookmark`.
            floor: Gives the stamp that lies a time before another one.
            start: Stamp to begin at without a bookmark, if it is not `start_date`.
            floors_start: The run begins to look as long before the start as before a bookmark.
            state: What to begin with, if it is not what the state has of this stream.
            key: The bookmark field, if it is not `replication_key`.
            slack: Time that each run looks back beyond `lookback_seconds`.
        """
        lookback = slack + dt.timedelta(seconds=int(self.config.get("lookback_seconds") or 0))
        if start is None and self.incremental:
            start = parse(self.config.get("start_date"))
        if floors_start and start is not None:
            start = floor(start, lookback)
        if state is None:
            state = self.stream_state if self.incremental else {}
        bookmark = Bookmark(
            state,
            key or self.replication_key or "",
            floor=lambda stamp: floor(stamp, lookback),
            parse=parse,
            start=start,
            ceiling=ceiling,
        )
        if self.incremental:
            self.position = bookmark
        return bookmark

    def choose_key(
        self,
        rows: t.Sequence[Record],
        *,
        spare: t.Iterable[str] = (),
        value_of: t.Callable[[Record, str], t.Any] = dict.get,
    ) -> None:
        """Use another key, or none, where no record has the one that was only assumed.

        Args:
            rows: The first records.
            spare: Properties that may be the key instead, best one first.
            value_of: Gives a property of a record; None if it has none.
        """

        def have(row: Record, names: t.Iterable[str]) -> bool:
            return all(value_of(row, name) is not None for name in names)

        keys = self.primary_keys
        if not keys or not rows or any(have(row, keys) for row in rows):
            return
        chosen = next(((name,) for name in spare if all(have(row, (name,)) for row in rows)), ())
        self.logger.warning(
            "%s: no record has %s, which was only assumed to be its key, so it is read with %s as "
            "its key; name the right one in %s.resources (primary_keys)",
            self.name,
            " and ".join(keys),
            chosen[0] if chosen else "nothing",
            self.vendor,
        )
        self.set_keys(chosen, self.replication_key)


def discovers_columns(tap: BaseTap, vendor: str) -> bool:
    """Whether columns are learned now; a catalog from an earlier discovery has them already."""
    block = tap.block(vendor)
    asked = block.knows("discover_columns") and bool(block.get("discover_columns"))
    return asked and tap.input_catalog is None
