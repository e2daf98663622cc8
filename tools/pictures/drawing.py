"""A terminal's text as a picture."""

from __future__ import annotations

import io
import typing as t

from rich.console import Console
from rich.terminal_theme import MONOKAI

if t.TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 112
"""Columns of the terminal."""
_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" \
xmlns="http://www.w3.org/2000/svg" role="img" aria-label="LABEL">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Consolas, "DejaVu Sans Mono", monospace;
 font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>{lines}</defs>
<rect fill="#1b1d23" width="{width}" height="{height}" rx="8"/>
<g transform="translate(9, 9)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def drawn(shown: RenderableType, name: str, label: str) -> str:
    """Draw it as SVG, without fonts of its own.

    Args:
        shown: What the terminal shows.
        name: Name of the picture.
        label: What it is a picture of.
    """
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(shown)
    form = _FORMAT.replace("LABEL", label)
    return console.export_svg(code_format=form, theme=MONOKAI, unique_id=name)
