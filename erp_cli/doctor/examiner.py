"""What the examiners of all vendors have in common: samples of resources, and findings."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import re
import typing as t

from erp_cli.doctor.columns import is_unique, stamp_columns, unique_columns
from erp_vendors import schemas
from erp_vendors.assumption import Assumption, Verdict, VerdictState
from erp_vendors.elements import NoRecord
from erp_vendors.errors import ErpError, MissingResourceError, NotPermittedError
from erp_vendors.http import Transport

if t.TYPE_CHECKING:
    from erp_vendors.http.auth import Auth
    from erp_vendors.resource import Resource
    from erp_vendors.vendor import Client

Row = dict[str, t.Any]
_FEWEST = 2
"""Rows without which nothing can be said of a key."""
AnyClient = t.TypeVar("AnyClient", bound="Client")


class NoCallsLeftError(ErpError):
    """The examination has made as many calls as it may."""


def plain(error: Exception) -> str:
    """The text of an error, without its advice to run `erp doctor`, which is running already."""
    return _ADVICE.sub("", str(error))


_ADVICE = re.compile(r"; `erp doctor [^`]*` says what fits \(\w+\)")


class Access(enum.Enum):
    """What came of reading a sample of a resource."""

    READ = "read"
    MISSING = "not there"
    DENIED = "not permitted"
    FAILED = "failed"
    SKIPPED = "not looked at"


@dataclasses.dataclass(frozen=True, slots=True)
class ResourceSample:
    """The first records of a resource.

    Attributes:
        resource: The resource, as it was read.
        access: What came of it.
        rows: The records, as the vendor sent them.
        said: What the vendor said instead, one line.
        entry: Keys of the resource's entry in `resources` without which it cannot be read.
        whole: These are all of its records.
    """

    resource: Resource
    access: Access
    rows: list[Row] = dataclasses.field(default_factory=list)
    said: str = ""
    entry: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    whole: bool = False


class Examiner(t.Generic[AnyClient]):
    """Examines one account; a vendor's own class says how.

    It only reads. `erp doctor` refuses every call of another method than GET, but for the POSTs of
    a login, and every call beyond a number.

    Attributes:
        assumptions: The vendor's table.
        most_calls: Calls that an examination makes at most, logins included, unless told otherwise.
        only_if_named: Resources that are read only if they are named: a read changes something.
        epoch_stamps: Moments are epoch milliseconds.
        assumed_columns: Columns that the schemas of resources have without a document.
        client: The vendor's client.
        streams: Names of the resources to look at.
        deep: Look more closely, with more calls, and try other logins.
    """

    assumptions: t.ClassVar[tuple[Assumption, ...]] = ()
    most_calls: t.ClassVar[int] = 60
    only_if_named: t.ClassVar[frozenset[str]] = frozenset()
    epoch_stamps: t.ClassVar[bool] = False
    assumed_columns: t.ClassVar[frozenset[str]] = frozenset()

    def __init__(self, client: AnyClient, streams: t.Collection[str], *, deep: bool) -> None:
        self.client = client
        self.streams = tuple(streams)
        self.deep = deep
        self._samples: dict[str, ResourceSample] = {}

    @property
    def vendor(self) -> str:
        """Name of the vendor block."""
        return self.client.transport.options.vendor

    @property
    def logins(self) -> tuple[str, ...]:
        """Ends of the paths of the POSTs that log in."""
        return ()

    @property
    def calls_left(self) -> int:
        """Calls that the examination may still make."""
        left: int = getattr(self.client.transport.observer, "left", self.most_calls)
        return left

    @property
    def clock_ahead(self) -> float | None:
        """Seconds by which the vendor's clock is ahead of this machine's; None if unknown."""
        ahead: float | None = getattr(self.client.transport.observer, "clock_ahead", None)
        return ahead

    def log_in(self) -> None:
        """Prove that the credentials work, whatever else the vendor does otherwise than assumed.

        Raises:
            ErpError: If they do not, or the vendor cannot be reached.
        """
        self.client.check()

    @property
    def resources(self) -> t.Mapping[str, Resource]:
        """The vendor's resources by name, the settings applied."""
        raise NotImplementedError

    def planned_calls(self) -> int:
        """Calls that the examination would make if nothing limited it, at most."""
        raise NotImplementedError

    def read_sample(self, resource: Resource) -> ResourceSample:
        """Read a page or a record of a resource.

        Raises:
            MissingResourceError: If the vendor has no such path.
            ErpError: If a call fails.
        """
        raise NotImplementedError

    def is_described(self, resource: Resource) -> bool:
        """Whether a document of the vendor's, or the settings, name columns of a resource."""
        if resource.schema is not None:
            return True
        known = schemas.for_stream(self.vendor, resource.name, (), None)["properties"]
        own = {*resource.primary_keys, resource.replication_key, *self.assumed_columns}
        return bool(known.keys() - own)

    def findings(self) -> t.Iterator[Verdict]:
        """Look at the vendor's assumptions; samples were read before.

        What it says nothing of counts as not told. An error ends it, and what it has found until
        then counts.

        Raises:
            ErpError: If a call fails in a way that says nothing about the assumption.
        """
        raise NotImplementedError

    def other_logins(self) -> t.Iterator[Verdict]:
        """Try other ways to log in (`deep`), after the configured one was refused."""
        yield from ()

    def apart(self, auth: Auth, base_url: str = "") -> Transport:
        """A way to the vendor with another login, as a refusal of the configured one is kept.

        Args:
            auth: The other login.
            base_url: Another address than that of the settings.
        """
        own = self.client.transport
        options = dataclasses.replace(own.options, base_url=base_url or own.options.base_url)
        other = Transport(options, own.budget, auth)
        other.observer, other.most_attempts = own.observer, own.most_attempts
        return other

    def sample(self, name: str) -> ResourceSample:
        """The sample of a resource, read once.

        Args:
            name: Name of the resource.
        """
        if name not in self._samples:
            self._samples[name] = self._read(self.resources[name])
        return self._samples[name]

    def _read(self, resource: Resource) -> ResourceSample:
        try:
            sample = self.read_sample(resource)
        except NoCallsLeftError as error:
            return ResourceSample(resource, Access.SKIPPED, said=plain(error))
        except MissingResourceError as error:
            return ResourceSample(resource, Access.MISSING, said=plain(error))
        except NotPermittedError as error:
            return ResourceSample(resource, Access.DENIED, said=plain(error))
        except ErpError as error:
            return ResourceSample(resource, Access.FAILED, said=plain(error))
        rows = [row for row in sample.rows if not isinstance(row, NoRecord)]
        return dataclasses.replace(sample, rows=rows)

    def samples(self) -> t.Iterator[ResourceSample]:
        """The samples of the resources to look at."""
        for name in self.streams:
            yield self.sample(name)

    def key_finding(self, name: str, sample: ResourceSample, *, within: str = "") -> Verdict:
        """Whether the key of a resource is unique in a sample; another one that is, if not.

        Args:
            name: Name of the assumption.
            sample: A sample with rows.
            within: Column that is part of the key, as keys are unique below a parent only.
        """
        rows, stream, keys = sample.rows, sample.resource.name, sample.resource.primary_keys
        if len(rows) < _FEWEST:
            return self.untold(name, "there are too few rows", stream)
        if is_unique(rows, keys):
            return self.holds(name, f"{' + '.join(keys)} is unique in {len(rows)} rows", stream)
        why = "is missing" if _lacks(rows, keys) else "repeats"
        seen = f"{' + '.join(keys)} {why} in {len(rows)} rows" if keys else "it has no key"
        others = [column for column in unique_columns(rows, within) if column != within]
        if not others:
            # A key that repeats is kept, as nothing better is known; one that is not there is none.
            entry = {"primary_keys": list[str]()} if _lacks(rows, keys) else {}
            return self.differs(name, f"{seen}, and no column is unique", stream, entry=entry)
        chosen = [within, others[0]] if within else [others[0]]
        seen += f"; {' + '.join(chosen)} is unique"
        return self.differs(name, seen, stream, entry={"primary_keys": chosen})

    def stamp_finding(self, name: str, sample: ResourceSample) -> Verdict:
        """Whether the rows of a sample have the bookmark field of their resource, or another one.

        Args:
            name: Name of the assumption.
            sample: A sample with rows.
        """
        rows, stream, assumed = sample.rows, sample.resource.name, sample.resource.replication_key
        stamps = stamp_columns(rows, epoch=self.epoch_stamps)
        if assumed and any(row.get(assumed) is not None for row in rows):
            newest = next((stamp.newest for stamp in stamps if stamp.column == assumed), None)
            said = f"{assumed} is there" + (f" (newest: {newest})" if newest is not None else "")
            return self.holds(name, said, stream)
        seen = f"no row has {assumed}" if assumed else "there is no bookmark field"
        found = next((stamp for stamp in stamps if stamp.named_so), None)
        if found is not None:
            seen += f"; {found.column} says when a row changed (newest: {found.newest})"
            return self.differs(name, seen, stream, entry={"replication_key": found.column})
        if not assumed:
            return self.holds(name, "no column says when a row changed", stream)
        return self.differs(name, seen, stream, entry={"replication_key": ""})

    def looking(self, name: str, found: t.Iterable[Verdict]) -> t.Iterator[Verdict]:
        """Findings, of which an error ends these alone: it is not told, and others still may be.

        Args:
            name: Name of the assumption that counts as not told then.
            found: The findings; calls are made while they are taken.
        """
        try:
            yield from found
        except NoCallsLeftError:
            raise
        except ErpError as error:
            yield self.untold(name, f"the look at it failed: {plain(error)}")

    def holds(self, name: str, seen: str, stream: str = "") -> Verdict:
        """A finding that an assumption holds."""
        return Verdict(name, VerdictState.HOLDS, seen, stream)

    def untold(self, name: str, why: str, stream: str = "") -> Verdict:
        """A finding that nothing can be said of an assumption."""
        return Verdict(name, VerdictState.UNTOLD, why, stream)

    def differs(
        self,
        name: str,
        seen: str,
        stream: str = "",
        *,
        settings: t.Mapping[str, t.Any] | None = None,
        entry: t.Mapping[str, t.Any] | None = None,
    ) -> Verdict:
        """A finding that something else is so.

        Args:
            name: Name of the assumption.
            seen: What the vendor did.
            stream: Resource that it is about.
            settings: Keys of the vendor's block that fit; none where the code takes both.
            entry: Keys of the resource's entry in `resources` that fit.
        """
        return Verdict(name, VerdictState.DIFFERS, seen, stream, settings or {}, entry or {})


def examiner_of(vendor: str) -> type[Examiner[t.Any]] | None:
    """The class that examines a vendor's accounts: `EXAMINER` of the module named after it.

    Args:
        vendor: Name of the vendor.

    Returns:
        The class; None for a vendor that has none.
    """
    try:
        module = importlib.import_module(f"erp_cli.doctor.examiners.{vendor}")
    except ModuleNotFoundError as error:
        if error.name != f"erp_cli.doctor.examiners.{vendor}":
            raise
        return None
    return t.cast("type[Examiner[t.Any]]", module.EXAMINER)


def _lacks(rows: t.Iterable[Row], keys: t.Iterable[str]) -> bool:
    """Whether no row has all of the columns of a key."""
    return not any(all(row.get(key) is not None for key in keys) for row in rows)
