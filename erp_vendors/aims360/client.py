"""AIMS360's API: OData lists by offset, single records, orders, Aqua exports."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from erp_vendors.aims360 import odata
from erp_vendors.aims360.aqua import Aqua
from erp_vendors.aims360.auth import OVERLOAD, Aims360Auth
from erp_vendors.aims360.odata import pick
from erp_vendors.aims360.resources import RESOURCES, Aims360Resource, custom
from erp_vendors.aims360.settings import HOSTS, QUERY_OPTIONS, WINDOW_SECONDS
from erp_vendors.connect import connect
from erp_vendors.elements import check_whole, unwrapped
from erp_vendors.errors import CallError, DataError, MissingResourceError
from erp_vendors.http import codec
from erp_vendors.http.budget import Limits
from erp_vendors.http.policy import Action, Rule
from erp_vendors.overrides import configured

if t.TYPE_CHECKING:
    from erp_vendors.aims360.odata import ODataPage, Row
    from erp_vendors.http import Answer
    from erp_vendors.settings import Block
    from erp_vendors.vendor import Connection

RULES = (
    # Overload comes as a 400, like a faulty request (aims360.md 5.2, OBS), and passes in a minute.
    Rule(
        Action.RETRY,
        statuses=frozenset({400}),
        repeatable=True,
        body=re.compile(OVERLOAD),
        attempts=8,
    ),
    # An old list of codes has 403 for a bad token, too (5.3, DOC); a 403 with one of these codes
    # is about something else.
    Rule(
        Action.FAIL,
        statuses=frozenset({403}),
        body=re.compile("InsufficientAccountPermissions|AccountIsDisabled|Access Denied"),
    ),
    Rule(Action.REAUTHENTICATE, statuses=frozenset({403})),
)

NO_ROW = 10_000_000
"""An offset past the end of every list."""
_QUERY_REFUSED = frozenset({400, 414, 422, 500, 501})


class Aims360Client:
    """Reads and writes one AIMS360 tenant.

    Attributes:
        resources: All resources by name.
        page_size: Records that are asked for per page.
        query_options: Query options that the tenant takes.
        aqua: The background jobs behind Aqua exports.
    """

    def __init__(self, block: Block, connection: Connection) -> None:
        self.block = block
        self.resources = configured(block, RESOURCES, custom)
        self.page_size: int = block.get("page_size")
        given = block.get("query_options")
        self.query_options = frozenset(QUERY_OPTIONS if given is None else given)
        auth = Aims360Auth(block)
        self.transport = connect(
            block,
            connection,
            base_url=block.get("api_url") or HOSTS[block.get("region")],
            limits=Limits(
                block.get("requests_per_second"),
                block.get("max_concurrency"),
                _calls_per_minute(block),
                WINDOW_SECONDS,
            ),
            auth=auth,
            rules=RULES,
        )
        auth.transport = self.transport
        self.aqua = Aqua(block, connection, self.transport)

    def check(self) -> None:
        """Prove that the credentials work, with one call that changes nothing.

        Raises:
            ErpError: If they do not, or the vendor cannot be reached.
        """
        jobs = self.resources["background_jobs"]
        self.transport.call("GET", odata.with_query(jobs.path, {"pagesize": "1"}))

    def page(
        self, resource: Aims360Resource, skip: int = 0, *, search: str = "", order: str = ""
    ) -> ODataPage:
        """One page of a list (aims360.md 4.1).

        Args:
            resource: What to read.
            skip: Number of records before it. `@odata.nextLink` is never followed: it can name a
                host that is not routable (1.1), and comes with the last page, too (4.1).
            search: `$filter`; empty for all records.
            order: `$orderby`; empty for the vendor's own order.

        Options that the settings say the tenant does not take are left out.

        Raises:
            DataError: If the answer is not a list of objects.
            MissingResourceError: If the path is a guess and this site does not have it.
            ErpError: If the call fails.
        """
        wanted = {
            "$count": "true",
            "$expand": resource.expand,
            "$filter": search,
            "$orderby": order,
        }
        taken = {name: value for name, value in wanted.items() if name in self.query_options}
        place = {"pagesize": str(self.page_size), "$skip": str(skip) if skip else ""}
        path = odata.with_query(resource.path, {**place, **taken})
        answer = self.transport.get_json(path, optional=not resource.documented)
        answer = unwrapped(answer, resource.rows_in)
        return odata.read_page(resource.path, answer, resource.primary_keys)

    def find(self, resource: Aims360Resource, column: str, value: object) -> list[Row]:
        """The records with a certain value; none if there are none (5.2, OBS).

        Args:
            resource: Where to look.
            column: Property.
            value: See `odata.literal`; a GUID must be a `uuid.UUID`.

        Raises:
            DataError: If they do not fit on one page, or one of them cannot be read.
            ErpError: If the call fails.
        """
        page = self.page(resource, search=odata.equal(column, value))
        if page.total is not None and page.total > len(page.rows):
            msg = f"aims360: {page.total} {resource.name} have the {column} {value!r}"
            raise DataError(msg)
        check_whole(page.rows)
        return page.rows

    def single(self, resource: Aims360Resource, key: object) -> Row | None:
        """One record by its key, at a path of its own.

        Args:
            resource: A resource with a `single_path`.
            key: The record's key.

        Returns:
            The record; None if there is none (404).

        Raises:
            DataError: If the answer is not an object, or is another record than the one asked for.
            ErpError: If the call fails.
        """
        path = f"{resource.single_path}/{urllib.parse.quote(str(key), safe='')}"
        try:
            record = self.transport.get_json(path, optional=True)
        except MissingResourceError:
            return None
        if not isinstance(record, dict):
            msg = f"aims360: GET {path} answered with {codec.kind_of(record)}, not with an object"
            raise DataError(msg)
        column = resource.keys_from[1]
        shown = pick(record, column) if column in resource.primary_keys else None
        if shown is not None and str(shown).casefold() != str(key).casefold():
            msg = f"aims360: GET {path} answered with another record: {column} is {shown}"
            raise DataError(msg)
        return record

    def create(self, resource: Aims360Resource, record: Row) -> Answer:
        """Create a record (aims360.md 6.1: orders).

        The vendor knows no idempotency key, so what may have been executed is never repeated here,
        not even when the vendor says that it is overloaded.

        Args:
            resource: A resource with a `write_path`.
            record: Body, as the vendor takes it.

        Raises:
            ErpError: If the call fails.
        """
        return self.transport.call(
            "POST",
            resource.write_path or resource.path,
            body=codec.encode(record),
            repeatable=False,
        )


def _calls_per_minute(block: Block) -> int:
    """Calls in a minute; a higher rate that was agreed with the vendor is not undercut by it."""
    calls: int = block.get("calls_per_minute")
    if block.given("requests_per_second") and not block.given("calls_per_minute"):
        return max(calls, int(60 * block.get("requests_per_second")))
    return calls


def refuses_query(error: CallError) -> bool:
    """Whether an answer may mean that the vendor does not take a query option.

    Args:
        error: What came of a call. Overload is no such answer: with fewer options the call would
            be heavier still.
    """
    return error.status in _QUERY_REFUSED and OVERLOAD not in error.body
