"""Examines an AIMS360 tenant (aims360.md)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import typing as t

from erp_cli.doctor.columns import stamp_columns
from erp_cli.doctor.examiner import Access, Examiner, Sample
from erp_cli.doctor.wrappers import rows_in
from erp_vendors.aims360 import odata
from erp_vendors.aims360.assumptions import ASSUMPTIONS
from erp_vendors.aims360.auth import TOKEN_PATH, Aims360Auth
from erp_vendors.aims360.client import NO_ROW, Aims360Client, refuses_query
from erp_vendors.aims360.settings import DATE_ZONES, QUERY_OPTIONS
from erp_vendors.assumption import State
from erp_vendors.elements import unwrapped
from erp_vendors.errors import CallError, CredentialsError, MissingResourceError
from tap_erp.stamps import from_iso, to_iso

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_cli.doctor.examiner import Row
    from erp_vendors.aims360 import Aims360Resource
    from erp_vendors.assumption import Finding
    from erp_vendors.resource import Resource

_SIZES = (100, 50, 25, 10)
"""Page sizes that are tried where the one of the settings is refused."""
_LARGE = 1000
_FEWEST = 2
_ZONE = dt.timedelta(hours=15)
_SIZE = "pagesize"
_NAMES = {"$count": "count", "$expand": "expand", "$orderby": "order_by", "$filter": "filter"}


class Aims360Examiner(Examiner[Aims360Client]):
    """Reads the first page of each list, as the tap would ask for it; then a few more of one."""

    assumptions = ASSUMPTIONS
    most_calls = 60
    assumed_columns = frozenset({"lastModifiedOn"})

    def __init__(self, client: Aims360Client, streams: t.Collection[str], *, deep: bool) -> None:
        # An Aqua export is none of the resources: it starts work at the vendor.
        lists = [name for name in streams if name in client.resources]
        super().__init__(client, lists, deep=deep)
        self._taken: set[str] = set()
        self._refused: dict[str, str] = {}
        self._size: int = client.page_size
        self._single = ""

    @property
    def logins(self) -> tuple[str, ...]:
        """The password grant."""
        return (TOKEN_PATH.lower(),)

    @property
    def resources(self) -> Mapping[str, Aims360Resource]:
        """The resources, the settings applied."""
        return self.client.resources

    def other_logins(self) -> t.Iterator[Finding]:
        """The other place of the client's secret; then the other region."""
        block, transport = self.client.block, self.client.transport
        if not block.get("client_id"):
            return
        transport.forget_refusal()
        other = "basic" if block.get("client_secret_in") == "form" else "form"
        auth = Aims360Auth(block, secret_in=other)
        auth.transport = transport
        try:
            auth.login.current()
        except CredentialsError as error:
            yield self.untold("secret_in", f"{other} is refused, too: {error}")
        else:
            settings = {"client_secret_in": other}
            yield self.differs("secret_in", f"a login by {other} works", settings=settings)

    def planned_calls(self) -> int:
        """A login, the first page of each list, and what options and a filter take."""
        return 2 + 2 * len(self.streams) + 20 + 5 * self.deep

    def read_sample(self, resource: Resource) -> Sample:
        """The first page, with as many of the tap's query options as are taken."""
        wanted = self.resources[resource.name]
        try:
            answer = self._first_page(wanted)
        except MissingResourceError:
            rows = self._singles(wanted)
            if not rows:
                raise
            return Sample(resource, Access.READ, rows)
        place = self._place(wanted, answer)
        entry = {} if place is None else {"rows_in": place}
        read = dataclasses.replace(wanted, rows_in=wanted.rows_in if place is None else place)
        page = odata.read_page(read.path, unwrapped(answer, read.rows_in), read.primary_keys)
        total = page.total
        if total is None and isinstance(answer, dict):
            total = odata.read_page(read.path, {**answer, "value": []}, ()).total
        self._pages[read.name] = _Page(total, isinstance(answer, list))
        whole = total is not None and total <= len(page.rows)
        return Sample(read, Access.READ, page.rows, entry=entry, whole=whole)

    @staticmethod
    def _place(resource: Aims360Resource, answer: object) -> str | None:
        """Where the rows are, if they are not where the tap looks for them."""
        try:
            odata.read_page(
                resource.path, unwrapped(answer, resource.rows_in), resource.primary_keys
            )
        except ValueError:
            raise
        except Exception:  # noqa: BLE001
            return rows_in(answer, (), resource.name)
        return None
