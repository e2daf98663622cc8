"""Pentamic's calls: the token server and the customers."""

from __future__ import annotations

import re
import secrets
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs

from erp_sandbox.exchange import Refusal, SandboxAnswer, json_answer
from erp_sandbox.pentamic import seed
from erp_sandbox.pentamic.options import VARIANTS, PentamicOptions
from erp_sandbox.pentamic.wire import TAX_CODE, UNQUOTED, answer, lenient, wants_xml
from erp_sandbox.store import TableShape
from erp_sandbox.vendor import SandboxVendor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from erp_sandbox.exchange import SandboxCall
    from erp_sandbox.store import Collection, Row
    from erp_sandbox.vendor import Workbench

_TAX_CODE = re.compile(r"\d{1,14}(-\d{3})?")
"""What counts as a valid tax code; the vendor's rule is not stated (5.2)."""
_VERBS = ("GET", "POST", "PUT", "DELETE")
_TOKEN_PATHS = ("connect/token", "identity/connect/token")


def refusal(status: int, text: str, headers: dict[str, str] | None = None) -> Refusal:
    """Return a general error; its body is UNK (5.2), so this one is a plain ``message``."""
    return Refusal(json_answer({"message": text}, status, headers))


def coded(status: int, code: str) -> Refusal:
    """Return an error with a code; those of the customer operations are 403 (DOC, 5.2)."""
    return Refusal(json_answer({"error": code}, status))


class PentamicVendor(SandboxVendor):
    """Pentamic's documented demonstration API (the real one differs per customer)."""

    name: ClassVar[str] = "pentamic"
    Options: ClassVar[type[Any]] = PentamicOptions
    variants = VARIANTS
    options: PentamicOptions

    def __init__(self, bench: Workbench, options: PentamicOptions) -> None:
        self._tokens: dict[str, float] = {}
        super().__init__(bench, options)

    def shapes(self) -> Iterable[TableShape]:
        """Return how customers and invoices are kept."""
        return [
            TableShape("customers", "id", ((TAX_CODE,),)),
            TableShape("customer_invoices", "_key", lookups=("_customer_id",)),
        ]

    def seed(self) -> None:
        """Make the rows."""
        owners = seed.customers(self.bench)
        for row in owners:
            self.collections["customers"].put(row)
        for row in seed.invoices(self.bench, owners, self.options.invoice_ids):
            self.collections["customer_invoices"].put(row)

    def stamp(self) -> object:
        """Return a placeholder: no record has a change stamp (4.3)."""
        return None

    def new_key(self, collection: Collection) -> object:
        """Return the next integer, or for an invoice its hidden key."""
        if collection.shape.name == "customers":
            return collection.next_integer("id")
        return secrets.token_hex(8)

    def completed(self, collection: Collection, row: Row) -> Row:
        """Give an invoice put in by the control endpoints an id."""
        if collection.shape.name == "customer_invoices":
            row.setdefault("id", collection.next_integer("id"))
        return row

    @classmethod
    def credentials_text(cls, options: PentamicOptions) -> str:
        """Return the demo credentials."""
        return (
            f"client_id {options.client_id}, client_secret {options.client_secret}, "
            f"scope {options.scope}; api_url ends in /pentamic/api, token_url in "
            "/pentamic/connect/token"
        )

    def about(self) -> dict[str, object]:
        """Return base URL and credentials."""
        return {
            "base_url": "/pentamic/api",
            "token_path": "/pentamic/connect/token",
            "credentials": {
                "client_id": self.options.client_id,
                "client_secret": self.options.client_secret,
                "scope": self.options.scope,
            },
            "example": "/pentamic/api/customers?orderBy=id",
        }

    def expire_tokens(self) -> int:
        """Kill all tokens."""
        count = len(self._tokens)
        self._tokens.clear()
        return count

    async def handle(self, call: SandboxCall) -> SandboxAnswer:
        """Answer one call; a slash at the end of the path may be there or not (DOC, 1)."""
        path = call.path.strip("/")
        if path in _TOKEN_PATHS:
            return self._token(call)
        # The API root of the docs ends in /api (1); a client given the bare prefix works too.
        parts = path.removeprefix("api").strip("/").split("/")
        self._authorize(call)
        if self.options.slash == "required" and not call.path.endswith("/"):
            raise refusal(404, "Not found")
        if parts[0] != "customers" or len(parts) > 3:  # noqa: PLR2004 - customers/{id}/invoices
            raise refusal(404, "Not found")
        call.resource = "customers"
        call.template = "/api/customers" + "/{id}" * (len(parts) > 1)
        if len(parts) == 1:
            return self._list_or_create(call)
        if len(parts) == 2:  # noqa: PLR2004
            self._only(call, ("PUT", "DELETE"))
            return self._change_or_delete(call, parts[1])
        if parts[2] != "invoices":
            raise refusal(404, "Not found")
        call.template += "/invoices"
        call.resource = "customer_invoices"
        self._only(call, ("GET",))
        owner = self._customer(parts[1])
        found = self.collections["customer_invoices"].find(("_customer_id",), (owner["id"],))
        return self._answer(call, [self._invoice(row) for row in found], "Invoice")

    def _answer(self, call: SandboxCall, value: Row | list[Row], name: str) -> SandboxAnswer:
        xml = self.options.formats == "xml" or wants_xml(call)
        return answer(value, name, self.options.tax_code, xml=xml)

    def _invoice(self, row: Row) -> Row:
        """Return an invoice with its id under the name that it has in this run."""
        name = self.options.invoice_key
        if name == "id":
            return row
        shown = {} if name == "none" else {name: row["id"]}
        return {**shown, **{column: row[column] for column in row if column != "id"}}

    def _token(self, call: SandboxCall) -> SandboxAnswer:
        """Answer the token server: client_credentials in the body, three error codes (2)."""
        call.private = True
        call.template = "/connect/token"
        if call.method != "POST":
            raise refusal(405, "Method not allowed", {"Allow": "POST"})
        kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        form: dict[str, str] = {}
        if kind == "application/x-www-form-urlencoded":
            sent = parse_qs(call.body.decode(errors="replace"), keep_blank_values=True)
            form = {name: values[-1] for name, values in sent.items()}
        options = self.options
        status = options.token_error_status
        wanted = (options.client_id, options.client_secret)
        # Secrets stand in the body, not in a Basic header (DOC, 2).
        if (form.get("client_id"), form.get("client_secret")) != wanted:
            raise coded(status, "invalid_client")
        if form.get("grant_type") != "client_credentials":
            raise coded(status, "unsupported_grant_type")
        if form.get("scope") != options.scope:
            raise coded(status, "invalid_scope")
        token = secrets.token_urlsafe(48)
        self._tokens[token] = self.bench.clock.now() + options.token_seconds
        lasts: object = int(options.token_seconds)
        return json_answer({"access_token": token, "expires_in": lasts, "token_type": "Bearer"})

    def _authorize(self, call: SandboxCall) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        expires = self._tokens.get(token.strip(), 0.0)
        if scheme.lower() != "bearer" or expires <= self.bench.clock.now():
            raise refusal(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
        if call.method in _VERBS and call.method not in self.options.methods:
            raise refusal(403, "Not allowed")

    @staticmethod
    def _only(call: SandboxCall, verbs: tuple[str, ...]) -> None:
        if call.method not in verbs:
            raise refusal(405, "Method not allowed", {"Allow": ", ".join(verbs)})

    def _customer(self, key: str) -> Row:
        """Return a customer; an unknown one is 403, not 404 (DOC, 5.2)."""
        row = self.collections["customers"].get(key)
        if row is None:
            raise coded(403, "ID_NOTFOUND")
        return row

    def _list_or_create(self, call: SandboxCall) -> SandboxAnswer:
        self._only(call, ("GET", "POST"))
        customers = self.collections["customers"]
        if call.method == "GET":
            rows = self._ordered(call.parameters().get("orderBy"))
            return self._answer(call, rows, "Customer")
        # No natural key is compared: a second POST makes a second customer (6).
        fields = self._fields(call)
        row: Row = {"id": self.new_key(customers), "address": None, "phone": None, **fields}
        row = {name: row[name] for name in ("id", "name", TAX_CODE, "address", "phone")}
        customers.put(row)
        call.count("created")
        return self._answer(call, row, "Customer")

    def _change_or_delete(self, call: SandboxCall, key: str) -> SandboxAnswer:
        customers = self.collections["customers"]
        try:
            old = self._customer(key)
        except Refusal:
            call.count("refused")
            raise
        if call.method == "DELETE":
            customers.delete(key)
            invoices = self.collections["customer_invoices"]
            for invoice in invoices.find(("_customer_id",), (old["id"],)):
                invoices.delete(invoice["_key"])
            call.count("deleted")
            return SandboxAnswer(200)  # the body is not described (6)
        cleared: Row = {"address": None, "phone": None} if self.options.put == "clear" else {}
        row = {**old, **cleared, **self._fields(call)}
        customers.put(row)
        call.count("updated")
        return self._answer(call, row, "Customer")

    def _ordered(self, order: str | None) -> list[Row]:
        """Return the customers; ``orderBy`` is a field name, then perhaps desc (4.2, INF)."""
        rows = self.collections["customers"].shuffled()
        if not order or self.options.order_by == "ignored":
            return rows
        if self.options.order_by == "refused":
            raise refusal(400, "orderBy is not known")
        field, _, direction = order.strip().partition(" ")
        if field not in {"id", "name", TAX_CODE, "address", "phone"} or (
            direction.strip().lower() not in {"", "asc", "desc"}
        ):
            raise refusal(400, f"Cannot order by {order!r}")
        down = direction.strip().lower() == "desc"
        return sorted(
            rows, key=lambda row: (row[field] is not None, row[field] or ""), reverse=down
        )

    def _fields(self, call: SandboxCall) -> Row:
        """Return the written fields, checked (5.2, 8.1)."""
        try:
            body = lenient(call.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            call.count("refused")
            raise refusal(400, "The body must be one customer")
        fields: Row = {}
        for name in ("name", "address", "phone"):
            if name in body:
                value = body[name]
                bare = isinstance(value, str) and value.startswith(UNQUOTED)
                if bare or not isinstance(value, (str, type(None))):
                    call.count("refused")
                    raise refusal(400, f"{name} must be text")
                fields[name] = value
        error = None
        if not (fields.get("name") or "").strip():
            error = "NAME_REQUIRED"
        elif body.get(TAX_CODE) is None or body[TAX_CODE] == "":
            error = "TAXC_REQUIRED"
        else:
            fields[TAX_CODE] = self._tax_code(body[TAX_CODE])
            if fields[TAX_CODE] is None:
                error = "TAXC_INVALID"
        if error is not None:
            call.count("refused")
            raise coded(403, error)
        return fields

    def _tax_code(self, sent: object) -> str | None:
        """Return a written tax code as text, or None when it is not valid."""
        number = isinstance(sent, (int, Decimal)) and not isinstance(sent, bool)
        number = number or (isinstance(sent, str) and sent.startswith(UNQUOTED))
        allowed = self.options.accept_tax_code
        if (number and allowed == "string") or (not number and allowed == "number"):
            return None
        if not number and not isinstance(sent, str):
            return None
        text = str(sent).removeprefix(UNQUOTED)
        return text if _TAX_CODE.fullmatch(text) else None
