"""Trials: with `max_records` or `only`, a sink takes some records of the input alone."""

from __future__ import annotations

import collections
import typing as t

if t.TYPE_CHECKING:
    from target_erp.delivery import Write, Writer
    from target_erp.delivery.tally import Tally
    from target_erp.delivery.watermark import Watermark


class Trial:
    """Which records of the input are left out; STATE does not pass the first of them."""

    def __init__(self, watermark: Watermark, *, is_plan: bool) -> None:
        """Leave nothing out yet.

        Args:
            watermark: Holds the number of the first record that is left out.
            is_plan: Nothing is written anyway, so nothing needs to be said.
        """
        self._is_plan = is_plan
        self._watermark = watermark
        self._taken: collections.Counter[str] = collections.Counter()
        self._left_out: collections.Counter[str] = collections.Counter()

    def leaves_out(self, writer: Writer, write: Write, tally: Tally) -> bool:
        """Whether a record is left out; it is counted then.

        Args:
            writer: Its sink's writer.
            write: The record.
            tally: The counts of its sink.
        """
        policy, stream = writer.policy, writer.stream
        if not policy.is_trial:
            return False
        full = policy.max_records is not None and self._taken[stream] >= policy.max_records
        if not full and policy.takes(writer.identify(write.record)):
            self._taken[stream] += 1
            return False
        if not self._left_out and write.number:
            self._watermark.hold(write.number)
        self._left_out[stream] += 1
        tally.left_out += 1
        return True

    @property
    def said(self) -> str:
        """What was left out, and why; empty if nothing was."""
        return (
            ""
            if self._is_plan
            else "; ".join(
                f"{count} records of {stream} were left out (sinks.{stream}: max_records or only), "
                "and STATE does not pass them"
                for stream, count in self._left_out.items()
            )
        )
