"""The command ``erp-sandbox``."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from erp_sandbox.config import ENVIRONMENT_PREFIX, Settings, command_options, read_options
from erp_sandbox.variants import parse_variants, variants_table
from erp_sandbox.vendor import all_variants, vendors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_EPILOG = """
Each vendor answers under its own path. GET / shows addresses, credentials and row counts of the
running sandbox as JSON. The control endpoints are /_sandbox/ready, report, calls, reset, faults,
data/VENDOR/RESOURCE, expire_tokens and clock.
"""
_FAILED = 1


class _OnlySubcommand(click.Group):
    """A command whose options may stand before or behind its only subcommand.

    Without a subcommand, the help is shown.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        (name,) = self.commands
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        begins_with_option = args and args[0].startswith("-")
        if begins_with_option and name not in args and args[0] not in ctx.help_option_names:
            if not ctx.resilient_parsing:
                msg = f"Missing command '{name}'."
                raise click.UsageError(msg, ctx)
        elif name in args and args[0] not in ctx.help_option_names:
            place = args.index(name)
            args = [name, *args[:place], *args[place + 1 :]]
        return super().parse_args(ctx, args)


class _Serve(click.Command):
    """The subcommand, whose help leaves the options of the vendors to `--help-vendor`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shown = (param for param in self.get_params(ctx) if _vendor_of(param) is None)
        _write_options("Options", shown, ctx, formatter)


def _vendor_of(param: click.Parameter) -> str | None:
    """Return the vendor that an option is for, or None if it is for all."""
    return next((name for name in vendors() if param.opts[0].startswith(f"--{name}-")), None)


def _write_options(
    title: str,
    params: Iterable[click.Parameter],
    ctx: click.Context,
    formatter: click.HelpFormatter,
) -> None:
    records = [record for param in params if (record := param.get_help_record(ctx)) is not None]
    with formatter.section(title):
        formatter.write_dl(records)


def _help_vendor(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    """Show credentials and options of one vendor, and end."""
    if value is None or ctx.resilient_parsing:
        return
    formatter = ctx.make_formatter()
    kind = vendors()[value]
    formatter.write_text(f"/{value}: {kind.credentials_text(kind.Options())}")
    shown = (param for param in ctx.command.get_params(ctx) if _vendor_of(param) == value)
    prefix = f"{ENVIRONMENT_PREFIX}{value}_".upper()
    _write_options(f"Options (in the environment --{value}-x is {prefix}X)", shown, ctx, formatter)
    click.echo(formatter.getvalue().rstrip())
    ctx.exit()


def _list_variants(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    """Show all variants, and end."""
    if value and not ctx.resilient_parsing:
        click.echo(variants_table(all_variants()))
        ctx.exit()


def _command() -> click.Group:
    known = vendors()
    text = click.Path(path_type=Path)
    serve = _Serve(
        "serve",
        callback=_serve,
        help="Serve all vendors until interrupted.",
        epilog=_EPILOG,
        params=[
            click.Option(["--host"], default="127.0.0.1", help="address to listen on (127.0.0.1)"),
            click.Option(["--port"], default=8765, help="TCP port, 0 for a free one (8765)"),
            click.Option(
                ["--size"], type=click.IntRange(1), default=60, help="rows per resource (60)"
            ),
            click.Option(["--seed"], default=1, help="seed of data and random faults (1)"),
            click.Option(
                ["--latency-ms"], default=0.0, help="milliseconds each call takes at least (0)"
            ),
            click.Option(
                ["--no-limits", "limits"],
                is_flag=True,
                flag_value=False,
                default=True,
                help="no rate limits at all",
            ),
            click.Option(["--limit-scale"], default=1.0, help="factor on the allowed rates (1)"),
            click.Option(["--faults"], type=text, metavar="FILE", help="JSON list of fault rules"),
            click.Option(
                ["--database"],
                metavar="PATH",
                help="SQLite file that keeps the rows (memory)",
            ),
            click.Option(
                ["--help-vendor"],
                type=click.Choice(list(known)),
                is_eager=True,
                expose_value=False,
                callback=_help_vendor,
                help="show credentials and options of one vendor",
            ),
            click.Option(
                ["--variant", "variants"],
                multiple=True,
                metavar="NAME=VALUE",
                envvar=f"{ENVIRONMENT_PREFIX}VARIANTS",
                help="play another answer to an open point",
            ),
            click.Option(
                ["--variants", "list_variants"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_list_variants,
                help="list the open points and their answers",
            ),
            *(
                option
                for name, kind in known.items()
                for option in command_options(name, kind.Options)
            ),
        ],
    )
    return _OnlySubcommand(
        "erp-sandbox", commands=[serve], help="Plays ERP vendors' HTTP APIs on loopback."
    )


def _settings(parsed: Mapping[str, Any]) -> Settings:
    faults = [] if parsed["faults"] is None else json.loads(parsed["faults"].read_text("utf-8"))
    return Settings(
        size=parsed["size"],
        seed=parsed["seed"],
        latency_ms=parsed["latency_ms"],
        limits=parsed["limits"],
        limit_scale=parsed["limit_scale"],
        database=parsed["database"],
        faults=faults if isinstance(faults, list) else [faults],
        vendors={
            name: read_options(parsed, name, kind.Options) for name, kind in vendors().items()
        },
        variants=parse_variants(parsed["variants"]),
    )


def _serve(**parsed: Any) -> int:  # noqa: ANN401 - options of every type
    try:
        # Optional dependencies: installed with the extra "sandbox" only.
        from erp_sandbox.server import SandboxServer  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"starlette", "uvicorn", "h11", "anyio"}:
            raise
        _say("erp-sandbox needs further packages: pip install 'erp-singer[sandbox]'")
        return _FAILED
    try:
        server = SandboxServer(_settings(parsed), parsed["host"], parsed["port"])
    except (OSError, ValueError, sqlite3.Error) as error:
        _say(f"erp-sandbox cannot start: {error}")
        return _FAILED
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    server.start()
    _say(f"erp-sandbox listening on {server.url}")
    while not ended.wait(0.5):
        pass
    server.stop()
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


erp_sandbox = _command()
"""The command, for `main` and for commands that have it as a subcommand."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line without the program name; None takes the process's own.

    Returns:
        Exit code: 0 when ended by SIGINT or SIGTERM, 1 when it could not start or was called in a
        wrong way.
    """
    try:
        return int(erp_sandbox.main(arguments, prog_name="erp-sandbox", standalone_mode=False) or 0)
    except click.ClickException as error:
        _say(f"erp-sandbox: {error.format_message()} (see erp-sandbox serve --help)")
        return _FAILED
