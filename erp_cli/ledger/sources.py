"""The ledger and the dead letters that the subcommands of `erp ledger` read."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import pathlib
import typing as t

import click

from erp_cli.configuration import Configuration
from erp_ledger import RecordStatus, open_ledger
from erp_ledger.lease import leases
from erp_ledger.letters import handle
from erp_plugin.environment import project_name_of
from erp_vendors.errors import ConfigError
from erp_vendors.http.budget import Clock
from target_erp.delivery.dead_letters import newest, still_open
from target_erp.output_paths import is_file
from target_erp.settings import SETTINGS

if t.TYPE_CHECKING:
    from erp_ledger import FoundRecord, Ledger

DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
"""What the target's settings are where nobody has set them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sources:
    """The ledger and the dead letters of a target.

    Attributes:
        ledger: The target's setting of this name.
        dead_letters: The target's setting of this name.
        config: The configuration that was named.
        options: The options that were given, as a command takes them.
        program: What was called, up to the subcommand.
    """

    ledger: str
    dead_letters: str
    config: Configuration = dataclasses.field(default_factory=Configuration)
    options: tuple[str, ...] = ()
    program: tuple[str, ...] = ("erp", "ledger")

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
    def leased(self, ledger: Ledger, partitions: t.Iterable[tuple[str, str]]) -> t.Iterator[None]:
        """Keep runs from writing meanwhile; those that already write are waited for.

        Args:
            ledger: The ledger, opened.
            partitions: Accounts and streams.
        """
        with leases(self.ledger, ledger) as held:
            for account, stream in sorted(set(partitions)):
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

        Raises:
            ConfigError: If there is no such folder, or no such sink.
        """
        self.check_folder()
        self.check_stream(ledger, stream)
        return still_open(newest(self.dead_letters, stream, key), ledger)

    def in_doubt(
        self, ledger: Ledger, stream: str = "", key: str = "", account: str = ""
    ) -> list[FoundRecord]:
        """Lines of the ledger whose outcome nobody noted.

        Args:
            ledger: The ledger, opened.
            stream: Only this sink; empty for all.
            key: Only this business key; empty for all.
            account: Only this account; empty for all.

        Raises:
            ConfigError: If there is no such sink.
        """
        self.check_stream(ledger, stream)
        return [
            found
            for status in (RecordStatus.UNKNOWN, RecordStatus.INTENT)
            for found in ledger.find(stream, key, status, account=account)
        ]

    def letters_by_record(self) -> dict[tuple[str, str], dict[str, t.Any]]:
        """The newest dead letter of each record, by its sink and business key.

        Raises:
            ConfigError: If there is no such folder.
        """
        self.check_folder()
        return {(letter["stream"], handle(letter)): letter for letter in newest(self.dead_letters)}

    def check_folder(self) -> None:
        """Look for the folder of the dead letters: every run of the target makes it.

        Raises:
            ConfigError: If it was named and is not there.
        """
        if pathlib.Path(self.dead_letters).is_dir():
            return
        msg = (
            f"there is no folder {self.dead_letters}, where the dead letters should be; name it "
            "with --dead-letters or TARGET_ERP_DEAD_LETTERS"
        )
        if self.dead_letters != DEFAULTS["dead_letters"]:
            raise ConfigError(msg)
        click.echo(f"warning: {msg}", err=True)

    def check_stream(self, ledger: Ledger, stream: str) -> None:
        """Whether there is a sink of this name: else nothing would be found, and nobody told why.

        Args:
            ledger: The ledger, opened.
            stream: The name; empty for all sinks.

        Raises:
            ConfigError: If there is none.
        """
        if not stream or ledger.accounts(stream) or newest(self.dead_letters, stream):
            return
        known = self.config.sinks()
        if stream not in known:
            near = difflib.get_close_matches(stream, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; see erp sinks"
            msg = f"no sink is called {stream}, and neither ledger nor dead letters know it{hint}"
            raise ConfigError(msg)

    def again(self, subcommand: str) -> list[str]:
        """The command that reads the same again, as it was called.

        Args:
            subcommand: The subcommand to be called.
        """
        project_name = project_name_of("target-erp")
        if project_name:
            return ["meltano", "invoke", f"{project_name}:{subcommand}", *self.options]
        return [*self.program, subcommand, *self.options]
