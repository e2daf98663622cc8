"""Examines an AIM shop (aim.md): a page of each list, and what belongs to one of its rows."""

from __future__ import annotations

import typing as t

from erp_cli.doctor.examiner import Access, NoCallsLeftError, ResourceSample
from erp_cli.doctor.examiners import aim_points
from erp_cli.doctor.examiners.aim_pages import AimPages
from erp_vendors.aim.answers import NotLicensedError, UnknownRecordError
from erp_vendors.aim.assumptions import ASSUMPTIONS
from erp_vendors.assumption import VerdictState

if t.TYPE_CHECKING:
    from erp_cli.doctor.examiner import Row
    from erp_vendors.aim import AimClient, AimResource, Parent
    from erp_vendors.assumption import Verdict
    from erp_vendors.errors import ErpError
    from erp_vendors.resource import Resource

_LOGIN_CALLS = 2
_POINTS = 12
"""Calls that the open points take besides the samples."""
_TRIES = 2
"""Variants of a list, or parents of a child, that are asked for until there are rows."""
_TRIES_DEEP = 6


class AimExaminer(AimPages):
    """Reads a page of each list, and the children of a row or two; then looks at open points."""

    assumptions = ASSUMPTIONS
    only_if_named = frozenset({"customer_access_tokens"})

    def __init__(self, client: AimClient, streams: t.Collection[str], *, deep: bool) -> None:
        super().__init__(client, streams, deep=deep)
        self._looked: list[Verdict] = []
        self._stopped = ""

    @property
    def logins(self) -> tuple[str, ...]:
        """The login at the shop, and the discovery, whose answer is a secret, too."""
        return ("/security", "/getendpoint")

    def is_described(self, resource: Resource) -> bool:
        """See `Examiner`; a list without a key is looked at, because its key is to be learned."""
        wanted = self.resources[resource.name]
        keyless = not wanted.primary_keys and not wanted.parents
        return wanted.schema is not None or (not keyless and super().is_described(resource))

    def planned_calls(self) -> int:
        """The login, a page of each list, children of a row or two, and the open points."""
        children = sum(bool(self.resources[name].parents) for name in self.streams)
        tries = _TRIES_DEEP if self.deep else _TRIES
        return _LOGIN_CALLS + len(self.streams) + (tries - 1) * children + _POINTS

    def samples(self) -> t.Iterator[ResourceSample]:
        """Lists first, as children are asked for by the keys of their rows."""
        children = [name for name in self.streams if self.resources[name].parents]
        for name in self.streams:
            if name not in children:
                yield self.sample(name)
        # Before the children, which may take any number of calls: whether lists are read to their
        # end depends on it.
        self._look()
        for name in children:
            yield self.sample(name)

    def _look(self) -> None:
        try:
            for look in aim_points.LOOKS:
                self._looked += self.looking(look.__name__, look(self))
        except NoCallsLeftError as error:
            self._stopped = str(error)

    def read_sample(self, resource: Resource) -> ResourceSample:
        """A page of a list; of a child, what belongs to the first row or two of its parent."""
        wanted = self.resources[resource.name]
        if wanted.secret:
            said = "each read makes a token, which is a secret"
            return ResourceSample(wanted, Access.SKIPPED, said=said)
        try:
            return self._children(wanted) if wanted.parents else self._first_page(wanted)
        except NotLicensedError as error:
            return ResourceSample(wanted, Access.DENIED, said=str(error))

    def findings(self) -> t.Iterator[Verdict]:
        """Look at the samples, then at the points that take further calls."""
        yield self.holds("newer_login", "operations are answered after the login")
        yield from self._licence_findings()
        yield from aim_points.of_samples(self)
        yield from self._key_findings()
        yield from self._looked
        if self._stopped:
            raise NoCallsLeftError(self._stopped)

    def _first_page(self, resource: AimResource) -> ResourceSample:
        tries = len(resource.variants) if self.deep else _TRIES
        rows: list[Row] = []
        for variant in resource.variants[:tries]:
            seen = self.page(resource, variant)
            self.pages.setdefault(resource.name, seen)
            if seen.rows:
                self.pages[resource.name] = seen
                rows += seen.rows
                if not self.deep:
                    break
        return ResourceSample(resource, Access.READ, rows)

    def _children(self, resource: AimResource) -> ResourceSample:
        first: ErpError | None = None
        read = False
        for parent in resource.parents:
            for key in self._keys(parent):
                try:
                    rows = self.client.child(resource, parent, key)
                except UnknownRecordError as error:
                    first = first or error
                    continue
                read = True
                if rows:
                    return ResourceSample(resource, Access.READ, rows)
        if first is not None and not read:
            raise first
        said = "" if read else "there is no row to ask for it by"
        access = Access.READ if read else Access.SKIPPED
        return ResourceSample(resource, access, said=said)

    def _keys(self, parent: Parent) -> list[tuple[t.Any, ...]]:
        """The keys of some rows of a parent, as the tap takes them."""
        if not parent.name:
            return [()]
        names = parent.source_in(self.resources[parent.name])
        keys = [tuple(row.get(name) for name in names) for row in self.sample(parent.name).rows]
        whole = [key for key in dict.fromkeys(keys) if None not in key]
        return whole[: _TRIES_DEEP if self.deep else _TRIES]

    def _licence_findings(self) -> t.Iterator[Verdict]:
        denied = [self.sample(name) for name in self.streams]
        denied = [sample for sample in denied if sample.access is Access.DENIED]
        if denied:
            names = ", ".join(sample.resource.name for sample in denied)
            yield self.holds("licence", f"not licensed: {names}")
        if "rental_districts" in self.streams:
            districts = self.sample("rental_districts")
            if districts.access is Access.READ:
                yield self.holds("districts", "the operation answers")
            elif districts.access is Access.MISSING:
                yield self.differs("districts", districts.said, "rental_districts")
        for name, assumption in (
            ("rental_instruments", "rental_instruments_by"),
            ("inventory_details", "item_key"),
        ):
            if name in self.streams and self.sample(name).rows:
                yield self.holds(assumption, f"{name} answers with rows", name)

    def _key_findings(self) -> t.Iterator[Verdict]:
        holding = 0
        for name in self.streams:
            sample = self.sample(name)
            if not sample.rows or self.resources[name].parents:
                continue
            if name == "ecommerce_products" and not sample.resource.primary_keys:
                yield aim_points.product_key(self, sample)
                continue
            which = "contract_key" if name == "contracts" else "list_keys"
            finding = self.key_finding(which, sample)
            if finding.state is VerdictState.HOLDS and which == "list_keys":
                holding += 1
            elif finding.state is not VerdictState.UNTOLD:
                yield finding
        if holding:
            yield self.holds("list_keys", f"unique in the first page of {holding} lists")


EXAMINER = AimExaminer
