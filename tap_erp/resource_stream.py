"""A stream of one resource of a vendor: its schema, its key and its bookmark."""

from __future__ import annotations

import datetime as dt
import typing as t

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from typing_extensions import override

from erp_vendors import schemas
from erp_vendors.errors import ErpError
from erp_vendors.resource import Resource
from erp_vendors.stamps import BEHIND_UTC, iso_now, moment_before, to_iso
from tap_erp.bookmark import Bookmark
from tap_erp.columns import learn
from tap_erp.keys import ENOUGH, OTHER_KEY, Keyless, KeyWatch
from tap_erp.learning import LearningStream, stable_columns

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
    """The records of one resource; a vendor's module says how they are read.

    Attributes:
        resource: The resource.
        keys_setting: The list of the vendor block in which the stream's key can be named.
        reads_again: The run has read the table before, so a row that comes now has changed, and
            says nothing of keys.
    """

    keys_setting: t.ClassVar[str] = "resources"

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
        self.may_be_empty = resource.may_be_empty
        self.is_snapshot = resource.is_snapshot
        # A stream that is written at once gets each record once only, so none may be left out.
        if not self.at_once:
            self.typed = dict((self._stated.get("schema") or {}).get("properties") or {})
        self.reads_again = False
        self._key_watch = KeyWatch(self._may_be_newer)

    @property
    @override
    def replication_method(self) -> str:
        """Without a key always the full table, as loaders could not replace a row that changed."""
        return super().replication_method if self.primary_keys else REPLICATION_FULL_TABLE

    @property
    def keyless(self) -> Keyless | None:
        """The stream, if records were read without a key and the settings do not ask for that."""
        if self.primary_keys or "primary_keys" in self._stated or not self.records_read:
            return None
        return Keyless(self.vendor, self.keys_setting, self._setting_name, self._key_watch.unique)

    @property
    def _stated(self) -> t.Mapping[str, t.Any]:
        """What the setting `resources` says of the stream."""
        block = self.erp.block(self.vendor)
        name = self.name.removeprefix(f"{self.vendor}_")
        entries = (block.get("resources") or ()) if block.knows("resources") else ()
        found = (e for e in entries if str(e["name"]).removeprefix(f"{self.vendor}_") == name)
        return next(found, {})

    @property
    def _setting_name(self) -> str:
        return self.resource.name

    @override
    def _write_batch(self, records: t.Sequence[Record]) -> None:
        if not self.reads_again:
            self._key_watch.note(records, self.primary_keys)
        super()._write_batch(records)

    def tell_of_repeats(self) -> None:
        """Warn if the key was not unique in what was read."""
        watch = self._key_watch
        if watch.repeats:
            self.logger.warning(
                "%s: %d of %d records have a key (%s) that another one has, and loaders keep one "
                "of each; set primary_keys of this stream in %s.%s to %s. %s",
                self.name,
                watch.repeats,
                watch.records,
                ", ".join(self.primary_keys),
                self.vendor,
                self.keys_setting,
                self._advice(),
                OTHER_KEY,
            )

    def _advice(self) -> str:
        watch = self._key_watch
        if watch.unique:
            return f'["{watch.unique}"], which was unique in {watch.compared} of them, or to []'
        if watch.compared < ENOUGH:
            return (
                "what identifies a row, or to [] (too few rows were compared to name a column: "
                f"{watch.compared})"
            )
        return "what identifies a row, or to [] (no column was unique)"

    def _may_be_newer(self, record: Record) -> bool:
        """Whether a record may have changed since the run began, and so comes a second time.

        Stamps may be of any zone, and a run may take a day.
        """
        stamp = to_iso(record.get(self.replication_key)) if self.replication_key else None
        return stamp is not None and stamp >= iso_now(-BEHIND_UTC - dt.timedelta(days=1))

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
        """The bookmark that an earlier run has left; a reading of the whole table has none.

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
            state = self.bookmark_state
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
            "its key; name the right one in %s.resources (primary_keys), which `erp doctor` "
            "finds. %s",
            self.name,
            " and ".join(keys),
            chosen[0] if chosen else "nothing",
            self.vendor,
            OTHER_KEY,
        )
        self.set_keys(chosen, self.replication_key)


def discovers_columns(tap: BaseTap, vendor: str) -> bool:
    """Whether columns are learned now; a catalog from an earlier discovery has them already."""
    block = tap.block(vendor)
    asked = block.knows("discover_columns") and bool(block.get("discover_columns"))
    return asked and tap.input_catalog is None
