"""Several of CIMcloud's rows with one search, as long as an address may be (cimcloud.md 4.2)."""

from __future__ import annotations

import logging
import typing as t

from erp_vendors.cimcloud.search import any_of, exact
from erp_vendors.errors import CallError, DataError, MissingResourceError
from target_erp.delivery import RefusedError
from target_erp.delivery.model import ABSENT, NOT_SHOWN, Finding, LookUpResult, one_text
from target_erp.writers.cimcloud_rows import is_other, is_row, same
from target_erp.writers.keys import beside_match

if t.TYPE_CHECKING:
    from erp_vendors.cimcloud import CimcloudClient, CimcloudResource
    from erp_vendors.settings import Block
    from target_erp.delivery import Write
    from target_erp.delivery.model import Body
    from target_erp.writers.cimcloud_rows import CimcloudRows

    Look = LookUpResult | RefusedError

logger = logging.getLogger("target-erp.cimcloud")

_TOO_LONG = frozenset({400, 404, 414})
"""What a server may answer to an address that is too long for it."""
_KEYS = 2
"""Keys of a record that are asked for at most, the best ones."""
_LISTED = 5


class _Asked(t.NamedTuple):
    """One row that is looked for.

    Attributes:
        place: Its place among the records.
        names: Columns of the key; the first one is searched for, the others are compared.
        values: Their values.
        term: The searchstring.
    """

    place: int
    names: tuple[str, ...]
    values: list[str]
    term: str


class CimcloudManyRows:
    """Looks for the rows of one table, right before they are written."""

    def __init__(
        self, client: CimcloudClient, resource: CimcloudResource, rows: CimcloudRows, block: Block
    ) -> None:
        """Make the look-ups of one resource.

        Args:
            client: The site.
            resource: The table.
            rows: Its look-ups of single rows, which decide what an absence proves.
            block: The settings.
        """
        self._client = client
        self._resource = resource
        self._single = rows
        self._length: int = block.get("search_length")

    def look(self, writes: t.Sequence[Write], match_on: tuple[str, ...]) -> list[Look]:
        """Look for rows by their keys: at most two searches a row, and fewer for many.

        Args:
            writes: The rows.
            match_on: The business key of the sync, which comes first then.

        Raises:
            ErpError: If the site cannot be asked.
        """
        looks: list[Look] = [ABSENT] * len(writes)
        open_ = list(range(len(writes)))
        for turn in range(_KEYS):
            asked = []
            for place in open_:
                try:
                    asked += self._asked(place, writes[place], turn)
                except ValueError as error:
                    looks[place] = LookUpResult.cannot_tell(str(error))
            if not asked:
                break
            found = self._search(asked)
            for one in asked:
                rows, sound = found[one.place]
                look = self._judge(one, writes[one.place], rows, match_on, sound=sound)
                if turn and match_on and isinstance(look, LookUpResult):
                    look = _beside_match(one, look, match_on)
                before = looks[one.place]
                if look is ABSENT and turn and before is not ABSENT:
                    continue
                looks[one.place] = look
            open_ = [
                one.place
                for one in asked
                if looks[one.place] is ABSENT or looks[one.place] is NOT_SHOWN
            ]
        return looks

    def _asked(self, place: int, write: Write, turn: int) -> list[_Asked]:
        if turn >= len(write.key):
            return []
        key, value = write.key[turn]
        names = tuple(key.split(","))
        values = [value] if len(names) == 1 else [str(write.record.get(n, "")) for n in names]
        return [_Asked(place, names, values, exact(names[0], values[0]))]

    def _search(self, asked: list[_Asked]) -> dict[int, tuple[list[Body], bool]]:
        """The rows that each key shows, and whether its search showed no others."""
        found: dict[int, tuple[list[Body], bool]] = {}
        left = list(asked)
        while left:
            some = self._fitting(left)
            try:
                search = _search_for(some)
                rows = [row for page in self._client.pages(self._resource, search) for row in page]
            except (CallError, MissingResourceError) as error:
                status = 404 if isinstance(error, MissingResourceError) else error.status
                if status not in _TOO_LONG or len(some) == 1:
                    raise
                self._halve(some)
                continue
            except DataError:
                rows, sound = [], False
            else:
                sound = all(
                    any(same(row.get(o.names[0]), o.values[0]) for o in some) for row in rows
                )
            for one in some:
                found[one.place] = ([r for r in rows if is_row(r, one.names, one.values)], sound)
            left = left[len(some) :]
        return found

    def _fitting(self, asked: list[_Asked]) -> list[_Asked]:
        """As many keys as one search may hold, at least one."""
        size = 1
        while size < len(asked):
            if len(_search_for(asked[: size + 1])) > self._length:
                break
            size += 1
        return asked[:size]

    def _halve(self, some: list[_Asked]) -> None:
        length = len(_search_for(some))
        self._length = min(self._length, length) // 2
        logger.info(
            "cimcloud_%s: the site did not take a search of %d characters; from now on they have "
            "%d at most (cimcloud.search_length)",
            self._resource.name,
            length,
            self._length,
        )

    def _judge(
        self,
        one: _Asked,
        write: Write,
        rows: list[Body],
        match_on: tuple[str, ...],
        *,
        sound: bool,
    ) -> Look:
        key = ",".join(one.names)
        is_match = bool(match_on) and one.names == match_on
        better = {} if match_on else _better(write, key)
        mine = [row for row in rows if not is_other(row, better)]
        if len(mine) > 1 and (is_match or not self._single.unique):
            shown = ", ".join(self._name(row) for row in mine[:_LISTED])
            more = f" and {len(mine) - _LISTED} more" if len(mine) > _LISTED else ""
            text = f"{len(mine)} rows have the {key} {','.join(one.values)} ({shown}{more})"
            if is_match:
                return RefusedError(f"{text}; name one by a key of its own", reason="ambiguous")
            return LookUpResult.cannot_tell(f"cimcloud: {text}")
        if mine:
            alike = (row for row in mine if all(row.get(n) == v for n, v in write.body.items()))
            return LookUpResult.found(one_text(one.values), next(alike, mine[0]))
        if not sound:
            return LookUpResult.cannot_tell(
                f"cimcloud: a search for {one.names[0]} in {self._resource.path} shows other rows"
            )
        return self._single.nothing(one.names)

    def _name(self, row: Body) -> str:
        own = self._resource.primary_keys
        names = (*self._resource.natural_keys, *own)
        known = [f"{name}={row[name]}" for name in names if row.get(name) not in (None, "")]
        several = len(own) > 1 and not self._resource.natural_keys
        return " ".join(known if several else known[:1]) or "a row without a key"


def _search_for(asked: t.Iterable[_Asked]) -> str:
    """One search for all; rows whose keys begin alike are asked for once."""
    return any_of(list(dict.fromkeys(one.term for one in asked)))


def _better(write: Write, key: str) -> dict[str, str]:
    """The keys of a record that are better than one of them."""
    found: dict[str, str] = {}
    for name, value in write.key:
        if name == key:
            break
        if "," not in name:
            found[name] = value
    return found


def _beside_match(one: _Asked, look: LookUpResult, match_on: tuple[str, ...]) -> Look:
    """What a row means that has another key of the record, but not the key of the sync."""
    if look.finding is not Finding.FOUND:
        return look
    return beside_match(",".join(one.names), ",".join(one.values), match_on)
