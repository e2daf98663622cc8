"""The ledger and the dead letters that the subcommands of `erp-ledger` read."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import typing as t

from erp_cli.configuration import Configuration
from erp_ledger import RecordStatus, open_ledger
from erp_ledger.lease import leases
from erp_ledger.letters import handle
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
    """

    ledger: str
    dead_letters: str
    config: Configuration = dataclasses.field(default_factory=Configuration)

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
            named = (word for name in self.config.names for word in ("--config", name))
            return ["erp-ledger", *named]
        if self.ledger == DEFAULTS["ledger"]:
            return ["erp-ledger"]
        return ["erp-ledger", "--ledger", self.ledger]
