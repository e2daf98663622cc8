"""A plan of the whole input before the first write, for what only the whole input can tell."""

from __future__ import annotations

import typing as t

from target_erp.planning.planner import Step
from target_erp.reader import lines_of

if t.TYPE_CHECKING:
    from target_erp.planning.planner import Planner
    from target_erp.run import Run


def keep(spool: t.IO[bytes], given: t.IO[t.Any] | None) -> None:
    """Read the input to its end.

    Args:
        spool: Where to keep it.
        given: Lines of text or bytes; None for stdin.
    """
    spool.writelines(line if line.endswith(b"\n") else line + b"\n" for line in lines_of(given))


class Plan(t.Protocol):
    """Plans the whole input."""

    def __call__(self, *, asks_vendor: bool) -> Planner:
        """Plan it.

        Args:
            asks_vendor: Ask the vendors what they have; if not, the plan is about deletions alone.

        Raises:
            ErpError: If a vendor cannot be asked.
        """


def check(run: Run, plan: Plan) -> None:
    """Plan the input, and go on only if the plan is small enough.

    Deletions come first, because input and ledger tell them, and no vendor is called for that.

    Args:
        run: The run that will write; it learns what the input has.
        plan: Plans the input.

    Raises:
        ConfigError: If a guard is exceeded; nothing was written.
        ErpError: If a vendor cannot be asked.
    """
    if run.deletions.streams:
        planned = plan(asks_vendor=False)
        run.guards.check(planned.counts, planned.unasked)
        run.deletions.settle_guard(planned.counts[Step.DELETE], planned.total)
    if run.guards.needs_vendor:
        run.guards.check(plan(asks_vendor=True).counts)
