"""The read operations of the streams and children (7.1, 7.2, 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from erp_sandbox.aim.seed import CHANGED, TICKET_TYPES
from erp_sandbox.aim.shop import Ask, Run, Shop, fail, operation
from erp_sandbox.aim.types import fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from erp_sandbox.store import Row


def _list(member: str, name: str, test: Callable[[Shop, Ask, Row], bool] | None = None) -> Run:
    """Return an operation that shows all rows of a resource that pass a test."""

    def run(shop: Shop, ask: Ask) -> Row:
        rows = shop.rows(name)
        return {member: [row for row in rows if test is None or test(shop, ask, row)]}

    return run


def _same(ask: Ask, member: str, value: object) -> bool:
    """Return whether a filter member is absent or equal to a value."""
    return ask.get(member) in {None, value}


def _invoices(shop: Shop, ask: Ask) -> Row:
    low, high = ask.get("InvoiceStartDate"), ask.get("InvoiceEndDate")
    rows = shop.rows("invoices")
    aim, web = ask.get("AIMRef"), ask.get("WebRef")
    if aim or web:
        rows = [
            r for r in rows if (r["InvoiceNumber"] if aim else r.get("_web_ref")) == (aim or web)
        ]
    else:
        rows = [
            row
            for row in rows
            if _same(ask, "Acct", row["SoldToAcct"]) and shop.between(row["DateTime"], low, high)
        ]
    return shop.paged("Invoices", rows, ask)


def _contracts(shop: Shop, ask: Ask) -> Row:
    rows = shop.rows("contracts")
    if shop.options.contract_key == "id":
        rows = [{**row, "Id": row["Acct"] * 100 + row["Sub"], "Sub": 1} for row in rows]
    aim, web = ask.get("AIMRef"), ask.get("WebRef")
    if aim or web:
        rows = [r for r in rows if (r["_key"] if aim else r.get("WebRef")) == (aim or web)]
    else:
        serial = ask.get("SerialNumber")
        rows = [
            row
            for row in rows
            if _same(ask, "Acct", row["Acct"])
            and _same(ask, "Sub", row["Sub"])
            and shop.between(row[CHANGED], ask.get("ChangedDate"))
            and (not serial or any(i.get("Serial") == serial for i in row["Inventory"]))
        ]
    if ask.get("CalculationsDate"):
        value = {"Position": 1, "Display": "Payoff"}
        rows = [{**row, "Values": [{**value, "Value": row.get("Balance")}]} for row in rows]
    return shop.paged("Contracts", rows, ask, None)


def _tickets(shop: Shop, ask: Ask) -> Row:
    ref = ask.get("RefNumber")
    return {
        "Tickets": [
            row
            for row in shop.rows("service_tickets")
            # Whether an online reference finds its ticket is UNK.
            if (
                ref in {None, row["RefNumber"]}
                or (shop.options.ticket_reference and ref == row.get("_web_ref"))
            )
            and _same(ask, "Acct", row["SoldToCustomerAcct"])
            and shop.between(row[CHANGED], ask.get("ChangedDate"))
        ]
    }


def _web_orders(shop: Shop, ask: Ask) -> Row:
    rows = shop.rows("web_orders")
    if ask.get("ExcludeFullyPickedOrders"):
        rows = [row for row in rows if not row.get("_picked")]
    one = ask.get("WebOrder")
    if one is not None:
        found = [row for row in rows if row["WebOrder"] == one]
        # The single order comes at the top level (INF, 8.1).
        names = ("WebOrder", "CustomerName", "DateTime", "Items")
        return {name: found[0].get(name) for name in names} if found else {}
    return {"Orders": shop.page(rows, ask)[0]}


def _order_status(shop: Shop, ask: Ask) -> Row:
    found = shop.collections["web_orders"].find(("WebOrder",), (ask.get("OrderNumber", ""),))
    if not found:
        fail("OrderNotFound", f"Order {ask.get('OrderNumber')} was not found.")
    picked = bool(found[0].get("_picked"))
    lines = [
        {"Sku": i["Item"], "Quantity": i["Quantity"], "ItemStatus": "Picked", "ShipmentId": None}
        for i in found[0]["Items"]
    ]
    shipping = [{"ShipmentId": 1, "ShipVia": "UPS", "TrackingNumbers": ["000123", "1Z & 2"]}]
    return {
        "OrderStatus": "C" if picked else "O",
        "OrderStatusDescription": "Complete" if picked else "Open",
        "LineItems": lines,
        "ShippingInfo": shipping if picked else [],
    }


def _deliveries(shop: Shop, ask: Ask) -> Row:
    kind = ask.get("TicketType")
    if kind not in TICKET_TYPES:
        fail("InvalidArgument", "TicketType is required and must be one of the known types.")
    return {
        "Tickets": [
            row
            for row in shop.rows("delivery_tickets")
            if row["TicketType"] == kind
            and _same(ask, "RefNumber", row["RefNumber"])
            and _same(ask, "District", row["District"])
            and _same(ask, "School", row["School"])
            and shop.between(row["Date"], ask.get("DateFrom"), ask.get("DateTo"))
        ]
    }


def _returns(shop: Shop, ask: Ask, row: Row) -> bool:
    moment = row["ScheduledReturnDate"]
    return shop.between(moment, ask.get("DateFrom"), ask.get("DateTo")) and (
        bool(ask.get("IncludeReturned")) or row.get("ReturnedDate") is None
    )


def _lessons(shop: Shop, ask: Ask, row: Row) -> bool:
    return shop.between(row["Date"], ask.get("DateFrom"), ask.get("DateTo")) and (
        not ask.get("WithBalanceOnly") or row["Balance"] != 0
    )


def _categories(_: Shop, ask: Ask, row: Row) -> bool:
    number = ask.get("CategoryNumber")
    if number is not None:
        return bool(row["CategoryNumber"] == number)
    if not row["Active"] and not ask.get("IncludeInactive"):
        return False
    flag = "Include" + str(row["CategoryType"]).replace("-", "")
    return bool(ask.get(flag, flag == "IncludeInventory"))


def _transfers(_: Shop, ask: Ask, row: Row) -> bool:
    request = str(ask.get("Mode", "Ready")).lower() == "request"
    if row.get("_completed") and not ask.get("IncludeCompleted"):
        return False
    return row["IsRequest"] is request and all(
        _same(ask, f"{side}LocationId", (row[side] or {}).get("Id")) for side in ("From", "To")
    )


def _transfer_lines(shop: Shop, ask: Ask) -> Row:
    row = shop.collections["store_transfers"].get(ask.get("RefNumber"))
    if row is None:
        fail("TransferNotFound", f"Transfer {ask.get('RefNumber')} was not found.")
    mode = str(ask.get("Mode", "NotFullyTransferred")).lower()
    wanted = {"all": (True, False), "fullytransferred": (True,)}.get(mode, (False,))
    lines = shop.collections["transfer_lines"].find(("_ref",), (row["RefNumber"],))
    return {"TransferInfo": row, "LineItems": [x for x in lines if bool(x.get("_full")) in wanted]}


def _sales(shop: Shop, ask: Ask, row: Row) -> bool:
    moment = ask.get("DateTime", shop.now())
    return row["StartDate"] <= moment <= row["EndDate"] and _same(
        ask, "LocationId", row["LocationId"]
    )


def _auto_prices(shop: Shop, ask: Ask) -> Row:
    rows = [
        row
        for row in shop.rows("auto_price_rules")
        if _same(ask, "AutoPriceId", row["Id"])
        and _same(ask, "Category", row["Category"])
        and _same(ask, "Vendor", row["Vendor"])
    ]
    prices = ("MinimumPrice", "PriceA", "PriceB", "PriceC", "OurPrice")
    return {"AutoPriceRecords": rows, **{name: ask.get(name) for name in prices}}


def _instruments(shop: Shop, ask: Ask) -> Row:
    """C2BGetInstrumentInfo; what GetDetails (default true) adds is taken to be the grades (INF)."""
    rows = [
        row
        for row in shop.rows("rental_instruments")
        if _same(ask, "TeacherId", row["_teacher"])
        and _same(ask, "PlanCode", row["_plan"])
        and (ask.get("IncludeOutOfStockItems") or not row.get("_out_of_stock"))
    ]
    if not ask.get("GetDetails", otherwise=True):
        rows = [{**row, "Grades": None} for row in rows]
    return {"Instruments": rows}


def _schools(shop: Shop, ask: Ask, row: Row) -> bool:
    district = ask.get("DistrictId")
    if district is None:
        return True
    found = shop.collections["rental_districts"].get(district) or {}
    return bool(row["DistrictName"] == found.get("DistrictName"))


def _teachers(shop: Shop, ask: Ask, row: Row) -> bool:
    school = ask.get("SchoolId")
    found = shop.collections["rental_schools"].get(school) if school is not None else None
    return _same(ask, "TeacherId", row["Id"]) and (
        school is None or row["SchoolName"] == (found or {}).get("SchoolName")
    )


def _contract(shop: Shop, ask: Ask) -> Row:
    ref, sub = str(ask.get("Ref", "")), ask.get("Sub")
    key = ref if sub is None else f"{ref}-{sub}"
    row = shop.collections["contracts"].get(key)
    if row is None:
        fail("ContractNotFound", f"Contract {key} was not found.")
    amount = row.get("PaymentAmount")
    money = {name: amount for name, kind in CONTRACT.items() if kind == "d"}
    return {
        **money,
        "AccountSub": row["_key"],
        "NextDueDate": row.get("NextDueDate"),
        "StudentName": row.get("Student"),
        "SchoolName": row.get("School"),
        "Inventory": [
            {"Sku": i.get("Sku"), "Serial": i.get("Serial"), "Desc": i.get("Description")}
            for i in row["Inventory"]
        ],
        "Payments": [],
        "PayoffDate": None,
    }


def _employees(_: Shop, ask: Ask, row: Row) -> bool:
    mode = str(ask.get("Mode", "CLOCKED_IN")).upper()
    place = ask.get("LocationId") if mode == "CLOCKED_IN" else None
    return bool(row["_mode"] == mode) and place in {None, row["Location"]}


CONTRACT = fields(
    "AccountSub NextDueDate:t PaymentAmount:d PastDueAmount:d LateCharges:d OtherCharges:d "
    "TotalDue:d AccumulatedCredit:d StudentName SchoolName Topic Inventory:[InventoryGeneric] "
    "Payments:[PaymentGeneric] PaymentAmt:d PastDueAmt:d CurrentBalance:d TotalPayoff:d "
    "DiscountedPayoff:d PayoffDate:t"
)
_WINDOW = "DateFrom:T DateTo:T"
_PAGE = "StartOffset:i RecordCount:i"
_STORE = "third-party vortx"

READS = (
    operation("InvoiceDetail", "GET", "S", "customer", "invoices",
        f"Acct:i InvoiceStartDate:T InvoiceEndDate:T {_PAGE} AIMRef WebRef",
        "Invoices:[InvoiceInfo] RemainingRecords:i", _invoices),
    operation("ContractFullDetails", "GET", "S", "contracts", "contracts",
        f"Acct:i Sub:i ChangedDate:T SerialNumber CalculationsDate:T {_PAGE} AIMRef WebRef",
        "Contracts:[ContractInfo] RemainingRecords:i", _contracts),
    operation("GetContractDetails", "POST GET", "S", "contracts customer", "contract_details",
        "Ref Sub:i", CONTRACT, _contract),
    operation("ServiceTicketFullDetails", "GET", "S", "service-tickets", "service_tickets",
        "Acct:i RefNumber ChangedDate:T", "Tickets:[TicketInfo]", _tickets),
    operation("CustomerOrderFulfillment", "GET", "S", _STORE, "web_orders",
        f"WebOrder {_PAGE} ExcludeFullyPickedOrders:b",
        "WebOrder CustomerName DateTime:t Items:[CustomerOrderItem] Orders:[CustomerWebOrder]",
        _web_orders),
    operation("ECommerceOrderStatus", "GET", "S", _STORE, "web_order_status",
        "OrderNumber OrderType",
        "OrderStatus OrderStatusDescription LineItems:[ECommerceOrderLineItem] "
        "ShippingInfo:[ECommerceOrderShippingInfo]", _order_status),
    operation("DeliveryTickets", "GET", "S", _STORE, "delivery_tickets",
        f"TicketType! {_WINDOW} District School LocationId:i EmployeeLanId DeliveryEmployeeLanId "
        "RefNumber IncludeItems:b", "Tickets:[DeliveryTicket]", _deliveries),
    operation("ContractScheduledReturns", "GET", "S", "contracts", "scheduled_returns",
        f"{_WINDOW} DistrictId:i SchoolId:i LocationId:i StatusId:i OptionId:i IncludeReturned:b "
        "LanId", "Contracts:[ContractScheduledReturnInfo]",
        _list("Contracts", "scheduled_returns", _returns)),
    operation("ContractDefaultListing", "GET", "S", "contracts", "contract_defaults", "",
        "ContractDefaults:[ContractDefaultInfo]", _list("ContractDefaults", "contract_defaults")),
    operation("ContractStatusListing", "GET", "S", "contracts", "contract_statuses", "",
        "ContractStatuses:[ContractStatusInfo]", _list("ContractStatuses", "contract_statuses")),
    operation("C2BGetPlanInfo", "POST GET", "B", "contracts", "rental_plans", "PlanCode",
        "Plans:[C2BPlanGeneric]",
        _list("Plans", "rental_plans", lambda _, ask, row: _same(ask, "PlanCode", row["Code"]))),
    # Route and verbs are INF.
    operation("C2BGetDistrictInfo", "POST GET", "B", "contracts", "rental_districts", "",
        "Districts:[C2BDistrictGeneric] TeacherTableExists:b",
        _list("Districts", "rental_districts")),
    operation("C2BGetSchoolInfo", "POST GET", "B", "contracts", "rental_schools",
        "PlanCode DistrictId:i RinPk:i RequestType", "Schools:[C2BSchoolGeneric]",
        _list("Schools", "rental_schools", _schools)),
    operation("C2BGetTeacherInfo", "POST GET", "B", "contracts", "rental_teachers",
        "PlanCode SchoolId:i TeacherId:i RinPk:i RequestType",
        "Teachers:[C2BTeacherGeneric] PlanCode", _list("Teachers", "rental_teachers", _teachers)),
    operation("C2BGetInstrumentInfo", "POST GET", "S", "contracts", "rental_instruments",
        "RsiPk:i TeacherId:i PlanCode GetDetails:b IncludeOutOfStockItems:b "
        "IncludeAccessoryOptions:b IncludeDeliveryOptions:b IncludeMaintenanceOptions:b",
        "Instruments:[C2BInstrumentGeneric]",
        _instruments),
    operation("CategoryListing", "GET", "S", "inventory", "categories",
        "IncludeInactive:b CategoryNumber:i IncludeInventory:b IncludeNonInventory:b "
        "IncludeReturn:b IncludePayment:b", "CategoryListing:[CategoryInfo]",
        _list("CategoryListing", "categories", _categories)),
    operation("GetLocations", "GET", "S", f"inventory customer {_STORE}", "locations",
        "LocationId:i InStorePickup:b InStorePickupType", "Locations:[LocationInfo]",
        _list("Locations", "locations", lambda _, ask, row: _same(ask, "LocationId", row["Id"]))),
    operation("OpenStoreToStoreTransfers", "GET", "S", "inventory", "store_transfers",
        "ToLocationId:i FromLocationId:i Mode IncludeCompleted:b", "Transfers:[Transfer]",
        _list("Transfers", "store_transfers", _transfers)),
    operation("TransferDetails", "GET", "S", "inventory", "transfer_lines", "RefNumber Mode",
        "TransferInfo:{Transfer} LineItems:[TransferLineItem]", _transfer_lines),
    operation("SaleInfo", "GET", "S", "inventory", "sales", "LocationId:i DateTime:T",
        "SaleRecords:[SaleRecord]", _list("SaleRecords", "sales", _sales)),
    operation("InventoryAutoPrice", "GET", "S", "inventory", "auto_price_rules",
        "Category:i SubCategory:i Vendor:i AutoPriceId:i MinimumPrice:d PriceA:d PriceB:d PriceC:d "
        "OurPrice:d RetailPrice:d Cost:d WeightedCost:d VendorNormalCost:d",
        "AutoPriceRecords:[AutoPriceRecord] MinimumPrice:d PriceA:d PriceB:d PriceC:d OurPrice:d",
        _auto_prices),
    operation("InstructorInvoices", "GET", "S", "lessons", "instructor_invoices",
        f"InstructorNumber:i {_WINDOW} WithBalanceOnly:b",
        "InstructorInvoices:[InstructorInvoice]",
        _list("InstructorInvoices", "instructor_invoices", _lessons)),
    operation("ActiveEmployees", "GET", "S", "active-e", "active_employees", "Mode LocationId",
        "Employees:[ActiveEmployeeInfo]", _list("Employees", "active_employees", _employees)),
    operation("SecurityOverrideRequest", "GET", "S", "active-e", "security_override_requests", "",
        "Requests:[SecurityOverrideRequestInfo]",
        _list("Requests", "security_override_requests")),
)  # fmt: skip
"""Documents, rentals and small tables; inventory and customers are in their own modules."""
