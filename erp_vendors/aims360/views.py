"""A command that lists the vendor's Aqua views.

`python -m erp_vendors.aims360.views [WORD ...] [--source SOURCE] [--json | --markdown]`
"""

from __future__ import annotations

import json
import typing as t

import click

from erp_vendors.aims360.catalog import system_views


@click.command()
@click.argument("words", nargs=-1)
@click.option("--source", help="Only the views of this source.")
@click.option("--json", "as_json", is_flag=True, help="Entries ready for aqua_exports.")
@click.option("--markdown", is_flag=True, help="The page docs/aims360-views.md.")
def main(*, words: tuple[str, ...], source: str | None, as_json: bool, markdown: bool) -> None:
    """List the system views that aims360.aqua_exports can name, or those with all of some WORDS.

    Tenants can have custom views besides. It ends with 1 if nothing is found.
    """
    found = [
        (name, view)
        for name, views in system_views().items()
        if source is None or name.casefold() == source.casefold()
        for view in views
        if all(word.casefold() in f"{name} {view}".casefold() for word in words)
    ]
    if as_json:
        entries = [
            {"name": _stream_name(name, view), "source": name, "view": view} for name, view in found
        ]
        click.echo(json.dumps(entries, indent=2))
    elif markdown:
        click.echo(_page(found), nl=False)
    else:
        for name, view in found:
            click.echo(f"{name}\t{view}")
    if not found:
        click.get_current_context().exit(1)


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
    main(prog_name="python -m erp_vendors.aims360.views")
