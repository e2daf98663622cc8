"""XML text, put together by hand so that every character comes out as a server would write it."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#xD;"}

HEAD = '<?xml version="1.0" encoding="utf-8"?>'
"""First line of a document."""


def escape(text: str) -> str:
    """Return text for the inside of an element; what XML cannot hold becomes U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text).translate(_ESCAPES)


def element(name: str, content: str = "", attributes: str = "") -> str:
    """Return one element.

    Args:
        name: Its name.
        content: Its inside, already escaped.
        attributes: Its attributes as they stand in the tag, already escaped.
    """
    opening = f"{name} {attributes}" if attributes else name
    return f"<{opening}>{content}</{name}>" if content else f"<{opening} />"
