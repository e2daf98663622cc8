"""AIM's calls: the central host, the login, and the operations of the shop's server."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from erp_sandbox.aim import wire
from erp_sandbox.aim.items import ITEMS
from erp_sandbox.aim.options import VARIANTS, AimOptions
from erp_sandbox.aim.people import PEOPLE, touched
from erp_sandbox.aim.reads import READS
from erp_sandbox.aim.seed import AimSeed
from erp_sandbox.aim.shop import Ask, SandboxOperation, Shop, Trouble, moved
from erp_sandbox.aim.tables import KINDS, SHAPES
from erp_sandbox.aim.types import fields
from erp_sandbox.aim.writes import WRITES
from erp_sandbox.exchange import SandboxAnswer
from erp_sandbox.vendor import SandboxVendor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from erp_sandbox.exchange import SandboxCall
    from erp_sandbox.store import Collection, Row, TableShape
    from erp_sandbox.vendor import Workbench

OPERATIONS = (*ITEMS, *PEOPLE, *READS, *WRITES)
STORE = "/store"
"""Prefix of the shop's own server, whose address GetEndPoint tells."""
_ACCOUNTS = ("Acct", "CustomerAcct", "CustomerAccount")
_SECURITY = fields("UserName! Password! AppId DeviceId Token Acct:i DeviceName")
_LOGIN = fields(
    "Token OAuthToken Domain IsAdmin:b UserDetails:{UserDetail} AccountDetails:[AccountDetail]"
)
_ENDPOINT = fields("NewEndpointDomain NewEndpoint OAuthToken")


def _denied(code: str, text: str) -> Trouble:
    return Trouble(code, text, "auth", 401)


class AimVendor(SandboxVendor):
    """AIM's web services of one shop, and the central host that knows where it is."""

    name: ClassVar[str] = "aim"
    Options: ClassVar[type[Any]] = AimOptions
    variants = VARIANTS
    options: AimOptions

    def __init__(self, bench: Workbench, options: AimOptions) -> None:
        self._oauth: dict[str, float] = {}
        self._logins: dict[str, tuple[float, str, int | None]] = {}
        super().__init__(bench, options)
        self.shop = Shop(bench, options, self.collections)

    def shapes(self) -> Iterable[TableShape]:
        """Return how each resource is kept."""
        return SHAPES

    def seed(self) -> None:
        """Make the rows."""
        for name, rows in AimSeed(self.bench).make().items():
            for row in rows:
                self.collections[name].put(moved(row, self.options.utc_offset_hours))

    def stamp(self) -> object:
        """Return the shop's local time."""
        return Shop(self.bench, self.options, self.collections).now()

    def new_key(self, collection: Collection) -> object:
        """Return the next integer, or a fresh text where keys are texts."""
        key = collection.shape.key
        if any(isinstance(row[key], int) for row in collection):
            return collection.next_integer(key)
        return secrets.token_hex(4).upper()

    def completed(self, collection: Collection, row: Row) -> Row:
        """Give a row put in by the control endpoints its members, a customer its shown stamp."""
        kind = KINDS.get(collection.shape.name)
        row = {**(wire.empty_row(kind) if kind else {}), **row}
        return touched(row) if collection.shape.name == "customers" else row

    @classmethod
    def credentials_text(cls, options: AimOptions) -> str:
        """Return the demo credentials."""
        return (
            f"api_url ends in /aim/api; api_key {options.api_key}, app_id {options.app_id}, user "
            f"{options.username}, password {options.password}; a customer's e-mail logs in too"
        )

    def about(self) -> dict[str, object]:
        """Return base URL and credentials."""
        options = self.options
        return {
            "base_url": "/aim/api",
            "store_path": f"/aim{STORE}/api",
            "credentials": {
                "api_key": options.api_key,
                "app_id": options.app_id,
                "username": options.username,
                "password": options.password,
            },
            "operations": sorted(operation.name for operation in OPERATIONS),
        }

    def expire_tokens(self) -> int:
        """Kill all tokens of both kinds."""
        count = len(self._oauth) + len(self._logins)
        self._oauth.clear()
        self._logins.clear()
        return count

    async def handle(self, call: SandboxCall) -> SandboxAnswer:
        """Answer one call; paths go without regard to case (1)."""
        path, form = _format(call)
        if self.options.formats != "both":
            form = self.options.formats
        login = ""
        try:
            if not path.startswith(STORE + "/"):
                return self._central(call, path, form)
            name = path.removeprefix(STORE).removeprefix("/api").strip("/")
            login, acct = self._who(call)
            if name.partition("/")[0] == "security":
                return self._security(call, name.partition("/")[2], form)
            operation = self._operation(call, name)
            call.template = f"{STORE}/api/{operation.path}"
            # A read by POST is no write in the report.
            call.resource = operation.resource if operation.writes else ""
            payload = self._run(call, operation, login, acct)
            kinds = {**operation.answer, self.options.customers_list: "[CustomerSearchRecord]"}
            kinds = kinds if operation.name == "SearchCustomers" else operation.answer
            return self._answer(payload, kinds, f"{operation.name}Response", form, login)
        except wire.BadMember as bad:
            call.count("refused")
            return self._failed(
                Trouble("RequestBindingException", str(bad), "binding"), form, login
            )
        except Trouble as trouble:
            if trouble.kind == "operation":
                call.outcomes.clear()
                call.count("refused")
            return self._failed(trouble, form, login)

    def _central(self, call: SandboxCall, path: str, form: str) -> SandboxAnswer:
        """Answer GetEndPoint on the central host: ApiKey and AppId only (2, step 1)."""
        if path.removeprefix("/api").strip("/") != "getendpoint" or call.method != "GET":
            code = "NotFound"
            raise Trouble(code, "The central host knows GetEndPoint only.", "binding", 404)
        call.template = "/api/GetEndPoint"
        self._check_key(call)
        domain = f"http://{call.headers.get('host', '')}/aim{STORE}"
        payload = {
            "NewEndpointDomain": domain + "/" * self.options.domain_slash,
            "NewEndpoint": f"{domain}/api/",
            "OAuthToken": self._new_oauth(),
        }
        return self._answer(payload, _ENDPOINT, "GetEndPointResponse", form, "")

    def _expires(self) -> float:
        return self.bench.clock.now() + self.options.token_seconds

    def _new_oauth(self) -> str:
        token = secrets.token_urlsafe(24)
        self._oauth[token] = self._expires()
        return token

    def _check_key(self, call: SandboxCall) -> None:
        query = {name.lower(): value for name, value in call.parameters().items()}
        # Clients of Security send AppId in the query only (OBS, 2 step 2).
        sent = (call.headers.get("apikey"), call.headers.get("appid", query.get("appid")))
        if sent != (self.options.api_key, self.options.app_id):
            code = "InvalidApiKey"
            raise _denied(code, "The ApiKey or AppId is not valid.")

    def _who(self, call: SandboxCall) -> tuple[str, int | None]:
        """Check what every call on the shop's server carries; return the login, if there is one."""
        self._check_key(call)
        if self._oauth.get(call.headers.get("oauthtoken", ""), 0.0) <= self.bench.clock.now():
            code = "InvalidOAuthToken"
            raise _denied(code, "The OAuthToken is not valid or has expired.")
        expires, login, acct = self._logins.get(call.headers.get("token", ""), (0.0, "", None))
        return (login, acct) if expires > self.bench.clock.now() else ("", None)

    def _security(self, call: SandboxCall, token: str, form: str) -> SandboxAnswer:
        """Answer the login of an employee or a customer (2, step 2)."""
        call.template = f"{STORE}/api/Security" + "/{token}" * bool(token)
        call.private = True
        args = self._args(call, _SECURITY if not token else {})
        call.query = "(hidden)"  # it held the password, which the log must not show
        if call.method != "POST":
            code = "NotImplemented"
            raise Trouble(code, "POST only.", "binding", 405)
        if token:
            # Presumably it extends a token (INF).
            known = next((name for name in self._logins if name.lower() == token), None)
            if known is None or self._logins[known][0] <= self.bench.clock.now():
                code = "InvalidToken"
                raise _denied(code, "The Token is not valid or has expired.")
            self._logins[known] = (self._expires(), *self._logins[known][1:])
            return self._answer({"Token": known}, _LOGIN, "SecurityResponse", form, "")
        login, acct = str(args["UserName"]), None
        customer = self.collections["customers"].first("Email", login)
        if login != self.options.username and customer is not None:
            acct = customer["Acct"]
        if args["Password"] != self.options.password or (
            login != self.options.username and acct is None
        ):
            code = "InvalidLogin"
            raise _denied(code, "The user name or password is not valid.")
        new = secrets.token_urlsafe(24)
        self._logins[new] = (self._expires(), login, acct)
        payload: Row = {
            "Token": new,
            "OAuthToken": None,
            "Domain": None,
            "IsAdmin": acct is None,
            "UserDetails": {"Firstname": login, "Type": "Customer" if acct else "Employee"},
            "AccountDetails": [{"Acct": acct, "AcctType": "C", "Name": login}] if acct else [],
        }
        if self.options.security_oauth:
            self._oauth.pop(call.headers.get("oauthtoken", ""), None)
            payload["OAuthToken"] = self._new_oauth()
            payload["Domain"] = f"http://{call.headers.get('host', '')}/aim{STORE}"
        return self._answer(payload, _LOGIN, "SecurityResponse", form, login)

    def _operation(self, call: SandboxCall, name: str) -> SandboxOperation:
        """Return the operation of a path, also of ``{format}/reply/{DTO}`` (7.5)."""
        parts = name.split("/")
        reply = len(parts) == 3 and parts[1] == "reply"  # noqa: PLR2004 - format, reply, DTO
        dto = parts[-1].removesuffix("request")
        if reply and parts[-1] == "securityoverriderequestrequest":
            dto = "securityoverriderequest"
        found = [
            operation
            for operation in OPERATIONS
            if (operation.name.lower() == dto if reply else operation.path.lower() == name)
        ]
        for operation in found:
            if reply or call.method in operation.verbs:
                return operation
        call.template = f"{STORE}/api/(unknown)"
        code = "NotImplemented" if found else "NotFound"
        if found:
            raise Trouble(code, f"{call.method} is not supported.", "binding", 405)
        status = self.options.unknown_path
        kind = "operation" if status == "status" else "binding"
        raise Trouble(code, f"Unable to resolve service {name}.", kind, 404)

    def _run(
        self, call: SandboxCall, operation: SandboxOperation, login: str, acct: int | None
    ) -> Row:
        if operation.auth == "S" and not login:
            code = "InvalidToken"
            raise _denied(code, "The Token is missing, not valid or has expired.")
        if all(module in self.options.unlicensed for module in operation.modules):
            code = "NotLicensed"
            raise Trouble(code, f"The shop has no licence for {operation.modules[0]}.")
        args = self._args(call, operation.members)
        if acct is not None:
            for name in set(_ACCOUNTS) & set(operation.members):
                if args.get(name) not in {None, acct}:
                    code = "AccessDenied"
                    raise Trouble(code, "A customer login sees its own account only.")
                args[name] = acct
        return operation.run(self.shop, Ask(args, call, login, acct))

    @staticmethod
    def _args(call: SandboxCall, members: Mapping[str, str]) -> Row:
        """Return the request members from query and body, the body first (6).

        Raises:
            BadMember: One is not of its kind, or a required one is missing.
        """
        query = dict(parse_qsl(call.query, keep_blank_values=True))
        body = wire.parse(call.body, call.headers.get("content-type", ""))
        args = {**wire.members(query, members, "query"), **wire.members(body, members, "body")}
        for name, kind in members.items():
            if kind.endswith("!") and args.get(name) in {None, ""}:
                message = f"{name} is required"
                raise wire.BadMember(message)
        return args

    def _answer(
        self, payload: Row, kinds: Mapping[str, str], name: str, form: str, login: str
    ) -> SandboxAnswer:
        """Return a payload beside a Status that is Ok (3.2)."""
        status: Row = {
            "StatusCode": "Ok",
            "Login": login or None,
            "ErrorCode": None,
            "ErrorDisplayText": None,
            "ErrorMessage": None,
            "DomainName": "SANDBOX",
            "IpAddress": "127.0.0.1",
        }
        body = {"Status": status, **payload}
        return self._encoded(body, {"Status": "{BaseResponseResult}", **kinds}, name, form, 200)

    def _failed(self, trouble: Trouble, form: str, login: str) -> SandboxAnswer:
        """Return an error in one of its two forms (5.2)."""
        styles = {"auth": self.options.auth_style, "binding": "servicestack"}
        if styles.get(trouble.kind, self.options.error_style) == "servicestack":
            body: Row = {
                "ResponseStatus": {
                    "ErrorCode": trouble.code,
                    "Message": trouble.text,
                    "StackTrace": "",
                    "Errors": [],
                }
            }
            return self._encoded(body, {}, "ErrorResponse", form, trouble.status)
        status = {
            "StatusCode": "Error",
            "Login": login or None,
            "ErrorCode": trouble.code,
            "ErrorDisplayText": trouble.text,
            "ErrorMessage": trouble.text,
            "DomainName": "SANDBOX",
            "IpAddress": "127.0.0.1",
        }
        kinds = {"Status": "{BaseResponseResult}", "PossibleMatches": "[CustomerSearchRecord]"}
        if not trouble.payload:
            del kinds["PossibleMatches"]
        return self._encoded(
            {"Status": status, **trouble.payload}, kinds, "BaseResponse", form, 200
        )

    def _encoded(
        self, body: Row, kinds: Mapping[str, str], name: str, form: str, status: int
    ) -> SandboxAnswer:
        empty = self.options.empty_dates
        if form == "xml":
            text = wire.to_xml(body, kinds, name, empty)
            return SandboxAnswer(status, text, "application/xml; charset=utf-8")
        data = wire.to_json(body, kinds, empty, nulls=self.options.show_nulls)
        return SandboxAnswer(status, data)


def _format(call: SandboxCall) -> tuple[str, str]:
    """Return the path in lower case without a suffix, and json or xml (3.1)."""
    path = call.path.lower().rstrip("/")
    for form in ("json", "xml"):
        if path.endswith("." + form):
            return path[: -len(form) - 1], form
    chosen = {name.lower(): value for name, value in call.parameters().items()}.get("format")
    if chosen in {"json", "xml"}:
        return path, chosen
    accept = call.headers.get("accept", "").lower()
    return path, "xml" if "xml" in accept and "json" not in accept else "json"
