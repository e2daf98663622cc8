"""Writers by vendor."""

from __future__ import annotations

import functools
import importlib
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from target_erp.delivery import Writer

MakeWriter = t.Callable[["ErpPlugin", str, t.Sequence[str]], "Writer | None"]


def _writer(vendor: str, plugin: ErpPlugin, resource: str, keys: t.Sequence[str]) -> Writer | None:
    make: MakeWriter = importlib.import_module(f"{__name__}.{vendor}").writer
    return make(plugin, resource, keys)


WRITERS: dict[str, MakeWriter] = {vendor: functools.partial(_writer, vendor) for vendor in VENDORS}
"""What makes the writer of a resource, by vendor; None if it cannot be written.

A vendor's module is imported when it is called.
"""


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
        writer = WRITERS[vendor](plugin, resource, keys)
        if writer is not None:
            writer.account = plugin.block(vendor).account
            writer.transport = plugin.client(vendor).transport
            return writer
    msg = (
        f"no sink knows the stream '{stream}'; map it with the setting 'streams', or set "
        "unknown_streams to skip"
    )
    raise UnknownStreamError(msg)


def sink_names(plugin: ErpPlugin, vendor: str) -> list[str]:
    """The sinks of a configured vendor, those of the settings included.

    Args:
        plugin: The target.
        vendor: Vendor block name.

    Raises:
        ConfigError: If the block cannot be used.
    """
    module = importlib.import_module(f"{__name__}.{vendor}")
    client: t.Any = plugin.client(vendor)
    names = dict.fromkeys((*client.resources, *getattr(module, "FURTHER_SINKS", ())))
    return sorted(f"{vendor}_{name}" for name in names if module.writer(plugin, name, ()))
