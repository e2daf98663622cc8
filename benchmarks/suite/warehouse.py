"""Into PostgreSQL: tap-erp with meltanolabs-target-postgres, beside dlt; there is no bar.

Both read the same records and load them into an empty schema, and are measured as whole processes,
with their start: what a scheduled run takes. Then the tables are compared with the records in SQL.
PostgreSQL is looked for on loopback (`ERP_BENCH_POSTGRES` says where).
"""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import re
import tempfile
import typing as t
import urllib.parse

from benchmarks.environments import Peer, peer
from benchmarks.harness import Report, interleave
from benchmarks.postgres import POSTGRES, Database, connected, schema_in
from benchmarks.processes import Server, execute, piped, serving
from benchmarks.records import PLAIN, Shape
from benchmarks.suite.raw_tap import STREAM, reading
from benchmarks.vendors import CUSTOMERS

DEFAULT = "tap-erp, target-postgres as it comes"
FAST = "tap-erp, target-postgres as in meltano.yml"
DLT = "dlt, rest_api into postgres"
SETTINGS = {"validate_records": False, "batch_size_rows": 50_000}
"""What meltano.yml sets (docs/warehouses.md)."""


def run(*, quick: bool) -> Report:
    """Measure."""
    records, times = (2_000, 1) if quick else (10_000, 3)
    report = Report()
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(connected())
        except (ImportError, OSError) as error:
            report.notes.append(f"no PostgreSQL: {' '.join(str(error).split())}")
            return report
        server = stack.enter_context(serving(records))
        sides: dict[str, t.Callable[[str], float]] = {}
        loader = peer("target-postgres", "")
        if isinstance(loader, str):
            report.notes.append(loader)
        else:
            sides[DEFAULT] = functools.partial(_singer, loader, server, {}, records)
            sides[FAST] = functools.partial(_singer, loader, server, SETTINGS, records)
        dlt = peer("dlt", "dlt_load")
        if isinstance(dlt, str):
            report.notes.append(dlt)
        else:
            sides[DLT] = functools.partial(_dlt, dlt, server, records)
        exact: dict[str, str] = {}

        def measure(title: str) -> float:
            with schema_in(database) as schema:
                rate = sides[title](schema)
                exact[title] = _exactness(database, schema, title, records)
                return rate

        interleave(
            report, {name: functools.partial(measure, name) for name in sides}, times, "records/s"
        )
    for title in sides:
        ratio = report.ratio(title, DLT)
        beside = f"; {ratio:.2f}x dlt" if ratio is not None and title != DLT else ""
        report.notes.append(f"{title}: {exact[title]}{beside}")
    return report


def _singer(
    loader: Peer, server: Server, settings: dict[str, t.Any], records: int, schema: str
) -> float:
    """Records a second of the tap piped into the loader."""
    where = urllib.parse.urlsplit(POSTGRES)
    config = {
        "host": where.hostname,
        "port": where.port or 5432,
        "user": where.username,
        "password": where.password or "none",
        "database": where.path.strip("/"),
        "default_target_schema": schema,
        **settings,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "loader.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        command, job = reading(server)
        result = str(pathlib.Path(folder) / "result.json")
        with piped([*command, json.dumps({**job, "result": result})]) as lines:
            program = str(loader.python.parent / "target-postgres")
            done = execute([program, "--config", str(file)], stdin=lines)
    return records / done.wall


def _dlt(dlt: Peer, server: Server, records: int, schema: str) -> float:
    """Records a second of dlt's pipeline."""
    where = urllib.parse.urlsplit(POSTGRES)
    user, _, host = where.netloc.rpartition("@")
    # It asks for a password even where the server does not.
    credentials = user if ":" in user else f"{user}:none"
    address = where._replace(netloc=f"{credentials}@{host}").geturl()
    job = {"url": server.url, "postgres": address, "schema": schema}
    return records / dlt.run(job).wall


def _exactness(database: Database, schema: str, title: str, records: int) -> str:
    """How many rows are the vendor's in every column; stamps count as moments.

    Numbers in columns of text must have the same digits; so are undocumented columns loaded.
    """
    shape, table = (PLAIN, "items") if title == DLT else (CUSTOMERS, STREAM)
    database.execute("create temporary table if not exists expected (row jsonb)")
    database.execute("truncate expected")
    with database.cursor() as cursor, cursor.copy("copy expected from stdin") as copy:
        for number in range(records):
            copy.write_row([shape.render(number).decode()])
    columns = database.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_schema = %s and table_name = %s",
        [schema, table],
    ).fetchall()
    known = dict(columns)
    pairs = [(name, name if name in known else _snake(name)) for name in _names(shape)]
    same = [
        _same(name, column, known[column], is_stamp=name == shape.stamp)
        for name, column in pairs
        if column in known
    ]
    key = dict(pairs)[shape.key]
    (right,) = database.execute(
        f'select count(*) from "{schema}"."{table}" a '  # noqa: S608 - names of our own
        f"join expected e on a.\"{key}\" = e.row ->> '{shape.key}' where {' and '.join(same)}"
    ).fetchone()
    return f"{right} of {records} rows are exact"


def _same(name: str, column: str, kind: str, *, is_stamp: bool) -> str:
    """The condition that a column has the vendor's value."""
    held, sent = f'a."{column}"', f"e.row ->> '{name}'"
    if is_stamp:
        return f"({held}::timestamptz = ({sent})::timestamptz)"
    return f"({held} = {sent})" if kind == "text" else f"(to_jsonb({held}) = e.row -> '{name}')"


def _names(shape: Shape) -> list[str]:
    """The columns that are compared: all but those that are always null."""
    return [name for name, value in json.loads(shape.render(1)).items() if value is not None]


def _snake(name: str) -> str:
    """How dlt writes a column's name."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
