"""A whole plan for people: as a table, or as Markdown for a pull request."""

from __future__ import annotations

import collections
import re
import typing as t

from erp_vendors.http import codec
from erp_vendors.http.redact import redact
from target_erp.planning.plan_text import MAY_BE_CLEARED, left_out_text
from target_erp.planning.planner import FIRST, Step
from target_erp.printable import visible
from target_erp.text_table import table

Line = t.Mapping[str, t.Any]
CHANGES = (Step.CREATE, Step.UPDATE, Step.DELETE)
_LISTED = tuple(step for step in FIRST if step is not Step.UNCHANGED)
"""Unchanged records are counted only."""
_TICKS = re.compile("`+")


def counts_of(lines: t.Iterable[Line]) -> collections.Counter[Step]:
    """Records by step.

    Args:
        lines: The lines of the plan.
    """
    return collections.Counter(Step(line["step"]) for line in lines)


def as_table(header: Line, lines: t.Sequence[Line], width: int) -> str:
    """The plan as plain text.

    Args:
        header: The header of the plan.
        lines: Its lines.
        width: Columns of the screen.
    """
    parts = [table(_totals(lines), width), *_left_out(header)]
    for stream, some in _by_stream(lines):
        rows = [("step", "record", "key", "what")]
        rows += [
            (line["step"], str(line["number"]), _key(line), "; ".join(_what(line, str, "->")))
            for line in some
        ]
        parts.append(f"{stream}\n{table(rows, width)}")
    return "\n\n".join(parts)


def as_markdown(header: Line, lines: t.Sequence[Line]) -> str:
    """The plan in Markdown.

    Args:
        header: The header of the plan.
        lines: Its lines.
    """
    said = ", ".join(f"{count:,} {step.value}" for step, count in counts_of(lines).items())
    parts = [f"# Plan: {said or 'nothing to do'}", f"Made at {header['made_at']}."]
    parts += [_markdown_table(_totals(lines)), *_left_out(header)]
    for stream, some in _by_stream(lines):
        rows = [("step", "record", "key", "what")]
        rows += [
            (line["step"], line["number"], _code(_key(line)), "<br>".join(_what(line, _code, "→")))
            for line in some
        ]
        parts += [f"## {stream}", _markdown_table(rows)]
    return "\n\n".join(parts)


def _left_out(header: Line) -> list[str]:
    said = left_out_text(header["left_out"])
    return [said] if said else []


def _totals(lines: t.Iterable[Line]) -> list[tuple[t.Any, ...]]:
    counted: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for line in lines:
        counted[line["stream"]][line["step"]] += 1
    rows: list[tuple[t.Any, ...]] = [("stream", *(step.value for step in Step))]
    for stream, counts in counted.items():
        rows.append((stream, *(f"{counts[step.value]:,}" for step in Step)))
    return rows


def _by_stream(lines: t.Iterable[Line]) -> t.Iterator[tuple[str, list[Line]]]:
    """The lines of each stream that are listed, those first that a person should see."""
    found: dict[str, dict[str, list[Line]]] = {}
    for line in lines:
        found.setdefault(line["stream"], {}).setdefault(line["step"], []).append(line)
    for stream, steps in found.items():
        some = [line for step in _LISTED for line in steps.get(step.value, ())]
        if some:
            yield stream, some


def _key(line: Line) -> str:
    return ", ".join(f"{name}={value}" for name, value in line["key"].items())


def _what(line: Line, shown: t.Callable[[str], str], arrow: str) -> list[str]:
    """What is planned for a record, in parts."""
    found = []
    for name, change in line["changes"].items():
        new = shown(_text(change["new"]))
        old = "" if line["step"] == Step.CREATE.value else f"{shown(_text(change['old']))} {arrow} "
        found.append(f"{shown(name)}: {old}{new}")
    for name, old in line["may_clear"].items():
        found.append(f"{shown(name)}: {shown(_text(old))} {arrow} {MAY_BE_CLEARED}")
    for name, values in line["conflicts"].items():
        sides = ", ".join(f"{side} {shown(_text(value))}" for side, value in values.items())
        found.append(f"{shown(name)}: {sides}")
    reason = line["reason"]
    return [*([shown(reason)] if reason else []), *found]


def _text(value: object) -> str:
    return redact(visible(codec.encode(value).decode()))


def _code(text: str) -> str:
    """A code span, in which Markdown, HTML and mentions mean nothing."""
    text = visible(text).replace("|", "\\|")
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    gap = " " if longest else ""
    return f"{fence}{gap}{text}{gap}{fence}" if text else ""


def _markdown_table(rows: t.Sequence[t.Sequence[object]]) -> str:
    head, *rest = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([head, f"|{' --- |' * len(rows[0])}", *rest])
