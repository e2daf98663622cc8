"""The other write operations behind the sinks (6, 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from erp_sandbox.aim.shop import Ask, Shop, fail, operation
from erp_sandbox.aim.wire import empty_row

if TYPE_CHECKING:
    from erp_sandbox.store import Row


def _web_orders(shop: Shop, ask: Ask) -> Row:
    """CustomerOrders: the answer is Status only, so one bad order refuses all of them (INF)."""
    table = shop.collections["web_orders"]
    orders = ask.get("Orders") or fail("InvalidArgument", "Orders is required.")
    for order in orders:
        number = order.get("OrderNumber")
        if not number or not order.get("LineItems"):
            fail("InvalidOrder", f"Order {number}: OrderNumber and LineItems are required.")
        if shop.options.duplicate_orders == "refuse" and table.find(("WebOrder",), (number,)):
            fail("DuplicateOrder", f"Order {number} exists.")
        for line in order["LineItems"]:
            sku = line.get("Sku")
            if sku and shop.collections["inventory"].first("Sku", sku) is None:
                fail("InvalidSku", f"Order {number}: Sku {sku} was not found.")
    for order in orders:
        key = str(len(table) + 1)
        while key in table:
            key += "x"
        items = [
            {
                "Id": place,
                "Item": line.get("Sku"),
                "Description": line.get("ProductName"),
                "Price": line.get("Price", 0),
                "Quantity": line.get("Qty", 0),
                "QuantityPicked": line.get("QtyPicked", 0),
            }
            for place, line in enumerate(order["LineItems"], start=1)
        ]
        row = {"_key": key, "WebOrder": order["OrderNumber"], "CustomerName": None, "Items": items}
        shop.put("web_orders", {**row, "DateTime": order.get("OrderDate"), "_order": order})
        ask.call.count("created")
    return {}


def _picks(shop: Shop, ask: Ask) -> Row:
    """CustomerOrderFulfillment (POST): items are those of the GET, by Id (INF); all or none."""
    found = shop.collections["web_orders"].find(("WebOrder",), (ask.get("WebOrder", ""),))
    if not found:
        fail("OrderNotFound", f"Order {ask.get('WebOrder')} was not found.")
    order, items = found[0], {item["Id"]: dict(item) for item in found[0]["Items"]}
    for pick in ask.get("Items", []):
        item = items.get(pick.get("Id"))
        if item is None:
            fail("ItemNotFound", f"Order {ask.get('WebOrder')} has no item {pick.get('Id')}.")
        before = item["QuantityPicked"] if shop.options.picks == "add" else 0
        item["QuantityPicked"] = before + pick.get("QuantityPicked", 0)
    picked = all(item["QuantityPicked"] >= item["Quantity"] for item in items.values())
    shop.put("web_orders", {**order, "Items": list(items.values()), "_picked": picked})
    ask.call.count("updated")
    return {}


def _deliver(shop: Shop, ask: Ask) -> Row:
    """DeliveryTicketsPost: marks delivered, adds images and signature, returns the tickets."""
    table = shop.collections["delivery_tickets"]
    pairs = []
    for item in ask.get("DeliveryTickets", []):
        # A reference number may belong to several types; the operation names no type.
        found = table.find(("RefNumber",), (item.get("RefNumber", ""),))
        if not found:
            fail("TicketNotFound", f"Ticket {item.get('RefNumber')} was not found.")
        pairs.append((item, found[0]))
    shown = []
    for item, row in pairs:
        change: Row = {name: item[name] for name in ("Delivered", "Notes") if name in item}
        if item.get("Base64Signature"):
            change |= {"Base64Signature": item["Base64Signature"], "HasSignature": True}
        if item.get("Images"):
            change |= {"HasImages": True, "_images": item["Images"]}
        shown.append(shop.put("delivery_tickets", {**row, **change}))
        ask.call.count("updated")
    return {"Tickets": shown}


def _known_contract(shop: Shop, acct: object, sub: object) -> Row:
    row = shop.collections["contracts"].get(f"{acct}-{sub}")
    if row is None:
        fail("ContractNotFound", f"Contract {acct}-{sub} was not found.")
    return row


def _schedule(shop: Shop, ask: Ask) -> Row:
    """ContractScheduledReturnsPost: returns RefNumber."""
    contract = _known_contract(shop, ask.get("Acct"), ask.get("Sub"))
    if ask.get("ReturnDate") is None:
        fail("InvalidArgument", "ReturnDate is required.")
    number = len(shop.collections["scheduled_returns"]) + 1
    while f"SR{number:05d}" in shop.collections["scheduled_returns"]:
        number += 1
    ref = f"SR{number:05d}"
    row = empty_row("ContractScheduledReturnInfo") | {
        "_key": ref,
        "Acct": contract["Acct"],
        "Sub": contract["Sub"],
        "Student": contract.get("Student"),
        "ScheduledReturnDate": ask.get("ReturnDate"),
        "ScheduledReturnedRef": ref,
        "ReturnOption": None if ask.get("OptionId") is None else str(ask.get("OptionId")),
        "AutoPayHoldDate": ask.get("AutoPayHoldDate"),
        "_notes": ask.get("ReturnNotes"),
        "_status": ask.get("StatusId"),
    }
    shop.put("scheduled_returns", row)
    ask.call.count("created")
    return {"RefNumber": ref}


def _returned(shop: Shop, ask: Ask) -> Row:
    """ContractScheduledReturnsPut: marks returned (INF); all or none."""
    rows = []
    for item in ask.get("Contracts", []):
        key = f"{item.get('Acct')}-{item.get('Sub')}"
        found = [
            row
            for row in shop.collections["scheduled_returns"]
            if f"{row['Acct']}-{row['Sub']}" == key
        ]
        if not found:
            fail("ContractNotFound", f"Contract {key} has no scheduled return.")
        rows += found
    for row in rows:
        change = {"MobileReturnedStatus": True, "ReturnedDate": shop.now()}
        shop.put("scheduled_returns", {**row, **change})
        ask.call.count("updated")
    return {}


def _buyer(shop: Shop, ask: Ask, acct_name: str, *, required: bool) -> tuple[int, str | None]:
    """Return account and name from the account member or CustomerInfo, of which one may be."""
    acct, info = ask.get(acct_name), ask.get("CustomerInfo")
    if acct is not None and info is not None and acct_name == "CusAcct":
        fail("InvalidArgument", "CusAcct and CustomerInfo exclude each other.")
    if acct is not None:
        return acct, shop.customer(acct)["Name"]
    if info is None:
        if required:
            fail("InvalidArgument", f"{acct_name} or CustomerInfo is required.")
        return 0, None
    if not info.get("Name") or not info.get("Email"):
        fail("InvalidArgument", "CustomerInfo needs Name and Email.")
    return 0, info["Name"]


def _contract(shop: Shop, ask: Ask) -> Row:
    """C2BPostContract: WebRef is what C2BSetContractCustomer takes."""
    acct, _ = _buyer(shop, ask, "CusAcct", required=True)
    for one, other in (("InstrumentId", "Sku"), ("RateId", "Rate")):
        given = [name for name in (one, other) if ask.get(name) is not None]
        if len(given) != 1:
            fail("InvalidArgument", f"Either {one} or {other} is required.")
    subs = [row["Sub"] for row in shop.collections["contracts"].find(("Acct",), (acct,))]
    sub = max(subs, default=0) + 1
    number = len(shop.collections["contracts"]) + 1
    row = empty_row("ContractInfo") | {
        "_key": f"{acct}-{sub}",
        "Acct": acct,
        "Sub": sub,
        "Status": "Open",
        # No page names the caller's own reference as a member (8.2); section 6 calls it the
        # natural key of a write.
        "WebRef": ask.get("WebRef", f"WC{number:06d}"),
        "BeginDate": shop.now(),
        "School": ask.get("SchoolName"),
        "_sent": {name: value for name, value in ask.args.items() if name != "CcInfo"},
    }
    shop.put("contracts", row)
    ask.call.count("created")
    # That Topic and BaseUrl come with ReturnTopic only is INF.
    more = {"Topic": "Rental", "BaseUrl": "https://rent.example.com"}
    answer = {"PaymentRequired": shop.options.payment_required, "WebRef": row["WebRef"]}
    return answer | (more if ask.get("ReturnTopic") else {})


def _contract_customer(shop: Shop, ask: Ask) -> Row:
    """C2BSetContractCustomer: gives a posted contract its account."""
    table = shop.collections["contracts"]
    found = table.find(("WebRef",), (ask.get("WebRef", ""),))
    if not found:
        fail("ContractNotFound", f"WebRef {ask.get('WebRef')} was not found.")
    acct = shop.customer(ask.get("Acct"))["Acct"]
    subs = [row["Sub"] for row in table.find(("Acct",), (acct,)) if row is not found[0]]
    table.delete(found[0]["_key"])
    sub = max(subs, default=0) + 1
    shop.put("contracts", {**found[0], "_key": f"{acct}-{sub}", "Acct": acct, "Sub": sub})
    ask.call.count("updated")
    return {}


_TICKET_TEXTS = {"SerialNumber": "Item", "ItemDescription": "ItemDescription", "Notes": "Notes"}
"""Texts of PostServiceTicket, and where TicketInfo would show them (INF)."""


def _ticket(shop: Shop, ask: Ask) -> Row:
    """PostServiceTicket: RefNumber is the online reference and comes back as WebRef."""
    acct, name = _buyer(shop, ask, "CustomerAcct", required=True)
    table = shop.collections["service_tickets"]
    number = len(table) + 1
    while f"{number:07d}" in table:
        number += 1
    web_ref = ask.get("RefNumber", f"WEB{number:07d}")
    row = empty_row("TicketInfo") | {
        "RefNumber": f"{number:07d}",
        "Status": "Open",
        "Timestamp": shop.now(),
        "SoldToCustomerAcct": acct,
        "SoldToCustomerName": name,
        "_web_ref": web_ref,
        "_sent": {name: ask.get(name) for name in _TICKET_TEXTS},
    }
    if shop.options.ticket_texts == "own":
        row |= {shown: ask.get(name) for name, shown in _TICKET_TEXTS.items()}
    elif shop.options.ticket_texts == "services":
        texts = [text for name in _TICKET_TEXTS if (text := ask.get(name))]
        row["Services"] = [{"Description": text, "Price": 0} for text in texts]
    shop.put("service_tickets", row)
    ask.call.count("created")
    return {"WebRef": web_ref}


def _lesson(shop: Shop, ask: Ask) -> Row:
    """PostSchedulingGroup and PostSchedulingPrivate."""
    _buyer(shop, ask, "CustomerAcct", required=False)
    return _append(shop, ask, "lessons")


def _append(shop: Shop, ask: Ask, name: str) -> Row:
    table = shop.collections[name]
    sent = {member: value for member, value in ask.args.items() if member != "CcInfo"}
    shop.put(name, {**sent, "_key": table.next_integer("_key"), "_login": ask.login})
    ask.call.count("created")
    return {}


def _documents(shop: Shop, ask: Ask) -> Row:
    """ApInvoice: documents of a supplier, whose Data has no documented format."""
    if not ask.get("VendorId"):
        fail("InvalidArgument", "VendorId is required.")
    sent = [(kind, one) for kind in ("Invoices", "ASNs") for one in ask.get(kind, [])]
    if not sent or any(not one.get("Data") for _, one in sent):
        fail("InvalidArgument", "Invoices or ASNs with Data are required.")
    table = shop.collections["ap_invoices"]
    for kind, one in sent:
        row = {"_key": table.next_integer("_key"), "VendorId": ask.get("VendorId"), "Kind": kind}
        shop.put("ap_invoices", {**row, **one})
        ask.call.count("created")
    return {}


def _clock(shop: Shop, ask: Ask) -> Row:
    """TimeClock: acts for the logged-in employee."""
    came, left = bool(ask.get("ClockIn")), bool(ask.get("ClockOut"))
    if came is left:
        fail("InvalidArgument", "Either ClockIn or ClockOut is required.")
    if ask.acct is not None:
        fail("AccessDenied", "Only employees have a time clock.")
    table = shop.collections["active_employees"]
    key = f"{ask.login}/CLOCKED_IN"
    if came is (key in table) and not ask.get("Override"):
        fail("TimeClock", f"The employee is {'already' if came else 'not'} clocked in.")
    if came:
        place = ask.get("LocationId", 1)
        row = {"_key": key, "_mode": "CLOCKED_IN", "EmployeeName": ask.login}
        shop.put("active_employees", {**row, "TimeIn": shop.now(), "Location": f"{place:02d}"})
    else:
        table.delete(key)
    return _append(shop, ask, "time_clock")


_STORE = "third-party vortx"
_GUEST = "CustomerInfo:{CustomerInfo} FormInputList:[FormInput] CcInfo:{CcInfo}"

WRITES = (
    operation("CustomerOrders", "POST", "S", _STORE, "web_orders", "Orders:[ThirdPartyOrder]", "",
        _web_orders),
    operation("CustomerOrderFulfillmentPost", "POST", "S", _STORE, "web_orders",
        "WebOrder Items:[PickedItem]", "", _picks, "CustomerOrderFulfillment"),
    operation("DeliveryTicketsPost", "POST", "S", _STORE, "delivery_tickets",
        "DeliveryTickets:[DeliveryTicketItem]", "Tickets:[DeliveryTicket]", _deliver,
        "DeliveryTickets"),
    operation("ContractScheduledReturnsPost", "POST", "S", "contracts", "scheduled_returns",
        "Acct:i Sub:i OptionId:i ReturnDate:T ReturnNotes AutoPayHoldDate:T StatusId:i",
        "RefNumber", _schedule, "ContractScheduledReturns"),
    operation("ContractScheduledReturnsPut", "PUT", "S", "contracts", "scheduled_returns",
        "Contracts:[ContractId]", "", _returned, "ContractScheduledReturns"),
    operation("C2BPostContract", "POST GET", "S", "contracts", "contracts",
        "TeacherId:i SchoolName AIMSchoolId:i Stloc InstrumentId:i Sku Desc RateId:i Rate:{Rate} "
        f"AccessoryIdList:[i] AccessoryList:[Accessory] {_GUEST} CusAcct:i Cat:i Sub:i "
        "ReturnTopic:b StatusId:i WebRef", "PaymentRequired:b Topic WebRef BaseUrl", _contract),
    operation("C2BSetContractCustomer", "POST", "S", "contracts", "contracts", "WebRef Acct:i", "",
        _contract_customer),
    operation("PostServiceTicket", "POST", "S", "service-tickets", "service_tickets",
        f"RefNumber SerialNumber CustomerAcct:i {_GUEST} Notes VoiceRecording ItemDescription",
        "WebRef", _ticket),
    operation("PostSchedulingGroup", "POST", "B", "lessons", "lessons",
        f"ClassId! AppointmentStart StudentName! RefNumber CustomerAcct:i {_GUEST} Notes", "",
        _lesson),
    operation("PostSchedulingPrivate", "POST", "B", "lessons", "lessons",
        "TypeId:i! InstructorId:i! LocationId:i! AppointmentStart! StudentName! RefNumber "
        f"CustomerAcct:i {_GUEST} Notes", "", _lesson),
    operation("ApInvoice", "POST", "B", "suppliers", "ap_invoices",
        "VendorId Invoices:[ApObject] ASNs:[ApObject]", "", _documents),
    operation("TimeClock", "POST", "S", "active-e", "time_clock",
        "LocationId:i ClockIn:b ClockOut:b Notes Override:b", "", _clock),
)  # fmt: skip
