"""What the tap and the target need to know of any vendor."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_vendors.http import Transport, TransportOptions
from erp_vendors.http.budget import Budget, Clock, Limits
from erp_vendors.http.store import MEMORY, open_store

if t.TYPE_CHECKING:
    from erp_vendors.http.auth import Auth
    from erp_vendors.http.policy import Rule
    from erp_vendors.settings import Block, Setting


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What all vendors of a run share.

    Attributes:
        user_agent: User-Agent header.
        clock: Time, waiting, and the wish to stop.
        rate_limit_store: Where the rate budgets are kept: `memory`, or what other processes share.
    """

    user_agent: str = "erp-singer"
    clock: Clock = dataclasses.field(default_factory=Clock)
    rate_limit_store: str = MEMORY


class Client(t.Protocol):
    """A vendor's client, as far as it is the same for all."""

    transport: Transport

    def check(self) -> None:
        """Prove that the credentials work, with calls that change nothing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One vendor.

    Attributes:
        name: Name of its block and prefix of its streams.
        title: Its name for people.
        settings: Keys of its block.
        client: Makes a client from a block.
    """

    name: str
    title: str
    settings: tuple[Setting, ...]
    client: t.Callable[[Block, Connection], Client]


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
    """
    verify: bool | str = block.get("verify_tls")
    if verify and block.get("ca_bundle"):
        verify = block.get("ca_bundle")
    options = TransportOptions(
        vendor=block.vendor,
        base_url=base_url,
        timeout=block.get("timeout_seconds"),
        verify=verify,
        user_agent=connection.user_agent,
        rules=rules,
        obey_rate_headers=obey_rate_headers,
        pins=pins or {},
    )
    shared = None
    if connection.rate_limit_store != MEMORY:
        shared = open_store(connection.rate_limit_store, block.account, limits.rates())
    return Transport(options, Budget(block.vendor, limits, connection.clock, shared), auth)
