"""What the tap and the target need to know of any vendor."""

from __future__ import annotations

import dataclasses
import importlib
import typing as t

from erp_vendors.http.budget import Clock
from erp_vendors.openapi.pattern import Pattern

if t.TYPE_CHECKING:
    from erp_vendors.http import Transport
    from erp_vendors.settings import Block, Setting

MEMORY = "memory"
"""Where the rate budgets of one process alone are kept."""


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


class CustomSink(t.NamedTuple):
    """How a sink writes that a user has made with the setting `resources`, in words.

    Attributes:
        how: Methods of its calls.
        again: What becomes of a record that the vendor has already.
        lost: What becomes of a record whose answer is lost.
    """

    how: str = "POST"
    again: str = "sent"
    lost: str = "parked as unknown"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One vendor.

    Attributes:
        name: Name of its block and prefix of its streams.
        title: Its name for people.
        settings: Keys of its block.
        client: Makes a client from a block.
        logins: Keys of the block that a login needs; each alternative is enough.
        openapi: How the vendor's own OpenAPI file is to be read.
        custom_sink: How a custom resource is written, for the documentation.
    """

    name: str
    title: str
    settings: tuple[Setting, ...]
    client: t.Callable[[Block, Connection], Client]
    logins: tuple[tuple[str, ...], ...]
    openapi: Pattern = dataclasses.field(default_factory=Pattern)
    custom_sink: CustomSink = dataclasses.field(default_factory=CustomSink)


def client_in(module: str, name: str) -> t.Callable[[Block, Connection], Client]:
    """A function that makes a vendor's client, and imports its module only then.

    Args:
        module: Module of the client's class.
        name: Name of that class.
    """

    def make(block: Block, connection: Connection) -> Client:
        client: Client = getattr(importlib.import_module(module), name)(block, connection)
        return client

    return make
