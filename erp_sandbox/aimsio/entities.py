"""The entities: paths, keys and field lists (7 and 8)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from erp_sandbox.store import TableShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from erp_sandbox.aimsio.options import AimsioOptions


@dataclass(frozen=True)
class Field:
    """One property of a record.

    Attributes:
        name: Property name.
        kind: ``text``, ``int``, ``number``, ``bool``, ``object`` or ``array``.
        required: Whether every POST must carry it.
        read_only: Whether only the GET has it.
        values: Allowed values, if they are listed.
    """

    name: str
    kind: str = "text"
    required: bool = False
    read_only: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entity:
    """One entity.

    Attributes:
        name: Path segment of the GETs.
        resource: Name as in the stream name.
        prefix: Prefix of its property names.
        wrapper: The array property of the POST body; empty if there is no POST.
        key: Primary key property.
        identities: Further properties that identify a record, in order of precedence.
        fields: Property list.
        closed: Whether the list is documented, so that other properties are unknown.
        write_path: Path segment of the POST.
        exact: Whether the casing of the path is documented (1).
        either: Pairs of which one is required (on create).
        status_only: Whether a POST may only change the status of an existing record (6).
        own_guid: Whether a caller may choose the key of a new record (6).
        integer_key: Whether it is known by an integer ``id`` instead of a ``guid``.
        inferred: What is not documented about it (7): the word of its ``path``, the names of the
            ``key`` and the ``stamp`` of its detail.
        path: Path segment in this run, if it is not the name.
        shown: Other names of properties in this run; None leaves the property out.
    """

    name: str
    resource: str
    prefix: str
    wrapper: str
    key: str
    identities: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    closed: bool = False
    write_path: str = ""
    exact: bool = False
    either: tuple[tuple[str, ...], ...] = ()
    status_only: bool = False
    own_guid: bool = False
    integer_key: bool = False
    lookups: tuple[str, ...] = ()
    inferred: tuple[str, ...] = ()
    path: str = ""
    shown: dict[str, str | None] = field(default_factory=dict)

    @property
    def stamp(self) -> str:
        """Name of the detail's change stamp: DOC for jobs and employees, else by pattern."""
        return f"{self.prefix}UpdatedAt"

    @property
    def created(self) -> str:
        """Name of the detail's creation stamp."""
        return f"{self.prefix}CreatedAt"

    def shape(self) -> TableShape:
        """Return how the entity is kept."""
        business = tuple((name,) for name in self.identities)
        return TableShape(
            self.resource, self.key, business, self.stamp, self.lookups, (self.name, self.prefix)
        )

    def field(self, name: str) -> Field | None:
        """Return a property by its name, or None."""
        return next((item for item in self.fields if item.name == name), None)

    def answers_to(self, segment: str) -> bool:
        """Return whether a path segment means this entity.

        Casing must be exact where the vendor shows it, and is free where it does not (1).
        """
        path = self.path or self.name
        return segment == path or (
            not self.exact and not path.islower() and segment.lower() == path.lower()
        )

    def in_run(self, options: AimsioOptions) -> Entity:
        """Return the entity as the options make it."""
        entity = self
        if self.name in options.id_entities:
            key = self.key.removesuffix("Guid").removesuffix("Id") + "Id"
            entity = replace(self, key=key, integer_key=True)
        path = ""
        if options.paths == "lower" and not self.exact:
            path = self.name.lower()
        elif options.paths == "plural" and "path" in self.inferred:
            path = f"{self.name.removesuffix('y')}ies" if self.name[-1] == "y" else f"{self.name}s"
        shown: dict[str, str | None] = {}
        for point, form, names in (
            ("key", options.detail_keys, {entity.key: "id" if entity.integer_key else "guid"}),
            (
                "stamp",
                options.detail_stamps,
                {entity.stamp: "updatedAt", entity.created: "createdAt"},
            ),
        ):
            if point in self.inferred and form != "prefixed":
                shown |= {name: plain if form == "plain" else None for name, plain in names.items()}
        return replace(entity, path=path, shown=shown)


def _need(*names: str, kind: str = "text", values: Sequence[str] = ()) -> tuple[Field, ...]:
    return tuple(Field(name, kind, required=True, values=tuple(values)) for name in names)


def _may(*names: str, kind: str = "text", values: Sequence[str] = ()) -> tuple[Field, ...]:
    return tuple(Field(name, kind, values=tuple(values)) for name in names)


def _read(*names: str, kind: str = "text") -> tuple[Field, ...]:
    return tuple(Field(name, kind, read_only=True) for name in names)


# 8.1. The second employment type is printed with a leading space; both spellings are taken.
EMPLOYEE = Entity(
    "Employee", "employees", "employee", "employeeList", "employeeGuid", ("employeeCode",),
    exact=True, closed=True, either=(("employeeTradeCode", "employeeTradeGuid"),),
    fields=(
        *_may("employeeGuid"),
        *_need("employeeCode", "employeeFirstName", "employeeLastName"),
        *_need("employmentType", values=("DIRECT_HIRE", " SUBCONTRACTOR", "SUBCONTRACTOR")),
        *_need(
            "employeeStatusUname",
            values=(
                "active_employee_status",
                "inactive_permanent_layoff_employee_status",
                "inactive_temporary_layoff_employee_status",
            ),
        ),
        *_may("employeeNickName", "employeeTradeGuid", "employeeTradeCode"),
        *_may(
            "employmentHireDate", "employmentTerminationDate", "employmentReHireDate", kind="int"
        ),
        *_may("employeeAddress", "employeePhone", "employeeEmail", "employeeNotes"),
        *_read("employeeLinkedUserGuid", "employeeLinkedUserName"),
        *_may("employeePayrollTypeName", "employeePayrollUnionName"),
        *_may("employeePayrollHolidayEligibility", values=("PER_UNION", "AB_5_OF_9")),
        *_may("employeeAverageDayPay", "employeeHolidayHoursTopUp", kind="number"),
        *_read("employeeCreatedAt", "employeeUpdatedAt", kind="int"),
        *_read("employeeFormData", kind="object"),
    ),
)  # fmt: skip

PAYROLL_FIELDS = (
    "employeePayrollTypeName", "employeePayrollUnionName", "employeePayrollHolidayEligibility",
    "employeeAverageDayPay", "employeeHolidayHoursTopUp",
)  # fmt: skip
"""Required if the account has the Timecards module (8.1)."""

ITEM_TYPES = (
    "labour", "equipment", "material", "service", "unit_billing", "per_diem", "accommodation",
    "mileage", "surcharge",
)  # fmt: skip

# 8.2. The page is cut inside billableItemDefaultC...; cost names follow PriceItem (INF).
BILLABLE_ITEM = Entity(
    "BillableItem", "billable_items", "billableItem", "billableItemList", "billableItemGuid",
    ("billableItemCode",), exact=True, closed=True, inferred=("stamp",),
    either=(
        ("billableItemTypeName", "billableItemTypeUname"),
        ("billableItemDefaultRateType", "billableItemDefaultRateTypeUname"),
    ),
    fields=(
        *_may("billableItemGuid"),
        *_need("billableItemCode", "billableItemName"),
        *_may("billableItemTypeUname", values=ITEM_TYPES),
        *_may("billableItemTypeName"),
        *_need("billableItemIsTrade", "billableItemIsEquipment", kind="bool"),
        *_may("billableItemCategory", "billableItemDescription", "billableItemStatus"),
        *_need("billableItemDefaultRate", kind="number"),
        *_may("billableItemDefaultRate2", "billableItemDefaultRate3", kind="number"),
        *_may("billableItemDefaultRateType", "billableItemDefaultRateTypeUname"),
        *_may("billableItemDefaultRateType2", "billableItemDefaultRateTypeUname2"),
        *_may("billableItemDefaultRateType3", "billableItemDefaultRateTypeUname3"),
        *_may("billableItemDefaultCost", "billableItemDefaultCost2", kind="number"),
        *_may("billableItemDefaultCost3", kind="number"),
        *_read("billableItemCreatedAt", "billableItemUpdatedAt", kind="int"),
        *_read("billableItemFormData", kind="object"),
    ),
)  # fmt: skip

# 8.3. Only the rows are documented; the names of header and rows array are INF.
PRICE_ROWS = "priceItemList"
PRICE_BOOK = Entity(
    "PriceBook", "price_books", "priceBook", "priceBookList", "priceBookGuid", ("priceBookName",),
    inferred=("key", "stamp"),
    fields=(
        *_need("priceBookName"),
        *_may(PRICE_ROWS, kind="array"),
        *_read("priceBookCreatedAt", "priceBookUpdatedAt", kind="int"),
    ),
)  # fmt: skip

# 7, rows 5 and 6: no field list is known; these are INF.
COMPANY = Entity(
    "Company", "companies", "company", "companyList", "companyGuid", ("companyCode",),
    inferred=("path", "key", "stamp"),
    fields=(
        *_need("companyCode", "companyName"),
        *_may("companyTypeUname", "companyTypeName"),
        *_read("companyCreatedAt", "companyUpdatedAt", kind="int"),
    ),
)  # fmt: skip
EQUIPMENT = Entity(
    "Equipment", "equipment", "equipment", "equipmentList", "equipmentGuid", ("equipmentCode",),
    inferred=("path", "key", "stamp"),
    fields=(
        *_need("equipmentCode", "equipmentName"),
        *_read("equipmentCreatedAt", "equipmentUpdatedAt", kind="int"),
    ),
)  # fmt: skip

JOB_STATUSES = ("Unassigned", "Assigned", "Active", "Finished", "Cancelled", "Deleted")
EMBEDDED = ("jobNRBList", "jobCrewList", "jobEquipmentList")
"""Records embedded in a job's detail: existence DOC, names UNK (8.4)."""

# 8.4. The field list marks jobNumber required, the text asks for jobGuid or jobNumber; the text
# is followed.
JOB_ORDER = Entity(
    "JobOrder", "job_orders", "job", "jobList", "jobGuid", ("jobNumber",),
    exact=True, closed=True, own_guid=True, either=(("jobNumber", "jobGuid"),),
    fields=(
        *_read("jobId", kind="int"),
        *_may("jobGuid", "jobNumber"),
        *_need("jobName", "jobClientCode", "jobPriceBookName"),
        *_need("jobStartDate", kind="int"),
        *_may("jobDescription"),
        *_may("jobStatus", values=JOB_STATUSES),
        *_read("jobTypeUname", "jobClientGuid", "jobClientName", "jobPriceBookGuid"),
        *_may("jobEndDate", kind="int"),
        *_read("jobCreatedAt", "jobUpdatedAt", kind="int"),
        *_may("jobShowInDispatching", kind="bool"),
        *_may("jobAssigneeEmployeeNumber", "jobAddress", "jobLocationCode", "jobDirection"),
        *_read("jobAssigneeFullName", "jobAssigneeUserName", "jobLocationName"),
        *_may("jobLocationLat", "jobLocationLong", kind="number"),
        *_may("jobWBSSchedule", kind="object"),
        *_read(*EMBEDDED, kind="array"),
        *_read("jobFormData", kind="object"),
    ),
)  # fmt: skip

# 8.5
NRB = Entity(
    "NonRecurringBillableItem", "nrbs", "nrb", "nrbList", "nrbGuid",
    ("nrbExternalId", "nrbOriginReference"), write_path="NRB", closed=True,
    either=(("nrbExternalId", "nrbOriginReference", "nrbGuid"), ("nrbTypeName", "nrbTypeUname")),
    lookups=("nrbJobOrderNumber",), inferred=("stamp",),
    fields=(
        *_may("nrbGuid", "nrbExternalId", "nrbOriginReference"),
        *_need("nrbJobOrderNumber", "nrbName", "nrbVendorCode"),
        *_may("nrbWBSSharedIdentifier", "nrbPONumber", "nrbInvoiceNumber"),
        *_may("nrbInvoiceDate", kind="int"),
        *_may("nrbTypeUname", "nrbTypeName"),
        *_may(
            "nrbDocumentType",
            values=(
                "RECEIPT_AP_INVOICE",
                "RECEIPT_PACKING_SLIP",
                "RECEIPT_FIELD_TICKET",
                "RECEIPT_BOL",
            ),
        ),
        *_need("nrbAccountType", values=("Billable", "Not Billable")),
        *_need("nrbIsBillable", kind="bool"),
        *_need("nrbRate", "nrbQuantity", kind="number"),
        *_may("nrbVendorTax", "nrbUpcharge", kind="number"),
        *_may("nrbMarkupAppliesOn", values=("SUB_TOTAL", "SUB_TOTAL_AND_VENDOR_TAX")),
        *_may("nrbIsExported", "isInternal", "nrbShouldReconcileWithPO", kind="bool"),
        *_may("nrbFileName", "nrbFileBase64Content"),
        *_may("nrbFileMimeType", values=("application/pdf", "image/png", "image/jpeg")),
        *_read("nrbCreatedAt", "nrbUpdatedAt", kind="int"),
    ),
)  # fmt: skip

# 7, rows 8 to 11: everything but the existence is INF.
PAYROLL_PERIOD = Entity(
    "PayrollPeriod", "payroll_periods", "payrollPeriod", "", "payrollPeriodGuid",
    inferred=("key", "stamp"),
)  # fmt: skip
TIMECARD = Entity(
    "Timecard", "timecards", "timecard", "timecardList", "timecardGuid", ("timecardNumber",),
    status_only=True, inferred=("path", "key", "stamp"),
)  # fmt: skip
INVOICE = Entity(
    "Invoice", "invoices", "invoice", "invoiceList", "invoiceGuid", ("invoiceNumber",),
    status_only=True, inferred=("path", "key", "stamp"),
)  # fmt: skip
USER = Entity(
    "User", "users", "user", "", "userGuid", ("userName",),
    inferred=("path", "key", "stamp"),
)  # fmt: skip

ENTITIES = (
    JOB_ORDER, EMPLOYEE, BILLABLE_ITEM, PRICE_BOOK, COMPANY, EQUIPMENT, NRB, PAYROLL_PERIOD,
    TIMECARD, INVOICE, USER,
)  # fmt: skip
