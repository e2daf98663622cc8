"""Finds out how AIMS360 pages, orders and filters its lists (aims360.md 4)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from erp_cli.doctor.columns import stamp_columns
from erp_cli.doctor.examiners.aims360_lists import SIZES
from erp_vendors.aims360 import odata
from erp_vendors.aims360.client import NO_ROW, refuses_query
from erp_vendors.aims360.settings import DATE_ZONES
from erp_vendors.errors import CallError, MissingResourceError
from tap_erp.stamps import from_iso, to_iso

if t.TYPE_CHECKING:
    from erp_cli.doctor.examiner import ResourceSample
    from erp_cli.doctor.examiners.aims360_lists import Aims360Lists
    from erp_vendors.assumption import Verdict

_LARGE = 1000
_FEWEST = 2
_ZONE = dt.timedelta(hours=15)
_WORKS, _REFUSED, _IGNORED = "works", "is refused", "has no effect"


@dataclasses.dataclass(frozen=True, slots=True)
class _ListGround:
    """A list to search in.

    Attributes:
        sample: Its first page.
        column: Its stamp.
        since: A moment that parts the page.
        newest: The newest moment of the page.
    """

    sample: ResourceSample
    column: str
    since: dt.datetime
    newest: dt.datetime


class ListProbe:
    """Asks for further pages of lists whose first pages are known."""

    def __init__(self, examiner: Aims360Lists, lists: t.Sequence[ResourceSample]) -> None:
        """Nothing is called yet.

        Args:
            examiner: Makes the calls.
            lists: Samples with rows.
        """
        self._examiner = examiner
        self._lists = lists

    def size_findings(self) -> t.Iterator[Verdict]:
        """How many records a page has at most (4.1)."""
        examiner = self._examiner
        asked = examiner.client.page_size
        if examiner.size_refused:
            seen = f"{asked} is refused ({examiner.size_refused}), {examiner.size} is not"
            yield examiner.differs("page_over", seen, settings={"page_size": examiner.size})
            yield examiner.differs("page_limit", f"at least {examiner.size}, less than {asked}")
            return
        for sample in self._lists:
            total, rows = examiner.totals.get(sample.resource.name), len(sample.rows)
            if total is None and rows < asked:
                more = examiner.ask_or_none(sample, {"$skip": str(rows)}) if rows in SIZES else None
                total = rows + len(more) if more and more != sample.rows else None
            if total is not None and rows < min(asked, total):
                seen = f"{rows} of {total} records come where {asked} are asked for"
                yield examiner.differs(
                    "page_limit", seen, sample.resource.name, settings={"page_size": rows}
                )
                yield examiner.holds("page_over", "a larger pagesize is cut")
                return
        full = next((sample for sample in self._lists if len(sample.rows) >= asked), None)
        if full is None:
            yield examiner.untold("page_limit", f"no list has more than {asked} records")
            return
        yield examiner.holds("page_limit", f"{asked} records come")
        if examiner.deep:
            more = examiner.ask_or_none(full, {"pagesize": str(_LARGE)})
            if more is None:
                yield examiner.differs("page_over", f"a pagesize of {_LARGE} is refused")
            else:
                yield examiner.holds("page_over", f"{len(more)} records come of {_LARGE}")

    def order_findings(self) -> t.Iterator[Verdict]:
        """Ask for a list the other way round; a GUID's order is none that can be checked."""
        examiner = self._examiner
        option = "$orderby"
        if option in examiner.refused and option not in examiner.taken:
            yield examiner.drop(option, f"refused: {examiner.refused[option]}")
            return
        several = (sample for sample in self._lists if len(sample.rows) >= _FEWEST)
        sample = next((one for one in several if one.resource.primary_keys), None)
        if sample is None or option not in examiner.taken:
            return
        key = sample.resource.primary_keys[0]
        down = examiner.ask_or_none(sample, {option: f"{key} desc"})
        if down is None:
            yield examiner.untold("order_by", f"{key} desc is refused", sample.resource.name)
        elif [odata.pick(row, key) for row in down] == [odata.pick(r, key) for r in sample.rows]:
            seen = "taken, but without effect; rows that move are noticed"
            yield examiner.differs("order_by", seen, sample.resource.name)
        else:
            yield examiner.holds("order_by", f"by {key} in both directions", sample.resource.name)

    def filter_findings(self) -> t.Iterator[Verdict]:
        """Search from a moment in the middle of a page; the page has older records."""
        examiner = self._examiner
        if "$filter" not in examiner.client.query_options:
            return
        grounds = [g for sample in self._lists if (g := _ground(sample))]
        # The filters of jobs and documents are documented apart (3, 8.1), and prove nothing here.
        grounds.sort(
            key=lambda ground: ground.sample.resource.name in {"background_jobs", "documents"}
        )
        if not grounds:
            yield examiner.untold("filter", "no list has records of two moments")
            return
        ground = grounds[0]
        name = ground.sample.resource.name
        configured = examiner.client.block.get("date_zone")
        outcomes = {}
        for zone in dict.fromkeys((configured, *DATE_ZONES)):
            outcomes[zone] = self._search(ground, zone)
            if outcomes[zone] == _WORKS:
                break
            if outcomes[zone] == _IGNORED:
                yield examiner.drop("$filter", "taken, but without effect: older records come, too")
                return
        working = next((zone for zone, outcome in outcomes.items() if outcome == _WORKS), None)
        said = "; ".join(f"{zone}: {outcome}" for zone, outcome in outcomes.items())
        if working is None:
            yield examiner.drop("$filter", f"no form of a date works ({said})")
        else:
            yield examiner.holds(
                "filter", "what has changed since is found, and nothing else", name
            )
            if working == configured:
                yield examiner.holds("date_zone", said, name)
            else:
                yield examiner.differs("date_zone", said, name, settings={"date_zone": working})

    def _search(self, ground: _ListGround, zone: str) -> str:
        until = ground.newest + dt.timedelta(days=1)
        search = odata.between(ground.column, ground.since, until, zone)
        try:
            rows = self._examiner.ask(ground.sample, {"$filter": search})
        except (CallError, MissingResourceError) as error:
            if isinstance(error, CallError) and not refuses_query(error):
                raise
            return _REFUSED
        if not rows:
            return "finds nothing, without an error"
        stamps = [text for row in rows if (text := to_iso(odata.pick(row, ground.column)))]
        older = any(from_iso(text) < ground.since - dt.timedelta(seconds=1) for text in stamps)
        return _IGNORED if older else _WORKS

    def end_findings(self) -> t.Iterator[Verdict]:
        """Ask for what lies past the end of a list (4.1)."""
        examiner = self._examiner
        if not self._lists:
            return
        try:
            rows = examiner.ask(self._lists[0], {"$skip": str(NO_ROW)})
        except (CallError, MissingResourceError) as error:
            status = 404 if isinstance(error, MissingResourceError) else error.status
            known = status == 404  # noqa: PLR2004
            seen = f"HTTP {status}" + (", if it is proven to mean the end" if known else "")
            yield examiner.differs("past_end", seen)
        else:
            if rows:
                yield examiner.differs(
                    "past_end", "records that were there before, which is noticed"
                )
            else:
                yield examiner.holds("past_end", "an empty list")


def _ground(sample: ResourceSample) -> _ListGround | None:
    column = sample.resource.replication_key or ""
    if not any(odata.pick(row, column) is not None for row in sample.rows):
        column = next((one.column for one in stamp_columns(sample.rows) if one.named_so), "")
    texts = (to_iso(odata.pick(row, column)) for row in sample.rows) if column else ()
    moments = sorted({from_iso(text).replace(microsecond=0) for text in texts if text})
    # Where an answer reads a moment in another zone, it must not look older than asked for.
    later = [moment for moment in moments if moment - moments[0] >= _ZONE]
    if not later:
        return None
    return _ListGround(sample, column, later[len(later) // 2], moments[-1])
