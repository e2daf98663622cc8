"""Serial numbers of one inventory record (aim.md 7.2, 7.4)."""

from __future__ import annotations

import typing as t

from erp_vendors.aim.answers import UnknownRecordError, without_envelope

if t.TYPE_CHECKING:
    from erp_vendors.aim.answers import Body

Ask = t.Callable[[str, t.Mapping[str, str]], "Body"]
"""Calls the operation of a resource with request members, in addition to the resource's own."""

_DETAILS = "inventory_details"
_SERIALS = "serials"
_OF_VARIANT = {"SkuPk": "SkuPk", "Sku": "SKU"}
"""Members of a variant, and what SerialDetail calls them (8.1, 10)."""


def shown_serials(ask: Ask, key: str) -> list[Body]:
    """The serials that the details of an inventory record show, with one call.

    The details have them where they are asked to include serial info (8.1, DOC). Where in the
    answer they stand is not public: the page is cut, so any object with a SasPk is one.

    Args:
        ask: See `Ask`.
        key: Key of the inventory record.

    Returns:
        What SerialDetail would answer, but for the quantity row and the location.

    Raises:
        ErpError: If the call fails.
    """
    return serials_in(ask(_DETAILS, {"Pk": key, "SkipImages": "true"}))


def serials_in(details: Body) -> list[Body]:
    """The serials in an answer of InventoryDetail, as the records of their stream.

    Args:
        details: The answer, which was asked to include serial info.
    """
    item = {name: details[name] for name in ("SadPk", "Model") if name in details}
    return list({str(row["SasPk"]): {**item, **row} for row in _serials(details, {})}.values())


def detailed_serials(ask: Ask, key: str) -> list[Body]:
    """The serials of an inventory record with all that SerialDetail says, one call for each.

    Where the record's details name none, its key may be a serial's itself, unless what comes back
    says that it belongs to another record (7.4, INF).

    Args:
        ask: See `Ask`.
        key: Key of the inventory record.

    Returns:
        Their details.

    Raises:
        ErpError: If a call fails.
    """
    found = [str(row["SasPk"]) for row in shown_serials(ask, key)]
    if found:
        return [without_envelope(ask(_SERIALS, {"Pk": serial})) for serial in found]
    try:
        record = without_envelope(ask(_SERIALS, {"Pk": key}))
    except UnknownRecordError:
        return []
    owner = record.get("SadPk")
    named = record.get("SasPk") is not None
    return [record] if named and (owner is None or str(owner) == key) else []


def _serials(value: object, variant: Body) -> t.Iterator[Body]:
    """The objects that are serials, each with what its variant says of it."""
    if isinstance(value, list):
        for item in value:
            yield from _serials(item, variant)
    elif isinstance(value, dict):
        if value.get("SasPk") not in (None, "", 0, "0"):
            names = {name: value[name] for name in ("SasPk", "Serial") if name in value}
            yield {**names, **variant, "Details": value}
            return
        own = {to: value[name] for name, to in _OF_VARIANT.items() if name in value}
        for item in value.values():
            yield from _serials(item, own or variant)
