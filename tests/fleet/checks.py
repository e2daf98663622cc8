"""What a fleet has to have done, by SQL and by what the vendors saw."""

from __future__ import annotations

import collections
import contextlib
import json
import typing as t
from decimal import Decimal

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

if t.TYPE_CHECKING:
    from tests.fleet.accounts import Account

Json = t.Any
Row = dict[str, Json]

_SHOWN = 500
"""Characters of a row that differs."""
NEW = 4
CHANGED = 3
"""Records that are written back for the first time, and those that exist."""
_NOT_READ = {"MatchedOn"}
"""Columns that the sandbox keeps for itself, beside those that begin with `_`."""
_BACK = {
    "aimsio_employees": """
        SELECT "employeeCode", "employmentType", "employeeStatusUname", "employeeFirstName",
          "employeeLastName", "employeeTradeCode", '+1 780 555 0199' AS "employeePhone"
        FROM (SELECT * FROM {schema}.aimsio_employees ORDER BY "employeeCode" LIMIT {changed}) old
        UNION ALL
        SELECT 'NEW-' || n, 'DIRECT_HIRE', 'active_employee_status', 'New', 'Hand ' || n,
          (SELECT min("employeeTradeCode") FROM {schema}.aimsio_employees), '+1 780 555 0100'
        FROM generate_series(1, {new}) n""",
    "cimcloud_accounts": """
        SELECT ref_id, nm || ' (West)' AS nm
        FROM (SELECT * FROM {schema}.cimcloud_accounts ORDER BY ref_id LIMIT {changed}) old
        UNION ALL SELECT 'NEW-' || n, 'New account ' || n FROM generate_series(1, {new}) n""",
    "aims360_orders": """
        SELECT 'NEW-' || n AS "thirdPartyOrderID",
          (SELECT min("customerID") FROM {schema}.aims360_customers) AS "customerID",
          jsonb_build_array(jsonb_build_object(
            'styleColorID', (SELECT min("styleColorID") FROM {schema}.aims360_style_colors),
            'price', 12.5,
            'sizes', jsonb_build_array(jsonb_build_object('sizeName', 'M', 'orderQuantity', n))
          )) AS "lineItems"
        FROM generate_series(1, {new}) n""",
    "aim_customers": """
        SELECT "Acct", 'accounts+' || "Acct" || '@example.com' AS "Email"
        FROM (SELECT * FROM {schema}.aim_customers ORDER BY "Acct" LIMIT {changed}) old""",
    "pentamic_customers": """
        SELECT "taxCode", name, '0900000199' AS phone
        FROM (SELECT * FROM {schema}.pentamic_customers ORDER BY id LIMIT {changed}) old
        UNION ALL
        SELECT (90000000000 + n)::text, 'New payer ' || n, '0900000100'
        FROM generate_series(1, {new}) n""",
}
"""What is written back, by sink."""
_ONLY_NEW, _ONLY_CHANGED = {"aims360_orders"}, {"aim_customers"}


def make_views(database: str, accounts: t.Iterable[Account]) -> None:
    """Make the views from which records are written back."""
    with psycopg.connect(database, autocommit=True) as connection:
        for account in accounts:
            for sink in account.sinks:
                schema, back = sql.Identifier(account.name), sql.Identifier(f"{account.name}_back")
                rows = sql.SQL(t.cast("t.Any", _BACK[sink])).format(
                    schema=schema, new=sql.Literal(NEW), changed=sql.Literal(CHANGED)
                )
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(back))
                view = sql.SQL("CREATE TABLE {}.{} AS {}").format(back, sql.Identifier(sink), rows)
                connection.execute(view)


def differences(database: str, account: Account) -> list[str]:
    """Where an account's tables differ from its vendor's rows."""
    found = []
    with psycopg.connect(database, autocommit=True, row_factory=dict_row) as connection:
        for stream in account.streams:
            table = sql.Identifier(account.name, stream)
            try:
                loaded = connection.execute(sql.SQL("SELECT * FROM {}").format(table)).fetchall()
            except psycopg.errors.UndefinedTable:
                found.append(f"{account.name}.{stream} does not exist")
                continue
            rows = account.rows(stream)
            if _counted(loaded, rows) != _counted(rows, rows):
                there = min(_counted(rows, rows) - _counted(loaded, rows), default="")
                here = min(_counted(loaded, rows) - _counted(rows, rows), default="")
                found.append(
                    f"{account.name}.{stream}: {len(loaded)} rows, the vendor has {len(rows)}; "
                    f"only there: {there[:_SHOWN]}; only here: {here[:_SHOWN]}"
                )
    return found


def created(account: Account) -> dict[str, int]:
    """Records that the vendor has made, by sink, as it counts them itself."""
    return {sink: _outcome(account, sink, "created") for sink in account.sinks}


def updated(account: Account) -> dict[str, int]:
    """Updates that the vendor has taken, by sink.

    As long as a vendor's answers are not understood, an update, which may be repeated, is sent once
    more before it is read back; that one is not counted.
    """
    found = {sink: _outcome(account, sink, "updated") for sink in account.sinks}
    return {sink: number - (number == CHANGED + 1) for sink, number in found.items()}


def to_create(account: Account) -> dict[str, int]:
    """Records that it has to make."""
    return {sink: 0 if sink in _ONLY_CHANGED else NEW for sink in account.sinks}


def to_update(account: Account) -> dict[str, int]:
    """Updates that it has to take."""
    return {sink: 0 if sink in _ONLY_NEW else CHANGED for sink in account.sinks}


def _outcome(account: Account, sink: str, outcome: str) -> int:
    counts = account.sandbox.report(account.vendor)["writes"]
    return int(counts.get(account.resource(sink), {}).get(outcome, 0))


def doubles(account: Account) -> dict[str, Json]:
    """What the vendor has twice."""
    return dict(account.sandbox.report(account.vendor)["duplicates"])


def most_in_a_second(account: Account) -> int:
    """The most calls that the vendor has counted within any second."""
    begun = sorted(float(call["started"]) for call in account.sandbox.calls(account.vendor))
    recent: collections.deque[float] = collections.deque()
    most = 0
    for moment in begun:
        recent.append(moment)
        while recent[0] <= moment - 1:
            recent.popleft()
        most = max(most, len(recent))
    return most


def _counted(found: t.Iterable[Row], rows: t.Iterable[Row]) -> collections.Counter[str]:
    """Rows as texts without nulls, and without what the vendor or the loader keeps for itself.

    A column that no document names is text in a table, whatever its vendor's values are.
    """
    hidden = {name for row in rows for name in row if name.startswith("_")} | _NOT_READ
    numeric = {name for row in rows for name, one in row.items() if isinstance(one, (int, Decimal))}
    return collections.Counter(
        json.dumps(
            {
                name: _plain(_number(value) if name in numeric else value)
                for name, value in row.items()
                if value is not None and not name.startswith("_sdc") and name not in hidden
            },
            sort_keys=True,
            ensure_ascii=False,
        )
        for row in found
    )


def _number(value: Json) -> Json:
    """A number that a table holds as text."""
    try:
        return Decimal(value) if isinstance(value, str) else value
    except ArithmeticError:
        return value


def _plain(value: Json) -> Json:
    """A value as text: a table may hold a number as text, and an object as JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, Decimal)):
        return f"{Decimal(str(value)).normalize():f}"
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    text = str(value)
    with contextlib.suppress(ValueError):
        if text[:1] in {"{", "["}:
            return _plain(json.loads(text, parse_float=Decimal))
    return text
