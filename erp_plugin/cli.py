"""The command line: one-line errors, exit codes that tell the truth."""

from __future__ import annotations

import gc
import logging
import sys
import typing as t

from erp_vendors.errors import ErpError
from erp_vendors.http.redact import protect_logging

if t.TYPE_CHECKING:
    from singer_sdk.plugin_base import PluginBase

_GARBAGE = 10_000
"""Objects that may come to be before those without a user are looked for."""
FAILED = 1
"""Exit code of a run that failed."""


class ExitCode(ErpError):  # noqa: N818 - an ending, not always an error
    """Ends the process with a code of its own after a one-line message.

    Attributes:
        code: Process exit code.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def run(plugin: type[PluginBase]) -> t.NoReturn:
    """Run a plugin as a command.

    Args:
        plugin: The tap or the target.
    """
    spare_collector()
    command = plugin.cli
    protect_logging()
    logger = logging.getLogger(plugin.name)
    try:
        command()
    except ExitCode as ending:
        logger.error("%s", ending)  # noqa: TRY400 - the line says it all
        sys.exit(ending.code)
    except (ErpError, ValueError, OSError) as error:
        logger.error("%s", error)  # noqa: TRY400
        logger.debug("Details", exc_info=True)
        sys.exit(FAILED)
    sys.exit(0)


def spare_collector() -> None:
    """Let the garbage collector pass over modules, and look at records less often.

    Records do not refer to each other, so it finds nothing among them; each look costs.
    """
    gc.freeze()
    gc.set_threshold(_GARBAGE, *gc.get_threshold()[1:])
