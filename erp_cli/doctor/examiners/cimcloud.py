"""Examines a CIMcloud site (cimcloud.md); 100 calls in a quarter of an hour are all that it has."""

from __future__ import annotations

import copy
import dataclasses
import re
import typing as t

from erp_cli.doctor.columns import stamp_columns, unique_columns
from erp_cli.doctor.examiner import Access, Examiner, ResourceSample
from erp_cli.doctor.examiners.cimcloud_search import REFUSED, SearchProbe, site_moment
from erp_cli.doctor.wrappers import rows_in
from erp_vendors.assumption import VerdictState
from erp_vendors.cimcloud.assumptions import ASSUMPTIONS
from erp_vendors.cimcloud.auth import BearerAuth
from erp_vendors.cimcloud.client import NO_PAGE, CimcloudClient, may_mean_the_end, rows_of
from erp_vendors.cimcloud.settings import PAGE_ROWS
from erp_vendors.errors import (
    CallError,
    CredentialsError,
    DataError,
    MissingResourceError,
    NotPermittedError,
)
from erp_vendors.http.auth import Auth, BasicAuth, Token, TokenAuth
from erp_vendors.stamps import to_iso

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_cli.doctor.examiner import Row
    from erp_vendors.assumption import Verdict
    from erp_vendors.cimcloud import CimcloudResource
    from erp_vendors.resource import Resource

_PROBES = 9
"""Calls that are kept back for searches and pages when paths are looked for."""
_SPELLINGS = 6
"""Further paths that are tried at most, all tables together, unless --max-calls allows more."""
_FEW = 10
"""Rows without which no order can be seen."""
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


class _HeldToken(TokenAuth):
    """The token of the one login; it is not renewed, so that no refresh token is used up."""

    def __init__(self, token: Token) -> None:
        super().__init__(token, renewable=False)

    def fetch(self, previous: Token | None) -> Token:
        """Fail: this token is never renewed."""
        raise NotImplementedError


class CimcloudExaminer(Examiner[CimcloudClient]):
    """Reads the first page of each table; all searches and other pages are of one table."""

    assumptions = ASSUMPTIONS
    most_calls = 30
    only_if_named = frozenset({"online_orders"})
    assumed_columns = frozenset({"create_date", "last_modify_date"})

    def __init__(self, client: CimcloudClient, streams: t.Collection[str], *, deep: bool) -> None:
        # What has a documented path or key comes first, so that calls are left for it.
        known = client.resources
        ranked = sorted(
            streams, key=lambda name: (not known[name].documented, not known[name].primary_keys)
        )
        super().__init__(client, ranked, deep=deep)
        self._auth: Auth | None = None
        self._spell: t.Callable[[str], str] | None = None
        self._wrapper = ""
        self._denied: dict[str, int] = {}

    @property
    def logins(self) -> tuple[str, ...]:
        """Not `/refresh`, which may end the token that the tap has (2.3, UNK)."""
        return ("/authenticate",)

    @property
    def resources(self) -> Mapping[str, CimcloudResource]:
        """The resources, the settings applied."""
        return self.client.resources

    def log_in(self) -> None:
        """One login, and the call that is documented for proving it (1.2)."""
        self.client.transport.call("GET", "/validate")
        auth = self.client.transport.auth
        # Not the transport's own, for which it would ask `/validate` after each 401.
        self._auth = (
            _HeldToken(auth.login.current()) if isinstance(auth, TokenAuth) else copy.copy(auth)
        )

    def other_logins(self) -> t.Iterator[Verdict]:
        """Try the other type of authorization (2.1)."""
        block = self.client.block
        username, password = block.require("username", "password")
        wanted, auth = "basic", t.cast("Auth", BasicAuth(username, password))
        if block.get("auth_type") == "basic":
            (key,) = block.require("auth_key")
            wanted, auth = "bearer", BearerAuth(key, username, password)
        transport = self.apart(auth)
        if isinstance(auth, BearerAuth):
            auth.transport = transport
        try:
            transport.call("GET", "/validate")
        except CredentialsError as error:
            yield self.untold("auth", f"{wanted} is refused, too: {error}")
        else:
            seen = f"the authorization is of type {wanted}"
            yield self.differs("auth", seen, settings={"auth_type": wanted})

    def planned_calls(self) -> int:
        """A login, a page of each table, and what the searches take."""
        return 2 + len(self.streams) + _SPELLINGS + _PROBES + 4 * self.deep

    def read_sample(self, resource: Resource) -> ResourceSample:
        """The first page, at the first of several spellings of the path that is there."""
        wanted = self.resources[resource.name]
        missing: MissingResourceError | None = None
        for spell in self._spellings(wanted):
            path = spell(wanted.path)
            try:
                answer = self._get(wanted, path)
            except MissingResourceError as error:
                missing = missing or error
                continue
            if missing:
                self._spell = spell
            return self._sample(wanted, path, answer)
        assert missing is not None  # noqa: S101 - there is at least one spelling
        raise missing

    def _spellings(self, resource: CimcloudResource) -> t.Iterator[t.Callable[[str], str]]:
        """The path as it is, and as others may have spelled it, while calls can be spared."""
        if resource.documented:
            yield _as_it_is
            return
        others = [_pascal, _singular, _pascal_singular, _joined, *([_camel] if self.deep else [])]
        # What has fitted another table first; then what the table of resources has for this one.
        known = [lambda _, spelling=spelling: spelling for spelling in resource.spellings]
        tried: set[str] = set()
        for spell in filter(None, (self._spell, _as_it_is, *others[:2], *known, *others[2:])):
            path = spell(resource.path)
            after = sum(name not in self._samples for name in self.streams) - 1
            if path not in tried and (not tried or self.calls_left - after > _PROBES):
                tried.add(path)
                yield spell

    def _sample(self, resource: CimcloudResource, path: str, answer: object) -> ResourceSample:
        place = rows_in(answer, (resource.rows_in, self._wrapper), resource.name)
        entry: dict[str, t.Any] = {} if path == resource.path else {"path": path}
        if place != resource.rows_in:
            entry["rows_in"] = place
        self._wrapper = place or self._wrapper
        read = dataclasses.replace(resource, path=path, rows_in=place)
        rows = rows_of(read, path, answer)
        return ResourceSample(read, Access.READ, rows, entry=entry, whole=len(rows) < PAGE_ROWS)

    def _get(self, resource: Resource, path: str, tail: str = "") -> object:
        """GET what may not be there; once, as each call counts."""
        address = f"/{path}/{tail}" if tail else f"/{path}"
        transport = self.client.transport
        try:
            return transport.get_json(address, auth=self._auth, optional=True, repeatable=False)
        except CredentialsError as error:
            denied = isinstance(error, NotPermittedError)
            if not tail:
                self._denied[resource.name] = 403 if denied else 401
            if denied or self._auth is None:
                raise
            msg = f"{error} here, but not at /validate"
            raise NotPermittedError(msg) from None

    def ask(self, sample: ResourceSample, tail: str) -> list[Row]:
        """The rows that a table answers to a searchstring or a page.

        Args:
            sample: The table's sample.
            tail: What follows its path.

        Raises:
            ErpError: If the call fails.
        """
        resource = t.cast("CimcloudResource", sample.resource)
        return rows_of(resource, resource.path, self._get(resource, resource.path, tail))

    def findings(self) -> t.Iterator[Verdict]:
        """What the samples show; then searches and pages of one table."""
        yield self.holds("auth", f"{self.client.block.get('auth_type')} works")
        read = [s for name in self.streams if (s := self.sample(name)).access is Access.READ]
        yield from self._summed(self._rows_findings(read), "bare arrays")
        yield from self._summed(self._path_findings(), "the paths are there as they are")
        yield from self._denied_findings()
        filled = [sample for sample in read if sample.rows]
        for sample in filled:
            if sample.resource.primary_keys:
                yield self.key_finding("unique_key", sample)
        stamps = [
            self.stamp_finding("stamp_column", s) for s in filled if s.resource.replication_key
        ]
        yield from self._summed(stamps, f"present in {len(stamps)} tables")
        yield from self._stamps_findings(filled)
        yield self._order_finding(filled)
        probe = SearchProbe(self, self.ask, filled)
        yield from self.looking("date_literal", probe.findings())
        found = self._page_findings(probe.sample or next(iter(filled), None))
        yield from self.looking("past_end", found)

    def _summed(self, findings: t.Iterable[Verdict], text: str) -> t.Iterator[Verdict]:
        """All that differs or cannot be told; what holds, only as one finding."""
        findings = list(findings)
        others = [finding for finding in findings if finding.state is not VerdictState.HOLDS]
        yield from others
        if (
            findings
            and len(others) < len(findings)
            and not any(finding.state is VerdictState.DIFFERS for finding in others)
        ):
            yield self.holds(findings[0].name, text)

    def _rows_findings(self, read: list[ResourceSample]) -> t.Iterator[Verdict]:
        for sample in read:
            place = getattr(sample.resource, "rows_in", "")
            if "rows_in" in sample.entry:
                seen = f"the rows are in the member {place}" if place else "the rows are bare"
                entry = {"rows_in": place}
                yield self.differs("rows", seen, sample.resource.name, entry=entry)
            else:
                yield self.holds("rows", "as the settings say", sample.resource.name)

    def _path_findings(self) -> t.Iterator[Verdict]:
        for name in self.streams:
            sample, wanted = self.sample(name), self.resources[name]
            if sample.access is Access.MISSING:
                yield self.untold("guessed_paths", sample.said, name)
            elif "path" in sample.entry:
                path = sample.entry["path"]
                seen = f"it is at {path}, not at {wanted.path}"
                yield self.differs("guessed_paths", seen, name, entry={"path": path})
            elif sample.access is Access.READ and not wanted.documented:
                yield self.holds("guessed_paths", "it is where it was looked for", name)

    def _denied_findings(self) -> t.Iterator[Verdict]:
        for name, status in self._denied.items():
            if status == 403:  # noqa: PLR2004
                yield self.holds("denied", "a table that is not granted: HTTP 403", name)
            else:
                seen = f"HTTP {status} as if the login was over; do not select this stream"
                yield self.differs("denied", seen, name)
        for name in self.streams:
            if self.resources[name].documented and self.sample(name).access is Access.MISSING:
                seen = "HTTP 404 at a documented path; perhaps it is not granted"
                yield self.differs("denied", seen, name)

    def _stamps_findings(self, filled: list[ResourceSample]) -> t.Iterator[Verdict]:
        stamps = [text for sample in filled for text in _stamps(sample)]
        if not stamps:
            return
        other = next((text for text in stamps if not _ISO.fullmatch(text)), None)
        if other is None:
            yield self.holds("stamp_format", f"as in {stamps[0]}")
        else:
            known = "which is read as well" if to_iso(other) else "which cannot be read"
            yield self.differs("stamp_format", f"as in {other}, {known}")
        yield self._clock_finding(stamps)

    def _clock_finding(self, stamps: list[str]) -> Verdict:
        if all(_ZONE.search(text) for text in stamps):
            return self.holds("clock", "stamps carry a zone")
        ahead = site_moment(stamps, self.clock_ahead or 0.0)
        if ahead is None:
            return self.untold("clock", "no stamp can be held against the Date header")
        hours = ahead.total_seconds() / 3600
        if hours > 1 / 12:
            said = f"the newest stamp is {hours:.1f} hours ahead of UTC (Date header)"
            return self.differs("clock", f"{said}; any clock is allowed for")
        said = f"the newest stamp is {-hours:.1f} hours old, if the clock is UTC"
        return self.untold("clock", f"{said}; change a row at the site, and look again")

    def _order_finding(self, filled: list[ResourceSample]) -> Verdict:
        sample = next((sample for sample in filled if len(sample.rows) >= _FEW), None)
        if sample is None:
            return self.untold("order", "there are too few rows to see an order")
        rows, name = sample.rows, sample.resource.name
        for column in unique_columns(rows):
            values = [str(row[column]).lower() for row in rows]
            if values == sorted(values):
                return self.holds("order", f"sorted by {column}", name)
        for stamp in stamp_columns(rows):
            texts = [to_iso(row[stamp.column]) or "" for row in rows]
            if texts in (sorted(texts), sorted(texts, reverse=True)):
                said = f"sorted by {stamp.column}"
                if stamp.named_so:
                    said += "; a table is read again if a row moved"
                return self.differs("order", said, name)
        return self.untold("order", "no column shows one", name)

    def _page_findings(self, sample: ResourceSample | None) -> t.Iterator[Verdict]:
        if sample is None:
            return
        try:
            rows = self.ask(sample, str(NO_PAGE))
        except MissingResourceError:
            seen = "HTTP 404, which is taken for the end"
            yield self.differs("past_end", seen)
        except CallError as error:
            if error.status is None:
                raise
            proof = "which is taken for the end if it is proven to mean it"
            fault = "at which reading fails if the last page of a table is a full one"
            seen = f"HTTP {error.status}, {proof if may_mean_the_end(error) else fault}"
            yield self.differs("past_end", seen)
        except DataError:
            seen = "no list, at which reading fails if the last page of a table is a full one"
            yield self.differs("past_end", seen)
        else:
            if rows:
                seen = "a page that was there before, at which reading ends"
                yield self.differs("past_end", seen)
            else:
                yield self.holds("past_end", "empty")
        if self.deep:
            yield self._zero_finding(sample)

    def _zero_finding(self, sample: ResourceSample) -> Verdict:
        try:
            same = self.ask(sample, "0") == sample.rows
        except REFUSED as error:
            return self.differs("page_zero", f"refused ({error}); it is never asked for")
        tell = self.holds if same else self.differs
        return tell("page_zero", "the first page" if same else "something else")


def _stamps(sample: ResourceSample) -> t.Iterator[str]:
    stamps = [stamp.column for stamp in stamp_columns(sample.rows) if stamp.named_so]
    column = sample.resource.replication_key
    if not any(row.get(column or "") is not None for row in sample.rows):
        column = stamps[0] if stamps else None
    for row in sample.rows:
        if column and isinstance(row.get(column), str) and row[column]:
            yield row[column]


def _as_it_is(path: str) -> str:
    return path


def _pascal(path: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in path.split("_"))


def _camel(path: str) -> str:
    pascal = _pascal(path)
    return pascal[:1].lower() + pascal[1:]


def _joined(path: str) -> str:
    return path.replace("_", "")


def _singular(path: str) -> str:
    return re.sub(r"(?<=ss)es$|(?<!s)s$", "", path)


def _pascal_singular(path: str) -> str:
    return _pascal(_singular(path))


EXAMINER = CimcloudExaminer
