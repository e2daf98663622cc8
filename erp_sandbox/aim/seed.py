"""Makes AIM's records: fills them by their types, then sets their references to each other."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from erp_sandbox import awkward
from erp_sandbox.aim.types import TYPES

if TYPE_CHECKING:
    import random

    from erp_sandbox.store import Row
    from erp_sandbox.vendor import Workbench

CHANGED = "_changed"
"""Hidden column with the time of the last change; ChangedDate looks at it (4.3)."""
LAST_CHANGE = datetime(2026, 6, 30, 12, 0, 0)  # noqa: DTZ001 - the vendor has no zone
TICKET_TYPES = (
    "Service Ticket", "Sales Invoice", "Layaway", "Loaner", "Short Term Rental", "Contract",
    "Delayed Delivery", "Approval",
)  # fmt: skip
"""The eight types of 8.1, DeliveryTickets."""
FIRST_ACCT, FIRST_PRODUCT = 1001, 900_001
_TEXTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("Notes", awkward.NOTES),
    ("WebDescription", awkward.HTML),
    ("Html", awkward.HTML),
    ("Desc", ("Strap", 'Cymbal 18"', "Flöte & Etui", "トランペット", "  padded  ", "a,b;c", None)),
    ("School", ("Lincoln Elementary", "École St-Jean", "O'Hara High", None)),
    ("District", ("North", "Süd", "")),
    ("LastName", awkward.LAST_NAMES),
    ("Name", awkward.COMPANIES),
    ("Student", awkward.FIRST_NAMES),
    ("Addr", awkward.STREETS),
    ("City", awkward.CITIES),
    ("Status", ("Open", "Closed", "On Hold")),
)


def moment_text(moment: datetime) -> str:
    """Return seven decimals and no zone (DOC, 3.1)."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}0"


def fill(kind: str, source: random.Random, number: int) -> Row:
    """Return a row of a type with a value in every member."""
    row: Row = {}
    for name, form in TYPES[kind].items():
        value: object = None
        if form == "i":
            value = source.randrange(1, 50)
        elif form == "d":
            value = awkward.money(source, number)
        elif form == "b":
            value = (number + len(name)) % 3 == 0
        elif form == "t" or (form == "T" and number % 3):
            minutes = source.randrange(400 * 1440)
            value = moment_text(LAST_CHANGE - timedelta(minutes=minutes))
        elif form[0] == "[":
            value = []
        elif form[0] == "{" and form[1:-1] in TYPES:
            value = None if number % 4 == 3 else fill(form[1:-1], source, number)  # noqa: PLR2004
        elif form == "s":
            value = _text(name, source, number)
        row[name] = value
    return row


def _text(name: str, source: random.Random, number: int) -> object:
    for part, values in _TEXTS:
        if part in name:
            return awkward.pick(source, values, number)
    if "Zip" in name:
        return f"{number % 100_000:05d}"
    if "Phone" in name:
        return f"403-555-{number % 10_000:04d}"
    return None if number % 5 == 1 else awkward.code(name[:3].upper(), number)


class AimSeed:
    """Makes rows for one shop.

    Args:
        bench: Size and seed.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.made: dict[str, list[Row]] = {}

    def make(self) -> dict[str, list[Row]]:
        """Return the rows of every resource, parents first."""
        self._plain("locations", "LocationInfo", "Id")
        self._plain("categories", "CategoryInfo", "CategoryNumber", self._category)
        self._plain("auto_price_rules", "AutoPriceRecord", "Id")
        self._plain("contract_defaults", "ContractDefaultInfo", "Id")
        self._plain("contract_statuses", "ContractStatusInfo", "Id")
        self._plain("customers", "CustomerSearchRecord", "Acct", self._customer)
        self._plain("inventory", "SearchInventoryApiResult", "Pk", self._item)
        self._plain("ecommerce_products", "E3PartyRecord", "AeId", self._product)
        self._stock()
        self._plain("inventory_images", "ImageInfo", "UriPk", self._image)
        self._plain("shipping_addresses", "ShipToInfo", "Id", self._owned)
        self._plain("customer_purchase_orders", "CustomerPo", "PONumber", self._po)
        self._plain("invoices", "InvoiceInfo", "InvoiceNumber", self._invoice)
        self._plain("contracts", "ContractInfo", "_key", self._contract)
        self._plain("service_tickets", "TicketInfo", "RefNumber", self._ticket)
        self._plain("web_orders", "CustomerWebOrder", "_key", self._web_order)
        self._plain("delivery_tickets", "DeliveryTicket", "_key", self._delivery)
        self._plain("scheduled_returns", "ContractScheduledReturnInfo", "_key", self._return)
        self._plain("sales", "SaleRecord", "_key", self._sale)
        self._plain("store_transfers", "Transfer", "RefNumber", self._transfer)
        self._plain("transfer_lines", "TransferLineItem", "_key", self._transfer_line)
        self._plain("rental_plans", "C2BPlanGeneric", "Id", self._plan)
        self._plain("rental_districts", "C2BDistrictGeneric", "Id", self._district)
        self._plain("rental_schools", "C2BSchoolGeneric", "Id", self._school)
        self._plain("rental_teachers", "C2BTeacherGeneric", "Id", self._teacher)
        self._plain("rental_instruments", "C2BInstrumentGeneric", "_key", self._instrument)
        self._plain("instructor_invoices", "InstructorInvoice", "InvoiceRef", self._lesson)
        self._plain("active_employees", "ActiveEmployeeInfo", "_key", self._employee)
        self._plain("security_override_requests", "SecurityOverrideRequestInfo", "RequestId")
        return self.made

    def _plain(self, name: str, kind: str, key: str, more: Any = None) -> None:  # noqa: ANN401
        """Make a resource's rows; of every five the last three changed at the same moment."""
        source = self._bench.random(f"aim/{name}")
        rows = self.made[name] = []
        for number in range(self._bench.size):
            row = fill(kind, source, number)
            if key in TYPES[kind]:
                row[key] = number + 1
            if more is not None:
                row.update(more(source, number))
            step = number - number % 5 + min(number % 5, 2)
            changed = LAST_CHANGE - timedelta(hours=5 * (self._bench.size - step), seconds=step)
            row[CHANGED] = moment_text(changed)
            rows.append(row)

    def _of(self, name: str, number: int) -> Row:
        return self.made[name][number % len(self.made[name])]

    def _acct(self, number: int) -> int:
        acct: int = self._of("customers", number)["Acct"]
        return acct

    def _category(self, source: random.Random, number: int) -> Row:
        kinds = ("Inventory", "Non-Inventory", "Return", "Payment")
        return {
            "CategoryType": kinds[number % len(kinds)],
            "Active": number % 5 != 4,  # noqa: PLR2004 - once in five
            "SubCategoryListing": [fill("SubCategoryInfo", source, n) for n in range(number % 3)],
        }

    def _customer(self, source: random.Random, number: int) -> Row:
        last = awkward.text(source, awkward.LAST_NAMES, number)
        dependants = [
            {
                **fill("DependantRecord", source, number + n),
                "Id": number * 10 + n + 1,
                "OnlineId": None,
            }
            for n in range(number % 3)
        ]
        details = fill("AdditionalDetail", source, number)
        details["CustomerDefault"] = {"Id": number % 5 + 1, "Desc": "Retail", "ShortDesc": "R"}
        details["TaxAuthority"] = {"Id": number % 4 + 1, "Desc": "State", "ShortDesc": "S"}
        return {
            "Pk": 50_001 + number,
            "Acct": FIRST_ACCT + number,
            "Last": last,
            "Name": f"{awkward.text(source, awkward.FIRST_NAMES, number)} {last}",
            "Email": f"customer{number + 1}@example.com",
            "StLoc": f"{number % 3 + 1:02d}",
            "Barcode": f"{number:010d}",
            "DependantInfo": dependants,
            "AdditionalDetails": details,
            "MatchedOn": None,
        }

    def _item(self, _: random.Random, number: int) -> Row:
        # SadPk is the model's key; SkuPk, SaqPk and SasPk hang below it (7.4).
        return {
            "Pk": 10_001 + number,
            "Model": awkward.code("MOD", number),
            "Sku": awkward.code("SKU", number),
            "InventoryType": ("S", "M", "A", "P")[number % 4],
            "Discontinued": number % 9 == 8,  # noqa: PLR2004 - once in nine
            "Detail": None,
            "_deleted": number % 10 == 7,  # noqa: PLR2004 - once in ten
            "_location": number % 3 + 1,
        }

    def _product(self, source: random.Random, number: int) -> Row:
        item = self._of("inventory", number)
        return {
            "AeId": FIRST_PRODUCT + number,
            "Pk": item["Pk"],
            "Sku": item["Sku"],
            "Title": awkward.text(source, awkward.COMPANIES, number),
        }

    def _stock(self) -> None:
        """Make two quantity rows and at times a serial for each model."""
        source, places = self._bench.random("aim/stock"), self.made["locations"]
        self.made["inventory_quantities"] = [
            {
                "SaqPk": item["Pk"] * 100 + place,
                "SadPk": item["Pk"],
                "SkuPk": item["Pk"] * 10,
                "Sku": item["Sku"],
                "LocationId": places[place % len(places)]["Id"],
                "QtyAvail": awkward.money(source, number) if number % 4 else Decimal("1.5"),
                "OurPrice": awkward.money(source, number + place),
                "Locator": f"{place:02d}-{number:03d}",
                "Barcodes": [f"{number:012d}"],
                CHANGED: item[CHANGED],
            }
            for number, item in enumerate(self.made["inventory"])
            for place in range(2)
        ]
        serials = self.made["serials"] = []
        for number, item in enumerate(self.made["inventory"]):
            detail = fill("InventoryDetailBySerial", source, number)
            key, serial = item["Pk"] * 1000, f"{number:06d}" if number % 2 else f"SN/{number}"
            serials.append(
                {
                    "SasPk": key,
                    "Serial": serial,
                    "SaqPk": item["Pk"] * 100,
                    "LocPk": places[0]["Id"],
                    "Location": places[0]["ShortDesc"],
                    "SkuPk": item["Pk"] * 10,
                    "SKU": item["Sku"],
                    "SadPk": item["Pk"],
                    "Model": item["Model"],
                    "Details": {**detail, "SasPk": key, "Serial": serial},
                    CHANGED: item[CHANGED],
                }
            )

    def _image(self, _: random.Random, number: int) -> Row:
        return {
            "Url": f"https://images.example.com/{number}.jpg?a=1&b=2",
            "ImageStream": None,
            "ImageSize": "Large",
            "ErrorMessage": None,
            "_item": self._of("inventory", number // 2)["Pk"],
        }

    def _owned(self, _: random.Random, number: int) -> Row:
        return {"_acct": self._acct(number // 2), "Email": f"ship{number}@example.com"}

    def _po(self, _: random.Random, number: int) -> Row:
        return {"PONumber": f"{number + 1:06d}", "_acct": self._acct(number // 2)}

    def _invoice(self, source: random.Random, number: int) -> Row:
        customer = self._of("customers", number)
        lines = [fill("InvoiceLineItem", source, number + n) for n in range(number % 4)]
        moment = LAST_CHANGE - timedelta(hours=7 * (self._bench.size - number // 2))
        return {
            "InvoiceNumber": f"{number + 1:08d}" if number % 3 else f"INV-{number + 1}",
            "DateTime": moment_text(moment),
            "SoldToAcct": customer["Acct"],
            "SoldToName": customer["Name"],
            "LineItems": lines,
            "Payments": [fill("InvoicePayment", source, number)] if number % 2 else [],
            "_web_ref": None,
        }

    def _contract(self, source: random.Random, number: int) -> Row:
        # Two subs of one account, from 1.
        acct, sub = self._acct(number // 2), number % 2 + 1
        return {
            "_key": f"{acct}-{sub}",
            "Acct": acct,
            "Sub": sub,
            "WebRef": None,
            "Inventory": [fill("ContractInventoryInfo", source, number)],
            "Values": [],
        }

    def _ticket(self, source: random.Random, number: int) -> Row:
        customer = self._of("customers", number)
        unset = {"ApprovedDate": None, "BilledDate": None} if number % 2 else {}
        return {
            "RefNumber": f"{number + 1:07d}",
            "SoldToCustomerAcct": customer["Acct"],
            "SoldToCustomerName": customer["Name"],
            "Services": [fill("ServiceInfo", source, n) for n in range(number % 3)],
            "_web_ref": None,
            **unset,
        }

    def _web_order(self, source: random.Random, number: int) -> Row:
        items = [fill("CustomerOrderItem", source, number + n) for n in range(number % 3 + 1)]
        name = f"W-{number + 1:05d}" if number % 4 else f"{number + 1:06d}"
        return {
            "_key": str(number + 1),
            "WebOrder": name,
            "Items": items,
            "_picked": number % 3 == 0,
        }

    def _delivery(self, source: random.Random, number: int) -> Row:
        # Two types share a reference number: only both together are a key (7.1).
        kind, ref = TICKET_TYPES[number % len(TICKET_TYPES)], f"{number // 2 + 1:06d}"
        image = {} if number % 2 else {"Base64Signature": None, "HasSignature": False}
        return {
            "_key": f"{kind}-{ref}",
            "TicketType": kind,
            "RefNumber": ref,
            "AccountNumber": self._acct(number),
            "DependentAttributes": [fill("AttributeData", source, number)],
            **image,
        }

    def _return(self, _: random.Random, number: int) -> Row:
        contract = self._of("contracts", number)
        moment = LAST_CHANGE + timedelta(days=number - self._bench.size // 2)
        return {
            "_key": f"SR{number + 1:05d}",
            "Acct": contract["Acct"],
            "Sub": contract["Sub"],
            "ScheduledReturnDate": moment_text(moment),
            "ScheduledReturnedRef": f"SR{number + 1:05d}",
            "ReturnedDate": moment_text(moment) if number % 3 == 0 else None,
        }

    def _sale(self, _: random.Random, number: int) -> Row:
        saq = self._of("inventory_quantities", number)
        start, end = (LAST_CHANGE + timedelta(days=days) for days in (-number, 365))
        return {
            "_key": f"{saq['SaqPk']}-{number}",
            "SadPk": saq["SadPk"],
            "SkuPk": saq["SkuPk"],
            "SaqPk": saq["SaqPk"],
            "SKU": saq["Sku"],
            "LocationId": saq["LocationId"],
            "StartDate": moment_text(start),
            "EndDate": moment_text(end),
        }

    def _transfer(self, _: random.Random, number: int) -> Row:
        return {
            "RefNumber": f"T{number + 1:05d}",
            "From": self._of("locations", number),
            "To": self._of("locations", number + 1),
            "IsRequest": number % 2 == 1,
            "_completed": number % 6 == 5,  # noqa: PLR2004 - once in six
        }

    def _transfer_line(self, _: random.Random, number: int) -> Row:
        return {
            "_key": str(number + 1),
            "_ref": self._of("store_transfers", number // 2)["RefNumber"],
            "_full": number % 4 == 0,
            "SasPk": None,
        }

    def _plan(self, _: random.Random, number: int) -> Row:
        return {"Code": f"P{number + 1:02d}"}

    def _district(self, _: random.Random, number: int) -> Row:
        return {"DistrictName": f"District {number + 1}"}

    def _school(self, _: random.Random, number: int) -> Row:
        district = self._of("rental_districts", number // 2)
        return {"DistrictName": district["DistrictName"], "SchoolName": f"École {number + 1}"}

    def _teacher(self, _: random.Random, number: int) -> Row:
        school = self._of("rental_schools", number // 2)
        return {"SchoolName": school["SchoolName"], "DistrictName": school["DistrictName"]}

    def _instrument(self, source: random.Random, number: int) -> Row:
        names = ("Violin 3/4", "Trumpet", 'Cello "Old"', "フルート")
        return {
            "_key": str(number + 1),
            "_teacher": self._of("rental_teachers", number // 2)["Id"],
            "_plan": self._of("rental_plans", number)["Code"],
            "InstrumentName": f"{source.choice(names)} {number + 1}",
            "Grades": [fill("C2BGradeGeneric", source, number + n) for n in range(2)],
            "_out_of_stock": number % 5 == 4,  # noqa: PLR2004 - once in five
        }

    def _lesson(self, _: random.Random, number: int) -> Row:
        return {"InvoiceRef": f"L{number + 1:05d}"}

    def _employee(self, source: random.Random, number: int) -> Row:
        row: Row = {
            "_key": str(number + 1),
            "_mode": ("CLOCKED_IN", "LOGGED_IN")[number % 2],
            "EmployeeName": f"{awkward.text(source, awkward.FIRST_NAMES, number)} {number}",
            "Location": f"{number % 3 + 1:02d}",
        }
        if number % 4 == 2:  # noqa: PLR2004 - once in four: the sample lacks TimeIn (DOC)
            row["TimeIn"] = None
        return row
