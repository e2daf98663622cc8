"""Sends records: concurrently, but in order per key, parents first, and each to a known end."""

from __future__ import annotations

import collections
import functools
import logging
import time
import typing as t

from erp_ledger import RecordStatus
from erp_vendors.errors import ErpError, Interrupted
from erp_vendors.http import codec
from target_erp.delivery.coordination import Coordination
from target_erp.delivery.decide import is_unchanged
from target_erp.delivery.intake import Intake
from target_erp.delivery.key_queue import KeyQueue, Tally, tag
from target_erp.delivery.model import GOT_THROUGH, Outcome, RefusedError, Write
from target_erp.delivery.outages import Outages
from target_erp.delivery.pool import Pool
from target_erp.delivery.recognition import recognise
from target_erp.delivery.references import Child, References
from target_erp.delivery.sender import Sender
from target_erp.delivery.watermark import Watermark

if t.TYPE_CHECKING:
    from target_erp.delivery.dead_letters import DeadLetters
    from target_erp.delivery.journal import Journal
    from target_erp.delivery.writer import Writer

logger = logging.getLogger("erp.delivery")

_CHUNK = 500
"""Records that are looked up in the ledger together."""
_AHEAD = 1_000
"""Records that may be open before the input has to wait, or two batches if those are larger."""

_FAILED = frozenset({RecordStatus.REFUSED, RecordStatus.WAITING})

Work = tuple[KeyQueue, list[Write]]


class StoppedError(ErpError):
    """`on_reject` is `stop` and a record was rejected."""


class Delivery:
    """Takes records in the order of the input and settles each of them.

    One thread submits; worker threads send. A record counts as settled when the vendor has
    accepted it or when it stands in the dead letters. One that is held back, because the vendor
    failed with it, is through but not settled: STATE does not pass it.
    """

    def __init__(
        self,
        dead_letters: DeadLetters,
        journal: Journal,
        *,
        stop_on_reject: bool = False,
        resubmit: t.Callable[[Child], None] | None = None,
        pause: t.Callable[[float], None] = time.sleep,
        watermark: Watermark | None = None,
    ) -> None:
        """Make a delivery.

        Args:
            dead_letters: Where records go that do not get through.
            journal: The ledger.
            watermark: Holds the numbers of what is submitted until it is settled; a record with
                the number 0 is none of the input.
            stop_on_reject: The first rejection ends the run.
            resubmit: Submits a child again whose parent is there now.
            pause: Waits for some seconds.
        """
        self.watermark = watermark or Watermark()
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self._journal = journal
        self._stop_on_reject = stop_on_reject
        self._resubmit = resubmit
        self._references = References(journal)
        self._outages = Outages(journal)
        self._sender = Sender(
            journal,
            dead_letters,
            self._references,
            self._outages,
            settled=self._settled,
            held_back=self._held_back,
            stopped=lambda: self._coordination.failure is not None,
            pause=pause,
        )
        self._pool: Pool[Work] = Pool(self._deliver, self._settle_sent)
        self._queues: dict[str, KeyQueue] = {}
        self._coordination = Coordination()
        self._intake: Intake[tuple[KeyQueue, Write]] = Intake(self._sweep)
        self._children: dict[str, list[tuple[KeyQueue, Write]]] = {}
        self._unknown: set[tuple[str, str]] = set()
        self._freed: collections.deque[Child] = collections.deque()
        self._in_flight = 0
        self._flushing = 0
        self._ahead = _AHEAD
        self._submitted = 0
        self._ended = 0
        self.missed: dict[str, set[frozenset[str]]] = collections.defaultdict(set)
        """Columns of the keys of records that did not get through, by sink."""

    def submit(self, writer: Writer, write: Write) -> None:
        """Take a record.

        Waits while records of sinks that it may refer to are under way, and while too much is.

        Args:
            writer: How it is written.
            write: The record, prepared.

        Raises:
            ErpError: If the run cannot go on; the record is not taken.
        """
        if self._coordination.failure is not None:
            raise self._coordination.failure
        if writer.after and write.refusal is None:
            self._flush_before(writer, write)
        queue = self._queues.get(writer.stream) or self._new_queue(writer)
        self._take(queue, write)
        self._intake.put((queue, write))
        if len(self._intake) >= _CHUNK or self._submitted - self._ended > self._ahead:
            self.admit()
            self._wait_for_room()
            self._free()

    def resume(self, writer: Writer) -> None:
        """Settle what earlier runs left without an outcome, where the vendor can be asked.

        Args:
            writer: The sink.
        """
        self._references.learn(writer)
        if writer.can_look_up and not writer.upsert:
            for entry in self._journal.unknown(writer):
                body = codec.decode((entry.body or "").encode())
                name, _, value = entry.key.partition("=")
                self.submit(writer, Write(0, writer.stream, body, ((name, value),), body))

    def change_keys(self, writer: Writer) -> None:
        """Let another writer take a sink over, which knows its records by other keys.

        Args:
            writer: The other writer; what is open is settled before.

        Raises:
            ErpError: If the run cannot go on.
        """
        if writer.stream in self._queues:
            self.flush(writer.stream)
            self._learn(writer)
            self._queues[writer.stream].writer = writer

    def refuse(self, writer: Writer, write: Write, error: RefusedError) -> None:
        """Settle a record that is not worth sending, behind earlier versions of it.

        Args:
            writer: How it would have been written.
            write: The record.
            error: Why.
        """
        write.refusal = error
        self.submit(writer, write)

    def nudge(self) -> None:
        """Let what waits for a full batch go out, so that it can be settled."""
        self.admit()
        with self._coordination.lock:
            for queue in self._queues.values():
                self._dispatch(queue)

    def flush(self, *streams: str) -> None:
        """Send what is waiting and wait until it is through.

        Args:
            *streams: Sinks to flush (none: all).

        Raises:
            ErpError: If the run cannot go on.
        """
        while True:
            self._free()
            self.admit()
            with self._coordination.lock:
                queues = [
                    queue for name, queue in self._queues.items() if not streams or name in streams
                ]
                self._flushing += 1
                try:
                    for queue in self._queues.values():
                        self._dispatch(queue)
                    self._coordination.wait(functools.partial(self._is_quiet, queues))
                finally:
                    self._flushing -= 1
                if not self._freed:
                    return

    def finish(self) -> None:
        """Settle everything at the end of the input.

        Raises:
            ErpError: If the run cannot go on, or has failed although it came to its end: the
                vendor failed with every record of a sink, or records are held back.
        """
        self.flush()
        refused, reason = self._outages.judge()
        for failed in refused:
            self._sender.refuse(*failed)
        self._coordination.check()
        if reason:
            raise ErpError(reason)

    def close(self, seconds: float) -> None:
        """After a failure: send nothing more, and wait for what is under way.

        Args:
            seconds: How long to wait at most.
        """
        with self._coordination.lock:
            if self._coordination.failure is None:
                self._coordination.failure = Interrupted("the run ends")
            self._coordination.wait_even_so(lambda: not self._in_flight, seconds)

    @property
    def settled(self) -> int:
        """Every record up to this place in the input is settled."""
        return self.watermark.settled

    @property
    def failure(self) -> Exception | None:
        """Why the run cannot go on, or None."""
        return self._coordination.failure

    def _new_queue(self, writer: Writer) -> KeyQueue:
        self._journal.recover(writer)
        self._learn(writer)
        with self._coordination.lock:
            queue = self._queues[writer.stream] = KeyQueue(writer)
            self._ahead = max(self._ahead, 2 * writer.batch_size)
            return queue

    def _learn(self, writer: Writer) -> None:
        if writer.answers is not None:
            for shape in self._journal.learned(writer):
                writer.answers.learn(shape)

    def _take(self, queue: KeyQueue, write: Write) -> None:
        """Open a record: from here on it is settled, or the run ends."""
        if write.number:
            self.watermark.hold(write.number)
        queue.submitted += 1
        self._submitted += 1

    def admit(self) -> None:
        """Look up what has come, and let workers begin with what has to be sent."""
        with self._coordination.lock:
            ready = [(queue, write) for queue, write in self._intake.take() if queue.claim(write)]
        try:
            self._admit(ready)
        except Exception as error:
            self.fail(error)  # what is left of them never ends, and nobody may wait for it
            raise

    def _is_quiet(self, queues: t.Iterable[KeyQueue]) -> bool:
        return bool(self._freed) or not any(queue.open for queue in queues)

    def _sweep(self) -> None:
        """Admit what has come, should the input pause."""
        try:
            if self._coordination.failure is None:
                self.admit()
        except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
            self.fail(error)

    def _flush_before(self, writer: Writer, write: Write) -> None:
        """Wait for sinks that a record may refer to; of exact parents only they are waited for."""
        exact = {reference.stream for reference in write.parents}
        busy = [
            name
            for name in writer.after
            if name not in exact and name in self._queues and self._queues[name].open
        ]
        if busy:
            self.flush(*busy)

    def _wait_for_room(self) -> None:
        with self._coordination.lock:
            while self._submitted - self._ended > self._ahead:
                if not self._in_flight:
                    for queue in self._queues.values():
                        self._dispatch(queue, partial=True)
                self._coordination.wait(
                    lambda: self._submitted - self._ended <= self._ahead or not self._in_flight
                )

    def _free(self) -> None:
        """Submit the children again whose parents have got through."""
        while self._freed and self._resubmit is not None:
            child = self._freed.popleft()
            if child.run == self._journal.run:
                self.tallies[child.stream][child.outcome] -= 1
            self._resubmit(child)

    def _admit(self, ready: list[tuple[KeyQueue, Write]]) -> None:
        """Let records go on that have their keys to themselves now."""
        while ready:
            free = self._without_blocked(ready)
            ready = []
            by_lane: dict[str, tuple[KeyQueue, list[Write]]] = {}
            for queue, write in free:
                by_lane.setdefault(queue.writer.stream, (queue, []))[1].append(write)
            for queue, writes in by_lane.values():
                ready += self._admit_to(queue, writes)

    def _without_blocked(self, ready: list[tuple[KeyQueue, Write]]) -> list[tuple[KeyQueue, Write]]:
        """Leave out records one of whose parents is under way: they go on behind it."""
        if not any(write.parents for _, write in ready):
            return ready
        free = []
        with self._coordination.lock:
            for queue, write in ready:
                parent = self._busy_parent(write)
                if parent:
                    self._children.setdefault(parent, []).append((queue, write))
                else:
                    free.append((queue, write))
        return free

    def _busy_parent(self, write: Write) -> str:
        for reference in write.parents:
            queue = self._queues.get(reference.stream)
            for key in reference.keys if queue else ():
                if queue is not None and key in queue.claimed:
                    self._dispatch(queue, partial=True)
                    return tag(reference.stream, key)
        return ""

    def _admit_to(self, queue: KeyQueue, writes: list[Write]) -> list[tuple[KeyQueue, Write]]:
        """Admit records of one sink; gives what may go on because of those that ended here."""
        writer = queue.writer
        recognise(self._journal, writer, writes)
        orphans = (
            self._references.resolve(writer, writes)
            if any(write.parents for write in writes)
            else {}
        )
        resync = self._journal.resync
        unchanged = [
            write
            for write in writes
            if write.refusal is None and is_unchanged(write, resync=resync)
        ]
        # The version that was refused meanwhile is not the newest one any more.
        back = [write for write in unchanged if write.known and write.known.mark in _FAILED]
        if back:
            self._journal.receipt(writer, back, RecordStatus.ACCEPTED)
        self._journal.note_names(writer, unchanged)
        ended = {id(write) for write in unchanged}
        waiting = [
            (write, write.refusal or orphans[place])
            for place, write in enumerate(writes)
            if (write.refusal or place in orphans) and id(write) not in ended
        ]
        ended |= {id(write) for write, _ in waiting}
        with self._coordination.lock:
            queue.pending += [write for write in writes if id(write) not in ended]
            self._dispatch(queue, partial=bool(self._flushing))
            if unchanged:
                self._count(unchanged, Outcome.UNCHANGED)
        for write, error in waiting:
            self._sender.refuse(writer, write, error)
        # Children may wait for a parent that the vendor has had since an earlier run.
        self._call_children(writer, unchanged)
        return self._release(queue, [*unchanged, *(write for write, _ in waiting)])

    def _release(self, queue: KeyQueue, writes: t.Iterable[Write]) -> list[tuple[KeyQueue, Write]]:
        """Records are through: who may go on now."""
        ready: list[tuple[KeyQueue, Write]] = []
        with self._coordination.lock:
            for write in writes:
                ready += [(queue, behind) for behind in queue.release(write)]
                if self._children:
                    for name in write.names:
                        ready += self._children.pop(tag(write.stream, name), ())
        return ready

    def _dispatch(self, queue: KeyQueue, *, partial: bool = True) -> None:
        """Hand batches to workers: full ones, or all there is if `partial`."""
        while queue.pending:
            size = queue.room
            if not size:
                return  # `_end` comes back to it
            if not (
                partial
                or len(queue.pending) >= size
                or any(write.deletes for write in queue.pending)
            ):
                return
            batch = queue.batch(size)
            queue.in_flight += 1
            self._in_flight += 1
            self._pool.put(queue.writer, (queue, batch))

    def _deliver(self, work: Work) -> None:
        """Send a batch, in a worker thread."""
        queue, batch = work
        started, (calls, waited) = time.monotonic(), queue.writer.spent()
        try:
            if self._coordination.failure is None:
                self._sender.deliver(queue.writer, batch)
        except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
            self.fail(error)
        finally:
            with self._coordination.lock:
                tally = self.tallies[queue.writer.stream]
                tally.seconds += time.monotonic() - started
                tally.add(queue.writer.spent(), (calls, waited))
            self._sender.then(functools.partial(self._end, queue, batch))

    def _settle_sent(self) -> None:
        """A worker has nothing to do: what it sent is settled now."""
        try:
            self._sender.settle()
        except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
            self.fail(error)

    def _end(self, queue: KeyQueue, batch: list[Write], noted: bool) -> None:  # noqa: FBT001
        """A worker is through with a batch: let go on what waits for its keys."""
        try:
            if self._coordination.failure is None and noted:
                self._admit(self._release(queue, batch))
        except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
            self.fail(error)
        finally:
            with self._coordination.lock:
                queue.in_flight -= 1
                self._in_flight -= 1
                worked = self._outages.has_worked(queue.writer)
                queue.opened = queue.opened or (worked and queue.is_understood)
                if self._coordination.failure is None and noted:
                    self._dispatch(queue, partial=bool(self._flushing) or not queue.opened)
                self._coordination.changed()

    def _settled(
        self, writes: t.Sequence[Write], outcome: Outcome, error: RefusedError | None
    ) -> None:
        """What the sender tells of records of one sink."""
        first = writes[0]
        queue = self._queues[first.stream]
        if outcome.value in GOT_THROUGH:
            self._call_children(queue.writer, writes)
        with self._coordination.lock:
            if outcome.value not in GOT_THROUGH:
                columns = (queue.writer.columns_of(write.record) for write in writes)
                self.missed[first.stream].update(columns)
            self._count(writes, outcome)
            if outcome is Outcome.UNKNOWN and first.key:
                # One that an earlier run left unknown may be in the input, too.
                if (first.stream, first.identity) in self._unknown:
                    self.tallies[first.stream][outcome] -= 1
                self._unknown.add((first.stream, first.identity))
            if self._stop_on_reject and outcome in {Outcome.REFUSED, Outcome.WAITING}:
                self.fail(StoppedError(f"stopped at the first rejection: {first.label}: {error}"))

    def _held_back(self, write: Write) -> None:
        """A record is through, and not settled."""
        with self._coordination.lock:
            write.held_back = True
            self._end_of(write)
            self._coordination.changed()

    def _call_children(self, writer: Writer, writes: t.Iterable[Write]) -> None:
        """Let the children go that wait for records which the vendor has now."""
        if not self._references.waiting:
            return
        for write in writes:
            if write.key and not write.deletes:
                freed = self._references.arrived(writer, write)
                with self._coordination.lock:
                    self._freed.extend(freed)
                    self._coordination.changed()

    def _count(self, writes: t.Sequence[Write], outcome: Outcome) -> None:
        self.tallies[writes[0].stream][outcome] += len(writes)
        for write in writes:
            if write.number:
                self.watermark.settle(write.number)
            if not write.held_back:
                self._end_of(write)
        self._coordination.changed()

    def _end_of(self, write: Write) -> None:
        self._queues[write.stream].ended += 1
        self._ended += 1

    def fail(self, error: Exception) -> None:
        """End the run: nothing more is sent, and the thread that submits raises the error.

        Args:
            error: Why the run cannot go on.
        """
        self._coordination.fail(error)
