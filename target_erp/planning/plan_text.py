"""What stands in the cells of a plan's tables."""

from __future__ import annotations

import typing as t

from erp_vendors.http import codec
from target_erp.printable import cut

_SHOWN_FIELDS = 6
_SHOWN_CHARACTERS = 40
MAY_BE_CLEARED = "(may be cleared)"


def left_out_text(counts: t.Mapping[str, int]) -> str:
    """What a trial leaves out of a plan; empty if it leaves nothing out.

    Args:
        counts: Records by sink.
    """
    return "\n".join(
        f"{count:,} records of {stream} are left out (sinks.{stream}: max_records or only)"
        for stream, count in counts.items()
    )


def changes_text(
    changes: t.Mapping[str, tuple[t.Any, t.Any]], cleared: t.Mapping[str, t.Any]
) -> str:
    """What an update changes, in a few words.

    Args:
        changes: Old and new value by property, secrets masked.
        cleared: What it does not name and may clear, likewise.
    """
    parts = [f"{name}: {_short(old)} -> {_short(new)}" for name, (old, new) in changes.items()]
    gone = [f"{name}: {_short(old)} -> {MAY_BE_CLEARED}" for name, old in cleared.items()]
    return "; ".join(_listed(some) for some in (parts, gone) if some)


def fields_text(body: t.Mapping[str, t.Any]) -> str:
    """What a new record holds, in a few words.

    Args:
        body: Its properties, secrets masked.
    """
    return _listed([f"{name}: {_short(value)}" for name, value in body.items()])


def _listed(parts: t.Sequence[str]) -> str:
    more = len(parts) - _SHOWN_FIELDS
    return "; ".join([*parts[:_SHOWN_FIELDS], *([f"and {more} more"] if more > 0 else [])])


def _short(value: object) -> str:
    return cut(codec.encode(value).decode(), _SHOWN_CHARACTERS)
