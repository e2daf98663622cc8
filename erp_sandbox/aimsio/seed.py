"""Makes Aimsio's records."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from erp_sandbox import awkward
from erp_sandbox.aimsio import entities as e

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from erp_sandbox.store import Row
    from erp_sandbox.vendor import Workbench

LAST_CHANGE_MS = 1_782_777_600_000
"""No seeded record changed after 2026-06-30T00:00:00Z."""
_DAY_MS = 86_400_000
_BEFORE_1970_MS = (-1, -86_400_000, -2_208_988_800_000, 0)
LOCATIONS = tuple(f"LOC-{number:03d}" for number in range(1, 13))
"""Location codes: implied master data, without an endpoint that is known (7, row 12)."""
RATE_TYPES = (("Hourly", "hourly"), ("Daily", "daily"), ("Each", "each"))
_BOOKS = ("Standard", "Winter", "Été", "Client's own")
STATUSES = ("Draft", "Submitted", "Approved", "Rejected", "Exported")


class AimsioSeed:
    """Makes rows for one account.

    Args:
        bench: Size and seed.
        entities: The entities, with the keys they have in this run.
    """

    def __init__(self, bench: Workbench, entities: dict[str, e.Entity]) -> None:
        self._bench = bench
        self._entities = entities
        self._made: dict[str, list[Row]] = {}
        self._codes: dict[str, list[str]] = {}

    def make(self) -> dict[str, list[Row]]:
        """Return the rows of every resource, parents first."""
        makers: dict[str, Callable[[int, random.Random], dict[str, Any]]] = {
            "billable_items": self._billable_item,
            "companies": self._company,
            "equipment": self._equipment,
            "price_books": self._price_book,
            "users": self._user,
            "employees": self._employee,
            "job_orders": self._job_order,
            "nrbs": self._nrb,
            "payroll_periods": self._payroll_period,
            "timecards": self._timecard,
            "invoices": self._invoice,
        }
        for resource, maker in makers.items():
            entity = self._entities[resource]
            source = self._bench.random(f"aimsio/{resource}")
            rows = self._made[resource] = []
            for number in range(self._bench.size):
                key = number + 1 if entity.integer_key else _guid(source)
                stamp = _stamp(number, self._bench.size)
                row = {entity.key: key, **maker(number, source)}
                row[entity.created] = stamp - source.randrange(0, 300) * _DAY_MS
                row[entity.stamp] = stamp
                rows.append(row)
        return self._made

    def _any(self, resource: str, source: random.Random) -> Row:
        return source.choice(self._made[resource])

    def _billable_item(self, number: int, source: random.Random) -> dict[str, Any]:
        kind = e.ITEM_TYPES[number % len(e.ITEM_TYPES)]
        rate, uname = RATE_TYPES[number % 3]
        second = number % 4 == 1
        return {
            "billableItemCode": awkward.code("BI", number),
            "billableItemName": f"{kind.replace('_', ' ').title()} {number + 1}",
            "billableItemTypeUname": kind,
            "billableItemTypeName": kind.replace("_", " ").title(),
            "billableItemIsTrade": kind == "labour",
            "billableItemIsEquipment": kind == "equipment",
            "billableItemCategory": source.choice(("Field", "Shop", None)),
            "billableItemDescription": awkward.pick(source, awkward.NOTES, number),
            "billableItemStatus": "active",
            "billableItemDefaultRate": awkward.money(source, number),
            "billableItemDefaultRateType": rate,
            "billableItemDefaultRateTypeUname": uname,
            "billableItemDefaultRate2": awkward.money(source, number + 1) if second else None,
            "billableItemDefaultRateType2": "Overtime" if second else None,
            "billableItemDefaultRateTypeUname2": "overtime" if second else None,
            "billableItemDefaultRate3": None,
            "billableItemDefaultRateType3": None,
            "billableItemDefaultRateTypeUname3": None,
            "billableItemDefaultCost": awkward.money(source, number + 2),
            "billableItemFormData": _form("billable_item_form", source, number),
        }

    def _company(self, number: int, source: random.Random) -> dict[str, Any]:
        kind = ("Client", "Vendor", "Client", "Both")[number % 4]
        return {
            "companyCode": awkward.code("C", number),
            "companyName": awkward.text(source, awkward.COMPANIES, number),
            "companyTypeUname": kind.lower(),
            "companyTypeName": kind,
            "companyAddress": awkward.text(source, awkward.STREETS, number),
            "companyCity": awkward.text(source, awkward.CITIES, number),
            "companyPhone": f"+1 403 555 {number % 10_000:04d}",
            "companyNotes": awkward.pick(source, awkward.NOTES, number + 3),
        }

    def _equipment(self, number: int, source: random.Random) -> dict[str, Any]:
        return {
            "equipmentCode": awkward.code("EQ", number),
            "equipmentName": f"{source.choice(('Truck', 'Crane', 'Pump', 'Séparateur'))} {number}",
            "equipmentBillableItemCode": self._typed("equipment", source),
            "equipmentSerialNumber": f"{source.randrange(10**11):012d}",
            "equipmentIsActive": number % 7 != 0,
        }

    def _typed(self, kind: str, source: random.Random) -> str | None:
        """Return the code of a billable item of one type."""
        if kind not in self._codes:
            self._codes[kind] = [
                row["billableItemCode"]
                for row in self._made["billable_items"]
                if row["billableItemTypeUname"] == kind
            ]
        return source.choice(self._codes[kind]) if self._codes[kind] else None

    def _company_code(self, other_than: str, source: random.Random) -> str | None:
        """Return the code of a company that is of any type but one."""
        if other_than not in self._codes:
            self._codes[other_than] = [
                row["companyCode"]
                for row in self._made["companies"]
                if row["companyTypeName"] != other_than
            ]
        return source.choice(self._codes[other_than]) if self._codes[other_than] else None

    def _price_book(self, number: int, source: random.Random) -> dict[str, Any]:
        items = self._made["billable_items"]
        rows = [
            {
                "priceItemBillableItemGuid": item["billableItemGuid"],
                "priceItemBillableItemName": item["billableItemName"],
                "priceItemBillableItemCode": item["billableItemCode"],
                "priceItemRate": awkward.money(source, number),
                "priceItemRateType": item["billableItemDefaultRateType"],
                "priceItemRateTypeUname": item["billableItemDefaultRateTypeUname"],
                "priceItemRate2": None,
                "priceItemDefaultCost": awkward.money(source, number + 1),
                "priceItemBillableItemIsDeleted": False,
            }
            for item in source.sample(items, min(5, len(items)))
        ]
        return {
            "priceBookName": f"{_BOOKS[number % len(_BOOKS)]} {2020 + number // len(_BOOKS)}",
            "priceBookDescription": awkward.pick(source, awkward.NOTES, number + 5),
            e.PRICE_ROWS: rows,
        }

    def _user(self, number: int, source: random.Random) -> dict[str, Any]:
        return {
            "userName": f"user{number + 1:03d}",
            "userFirstName": awkward.text(source, awkward.FIRST_NAMES, number),
            "userLastName": awkward.text(source, awkward.LAST_NAMES, number),
            "userEmail": f"user{number + 1}@example.com",
            "userIsActive": number % 9 != 0,
        }

    def _employee(self, number: int, source: random.Random) -> dict[str, Any]:
        hired = LAST_CHANGE_MS - source.randrange(100, 6000) * _DAY_MS
        if number % 8 == 3:  # noqa: PLR2004 - once in eight
            hired = _BEFORE_1970_MS[number // 8 % len(_BEFORE_1970_MS)]
        gone = number % 6 == 5  # noqa: PLR2004 - once in six
        return {
            "employeeCode": awkward.code("E", number),
            "employmentType": " SUBCONTRACTOR" if number % 3 == 1 else "DIRECT_HIRE",
            "employeeStatusUname": "inactive_permanent_layoff_employee_status"
            if gone
            else "active_employee_status",
            "employeeFirstName": awkward.text(source, awkward.FIRST_NAMES, number),
            "employeeLastName": awkward.text(source, awkward.LAST_NAMES, number),
            "employeeNickName": source.choice((None, "", "Ace", "Ñoño")),
            "employeeTradeCode": self._typed("labour", source),
            "employmentHireDate": hired,
            "employmentTerminationDate": LAST_CHANGE_MS if gone else None,
            "employmentReHireDate": None,
            "employeeAddress": awkward.text(source, awkward.STREETS, number),
            "employeePhone": f"+1 780 555 {number % 10_000:04d}",
            "employeeEmail": f"employee{number + 1}@example.com",
            "employeeNotes": awkward.pick(source, awkward.NOTES, number),
            "employeeLinkedUserGuid": None,
            "employeeLinkedUserName": self._any("users", source)["userName"],
            "employeePayrollTypeName": "Biweekly",
            "employeePayrollUnionName": source.choice(("Local 488", "Local 110")),
            "employeePayrollHolidayEligibility": source.choice(("PER_UNION", "AB_5_OF_9")),
            "employeeAverageDayPay": awkward.money(source, number),
            "employeeHolidayHoursTopUp": Decimal("0.50"),
            "employeeFormData": _form("employee_form", source, number),
        }

    def _job_order(self, number: int, source: random.Random) -> dict[str, Any]:
        start = LAST_CHANGE_MS - source.randrange(0, 900) * _DAY_MS
        if number % 20 == 7:  # noqa: PLR2004 - once in twenty
            start = -3_600_000
        status = e.JOB_STATUSES[number % len(e.JOB_STATUSES)]
        assignee = None if status == "Unassigned" else self._any("employees", source)
        return {
            "jobId": number + 1,
            "jobNumber": awkward.code("J", number),
            "jobName": f"Job {number + 1} {awkward.text(source, awkward.CITIES, number)}",
            "jobDescription": awkward.pick(source, awkward.NOTES, number),
            "jobStatus": status,
            "jobTypeUname": "job_order",
            "jobClientCode": self._company_code("Vendor", source),
            "jobPriceBookName": self._any("price_books", source)["priceBookName"],
            "jobStartDate": start,
            "jobEndDate": start + 30 * _DAY_MS if number % 2 else None,
            "jobShowInDispatching": bool(number % 2),
            "jobAssigneeEmployeeNumber": assignee["employeeCode"] if assignee else None,
            "jobAddress": awkward.text(source, awkward.STREETS, number),
            "jobLocationCode": source.choice((*LOCATIONS, None)),
            "jobLocationLat": Decimal("51.0447") + Decimal(number) / 1000,
            "jobLocationLong": Decimal("-114.0719000"),
            "jobDirection": awkward.pick(source, awkward.NOTES, number + 1),
            "jobWBSSchedule": {
                "jobScheduleGuid": _guid(source),
                "jobScheduleBudgetEntryOption": "PerWBS",
                "jobScheduleContractValueEntryOption": "PerJob",
                "jobScheduleChangeSettingOption": "Manual",
                "jobScheduleConversionRules": [],
                "jobScheduleWBSList": [
                    {"wbsSharedIdentifier": f"WBS-{number + 1}-{node}", "wbsName": f"Phase {node}"}
                    for node in (1, 2)
                ],
            },
            "jobFormData": _form("job_form", source, number),
        }

    def _nrb(self, number: int, source: random.Random) -> dict[str, Any]:
        job = self._any("job_orders", source)
        billable = number % 3 != 0
        return {
            # One made in the vendor's own screens has no external id (INF).
            "nrbExternalId": None if number % 10 == 9 else f"ext-{number + 1:06d}",  # noqa: PLR2004
            "nrbOriginReference": f"origin/{number + 1}" if number % 4 == 0 else None,
            "nrbJobOrderNumber": job["jobNumber"],
            "nrbWBSSharedIdentifier": source.choice(
                (None, job["jobWBSSchedule"]["jobScheduleWBSList"][0]["wbsSharedIdentifier"])
            ),
            "nrbPONumber": source.choice((None, "00042", "PO-7")),
            "nrbInvoiceNumber": f"{number:07d}",
            "nrbInvoiceDate": LAST_CHANGE_MS - number * _DAY_MS,
            "nrbName": f"Receipt {number + 1} {awkward.text(source, awkward.COMPANIES, number)}",
            "nrbTypeUname": "third_party",
            "nrbTypeName": "Third Party",
            "nrbDocumentType": "RECEIPT_AP_INVOICE",
            "nrbAccountType": "Billable" if billable else "Not Billable",
            "nrbIsBillable": billable,
            "nrbVendorCode": self._company_code("Client", source),
            "nrbRate": awkward.money(source, number),
            "nrbQuantity": Decimal("1.000"),
            "nrbVendorTax": Decimal("0.05"),
            "nrbUpcharge": Decimal(10),
            "nrbMarkupAppliesOn": "SUB_TOTAL",
            "nrbIsExported": False,
            "isInternal": number % 5 == 0,
            "nrbShouldReconcileWithPO": False,
        }

    def _payroll_period(self, number: int, _: random.Random) -> dict[str, Any]:
        start = LAST_CHANGE_MS - (self._bench.size - number) * 14 * _DAY_MS
        return {
            "payrollPeriodName": f"Period {number + 1}",
            "payrollPeriodStartDate": start,
            "payrollPeriodEndDate": start + 14 * _DAY_MS - 1,
            "payrollPeriodStatus": "Closed" if number + 1 < self._bench.size else "Open",
        }

    def _timecard(self, number: int, source: random.Random) -> dict[str, Any]:
        return {
            "timecardNumber": f"TC-{number + 1:06d}",
            "timecardEmployeeCode": self._any("employees", source)["employeeCode"],
            "timecardJobNumber": self._any("job_orders", source)["jobNumber"],
            "timecardDate": LAST_CHANGE_MS - number * _DAY_MS,
            "timecardHours": Decimal(source.randrange(0, 49)) / 4,
            "timecardStatus": STATUSES[number % len(STATUSES)],
        }

    def _invoice(self, number: int, source: random.Random) -> dict[str, Any]:
        job = self._any("job_orders", source)
        return {
            "invoiceNumber": awkward.code("INV", number),
            "invoiceJobNumber": job["jobNumber"],
            "invoiceClientCode": job["jobClientCode"],
            "invoiceDate": LAST_CHANGE_MS - number * _DAY_MS,
            "invoiceTotal": awkward.money(source, number),
            "invoiceStatus": STATUSES[number % len(STATUSES)],
            "invoiceNotes": awkward.pick(source, awkward.NOTES, number),
        }


def _guid(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))


def _stamp(number: int, size: int) -> int:
    """Return a change stamp; of every seven rows the last three share one."""
    step = number - (number % 7) + min(number % 7, 4)
    return LAST_CHANGE_MS - (size - step) * 3_600_000 + (step * 37) % 1000


def _form(uname: str, source: random.Random, number: int) -> dict[str, Any] | None:
    """Return custom form data (8.1); the shape of its entries is UNK."""
    if number % 3:
        return None
    entries = [{"fieldUname": "safety_ticket", "fieldValue": source.choice(("yes", "no", None))}]
    return {
        "formDataFormTypeUname": uname,
        "formDataGuid": _guid(source),
        "formDataFieldDataList": entries,
    }
