"""What AIM has of its customers: one listing a run (aim.md 4.1, 7), under the names for writing."""

from __future__ import annotations

import threading
import typing as t

from erp_ledger.field_hashes import canonical
from erp_vendors import schemas
from target_erp.delivery import RefusedError
from target_erp.delivery.model import ABSENT, LookUpResult
from target_erp.writers.aim_alike import Alike, compare, is_given
from target_erp.writers.aim_asking import look_up
from target_erp.writers.aim_members import renamed
from target_erp.writers.keys import beside_match

if t.TYPE_CHECKING:
    from erp_vendors.aim.client import AimClient
    from erp_vendors.aim.operations import AimWriteSpec
    from target_erp.delivery.model import Body

_LISTED = 5
_PERSON = {"Name": "Name", "Email": "Email", "HomePhone": "Phone"}
"""Members that tell customers apart, and what they are called when they are compared."""


class AimCustomers:
    """The customers of a shop; safe to use from many threads."""

    def __init__(self, client: AimClient, sink: AimWriteSpec) -> None:
        """Read nothing yet.

        Args:
            client: Calls the shop's server.
            sink: How customers are written.
        """
        self._client = client
        self._sink = sink
        self._rows: dict[str, Body] | None = None
        self._whole = False
        self._lock = threading.Lock()
        read = schemas.load("aim", sink.name)["properties"]
        self._shown = {*sink.names.values(), *(name for name in read if name not in sink.names)}

    def shows(self, name: str) -> bool:
        """Whether the listing shows a member.

        Args:
            name: Its name when it is written.
        """
        return name in self._shown

    def look(self, members: Body, match_on: tuple[str, ...]) -> LookUpResult | RefusedError:
        """Look for a customer: by account, by the key of the sync, or by what tells people apart.

        Args:
            members: Its members, with its account if that is known.
            match_on: The business key of the sync, if that is the key.

        Raises:
            ErpError: If the shop cannot be asked.
        """
        with self._lock:
            if self._rows is None:
                self._rows = self._read()
            acct = members.get("Acct")
            if match_on:
                return self._by_key(members, match_on)
            if is_given(acct):
                row = self._rows.get(str(acct))
                return LookUpResult.found(str(acct), row) if row else self._single(str(acct))
            return self._by_person(members)

    def note_written(self, acct: str | None, body: Body) -> None:
        """Note what this run has written, as the listing is older.

        Args:
            acct: The customer's account; None if it is not known.
            body: What was sent.
        """
        with self._lock:
            if self._rows is not None and acct:
                self._rows[acct] = {**self._rows.get(acct, {}), **body, "Acct": acct}

    def _read(self) -> dict[str, Body]:
        resource = self._client.resources[self._sink.name]
        rows: dict[str, Body] = {}
        for listed in self._client.rows(resource, keep_keys=False):
            if is_given(listed.record.get("Acct")):
                rows[str(listed.record["Acct"])] = renamed(listed.record, self._sink.names)
        self._whole = self._client.whole.get(resource.name, False)
        return rows

    def _by_key(self, members: Body, names: tuple[str, ...]) -> LookUpResult | RefusedError:
        wanted = [canonical(members.get(name)).casefold() for name in names]
        found = [
            row
            for row in (self._rows or {}).values()
            if [canonical(row.get(name)).casefold() for name in names] == wanted
        ]
        if len(found) > 1:
            accounts = ", ".join(str(row["Acct"]) for row in found[:_LISTED])
            said = ", ".join(str(members.get(name)) for name in names)
            msg = f"{len(found)} customers have the {', '.join(names)} {said} ({accounts})"
            return RefusedError(msg, reason="ambiguous")
        if found:
            return LookUpResult.found(str(found[0]["Acct"]), found[0])
        acct = str(members.get("Acct"))
        return beside_match("Acct", acct, names) if acct in (self._rows or {}) else self._nobody()

    def _by_person(self, members: Body) -> LookUpResult:
        person = {column: members.get(name) for name, column in _PERSON.items()}
        possible = [
            row
            for row in (self._rows or {}).values()
            if compare(person, {column: row.get(n) for n, column in _PERSON.items()})
            is not Alike.OTHER
        ]
        if not possible:
            return self._nobody()
        row = possible[0]
        same = compare(person, {column: row.get(n) for n, column in _PERSON.items()})
        if len(possible) == 1 and same is Alike.SAME:
            return LookUpResult.found(str(row["Acct"]), row)
        accounts = ", ".join(str(row["Acct"]) for row in possible[:_LISTED])
        return LookUpResult.cannot_tell(
            f"whether this customer is the account {accounts} is not certain"
        )

    def _single(self, acct: str) -> LookUpResult:
        """A customer that the listing lacks, asked for alone."""
        resource = self._client.resources["customer_info"]
        answer = look_up(self._client, resource, {"Acct": acct})
        if answer is None:
            return ABSENT
        row = answer.get("Customer")
        if not isinstance(row, dict) or str(row.get("Acct")) != acct:
            return LookUpResult.cannot_tell(f"CustomerInfo does not show the account {acct}")
        return LookUpResult.found(acct, renamed(row, self._sink.names))

    def _nobody(self) -> LookUpResult:
        if self._whole:
            return ABSENT
        return LookUpResult.cannot_tell("the list of customers is not proven to be whole")
