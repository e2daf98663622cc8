"""The subcommand `erp definition`: what Meltano has to know of a plugin."""

from __future__ import annotations

import pathlib

import click

_PACKAGED = pathlib.Path(__file__).parent / "hub"
_CHECKOUT = pathlib.Path(__file__).parents[1] / "hub"
_FILES = {
    file.stem: file for folder in (_CHECKOUT, _PACKAGED) for file in sorted(folder.glob("*/*.yml"))
}
"""The definitions, which lie at the top of a checkout and inside the wheel, by their names."""


@click.command()
@click.argument("plugin", type=click.Choice(sorted(_FILES)), metavar="PLUGIN")
def definition(*, plugin: str) -> None:
    """Print a plugin's definition, for `meltano add PLUGIN --from-ref FILE`.

    PLUGIN is tap-erp or target-erp, or for one vendor such as tap-erp--aimsio.
    """
    click.echo(_FILES[plugin].read_text("utf-8"), nl=False)
