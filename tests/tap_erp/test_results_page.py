"""The SQL of docs/results.md, on what the tap has read from a ledger."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest

from tests.support.services import postgres_url
from tests.tap_erp.running import run_tap
from tests.tap_erp.test_results import EMPLOYEES, Office

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox
    from tests.tap_erp.running import Message

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "results.md"
EXAMPLES = dict(re.findall(r"```sql\n-- (\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
_TYPES = {"integer": "bigint", "number": "numeric", "boolean": "boolean", "object": "jsonb"}


def sql_type(column: Message) -> str:
    """The type that target-postgres gives a column."""
    if column.get("format") == "date-time":
        return "timestamp"
    kinds = [column["type"]] if isinstance(column["type"], str) else column["type"]
    return _TYPES.get(kinds[0], "text")


def connected(url: str) -> t.Any:
    import psycopg  # noqa: PLC0415 - an extra

    return psycopg.connect(url, autocommit=True)


@pytest.fixture
def office(sandbox: RunningSandbox, tmp_path: pathlib.Path) -> Office:
    return Office(sandbox, tmp_path, str(tmp_path / "ledger.sqlite"))


def test_the_examples_say_what_they_promise(office: Office) -> None:
    office.write(E1="a", E3=None, E4=None)
    file = office.letters / f"{EMPLOYEES}.jsonl"
    letters = [json.loads(line) for line in file.read_text().splitlines()]
    letters[0]["class"] = "conflict"
    letters[0]["conflicts"] = {"rate": {"base": None, "theirs": 2, "ours": 3}}
    file.write_text("".join(f"{json.dumps(letter)}\n" for letter in letters))
    office.write(E2="b", E4="c")
    found = run_tap(office.config)
    with postgres_url() as url, connected(url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        tables: dict[str, list[str]] = {}
        for message in found.messages:
            name = message.get("stream", "")
            if message["type"] == "SCHEMA":
                columns = message["schema"]["properties"]
                tables[name] = list(columns)
                types = ", ".join(f'"{one}" {sql_type(columns[one])}' for one in columns)
                keys = ", ".join(message["key_properties"])
                connection.execute(f"CREATE TABLE {name} ({types}, PRIMARY KEY ({keys}))")
            elif message["type"] == "RECORD":
                row = [message["record"][one] for one in tables[name]]
                values = [json.dumps(v, default=str) if isinstance(v, dict) else v for v in row]
                places = ", ".join(["%s"] * len(row))
                connection.execute(f"INSERT INTO {name} VALUES ({places})", values)  # noqa: S608

        def rows(example: str) -> list[tuple[t.Any, ...]]:
            return connection.execute(EXAMPLES[example]).fetchall()

        employees = office.sandbox.rows("aimsio", "employees")
        there = {row["employeeCode"]: row["employeeGuid"] for row in employees}
        mapped = dict(rows("map"))
        assert mapped
        assert mapped.items() <= there.items()
        (failed,) = rows("failed_today")
        assert failed[:4] == (EMPLOYEES, "employeeCode=E3", "refused", "conflict")
        assert rows("conflicts") == [(EMPLOYEES, "employeeCode=E3", "rate", 2, 3)]
        assert [(row[1], row[2], row[4]) for row in rows("runs")] == [
            (3, EMPLOYEES, "2"),
            (0, EMPLOYEES, "0"),
        ]
    assert set(EXAMPLES) == {"map", "failed_today", "conflicts", "runs"}
