"""Writing to stdout, which its reader may close at any time."""

from __future__ import annotations

import contextlib
import os
import sys

from erp_vendors.errors import ErpError


class OutputError(ErpError, BrokenPipeError):
    """Stdout takes nothing any more, so the run has to end."""

    def __init__(self, why: object) -> None:
        super().__init__(
            f"cannot write to stdout ({str(why) or 'it is closed'}): who reads it has ended, or "
            "was never there; the next run continues from the last STATE that was taken"
        )


def write(lines: bytes) -> None:
    """Write whole lines and flush them.

    Args:
        lines: The lines with their ends; none to flush only.

    Raises:
        OutputError: If stdout does not take them. The interpreter's own flush at its end would
            fail, too, so stdout leads nowhere from then on.
    """
    try:
        if sys.stdout is None:
            msg = "it is closed"
            raise OSError(msg)  # noqa: TRY301 - handled as any other closed stdout
        if lines:
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()
        else:
            sys.stdout.flush()
    except (OSError, ValueError) as error:  # ValueError: it was closed in this process
        _discard()
        raise OutputError(error) from None


def _discard() -> None:
    """Point stdout to nowhere, and what is in its buffer with it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stdout is no file, or closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, sys.stdout.fileno())
        finally:
            os.close(nowhere)
