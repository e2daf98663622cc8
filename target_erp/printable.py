"""Texts that others wrote, made fit to be shown: no control characters, and not too long."""

from __future__ import annotations

import typing as t
import unicodedata

from erp_vendors.http.redact import redact

_CUT = "…"


def visible(text: str) -> str:
    """A text in one line that cannot steer a terminal: what does not print is escaped.

    Args:
        text: Any text; a vendor's answer may hold anything.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def cut(text: str, size: int) -> str:
    """Shorten a text to a number of columns of a terminal, its secrets masked before.

    Args:
        text: Without control characters.
        size: Columns that it may take.
    """
    text = redact(text)  # here, as a part of a secret would not be known as one
    if _columns(text) <= size:
        return text
    kept, taken = [], _columns(_CUT)
    for character in text:
        taken += _columns_of(character)
        if taken > size:
            break
        kept.append(character)
    return "".join(kept) + _CUT


def clean(value: t.Any) -> t.Any:  # noqa: ANN401 - any JSON
    """A value without the secrets of the configuration."""
    if isinstance(value, dict):
        return {name: clean(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [clean(inner) for inner in value]
    return redact(value) if isinstance(value, str) else value


def _columns(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Me":
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
