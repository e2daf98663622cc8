"""The order of one sink's records: those with a key in common go one after the other."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from target_erp.delivery.model import Write
    from target_erp.delivery.writer import Writer


@dataclasses.dataclass(eq=False)
class KeyQueue:
    """What is under way to one sink.

    Attributes:
        writer: How its records are written.
        claimed: Business keys of records that are under way, each with the records that wait for
            it, in their order; None as long as none waits. The record that has the key is not
            among them. A record goes on when it has each of its keys.
        pending: Records that will make the next batch.
        in_flight: Number of batches that workers have.
        opened: The sink has taken or refused a record in this run, and it is known what its success
            looks like. Until then one call at a time goes out, of one record if that is unknown.
    """

    writer: Writer
    claimed: dict[str, collections.deque[Write] | None] = dataclasses.field(default_factory=dict)
    pending: list[Write] = dataclasses.field(default_factory=list)
    in_flight: int = 0
    opened: bool = False

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
        """Give back the keys of a record with which the run is done.

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


Queued = tuple[KeyQueue, "Write"]
"""A record, and the queue of its sink."""


class KeyQueues:
    """The queues of all sinks, and the records that are blocked by a parent under way.

    Attributes:
        by_sink: The queues.
    """

    def __init__(self) -> None:
        self.by_sink: dict[str, KeyQueue] = {}
        self._children: dict[str, list[Queued]] = {}

    def busy_parent(self, write: Write) -> tuple[KeyQueue, str] | None:
        """A record that another one refers to and that is under way, if there is one.

        Args:
            write: The other one.

        Returns:
            The queue of its sink, and its `tag`.
        """
        for reference in write.parents:
            queue = self.by_sink.get(reference.stream)
            for key in reference.keys if queue else ():
                if queue is not None and key in queue.claimed:
                    return queue, tag(reference.stream, key)
        return None

    def has(self, stream: str, key: str) -> bool:
        """Whether a record is under way.

        Args:
            stream: Its sink.
            key: Its business key.
        """
        queue = self.by_sink.get(stream)
        return queue is not None and key in queue.claimed

    def block(self, parent: str, child: Queued) -> None:
        """Let a record go on behind another one.

        Args:
            parent: The other record's `tag`.
            child: The record.
        """
        self._children.setdefault(parent, []).append(child)

    def release(self, queue: KeyQueue, writes: t.Iterable[Write]) -> list[Queued]:
        """Give back the keys of records with which the run is done.

        Args:
            queue: The queue of their sink.
            writes: The records.

        Returns:
            The records that may be sent now, and their queues.
        """
        ready: list[Queued] = []
        for write in writes:
            ready += [(queue, behind) for behind in queue.release(write)]
            if self._children:
                for name in write.names:
                    ready += self._children.pop(tag(write.stream, name), ())
        return ready


def tag(stream: str, key: str) -> str:
    """How the ledger and the queues name a record of a sink.

    Args:
        stream: Sink name.
        key: Business key, as `name=value`.
    """
    return f"{stream}\t{key}"
