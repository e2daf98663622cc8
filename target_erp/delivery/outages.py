"""Failures of the vendor's own: one record's fault, or an outage that must not end as refusals.

A vendor fails when it answers with 5xx, with 404 or 405 for the address, or with what is no success
and no refusal either. Only what became of other records tells what that means. So such a record is
held back: it is neither settled nor refused, and STATE does not pass it, until the run is judged.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
import typing as t

from erp_vendors.errors import ErpError

if t.TYPE_CHECKING:
    from target_erp.delivery.journal import Journal
    from target_erp.delivery.model import RefusedError, Write
    from target_erp.delivery.writer import Writer

_TRIED = 3
"""Records that fail in a row, before any got through, until the run ends."""
_IN_A_ROW = 10
"""The same, where others got through before, or where nothing but answers was lost."""
_HELD_BACK = 100
"""Records of a sink that a run holds back, at most."""
_RUNS = 3
"""Runs in which a record fails while others get through, until it is refused."""


class Failed(t.NamedTuple):
    """A record that is held back.

    Attributes:
        writer: Its sink.
        write: The record.
        error: What the vendor said last.
    """

    writer: Writer
    write: Write
    error: RefusedError


@dataclasses.dataclass(slots=True)
class _Sink:
    worked: bool = False
    in_a_row: int = 0
    first: str = ""
    held_back: list[Failed] = dataclasses.field(default_factory=list)


class Outages:
    """Tells an outage from a record that alone fails; safe to use from many threads."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._sinks: dict[str, _Sink] = collections.defaultdict(_Sink)
        self._lock = threading.Lock()

    def refused(self, write: Write) -> None:
        """The vendor has refused a record: it works, at least."""
        with self._lock:
            sink = self._sinks[write.stream]
            sink.worked, sink.in_a_row = True, 0

    def taken(self, writes: t.Sequence[Write]) -> list[Failed]:
        """The vendor has taken records of one sink.

        Returns:
            Earlier versions of them that were held back: they are out of date.
        """
        with self._lock:
            sink = self._sinks[writes[0].stream]
            sink.worked, sink.in_a_row = True, 0
            if not sink.held_back:
                return []
            newer = {name for write in writes for name in write.names}
            old = [one for one in sink.held_back if not newer.isdisjoint(one.write.names)]
            sink.held_back = [one for one in sink.held_back if one not in old]
            return old

    def has_worked(self, writer: Writer) -> bool:
        """Whether the vendor has taken or refused a record of a sink in this run."""
        with self._lock:
            return self._sinks[writer.stream].worked

    def failed(self, failed: Failed, *, settled: bool = False) -> bool:
        """The vendor has failed with a record.

        Args:
            failed: The record.
            settled: It is parked as unknown, and so not held back.

        Returns:
            Whether it is to be refused at once, because it has failed in earlier runs, too, and
            others get through.

        Raises:
            ErpError: If it counts as an outage, which ends the run.
        """
        stream = failed.write.stream
        with self._lock:
            sink = self._sinks[stream]
            before = self._journal.failing(failed.writer).get(_name(failed.write), 0)
            if sink.worked and not settled and before >= _RUNS - 1:
                return True
            sink.in_a_row += 1
            # A lost answer alone does not say that the vendor fails.
            if not settled or failed.error.status is not None:
                sink.first = sink.first or str(failed.error)
            if not settled:
                sink.held_back.append(failed)
            in_a_row = sink.in_a_row >= (_TRIED if sink.first and not sink.worked else _IN_A_ROW)
            if in_a_row or len(sink.held_back) >= _HELD_BACK:
                if sink.worked:
                    self._strike(sink)
                number = sink.in_a_row if in_a_row else _HELD_BACK
                msg = f"{failed.error} ({number} records of {stream}{' in a row' * in_a_row})"
                raise ErpError(msg)
            return False

    def judge(self) -> tuple[list[Failed], str]:
        """Say what the failures of this run mean, when all else is settled.

        Returns:
            The records that failed in their third run while others got through, which are to be
            refused; and why the run has failed, or nothing.
        """
        refused: list[Failed] = []
        reasons = []
        with self._lock:
            sinks = list(self._sinks.items())
        for stream, sink in sinks:
            # Records that failed in earlier runs, too, may be all that this input still has.
            again = sink.worked or self._failed_before(sink)
            due, left = self._strike(sink) if again else ([], len(sink.held_back))
            refused += due
            if sink.first and not sink.worked and (left or not due):
                reasons.append(f"no record of {stream} got through: {sink.first}")
            elif left:
                one = "1 record" if left == 1 else f"{left} records"
                reasons.append(
                    f"the vendor failed with {one} of {stream}, while others got through: "
                    f"{sink.first}; the next run tries again, and after {_RUNS} such runs a record "
                    "goes to the dead letters"
                )
        return refused, "; ".join(reasons)

    def _failed_before(self, sink: _Sink) -> bool:
        failing = self._journal.failing(sink.held_back[0].writer) if sink.held_back else {}
        return bool(failing) and all(_name(one.write) in failing for one in sink.held_back)

    def _strike(self, sink: _Sink) -> tuple[list[Failed], int]:
        if not sink.held_back:
            return [], 0
        writer = sink.held_back[0].writer
        runs = self._journal.strike(writer, [_name(one.write) for one in sink.held_back])
        due = [one for one in sink.held_back if runs[_name(one.write)] >= _RUNS]
        left = len(sink.held_back) - len(due)
        sink.held_back = []
        return due, left


def _name(write: Write) -> str:
    """What a record's failures are counted under; without a key its content names it."""
    return write.identity if write.key else f"#{write.digest.hex()}"
