"""Databases of a fleet's own, in the PostgreSQL that tests use."""

from __future__ import annotations

import contextlib
import secrets
import typing as t
import urllib.parse

from tests.support.services import POSTGRES, absent


class Databases(t.NamedTuple):
    """URLs of the databases.

    Attributes:
        fleet: Warehouse, Meltano's system database, ledger and rate budgets.
        airflow: Airflow's own.
    """

    fleet: str
    airflow: str


@contextlib.contextmanager
def databases() -> t.Iterator[Databases]:
    """Make two databases; they are dropped at the end."""
    try:
        import psycopg  # noqa: PLC0415 - an extra

        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except (ImportError, psycopg.OperationalError) as error:
        absent("PostgreSQL on loopback", error)
    name = f"erp_fleet_{secrets.token_hex(4)}"
    names = (name, f"{name}_airflow")
    with contextlib.closing(admin):
        try:
            for one in names:
                admin.execute(f"CREATE DATABASE {one}".encode())
            parts = urllib.parse.urlsplit(POSTGRES)
            yield Databases(*(parts._replace(path=f"/{one}").geturl() for one in names))
        finally:
            for one in names:
                admin.execute(f"DROP DATABASE IF EXISTS {one} WITH (FORCE)".encode())
