"""Stream maps that had nothing to do: what they were to take out has gone through."""

from __future__ import annotations

import ast
import fnmatch
import typing as t

from singer_sdk.mapper import (
    MAPPER_FILTER_OPTION,
    MAPPER_SOURCE_OPTION,
    NULL_STRING,
)

if t.TYPE_CHECKING:
    import logging

Maps = t.Mapping[str, t.Any]
Columns = t.Mapping[str, t.Collection[str]]

_RECORD = frozenset({"_", "record"})
"""What an expression calls the whole record."""
_OTHERS = frozenset({"config", "fake", "datetime", "json", *_RECORD})
"""Names of expressions that are no columns; such as begin with two underscores are none, either."""


def tell_of_unused(
    maps: Maps, streams: t.Collection[str], columns: Columns, logger: logging.Logger, *, side: str
) -> None:
    """Warn of maps that meet no stream, and of columns in them that no such stream has.

    Args:
        maps: The setting `stream_maps`.
        streams: The streams that there were.
        columns: Columns by stream; streams of which they are not known are left out.
        logger: Takes the warnings.
        side: Who has the streams, such as `the input`.
    """
    unused = [name for name in _named(maps) if not _met(maps, name, streams)]
    if unused:
        logger.warning(
            "'stream_maps' names %s, and %s had no stream of this name, so nothing was mapped by "
            "it; the names are those of the tap, before 'streams'",
            ", ".join(unused),
            side,
        )
    for name in _named(maps):
        met = [columns[stream] for stream in _met(maps, name, columns)]
        for column in _columns_in(maps[name]) if met else ():
            if not any(column in known for known in met):
                logger.warning(
                    "'stream_maps' of %s names the column '%s', and no SCHEMA of the stream has "
                    "it, so nothing was taken from it or left out%s",
                    name,
                    column,
                    _hint(column, met),
                )


def _hint(column: str, met: t.Iterable[t.Collection[str]]) -> str:
    """A column that differs in its spelling alone."""
    plain = {_plain(name): name for known in met for name in known}
    return f"; did you mean '{plain[_plain(column)]}'?" if _plain(column) in plain else ""


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _named(maps: Maps) -> list[str]:
    return [name for name in maps if not name.startswith("__")]


def _met(maps: Maps, name: str, streams: t.Iterable[str]) -> list[str]:
    """The streams that a map is applied to."""
    own = maps[name]
    source = own.get(MAPPER_SOURCE_OPTION, name) if isinstance(own, dict) else name
    return fnmatch.filter(streams, str(source))


def _columns_in(own: object) -> t.Iterator[str]:
    """The columns that a map takes out, or takes something from."""
    if not isinstance(own, dict):
        return
    found: dict[str, None] = {}
    for name, value in own.items():
        if name.startswith("__") and name != MAPPER_FILTER_OPTION:
            continue
        if value is None or value == NULL_STRING:
            found[name] = None
        elif isinstance(value, str):
            found.update(dict.fromkeys(_columns_of(value, name)))
    yield from found


def _columns_of(expression: str, name: str) -> t.Iterator[str]:
    try:
        tree = ast.parse(expression)
    except (SyntaxError, ValueError):
        return  # whoever applies the map tells it
    called: set[str] = set()
    made: set[str] = set()
    read: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (made.add if isinstance(node.ctx, ast.Store) else read.append)(node.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called.add(node.func.id)
        elif isinstance(node, ast.Subscript) and _is_record(node.value):
            yield from _text(node.slice)
        elif isinstance(node, ast.Call) and _is_get(node.func):
            yield from _text(*node.args[:1])
    for one in read:
        if one not in called | made | _OTHERS and not one.startswith("__"):
            yield name if one == "self" else one


def _is_record(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in _RECORD


def _is_get(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "get" and _is_record(node.value)


def _text(*nodes: ast.AST) -> t.Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
