"""How AIM is asked for what was written, and what its answers prove (aim.md 6, 8.1).

What a look-up must never do: call a record absent that may be there, as it would be sent twice, or
call it found because of another one, as it would be lost. So it says *found* only of one record
that shows all that identifies it; *absent* only where a clear answer to a documented key or filter,
or a whole list, lacks it; *not shown* where only a record that is known to be there can prove that
the look-up works; and *cannot tell*, or an error, everywhere else.
"""

from __future__ import annotations

import typing as t

from target_erp.delivery.writer import Statement
from target_erp.writers import aim_customers as people
from target_erp.writers import aim_documents as documents

if t.TYPE_CHECKING:
    from erp_vendors.aim.answers import Body
    from erp_vendors.aim.client import AimClient
    from erp_vendors.aim.operations import AimWriteSpec, Operation
    from target_erp.delivery.model import LookUpResult


class AimLookUp(t.NamedTuple):
    """How the records of a write operation are looked for.

    Attributes:
        find: Looks; takes the client, the record's members, and the id of a record that is known
            to be there: that one is then looked for in the same way, as a control.
        read: Operation that is asked.
        words: The same in words, with its source and mark.
        absence: What proves that a record is not there.
        needs: Members without which there is nothing to ask for.
        members: Members whose presence decides what is asked.
        control: Whether a record that AIM lists is found in the same way.
    """

    find: t.Callable[[AimClient, Body, str | None], LookUpResult]
    read: str
    words: str
    absence: str
    needs: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    control: t.Callable[[AimClient], bool] | None = None


_WRITTEN = "a record of this run that the same look-up finds"

LOOK_UPS: t.Mapping[tuple[str, str], AimLookUp] = {
    ("POST", "AddCustomer"): AimLookUp(
        people.customer,
        "MatchCustomer",
        "MatchCustomer (8.1, DOC) by Name, Email and HomePhone: just one with all of them",
        "its filters Email and HomePhone (DOC) show no such customer; by Name alone, or without a "
        f"list in the answer: {_WRITTEN}, or one that SearchCustomers lists",
        ("Name",),
        ("Name", "Email", "HomePhone"),
        people.finds_customers,
    ),
    ("POST", "UpdateCustomer"): AimLookUp(
        people.changed_customer,
        "CustomerInfo",
        "CustomerInfo by Acct (8.1, DOC): it shows the new values",
        "it shows other values; an update may be repeated",
        ("Acct",),
    ),
    ("POST", "CustomerDependant"): AimLookUp(
        people.dependant,
        "CustomerInfo",
        "CustomerInfo by Acct (8.1, DOC): just one dependant of that name and school",
        "its list of dependants (DOC) lacks the name; without a list: "
        f"{_WRITTEN}, or dependants that SearchCustomers lists",
        ("Acct", "Name"),
        (),
        people.finds_dependants,
    ),
    ("POST", "AddShippingAddress"): AimLookUp(
        people.shipping_address,
        "ShippingAddressLookup",
        "ShippingAddressLookup by Acct (8.1, DOC): just one with that name and all that was sent",
        "its list of all addresses of the customer (DOC) lacks it; without a list: "
        f"{_WRITTEN}, or the addresses of a customer that SearchCustomers lists",
        ("CustomerAccount",),
        (),
        people.finds_addresses,
    ),
    ("POST", "CustomerOrders"): AimLookUp(
        documents.web_order,
        "ECommerceOrderStatus",
        "ECommerceOrderStatus by OrderNumber (8.1, DOC): it shows a status or items",
        "its error says that there is no such order, of any type; if it shows nothing: "
        f"{_WRITTEN}, or an order that CustomerOrderFulfillment lists",
        ("OrderNumber",),
        (),
        documents.finds_orders,
    ),
    ("POST", "CustomerOrderFulfillment"): AimLookUp(
        documents.web_order_picks,
        "CustomerOrderFulfillment",
        "CustomerOrderFulfillment by WebOrder (8.1, DOC): its items (by Id: 8.1, INF) show the "
        "quantities",
        "all its items show less than was reported",
        ("WebOrder", "Items"),
    ),
    ("POST", "C2BPostContract"): AimLookUp(
        documents.contract,
        "ContractFullDetails",
        "ContractFullDetails by WebRef (8.1, DOC); AIM is taken to keep our WebRef (6, INF)",
        _WRITTEN,
        ("WebRef",),
    ),
    ("POST", "C2BSetContractCustomer"): AimLookUp(
        documents.contract_customer,
        "ContractFullDetails",
        "ContractFullDetails by WebRef (8.1, DOC): it shows the account (8.1, INF)",
        "it shows another account; the call may be repeated",
        ("WebRef", "Acct"),
    ),
    ("POST", "PostServiceTicket"): AimLookUp(
        documents.service_ticket,
        "ServiceTicketFullDetails",
        "ServiceTicketFullDetails by RefNumber, if that filter works and the ticket says the same "
        "(8.1, INF)",
        f"no ticket of the account (Acct, DOC) says the same anywhere, and {_WRITTEN}",
        (),
        ("RefNumber", "CustomerAcct", *documents.TEXTS),
    ),
    ("POST", "ContractScheduledReturns"): AimLookUp(
        documents.scheduled_return,
        "ContractScheduledReturns",
        "ContractScheduledReturns by DateFrom and DateTo (8.1, DOC): Acct, Sub and the moment",
        f"its list of those days (DOC) lacks the contract; without a list: {_WRITTEN}, or a return "
        "that is listed",
        ("Acct", "Sub", "ReturnDate"),
        (),
        documents.finds_returns,
    ),
    ("POST", "InventoryImage"): AimLookUp(
        documents.inventory_image,
        "InventoryImage",
        "InventoryImage by ItemPk or Item (8.1, DOC): ImageStream is what was sent",
        "its list of the item's images (DOC) is empty",
        (),
        ("ItemPk", "Item", "ItemType"),
    ),
    ("POST", "DeliveryTickets"): AimLookUp(
        documents.delivery_ticket,
        "DeliveryTickets",
        "DeliveryTickets by RefNumber (8.1, DOC); that images are there is not told",
        "HasImages (10, DOC) is false",
        ("RefNumber",),
    ),
}
"""By method and name of the operation. No read shows external ids, lessons, staged scans, supplier
documents or clockings; what was edited or marked is not looked for either: it may be repeated."""

SUCCESS = (
    "`Status` is there, its StatusCode is not Error, and neither ErrorCode nor ErrorMessage is "
    "filled (3.2, DOC; 5.2, OBS); no row in ErrorItems (5.2, DOC)"
)


def look_up_of(operation: Operation) -> AimLookUp | None:
    """How records of an operation are looked for; None if nothing shows them.

    Args:
        operation: The write operation.
    """
    return LOOK_UPS.get((operation.method, operation.name))


def statement_of(sink: AimWriteSpec) -> Statement:
    """What is known about a sink's answers and look-ups."""
    calls = {f"{one.method} {one.name}": look_up_of(one) for one in sink.operations}
    known = {call: look_up for call, look_up in calls.items() if look_up is not None}
    if not known:
        return Statement(SUCCESS, "no read shows it", "nothing: an unknown outcome is parked")
    names = {call: f"{call}: " if len(calls) > 1 else "" for call in known}
    return Statement(
        SUCCESS,
        "; ".join(names[call] + look_up.words for call, look_up in known.items()),
        "; ".join(names[call] + look_up.absence for call, look_up in known.items()),
    )
