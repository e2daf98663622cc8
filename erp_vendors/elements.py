"""What the lists of vendors hold beside records."""

from __future__ import annotations

import typing as t

from erp_vendors.errors import DataError
from erp_vendors.http import codec

Row = dict[str, t.Any]


class NoRecord(Row):
    """An element of a list of records that is no object.

    It keeps its place, because offsets and sizes of pages count it. It has no property that a
    record could have, and so neither a key nor a stamp.

    Attributes:
        fault: One line that says what it is, and where it was.
    """

    def __init__(self, element: object, fault: str) -> None:
        super().__init__({"": element})
        self.fault = fault


def unwrapped(answer: object, rows_in: str) -> object:
    """What stands where the settings say that an answer has its records.

    Nothing is guessed: an error may hold a list, too.

    Args:
        answer: The parsed body; a list is left as it is.
        rows_in: See `Resource.rows_in`.

    Returns:
        What is there; the answer itself if nothing is.
    """
    found = answer
    for name in rows_in.split(".") if rows_in else ():
        if not isinstance(found, dict) or name not in found:
            return answer
        found = found[name]
    return found


def records_of(elements: object, where: str, hint: str = "") -> list[Row]:
    """The elements of a list; each that is no object is a `NoRecord`.

    Args:
        elements: What should be a list of objects; changed in place.
        where: Whence it came, for messages.
        hint: What to do if it is an object instead, for the message.

    Raises:
        DataError: If it is no list, or if nothing in it is an object: then it is not its elements
            that are at fault.
    """
    if isinstance(elements, list):
        bad = [place for place, element in enumerate(elements) if not isinstance(element, dict)]
        for place in bad:
            kind = codec.kind_of(elements[place])
            fault = f"element {place} of the list at {where} is {kind}, not an object"
            elements[place] = NoRecord(elements[place], fault)
        if not bad or len(bad) < len(elements):
            return elements
    msg = f"{where} answered with something else than a list of objects"
    raise DataError(f"{msg}; {hint}" if hint and isinstance(elements, dict) else msg)


def check_whole(rows: t.Iterable[Row]) -> None:
    """Check that a list holds nothing but records, where what it lacks counts as absent.

    Raises:
        DataError: If it does.
    """
    for row in rows:
        if isinstance(row, NoRecord):
            raise DataError(row.fault)
