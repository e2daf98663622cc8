"""The seam between the sandbox and one vendor: call, answer, vendor, registry."""

from __future__ import annotations

import importlib
import pkgutil
import random
from abc import ABC, abstractmethod
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, unquote

from erp_sandbox import jsontext
from erp_sandbox.limits import Limiter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from erp_sandbox.clock import SandboxClock
    from erp_sandbox.recorder import Recorder
    from erp_sandbox.store import Collection, Row, TableShape, TableStore


CUT = "cut"
TIMEOUT = "timeout"


class CutConnection(Exception):  # noqa: N818 - not an error: the vendor hangs up
    """Raised to close the TCP connection without an answer.

    Attributes:
        outcome: What the log says instead of a status, for instance ``timeout``.
    """

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass
class SandboxAnswer:
    """What a vendor answers.

    Attributes:
        status: HTTP status.
        body: The exact bytes.
        content_type: Value of the Content-Type header.
        headers: Further headers.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - carries an ordinary answer out of nested code
    """Raised by a vendor to answer at once with something else than success."""

    def __init__(self, answer: SandboxAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> SandboxAnswer:
    """Return an answer with a JSON body."""
    return SandboxAnswer(status, jsontext.dumps(value), headers=dict(headers or {}))


def text_answer(text: str, status: int, headers: dict[str, str] | None = None) -> SandboxAnswer:
    """Return an answer with a plain text body."""
    return SandboxAnswer(status, text.encode(), "text/plain; charset=utf-8", dict(headers or {}))


@dataclass
class SandboxCall:
    """One request to a vendor.

    Attributes:
        vendor: Name of the vendor.
        method: HTTP verb in upper case.
        raw_path: Path after the vendor's prefix, still percent-encoded, with its first slash.
        query: Query string, still percent-encoded.
        headers: Header names in lower case.
        body: The exact bytes received.
        template: Path with its variable parts named; a vendor sets it for the report.
        resource: Resource written or read, once the vendor knows it.
        private: True keeps the body out of the log (it holds a credential).
        outcomes: Counts of records written, by outcome; a vendor fills it.
    """

    vendor: str
    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    template: str = ""
    resource: str = ""
    private: bool = False
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Percent-decoded path after the vendor's prefix."""
        return unquote(self.raw_path)

    def parameters(self) -> dict[str, str]:
        """Return the decoded query parameters; of repeated ones the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> Any:  # noqa: ANN401 - JSON is whatever the caller sent
        """Return the decoded body.

        Raises:
            ValueError: The body is not JSON.
        """
        return jsontext.loads(self.body)

    def basic_credentials(self) -> tuple[str, str] | None:
        """Return user name and password of a Basic Authorization header, or None."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, colon, password = b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        return (user, password) if colon else None

    def count(self, outcome: str, records: int = 1) -> None:
        """Add written records to this call's outcomes (created, updated, refused, queued)."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + records


@dataclass
class Workbench:
    """What all vendors share.

    Attributes:
        store: The rows.
        clock: The vendors' clock.
        recorder: The log and the counters.
        size: Rows per resource when data is made.
        seed: Seed of everything random.
        limits: False lets every call through at once.
        limit_scale: Factor on the vendors' allowed rates.
    """

    store: TableStore
    clock: SandboxClock
    recorder: Recorder
    size: int = 60
    seed: int = 1
    limits: bool = True
    limit_scale: float = 1.0

    def random(self, name: str) -> random.Random:
        """Return a generator that depends on the seed and a name only."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311 - test data, not secrets


class SandboxVendor(ABC):
    """One vendor.

    A sub-package makes a subclass and exports it as ``VENDOR``. Class attributes name the vendor
    and its options (a dataclass whose fields become command line options, see
    :mod:`erp_sandbox.config`); the methods say what rows there are and how calls are answered.
    All of them run on the server's one event loop, so a handler that does not await cannot be
    interrupted half way.
    """

    name: ClassVar[str]
    Options: ClassVar[type[Any]]

    def __init__(self, bench: Workbench, options: Any) -> None:  # noqa: ANN401 - see Options
        self.bench = bench
        self.options = options
        self.collections: dict[str, Collection] = {}
        for shape in self.shapes():
            self.collections[shape.name] = bench.store.open(self.name, shape)
        self.limiter = self.make_limiter() if bench.limits else Limiter()

    @abstractmethod
    def shapes(self) -> Iterable[TableShape]:
        """Return how each resource is kept. Called once, after ``options`` is set."""

    @abstractmethod
    def seed(self) -> None:
        """Fill the empty collections with ``bench.size`` rows each, the same for equal seeds."""

    @abstractmethod
    async def handle(self, call: SandboxCall) -> SandboxAnswer:
        """Answer one call. A raised :class:`Refusal` counts as an answer too."""

    @abstractmethod
    def stamp(self) -> object:
        """Return the present time in the form of this vendor's change stamps."""

    @abstractmethod
    def new_key(self, collection: Collection) -> object:
        """Return a fresh primary key for a collection."""

    @abstractmethod
    def about(self) -> dict[str, object]:
        """Return ``base_url`` (a path, made absolute by the index page) and ``credentials``."""

    @classmethod
    @abstractmethod
    def credentials_text(cls, options: Any) -> str:  # noqa: ANN401 - see Options
        """Return the demo credentials in one line, for the command's help."""

    def make_limiter(self) -> Limiter:
        """Return the vendor's rate limit."""
        return Limiter()

    def completed(self, collection: Collection, row: Row) -> Row:  # noqa: ARG002 - for overriders
        """Return a row inserted through the control endpoints with its derived columns filled."""
        return row

    def expire_tokens(self) -> int:
        """Kill all tokens and return how many there were."""
        return 0

    def extra_report(self) -> dict[str, object]:
        """Return what the report should say beyond the common counters."""
        return {}

    async def stop(self) -> None:  # noqa: B027 - most vendors have nothing to finish
        """Finish background work before the server ends."""

    def reset_data(self) -> None:
        """Throw all rows away and make them anew."""
        self.bench.store.clear(self.name)
        self.seed()
        self.bench.store.mark_seeded(self.name)

    def ensure_data(self) -> None:
        """Make the rows, unless the database file already holds them."""
        if not self.bench.store.is_seeded(self.name):
            self.reset_data()

    def collection(self, name: str) -> Collection | None:
        """Return a collection by its resource name or an alias, without regard to case."""
        wanted = name.lower()
        for collection in self.collections.values():
            shape = collection.shape
            if wanted in {shape.name.lower(), *(alias.lower() for alias in shape.aliases)}:
                return collection
        return None


def vendors() -> dict[str, type[SandboxVendor]]:
    """Return every vendor, by name: all sub-packages of the sandbox that export ``VENDOR``."""
    package = __name__.rpartition(".")[0]
    found: dict[str, type[SandboxVendor]] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.ispkg:
            vendor = getattr(importlib.import_module(f"{package}.{module.name}"), "VENDOR", None)
            if vendor is not None:
                found[vendor.name] = vendor
    return dict(sorted(found.items()))
