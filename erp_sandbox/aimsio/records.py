"""How Aimsio's records depend on each other: references, derived names, embedded rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from erp_sandbox.aimsio.entities import PRICE_ROWS
from erp_sandbox.aimsio.seed import LOCATIONS

if TYPE_CHECKING:
    from erp_sandbox.aimsio.entities import Entity
    from erp_sandbox.store import Collection, Row


class AimsioTables:
    """Finds what one collection's records say about those of another.

    Args:
        collections: All of them, by resource.
    """

    def __init__(self, collections: dict[str, Collection]) -> None:
        self._collections = collections

    def _by(self, resource: str, column: str, value: object) -> Row | None:
        return self._collections[resource].first(column, value)

    def derived(self, entity: Entity, row: Row) -> Row:
        """Return a record with the read-only columns that follow from its references."""
        if entity.resource == "job_orders":
            return self._job(row)
        if entity.resource == "employees":
            trade = self._by("billable_items", "billableItemCode", row.get("employeeTradeCode"))
            return {**row, "employeeTradeGuid": trade and trade["billableItemGuid"]}
        return row

    def _job(self, row: Row) -> Row:
        client = self._by("companies", "companyCode", row.get("jobClientCode"))
        book = self._by("price_books", "priceBookName", row.get("jobPriceBookName"))
        number = row.get("jobAssigneeEmployeeNumber")
        person = self._by("employees", "employeeCode", number)
        location = row.get("jobLocationCode")
        company_key = self._collections["companies"].shape.key
        book_key = self._collections["price_books"].shape.key
        return {
            **row,
            "jobClientGuid": client and client[company_key],
            "jobClientName": client and client.get("companyName"),
            "jobPriceBookGuid": book and book[book_key],
            "jobAssigneeFullName": person
            and f"{person.get('employeeFirstName')} {person.get('employeeLastName')}",
            "jobAssigneeUserName": person and person.get("employeeLinkedUserName"),
            "jobLocationName": f"Location {location}" if location else None,
        }

    def embedded(self, job: Row) -> tuple[list[Row], list[Row], list[Row]]:
        """Return the NRB, crew and equipment records shown inside a job (4.2)."""
        nrbs = self._collections["nrbs"].find(("nrbJobOrderNumber",), (job.get("jobNumber"),))
        person = self._by("employees", "employeeCode", job.get("jobAssigneeEmployeeNumber"))
        crew = [
            {name: person.get(name) for name in ("employeeGuid", "employeeCode")}
            for person in [person]
            if person is not None
        ]
        machines = self._collections["equipment"].by_key()
        first = int(job["jobId"]) % len(machines) if machines and "jobId" in job else 0
        equipment = [
            {"equipmentCode": row.get("equipmentCode"), "equipmentName": row.get("equipmentName")}
            for row in machines[first : first + 2]
        ]
        return nrbs, crew, equipment

    def reference_errors(self, entity: Entity, sent: dict[str, Any], row: Row) -> list[str]:
        """Return the references of a written record to what does not exist, which is an error (6).

        Args:
            entity: The entity.
            sent: The properties of the request, which alone are checked.
            row: The record as it would become.
        """
        check = {
            "employees": self._employee_errors,
            "job_orders": self._job_errors,
            "nrbs": self._nrb_errors,
            "price_books": self._price_book_errors,
        }.get(entity.resource)
        return [] if check is None else check(sent, row)

    def _employee_errors(self, sent: dict[str, Any], _: Row) -> list[str]:
        errors = []
        code, guid = sent.get("employeeTradeCode"), sent.get("employeeTradeGuid")
        items = self._collections["billable_items"]
        for name, value, found in (
            ("employeeTradeCode", code, items.first("billableItemCode", code)),
            ("employeeTradeGuid", guid, items.get(guid)),
        ):
            if value and (found is None or not found.get("billableItemIsTrade")):
                errors.append(f"{name} {value}: no such labour billable item")
        return errors

    def _job_errors(self, sent: dict[str, Any], row: Row) -> list[str]:
        errors = []
        for name, resource, column in (
            ("jobClientCode", "companies", "companyCode"),
            ("jobPriceBookName", "price_books", "priceBookName"),
            ("jobAssigneeEmployeeNumber", "employees", "employeeCode"),
        ):
            value = sent.get(name)
            if value and self._by(resource, column, value) is None:
                errors.append(f"{name} {value}: not found")
        location = sent.get("jobLocationCode")
        if location and location not in LOCATIONS:
            errors.append(f"jobLocationCode {location}: not found")
        start, end = row.get("jobStartDate"), row.get("jobEndDate")
        if start is not None and end is not None and end < start:
            errors.append("jobEndDate is before jobStartDate")
        return errors

    def _nrb_errors(self, sent: dict[str, Any], row: Row) -> list[str]:
        errors = []
        job = self._by("job_orders", "jobNumber", row.get("nrbJobOrderNumber"))
        if job is None:
            errors.append(f"nrbJobOrderNumber {row.get('nrbJobOrderNumber')}: not found")
        vendor = self._by("companies", "companyCode", row.get("nrbVendorCode"))
        if vendor is None:
            errors.append(f"nrbVendorCode {row.get('nrbVendorCode')}: not found")
        elif (
            str(vendor.get("companyTypeUname") or vendor.get("companyTypeName")).lower() == "client"
        ):
            errors.append(f"nrbVendorCode {row.get('nrbVendorCode')}: is a client")
        node = sent.get("nrbWBSSharedIdentifier")
        schedule = (job or {}).get("jobWBSSchedule") or {}
        nodes = [item.get("wbsSharedIdentifier") for item in schedule.get("jobScheduleWBSList", [])]
        if node and job is not None and node not in nodes:
            errors.append(f"nrbWBSSharedIdentifier {node}: not under this job")
        if (row.get("nrbAccountType") == "Billable") is not row.get("nrbIsBillable"):
            errors.append("nrbAccountType and nrbIsBillable contradict each other")
        if sent.get("nrbShouldReconcileWithPO") and not row.get("nrbPONumber"):
            errors.append("nrbPONumber is required with nrbShouldReconcileWithPO")
        if sent.get("nrbFileBase64Content") and not row.get("nrbFileMimeType"):
            errors.append("nrbFileMimeType is required with a file")
        return errors

    def _price_book_errors(self, sent: dict[str, Any], _: Row) -> list[str]:
        errors = []
        for item in sent.get(PRICE_ROWS) or []:
            code = item.get("priceItemBillableItemCode") if isinstance(item, dict) else None
            if code and self._by("billable_items", "billableItemCode", code) is None:
                errors.append(f"priceItemBillableItemCode {code}: not found")
        return errors
