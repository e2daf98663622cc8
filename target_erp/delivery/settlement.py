"""Counts the ends of records: each number of the input is settled exactly once."""

from __future__ import annotations

import collections
import logging
import typing as t

from erp_vendors.errors import ErpError
from target_erp.delivery.model import GOT_THROUGH, Outcome
from target_erp.delivery.tally import Tally

if t.TYPE_CHECKING:
    from target_erp.delivery.approval import Approval
    from target_erp.delivery.coordination import Coordination
    from target_erp.delivery.model import RefusedError, Write
    from target_erp.delivery.references import Child, References
    from target_erp.delivery.watermark import Watermark
    from target_erp.delivery.writer import Writer

logger = logging.getLogger("erp.delivery")

LISTED = 100
"""Skipped records of a sink that the report lists; all are counted."""


class StoppedError(ErpError):
    """`on_reject` is `stop` and a record was rejected."""


class Settlement:
    """Which records are open, and what became of the others. Safe to use from many threads.

    Attributes:
        approval: The plan that is applied; None if all may be written.
        tallies: Records by sink and outcome.
        missed: Columns of the keys of records that did not get through, by sink.
        freed: Children whose parents have got through, so that they can be submitted again.
        skipped: Some of the records that a mode forbids, by sink: key and reason.
        unapproved: Some of those that the plan does not have, in the same form.
    """

    def __init__(
        self,
        coordination: Coordination,
        watermark: Watermark,
        references: References,
        *,
        stop_on_reject: bool,
        approval: Approval | None = None,
    ) -> None:
        """Make a settlement without any record.

        Args:
            coordination: The lock of the run's threads, and why the run cannot go on.
            watermark: Holds the numbers of the records that are open.
            references: Knows which children wait for a record.
            stop_on_reject: The first rejection ends the run.
            approval: The plan that is applied; None if all may be written.
        """
        self.approval = approval
        self._coordination = coordination
        self._watermark = watermark
        self._references = references
        self._stop_on_reject = stop_on_reject
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self.missed: dict[str, set[frozenset[str]]] = collections.defaultdict(set)
        self.freed: collections.deque[Child] = collections.deque()
        self.skipped: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
        self.unapproved: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
        self._unknown: set[tuple[str, str]] = set()
        # Only the thread that submits counts what was taken, so the counters are apart.
        self._taken: dict[str, int] = collections.defaultdict(int)
        self._ended: dict[str, int] = collections.defaultdict(int)
        self._all_taken = self._all_ended = 0

    def take(self, write: Write) -> None:
        """Open a record: from here on it is settled, or the run ends.

        Args:
            write: The record; one with the number 0 is none of the input.
        """
        if self.approval is not None:
            self.approval.take(write)
        if write.number:
            self._watermark.hold(write.number)
        self._taken[write.stream] += 1
        self._all_taken += 1

    @property
    def open(self) -> int:
        """Number of records that are not through."""
        return self._all_taken - self._all_ended

    def is_open(self, stream: str) -> bool:
        """Whether a record of a sink is not through.

        Args:
            stream: Sink name.
        """
        return self._taken[stream] > self._ended[stream]

    def is_quiet(self, streams: t.Collection[str]) -> bool:
        """Whether nothing of some sinks is open, or children have to be submitted first.

        Args:
            streams: Sink names.
        """
        return bool(self.freed) or not any(map(self.is_open, streams))

    def settle(
        self,
        writer: Writer,
        writes: t.Sequence[Write],
        outcome: Outcome,
        error: RefusedError | None = None,
    ) -> None:
        """Note the end of records, which ledger and dead letters have already.

        Args:
            writer: How they were written.
            writes: Records of one sink, at least one.
            outcome: What became of them.
            error: Why they did not get through.
        """
        if outcome.value in GOT_THROUGH:
            self.free_children(writer, writes)
        elif self.approval is not None and outcome in {Outcome.REFUSED, Outcome.WAITING}:
            for write in writes:
                self.approval.give_back(write)
        first = writes[0]
        with self._coordination.lock:
            if outcome.value not in GOT_THROUGH and outcome is not Outcome.UNCHANGED:
                columns = (writer.columns_of(write.record) for write in writes)
                self.missed[first.stream].update(columns)
            self._count(writes, outcome)
            if outcome is Outcome.UNKNOWN and first.key:
                # A record that an earlier run left unknown may be in the input, too.
                if (first.stream, first.identity) in self._unknown:
                    self.tallies[first.stream][outcome] -= 1
                self._unknown.add((first.stream, first.identity))
            if self._stop_on_reject and outcome in {Outcome.REFUSED, Outcome.WAITING}:
                self._coordination.fail(
                    StoppedError(f"stopped at the first rejection: {first.label}: {error}")
                )

    def skip(self, writer: Writer, write: Write, why: str) -> None:
        """Note the end of a record that the mode of its sink forbids.

        Args:
            writer: How it would have been written.
            write: The record.
            why: The reason.
        """
        if _listed(self.skipped[write.stream], write, why):
            logger.info("%s skipped: %s", write.label, why)
        self.settle(writer, [write], Outcome.SKIPPED)

    def leave_unapproved(self, writer: Writer, write: Write, why: str) -> None:
        """Note the end of a record that the plan does not have; STATE does not pass it.

        Args:
            writer: How it would have been written.
            write: The record.
            why: What differs.
        """
        if _listed(self.unapproved[write.stream], write, why):
            logger.warning("%s is not approved: %s", write.label, why)
        self.settle(writer, [write], Outcome.NOT_APPROVED)

    def hold_back(self, write: Write) -> None:
        """Note that the run is done with a record that is not settled: STATE does not pass it."""
        with self._coordination.lock:
            write.held_back = True
            self._end(write.stream, 1)
            self._coordination.changed()

    def learn(self, writer: Writer) -> None:
        """Find out which children wait, and free those that need not, unless a plan is applied.

        Args:
            writer: A sink of the account.
        """
        children = self._references.learn(writer)
        if self.approval is None:
            self.freed.extend(children)

    def free_children(self, writer: Writer, writes: t.Iterable[Write]) -> None:
        """Free the children that wait for records which the vendor has.

        Args:
            writer: How the records are written.
            writes: The records.
        """
        if not self._references.waiting:
            return
        for write in writes:
            if write.key and not write.deletes:
                freed = self._references.arrived(writer, write)
                with self._coordination.lock:
                    self.freed.extend(freed)
                    self._coordination.changed()

    def reopen(self, child: Child, run: str, under_way: bool) -> bool:  # noqa: FBT001
        """Take back how a waiting child was counted, if this run has counted it.

        Args:
            child: The child, which is about to be submitted again.
            run: The present run.
            under_way: A newer version of it is under way.

        Returns:
            Whether the child still waits; not, if a newer version has come, of this run or another.
        """
        if under_way or not self._references.waits(child):
            return False
        if child.run == run:
            self.tallies[child.stream][child.outcome] -= 1
        return True

    def _count(self, writes: t.Sequence[Write], outcome: Outcome) -> None:
        stream = writes[0].stream
        self.tallies[stream][outcome] += len(writes)
        for write in writes:
            if write.number and outcome is not Outcome.NOT_APPROVED:
                self._watermark.settle(write.number)
        self._end(stream, sum(not write.held_back for write in writes))
        self._coordination.changed()

    def _end(self, stream: str, records: int) -> None:
        self._ended[stream] += records
        self._all_ended += records


def _listed(some: list[tuple[str, str]], write: Write, why: str) -> bool:
    """List a record and the reason, unless there are many already; whether that was done."""
    if len(some) >= LISTED:
        return False
    some.append((write.identity if write.key else "", why))
    return True
