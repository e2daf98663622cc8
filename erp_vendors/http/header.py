"""Which texts can be sent as a header; others could smuggle in another one, or are no bytes."""

from __future__ import annotations

import re

UNFIT = "holds a line break or another character that no header can carry"
"""What to say about a text that is none."""
_HEADER = re.compile(r"(?:[!-~\x80-\xff][\t -~\x80-\xff]*)?")


class UnfitHeaderError(ValueError):
    """A call cannot be sent, because the header of this name has a value that is none."""


def is_header(value: str) -> bool:
    """Whether a text can be the value of a header (RFC 9110, 5.5), in Latin-1."""
    return _HEADER.fullmatch(value) is not None
