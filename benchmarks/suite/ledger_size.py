"""How large the ledger is: bytes on the disk for each record that the target has written.

The target writes records of 20 fields to a vendor that takes everything at once, with its ledger in
SQLite and in PostgreSQL. The run's own line and the empty tables count, which matter less the more
records there are. In PostgreSQL, indexes count as well, and rows that have been replaced and not
yet vacuumed.
"""

from __future__ import annotations

import pathlib
import tempfile
import urllib.parse

from benchmarks.harness import Report, Samples
from benchmarks.postgres import POSTGRES, connected, schema_in
from benchmarks.processes import execute, ours
from benchmarks.records import PLAIN, messages
from benchmarks.suite.null_target import settings
from benchmarks.work import NULL_STREAM

_SIZES = (10_000, 100_000)
_SIZE = """SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = %s"""


def run(*, quick: bool) -> Report:
    """Measure."""
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for records in _SIZES[:1] if quick else _SIZES:
            source = folder / "input.jsonl"
            with source.open("wb") as file:
                file.writelines(messages(PLAIN, NULL_STREAM, range(records)))
            config = settings(folder, f"{records}.sqlite")
            execute(*ours("null_target", config=config), stdin=source)
            # SQLite's log of what is not yet in the file counts as well.
            size = sum(path.stat().st_size for path in folder.glob(f"{records}.sqlite*"))
            report.sides[f"ledger of {records:,} records"] = Samples([size / records], "bytes each")
        try:
            with connected() as database, schema_in(database) as schema:
                place = f"{POSTGRES}?options={urllib.parse.quote(f'-csearch_path={schema}')}"
                execute(*ours("null_target", config={**config, "ledger": place}), stdin=source)
                (size,) = database.execute(_SIZE, (schema,)).fetchone()
        except (ImportError, OSError) as error:
            report.notes.append(f"no PostgreSQL: {' '.join(str(error).split())}")
        else:
            side = f"ledger of {records:,} records in PostgreSQL"
            report.sides[side] = Samples([float(size) / records], "bytes each")
    return report
