"""Makes AIMS360's records."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from erp_sandbox import awkward
from erp_sandbox.aims360.values import compact, guid, moment_text

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from erp_sandbox.store import Row
    from erp_sandbox.vendor import Workbench

LAST_CHANGE = datetime(2026, 6, 30, 12, 0, 0, tzinfo=timezone.utc)
"""No seeded record changed later."""
FIRST_ORDER = 100_001
FIRST_PO = 10_001
SIZES = ("XS", "SM", "MD", "LG", "XL")
DOCUMENT_PATH = "/documentmanagement/v1.0/aimsdocument"
OPERATOR = "operator@example.com"
_CURRENCIES = (
    ("USD", "US Dollar", "$"), ("AUD", "Australian Dollar", "A$"), ("EUR", "Euro", "€"),
    ("JPY", "日本円", "¥"), ("GBP", "Pound Sterling", "£"), ("VND", "Đồng", "₫"),
)  # fmt: skip
_CATEGORIES = ("backgroundJob", "Style", "Invoice", "Shipping Labels", "PO")
_PACIFIC = timezone(timedelta(hours=-7))


def stamp(number: int, size: int) -> datetime:
    """Return when a row changed last: of every five rows the last three at the same moment."""
    step = number - number % 5 + min(number % 5, 2)
    return LAST_CHANGE - timedelta(hours=5 * (size - step), microseconds=step * 100_003)


class Aims360Seed:
    """Makes rows for one tenant.

    Args:
        bench: Size and seed.
        client_id: The tenant's client id, shown in jobs.
    """

    def __init__(self, bench: Workbench, client_id: str) -> None:
        self._bench = bench
        self._client_id = client_id
        self._made: dict[str, list[Row]] = {}

    def make(self) -> dict[str, list[Row]]:
        """Return the rows of every resource, parents first."""
        makers: dict[str, Callable[[random.Random, int], Row]] = {
            "customers": self._customer,
            "warehouses": self._warehouse,
            "currencies": self._currency,
            "styles": self._style,
            "style_colors": self._style_color,
            "purchase_orders": self._purchase_order,
            "orders": self._order,
            "documents": self._document,
            "background_jobs": self._job,
        }
        for name, maker in makers.items():
            source = self._bench.random(f"aims360/{name}")
            self._made[name] = [maker(source, number) for number in range(self._bench.size)]
        return self._made

    def _any(self, name: str, source: random.Random) -> Row:
        return source.choice(self._made[name])

    def _changed(self, number: int) -> str:
        """Return a stamp with two to seven fractional digits (DOC, 3)."""
        moment = stamp(number, self._bench.size)
        return moment_text(moment, 2 + moment.second % 6)

    def _customer(self, source: random.Random, number: int) -> Row:
        return {
            "customerID": guid(source),
            "customerAccount": awkward.code("ACCT", number),
            "customerName": awkward.text(source, awkward.COMPANIES, number),
            "city": awkward.text(source, awkward.CITIES, number),
            "active": number % 6 != 4,  # noqa: PLR2004 - once in six
            "creditLimit": None if number % 7 == 3 else awkward.money(source, number),  # noqa: PLR2004
            "lastModifiedOn": self._changed(number),
        }

    def _warehouse(self, source: random.Random, number: int) -> Row:
        return {
            "warehouseID": guid(source),
            "warehouseName": "Main" if number == 0 else f"O'Hare {number:03d}",
            "state": source.choice(("CA", "NY", "", None)),
        }

    def _currency(self, source: random.Random, number: int) -> Row:
        code, name, symbol = _CURRENCIES[number % len(_CURRENCIES)]
        turn = number // len(_CURRENCIES)
        return {
            "currencyID": guid(source),
            "currencyCode": code if turn == 0 else f"{code[:2]}{turn}",
            "currencyName": name,
            "currencySymbol": symbol,
            "currencyEnabled": number % 4 != 3,  # noqa: PLR2004 - once in four
        }

    def _style(self, source: random.Random, number: int) -> Row:
        return {
            "styleID": guid(source),
            "style": awkward.code("ST", number),
            "description": awkward.pick(source, awkward.HTML, number),
            "fabricContent": source.choice(
                ("100% Cotton", '60% "Poly"\n40% Wool', None, "", "Baumwolle, Größe")
            ),
            "lastModifiedOn": self._changed(number),
        }

    def _style_color(self, source: random.Random, number: int) -> Row:
        style = self._made["styles"][number // 2]
        return {
            "styleColorID": guid(source),
            "styleID": style["styleID"],
            "style": style["style"],
            "color": f"{number % 2:03d}",
            "description": style["description"],
            "colorDescription": source.choice(("Black", "Bleu été", "赤", "Off-White, washed")),
            "bodyCode": f"{number % 9:02d}",
            "bodyDescription": awkward.pick(source, awkward.NOTES, number),
            "brandName": source.choice(("House", 'The "Label"', None)),
            "originCountryName": source.choice(("Viet Nam", "USA", None)),
            "wholesalePrice": awkward.money(source, number),
            "lastModifiedOn": self._changed(number),
            "sizes": [
                {"sizeName": size, "upc": f"{number * 10 + place:012d}"}
                for place, size in enumerate(SIZES[: number % 5 + 1])
            ],
        }

    def _purchase_order(self, source: random.Random, number: int) -> Row:
        styled = number % 3 != 2  # noqa: PLR2004 - once in three
        changed = stamp(number, self._bench.size)
        lines = []
        for _ in range(number % 3 + 1 if styled else 0):
            color = self._any("style_colors", source)
            lines.append(
                {
                    "styleColorID": color["styleColorID"],
                    "style": color["style"],
                    "color": color["color"],
                    "orderQty": source.randrange(1, 500),
                    "price": awkward.money(source, number),
                }
            )
        return {
            "purchaseOrderID": guid(source),
            "purchaseOrderNo": f"{FIRST_PO + number:05d}",
            "type": "Style" if styled else "Material",
            "vendor": awkward.code("V", number % 7),
            "status": source.choice(("Open", "Closed", "Cancelled")),
            # The sync of 4.3 sends an offset; here the records carry one too (INF).
            "lastModifiedOn": changed.astimezone(_PACIFIC).isoformat(timespec="milliseconds"),
            "stylePOLines": lines,
        }

    def _order(self, source: random.Random, number: int) -> Row:
        customer = self._any("customers", source)
        entered = (LAST_CHANGE - timedelta(days=self._bench.size - number)).date()
        return {
            "orderID": guid(source),
            "order": f"{FIRST_ORDER + number:06d}",
            "customerAccount": customer["customerAccount"],
            "customerID": customer["customerID"],
            "thirdPartyOrderID": None if number % 4 else f"WEB-{number:04d}",
            "customerPurchaseOrder": source.choice(("", "PO 7/8", "00042", None)),
            "status": source.choice(("Open", "Hold")),
            "entered": entered.isoformat(),
            "start": entered.isoformat(),
            "complete": None if number % 5 == 3 else (entered + timedelta(days=30)).isoformat(),  # noqa: PLR2004
            "priority": 5,
            "buyer": awkward.text(source, awkward.LAST_NAMES, number),
            "notes": awkward.pick(source, awkward.NOTES, number),
            "cod": number % 9 == 0,
            "freightCollect": None if number % 9 == 1 else False,
            "lastModifiedOn": self._changed(number),
            "lineItems": [self._line(source, number) for _ in range(number % 4)],
        }

    def _line(self, source: random.Random, number: int) -> Row:
        color = self._any("style_colors", source)
        order = self._any("purchase_orders", source)
        return {
            "lineItemID": guid(source),
            "styleColorID": color["styleColorID"],
            "warehouseID": self._any("warehouses", source)["warehouseID"],
            "price": awkward.money(source, number),
            "lineItemDiscountPercentage": None,
            "lineNote": awkward.pick(source, awkward.NOTES[:8], number),
            "sizes": [
                {"sizeName": size["sizeName"], "orderQuantity": source.randrange(0, 24)}
                for size in color["sizes"]
            ],
            "allocations": [
                {"wipReference": order["purchaseOrderNo"], "quantity": source.randrange(1, 24)}
                for _ in range(number % 3)
            ],
        }

    def _document(self, source: random.Random, number: int) -> Row:
        made = stamp(number, self._bench.size)
        key = guid(source) if number % 2 else f"{guid(source)}-{compact(made)}"
        size = source.randrange(10, 9_000_000)
        return {
            "documentGUID": key,
            "accessScope": source.choice(("PUBLIC", "PRIVATE", "PEOPLEINORGANIZATION")),
            "documentName": 'Größe, "a".json' if number % 5 == 1 else f"file{number}.zip",
            "fileType": source.choice(("JSON", "Json", ".zip")),
            "category": _CATEGORIES[number % len(_CATEGORIES)],
            "aimsReference": f"{number + 1:05d}",
            "User": OPERATOR,
            "title": None if number % 4 == 2 else f"Document {number + 1}",  # noqa: PLR2004
            "description": awkward.pick(source, awkward.NOTES, number),
            "downloadUri": f"{DOCUMENT_PATH}/{key}",
            "fileSize": size,
            "fileSizeInMB": Decimal(size * 100 // 1_048_576) / 100,
            "lastUploaded": moment_text(made, 2 + number % 6),
        }

    def _job(self, source: random.Random, number: int) -> Row:
        """Return a finished job; every seventh failed, every third answered in line."""
        began = stamp(number, self._bench.size)
        ended = began + timedelta(seconds=source.randrange(1, 90))
        failed, inline = number % 7 == 6, number % 3 == 1  # noqa: PLR2004 - once in seven
        key = f"{guid(source)}-{compact(began)}"
        output = f"{guid(source)}-{compact(ended)}"
        link = f"{DOCUMENT_PATH}/{output}/{source.getrandbits(160):040x}{compact(ended)}"
        response = None
        if inline and not failed:
            response = json.dumps({"totalRecordCount": 1, "data": [{"Account": "00005"}]})
        return {
            "@odata.etag": f'W/"{source.getrandbits(40)}"',
            **self.blank_job(key, began),
            "jobDescription": awkward.pick(source, awkward.NOTES[:8], number),
            "clientRequestId": f"request-{number}" if number % 4 == 0 else None,
            "jobStatus": "Failed" if failed else "Completed",
            "jobStatusText": "Job failed" if failed else "Job completed",
            "percentCompleted": 40 if failed else 100,
            "responseType": "In-line JSON" if inline else "Publishlink",
            "publishLink": None if failed or inline else link,
            "publishLinkAccessScope": "Private",
            "response": response,
            "startDate": moment_text(began, 3),
            "completedDate": None if failed else moment_text(ended, 2),
            "canReRun": "No",
            "modifiedDate": moment_text(ended, 2 + number % 6),
        }

    def blank_job(self, key: str, began: datetime) -> dict[str, Any]:
        """Return what every job record has (10.1)."""
        return {
            "jobID": key,
            "categoryName": "Reports",
            "subCategoryName": "Data Export",
            "jobDescription": "",
            "clientID": self._client_id.lower(),
            "DatabaseName": "SANDBOX",
            "accountCode": "SBX",
            "clientRequestId": None,
            "requestURL": f"{DOCUMENT_PATH}/{key}",
            "purgeDateTime": moment_text(began + timedelta(days=30), 3),
            "createdBy": OPERATOR,
            "createdDate": moment_text(began, 7),
            "modifiedBy": OPERATOR,
        }
