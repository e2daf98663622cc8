"""Sends one batch and finds out what became of each of its records."""

from __future__ import annotations

import itertools
import logging
import threading
import typing as t

import backoff

from erp_vendors.errors import CallError, DataError, ErpError, MissingResourceError, Phase
from erp_vendors.http.redact import Redactor
from target_erp.delivery.outcome import Outcome, RefusedError, Write, Writer
from target_erp.ledger import Mark

if t.TYPE_CHECKING:
    from target_erp.delivery.dead_letters import DeadLetters
    from target_erp.delivery.families import Families
    from target_erp.delivery.journal import Ended, Journal

logger = logging.getLogger("erp.delivery")

_SERVER_ERROR = 500
_SINGLES_IN_A_ROW = 3
"""Records that fail one by one with a server error, in a row, before the vendor counts as down."""
_LOST_ANSWERS = 5
"""Times a record is sent whose answer gets lost and which the vendor then does not have."""
_GRACE_SECONDS = 2.0
"""After a call without any answer, the vendor may still be at work on it: a record that is not
there is looked for once more after this many seconds."""
_MARKS = {
    Outcome.REFUSED: Mark.REFUSED,
    Outcome.WAITING: Mark.WAITING,
    Outcome.UNKNOWN: Mark.UNKNOWN,
}

Settled = t.Callable[[t.Sequence[Write], Outcome, RefusedError | None], None]
"""Told of records' ends, after ledger and dead letters have them."""


class _Sent(threading.local):
    """What one thread has sent successfully, and the ledger does not know yet."""

    def __init__(self) -> None:
        self.batches: list[Ended] = []  # one at most: `accept` settles what is there
        self.then: list[t.Callable[[], None]] = []


class Courier:
    """Makes the calls; safe to use from many threads.

    A commit costs more than a call on a fast network. So the receipt of what a thread has sent
    waits for the intent of what it sends next, and both are one commit; see `settle`.
    """

    def __init__(
        self,
        journal: Journal,
        dead_letters: DeadLetters,
        families: Families,
        *,
        settled: Settled,
        stopped: t.Callable[[], bool],
        pause: t.Callable[[float], None],
    ) -> None:
        """Make a courier.

        Args:
            journal: Where intents and receipts go.
            dead_letters: Where records go that do not get through.
            families: Who waits for whom.
            settled: Told of records' ends.
            stopped: Whether nothing more may be sent.
            pause: Waits for some seconds.
        """
        self._journal = journal
        self._dead_letters = dead_letters
        self._families = families
        self._settled = settled
        self._stopped = stopped
        self._pause = pause
        self._server_errors = 0
        self._sent = _Sent()

    def deliver(self, writer: Writer, batch: list[Write]) -> None:
        """Send a batch; of one that is refused, find each bad record.

        What was sent last is settled when this thread sends again, or by `settle`.

        With k bad records among n this takes at most 1 + k * (2 + log2(n)) calls: each is found
        by halving what is left before it, sent alone for the vendor's own words about it, and
        what comes behind it is one batch again.

        Args:
            writer: How the records are written.
            batch: Records with different keys.

        Raises:
            ErpError: If the run cannot go on; what is not settled then stays open.
        """
        while len(batch) > 1 and not self._stopped():
            error = self._attempt(writer, batch)
            if error is None:
                return
            if isinstance(error, CallError) and error.unreachable:
                # One record tells whether the batch was too big or the vendor is down.
                self._alone(writer, batch[0])
                middle = (len(batch) + 1) // 2
                self.deliver(writer, batch[1:middle])
                batch = batch[middle:]
                continue
            good, bad = 0, len(batch)  # the first bad one is at one of these places
            while bad - good > 1 and not self._stopped():
                middle = (good + bad) // 2
                error = self._attempt(writer, batch[good:middle])
                if isinstance(error, CallError) and error.unreachable:
                    raise error
                good, bad = (middle, bad) if error is None else (good, middle)
            if bad - good == 1 and not self._stopped():
                self._alone(writer, batch[good])
            batch = batch[good + 1 :]
        if batch and not self._stopped():
            self._alone(writer, batch[0])

    def refuse(self, writer: Writer | None, write: Write, error: RefusedError) -> None:
        """Settle a record that is not sent.

        Args:
            writer: How it would have been written.
            write: The record.
            error: Why; the reason `waiting` lets it wait for its parent.
        """
        outcome = Outcome.WAITING if error.reason == "waiting" else Outcome.REFUSED
        self._settle(writer, write, outcome, error)

    def accept(self, writer: Writer, batch: list[Write]) -> None:
        """Settle records that the vendor has, as soon as this thread sends again, or by `settle`.

        Args:
            writer: How they were written.
            batch: The records.
        """
        self.settle()
        self._server_errors = 0
        mark = Mark.DELETED if batch[0].deletes else Mark.ACCEPTED
        self._sent.batches.append((writer, batch, mark))

    def settle(self) -> None:
        """Note what this thread has sent.

        Raises:
            ErpError: If that fails; it stays open then.
        """
        if self._sent.batches:
            self._note(None, ())

    def then(self, call: t.Callable[[], None]) -> None:
        """Do something as soon as all is noted that this thread has sent.

        Args:
            call: What to do, in this thread; it is done if noting fails, too.
        """
        if self._sent.batches:
            self._sent.then.append(call)
        else:
            call()

    def _note(self, writer: Writer | None, batch: t.Sequence[Write]) -> None:
        """Note what is about to be sent, and what was sent last, together."""
        sent = self._sent
        batches, then, sent.batches, sent.then = sent.batches, sent.then, [], []
        try:
            self._journal.intend(writer, batch, batches)
            for _, writes, _ in batches:
                for outcome, some in itertools.groupby(writes, _outcome):
                    self._settled(list(some), outcome, None)
        finally:
            for call in then:
                call()

    def _attempt(self, writer: Writer, batch: list[Write]) -> RefusedError | CallError | None:
        """Send a batch once, and settle it if the vendor takes it."""
        try:
            self._note(writer, batch)
            if batch[0].deletes:
                writer.delete(batch[0])
            else:
                writer.send(batch)
        except (RefusedError, CallError) as error:
            if isinstance(error, CallError) and error.phase is Phase.NOT_SENT:
                # What may be repeated, the transport may have sent before.
                self._journal.withdraw(
                    [w for w in batch if w.attempts == 1 and not writer.repeats(w)]
                )
                raise
            return error
        self.accept(writer, batch)
        return None

    def _alone(self, writer: Writer, write: Write) -> None:
        """Send one record until its end is known."""
        try:
            if self._is_there(writer, write):
                return
            pauses = backoff.expo(factor=0.5)
            next(pauses)  # the generator's first value only starts it
            for left in reversed(range(_LOST_ANSWERS)):
                error = self._attempt(writer, [write])
                if error is None:
                    return
                if isinstance(error, RefusedError):
                    raise error
                executed = error.unreachable or (error.status or 0) >= _SERVER_ERROR
                if not executed or write.deletes or writer.repeats(write):
                    self._settle_failed(writer, write, error, executed=executed)
                    return
                if self._settle_lost(writer, write, error):
                    return
                if not left:
                    self._settle_unanswered(writer, write, error)
                    return
                self._pause(backoff.full_jitter(next(pauses)))
        except RefusedError as error:
            unknown = error.reason == "unknown"
            self._settle(writer, write, Outcome.UNKNOWN if unknown else Outcome.REFUSED, error)

    def _is_there(self, writer: Writer, write: Write) -> bool:
        """Settle a record that may have got through before; its id is known then."""
        if not write.key or write.deletes or writer.upsert or writer.repeats(write):
            return False
        there = write.known is not None and write.known.is_there
        if there and writer.create_only and not write.doubtful:
            exists = RefusedError(
                "the vendor has an earlier version of it, and this API cannot change it",
                reason="exists",
            )
            raise exists
        unsure = there or (write.known is None and writer.look_first)
        if not (write.doubtful or (unsure and writer.findable)):
            return False
        if not writer.findable:
            unknown = RefusedError(
                "an earlier attempt was cut off, and this vendor cannot be asked what came of it; "
                "look before you send it again",
                reason="unknown",
            )
            raise unknown
        self.settle()  # the vendor may be slow to answer
        try:
            write.vendor_id = writer.find(write, fresh=write.known is not None)
        except (CallError, DataError, MissingResourceError) as problem:
            down = isinstance(problem, CallError) and (
                problem.unreachable or (problem.status or 0) >= _SERVER_ERROR
            )
            if down:
                raise
            why = "an earlier attempt was cut off" if write.doubtful else "it was not sent"
            untold = RefusedError(
                f"{why}, and the vendor does not tell whether it has it ({problem}); look before "
                "you send it again",
                reason="unknown" if write.doubtful else "no_look_up",
            )
            raise untold from None
        return write.vendor_id is not None and self._settle_found(writer, write)

    def _settle_found(self, writer: Writer, write: Write) -> bool:
        """An earlier version of it that is there does not settle this one."""
        if write.known is None and writer.create_only:
            self._journal.receipt(writer, [write], Mark.ACCEPTED)
            self._settled([write], Outcome.UNCHANGED, None)
            return True
        if write.known is None or write.known.digest != write.digest:
            return False
        write.created = True
        self.accept(writer, [write])
        return True

    def _settle_lost(self, writer: Writer, write: Write, error: CallError) -> bool:
        """Whether a record whose answer is lost is settled; if not, the vendor lacks it."""
        refused = _refusal(error, "unknown")
        if not writer.findable or not write.key:
            self._settle(writer, write, Outcome.UNKNOWN, refused)
            return True
        try:
            write.vendor_id = writer.find(write, fresh=True)
            if write.vendor_id is None and error.unreachable:
                self._pause(_GRACE_SECONDS)
                write.vendor_id = writer.find(write, fresh=True)
        except RefusedError:
            raise
        except ErpError as problem:
            logger.warning("%s: the vendor cannot be asked: %s", write.label, problem)
            self._settle(writer, write, Outcome.UNKNOWN, refused)
            return True
        if write.vendor_id is None:
            return False
        write.created = True
        self.accept(writer, [write])
        return True

    def _settle_unanswered(self, writer: Writer, write: Write, error: CallError) -> None:
        """A record that was sent several times, and that the vendor never had afterwards."""
        if error.status is None:
            refused = _refusal(error, "unknown")
            self._settle(writer, write, Outcome.UNKNOWN, refused)
        else:
            self._settle_failed(writer, write, error, executed=True)

    def _settle_failed(
        self, writer: Writer, write: Write, error: CallError, *, executed: bool
    ) -> None:
        """A record that the vendor answers with an error each time, or not at all."""
        if error.unreachable:
            raise error
        refused = _refusal(error, "server_error" if executed else "refused")
        if executed:
            self._server_errors += 1
            if self._server_errors >= _SINGLES_IN_A_ROW:
                raise ErpError(str(refused.masked(_secrets_of(writer, write)))) from None
        self._settle(writer, write, Outcome.REFUSED, refused)

    def _settle(
        self, writer: Writer | None, write: Write, outcome: Outcome, error: RefusedError
    ) -> None:
        parent = None
        if writer is not None:
            if writer.transport and not error.request and (error.status or error.attempts):
                error.request = writer.transport.last_request
            error = error.masked(_secrets_of(writer, write))
            if outcome is Outcome.WAITING and not write.key:
                outcome = Outcome.REFUSED  # nothing could find it again
            elif outcome is not Outcome.UNKNOWN and write.wants and write.key:
                # A parent that the ledger does not know may be why the vendor refused it.
                parent = self._families.missed(write)
        self._dead_letters.add(write, outcome, error, writer.secrets if writer else ())
        if writer is not None:
            self._journal.receipt(writer, [write], _MARKS[outcome], parent)
        logger.warning("%s %s: %s", write.label, outcome.value, error)
        self._settled([write], outcome, error)


def _outcome(write: Write) -> Outcome:
    if write.deletes:
        return Outcome.DELETED
    created = write.created
    if created is None:
        created = write.known is None or not write.known.is_there
    return Outcome.CREATED if created else Outcome.UPDATED


def _refusal(error: CallError, reason: str) -> RefusedError:
    return RefusedError(
        str(error),
        reason=reason,
        status=error.status,
        answer=error.body,
        attempts=error.attempts,
    )


def _secrets_of(writer: Writer, write: Write) -> Redactor:
    """Masks what this record's own secret properties hold, should the vendor repeat it."""
    hide = Redactor()
    hide.add(*(str(write.record[name]) for name in writer.secrets if write.record.get(name)))
    return hide
