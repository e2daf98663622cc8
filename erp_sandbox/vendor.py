"""What each played vendor implements, what all of them share, and how they are found."""

from __future__ import annotations

import importlib
import pkgutil
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from erp_sandbox.limits import Limiter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from erp_sandbox.clock import SandboxClock
    from erp_sandbox.exchange import SandboxAnswer, SandboxCall
    from erp_sandbox.recorder import Recorder
    from erp_sandbox.store import Collection, Row, TableShape, TableStore
    from erp_sandbox.variants import Variant

_KEPT_SIZE = 100
"""Rows per resource up to which rows that were made are kept for the process's next sandboxes."""
_KEPT_SETS = 64
"""Sets of a vendor's rows that are kept at most."""
_kept: dict[tuple[object, ...], Mapping[str, list[Row]]] = {}


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

    A sub-package makes a subclass and exports it as ``VENDOR``. Class attributes name the vendor,
    its options (a dataclass whose fields become command line options, see
    :mod:`erp_sandbox.config`) and its open points (see :mod:`erp_sandbox.variants`); the methods
    say what rows there are and how calls are answered.
    All of them run on the server's one event loop, so a handler that does not await cannot be
    interrupted half way.
    """

    name: ClassVar[str]
    Options: ClassVar[type[Any]]
    variants: ClassVar[tuple[Variant, ...]] = ()

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
        """Fill the empty collections with ``bench.size`` rows each.

        They are the same for equal seeds and options, and nothing else of the vendor is changed.
        """

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
        if not self.bench.store.restore(self.name):
            self._make_data()
            self.bench.store.keep(self.name)  # who does so once does so often

    def ensure_data(self) -> None:
        """Make the rows, unless the database file already holds them."""
        if not self.bench.store.is_seeded(self.name):
            self._make_data()

    def _make_data(self) -> None:
        self.bench.store.clear(self.name)
        # What the rows depend on; see `seed`.
        known = (self.name, self.bench.size, self.bench.seed, repr(self.options))
        if known in _kept:
            for name, rows in _kept[known].items():
                for row in rows:
                    self.collections[name].put(row)
        else:
            self.seed()
            if self.bench.size <= _KEPT_SIZE and len(_kept) < _KEPT_SETS:
                _kept[known] = {name: list(rows) for name, rows in self.collections.items()}
        self.bench.store.mark_seeded(self.name)

    def collection(self, name: str) -> Collection | None:
        """Return a collection by its resource name or an alias, without regard to case."""
        wanted = name.lower()
        for collection in self.collections.values():
            shape = collection.shape
            if wanted in {shape.name.lower(), *(alias.lower() for alias in shape.aliases)}:
                return collection
        return None


def all_variants() -> dict[str, Variant]:
    """Return the open points of all vendors by ``VENDOR.NAME``."""
    return {
        f"{name}.{variant.name}": variant
        for name, kind in vendors().items()
        for variant in kind.variants
    }


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
