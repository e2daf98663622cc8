"""Plays the vendors, as far as the benchmarks call them; from the vendor sheets only."""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
import typing as t

import msgspec

from benchmarks.records import PLAIN, Shape

PLAIN_ROWS = 500
"""Records on a page of the plain list that peers read."""
_CIMCLOUD_ROWS = 50
_OK = b'{"Status":{"StatusCode":"Ok"}'

CUSTOMERS = Shape("customerID", "lastModifiedOn")
"""AIMS360's (aims360.md 7.1); a stamp a minute."""
INVENTORY = Shape("Pk", "ChangedOn", number=True, zone="")
"""AIM's (aim.md 7.1)."""
AIMSIO = {
    name.lower(): Shape(f"{prefix}Guid", f"{prefix}UpdatedAt", zone=None)
    for name, prefix in (
        ("Employee", "employee"),
        ("BillableItem", "billableItem"),
        ("JobOrder", "job"),
    )
}
"""Aimsio's entities by path segment (aimsio.md 8)."""
EMPLOYEES = Shape(
    "employeeCode",
    "employeeUpdatedAt",
    zone=None,
    more=',"employmentType":"DIRECT_HIRE","employeeStatusUname":"active_employee_status",'
    '"employeeFirstName":"Jo","employeeLastName":"Long","employeeTradeGuid":"trade"',
)
"""Aimsio's as they are written, with all that is required (aimsio.md 8.1)."""
CIMCLOUD = {
    # A stamp an hour: a whole day and the lookback before it fit on one page (cimcloud.md 4.1).
    name: Shape(key, "last_modify_date", step=3600, zone="")
    for name, key in (("accounts", "ref_id"), ("customers", "username"), ("products", "sku"))
}
"""CIMcloud's resources by path (cimcloud.md 7.4)."""

_SINCE = re.compile(r"searchgreatherthanequal~last_modify_date~(\d+)/(\d+)/(\d+)")
_WINDOW = re.compile(r"lastModifiedOn ge (\S+) and lastModifiedOn le (\S+)")


class Call(t.NamedTuple):
    """A call and what it is answered with.

    Attributes:
        kind: What was called, for counting.
        answer: Body of the answer.
        status: HTTP status.
        headers: Further header lines, each with its line end.
        written: Key and version of each record that it writes.
    """

    kind: str
    answer: bytes
    status: int = 200
    headers: bytes = b""
    written: tuple[tuple[str, int], ...] = ()


@functools.lru_cache(maxsize=512)
def _rows(shape: Shape, start: int, stop: int) -> bytes:
    return b"[" + b",".join(shape.render(number) for number in range(start, stop)) + b"]"


class Vendors:
    """All of them, each with the same number of records of every resource.

    Attributes:
        url: Address of the server, which AIM tells its clients.
    """

    def __init__(self, records: int) -> None:
        """Open for business.

        Args:
            records: Number of records of every resource.
        """
        self._records = records
        self.url = ""
        self._routes: dict[str, t.Callable[[str, str, dict[str, str], bytes], Call | None]] = {
            "plain": self._plain,
            "customers": self._aims360,
            "rest": self._aimsio,
            "aim": self._aim,
            "site": self._cimcloud,
        }

    def call(self, method: str, path: str, query: dict[str, str], body: bytes) -> Call:
        """Answer a call.

        Args:
            method: HTTP method.
            path: Path, decoded.
            query: Parameters, decoded.
            body: Body.
        """
        route = self._routes.get(path.split("/", 2)[1])
        found = route(method, path, query, body) if route else None
        return found or Call(f"unknown: {method} {path}", b"{}", 404)

    def _plain(self, method: str, path: str, query: dict[str, str], body: bytes) -> Call:  # noqa: ARG002
        if method == "POST":
            row = msgspec.json.decode(body)
            return Call("plain write", b'{"id":"1"}', written=_versions([row]))
        page = int(query.get("page", "1"))
        start, stop = (page - 1) * PLAIN_ROWS, min(page * PLAIN_ROWS, self._records)
        after = b"%d" % (page + 1) if stop < self._records else b"null"
        rows = _rows(PLAIN, start, max(start, stop))
        return Call("plain page", b'{"next_page":%b,"data":%b}' % (after, rows))

    def _aims360(self, _method: str, _path: str, query: dict[str, str], _body: bytes) -> Call:
        """An OData list (aims360.md 3, 4.1, 4.3)."""
        first, end = 0, self._records
        window = _WINDOW.search(query.get("$filter", ""))
        if window:
            since, until = (
                dt.datetime.fromisoformat(text.rstrip("Z")).replace(tzinfo=None)
                for text in window.groups()
            )
            first = CUSTOMERS.after(since)
            end = min(end, CUSTOMERS.after(until + dt.timedelta(seconds=1)))
        start = min(end, first + int(query.get("$skip", "0")))
        stop = min(end, start + int(query.get("pagesize", "250")))
        count = b'"@odata.count":%d,' % max(0, end - first) if "$count" in query else b""
        return Call("aims360 page", b"{%b" % count + b'"value":%b}' % _rows(CUSTOMERS, start, stop))

    def _aimsio(self, method: str, path: str, _query: dict[str, str], body: bytes) -> Call | None:
        """Index, details, and writes (aimsio.md 4.1, 6)."""
        entity, _, key = path.removeprefix("/rest/api/standard/v1/").partition("/")
        shape = AIMSIO.get(entity.lower())
        if shape is None:
            return None
        if method == "POST":
            (rows,) = msgspec.json.decode(body).values()
            return Call("aimsio write", b"{}", written=_versions(rows))
        if key:
            return Call("aimsio detail", shape.render(int(key.partition("-")[0])))
        entries = (
            b'{"dtype":"%b","guid":"%b","updatedAt":%b}'
            % (entity.encode(), shape.key_of(number).encode(), shape.stamp_of(number))
            for number in range(self._records)
        )
        return Call("aimsio index", b"[" + b",".join(entries) + b"]")

    def _aim(self, _method: str, path: str, query: dict[str, str], _body: bytes) -> Call | None:
        """The way in, a paged listing and its children (aim.md 1, 2, 4.1, 8.1)."""
        operation = path.rpartition("/")[2]
        if operation == "GetEndPoint":
            domain = b',"NewEndpointDomain":"%b/aim","OAuthToken":"token"}' % self.url.encode()
            return Call("aim login", _OK + domain)
        if operation == "Security":
            return Call("aim login", _OK + b',"Token":"token"}')
        if operation == "InventoryDetail":
            return Call("aim child", _OK + b"," + INVENTORY.render(int(query["Pk"]))[1:])
        if operation != "SearchInventory":
            return None
        start = min(self._records, int(query["StartOffset"]))
        stop = min(self._records, start + int(query["RecordCount"]))
        place = (start, stop - start, self._records - stop, self._records)
        counts = (
            b',"StartOffset":%d,"RecordCount":%d,"RemainingRecords":%d,"TotalRecords":%d' % place
        )
        return Call("aim page", _OK + counts + b',"Records":%b}' % _rows(INVENTORY, start, stop))

    def _cimcloud(self, method: str, path: str, _query: dict[str, str], body: bytes) -> Call | None:
        """Pages of 50 in the path, batches with one answer, rate headers (cimcloud.md 2 to 6)."""
        _, _, resource, *tail = path.rstrip("/").split("/")
        # More calls are agreed than a benchmark makes; without the headers the default would hold.
        headers = b"X-RateLimit-Limit: 1000000\r\nX-RateLimit-Remaining: 999999\r\n"
        headers += b"X-RateLimit-Reset: 900\r\n"
        if resource == "authenticate":
            token = b'{"token":"token","expiration":"2999-01-01T00:00:00Z"}'
            return Call("cimcloud login", token, headers=headers)
        if method == "POST":
            rows = msgspec.json.decode(body)
            rows = rows if isinstance(rows, list) else [rows]
            said = {
                "action": "DataImported",
                "success": True,
                "importedRecords": len(rows),
                "updatedRecords": 0,
                "recordCountInRequest": len(rows),
                "message": None,
            }
            answer = json.dumps(said).encode()
            return Call("cimcloud write", answer, headers=headers, written=_versions(rows))
        shape = CIMCLOUD.get(resource)
        if shape is None:
            return None
        since = _SINCE.search("/".join(tail))
        first = 0
        if since:
            month, day, year = map(int, since.groups())
            first = shape.after(dt.datetime(year, month, day))  # noqa: DTZ001 - a site's own day
        page = int(tail[-1]) if tail and tail[-1].isdigit() else 1
        start = min(self._records, first + (page - 1) * _CIMCLOUD_ROWS)
        stop = min(self._records, start + _CIMCLOUD_ROWS)
        return Call("cimcloud page", _rows(shape, start, stop), headers=headers)


def _versions(rows: t.Iterable[dict[str, t.Any]]) -> tuple[tuple[str, int], ...]:
    """Key and version of records: their first property, and how often that key has come."""
    return tuple((str(next(iter(row.values()))), row.get("orderCount", 0)) for row in rows)
