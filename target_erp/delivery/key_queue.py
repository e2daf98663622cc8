"""What is under way to one sink, and how many of its records ended how."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING

from target_erp.delivery.model import GOT_THROUGH, Outcome, Write

if TYPE_CHECKING:
    from target_erp.delivery.writer import Writer


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
class KeyQueue:
    """What is under way to one sink.

    Attributes:
        writer: How its records are written.
        claimed: Business keys under way, each with the records that wait for it, the one that has
            it first. A record goes on when it comes first under each of its keys.
        pending: Records that will make the next batch.
        submitted: Number of records that were handed over; only the thread that submits counts it.
        ended: Number of these that are through, settled or held back.
        in_flight: Number of batches that workers have.
        opened: The sink has taken or refused a record in this run, and it is known what its success
            looks like. Until then one call at a time goes out, of one record if that is unknown.
    """

    writer: Writer
    claimed: dict[str, collections.deque[Write] | None] = dataclasses.field(default_factory=dict)
    pending: list[Write] = dataclasses.field(default_factory=list)
    submitted: int = 0
    ended: int = 0
    in_flight: int = 0
    opened: bool = False

    @property
    def open(self) -> int:
        """Number of records that are not through."""
        return self.submitted - self.ended

    @property
    def room(self) -> int:
        """Records that may go out in the next call; none while the sink is tried out."""
        if self.opened or self.writer.answers is None:
            return self.writer.batch_size
        if self.in_flight:
            return 0
        return self.writer.batch_size if self.is_understood else 1

    @property
    def is_understood(self) -> bool:
        """Whether it is known what an answer looks like when a write has worked."""
        return self.writer.answers is None or self.writer.answers.is_understood

    def claim(self, write: Write) -> bool:
        """Whether a record may go on now; if not, it goes on behind those before it."""
        free = True
        for name in write.names:
            if name not in self.claimed:
                self.claimed[name] = None
                continue
            behind = self.claimed[name]
            if behind is None:
                behind = self.claimed[name] = collections.deque()
            behind.append(write)
            write.blocked_by += 1
            free = False
        return free

    def release(self, write: Write) -> list[Write]:
        """A record is through.

        Returns:
            The records that have all their keys to themselves now.
        """
        ready = []
        for name in write.names:
            behind = self.claimed[name]
            if not behind:
                del self.claimed[name]
                continue
            first = behind.popleft()
            first.blocked_by -= 1
            if not first.blocked_by:
                ready.append(first)
        return ready

    def batch(self, size: int) -> list[Write]:
        """Take the next batch; a deletion is one of its own.

        Args:
            size: Largest number of records.
        """
        cut = next(
            (place for place, write in enumerate(self.pending[:size]) if write.deletes), size
        )
        cut = max(cut, 1)
        batch, self.pending = self.pending[:cut], self.pending[cut:]
        return batch


def tag(stream: str, key: str) -> str:
    """How the ledger and the queues name a record of a sink.

    Args:
        stream: Sink name.
        key: Business key, as `name=value`.
    """
    return f"{stream}\t{key}"
