"""The 395 system views of the 62 Aqua sources (aims360.md 11.3, DOC), and a command to list them.

`python -m erp_vendors.aims360.views [WORD ...] [--json]`
"""

from __future__ import annotations

import argparse
import difflib
import functools
import json
import pathlib
import sys
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


def main(arguments: t.Sequence[str] | None = None) -> int:
    """List sources and views.

    Args:
        arguments: Command line (default: the process's).

    Returns:
        Exit code: 1 if nothing was found.
    """
    parser = argparse.ArgumentParser(
        prog="python -m erp_vendors.aims360.views",
        description="List the system views that aims360.aqua_exports can name. Tenants can have "
        "custom views besides.",
    )
    parser.add_argument("words", nargs="*", help="only views whose source or name has these words")
    parser.add_argument("--source", help="only the views of this source")
    parser.add_argument("--json", action="store_true", help="entries ready for aqua_exports")
    options = parser.parse_args(arguments)
    words = [word.casefold() for word in options.words]
    found = [
        (source, view)
        for source, views in system_views().items()
        if options.source is None or source.casefold() == options.source.casefold()
        for view in views
        if all(word in f"{source} {view}".casefold() for word in words)
    ]
    if options.json:
        entries = [
            {"name": _stream_name(source, view), "source": source, "view": view}
            for source, view in found
        ]
        sys.stdout.write(json.dumps(entries, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{source}\t{view}\n" for source, view in found)
    return 0 if found else 1


def _stream_name(source: str, view: str) -> str:
    letters = (c if c.isalnum() else " " for c in f"{source} {view}".lower())
    return "_".join("".join(letters).split())


if __name__ == "__main__":
    sys.exit(main())
