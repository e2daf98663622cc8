"""What operations share: errors, the rows in order, pages, date bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from erp_sandbox.aim.seed import CHANGED, moment_text
from erp_sandbox.aim.types import fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from erp_sandbox.aim.options import AimOptions
    from erp_sandbox.aim.types import Fields
    from erp_sandbox.exchange import SandboxCall
    from erp_sandbox.store import Collection, Row
    from erp_sandbox.vendor import Workbench


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}")
"""A moment as it is stored: seven decimals, no zone (DOC, 3.1)."""


class Trouble(Exception):  # noqa: N818 - it becomes an answer
    """An operation fails.

    Attributes:
        code: ErrorCode; a catalogue is UNK (5.2), so these are made up.
        text: ErrorMessage.
        kind: ``operation``, ``auth`` or ``binding``, which decides the form of the answer.
        status: HTTP status, where the answer is an HTTP error.
        payload: Members that the answer has besides Status.
    """

    def __init__(
        self,
        code: str,
        text: str,
        kind: str = "operation",
        status: int = 400,
        payload: Row | None = None,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.kind = kind
        self.status = status
        self.payload = payload or {}


@dataclass
class Ask:
    """One call of an operation.

    Attributes:
        args: Its request members by their documented names; those not sent are not in it.
        call: The HTTP call.
        login: Who is logged in; empty without a token.
        acct: Account of a customer login, None for an employee.
    """

    args: Row
    call: SandboxCall
    login: str = ""
    acct: int | None = None

    def get(self, name: str, otherwise: Any = None) -> Any:  # noqa: ANN401 - of its own kind
        """Return a member, or ``otherwise`` when it is absent, null or empty text."""
        value = self.args.get(name)
        return otherwise if value is None or value == "" else value


Run: TypeAlias = "Callable[[Shop, Ask], Row]"


@dataclass(frozen=True)
class SandboxOperation:
    """One operation of 7.5.

    Attributes:
        name: Its name.
        verbs: HTTP verbs.
        auth: ``S`` needs the Token header, ``B`` does not.
        modules: Modules of which the shop needs one.
        members: Request members.
        answer: Response members beside Status.
        run: What it does; returns the payload beside Status.
        resource: Resource for the report.
        path: Its path, mostly the name.
    """

    name: str
    verbs: tuple[str, ...]
    auth: str
    modules: tuple[str, ...]
    members: Fields
    answer: Fields
    run: Run
    resource: str
    path: str

    @property
    def writes(self) -> bool:
        """Whether a call of it counts as a write in the report."""
        return "GET" not in self.verbs or self.name == "C2BPostContract"


def operation(  # noqa: PLR0917 - one line of a table
    name: str,
    verbs: str,
    auth: str,
    modules: str,
    resource: str,
    members: str,
    answer: str | Fields,
    run: Run,
    path: str = "",
) -> SandboxOperation:
    """Return an operation from one line of the table in 7.5; words are divided by blanks."""
    shown = fields(answer) if isinstance(answer, str) else answer
    words = tuple(verbs.split()), tuple(modules.split())
    return SandboxOperation(
        name, words[0], auth, words[1], fields(members), shown, run, resource, path or name
    )


def fail(code: str, text: str, payload: Row | None = None) -> NoReturn:
    """Let an operation fail.

    Raises:
        Trouble: Always.
    """
    raise Trouble(code, text, payload=payload)


def moved(value: Any, hours: float) -> Any:  # noqa: ANN401 - any value of a row
    """Return a value, or what is inside of it, with its moments so many hours later."""
    if isinstance(value, dict):
        return {name: moved(item, hours) for name, item in value.items()}
    if isinstance(value, list):
        return [moved(item, hours) for item in value]
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
        return value
    return moment_text(datetime.fromisoformat(value[:-1]) + timedelta(hours=hours))


class Shop:
    """The rows of one shop, as operations need them.

    Args:
        bench: Clock and more.
        options: How the open points are settled.
        collections: The rows.
    """

    def __init__(
        self, bench: Workbench, options: AimOptions, collections: dict[str, Collection]
    ) -> None:
        self.bench = bench
        self.options = options
        self.collections = collections

    def now(self) -> str:
        """Return the shop's local time, without a zone (3.1)."""
        moment = datetime.fromtimestamp(self.bench.clock.now(), tz=timezone.utc)
        moment += timedelta(hours=self.options.utc_offset_hours)
        return moment_text(moment.replace(tzinfo=None))

    def rows(self, name: str) -> list[Row]:
        """Return all rows in the order of the option; none is stated (4.2)."""
        table = self.collections[name]
        return table.by_key() if self.options.order == "key" else table.shuffled()

    def put(self, name: str, row: Row) -> Row:
        """Store a row with a new change stamp and return it."""
        row = {**row, CHANGED: self.now()}
        self.collections[name].put(row)
        return row

    def customer(self, acct: object) -> Row:
        """Return a customer.

        Raises:
            Trouble: There is no such account.
        """
        row = self.collections["customers"].get(acct)
        if row is None:
            fail("CustomerNotFound", f"Account {acct} was not found.")
        return row

    def page(self, rows: list[Row], ask: Ask, default: int | None = 100) -> tuple[list[Row], int]:
        """Return a page by StartOffset and RecordCount (4.1), and how many rows follow.

        Raises:
            Trouble: One of them is negative.
        """
        start = ask.get("StartOffset", 0)
        count = ask.get("RecordCount", len(rows) if default is None else default)
        if start < 0 or count < 0:
            fail("InvalidArgument", "StartOffset and RecordCount must not be negative.")
        if self.options.max_records:
            count = min(count, self.options.max_records)
        found = rows[start : start + count]
        return found, max(0, len(rows) - start - len(found))

    def paged(self, member: str, rows: list[Row], ask: Ask, default: int | None = 100) -> Row:
        """Return a page as a payload, with RemainingRecords as the option says."""
        found, left = self.page(rows, ask, default)
        return {member: found, **self.remaining(left)}

    def remaining(self, left: int) -> Row:
        """Return RemainingRecords as the option says."""
        if self.options.remaining == "absent":
            return {}
        return {"RemainingRecords": 0 if self.options.remaining == "zero" else left}

    def between(self, value: object, low: str | None, high: str | None = None) -> bool:
        """Return whether a date lies within bounds that may be absent."""
        if not isinstance(value, str):
            return low is None and high is None
        if self.options.inclusive:
            return (low is None or value >= low) and (high is None or value <= high)
        return (low is None or value > low) and (high is None or value < high)
