"""Charts as inline SVG: no script, colours by class, every bar with its number."""

from __future__ import annotations

import html
import math
import typing as t

from target_erp.printable import visible
from target_erp.report.formats import compact, exact

_WIDTH, _LEFT, _RIGHT = 720, 52, 8
_TOP, _AXIS = 10, 22
_WIDEST = 26.0
_LEAST = 2.0
"""Height of the smallest bar: one refused record among a million must be seen."""
_STRETCHED, _NARROWEST = 1000, 15.0
"""Width of a horizontal bar in its own units, and of its smallest part."""
_TICKS, _HALF_TICK = 5, 45
_STRIP = 12


class Series(t.NamedTuple):
    """One colour of a chart.

    Attributes:
        name: What it counts.
        css: Class of its bars.
        values: One per column.
    """

    name: str
    css: str
    values: t.Sequence[float]


class ChartMark(t.NamedTuple):
    """A column's mark below the axis; the worse, the taller.

    Attributes:
        css: Class.
        share: Height, 0 to 1.
        name: What it says.
    """

    css: str
    share: float
    name: str


def columns(
    name: str,
    labels: t.Sequence[str],
    ticks: t.Sequence[str],
    series: t.Sequence[Series],
    *,
    height: int = 150,
    marks: t.Sequence[ChartMark] = (),
) -> str:
    """Stacked columns.

    Args:
        name: What the chart shows.
        labels: Each column's full name.
        ticks: Each column's short name, some of which are put on the axis.
        series: From the bottom up.
        height: Height of the columns in pixels.
        marks: One per column, or none.
    """
    totals = [sum(column.values[i] for column in series) for i in range(len(labels))]
    top = _round_up(max(totals, default=0))
    base = _TOP + height
    bottom = base + (_STRIP + 4 if marks else 0)
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(labels), 1)
    wide = min(step * 0.8, _WIDEST)
    parts = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{compact(value)}</text>'
        for value in (0.0, top / 2, top)
        for y in (base - value * height / top,)
    ]
    for i, label in enumerate(labels):
        x, y = _LEFT + step * i + (step - wide) / 2, float(base)
        for column in series:
            value = column.values[i]
            if value > 0:
                tall = min(max(value * height / top, _LEAST), y - 1)
                y -= tall
                parts.append(
                    _rect((x, y, wide, tall), column.css, f"{label}: {exact(value)} {column.name}")
                )
        if marks:
            tall = _STRIP * marks[i].share
            parts.append(
                _rect((x, bottom - tall, wide, tall), marks[i].css, f"{label}: {marks[i].name}")
            )
    parts += _axis(ticks, step, bottom + 16)
    return _svg(name, _described(labels, series), (_WIDTH, bottom + _AXIS), "".join(parts))


def bar(name: str, parts: t.Sequence[tuple[str, str, float]], whole: float) -> str:
    """One horizontal bar that stretches to the width of its place.

    Args:
        name: What it shows.
        parts: What, class and value of each part.
        whole: Value of the full width.
    """
    there = [part for part in parts if part[2] > 0]
    widths = [max(_STRETCHED * value / (whole or 1), _NARROWEST) for _, _, value in there]
    shrink = min(1.0, _STRETCHED / (sum(widths) or 1))
    x, drawn = 0.0, []
    for (label, css, value), wide in zip(there, widths, strict=True):
        drawn.append(_rect((x, 0, wide * shrink, 10), css, f"{exact(value)} {label}"))
        x += wide * shrink
    text = ", ".join(f"{exact(value)} {label}" for label, _, value in there)
    stretched = 'preserveAspectRatio="none" class="bar"'
    return _svg(name, text or "nothing", (_STRETCHED, 10), "".join(drawn), stretched)


def escaped(value: object) -> str:
    """Any text as HTML that shows it in one line, and that cannot be anything but text.

    Args:
        value: Such as a vendor's answer.
    """
    return html.escape(visible(str(value)))


def _round_up(value: float) -> float:
    """The next 1, 2, 4, 6, 8 or 10 of its power of ten: half of it is a round number, too."""
    if value <= 0:
        return 2.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 4, 6, 8, 10, 20) if power * step >= value)


def _axis(ticks: t.Sequence[str], step: float, y: float) -> t.Iterator[str]:
    every = max(1, math.ceil(len(ticks) / _TICKS))
    for i in range(len(ticks) - 1, -1, -every):  # the newest run has its label
        x, anchor = _LEFT + step * (i + 0.5), "middle"
        if x > _WIDTH - _RIGHT - _HALF_TICK:
            x, anchor = float(_WIDTH - _RIGHT), "end"
        elif x < _LEFT + _HALF_TICK:
            x, anchor = float(_LEFT), "start"
        yield f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escaped(ticks[i])}</text>'


def _described(labels: t.Sequence[str], series: t.Sequence[Series]) -> str:
    sums = ", ".join(f"{exact(sum(column.values))} {column.name}" for column in series)
    return f"{len(labels)} runs, oldest first; in all {sums}" if labels else "no runs"


def _rect(box: tuple[float, float, float, float], css: str, title: str) -> str:
    x, y, wide, tall = box
    return (
        f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}">'
        f"<title>{escaped(title)}</title></rect>"
    )


def _svg(name: str, description: str, size: tuple[int, int], inside: str, more: str = "") -> str:
    wide, tall = size
    return (
        f'<svg role="img" viewBox="0 0 {wide} {tall}" {more}>'
        f"<title>{escaped(name)}</title><desc>{escaped(description)}</desc>{inside}</svg>"
    )
