"""The tap: its command, its settings, and what ends a run."""

from __future__ import annotations

import os
import sys
import threading
import typing as t
from pathlib import PurePath

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib import Catalog, StateMessage
from typing_extensions import override

from erp_plugin import config_schema, output, run
from erp_plugin.cli import FAILED
from erp_plugin.stream_maps import tell_of_unused
from erp_vendors.errors import ConfigError
from erp_vendors.stamps import to_iso
from erp_vendors.vendors import RESULTS
from tap_erp import input_files, run_catalog
from tap_erp.base import BaseTap
from tap_erp.keys import ENOUGH, OTHER_KEY, snippet
from tap_erp.maps import NamingMapper
from tap_erp.resource_stream import ResourceStream
from tap_erp.runner import run_streams
from tap_erp.settings import SETTINGS
from tap_erp.streams import STREAMS

if t.TYPE_CHECKING:
    from types import FrameType

    from tap_erp.base import TapStream
    from tap_erp.stream import ErpStream

_LAST_SECONDS = 10.0
"""A tap that is told to stop ends after so many seconds, even if nobody reads its last STATE."""


class TapErp(BaseTap):
    """Reads AIMS360, Aimsio, AIM Web Services, CIMcloud and Pentamic Accounting."""

    name = "tap-erp"
    own_settings = SETTINGS
    sources = (RESULTS,)
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = config_schema(SETTINGS)
    capabilities: t.ClassVar[list[t.Any]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    # Discovery checks the configuration as strictly as a run does.
    dynamic_catalog = True

    def __init__(
        self,
        *,
        catalog: t.Any = None,  # noqa: ANN401 - any JSON, a catalog of the SDK, or a path
        state: t.Any = None,  # noqa: ANN401 - any JSON, or a path
        **more: t.Any,  # noqa: ANN401 - as in the SDK
    ) -> None:
        """Make a tap, as the SDK's tap is made.

        Raises:
            ConfigError: If configuration, catalog or state have no usable shape.
        """
        if catalog is not None and not isinstance(catalog, (str, PurePath, Catalog)):
            catalog = input_files.check_catalog(catalog)
        if state is not None and not isinstance(state, (str, PurePath)):
            state = input_files.check_state(state)
        super().__init__(catalog=catalog, state=state, **more)

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: t.Any = None,
        state: t.IO[str] | None = None,
        catalog: t.IO[str] | None = None,
    ) -> None:
        """Run the command; the SDK's messages would not name the file of a catalog or a state.

        Raises:
            ConfigError: If a file holds no usable catalog or state, or if another run works with
                this catalog.
            ErpError: If the run failed.
        """
        super(Tap, cls).invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        with run_catalog.held(catalog):
            tap = cls(
                config=config.config,
                parse_env_config=config.parse_env,
                catalog=catalog and input_files.read_catalog(catalog),
                state=state and input_files.read_state(state),
            )
            run_catalog.tell_of_misfits(tap.input_catalog, tap.streams)
            tap.sync_all()

    @override
    def setup_mapper(self) -> None:
        """Make the stream maps.

        Raises:
            ConfigError: If they cannot be used; it names the stream.
        """
        self._mapper = NamingMapper(dict(self.config), self.logger)
        self._mapper.register_raw_streams_from_catalog(self.catalog)

    @override
    def discover_streams(self) -> list[ErpStream]:
        """The streams of all configured vendors, and those of what the target has done.

        Raises:
            ConfigError: If `start_date` cannot be read; ignoring it would read everything.
        """
        start = self.config.get("start_date")
        if start and to_iso(start) is None:
            msg = f"config: setting 'start_date' must be a date such as 2026-01-31, not {start!r}"
            raise ConfigError(msg)
        blocks = [*self.vendors, *(name for name in self.sources if self.config.get(name))]
        return [stream for block in blocks for stream in STREAMS[block](self)]

    @override
    def run_discovery(self) -> str:
        """Write the catalog to stdout; the SDK does not notice when stdout does not take it.

        Returns:
            The catalog as JSON text.

        Raises:
            OutputError: If stdout does not take it.
        """
        text = self.catalog_json_text
        output.write(text.encode() + b"\n")
        return text

    # Final in the SDK; guarded by test_the_hook_is_where_it_was (tests/test_sdk_hooks.py).
    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read all selected streams; the SDK's loop stops at the first failure.

        Raises:
            ExitCode: If a stream failed.
        """
        if self.state:
            self.state_writer.write_state(self.state)
        streams = [stream for stream in self.erp_streams if stream.selected]
        try:
            run_streams(self, streams)
        finally:
            self.call_meter.tell_all()
            self._tell_of_keys(streams)
            self._tell_of_unused_maps(streams)
        self.state_writer.write_state(self.state)

    def _tell_of_unused_maps(self, streams: t.Iterable[TapStream]) -> None:
        """Warn of stream maps, and columns in them, that met nothing: they took nothing out."""
        columns = {
            stream.name: stream.effective_schema["properties"]
            for stream in streams
            if stream.records_read  # some columns are known when records have shown them
        }
        maps = self.config.get("stream_maps") or {}
        tell_of_unused(maps, self.streams, columns, self.logger, side="the tap")

    def _tell_of_keys(self, streams: t.Iterable[TapStream]) -> None:
        """Warn of streams without a key, all in one, and of each whose key was not unique."""
        readers = [stream for stream in streams if isinstance(stream, ResourceStream)]
        for stream in readers:
            stream.tell_of_repeats()
        found = [stream.keyless for stream in readers if stream.keyless]
        if found:
            self.logger.warning(
                "%s no key, so each run reads all of %s records, and loaders cannot replace any; "
                "name what identifies a row (a column here was unique in %d rows or more; ... "
                "where none was, or too few rows came), or [] to leave it without. %s: %s",
                "1 stream has" if len(found) == 1 else f"{len(found)} streams have",
                "its" if len(found) == 1 else "their",
                ENOUGH,
                OTHER_KEY,
                snippet(found),
            )

    # Final in the SDK; guarded by test_the_hook_is_where_it_was (tests/test_sdk_hooks.py).
    @override  # type: ignore[misc]
    def run_connection_test(self) -> bool:
        """Check the credentials of each vendor; reads no stream, as some reads change data.

        Raises:
            ErpError: If a vendor cannot be reached or refuses the credentials, or if what the
                target has done cannot be read.
        """
        if self.config.get(RESULTS):
            from tap_erp.streams import results  # noqa: PLC0415 - few runs need the ledger

            results.check(self.config)
        self.check_credentials()
        return True

    # Private in the SDK; guarded by test_the_hook_is_where_it_was (tests/test_sdk_hooks.py).
    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Stop the streams, emit the state they reached, and end as failed."""
        self.connection.clock.stop()
        # If nobody reads stdout any more, writing the last STATE would never end.
        end = threading.Timer(_LAST_SECONDS, os._exit, [FAILED])
        end.daemon = True
        end.start()
        # The lock is never released: no message may follow the last STATE, and no thread may hold
        # the buffer of stdout when the interpreter shuts down.
        self.message_writer.lock.acquire()
        for stream in t.cast("dict[str, TapStream]", self._streams or {}).values():
            stream.snapshot()
        self.write_message(StateMessage(value=self.state))
        self.call_meter.tell_all()
        self.logger.error("Stopped by signal %d; the next run continues from here", signum)
        sys.exit(1)


def main() -> None:
    """Entry point of `tap-erp`."""
    run(TapErp)
