"""Finds the list of records in an answer that is no bare list."""

from __future__ import annotations

import re
import typing as t

from erp_vendors.elements import unwrapped
from erp_vendors.errors import DataError
from erp_vendors.http import codec

_USUAL = ("data", "rows", "items", "results", "records", "value", "values", "list")
_FAULT = re.compile(r"err|fault|warn|messag|exception|valid|problem|detail", re.IGNORECASE)
_VERDICTS = ("success", "succeeded", "ok", "issuccess")


def rows_in(answer: object, known: t.Iterable[str] = (), name: str = "") -> str:
    """Where an answer has its records, as `Resource.rows_in` states it.

    Args:
        answer: The parsed body.
        known: Where other answers have them, or the settings say, best one first.
        name: Name of the resource, as a member may be called.

    Returns:
        The place; empty for a bare list.

    Raises:
        DataError: If there is no list that can be the records, or more than one.
    """
    for place in known:
        if (
            place
            and isinstance(unwrapped(answer, place), list)
            and answer is not unwrapped(answer, place)
        ):
            return place
    if isinstance(answer, list):
        return ""
    if not isinstance(answer, dict):
        msg = f"{codec.kind_of(answer)} holds no records"
        raise DataError(msg)
    if _says_no(answer):
        msg = "an answer that says of itself that it is no success"
        raise DataError(msg)
    places = dict(_lists(answer))
    filled = [place for place, rows in places.items() if rows]
    if len(filled) == 1:
        return filled[0]
    usual = (*_USUAL, name.lower())
    likely = [place for place in filled or places if place.rpartition(".")[2].lower() in usual]
    if len(likely) == 1:
        return likely[0]
    names = ", ".join(places) or "none"
    msg = f"an object in which no list can be told to be the records (lists in it: {names})"
    raise DataError(msg)


def _lists(answer: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, list[t.Any]]]:
    """The lists of objects in an object, and in the objects in it."""
    for name, value in answer.items():
        if "." in name or _FAULT.search(name):
            continue
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            yield name, value
        elif isinstance(value, dict):
            for inner, rows in value.items():
                if (
                    isinstance(rows, list)
                    and "." not in inner
                    and not _FAULT.search(inner)
                    and all(isinstance(item, dict) for item in rows)
                ):
                    yield f"{name}.{inner}", rows


def _says_no(answer: t.Mapping[str, t.Any]) -> bool:
    return any(value is False and name.lower() in _VERDICTS for name, value in answer.items())
