"""What the commands have in common: where options may stand, exit codes, errors in one line."""

from __future__ import annotations

import importlib
import sys
import typing as t

import click
from click.shell_completion import CompletionItem

from erp_plugin.cli import FAILED, ExitCode
from erp_vendors.errors import ErpError


def not_blank(_: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """A callback of parameters: a script's unset variable must not come to mean everything.

    Args:
        parameter: The parameter.
        value: What was given; None if it was left out, which gives an empty text.

    Raises:
        click.BadParameter: If a blank text was given.
    """
    if value is not None and not value.strip():
        msg = "it is empty" + ("" if parameter.required else "; leave it out to mean all")
        raise click.BadParameter(msg)
    return value or ""


class OptionsAnywhere(click.Group):
    """A command with subcommands, whose options may stand before or behind the subcommand.

    An option that stands before the subcommand is handed to it, so that only the subcommand has to
    know it. Without a subcommand, the help is shown.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move options of subcommands behind the subcommand's name.

        Args:
            ctx: The command that is called.
            args: What stands behind its name.
        """
        takes_value = {
            flag: not option.is_flag
            for command in (self, *self.commands.values())
            for option in command.params
            if isinstance(option, click.Option)
            for flag in (*option.opts, *option.secondary_opts)
        }
        before, rest = [], list(args)
        while rest and rest[0].partition("=")[0] in takes_value:
            flag, has_value, _ = rest[0].partition("=")
            length = 2 if takes_value[flag] and not has_value else 1
            if len(rest) < length and not ctx.resilient_parsing:
                raise click.BadOptionUsage(flag, f"Option {flag!r} requires an argument.", ctx)
            before += rest[:length]
            rest = rest[length:]
        if not rest and not ctx.resilient_parsing:  # or else the shell asks for completions
            click.echo(ctx.get_help())
            ctx.exit()
        # What stands behind the subcommand comes later, and so it prevails.
        return super().parse_args(ctx, [*rest[:1], *before, *rest[1:]])


class Subcommand(t.NamedTuple):
    """A subcommand that is imported when it is called.

    Attributes:
        place: `module:name` of the click command.
        text: What it does, one line.
    """

    place: str
    text: str


class LazyGroup(OptionsAnywhere):
    """A command whose subcommands stand in a table, and are imported when they are called.

    An option that the group itself has may stand before the subcommand, which gets it.
    """

    def __init__(self, *args: t.Any, table: t.Mapping[str, Subcommand], **more: t.Any) -> None:  # noqa: ANN401 - as in click
        super().__init__(*args, **more)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the subcommands, in alphabetical order."""
        return sorted(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a subcommand."""
        if cmd_name not in self._table:
            return None
        module, _, name = self._table[cmd_name].place.partition(":")
        return t.cast("click.Command", getattr(importlib.import_module(module), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each subcommand does, without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._table[name].text) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete options and subcommands, without importing them."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self._table[name].text) for name in names]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


def run(command: click.Command, name: str, arguments: t.Sequence[str] | None) -> int:
    """Run a command.

    Args:
        command: The command.
        name: What people call it.
        arguments: What stands behind its name (default: as the process was called).

    Returns:
        What the command returns, or 0; 1 with one line on stderr if it failed or was called in a
        wrong way; or the code that an `ExitCode` carries.
    """
    if sys.stdout is None:
        print(f"{name}: cannot write to stdout: it is closed", file=sys.stderr)
        return FAILED
    try:
        code = command.main(arguments, prog_name=name, standalone_mode=False)
    except ExitCode as ending:
        code, said = ending.code, str(ending)
    except click.ClickException as error:
        called = getattr(error, "ctx", None)
        path = called.command_path if called else name
        code, said = FAILED, f"{error.format_message()} (see {path} --help)"
    except click.Abort:
        code, said = FAILED, "interrupted"
    except (ErpError, OSError) as error:
        code, said = FAILED, str(error)
    else:
        return int(code or 0)
    print(f"{name}: {' '.join(said.split())}", file=sys.stderr)
    return code
