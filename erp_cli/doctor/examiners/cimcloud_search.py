"""Finds out how a CIMcloud site searches by date (cimcloud.md 4.2, 4.3)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import typing as t

from erp_cli.doctor.columns import stamp_columns, unique_columns
from erp_vendors.cimcloud.search import changed_since, exact
from erp_vendors.cimcloud.settings import PAGE_ROWS
from erp_vendors.errors import CallError, CredentialsError, MissingResourceError
from erp_vendors.settings import NONE
from erp_vendors.stamps import AHEAD_OF_UTC, from_iso, to_iso, utc_now

if t.TYPE_CHECKING:
    from erp_cli.doctor.examiner import Examiner, ResourceSample, Row
    from erp_vendors.assumption import Verdict
    from erp_vendors.cimcloud import CimcloudClient

US = "M/D/YYYY"
FORMS = (US, "M%2FD%2FYYYY", "YYYY-MM-DD")
"""The documented form of dates, and those that the sheet names besides (4.3)."""
_FORMS_DEEP = ("MM/DD/YYYY", "YYYYMMDD", "YYYY-MM-DDTHH:mm:ss")
REFUSED = (CallError, MissingResourceError, CredentialsError)
"""What may come of a path that the site does not understand."""
_DAY = dt.timedelta(days=1)
_ZONES = 2 * _DAY
"""Stamps may be shown in another zone than they are searched in."""


class _SearchOutcome(enum.Enum):
    WORKS = "works"
    REFUSED = "is refused"
    NOTHING = "finds nothing, without an error"
    EVERYTHING = "finds rows that are older, without an error"
    PARTIAL = "does not find all rows, without an error"


@dataclasses.dataclass(frozen=True, slots=True)
class _TableGround:
    """A table to search in.

    Attributes:
        sample: Its first page.
        column: Its change stamp.
        day: A day that parts the page: some rows are older by more than zones can explain.
        parts: It does; if it does not, it is the newest day.
        key: A column that is unique in the page; empty if there is none.
    """

    sample: ResourceSample
    column: str
    day: dt.datetime
    parts: bool
    key: str


class SearchProbe:
    """Searches one table.

    Attributes:
        sample: Its sample; None if no table has rows with stamps.
    """

    def __init__(
        self,
        examiner: Examiner[CimcloudClient],
        ask: t.Callable[[ResourceSample, str], list[Row]],
        samples: t.Sequence[ResourceSample],
    ) -> None:
        """Nothing is called yet.

        Args:
            examiner: Says what is found.
            ask: Gives the rows that a table answers to a searchstring.
            samples: Samples with rows, the best known table first.
        """
        self._examiner = examiner
        self._ask = ask
        grounds = [ground for sample in samples if (ground := _ground(sample))]
        self._ground = next((one for one in grounds if one.parts), next(iter(grounds), None))
        self.sample = self._ground.sample if self._ground else None

    def findings(self) -> t.Iterator[Verdict]:
        """Search, with as few calls as the site permits."""
        examiner, ground = self._examiner, self._ground
        if ground is None:
            yield examiner.untold("date_literal", "no table has rows with stamps")
            return
        configured = examiner.client.block.get("date_format")
        deep = _FORMS_DEEP if examiner.deep else ()
        outcomes: dict[str, _SearchOutcome] = {}
        working, found = "", list[t.Any]()
        for form in dict.fromkeys((*filter(None, [configured]), *FORMS, *deep)):
            outcomes[form], found = self._try(ground, form)
            if outcomes[form] is _SearchOutcome.WORKS:
                working = form
                break
        yield self._literal_finding(ground, configured, working, outcomes)
        yield self._misread_finding(configured, working, outcomes)
        yield from self._page_findings(ground, working, found)
        if ground.key:
            yield self._bound_finding(ground)

    def _literal_finding(
        self,
        ground: _TableGround,
        configured: str,
        working: str,
        outcomes: dict[str, _SearchOutcome],
    ) -> Verdict:
        said = "; ".join(f"{form} {outcome.value}" for form, outcome in outcomes.items())
        name = ground.sample.resource.name
        if working == configured:
            return self._examiner.holds("date_literal", said, name)
        settings = {"date_format": working or NONE}
        return self._examiner.differs("date_literal", said, name, settings=settings)

    def _misread_finding(
        self, configured: str, working: str, outcomes: dict[str, _SearchOutcome]
    ) -> Verdict:
        others = {form: one for form, one in outcomes.items() if one is not _SearchOutcome.WORKS}
        silent = [
            f"{form} {one.value}"
            for form, one in others.items()
            if one is not _SearchOutcome.REFUSED
        ]
        if silent:
            return self._examiner.differs("misread_date", "; ".join(silent))
        if others:
            return self._examiner.holds("misread_date", f"{next(iter(others))} is refused")
        why = f"{working or configured} works, so that no date was misread"
        return self._examiner.untold("misread_date", why)

    def _page_findings(
        self, ground: _TableGround, working: str, found: list[Row]
    ) -> t.Iterator[Verdict]:
        examiner, sample = self._examiner, ground.sample
        if working:
            search = changed_since(ground.column, ground.day, working)
            try:
                again = self._ask(sample, f"{search}/1")
            except REFUSED as error:
                seen = f"refused ({_short(error)}); with more than one page of changes, the whole "
                seen += "table is read"
            else:
                if again == found and self._turns(sample, search, found):
                    yield examiner.holds("date_page", "a date and /1 give the same page")
                    yield examiner.holds("search_page", "a searchstring and /1 give the same page")
                    return
                seen = (
                    "passed over: a date and /2 give the first page again"
                    if again == found
                    else "misread: a date and /1 give other rows than the date alone"
                )
            yield examiner.differs("date_page", seen)
        value = _searchable(sample.rows, ground.key)
        if value is None:
            return
        search = exact(ground.key, value)
        try:
            rows = self._ask(sample, f"{search}/1")
        except REFUSED as error:
            yield examiner.differs("search_page", f"refused ({_short(error)})")
        else:
            if any(row.get(ground.key) == value for row in rows):
                yield examiner.holds("search_page", "a searchstring and /1 find their row")
            else:
                yield examiner.untold("search_page", "a searchstring and /1 do not find their row")

    def _turns(self, sample: ResourceSample, search: str, first: list[Row]) -> bool:
        """Whether the second page behind a full first one is another."""
        if len(first) < PAGE_ROWS:
            return True
        try:
            return self._ask(sample, f"{search}/2") != first
        except REFUSED:
            return True  # what is past the end may be refused

    def _bound_finding(self, ground: _TableGround) -> Verdict:
        examiner, key, sample = self._examiner, ground.key, ground.sample
        value = _searchable(sample.rows, key)
        if value is None:
            return examiner.untold("search_bound", "no key can stand in a searchstring")
        same = exact(key, value)
        least = same.replace("searchexact", "searchgreatherthanequal", 1)
        try:
            rows = self._ask(sample, f"({least})|and|({same})")
            if rows and all(row.get(key) == value for row in rows):
                return examiner.holds("search_bound", f"{key} >= {value} finds its own row")
            if not rows and any(row.get(key) == value for row in self._ask(sample, same)):
                seen = f"{key} >= {value} does not find its own row"
                return examiner.differs("search_bound", f"{seen}; a day more is read where needed")
        except REFUSED as error:
            return examiner.untold("search_bound", f"refused: {_short(error)}")
        return examiner.untold("search_bound", "what is found cannot be explained")

    def _try(self, ground: _TableGround, form: str) -> tuple[_SearchOutcome, list[Row]]:
        """Search with one form of dates; where no day parts the page, with two days."""
        sample = ground.sample
        try:
            rows = self._ask(sample, changed_since(ground.column, ground.day, form))
            if not rows:
                return _SearchOutcome.NOTHING, rows
            if not ground.parts:
                later = dt.datetime(utc_now().year + 1, 12, 31)  # noqa: DTZ001 - of any zone
                if self._ask(sample, changed_since(ground.column, later, form)):
                    return _SearchOutcome.EVERYTHING, rows
                return _SearchOutcome.WORKS, rows
        except REFUSED as error:
            if isinstance(error, CallError) and error.status is None:
                raise
            return _SearchOutcome.REFUSED, []
        return _judged(ground, rows), rows


def _judged(ground: _TableGround, rows: list[Row]) -> _SearchOutcome:
    """Hold what was found against the first page, which has older rows and newer ones."""
    if any(moment < ground.day - _DAY for moment in _moments(rows, ground.column)):
        return _SearchOutcome.EVERYTHING
    if ground.key and len(rows) < PAGE_ROWS:
        there = {row.get(ground.key) for row in rows}
        for row in ground.sample.rows:
            late = any(one >= ground.day + _DAY for one in _moments([row], ground.column))
            if late and row.get(ground.key) not in there:
                return _SearchOutcome.PARTIAL
    return _SearchOutcome.WORKS


def site_moment(stamps: t.Iterable[str], clock_ahead: float) -> dt.timedelta | None:
    """How far the newest stamp lies ahead of the vendor's own clock; negative if it is past.

    Args:
        stamps: Stamps, as they came.
        clock_ahead: Seconds by which that clock is ahead of this machine's.

    Returns:
        None if no stamp can be read. One that no zone can explain does not count.
    """
    now = utc_now() + dt.timedelta(seconds=clock_ahead)
    moments = [from_iso(text) for stamp in stamps if (text := to_iso(stamp))]
    possible = [moment for moment in moments if moment <= now + AHEAD_OF_UTC + _DAY / 24]
    return max(possible) - now if possible else None


def _ground(sample: ResourceSample) -> _TableGround | None:
    column = sample.resource.replication_key or ""
    if not any(row.get(column) is not None for row in sample.rows):
        column = next((one.column for one in stamp_columns(sample.rows) if one.named_so), "")
    moments = _moments(sample.rows, column)
    if not column or not moments:
        return None
    days = sorted({dt.datetime.combine(moment, dt.time()) for moment in moments})
    keys = [name for name in unique_columns(sample.rows) if _searchable(sample.rows, name)]
    key = keys[0] if keys else ""
    parting = [day for day in days if day - days[0] >= _ZONES]
    if not parting:
        return _TableGround(sample, column, days[-1], parts=False, key=key)
    middle = parting[len(parting) // 2]
    # Of a day above the 12th, nobody can take the day for the month.
    day = min(parting, key=lambda one: (one.day <= 12, abs(one - middle)))  # noqa: PLR2004
    return _TableGround(sample, column, day, parts=True, key=key)


def _moments(rows: t.Iterable[Row], column: str) -> list[dt.datetime]:
    return [from_iso(text) for row in rows if (text := to_iso(row.get(column)))]


def _searchable(rows: t.Sequence[Row], key: str) -> str | None:
    """A value of a column that needs no escape in a searchstring."""
    values = (row.get(key) for row in rows)
    return next((v for v in values if isinstance(v, str) and v.isascii() and v.isalnum()), None)


def _short(error: Exception) -> str:
    return str(error).partition(": ")[2][:100] or str(error)[:100]
