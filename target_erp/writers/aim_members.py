"""Members of AIM's requests as a sink makes them from records."""

from __future__ import annotations

import decimal
import typing as t

from erp_vendors import schemas
from target_erp.delivery.documented import Documented
from target_erp.delivery.model import one_text

if t.TYPE_CHECKING:
    from erp_vendors.aim.operations import AimWriteSpec
    from erp_vendors.resource import Resource
    from erp_vendors.schemas import Schema
    from target_erp.delivery.model import Body


def documented_of(sink: AimWriteSpec, schema: Schema, resource: Resource | None) -> Documented:
    """What AIM's documents know of a sink's records.

    Args:
        sink: How its records are written.
        schema: JSON schema of a body.
        resource: What is read of the same name, or what the settings say; None if there is none.
    """
    makes = sink.making
    return Documented(
        schema,
        resource.schema if resource else None,
        (schemas.load("aim", sink.name),),
        sink.members,
        sink.names,
        keys=sink.keys,
        needs=makes.needs,
        references={makes.customer: ("aim_customers", "Acct")} if makes.customer else {},
    )


def joined(names: t.Sequence[str], record: t.Mapping[str, t.Any]) -> tuple[str, str] | None:
    """A key of several members: names and values with commas between them.

    Args:
        names: The members.
        record: The record.

    Returns:
        The key; None if a member is missing, empty, or no text or number.
    """
    values = [record.get(name) for name in names]
    if not names or any(value in (None, "") or isinstance(value, (dict, list)) for value in values):
        return None
    return ",".join(names), one_text(values)


def as_number(value: t.Any, schema: Schema) -> t.Any:  # noqa: ANN401
    """A number that is given as text: in a URL there is no difference.

    Args:
        value: The member's value; what is no such text stays as it is.
        schema: JSON schema of the member.
    """
    kinds = schema.get("type", ())
    if isinstance(value, str) and "string" not in kinds and {"integer", "number"} & set(kinds):
        try:
            number = decimal.Decimal(value)
        except decimal.InvalidOperation:
            return value
        return number if number.is_finite() else value
    return value


def renamed(record: t.Mapping[str, t.Any], names: t.Mapping[str, str]) -> Body:
    """A record with the names that are used for writing; those win where both are there.

    Args:
        record: The record.
        names: See `AimWriteSpec.names`.
    """
    body = {
        name: value
        for name, value in record.items()
        if name not in names and not any(old.startswith(f"{name}.") for old in names)
    }
    for old, new in names.items():
        value: t.Any = record
        for part in old.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            continue
        *outer, last = new.split(".")
        place = body
        for part in outer:
            inner = place.get(part)
            if inner is not None and not isinstance(inner, dict):
                break  # what is there is wrong, and is refused as it is
            place[part] = dict(inner or {})
            place = place[part]
        else:
            place.setdefault(last, value)
    return body
