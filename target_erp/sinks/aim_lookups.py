"""Whether AIM has a record: the documented reads that can tell (aim.md 6, 8.1).

A look-up gives the record's id or business key, or None where AIM does not have it. Where the
answer would prove neither, it raises, and the record stays unknown until a person has looked.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import typing as t

from erp_vendors.aim.answers import UnknownRecordError
from erp_vendors.aim.resources import TICKET_TYPES
from erp_vendors.errors import DataError

if t.TYPE_CHECKING:
    from erp_vendors.aim.client import AimClient
    from target_erp.delivery.outcome import Body


class LookUp(t.NamedTuple):
    """How a sink's records are looked for.

    Attributes:
        operation: The documented read.
        find: Gives a record's id, or None; takes the client and the record's members.
    """

    operation: str
    find: t.Callable[[AimClient, Body], str | None]


_MOMENT = len("2026-01-31T00:00:00")


def _web_order(client: AimClient, body: Body) -> str | None:
    number = _given(body, "OrderNumber")
    rows = _children(client, "web_order_status", number)
    # An answer without anything about the order is no answer about it.
    said = (row[name] for row in rows for name in row if name != "WebOrder")
    return number if any(said) else None


def _dependant(client: AimClient, body: Body) -> str | None:
    acct, name = _given(body, "Acct"), _given(body, "Name")
    for row in _children(client, "customer_info", acct):
        customer = row.get("Customer")
        if not isinstance(customer, dict):
            msg = f"aim: CustomerInfo of account {acct} comes without the customer"
            raise DataError(msg)
        for dependant in customer.get("DependantInfo") or ():
            if _plain(dependant.get("Name")) == _plain(name):
                return str(dependant.get("Id") or name)
    return None


def _shipping_address(client: AimClient, body: Body) -> str | None:
    acct = _given(body, "CustomerAccount")
    sent = {_SHIP.get(name, name): value for name, value in (body.get("AddressInfo") or {}).items()}
    sent["Name"] = body.get("AddressName")
    sent = {name: value for name, value in sent.items() if value not in (None, "")}
    if not sent:
        msg = "aim: an address without a name and without content cannot be told from others"
        raise DataError(msg)
    for row in _children(client, "shipping_addresses", acct):
        if all(_plain(row.get(name)) == _plain(value) for name, value in sent.items()):
            return str(row.get("Id"))
    return None


def _contract(client: AimClient, body: Body) -> str | None:
    ref = _given(body, "WebRef")
    rows = client.search(client.resources["contracts"], {"WebRef": ref})
    # The fields of a contract are not public (10): it may come without its reference.
    shown = [row for row in rows if row.get("WebRef") is not None]
    if any(str(row["WebRef"]) == ref for row in shown) or (len(rows) == 1 and not shown):
        return ref
    if rows:
        msg = f"aim: ContractFullDetails does not tell whether there is a contract {ref}"
        raise DataError(msg)
    return None


def _service_ticket(client: AimClient, body: Body) -> str | None:
    """By the online reference; whether AIM finds a ticket by it is not documented (8.1)."""
    resource, acct = client.resources["service_tickets"], body.get("CustomerAcct")
    ref = body.get("RefNumber")
    wanted = {
        name: body[member]
        for member, name in (("ItemDescription",) * 2, ("Notes",) * 2, ("SerialNumber", "Item"))
        if body.get(member) not in (None, "")
    }

    def is_alike(row: Body) -> bool:
        same_customer = acct is None or str(row.get("SoldToCustomerAcct")) == str(acct)
        return same_customer and all(
            _plain(value) in _plain(row.get(name)) for name, value in wanted.items()
        )

    if ref not in (None, ""):
        found = [row for row in client.search(resource, {"RefNumber": str(ref)}) if is_alike(row)]
        if found and wanted:
            return str(ref)
    if acct is None or not wanted:
        msg = "aim: a service ticket without account and text cannot be told from others"
        raise DataError(msg)
    if any(is_alike(row) for row in client.search(resource, {"Acct": str(acct)})):
        msg = f"aim: account {acct} has a ticket that says the same, this one or an earlier one"
        raise DataError(msg)
    return None


def _scheduled_return(client: AimClient, body: Body) -> str | None:
    acct, sub, text = (_given(body, name) for name in ("Acct", "Sub", "ReturnDate"))
    try:
        day = dt.datetime.fromisoformat(text[:10])
    except ValueError:
        msg = f"aim: ReturnDate {text} is no date that can be searched for"
        raise DataError(msg) from None
    window = {
        # Whether the bounds count is not documented (4.3).
        name: (day + dt.timedelta(days=days)).isoformat()
        for name, days in (("DateFrom", -1), ("DateTo", 2))
    }
    for row in client.search(client.resources["scheduled_returns"], window):
        moment = str(row.get("ScheduledReturnDate"))[:_MOMENT]
        same = moment == text[:_MOMENT] if len(text) >= _MOMENT else moment[:10] == text[:10]
        if same and (str(row.get("Acct")), str(row.get("Sub"))) == (acct, sub):
            return str(row.get("ScheduledReturnedRef") or f"{acct}-{sub}")
    return None


def _inventory_image(client: AimClient, body: Body) -> str | None:
    named = ("ItemPk", "Item", "ItemType")
    members = {name: str(body[name]) for name in named if body.get(name) not in (None, "")}
    rows = client.search(client.resources["inventory_images"], members)
    images = [row for row in rows if row.get("Url") or row.get("ImageStream")]
    if not images and body.get("NewImages"):
        return None
    new = [image for image in body.get("NewImages") or () if isinstance(image, dict)]
    if new and all(any(_is_image(row, image) for row in images) for image in new):
        return members.get("ItemPk") or members.get("Item")
    msg = "aim: the item's images do not tell whether the new ones are among them"
    raise DataError(msg)


def _delivery_ticket(client: AimClient, body: Body) -> str | None:
    """Only that a ticket has no image at all proves something."""
    ref = _given(body, "RefNumber")
    kinds = [str(body["TicketType"])] if body.get("TicketType") else TICKET_TYPES
    rows = [
        row
        for kind in kinds
        for row in client.search(
            client.resources["delivery_tickets"], {"TicketType": kind, "RefNumber": ref}
        )
        if str(row.get("RefNumber")) == ref
    ]
    if rows and all(row.get("HasImages") is False for row in rows):
        return None
    msg = f"aim: delivery ticket {ref} does not tell whether the images are there"
    raise DataError(msg)


def _customer(client: AimClient, body: Body) -> str | None:
    """The account of the customer with just this name, and this e-mail or telephone."""
    name = _given(body, "Name")
    known = [member for member in ("Email", "HomePhone") if body.get(member) not in (None, "")]
    if not known:
        msg = "aim: a customer without e-mail and telephone cannot be told from others"
        raise DataError(msg)
    # A filter on all that is known shows the record however AIM combines its conditions.
    asked = {"Name": name, **{member: str(body[member]) for member in known}}
    matches = dataclasses.replace(
        client.resources["customers"],
        path="MatchCustomer",
        list_name="PossibleMatches",
        paging=None,
        documented=True,
    )
    wanted = {
        column: body[member]
        for member, column in _CUSTOMER.items()
        if body.get(member) not in (None, "")
    }
    rows = client.search(matches, {**asked, "IncludeNameOnlyMatches": "true"})
    possible = [
        row
        for row in rows
        if _plain(row.get("Name")) == _plain(name)
        and all(_alike(row, c, wanted[c]) for c in _TELLING if c in wanted and row.get(c))
    ]
    if not possible:
        return None
    (row, *others) = possible
    if others or not all(_alike(row, column, value) for column, value in wanted.items()):
        accounts = ", ".join(str(row.get("Acct")) for row in possible)
        msg = f"aim: whether this customer is the account {accounts} is not certain"
        raise DataError(msg)
    return str(row.get("Acct"))


LOOK_UPS: t.Mapping[str, LookUp] = {
    "contracts": LookUp("ContractFullDetails", _contract),
    "customer_dependants": LookUp("CustomerInfo", _dependant),
    "customers": LookUp("MatchCustomer", _customer),
    "delivery_tickets": LookUp("DeliveryTickets", _delivery_ticket),
    "inventory_images": LookUp("InventoryImage", _inventory_image),
    "scheduled_returns": LookUp("ContractScheduledReturns", _scheduled_return),
    "service_tickets": LookUp("ServiceTicketFullDetails", _service_ticket),
    "shipping_addresses": LookUp("ShippingAddressLookup", _shipping_address),
    "web_orders": LookUp("ECommerceOrderStatus", _web_order),
}
"""By sink. No read shows external ids, lessons, staged scans, supplier documents or clockings; an
edit of inventory may be repeated."""

_SHIP = {"HomePhone": "Phone", "WorkPhone": "Phone2"}
_CUSTOMER = {
    "Email": "Email",
    "HomePhone": "Phone",
    "Address1": "Addr1",
    "City": "City",
    "State": "St",
    "Zip": "Zip",
}
"""Members of a customer when written, and when read (6)."""
_TELLING = frozenset({"Email", "Phone"})
"""Another value here is another person."""


def _given(body: Body, name: str) -> str:
    value = body.get(name)
    if value in (None, ""):
        msg = f"aim: without {name} there is nothing to ask for"
        raise DataError(msg)
    return str(value)


def _children(client: AimClient, name: str, key: str) -> list[Body]:
    resource = client.resources[name]
    try:
        return client.child(resource, resource.parents[0], (key,))
    except UnknownRecordError as error:
        if not error.certain:
            raise
        return []


def _alike(row: Body, name: str, value: object) -> bool:
    if name == "Phone":
        return re.sub(r"\D", "", str(row.get(name))) == re.sub(r"\D", "", str(value))
    return _plain(row.get(name)) == _plain(value)


def _is_image(row: Body, image: Body) -> bool:
    stream, sent = row.get("ImageStream"), image.get("Base64Image")
    if stream and sent and stream == sent:
        return True
    file = str(image.get("FileName") or "")
    return bool(file) and str(row.get("Url") or "").rpartition("/")[2] == file


def _plain(value: object) -> str:
    return " ".join(str("" if value is None else value).split()).casefold()
