"""What stream maps make of a record, whether or not their filters let it pass."""

from __future__ import annotations

import copy
import typing as t

from singer_sdk.mapper import (
    MAPPER_FILTER_OPTION,
    PluginMapper,
    RemoveRecordTransform,
    SameRecordTransform,
)

if t.TYPE_CHECKING:
    import logging

Record = dict[str, t.Any]


class UnfilteredMaps:
    """The stream maps of the settings without their filters.

    Attributes:
        filtered: Streams of which a filter may leave out records.
    """

    def __init__(self, config: t.Mapping[str, t.Any], logger: logging.Logger) -> None:
        """Read the settings.

        Args:
            config: The target's configuration.
            logger: For the SDK's mapper.
        """
        own = copy.deepcopy(dict(config))  # the SDK's mapper changes what it is given
        self.filtered: set[str] = set()
        for stream, definition in (own.get("stream_maps") or {}).items():
            if isinstance(definition, dict) and MAPPER_FILTER_OPTION in definition:
                del definition[MAPPER_FILTER_OPTION]
                self.filtered.add(stream)
        self._mapper = PluginMapper(own, logger)

    def register(self, stream: str, schema: Record, keys: t.Sequence[str] | None) -> None:
        """Note the schema of a stream.

        Args:
            stream: Its name in the input.
            schema: JSON schema of its SCHEMA message.
            keys: Key properties of that message.
        """
        self._mapper.register_raw_stream_schema(stream, schema, keys)

    def of(self, stream: str, record: Record) -> t.Iterator[tuple[str, Record | None]]:
        """What the stream maps make of a record.

        Args:
            stream: Name of its stream in the input.
            record: The record; it is not changed.

        Yields:
            The name of a stream that it goes to, and the record as it is there; None if a map
            cannot make it.
        """
        for form in self._mapper.stream_maps.get(stream, ()):
            if isinstance(form, RemoveRecordTransform):
                continue
            if type(form) is SameRecordTransform and not form.flattening_enabled:
                yield form.stream_alias, record
                continue
            try:
                mapped = form.transform(dict(record))
            except Exception:  # noqa: BLE001 - an expression of the user may raise anything
                yield form.stream_alias, None
            else:
                yield form.stream_alias, mapped or {}
