"""Examines a Pentamic account (pentamic.md)."""

from __future__ import annotations

import functools
import re
import typing as t
import urllib.parse

from erp_cli.doctor.columns import is_unique
from erp_cli.doctor.examiner import Access, Examiner, ResourceSample
from erp_vendors.errors import CallError, DataError, MissingResourceError
from erp_vendors.http.xmldoc import is_xml
from erp_vendors.pentamic import answers
from erp_vendors.pentamic.assumptions import ASSUMPTIONS
from erp_vendors.pentamic.client import ORDER_REFUSED, PentamicClient, schema_of
from erp_vendors.pentamic.resources import parent_of
from erp_vendors.settings import NONE

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_cli.doctor.examiner import Row
    from erp_vendors.assumption import Verdict
    from erp_vendors.pentamic import PentamicResource
    from erp_vendors.resource import Resource

_PARENTS = 3
"""Customers whose invoices are read."""
_PARENTS_DEEP = 20
_QUERY_REFUSED = ORDER_REFUSED | {403, 404, 500}
_TAX_CODE = re.compile(rb'"taxCode"\s*:\s*("?)(-?[0-9]+)')
_FEWEST = 2
_ROWS = 500
"""Rows of a list that are looked at."""


class PentamicExaminer(Examiner[PentamicClient]):
    """Reads the customer list once or twice, and the invoices of some customers."""

    assumptions = ASSUMPTIONS
    most_calls = 30

    def __init__(self, client: PentamicClient, streams: t.Collection[str], *, deep: bool) -> None:
        super().__init__(client, streams, deep=deep)
        self._slash = bool(client.block.get("trailing_slash"))
        self._order: str = client.block.get("order_by")
        self._refused_order = ""
        self._bodies: dict[str, bytes] = {}

    @property
    def logins(self) -> tuple[str, ...]:
        """The path of the identity server."""
        return (urllib.parse.urlsplit(self.client.block.get("token_url")).path.rstrip("/").lower(),)

    @property
    def resources(self) -> Mapping[str, PentamicResource]:
        """The resources, the settings applied."""
        return self.client.resources

    def log_in(self) -> None:
        """Read the customer list, as nothing smaller is documented (4.1, 7)."""
        self._list(self.resources["customers"], self.resources["customers"].path)

    def planned_calls(self) -> int:
        """A login, and for each resource what its sample takes, other spellings included."""
        children = sum(self.resources[name].is_child for name in self.streams)
        parents = _PARENTS_DEEP if self.deep else _PARENTS
        return 4 + 2 * (len(self.streams) - children) + parents * children

    def read_sample(self, resource: Resource) -> ResourceSample:
        """The whole list, as there is nothing smaller; of a child, the lists of some parents."""
        wanted = self.resources[resource.name]
        if not wanted.is_child:
            rows = self._list(wanted, wanted.path)
            return ResourceSample(resource, Access.READ, rows[:_ROWS], whole=len(rows) <= _ROWS)
        parent = parent_of(wanted, self.resources)
        assert parent is not None  # noqa: S101 - that makes it a child
        above = self.sample(parent.name)
        if above.access is not Access.READ:
            return ResourceSample(resource, above.access, said=above.said)
        rows = []
        keys = [row.get(parent.key) for row in above.rows]
        for key in [key for key in keys if key][: _PARENTS_DEEP if self.deep else _PARENTS]:
            path = wanted.path_of(urllib.parse.quote(str(key), safe=""))
            found = self._list(wanted, path)
            rows += [{wanted.parent_property: key, **row} for row in found if isinstance(row, dict)]
        return ResourceSample(resource, Access.READ, rows[:_ROWS])

    def findings(self) -> t.Iterator[Verdict]:
        """Look at what was read already; no further call is made."""
        yield self._slash_finding()
        customers = self.sample("customers")
        body = self._bodies.get("customers", b"")
        if body:
            yield self._format_finding(body)
            yield self._tax_code_finding(body)
            yield self._order_finding(customers.rows)
        if customers.rows:
            yield self.key_finding("customer_key", customers)
        if "customer_invoices" in self.streams:
            invoices = self.sample("customer_invoices")
            if invoices.rows:
                yield self.key_finding(
                    "invoice_key",
                    invoices,
                    within=self.resources["customer_invoices"].parent_property,
                )
                yield self._ids_finding(invoices.rows)

    def _slash_finding(self) -> Verdict:
        if self._slash and not self.client.block.get("trailing_slash"):
            seen = "without a slash at its end the customer list is not there, with one it is"
            return self.differs("slash", seen, settings={"trailing_slash": True})
        return self.holds("slash", "the paths work as they are")

    def _format_finding(self, body: bytes) -> Verdict:
        if is_xml(body):
            return self.differs("formats", "the customer list comes as XML, which is read as well")
        return self.holds("formats", "the customer list is JSON")

    def _tax_code_finding(self, body: bytes) -> Verdict:
        if is_xml(body):
            return self.untold("tax_code", "XML does not tell text from numbers")
        codes = [(match[1] == b'"', match[2]) for match in _TAX_CODE.finditer(body)]
        if not codes:
            return self.untold("tax_code", "no customer has a tax code of digits")
        if any(not quoted and code.startswith(b"0") for quoted, code in codes):
            return self.holds("tax_code", "unquoted, leading zeros included; they are kept")
        if all(quoted for quoted, _ in codes):
            return self.differs("tax_code", "text, zeros included; it is read as it is")
        said = "a number without leading zeros, which are lost at the vendor; they are not made up"
        return self.differs("tax_code", said)

    def _order_finding(self, rows: list[Row]) -> Verdict:
        if self._refused_order:
            said = f"refused: {self._refused_order}"
            return self.differs("order_by", said, settings={"order_by": NONE})
        if not self._order:
            return self.untold("order_by", "the settings ask for no order")
        values = [value for row in rows if isinstance(value := row.get(self._order), int)]
        if len(values) < max(_FEWEST, len(rows)):
            return self.untold("order_by", "there are too few rows to see an order")
        if values == sorted(values):
            return self.holds("order_by", f"the list is sorted by {self._order}")
        return self.differs("order_by", "taken, but without effect; the reading does not need it")

    def _ids_finding(self, rows: list[Row]) -> Verdict:
        invoices = self.resources["customer_invoices"]
        name = invoices.primary_keys[-1] if invoices.primary_keys else "id"
        parents = {str(row.get(invoices.parent_property)) for row in rows}
        if len(parents) < _FEWEST or not any(row.get(name) is not None for row in rows):
            return self.untold("invoice_ids", "no two customers with invoices that have an id")
        if is_unique(rows, (name,)):
            return self.holds("invoice_ids", f"unique in {len(rows)} of {len(parents)} customers")
        said = f"{name} repeats between customers; with the customer's id it is the key"
        return self.differs("invoice_ids", said)

    def _list(self, resource: PentamicResource, path: str) -> list[Row]:
        """Read a list, without an order or with a slash at its end if it takes that."""
        try:
            body = self._get(resource, path)
        except MissingResourceError:
            if self._slash:
                raise
            self._slash = True
            try:
                body = self._get(resource, path)
            except MissingResourceError:
                self._slash = False
                raise
        self._bodies[resource.name] = body
        properties = schema_of(resource, self.resources)["properties"]
        try:
            return answers.rows(body, properties) if body else []
        except ValueError as error:
            msg = f"pentamic: GET {path} answered with neither JSON nor XML: {error}"
            raise DataError(msg) from None

    def _get(self, resource: PentamicResource, path: str) -> bytes:
        tail = "/" if self._slash else ""
        order = self._order if resource.name == "customers" else ""
        call = functools.partial(self.client.transport.call, "GET", f"{path}{tail}", optional=True)
        try:
            return call(params={"orderBy": order} if order else {}).body
        except CallError as error:
            if not order or error.status not in _QUERY_REFUSED:
                raise
            body = call().body
            self._order, self._refused_order = "", str(error)
            return body


EXAMINER = PentamicExaminer
