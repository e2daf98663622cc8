"""CIMcloud's rows by their keys: the site is asked with searchstrings (cimcloud.md 4.2)."""

from __future__ import annotations

import typing as t

from erp_vendors.cimcloud.search import exact
from erp_vendors.errors import DataError
from target_erp.delivery.model import ABSENT, UNSEEN, Look, Sight
from target_erp.writers.keys import Keys

if t.TYPE_CHECKING:
    from erp_vendors.cimcloud import CimcloudClient, CimcloudResource
    from target_erp.delivery import Write
    from target_erp.delivery.model import Body


class Rows:
    """Looks for the rows of one table.

    A search by a column that no document names may be ignored, or find nothing because there is no
    such column; so it proves an absence only if it finds a row that is listed.
    """

    def __init__(
        self, client: CimcloudClient, resource: CimcloudResource, keys: Keys, *, unique: bool
    ) -> None:
        """Nothing is asked yet.

        Args:
            client: The site.
            resource: The table.
            keys: What identifies its rows.
            unique: The site takes the keys for such.
        """
        self._client = client
        self._resource = resource
        self._keys = keys
        self._unique = unique
        self._unseen: tuple[str, ...] = ()

    def look(self, write: Write) -> Look:
        """Look for a row by each of its keys, the best one first.

        Args:
            write: The row.

        Raises:
            ValueError: If a value cannot be searched for.
            ErpError: If the site cannot be asked.
        """
        look, known = ABSENT, dict[str, str]()
        for key, value in write.key:
            names = tuple(key.split(","))
            values = [value] if len(names) == 1 else [str(write.record.get(n, "")) for n in names]
            one = self.search(names, values, value, write.body, but=known)
            if one.sight in {Sight.FOUND, Sight.UNTOLD}:
                return one
            if one is UNSEEN:
                look, self._unseen = UNSEEN, names
            known.update(zip(names, values, strict=True))
        return look

    def control(self) -> bool:
        """Whether a row that is listed is found by the key that last showed nothing."""
        names = self._unseen or next(iter(self._keys.alternatives))
        try:
            for row in self._client.page(self._resource):
                for _, key in Keys(names).of(row):
                    values = [str(row[name]) for name in names]
                    return self.search(names, values, key, {}).sight is Sight.FOUND
        except (DataError, ValueError):
            return False
        return False

    def search(
        self,
        names: tuple[str, ...],
        values: list[str],
        key: str,
        body: Body,
        *,
        but: t.Mapping[str, str] | None = None,
    ) -> Look:
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
                mine = [row for row in page if _same(row.get(names[0]), values[0])]
                found += [
                    row for row in mine if _is(row, names, values) and not _is_other(row, but)
                ]
                if len(mine) < len(page) and not found:
                    # An ignored searchstring shows other rows, and an absence proves nothing then.
                    where = self._resource.path
                    return Look.untold(
                        f"cimcloud: a search for {names[0]} in {where} shows other rows"
                    )
        except DataError as error:
            return Look.untold(str(error))
        if len(found) > 1 and not self._unique:
            return Look.untold(f"cimcloud: {len(found)} rows have the {','.join(names)} {key}")
        if found:
            alike = (row for row in found if all(row.get(n) == v for n, v in body.items()))
            return Look.found(key, next(alike, found[0]))
        return ABSENT if set(names) <= set(self._resource.documented_keys) else UNSEEN


def _is(row: Body, names: t.Iterable[str], values: t.Iterable[str]) -> bool:
    return all(_same(row.get(name), wanted) for name, wanted in zip(names, values, strict=True))


def _is_other(row: Body, known: t.Mapping[str, str] | None) -> bool:
    """Whether a row has other values for keys that are better than what it was found by."""
    return any(
        row.get(name) not in (None, "") and not _same(row[name], value)
        for name, value in (known or {}).items()
    )


def _same(found: object, wanted: str) -> bool:
    # The usual collation of such a site's database takes no notice of case.
    return found is not None and str(found).strip().casefold() == wanted.strip().casefold()
