"""Which sinks take the records of a stream, and what stream maps make of them."""

from __future__ import annotations

import logging
import traceback
import typing as t

from singer_sdk.mapper import MAPPER_FILTER_OPTION, RemoveRecordTransform, SameRecordTransform

from erp_plugin.stream_maps import tell_of_unused
from erp_vendors.http import codec
from target_erp.reader import InputError, NoSchemaError
from target_erp.writers import UnknownStreamError

if t.TYPE_CHECKING:
    from singer_sdk import Target
    from singer_sdk.mapper import StreamMap

    from target_erp.messages import Record
    from target_erp.sink import ErpSink

logger = logging.getLogger("target-erp")


class Route(t.NamedTuple):
    """The way of a stream's records to one sink.

    Attributes:
        map: The stream map that changes the records; None if they go on as they came.
        sink: The sink that takes them.
    """

    map: StreamMap | None
    sink: ErpSink


class Routes:
    """The streams of the input that a SCHEMA message has announced."""

    def __init__(self, target: Target, *, skip_unknown: bool) -> None:
        """No stream is known yet.

        Args:
            target: Has the stream maps and makes the sinks.
            skip_unknown: Streams without a sink are left out.
        """
        self._target = target
        self._skip_unknown = skip_unknown
        self._routes: dict[str, tuple[Route, ...]] = {}
        self._said: dict[str, bytes] = {}
        self._columns: dict[str, set[str]] = {}
        self._used: set[str] = set()
        self._keys: dict[str, dict[tuple[str, ...], None]] = {}
        self._left_out: set[str] = set()

    def leave_out(self, stream: str) -> None:
        """Let the records of a stream come to their end without being looked at.

        Args:
            stream: Its name.
        """
        self._left_out.add(stream)
        self._routes[stream] = ()

    def is_left_out(self, stream: str) -> bool:
        """Whether the records of a stream are not even counted.

        Args:
            stream: Its name.
        """
        return stream in self._left_out

    def key_sets_of(self, name: str) -> tuple[tuple[str, ...], ...]:
        """The key properties that the SCHEMA messages of a stream have had so far.

        Args:
            name: The stream's name behind the stream maps.
        """
        return tuple(names for names in self._keys.get(name, ()) if names)

    def learn(self, stream: str, schema: Record, keys: t.Sequence[str]) -> None:
        """Take a SCHEMA message; one that says what an earlier one said changes nothing.

        Args:
            stream: Its stream.
            schema: Its schema.
            keys: Its key properties.

        Raises:
            InputError: If the stream maps cannot be applied to it.
            ConfigError: If no sink has the stream's name.
        """
        said = codec.encode([schema, keys])
        if self._said.get(stream) == said:
            return
        self._left_out.discard(stream)
        if schema["properties"]:
            self._columns.setdefault(stream, set()).update(schema["properties"])
        found = []
        for made in self._maps(stream, schema, keys):
            self._used.update((stream, made.stream_alias))
            if isinstance(made, RemoveRecordTransform):
                continue
            try:
                sink = self._target.get_sink(
                    made.stream_alias,
                    schema=self._checked(made),
                    key_properties=made.transformed_key_properties,
                )
            except UnknownStreamError:
                if not self._skip_unknown:
                    raise
                logger.warning("Leaving out stream '%s': no sink has this name", made.stream_alias)
                self._left_out.add(stream)
                continue
            sink = t.cast("ErpSink", sink)
            sets = self._keys.setdefault(made.stream_alias, {})
            sets[sink.keys] = None
            if len(sets) > 1:
                sink.earlier_keys = tuple(names for names in sets if names)
            same = type(made) is SameRecordTransform and not made.flattening_enabled
            found.append(Route(None if same else made, sink))
        if found:
            self._left_out.discard(stream)
        self._routes[stream] = tuple(found)
        self._said[stream] = said

    def of(self, stream: str, kind: str) -> tuple[Route, ...]:
        """The ways of a stream's records; none if they are left out or removed by a map.

        Args:
            stream: Its name.
            kind: Type of the message that asks.

        Raises:
            NoSchemaError: If there was no SCHEMA message of it.
        """
        routes = self._routes.get(stream)
        if routes is None:
            msg = f"has a message {kind} of stream '{stream}' before the SCHEMA of this stream"
            raise NoSchemaError(msg)
        return routes

    def take(self, stream: str, record: Record, number: int) -> bool:
        """Hand a record to its sinks.

        Args:
            stream: Its stream.
            record: The record.
            number: Its number in the input.

        Returns:
            Whether any sink has got it; if not, stream maps have filtered it.

        Raises:
            ErpError: If the run cannot go on.
        """
        taken = False
        for made, sink in self.of(stream, "RECORD"):
            try:
                mapped = record if made is None else _mapped(made, record)
            except UnmappedError as error:
                taken = True
                why = f"record {number} of stream '{stream}'{error}"
                sink.refuse_unmapped(error.keys, number, why)
                continue
            if mapped is not None:
                sink.take(mapped, number, None if made is None else record)
                taken = True
        return taken

    def _checked(self, made: StreamMap) -> Record:
        """The schema of a mapped stream, without the types that the SDK guesses of expressions."""
        schema = made.transformed_schema
        if type(made) is SameRecordTransform:
            return schema
        maps = (one for one in self._target.config["stream_maps"].values() if isinstance(one, dict))
        named = {name for one in maps for name, value in one.items() if isinstance(value, str)}
        properties = schema.get("properties", {})
        made_of = {name: {} if name in named else part for name, part in properties.items()}
        return {**schema, "properties": made_of}

    def tell_of_unused_settings(self) -> None:
        """Warn of stream maps, and of names in `streams`, that fit no stream of the input."""
        config = self._target.config
        tell_of_unused(
            config.get("stream_maps") or {}, self._said, self._columns, logger, side="the input"
        )
        unused = [name for name in config.get("streams") or {} if name not in self._used]
        if unused and self._said:
            logger.warning(
                "'streams' names %s, and the input had no stream of this name; it had %s",
                ", ".join(unused),
                ", ".join(self._said),
            )

    def _maps(self, stream: str, schema: Record, keys: t.Sequence[str]) -> list[StreamMap]:
        mapper = self._target.mapper
        try:
            mapper.register_raw_stream_schema(stream, schema, list(keys))
            maps = mapper.stream_maps[stream]
        except Exception as error:  # noqa: BLE001 - the SDK raises what it happens to meet
            raise InputError(_unmappable(stream, error)) from None
        if not all(isinstance(made.stream_alias, str) for made in maps):
            raise InputError(_unmappable(stream, TypeError("an __alias__ is no text")))
        return maps


class UnmappedError(Exception):
    """A map cannot be applied to a record; the text says to which column, and why.

    Attributes:
        keys: The record's key properties as they came. What the map would have taken out must not
            stand in a dead letter.
    """

    def __init__(self, message: str, keys: Record) -> None:
        super().__init__(message)
        self.keys = keys


def _mapped(made: StreamMap, record: Record) -> Record | None:
    """What a map makes of a record, in JSON's own types; None if it filters it.

    Raises:
        UnmappedError: If the map cannot be applied.
    """
    column, mapped = "", None
    try:
        mapped = made.transform(dict(record))
        if mapped is None:
            return None
        own = {}
        for column, value in mapped.items():
            own[column] = codec.decode(codec.encode(value))
    except Exception as error:  # noqa: BLE001 - expressions may raise anything
        column = column or _column_of(error)
        named = f", column '{column}'" if column else ""
        msg = f"{named}: the setting 'stream_maps' (or flattening) cannot be applied: {_why(error)}"
        names = made.raw_key_properties or ()
        keys = {name: record[name] for name in names if name in record}
        raise UnmappedError(msg, keys) from None
    return own


def _column_of(error: Exception) -> str:
    """The column whose expression has failed; empty if that cannot be told."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "property_name" in frame.f_locals and "expr" in frame.f_locals:
            return str(frame.f_locals["property_name"] or MAPPER_FILTER_OPTION)
    return ""


def _why(error: Exception) -> str:
    told = error.__cause__ or error
    return " ".join(f"{error} {told if told is not error else ''}".split()) or type(error).__name__


def _unmappable(stream: str, error: Exception) -> str:
    return (
        f"has a SCHEMA of stream '{stream}' to which the setting 'stream_maps' (or flattening) "
        f"cannot be applied: {_why(error)}"
    )
