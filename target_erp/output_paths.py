"""Files and folders that a run writes, looked at before it writes anything."""

from __future__ import annotations

import pathlib

from erp_vendors.errors import ConfigError
from erp_vendors.private import check_folder, check_replaceable, make_file
from erp_vendors.stores import kind_of


def check_output_paths(*, ledger: str, dead_letters: str, report_file: str) -> None:
    """Make what is missing, or say now that it cannot be made.

    Args:
        ledger: The setting of this name.
        dead_letters: The setting of this name.
        report_file: The setting of this name; empty for none.

    Raises:
        ConfigError: If a setting names something that cannot be written.
    """
    if is_file(ledger):
        make_file("ledger", pathlib.Path(ledger))
    check_folder("dead_letters", pathlib.Path(dead_letters))
    if report_file and is_file(ledger):
        same = pathlib.Path(report_file).resolve() == pathlib.Path(ledger).resolve()
        if same:
            msg = f"config: report_file and ledger name the same file, {ledger}"
            raise ConfigError(msg)
    if report_file:
        check_replaceable("report_file", pathlib.Path(report_file))


def is_file(ledger: str) -> bool:
    """Whether the ledger is a file, and not on a server.

    Args:
        ledger: The setting.

    Raises:
        ConfigError: If it is neither.
    """
    return kind_of("ledger", ledger, "postgresql") == "sqlite"
