"""Configurations of the plugins for the server; limits are lifted unless a benchmark sets them."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    import pathlib

NO_LIMIT = 100_000
"""Calls per second that nothing here reaches."""


def files(ledger: pathlib.Path) -> dict[str, t.Any]:
    """Where a target writes: beside its ledger."""
    dead_letters = str(ledger.with_suffix(".dead"))
    return {"ledger": str(ledger), "dead_letters": dead_letters, "report_file": "none"}


def aims360(url: str, **settings: t.Any) -> dict[str, t.Any]:
    """AIMS360."""
    block = {"api_url": url, "access_token": "token", "requests_per_second": NO_LIMIT}
    return {"aims360": {**block, **settings}}


UNDERSTOOD = [{"name": "employees", "success": {"status": 200, "type": "object"}}]
"""Resources of Aimsio: what its answers to writes look like, which the vendor does not document.

The server keeps nothing that could be read back, by which the target would learn it."""


def aimsio(url: str, **settings: t.Any) -> dict[str, t.Any]:
    """Aimsio."""
    block = {"api_url": url, "username": "user", "password": "secret-word"}
    return {"aimsio": {**block, "requests_per_second": NO_LIMIT, **settings}}


def aim(url: str, **settings: t.Any) -> dict[str, t.Any]:
    """AIM; one call at once is its default."""
    block = {
        "api_url": f"{url}/aim/api",
        "api_key": "secret-key",
        "app_id": "benchmark",
        "username": "1",
        "password": "secret-word",
    }
    return {"aim": {**block, "requests_per_second": NO_LIMIT, **settings}}


def cimcloud(url: str, **settings: t.Any) -> dict[str, t.Any]:
    """CIMcloud."""
    block = {
        "api_url": url,
        "site_name": "site",
        "auth_key": "secret-key",
        "username": "user",
        "password": "secret-word",
    }
    return {"cimcloud": {**block, "requests_per_second": NO_LIMIT, **settings}}


def pentamic(url: str) -> dict[str, t.Any]:
    """Pentamic Accounting."""
    return {
        "pentamic": {
            "api_url": f"{url}/pentamic/api",
            "token_url": f"{url}/pentamic/token",
            "client_id": "client",
            "client_secret": "secret-word",
            "scope": "pa-api",
        }
    }
