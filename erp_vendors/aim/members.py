"""Members of AIM's requests and answers: how values are written and read (aim.md 3.1)."""

from __future__ import annotations

import typing as t

from erp_vendors.elements import NoRecord

if t.TYPE_CHECKING:
    from erp_vendors.aim.resources import AimResource

_NO_DATE = "0001-01-01"


def operation_of(path: str) -> str:
    """The operation that a path names, with or without `/api` before it.

    Args:
        path: Such as `GetLocations` or `/api/GetLocations`.
    """
    parts = path.strip("/").split("/")
    return "/".join(parts[1:] if len(parts) > 1 and parts[0].lower() == "api" else parts)


def as_members(query: t.Mapping[str, t.Any] | None) -> dict[str, str]:
    """Request members as they stand in a URL.

    Args:
        query: Values by name; None is left out.
    """
    return {name: as_text(value) for name, value in (query or {}).items() if value is not None}


def as_text(value: object) -> str:
    """A value as it stands in a URL: true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def without_empty_dates(value: t.Any) -> t.Any:  # noqa: ANN401 - any JSON
    """A copy of an answer in which the dates that mean "no date" are null (aim.md 3.1).

    Args:
        value: The answer, or a part of it.
    """
    if isinstance(value, str):
        return None if value.startswith(_NO_DATE) and not value[10:].strip("T :0.Z") else value
    if isinstance(value, dict):
        return {name: without_empty_dates(item) for name, item in value.items()}
    return [without_empty_dates(item) for item in value] if isinstance(value, list) else value


def complete(resource: AimResource, record: dict[str, t.Any], members: t.Mapping[str, str]) -> None:
    """Fill the parts of the key that the vendor leaves out.

    Args:
        resource: The resource.
        record: One of its records.
        members: Request members that it was asked for with.
    """
    if isinstance(record, NoRecord):
        return
    for name, value in resource.blanks.items():
        if record.get(name) is None:
            record[name] = value
    if resource.tag and record.get(resource.tag) is None:
        record[resource.tag] = members[resource.tag]
