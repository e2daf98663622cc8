"""PostgreSQL for benchmarks, on loopback (`ERP_BENCH_POSTGRES` says where)."""

from __future__ import annotations

import contextlib
import os
import secrets
import typing as t

POSTGRES = os.environ.get("ERP_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
Database = t.Any


@contextlib.contextmanager
def connected() -> t.Iterator[Database]:
    """A connection.

    Raises:
        OSError: If there is no server.
    """
    import psycopg  # noqa: PLC0415 - an extra

    try:
        database = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        raise OSError(str(error)) from None
    with database:
        yield database


@contextlib.contextmanager
def schema_in(database: Database) -> t.Iterator[str]:
    """An empty schema.

    Args:
        database: A connection.
    """
    name = f"erp_bench_{secrets.token_hex(4)}"
    database.execute(f"create schema {name}")
    try:
        yield name
    finally:
        database.execute(f"drop schema {name} cascade")
