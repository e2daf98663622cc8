"""Sends records: concurrently, but in order per key, parents first, and each to a known end.

    submit -> queued -> intent -> sent -> receipt -> settled -> STATE
                |                  |
                |                  +-> lost or unclear: asked for, sent again, or unknown
                +-> unchanged, refused, or waiting for a parent

Who owns what: the `KeyQueues` own the order (records with a key in common go one after the other),
the `Pool` the threads, the `Sender` a batch from its intent to its receipt, the `Journal` both in
the ledger, and the `Settlement` the ends: here it alone settles numbers of the `Watermark`, which
STATE depends on; the module that gives a number out settles it once, when all of it is submitted.
`Delivery` moves records on; `Pool`, `Intake` and `Sender` call it (decision 0010).
"""

from __future__ import annotations

import functools
import logging
import time
import typing as t

from erp_ledger import RecordStatus
from erp_vendors.errors import ErpError, Interrupted
from erp_vendors.http import codec
from target_erp.delivery.coordination import Coordination
from target_erp.delivery.in_doubt import teach
from target_erp.delivery.intake import Intake
from target_erp.delivery.key_queue import KeyQueue, KeyQueues, Queued
from target_erp.delivery.model import Outcome, RefusedError, Write
from target_erp.delivery.outages import Outages
from target_erp.delivery.pool import Pool
from target_erp.delivery.recognition import sort_out
from target_erp.delivery.references import Child, References
from target_erp.delivery.sender import Sender
from target_erp.delivery.settlement import Settlement
from target_erp.delivery.watermark import Watermark

if t.TYPE_CHECKING:
    from target_erp.delivery.approval import Approval
    from target_erp.delivery.dead_letters import DeadLetters
    from target_erp.delivery.journal import Journal
    from target_erp.delivery.writer import Writer

logger = logging.getLogger("erp.delivery")

CHUNK = 500
"""Records that are looked up in the ledger together."""
AHEAD = 1_000
"""Records that may be open before the input has to wait, or two batches if those are larger."""

Work = tuple[KeyQueue, list[Write]]


class Delivery:
    """Takes records from one thread, in the order of the input; worker threads send them.

    A record is settled when the vendor has accepted it or when it stands in the dead letters. One
    that is held back, because the vendor failed with it, is through but not settled.
    """

    def __init__(
        self,
        dead_letters: DeadLetters,
        journal: Journal,
        *,
        stop_on_reject: bool = False,
        resubmit: t.Callable[[Child, t.Callable[[], bool]], None] | None = None,
        pause: t.Callable[[float], None] = time.sleep,
        watermark: Watermark | None = None,
        approval: Approval | None = None,
    ) -> None:
        """Make a delivery.

        Args:
            dead_letters: Where records go that do not get through.
            journal: Notes in the ledger what is sent.
            watermark: Holds the numbers of what is open; 0 is none of the input's.
            stop_on_reject: The first rejection ends the run.
            resubmit: Submits a child again whose parent is there, if it is told: it waits still.
            pause: Waits for some seconds.
            approval: The plan that is applied; None if all may be written.
        """
        self.watermark = watermark or Watermark()
        self._journal = journal
        self._resubmit = resubmit
        self._references = References(journal.ledger)
        self._outages = Outages(journal)
        self._coordination = Coordination()
        self._settlement = Settlement(
            self._coordination,
            self.watermark,
            self._references,
            stop_on_reject=stop_on_reject,
            approval=approval,
        )
        self.tallies, self.missed = self._settlement.tallies, self._settlement.missed
        self.skipped, self.unapproved = self._settlement.skipped, self._settlement.unapproved
        self._sender = Sender(
            journal,
            dead_letters,
            self._references,
            self._outages,
            settlement=self._settlement,
            coordination=self._coordination,
            pause=pause,
        )
        self._pool: Pool[Work] = Pool(self._deliver, self._settle_sent)
        self._queues = KeyQueues()
        self._intake: Intake[Queued] = Intake(self._sweep)
        self._in_flight = 0
        self._flushing = 0
        self._ahead = AHEAD

    def submit(self, writer: Writer, write: Write) -> None:
        """Take a record.

        Waits while records of sinks that it may refer to are under way, and while too much is.

        Args:
            writer: How it is written.
            write: The record, prepared.

        Raises:
            ErpError: If the run cannot go on; the record is not taken.
        """
        self._coordination.check()
        if writer.after and write.refusal is None:
            self._flush_before(writer, write)
        queue = self._queues.by_sink.get(writer.stream) or self._new_queue(writer)
        self._settlement.take(write)
        self._intake.put((queue, write))
        if len(self._intake) >= CHUNK or self._settlement.open > self._ahead:
            self.look_up()
            self._wait_for_room()
            self._free()

    def resume(self, writer: Writer) -> None:
        """Settle what earlier runs left without an outcome, where the vendor can be asked."""
        self._settlement.learn(writer)
        self._sender.last_look.watch(writer.transport)
        if writer.can_look_up and not writer.upsert:
            for entry in self._journal.ledger.unsettled(writer.account, writer.stream):
                if entry.status is RecordStatus.UNKNOWN and entry.body:
                    body = codec.decode(entry.body.encode())
                    name, _, value = entry.key.partition("=")
                    self.submit(writer, Write(0, writer.stream, body, ((name, value),), body))

    def change_keys(self, writer: Writer) -> None:
        """Let another writer take a sink over, which knows its records by other keys.

        Args:
            writer: The other writer; what is open is settled before.

        Raises:
            ErpError: If the run cannot go on.
        """
        if writer.stream in self._queues.by_sink:
            self.flush(writer.stream)
            teach(writer, self._journal.ledger)
            self._queues.by_sink[writer.stream].writer = writer

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
        """Send batches that are not full yet, so that their records can be settled."""
        self.look_up()
        with self._coordination.lock:
            for queue in self._queues.by_sink.values():
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
            self.look_up()
            with self._coordination.lock:
                waited = streams or tuple(self._queues.by_sink)
                self._flushing += 1
                try:
                    for queue in self._queues.by_sink.values():
                        self._dispatch(queue)
                    self._coordination.wait(functools.partial(self._settlement.is_quiet, waited))
                finally:
                    self._flushing -= 1
                if not self._settlement.freed:
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

    def end_threads(self) -> None:
        """Let the delivery's threads end; nothing may be submitted any more."""
        self._pool.close()
        self._intake.close()

    def _new_queue(self, writer: Writer) -> KeyQueue:
        self._journal.ledger.recover(writer.account, writer.stream)
        teach(writer, self._journal.ledger)
        with self._coordination.lock:
            queue = self._queues.by_sink[writer.stream] = KeyQueue(writer)
            self._ahead = max(self._ahead, 2 * writer.batch_size)
            return queue

    def look_up(self) -> None:
        """Look up what has come, and let workers begin with what has to be sent."""
        with self._coordination.lock:
            ready = [(queue, write) for queue, write in self._intake.take() if queue.claim(write)]
        try:
            self._look_up(ready)
        except Exception as error:
            self.fail(error)  # what is left of them never ends, and nobody may wait for it
            raise

    def _sweep(self) -> None:
        """Look up the submitted records although fewer than a chunk have come: the input pauses."""
        try:
            if self._coordination.failure is None:
                self.look_up()
        except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
            self.fail(error)

    def _flush_before(self, writer: Writer, write: Write) -> None:
        """Wait for sinks that a record may refer to; of exact parents only they are waited for."""
        exact = {reference.stream for reference in write.parents}
        busy = [
            name for name in writer.after if name not in exact and self._settlement.is_open(name)
        ]
        if busy:
            self.flush(*busy)

    def _wait_for_room(self) -> None:
        with self._coordination.lock:
            while self._settlement.open > self._ahead:
                if not self._in_flight:
                    for queue in self._queues.by_sink.values():
                        self._dispatch(queue, partial=True)
                self._coordination.wait(
                    lambda: self._settlement.open <= self._ahead or not self._in_flight
                )

    def _free(self) -> None:
        """Submit the children again whose parents have got through."""
        while self._settlement.freed and self._resubmit is not None:
            child = self._settlement.freed.popleft()
            self._resubmit(child, functools.partial(self._reopen, child))

    def _reopen(self, child: Child) -> bool:
        """Take back that a child waits; not if a newer version of it has come meanwhile."""
        self.look_up()  # what has come is under way then
        under_way = self._queues.has(child.stream, child.key)
        return self._settlement.reopen(child, self._journal.run, under_way)

    def _look_up(self, ready: list[Queued]) -> None:
        """Let records go on that have their keys to themselves now."""
        while ready:
            free = self._without_blocked(ready)
            ready = []
            by_sink: dict[str, tuple[KeyQueue, list[Write]]] = {}
            for queue, write in free:
                by_sink.setdefault(queue.writer.stream, (queue, []))[1].append(write)
            for queue, writes in by_sink.values():
                ready += self._sort_out(queue, writes)

    def _without_blocked(self, ready: list[Queued]) -> list[Queued]:
        """Leave out records one of whose parents is under way: they go on behind it."""
        if not any(write.parents for _, write in ready):
            return ready
        free = []
        with self._coordination.lock:
            for queue, write in ready:
                parent = self._queues.busy_parent(write)
                if parent is None:
                    free.append((queue, write))
                else:
                    self._dispatch(parent[0], partial=True)
                    self._queues.block(parent[1], (queue, write))
        return free

    def _sort_out(self, queue: KeyQueue, writes: list[Write]) -> list[Queued]:
        """Sort out records of one sink; gives what may go on because of those that ended here."""
        writer = queue.writer
        send, unchanged, refused = sort_out(self._journal, self._references, writer, writes)
        with self._coordination.lock:
            queue.pending += send
            self._dispatch(queue, partial=bool(self._flushing))
            if unchanged:
                self._settlement.settle(writer, unchanged, Outcome.UNCHANGED)
        for write, error in refused:
            self._sender.refuse(writer, write, error)
        # Children may wait for a parent that the vendor has had since an earlier run.
        self._settlement.free_children(writer, unchanged)
        return self._release(queue, [*unchanged, *(write for write, _ in refused)])

    def _release(self, queue: KeyQueue, writes: t.Iterable[Write]) -> list[Queued]:
        """Give back the keys of records that are through, and tell which records may go on now."""
        with self._coordination.lock:
            return self._queues.release(queue, writes)

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
        """Write the receipts of what this worker sent, because it has nothing more to send."""
        try:
            self._sender.settle()
        except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
            self.fail(error)

    def _end(self, queue: KeyQueue, batch: list[Write], noted: bool) -> None:  # noqa: FBT001
        """Let the records go on that wait for the keys of a batch whose receipt is written."""
        try:
            if self._coordination.failure is None and noted:
                self._look_up(self._release(queue, batch))
        except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
            self.fail(error)
        finally:
            with self._coordination.lock:
                queue.in_flight -= 1
                self._in_flight -= 1
                queue.opened |= queue.is_understood and self._outages.has_worked(queue.writer)
                if self._coordination.failure is None and noted:
                    self._dispatch(queue, partial=bool(self._flushing) or not queue.opened)
                self._coordination.changed()

    def fail(self, error: Exception) -> None:
        """End the run: nothing more is sent, and the thread that submits raises the error.

        Args:
            error: Why the run cannot go on.
        """
        self._coordination.fail(error)
