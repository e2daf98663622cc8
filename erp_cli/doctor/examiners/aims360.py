"""Examines an AIMS360 tenant (aims360.md)."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_cli.doctor.examiner import Access, Examiner, Sample
from erp_cli.doctor.examiners.aims360_search import SIZES, ListProbe
from erp_cli.doctor.wrappers import rows_in
from erp_vendors.aims360 import odata
from erp_vendors.aims360.assumptions import ASSUMPTIONS
from erp_vendors.aims360.auth import TOKEN_PATH, Aims360Auth
from erp_vendors.aims360.client import Aims360Client, refuses_query
from erp_vendors.aims360.settings import HOSTS, QUERY_OPTIONS
from erp_vendors.assumption import State
from erp_vendors.elements import unwrapped
from erp_vendors.errors import (
    CallError,
    DataError,
    ErpError,
    MissingResourceError,
)

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_cli.doctor.examiner import Row
    from erp_vendors.aims360 import Aims360Resource
    from erp_vendors.aims360.odata import ODataPage
    from erp_vendors.assumption import Finding
    from erp_vendors.resource import Resource

_FEWEST = 2
_SIZE = "pagesize"
_NAMES = {"$count": "count", "$expand": "expand", "$orderby": "order_by", "$filter": "filter"}


class Aims360Examiner(Examiner[Aims360Client]):
    """Reads the first page of each list, as the tap would ask for it; then a few more of one.

    Attributes:
        taken: Query options that a list has taken.
        refused: What was said to those that a list has refused.
        size: Size of pages that is taken.
        size_refused: What was said to the size of the settings, if it was refused.
        totals: How many records each list says that it has.
    """

    assumptions = ASSUMPTIONS
    most_calls = 60
    assumed_columns = frozenset({"lastModifiedOn"})

    def __init__(self, client: Aims360Client, streams: t.Collection[str], *, deep: bool) -> None:
        # An Aqua export is none of the resources: it starts work at the vendor.
        lists = [name for name in streams if name in client.resources]
        super().__init__(client, lists, deep=deep)
        self.taken: set[str] = set()
        self.refused: dict[str, str] = {}
        self.size: int = client.page_size
        self.size_refused = ""
        self._single = ""
        self.totals: dict[str, int | None] = {}
        self._bare: list[str] = []

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
        block = self.client.block
        if block.get("client_id"):
            other = "basic" if block.get("client_secret_in") == "form" else "form"
            why = self._refusal(Aims360Auth(block, secret_in=other))
            if not why:
                settings = {"client_secret_in": other}
                yield self.differs("secret_in", f"a login by {other} works", settings=settings)
                return
            yield self.untold("secret_in", f"{other} does not help: {why}")
        for region in () if block.get("api_url") else HOSTS.keys() - {block.get("region")}:
            why = self._refusal(Aims360Auth(block, base=HOSTS[region]), HOSTS[region])
            if why:
                yield self.untold("region", f"{region} does not let us in, either: {why}")
            else:
                settings = {"region": region}
                yield self.differs("region", f"{region} lets us in", settings=settings)

    def _refusal(self, auth: Aims360Auth, base: str = "") -> str:
        """Why a login is of no use; empty if it is. A region may log in those of the other one."""
        transport = self.client.transport
        transport.forget_refusal()
        if base:
            transport.trust(base)
        auth.transport = transport
        path = odata.with_query(self.resources["background_jobs"].path, {_SIZE: "1"})
        try:
            transport.call("GET", f"{base}{path}", auth=auth)
        except ErpError as error:
            return str(error)
        return ""

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
            self._single = wanted.name
            return Sample(resource, Access.READ, rows)
        entry = {}
        try:
            page = _page_of(wanted, answer)
        except DataError:
            wanted = dataclasses.replace(wanted, rows_in=rows_in(answer, (), wanted.name))
            entry["rows_in"] = wanted.rows_in
            page = _page_of(wanted, answer)
        self.totals[wanted.name] = page.total
        if isinstance(answer, list):
            self._bare.append(wanted.name)
        whole = page.total is not None and page.total <= len(page.rows)
        return Sample(wanted, Access.READ, page.rows, entry=entry, whole=whole)

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

    def ask(self, sample: Sample, options: t.Mapping[str, str]) -> list[Row]:
        """The rows of one page of a list."""
        resource = t.cast("Aims360Resource", sample.resource)
        answer = self._get(resource, {_SIZE: str(self.size), **options})
        return _page_of(resource, answer).rows

    def findings(self) -> t.Iterator[Finding]:
        """What the first pages show; then options and a filter at one list each."""
        block = self.client.block
        yield self.holds("region", f"{block.get('api_url') or block.get('region')} lets us in")
        if block.get("client_id") and not block.get("access_token"):
            yield self.holds("secret_in", f"a login by {block.get('client_secret_in')} works")
        read = [s for name in self.streams if (s := self.sample(name)).access is Access.READ]
        lists = [sample for sample in read if sample.rows and sample.resource.name != self._single]
        yield from self._rows_findings(read)
        if "styles" in self.streams:
            yield from self._styles_findings()
        yield from self._key_findings(lists)
        yield from self._stamp_findings(lists)
        probe = ListProbe(self, lists)
        yield from probe.size_findings()
        findings = [*self._option_findings(lists)]
        findings += probe.order_findings()
        findings += probe.filter_findings()
        yield from self._with_settings(findings)
        yield from probe.end_findings()

    def _with_settings(self, findings: list[Finding]) -> t.Iterator[Finding]:
        """The findings; all that say what to leave out say it together, as it is one setting."""
        out = {option for option, name in _NAMES.items() for one in findings
               if one.name == name and "query_options" in one.settings}  # fmt: skip
        kept = [name for name in QUERY_OPTIONS if name in self.client.query_options - out]
        for one in findings:
            settings = {**one.settings}
            if "query_options" in settings:
                settings["query_options"] = kept
            yield dataclasses.replace(one, settings=settings)

    def drop(self, option: str, seen: str) -> Finding:
        """A finding that a query option is of no use; what is left is set for all together."""
        return self.differs(_NAMES[option], seen, settings={"query_options": []})

    def _rows_findings(self, read: list[Sample]) -> t.Iterator[Finding]:
        wrapped = [sample for sample in read if "rows_in" in sample.entry]
        for sample in wrapped:
            seen = f"the records are in {sample.entry['rows_in']}"
            yield self.differs("rows", seen, sample.resource.name, entry=sample.entry)
        # The list of documents is a bare array by the documents (3).
        bare = [name for name in self._bare if name != "documents"]
        if bare:
            yield self.differs("rows", f"bare arrays ({', '.join(bare)}), which are read as well")
        elif read and not wrapped:
            yield self.holds("rows", "the records are in value")

    def _styles_findings(self) -> t.Iterator[Finding]:
        styles = self.sample("styles")
        if self._single:
            seen = f"there is no list, but {len(styles.rows)} single records; they are read so"
            yield self.differs("styles_list", seen, "styles")
        elif styles.access is Access.READ:
            yield self.holds("styles_list", "it is there", "styles")
        else:
            yield self.untold("styles_list", styles.said, "styles")

    def _key_findings(self, lists: list[Sample]) -> t.Iterator[Finding]:
        for sample in lists:
            name = "order_key" if sample.resource.name == "orders" else "record_keys"
            wanted = t.cast("Aims360Resource", sample.resource)
            missing = not any(
                all(odata.pick(row, key) is not None for key in wanted.primary_keys)
                for row in sample.rows
            )
            for key in wanted.spare_keys if missing else ():
                if all(row.get(key) is not None for row in sample.rows):
                    seen = f"no record has {' + '.join(wanted.primary_keys)}, but all have {key}"
                    entry = {"primary_keys": [key]}
                    yield self.differs(name, seen, wanted.name, entry=entry)
                    break
            else:
                if wanted.primary_keys:
                    yield self.key_finding(name, sample)

    def _stamp_findings(self, lists: list[Sample]) -> t.Iterator[Finding]:
        found = [self.stamp_finding("stamps", s) for s in lists if s.resource.replication_key]
        others = [one for one in found if one.state is State.DIFFERS]
        yield from others
        if found and not others:
            yield self.holds("stamps", f"present in {len(found)} lists")

    def _option_findings(self, lists: list[Sample]) -> t.Iterator[Finding]:
        for option in ("$count", "$expand"):
            if option in self.refused and option not in self.taken:
                yield self.drop(option, f"refused: {self.refused[option]}")
            elif option in self.refused:
                seen = f"refused by some lists: {self.refused[option]}"
                yield self.differs(_NAMES[option], seen)
        if "$count" in self.taken:
            counted = [name for name, total in self.totals.items() if total is not None]
            if counted:
                yield self.holds("count", f"{len(counted)} lists say how many records they have")
            else:
                seen = "taken, but no list says how many records it has; pages are joined instead"
                yield self.differs("count", seen)
        if "$expand" in self.taken:
            yield from self._children_findings(lists)

    def _children_findings(self, lists: list[Sample]) -> t.Iterator[Finding]:
        there: list[str] = []
        absent: list[str] = []
        for sample in lists:
            child = t.cast("Aims360Resource", sample.resource).expand.partition("(")[0]
            if child:
                present = any(odata.pick(row, child) is not None for row in sample.rows)
                (there if present else absent).append(f"{sample.resource.name}/{child}")
        if absent:
            yield self.differs("expand", f"taken, but without effect: no {', '.join(absent)}")
        elif there:
            yield self.holds("expand", f"{', '.join(there)} came")

    def ask_or_none(self, sample: Sample, options: t.Mapping[str, str]) -> list[Row] | None:
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


EXAMINER = Aims360Examiner
