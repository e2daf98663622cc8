"""A shop behind a central host, as AIM's sheet describes them, for tests."""

from __future__ import annotations

import contextlib
import json
import threading
import typing as t
import urllib.parse
import xml.sax.saxutils

from erp_vendors.aim import AIM, AimClient
from erp_vendors.http import codec
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from tests.support.stub import Reply, Request, running_stub

ListedRow = dict[str, t.Any]
Params = dict[str, str]
Operation = t.Callable[[Params], ListedRow]

ARRAYS = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"
OK = {"StatusCode": "Ok"}
PASSWORD = "s3cret & pass"
API_KEY = "key-1234567"


def error(message: str = "", code: str = "") -> ListedRow:
    """An error inside HTTP 200."""
    return {"Status": {"StatusCode": "Error", "ErrorCode": code, "ErrorMessage": message}}


def stock_error(status: int, message: str, code: str = "Exception") -> Reply:
    """An error as ServiceStack words it by itself."""
    return Reply(status, {"ResponseStatus": {"ErrorCode": code, "Message": message, "Errors": []}})


class Shop:
    """Answers by a table of operations."""

    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}
        self.special: t.Callable[[str, Params], Reply | None] = lambda *_: None
        self.calls: list[tuple[str, Params]] = []
        self.logins = 0
        self.lifetime: int | None = None
        self.dead_token = lambda: Reply(body=error("Invalid or expired token"))
        self.url = ""
        self.domain: str | None = None
        self.uses = 0
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        path, _, query = request.path.partition("?")
        params = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        name = path.rpartition("/")[2]
        headers = {key.lower(): value for key, value in request.headers.items()}
        with self._lock:
            self.calls.append((name, params))
            special = self.special(name, params)
            if special is not None:
                return special
            if headers.get("apikey") != API_KEY or headers.get("appid") != "our app":
                return Reply(body=error("unknown ApiKey"))
            xml = "xml" in headers.get("accept", "")
            if path == "/central/api/GetEndPoint":
                domain = self.domain or f"{self.url}/shop/"
                return self._reply(
                    name, {"NewEndpointDomain": domain, "OAuthToken": "oauth-42", "Status": OK}, xml
                )
            assert path.startswith("/shop/api/"), path
            assert headers.get("oauthtoken") == "oauth-42"
            if name == "Security":
                return self._reply(name, self._log_in(request.method, params), xml)
            if headers.get("token") != f"token-{self.logins}" or not self._use():
                return self.dead_token()
            body = json.loads(request.body) if request.body else {}
            payload = self.operations[name]({**params, **body})
            return self._reply(name, {"Status": OK, **payload}, xml)

    def _log_in(self, method: str, params: Params) -> ListedRow:
        if method != "POST" or params.get("Password") != PASSWORD:
            return error("Invalid login or password", "AuthFailed")
        assert params["UserName"] == "E7"
        assert params["AppId"] == "our app"
        self.logins += 1
        self.uses = 0
        return {"Token": f"token-{self.logins}", "Status": OK}

    def _use(self) -> bool:
        self.uses += 1
        return self.lifetime is None or self.uses <= self.lifetime

    def _reply(self, name: str, payload: ListedRow, xml: bool) -> Reply:  # noqa: FBT001
        if xml:
            return Reply(body=to_xml(f"{name}Response", payload))
        return Reply(body=codec.encode(_without_nulls(payload)))

    def count(self, name: str) -> int:
        return sum(called == name for called, _ in self.calls)

    def asked(self, name: str, member: str) -> list[str | None]:
        return [params.get(member) for called, params in self.calls if called == name]

    def config(self, **more: t.Any) -> ListedRow:
        return {
            "api_url": f"{self.url}/central/api",
            "api_key": API_KEY,
            "app_id": "our app",
            "username": "E7",
            "password": PASSWORD,
            "requests_per_second": 10000,
            **more,
        }

    def client(self, **more: t.Any) -> AimClient:
        return AimClient(Block("aim", AIM.settings, self.config(**more)), Connection())


@contextlib.contextmanager
def open_shop() -> t.Iterator[Shop]:
    shop = Shop()
    with running_stub(shop.answer) as stub:
        shop.url = stub.url
        yield shop


def listing(
    name: str, rows: t.Sequence[ListedRow], *, remaining: bool = True, most: int = 10**9
) -> Operation:
    """A list operation over rows that may change between calls."""

    def answer(params: Params) -> ListedRow:
        params = {key.lower(): value for key, value in params.items()}
        offset = int(params.get("startoffset", 0))
        size = min(int(params.get("recordcount", 10**9)), most)
        page = list(rows[offset : offset + size])
        left = max(0, len(rows) - offset - len(page))
        return {name: page, **({"RemainingRecords": left} if remaining else {})}

    return answer


def to_xml(name: str, payload: ListedRow) -> bytes:
    """An answer as the DataContract serializer writes it: members by name, base members first."""
    namespace = "http://schemas.datacontract.org/2004/07/AIM.WebService"
    body = _members({"Status": payload["Status"]}) if "Status" in payload else ""
    body += _members({key: payload[key] for key in sorted(payload) if key != "Status"})
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<{name} xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="{namespace}">'
        f"{body}</{name}>"
    ).encode()


def _members(row: ListedRow) -> str:
    return "".join(_element(key, value) for key, value in row.items())


def _element(name: str, value: t.Any) -> str:
    if value is None:
        return f'<{name} i:nil="true" />'
    if isinstance(value, dict):
        return f"<{name}>{_members(dict(sorted(value.items())))}</{name}>"
    if isinstance(value, list):
        if value and not isinstance(value[0], dict):
            kind = "long" if isinstance(value[0], int) else "string"
            items = "".join(f"<d2p1:{kind}>{_text(item)}</d2p1:{kind}>" for item in value)
            return f'<{name} xmlns:d2p1="{ARRAYS}">{items}</{name}>'
        return f"<{name}>{''.join(_element('Outer.Inner', item) for item in value)}</{name}>"
    return f"<{name}>{_text(value)}</{name}>"


def _text(value: t.Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if text.endswith(".0000000"):  # the samples of XML print dates without decimals
        text = text.removesuffix(".0000000")
    return xml.sax.saxutils.escape(text)


def _without_nulls(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
