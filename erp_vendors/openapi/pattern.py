"""How a vendor's OpenAPI file is to be read; each vendor's settings carry their own pattern."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How a vendor's paths and answers are built.

    Attributes:
        prefix: Start of a path that is no part of a resource's path. A `{name}` in it stands for
            any `{parameter}`, or for the value of that setting.
        detail_rows: The list is an index; its rows have the schema of the single GET.
        wrappers: Properties in which an answer that is an object holds its rows.
        open_end: Parameters at the end of a list's path belong to the list (search, page).
        children: A list below one record of another list can be read.
        keys: Properties that may identify the rows of a resource that only the file has; the first
            one that the rows have is used. `{entity}` stands for the last segment of the path.
        stamps: Properties that may say when such a row has changed, in the same form.
        lists: What counts as a list, in words for the documentation.
    """

    prefix: str = ""
    detail_rows: bool = False
    wrappers: tuple[str, ...] = ()
    open_end: bool = False
    children: bool = False
    keys: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    lists: str = "a bare array"
