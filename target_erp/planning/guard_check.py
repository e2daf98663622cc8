"""A plan of the whole input before the first write, for what only the whole input can tell."""

from __future__ import annotations

import typing as t

from target_erp.planning.planner import Planner, Step
from target_erp.reader import InputError, lines_of

if t.TYPE_CHECKING:
    from target_erp.planning.planner import Guards
    from target_erp.target import TargetErp


def keep(spool: t.IO[bytes], given: t.IO[t.Any] | None) -> None:
    """Read the input to its end.

    Args:
        spool: Where to keep it.
        given: Lines of text or bytes; None for stdin.
    """
    spool.writelines(line if line.endswith(b"\n") else line + b"\n" for line in lines_of(given))


def check(target: TargetErp, guards: Guards, spool: t.IO[bytes]) -> None:
    """Plan the input, and go on only if the plan is small enough.

    Deletions come first, because input and ledger tell them, and no vendor is called for that.

    Args:
        target: The target that will write; it learns what the input has.
        guards: The limits.
        spool: The whole input; it is at its beginning afterwards.

    Raises:
        ConfigError: If a guard is exceeded; nothing was written.
        ErpError: If a vendor cannot be asked.
    """
    if target.deletions.streams:
        plan = _rehearse(target, spool, asks_vendor=False)
        guards.check(plan.counts, plan.unasked)
        target.deletions.settle_guard(plan.counts[Step.DELETE], plan.total)
    if guards.needs_vendor:
        guards.check(_rehearse(target, spool, asks_vendor=True).counts)
    spool.seek(0)


def _rehearse(target: TargetErp, spool: t.IO[bytes], *, asks_vendor: bool) -> Planner:
    """Plan the input as far as it can be understood; where it breaks, the run will end, too."""
    spool.seek(0)
    planner = type(target)(config={**target.config, "dry_run": True, "plan_file": ""})
    planner.rehearses, planner.asks_vendor = True, asks_vendor
    if not asks_vendor:
        planner.deletions = target.deletions
    with planner.opened:
        try:
            planner.process_lines(t.cast("t.IO[str]", spool))
        except InputError:
            planner.deletions.broken = True
        planner.versions.finish()
    return t.cast("Planner", planner.delivery)
