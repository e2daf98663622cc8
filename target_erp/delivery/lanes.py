"""What is under way to one sink, and how many of its records ended how."""

from __future__ import annotations

import collections
import dataclasses

from target_erp.delivery.outcome import GOT_THROUGH, Outcome, Write, Writer


class Tally(collections.Counter[Outcome]):
    """Number of records of one stream by outcome, and what they cost.

    Attributes:
        read: Records in the input.
        calls: Calls to the vendor.
        seconds: Seconds that all workers together spent on them.
        waited: Of these, seconds in which the vendor's limits allowed no call.
    """

    read = 0
    calls = 0
    seconds = 0.0
    waited = 0.0

    def add(self, now: tuple[int, float], before: tuple[int, float]) -> None:
        """Add what some work cost.

        Args:
            now: See `Writer.spent`.
            before: The same, before the work.
        """
        self.calls += now[0] - before[0]
        self.waited += now[1] - before[1]

    @property
    def accepted(self) -> int:
        """Records that the vendor has executed in this run."""
        return sum(self[Outcome(name)] for name in GOT_THROUGH)


@dataclasses.dataclass(eq=False)
class Lane:
    """What is under way to one sink.

    Attributes:
        writer: How its records are written.
        claimed: Business keys under way, each with the later versions that wait behind it.
        pending: Records that will make the next batch.
        open: Number of records that are not settled.
    """

    writer: Writer
    claimed: dict[str, collections.deque[Write] | None] = dataclasses.field(default_factory=dict)
    pending: list[Write] = dataclasses.field(default_factory=list)
    open: int = 0

    def claim(self, write: Write) -> bool:
        """Whether a record may go on now; if not, it goes on behind the version before it."""
        if not write.key:
            return True  # without a key nothing is known to collide
        identity = write.identity
        if identity not in self.claimed:
            self.claimed[identity] = None
            return True
        behind = self.claimed[identity]
        if behind is None:
            behind = self.claimed[identity] = collections.deque()
        behind.append(write)
        return False

    def release(self, write: Write) -> Write | None:
        """A record is settled.

        Returns:
            The next version of it, which has the key now; None if there is none.
        """
        if not write.key:
            return None
        behind = self.claimed[write.identity]
        if behind:
            return behind.popleft()
        del self.claimed[write.identity]
        return None

    def batch(self) -> list[Write]:
        """Take the next batch; a deletion is one of its own."""
        size = self.writer.batch_size
        cut = next(
            (place for place, write in enumerate(self.pending[:size]) if write.deletes), size
        )
        cut = max(cut, 1)
        batch, self.pending = self.pending[:cut], self.pending[cut:]
        return batch


def tag(stream: str, key: str) -> str:
    """How the ledger and the lanes name a record of a sink.

    Args:
        stream: Sink name.
        key: Business key, as `name=value`.
    """
    return f"{stream}\t{key}"
