"""AIMS360's calls: lists, single records, jobs, documents, orders."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, quote, unquote_plus

from erp_sandbox.aims360 import odata, orders
from erp_sandbox.aims360.auth import Aims360Authority
from erp_sandbox.aims360.jobs import STORAGE_PATH, Jobs
from erp_sandbox.aims360.limiter import CallsPerMinute
from erp_sandbox.aims360.options import REGIONS, VARIANTS, Aims360Options
from erp_sandbox.aims360.resources import RESOURCES, STAMP
from erp_sandbox.aims360.seed import Aims360Seed
from erp_sandbox.aims360.values import absolute, moment_text, refusal
from erp_sandbox.exchange import SandboxAnswer, json_answer
from erp_sandbox.vendor import SandboxVendor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from erp_sandbox.aims360.resources import SandboxAims360Resource
    from erp_sandbox.exchange import SandboxCall
    from erp_sandbox.limits import Limiter
    from erp_sandbox.store import Collection, Row, TableShape
    from erp_sandbox.vendor import Workbench

TOKEN_PATH = "authentication/v1/authentication/token"  # noqa: S105 - a path
_EXPORT_PATHS = ("reports/v1.0/reports/exportdata", "reports/v1.0/exportdata")
_DOCUMENT = "documentmanagement/v1.0/aimsdocument"
_JOB = "jobsmanagement/v1.0/backgroundjob"
_LINKS = ("publishLink", "requestURL", "downloadUri")
_FILTERED = ("background_jobs", "documents")
"""Resources whose ``$filter`` is documented (4.2)."""
_KNOWN = ("$count", "$expand", "$filter", "$orderby", "$select", "$skip", "$top", "$format")


class Aims360Vendor(SandboxVendor):
    """AIMS360's API of one tenant; the region hosts are path prefixes here."""

    name: ClassVar[str] = "aims360"
    Options: ClassVar[type[Any]] = Aims360Options
    variants = VARIANTS
    options: Aims360Options

    def __init__(self, bench: Workbench, options: Aims360Options) -> None:
        self.resources = {resource.name: resource for resource in RESOURCES}
        unknown = set(options.unstamped) - set(self.resources)
        if unknown:
            message = f"no AIMS360 resource {', '.join(sorted(unknown))}"
            raise ValueError(message)
        self.seeder = Aims360Seed(bench, options.client_id)
        super().__init__(bench, options)
        if options.overload_every and not bench.limits:
            self.limiter = CallsPerMinute(bench, options, limited=False)
        self.authority = Aims360Authority(bench.clock, options)
        self._jobs = Jobs(self, options, self.seeder, self.authority)

    def shapes(self) -> Iterable[TableShape]:
        """Return how each resource is kept."""
        return [resource.shape() for resource in self.resources.values()]

    def make_limiter(self) -> Limiter:
        """Return the calls of a minute (5.1)."""
        return CallsPerMinute(self.bench, self.options, limited=True)

    def seed(self) -> None:
        """Make the rows."""
        for name, rows in self.seeder.make().items():
            for row in rows:
                self.collections[name].put(row)

    def stamp(self) -> object:
        """Return the present time in UTC with seven fractional digits (3)."""
        return moment_text(self.bench.clock.utc())

    def new_key(self, collection: Collection) -> object:  # noqa: ARG002 - same as the base
        """Return a fresh GUID."""
        return str(uuid.uuid4())

    def completed(self, collection: Collection, row: Row) -> Row:
        """Give a row put in by the control endpoints all of its columns."""
        columns = self.resources[collection.shape.name].columns
        blank: Row = {
            name: [] if isinstance(kind, dict) else None for name, kind in columns.items()
        }
        return {**blank, **row}

    @classmethod
    def credentials_text(cls, options: Aims360Options) -> str:
        """Return the demo credentials."""
        return (
            f"access_token {options.access_token}, or client_id {options.client_id}, client_secret "
            f"{options.client_secret}, user {options.username}, password {options.password}; "
            f"region {options.region}"
        )

    def about(self) -> dict[str, object]:
        """Return base URL and credentials."""
        options = self.options
        return {
            "base_url": f"/aims360/{options.region}",
            "credentials": {
                "access_token": options.access_token,
                "client_id": options.client_id,
                "client_secret": options.client_secret,
                "username": options.username,
                "password": options.password,
            },
            "example": f"/aims360/{options.region}/orders/v1.0/orders?pagesize=250&$count=true",
            "keys": {name: resource.key for name, resource in self.resources.items()},
        }

    def expire_tokens(self) -> int:
        """Kill all granted tokens."""
        return self.authority.expire()

    def extra_report(self) -> dict[str, object]:
        """Return how many calls were refused as overload."""
        refused = self.limiter.refused if isinstance(self.limiter, CallsPerMinute) else 0
        return {"overloaded": refused}

    async def handle(self, call: SandboxCall) -> SandboxAnswer:
        """Answer one call; the case of a path does not matter (INF, 1.1)."""
        parts = call.path.strip("/").split("/")
        region = parts.pop(0).lower() if parts[0].lower() in REGIONS else None
        path = "/".join(parts).lower()
        if path == TOKEN_PATH:
            self._only(call, "POST", path)
            return self.authority.grant(call)
        for folder in (_DOCUMENT, STORAGE_PATH.strip("/")):
            if path.startswith(folder + "/"):
                return self._download(call, parts, folder)
        self.authority.check(call)
        if region not in {None, self.options.region}:
            # What the other region answers is UNK.
            raise refusal(self.options.auth_status, "AuthenticationFailed", "Unknown tenant.")
        if path in _EXPORT_PATHS:
            self._only(call, "POST", path)
            call.resource = "background_jobs"
            return self._jobs.submit(call)
        if path == "orders/v1.0/order":
            self._only(call, "POST", path)
            call.resource = "orders"
            return orders.create(self, self.options, call)
        if path.startswith(_JOB + "/") and path.endswith("/rerun"):
            self._only(call, "POST", f"{_JOB}/{{jobID}}/rerun")
            call.resource = "background_jobs"
            return self._jobs.rerun(call, parts[-2])
        return self._read(call, path, parts)

    @staticmethod
    def _only(call: SandboxCall, verb: str, path: str) -> None:
        call.template = "/" + path
        if call.method != verb:
            text = f"The requested resource does not support {call.method}."
            raise refusal(405, "UnsupportedHttpVerb", text, {"Allow": verb})

    def _download(self, call: SandboxCall, parts: list[str], folder: str) -> SandboxAnswer:
        depth = folder.count("/") + 1
        keys = parts[depth:]
        storage = folder != _DOCUMENT
        self._only(call, "GET", f"{folder}/{{document}}" + "/{token}" * (len(keys) > 1))
        if len(keys) > 2 or (storage and len(keys) != 2):  # noqa: PLR2004 - document and token
            raise refusal(404, "ResourceNotFound", "Not found.")
        token = keys[1] if len(keys) > 1 else None
        return self._jobs.download(call, keys[0].lower(), token, storage=storage)

    def _read(self, call: SandboxCall, path: str, parts: list[str]) -> SandboxAnswer:
        for resource in self.resources.values():
            if resource.name in {"background_jobs", "documents"}:
                self._jobs.move_all()
            if path == resource.path and (resource.name != "styles" or self.options.styles_list):
                self._only(call, "GET", resource.path)
                call.resource = resource.name
                return self._list(call, resource)
            if resource.single and path.rpartition("/")[0] == resource.single[0]:
                self._only(call, "GET", f"{resource.single[0]}/{{key}}")
                call.resource = resource.name
                return self._single(call, resource, parts[-1])
        raise refusal(404, "ResourceNotFound", f"Nothing at {path}.")

    def _single(
        self, call: SandboxCall, resource: SandboxAims360Resource, key: str
    ) -> SandboxAnswer:
        """Return one record as a bare object (3)."""
        if resource.name == "background_jobs":
            return json_answer(self._shown(call, resource, self._jobs.find(key)))
        column = resource.single[1] if resource.single else resource.key
        rows = self.collections[resource.name]
        row = rows.get(key.lower()) if column == resource.key else rows.first(column, key)
        if row is None:
            raise refusal(404, "ResourceNotFound", "The record was not found.")
        expand = call.parameters().get("$expand")
        try:
            show = odata.shower(resource.columns, None, expand)
        except odata.BadQuery as bad:
            raise refusal(400, "InvalidQueryParameterValue", str(bad)) from None
        return json_answer(self._shown(call, resource, show(row)))

    def _shown(self, call: SandboxCall, resource: SandboxAims360Resource, row: Row) -> Row:
        """Return a row without what is hidden, its links made absolute."""
        region = self.options.region
        hidden = self._hidden(resource)
        shown = {
            name: absolute(call, region, value) if name in _LINKS else value
            for name, value in row.items()
            if not name.startswith("_") and name not in hidden
        }
        described = shown.get("response")
        if isinstance(described, str) and '"DownloadLink": "/' in described:
            start = str(absolute(call, region, "/"))
            shown["response"] = described.replace('"DownloadLink": "/', f'"DownloadLink": "{start}')
        return shown

    def _hidden(self, resource: SandboxAims360Resource) -> set[str]:
        """Return the columns that the resource lacks in this run."""
        hidden: set[str] = set()
        if resource.stamp == STAMP and resource.name in self.options.unstamped:
            hidden.add(STAMP)
        if resource.name == "orders" and self.options.order_key != "both":
            hidden |= {"order", "orderID"} - {self.options.order_key}
        return hidden

    def _list(self, call: SandboxCall, resource: SandboxAims360Resource) -> SandboxAnswer:
        """Answer an OData list (4)."""
        query = self._query(call, resource)
        hidden = self._hidden(resource)
        columns = {name: kind for name, kind in resource.columns.items() if name not in hidden}
        for alias, name in resource.aliases.items():
            if "$filter" in query:
                query["$filter"] = query["$filter"].replace(f"{alias} ", f"{name} ")
        try:
            size = self._size(query)
            skip = self._number(query, "$skip", 0)
            top = self._number(query, "$top", size)
            rows = self._ordered(resource)
            if "$filter" in query:
                zone = self.options.date_zone
                test = odata.compile_filter(query["$filter"], columns, zone)
                rows = list(filter(test, rows))
            if "$orderby" in query:
                rows = odata.sort(rows, query["$orderby"], columns)
            show = odata.shower(columns, query.get("$select"), query.get("$expand"))
        except odata.BadQuery as bad:
            raise refusal(400, "InvalidQueryParameterValue", str(bad)) from None
        if skip and skip >= len(rows) and self.options.past_end == "404":
            raise refusal(404, "ResourceNotFound", "No rows past the end.")
        page = rows[skip : skip + min(size, top)]
        shown = [self._shown(call, resource, show(row)) for row in page]
        return json_answer(self._wrapped(call, resource, query, shown, (skip, size, len(rows))))

    def _wrapped(
        self,
        call: SandboxCall,
        resource: SandboxAims360Resource,
        query: dict[str, str],
        shown: list[Row],
        place: tuple[int, int, int],
    ) -> object:
        """Return a page in its envelope; ``place`` is skipped rows, page size and all rows."""
        skip, size, total = place
        if resource.name == "documents" and self.options.document_list == "array":
            # The list is a bare array and a query for one record a bare object (DOC, 3).
            one = "documentGUID eq" in query.get("$filter", "") and len(shown) == 1
            return shown[0] if one else shown
        if self.options.rows == "array" and resource.name != "documents":
            return shown
        # The context names a backend host and lacks the service (OBS(v), 1.1).
        backend = f"https://api{self.options.region}1.aims360.rest/v1.0"
        body: dict[str, object] = {"@odata.context": f"{backend}/$metadata#{resource.entity_set}"}
        if query.get("$count", "").lower() == "true":
            body["@odata.count"] = total
        body["value"] = shown
        ahead = skip + len(shown)
        if shown and self.options.next_link == "misleading":
            # The sample skips by the page size although its page holds one record (DOC, 4.1).
            start = f"{backend}/{resource.entity_set}"
            body["@odata.nextLink"] = f"{start}?{_with_skip(call.query, skip + size)}"
        elif shown and self.options.next_link == "true" and ahead < total:
            start = str(absolute(call, self.options.region, f"/{resource.path}"))
            body["@odata.nextLink"] = f"{start}?{_with_skip(call.query, ahead)}"
        return body

    def _query(self, call: SandboxCall, resource: SandboxAims360Resource) -> dict[str, str]:
        """Return the query options; a name with ``$`` that is not known is refused."""
        kept = {"$filter"} if resource.name in _FILTERED else set()
        refuse, ignore = {*self.options.refuse} - kept, {*self.options.ignore} - kept
        query: dict[str, str] = {}
        for part in filter(None, call.query.split("&")):
            name, _, value = part.partition("=")
            name = unquote_plus(name)
            name = name.lower() if name.startswith("$") or name.lower() == "pagesize" else name
            if name.startswith("$") and (name not in _KNOWN or name in refuse):
                text = f"The query parameter '{name}' is not supported."
                raise refusal(400, "UnsupportedQueryParameter", text)
            if name not in ignore:
                query[name] = unquote_plus(value)
        return query

    def _size(self, query: dict[str, str]) -> int:
        """Return the rows of a page."""
        size, most = (
            self._number(query, "pagesize", self.options.page_size),
            self.options.max_page_size,
        )
        if size > most and self.options.page_over == "refused":
            message = f"pagesize {size} is more than {most}."
            raise odata.BadQuery(message)
        return min(size, most)

    @staticmethod
    def _number(query: dict[str, str], name: str, otherwise: int) -> int:
        text = query.get(name)
        if text is None:
            return otherwise
        if not text.isdigit() or (name == "pagesize" and int(text) == 0):
            message = f"Invalid value '{text}' for {name}."
            raise odata.BadQuery(message)
        return int(text)

    def _ordered(self, resource: SandboxAims360Resource) -> list[Row]:
        """Return all rows in the order without ``$orderby``, which is UNK (4.1)."""
        rows = self.collections[resource.name]
        if self.options.order == "key":
            return rows.by_key()
        found = rows.shuffled()
        if self.options.order == "modified" and resource.stamp:
            stamp = resource.stamp
            found.sort(
                key=lambda row: odata.comparable(row.get(stamp), "moment") or 0, reverse=True
            )
        return found


def _with_skip(query: str, skip: int) -> str:
    """Return a query string with another ``$skip``, at its end."""
    pairs = [p for p in parse_qsl(query, keep_blank_values=True) if p[0].lower() != "$skip"]
    return "&".join(f"{name}={quote(value)}" for name, value in [*pairs, ("$skip", str(skip))])
