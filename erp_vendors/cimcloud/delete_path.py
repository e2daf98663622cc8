"""How the address of a DELETE is made, which no document says (cimcloud.md 6.1, UNK)."""

from __future__ import annotations

import re
import typing as t

from erp_vendors.cimcloud.search import all_of, exact
from erp_vendors.errors import ConfigError

_PLACE = re.compile(r"\{([^{}]*)\}")
_OF_ONE = frozenset({"value", "column"})
_OF_ANY = frozenset({"values", "search"})


class DeletePath:
    """The setting `delete_path`, read."""

    def __init__(self, template: str) -> None:
        """Read the setting.

        Args:
            template: The setting.

        Raises:
            ConfigError: If it has a place that nothing can fill, or none for the row's key: such an
                address would be that of the whole table.
        """
        self._template = template.lstrip("/")
        found = {place.partition(":")[0] for place in _PLACE.findall(template)}
        if unknown := sorted(found - _OF_ONE - _OF_ANY - {"path"}):
            msg = (
                f"setting 'cimcloud.delete_path': nothing is known to fill {{{unknown[0]}}} with; "
                "it takes {path}, {value}, {column}, {values}, {values:SEPARATOR} and {search}"
            )
            raise ConfigError(msg)
        if not found & {"value", "values", "search"}:
            msg = (
                "setting 'cimcloud.delete_path' must say where the row's key stands: {value}, "
                "{values} or {search}"
            )
            raise ConfigError(msg)
        self._of_one = bool(found & _OF_ONE)

    def takes(self, columns: int) -> bool:
        """Whether the address can name a row by so many columns.

        Args:
            columns: Number of columns of its key.
        """
        return columns == 1 or not self._of_one

    def filled(self, path: str, key: t.Sequence[tuple[str, str]]) -> str:
        """The address of a row, after the site name.

        Args:
            path: Where the resource is read.
            key: Columns that identify the row together, and their values; see `takes`.

        Raises:
            ValueError: If a value cannot stand in a searchstring.
        """
        terms = [exact(column, value) for column, value in key]
        parts = [term.split("~") for term in terms]

        def fill(place: re.Match[str]) -> str:
            name, colon, separator = place[1].partition(":")
            if name == "values":
                return (separator if colon else "/").join(value for _, _, value in parts)
            one = {"column": parts[0][1], "value": parts[0][2]}
            return {"path": path, "search": all_of(terms), **one}[name]

        return _PLACE.sub(fill, self._template)
