"""What plain requests to a played vendor find under each answer to its open points."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from erp_sandbox.testing import RunningSandbox

JSON = {"Accept": "application/json"}
XML = {"Accept": "application/xml"}


@dataclass(frozen=True)
class Look:
    """One look at a vendor.

    Attributes:
        see: Asks a running sandbox.
        found: What that finds, by the answer that is played.
        options: Options of the vendor that the look needs under every answer.
        size: Rows per resource.
    """

    see: Callable[[RunningSandbox], Any]
    found: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    size: int = 12


def get(url: str, **more: Any) -> requests.Response:
    """Return the answer to a GET."""
    return requests.get(url, timeout=10, **more)


def _pentamic(sandbox: RunningSandbox, path: str, **more: Any) -> requests.Response:
    form = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "scope": "pa-api",
        "grant_type": "client_credentials",
    }
    url = f"{sandbox.url}/pentamic/connect/token"
    token = requests.post(url, data=form, timeout=10).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", **JSON}
    return get(f"{sandbox.url}/pentamic/api/{path}", headers=headers, **more)


def _tax_code(sandbox: RunningSandbox) -> str:
    found = re.findall(
        r'"taxCode":([^,]+)', _pentamic(sandbox, "customers", params={"orderBy": "id"}).text
    )
    return str(found[1])


def _ordered(sandbox: RunningSandbox) -> tuple[int, bool]:
    answer = _pentamic(sandbox, "customers", params={"orderBy": "id"})
    ids = [row["id"] for row in answer.json()] if answer.ok else []
    return answer.status_code, ids == sorted(ids)


def _invoices(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    first, third = 102_568, 102_570
    found: list[dict[str, Any]] = []
    for customer in (first, third):
        found += _pentamic(sandbox, f"customers/{customer}/invoices").json()
    return found


_STRINGS = {"tax_code": "string"}
PENTAMIC = {
    "tax_code": Look(
        _tax_code, {"unquoted": "0100007919", "string": '"0100007919"', "int": "100007919"}
    ),
    "order_by": Look(
        _ordered,
        {"accepted": (200, True), "refused": (400, True), "ignored": (200, False)},
        _STRINGS,
    ),
    "invoice_ids": Look(
        lambda sandbox: [row["id"] for row in _invoices(sandbox)],
        {"global": [5001, 5002, 5003, 5004], "customer": [1, 1, 2, 3]},
    ),
    "invoice_key": Look(
        lambda sandbox: {"id", "invoiceId", "invoiceNo"} & set(_invoices(sandbox)[0]),
        {
            "id": {"id", "invoiceNo"},
            "invoiceId": {"invoiceId", "invoiceNo"},
            "none": {"invoiceNo"},
        },
    ),
    "formats": Look(
        lambda sandbox: _pentamic(sandbox, "customers").headers["Content-Type"].partition(";")[0],
        {"json": "application/json", "xml": "application/xml"},
    ),
    "slash": Look(
        lambda sandbox: [
            _pentamic(sandbox, path).status_code for path in ("customers/", "customers")
        ],
        {"optional": [200, 200], "required": [200, 404]},
    ),
}

_BASIC = ("sandbox-user", "sandbox-password")


def cimcloud(sandbox: RunningSandbox, path: str) -> requests.Response:
    """Return the answer to a GET of a CIMcloud path."""
    return get(f"{sandbox.url}/cimcloud/sandbox-site/{path}", auth=_BASIC)


def _statuses(*paths: str) -> Callable[[RunningSandbox], list[int]]:
    return lambda sandbox: [cimcloud(sandbox, path).status_code for path in paths]


def _count(sandbox: RunningSandbox, path: str) -> tuple[int, int]:
    answer = cimcloud(sandbox, path)
    return answer.status_code, len(answer.json()) if answer.ok else 0


SINCE = "accounts/searchgreatherthanequal~last_modify_date~"


def _bound(sandbox: RunningSandbox) -> bool:
    stamp = cimcloud(sandbox, "accounts").json()[0]["last_modify_date"]
    path = f"accounts/searchbetween~last_modify_date~{stamp}~{stamp}"
    return bool(cimcloud(sandbox, path).json())


def _stamps(sandbox: RunningSandbox) -> list[str]:
    return [
        f"{path}.{name}"
        for path in ("accounts", "products")
        for name in cimcloud(sandbox, path).json()[0]
        if name.endswith("_date") and cimcloud(sandbox, f"{path}/searchlike~{name}~2").ok
    ]


def _form(sandbox: RunningSandbox) -> str:
    text = cimcloud(sandbox, "accounts").json()[0]["last_modify_date"]
    return re.sub("[AP]M", "M", re.sub(r"\d+", "9", text))


def _cimcloud_hours(sandbox: RunningSandbox) -> list[int]:
    """Return how far the newest seeded stamp and one of now are from those of UTC."""
    stamps = [row["last_modify_date"] for row in cimcloud(sandbox, "accounts").json()]
    seeded = datetime.fromisoformat(max(stamps)) - datetime.fromisoformat("2026-06-30T05:00:00")
    key = sandbox.rows("cimcloud", "accounts")[0]["a_key"]
    sandbox.change("cimcloud", "accounts", key, {"nm": "now"})
    (row,) = cimcloud(sandbox, "accounts/searchexact~nm~now").json()
    changed = datetime.fromisoformat(row["last_modify_date"])
    now = datetime.now(tz=timezone.utc).replace(tzinfo=None)
    return [round(part.total_seconds() / 3600) for part in (seeded, changed - now)]


def _distinct(sandbox: RunningSandbox) -> list[tuple[int, int]]:
    found = []
    for path, user, key in (
        ("accounts", "ref_id", "a_key"), ("customers", "username", "c_id"),
        ("products", "sku", "p_key"), ("orders", "c_ordnum", "o_key"),
    ):  # fmt: skip
        rows = cimcloud(sandbox, path).json()
        found.append((len({row[user] for row in rows}), len({row[key] for row in rows})))
    return found


def _account_order(sandbox: RunningSandbox) -> list[bool]:
    rows = cimcloud(sandbox, "accounts").json()
    keys, stamps, numbers = (
        [row[name] for row in rows] for name in ("a_key", "last_modify_date", "num")
    )
    return [
        keys == sorted(keys),
        stamps == sorted(stamps, reverse=True),
        numbers == sorted(numbers),
    ]


def _logins(sandbox: RunningSandbox) -> list[int]:
    body = {
        "AuthKey": "sandbox-key",
        "AuthUserName": "sandbox-user",
        "AuthPassword": "sandbox-password",
    }
    url = f"{sandbox.url}/cimcloud/sandbox-site/authenticate"
    bearer = requests.post(url, json=body, timeout=10).status_code
    return [bearer, cimcloud(sandbox, "accounts").status_code]


CIMCLOUD = {
    "date_literal": Look(
        _statuses(*map(SINCE.__add__, ("1/1/2021", "1%2F1%2F2021", "2021-01-01", "<<date>>"))),
        {
            "us": [200, 200, 200, 200],
            "us-encoded": [400, 200, 400, 200],
            "iso": [400, 400, 200, 200],
            "none": [400, 400, 400, 400],
            "us-only": [200, 400, 400, 200],
        },
    ),
    "misread_date": Look(
        lambda sandbox: _count(sandbox, SINCE + "soon"),
        {"refuse": (400, 0), "no-rows": (200, 0), "all-rows": (200, 12)},
    ),
    "past_end": Look(
        lambda sandbox: [_count(sandbox, path) for path in ("accounts/2", "accounts/3")],
        {
            "empty": [(200, 10), (200, 0)],
            "not-found": [(200, 10), (404, 0)],
            "bad-request": [(200, 10), (400, 0)],
            "repeat": [(200, 10), (200, 10)],
        },
        size=60,
    ),
    "page_zero": Look(
        _statuses("accounts/0", "accounts/1", "accounts"),
        {"first": [200, 200, 200], "not-found": [404, 200, 200]},
    ),
    "search_page": Look(
        _statuses("accounts/searchlike~nm~a/1", "accounts/searchlike~nm~a", "accounts/1"),
        {"accepted": [200, 200, 200], "refused": [400, 200, 200]},
    ),
    "date_page": Look(
        lambda sandbox: [
            _count(sandbox, SINCE + tail) for tail in ("1/1/2021/2", "1/1/2099/1", "2021-01-01/2")
        ],
        {
            "accepted": [(200, 10), (200, 0), (200, 10)],
            "refused": [(400, 0), (400, 0), (200, 10)],
            "no-rows": [(200, 0), (200, 0), (200, 10)],
            "all-rows": [(200, 10), (200, 50), (200, 10)],
            "ignored": [(200, 50), (200, 0), (200, 10)],
        },
        size=60,
    ),
    "search_bound": Look(_bound, {"inclusive": True, "exclusive": False}),
    "stamp_column": Look(
        _stamps,
        {
            "last_modify_date": [
                "accounts.create_date", "accounts.last_modify_date", "products.create_date",
                "products.last_modify_date",
            ],
            "modified_date": [
                "accounts.create_date", "accounts.last_modify_date", "products.create_date",
                "products.modified_date",
            ],
            "none": ["accounts.create_date", "accounts.last_modify_date"],
        },
    ),
    "stamp_format": Look(
        _form,
        {
            "iso": "9-9-9T9:9:9",
            "iso-ms": "9-9-9T9:9:9.9",
            "iso-z": "9-9-9T9:9:9Z",
            "sql": "9-9-9 9:9:9",
            "us": "9/9/9 9:9:9 M",
        },
    ),
    "clock": Look(_cimcloud_hours, {"utc": [0, 0], "eastern": [-5, -5], "ahead": [9, 9]}),
    "guessed_paths": Look(
        _statuses("order_details", "orderDetails", "order_detail", "payment", "account"),
        {
            "snake": [200, 200, 200, 200, 200],
            "camel": [404, 200, 404, 404, 200],
            "singular": [404, 404, 200, 200, 200],
        },
    ),
    "rows": Look(
        lambda sandbox: list(cimcloud(sandbox, "accounts").json())[:1] == ["data"],
        {"array": False, "wrapped": True},
    ),
    "unique_key": Look(
        _distinct,
        {
            "documented": [(12, 12), (12, 12), (12, 12), (12, 12)],
            "other": [(9, 12), (9, 12), (9, 12), (12, 12)],
        },
    ),
    "order": Look(
        _account_order,
        {
            "key": [True, False, False],
            "modified": [False, True, False],
            "created": [False, False, True],
        },
    ),
    "auth": Look(_logins, {"both": [200, 200], "bearer": [200, 401], "basic": [401, 200]}),
    "denied": Look(
        _statuses("products", "accounts"),
        {"403": [403, 200], "401": [401, 200], "404": [404, 200]},
        {"resources": ("accounts",)},
    ),
}  # fmt: skip
