"""AIM's API: one GET per operation, answers in an envelope (aim.md 3, 4 and 5)."""

from __future__ import annotations

import functools
import logging
import threading
import typing as t
import urllib.parse

from erp_vendors.aim.answers import (
    TELLING_BODY,
    Body,
    Kind,
    NotLicensedError,
    UnknownRecordError,
    is_about_record,
    is_cut,
    kind_of,
    remaining_of,
    rows_of,
    without_envelope,
)
from erp_vendors.aim.members import (
    as_members,
    as_text,
    complete,
    operation_of,
    without_empty_dates,
)
from erp_vendors.aim.paging import AimListing, AimPage, ListedRow, coming
from erp_vendors.aim.resources import AimResource, Parent, resources_of
from erp_vendors.aim.schema import answer_schema_of, schema_of
from erp_vendors.aim.session import Sessions
from erp_vendors.aim.settings import VENDOR
from erp_vendors.aim.xmltext import typed
from erp_vendors.assumption import doctor_hint
from erp_vendors.connect import connect
from erp_vendors.elements import NoRecord
from erp_vendors.errors import CallError, CredentialsError, DataError, MissingResourceError
from erp_vendors.http import ReadAhead, codec
from erp_vendors.http.budget import Limits
from erp_vendors.http.policy import Action, Rule
from erp_vendors.keylist import Key, KeyList

if t.TYPE_CHECKING:
    from erp_vendors.aim.resources import Params
    from erp_vendors.aim.session import AimSession
    from erp_vendors.http import Answer
    from erp_vendors.schemas import Schema
    from erp_vendors.settings import Block
    from erp_vendors.vendor import Connection

logger = logging.getLogger("erp.aim")

_PASSES = 2
"""Times that a full listing is read if its rows move while it is read."""
_RULES = (
    # The server error stands for a dead token or a missing licence: repeating does not help.
    Rule(Action.FAIL, statuses=frozenset(range(500, 600)), body=TELLING_BODY),
)


class AimClient:
    """Reads and writes one shop."""

    def __init__(self, block: Block, connection: Connection) -> None:
        self.block = block
        self.resources = resources_of(block)
        self.transport = connect(
            block,
            connection,
            base_url=block.get("api_url"),
            limits=Limits(block.get("requests_per_second"), block.get("max_concurrency")),
            rules=_RULES,
        )
        self.sessions = Sessions(block, self.transport)
        self._trusts_counts = block.get("remaining_records") == "trust"
        self._miscounted: set[str] = set()
        self._keys: dict[tuple[str, tuple[str, ...]], KeyList] = {}
        self._missing: dict[str, MissingResourceError] = {}
        self.whole: dict[str, bool] = {}
        """Whether the last listing of a resource is proven to have shown every row."""
        self._locks = {name: threading.Lock() for name in self.resources}

    def check(self) -> None:
        """Find the shop's server and log in; changes nothing.

        Raises:
            ErpError: If the credentials are refused, or a server cannot be reached.
        """
        self.sessions.current()

    def call_operation(
        self,
        name: str,
        *,
        query: t.Mapping[str, t.Any] | None = None,
        optional: bool = False,
        schema: t.Callable[[], Schema] | None = None,
    ) -> Body:
        """Read with an operation of the shop's server.

        Args:
            name: The operation, as in `GetLocations`.
            query: Request members; None is left out.
            optional: The operation is a guess: a server without it is no failure.
            schema: Gives the JSON schema of the answer, of which XML has its types.

        Returns:
            The answer's members, `Status` included.

        Raises:
            OperationError: If the server refuses it inside HTTP 200.
            NotLicensedError: If the shop has not licensed its module.
            MissingResourceError: If it is `optional` and does not exist.
            CredentialsError: If the login is refused, or lacks the permission.
            DataError: If the answer cannot be read.
            CallError: If the call fails.
        """
        params = as_members(query)

        def ask(session: AimSession) -> Body:
            return self.sessions.exchange(
                "GET",
                f"{session.base_url}/{name}",
                schema,
                headers=session.headers,
                params=params,
                optional=optional,
            )

        try:
            return self.sessions.logged_in(ask)
        except (CallError, CredentialsError) as error:
            kind = kind_of(error)
            if kind is Kind.LICENCE:
                msg = f"the shop has not licensed the module of {name} ({error})"
                raise NotLicensedError(msg) from None
            if kind is Kind.UNKNOWN and optional:
                raise MissingResourceError(str(error)) from None
            raise

    def write_operation(
        self,
        name: str,
        *,
        method: str = "POST",
        query: t.Mapping[str, t.Any] | None = None,
        body: t.Mapping[str, t.Any] | None = None,
        repeatable: bool = False,
    ) -> Answer:
        """Write with an operation of the shop's server.

        Args:
            name: The operation, as in `AddCustomer`.
            method: HTTP method.
            query: Request members for the URL; None is left out.
            body: Request members for a JSON body.
            repeatable: Executing it twice is the same as once.

        Returns:
            The answer, which is no refusal, but need not be a success (`answers.is_success`); one
            in XML comes as the JSON that stands for the same.

        Raises:
            OperationError: If the server refuses it inside HTTP 200; it was not executed.
            CredentialsError: If the login is refused, or lacks the permission.
            CallError: If the call fails; its `phase` says whether it may have been executed.
        """
        params, raw = as_members(query), codec.encode(body or {})

        def send(session: AimSession) -> Answer:
            return self.sessions.write(
                method,
                f"{session.base_url}/{name}",
                headers=session.headers,
                params=params,
                body=raw,
                repeatable=repeatable,
            )

        return self.sessions.logged_in(send, repeatable=repeatable)

    def rows(
        self, resource: AimResource, since: str | None = None, *, keep_keys: bool = True
    ) -> t.Iterator[ListedRow]:
        """Read a listing, all of its variants and pages.

        Args:
            resource: A resource without parents.
            since: Lower bound as ISO text without zone, for a resource that has one.
            keep_keys: Children are read afterwards; unless there is a bound, their parents' keys
                are kept for that.

        Yields:
            Each version of a record once.

        Raises:
            MissingResourceError: If this shop does not have it, or has not licensed it.
            DataError: If an answer is not a listing.
            ErpError: If a call fails.
        """
        bound = {resource.since: since} if since and resource.since else {}
        listing = AimListing(f"aim: {resource.path}", resource.primary_keys)
        wanted = (
            {fields: KeyList() for fields in self._wanted(resource)}
            if keep_keys and not bound
            else {}
        )
        missing: list[MissingResourceError] = []
        for variant in resource.variants:
            try:
                for row in self._listed(resource, listing, {**variant, **bound}):
                    for fields, keys in wanted.items():
                        keys.add(tuple(row.record.get(name) for name in fields))
                    yield row
            except MissingResourceError as error:
                missing.append(error)
        if len(missing) == len(resource.variants):
            raise missing[0]
        for unread in missing:
            logger.warning("aim_%s: read without a part of it: %s", resource.name, unread)
        self.whole[resource.name] = listing.whole and not missing
        for fields, keys in wanted.items():
            self._keys[resource.name, fields] = keys

    def keys(self, parent: Parent, *, again: bool = False) -> KeyList:
        """The keys of all records of a parent, read once per run.

        Args:
            parent: The parent; one without a name has one empty key.
            again: Read them anew.

        Returns:
            The keys, in the vendor's order; a part is None where a record lacks it.

        Raises:
            ErpError: As `rows`.
        """
        if not parent.name:
            return KeyList([()])
        resource = self.resources[parent.name]
        place = parent.name, parent.source_in(resource)
        with self._locks[parent.name]:
            if parent.name in self._missing:
                raise self._missing[parent.name]
            if again or place not in self._keys:
                try:
                    for _ in self.rows(resource):
                        pass
                except MissingResourceError as error:
                    self._missing[parent.name] = error
                    raise
            return self._keys[place]

    def child(self, resource: AimResource, parent: Parent, key: Key) -> list[Body]:
        """Read the records of one parent.

        Args:
            resource: A resource with parents.
            parent: The parent that the key is of.
            key: A value for each of the parent's members; None where there is none.

        Returns:
            The records, each with its parent's key.

        Raises:
            UnknownRecordError: If the server does not know the parent's record.
            DataError: If the answer makes no sense.
            ErpError: If a call fails.
        """
        members = {k: as_text(v) for k, v in zip(parent.members, key, strict=True) if v is not None}
        if resource.reader is not None:
            records = resource.reader(self._ask_named, next(iter(members.values())))
            if self.block.get("format") == "xml":
                records = [typed(record, self.schema(resource)) for record in records]
        else:
            records = self._children(resource, members)
        found = dict(zip(parent.fields, key, strict=True))
        for number, record in enumerate(records, 1):
            complete(resource, record, members)
            lacks = resource.numbered and not isinstance(record, NoRecord)
            if lacks and record.get(resource.numbered) is None:
                record[resource.numbered] = -number
        return [
            record if isinstance(record, NoRecord) else {**found, **record, **found}
            for record in records
        ]

    def ask(self, resource: AimResource, members: Params) -> Body:
        """Call a resource's operation once and return its answer as it is.

        Args:
            resource: The resource.
            members: Request members, in addition to the resource's own.

        Raises:
            UnknownRecordError: If the server does not know what it was asked for.
            ErpError: If the call fails.
        """
        self.sessions.current()  # first: a failed login must not count as an unknown record
        try:
            return self._read(resource, members)
        except CallError as error:
            if kind_of(error) is Kind.UNKNOWN:
                certain = is_about_record(error)
                raise UnknownRecordError(str(error), certain=certain) from None
            raise

    def schema(self, resource: AimResource) -> Schema:
        """The JSON schema of a resource's records."""
        return schema_of(resource)

    def _listed(
        self, resource: AimResource, listing: AimListing, members: Params
    ) -> t.Iterator[ListedRow]:
        ask = functools.partial(self._page, resource, members)
        for _ in range(_PASSES):
            if resource.paging is None:
                yield from listing.rows(ask, None)
            else:
                expected = functools.partial(coming, resource.paging)
                with ReadAhead(ask, expected, self.transport.budget.limits) as ahead:
                    yield from listing.rows(ahead, resource.paging)
            # What changed since the run began is listed by the next run, if there is a filter.
            if not listing.moved or resource.since in members:
                break
            logger.info("aim_%s: rows moved while they were read; reading again", resource.name)
        listing.whole = listing.whole and listing.proven
        if listing.miscounted and resource.name not in self._miscounted:
            self._miscounted.add(resource.name)
            hint = doctor_hint(VENDOR, "remaining")
            logger.warning("aim_%s: AIM has more records than it says; %s", resource.name, hint)

    def _children(self, resource: AimResource, members: Params) -> list[Body]:
        attempts: tuple[Params, ...] = ({}, *resource.fallbacks)
        for number, more in enumerate(attempts, 1):
            try:
                answer = self.ask(resource, {**members, **more})
            except UnknownRecordError:
                if number == len(attempts):
                    raise
                continue
            if resource.single and "" not in answer:
                return [without_envelope(answer)]
            rows = rows_of(answer, resource.list_name, (), f"aim: {resource.path}")
            if is_cut(answer, len(rows)):
                msg = f"aim: {resource.path} has more records than its answer holds"
                raise DataError(msg)
            return rows
        raise AssertionError  # the last attempt returns or raises

    def _ask_named(self, name: str, members: Params) -> Body:
        return self.ask(self.resources[name], members)

    def _page(self, resource: AimResource, members: Params, offset: int) -> AimPage:
        paging = resource.paging
        place = {paging.from_row: str(offset), paging.at_once: str(paging.rows)} if paging else {}
        answer = self._read(resource, {**members, **place})
        rows = rows_of(answer, resource.list_name, resource.primary_keys, f"aim: {resource.path}")
        for record in rows:
            complete(resource, record, members)
        told = remaining_of(answer) if self._trusts_counts else None
        return AimPage(rows, told, is_cut=is_cut(answer, offset + len(rows)))

    def answer(self, resource: AimResource, members: Params) -> Body:
        """The answer to one call of a resource's operation, empty dates included.

        Args:
            resource: The resource.
            members: Request members, in addition to the resource's own.

        Raises:
            ErpError: As `call_operation`.
        """
        own, _, query = resource.path.partition("?")
        fixed = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        answer = self.call_operation(
            operation_of(own),
            query={**resource.params, **fixed, **members},
            optional=not resource.documented,
            schema=functools.partial(answer_schema_of, resource),
        )
        if not answer:
            msg = f"aim: {own} answered with an empty object"
            raise DataError(msg)
        return answer

    def _read(self, resource: AimResource, members: Params) -> Body:
        return t.cast("Body", without_empty_dates(self.answer(resource, members)))

    def _wanted(self, resource: AimResource) -> set[tuple[str, ...]]:
        """The properties of a resource by which its children are asked for."""
        return {
            parent.source_in(resource)
            for child in self.resources.values()
            for parent in child.parents
            if parent.name == resource.name
        }
