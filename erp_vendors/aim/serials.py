"""Serial numbers of one inventory record (aim.md 7.2, 7.4)."""

from __future__ import annotations

import typing as t

from erp_vendors.aim.answers import UnknownRecordError, without_envelope

if t.TYPE_CHECKING:
    from erp_vendors.aim.answers import Body

Ask = t.Callable[[str, t.Mapping[str, str]], "Body"]
"""Calls a read operation (its name empty: the resource's own) with request members."""


def read_serials(ask: Ask, key: str) -> list[Body]:
    """Read the serials of an inventory record.

    How to list them is not documented. The record's details name them where the server includes
    serial info; where they do not, its key may be a serial's itself, unless what comes back says
    that it belongs to another record.

    Args:
        ask: Calls a read operation.
        key: Key of the inventory record.

    Returns:
        Their details.

    Raises:
        ErpError: If a call fails.
    """
    details = ask(
        "InventoryDetail",
        {"Pk": key, "PkType": "SAD", "IncludeSerialInfo": "true", "SkipImages": "true"},
    )
    found = dict.fromkeys(_serial_keys(details))
    if found:
        return [without_envelope(ask("", {"Pk": serial})) for serial in found]
    try:
        record = without_envelope(ask("", {"Pk": key}))
    except UnknownRecordError:
        return []
    owner = record.get("SadPk")
    named = record.get("SasPk") is not None
    return [record] if named and (owner is None or str(owner) == key) else []


def _serial_keys(value: object) -> t.Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _serial_keys(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "SasPk" and item not in (None, "", 0, "0"):
                yield str(item)
            else:
                yield from _serial_keys(item)
