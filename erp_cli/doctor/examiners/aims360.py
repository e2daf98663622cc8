"""Examines an AIMS360 tenant (aims360.md)."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_cli.doctor.examiner import Access, ResourceSample
from erp_cli.doctor.examiners.aims360_lists import NAMES, Aims360Lists
from erp_cli.doctor.examiners.aims360_search import ListProbe
from erp_vendors.aims360 import odata
from erp_vendors.aims360.assumptions import ASSUMPTIONS
from erp_vendors.aims360.auth import TOKEN_PATH, Aims360Auth
from erp_vendors.aims360.settings import HOSTS, QUERY_OPTIONS
from erp_vendors.assumption import VerdictState
from erp_vendors.errors import (
    ErpError,
)

if t.TYPE_CHECKING:
    from erp_vendors.aims360 import Aims360Resource
    from erp_vendors.assumption import Verdict

_FEWEST = 2
_SIZE = "pagesize"


class Aims360Examiner(Aims360Lists):
    """Reads the first page of each list, as the tap would ask for it; then a few more of one."""

    assumptions = ASSUMPTIONS
    most_calls = 60
    assumed_columns = frozenset({"lastModifiedOn"})

    @property
    def logins(self) -> tuple[str, ...]:
        """The password grant."""
        return (TOKEN_PATH.lower(),)

    def other_logins(self) -> t.Iterator[Verdict]:
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
            why = self._refusal(Aims360Auth(block), HOSTS[region])
            if why:
                yield self.untold("region", f"{region} does not let us in, either: {why}")
            else:
                settings = {"region": region}
                yield self.differs("region", f"{region} lets us in", settings=settings)

    def _refusal(self, auth: Aims360Auth, base: str = "") -> str:
        """Why a login is of no use; empty if it is. A region may log in those of the other one."""
        transport = auth.transport = self.apart(auth, base)
        path = odata.with_query(self.resources["background_jobs"].path, {_SIZE: "1"})
        try:
            transport.call("GET", path)
        except ErpError as error:
            return str(error)
        return ""

    def planned_calls(self) -> int:
        """A login, the first page of each list, and what options and a filter take."""
        return 2 + 2 * len(self.streams) + 20 + 5 * self.deep

    def findings(self) -> t.Iterator[Verdict]:
        """What the first pages show; then options and a filter at one list each."""
        block = self.client.block
        yield self.holds("region", f"{block.get('api_url') or block.get('region')} lets us in")
        if block.get("client_id") and not block.get("access_token"):
            yield self.holds("secret_in", f"a login by {block.get('client_secret_in')} works")
        read = [s for name in self.streams if (s := self.sample(name)).access is Access.READ]
        lists = [sample for sample in read if sample.rows and sample.resource.name != self.single]
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

    def _with_settings(self, findings: list[Verdict]) -> t.Iterator[Verdict]:
        """The findings; all that say what to leave out say it together, as it is one setting."""
        out = {option for option, name in NAMES.items() for one in findings
               if one.name == name and "query_options" in one.settings}  # fmt: skip
        kept = [name for name in QUERY_OPTIONS if name in self.client.query_options - out]
        for one in findings:
            settings = {**one.settings}
            if "query_options" in settings:
                settings["query_options"] = kept
            yield dataclasses.replace(one, settings=settings)

    def _rows_findings(self, read: list[ResourceSample]) -> t.Iterator[Verdict]:
        wrapped = [sample for sample in read if "rows_in" in sample.entry]
        for sample in wrapped:
            seen = f"the records are in {sample.entry['rows_in']}"
            yield self.differs("rows", seen, sample.resource.name, entry=sample.entry)
        # The list of documents is a bare array by the documents (3).
        bare = [name for name in self.bare if name != "documents"]
        if bare:
            yield self.differs("rows", f"bare arrays ({', '.join(bare)}), which are read as well")
        elif read and not wrapped:
            yield self.holds("rows", "the records are in value")

    def _styles_findings(self) -> t.Iterator[Verdict]:
        styles = self.sample("styles")
        if self.single:
            seen = f"there is no list, but {len(styles.rows)} single records; they are read so"
            yield self.differs("styles_list", seen, "styles")
        elif styles.access is Access.READ:
            yield self.holds("styles_list", "it is there", "styles")
        else:
            yield self.untold("styles_list", styles.said, "styles")

    def _key_findings(self, lists: list[ResourceSample]) -> t.Iterator[Verdict]:
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

    def _stamp_findings(self, lists: list[ResourceSample]) -> t.Iterator[Verdict]:
        found = [self.stamp_finding("stamps", s) for s in lists if s.resource.replication_key]
        others = [one for one in found if one.state is VerdictState.DIFFERS]
        yield from others
        if found and not others:
            yield self.holds("stamps", f"present in {len(found)} lists")

    def _option_findings(self, lists: list[ResourceSample]) -> t.Iterator[Verdict]:
        for option in ("$count", "$expand"):
            if option in self.refused and option not in self.taken:
                yield self.drop(option, f"refused: {self.refused[option]}")
            elif option in self.refused:
                seen = f"refused by some lists: {self.refused[option]}"
                yield self.differs(NAMES[option], seen)
        if "$count" in self.taken:
            counted = [name for name, total in self.totals.items() if total is not None]
            if counted:
                yield self.holds("count", f"{len(counted)} lists say how many records they have")
            else:
                seen = "taken, but no list says how many records it has; pages are joined instead"
                yield self.differs("count", seen)
        if "$expand" in self.taken:
            yield from self._children_findings(lists)

    def _children_findings(self, lists: list[ResourceSample]) -> t.Iterator[Verdict]:
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


EXAMINER = Aims360Examiner
