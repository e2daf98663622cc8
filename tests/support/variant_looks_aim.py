"""What plain requests to AIMS360, Aimsio and AIM find under each answer to an open point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from tests.support.variant_looks import JSON, XML, Look, get

if TYPE_CHECKING:
    from collections.abc import Callable

    from erp_sandbox.testing import RunningSandbox


def _aims360(sandbox: RunningSandbox, path: str, **query: object) -> requests.Response:
    pairs = {f"${name}" if name != "pagesize" else name: str(v) for name, v in query.items()}
    headers = {"Authorization": "Bearer sandbox.access.token"}
    return get(f"{sandbox.url}/aims360/west/{path}", params=pairs, headers=headers)


_CUSTOMERS = "customers/v1.0/customers"
_PURCHASES = "wip/v1.0/PurchaseOrders"
_JOBS = "jobsmanagement/odata/v1.0/backgroundjob"


def _rows(answer: requests.Response) -> list[dict[str, Any]]:
    body = answer.json() if answer.ok else []
    found: list[dict[str, Any]] = body if isinstance(body, list) else body["value"]
    return found


def _filtered(sandbox: RunningSandbox) -> list[tuple[int, int]]:
    answers = [
        _aims360(sandbox, _CUSTOMERS, filter="customerAccount eq 'nobody'"),
        _aims360(sandbox, _JOBS, filter="jobId eq 'none'"),
    ]
    return [(answer.status_code, len(_rows(answer))) for answer in answers]


def _sorted(sandbox: RunningSandbox) -> tuple[int, bool]:
    answer = _aims360(sandbox, _CUSTOMERS, orderby="customerID")
    ids = [row["customerID"] for row in _rows(answer)]
    return answer.status_code, ids == sorted(ids)


def _zones(sandbox: RunningSandbox) -> list[int]:
    return [
        _aims360(
            sandbox, _PURCHASES, filter=f"lastModifiedOn ge 2020-01-01T00:00:00{zone}"
        ).status_code
        for zone in ("Z", "-07:00", "")
    ]


def _client_places(sandbox: RunningSandbox) -> list[int]:
    client = ("5A4D0B0C-0000-4000-8000-00000000C11E", "sandbox-secret")
    operator = {
        "grant_type": "password",
        "username": "sandbox-user",
        "password": "sandbox-password",
    }
    url = f"{sandbox.url}/aims360/west/authentication/v1/authentication/token"
    form = {**operator, "client_id": client[0], "client_secret": client[1]}
    return [
        requests.post(url, data=form, timeout=10).status_code,
        requests.post(url, data=operator, auth=client, timeout=10).status_code,
    ]


def _customer_order(sandbox: RunningSandbox) -> list[bool]:
    rows = _rows(_aims360(sandbox, _CUSTOMERS))
    keys, stamps = ([row[name] for row in rows] for name in ("customerID", "lastModifiedOn"))
    return [keys == sorted(keys), stamps == sorted(stamps, reverse=True)]


def _next_link(sandbox: RunningSandbox) -> list[str | None]:
    found = []
    for skip in (0, 10):
        link = _aims360(sandbox, _CUSTOMERS, pagesize=5, skip=skip).json().get("@odata.nextLink")
        found.append(link and ("here" if link.startswith(sandbox.url) else "away"))
    return found


def _status360(path: str, **query: object) -> Callable[[RunningSandbox], int]:
    return lambda sandbox: _aims360(sandbox, path, **query).status_code


AIMS360 = {
    "filter": Look(
        _filtered,
        {
            "accepted": [(200, 0), (200, 0)],
            "refused": [(400, 0), (200, 0)],
            "ignored": [(200, 12), (200, 0)],
        },
    ),
    "order_by": Look(
        _sorted, {"accepted": (200, True), "refused": (400, True), "ignored": (200, False)}
    ),
    "count": Look(_status360(_CUSTOMERS, count="true"), {"accepted": 200, "refused": 400}),
    "expand": Look(
        _status360("orders/v1.0/orders", expand="lineItems"), {"accepted": 200, "refused": 400}
    ),
    "date_zone": Look(
        _zones,
        {"any": [200, 200, 400], "utc-only": [200, 400, 400], "none-only": [400, 400, 200]},
    ),
    "page_limit": Look(
        lambda sandbox: len(_rows(_aims360(sandbox, _CUSTOMERS, pagesize=5000))),
        {"250": 250, "100": 100, "1000": 260},
        size=260,
    ),
    "page_over": Look(_status360(_CUSTOMERS, pagesize=251), {"cut": 200, "refused": 400}),
    "past_end": Look(_status360(_CUSTOMERS, skip=12), {"empty": 200, "not-found": 404}),
    "stamps": Look(
        lambda sandbox: [
            "lastModifiedOn" in _rows(_aims360(sandbox, path))[0]
            for path in (_CUSTOMERS, "orders/v1.0/orders", _PURCHASES)
        ],
        {"all": [True, True, True], "purchase-orders": [False, False, True]},
    ),
    "styles_list": Look(_status360("styles/v1.0/styles"), {"present": 200, "absent": 404}),
    "order_key": Look(
        lambda sandbox: (
            {"order", "orderID"} & set(_rows(_aims360(sandbox, "orders/v1.0/orders"))[0])
        ),
        {"both": {"order", "orderID"}, "order": {"order"}, "orderID": {"orderID"}},
    ),
    "rows": Look(
        lambda sandbox: isinstance(_aims360(sandbox, _CUSTOMERS).json(), list),
        {"value": False, "array": True},
    ),
    "secret_in": Look(
        _client_places, {"both": [200, 200], "form": [200, 400], "basic": [400, 200]}
    ),
    "order": Look(
        _customer_order,
        {"none": [False, False], "key": [True, False], "modified": [False, True]},
    ),
    "next_link": Look(
        _next_link,
        {"misleading": ["away", "away"], "true": ["here", None], "none": [None, None]},
    ),
    "document_list": Look(
        lambda sandbox: isinstance(
            _aims360(sandbox, "documentmanagement/odata/v1.0/aimsdocument").json(), list
        ),
        {"array": True, "odata": False},
    ),
}


def _aimsio(sandbox: RunningSandbox, path: str, user: str = "sandbox-user") -> requests.Response:
    url = f"{sandbox.url}/aimsio/rest/api/standard/v1/{path}"
    return requests.get(url, auth=(user, "sandbox-password"), timeout=10)


def _paths(sandbox: RunningSandbox) -> list[int]:
    names = ("Company", "company", "Companies", "PayrollPeriod", "payrollperiod", "Employee")
    return [_aimsio(sandbox, name).status_code for name in names]


def _identities(sandbox: RunningSandbox) -> list[set[str]]:
    names = ("Timecard", "PayrollPeriod", "Company")
    return [{"guid", "id"} & set(_aimsio(sandbox, name).json()[0]) for name in names]


def _detail(*names: str) -> Callable[[RunningSandbox], list[set[str]]]:
    """Return which of some names the details of a company and an employee have."""

    def see(sandbox: RunningSandbox) -> list[set[str]]:
        return [
            set(names) & set(_aimsio(sandbox, f"{entity}/{stub['guid']}").json())
            for entity in ("Company", "Employee")
            for stub in _aimsio(sandbox, entity).json()[:1]
        ]

    return see


def _detail_shape(sandbox: RunningSandbox) -> str:
    guid = _aimsio(sandbox, "Employee").json()[0]["guid"]
    return type(_aimsio(sandbox, f"Employee/{guid}").json()).__name__


AIMSIO = {
    "paths": Look(
        _paths,
        {
            "pascal": [200, 200, 404, 200, 200, 200],
            "lower": [404, 200, 404, 404, 200, 200],
            "plural": [404, 404, 200, 200, 200, 200],
        },
    ),
    "identity": Look(
        _identities,
        {"guid": [{"guid"}, {"guid"}, {"guid"}], "id": [{"id"}, {"id"}, {"guid"}]},
    ),
    "detail_keys": Look(
        _detail("guid", "companyGuid", "employeeGuid"),
        {
            "prefixed": [{"companyGuid"}, {"employeeGuid"}],
            "plain": [{"guid"}, {"employeeGuid"}],
            "absent": [set(), {"employeeGuid"}],
        },
    ),
    "detail_stamps": Look(
        _detail("updatedAt", "companyUpdatedAt", "employeeUpdatedAt"),
        {
            "prefixed": [{"companyUpdatedAt"}, {"employeeUpdatedAt"}],
            "plain": [{"updatedAt"}, {"employeeUpdatedAt"}],
            "absent": [set(), {"employeeUpdatedAt"}],
        },
    ),
    "detail": Look(_detail_shape, {"object": "dict", "list": "list"}),
    "no_permission": Look(
        lambda sandbox: _aimsio(sandbox, "Employee", "no-permission").status_code,
        {"403": 403, "401": 401},
    ),
    "index_extra": Look(
        lambda sandbox: "employeeCode" in _aimsio(sandbox, "Employee").json()[0],
        {"none": False, "embedded": True},
    ),
}


class _Shop:
    """A logged-in caller of the played AIM."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.headers = {"ApiKey": "sandbox-key", "AppId": "sandbox-app", **JSON}
        url = f"{sandbox.url}/aim/api/GetEndPoint.json"
        self.headers["OAuthToken"] = requests.get(url, headers=self.headers, timeout=10).json()[
            "OAuthToken"
        ]
        self._url = f"{sandbox.url}/aim/store/api"
        query = {"UserName": "sandbox-user", "Password": "sandbox-password"}
        answer = requests.post(
            f"{self._url}/Security", params=query, headers=self.headers, timeout=10
        )
        self.headers["Token"] = answer.json()["Token"]

    def ask(self, operation: str, **query: object) -> requests.Response:
        pairs = {name: str(value) for name, value in query.items()}
        return requests.get(
            f"{self._url}/{operation}", params=pairs, headers=self.headers, timeout=10
        )


def _aim(
    operation: str, see: Callable[[dict[str, Any]], Any], **query: object
) -> Callable[[RunningSandbox], Any]:
    return lambda sandbox: see(_Shop(sandbox).ask(operation, **query).json())


def _error(
    operation: str, *, token: bool = True, **query: object
) -> Callable[[RunningSandbox], tuple[int, list[str]]]:
    def see(sandbox: RunningSandbox) -> tuple[int, list[str]]:
        shop = _Shop(sandbox)
        if not token:
            del shop.headers["Token"]
        answer = shop.ask(operation, **query)
        return answer.status_code, list(answer.json())

    return see


def _bounds(sandbox: RunningSandbox) -> bool:
    shop = _Shop(sandbox)
    moment = shop.ask("InvoiceDetail").json()["Invoices"][0]["DateTime"]
    found = shop.ask("InvoiceDetail", InvoiceStartDate=moment, InvoiceEndDate=moment).json()
    return bool(found["Invoices"])


def _formats(sandbox: RunningSandbox) -> list[str]:
    """Return what is answered to callers of JSON and of XML, on the central host."""
    keys = {"ApiKey": "sandbox-key", "AppId": "sandbox-app"}
    url = f"{sandbox.url}/aim/api/GetEndPoint"
    return [
        requests.get(url, headers={**keys, **accept}, timeout=10)
        .headers["Content-Type"]
        .partition(";")[0]
        .rpartition("/")[2]
        for accept in (JSON, XML)
    ]


def _newest(sandbox: RunningSandbox) -> tuple[str, int]:
    """Return the newest invoice's time, and how many are found from just before it on."""
    shop = _Shop(sandbox)
    newest = max(row["DateTime"] for row in shop.ask("InvoiceDetail").json()["Invoices"])
    since = shop.ask("InvoiceDetail", InvoiceStartDate="2026-06-28T10:00:00").json()
    return newest[:16], len(since["Invoices"])


def _distinct(operation: str, member: str, *names: str) -> Callable[[RunningSandbox], list[int]]:
    def see(body: dict[str, Any]) -> list[int]:
        return [len({str(row.get(name)) for row in body[member]}) for name in names]

    return _aim(operation, see)


def _contracts(body: dict[str, Any]) -> tuple[int, int]:
    rows = body["Contracts"]
    return len({(row["Acct"], row["Sub"]) for row in rows}), len({row.get("Id") for row in rows})


def _numbers(body: dict[str, Any]) -> bool:
    numbers = [row["InvoiceNumber"] for row in body["Invoices"]]
    return numbers == sorted(numbers)


AIM = {
    "remaining": Look(
        _aim("InvoiceDetail", lambda body: body.get("RemainingRecords"), RecordCount=5),
        {"present": 7, "absent": None, "zero": 0},
    ),
    "max_records": Look(
        _aim("InvoiceDetail", lambda body: len(body["Invoices"]), RecordCount=100),
        {"unlimited": 30, "20": 20},
        size=30,
    ),
    "bounds": Look(_bounds, {"inclusive": True, "exclusive": False}),
    "errors": Look(
        _error("InvoiceDetail", StartOffset=-1),
        {"status": (200, ["Status"]), "servicestack": (400, ["ResponseStatus"])},
    ),
    "auth_errors": Look(
        _error("GetLocations", token=False),
        {"servicestack": (401, ["ResponseStatus"]), "status": (200, ["Status"])},
    ),
    "unknown_path": Look(
        _error("Nothing"),
        {"status": (200, ["Status"]), "not-found": (404, ["ResponseStatus"])},
    ),
    "formats": Look(
        _formats, {"both": ["json", "xml"], "json": ["json", "json"], "xml": ["xml", "xml"]}
    ),
    "clock": Look(
        _newest,
        {
            "utc": ("2026-06-28T11:00", 2),
            "west": ("2026-06-28T03:00", 0),
            "ahead": ("2026-06-28T21:00", 4),
        },
    ),
    "customers_list": Look(
        _aim("SearchCustomers", lambda body: [name for name in body if name[0] in "CRS"][1:]),
        {
            "Customers": ["Customers", "RemainingRecords"],
            "Records": ["Records", "RemainingRecords"],
            "CustomerSearchRecords": ["CustomerSearchRecords", "RemainingRecords"],
        },
    ),
    "customers_paging": Look(
        _aim("SearchCustomers", lambda body: len(body["Customers"]), RecordCount=5),
        {"paged": 5, "whole": 12},
    ),
    "product_key": Look(
        _distinct("GetActiveE3Party", "Records", "Pk", "AeId", "Sku"),
        {"Pk": [12, 12, 12], "AeId": [6, 12, 6], "Sku": [6, 6, 12]},
    ),
    "contract_key": Look(
        _aim("ContractFullDetails", _contracts), {"acct-sub": (12, 1), "id": (6, 12)}
    ),
    "empty_dates": Look(
        _aim(
            "ContractScheduledReturns",
            lambda body: {row.get("ReturnedDate", "-")[:4] for row in body["Contracts"]},
            IncludeReturned="true",
        ),
        {"minimum": {"0001", "2026"}, "omit": {"-", "2026"}},
    ),
    "nulls": Look(
        _aim(
            "SearchCustomers", lambda body: any(None in row.values() for row in body["Customers"])
        ),
        {"omit": False, "print": True},
    ),
    "order": Look(_aim("InvoiceDetail", _numbers), {"none": False, "key": True}),
}
