"""Sends records: concurrently, but in order per key, parents first, and each to a known end."""

from __future__ import annotations

import collections
import functools
import logging
import queue
import threading
import time
import typing as t

from erp_vendors.errors import ErpError, Interrupted
from erp_vendors.http import codec
from target_erp.delivery.courier import Courier
from target_erp.delivery.families import Child, Families
from target_erp.delivery.lanes import Lane, Tally, tag
from target_erp.delivery.outcome import GOT_THROUGH, Outcome, RefusedError, Write, Writer
from target_erp.ledger import Mark

if t.TYPE_CHECKING:
    from target_erp.delivery.dead_letters import DeadLetters
    from target_erp.delivery.journal import Journal

logger = logging.getLogger("erp.delivery")

_CHUNK = 500
"""Records that are looked up in the ledger together."""
_CHUNK_SECONDS = 0.1
"""About how long a record waits for others to be looked up with."""
_AHEAD = 1_000
"""Records that may be open before the input has to wait, or two batches if those are larger."""

_FAILED = frozenset({Mark.REFUSED, Mark.WAITING})

Work = tuple[Lane, list[Write]]


class StoppedError(ErpError):
    """`on_reject` is `stop` and a record was rejected."""


class Delivery:
    """Takes records in the order of the input and settles each of them.

    One thread submits; worker threads send. A record counts as settled when the vendor has
    accepted it or when it stands in the dead letters.
    """

    def __init__(
        self,
        dead_letters: DeadLetters,
        journal: Journal,
        *,
        stop_on_reject: bool = False,
        resubmit: t.Callable[[Child], None] | None = None,
        pause: t.Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a delivery.

        Args:
            dead_letters: Where records go that do not get through.
            journal: The ledger.
            stop_on_reject: The first rejection ends the run.
            resubmit: Submits a child again whose parent is there now.
            pause: Waits for some seconds.
        """
        self._journal = journal
        self._stop_on_reject = stop_on_reject
        self._resubmit = resubmit
        self._families = Families(journal)
        self._courier = Courier(
            journal,
            dead_letters,
            self._families,
            settled=self._settled,
            stopped=lambda: self._failure is not None,
            pause=pause,
        )
        self._lanes: dict[str, Lane] = {}
        self._queues: dict[str, queue.SimpleQueue[Work]] = {}
        self._change = threading.Condition()
        self._awaited: t.Callable[[], object] | None = None
        # A deque, because it is filled without the lock: most records need nothing else.
        self._inbox: collections.deque[tuple[Lane, Write]] = collections.deque()
        self._inbox_streams: set[str] = set()
        self._arrived = threading.Event()
        self._sweeper: threading.Thread | None = None
        self._children: dict[str, list[tuple[Lane, Write]]] = {}
        self._unknown: set[tuple[str, str]] = set()
        self._freed: collections.deque[Child] = collections.deque()
        self._open: collections.OrderedDict[int, int] = collections.OrderedDict()
        self._in_flight = 0
        self._flushing = 0
        self._ahead = _AHEAD
        self._latest = 0
        self._failure: Exception | None = None
        self.nameless: set[str] = set()
        """Sinks with a record that did not get through and carries no key."""
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)

    def submit(self, writer: Writer, write: Write) -> None:
        """Take a record.

        Waits while records of sinks that it may refer to are under way, and while too much is.

        Args:
            writer: How it is written.
            write: The record, prepared.

        Raises:
            ErpError: If the run cannot go on; the record is not taken.
        """
        if self._failure is not None:
            raise self._failure
        if writer.after:
            self._flush_before(writer, write)
        lane = self._lanes.get(writer.stream) or self._new_lane(writer)
        if not self._inbox:
            self._watch_inbox()
        self._inbox_streams.add(writer.stream)
        self._inbox.append((lane, write))
        if len(self._inbox) >= _CHUNK:
            self.admit()
            self._wait_for_room()
            self._free()

    def resume(self, writer: Writer) -> None:
        """Settle what earlier runs left without an outcome, where the vendor can be asked.

        Args:
            writer: The sink.
        """
        self._families.learn(writer)
        if writer.findable and not writer.upsert:
            for entry in self._journal.unknown(writer):
                body = codec.decode((entry.body or "").encode())
                name, _, value = entry.key.partition("=")
                self.submit(writer, Write(0, writer.stream, body, ((name, value),), body))

    def refuse(self, writer: Writer | None, write: Write, error: RefusedError) -> None:
        """Settle a record that is not worth sending.

        Args:
            writer: How it would have been written.
            write: The record.
            error: Why.
        """
        with self._change:
            self._raise_failure()
            lane = self._lanes.get(writer.stream) or self._new_lane(writer) if writer else None
            self._take(lane, write)
        self._courier.refuse(writer, write, error)
        with self._change:
            self._raise_failure()

    def admit(self) -> None:
        """Look up what has come, and let workers begin with what has to be sent."""
        ready = []
        with self._change:
            self._inbox_streams.clear()
            for _ in range(len(self._inbox)):
                lane, write = self._inbox.popleft()
                self._take(lane, write)
                if lane.claim(write):
                    ready.append((lane, write))
        self._admit(ready)

    def flush(self, *streams: str) -> None:
        """Send what is waiting and wait until it is settled.

        Args:
            *streams: Sinks to flush (none: all).

        Raises:
            ErpError: If the run cannot go on.
        """
        while True:
            self._free()
            self.admit()
            with self._change:
                lanes = [
                    lane for name, lane in self._lanes.items() if not streams or name in streams
                ]
                self._flushing += 1
                try:
                    for lane in self._lanes.values():
                        self._dispatch(lane)
                    self._wait(functools.partial(self._is_quiet, lanes))
                finally:
                    self._flushing -= 1
                if not self._freed:
                    return

    def close(self, seconds: float) -> None:
        """After a failure: send nothing more, and wait for what is under way.

        Args:
            seconds: How long to wait at most.
        """
        with self._change:
            if self._failure is None:
                self._failure = Interrupted("the run ends")
            self._wait_until(lambda: not self._in_flight, seconds)

    @property
    def settled(self) -> int:
        """Every record up to this place in the input is settled."""
        with self._change:
            if self._open:
                return next(iter(self._open)) - 1
            return self._inbox[0][1].number - 1 if self._inbox else self._latest

    @property
    def failure(self) -> Exception | None:
        """Why the run cannot go on, or None."""
        return self._failure

    def _new_lane(self, writer: Writer) -> Lane:
        self._journal.recover(writer)
        with self._change:
            lane = self._lanes[writer.stream] = Lane(writer)
            self._ahead = max(self._ahead, 2 * writer.batch_size)
            return lane

    def _is_quiet(self, lanes: t.Iterable[Lane]) -> bool:
        return bool(self._freed) or not any(lane.open for lane in lanes)

    def _watch_inbox(self) -> None:
        if self._sweeper is None:
            # Daemon, as below.
            self._sweeper = threading.Thread(target=self._sweep, daemon=True)
            self._sweeper.start()
        self._arrived.set()

    def _sweep(self) -> None:
        """Admit what has come, should the input pause."""
        while self._arrived.wait():
            self._arrived.clear()
            time.sleep(_CHUNK_SECONDS)
            try:
                if self._failure is None:
                    self.admit()
            except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
                self._fail(error)

    def _take(self, lane: Lane | None, write: Write) -> None:
        number = write.number
        self._open[number] = self._open.get(number, 0) + 1
        self._latest = max(self._latest, number)
        if lane is not None:
            lane.open += 1

    def _flush_before(self, writer: Writer, write: Write) -> None:
        """Wait for sinks that a record may refer to; of exact parents only they are waited for."""
        exact = {reference.stream for reference in write.parents}
        with self._change:
            busy = [
                name
                for name in writer.after
                if name not in exact
                and name in self._lanes
                and (self._lanes[name].open or name in self._inbox_streams)
            ]
        if busy:
            self.flush(*busy)

    def _wait_for_room(self) -> None:
        with self._change:
            while len(self._open) > self._ahead:
                if not self._in_flight:
                    for lane in self._lanes.values():
                        self._dispatch(lane, partial=True)
                self._wait(lambda: len(self._open) <= self._ahead or not self._in_flight)

    def _wait(self, until: t.Callable[[], object]) -> None:
        self._wait_until(lambda: self._failure is not None or until())
        self._raise_failure()

    def _wait_until(self, until: t.Callable[[], object], seconds: float | None = None) -> None:
        self._awaited = until
        try:
            self._change.wait_for(until, seconds)
        finally:
            self._awaited = None

    def _changed(self) -> None:
        """Wake the thread that submits, if what it waits for has come."""
        if self._awaited is not None and self._awaited():
            self._change.notify_all()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _free(self) -> None:
        """Submit the children again whose parents have got through."""
        while self._freed and self._resubmit is not None:
            child = self._freed.popleft()
            if child.run == self._journal.run:
                self.tallies[child.stream][child.outcome] -= 1
            self._resubmit(child)

    def _admit(self, ready: list[tuple[Lane, Write]]) -> None:
        """Let records go on that have their key to themselves now."""
        while ready:
            free = self._without_blocked(ready)
            ready = []
            by_lane: dict[str, tuple[Lane, list[Write]]] = {}
            for lane, write in free:
                by_lane.setdefault(lane.writer.stream, (lane, []))[1].append(write)
            for lane, writes in by_lane.values():
                ready += self._admit_to(lane, writes)

    def _without_blocked(self, ready: list[tuple[Lane, Write]]) -> list[tuple[Lane, Write]]:
        """Leave out records one of whose parents is under way: they go on behind it."""
        if not any(write.parents for _, write in ready):
            return ready
        free = []
        with self._change:
            for lane, write in ready:
                parent = self._busy_parent(write)
                if parent:
                    self._children.setdefault(parent, []).append((lane, write))
                else:
                    free.append((lane, write))
        return free

    def _busy_parent(self, write: Write) -> str:
        for reference in write.parents:
            lane = self._lanes.get(reference.stream)
            for key in reference.keys if lane else ():
                if lane is not None and key in lane.claimed:
                    self._dispatch(lane, partial=True)
                    return tag(reference.stream, key)
        return ""

    def _admit_to(self, lane: Lane, writes: list[Write]) -> list[tuple[Lane, Write]]:
        """Admit records of one sink; gives what may go on because of those that ended here."""
        writer = lane.writer
        self._journal.recall(writer, writes)
        orphans = (
            self._families.resolve(writer, writes) if any(write.parents for write in writes) else {}
        )
        unchanged = [write for write in writes if _is_unchanged(write)]
        # The version that was refused meanwhile is not the newest one any more.
        back = [write for write in unchanged if write.known and write.known.mark in _FAILED]
        if back:
            self._journal.receipt(writer, back, Mark.ACCEPTED)
        ended = {id(write) for write in unchanged}
        waiting = [
            (write, orphans[place])
            for place, write in enumerate(writes)
            if place in orphans and id(write) not in ended
        ]
        ended |= {id(write) for write, _ in waiting}
        with self._change:
            lane.pending += [write for write in writes if id(write) not in ended]
            self._dispatch(lane, partial=bool(self._flushing))
            if unchanged:
                self._count(lane, unchanged, Outcome.UNCHANGED)
        for write, error in waiting:
            self._courier.refuse(writer, write, error)
        # Children may wait for a parent that the vendor has had since an earlier run.
        self._call_children(writer, unchanged)
        return self._release(lane, [*unchanged, *(write for write, _ in waiting)])

    def _release(self, lane: Lane, writes: t.Iterable[Write]) -> list[tuple[Lane, Write]]:
        """Records have ended: who may go on now."""
        ready: list[tuple[Lane, Write]] = []
        with self._change:
            for write in writes:
                behind = lane.release(write)
                if behind is not None:
                    ready.append((lane, behind))
                if self._children:
                    for name, value in write.key:
                        ready += self._children.pop(tag(write.stream, f"{name}={value}"), ())
        return ready

    def _dispatch(self, lane: Lane, *, partial: bool = True) -> None:
        while lane.pending:
            if not (
                partial
                or len(lane.pending) >= lane.writer.batch_size
                or any(write.deletes for write in lane.pending)
            ):
                return
            batch = lane.batch()
            self._in_flight += 1
            self._workers(lane.writer).put((lane, batch))

    def _workers(self, writer: Writer) -> queue.SimpleQueue[Work]:
        work = self._queues.get(writer.vendor)
        if work is None:
            work = self._queues[writer.vendor] = queue.SimpleQueue()
            for _ in range(writer.workers):
                # Daemon threads: a failed run must not wait for a vendor that does not answer.
                threading.Thread(target=self._run, args=(work,), daemon=True).start()
        return work

    def _run(self, work: queue.SimpleQueue[Work]) -> None:
        while True:
            lane, batch = self._next(work)
            started, (calls, waited) = time.monotonic(), lane.writer.spent()
            try:
                if self._failure is None:
                    self._courier.deliver(lane.writer, batch)
            except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
                self._fail(error)
            finally:
                with self._change:
                    tally = self.tallies[lane.writer.stream]
                    tally.seconds += time.monotonic() - started
                    tally.add(lane.writer.spent(), (calls, waited))
                self._courier.then(functools.partial(self._end, lane, batch))

    def _next(self, work: queue.SimpleQueue[Work]) -> Work:
        """The next batch of a worker; if none is there, what it sent is settled first."""
        try:
            return work.get_nowait()
        except queue.Empty:
            pass
        try:
            self._courier.settle()
        except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
            self._fail(error)
        return work.get()

    def _end(self, lane: Lane, batch: list[Write]) -> None:
        """A worker is through with a batch: let go on what waits for its keys."""
        try:
            if self._failure is None:
                self._admit(self._release(lane, batch))
        except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
            self._fail(error)
        finally:
            with self._change:
                self._in_flight -= 1
                self._changed()

    def _settled(
        self, writes: t.Sequence[Write], outcome: Outcome, error: RefusedError | None
    ) -> None:
        """What the courier tells of records of one sink."""
        first = writes[0]
        lane = self._lanes.get(first.stream)
        if outcome.value in GOT_THROUGH and lane is not None:
            self._call_children(lane.writer, writes)
        with self._change:
            if lane is not None and error is not None and not lane.writer.identify(first.record):
                self.nameless.add(first.stream)
            self._count(lane, writes, outcome)
            if outcome is Outcome.UNKNOWN and first.key:
                # One that an earlier run left unknown may be in the input, too.
                if (first.stream, first.identity) in self._unknown:
                    self.tallies[first.stream][outcome] -= 1
                self._unknown.add((first.stream, first.identity))
            if self._stop_on_reject and outcome in {Outcome.REFUSED, Outcome.WAITING}:
                self._fail(StoppedError(f"stopped at the first rejection: {first.label}: {error}"))

    def _call_children(self, writer: Writer, writes: t.Iterable[Write]) -> None:
        """Let the children go that wait for records which the vendor has now."""
        if not self._families.waiting:
            return
        for write in writes:
            if write.key and not write.deletes:
                freed = self._families.arrived(writer, write)
                with self._change:
                    self._freed.extend(freed)
                    self._changed()

    def _count(self, lane: Lane | None, writes: t.Sequence[Write], outcome: Outcome) -> None:
        self.tallies[writes[0].stream][outcome] += len(writes)
        for write in writes:
            left = self._open[write.number] - 1
            if left:
                self._open[write.number] = left
            else:
                del self._open[write.number]
        if lane is not None:
            lane.open -= len(writes)
        self._changed()

    def _fail(self, error: Exception) -> None:
        with self._change:
            if self._failure is None or isinstance(self._failure, Interrupted):
                self._failure = error
            self._changed()


def _is_unchanged(write: Write) -> bool:
    """Whether the vendor has this version, or a newer one than the one that is replayed."""
    known = write.known
    if known is None:
        return False
    if known.mark is Mark.ACCEPTED and write.sent_before is None:
        return known.digest == write.digest
    if write.sent_before is not None and known.last_at > write.sent_before:
        return known.mark in {Mark.ACCEPTED, Mark.DELETED}
    if known.mark in {Mark.ACCEPTED, Mark.DELETED}:
        return known.digest == write.digest
    # A newer version was refused: the vendor still has the one before it.
    return known.mark in _FAILED and known.held == write.digest
