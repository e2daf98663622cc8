"""Reads first pages of AIMS360's lists, whichever query options the tenant takes (aims360.md 4)."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_cli.doctor.examiner import Access, Examiner, ResourceSample
from erp_cli.doctor.wrappers import rows_in
from erp_vendors.aims360 import odata
from erp_vendors.aims360.client import Aims360Client, refuses_query
from erp_vendors.elements import unwrapped
from erp_vendors.errors import CallError, DataError, MissingResourceError

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_cli.doctor.examiner import Row
    from erp_vendors.aims360 import Aims360Resource
    from erp_vendors.aims360.odata import ODataPage
    from erp_vendors.assumption import Verdict
    from erp_vendors.resource import Resource

SIZES = (100, 50, 25, 10)
"""Page sizes that are tried where the one of the settings is refused."""
NAMES = {"$count": "count", "$expand": "expand", "$orderby": "order_by", "$filter": "filter"}
"""Names of the assumptions about query options."""
_FEWEST = 2
_SIZE = "pagesize"


class Aims360Lists(Examiner[Aims360Client]):
    """Reads the first page of each list, as the tap would ask for it.

    Attributes:
        taken: Query options that a list has taken.
        refused: What was said to those that a list has refused.
        size: Size of pages that is taken.
        size_refused: What was said to the size of the settings, if it was refused.
        totals: How many records each list says that it has.
        single: Name of the resource that has no list, and was read one by one.
        bare: Names of the resources whose lists are bare arrays.
    """

    def __init__(self, client: Aims360Client, streams: t.Collection[str], *, deep: bool) -> None:
        # An Aqua export is none of the resources: it starts work at the vendor.
        lists = [name for name in streams if name in client.resources]
        super().__init__(client, lists, deep=deep)
        self.taken: set[str] = set()
        self.refused: dict[str, str] = {}
        self.size: int = client.page_size
        self.size_refused = ""
        self.single = ""
        self.totals: dict[str, int | None] = {}
        self.bare: list[str] = []

    @property
    def resources(self) -> Mapping[str, Aims360Resource]:
        """The resources, the settings applied."""
        return self.client.resources

    def read_sample(self, resource: Resource) -> ResourceSample:
        """The first page, with as many of the tap's query options as are taken."""
        wanted = self.resources[resource.name]
        try:
            answer = self._first_page(wanted)
        except MissingResourceError:
            rows = self._singles(wanted)
            if not rows:
                raise
            self.single = wanted.name
            return ResourceSample(resource, Access.READ, rows)
        entry = {}
        try:
            page = _page_of(wanted, answer)
        except DataError:
            wanted = dataclasses.replace(wanted, rows_in=rows_in(answer, (), wanted.name))
            entry["rows_in"] = wanted.rows_in
            page = _page_of(wanted, answer)
        self.totals[wanted.name] = page.total
        if isinstance(answer, list):
            self.bare.append(wanted.name)
        whole = page.total is not None and page.total <= len(page.rows)
        return ResourceSample(wanted, Access.READ, page.rows, entry=entry, whole=whole)

    def _singles(self, resource: Aims360Resource) -> list[Row]:
        """Two records at paths of their own, where a guessed list is not there (7.1)."""
        source, column = resource.keys_from
        if not resource.single_path or source not in self.streams:
            return []
        keys = dict.fromkeys(odata.pick(row, column) for row in self.sample(source).rows)
        found = (self.client.single(resource, key) for key in [k for k in keys if k][:_FEWEST])
        return [row for row in found if row is not None]

    def _first_page(self, resource: Aims360Resource) -> object:
        """The first page; where it is refused, each of its query options is tried alone."""
        options = {
            "$count": "true",
            "$expand": resource.expand,
            "$orderby": ",".join(resource.primary_keys),
        }
        known = self.client.query_options - (self.refused.keys() - self.taken)
        wanted = {name: text for name, text in options.items() if text and name in known}
        try:
            answer = self._get(resource, {_SIZE: str(self.size), **wanted})
        except CallError as error:
            if not refuses_query(error):
                raise
            wanted = self._narrowed(resource, wanted, error)
            answer = self._get(resource, {_SIZE: str(self.size), **wanted})
        self.taken |= wanted.keys()
        return answer

    def _narrowed(
        self, resource: Aims360Resource, wanted: dict[str, str], error: CallError
    ) -> dict[str, str]:
        """The query options that a list takes; the size of a page is made smaller if it has to be.

        Raises:
            CallError: If the list is refused without any.
        """
        self._get(resource, {_SIZE: str(SIZES[-1])})
        for size in (self.size, *(size for size in SIZES if size < self.size)):
            try:
                self._get(resource, {_SIZE: str(size)})
            except CallError as refused:
                if not refuses_query(refused):
                    raise
                self.size_refused = str(refused)
            else:
                self.size = size
                break
        taken = {}
        for name, text in wanted.items():
            try:
                self._get(resource, {_SIZE: str(self.size), name: text})
            except CallError as refused:
                if not refuses_query(refused):
                    raise
                self.refused.setdefault(name, str(refused))
            else:
                taken[name] = text
        if taken == wanted and not self.size_refused:
            raise error
        return taken

    def _get(self, resource: Aims360Resource, options: t.Mapping[str, str]) -> object:
        path = odata.with_query(resource.path, options)
        return self.client.transport.get_json(path, optional=not resource.documented)

    def ask(self, sample: ResourceSample, options: t.Mapping[str, str]) -> list[Row]:
        """The rows of one page of a list."""
        resource = t.cast("Aims360Resource", sample.resource)
        answer = self._get(resource, {_SIZE: str(self.size), **options})
        return _page_of(resource, answer).rows

    def drop(self, option: str, seen: str) -> Verdict:
        """A finding that a query option is of no use; what is left is set for all together."""
        return self.differs(NAMES[option], seen, settings={"query_options": []})

    def ask_or_none(self, sample: ResourceSample, options: t.Mapping[str, str]) -> list[Row] | None:
        """As `ask`; None if the vendor refuses it, or has no such page."""
        try:
            return self.ask(sample, options)
        except (CallError, MissingResourceError) as error:
            if isinstance(error, CallError) and not (refuses_query(error) or error.status == 404):  # noqa: PLR2004
                raise
            return None


def _page_of(resource: Aims360Resource, answer: object) -> ODataPage:
    return odata.read_page(
        resource.path, unwrapped(answer, resource.rows_in), resource.primary_keys
    )
