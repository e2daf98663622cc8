"""The target."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import functools
import sys
import tempfile
import time
import typing as t

from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities

from erp_plugin import ErpPlugin, config_schema, run
from erp_plugin.cli import ExitCode
from erp_vendors.errors import Interrupted
from erp_vendors.http import codec
from erp_vendors.settings import Setting, object_schema
from target_erp.delivery import Delivery, Outcome, RefusedError, Write, Writer
from target_erp.delivery.dead_letters import DeadLetters
from target_erp.delivery.engine import StoppedError
from target_erp.delivery.journal import Journal
from target_erp.ledger import open_ledger
from target_erp.ledger.lease import Try, leases, wait_for
from target_erp.plan import Guards, Planner, allowance
from target_erp.reader import LineReader
from target_erp.sink import ErpSink
from target_erp.sinks import UnknownStreamError, make_writer

if t.TYPE_CHECKING:
    from types import FrameType

REJECTED = 3
"""Exit code of a run that finished with rejected or unknown records."""
MELTANO_TEST_STREAM = "meltano_test_stream"
"""What `meltano config test` sends; it must never reach a vendor."""
_CLOSING_SECONDS = 30.0

SETTINGS = (
    Setting(
        "on_reject",
        "string",
        "On rejection",
        "What a rejected record does: fail (the rest is still written, exit code 3), stop (the "
        "first one ends the run, exit code 3), continue (exit code 0 within max_rejects, else 3).",
        "fail",
        options=("fail", "stop", "continue"),
    ),
    Setting(
        "max_rejects",
        "integer",
        "Allowed rejections",
        "With on_reject continue: rejected records that still count as success, as a number or as "
        "a percentage of the input such as 5%. Without it there is no bound.",
        schema={"or_string": True},
    ),
    Setting(
        "unknown_streams",
        "string",
        "Unknown streams",
        "What a stream does that no sink knows: error ends the run, skip leaves it out.",
        "error",
        options=("error", "skip"),
    ),
    Setting(
        "streams",
        "object",
        "Stream names",
        'Sink by foreign stream name, such as {"hr_staff": "aimsio_employees"}.',
        schema={"additionalProperties": {"type": "string"}},
    ),
    Setting(
        "dead_letters",
        "string",
        "Dead letters",
        "Folder for records that could not be written.",
        "dead_letters",
    ),
    Setting(
        "dry_run",
        "boolean",
        "Dry run",
        "Write nothing: read the vendor and show what would be created, updated and refused.",
        False,  # noqa: FBT003
    ),
    Setting(
        "plan_file",
        "string",
        "Plan file",
        "Where a dry run writes its plan, one JSON line per record.",
        "erp_plan.jsonl",
    ),
    Setting(
        "guards",
        "object",
        "Guards",
        "Stop before the first write if the plan is larger: numbers of records, or percentages of "
        "the input such as 5%. The input is read to its end before anything is written.",
        schema=object_schema(
            Setting(name, "integer", name, f"Largest number of {what}.", schema={"or_string": True})
            for name, what in (
                ("max_creates", "records to create"),
                ("max_updates", "records to update"),
                ("max_deletes", "records to delete"),
            )
        ),
    ),
    Setting(
        "ledger",
        "string",
        "Ledger",
        "Where the target notes what it sent and what came of it: an SQLite file, or a "
        "postgresql:// URL for runs on several machines.",
        "erp_ledger.sqlite",
        secret=True,
    ),
    Setting(
        "checkpoint_seconds",
        "number",
        "Checkpoint interval",
        "Seconds between two STATE messages at least; before each, all records so far are settled.",
        10,
        schema={"minimum": 0},
    ),
)


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
        self._open = contextlib.ExitStack()
        allowance("max_rejects", self.config.get("max_rejects"), 0)  # wrong values end it here
        self._guards = Guards(**(self.config.get("guards") or {}))
        self._guards.check(collections.Counter())
        self.records_read = 0
        self._writers: dict[str, Writer] = {}
        self._ignored: set[str] = set()
        self._states: collections.deque[tuple[int, dict[str, t.Any]]] = collections.deque()
        self._started = self._emitted_at = time.monotonic()

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
        with contextlib.ExitStack() as spool:
            if self.config.get("guards") and not self._setting("dry_run"):
                kept = spool.enter_context(tempfile.TemporaryFile())
                self._check_guards(kept, file_input)
                file_input = kept
            self._listen(file_input)
        self._judge()

    def _check_guards(self, spool: t.IO[bytes], given: t.IO[t.Any] | None) -> None:
        """Keep the whole input, plan it, and go on only if the plan is small enough."""
        lines = (
            sys.stdin.buffer
            if given is None
            else (line if isinstance(line, bytes) else line.encode() for line in given)
        )
        spool.writelines(lines)
        spool.seek(0)
        config = {**self.config, "dry_run": True, "plan_file": ""}
        planner = type(self)(config=config)
        planner.process_lines(t.cast("t.IO[str]", spool))
        self._guards.check(t.cast("Planner", planner.delivery).counts)
        spool.seek(0)

    def _listen(self, file_input: t.IO[t.Any] | None) -> None:
        try:
            super().listen(file_input)
        except BaseException as error:
            self.connection.clock.stop()
            self.delivery.close(_CLOSING_SECONDS)
            self._emit_state()
            self._summarise()
            if isinstance(error, StoppedError):
                raise ExitCode(str(error), REJECTED) from None
            raise
        finally:
            self._open.close()
        self._summarise()

    @functools.cached_property
    def delivery(self) -> Delivery | Planner:
        """What sends the records, and opens the ledger for it; or what plans them."""
        if self._setting("dry_run"):
            return Planner(self._setting("plan_file"), show=bool(self._setting("plan_file")))
        setting = self._setting("ledger")
        ledger = self._open.enter_context(contextlib.closing(open_ledger(setting)))
        ledger.begin_run(self.run_id)
        self._open.callback(lambda: ledger.end_run(self.run_id, self.report()))
        return Delivery(
            DeadLetters(self._setting("dead_letters"), self.run_id),
            Journal(ledger, self.run_id),
            stop_on_reject=self._setting("on_reject") == "stop",
        )

    @functools.cached_property
    def _lease(self) -> Try:
        """Takes leases, which are given back when everything is settled."""
        return self._open.enter_context(leases(self._setting("ledger")))

    def process_endofpipe(self) -> None:
        """Settle everything and emit the last STATE."""
        self.delivery.flush()
        self._emit_state()
        self._open.close()

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
            if not self._setting("dry_run"):
                wait_for(self._lease, writer.account, name, self.connection.clock)
                self.delivery.resume(writer)
        return writer

    def submit(self, writer: Writer, write: Write) -> None:
        """Prepare a record and hand it over, with what it carries for other sinks.

        Args:
            writer: Its sink's writer.
            write: The record.
        """
        try:
            prepared = writer.prepare(write.record)
        except RefusedError as error:
            self.delivery.refuse(writer, write, error)
            return
        write.key, write.body = prepared.key, prepared.body
        for stream, record in prepared.before:
            self.submit(self.writer_of(stream), Write(write.number, stream, record))
        self.delivery.submit(writer, write)
        for stream, record in prepared.behind:
            self.submit(self.writer_of(stream), Write(write.number, stream, record))

    def _process_schema_message(self, message_dict: dict[str, t.Any]) -> None:
        stream = message_dict.get("stream")
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
            self._ignored.add(str(stream))

    def _process_record_message(self, message_dict: dict[str, t.Any]) -> None:
        if message_dict.get("stream") in self._ignored:
            return
        self.records_read += 1
        super()._process_record_message(message_dict)

    def _process_activate_version_message(self, message_dict: dict[str, t.Any]) -> None:
        """Nothing is ever deleted because it is absent from the input."""

    def _process_state_message(self, message_dict: dict[str, t.Any]) -> None:
        self._assert_line_requires(message_dict, requires={"value"})
        self._states.append((self.records_read, message_dict["value"]))
        if time.monotonic() - self._emitted_at >= self._setting("checkpoint_seconds"):
            self.delivery.flush()
            self._emit_state()

    def _handle_max_record_age(self) -> None:
        """Nothing to do: `checkpoint_seconds` takes its place."""

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End the run where it is; `listen` settles what is under way."""
        self.connection.clock.stop()
        msg = f"stopped by signal {signum}; the next run continues from here"
        raise Interrupted(msg)

    def _emit_state(self) -> None:
        """Emit the newest STATE whose records are all settled."""
        settled = self.delivery.settled
        newest = None
        while self._states and self._states[0][0] <= settled:
            newest = self._states.popleft()[1]
        if newest is not None:
            sys.stdout.write(codec.encode(newest).decode() + "\n")
            sys.stdout.flush()
            self._emitted_at = time.monotonic()

    def _summarise(self) -> None:
        if isinstance(self.delivery, Planner):
            self.delivery.summary()
            return
        for stream, tally in self.delivery.tallies.items():
            counts = ", ".join(f"{tally[outcome]} {outcome.value}" for outcome in Outcome)
            self.logger.info("%s: %s", stream, counts)
        calls = ", ".join(
            f"{vendor} {client.transport.budget.calls}" for vendor, client in self._clients.items()
        )
        self.logger.info(
            "Read %d records in %.1f s; calls: %s",
            self.records_read,
            time.monotonic() - self._started,
            calls or "none",
        )

    def report(self) -> str:
        """The run's report as JSON text: records by outcome, calls and seconds of waiting."""
        budgets = {name: client.transport.budget for name, client in self._clients.items()}
        report = {
            "run": self.run_id,
            "records_read": self.records_read,
            "seconds": round(time.monotonic() - self._started, 3),
            "streams": {
                stream: {outcome.value: tally[outcome] for outcome in Outcome}
                for stream, tally in self.delivery.tallies.items()
            },
            "vendors": {
                name: {"calls": budget.calls, "seconds_waiting": round(budget.waited, 3)}
                for name, budget in budgets.items()
            },
        }
        return codec.encode(report).decode()

    def _judge(self) -> None:
        """Turn rejections into the exit code that the settings ask for."""
        tallies = self.delivery.tallies.values()
        refused = sum(tally[Outcome.REFUSED] for tally in tallies)
        unknown = sum(tally[Outcome.UNKNOWN] for tally in tallies)
        allowed = 0.0
        if self._setting("on_reject") == "continue":
            allowed = allowance("max_rejects", self.config.get("max_rejects"), self.records_read)
        if unknown or refused > allowed:
            parts = [f"{refused} records were rejected"] if refused else []
            parts += [f"the outcome of {unknown} is unknown"] if unknown else []
            msg = f"{' and '.join(parts)}; see the folder {self._setting('dead_letters')}"
            raise ExitCode(msg, REJECTED)

    def _setting(self, name: str) -> t.Any:  # noqa: ANN401
        value = self.config.get(name)
        return next(s.default for s in SETTINGS if s.name == name) if value is None else value


def main() -> None:
    """Entry point of `target-erp`."""
    run(TargetErp)
