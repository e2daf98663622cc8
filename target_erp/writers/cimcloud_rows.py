"""CIMcloud's rows by their keys: the site is asked with searchstrings (cimcloud.md 4.2)."""

from __future__ import annotations

import typing as t

from erp_vendors.cimcloud.search import exact
from erp_vendors.errors import DataError
from target_erp.delivery.model import ABSENT, NOT_SHOWN, Finding, LookUpResult
from target_erp.writers.keys import Keys, columns_of

if t.TYPE_CHECKING:
    from erp_vendors.cimcloud import CimcloudClient, CimcloudResource
    from target_erp.delivery import Write
    from target_erp.delivery.model import Body


class CimcloudRows:
    """Looks for the rows of one table.

    A search by a column that no document names may be ignored, or find nothing because there is no
    such column; so it proves an absence only if it finds a row that is listed.
    """

    def __init__(
        self, client: CimcloudClient, resource: CimcloudResource, keys: Keys, *, unique: bool
    ) -> None:
        """Make the look-ups of one resource.

        Args:
            client: The site.
            resource: The table.
            keys: What identifies its rows.
            unique: The site takes the keys for such.
        """
        self._client = client
        self._resource = resource
        self._keys = keys
        self.unique = unique
        self._not_shown_by: dict[tuple[str, ...], None] = {}

    def look(self, write: Write) -> LookUpResult:
        """Look for a row by each of its keys, the best one first.

        Args:
            write: The row.

        Raises:
            ValueError: If a value cannot be searched for.
            ErpError: If the site cannot be asked.
        """
        look, known = ABSENT, dict[str, str]()
        for key, value in write.key:
            names, values = map(list, zip(*columns_of(write.record, key, value), strict=True))
            one = self.search(tuple(names), values, value, write.body, but=known)
            if one.finding in {Finding.FOUND, Finding.CANNOT_TELL}:
                return one
            if one is NOT_SHOWN:
                look = NOT_SHOWN
                self._not_shown_by[tuple(names)] = None
            known.update(zip(names, values, strict=True))
        return look

    def control(self) -> bool:
        """Whether a row that is listed is found by each key that showed nothing."""
        asked = tuple(self._not_shown_by) or self._keys.alternatives[:1]
        try:
            rows = self._client.page(self._resource)
            return all(self._is_shown(names, rows) for names in asked)
        except (DataError, ValueError):
            return False

    def _is_shown(self, names: tuple[str, ...], rows: t.Iterable[Body]) -> bool:
        """Whether one of the listed rows is found by some of its columns."""
        for row in rows:
            for _, key in Keys(names).of(row):
                values = [str(row[name]) for name in names]
                return self.search(names, values, key, {}).finding is Finding.FOUND
        return False

    def search(
        self,
        names: tuple[str, ...],
        values: list[str],
        key: str,
        body: Body,
        *,
        but: t.Mapping[str, str] | None = None,
    ) -> LookUpResult:
        """Look for the row in which some columns have some values.

        Args:
            names: The columns; the first one is searched for, the others are compared.
            values: Their values.
            key: The same as one text.
            body: What was sent; where several rows have the key, one of this content counts.
            but: Better keys; a row in which they have other values is another one.

        Raises:
            ValueError: If a value cannot be searched for.
            ErpError: If the site cannot be asked.
        """
        found: list[Body] = []
        try:
            for page in self._client.pages(self._resource, exact(names[0], values[0])):
                mine = [row for row in page if same(row.get(names[0]), values[0])]
                found += [
                    row for row in mine if is_row(row, names, values) and not is_other(row, but)
                ]
                if len(mine) < len(page) and not found:
                    # An ignored searchstring shows other rows, and an absence proves nothing then.
                    where = self._resource.path
                    return LookUpResult.cannot_tell(
                        f"cimcloud: a search for {names[0]} in {where} shows other rows"
                    )
        except DataError as error:
            return LookUpResult.cannot_tell(str(error))
        if len(found) > 1 and not self.unique:
            return LookUpResult.cannot_tell(
                f"cimcloud: {len(found)} rows have the {','.join(names)} {key}"
            )
        if found:
            alike = (row for row in found if all(row.get(n) == v for n, v in body.items()))
            return LookUpResult.found(key, next(alike, found[0]))
        return self.nothing(names, note=False)

    def nothing(self, names: tuple[str, ...], *, note: bool = True) -> LookUpResult:
        """The result of a search that has shown no row.

        Args:
            names: The columns of the key.
            note: Let `control` prove that a search by them finds rows.
        """
        if set(names) <= set(self._resource.documented_keys):
            return ABSENT
        if note:
            self._not_shown_by[names] = None
        return NOT_SHOWN


def is_row(row: Body, names: t.Iterable[str], values: t.Iterable[str]) -> bool:
    """Whether some columns of a row have some values.

    Args:
        row: The row.
        names: The columns.
        values: Their values.
    """
    return all(same(row.get(name), wanted) for name, wanted in zip(names, values, strict=True))


def is_other(row: Body, known: t.Mapping[str, str] | None) -> bool:
    """Whether a row has other values for keys that are better than what it was found by.

    Args:
        row: The row.
        known: The better keys.
    """
    return any(
        row.get(name) not in (None, "") and not same(row[name], value)
        for name, value in (known or {}).items()
    )


def same(found: object, wanted: str) -> bool:
    """Whether a column has a value.

    Args:
        found: What the row shows.
        wanted: The value.
    """
    # The usual collation of such a site's database takes no notice of case.
    return found is not None and str(found).strip().casefold() == wanted.strip().casefold()
