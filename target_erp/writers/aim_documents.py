"""Whether AIM has an order, a contract, a ticket, a return or an image (aim.md 6, 8.1)."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import typing as t

from erp_vendors.aim.resources import ORDER_TYPES, TICKET_TYPES
from target_erp.delivery.model import ABSENT, NOT_SHOWN, Finding, LookUpResult
from target_erp.writers.aim_alike import Alike, compare, holds, is_given
from target_erp.writers.aim_asking import look_up, search, some

if t.TYPE_CHECKING:
    from erp_vendors.aim.answers import Body
    from erp_vendors.aim.client import AimClient

TEXTS = ("ItemDescription", "Notes", "SerialNumber")
"""Members by which a service ticket is recognised; where it shows them is not documented."""
_NONE = "-none-"
"""What is put behind a reference to make one that nothing has."""
_NO_ORDER = re.compile(
    r"not (?:be )?found|not exist|no such|unknown|invalid|none|n/a", re.IGNORECASE
)
_SAMPLE = 5
"""Records of a listing that are tried as a control."""
_DAY = len("2026-01-31")
_SECOND = len("2026-01-31T00:00:00")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)


def web_order(client: AimClient, body: Body, _: str | None) -> LookUpResult:
    """The status of the web order with this number.

    Args:
        client: Calls the shop's server.
        body: Members of an order of CustomerOrders.
    """
    number, resource = str(body["OrderNumber"]), client.resources["web_order_status"]
    answer = look_up(client, resource, {"OrderNumber": number})
    if answer is None:
        for kind in ORDER_TYPES:
            other = look_up(client, resource, {"OrderNumber": number, "OrderType": kind})
            if other is not None and any(other.values()):
                return LookUpResult.cannot_tell(
                    f"AIM has an order {number} of another type ({kind})"
                )
        return ABSENT
    lines, items = _objects(answer.get("LineItems")), _objects(body.get("LineItems"))
    wanted = {str(item["Sku"]).casefold() for item in items if is_given(item.get("Sku"))}
    shown = {str(row["Sku"]).casefold() for row in lines if is_given(row.get("Sku"))}
    if wanted and shown and not wanted & shown:
        return LookUpResult.cannot_tell(f"AIM has an order {number} with other items")
    words = [answer.get(name) for name in ("OrderStatus", "OrderStatusDescription")]
    denied = any(_NO_ORDER.search(str(word)) for word in words if is_given(word))
    if lines or (any(is_given(word) for word in words) and not denied):
        return LookUpResult.found(number)
    # An answer without anything about the order may mean that there is none.
    return NOT_SHOWN


def web_order_picks(client: AimClient, body: Body, _: str | None) -> LookUpResult:
    """Whether a web order shows the quantities that were picked.

    Whether a report takes the place of an earlier one or adds to it is not documented (8.1). Either
    way an item that was reported shows at least its quantity: one that shows less was not.

    Args:
        client: Calls the shop's server.
        body: Members of CustomerOrderFulfillment (POST).
    """
    order = str(body["WebOrder"])
    answer = look_up(client, client.resources["web_orders"], {"WebOrder": order})
    if answer is None:
        return ABSENT
    # The form for one order has its members at the top (8.1, INF); lists may hold it as well.
    listed = [answer, *_objects(answer.get("Orders"))]
    found = [row for row in listed if str(row.get("WebOrder")) == order]
    shown = {
        str(item.get("Id")): item.get("QuantityPicked")
        for row in found
        for item in _objects(row.get("Items"))
    }
    sides = {
        _side(item.get("QuantityPicked"), shown.get(str(item.get("Id"))))
        for item in _objects(body.get("Items"))
    }
    if len(found) == 1 and sides == {0}:
        return LookUpResult.found(order, {"Items": body["Items"]})
    if len(found) == 1 and sides == {-1}:
        return ABSENT
    return LookUpResult.cannot_tell(
        f"the web order {order} does not tell whether these picks were reported"
    )


def contract(client: AimClient, body: Body, _: str | None) -> LookUpResult:
    """The contract with this WebRef; that AIM takes it from us is not documented (8.2).

    Args:
        client: Calls the shop's server.
        body: Members of C2BPostContract.
    """
    ref = str(body["WebRef"])
    row, look = _contract_of(client, ref)
    if row is not None and compare({"Acct": body.get("CusAcct")}, row) is Alike.OTHER:
        return LookUpResult.cannot_tell(f"the contract {ref} is that of another account")
    return look


def contract_customer(client: AimClient, body: Body, _: str | None) -> LookUpResult:
    """Whether a contract shows the account that it was to get.

    Args:
        client: Calls the shop's server.
        body: Members of C2BSetContractCustomer.
    """
    ref = str(body["WebRef"])
    row, look = _contract_of(client, ref)
    if row is None or not is_given(row.get("Acct")):
        return LookUpResult.cannot_tell(
            f"ContractFullDetails does not tell whose contract {ref} is"
        )
    same = compare({"Acct": body.get("Acct")}, row) is Alike.SAME
    return LookUpResult.found(
        look.vendor_id or ref, {"Acct": body.get("Acct") if same else row["Acct"]}
    )


def service_ticket(client: AimClient, body: Body, known: str | None) -> LookUpResult:
    """A ticket by its online reference, then by the texts of the account's tickets.

    Neither that AIM finds a ticket by that reference nor where it shows the texts is documented
    (8.1), so that nothing is seen proves nothing by itself.

    Args:
        client: Calls the shop's server.
        body: Members of PostServiceTicket.
        known: Id of a ticket that is there.
    """
    tickets, ref = client.resources["service_tickets"], body.get("RefNumber")
    acct = str(body["CustomerAcct"]) if is_given(body.get("CustomerAcct")) else ""
    wanted = [body[name] for name in TEXTS if is_given(body.get(name))]
    if is_given(ref):
        rows = search(client, tickets, {"RefNumber": str(ref)}) or []
        named = [row for row in rows if str(row.get("WebRef")) == str(ref)]
        # The number of a ticket is AIM's own: only one that says the same can be meant.
        alike = [row for row in rows if wanted and _says(row, acct, wanted)]
        proven = len(alike) == 1 and _filters(client, "service_tickets", "RefNumber", str(ref))
        if len(named) == 1 or proven:
            return LookUpResult.found(str(ref))
        if named or (alike and known is None):
            return LookUpResult.cannot_tell(
                f"tickets say the same as {ref}, this one or earlier ones"
            )
    if not acct or not wanted:
        return LookUpResult.cannot_tell(
            "a ticket without account and text cannot be told from others"
        )
    rows = search(client, tickets, {"Acct": acct}) or []
    alike = [row for row in rows if _says(row, acct, wanted)]
    if known is not None and len(alike) == 1:
        return LookUpResult.found(known)
    if alike:
        return LookUpResult.cannot_tell(
            f"account {acct} has a ticket that says the same, this or an older one"
        )
    return NOT_SHOWN


def scheduled_return(client: AimClient, body: Body, _: str | None) -> LookUpResult:
    """The return of a contract at a moment.

    Args:
        client: Calls the shop's server.
        body: Members of ContractScheduledReturns (POST).
    """
    acct, sub, text = (str(body[name]) for name in ("Acct", "Sub", "ReturnDate"))
    try:
        day = dt.datetime.fromisoformat(text[:_DAY])
    except ValueError:
        return LookUpResult.cannot_tell(f"ReturnDate {text} is no date that can be searched for")
    window = {
        # Whether the bounds count is not documented (4.3).
        name: (day + dt.timedelta(days=days)).isoformat()
        for name, days in (("DateFrom", -1), ("DateTo", 2))
    }
    rows = search(client, client.resources["scheduled_returns"], window)
    if rows is None:
        return NOT_SHOWN
    possible = [row for row in rows if compare({"Acct": acct, "Sub": sub}, row) is not Alike.OTHER]
    near = [row for row in possible if _moment(text, row.get("ScheduledReturnDate"))]
    if not near:
        return ABSENT
    row = near[0]
    certain = compare({"Acct": acct, "Sub": sub}, row) is Alike.SAME
    if len(near) == 1 and certain and _moment(text, row.get("ScheduledReturnDate")) is Alike.SAME:
        return LookUpResult.found(str(row.get("ScheduledReturnedRef") or f"{acct}-{sub}"))
    return LookUpResult.cannot_tell(
        f"contract {acct}-{sub} has a return near {text}, this one or another one"
    )


def inventory_image(client: AimClient, body: Body, _: str | None) -> LookUpResult:
    """Whether an item shows the new images: only their content proves it.

    Args:
        client: Calls the shop's server.
        body: Members of InventoryImage.
    """
    named = ("ItemPk", "Item", "ItemType")
    members = {name: str(body[name]) for name in named if is_given(body.get(name))}
    new = _objects(body.get("NewImages"))
    if not new or not members:
        return LookUpResult.cannot_tell("that images are gone is not told")
    rows = search(client, client.resources["inventory_images"], members)
    if rows is None:
        return NOT_SHOWN
    if not rows:
        return ABSENT
    shown = {row["ImageStream"] for row in rows if isinstance(row.get("ImageStream"), str)} - {""}
    if all(image.get("Base64Image") in shown for image in new):
        return LookUpResult.found(members.get("ItemPk") or members.get("Item") or "")
    return LookUpResult.cannot_tell(
        "the item's images do not tell whether the new ones are among them"
    )


def delivery_ticket(client: AimClient, body: Body, _: str | None) -> LookUpResult:
    """Whether a delivery ticket got images: only that it has none at all proves something.

    Args:
        client: Calls the shop's server.
        body: Members of an item of DeliveryTickets.
    """
    ref = str(body["RefNumber"])
    kinds = [str(body["TicketType"])] if is_given(body.get("TicketType")) else TICKET_TYPES
    resource = client.resources["delivery_tickets"]
    rows = [
        row
        for kind in kinds
        for row in search(client, resource, {"TicketType": kind, "RefNumber": ref}) or ()
        if compare({"RefNumber": ref}, row) is not Alike.OTHER
    ]
    named = all(compare({"RefNumber": ref}, row) is Alike.SAME for row in rows)
    if rows and named and body.get("Images") and all(row.get("HasImages") is False for row in rows):
        return ABSENT
    return LookUpResult.cannot_tell(
        f"delivery ticket {ref} does not tell whether it has what was sent"
    )


def finds_orders(client: AimClient) -> bool:
    """Whether ECommerceOrderStatus knows one of the orders that are listed.

    Args:
        client: Calls the shop's server.
    """
    listed = some(client, "web_orders", _SAMPLE)
    numbers = [row["WebOrder"] for row in listed if is_given(row.get("WebOrder"))]
    return any(
        web_order(client, {"OrderNumber": number}, None).finding is Finding.FOUND
        for number in numbers
    )


def finds_returns(client: AimClient) -> bool:
    """Whether a return that is listed is found by its date.

    Args:
        client: Calls the shop's server.
    """
    names = {"Acct": "Acct", "Sub": "Sub", "ScheduledReturnDate": "ReturnDate"}
    for row in some(client, "scheduled_returns", _SAMPLE):
        body = {to: row[name] for name, to in names.items() if is_given(row.get(name))}
        if len(body) == len(names):
            return scheduled_return(client, body, None).finding is Finding.FOUND
    return False


def _says(row: Body, acct: str, texts: t.Sequence[object]) -> bool:
    """Whether a ticket may be the account's, and says all of the texts, wherever it does."""
    whose = {str(row.get(f"{side}CustomerAcct") or "") for side in ("SoldTo", "BillTo")} - {""}
    if acct and whose and acct not in whose:
        return False
    return all(holds(row, text) for text in texts)


def _contract_of(client: AimClient, ref: str) -> tuple[Body | None, LookUpResult]:
    """The one contract that a WebRef shows, and what that proves."""
    rows = search(client, client.resources["contracts"], {"WebRef": ref})
    if not rows:
        return None, NOT_SHOWN
    # The fields of a contract are not public (10): it may come without its reference.
    (row, *others) = rows
    named = is_given(row.get("WebRef"))
    ours = str(row["WebRef"]) == ref if named else _filters(client, "contracts", "WebRef", ref)
    if others or not ours:
        return None, LookUpResult.cannot_tell(
            f"ContractFullDetails does not tell whether {ref} is there"
        )
    return row, LookUpResult.found(ref)


def _filters(client: AimClient, resource: str, member: str, ref: str) -> bool:
    """Whether a filter filters: a reference that nothing has must show nothing."""
    return not search(client, client.resources[resource], {member: f"{ref}{_NONE}"})


def _objects(value: object) -> list[Body]:
    """The objects of a list; none if it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _side(sent: object, shown: object) -> int | None:
    """Whether a shown quantity is less (-1), the same (0) or more; None if that cannot be told."""
    if any(isinstance(one, bool) or one is None for one in (sent, shown)):
        return None
    try:
        less, more = decimal.Decimal(str(shown)), decimal.Decimal(str(sent))
        return (less > more) - (less < more)
    except decimal.InvalidOperation:
        return None


def _moment(sent: str, shown: object) -> Alike:
    """Whether a return is the one of a moment: the shop may keep the day alone, in its own zone."""
    text = str("" if shown is None else shown).strip()
    if not _DATE.match(text) or _ZONE.search(text[_DAY:]):
        return Alike.MAYBE
    zoned = _ZONE.search(sent[_DAY:])
    if sent[:_DAY] != text[:_DAY]:
        # The window holds the days beside it: with a zone, the moment may fall on one of them.
        return Alike.MAYBE if zoned else Alike.OTHER
    exact = text.startswith(sent[:_SECOND].replace(" ", "T"))
    return Alike.SAME if exact and not zoned else Alike.MAYBE
