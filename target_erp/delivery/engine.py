"""Sends records: concurrently, but in order per key, parents first, and each to a known end."""

from __future__ import annotations

import collections
import dataclasses
import logging
import queue
import threading
import typing as t

from erp_vendors.errors import CallError, ErpError, Interrupted, Phase
from erp_vendors.http import codec
from erp_vendors.http.redact import Redactor
from target_erp.delivery.outcome import Outcome, RefusedError, Write, Writer
from target_erp.ledger import Mark

if t.TYPE_CHECKING:
    from target_erp.delivery.dead_letters import DeadLetters
    from target_erp.delivery.journal import Journal

logger = logging.getLogger("erp.delivery")

_SERVER_ERROR = 500
_SINGLES_IN_A_ROW = 3
"""Records that fail one by one with a server error, in a row, before the vendor counts as down."""
_LOST_ANSWERS = 5
"""Times a record is sent whose answer gets lost and which the vendor then does not have."""
_BATCHES_AHEAD = 2
"""Batches per worker that may wait: enough to keep it busy, few enough to stop quickly."""


class Tally(collections.Counter[Outcome]):
    """Number of records of one stream by outcome."""


@dataclasses.dataclass(eq=False)
class _Lane:
    """What is under way to one sink."""

    writer: Writer
    pending: list[Write] = dataclasses.field(default_factory=list)
    pending_keys: set[t.Hashable] = dataclasses.field(default_factory=set)
    sent_keys: set[t.Hashable] = dataclasses.field(default_factory=set)
    batches: int = 0

    @property
    def busy(self) -> bool:
        return bool(self.pending or self.batches)


class Delivery:
    """Takes records in the order of the input and settles each of them.

    One thread submits; worker threads send. A record counts as settled when the vendor has
    accepted it or when it stands in the dead letters.
    """

    def __init__(
        self, dead_letters: DeadLetters, journal: Journal, *, stop_on_reject: bool = False
    ) -> None:
        self._dead_letters = dead_letters
        self._journal = journal
        self._stop_on_reject = stop_on_reject
        self._lanes: dict[str, _Lane] = {}
        self._queues: dict[str, queue.SimpleQueue[tuple[_Lane, list[Write]]]] = {}
        self._change = threading.Condition()
        self._open: collections.OrderedDict[int, int] = collections.OrderedDict()
        self._latest = 0
        self._failure: Exception | None = None
        self._server_errors = 0
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)

    def submit(self, writer: Writer, write: Write) -> None:
        """Take a record.

        Waits while its key is under way, while a record it may refer to is, and while too much is.

        Args:
            writer: How it is written.
            write: The record, prepared.

        Raises:
            ErpError: If the run cannot go on; the record is not taken.
        """
        with self._change:
            self._raise_failure()
            lane = self._lanes.setdefault(write.stream, _Lane(writer))
            if writer.after:
                self.flush(*writer.after)
            key = _identity(write)
            if key in lane.pending_keys:
                self._dispatch(lane)
            self._wait(lambda: key not in lane.sent_keys)
            self._take(write.number)
            if self._is_unchanged(writer, write):
                self._count(write, Outcome.UNCHANGED)
                return
            lane.pending.append(write)
            lane.pending_keys.add(key)
            if len(lane.pending) >= writer.batch_size:
                self._dispatch(lane)
            self._wait(lambda: lane.batches <= _BATCHES_AHEAD * writer.workers)

    def resume(self, writer: Writer) -> None:
        """Settle what earlier runs left without an outcome, where the vendor can be asked.

        Args:
            writer: The sink.
        """
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
            self._take(write.number)
        self._settle(writer, write, Outcome.REFUSED, error)
        with self._change:
            self._raise_failure()

    def flush(self, *streams: str) -> None:
        """Send what is waiting and wait until it is settled.

        Args:
            *streams: Sinks to flush (none: all).

        Raises:
            ErpError: If the run cannot go on.
        """
        with self._change:
            lanes = [lane for name, lane in self._lanes.items() if not streams or name in streams]
            for lane in lanes:
                self._dispatch(lane)
            self._wait(lambda: not any(lane.busy for lane in lanes))

    def close(self, seconds: float) -> None:
        """After a failure: send nothing more, and wait for what is under way.

        Args:
            seconds: How long to wait at most.
        """
        with self._change:
            if self._failure is None:
                self._failure = Interrupted("the run ends")
            self._change.wait_for(
                lambda: not any(lane.batches for lane in self._lanes.values()), seconds
            )

    @property
    def settled(self) -> int:
        """Every record up to this place in the input is settled."""
        with self._change:
            return next(iter(self._open)) - 1 if self._open else self._latest

    @property
    def failure(self) -> Exception | None:
        """Why the run cannot go on, or None."""
        return self._failure

    def _take(self, number: int) -> None:
        self._open[number] = self._open.get(number, 0) + 1
        self._latest = max(self._latest, number)

    def _wait(self, until: t.Callable[[], bool]) -> None:
        self._change.wait_for(lambda: self._failure is not None or until())
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _dispatch(self, lane: _Lane) -> None:
        if not lane.pending:
            return
        batch, lane.pending = lane.pending, []
        lane.sent_keys |= lane.pending_keys
        lane.pending_keys = set()
        lane.batches += 1
        self._workers(lane.writer).put((lane, batch))

    def _workers(self, writer: Writer) -> queue.SimpleQueue[tuple[_Lane, list[Write]]]:
        work = self._queues.get(writer.vendor)
        if work is None:
            work = self._queues[writer.vendor] = queue.SimpleQueue()
            for _ in range(writer.workers):
                # Daemon threads: a failed run must not wait for a vendor that does not answer.
                threading.Thread(target=self._run, args=(work,), daemon=True).start()
        return work

    def _run(self, work: queue.SimpleQueue[tuple[_Lane, list[Write]]]) -> None:
        while True:
            lane, batch = work.get()
            try:
                if self._failure is None:
                    self._deliver(lane.writer, batch)
            except Exception as error:  # noqa: BLE001 - raised again by the submitting thread
                self._fail(error)
            finally:
                with self._change:
                    lane.batches -= 1
                    lane.sent_keys -= {_identity(write) for write in batch}
                    self._change.notify_all()

    def _is_unchanged(self, writer: Writer, write: Write) -> bool:
        entry = self._journal.look(writer, write)
        if entry is None:
            write.doubtful = writer.look_first and writer.findable and bool(write.key)
            return False
        write.vendor_id = entry.vendor_id
        write.doubtful = entry.mark in {Mark.INTENT, Mark.UNKNOWN}
        return entry.mark is Mark.ACCEPTED and entry.digest == write.digest

    def _deliver(self, writer: Writer, batch: list[Write]) -> None:
        """Send a batch; if it is refused, halve it until the bad record stands alone."""
        if self._failure is not None:
            return
        try:
            if not writer.upsert and batch[0].doubtful and self._is_there(writer, batch[0]):
                self._accept(writer, batch)
                return
            self._journal.intend(writer, batch)
            writer.send(batch)
        except (RefusedError, CallError) as error:
            if isinstance(error, CallError) and error.phase is Phase.NOT_SENT:
                raise
            if len(batch) > 1:
                # Without an answer one record tells whether the batch was too big for the vendor.
                cut = 1 if isinstance(error, CallError) and error.unreachable else len(batch) // 2
                self._deliver(writer, batch[:cut])
                self._deliver(writer, batch[cut:])
                return
            self._settle_failed(writer, batch[0], error)
        else:
            self._accept(writer, batch)

    def _accept(self, writer: Writer, batch: list[Write]) -> None:
        self._server_errors = 0
        self._journal.receipt(writer, batch, Mark.ACCEPTED)
        for write in batch:
            self._count(write, Outcome.ACCEPTED)

    def _is_there(self, writer: Writer, write: Write) -> bool:
        """Whether the vendor has a record that may or may not have got through.

        An earlier version of it that is there does not settle this one; then its id is known.
        """
        if not writer.findable:
            unknown = RefusedError(
                "an earlier attempt was cut off, and this vendor cannot be asked what came of it; "
                "look before you send it again",
                reason="unknown",
            )
            raise unknown
        entry = self._journal.look(writer, write)
        write.vendor_id = writer.find(write, fresh=entry is not None)
        write.doubtful = False
        if write.vendor_id is None:
            return False
        return writer.create_only if entry is None else entry.digest == write.digest

    def _settle_failed(self, writer: Writer, write: Write, error: RefusedError | CallError) -> None:
        """One record that did not get through."""
        hide = _hide_secrets(writer, write)
        if isinstance(error, RefusedError):
            outcome = Outcome.UNKNOWN if error.reason == "unknown" else Outcome.REFUSED
            self._settle(writer, write, outcome, error.masked(hide))
            return
        executed = error.unreachable or (error.status or 0) >= _SERVER_ERROR
        refused = RefusedError(
            str(error), status=error.status, answer=error.body, attempts=error.attempts
        ).masked(hide)
        if executed and not writer.repeats(write):
            self._settle_lost(writer, write, error, refused)
            return
        if error.unreachable:
            raise error
        refused.reason = "refused"
        if executed:
            self._server_errors += 1
            if self._server_errors >= _SINGLES_IN_A_ROW:
                raise refused
            refused.reason = "server_error"
        self._settle(writer, write, Outcome.REFUSED, refused)

    def _settle_lost(
        self, writer: Writer, write: Write, error: CallError, refused: RefusedError
    ) -> None:
        """A record whose answer is lost: it is sent again only if the vendor does not have it."""
        refused.reason = "unknown"
        write.lost += 1
        if writer.findable and write.lost < _LOST_ANSWERS:
            try:
                write.vendor_id = writer.find(write, fresh=True)
            except ErpError as problem:
                logger.warning("%s: the vendor cannot be asked: %s", write.label, problem)
            else:
                if write.vendor_id is not None:
                    self._accept(writer, [write])
                else:
                    self._deliver(writer, [write])
                return
        if error.status is not None and writer.findable:
            # It was asked each time and never had the record: the vendor fails on it.
            refused.reason = "server_error"
            self._settle(writer, write, Outcome.REFUSED, refused)
            return
        self._settle(writer, write, Outcome.UNKNOWN, refused)

    def _settle(
        self, writer: Writer | None, write: Write, outcome: Outcome, error: RefusedError
    ) -> None:
        self._dead_letters.add(write, outcome, error, writer.secrets if writer else ())
        if writer is not None:
            mark = Mark.REFUSED if outcome is Outcome.REFUSED else Mark.UNKNOWN
            self._journal.receipt(writer, [write], mark)
        logger.warning("%s %s: %s", write.label, outcome.value, error)
        self._count(write, outcome)
        if self._stop_on_reject and outcome is Outcome.REFUSED:
            self._fail(StoppedError(f"stopped at the first rejection: {write.label}: {error}"))

    def _count(self, write: Write, outcome: Outcome) -> None:
        with self._change:
            self.tallies[write.stream][outcome] += 1
            self._open[write.number] -= 1
            if not self._open[write.number]:
                del self._open[write.number]
            self._change.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._change:
            if self._failure is None or isinstance(self._failure, Interrupted):
                self._failure = error
            self._change.notify_all()


def _hide_secrets(writer: Writer, write: Write) -> Redactor:
    """Masks what this record's own secret properties hold, should the vendor repeat it."""
    hide = Redactor()
    hide.add(*(str(write.record[name]) for name in writer.secrets if write.record.get(name)))
    return hide


class StoppedError(ErpError):
    """`on_reject` is `stop` and a record was rejected."""


def _identity(write: Write) -> t.Hashable:
    # Without a key nothing is known to collide.
    return write.identity if write.key else write.number
