"""Tables of plain text, as wide as the terminal they are read in."""

from __future__ import annotations

import os
import re
import shutil
import typing as t
import unicodedata

WIDE = 160
"""Columns where nothing says how wide the reader's screen is: a file, a pipe, a log."""
_NARROWEST = 8
_GAP = "  "
_CUT = "…"
_NUMBER = re.compile(r"[\d,.]*")


def screen(stream: t.TextIO) -> int:
    """How many columns the reader of a stream has.

    Args:
        stream: Where the table goes.
    """
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDE
    except (OSError, ValueError):  # no terminal, or no file at all
        return shutil.get_terminal_size((WIDE, 24)).columns


def table(rows: t.Sequence[t.Sequence[object]], width: int = WIDE) -> str:
    """Align rows; the widest columns are cut until a line fits.

    Args:
        rows: The headings, then the rows. Columns of numbers are aligned to the right.
        width: Columns of the screen.

    Returns:
        One line per row, without a line break at the end.
    """
    cells = [[visible(str(cell)) for cell in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        others = sorted(widths)[-2] if len(widths) > 1 else 0
        excess = sum(widths) - room
        # Down to the next widest at once, then in turns.
        widths[widest] = max(min(others, widths[widest] - 1), widths[widest] - excess, _NARROWEST)
    right = [
        all(_NUMBER.fullmatch(cell) for cell in column[1:]) for column in zip(*cells, strict=True)
    ]
    lines = []
    for row in cells:
        padded = (
            _pad(cut(cell, size), size, right=numbers)
            for cell, size, numbers in zip(row, widths, right, strict=True)
        )
        lines.append(_GAP.join(padded).rstrip())
    return "\n".join(lines)


def columns(text: str) -> int:
    """Columns that a text takes on a terminal.

    Args:
        text: Without control characters.
    """
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def cut(text: str, size: int) -> str:
    """Shorten a text to a number of columns.

    Args:
        text: Without control characters.
        size: Columns that it may take.
    """
    if columns(text) <= size:
        return text
    kept, taken = [], columns(_CUT)
    for character in text:
        taken += _columns(character)
        if taken > size:
            break
        kept.append(character)
    return "".join(kept) + _CUT


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


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Me":
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _pad(text: str, size: int, *, right: bool) -> str:
    space = " " * (size - columns(text))
    return space + text if right else text + space
