"""CIMcloud's calls."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from erp_sandbox.cimcloud.auth import CimcloudAuthority
from erp_sandbox.cimcloud.limiter import TwoWindows
from erp_sandbox.cimcloud.options import VARIANTS, CimcloudOptions
from erp_sandbox.cimcloud.resources import CREATED, MODIFIED, resources
from erp_sandbox.cimcloud.search import BadSearch, MisreadDate, Rules, compile_search, split_page
from erp_sandbox.cimcloud.seed import CimcloudSeed
from erp_sandbox.cimcloud.special import PASSTHROUGH, OnlineOrders, passthrough_errors
from erp_sandbox.cimcloud.values import moment_text, money, shown_moment
from erp_sandbox.cimcloud.writes import CimcloudWrites
from erp_sandbox.exchange import Refusal, SandboxAnswer, json_answer
from erp_sandbox.store import renamed
from erp_sandbox.vendor import SandboxVendor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from erp_sandbox.cimcloud.auth import Identity
    from erp_sandbox.cimcloud.resources import SandboxCimcloudResource
    from erp_sandbox.exchange import SandboxCall
    from erp_sandbox.limits import Limiter
    from erp_sandbox.store import Collection, Row, TableShape
    from erp_sandbox.vendor import Workbench


def refusal(status: int, text: str, headers: dict[str, str] | None = None) -> Refusal:
    """Return an error; the envelope is UNK (5.2), so this one is a plain ``message``."""
    return Refusal(json_answer({"message": text}, status, headers))


class CimcloudVendor(SandboxVendor):
    """CIMcloud's HTTP API of one site."""

    name: ClassVar[str] = "cimcloud"
    Options: ClassVar[type[Any]] = CimcloudOptions
    variants = VARIANTS
    options: CimcloudOptions

    def __init__(self, bench: Workbench, options: CimcloudOptions) -> None:
        self.resources = resources(options.primary_keys, options.stamp_column)
        super().__init__(bench, options)
        self._authority = CimcloudAuthority(bench.clock, options)
        self._writer = CimcloudWrites(self, options, self.resources)
        self._online = OnlineOrders(self.collections, self.resources)

    def shapes(self) -> Iterable[TableShape]:
        """Return how each resource is kept."""
        return [*(resource.shape() for resource in self.resources.values()), PASSTHROUGH]

    def make_limiter(self) -> Limiter:
        """Return the two windows of 5.1."""
        return TwoWindows(self.bench, self.options)

    def seed(self) -> None:
        """Make the rows."""
        for name, rows in CimcloudSeed(self.bench, self.resources, self.options).make().items():
            for row in rows:
                self.collections[name].put(row)

    def reset_data(self) -> None:
        """Throw all rows and the queue away and make the rows anew."""
        super().reset_data()
        if hasattr(self, "_writer"):
            self._writer.forget()

    def local_now(self) -> datetime:
        """Return the site's local time, without a zone."""
        moment = self.bench.clock.utc() + timedelta(hours=self.options.utc_offset_hours)
        return moment.replace(tzinfo=None)

    def stamp(self) -> object:
        """Return the present time as it is stored."""
        return moment_text(self.local_now())

    def new_key(self, collection: Collection) -> object:  # noqa: ARG002 - same as the base
        """Return 32 upper-case hex characters (3)."""
        return uuid.uuid4().hex.upper()

    def completed(self, collection: Collection, row: Row) -> Row:
        """Fill the creation stamp."""
        if collection.shape.stamp is not None:
            row.setdefault(CREATED, row.get(MODIFIED))
        return row

    @classmethod
    def credentials_text(cls, options: CimcloudOptions) -> str:
        """Return the demo credentials."""
        return (
            f"site {options.site_name}, AuthKey {options.auth_key}, user {options.username}, "
            f"password {options.password}"
        )

    def about(self) -> dict[str, object]:
        """Return base URL and credentials."""
        return {
            "base_url": "/cimcloud",
            "credentials": {
                "site_name": self.options.site_name,
                "auth_key": self.options.auth_key,
                "username": self.options.username,
                "password": self.options.password,
            },
            "example": f"/cimcloud/{self.options.site_name}/accounts/2",
            "keys": {
                name: {"primary": item.key, "user": list(item.user_key)}
                for name, item in self.resources.items()
            },
        }

    def expire_tokens(self) -> int:
        """Kill all tokens and refresh tokens."""
        return self._authority.expire()

    def extra_report(self) -> dict[str, object]:
        """Return refused calls and the state of the queue."""
        refused = self.limiter.refused if isinstance(self.limiter, TwoWindows) else 0
        return {
            "rate_limited": refused,
            "queue": {"pending": self._writer.pending, "failed": list(self._writer.failed)},
        }

    async def stop(self) -> None:
        """Work off the queue."""
        self._writer.finish()

    async def handle(self, call: SandboxCall) -> SandboxAnswer:
        """Answer one call."""
        site, _, rest = call.raw_path.lstrip("/").partition("/")
        # A searchstring may hold slashes, also at its ends; only the outer ones are dropped.
        rest = rest.strip("/")
        path = unquote(rest).lower()
        if unquote(site).lower() != self.options.site_name.lower():
            raise refusal(404, "Site not found.")
        open_calls = {
            ("GET", "healthcheck/canary"): lambda _: json_answer({"status": "Running"}),
            ("POST", "authenticate"): self._authority.authenticate,
            ("POST", "refresh"): self._authority.refresh,
        }
        if path in {name for _, name in open_calls}:
            call.template = f"/{{site}}/{path}"
            handler = open_calls.get((call.method, path))
            if handler is None:
                raise refusal(405, "The requested resource does not support this method.")
            return handler(call)
        identity = self._authority.identify(call)
        if path in {"healthcheck", "validate", "generatecustomersession"}:
            call.template = f"/{{site}}/{path}"
            return self._built_in(path, call, identity)
        return self._resource_call(rest, call, identity)

    def _built_in(self, path: str, call: SandboxCall, identity: Identity) -> SandboxAnswer:
        """Answer healthcheck, validate (1.2) and GenerateCustomerSession (2.5)."""
        wanted = "POST" if path == "generatecustomersession" else "GET"
        if call.method != wanted:
            raise refusal(405, "The requested resource does not support this method.")
        if path == "validate":
            return json_answer({"status": "Valid"})
        if path == "healthcheck":
            if not identity.bearer and self.options.auth_type != "basic":
                raise refusal(401, "Authorization has been denied for this request.")
            return json_answer(
                {
                    "status": "Running",
                    "productionDatabase": "sandbox",
                    "apiVersionNumber": "1.67.master-42",
                    "databaeConnection": True,  # the vendor's spelling
                    "usingStagingDB": "false",
                    "databaseConnectionError": "",
                }
            )
        try:
            body = call.json()
        except ValueError:
            body = None
        username = body.get("username") if isinstance(body, dict) else None
        if self.collections["customers"].first("username", username) is None:
            raise refusal(400, "Unknown username.")
        return self._authority.session(identity, str(username))

    def _resource_call(self, rest: str, call: SandboxCall, identity: Identity) -> SandboxAnswer:
        segment, _, tail = rest.partition("/")
        segment = unquote(segment)
        special = segment.lower()
        if special == "orderpassthrough":
            return self._passthrough(call)
        online = special == "onlineorders"
        resource = None if online else self._resource(segment)
        if resource is None and not online:
            raise refusal(404, f"No HTTP resource was found that matches '{segment}'.")
        name = "online_orders" if resource is None else resource.name
        call.resource = name
        searching = "~" in unquote(tail)
        self._template(call, "OnlineOrders" if online else segment, tail, searching=searching)
        self._granted(call, name)
        if call.method == "GET":
            return self._read(resource, tail, identity)
        if online or resource is None:
            raise refusal(405, "The requested resource does not support this method.")
        if call.method == "DELETE":
            answer = self._writer.delete(resource, tail, self._rules(resource))
            call.count("deleted")
            return answer
        if tail:
            raise refusal(404, "A write takes no searchstring and no page.")
        return self._writer.write(resource, call)

    @staticmethod
    def _template(call: SandboxCall, segment: str, tail: str, *, searching: bool) -> None:
        call.template = f"/{{site}}/{segment}"
        if call.method == "DELETE":
            call.template += "/{key}"
        elif searching:
            call.template += "/{searchstring}"
        elif tail:
            call.template += "/{page}"

    def _resource(self, segment: str) -> SandboxCimcloudResource | None:
        form = self.options.guessed_paths
        found = (item for item in self.resources.values() if item.answers_to(segment, form))
        return next(found, None)

    def _granted(self, call: SandboxCall, name: str) -> None:
        """Check what the authorization may reach (2.1); statuses are UNK."""
        if self.options.resources and name not in self.options.resources:
            raise refusal(self.options.denied_status, "The resource is not assigned.")
        if call.method not in self.options.methods:
            raise refusal(405, "The requested resource does not support this method.")

    def _rules(self, table: SandboxCimcloudResource) -> Rules:
        """Return how the searchstrings of a table are read."""
        options = self.options
        return Rules(
            table.columns, options.refuse, self.local_now(), table.names,
            options.misread_date, options.inclusive,
        )  # fmt: skip

    def _read(
        self, resource: SandboxCimcloudResource | None, tail: str, identity: Identity
    ) -> SandboxAnswer:
        """Answer a GET: filter, order, one page (4); OnlineOrders also marks (10)."""
        table = self.resources["orders"] if resource is None else resource
        options = self.options
        rules = self._rules(table)
        try:
            text, page = split_page(tail, options.refuse, options.ignore)
            test = compile_search(text, rules)
        except BadSearch as bad:
            if not isinstance(bad, MisreadDate) or options.misread_date == "refuse":
                raise refusal(options.search_error_status, str(bad)) from None
            page, every = bad.page, options.misread_date == "all-rows"
            test = lambda _: every  # noqa: E731 - what compile_search returns
        if page == 0 and options.page_zero == "404":
            raise refusal(404, "No such page.")
        page = max(1, page)
        rows = [row for row in self._ordered(table) if test(row)]
        if resource is None:
            return self._online_orders(rows, page)
        size = options.page_size
        last = max(1, -(-len(rows) // size))
        if page > last:
            if options.past_end in {"404", "400"}:
                raise refusal(int(options.past_end), "No such page.")
            page = last if options.past_end == "repeat" else page
        found = rows[(page - 1) * size : page * size]
        shown = [self._shown(table, row, identity) for row in found]
        return json_answer(shown if options.rows == "array" else {"data": shown})

    def _ordered(self, resource: SandboxCimcloudResource) -> list[Row]:
        """Return all rows in the site's order, which is UNK (4.1)."""
        collection = self.collections[resource.name]
        if self.options.order == "created":
            return list(collection)
        rows = collection.by_key()
        if self.options.order == "modified":
            rows.sort(key=lambda row: str(row.get(MODIFIED)), reverse=True)
        return rows

    def _shown(self, resource: SandboxCimcloudResource, row: Row, identity: Identity) -> Row:
        form = self.options.stamp_format
        if form != "iso":
            row = {
                name: shown_moment(value, form)
                if isinstance(value, str) and resource.columns.get(name) == "date"
                else value
                for name, value in row.items()
            }
        if resource.name == "products" and identity.customer is not None:
            # Only a session token shows this column (2.5); the discount is made up.
            price = row.get("retail_price")
            row = {**row, "customer_price": None if price is None else money(price * 9 / 10)}
        return renamed(row, resource.shown)

    def _online_orders(self, rows: list[Row], page: int) -> SandboxAnswer:
        """Return orders not taken yet and mark them as taken.

        Paging while the mark changes is UNK; here a page is cut out of the orders that are open
        at the time of the call, so page 2 after page 1 skips as many as page 1 took.
        """
        lines = self.options.online_orders_rows == "line"
        start = (page - 1) * self.options.page_size
        pending = [row for row in rows if str(row.get("exported")) == "0"]
        taken = pending[start : start + self.options.page_size]
        found: list[Row] = []
        for row in taken:
            found += self._online.joined(row, lines=lines)
            self.collections["orders"].put({**row, "exported": 1})
        form = self.options.stamp_format
        columns = self.resources["orders"].columns
        for shown in found:
            for name, kind in columns.items():
                if kind == "date" and isinstance(shown.get(name), str):
                    shown[name] = shown_moment(shown[name], form)
        return json_answer(found)

    def _passthrough(self, call: SandboxCall) -> SandboxAnswer:
        """Take one nested order (11); the answer is UNK."""
        call.template = "/{site}/orderpassthrough"
        call.resource = PASSTHROUGH.name
        self._granted(call, PASSTHROUGH.name)
        if call.method != "POST":
            raise refusal(405, "The requested resource does not support this method.")
        try:
            order = call.json()
        except ValueError:
            order = None
        errors = passthrough_errors(order)
        if errors:
            call.count("refused")
            raise Refusal(self._writer.envelope(1, message="; ".join(errors), success=False))
        collection = self.collections[PASSTHROUGH.name]
        # Nothing says that a repeated order_number is recognised, so it becomes a second order.
        collection.put({PASSTHROUGH.key: self.new_key(collection), **order})
        call.count("created")
        return self._writer.envelope(1, created=1)
