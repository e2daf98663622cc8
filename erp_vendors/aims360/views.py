"""A command that lists the vendor's Aqua views.

`python -m erp_vendors.aims360.views [WORD ...] [--source SOURCE] [--json | --markdown]`
"""

from __future__ import annotations

import argparse
import json
import sys
import typing as t

from erp_vendors.aims360.catalog import system_views


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
    parser.add_argument("--markdown", action="store_true", help="the page docs/aims360-views.md")
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
    elif options.markdown:
        sys.stdout.write(_page(found))
    else:
        sys.stdout.writelines(f"{source}\t{view}\n" for source, view in found)
    return 0 if found else 1


def _page(found: t.Sequence[tuple[str, str]]) -> str:
    sources = dict.fromkeys(source for source, _ in found)
    lines = [
        "# AIMS360: the system views of Aqua",
        "",
        f"{len(found)} views of {len(sources)} sources, for `aims360.aqua_exports`. Written by",
        "`python -m erp_vendors.aims360.views --markdown`; tenants can have custom views besides.",
        "",
        "| source | views |",
        "|---|---|",
    ]
    for source in sources:
        views = ", ".join(view.replace("|", "\\|") for name, view in found if name == source)
        lines.append(f"| {source} | {views} |")
    return "\n".join(lines) + "\n"


def _stream_name(source: str, view: str) -> str:
    letters = (c if c.isalnum() else " " for c in f"{source} {view}".lower())
    return "_".join("".join(letters).split())


if __name__ == "__main__":
    sys.exit(main())
