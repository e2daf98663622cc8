"""Questions to AIM whose answers have to prove something."""

from __future__ import annotations

import contextlib
import itertools
import typing as t

from erp_vendors.aim.answers import UnknownRecordError, is_cut, is_success, without_envelope
from erp_vendors.errors import DataError

if t.TYPE_CHECKING:
    from erp_vendors.aim.answers import Body
    from erp_vendors.aim.client import AimClient
    from erp_vendors.aim.resources import AimResource, Params


def look_up(client: AimClient, resource: AimResource, members: Params) -> Body | None:
    """Ask for one record, or for those that a filter selects, with one call.

    Args:
        client: Calls the shop's server.
        resource: What is asked for.
        members: Request members; the resource's own go along.

    Returns:
        What a clear answer holds; None if the server says that there is no such record.

    Raises:
        DataError: If the answer is none that proves anything.
        ErpError: If the call fails.
    """
    try:
        answer = client.ask(resource, members)
    except UnknownRecordError as error:
        if not error.certain:
            raise
        return None
    if not is_success(answer):
        msg = f"aim: {resource.path} answered without a clear Status, which proves nothing"
        raise DataError(msg)
    return without_envelope(answer)


def search(client: AimClient, resource: AimResource, members: Params) -> list[Body] | None:
    """The records that some request members select, with one call.

    Args:
        client: Calls the shop's server.
        resource: A listing whose list has a documented name.
        members: Request members; the resource's own go along.

    Returns:
        The records; an empty list if the server says that there are none; None if the answer has
        no list, as null members are left out (aim.md 3.1, INF).

    Raises:
        DataError: If there are more than the answer holds, or it is not a listing.
        ErpError: If the call fails.
    """
    answer = look_up(client, resource, members)
    if answer is None:
        return []
    rows = answer.get(resource.list_name)
    if rows is None:
        return None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = f"aim: {resource.path} answered with something else than a list of objects"
        raise DataError(msg)
    if is_cut(answer, len(rows)):
        msg = f"aim: {resource.path} has more records than its answer holds"
        raise DataError(msg)
    return rows


def some(client: AimClient, name: str, most: int) -> list[Body]:
    """Some records of a listing.

    Args:
        client: Calls the shop's server.
        name: The resource.
        most: Their number at most.
    """
    rows = t.cast(
        "t.Generator[t.Any, None, None]", client.rows(client.resources[name], keep_keys=False)
    )
    with contextlib.closing(rows):
        return [row.record for row in itertools.islice(rows, most)]
