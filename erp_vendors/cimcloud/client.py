"""CIMcloud's API: pages in the path, searchstrings, aggregate answers to writes."""

from __future__ import annotations

import functools
import itertools
import re
import typing as t

from erp_vendors.assumption import doctor_hint
from erp_vendors.cimcloud.auth import BearerAuth, SessionAuth
from erp_vendors.cimcloud.delete_path import DeletePath
from erp_vendors.cimcloud.resources import RESOURCES, WRITE_ONLY, CimcloudResource, custom
from erp_vendors.cimcloud.settings import (
    PAGE_ROWS,
    SETTINGS,
    WINDOW_CALLS,
    WINDOW_SECONDS,
)
from erp_vendors.connect import connect
from erp_vendors.elements import records_of, unwrapped
from erp_vendors.errors import CallError, ConfigError, MissingResourceError
from erp_vendors.http import Coming, ReadAhead, codec
from erp_vendors.http.auth import Auth, BasicAuth
from erp_vendors.http.budget import Limits
from erp_vendors.overrides import configured

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer
    from erp_vendors.settings import Block
    from erp_vendors.vendor import Connection

Row = dict[str, t.Any]

NO_PAGE = 1_000_000
"""Number of a page that no table has: it would begin with row 50 million."""
_LATER = frozenset({408, 425, 429})
"""Statuses that say: not now."""
_DIGITS = re.compile("[0-9]+")


class Pages:
    """The pages of a resource; they can be gone through once.

    A page has 50 rows (4.1 and 5.1, DOC), so one with fewer is the last. So is one that repeats the
    page before: some servers might answer their last page for ever (4.1, INF). Rows without a key
    may be equal, and so may two pages of them; then a page that nobody can have tells.
    """

    def __init__(
        self, ask: t.Callable[[int], list[Row]], keys: t.Sequence[str], limits: Limits
    ) -> None:
        self._ask = ask
        self._keys = keys
        self._previous: list[Row] = []
        self._beyond: list[Row] | None = None
        self.repeated = False
        self._ahead = ReadAhead(ask, self._coming, limits)

    @property
    def side_by_side(self) -> bool:
        """Whether a page may have been read before the one in front of it."""
        return self._ahead.side_by_side

    def __iter__(self) -> t.Iterator[list[Row]]:
        with self._ahead as ahead:
            for number in itertools.count(1):
                page = ahead(number)
                is_last = self._is_last(page)
                if page and not (is_last and page == self._previous):
                    yield page
                if is_last:
                    self.repeated = number > 1 and self._repeats(page)
                    return
                self._previous = page

    def _is_last(self, page: list[Row]) -> bool:
        return len(page) < PAGE_ROWS or self._repeats(page)

    def _repeats(self, page: list[Row]) -> bool:
        if names_of(page, self._keys) != names_of(self._previous, self._keys):
            return False
        if self._keys or not page:
            return True
        if self._beyond is None:
            self._beyond = self._ask(NO_PAGE)
        return page == self._beyond

    def _coming(self, number: int, page: list[Row]) -> Coming:
        return Coming(() if self._is_last(page) else itertools.count(number + 1), certain=False)


LOGIN_CHECK = "/validate"
"""Says whether the credentials are valid, whatever they may read (cimcloud.md 1.2)."""


class CimcloudClient:
    """Reads and writes one CIMcloud site."""

    def __init__(self, block: Block, connection: Connection) -> None:
        self.block = block
        self.resources = configured(block, RESOURCES, custom)
        (site,) = block.require("site_name")
        auth = _auth(block)
        self.transport = connect(
            block,
            connection,
            base_url=f"{block.get('api_url').rstrip('/')}/{site.strip('/')}",
            limits=_limits(block),
            auth=auth,
            obey_rate_headers=True,
            login_check=LOGIN_CHECK,
        )
        if isinstance(auth, BearerAuth):
            auth.transport = self.transport
        self._session = _session(block, self.transport)
        self._found: dict[str, str] = {}
        self._no_page: dict[str, str] = {}

    def check(self) -> None:
        """Prove that the site runs and the credentials work (cimcloud.md 1.2).

        Raises:
            ErpError: If not.
        """
        self.transport.call("GET", "/healthcheck/canary", auth=None)
        self.transport.call("GET", LOGIN_CHECK)

    def pages(self, resource: CimcloudResource, search: str = "") -> Pages:
        """Read a resource page by page until a page is not full (cimcloud.md 4.1).

        Args:
            resource: What to read.
            search: A searchstring, ready for the path; empty for all rows.

        Returns:
            Pages of rows, none of them empty. Going through them raises

            - `DataError` if an answer is not a list of objects,
            - `MissingResourceError` if the path is a guess and this site does not have it, or if it
              does not know a page number after this searchstring,
            - `ErpError` if a call fails.
        """
        ask = functools.partial(self.page, resource, search)
        return Pages(ask, resource.primary_keys, self.transport.budget.limits)

    def page(
        self,
        resource: CimcloudResource,
        search: str = "",
        number: int = 1,
        *,
        numbered: bool = False,
    ) -> list[Row]:
        """One page.

        Args:
            resource: What to read.
            search: A searchstring, ready for the path.
            number: Page number, from 1.
            numbered: The first page of a searchstring is asked for by its number, too.

        Returns:
            At most 50 rows, and in their places what is no row (`NoRecord`); none past the end.
        """
        first = number == 1
        # The first page needs no number, and a date before one could be misread (4.3, UNK).
        unnumbered = first and search and not numbered
        tail = "".join(f"/{part}" for part in (search, "" if unnumbered else number) if part)
        paths = [self._found[resource.name]] if resource.name in self._found else resource.paths
        for path in paths:
            try:
                rows = self.transport.get_json(
                    f"/{path}{tail}",
                    auth=self._session if resource.in_session else self.transport.auth,
                    # Past the end an empty list is assumed, but 404 would mean the same (4.1).
                    optional=not first or not resource.documented,
                    # Such a GET marks its rows as taken: repeated, it would skip those that a lost
                    # answer held (10).
                    repeatable=not resource.destructive,
                )
            except MissingResourceError as error:
                # The second page after a date may be a form that the site does not know (4.3).
                if not first and not (search and number == 2):  # noqa: PLR2004
                    return []
                missing = error
                continue
            except CallError as error:
                unknown = first or (search and number == 2)  # noqa: PLR2004 - as above
                if unknown or not self._is_past_the_end(resource, path, search, error):
                    raise
                return []
            self._found[resource.name] = path
            return rows_of(resource, path, rows)
        raise missing

    def found_path(self, resource: CimcloudResource) -> str:
        """The path at which a resource was found in this run; else the first one to try.

        Args:
            resource: What was read.
        """
        return self._found.get(resource.name) or resource.path or ""

    def takes_page_number(self, resource: CimcloudResource, search: str, first: list[Row]) -> bool:
        """Whether page 1 of a searchstring is what it finds without a number.

        A number after a date may be misread (4.3, UNK): then page 1 holds no rows, or others. A
        first page that is not full needs no number, as there is no other.

        Args:
            resource: What is read.
            search: The searchstring.
            first: The rows that it found without a number.

        Raises:
            ErpError: If the call fails.
        """
        if len(first) < PAGE_ROWS:
            return True
        names = resource.primary_keys
        return names_of(self.page(resource, search, numbered=True), names) == names_of(first, names)

    def _is_past_the_end(
        self, resource: CimcloudResource, path: str, search: str, error: CallError
    ) -> bool:
        """Whether a 400 or the like says that there is no such page (4.1, UNK), and nothing else.

        It does if a page that nobody can have is refused in the same words, and the first page is
        not refused.
        """
        if resource.destructive or not may_mean_the_end(error):
            return False
        words = _DIGITS.sub("", error.body)
        if words != self._no_page.get(path):
            base = f"/{path}{f'/{search}' if search else ''}"
            ask = functools.partial(
                self.transport.get_json,
                auth=self._session if resource.in_session else self.transport.auth,
            )
            try:
                ask(f"{base}/{NO_PAGE}")
            except CallError as far:
                if far.status != error.status or _DIGITS.sub("", far.body) != words:
                    return False
            else:
                return False
            ask(base if search else f"{base}/1")
            self._no_page[path] = words
        return True

    def write(
        self,
        resource: CimcloudResource,
        body: Row | t.Sequence[Row],
        *,
        repeatable: bool,
        method: str = "POST",
    ) -> Answer:
        """Send rows (cimcloud.md 6).

        Args:
            resource: What to write.
            body: Rows, or one object for a special resource.
            repeatable: The rows have keys, so that a second execution changes nothing more.
            method: POST, which creates or updates, or PUT, which only updates.

        Raises:
            ErpError: If the call fails.
        """
        paths = [resource.write_path] if resource.write_path else resource.paths
        if not resource.write_path and resource.name in self._found:
            paths = [self._found[resource.name]]
        for path in paths:
            try:
                answer = self.transport.call(
                    method,
                    f"/{path}/",
                    body=codec.encode(body),
                    repeatable=repeatable,
                    optional=path != paths[-1],
                )
            except MissingResourceError:
                continue
            if not resource.write_path:
                self._found[resource.name] = path
            return answer
        raise AssertionError  # the last path is not optional

    @property
    def delete_path(self) -> DeletePath | None:
        """The setting of this name; None if nothing is to be deleted.

        Raises:
            ConfigError: If it cannot be understood.
        """
        template: str = self.block.get("delete_path") or ""
        return DeletePath(template) if template else None

    def delete(
        self, resource: CimcloudResource, how: DeletePath, key: t.Sequence[tuple[str, str]]
    ) -> Answer:
        """Delete a row (cimcloud.md 6.1, UNK).

        Args:
            resource: Where it is.
            how: The setting `delete_path`.
            key: Columns that identify it together, and their values.

        Raises:
            ValueError: If a value cannot stand in a searchstring.
            MissingResourceError: If the site has no such row, or no such address (404, 405).
            ErpError: If the call fails.
        """
        path = self._found.get(resource.name) or resource.path or resource.write_path or ""
        address = f"/{how.filled(path, key)}"
        return self.transport.call("DELETE", address, repeatable=True, optional=True)


def names_of(page: list[Row], keys: t.Sequence[str]) -> list[t.Any]:
    """What tells the rows of a page from others: other columns may differ in each answer.

    Args:
        page: Rows.
        keys: Names of their key columns.

    Returns:
        The key of each row; the rows, if one of them has none.
    """
    names = [[row.get(key) for key in keys] for row in page]
    return page if not keys or any(None in name for name in names) else names


def may_mean_the_end(error: CallError) -> bool:
    """Whether a refused page may be one past the end (4.1, UNK): a 4xx that is no put-off.

    A 5xx is none: a server that is down for a moment refuses each page alike.

    Args:
        error: What came of a page.
    """
    return error.status is not None and 400 <= error.status < 500 and error.status not in _LATER  # noqa: PLR2004


def rows_of(resource: CimcloudResource, path: str, answer: object) -> list[Row]:
    """The rows of an answer, and in their places what is no row; without passwords.

    Args:
        resource: What was read.
        path: Where, for messages.
        answer: The parsed body.

    Raises:
        DataError: If it is no list of objects, and has none where the settings say.
    """
    hint = doctor_hint("cimcloud", "rows")
    rows = records_of(unwrapped(answer, resource.rows_in), f"cimcloud: GET {path}", hint)
    for row in rows:
        for column in WRITE_ONLY & row.keys():
            del row[column]
    return rows


def _auth(block: Block) -> Auth:
    if block.get("auth_type") == "basic":
        return BasicAuth(*block.require("username", "password"))
    key, username, password = block.require("auth_key", "username", "password")
    return BearerAuth(key, username, password)


def _session(block: Block, transport: t.Any) -> Auth | None:  # noqa: ANN401
    username = block.get("session_username")
    if not username:
        return t.cast("Auth | None", transport.auth)
    if block.get("auth_type") == "basic":
        msg = "cimcloud.session_username needs cimcloud.auth_type bearer (cimcloud.md 2.4)"
        raise ConfigError(msg)
    return SessionAuth(transport, username)


def _limits(block: Block) -> Limits:
    per_second = block.get("requests_per_second")
    documented = next(s.default for s in SETTINGS if s.name == "requests_per_second")
    if per_second > documented:
        # A higher rate was agreed with the vendor; its headers say how many calls its longer window
        # has then.
        return Limits(per_second, block.get("max_concurrency"))
    return Limits(per_second, block.get("max_concurrency"), WINDOW_CALLS, WINDOW_SECONDS)
