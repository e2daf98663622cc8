"""Stdout, which may be closed at any time by who reads it."""

from __future__ import annotations

import contextlib
import os
import sys

from erp_vendors.errors import ErpError


class OutputError(ErpError, BrokenPipeError):
    """Stdout takes nothing any more, so nothing more can be said to anyone."""

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
        OutputError: If stdout does not take them. After that the interpreter's own flush at its
            end finds nothing to complain of.
    """
    try:
        if sys.stdout is None:
            msg = "it is closed"
            raise OSError(msg)  # noqa: TRY301 - as if the system had said it
        if lines:
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()
        else:
            sys.stdout.flush()
    except (OSError, ValueError) as error:  # ValueError: it was closed in this process
        _discard()
        raise OutputError(error) from None


def _discard() -> None:
    """Point stdout to nowhere; what is in its buffer goes there, too."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # it is no file, or closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, sys.stdout.fileno())
        finally:
            os.close(nowhere)
