"""Turns a record of the input into what its sink sends."""

from __future__ import annotations

import typing as t

from target_erp.delivery import RefusedError
from target_erp.delivery.policy import is_empty

if t.TYPE_CHECKING:
    from target_erp.delivery import Prepared, Write, Writer
    from target_erp.writers.keys import Key


def prepare(
    writer: Writer, write: Write, identity: str = "", other_keys: Key = ()
) -> Prepared | RefusedError:
    """Prepare a record; it gets its keys in any case.

    Args:
        writer: Its sink's writer.
        write: The record; `key` is set on it, and `body` and `parents` if it can be written.
        identity: Business key that the ledger knows it by, if it must be that one.
        other_keys: Keys that its stream had before, by which the ledger may know it.

    Returns:
        What was prepared, or why it cannot be written.
    """
    try:
        if write.refusal is not None:
            raise write.refusal
        lacking = [n for n in writer.policy.match_on if is_empty(write.record.get(n))]
        if lacking:
            msg = f"it has no {', '.join(lacking)}, which sinks.{writer.stream}.match_on names"
            raise RefusedError(msg, reason="no_key")  # noqa: TRY301 - it gets its keys, too
        prepared = writer.prepare(write.record)
    except RefusedError as error:
        write.key = _led_by(identity, (*writer.identify(write.record), *other_keys))
        return error
    write.key = _led_by(identity, (*prepared.key, *other_keys))
    write.body, write.parents = prepared.body, prepared.parents
    return prepared


def _led_by(identity: str, keys: Key) -> Key:
    """The keys with `identity` in front of the others; as they are if it is empty."""
    if not identity:
        return keys
    name, _, value = identity.partition("=")
    return ((name, value), *(pair for pair in keys if pair != (name, value)))
