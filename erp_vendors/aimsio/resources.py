"""Aimsio's entities (aimsio.md 6, 7 and 8): paths, keys, and how each is written."""

from __future__ import annotations

import dataclasses

from erp_vendors.resource import Need, Resource


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AimsioResource(Resource):
    """An Aimsio entity.

    Attributes:
        list_name: Property that holds the records in a POST body.
        guid: Property of a full record that holds its guid; empty where the name is not documented.
        natural_keys: Properties that identify a record when writing, best one first; a record
            needs at least one of them.
        assumed_keys: The natural keys' names are assumed (7, INF); another property may be it.
        read_only: Properties that only the GET schema has.
        status_only: A POST may change the status of existing records and nothing else.
        after: Resources that this one's records refer to, which are written first.
    """

    list_name: str = ""
    guid: str = ""
    natural_keys: tuple[str, ...] = ()
    assumed_keys: bool = False
    read_only: frozenset[str] = frozenset()
    status_only: bool = False
    after: tuple[str, ...] = ()


def _entity(name: str, segment: str, prefix: str, **more: object) -> AimsioResource:
    """An entity that follows the vendor's naming: `{prefix}Guid`, `{prefix}UpdatedAt`."""
    fields: dict[str, object] = {
        "name": name,
        "path": f"/{segment}",
        "primary_keys": (f"{prefix}Guid",),
        "replication_key": f"{prefix}UpdatedAt",
        "list_name": f"{prefix}List",
        "guid": f"{prefix}Guid" if more.get("documented") else "",
        "natural_keys": (f"{prefix}Guid",),
    }
    own = more.pop("read_only", ())
    # {entity}FormData is GET-only for every entity (6, DOC); stamps are the system's (8, INF).
    stamps = {f"{prefix}FormData", f"{prefix}CreatedAt", f"{prefix}UpdatedAt"}
    fields["read_only"] = frozenset({*stamps, *own})  # type: ignore[misc]
    return AimsioResource(**{**fields, **more})  # type: ignore[arg-type]


def _rate_types(*numbers: str) -> tuple[Need, ...]:
    """One of each pair of a rate's type is required, of the further rates when they are sent."""
    rate = "billableItemDefaultRate"
    return tuple(
        Need((f"{rate}Type{number}", f"{rate}TypeUname{number}"), f"{rate}{number}" * bool(number))
        for number in numbers
    )


RESOURCES: tuple[AimsioResource, ...] = (
    _entity(
        "companies",
        "Company",
        "company",
        write_path="/Company",
        natural_keys=("companyCode", "companyGuid"),
        assumed_keys=True,
    ),
    _entity(
        "billable_items",
        "BillableItem",
        "billableItem",
        documented=True,
        write_path="/BillableItem",
        natural_keys=("billableItemCode", "billableItemGuid"),
        # Only a new one needs its type (8.2, DOC).
        needs=(
            Need(("billableItemTypeUname", "billableItemTypeName", "billableItemGuid")),
            *_rate_types("", "2", "3"),
        ),
    ),
    _entity(
        "employees",
        "Employee",
        "employee",
        documented=True,
        write_path="/Employee",
        natural_keys=("employeeCode", "employeeGuid"),
        read_only=("employeeLinkedUserGuid", "employeeLinkedUserName"),
        needs=(Need(("employeeTradeGuid", "employeeTradeCode")),),
        references={"employeeTradeCode": ("billable_items", "billableItemCode")},
        after=("billable_items",),
    ),
    _entity(
        "equipment",
        "Equipment",
        "equipment",
        write_path="/Equipment",
        natural_keys=("equipmentCode", "equipmentGuid"),
        assumed_keys=True,
        after=("billable_items",),
    ),
    _entity(
        "price_books",
        "PriceBook",
        "priceBook",
        write_path="/PriceBook",
        natural_keys=("priceBookName", "priceBookGuid"),
        assumed_keys=True,
        after=("billable_items",),
    ),
    _entity(
        "job_orders",
        "JobOrder",
        "job",
        documented=True,
        write_path="/JobOrder",
        natural_keys=("jobNumber", "jobGuid"),
        read_only=(
            "jobId",
            "jobTypeUname",
            "jobClientGuid",
            "jobClientName",
            "jobPriceBookGuid",
            "jobAssigneeFullName",
            "jobAssigneeUserName",
            "jobLocationName",
        ),
        references={
            "jobClientCode": ("companies", "companyCode"),
            "jobPriceBookName": ("price_books", "priceBookName"),
            "jobAssigneeEmployeeNumber": ("employees", "employeeCode"),
        },
        after=("companies", "employees", "equipment", "price_books"),
    ),
    _entity(
        "nrbs",
        "NonRecurringBillableItem",
        "nrb",
        guid="nrbGuid",
        # Read and written at different segments (6, DOC).
        write_path="/NRB",
        natural_keys=("nrbExternalId", "nrbOriginReference", "nrbGuid"),
        # Each of the three identifies it; only a new one needs its type (8.5, DOC).
        needs=(
            Need(("nrbExternalId", "nrbOriginReference", "nrbGuid")),
            Need(("nrbTypeUname", "nrbTypeName", "nrbGuid")),
        ),
        references={
            "nrbJobOrderNumber": ("job_orders", "jobNumber"),
            "nrbVendorCode": ("companies", "companyCode"),
        },
        after=("companies", "job_orders"),
    ),
    _entity("payroll_periods", "PayrollPeriod", "payrollPeriod"),
    _entity("timecards", "Timecard", "timecard", write_path="/Timecard", status_only=True),
    _entity("invoices", "Invoice", "invoice", write_path="/Invoice", status_only=True),
    _entity("users", "User", "user"),
)


def custom(name: str, path: str) -> AimsioResource:
    """A custom resource from the settings: read through an index like all the others.

    Args:
        name: Resource name.
        path: Path after `/rest/api/standard/v1`.
    """
    return AimsioResource(
        name=name,
        path=f"/{path.strip('/')}" if path else "",
        primary_keys=("guid",),
        # The index has a stamp for every entity, whatever the detail calls it.
        replication_key="updatedAt",
        list_name=f"{name}List",
    )
