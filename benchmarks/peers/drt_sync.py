"""A drt sync: the rows of an SQLite table, a POST each, to a REST endpoint without a limit."""

import json
import os
import pathlib
import sqlite3
import sys
import time

JOB = json.loads(sys.argv[1])
HERE = pathlib.Path.cwd()
os.environ["HOME"] = str(HERE)

from drt.cli.main import app  # noqa: E402

PROFILES = """\
dev:
  type: sqlite
  database: {database}
"""
PROJECT = """\
name: items
profile: dev
"""
SYNC = """\
name: items
model: ref('items')
destination:
  type: rest_api
  url: "{url}/plain"
  method: POST
  headers:
    Content-Type: "application/json"
sync:
  mode: full
  batch_size: 100
  rate_limit:
    requests_per_second: 100000
  on_error: fail
"""

database = HERE / "items.sqlite"
names = list(JOB["rows"][0])
with sqlite3.connect(database) as connection:
    connection.execute(f"CREATE TABLE items ({', '.join(names)})")
    values = [tuple(row[name] for name in names) for row in JOB["rows"]]
    connection.executemany(f"INSERT INTO items VALUES ({', '.join('?' * len(names))})", values)  # noqa: S608
(HERE / ".drt").mkdir()
(HERE / ".drt" / "profiles.yml").write_text(PROFILES.format(database=database))
(HERE / "drt_project.yml").write_text(PROJECT)
(HERE / "syncs").mkdir()
(HERE / "syncs" / "items.yml").write_text(SYNC.format(url=JOB["url"]))
started = time.perf_counter()
app(["run"], standalone_mode=False)
seconds = time.perf_counter() - started
said = {"seconds": seconds, "records": len(JOB["rows"])}
pathlib.Path(JOB["result"]).write_text(json.dumps(said))
