"""AIM Web Services: listings with a lower bound where there is one, and children by key."""

from __future__ import annotations

import itertools
import typing as t

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from erp_vendors.aim import AIM, AimClient, AimResource, Parent
from erp_vendors.aim.answers import UnknownRecordError
from erp_vendors.aim.resources import resources_of
from erp_vendors.aim.serials import serials_in, shown_serials
from erp_vendors.aim.xmltext import typed
from erp_vendors.errors import CallError, DataError
from erp_vendors.http import ordered_map
from erp_vendors.http.redact import redact
from erp_vendors.keylist import Key, KeyList
from erp_vendors.stamps import AHEAD_OF_UTC, BEHIND_UTC, day_before, from_iso, iso_now, to_iso
from tap_erp.bookmark import fingerprint
from tap_erp.resource_stream import ResourceStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from tap_erp.base import BaseTap
    from tap_erp.bookmark import Bookmark
    from tap_erp.stream import ErpStream


class AimStream(ResourceStream[AimResource, AimClient]):
    """What all AIM streams have in common."""

    vendor = AIM.name
    shows_deletions = True

    def _note_doubt(self, name: str) -> None:
        """Note why a listing may lack rows, if it may."""
        if not self.client.whole.get(name, True):
            self.doubt(f"aim_{name} is not proven to have shown every row")

    def _has_key(self, record: Record) -> bool:
        if not self.is_record(record):
            return False
        missing = [name for name in self.primary_keys if record.get(name) is None]
        if missing and self.resource.assumed_keys and not self.records_read:
            self.choose_key([record])
            return True
        if missing:
            self.fault(
                f"a record has no {' and no '.join(missing)}; name its key properties in "
                f"aim.resources (it has {', '.join(sorted(record))})"
            )
        return not missing


class AimListStream(AimStream):
    """The records of a listing."""

    def __init__(self, tap: BaseTap, resource: AimResource) -> None:
        super().__init__(tap, resource)
        if resource.since and not resource.replication_key:
            # The records carry no stamp, but the server knows what has changed (aim.md 4.3).
            self.forced_replication_method = REPLICATION_INCREMENTAL

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """Read the listing; its order is not known, so the bookmark moves at its end."""
        stamped = self.resource.replication_key is not None
        if not (self.incremental and (self.resource.since or stamped)):
            for row in self.client.rows(self.resource, keep_keys=self._has_children()):
                if self._has_key(row.record):
                    yield row.record
            self._note_doubt(self.resource.name)
            return
        started = iso_now() + "Z"
        before, after = self._bookmark(self.bookmark_state), self._bookmark({})
        # The next run may see again what this run sees.
        after.emitted(before.value if stamped else started)
        self.position = after
        since = self._since(before, started)
        for row in self.client.rows(self.resource, since, keep_keys=self._has_children()):
            if not self._has_key(row.record):
                continue
            stamp = self._stamp(row.record)
            mark = fingerprint(row.mark)
            # A row that this run has met with other content before is new to any earlier run.
            if before.wants(stamp, mark) or row.replaced is not None:
                yield row.record
            if row.replaced is not None:
                after.forget(fingerprint(row.replaced))
            after.emitted(stamp if stamped else started, mark)
        self._note_doubt(self.resource.name)

    @override
    def _may_be_newer(self, record: Record) -> bool:
        """Without a stamp nobody can tell: a row that moves between pages is read again."""
        moves = self.resource.paging is not None and self.resource.replication_key is None
        return moves or super()._may_be_newer(record)

    def _has_children(self) -> bool:
        """Whether a stream of this run asks for its records by the keys of this one's."""
        return any(
            parent.name == self.resource.name
            for stream in self.erp.erp_streams
            if isinstance(stream, AimChildStream) and stream.selected
            for parent in stream.resource.parents
        )

    def _since(self, bookmark: Bookmark, started: str) -> str | None:
        since: str | None = bookmark.since
        if since is None:
            return None
        is_run_start = self.resource.replication_key is None and bookmark.value is not None
        if is_run_start and since > started:
            self.logger.warning(
                "%s: the bookmark is in the future, so a clock was wrong; reading everything",
                self.name,
            )
            return None
        return from_iso(since).isoformat(timespec="seconds")

    def _stamp(self, record: Record) -> str | None:
        name = self.resource.replication_key
        return to_iso(record.get(name)) if name else None

    def _bookmark(self, state: t.Mapping[str, t.Any]) -> Bookmark:
        if self.resource.replication_key is None:
            # The stamp is the start of a run. A shop's dates carry no zone (aim.md 3.1).
            return self.open_bookmark(None, state=state, key=self.resource.since, slack=BEHIND_UTC)
        # Whether the server compares days or moments, and includes the bound, is not known (4.3).
        # A return is scheduled for a day to come: what lies before it must still be read.
        return self.open_bookmark(iso_now(AHEAD_OF_UTC), state=state, floor=day_before)


class AimChildStream(AimStream):
    """What belongs to the records of another stream, asked for one by one.

    Nothing says that a parent's change stamp covers its children: stock changes with every sale.
    So all parents are asked for in every run.
    """

    def __init__(self, tap: BaseTap, resource: AimResource) -> None:
        super().__init__(tap, resource)
        self.turn = 1  # after the parents, whose keys it then has without a call

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """Ask for what belongs to each parent, many at once and in order."""
        parent, keys = self._keys()
        if self.ABORT_AT_RECORD_COUNT is not None:
            keys = KeyList(itertools.islice(keys, self.ABORT_AT_RECORD_COUNT + 1))
        unknown: list[Key] = []
        outcomes = ordered_map(
            lambda key: self.client.child(self.resource, parent, key),
            (key for key in keys if self._is_whole(parent, key)),
            workers=self.client.transport.budget.limits.in_flight,
        )
        for outcome in outcomes:
            if outcome.result is not None:
                self._answered(outcome.item, outcome.result)
                if not outcome.result:
                    self._faults_in_a_row = 0  # as after a record that is emitted
                yield from filter(self._has_key, outcome.result)
            elif isinstance(outcome.error, UnknownRecordError):
                unknown.append(outcome.item)
            elif isinstance(outcome.error, (CallError, DataError)):
                self.fault(f"{_label(parent, outcome.item)}: {outcome.error}")
            elif outcome.error is not None:
                raise outcome.error  # the next record would end the same way
        self._check_unknown(parent, unknown)
        self._note_doubt(parent.name)
        if len(self.resource.parents) > 1:
            self.doubt("its records may belong to others than in an earlier run")

    def _answered(self, key: Key, records: list[Record]) -> None:
        """Take note of what belongs to a parent."""

    def _keys(self) -> tuple[Parent, KeyList]:
        """The first parent that has records, and their keys."""
        for parent in self.resource.parents:
            keys = self.client.keys(parent)
            if keys:
                return parent, keys
        return self.resource.parents[-1], KeyList()

    def _is_whole(self, parent: Parent, key: Key) -> bool:
        if None in key:
            self.missed(f"a record of aim_{parent.name} has no key to ask for it by")
            return False
        return True

    def _check_unknown(self, parent: Parent, unknown: list[Key]) -> None:
        """Tell of parents that the server lists but does not know; others were deleted."""
        if not unknown:
            return
        listed = self.client.keys(parent, again=True)
        for key in unknown:
            if key in listed:
                self.missed(
                    f"{_label(parent, key)}: it is listed, but {self.resource.path} does not "
                    "know it"
                )


class AimDetailStream(AimChildStream):
    """Details of items, which show their serials, too (aim.md 8.1, InventoryDetail)."""

    def __init__(self, tap: BaseTap, resource: AimResource) -> None:
        super().__init__(tap, resource)
        self.asked = KeyList()
        """Items whose details this run has read, if their serials are wanted."""
        self.serials = KeyList()
        """The serials in them, one record each."""

    @override
    def _answered(self, key: Key, records: list[Record]) -> None:
        if not any(
            isinstance(stream, AimSerialStream) and stream.selected
            for stream in self.erp.erp_streams
        ):
            return
        schema = self.client.schema(self.client.resources["serials"])
        for record in records:
            for serial in serials_in(record):
                # In XML nobody knows the types of what stands where no page says it does.
                known = (
                    typed(serial, schema) if self.client.block.get("format") == "xml" else serial
                )
                self.serials.add(({"Pk": key[0], **known},))
        self.asked.add(key)


class AimSerialStream(AimChildStream):
    """Serials of items; what this run's details have shown is not asked for a second time."""

    def __init__(self, tap: BaseTap, resource: AimResource) -> None:
        super().__init__(tap, resource)
        self.turn = 2  # after the details
        self._known = KeyList()

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        for stream in self.erp.erp_streams:
            if isinstance(stream, AimDetailStream) and stream.selected:
                self._known = stream.asked
                yield from filter(self._has_key, (record for (record,) in stream.serials))
        yield from super().get_records(context)

    @override
    def _is_whole(self, parent: Parent, key: Key) -> bool:
        return key not in self._known and super()._is_whole(parent, key)


class AimAccessTokenStream(AimChildStream):
    """Access tokens of the accounts that the settings name (aim.md 8.1, CustomerAccessToken)."""

    shows_deletions = False

    @override
    def _keys(self) -> tuple[Parent, KeyList]:
        wanted = self.client.block.get("customer_access_tokens")
        about = wanted.get("mode"), wanted.get("item_key")
        keys = KeyList((account, *about) for account in wanted["accounts"])
        return self.resource.parents[0], keys

    @override
    def _is_whole(self, parent: Parent, key: Key) -> bool:
        return True  # mode and item key are optional

    @override
    def _check_unknown(self, parent: Parent, unknown: list[Key]) -> None:
        for key in unknown:
            self.missed(f"{_label(parent, key)}: the shop does not know this account")

    @override
    def _has_key(self, record: Record) -> bool:
        # The record is emitted as it is, but no log may show what it holds.
        redact.add(*(record.get(name) for name in ("Token", "AccountManagementUrl")))
        return super()._has_key(record)


def _label(parent: Parent, key: Key) -> str:
    pairs = zip(parent.fields, key, strict=True)
    return " ".join(f"{name} {value}" for name, value in pairs if value is not None)


def _kind(resource: AimResource) -> type[AimStream]:
    if resource.name == "inventory_details":
        return AimDetailStream
    if resource.reader is shown_serials:
        return AimSerialStream
    return AimChildStream if resource.parents else AimListStream


def streams(tap: BaseTap) -> list[ErpStream]:
    """All AIM streams."""
    block = tap.block(AIM.name)
    found: list[ErpStream] = []
    for resource in resources_of(block).values():
        if resource.secret:
            if block.get("customer_access_tokens"):
                found.append(AimAccessTokenStream(tap, resource))
        elif resource.path:
            found.append(_kind(resource)(tap, resource))
    return found
