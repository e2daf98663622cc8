"""A text as it reads without the escapes of HTML, style sheets, addresses, JSON and programs.

This is for searching alone: what is found is told by its place in the text as it was.
"""

from __future__ import annotations

import html
import re
import typing as t

_ROUNDS = 8
"""Times that escapes of escapes are read; each reads one more level."""
_MOST_CODES = 0x110000
_SURROGATES = range(0xD800, 0xE000)
_ASCII = 0x7F
_STEP = {
    "percent": re.compile("%(..)"),
    "x": re.compile(r"\\[xX](..)"),
    "octal": re.compile(r"\\([0-7]+)"),
}
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(
    r"&(?:#(?:x0*(?P<hex>[0-9a-f]{1,6})|0*(?P<number>[0-9]{1,7}));?"
    r"|(?P<name>[a-z][a-z0-9]{1,31};?))"
    r"|(?P<percent>(?:%[0-9a-f]{2})+)"
    r"|(?P<x>(?:\\x[0-9a-f]{2})+)"
    r"|\\(?P<css>0000[0-9a-f]{2})"
    r"|(?P<octal>(?:\\(?!0000[0-9a-f]{2})[0-3]?[0-7]{1,2})+)"
    r"|\\(?-i:U)(?P<long>00[01][0-9a-f]{5})"
    r"|\\u\{0*(?P<braced>[0-9a-f]{1,6})\}"
    r"|\\u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})"
    r"|\\u(?P<code>[0-9a-f]{4})"
    r"|\\(?P<plain>[\\\"'/nrtbf])",
    re.IGNORECASE,
)


class Unescaped(t.NamedTuple):
    """A text without some of its escapes.

    Attributes:
        text: The text.
        starts: Where each of its characters begins in the text as it was.
        ends: Where each of them ends there.
    """

    text: str
    starts: t.Sequence[int]
    ends: t.Sequence[int]


def views(text: str) -> t.Iterator[Unescaped]:
    r"""A text as it reads after each round of reading its escapes, until none is left.

    `\xc3\xa4` may be two characters or the bytes of one, so it is read in both ways.

    Args:
        text: Any text. One without `&`, `%` and a backslash has no escapes, and no views.
    """
    if not ("&" in text or "%" in text or "\\" in text):
        return
    for in_bytes in (True, False) if "\\" in text else (True,):
        view = Unescaped(text, range(len(text)), range(1, len(text) + 1))
        for _ in range(_ROUNDS):
            following = _read(view, in_bytes=in_bytes)
            if following is None:
                break
            view = following
            yield view


def _read(view: Unescaped, *, in_bytes: bool) -> Unescaped | None:
    """Read one level of escapes; None if there is none."""
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for found in _ESCAPE.finditer(view.text):
        characters = list(_characters(found, in_bytes=in_bytes))
        if not characters:
            continue
        first = found.start()
        parts.append(view.text[done:first])
        starts += view.starts[done:first]
        ends += view.ends[done:first]
        for text, start, end in characters:
            parts.append(text)
            starts += [view.starts[start]] * len(text)
            ends += [view.ends[end - 1]] * len(text)
        done = found.end()
    if not parts:
        return None
    parts.append(view.text[done:])
    starts += view.starts[done:]
    ends += view.ends[done:]
    return Unescaped("".join(parts), starts, ends)


def _characters(found: re.Match[str], *, in_bytes: bool) -> t.Iterator[tuple[str, int, int]]:
    """The characters that an escape stands for, each with its start and its end; maybe none."""
    start, end = found.span()
    kind = str(found.lastgroup)
    value = found[kind]
    if kind in {"percent", "x", "octal"}:
        yield from _of_bytes(found, kind, in_bytes=in_bytes or kind == "percent")
    elif kind == "name":
        text = html.unescape(found[0])
        if text != found[0]:
            yield text, start, end
    elif kind == "plain":
        yield _PLAIN.get(value, value), start, end
    elif kind == "low":
        pair = bytes.fromhex(found["high"] + value)
        yield pair.decode("utf-16-be"), start, end
    else:
        code = int(value, 10 if kind == "number" else 16)
        if code < _MOST_CODES and code not in _SURROGATES:
            yield chr(code), start, end


def _of_bytes(
    found: re.Match[str], kind: str, *, in_bytes: bool
) -> t.Iterator[tuple[str, int, int]]:
    """The characters of escaped bytes: of UTF-8, or each the one of its byte's number."""
    base = 8 if kind == "octal" else 16
    steps = list(_STEP[kind].finditer(found.string, *found.span()))
    raw = bytes(int(step[1], base) for step in steps)
    place = 0
    while place < len(raw):
        text, size = chr(raw[place]), 1
        if in_bytes and raw[place] > _ASCII:
            for length in (2, 3, 4):
                try:
                    text, size = raw[place : place + length].decode(), length
                    break
                except UnicodeDecodeError:
                    continue
        last = min(place + size, len(raw)) - 1
        yield text, steps[place].start(), steps[last].end()
        place += size
