"""The target."""

from __future__ import annotations

import contextlib
import copy
import functools
import tempfile
import typing as t

from singer_sdk import Target
from singer_sdk.exceptions import SingerSDKError
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import PluginMapper
from typing_extensions import override

from erp_plugin import ErpPlugin, config_schema, run
from erp_vendors.errors import ConfigError, Interrupted
from erp_vendors.settings import NONE
from target_erp.messages import record_of, schema_of, stream_of, value_of, version_of
from target_erp.planning import guard_check
from target_erp.reader import InputError, LineReader
from target_erp.replay import replay
from target_erp.routes import Routes
from target_erp.run import Run
from target_erp.settings import SETTINGS
from target_erp.sink import ErpSink
from target_erp.table_versions import TableVersions

if t.TYPE_CHECKING:
    from types import FrameType

    from target_erp.planning.planner import Planner

MELTANO_TEST_STREAM = "meltano_test_stream"
"""What `meltano config test` sends; it must never reach a vendor."""


class TargetErp(ErpPlugin, Target):
    """Writes to AIMS360, Aimsio, AIM Web Services, CIMcloud and Pentamic Accounting."""

    name = "target-erp"
    own_settings = SETTINGS
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = config_schema(SETTINGS)
    capabilities: t.ClassVar[list[t.Any]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]
    message_reader_class = LineReader
    default_sink_class = ErpSink

    def __init__(self, **kwargs: t.Any) -> None:  # noqa: ANN401 - as in the SDK
        super().__init__(**kwargs)
        self.run = Run(self)
        self._routes = Routes(self, skip_unknown=self.run.setting("unknown_streams") == "skip")
        self.versions = TableVersions(self.run, self._routes, self.mapper)
        self._number = 0

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, t.Any]) -> None:
        """Leave out the SDK's settings for SQL loaders, which mean nothing to an API."""
        before = set(config_jsonschema["properties"])
        super().append_builtin_config(config_jsonschema)
        for name in ("add_record_metadata", "load_method", "batch_size_rows"):
            if name not in before:
                config_jsonschema["properties"].pop(name, None)

    @override
    def setup_mapper(self) -> None:
        """Read the stream maps, from a copy: the SDK takes out what it has read.

        Raises:
            ConfigError: If they cannot be understood.
        """
        try:
            self._mapper = PluginMapper(copy.deepcopy(dict(self.config)), self.logger)
        except (SingerSDKError, LookupError, TypeError) as error:
            msg = f"config: the setting 'stream_maps' cannot be used: {error}"
            raise ConfigError(msg) from None

    # Final in the SDK; guarded by test_the_hook_is_where_it_was (tests/test_sdk_hooks.py).
    @override  # type: ignore[misc]
    def listen(self, file_input: t.IO[t.Any] | None = None) -> None:
        """Read all input and settle all records; STATE goes out in any case.

        Raises:
            ExitCode: With 3, if records were rejected or their outcome is unknown.
            ErpError: If the run failed.
        """
        self.run.perform(functools.partial(self._read, file_input))

    def _read(self, file_input: t.IO[t.Any] | None) -> None:
        run = self.run
        with contextlib.ExitStack() as spool:
            guarded = run.guards.needs_vendor or run.deletions.streams
            if guarded and not run.setting("dry_run"):
                kept = spool.enter_context(tempfile.TemporaryFile())
                guard_check.keep(kept, file_input)
                guard_check.check(run, functools.partial(self._rehearse, kept))
                kept.seek(0)
                file_input = kept
            super().listen(file_input)

    def _rehearse(self, spool: t.IO[bytes], *, asks_vendor: bool) -> Planner:
        """Plan the input as far as it can be understood; where it breaks, the run will end, too."""
        spool.seek(0)
        planner = _Rehearsal(
            config={**self.config, "dry_run": True, "plan_file": NONE, "apply": ""}
        )
        run = planner.run
        run.rehearses, run.asks_vendor = True, asks_vendor
        run.writers.silent = True
        if not asks_vendor:
            run.deletions = self.run.deletions
        with run.opened:
            try:
                planner.process_lines(t.cast("t.IO[str]", spool))
            except InputError:
                run.deletions.broken = True
            planner.versions.finish()
        return t.cast("Planner", run.delivery)

    def replay(self, stream: str = "", key: str = "") -> None:
        """Send refused records again, the newest version of each, beside any running pipeline.

        Args:
            stream: Only this sink; empty for all.
            key: Only this business key, as a value or as `name=value`; empty for all.

        Raises:
            ExitCode: With 3, if records were rejected again.
            ErpError: If the run failed.
        """
        self.run.perform(functools.partial(replay, self.run, stream, key))

    @override
    def process_endofpipe(self) -> None:
        """Settle everything and emit the last STATE."""
        self.versions.finish()
        self._routes.tell_of_unused_settings()
        self.run.settle_all()

    # All that follow are private in the SDK; guarded by test_the_hook_is_where_it_was and
    # test_the_target_knows_every_type_of_message (tests/test_sdk_hooks.py).

    @override
    def _process_schema_message(self, message_dict: dict[str, t.Any]) -> None:
        if stream_of(message_dict) == MELTANO_TEST_STREAM:
            self.check_credentials()
            self._routes.leave_out(MELTANO_TEST_STREAM)
            return
        stream, schema, keys = schema_of(message_dict)
        self._routes.learn(stream, schema, keys)
        if not self._routes.is_left_out(stream):
            self.versions.schema(stream, message_dict)

    @override
    def _process_record_message(self, message_dict: dict[str, t.Any]) -> None:
        stream, record = record_of(message_dict)
        number = self._number = self.run.watermark.issue()
        if not self._routes.is_left_out(stream):
            self.run.summary.records_read += 1
            self.versions.record(stream, record)
            if not self._routes.take(stream, record, number):
                self.run.summary.records_filtered += 1
        # Each write that the record has become holds the number until that write is settled.
        self.run.watermark.settle(number)

    @override
    def _process_activate_version_message(self, message_dict: dict[str, t.Any]) -> None:
        """Delete what the new version of a table does not have, where that is allowed."""
        stream = version_of(message_dict)
        if self._routes.of(stream, "ACTIVATE_VERSION"):
            self._number = self.versions.activate(stream)

    @override
    def _process_batch_message(self, message_dict: dict[str, t.Any]) -> None:
        """Refuse files: a batch that is passed over is lost, and STATE would pass it, too."""
        msg = (
            f"has a BATCH message of stream '{stream_of(message_dict)}', which names files instead "
            "of records, and this target reads none: take `batch_config` out of the tap's settings"
        )
        raise InputError(msg)

    @override
    def _process_state_message(self, message_dict: dict[str, t.Any]) -> None:
        self.run.note_state(self._number, value_of(message_dict))

    @override
    def _handle_max_record_age(self) -> None:
        """Do nothing: the setting `checkpoint_seconds` decides when STATE goes out."""

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End the run where it is; `perform` settles what is under way."""
        self.connection.clock.stop()
        msg = f"stopped by signal {signum}; the next run continues from here"
        raise Interrupted(msg)


class _Rehearsal(TargetErp):
    """A dry run ahead of a run."""

    @override
    def check_environment(self, schema: dict[str, t.Any]) -> None:
        """Say nothing: the target of the run has looked at the environment."""


def main() -> None:
    """Entry point of `target-erp`."""
    run(TargetErp)
