"""Examines an Aimsio account (aimsio.md): an index and a record of each entity."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import urllib.parse

from erp_cli.doctor.columns import stamp_columns
from erp_cli.doctor.examiner import Access, Examiner, ResourceSample
from erp_cli.doctor.wrappers import rows_in
from erp_vendors.aimsio import AimsioClient
from erp_vendors.aimsio.assumptions import ASSUMPTIONS
from erp_vendors.aimsio.client import Index, parse_index
from erp_vendors.aimsio.resources import RESOURCES
from erp_vendors.assumption import VerdictState
from erp_vendors.elements import unwrapped
from erp_vendors.errors import (
    CallError,
    CredentialsError,
    DataError,
    MissingResourceError,
    NotPermittedError,
)
from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_cli.doctor.examiner import Row
    from erp_vendors.aimsio import AimsioResource, IndexEntry
    from erp_vendors.assumption import Verdict
    from erp_vendors.resource import Resource

_RECORDS = 1
_RECORDS_DEEP = 3
_SPARE = 1
"""Further records that are asked for where the index lists one that is not there."""
_SPELLINGS = 6
_NO_SUCH_PATH = frozenset({400, 410, 501})
_INDEX_COLUMNS = frozenset({"dtype", "guid", "id", "updatedAt"})
_SLACK = 60_000
"""Milliseconds by which a record may have changed between its index and itself."""


@dataclasses.dataclass(slots=True)
class _SeenEntity:
    """What was seen of one entity.

    Attributes:
        index: Its index.
        extra: Properties of the index's elements that no document names.
        pairs: Records, each with its element of the index.
        as_list: A record came as a list of one.
    """

    index: Index
    extra: list[str]
    pairs: list[tuple[IndexEntry, Row]] = dataclasses.field(default_factory=list)
    as_list: bool = False


class AimsioExaminer(Examiner[AimsioClient]):
    """Reads the index and the newest record of each entity; finds the path of some."""

    assumptions = ASSUMPTIONS
    epoch_stamps = True
    assumed_columns = frozenset(
        name
        for resource in RESOURCES
        if not resource.documented
        for name in (*resource.primary_keys, resource.replication_key or "")
    )

    def __init__(self, client: AimsioClient, streams: t.Collection[str], *, deep: bool) -> None:
        # The stream of all indexes is no resource; it reads the same ones.
        streams = [name for name in streams if name in client.resources]
        super().__init__(client, streams, deep=deep)
        self._indexes: dict[str, tuple[AimsioResource, Index, list[str]]] = {}
        self._entities: dict[str, _SeenEntity] = {}
        self._places: dict[str, str] = {}
        self._style = 0
        self._refused: CredentialsError | None = None

    @property
    def resources(self) -> Mapping[str, AimsioResource]:
        """The resources, the settings applied."""
        return self.client.resources

    def log_in(self) -> None:
        """Read the index of the employees, whose path is known."""
        try:
            self._index(self.resources["employees"])
        except CredentialsError as error:
            self._refused = error
            raise

    def planned_calls(self) -> int:
        """An index and a record of each entity, and the other spellings of its path."""
        records = _RECORDS_DEEP if self.deep else _RECORDS
        guesses = sum(not self.resources[name].documented for name in self.streams)
        return 1 + len(self.streams) * (1 + records + _SPARE) + guesses * (_SPELLINGS - 1)

    def other_logins(self) -> t.Iterator[Verdict]:
        """There is no other login; the refusal may be that of a permission."""
        if self._refused is not None:
            yield self._permission_finding(self._refused)

    def read_sample(self, resource: Resource) -> ResourceSample:
        """The newest records of the index, under the names that they have themselves."""
        stated = self.resources[resource.name]
        try:
            wanted, index, extra = self._index(stated)
            seen = self._entities[stated.name] = _SeenEntity(index, extra)
            self._read_records(wanted, seen)
        except CredentialsError as error:
            if not isinstance(error, NotPermittedError):
                # The login has served at another path.
                self._refused = error
                return ResourceSample(stated, Access.DENIED, said=str(error))
            self._refused = error
            raise
        entry: dict[str, t.Any] = {}
        if wanted.path != stated.path:
            entry = {"path": wanted.path}
            if wanted.write_path == stated.path:
                entry["write_path"] = wanted.path
        wanted = self._renamed(wanted, seen)
        rows = [_completed(row, wanted, listed) for listed, row in seen.pairs]
        return ResourceSample(wanted, Access.READ, rows, entry=entry, whole=not index.entries)

    def findings(self) -> t.Iterator[Verdict]:
        """Look at what was read already; no further call is made."""
        yield self.holds("basic_auth", "the login works")
        if self._refused is not None:
            yield self._permission_finding(self._refused)
        yield from self._path_findings()
        for name, place in self._places.items():
            if name in self.streams:
                seen = f"the index is in the member {place}" if place else "the index is bare"
                yield self.differs("index_extra", seen, name, entry={"rows_in": place})
        with_index = {name: seen for name, seen in self._entities.items() if seen.index.entries}
        yield from self._together("identity", map(self._identity_finding, with_index))
        yield from self._together("index_extra", map(self._extra_finding, with_index))
        with_rows = [name for name, seen in with_index.items() if seen.pairs]
        yield from self._together("detail", map(self._detail_finding, with_rows))
        yield from self._together("detail_keys", map(self._key_finding, with_rows))
        yield from self._together("detail_stamps", map(self._stamp_finding, with_rows))
        agreeing = [self._agreement_finding(name) for name in with_rows]
        yield from self._together("stamps_agree", [one for one in agreeing if one is not None])

    def _together(self, name: str, found: t.Iterable[Verdict]) -> t.Iterator[Verdict]:
        """The findings that differ, and one finding in place of all those that hold."""
        found = list(found)
        yield from (one for one in found if one.state is not VerdictState.HOLDS)
        holding = [one for one in found if one.state is VerdictState.HOLDS]
        if holding:
            yield self.holds(name, f"{holding[0].seen} ({len(holding)} of {len(found)} entities)")

    def _path_findings(self) -> t.Iterator[Verdict]:
        guessed = [
            sample
            for name in self.streams
            if not self.resources[name].documented
            for sample in [self.sample(name)]
        ]
        found = [sample for sample in guessed if sample.access is Access.READ]
        missing = [sample for sample in guessed if sample.access is Access.MISSING]
        for sample in found:
            if sample.entry:
                name = sample.resource.name
                seen = f"{self.resources[name].path} is not there, {sample.entry['path']} is"
                yield self.differs("paths", seen, name, entry=sample.entry)
        as_assumed = [sample.resource.path for sample in found if not sample.entry]
        if as_assumed:
            yield self.holds("paths", f"{', '.join(as_assumed)}")
        for sample in missing:
            yield self.untold("paths", sample.said, sample.resource.name)

    def _identity_finding(self, name: str) -> Verdict:
        entries = self._entities[name].index.entries
        if all(entry.is_guid for entry in entries):
            return self.holds("identity", "the index has guids")
        return self.differs("identity", "the index has ids, by which records are read", name)

    def _extra_finding(self, name: str) -> Verdict:
        extra = self._entities[name].extra
        if not extra:
            return self.holds("index_extra", "the index has what is documented")
        shown = ", ".join(extra[:5])
        seen = f"the index has {shown} as well; records are read one by one nevertheless"
        return self.differs("index_extra", seen, name)

    def _detail_finding(self, name: str) -> Verdict:
        if self._entities[name].as_list:
            return self.differs("detail", "a record is a list of one, which is read as well", name)
        inner = _inner(self._entities[name])
        if inner:
            seen = f"a record is in the member {inner} of an object, and is emitted so"
            return self.differs("detail", seen, name)
        return self.holds("detail", "a record is an object")

    def _key_finding(self, name: str) -> Verdict:
        stated, seen = self.resources[name], self._entities[name]
        found = self._key_of(stated, seen)
        if found in stated.primary_keys:
            return self.holds("detail_keys", "records have the key that is assumed")
        if not found:
            said = "no column of a record holds what the index lists; the key is taken from there"
            return self.differs("detail_keys", said, name)
        said = f"{' + '.join(stated.primary_keys)} is not there; {found} is what the index lists"
        return self.differs("detail_keys", said, name, entry={"primary_keys": [found]})

    def _stamp_finding(self, name: str) -> Verdict:
        stated, seen = self.resources[name], self._entities[name]
        found = self._stamp_of(stated, seen)
        if found == stated.replication_key:
            return self.holds("detail_stamps", "records have the stamp that is assumed")
        if not found:
            said = "no column of a record holds the stamp of the index; it is taken from there"
            return self.differs("detail_stamps", said, name)
        said = f"{stated.replication_key} is not there; {found} is the stamp of the index"
        return self.differs("detail_stamps", said, name, entry={"replication_key": found})

    def _agreement_finding(self, name: str) -> Verdict | None:
        seen = self._entities[name]
        column = self._stamp_of(self.resources[name], seen)
        for entry, row in seen.pairs:
            stamp = row.get(column)
            if entry.updated_at is None or not isinstance(stamp, int):
                return None
            # It may have changed in between.
            if not 0 <= stamp - entry.updated_at <= _SLACK:
                said = f"the index says {entry.updated_at} of a record whose {column} is {stamp}"
                return self.differs("stamps_agree", said, name)
        return self.holds("stamps_agree", "index and record have one stamp") if column else None

    def _permission_finding(self, error: CredentialsError) -> Verdict:
        if isinstance(error, NotPermittedError):
            return self.holds("no_permission", str(error))
        said = f"{error}; it may also be that Aimsio has not switched on the user's API permission"
        return self.differs("no_permission", said)

    def _index(self, resource: AimsioResource) -> tuple[AimsioResource, Index, list[str]]:
        """The index of an entity, under whatever spelling of its path is there."""
        if resource.name in self._indexes:
            return self._indexes[resource.name]
        spellings = [resource.path] if resource.documented else _spellings(resource.path)
        # What an account does at one guessed path it does at the others.
        order = sorted(range(len(spellings)), key=lambda place: (place != self._style, place))
        first: Exception | None = None
        tried: set[str] = set()
        for place in order:
            if spellings[place] in tried:
                continue
            tried.add(spellings[place])
            wanted = dataclasses.replace(resource, path=spellings[place])
            try:
                found = self._ask(wanted)
            except (MissingResourceError, DataError, CallError) as error:
                if isinstance(error, CallError) and error.status not in _NO_SUCH_PATH:
                    raise
                first = first or error
                continue
            if not resource.documented:
                self._style = place
            self._indexes[resource.name] = found
            return found
        assert first is not None  # noqa: S101 - there is a spelling at least
        raise first

    def _ask(self, resource: AimsioResource) -> tuple[AimsioResource, Index, list[str]]:
        answer = self.client.transport.get_json(resource.path, optional=not resource.documented)
        if not isinstance(unwrapped(answer, resource.rows_in), list):
            place = rows_in(answer, self._places.values(), resource.name)
            resource = dataclasses.replace(resource, rows_in=place)
            self._places[resource.name] = place
        found = unwrapped(answer, resource.rows_in)
        elements = found[:10] if isinstance(found, list) else []
        named = {name: None for one in elements if isinstance(one, dict) for name in one}
        extra = [name for name in named if name not in _INDEX_COLUMNS]
        index = parse_index(resource, answer)
        if index.faults and not index.entries:
            raise DataError(index.faults[0])
        return resource, index, extra

    def _read_records(self, resource: AimsioResource, seen: _SeenEntity) -> None:
        newest = sorted(seen.index.entries, key=lambda entry: -(entry.updated_at or 0))
        most = _RECORDS_DEEP if self.deep else _RECORDS
        for entry in newest[: most + _SPARE]:
            if len(seen.pairs) == most:
                return
            path = f"{resource.path}/{urllib.parse.quote(str(entry.id), safe='')}"
            try:
                record = self.client.transport.get_json(path, optional=True)
            except MissingResourceError:
                continue  # it may just have been deleted
            if isinstance(record, list) and len(record) == 1:
                record, seen.as_list = record[0], True
            if not isinstance(record, dict):
                msg = f"GET {path} answered with {codec.kind_of(record)}, not with an object"
                raise DataError(msg)
            seen.pairs.append((entry, record))
        if newest and not seen.pairs:
            msg = f"the index at {resource.path} lists records that answer 404 or 405"
            raise DataError(msg)

    def _renamed(self, resource: AimsioResource, seen: _SeenEntity) -> AimsioResource:
        """The entity with the names of key and stamp that its records have."""
        if not seen.pairs:
            return resource
        key, stamp = self._key_of(resource, seen), self._stamp_of(resource, seen)
        return dataclasses.replace(
            resource,
            primary_keys=(key,) if key else resource.primary_keys,
            replication_key=stamp or resource.replication_key,
        )

    def _key_of(self, resource: AimsioResource, seen: _SeenEntity) -> str:
        """The column of the records that holds what the index lists; empty if none does."""
        columns = [
            name
            for name in seen.pairs[0][1]
            if all(_same(row.get(name), entry.id) for entry, row in seen.pairs)
        ]
        prefix = _prefix(resource)
        likely = (*resource.primary_keys, f"{prefix}Guid", f"{prefix}Id", "guid", "id")
        named = [name for name in columns if re.search(r"(guid|id)$", name, re.IGNORECASE)]
        return next((name for name in (*likely, *named) if name in columns), "")

    def _stamp_of(self, resource: AimsioResource, seen: _SeenEntity) -> str:
        """The column of the records that says when they changed; empty if there is none."""
        assumed = resource.replication_key or ""
        rows = [row for _, row in seen.pairs]
        if any(row.get(assumed) is not None for row in rows):
            return assumed
        equal = [
            name
            for name in rows[0]
            if all(row.get(name) == entry.updated_at is not None for entry, row in seen.pairs)
        ]
        named = [name for name in equal if re.search(r"updat|modif|chang", name, re.IGNORECASE)]
        told = (stamp.column for stamp in stamp_columns(rows, epoch=True) if stamp.named_so)
        return next(iter((*named, *told)), "")


def _inner(seen: _SeenEntity) -> str:
    """The member that holds all that a record has, if there is one."""
    for name, value in seen.pairs[0][1].items():
        if isinstance(value, dict) and len(seen.pairs[0][1]) == 1:
            return name
    return ""


def _spellings(path: str) -> list[str]:
    """Other ways to write a guessed path: `/PriceBook`, `/pricebook`, `/priceBook`, plurals."""
    name = path.strip("/")
    camel = name[:1].lower() + name[1:]
    ways = (name, name.lower(), _plural(name), _plural(name.lower()), camel, _plural(camel))
    return [f"/{way}" for way in ways]


def _plural(name: str) -> str:
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def _prefix(resource: AimsioResource) -> str:
    """What the names of an entity's properties begin with, as its list's name does."""
    return resource.list_name.removesuffix("List")


def _same(value: object, key: str | int) -> bool:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return False
    return str(value).casefold() == str(key).casefold()


def _completed(row: Row, resource: AimsioResource, entry: IndexEntry) -> Row:
    """The record as the tap emits it: what it lacks is filled from the index."""
    found = dict(row)
    if resource.primary_keys and found.get(resource.primary_keys[0]) is None:
        found[resource.primary_keys[0]] = entry.id
    stamp = resource.replication_key
    if stamp and found.get(stamp) is None:
        found[stamp] = entry.updated_at
    return found


EXAMINER = AimsioExaminer
