"""What each subcommand of `erp-ledger` reads, and the options that say where it is."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import pathlib
import typing as t

import click

from erp_ledger import RecordStatus, open_ledger
from erp_ledger.lease import leases
from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.http.budget import Clock
from target_erp.delivery.dead_letters import handle, newest, still_open
from target_erp.output_paths import is_file
from target_erp.settings import SETTINGS

if t.TYPE_CHECKING:
    from erp_ledger import FoundRecord, Ledger

_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


@dataclasses.dataclass(frozen=True, slots=True)
class Sources:
    """The ledger and the dead letters of a target.

    Attributes:
        ledger: The target's setting of this name.
        dead_letters: The target's setting of this name.
        config: The target's configuration file; empty if none was named.
        settings: What stands in that file.
    """

    ledger: str
    dead_letters: str
    config: str = ""
    settings: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def opened(self) -> t.Iterator[Ledger]:
        """Open the ledger.

        Raises:
            ConfigError: If there is none.
        """
        if is_file(self.ledger) and not pathlib.Path(self.ledger).is_file():
            msg = f"there is no ledger at {self.ledger}; name it with --ledger or TARGET_ERP_LEDGER"
            raise ConfigError(msg)
        with contextlib.closing(open_ledger(self.ledger)) as ledger:
            yield ledger

    @contextlib.contextmanager
    def leased(self, ledger: Ledger, places: t.Iterable[tuple[str, str]]) -> t.Iterator[None]:
        """Keep runs from writing meanwhile; those that already write are waited for.

        Args:
            ledger: The ledger, opened.
            places: Accounts and streams.
        """
        with leases(self.ledger, ledger) as held:
            for account, stream in sorted(set(places)):
                held.take(account, stream, Clock())
            yield

    def open_letters(
        self, ledger: Ledger, stream: str = "", key: str = ""
    ) -> list[dict[str, t.Any]]:
        """The newest dead letters of records that have not got through since.

        Args:
            ledger: The ledger, opened.
            stream: Only this sink; empty for all.
            key: Only this business key; empty for all.
        """
        return still_open(newest(self.dead_letters, stream, key), ledger)

    @staticmethod
    def in_doubt(
        ledger: Ledger, stream: str = "", key: str = "", account: str = ""
    ) -> list[FoundRecord]:
        """Lines of the ledger whose outcome nobody noted.

        Args:
            ledger: The ledger, opened.
            stream: Only this sink; empty for all.
            key: Only this business key; empty for all.
            account: Only this account; empty for all.
        """
        return [
            found
            for status in (RecordStatus.UNKNOWN, RecordStatus.INTENT)
            for found in ledger.find(stream, key, status, account=account)
        ]

    def letters_by_record(self) -> dict[tuple[str, str], dict[str, t.Any]]:
        """The newest dead letter of each record, by its sink and business key."""
        return {(letter["stream"], handle(letter)): letter for letter in newest(self.dead_letters)}

    def command(self) -> list[str]:
        """The command that reads the same again; a URL is left out, for it may hold a password."""
        if "://" in self.ledger:
            return ["erp-ledger", *(["--config", self.config] if self.config else [])]
        if self.ledger == _DEFAULTS["ledger"]:
            return ["erp-ledger"]
        return ["erp-ledger", "--ledger", self.ledger]


def with_sources(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Give a subcommand the options that all subcommands take.

    Args:
        function: The subcommand; its first argument is the `Sources` that the options name.
    """

    @functools.wraps(function)
    def command(
        *, ledger: str | None, dead_letters: str | None, config: str | None, **options: object
    ) -> object:
        return function(_sources(ledger, dead_letters, config), **options)

    return source_options(command)


def source_options(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Add the options that all subcommands take.

    Args:
        function: What click makes a command of.
    """
    for option in (
        click.option("--ledger", metavar="PLACE", help=_help("ledger")),
        click.option("--dead-letters", metavar="FOLDER", help=_help("dead_letters")),
        click.option(
            "--config",
            metavar="FILE",
            help="The target's configuration; it counts where neither option nor variable does.",
        ),
    ):
        function = option(function)
    return function


def _help(setting: str) -> str:
    return f"The target's '{setting}' setting (environment: {_variable(setting)})."


def _variable(setting: str) -> str:
    return f"TARGET_ERP_{setting.upper()}"


def _sources(ledger: str | None, dead_letters: str | None, config: str | None) -> Sources:
    given = {"ledger": ledger, "dead_letters": dead_letters}
    settings = _read(config) if config else {}
    found = {
        name: str(value or os.environ.get(_variable(name)) or settings.get(name) or _DEFAULTS[name])
        for name, value in given.items()
    }
    return Sources(**found, config=config or "", settings=settings)


def _read(config: str) -> dict[str, t.Any]:
    try:
        settings = codec.decode(pathlib.Path(config).read_bytes())
    except (OSError, ValueError) as error:
        msg = f"cannot read the configuration {config} (--config): {error}"
        raise ConfigError(msg) from None
    if not isinstance(settings, dict):
        msg = f"the configuration {config} (--config) is no JSON object"
        raise ConfigError(msg)
    return settings
