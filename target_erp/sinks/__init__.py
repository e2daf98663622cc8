"""Sinks by vendor."""

from __future__ import annotations

import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS
from target_erp.sinks import aim, aims360, aimsio, cimcloud, pentamic

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from target_erp.delivery import Writer

SINKS: dict[str, t.Callable[[ErpPlugin, str, t.Sequence[str]], Writer | None]] = {
    "aim": aim.writer,
    "aims360": aims360.writer,
    "aimsio": aimsio.writer,
    "cimcloud": cimcloud.writer,
    "pentamic": pentamic.writer,
}
"""What makes the writer of a resource, by vendor; None if it cannot be written."""


class UnknownStreamError(ConfigError):
    """No sink has this name."""


def make_writer(plugin: ErpPlugin, stream: str, keys: t.Sequence[str]) -> Writer:
    """The writer of a stream.

    Args:
        plugin: The target.
        stream: Sink name, `<vendor>_<resource>`.
        keys: Key properties of the SCHEMA message.

    Raises:
        UnknownStreamError: If there is no such sink.
        ConfigError: If its vendor is not configured.
    """
    vendor, _, resource = stream.partition("_")
    if vendor in VENDORS:
        if vendor not in plugin.vendors:
            msg = f"stream '{stream}' needs the block '{vendor}', which is not configured"
            raise ConfigError(msg)
        writer = SINKS[vendor](plugin, resource, keys)
        if writer is not None:
            writer.account = plugin.block(vendor).account
            writer.transport = plugin.client(vendor).transport
            return writer
    msg = (
        f"no sink knows the stream '{stream}'; map it with the setting 'streams', or set "
        "unknown_streams to skip"
    )
    raise UnknownStreamError(msg)
