"""The subcommand `erp plan`: what a run would write, without writing it."""

from __future__ import annotations

import contextlib
import logging
import pathlib
import sys
import tempfile
import typing as t

import click

from erp_cli import configuration
from erp_cli.configuration import config_option
from erp_plugin.cli import ExitCode
from erp_vendors.errors import ConfigError
from erp_vendors.private import check_replaceable, replace_file
from target_erp.planning.plan_file import lines_of
from target_erp.planning.plan_show import CHANGES, as_markdown, as_table, counts_of
from target_erp.planning.planner import Step
from target_erp.run import REJECTED
from target_erp.target import TargetErp
from target_erp.text_table import UNCUT, width_of

DIFFERS = 2
"""Exit code, with --detailed-exitcode, if a run would change something."""


@click.command()
@config_option
@click.argument("file", metavar="FILE|-")
@click.option(
    "--format", "form", type=click.Choice(["table", "jsonl", "markdown"]), default="table",
    help="A table (default), JSON lines that can be applied, or Markdown for a pull request.",
)  # fmt: skip
@click.option("--output", metavar="FILE", help="Where the plan goes; left out: to stdout.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="0: nothing to do, 2: changes, 3: refusals."
)
def plan(
    *,
    config: tuple[str, ...],
    file: str,
    form: str,
    output: str | None,
    detailed_exitcode: bool,
) -> int:
    """Show what a run would write, from Singer messages in a file or on stdin (-).

    The vendor is read, and nothing is written. With --format jsonl the plan can be applied (setting
    `apply`). Exit code: 0; 3 if records would be refused, conflicts among them.
    """
    given = configuration.read(config)
    if output is not None:
        check_replaceable("--output", pathlib.Path(output))
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder, "plan.jsonl"))
        target = given.make(TargetErp, dry_run=True, plan_file=path, apply="")
        logging.getLogger("erp.plan").setLevel(logging.WARNING)  # the plan itself is shown
        with _opened(file) as messages:
            _make(target, messages)
        header, lines = lines_of(path)
        text = pathlib.Path(path).read_text(encoding="utf-8")
    if form != "jsonl":
        width = width_of(None if output else sys.stdout, UNCUT)
        text = as_markdown(header, lines) if form == "markdown" else as_table(header, lines, width)
        text += "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        replace_file(pathlib.Path(output), [text.encode()])
    counts = counts_of(lines)
    if counts[Step.REFUSED]:
        return REJECTED
    return DIFFERS if detailed_exitcode and any(counts[step] for step in CHANGES) else 0


def _make(target: TargetErp, messages: t.IO[t.Any] | None) -> None:
    """Make the plan; that it holds refusals is told by it."""
    try:
        target.listen(messages)
    except ExitCode as ending:
        if ending.code != REJECTED:
            raise


@contextlib.contextmanager
def _opened(file: str) -> t.Iterator[t.IO[t.Any] | None]:
    """The messages; None for stdin."""
    if file == "-":
        yield None
        return
    try:
        messages = pathlib.Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        msg = f"cannot read the messages: {error}"
        raise ConfigError(msg) from None
    with messages:
        yield messages
