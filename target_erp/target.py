"""The target."""

from __future__ import annotations

import collections
import contextlib
import copy
import datetime as dt
import functools
import pathlib
import tempfile
import time
import typing as t

from singer_sdk import Target
from singer_sdk.exceptions import SingerSDKError
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import PluginMapper

from erp_ledger import Ledger, open_ledger
from erp_ledger.lease import Leases, leases
from erp_plugin import ErpPlugin, config_schema, run
from erp_plugin.cli import FAILED, ExitCode
from erp_plugin.progress import ProgressLine
from erp_vendors.errors import ConfigError, Interrupted
from erp_vendors.http import codec
from erp_vendors.http.redact import redact
from target_erp.cpu_affinity import keep_to_one_cpu
from target_erp.deletions import Deletions
from target_erp.delivery import Delivery, RefusedError, Write, Writer
from target_erp.delivery.dead_letters import DeadLetters
from target_erp.delivery.delivery import StoppedError
from target_erp.delivery.journal import Journal
from target_erp.delivery.watermark import Watermark
from target_erp.messages import record_of, schema_of, stream_of, value_of, version_of
from target_erp.output_paths import check_output_paths, is_file
from target_erp.planning import guard_check
from target_erp.planning.planner import Guards, Planner, allowance
from target_erp.reader import InputError, LineReader
from target_erp.replay import replay
from target_erp.routes import Routes
from target_erp.settings import SETTINGS
from target_erp.sink import ErpSink
from target_erp.states import States
from target_erp.summary import Summary, save
from target_erp.table_versions import TableVersions
from target_erp.timer import every
from target_erp.webhook import deliver
from target_erp.writers import make_writer
from target_erp.writers.keys import Key, key_of

if t.TYPE_CHECKING:
    from types import FrameType

    from target_erp.delivery.references import Child

REJECTED = 3
"""Exit code of a run that finished with rejected or unknown records."""
MELTANO_TEST_STREAM = "meltano_test_stream"
"""What `meltano config test` sends; it must never reach a vendor."""
_CLOSING_SECONDS = 30.0
_SHORTEST_CHECKPOINT = 0.1
"""Seconds between two looks for a STATE that may go out, at least, while no input comes."""


class TargetErp(ErpPlugin, Target):
    """Writes to AIMS360, Aimsio, AIM Web Services, CIMcloud and Pentamic Accounting."""

    name = "target-erp"
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
        self.run_id = dt.datetime.now(dt.timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
        self.opened = contextlib.ExitStack()
        allowance("max_rejects", self.config.get("max_rejects"), 0)  # wrong values end it here
        self._guards = Guards(**(self.config.get("guards") or {}))
        self._guards.check(collections.Counter())
        self.deletions = Deletions(
            self.setting("deletes") or (), self._guards.max_deletes, self.config.get("streams")
        )
        self.rehearses = self.asks_vendor = False
        self.versions = TableVersions(self)
        self._writers: dict[str, Writer] = {}
        self._given_keys: dict[str, tuple[str, ...]] = {}
        self._routes = Routes(self, skip_unknown=self.setting("unknown_streams") == "skip")
        self._warned: set[str] = set()
        self._keyless: set[str] = set()
        self.watermark = Watermark()
        self._states = States(self.watermark)
        self._number = 0
        self._emitted_at = time.monotonic()
        self.replayed: set[tuple[str, str]] = set()

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, t.Any]) -> None:
        """Leave out the SDK's settings for SQL loaders, which mean nothing to an API."""
        before = set(config_jsonschema["properties"])
        super().append_builtin_config(config_jsonschema)
        for name in ("add_record_metadata", "load_method", "batch_size_rows"):
            if name not in before:
                config_jsonschema["properties"].pop(name, None)

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

    def listen(self, file_input: t.IO[t.Any] | None = None) -> None:  # type: ignore[misc]
        """Read all input and settle all records; STATE goes out in any case.

        Raises:
            ExitCode: With 3, if records were rejected or their outcome is unknown.
            ErpError: If the run failed.
        """
        self.perform(functools.partial(self._read, file_input))

    def _read(self, file_input: t.IO[t.Any] | None) -> None:
        with contextlib.ExitStack() as spool:
            guarded = self._guards.needs_vendor or self.deletions.streams
            if guarded and not self.setting("dry_run"):
                kept = spool.enter_context(tempfile.TemporaryFile())
                guard_check.keep(kept, file_input)
                guard_check.check(self, self._guards, kept)
                file_input = kept
            super().listen(file_input)

    def perform(self, work: t.Callable[[], None]) -> None:
        """Do a run's work; whatever becomes of it is settled, reported and told by the exit code.

        Args:
            work: Submits records and settles them.

        Raises:
            ExitCode: With 3, if records were rejected or their outcome is unknown.
            ErpError: If the run failed.
        """
        if not self.setting("dry_run"):
            names = ("ledger", "dead_letters", "report_file")
            check_output_paths(**{name: self.setting(name) for name in names})
        code, said = FAILED, "the run was ended"
        # Last of all, when the leases are given back: others need not wait for a webhook.
        with keep_to_one_cpu(), contextlib.ExitStack() as afterwards, self.opened:
            try:
                with (
                    self._progress(),
                    every(self._checkpoint_seconds, self._look_for_state, self._fail),
                ):
                    self._until_input_breaks(work)
                self._judge()
            except BaseException as error:
                code = error.code if isinstance(error, ExitCode) else FAILED
                said = redact(str(error) or type(error).__name__)
                self.connection.clock.stop()
                self.delivery.close(_CLOSING_SECONDS)
                self._emit_state()
                if isinstance(error, StoppedError):
                    code = REJECTED
                    raise ExitCode(str(error), REJECTED) from None
                raise
            else:
                code, said = 0, ""
            finally:
                report = self._finish(code, said)
                if report and self.config.get("webhook"):
                    afterwards.callback(deliver, report, **self.config["webhook"])

    def _until_input_breaks(self, work: t.Callable[[], None]) -> None:
        """Do the work; what came before a line that cannot be used is settled first."""
        try:
            work()
        except (InputError, ConfigError):
            self.delivery.flush()
            raise

    def _progress(self) -> ProgressLine:
        """Shows how far the run is."""
        return ProgressLine(
            self.logger,
            # Not `records_read`: another thread must not be the one that opens the ledger.
            rows=lambda: self.records_read if "summary" in self.__dict__ else 0,
            budgets=lambda: {
                name: client.transport.budget for name, client in list(self._clients.items())
            },
        )

    def replay(self, stream: str = "", key: str = "") -> None:
        """Send refused records again, the newest version of each, beside any running pipeline.

        Args:
            stream: Only this sink; empty for all.
            key: Only this business key, as a value or as `name=value`; empty for all.

        Raises:
            ExitCode: With 3, if records were rejected again.
            ErpError: If the run failed.
        """
        self.perform(functools.partial(replay, self, stream, key))

    def _finish(self, code: int, said: str) -> dict[str, t.Any]:
        if isinstance(self.delivery, Planner):
            self.delivery.summary()
            return {}
        self.summary.log()
        report = self.summary.as_json(code, said)
        self.ledger.end_run(self.run_id, codec.encode(report).decode())
        save(report, self.setting("report_file"))
        self.dead_letters.close()
        self.dead_letters.compact(self.ledger, self._writers, self.replayed)
        return report

    @functools.cached_property
    def ledger(self) -> Ledger:
        """The ledger, open until the run ends."""
        setting = self.setting("ledger")
        return self.opened.enter_context(contextlib.closing(open_ledger(setting)))

    @functools.cached_property
    def delivery(self) -> Delivery | Planner:
        """What sends the records; or what plans them."""
        if self.setting("dry_run"):
            plan = self.setting("plan_file")
            return Planner(
                plan,
                show=bool(plan),
                journal=self._known_journal(),
                asks=self.asks_vendor or not self.rehearses,
                deleted=lambda writer, write: self.deletions.is_deleted(self.ledger, writer, write),
            )
        self.ledger.begin_run(self.run_id)
        return Delivery(
            self.dead_letters,
            self._journal(),
            stop_on_reject=self.setting("on_reject") == "stop",
            resubmit=self._resubmit,
            pause=self.connection.clock.sleep,
            watermark=self.watermark,
        )

    @functools.cached_property
    def dead_letters(self) -> DeadLetters:
        """Where records go that do not get through."""
        return DeadLetters(self.setting("dead_letters"), self.run_id)

    def _journal(self) -> Journal:
        """The ledger as this run sees it."""
        journal = Journal(self.ledger, self.run_id)
        journal.resync = self.setting("resync")
        return journal

    def _known_journal(self) -> Journal | None:
        """The ledger for a plan, which makes none where there is none."""
        setting = self.setting("ledger")
        return None if is_file(setting) and not pathlib.Path(setting).exists() else self._journal()

    @functools.cached_property
    def summary(self) -> Summary:
        """What this run did so far."""
        return Summary(self.run_id, self.delivery.tallies, self._clients)

    @functools.cached_property
    def _leases(self) -> Leases:
        """The run's leases, which are given back when everything is settled."""
        return self.opened.enter_context(
            leases(
                self.setting("ledger"),
                self.ledger,
                lambda: all(client.transport.budget.idle for client in self._clients.values()),
            )
        )

    def process_endofpipe(self) -> None:
        """Settle everything and emit the last STATE."""
        self.versions.finish()
        self.delivery.finish()
        self._emit_state()

    def writer_of(self, stream: str, keys: t.Sequence[str] = ()) -> Writer:
        """How records of a stream are written.

        Args:
            stream: A name that the input or the `streams` setting uses.
            keys: Key properties of its SCHEMA message.

        Raises:
            ConfigError: If there is no such sink, or its vendor is not configured.
        """
        name = (self.config.get("streams") or {}).get(stream, stream)
        writer = self._writers.get(name)
        if writer is not None and keys and tuple(keys) != self._given_keys[name]:
            # What is open was prepared with the keys before; from here on the new ones hold.
            self._given_keys[name] = tuple(keys)
            writer = self._writers[name] = make_writer(self, name, keys)
            self.delivery.change_keys(writer)
        if writer is None:
            writer = self._writers[name] = make_writer(self, name, keys)
            self._given_keys[name] = tuple(keys)
            self.deletions.check(writer)
            if not self.setting("dry_run"):
                longest = 0.0
                if writer.transport is not None:
                    longest = writer.transport.longest_attempt
                    writer.transport.before_send = self._leases.prove
                self._leases.take(writer.account, name, self.connection.clock, longest)
                self.delivery.resume(writer)
        return writer

    def submit(
        self, writer: Writer, write: Write, identity: str = "", other_keys: Key = ()
    ) -> None:
        """Prepare a record and hand it over, with what it carries for other sinks.

        Args:
            writer: Its sink's writer.
            write: The record.
            identity: Business key that the ledger knows it by, if it must be that one.
            other_keys: Keys that its stream had before, by which the ledger may know it.
        """
        try:
            prepared = writer.prepare(write.record)
        except RefusedError as error:
            write.key = _led_by(identity, (*writer.identify(write.record), *other_keys))
            self.refuse(writer, write, error)
            return
        write.key = _led_by(identity, (*prepared.key, *other_keys))
        write.body, write.parents = prepared.body, prepared.parents
        if not write.key and writer.stream not in self._keyless:
            self._keyless.add(writer.stream)
            self.logger.warning(
                "%s: its records have no business key (primary_keys), so none is recognised "
                "when it comes again: each is sent every time",
                writer.stream,
            )
        for stream, record in prepared.before:
            self._submit_part(Write(write.number, stream, record))
        self.delivery.submit(writer, write)
        for stream, record in prepared.behind:
            self._submit_part(Write(write.number, stream, record))

    def _submit_part(self, write: Write) -> None:
        """Submit a record that came inside another one."""
        writer = self.writer_of(write.stream)
        if self.versions.note:
            self.deletions.note(writer, write.record, write.number)
        self.submit(writer, write)

    def refuse(
        self, writer: Writer, write: Write, error: RefusedError, keys: t.Sequence[str] = ()
    ) -> None:
        """Refuse a record before it is prepared; it has its keys nevertheless.

        By them it is listed and replayed, and the version that gets through takes it out.

        Args:
            writer: Its sink's writer.
            write: The record.
            error: Why.
            keys: Key properties of its SCHEMA message: what it is called if it has no other key.
        """
        write.key = write.key or writer.identify(write.record) or key_of(write.record, (), keys)
        self.delivery.refuse(writer, write, error)

    def site_keys_of(self, writer: Writer) -> frozenset[str]:
        """Key properties that the setting `resources` names for a sink.

        Args:
            writer: The sink.
        """
        entries = (self.config.get(writer.vendor) or {}).get("resources") or ()
        return frozenset(
            name
            for entry in entries
            if f"{writer.vendor}_{str(entry['name']).removeprefix(writer.vendor + '_')}"
            == writer.stream
            for name in entry.get("primary_keys") or ()
        )

    def key_sets_of(self, name: str) -> tuple[tuple[str, ...], ...]:
        """See `Routes.key_sets_of`.

        Args:
            name: The stream's name behind the stream maps.
        """
        return self._routes.key_sets_of(name)

    def warn_once(self, stream: str, text: str) -> None:
        """Log a warning about a stream, unless there was one.

        Args:
            stream: Its name.
            text: The warning.
        """
        if stream not in self._warned:
            self._warned.add(stream)
            self.logger.warning("%s", text)

    def _resubmit(self, child: Child) -> None:
        record = codec.decode(child.record.encode())
        self.submit(self.writer_of(child.stream), Write(0, child.stream, record), child.key)

    @property
    def records_read(self) -> int:
        """Records in the input so far."""
        return self.summary.records_read

    # The handlers of all types of messages: see tests/test_sdk_hooks.py.

    def _process_schema_message(self, message_dict: dict[str, t.Any]) -> None:
        if stream_of(message_dict) == MELTANO_TEST_STREAM:
            self.check_credentials()
            self._routes.leave_out(MELTANO_TEST_STREAM)
            return
        stream, schema, keys = schema_of(message_dict)
        self._routes.learn(stream, schema, keys)
        if not self._routes.is_left_out(stream):
            self.versions.schema(stream, message_dict)

    def _process_record_message(self, message_dict: dict[str, t.Any]) -> None:
        stream, record = record_of(message_dict)
        number = self._number = self.watermark.issue()
        if not self._routes.is_left_out(stream):
            self.summary.records_read += 1
            self.versions.record(stream, record)
            if not self._routes.take(stream, record, number):
                self.summary.records_filtered += 1
        # What it became holds the number for as long as that is under way.
        self.watermark.settle(number)

    def _process_activate_version_message(self, message_dict: dict[str, t.Any]) -> None:
        """Delete what the new version of a table does not have, where that is allowed."""
        stream = version_of(message_dict)
        if self._routes.of(stream, "ACTIVATE_VERSION"):
            self._number = self.versions.activate(stream)

    def _process_batch_message(self, message_dict: dict[str, t.Any]) -> None:
        """Refuse files: a batch that is passed over is lost, and STATE would pass it, too."""
        msg = (
            f"has a BATCH message of stream '{stream_of(message_dict)}', which names files instead "
            "of records, and this target reads none: take `batch_config` out of the tap's settings"
        )
        raise InputError(msg)

    def _process_state_message(self, message_dict: dict[str, t.Any]) -> None:
        self._states.note(self._number, value_of(message_dict))
        seconds = self.setting("checkpoint_seconds")
        if not seconds:
            self.delivery.flush()
        if time.monotonic() - self._emitted_at >= seconds:
            self._checkpoint()

    def _look_for_state(self) -> None:
        """Emit STATE in time also while no input comes, or while it has to wait."""
        if "delivery" in self.__dict__:
            self._emit_state()
            self.delivery.nudge()

    def _fail(self, error: Exception) -> None:
        self.delivery.fail(error)

    @property
    def _checkpoint_seconds(self) -> float:
        return max(float(self.setting("checkpoint_seconds")), _SHORTEST_CHECKPOINT)

    def _checkpoint(self) -> None:
        """Emit the newest STATE that is settled, and let go out what waits for a full batch.

        Nothing is waited for: records that are slow hold back the STATE behind them alone.
        """
        self._emit_state()
        self._emitted_at = time.monotonic()
        self.delivery.nudge()

    def _handle_max_record_age(self) -> None:
        """Nothing to do: `checkpoint_seconds` takes its place."""

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End the run where it is; `perform` settles what is under way."""
        self.connection.clock.stop()
        msg = f"stopped by signal {signum}; the next run continues from here"
        raise Interrupted(msg)

    def _emit_state(self) -> None:
        """Emit the newest STATE whose records are all settled; a plan settles nothing."""
        if not self.setting("dry_run"):
            self._states.emit()

    def _judge(self) -> None:
        """Turn rejections into the exit code that the settings ask for."""
        goes_on = self.setting("on_reject") == "continue"
        rejections = self.summary.rejections(self.config.get("max_rejects") if goes_on else 0)
        if rejections:
            msg = f"{rejections}; see the folder {self.setting('dead_letters')}"
            raise ExitCode("; ".join(filter(None, (msg, self.deletions.waits))), REJECTED)
        if self.deletions.waits:
            raise ExitCode(self.deletions.waits, REJECTED)

    def setting(self, name: str) -> t.Any:  # noqa: ANN401
        """A setting of the target's own, or its default.

        Args:
            name: Its name.
        """
        value = self.config.get(name)
        return next(s.default for s in SETTINGS if s.name == name) if value is None else value


def _led_by(identity: str, keys: Key) -> Key:
    """Keys of which one must be the first; if there is none, as they are."""
    if not identity:
        return keys
    name, _, value = identity.partition("=")
    return ((name, value), *(pair for pair in keys if pair != (name, value)))


def main() -> None:
    """Entry point of `target-erp`."""
    run(TargetErp)
