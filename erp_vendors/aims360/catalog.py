"""The 395 system views of the 62 Aqua sources (aims360.md 11.3, DOC)."""

from __future__ import annotations

import difflib
import functools
import json
import pathlib
import typing as t


@functools.cache
def system_views() -> dict[str, list[str]]:
    """The views by source, spelled as the vendor spells them; tenants have further ones."""
    file = pathlib.Path(__file__).with_name("views.json")
    views: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
    return views


def hint(source: str, view: str) -> str:
    """What a user may have meant whose source or view the vendor refused.

    Args:
        source: Aqua source.
        view: View of that source.

    Returns:
        A sentence to put behind an error; empty if both are the vendor's own.
    """
    views = system_views()
    if source not in views:
        return _did_you_mean("source", source, views)
    return "" if view in views[source] else _did_you_mean("view", view, views[source])


def _did_you_mean(what: str, name: str, known: t.Iterable[str]) -> str:
    folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    guess = f"; did you mean '{folded[close[0]]}'?" if close else ""
    return f"'{name}' is none of the vendor's own {what}s{guess}"
