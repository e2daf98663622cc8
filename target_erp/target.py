"""The target."""

from __future__ import annotations

import collections
import contextlib
import copy
import datetime as dt
import functools
import sys
import tempfile
import time
import typing as t

from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import PluginMapper, SameRecordTransform

from erp_plugin import ErpPlugin, config_schema, run
from erp_plugin.cli import FAILED, ExitCode
from erp_plugin.progress import Progress
from erp_vendors.errors import Interrupted
from erp_vendors.http import codec
from erp_vendors.http.redact import MASK, redact
from target_erp import rehearsal
from target_erp.deletions import Deletions
from target_erp.delivery import Delivery, Outcome, RefusedError, Write, Writer
from target_erp.delivery.dead_letters import DeadLetters, identity, last_at, newest
from target_erp.delivery.engine import StoppedError
from target_erp.delivery.journal import Journal
from target_erp.history.webhook import deliver
from target_erp.ledger import Ledger, open_ledger
from target_erp.ledger.lease import Try, leases, wait_for
from target_erp.one_cpu import one_cpu
from target_erp.plan import Guards, Planner, allowance
from target_erp.reader import InputError, LineReader
from target_erp.settings import SETTINGS
from target_erp.sink import ErpSink
from target_erp.sinks import UnknownStreamError, make_writer
from target_erp.sinks.keys import key_of
from target_erp.summary import Summary, save
from target_erp.versions import Versions

if t.TYPE_CHECKING:
    from types import FrameType

    from target_erp.delivery.families import Child

REJECTED = 3
"""Exit code of a run that finished with rejected or unknown records."""
MELTANO_TEST_STREAM = "meltano_test_stream"
"""What `meltano config test` sends; it must never reach a vendor."""
_CLOSING_SECONDS = 30.0


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
            self._setting("deletes") or (), self._guards.max_deletes, self.config.get("streams")
        )
        self.rehearses = self.asks_vendor = False
        self.versions = Versions(self)
        self._writers: dict[str, Writer] = {}
        self._fast: dict[str, ErpSink] = {}
        self._ignored: set[str] = set()
        self._keyless: set[str] = set()
        self._states: collections.deque[tuple[int, dict[str, t.Any]]] = collections.deque()
        self._emitted_at = time.monotonic()

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, t.Any]) -> None:
        """Leave out the SDK's settings for SQL loaders, which mean nothing to an API."""
        before = set(config_jsonschema["properties"])
        super().append_builtin_config(config_jsonschema)
        for name in ("add_record_metadata", "load_method", "batch_size_rows"):
            if name not in before:
                config_jsonschema["properties"].pop(name, None)

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
            if guarded and not self._setting("dry_run"):
                kept = spool.enter_context(tempfile.TemporaryFile())
                rehearsal.keep(kept, file_input)
                rehearsal.check(self, self._guards, kept)
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
        code, said = FAILED, "the run was ended"
        # Last of all, when the leases are given back: others need not wait for a webhook.
        with one_cpu(), contextlib.ExitStack() as afterwards, self.opened:
            try:
                with self._progress():
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
        """Do the work; what came before a line that cannot be understood is settled first."""
        try:
            work()
        except InputError:
            self.delivery.flush()
            raise

    def _progress(self) -> Progress:
        """Shows how far the run is."""
        return Progress(
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
        self.perform(functools.partial(self._replay, stream, key))

    def _replay(self, stream: str, key: str) -> None:
        folder = self._setting("dead_letters")
        for name in {str(letter["stream"]) for letter in newest(folder, stream, key)}:
            self.writer_of(name)  # waits for a run that is writing this stream
        for letter in newest(folder, stream, key):
            if letter["outcome"] == Outcome.UNKNOWN.value:
                continue
            known, record = identity(letter), letter["record"]
            if not known or MASK in record.values():
                self.logger.warning(
                    "%s of %s %s; send it again from its source",
                    known or "a record",
                    letter["stream"],
                    "holds a masked secret" if known else "has no key",
                )
                continue
            self.summary.records_read += 1
            moment = dt.datetime.fromisoformat(last_at(letter))
            write = Write(
                self.records_read,
                letter["stream"],
                record,
                sent_before=int(moment.timestamp() * 1000),
            )
            self.delivery.tallies[write.stream].read += 1
            if letter.get("deletes"):
                write.key, write.deletes = tuple(letter["key"].items()), True
                self.delivery.submit(self.writer_of(write.stream), write)
            else:
                self.submit(self.writer_of(write.stream), write, known)
        self.process_endofpipe()

    def _finish(self, code: int, said: str) -> dict[str, t.Any]:
        if isinstance(self.delivery, Planner):
            self.delivery.summary()
            return {}
        self.summary.log()
        report = self.summary.as_json(code, said)
        self.ledger.end_run(self.run_id, codec.encode(report).decode())
        save(report, self._setting("report_file"))
        return report

    @functools.cached_property
    def ledger(self) -> Ledger:
        """The ledger, open until the run ends."""
        setting = self._setting("ledger")
        return self.opened.enter_context(contextlib.closing(open_ledger(setting)))

    @functools.cached_property
    def delivery(self) -> Delivery | Planner:
        """What sends the records; or what plans them."""
        if self._setting("dry_run"):
            return Planner(
                self._setting("plan_file"),
                show=bool(self._setting("plan_file")),
                asks=self.asks_vendor or not self.rehearses,
                deleted=lambda writer, write: self.deletions.is_deleted(self.ledger, writer, write),
            )
        self.ledger.begin_run(self.run_id)
        return Delivery(
            DeadLetters(self._setting("dead_letters"), self.run_id),
            Journal(self.ledger, self.run_id),
            stop_on_reject=self._setting("on_reject") == "stop",
            resubmit=self._resubmit,
            pause=self.connection.clock.sleep,
        )

    @functools.cached_property
    def summary(self) -> Summary:
        """What this run did so far."""
        return Summary(self.run_id, self.delivery.tallies, self._clients)

    @functools.cached_property
    def _lease(self) -> Try:
        """Takes leases, which are given back when everything is settled."""
        return self.opened.enter_context(leases(self._setting("ledger")))

    def process_endofpipe(self) -> None:
        """Settle everything and emit the last STATE."""
        self.versions.finish()
        self.delivery.flush()
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
        if writer is None:
            writer = self._writers[name] = make_writer(self, name, keys)
            self.deletions.check(writer)
            if not self._setting("dry_run"):
                wait_for(self._lease, writer.account, name, self.connection.clock)
                self.delivery.resume(writer)
        return writer

    def submit(self, writer: Writer, write: Write, identity: str = "") -> None:
        """Prepare a record and hand it over, with what it carries for other sinks.

        Args:
            writer: Its sink's writer.
            write: The record.
            identity: Business key that the ledger knows it by, if it must be that one.
        """
        try:
            prepared = writer.prepare(write.record)
        except RefusedError as error:
            # What is refused here has a name, too: it is listed and replayed by it.
            write.key = key_of(write.record, writer.keys)
            self.delivery.refuse(writer, write, error)
            return
        write.key, write.body, write.parents = prepared.key, prepared.body, prepared.parents
        if identity:
            name, _, value = identity.partition("=")
            others = (pair for pair in prepared.key if pair != (name, value))
            write.key = ((name, value), *others)
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

    def _resubmit(self, child: Child) -> None:
        record = codec.decode(child.record.encode())
        self.submit(self.writer_of(child.stream), Write(0, child.stream, record), child.key)

    @property
    def records_read(self) -> int:
        """Records in the input so far."""
        return self.summary.records_read

    def _process_schema_message(self, message_dict: dict[str, t.Any]) -> None:
        stream = str(message_dict.get("stream"))
        self._fast.pop(stream, None)
        if stream == MELTANO_TEST_STREAM:
            self.check_credentials()
            self._ignored.add(stream)
            return
        try:
            super()._process_schema_message(message_dict)
        except UnknownStreamError:
            if self._setting("unknown_streams") != "skip":
                raise
            self.logger.warning("Leaving out stream '%s': no sink has this name", stream)
            self._ignored.add(stream)
            return
        self.versions.schema(stream, message_dict)
        maps = self.mapper.stream_maps[stream]
        if len(maps) == 1 and type(maps[0]) is SameRecordTransform:
            (same,) = maps
            if same.stream_alias == stream and not same.flattening_enabled:
                # Nothing maps this stream, so its records need not go through the SDK's maps.
                self._fast[stream] = t.cast("ErpSink", self.get_sink(stream))

    def _process_record_message(self, message_dict: dict[str, t.Any]) -> None:
        stream, record = message_dict.get("stream"), message_dict.get("record")
        if stream in self._ignored:
            return
        self.summary.records_read += 1
        self.versions.record(str(stream), record)
        sink = self._fast.get(stream) if isinstance(stream, str) else None
        if sink is not None and isinstance(record, dict):
            sink.take(record)
        else:
            super()._process_record_message(message_dict)

    def _process_activate_version_message(self, message_dict: dict[str, t.Any]) -> None:
        """Delete what the new version of a table does not have, where that is allowed."""
        self._assert_line_requires(message_dict, requires={"stream", "version"})
        stream = str(message_dict["stream"])
        if stream not in self._ignored:
            self.versions.activate(stream)

    def setup_mapper(self) -> None:
        """Make the stream maps; the SDK's would take `__else__` out of the settings."""
        self._mapper = PluginMapper(copy.deepcopy(dict(self.config)), self.logger)

    def _process_state_message(self, message_dict: dict[str, t.Any]) -> None:
        self._assert_line_requires(message_dict, requires={"value"})
        self._states.append((self.records_read, message_dict["value"]))
        if time.monotonic() - self._emitted_at >= self._setting("checkpoint_seconds"):
            self.delivery.flush()
            self._emit_state()
        else:
            self.delivery.admit()

    def _handle_max_record_age(self) -> None:
        """Nothing to do: `checkpoint_seconds` takes its place."""

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End the run where it is; `perform` settles what is under way."""
        self.connection.clock.stop()
        msg = f"stopped by signal {signum}; the next run continues from here"
        raise Interrupted(msg)

    def _emit_state(self) -> None:
        """Emit the newest STATE whose records are all settled."""
        settled = self.delivery.settled
        if self.versions.held is not None:
            settled = min(settled, self.versions.held - 1)
        newest = None
        while self._states and self._states[0][0] <= settled:
            newest = self._states.popleft()[1]
        if newest is not None:
            sys.stdout.write(codec.encode(newest).decode() + "\n")
            sys.stdout.flush()
            self._emitted_at = time.monotonic()

    def _judge(self) -> None:
        """Turn rejections into the exit code that the settings ask for."""
        goes_on = self._setting("on_reject") == "continue"
        rejections = self.summary.rejections(self.config.get("max_rejects") if goes_on else 0)
        if rejections:
            msg = f"{rejections}; see the folder {self._setting('dead_letters')}"
            raise ExitCode("; ".join(filter(None, (msg, self.deletions.waits))), REJECTED)
        if self.deletions.waits:
            raise ExitCode(self.deletions.waits, REJECTED)

    def _setting(self, name: str) -> t.Any:  # noqa: ANN401
        value = self.config.get(name)
        return next(s.default for s in SETTINGS if s.name == name) if value is None else value


def main() -> None:
    """Entry point of `target-erp`."""
    run(TargetErp)
