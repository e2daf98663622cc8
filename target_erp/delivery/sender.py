"""Sends one batch and finds out what became of each of its records."""

from __future__ import annotations

import itertools
import logging
import threading
import typing as t

import backoff

from erp_ledger import RecordStatus
from erp_vendors.errors import CallError, ErpError, MissingResourceError, Phase
from target_erp.delivery.answers import UnclearError
from target_erp.delivery.call_failures import is_failure, outcome_of, refusal, secrets_of
from target_erp.delivery.decide import Decision, by_ledger, by_look_up, existing
from target_erp.delivery.in_doubt import Executed, InDoubt, LookUpError
from target_erp.delivery.last_look import LastLook, LookTooOldError
from target_erp.delivery.model import Finding, Outcome, RefusedError, Write
from target_erp.delivery.outages import Failed
from target_erp.delivery.screening import Screening

if t.TYPE_CHECKING:
    from target_erp.delivery.coordination import Coordination
    from target_erp.delivery.dead_letters import DeadLetters
    from target_erp.delivery.journal import Ended, Journal
    from target_erp.delivery.outages import Outages
    from target_erp.delivery.references import References
    from target_erp.delivery.settlement import Settlement
    from target_erp.delivery.writer import Writer

logger = logging.getLogger("erp.delivery")

_ATTEMPTS = 3
"""Times a record is sent while its answers are lost or unclear and the vendor does not have it."""
_STATUSES = {
    Outcome.REFUSED: RecordStatus.REFUSED,
    Outcome.WAITING: RecordStatus.WAITING,
    Outcome.UNKNOWN: RecordStatus.UNKNOWN,
}


class _Sent(threading.local):
    """The batches that a thread has sent successfully and whose receipts are not written yet."""

    def __init__(self) -> None:
        self.batches: list[Ended] = []  # one at most: `accept` settles what is there
        self.then: list[t.Callable[[bool], None]] = []


class Sender:
    """Makes the calls; safe to use from many threads.

    A commit costs more than a call on a fast network. So the receipt of what a thread has sent
    waits for the intent of what it sends next, and both are one commit; see `settle`.
    """

    def __init__(
        self,
        journal: Journal,
        dead_letters: DeadLetters,
        references: References,
        outages: Outages,
        *,
        settlement: Settlement,
        coordination: Coordination,
        pause: t.Callable[[float], None],
    ) -> None:
        """Make a sender.

        Args:
            journal: Where intents and receipts go.
            dead_letters: Where records go that do not get through.
            references: Who waits for whom.
            outages: Tells an outage from a record that alone fails.
            settlement: Counts the ends of records, after ledger and dead letters have them.
            coordination: Says whether the run goes on.
            pause: Waits for some seconds.
        """
        self._journal = journal
        self._dead_letters = dead_letters
        self._references = references
        self._outages = outages
        self._in_doubt = InDoubt(journal, pause)
        self._settlement = settlement
        self._coordination = coordination
        self._pause = pause
        self.last_look = LastLook()
        self._sent = _Sent()
        self._exhausted: set[tuple[str, str]] = set()
        self._screening = Screening(journal.ledger, settlement.approval, resync=journal.resync)

    def deliver(self, writer: Writer, batch: list[Write]) -> None:
        """Send a batch, or what the policy of its sink lets go out of it.

        Args:
            writer: How the records are written.
            batch: Records with different keys.

        Raises:
            ErpError: If the run cannot go on; what is not settled then stays open.
        """
        self.last_look.begin()
        if self._screening.applies(writer, batch):
            batch = self._screen(writer, batch)
        self._send(writer, batch)

    def _screen(self, writer: Writer, batch: list[Write]) -> list[Write]:
        """Settle what policy or plan hold back, and give what is to be sent."""
        self.settle()  # the vendor may be slow to answer
        self.last_look.note(writer)
        send, arrived = [], []
        for write, verdict in zip(batch, self._screening.verdicts(writer, batch), strict=True):
            if isinstance(verdict.error, RefusedError):
                self.refuse(writer, write, verdict.error)
            elif verdict.error is not None:
                self._hold_back(writer, write, verdict.error)
            elif verdict.decision is Decision.SEND:
                send.append(write)
            elif verdict.decision is Decision.NOT_APPROVED:
                self._settlement.leave_unapproved(writer, write, verdict.why)
            elif verdict.decision is Decision.ARRIVED or (
                verdict.decision is Decision.UNCHANGED and write.unsure
            ):
                arrived.append(write)
            elif verdict.decision is Decision.SKIPPED:
                self._settlement.skip(writer, write, verdict.why)
            else:
                self._journal.receipt(writer, [write], RecordStatus.ACCEPTED)
                self._settlement.settle(writer, [write], Outcome.UNCHANGED)
                self._settlement.free_children(writer, [write])
        if arrived:
            self.accept(writer, arrived)
        return send

    def _send(self, writer: Writer, batch: list[Write]) -> None:
        """Send a batch; of one that is refused, find each bad record.

        What was sent last is settled when this thread sends again, or by `settle`.

        With k bad records among n this takes at most 1 + k * (2 + log2(n)) calls: each is found
        by halving what is left before it, sent alone for the vendor's own words about it, and
        what comes behind it is one batch again.
        """
        while len(batch) > 1 and not self._coordination.stopped:
            error = self._attempt(writer, batch)
            if error is None:
                return
            if is_failure(writer, error):
                # One record tells whether the batch was too much or the vendor fails with all.
                self._alone(writer, batch[0])
                middle = (len(batch) + 1) // 2
                self._send(writer, batch[1:middle])
                batch = batch[middle:]
                continue
            good, bad = 0, len(batch)  # the first bad one is at one of these places
            while bad - good > 1 and not self._coordination.stopped:
                middle = (good + bad) // 2
                error = self._attempt(writer, batch[good:middle])
                if error is not None and is_failure(writer, error):
                    break  # it says nothing about where the bad one is
                good, bad = (middle, bad) if error is None else (good, middle)
            if not self._coordination.stopped:
                self._alone(writer, batch[good])
            batch = batch[good + 1 :]
        if batch and not self._coordination.stopped:
            self._alone(writer, batch[0])

    def refuse(self, writer: Writer, write: Write, error: RefusedError) -> None:
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
        for old in self._outages.taken(batch):
            self._settlement.settle(old.writer, [old.write], Outcome.UNCHANGED)
        status = RecordStatus.DELETED if batch[0].deletes else RecordStatus.ACCEPTED
        self._sent.batches.append((writer, batch, status))

    def settle(self) -> None:
        """Note what this thread has sent.

        Raises:
            ErpError: If that fails; it stays open then.
        """
        if self._sent.batches:
            self._note(None, ())

    def then(self, call: t.Callable[[bool], None]) -> None:
        """Call something when the receipts of all that this thread has sent are written.

        Args:
            call: Called in this thread, with whether that has worked.
        """
        if self._sent.batches:
            self._sent.then.append(call)
        else:
            call(True)  # noqa: FBT003

    def _note(self, writer: Writer | None, batch: t.Sequence[Write]) -> None:
        """Note what is about to be sent, and what was sent last, together."""
        sent = self._sent
        batches, then, sent.batches, sent.then = sent.batches, sent.then, [], []
        noted = False
        try:
            self._journal.intend(writer, batch, batches)
            for ended, writes, _ in batches:
                for outcome, some in itertools.groupby(writes, outcome_of):
                    self._settlement.settle(ended, list(some), outcome)
            noted = True
        finally:
            for call in then:
                call(noted)

    def _attempt(self, writer: Writer, batch: list[Write]) -> RefusedError | CallError | None:
        """Send a batch once, and settle it if the vendor takes it."""
        self._in_doubt.mark(writer)
        try:
            self._note(writer, batch)
            if batch[0].deletes:
                writer.delete(batch[0])
            else:
                with self.last_look.writing():
                    writer.send(batch)
        except LookTooOldError as error:
            self._look_again(writer, batch, error)
            return None
        except MissingResourceError as error:
            return CallError(str(error), phase=Phase.ANSWERED, status=404)
        except (RefusedError, CallError) as error:
            if isinstance(error, CallError) and error.phase is Phase.NOT_SENT:
                # The transport may have sent a call that may be repeated in an earlier attempt.
                self._journal.withdraw(
                    [w for w in batch if w.attempts == 1 and not writer.is_idempotent(w)]
                )
                raise
            for write in batch:
                write.unsure = write.unsure or error.may_have_run
            return error
        self._in_doubt.sent(batch[-1])
        self.accept(writer, batch)
        return None

    def _look_again(self, writer: Writer, batch: list[Write], error: LookTooOldError) -> None:
        """Settle a batch that had to wait for so long that the vendor has to be asked again."""
        self.last_look.reopen(batch)
        if self.last_look.times >= _ATTEMPTS:
            late = CallError(str(error), phase=Phase.SENT)
            for write in batch:
                self._hold_back(writer, write, late)
            return
        logger.info("%s: %s; it is asked again", writer.stream, error)
        self._send(writer, self._screen(writer, batch))

    def _alone(self, writer: Writer, write: Write) -> None:
        """Send one record until its end is known."""
        try:
            if self._is_there(writer, write):
                return
            pauses = backoff.expo(factor=0.5)
            next(pauses)  # the generator's first value only starts it
            for left in reversed(range(_ATTEMPTS)):
                error = self._attempt(writer, [write])
                if error is None:
                    return
                if isinstance(error, RefusedError):
                    raise error
                if not is_failure(writer, error):
                    raise refusal(error, "refused")
                first = left == _ATTEMPTS - 1
                if self._settle_failure(writer, write, error, first=first, last=not left):
                    return
                self._pause(backoff.full_jitter(next(pauses)))
        except RefusedError as error:
            if error.reason == "unknown":
                self._settle(writer, write, Outcome.UNKNOWN, error)
                return
            if error.status or error.attempts:
                self._outages.refused(write)
            self._settle(writer, write, Outcome.REFUSED, error)

    def _settle_failure(
        self, writer: Writer, write: Write, error: CallError, *, first: bool, last: bool
    ) -> bool:
        """Whether the run is done with a record of a failed call; if not, it is sent again."""
        safe = write.deletes or writer.is_idempotent(write)
        unclear = isinstance(error, UnclearError)
        if unclear and safe and first:
            return False  # a proxy on the way may have answered in the vendor's place
        if not unclear and (safe or not error.may_have_run):
            if error.unreachable:
                raise error
            self._hold_back(writer, write, error)
            return True
        executed, why = self._in_doubt.settle(writer, write, error)
        if executed is Executed.UNKNOWN:
            self._settle_unknown(writer, write, error, why, safe=safe)
            return True
        if executed is not Executed.NO:
            if executed is Executed.PROVEN:
                self._in_doubt.learn(writer, error)
            self.accept(writer, [write])
            return True
        if last and error.status is None and not unclear:
            self._exhausted.add((writer.stream, write.identity))
            self._settle(writer, write, Outcome.UNKNOWN, refusal(error, "unknown"))
        elif last:
            self._hold_back(writer, write, error)
        return last

    def _is_there(self, writer: Writer, write: Write) -> bool:
        """Settle a record that may have got through before; its id is known then."""
        if not write.key or write.deletes or writer.upsert or writer.is_idempotent(write):
            return False
        if by_ledger(writer, write, resync=self._journal.resync) is Decision.EXISTS:
            raise existing()
        if (writer.stream, write.identity) in self._exhausted:
            msg = "its answers got lost again and again in this run; look before you send it again"
            raise RefusedError(msg, reason="unknown")
        self.settle()  # the vendor may be slow to answer
        try:
            look = self._in_doubt.before(writer, write)
        except LookUpError as error:
            self._hold_back(writer, write, error)
            return True
        if look is not None and look.finding is Finding.FOUND:
            # If the record was in doubt, the attempt that was cut off may have created it.
            write.was_there = None if write.doubtful else True
            write.vendor_id = look.vendor_id
        elif look is not None:
            write.was_there = False if look.finding is Finding.ABSENT else None
        match by_look_up(writer, write, look.finding if look is not None else None):
            case Decision.EXISTS:
                raise existing()
            case Decision.UNCHANGED:
                self._journal.receipt(writer, [write], RecordStatus.ACCEPTED)
                self._settlement.settle(writer, [write], Outcome.UNCHANGED)
                return True
            case Decision.ARRIVED:
                self.accept(writer, [write])
                return True
            case _:
                return False

    def _settle_unknown(
        self, writer: Writer, write: Write, error: CallError, why: str, *, safe: bool
    ) -> None:
        """Settle a record of which nobody can tell whether it was executed."""
        if safe:
            self._hold_back(writer, write, error)
        else:
            refused = refusal(error, "unknown")
            self._settle(writer, write, Outcome.UNKNOWN, refused)
            failed = Failed(writer, write, refused.masked(secrets_of(writer, write)))
            self._outages.failed(failed, settled=True)
        if isinstance(error, UnclearError) and writer.answers and not writer.answers.is_understood:
            state = "held back" if safe else "parked as unknown"
            msg = (
                f"{error}; {write.label} is {state} ({why}). If the vendor has it, such an answer "
                "means success; say so, and the next run goes on: "
                f"{writer.vendor}.{writer.answers.snippet(error.shape)}"
            )
            raise ErpError(secrets_of(writer, write)(msg))

    def _hold_back(self, writer: Writer, write: Write, error: CallError) -> None:
        """Hold back a record with which the vendor failed; the fate of other records tells why."""
        refused = refusal(error, "server_error").masked(secrets_of(writer, write))
        if self._outages.failed(Failed(writer, write, refused)):
            self._settle(writer, write, Outcome.REFUSED, refused)
            return
        logger.warning("%s held back: %s", write.label, refused)
        self._settlement.hold_back(write)

    def _settle(self, writer: Writer, write: Write, outcome: Outcome, error: RefusedError) -> None:
        parent = None
        if writer.transport and not error.request and (error.status or error.attempts):
            error.request = writer.transport.last_request
        error = error.masked(secrets_of(writer, write))
        if outcome is Outcome.WAITING and not write.key:
            outcome = Outcome.REFUSED  # nothing could find it again
        elif outcome is not Outcome.UNKNOWN and write.wants and write.key:
            # A parent that the ledger does not know may be why the vendor refused it.
            parent = self._references.missed(write)
        self._dead_letters.add(write, outcome, error, writer.secrets, writer.account)
        self._journal.receipt(writer, [write], _STATUSES[outcome], parent)
        logger.warning("%s %s: %s", write.label, outcome.value, error)
        self._settlement.settle(writer, [write], outcome, error)
