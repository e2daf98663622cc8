"""The stream maps of the tap, with errors that name the stream."""

from __future__ import annotations

import typing as t

from singer_sdk.mapper import PluginMapper
from typing_extensions import override

from erp_vendors.errors import ConfigError


class NamingMapper(PluginMapper):
    """The SDK's mapper, whose own messages show an expression without saying where it stands."""

    @override
    def register_raw_stream_schema(
        self, stream_name: str, schema: dict[str, t.Any], key_properties: t.Sequence[str] | None
    ) -> None:
        """Make the maps of a stream.

        Raises:
            ConfigError: If they cannot be used for it.
        """
        try:
            super().register_raw_stream_schema(stream_name, schema, key_properties)
        except Exception as error:  # noqa: BLE001 - the SDK raises what it happens to meet
            why = " ".join(str(error).split()) or type(error).__name__
            msg = (
                "config: the setting 'stream_maps' (or flattening) cannot be applied to stream "
                f"'{stream_name}': {why}"
            )
            raise ConfigError(msg) from None
