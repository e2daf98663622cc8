"""Whether a record that AIM shows is the one that was sent, as far as its members tell."""

from __future__ import annotations

import enum
import html
import re
import typing as t

if t.TYPE_CHECKING:
    from erp_vendors.aim.answers import Body

_NARROWEST = 20
"""Characters of the narrowest column that a shop may cut a text at (widths are not documented)."""
_ZIP = 5
_PHONES = frozenset({"Phone", "Phone2"})


class Alike(enum.IntEnum):
    """How a shown value or record compares with what was sent."""

    OTHER = 0
    """It is another one."""
    MAYBE = 1
    """It is not shown, or the shop may have changed it."""
    SAME = 2
    """It is the same, but for blanks and case."""


def compare(sent: t.Mapping[str, t.Any], row: Body) -> Alike:
    """Compare what was sent with a row.

    Args:
        sent: Values under the names that they have in the row; empty ones do not count.
        row: The row. A member that it lacks proves nothing, as AIM leaves nulls out.
    """
    return min(
        (_alike(name, value, row.get(name)) for name, value in sent.items() if is_given(value)),
        default=Alike.MAYBE,
    )


def holds(row: object, text: object) -> bool:
    """Whether a text stands anywhere in a row, though it may be cut there.

    Args:
        row: The row, or a part of it.
        text: The text; only its words count.
    """
    if isinstance(row, dict):
        return any(holds(value, text) for value in row.values())
    if isinstance(row, list):
        return any(holds(value, text) for value in row)
    wanted, shown = _words(text), _words(row)
    return wanted in shown or (len(shown) >= _NARROWEST and wanted.startswith(shown))


def is_given(value: object) -> bool:
    """Whether a member has a value that says something.

    Args:
        value: The member's value.
    """
    return value is not None and bool(_plain(value))


def _alike(name: str, sent: object, shown: object) -> Alike:
    if not is_given(shown):
        return Alike.MAYBE
    one, other = _plain(sent), _plain(shown)
    if one == other:
        return Alike.SAME
    if name in _PHONES:
        return _numbers(one, other)
    # A shop may cut a text, shorten a zip, or write a name as "Lee, Ann".
    cut = len(other) >= (_ZIP if name == "Zip" else _NARROWEST) and one.startswith(other)
    moved = name == "Name" and sorted(_words(one).split()) == sorted(_words(other).split())
    return Alike.MAYBE if cut or moved else Alike.OTHER


def _numbers(one: str, other: str) -> Alike:
    """Two telephone numbers, written in any way, perhaps one with the country before it."""
    one, other = re.sub(r"\D", "", one), re.sub(r"\D", "", other)
    if one and one == other:
        return Alike.SAME
    return Alike.MAYBE if one.endswith(other) or other.endswith(one) else Alike.OTHER


def _plain(value: object) -> str:
    return " ".join(str("" if value is None else value).split()).casefold()


def _words(value: object) -> str:
    return " ".join(re.findall(r"\w+", html.unescape(_plain(value))))
