"""Whether the catalog of `--catalog` is this run's own.

`meltano run` and `meltano invoke` keep one catalog for all runs of a plugin, in
`.meltano/run/<plugin>/`. Of two such runs at once, one would read what the other one has selected.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pathlib
import typing as t

from erp_plugin.environment import project_name_of
from erp_vendors.errors import ConfigError
from erp_vendors.private import lock_file
from erp_vendors.vendors import VENDORS

if t.TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog

logger = logging.getLogger("tap-erp")

_NAMED = 10
"""Streams that a warning names."""


@contextlib.contextmanager
def held(catalog: t.IO[str] | None) -> t.Iterator[None]:
    """Keep other runs from a catalog of Meltano's while this one works.

    A catalog that does not come from Meltano is not written by other runs, so any number may read
    it.

    Args:
        catalog: The file of `--catalog`, or None.

    Raises:
        ConfigError: If another run works with it.
    """
    name = project_name_of("tap-erp")
    if not name or catalog is None:
        yield
        return
    path = pathlib.Path(catalog.name)
    try:
        lock = lock_file(path.with_name(f"{path.name}.lock"))
    except OSError as error:
        logger.warning(
            "cannot lock the catalog %s (%s), so a second run with it would not be noticed",
            path,
            error.strerror,
        )
        yield
        return
    if lock is None:
        msg = (
            f"catalog {path}: another run of {name} works with this file; as each run writes it "
            "anew, either of the two may have read what the other one has selected. `meltano run` "
            "is for one run of a plugin at a time; runs side by side need "
            f"`meltano el {name} <loader> --state-id=<id>`, each with an id of its own"
        )
        raise ConfigError(msg)
    try:
        yield
    finally:
        os.close(lock)


def tell_of_misfits(catalog: Catalog | None, streams: t.Collection[str]) -> None:
    """Warn of a catalog that was not made with this configuration.

    Args:
        catalog: The catalog of `--catalog`, or None.
        streams: The streams that the configuration has.
    """
    if catalog is None:
        return
    foreign = [
        name
        for name, entry in catalog.items()
        if name not in streams and entry.metadata.root.selected is not False
    ]
    if foreign:
        absent = sorted(
            vendor
            for vendor in VENDORS
            if any(name.startswith(f"{vendor}_") for name in foreign)
            and not any(name.startswith(f"{vendor}_") for name in streams)
        )
        logger.warning(
            "the catalog selects %d streams that this configuration does not have, and that are "
            "not read: %s%s; it may be the catalog of another run",
            len(foreign),
            _some(foreign),
            f" (not configured: {', '.join(absent)})" if absent else "",
        )
    # Who writes a catalog by hand leaves out what is not wanted; Meltano's holds all streams.
    missing = [name for name in streams if name not in catalog]
    if missing and project_name_of("tap-erp"):
        logger.warning(
            "the catalog lacks %d streams of this configuration, so they are not read: %s; it may "
            "be the catalog of another run, or an old one: `--refresh-catalog` makes it anew",
            len(missing),
            _some(missing),
        )


def _some(names: t.Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
