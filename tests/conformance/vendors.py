"""Four APIs as their vendors describe them, with target-erp on the other end."""

from __future__ import annotations

import json
import sys
import typing as t
import urllib.parse
import uuid

from tests.support import forked

from .adapter import USUAL_UMASK, Adapter
from .wire import Reply

if t.TYPE_CHECKING:
    import pathlib

    from .adapter import Process
    from .book import Book, Row
    from .wire import Request

USER, PASSWORD = "conformance", "not-a-secret"
FAST = {"requests_per_second": 100_000, "max_concurrency": 6}


class TargetErp(Adapter):
    """The target's end: its command, and how it reports."""

    block: str
    modes = ("create_only", "update_only")
    conflicts = plans = True

    def __init__(self) -> None:
        self.settings: Row = {}
        """More settings of the target."""
        self.vendor: Row = {} if self.per_call == 1 else {"batch_size": self.per_call}
        """More settings of the vendor block."""
        self._plan: Row = {}

    def command(self, url: str, folder: pathlib.Path) -> list[str]:
        return [sys.executable, "-m", *self._arguments(url, folder)]

    def start(self, url: str, folder: pathlib.Path, stderr: t.IO[bytes]) -> Process:
        module, *arguments = self._arguments(url, folder)
        return forked.start(module, *arguments, stderr=stderr, cwd=folder, umask=USUAL_UMASK)

    def _arguments(self, url: str, folder: pathlib.Path) -> list[str]:
        config = {
            self.block: {**self.connection(url), **FAST, **self.vendor},
            "ledger": str(folder / "ledger.sqlite"),
            "dead_letters": str(folder / "dead_letters"),
            "checkpoint_seconds": 0.05,
            **self.settings,
            **self._plan,
        }
        file = folder / "config.json"
        file.write_text(json.dumps(config))
        return ["target_erp", "--config", str(file)]

    def connection(self, url: str) -> Row:
        """Address and credentials."""
        raise NotImplementedError

    def reported(self, folder: pathlib.Path) -> list[str]:
        lines = [
            line for file in self.report_files(folder) for line in file.read_text().splitlines()
        ]
        return [str(record.get(self.key)) for record in filter(None, map(_letter, lines))]

    def report_files(self, folder: pathlib.Path) -> list[pathlib.Path]:
        file = folder / "dead_letters" / f"{self.stream}.jsonl"
        return [file] if file.exists() else []

    def let_delete(self) -> None:
        self.settings = {"deletes": [self.stream], "guards": {"max_deletes": "50%"}}

    def use_mode(self, mode: str) -> None:
        self.settings = {"sinks": {self.stream: {"mode": mode}}}

    def refuse_conflicts(self) -> None:
        self.settings = {"sinks": {self.stream: {"on_conflict": "refuse"}}}

    def make_plan(self, folder: pathlib.Path) -> None:
        self._plan = {"dry_run": True, "plan_file": str(folder / "plan.jsonl")}

    def apply_plan(self, folder: pathlib.Path) -> None:
        self._plan = {"apply": str(folder / "plan.jsonl")}


def _letter(line: str) -> Row | None:
    """The record of a dead letter; None of a line that was torn."""
    try:
        record: Row = json.loads(line)["record"]
    except ValueError:
        return None
    return record


class Aimsio(TargetErp):
    """Aimsio's master data: one POST for several records, creates and updates (6)."""

    block = "aimsio"
    stream, key = "aimsio_employees", "employeeCode"
    text, number, spare = "employeeNotes", "employeeAverageDayPay", "employeeNickName"
    per_call = 3
    success = ("{}",)  # what it looks like is not documented (5.2)
    _PATH = "/rest/api/standard/v1/"

    def connection(self, url: str) -> Row:
        return {"api_url": url, "username": USER, "password": PASSWORD}

    def record(self, number: int) -> Row:
        return {
            "employeeCode": f"E-{number}",
            "employmentType": "DIRECT_HIRE",
            "employeeStatusUname": "active_employee_status",
            "employeeFirstName": "Ada",
            "employeeLastName": f"Number {number}",
            "employeeTradeCode": "WELD",
            "employeeNotes": "",
        }

    def answer(self, request: Request, book: Book) -> Reply:
        if not request.is_from(USER, PASSWORD):
            return Reply(401)
        entity, _, guid = request.path.removeprefix(self._PATH).partition("/")
        name = entity[:1].lower() + entity[1:]
        if request.method == "POST":
            ((wrapper, rows),) = request.json.items()
            if wrapper != f"{name}List" or book.refuses(*rows):
                return Reply(400, {"message": "a record of this list is not valid"})
            for row in rows:
                identity = {f"{name}Guid": str(uuid.UUID(int=book.next_id))}
                book.upsert(row[f"{name}Code"], row, **identity)
                self._stamp(row[f"{name}Code"], book)
            return Reply(body={})
        found = [row for _, row in book.by_id.values() if f"{name}Guid" in row]
        if guid:
            one = next((row for row in found if row[f"{name}Guid"] == guid), None)
            return Reply(404) if one is None else Reply(body=one)
        index = [
            {"dtype": entity, "guid": row[f"{name}Guid"], "updatedAt": row["updatedAt"]}
            for row in found
        ]
        return Reply(body=index)

    def edit(self, key: str, changes: Row, book: Book) -> None:
        super().edit(key, changes, book)
        self._stamp(key, book)

    def _stamp(self, key: str, book: Book) -> None:
        book.find(key)[0]["updatedAt"] = len(book.log) + book.edits


class AimsioItems(Aimsio):
    """Another stream of the same account."""

    stream, key = "aimsio_billable_items", "billableItemCode"
    text, number, spare = "billableItemDescription", "billableItemDefaultRate", "billableItemStatus"

    def record(self, number: int) -> Row:
        return {
            "billableItemCode": f"B-{number}",
            "billableItemName": f"Item {number}",
            "billableItemTypeUname": "labour",
            "billableItemTypeName": "Labour",
            "billableItemIsTrade": True,
            "billableItemIsEquipment": False,
            "billableItemDefaultRate": 1.5,
            "billableItemDefaultRateType": "Hourly",
            "billableItemDescription": "",
        }


class Cimcloud(TargetErp):
    """CIMcloud's accounts: up to ten records in a POST, and one answer for all of them (6)."""

    block = "cimcloud"
    stream, key = "cimcloud_accounts", "ref_id"
    text, number, spare = "nm", "credit_limit", "address3"
    per_call = 4
    login = "/authenticate$"

    def connection(self, url: str) -> Row:
        login = {"auth_key": "a-key", "username": USER, "password": PASSWORD}
        return {"api_url": url, "site_name": "site", **login}

    def record(self, number: int) -> Row:
        return {"ref_id": f"00-{number:06}", "num": str(number), "nm": "", "status": "1"}

    def answer(self, request: Request, book: Book) -> Reply:
        headers = {
            "X-RateLimit-Limit": "1000000",
            "X-RateLimit-Remaining": "999999",
            "X-RateLimit-Reset": "900",
        }
        return self._answer(request, book)._replace(headers=headers)

    def _answer(self, request: Request, book: Book) -> Reply:
        path = request.path.removeprefix("/site/").strip("/")
        if path == "authenticate":
            if request.json.get("AuthPassword") != PASSWORD:
                return Reply(401)
            return Reply(body={"token": "a-token", "expiration": "2999-01-01T00:00:00Z"})
        if request.headers.get("authorization") != "Bearer a-token":
            return Reply(401)
        if request.method in {"POST", "PUT"} and path == "account":
            rows = request.json if isinstance(request.json, list) else [request.json]
            return self._import(rows, book, creates=request.method == "POST")
        if request.method == "GET" and path.partition("/")[0] == "accounts":
            return self._list(path.partition("/")[2], book)
        return Reply(404)

    def _import(self, rows: list[Row], book: Book, *, creates: bool) -> Reply:
        good = [
            row for row in rows if not book.refuses(row) and (creates or book.find(row["ref_id"]))
        ]
        new = 0
        for row in good:
            new += book.upsert(row["ref_id"], row)
        bad = len(rows) - len(good)
        said = {
            "action": "DataImported",
            "success": not bad,
            "importedRecords": new,
            "updatedRecords": len(good) - new,
            "recordCountInRequest": len(rows),
            "message": f"{bad} rows were not imported" if bad else None,
        }
        return Reply(body=said)

    def _list(self, search: str, book: Book) -> Reply:
        if "~" not in search:
            page = max(int(search or 1), 1)
            rows = [row for _, row in book.by_id.values()]
            return Reply(body=rows[50 * (page - 1) : 50 * page])
        # Each of several searches stands in parentheses (4.2).
        terms = urllib.parse.unquote(search.partition("/")[0]).strip("()").split(")|or|(")
        keys = dict.fromkeys(term.removeprefix("searchexact~ref_id~") for term in terms)
        return Reply(body=[row for key in keys for row in book.find(key)][:50])


class Aims360(TargetErp):
    """AIMS360's orders: created one by one, never changed, and nothing keeps doubles out (6.1)."""

    block = "aims360"
    stream, key = "aims360_orders", "thirdPartyOrderID"
    text, number, spare = "notes", "freight", "note2"
    updates = conflicts = False
    modes = ("create_only",)

    def connection(self, url: str) -> Row:
        return {"api_url": url, "access_token": "a.b.c", "calls_per_minute": 10_000_000}

    def record(self, number: int) -> Row:
        sizes = [{"sizeName": "SM", "orderQuantity": 2}]
        return {
            "thirdPartyOrderID": f"O'{number}",
            "customerID": str(uuid.UUID(int=7)),
            "notes": "",
            "lineItems": [{"styleColorID": str(uuid.UUID(int=9)), "sizes": sizes}],
        }

    def answer(self, request: Request, book: Book) -> Reply:
        if request.headers.get("authorization") != "Bearer a.b.c":
            return Reply(401)
        if (request.method, request.path) == ("POST", "/orders/v1.0/order"):
            row = request.json
            if book.refuses(row):
                error = {"code": "Request_Invalid", "message": "notes is not valid"}
                return Reply(400, {"requestId": "1", "error": error})
            order = str(1_000_000 + book.next_id)
            book.create(row["thirdPartyOrderID"], row, order=order)
            return Reply(body={"order": order})
        if (request.method, request.path) == ("GET", "/orders/v1.0/orders"):
            return self._list(request.query, book)
        return Reply(404)

    def _list(self, query: dict[str, str], book: Book) -> Reply:
        start = "thirdPartyOrderID eq '"
        search = query.get("$filter", "")
        if search.startswith(start):
            rows = book.find(search[len(start) : -1].replace("''", "'"))
        else:
            rows = [row for _, row in book.by_id.values()]
        skip, size = int(query.get("$skip", 0)), int(query.get("pagesize", 250))
        return Reply(body={"@odata.count": len(rows), "value": rows[skip : skip + size]})


class Pentamic(TargetErp):
    """Pentamic's customers: POST creates, PUT replaces, refusals are 403 with a code (5.2, 6)."""

    block = "pentamic"
    stream, key = "pentamic_customers", "taxCode"
    text, number, spare = "name", "creditLimit", "address"
    login = "/connect/token$"
    deletes = True

    def connection(self, url: str) -> Row:
        return {
            "api_url": f"{url}/api",
            "token_url": f"{url}/connect/token",
            "client_id": USER,
            "client_secret": PASSWORD,
            "scope": "pa-api",
        }

    def record(self, number: int) -> Row:
        return {"taxCode": f"01{number:08}", "name": "-", "phone": "0901"}

    def answer(self, request: Request, book: Book) -> Reply:
        if request.path == "/connect/token":
            if request.form.get("client_secret") != PASSWORD:
                return Reply(400, {"error": "invalid_client"})
            token = {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}
            return Reply(body=token)
        if request.headers.get("authorization") != "Bearer a-token":
            return Reply(401)
        path, _, number = request.path.removeprefix("/api/").partition("/")
        if path != "customers":
            return Reply(404)
        if request.method == "GET":
            return Reply(body=[row for _, row in book.by_id.values()])
        return (self._delete if request.method == "DELETE" else self._write)(
            request, int(number) if number else None, book
        )

    def _delete(self, _: Request, number: int | None, book: Book) -> Reply:
        # Nothing is documented about its answer (9).
        if number is None or number not in book.by_id:
            return Reply(403, {"error": "ID_NOTFOUND"})
        book.delete(number)
        return Reply(204, b"")

    def _write(self, request: Request, number: int | None, book: Book) -> Reply:
        row = request.json
        refusal = None
        for name, code in (("name", "NAME_REQUIRED"), ("taxCode", "TAXC_REQUIRED")):
            if not row.get(name):
                refusal = code
        if number is not None and number not in book.by_id:
            refusal = "ID_NOTFOUND"
        if refusal or book.refuses(row):
            return Reply(403, {"error": refusal or "TAXC_INVALID"})
        if number is None:
            return Reply(body=book.create(row["taxCode"], row, id=book.next_id))
        key, whole = book.by_id[number]
        # Whether a PUT clears what it lacks is unknown (9): this API is as hard as it may be.
        book.update(key, row, book.find(key).index(whole), kept={"id"})
        return Reply(body=whole)
