"""AIM's entities (aim.md 7 and 8): operation, list, paging, filter, keys and parents of each."""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from erp_vendors.aim.paging import Paging
from erp_vendors.aim.serials import detailed_serials, shown_serials
from erp_vendors.aim.settings import INSTRUMENT_PARTS, PRODUCT_PAGE_ROWS, TODAY
from erp_vendors.aim.write_specs import SINK_NAMES
from erp_vendors.overrides import configured
from erp_vendors.resource import Resource

if t.TYPE_CHECKING:
    from erp_vendors.aim.serials import Ask
    from erp_vendors.settings import Block

Params = t.Mapping[str, str]

NO_DATE = "0001-01-01T00:00:00"
"""What stands in a key for a date that the vendor left out (aim.md 3.1)."""


class Parent(t.NamedTuple):
    """Where the keys come from by which a child is asked for.

    Attributes:
        name: The parent resource; empty if there is none, which makes one call without a key.
        members: Request members that take the key.
        fields: Properties of a child's record that the key is put into.
        source: Properties of the parent's record that make the key (default: its primary keys).
    """

    name: str
    members: tuple[str, ...]
    fields: tuple[str, ...]
    source: tuple[str, ...] = ()

    def source_in(self, resource: Resource) -> tuple[str, ...]:
        """The properties that make the key; one of the settings must have as many parts."""
        keys = resource.primary_keys
        return self.source or (keys if len(keys) == len(self.members) else self.fields)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AimResource(Resource):
    """An AIM entity. Its path is the operation's name, perhaps with further request members.

    Attributes:
        list_name: Member of the answer that holds the records; empty for the first list in it.
        single: The answer itself is the record.
        params: Request members of every call.
        variants: Request members of each listing, where it takes several to see everything.
        tag: Request member of a variant that goes into the records which lack it.
        paging: How it is paged, or None.
        since: Request member that takes the lower bound; without a `replication_key` the bookmark
            is the start of the run, as the records carry no stamp.
        blanks: Values for parts of a key that the vendor may leave out.
        numbered: Part of a key that the vendor may leave out of several records of one answer:
            they get -1, -2 and so on.
        parents: The parents of a child; the first one that has records counts.
        fallbacks: Request members with which a call is repeated if the vendor does not know the
            record without them.
        reader: Reads the records of one key where they are no plain answer of the operation.
        secret: Holds secrets, and is offered only where it is configured.
        assumed_keys: The keys' names are assumed (7.1, INF); a shop's records may not have them.
    """

    list_name: str = ""
    single: bool = False
    params: Params = dataclasses.field(default_factory=dict)
    variants: tuple[Params, ...] = ({},)
    tag: str = ""
    paging: Paging | None = None
    since: str = ""
    blanks: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    numbered: str = ""
    parents: tuple[Parent, ...] = ()
    fallbacks: tuple[Params, ...] = ()
    reader: t.Callable[[Ask, str], list[dict[str, t.Any]]] | None = None
    secret: bool = False
    assumed_keys: bool = False


def _list(name: str, operation: str, list_name: str, *keys: str, **more: t.Any) -> AimResource:  # noqa: ANN401
    fields = {"documented": True, **more}
    return AimResource(name=name, path=operation, list_name=list_name, primary_keys=keys, **fields)


def _child(name: str, operation: str, parent: Parent, *keys: str, **more: t.Any) -> AimResource:  # noqa: ANN401
    return AimResource(
        name=name,
        path=operation,
        parents=(parent,),
        primary_keys=(*parent.fields, *keys),
        documented=True,
        **more,
    )


def _of_inventory(member: str) -> Parent:
    return Parent("inventory", (member,), ("Pk",))


def _of_customer(member: str) -> Parent:
    return Parent("customers", (member,), ("Acct",))


_ALL = "true"
TICKET_TYPES = (
    "Service Ticket",
    "Sales Invoice",
    "Layaway",
    "Loaner",
    "Short Term Rental",
    "Contract",
    "Delayed Delivery",
    "Approval",
)
"""aim.md 8.1, DeliveryTickets (DOC)."""
ORDER_TYPES = ("C", "E", "A", "B", "R", "G", "M")
"""Kinds of web orders besides the default (aim.md 8.1, ECommerceOrderStatus, DOC)."""

RESOURCES: tuple[AimResource, ...] = (
    _list(
        "inventory",
        "SearchInventory",
        "Records",
        "Pk",
        params=dict.fromkeys(
            ("IncludeSerials", "IncludeMedia", "IncludeAccessories", "IncludePackages"), _ALL
        ),
        paging=Paging(),
        since="ChangedDate",
    ),
    # Its fields are not known, so it has no key until somebody names one (7.1, UNK).
    _list(
        "ecommerce_products",
        "GetActiveE3Party",
        "Records",
        paging=Paging(PRODUCT_PAGE_ROWS, "startOffset", "recordCount"),
        documented=False,
    ),
    _list(
        "invoices",
        "InvoiceDetail",
        "Invoices",
        "InvoiceNumber",
        paging=Paging(),
        since="InvoiceStartDate",
        replication_key="DateTime",
    ),
    _list(
        "contracts",
        "ContractFullDetails",
        "Contracts",
        "Acct",
        "Sub",
        # The fields of a contract are not public (10, ContractInfo).
        assumed_keys=True,
        paging=Paging(),
        since="ChangedDate",
    ),
    _list(
        "service_tickets", "ServiceTicketFullDetails", "Tickets", "RefNumber", since="ChangedDate"
    ),
    # Request members and the list's name are not known; paged like its siblings (4.1, INF).
    _list("customers", "SearchCustomers", "", "Acct", paging=Paging()),
    _list(
        "categories",
        "CategoryListing",
        "CategoryListing",
        "CategoryNumber",
        params=dict.fromkeys(
            (
                "IncludeInactive",
                "IncludeInventory",
                "IncludeNonInventory",
                "IncludeReturn",
                "IncludePayment",
            ),
            _ALL,
        ),
    ),
    _list("locations", "GetLocations", "Locations", "Id"),
    _list("sales", "SaleInfo", "SaleRecords", "SaqPk", "StartDate", blanks={"StartDate": NO_DATE}),
    _list(
        "store_transfers",
        "OpenStoreToStoreTransfers",
        "Transfers",
        "RefNumber",
        is_snapshot=True,
        # A transfer that is finished says so nowhere (10): without this its last state is not seen.
        params={"IncludeCompleted": _ALL},
        variants=({"Mode": "Ready"}, {"Mode": "Request"}),
    ),
    _list("auto_price_rules", "InventoryAutoPrice", "AutoPriceRecords", "Id"),
    _list("web_orders", "CustomerOrderFulfillment", "Orders", "WebOrder", paging=Paging()),
    _list(
        "delivery_tickets",
        "DeliveryTickets",
        "Tickets",
        "TicketType",
        "RefNumber",
        params={"IncludeItems": _ALL},
        variants=tuple({"TicketType": name} for name in TICKET_TYPES),
        tag="TicketType",
        since="DateFrom",
        replication_key="Date",
    ),
    _list(
        "scheduled_returns",
        "ContractScheduledReturns",
        "Contracts",
        "Acct",
        "Sub",
        "ScheduledReturnDate",
        params={"IncludeReturned": _ALL},
        since="DateFrom",
        replication_key="ScheduledReturnDate",
        blanks={"ScheduledReturnDate": NO_DATE},
    ),
    _list("contract_defaults", "ContractDefaultListing", "ContractDefaults", "Id"),
    _list("contract_statuses", "ContractStatusListing", "ContractStatuses", "Id"),
    _list("rental_plans", "C2BGetPlanInfo", "Plans", "Id"),
    _list("rental_schools", "C2BGetSchoolInfo", "Schools", "Id"),
    _list("rental_teachers", "C2BGetTeacherInfo", "Teachers", "Id"),
    _list("rental_districts", "C2BGetDistrictInfo", "Districts", "Id", documented=False),
    # By teacher or by plan (7.1, INF); a shop that has neither may still answer without.
    _list(
        "rental_instruments",
        "C2BGetInstrumentInfo",
        "Instruments",
        "Sku",
        "InstrumentName",
        blanks={"Sku": "", "InstrumentName": ""},
        parents=(
            Parent("rental_teachers", ("TeacherId",), ("TeacherId",)),
            Parent("rental_plans", ("PlanCode",), ("PlanCode",), ("Code",)),
            Parent("", (), ()),
        ),
    ),
    _list(
        "instructor_invoices",
        "InstructorInvoices",
        "InstructorInvoices",
        "InvoiceRef",
        since="DateFrom",
        replication_key="Date",
    ),
    _list(
        "active_employees",
        "ActiveEmployees",
        "Employees",
        "EmployeeName",
        "TimeIn",
        variants=({"Mode": "CLOCKED_IN"}, {"Mode": "LOGGED_IN"}),
        tag="Mode",
        blanks={"TimeIn": NO_DATE},
        is_snapshot=True,
    ),
    _list(
        "security_override_requests",
        "SecurityOverrideRequest",
        "Requests",
        "RequestId",
        is_snapshot=True,
    ),
    _child(
        "inventory_details",
        "InventoryDetail",
        _of_inventory("Pk"),
        single=True,
        # A key of SearchInventory is taken to be a SadPk (7.4, INF).
        params={"PkType": "SAD", "IncludeSerialInfo": _ALL},
    ),
    _child(
        "inventory_quantities",
        "InventoryQty",
        _of_inventory("Pk"),
        "Sku",
        list_name="Variants",
        blanks={"Sku": ""},
    ),
    _child("serials", "SerialDetail", _of_inventory("Pk"), "SasPk", reader=shown_serials),
    _child(
        "inventory_images",
        "InventoryImage",
        _of_inventory("ItemPk"),
        "UriPk",
        list_name="Images",
        numbered="UriPk",
    ),
    _child("customer_info", "CustomerInfo", _of_customer("Acct"), single=True),
    _child(
        "customer_history",
        "History360",
        _of_customer("CustomerAccount"),
        single=True,
        params=dict.fromkeys(
            (
                "IncludeInvoices",
                "IncludeOrders",
                "IncludeWorkOrders",
                "IncludeContracts",
                "IncludeClosed",
            ),
            _ALL,
        ),
    ),
    _child(
        "shipping_addresses",
        "ShippingAddressLookup",
        _of_customer("Acct"),
        "Id",
        list_name="ShipTos",
    ),
    # Several rows share a parent and nothing else is known to tell them apart, so: no key.
    AimResource(
        name="customer_purchase_orders",
        path="ListCustomerPOs",
        documented=True,
        parents=(_of_customer("CustomerAcct"),),
        params={"IncludeExpired": _ALL},
    ),
    AimResource(
        name="transfer_lines",
        path="TransferDetails",
        documented=True,
        list_name="LineItems",
        parents=(Parent("store_transfers", ("RefNumber",), ("RefNumber",)),),
        params={"Mode": "All"},
        is_snapshot=True,
    ),
    _child(
        "contract_details",
        "GetContractDetails",
        # Ref is taken to be the account: every other contract call is by Acct and Sub (7.1).
        Parent("contracts", ("Ref", "Sub"), ("Acct", "Sub")),
        single=True,
    ),
    _child(
        "web_order_status",
        "ECommerceOrderStatus",
        Parent("web_orders", ("OrderNumber",), ("WebOrder",)),
        single=True,
        fallbacks=tuple({"OrderType": kind} for kind in ORDER_TYPES),
    ),
    AimResource(
        name="customer_access_tokens",
        path="CustomerAccessToken",
        documented=True,
        primary_keys=("Acct",),
        single=True,
        parents=(Parent("", ("Acct", "Mode", "ItemKey"), ("Acct", "Mode", "ItemKey")),),
        secret=True,
    ),
)


def custom(name: str, path: str) -> AimResource:
    """A custom resource from the settings: the first list of an operation's answer.

    Args:
        name: Resource name.
        path: Operation, perhaps with request members (`InventoryLookup?Item=A`).
    """
    return AimResource(name=name, path=path, paging=Paging())


def resources_of(block: Block) -> dict[str, AimResource]:
    """AIM's entities with the user's settings; a sink without a read is there if they name it."""
    resources = configured(block, RESOURCES, custom, sinks=SINK_NAMES)
    asked = {
        "rental_instruments": {
            INSTRUMENT_PARTS[part]: _ALL for part in block.get("rental_instruments_include") or ()
        },
        "contracts": _calculated(block.get("contracts_calculations_date")),
    }
    for name, members in asked.items():
        params = {**resources[name].params, **members}
        resources[name] = dataclasses.replace(resources[name], params=params)
    for name in [name for name, one in resources.items() if one.rows_in]:
        resources[name] = dataclasses.replace(resources[name], list_name=resources[name].rows_in)
    if block.get("serial_details"):
        resources["serials"] = dataclasses.replace(resources["serials"], reader=detailed_serials)
    return resources


def _calculated(day: str | None) -> Params:
    """The request member that adds calculated fields to contracts (8.1, ContractFullDetails)."""
    if day is None:
        return {}
    day = dt.date.today().isoformat() if day == TODAY else day  # noqa: DTZ011 - dates have no zone (3.1)
    return {"CalculationsDate": f"{day}T00:00:00"}
