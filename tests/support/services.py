"""PostgreSQL and Redis for tests, where they run on loopback; and a browser."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import typing as t
import urllib.parse

import pytest

POSTGRES = os.environ.get("ERP_TESTS_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
REDIS = os.environ.get("ERP_TESTS_REDIS", "redis://127.0.0.1:6379/15")
CHROMIUM = os.environ.get("ERP_TESTS_CHROMIUM", "chromium")
REQUIRE = "ERP_TESTS_REQUIRE_SERVICES"
"""Set in CI, where a skipped test would hide a failure."""


def absent(service: str, reason: object) -> t.NoReturn:
    """Skip the test, or fail it where services are required."""
    message = f"needs {service}: {' '.join(str(reason).split())}"
    if os.environ.get(REQUIRE):
        pytest.fail(message)
    pytest.skip(message)


@contextlib.contextmanager
def postgres_url() -> t.Iterator[str]:
    """A URL that leads into an empty schema of its own."""
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError as error:
        absent("PostgreSQL on loopback", error)
    name = f"erp_test_{secrets.token_hex(6)}"
    try:
        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        absent("PostgreSQL on loopback", error)
    with contextlib.closing(admin):
        admin.execute(f"CREATE SCHEMA {name}")
        try:
            option = urllib.parse.quote(f"-csearch_path={name}")
            yield f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options={option}"
        finally:
            admin.execute(f"DROP SCHEMA {name} CASCADE")


def redis_url() -> str:
    """A URL of a database that tests may use."""
    try:
        import redis  # noqa: PLC0415 - an extra
    except ImportError as error:
        absent("Redis on loopback", error)
    try:
        with contextlib.closing(redis.Redis.from_url(REDIS, socket_timeout=3)) as client:
            client.ping()
    except redis.RedisError as error:
        absent("Redis on loopback", error)
    return REDIS


def chromium() -> str:
    """Path of a browser."""
    path = shutil.which(CHROMIUM)
    if path is None:
        absent("Chromium", f"there is no {CHROMIUM}; install it, or name it in ERP_TESTS_CHROMIUM")
    return path
