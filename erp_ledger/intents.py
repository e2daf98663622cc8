"""What is about to be sent, one row a call: it costs little, and it is gone when all went well."""

from __future__ import annotations

import dataclasses
import itertools
import secrets
import typing as t

from erp_ledger.store import Change
from erp_vendors.http import codec

_PUT = """INSERT INTO erp_intents (intent, partition, run, noted_at, lines) VALUES {rows}
    ON CONFLICT (intent) DO UPDATE SET lines = excluded.lines"""
_DROP = "DELETE FROM erp_intents WHERE intent IN (VALUES {rows})"
COLUMNS = "intent, partition, run, noted_at, lines"
_NUMBERS = itertools.count(secrets.randbits(62))
"""Nothing else counts from there: of any two processes, at most one will ever come by a number."""


@dataclasses.dataclass(slots=True, eq=False)
class Intent:
    """Records of one sink that are about to be sent, or were when their run was cut off.

    Attributes:
        intent: Its number, which no other one has.
        partition: Number of the account and stream.
        run: Run that sends them.
        noted_at: Epoch milliseconds.
        lines: Hash of the body in hexadecimal digits by business key; where the sink keeps bases,
            a colon and what the base will be (hexadecimal) come after it.
    """

    intent: int
    partition: int
    run: str
    noted_at: int
    lines: dict[str, str]

    @classmethod
    def new(
        cls,
        partition: int,
        run: str,
        noted_at: int,
        lines: t.Mapping[str, bytes],
        bases: t.Mapping[str, bytes],
    ) -> Intent:
        """Make one.

        Args:
            partition: See the class.
            run: See the class.
            noted_at: See the class.
            lines: Hash of the body by business key.
            bases: What the base of some of them will be.
        """
        texts = {key: digest.hex() for key, digest in lines.items()}
        texts |= {key: f"{texts[key]}:{base.hex()}" for key, base in bases.items() if key in texts}
        return cls(next(_NUMBERS), partition, run, noted_at, texts)

    @classmethod
    def of(cls, row: t.Sequence[t.Any]) -> Intent:
        """One that was read.

        Args:
            row: Its `COLUMNS`.
        """
        intent, partition, run, noted_at, lines = row
        return cls(intent, partition, run, noted_at, codec.decode(lines.encode()))

    @property
    def digests(self) -> dict[str, bytes]:
        """Hash of the body by business key."""
        return {key: bytes.fromhex(text.partition(":")[0]) for key, text in self.lines.items()}

    @property
    def bases(self) -> dict[str, bytes]:
        """What the base of some records will be, by business key."""
        parts = {key: text.partition(":")[2] for key, text in self.lines.items()}
        return {key: bytes.fromhex(base) for key, base in parts.items() if base}

    @property
    def noted(self) -> Change:
        """The change of the store that keeps this intent."""
        lines = codec.encode(self.lines).decode()
        return Change(
            _PUT, "(?, ?, ?, ?, ?)", [(self.intent, self.partition, self.run, self.noted_at, lines)]
        )

    @property
    def dropped(self) -> Change:
        """The change of the store that removes this intent."""
        return Change(_DROP, "(?)", [(self.intent,)])

    def without(self, keys: t.Iterable[str]) -> list[Change]:
        """Take records out whose end is known.

        Args:
            keys: Business keys; those of other records do no harm.

        Returns:
            What changes in the store.
        """
        before = len(self.lines)
        for key in keys:
            self.lines.pop(key, None)
        if not self.lines:
            return [self.dropped]
        return [self.noted] if len(self.lines) < before else []
