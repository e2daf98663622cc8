"""What a shared rate budget costs: operations of its store, and time, for each call.

One process makes calls that take no time, under a limit of 50 a second. Redis and PostgreSQL are
looked for on loopback (`ERP_BENCH_REDIS`, `ERP_BENCH_POSTGRES` say where), and count what they are
asked for themselves: Redis its commands, PostgreSQL its transactions.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pathlib
import secrets
import tempfile
import time
import typing as t

from benchmarks.harness import Report, Samples
from benchmarks.postgres import POSTGRES, connected
from erp_vendors.http.budget import Budget, Limits
from erp_vendors.http.store import open_store

REDIS = os.environ.get("ERP_BENCH_REDIS", "redis://127.0.0.1:6379/14")
_LIMITS = Limits(50, 4)
_SETTLE_SECONDS = 0.5


def run(*, quick: bool) -> Report:
    """Measure."""
    report = Report()
    calls = 50 if quick else 500
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        _measure(report, "SQLite", str(pathlib.Path(folder) / "budget.sqlite"), calls)
        for title, opened in (("Redis", _redis), ("PostgreSQL", _postgres)):
            try:
                place, count = stack.enter_context(opened())
            except (ImportError, OSError) as error:
                report.notes.append(f"no {title}: {' '.join(str(error).split())}")
            else:
                _measure(report, title, place, calls, count)
    return report


def _measure(
    report: Report, title: str, place: str, calls: int, count: t.Callable[[], int] | None = None
) -> None:
    account = secrets.token_hex(4)
    before = count() if count else 0
    budget = Budget("bench", _LIMITS, shared=open_store(place, account, _LIMITS.rates()))
    busy = time.process_time()
    for _ in range(calls):
        with budget.call():
            budget.pace()
    busy = time.process_time() - busy
    del budget
    gc.collect()  # closes the store's connections; a server counts up when they end
    report.sides[f"{title}: the process is busy"] = Samples([1000 * busy / calls], "ms a call")
    if count:
        time.sleep(_SETTLE_SECONDS)
        made = (count() - before) / calls
        report.sides[f"{title}: operations"] = Samples([made], "a call")


@contextlib.contextmanager
def _redis() -> t.Iterator[tuple[str, t.Callable[[], int]]]:
    import redis  # noqa: PLC0415 - an extra

    with contextlib.closing(redis.Redis.from_url(REDIS, socket_timeout=3)) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            raise OSError(str(error)) from None
        # Commands inside of scripts count as well.
        yield REDIS, lambda: sum(one["calls"] for one in client.info("commandstats").values())


@contextlib.contextmanager
def _postgres() -> t.Iterator[tuple[str, t.Callable[[], int]]]:
    """A database of its own, so that nothing but the budget is counted."""
    name = f"erp_bench_{secrets.token_hex(4)}"
    counted = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s"
    with connected() as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            place = POSTGRES.rpartition("/")[0] + f"/{name}"
            yield place, lambda: int(admin.execute(counted, (name,)).fetchone()[0])
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
