"""The open points of AIM (aim.md), one function each."""

from __future__ import annotations

import datetime as dt
import email.utils
import typing as t

from erp_cli.doctor.columns import is_unique, unique_columns
from erp_vendors.errors import CallError, CredentialsError, DataError
from erp_vendors.http import codec
from erp_vendors.http.xmldoc import is_xml
from erp_vendors.stamps import from_iso, to_iso

if t.TYPE_CHECKING:
    from erp_cli.doctor.examiner import ResourceSample, Row
    from erp_cli.doctor.examiners.aim_pages import AimPages, SeenPage
    from erp_vendors.aim import AimResource
    from erp_vendors.assumption import Verdict

_COUNTED = ("inventory", "invoices", "contracts")
"""Lists whose answers say how many rows remain (4.1, DOC)."""
_STAMPED = ("invoices", "instructor_invoices", "delivery_tickets", "scheduled_returns")
"""Lists with a lower bound and a stamp that it is about (4.3, DOC)."""
_FEW = 2
"""Rows of the small pages that are asked for."""
_SEVERAL = 4
"""Rows of which an order would not be by chance."""
_PRODUCT_KEYS = ("Pk", "AeId", "Sku")
_NULLABLE = {"scheduled_returns": ("ReturnedDate", "AutoPayHoldDate"), "invoices": ("DateTime",)}
_JSON, _XML = "application/json", "application/xml"
_NO_DATE = b'"0001-01-01'
_FAR = "2999-01-01T00:00:00"
_NOBODY = "999999999999"
"""A key that no item has."""
_NOTHING = "GetWhatNoDocumentNames"
"""An operation that there is not."""
_ZONE_SLACK = dt.timedelta(minutes=5)


def of_samples(doctor: AimPages) -> t.Iterator[Verdict]:
    """What the answers that were read already show; no further call is made."""
    texts = [codec.encode(answer) for answer in doctor.answers]
    if any(_NO_DATE in text for text in texts):
        yield doctor.holds("empty_dates", "dates that are not known are 0001-01-01")
    elif _lacks_dates(doctor):
        said = "dates that are not known are left out, which is read as well"
        yield doctor.differs("empty_dates", said)
    if any(b":null" in text for text in texts):
        yield doctor.differs("nulls", "members that are null are shown, which is read as well")
    elif texts:
        yield doctor.holds("nulls", "no answer shows a null")
    words = {str(status.get("StatusCode")) for status in _statuses(doctor)}
    if words:
        known = {word.lower() for word in words} <= {"ok"}
        said = f"StatusCode is {', '.join(sorted(words))}"
        yield doctor.holds("success", said) if known else doctor.differs("success", said)
    yield from _customers_list(doctor)
    yield from _order(doctor)
    orders = doctor.pages.get("web_orders")
    if orders is not None and orders.rows:
        listed = isinstance(orders.answer.get("Orders"), list)
        if listed:
            yield doctor.holds("single_form", "web orders come as a list")
        else:
            yield doctor.differs("single_form", "the order stands at the top, which is read")


def product_key(doctor: AimPages, sample: ResourceSample) -> Verdict:
    """Which member identifies a product; the key itself is learned from the sample."""
    unique = [name for name in _PRODUCT_KEYS if is_unique(sample.rows, (name,))]
    unique += [name for name in unique_columns(sample.rows) if name not in unique]
    stream = sample.resource.name
    if len(sample.rows) < _FEW or not unique:
        return doctor.untold("product_key", "no member is unique in what was read", stream)
    said = f"unique in {len(sample.rows)} rows: {', '.join(unique[:3])}"
    if unique[0] == _PRODUCT_KEYS[0]:
        return doctor.holds("product_key", said, stream)
    return doctor.differs("product_key", said, stream, entry={"primary_keys": [unique[0]]})


def remaining(doctor: AimPages) -> t.Iterator[Verdict]:
    """Whether what an answer says of the rows that follow is so, and how many rows a page has."""
    for resource, seen in _listed(doctor, _COUNTED, _FEW + 1):
        rows = resource.paging.rows if resource.paging else 0
        small = doctor.page(resource, seen.members, rows=_FEW)
        yield _counts(doctor, resource, seen, small)
        if seen.remaining:
            behind: SeenPage | None = None
        elif len(seen.rows) < _FEW + 1:
            continue
        else:
            behind = doctor.page(resource, seen.members, start=len(seen.rows) - 1)
        follows = bool(seen.remaining) or (behind is not None and _has_news(seen, behind))
        if follows and len(seen.rows) < rows:
            said = f"a page has {len(seen.rows)} rows at most, though {rows} were asked for"
            yield doctor.differs("max_records", said)
        else:
            yield doctor.holds("max_records", f"{rows} rows are not too many to ask for")
        return


def customers_paging(doctor: AimPages) -> t.Iterator[Verdict]:
    """Whether the list of customers takes an offset and a number of rows."""
    for resource, seen in _listed(doctor, ("customers",), _FEW + 1):
        page = doctor.page(resource, seen.members, start=1, rows=_FEW)
        if len(page.rows) <= _FEW:
            yield doctor.holds("customers_paging", f"a page of {_FEW} rows has {len(page.rows)}")
        else:
            said = f"{len(page.rows)} rows come where {_FEW} were asked for; the list is read whole"
            yield doctor.differs("customers_paging", said, "customers")


def bounds(doctor: AimPages) -> t.Iterator[Verdict]:
    """Whether a lower bound is taken, and whether it includes its moment."""
    for resource, seen in _listed(doctor, _STAMPED, _FEW):
        stamp = resource.replication_key or ""
        stamps = sorted(text for text in (to_iso(row.get(stamp)) for row in seen.rows) if text)
        if not stamps or stamps[0] == stamps[-1]:
            continue
        # One that has no part of a second, which the bound could not name.
        exact = [text for text in stamps if not from_iso(text).microsecond] or stamps
        middle = exact[len(exact) // 2]
        name = resource.name
        after = doctor.page(resource, {**seen.members, resource.since: _FAR})
        if after.rows:
            said = f"{resource.since} is ignored; the tap leaves out itself what is not new"
            yield doctor.differs("bounds", said, name)
            return
        bound = from_iso(middle).isoformat(timespec="seconds")
        found = doctor.page(resource, {**seen.members, resource.since: bound})
        shown = {text for text in (to_iso(row.get(stamp)) for row in found.rows) if text}
        if middle in shown:
            yield doctor.holds("bounds", f"{resource.since} includes its moment", name)
        else:
            said = f"{resource.since} leaves its own moment out; the tap looks back before it"
            yield doctor.differs("bounds", said, name)
        return


def formats(doctor: AimPages) -> t.Iterator[Verdict]:
    """Which forms are served; one that is not is answered in the other."""
    said = {}
    for form, accept in (("json", _JSON), ("xml", _XML)):
        answer = doctor.client.sessions.raw("GetLocations", accept, {})
        said[form] = "xml" if is_xml(answer.body) else "json"
        if form == "json":
            yield from _clock(doctor, answer.headers.get("Date"))
    wanted: str = doctor.client.block.get("format")
    if said == {"json": "json", "xml": "xml"}:
        yield doctor.holds("formats", "JSON and XML are both served")
    elif said[wanted] == wanted:
        yield doctor.differs("formats", f"{said[wanted]} alone is served, which is asked for")
    else:
        seen = f"{wanted} is asked for, and {said[wanted]} is answered"
        yield doctor.differs("formats", seen, settings={"format": said[wanted]})


def errors(doctor: AimPages) -> t.Iterator[Verdict]:
    """In which form an error comes."""
    status, text = _provoked(doctor, "InventoryDetail", {"Pk": _NOBODY})
    if "ResponseStatus" in text:
        yield doctor.differs("errors", f"ServiceStack's form, HTTP {status}; it is understood")
    elif (status < 400 and '"Error"' in text) or ">Error<" in text:  # noqa: PLR2004
        yield doctor.holds("errors", f"inside HTTP {status}")
    elif status >= 400:  # noqa: PLR2004
        yield doctor.differs("errors", f"HTTP {status}")


def unknown_path(doctor: AimPages) -> t.Iterator[Verdict]:
    """How the shop answers a call of an operation that does not exist."""
    status, _ = _provoked(doctor, _NOTHING, {})
    if status < 400:  # noqa: PLR2004
        yield doctor.holds("unknown_path", f"the envelope, HTTP {status}")
    else:
        yield doctor.differs("unknown_path", f"HTTP {status}, which is understood as well")


LOOKS: tuple[t.Callable[[AimPages], t.Iterator[Verdict]], ...] = (
    remaining,
    customers_paging,
    bounds,
    formats,
    errors,
    unknown_path,
)
"""Points that take calls of their own; each is named as its assumption."""


def _counts(doctor: AimPages, resource: AimResource, seen: SeenPage, small: SeenPage) -> Verdict:
    """What a page of two rows says of the rows that follow, of which there are some."""
    stream = resource.name
    ignore = {"remaining_records": "ignore"}
    if len(small.rows) >= len(seen.rows):
        return doctor.untold("remaining", "the list is not paged", stream)
    if small.remaining is None:
        said = "an answer does not say how many rows remain; lists are read until no new row comes"
        return doctor.differs("remaining", said, stream)
    if small.remaining <= 0:
        said = "an answer says that no row remains, though rows follow"
        return doctor.differs("remaining", said, stream, settings=ignore)
    least = len(seen.rows) - len(small.rows)
    if small.remaining < least:
        said = f"an answer says that {small.remaining} rows remain, and {least} do at least"
        return doctor.differs("remaining", said, stream, settings=ignore)
    return doctor.holds("remaining", f"after {len(small.rows)} rows {small.remaining} remain")


def _has_news(seen: SeenPage, behind: SeenPage) -> bool:
    """Whether a page behind the first one has rows that the first one has not."""
    known = {codec.encode_sorted(row) for row in seen.rows}
    return any(codec.encode_sorted(row) not in known for row in behind.rows)


def _customers_list(doctor: AimPages) -> t.Iterator[Verdict]:
    seen = doctor.pages.get("customers")
    if seen is None or not seen.rows:
        return
    lists = [name for name, value in seen.answer.items() if isinstance(value, list)]
    if lists[:1] == ["Customers"]:
        yield doctor.holds("customers_list", "it is named Customers")
    elif lists:
        said = f"it is named {lists[0] or 'nothing'}, and is read as well"
        yield doctor.differs("customers_list", said, "customers")


def _order(doctor: AimPages) -> t.Iterator[Verdict]:
    by_key = others = 0
    for name, seen in doctor.pages.items():
        keys = doctor.resources[name].primary_keys
        values: list[t.Any] = [row.get(keys[0]) for row in seen.rows] if len(keys) == 1 else []
        if len(values) < _SEVERAL or len({type(value) for value in values}) > 1:
            continue
        # Numbers may be sorted as text.
        texts = [str(value) for value in values]
        if values == sorted(values) or texts == sorted(texts):
            by_key += 1
        else:
            others += 1
    if by_key > others:
        yield doctor.differs("order", f"{by_key} lists are sorted by key; nothing depends on it")
    elif others:
        yield doctor.holds("order", f"{others} lists are in no order that shows")


def _clock(doctor: AimPages, date: str | None) -> t.Iterator[Verdict]:
    """Whether a stamp lies ahead of the server's clock: a shop's own time is that of its zone."""
    newest = [
        text
        for name in ("invoices", "service_tickets", "active_employees")
        if name in doctor.pages
        for row in doctor.pages[name].rows
        for column in ("DateTime", "Timestamp", "TimeIn")
        if (text := to_iso(row.get(column))) is not None
    ]
    if date is None or not newest:
        return
    now = email.utils.parsedate_to_datetime(date).astimezone(dt.timezone.utc).replace(tzinfo=None)
    ahead = from_iso(max(newest)) - now
    if ahead > _ZONE_SLACK:
        hours = round(ahead.total_seconds() / 1800) / 2
        said = f"the newest stamp is {hours:g} hours ahead of the server's clock, as zones may be"
        yield doctor.differs("clock", said)
    else:
        why = "no stamp is ahead of the server's clock; behind it, a stamp may just be old"
        yield doctor.untold("clock", why)


def _lacks_dates(doctor: AimPages) -> bool:
    """Whether rows lack a date that is documented as one that may be unknown (10, DateTime?)."""
    return any(
        row.get(column) is None
        for name, columns in _NULLABLE.items()
        if name in doctor.pages
        for row in doctor.pages[name].rows
        for column in columns
    )


def _statuses(doctor: AimPages) -> t.Iterator[Row]:
    for answer in doctor.answers:
        status = answer.get("Status")
        if isinstance(status, dict):
            yield status


def _listed(
    doctor: AimPages, names: t.Iterable[str], fewest: int
) -> t.Iterator[tuple[AimResource, SeenPage]]:
    """The lists of these that have some rows, with their first page."""
    for name in names:
        seen = doctor.pages.get(name)
        if seen is not None and len(seen.rows) >= fewest:
            yield doctor.resources[name], seen


def _provoked(doctor: AimPages, operation: str, members: dict[str, str]) -> tuple[int, str]:
    """Status and text of the answer to a call that is expected to be refused."""
    try:
        answer = doctor.client.sessions.raw(operation, _JSON, members)
    except CallError as error:
        if error.status is None:
            raise
        return error.status, error.body
    except CredentialsError as error:
        raise DataError(str(error)) from None
    return answer.status, answer.text
