"""target-duckdb with a file of its own, and what its tables hold."""

from __future__ import annotations

import decimal
import json
import typing as t

from tests.support.programs import program, run
from tests.warehouses.vendor_tables import DERIVED

if t.TYPE_CHECKING:
    import pathlib

Message = dict[str, t.Any]

LOADER = "target-duckdb==0.8.0"
RIGHT = "duckdb<1.3"
WRONG = "duckdb==2.0.1"
"""One that loses rows with this loader (docs/warehouses.md)."""
_ASK = """
import duckdb, json, sys
with duckdb.connect(sys.argv[1]) as database:
    database.execute("use erp")
    answers = []
    for statements in json.load(sys.stdin):
        found = database.execute(statements)
        names = [column[0] for column in found.description or ()]
        answers.append([dict(zip(names, row)) for row in found.fetchall()])
    print(json.dumps(answers, default=str))
"""
CONFIG = {
    "default_target_schema": "erp",
    "primary_key_required": False,
    "add_metadata_columns": True,
}


class Duck:
    """A warehouse.

    Attributes:
        file: Its database.
        state: What the loader said last, as a runner would keep it.
    """

    def __init__(self, folder: pathlib.Path, duckdb: str = RIGHT) -> None:
        self.file = folder / "erp.duckdb"
        self.state: Message = {}
        self._folder = folder
        self._requirements = (LOADER, duckdb)

    def load(self, lines: bytes, **settings: t.Any) -> None:
        """Run the loader on what a tap said, to its end."""
        config = self._folder / "loader.json"
        config.write_text(json.dumps({"filepath": str(self.file), **CONFIG, **settings}))
        command = program("target-duckdb", *self._requirements)
        said = run(command, self._folder, "--config", config, lines=lines).splitlines()
        if said:
            self.state = json.loads(said[-1])

    def rows(self, statements: str) -> list[Message]:
        """The rows that the last of some statements gives."""
        return self.answers([statements])[0]

    def answers(self, questions: list[str]) -> list[list[Message]]:
        """The rows that each question gives: the last of its statements."""
        python = program("python", *self._requirements)
        script = self._folder / "ask.py"
        script.write_text(_ASK)
        lines = json.dumps(questions).encode()
        answer = run(python, self._folder, script, self.file, lines=lines)
        return t.cast("list[list[Message]]", json.loads(answer))


def as_loaded(stream: str, row: Message) -> Message:
    """A row of a vendor as this loader holds it (docs/warehouses.md), without null."""
    return {
        name.lower(): _value(value)
        for name, value in row.items()
        if name not in DERIVED.get(stream, ()) and value is not None and value != ""
    }


def read_back(row: Message, wanted: t.Container[str]) -> Message:
    """A loaded row in the same form."""
    return {
        name: _value(_parsed(value))
        for name, value in row.items()
        if name in wanted and value is not None
    }


def _parsed(value: t.Any) -> t.Any:
    nested = isinstance(value, str) and value[:1] in {"{", "["}
    return json.loads(value) if nested else value


def _value(value: t.Any) -> t.Any:
    """Numbers are floats, and as text they have lost their last digits."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, decimal.Decimal)):
        return float(value)
    if isinstance(value, dict):
        return {key: _value(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_value(one) for one in value]
    try:
        return float(value)
    except ValueError:
        return value.lower() if value in {"True", "False"} else value
