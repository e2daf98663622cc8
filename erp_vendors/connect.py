"""Builds the transport of a vendor's client from the vendor's settings and those of the run."""

from __future__ import annotations

import typing as t

from erp_vendors.http import Transport, TransportOptions
from erp_vendors.http.budget import Budget, Limits
from erp_vendors.http.store import open_store
from erp_vendors.vendor import MEMORY

if t.TYPE_CHECKING:
    from erp_vendors.http.auth import Auth
    from erp_vendors.http.policy import Rule
    from erp_vendors.settings import Block
    from erp_vendors.vendor import Connection


def connect(
    block: Block,
    connection: Connection,
    *,
    base_url: str,
    limits: Limits,
    auth: Auth | None = None,
    rules: tuple[Rule, ...] = (),
    obey_rate_headers: bool = False,
    pins: t.Mapping[str, str] | None = None,
    login_check: str = "",
    trusted: tuple[str, ...] = (),
) -> Transport:
    """Build a vendor's transport from its block.

    Args:
        block: The vendor block.
        connection: What all vendors of the run share.
        base_url: Address that paths are appended to.
        limits: What the vendor permits.
        auth: Credentials.
        rules: The vendor's own rows of the retry policy.
        obey_rate_headers: Obey `X-RateLimit-*`.
        pins: See `TransportOptions`.
        login_check: See `TransportOptions`.
        trusted: See `TransportOptions`.
    """
    verify: bool | str = block.get("verify_tls")
    if verify and block.get("ca_bundle"):
        verify = block.get("ca_bundle")
    options = TransportOptions(
        vendor=block.vendor,
        base_url=base_url,
        timeout=float(
            block.get("timeout_seconds")
        ),  # it is a Decimal where the configuration file says 2.5
        verify=verify,
        user_agent=connection.user_agent,
        rules=rules,
        obey_rate_headers=obey_rate_headers,
        pins=pins or {},
        login_check=login_check,
        trusted=trusted,
        max_answer_bytes=int(block.get("max_answer_bytes")),
    )
    shared = None
    if connection.rate_limit_store != MEMORY:
        shared = open_store(connection.rate_limit_store, block.account, limits.rates())
    return Transport(options, Budget(block.vendor, limits, connection.clock, shared), auth)
