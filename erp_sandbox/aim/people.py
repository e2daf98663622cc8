"""Operations on customers (8.1, 8.2)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from erp_sandbox.aim.seed import CHANGED
from erp_sandbox.aim.shop import Ask, Shop, fail, operation
from erp_sandbox.aim.wire import empty_row

if TYPE_CHECKING:
    from erp_sandbox.store import Row

MODES = ("ADD_CUSTOMER_CARD", "ADD_CONTRACT_CARD", "ADD_STUDENT_CARD", "UPDATE_CARD")
"""The four modes of CustomerAccessToken (8.1)."""
_WRITTEN = {
    "Name": "Name", "Address1": "Addr1", "Address2": "Addr2", "City": "City", "State": "St",
    "Zip": "Zip", "HomePhone": "Phone", "Email": "Email",
}  # fmt: skip
"""Names of the operation and of the record (6)."""
_UNSHOWN = ("Attn", "Country", "WorkPhone", "CellPhone", "Employer", "EmailMethod")
"""Written members that no known read operation shows; kept hidden."""


def _search(shop: Shop, ask: Ask) -> Row:
    """SearchCustomers: members are UNK, so text, paging and the list's name are options."""
    text = str(ask.get("SearchStr") or ask.get("SearchString") or "").lower()
    rows = [
        row
        for row in shop.rows("customers")
        if not text or any(text in str(row.get(n) or "").lower() for n in ("Name", "Email", "Acct"))
    ]
    if not shop.options.customers_paged:
        return {shop.options.customers_list: rows}
    return shop.paged(shop.options.customers_list, rows, ask)


def matches(shop: Shop, ask: Ask) -> list[Row]:
    """Return customers with the same e-mail, or the same name and telephone."""
    mail, name, phone = (str(ask.get(n, "")).lower() for n in ("Email", "Name", "HomePhone"))
    found = []
    for row in shop.collections["customers"]:
        same_name = bool(name) and str(row.get("Name") or "").lower() == name
        same_phone = bool(phone) and str(row.get("Phone") or "") == phone
        if mail and str(row.get("Email") or "").lower() == mail:
            found.append({**row, "MatchedOn": "Email"})
        elif same_name and (same_phone or ask.get("IncludeNameOnlyMatches")):
            found.append({**row, "MatchedOn": "Name"})
    return found


def _match(shop: Shop, ask: Ask) -> Row:
    return {"PossibleMatches": matches(shop, ask)}


def _lookup(shop: Shop, ask: Ask) -> Row:
    args = {"Email": ask.get("Email"), "Name": ask.get("FullName"), "HomePhone": ask.get("Phone")}
    return {"Accts": [row["Acct"] for row in matches(shop, Ask(args, ask.call))]}


def _info(shop: Shop, ask: Ask) -> Row:
    row = shop.customer(ask.get("Acct"))
    mails = [{"Email": row["Email"]}] if row.get("Email") else []
    return {"Customer": row, "DiscountInfo": None, "Memberships": [], "Emails": mails}


def _history(shop: Shop, ask: Ask) -> Row:
    """History360: each list only when its flag is set; closed ones only when asked for."""
    acct = shop.customer(ask.get("CustomerAccount"))["Acct"]
    since = ask.get("ClosedStartDate") if ask.get("IncludeClosed") else None
    found: Row = {"Invoices": [], "Orders": [], "WorkOrders": [], "Contracts": []}
    if ask.get("IncludeInvoices"):
        for row in shop.collections["invoices"].find(("SoldToAcct",), (acct,)):
            closed = row["Balance"] == 0
            if not closed or (ask.get("IncludeClosed") and shop.between(row["DateTime"], since)):
                invoice = {
                    **empty_row("Invoice360"),
                    "Id": row["InvoiceNumber"],
                    "Total": row["OriginalAmount"],
                    "Status": "Closed" if closed else "Open",
                    "PurchaseDate": row["DateTime"],
                }
                found["Invoices"].append(invoice)
    if ask.get("IncludeWorkOrders"):
        found["WorkOrders"] = [
            {"RefNumber": row["RefNumber"], "Status": row["Status"]}
            for row in shop.collections["service_tickets"].find(("SoldToCustomerAcct",), (acct,))
        ]
    if ask.get("IncludeContracts"):
        found["Contracts"] = [
            {name: row[name] for name in ("Acct", "Sub", "Status")}
            for row in shop.collections["contracts"].find(("Acct",), (acct,))
        ]
    return found


def _addresses(shop: Shop, ask: Ask) -> Row:
    table = shop.collections["shipping_addresses"]
    if ask.get("ShipId") is not None:
        row = table.get(ask.get("ShipId"))
        return {"ShipTos": [row] if row else []}
    return {"ShipTos": table.find(("_acct",), (shop.customer(ask.get("Acct"))["Acct"],))}


def _orders(shop: Shop, ask: Ask) -> Row:
    """ListCustomerPOs: the payload is not documented; the list's name is made up."""
    acct = shop.customer(ask.get("CustomerAcct"))["Acct"]
    return {"CustomerPOs": shop.collections["customer_purchase_orders"].find(("_acct",), (acct,))}


def _access(shop: Shop, ask: Ask) -> Row:
    """CustomerAccessToken: four modes; all but the first are about an item (INF)."""
    acct = shop.customer(ask.get("Acct"))["Acct"]
    mode, item = ask.get("Mode"), ask.get("ItemKey")
    if mode is not None and mode not in MODES:
        fail("InvalidArgument", f"Mode must be one of {', '.join(MODES)}.")
    if mode not in {None, MODES[0]} and item is None:
        fail("InvalidArgument", f"ItemKey is required with Mode {mode}.")
    text = f"{shop.bench.seed}/{acct}/{mode}/{item}"
    token = hashlib.sha256(text.encode()).hexdigest()
    url = f"http://{ask.call.headers.get('host', '')}/aim/store/account"
    return {"Token": token, "AccountManagementUrl": f"{url}?token={token}"}


def _filled(shop: Shop, ask: Ask, old: Row) -> Row:
    """Return a customer with what was written."""
    row = {**old, **{to: ask.args[name] for name, to in _WRITTEN.items() if name in ask.args}}
    row |= {f"_{name}": ask.args[name] for name in _UNSHOWN if name in ask.args}
    details = dict(row.get("AdditionalDetails") or empty_row("AdditionalDetail"))
    if "Notes" in ask.args:
        details["Notes"] = ask.args["Notes"]
    if ask.get("CustomerDefaultId") is not None:
        details["CustomerDefault"] = {"Id": ask.get("CustomerDefaultId"), "Desc": "Retail"}
    if ask.get("TaxAuthorityId") is not None:
        details["TaxAuthority"] = {"Id": ask.get("TaxAuthorityId"), "Desc": "State"}
    if ask.get("LocationId") is not None:
        row["StLoc"] = f"{ask.get('LocationId'):02d}"
    details["LastModifiedDate"] = shop.now()
    row["Last"] = str(row.get("Name") or "").rpartition(" ")[2]
    return {**row, "AdditionalDetails": details}


def _check_ids(shop: Shop, ask: Ask) -> None:
    place = ask.get("LocationId")
    if place is not None and place not in shop.collections["locations"]:
        fail("InvalidArgument", f"LocationId {place} was not found.")
    for name in ("CustomerDefaultId", "TaxAuthorityId"):
        if ask.get(name) is not None and not 0 < ask.get(name) < 100:  # noqa: PLR2004 - two digits
            fail("InvalidArgument", f"{name} {ask.get(name)} was not found.")


def _add(shop: Shop, ask: Ask) -> Row:
    """AddCustomer: CHECK stops on duplicates, CHECKONLY writes nothing, SKIP inserts (6)."""
    mode = str(ask.get("DuplicateCheckMode", "SKIP")).upper()
    if mode not in {"SKIP", "CHECK", "CHECKONLY"}:
        fail("InvalidArgument", "DuplicateCheckMode must be SKIP, CHECK or CHECKONLY.")
    _check_ids(shop, ask)
    if not ask.get("Name"):
        fail("InvalidArgument", "Name is required.")
    found = matches(shop, ask) if mode != "SKIP" else []
    if mode == "CHECKONLY":
        return {"PossibleMatches": found}
    if found:
        text = "A customer with this e-mail or name exists."
        fail("DuplicateCustomer", text, {"PossibleMatches": found})
    table = shop.collections["customers"]
    new = {**empty_row("CustomerSearchRecord"), "AdditionalDetails": None}
    new |= {"Acct": table.next_integer("Acct"), "Pk": table.next_integer("Pk")}
    row = _filled(shop, ask, new)
    row["AdditionalDetails"]["CreationDate"] = shop.now()
    row = shop.put("customers", row)
    ask.call.count("created")
    return {"Customer": row} if shop.options.add_customer == "record" else {}


def _update(shop: Shop, ask: Ask) -> Row:
    """UpdateCustomer: whether absent members are kept or blanked is UNK, so an option (6)."""
    old = shop.customer(ask.get("Acct"))
    _check_ids(shop, ask)
    if shop.options.update == "blank":
        blank: Row = dict.fromkeys([*_WRITTEN, "Notes"], None)
        ask = Ask({**blank, **ask.args}, ask.call, ask.login, ask.acct)
    shop.put("customers", _filled(shop, ask, old))
    ask.call.count("updated")
    return {}


def _dependant(shop: Shop, ask: Ask) -> Row:
    """CustomerDependant: adds, and returns no id."""
    old = shop.customer(ask.get("Acct"))
    ids = [d["Id"] for row in shop.collections["customers"] for d in row.get("DependantInfo") or ()]
    new = {name: ask.get(name) for name in ("Name", "OnlineId", "SchoolDistrict", "School")}
    new |= {"Id": max(ids, default=0) + 1, "_attributes": ask.get("AttributeInfo")}
    shop.put("customers", {**old, "DependantInfo": [*(old.get("DependantInfo") or ()), new]})
    ask.call.count("created")
    return {}


def _address(shop: Shop, ask: Ask) -> Row:
    """AddShippingAddress: from the body, or a copy of another account's address."""
    acct = shop.customer(ask.get("CustomerAccount"))["Acct"]
    table = shop.collections["shipping_addresses"]
    sent = ask.get("AddressInfo") or {}
    copied = ask.get("CopyAddressFromAccount")
    if copied is not None:
        other = shop.customer(copied)
        sent = {name: other.get(to) for name, to in _WRITTEN.items()} | sent
    row = empty_row("ShipToInfo") | {name: sent.get(name) for name in _SHIP}
    row |= {"Id": table.next_integer("Id"), "Active": True, "_acct": acct}
    row |= {"Phone": sent.get("HomePhone"), "Phone2": sent.get("WorkPhone")}
    shop.put("shipping_addresses", {**row, "Name": ask.get("AddressName")})
    ask.call.count("created")
    return {"AddressId": row["Id"]}


def _link(shop: Shop, ask: Ask) -> Row:
    """LinkExternalId: replaces an id only with OverrideExistingId."""
    kind, key, external = ask.get("Type"), ask.get("Id"), ask.get("ExternalId")
    if kind not in {"Student", "Teacher", "Dependant"} or not key or not external:
        fail("InvalidArgument", "Id, ExternalId and Type are required.")
    owner: Row | None = None
    old = (shop.collections["external_ids"].get(f"{kind}/{key}") or {}).get("ExternalId")
    if kind == "Dependant":
        for row in shop.collections["customers"]:
            for dependant in row.get("DependantInfo") or ():
                if str(dependant["Id"]) == str(key):
                    owner, old = row, dependant.get("OnlineId")
        if owner is None:
            fail("DependantNotFound", f"Dependant {key} was not found.")
    if old and old != external and not ask.get("OverrideExistingId"):
        fail("ExternalIdExists", f"{kind} {key} already has an external id.")
    if owner is not None:
        changed = [
            {**d, "OnlineId": external} if str(d["Id"]) == str(key) else d
            for d in owner["DependantInfo"]
        ]
        shop.put("customers", {**owner, "DependantInfo": changed})
    row = {"_key": f"{kind}/{key}", "Type": kind, "Id": key, "ExternalId": external}
    shop.put("external_ids", row)
    ask.call.count("updated" if old else "created")
    return {}


def touched(row: Row) -> Row:
    """Return a customer changed by the control endpoints, its shown stamp brought up to date."""
    details = row.get("AdditionalDetails")
    if isinstance(details, dict):
        return {**row, "AdditionalDetails": {**details, "LastModifiedDate": row[CHANGED]}}
    return row


_SHIP = ("Attention", "Address1", "Address2", "City", "State", "Zip", "Country", "Email", "Notes")
_CONTACT = (
    "Name Attn Address1 Address2 City State Zip Country HomePhone WorkPhone CellPhone Employer SS "
    "Email EmailMethod Notes DriversLicenseInfo:{LicenseInfo} FormInputList:[FormInput]"
)
_PAGE = "StartOffset:i RecordCount:i"
_FOUND = "[CustomerSearchRecord]"

PEOPLE = (
    operation("SearchCustomers", "GET", "S", "customer", "customers",
        f"SearchStr SearchString {_PAGE}", f"Customers:{_FOUND} RemainingRecords:i", _search),
    operation("MatchCustomer", "GET", "S", "customer", "customers",
        "Email HomePhone Name City State IncludeNameOnlyMatches:b", f"PossibleMatches:{_FOUND}",
        _match),
    operation("CustomerLookup3Party", "GET", "B", "third-party", "customers",
        "FullName Email Phone", "Accts:[i]", _lookup),
    operation("CustomerInfo", "GET", "S", "customer", "customer_info", "Acct:i",
        "Customer:{CustomerSearchRecord} DiscountInfo:{CustomerDiscountInfo} "
        "Memberships:[CustomerMembershipInfo] Emails:[CustomerEmailInfo]", _info),
    operation("History360", "GET", "S", "customer", "customer_history",
        "CustomerAccount:i IncludeInvoices:b IncludeOrders:b IncludeWorkOrders:b "
        "IncludeContracts:b IncludeClosed:b ClosedStartDate:T",
        "Invoices:[Invoice360] Orders:[Order360] WorkOrders:[WorkOrder360] "
        "Contracts:[Contract360]", _history),
    operation("ShippingAddressLookup", "GET", "S", "customer", "shipping_addresses",
        "Acct:i ShipId:i", "ShipTos:[ShipToInfo]", _addresses),
    operation("ListCustomerPOs", "GET", "S", "third-party vortx", "customer_purchase_orders",
        "CustomerAcct:i IncludeExpired:b", "CustomerPOs:[CustomerPo]", _orders),
    operation("CustomerAccessToken", "GET", "S", "customer", "customer_access_tokens",
        "Acct:i Mode ItemKey:i", "Token AccountManagementUrl", _access),
    operation("AddCustomer", "POST", "S", "customer", "customers",
        f"LocationId:i! CustomerDefaultId:i! TaxAuthorityId:i! {_CONTACT} DuplicateCheckMode",
        f"Customer:{{CustomerSearchRecord}} PossibleMatches:{_FOUND}", _add),
    operation("UpdateCustomer", "POST", "S", "customer", "customers",
        f"Acct:i! LocationId:i CustomerDefaultId:i TaxAuthorityId:i {_CONTACT} "
        "RefreshCustomerDefaults:b", "", _update),
    operation("CustomerDependant", "POST", "S", "customer", "customer_dependants",
        "Acct:i! Name! OnlineId SchoolDistrict School AttributeInfo:[AttributeData]", "",
        _dependant),
    operation("AddShippingAddress", "POST", "S", "customer", "shipping_addresses",
        "CustomerAccount:i CopyAddressFromAccount:i AddressName AddressInfo:{AddressInfo}",
        "AddressId:i", _address),
    operation("LinkExternalId", "POST", "S", "customer lessons", "external_ids",
        "Id ExternalId Type OverrideExistingId:b", "", _link),
)  # fmt: skip
