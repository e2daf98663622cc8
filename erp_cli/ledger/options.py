"""Options that several subcommands of `erp ledger` take."""

from __future__ import annotations

import functools
import os
import typing as t

import click

from erp_cli import configuration
from erp_cli.command_line import not_blank
from erp_cli.ledger.sources import DEFAULTS, Sources
from erp_vendors.errors import ConfigError

if t.TYPE_CHECKING:
    from erp_cli.configuration import Configuration

_MOST_RUNS = 1_000_000

json_option = click.option("--json", "as_json", is_flag=True, help="For scripts: JSON lines.")
limit_option = click.option(
    "--limit",
    type=click.IntRange(1, _MOST_RUNS),
    default=50,
    show_default=True,
    help="How many runs.",
)
stream_option = click.option("--stream", callback=not_blank, help="Only this sink.")
key_option = click.option(
    "--key", callback=not_blank, help="Only this business key (VALUE or NAME=VALUE)."
)
account_option = click.option(
    "--account", callback=not_blank, help="Only this account, as 'unknown' shows it."
)


def with_sources(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Give a subcommand the options that all subcommands take.

    Args:
        function: The subcommand; its first argument is the `Sources` that the options name.
    """

    @functools.wraps(function)
    def command(
        *, ledger: str, dead_letters: str, config: tuple[str, ...], **options: object
    ) -> object:
        return function(_sources(ledger, dead_letters, configuration.read(config)), **options)

    return source_options(command)


def source_options(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Add the options that all subcommands take.

    Args:
        function: What click makes a command of.
    """
    for option in (
        click.option("--ledger", callback=not_blank, metavar="PLACE", help=_help("ledger")),
        click.option(
            "--dead-letters", callback=not_blank, metavar="FOLDER", help=_help("dead_letters")
        ),
        configuration.config_option,
    ):
        function = option(function)
    return function


def _help(setting: str) -> str:
    return f"The target's '{setting}' setting (environment: {_variable(setting)})."


def _variable(setting: str) -> str:
    return f"TARGET_ERP_{setting.upper()}"


def _sources(ledger: str, dead_letters: str, config: Configuration) -> Sources:
    """The places that option, variable or configuration names, in this order.

    Raises:
        ConfigError: If the configuration is wrong, or a variable says something else than it.
    """
    config.check()
    given = {"ledger": ledger, "dead_letters": dead_letters}
    variables = {name: os.environ.get(_variable(name), "").strip() for name in given}
    found = {
        name: str(value or variables[name] or config.settings.get(name) or DEFAULTS[name])
        for name, value in given.items()
    }
    for name, value in given.items():
        said, variable = config.settings.get(name), variables[name]
        if said and variable and said != variable and not value and not config.reads_environment:
            msg = (
                f"{_variable(name)} names another place than the setting {name} of --config: unset "
                f"the variable, or say which one is meant by {_flag(name)}"
            )
            raise ConfigError(msg)
    # A URL may hold a password.
    options = [
        word
        for name, value in given.items()
        if value and "://" not in value
        for word in (_flag(name), value)
    ]
    options += [word for name in config.names for word in ("--config", name)]
    context = click.get_current_context().parent
    program = context.command_path.split() if context else ["erp", "ledger"]
    return Sources(
        **configuration.without_masks(found),
        config=config,
        options=tuple(options),
        program=tuple(program),
    )


def _flag(setting: str) -> str:
    return f"--{setting.replace('_', '-')}"
