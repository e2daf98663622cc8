"""Whether AIM has a customer, and what belongs to one (aim.md 6, 8.1)."""

from __future__ import annotations

import dataclasses
import typing as t

from target_erp.delivery.model import ABSENT, NOT_SHOWN, LookUpResult
from target_erp.writers.aim_alike import Alike, compare, is_given
from target_erp.writers.aim_asking import look_up, search, some

if t.TYPE_CHECKING:
    from erp_vendors.aim.answers import Body
    from erp_vendors.aim.client import AimClient

_SHOWN = {
    "Address1": "Addr1",
    "Address2": "Addr2",
    "State": "St",
    "HomePhone": "Phone",
    **{name: name for name in ("Name", "City", "Zip", "Email", "Notes")},
    **{name: name for name in ("CustomerDefaultId", "TaxAuthorityId")},
}
"""Members of a customer when written, and when read (6); what no read shows is not here."""
_TELLING = ("Email", "HomePhone")
"""Members that tell customers of one name apart, and by which MatchCustomer finds them."""
_SHIP = {"HomePhone": "Phone", "WorkPhone": "Phone2"}
_SAMPLE = 50
"""Records of a listing that are tried as a control."""


def customer(client: AimClient, body: Body, known: str | None) -> LookUpResult:
    """The account of the customer with just this name, e-mail and telephone.

    Args:
        client: Calls the shop's server.
        body: Members of AddCustomer.
        known: Account of a customer that is there.
    """
    sent = {column: body.get(member) for member, column in _SHOWN.items()}
    person = {name: sent[name] for name in ("Name", "Email", "Phone")}
    telling = any(is_given(body.get(name)) for name in _TELLING)
    listed = True
    for rows in _matches(client, body):
        listed = listed and rows is not None
        possible = [row for row in rows or () if compare(person, row) is not Alike.OTHER]
        if known is not None:
            possible = [row for row in possible if str(row.get("Acct")) == known]
        if not possible:
            continue
        (row, *others) = possible
        # Another address may be that of an earlier version.
        same = compare(person, row) is Alike.SAME and compare(sent, row) is not Alike.OTHER
        if row.get("Acct") and (known is not None or (telling and same and not others)):
            return LookUpResult.found(str(row["Acct"]))
        accounts = ", ".join(str(row.get("Acct")) for row in possible[:5])
        return LookUpResult.cannot_tell(
            f"whether this customer is the account {accounts} is not certain"
        )
    # That a name alone is a filter is only assumed.
    return ABSENT if listed and telling else NOT_SHOWN


def existing_account(client: AimClient, body: Body) -> str | None:
    """The account of a customer that AIM is known to have, whatever else of it has changed.

    Args:
        client: Calls the shop's server.
        body: Members of AddCustomer or UpdateCustomer.

    Returns:
        The account of the only one with this name, e-mail and telephone; None if none or several
        may be meant.
    """
    person = {_SHOWN[name]: body.get(name) for name in ("Name", *_TELLING)}
    if not any(is_given(body.get(name)) for name in _TELLING):
        return None
    for rows in _matches(client, body):
        possible = [row for row in rows or () if compare(person, row) is not Alike.OTHER]
        if possible:
            same = len(possible) == 1 and compare(person, possible[0]) is Alike.SAME
            return str(possible[0].get("Acct") or "") or None if same else None
    return None


def changed_customer(client: AimClient, body: Body, _: str | None) -> LookUpResult:
    """Whether an account shows what was to be changed.

    Args:
        client: Calls the shop's server.
        body: Members of UpdateCustomer.
    """
    acct = str(body["Acct"])
    answer = look_up(client, client.resources["customer_info"], {"Acct": acct})
    if answer is None:
        return ABSENT
    row = _customer_of(answer, acct)
    if row is None:
        return LookUpResult.cannot_tell(f"CustomerInfo does not show the account {acct}")
    details = row.get("AdditionalDetails")
    details = details if isinstance(details, dict) else {}
    row = {**row, "Notes": details.get("Notes")}
    for name in ("CustomerDefault", "TaxAuthority"):
        part = details.get(name)
        row[f"{name}Id"] = part.get("Id") if isinstance(part, dict) else None
    sent = {name: value for name, value in body.items() if name != "Acct" and is_given(value)}
    seen, hidden = {}, []
    for name, value in sent.items():
        column = _SHOWN.get(name)
        alike = Alike.MAYBE if column is None else compare({column: value}, row)
        if alike is Alike.MAYBE:
            hidden.append(name)
        else:
            seen[name] = value if alike is Alike.SAME else row.get(str(column))
    if hidden and all(sent[name] == value for name, value in seen.items()):
        return LookUpResult.cannot_tell(f"CustomerInfo does not show {', '.join(hidden)}")
    return LookUpResult.found(acct, seen)


def dependant(client: AimClient, body: Body, _: str | None) -> LookUpResult:
    """The dependant of an account, by name.

    Args:
        client: Calls the shop's server.
        body: Members of CustomerDependant.
    """
    acct, name = str(body["Acct"]), str(body["Name"])
    answer = look_up(client, client.resources["customer_info"], {"Acct": acct})
    if answer is None:
        return ABSENT
    owner = _customer_of(answer, acct)
    rows = [] if owner is None else owner.get("DependantInfo")
    if rows is None:
        return NOT_SHOWN
    if not owner or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return LookUpResult.cannot_tell(
            f"CustomerInfo does not show the dependants of the account {acct}"
        )
    names = ("Name", "OnlineId", "SchoolDistrict", "School")
    possible = [row for row in rows if compare({"Name": name}, row) is not Alike.OTHER]
    if not possible:
        return ABSENT
    if len(possible) == 1 and compare({n: body.get(n) for n in names}, possible[0]) is Alike.SAME:
        return LookUpResult.found(str(possible[0].get("Id") or name))
    return LookUpResult.cannot_tell(
        f"account {acct} has a dependant {name} already, this one or another one"
    )


def shipping_address(client: AimClient, body: Body, known: str | None) -> LookUpResult:
    """The address of an account, by its name and all that was sent.

    Args:
        client: Calls the shop's server.
        body: Members of AddShippingAddress.
        known: Id of an address that is there.
    """
    acct, content = str(body["CustomerAccount"]), body.get("AddressInfo")
    content = content if isinstance(content, dict) else {}
    sent: Body = {str(_SHIP.get(name, name)): value for name, value in content.items()}
    sent["Name"] = body.get("AddressName")
    sent = {name: value for name, value in sent.items() if is_given(value)}
    if not sent:
        return LookUpResult.cannot_tell(
            "an address without a name and content cannot be told from others"
        )
    rows = search(client, client.resources["shipping_addresses"], {"Acct": acct})
    if rows is None:
        return NOT_SHOWN
    possible = [row for row in rows if compare(sent, row) is not Alike.OTHER]
    if known is not None and any(str(row.get("Id")) == known for row in possible):
        return LookUpResult.found(known)
    if not possible:
        return ABSENT
    row = possible[0]
    # What is there and was not sent, or is out of use, speaks of an older address.
    more = any(is_given(row.get(n)) and n not in sent for n in ("Name", "Address1", "City", "Zip"))
    older = more or is_given(body.get("CopyAddressFromAccount")) or row.get("Active") is False
    if len(possible) == 1 and compare(sent, row) is Alike.SAME and not older:
        return LookUpResult.found(str(row.get("Id") or body.get("AddressName") or acct))
    return LookUpResult.cannot_tell(f"account {acct} has such an address, this one or another one")


def is_customer(body: Body, row: Body) -> bool:
    """Whether a record in an answer is the customer that was sent.

    Args:
        body: Members of AddCustomer.
        row: The record.
    """
    sent = {column: body.get(member) for member, column in _SHOWN.items()}
    named = compare({"Name": sent["Name"]}, row) is Alike.SAME
    return named and compare(sent, row) is not Alike.OTHER


def finds_customers(client: AimClient) -> bool:
    """Whether MatchCustomer finds a customer that is listed, by each of its filters.

    Args:
        client: Calls the shop's server.
    """
    for row in some(client, "customers", _SAMPLE):
        if not (row.get("Acct") and is_given(row.get("Name")) and is_given(row.get("Email"))):
            continue
        answers = _matches(client, {"Name": row["Name"], "Email": row["Email"]})
        return all(_has(rows, "Acct", row["Acct"]) for rows in answers)
    return False


def finds_dependants(client: AimClient) -> bool:
    """Whether CustomerInfo shows dependants that the listing of customers shows.

    Args:
        client: Calls the shop's server.
    """
    for row in some(client, "customers", _SAMPLE):
        dependants = row.get("DependantInfo")
        if not row.get("Acct") or not isinstance(dependants, list) or not dependants:
            continue
        answer = look_up(client, client.resources["customer_info"], {"Acct": str(row["Acct"])})
        owner = None if answer is None else _customer_of(answer, str(row["Acct"]))
        return owner is not None and bool(owner.get("DependantInfo"))
    return False


def finds_addresses(client: AimClient) -> bool:
    """Whether ShippingAddressLookup shows an address of any customer that is listed.

    Args:
        client: Calls the shop's server.
    """
    resource = client.resources["shipping_addresses"]
    accounts = (str(row["Acct"]) for row in some(client, "customers", _SAMPLE) if row.get("Acct"))
    return any(search(client, resource, {"Acct": acct}) for acct in accounts)


def _matches(client: AimClient, body: Body) -> t.Iterator[list[Body] | None]:
    """What MatchCustomer shows for a customer, question by question.

    How AIM combines its filters is not documented. The first question shows the customer if one of
    them is enough, and one of the others if all have to fit and the shop has changed a value.
    """
    matches = dataclasses.replace(
        client.resources["customers"],
        path="MatchCustomer",
        list_name="PossibleMatches",
        params={"IncludeNameOnlyMatches": "true"},
        paging=None,
        documented=True,
    )
    asked = {name: str(body[name]) for name in ("Name", *_TELLING) if is_given(body.get(name))}
    yield search(client, matches, asked)
    if len(asked) > 1:
        for name in ("Email", "Name"):
            if name in asked:
                yield search(client, matches, {name: asked[name]})


def _customer_of(answer: Body, acct: str) -> Body | None:
    """The customer in an answer of CustomerInfo, if it is the one that was asked for."""
    found = answer.get("Customer")
    if not isinstance(found, dict) or not found:
        return None
    return found if str(found.get("Acct", acct)) == acct else None


def _has(rows: list[Body] | None, name: str, value: object) -> bool:
    return any(str(row.get(name)) == str(value) for row in rows or ())
