"""Sends dead letters again."""

from __future__ import annotations

import datetime as dt
import typing as t

from erp_ledger.letters import handle, last_at
from erp_vendors.masking import is_masked
from target_erp.deletions import NO_DELETE
from target_erp.delivery import Outcome, RefusedError, Write
from target_erp.delivery.dead_letters import UNMAPPED, newest

if t.TYPE_CHECKING:
    from target_erp.delivery import Writer
    from target_erp.run import Run


def replay(run: Run, stream: str, key: str) -> None:
    """Submit refused records again, the newest version of each, and settle them.

    Args:
        run: The run that sends them.
        stream: Only this sink; empty for all.
        key: Only this business key, as a value or as `name=value`; empty for all.

    Raises:
        ErpError: If the run failed.
    """
    folder = run.setting("dead_letters")
    # No SCHEMA message says what the keys are called, but the newest letter does.
    for name, letter in {row["stream"]: row for row in newest(folder, stream, key)}.items():
        names = next(iter(letter["key"]), "")
        # This takes the sink's lease, and so waits for a run that is writing to it.
        run.writer_of(name, names.split(",") if names else ())
    keyless = set()
    for letter in newest(folder, stream, key):
        if letter["outcome"] == Outcome.UNKNOWN.value:
            continue
        known = "=".join(next(iter(letter["key"].items()), ()))
        record = letter["record"]
        lacks = ""
        if letter["class"] == UNMAPPED:
            lacks = "was never mapped"
        elif is_masked(record):
            lacks = "holds a masked secret"
        elif letter["account"] not in {"", run.writer_of(letter["stream"]).account}:
            lacks = "is of another account"
        if lacks:
            run.logger.warning(
                "%s of %s %s; send it again from its source",
                handle(letter),
                letter["stream"],
                lacks,
            )
            continue
        run.summary.records_read += 1
        moment = dt.datetime.fromisoformat(last_at(letter))
        number = run.watermark.issue()
        writer = run.writer_of(letter["stream"])
        run.delivery.tallies[writer.stream].read += 1
        sent_before = int(moment.timestamp() * 1000)
        if letter.get("deletes") or letter["class"] == NO_DELETE:
            write = Write(number, writer.stream, record, tuple(letter["key"].items()), deletes=True)
            write.sent_before = sent_before
            _delete(run, writer, write)
        else:
            write = run.writers.received(writer, number, record)
            write.sent_before = sent_before
            run.submit(writer, write, known)
        run.watermark.settle(number)
        if not known:
            keyless.add((letter["stream"], handle(letter)))
    run.settle_all()
    # Nothing but a new letter says what became of a record without a key.
    run.replayed = keyless - run.dead_letters.added


def _delete(run: Run, writer: Writer, write: Write) -> None:
    """Delete a record, if the settings allow it by now."""
    try:
        run.deletions.allow(writer)
    except RefusedError as error:
        run.refuse(writer, write, error)
    else:
        run.delivery.submit(writer, write)
