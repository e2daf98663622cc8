"""Tables of plain text, as wide as the terminal they are read in."""

from __future__ import annotations

import io
import os
import re
import typing as t

from erp_vendors.http.redact import redact
from target_erp.printable import visible

if t.TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

WIDE = 160
"""Columns of a log, which is read on screens of any width."""
UNCUT = 1_000_000
"""Columns for a pipe: a row stays in one line, for what reads it may look for any word of it."""
_GAP = 2
_WORDS_IN_A_LINE = 3
_NUMBER = re.compile(r"[\d,.]*")


def width_of(stream: t.TextIO | None, otherwise: int = WIDE) -> int:
    """Number of columns of the terminal that a stream leads to.

    Args:
        stream: Where the table goes; None if it is closed.
        otherwise: Columns if that is no terminal, but a file, a pipe or a log.
    """
    if stream is None or not stream.isatty():
        return otherwise
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    return os.get_terminal_size(stream.fileno()).columns or otherwise


def table(rows: t.Sequence[t.Sequence[object]], width: int = WIDE) -> str:
    """Align rows. Long texts are wrapped between words.

    Where even that is too wide for the screen, each row becomes a block with a line per column.

    Args:
        rows: The headings, then the rows. Columns of numbers are aligned to the right.
        width: Columns of the screen.

    Returns:
        Lines without a line break at the end. Secrets are masked, control characters are made
        visible, and rich's markup has no meaning.
    """
    # Imported where a table is shown: most runs show none, and start sooner without it.
    from rich.table import Table  # noqa: PLC0415

    cells = _cells(rows)
    shortest, longest = _widths(cells, width)
    room = width - _GAP * (len(shortest) - 1)
    made = Table.grid(padding=(0, _GAP, 0, 0))
    if sum(shortest) > room:
        made.add_column(no_wrap=True)
        made.add_column(overflow="fold")
        for row in cells[1:]:
            for heading, cell in zip(cells[0], row, strict=True):
                made.add_row(heading, cell)
            made.add_row()
        return _rendered(made, width)
    # The widest columns give way, but none so far that a word would have to be broken.
    limits = list(zip(shortest, longest, strict=True))
    widths = next(
        sizes
        for widest in range(room, -1, -1)
        if sum(sizes := [max(least, min(most, widest)) for least, most in limits]) <= room
    )
    for size, column in zip(widths, zip(*cells, strict=True), strict=True):
        numbers = all(_NUMBER.fullmatch(cell.plain) for cell in column[1:])
        made.add_column(width=size, justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        made.add_row(*row)
    return _rendered(made, width)


def details(rows: t.Sequence[tuple[str, object]], width: int = WIDE) -> str:
    """Set out what is known of one thing: a name and a text a line; long texts are wrapped.

    Args:
        rows: The names and their texts.
        width: Columns of the screen.

    Returns:
        As `table` does.
    """
    from rich.table import Table  # noqa: PLC0415 - see `table`

    made = Table.grid(padding=(0, _GAP, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for row in _cells(rows):
        made.add_row(*row)
    return _rendered(made, width)


def fits(rows: t.Sequence[t.Sequence[object]], width: int) -> bool:
    """Whether `table` gives each row a place side by side, and need not make blocks of them.

    Args:
        rows: As for `table`.
        width: Columns of the screen.
    """
    shortest, _ = _widths(_cells(rows), width)
    return sum(shortest) + _GAP * (len(shortest) - 1) <= width


def _cells(rows: t.Sequence[t.Sequence[object]]) -> list[list[Text]]:
    from rich.text import Text  # noqa: PLC0415 - see `table`

    # A secret is masked before its text is wrapped: its parts would not be recognised.
    return [[Text(visible(redact(str(cell)))) for cell in row] for row in rows]


def _widths(cells: list[list[Text]], width: int) -> tuple[list[int], list[int]]:
    """How narrow and how wide each column may be: its longest word, and its longest text."""
    from rich.cells import cell_len  # noqa: PLC0415 - see `table`

    texts = [[cell.plain for cell in column] for column in zip(*cells, strict=True)]
    words = [[word for cell in column for word in cell.split()] for column in texts]
    # A longer word, such as a URL, is broken, so that the others can stand side by side.
    most = width // _WORDS_IN_A_LINE
    return (
        [min(most, max(map(cell_len, column), default=0)) for column in words],
        [max(map(cell_len, column)) for column in texts],
    )


def _rendered(made: Table, width: int) -> str:
    from rich.console import Console  # noqa: PLC0415 - see `table`

    file = io.StringIO()
    Console(file=file, width=width, color_system=None, legacy_windows=False).print(made)
    return "\n".join(line.rstrip() for line in file.getvalue().rstrip().split("\n"))
