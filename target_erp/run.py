"""One run of the target: what it opens, does, emits and reports, and its exit code."""

from __future__ import annotations

import collections
import contextlib
import functools
import pathlib
import time
import typing as t

from erp_ledger import Ledger, new_run, open_ledger
from erp_ledger.lease import Leases, leases
from erp_plugin.cli import FAILED, ExitCode
from erp_plugin.progress import ProgressLine
from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.http.redact import redact
from target_erp.cpu_affinity import keep_to_one_cpu
from target_erp.deletions import Deletions
from target_erp.delivery import Delivery, RefusedError, Write, Writer
from target_erp.delivery.dead_letters import DeadLetters
from target_erp.delivery.journal import Journal
from target_erp.delivery.settlement import StoppedError
from target_erp.delivery.watermark import Watermark
from target_erp.next_step import after
from target_erp.notices import Notices
from target_erp.output_paths import check_output_paths, is_file
from target_erp.planning.plan_binding import approved_plan, plan_file_of
from target_erp.planning.planner import Guards, Planner, allowance
from target_erp.prepare import prepare
from target_erp.reader import InputError
from target_erp.settings import SETTINGS
from target_erp.sink_writers import SinkWriters
from target_erp.states import States
from target_erp.summary import Summary, save
from target_erp.timer import every
from target_erp.trial import Trial
from target_erp.writers.keys import Key, key_of

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from target_erp.delivery.approval import Approval
    from target_erp.delivery.model import Body
    from target_erp.delivery.references import Child

REJECTED = 3
"""Exit code of a run that finished with rejected or unknown records."""
_CLOSING_SECONDS = 30.0
_SHORTEST_CHECKPOINT = 0.1
"""Seconds between two looks for a STATE that may go out, at least, while no input comes."""


class Run:
    """One run of the target.

    Attributes:
        plugin: The target, of which a run needs the settings, the vendors' clients and the log.
        run_id: Name of the run in the ledger and the reports.
        opened: What is closed when the run ends.
        guards: Limits of what may be written.
        deletions: Notes which records the input has, and so tells which ones are to be deleted.
        rehearses: Whether this is the plan of the whole input that comes before the first write.
        asks_vendor: Whether such a plan asks the vendors which records they have.
        writers: The writers of the sinks.
        watermark: Up to which number of the input all is settled.
        trial: Which records of the input are left out.
        warned: Streams about whose SCHEMA message a warning was logged.
        approval: The plan that is applied; None if all may be written.
        replayed: Dead letters that were sent again and carry no business key.
    """

    def __init__(self, plugin: ErpPlugin) -> None:
        """Read the settings.

        Args:
            plugin: The target.

        Raises:
            ConfigError: If a setting cannot be understood.
        """
        self.plugin = plugin
        self.config, self.logger = plugin.config, plugin.logger
        self.run_id = new_run()
        self.opened = contextlib.ExitStack()
        allowance("max_rejects", self.config.get("max_rejects"), 0)  # wrong values end it here
        self.guards = Guards(**(self.config.get("guards") or {}))
        self.guards.check(collections.Counter())
        self.deletions = Deletions(
            self.setting("deletes") or (), self.guards.max_deletes, self.config.get("streams")
        )
        self.rehearses = self.asks_vendor = False
        self.watermark = Watermark()
        self.trial = Trial(self.watermark, is_plan=bool(self.config.get("dry_run")))
        self.approval: Approval | None = None
        self.replayed: set[tuple[str, str]] = set()
        self._states = States(self.watermark)
        self._notices = Notices(plugin, self.setting("ledger"))
        self._emitted_at = time.monotonic()
        self.writers = SinkWriters(plugin)
        self.warned: set[str] = set()
        self._keyless: set[str] = set()

    @property
    def notes_input(self) -> bool:
        """Whether this reading of the input notes which records it has."""
        return bool(self.deletions.streams) and bool(self.config.get("dry_run"))

    def setting(self, name: str) -> t.Any:  # noqa: ANN401
        """A setting of the target's own, or its default."""
        setting = next(setting for setting in SETTINGS if setting.name == name)
        return setting.value_of(self.config.get(name))

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
        seconds = max(float(self.setting("checkpoint_seconds")), _SHORTEST_CHECKPOINT)
        # Notices go out last, when the leases are given back: no run has to wait for a webhook.
        with keep_to_one_cpu(), contextlib.ExitStack() as afterwards, self.opened:
            self.approval = approved_plan(self.plugin, self.setting, lambda: self.ledger)
            try:
                with (
                    self._progress(),
                    # A lambda, because reading `delivery` opens the ledger.
                    every(seconds, self._look_for_state, lambda e: self.delivery.fail(e)),  # noqa: PLW0108
                ):
                    self._until_input_breaks(work)
                self._judge()
            except BaseException as error:
                code = error.code if isinstance(error, ExitCode) else FAILED
                code = REJECTED if isinstance(error, StoppedError) else code
                said = redact(str(error) or type(error).__name__)
                self.plugin.connection.clock.stop()
                self.delivery.close(_CLOSING_SECONDS)
                self._emit_state()
                if code == REJECTED and not self.setting("dry_run"):
                    do = after(self.summary, self.setting, self.approval, self.trial.said)
                    msg = f"{error}; {do}"
                    raise ExitCode(msg, REJECTED) from None
                raise
            else:
                code, said = 0, ""
            finally:
                afterwards.callback(self._notices.send, self._finish(code, said))

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
            # Another thread must not be the one that opens the ledger.
            rows=lambda: self.summary.records_read if "summary" in self.__dict__ else 0,
            budgets=lambda: {
                name: client.transport.budget for name, client in list(self.plugin.clients.items())
            },
        )

    def _finish(self, code: int, said: str) -> dict[str, t.Any]:
        if isinstance(self.delivery, Planner):
            self.delivery.summary(whole=code != FAILED)
            return {}
        self.summary.log()
        report = self.summary.as_json(code, said)
        self._notices.note(report, self.ledger, self.writers.made.values())
        self.ledger.end_run(self.run_id, codec.encode(report).decode())
        save(report, self.setting("report_file"))
        self.dead_letters.close()
        self.dead_letters.compact(self.ledger, self.writers.sinks, self.replayed)
        return report

    @functools.cached_property
    def ledger(self) -> Ledger:
        """The ledger, open until the run ends."""
        setting = self.setting("ledger")
        return self.opened.enter_context(contextlib.closing(open_ledger(setting)))

    @functools.cached_property
    def delivery(self) -> Delivery | Planner:
        """The delivery, which sends the records; in a dry run the planner."""
        if self.setting("dry_run"):
            ledger = self._known_ledger()
            return Planner(
                plan_file_of(self.plugin, self.setting("plan_file"), ledger),
                ledger=ledger,
                resync=self.setting("resync"),
                asks=self.asks_vendor or not self.rehearses,
                deleted=lambda writer, write: self.deletions.is_deleted(self.ledger, writer, write),
            )
        self.ledger.begin_run(self.run_id)
        delivery = Delivery(
            self.dead_letters,
            Journal(self.ledger, self.run_id, resync=self.setting("resync")),
            stop_on_reject=self.setting("on_reject") == "stop",
            resubmit=self._resubmit,
            pause=self.plugin.connection.clock.sleep,
            watermark=self.watermark,
            approval=self.approval,
        )
        self.opened.callback(delivery.end_threads)
        return delivery

    @functools.cached_property
    def dead_letters(self) -> DeadLetters:
        """Where records go that do not get through."""
        return DeadLetters(self.setting("dead_letters"), self.run_id)

    def _known_ledger(self) -> Ledger | None:
        """The ledger for a plan, which makes none where there is none."""
        setting = self.setting("ledger")
        return None if is_file(setting) and not pathlib.Path(setting).exists() else self.ledger

    @functools.cached_property
    def summary(self) -> Summary:
        """What this run did so far."""
        return Summary(self.run_id, self.delivery, self.plugin.clients)

    @functools.cached_property
    def _leases(self) -> Leases:
        """The run's leases, which are given back when everything is settled."""
        return self.opened.enter_context(
            leases(
                self.setting("ledger"),
                self.ledger,
                lambda: all(
                    client.transport.budget.idle for client in self.plugin.clients.values()
                ),
            )
        )

    def writer_of(self, stream: str, keys: t.Sequence[str] = ()) -> Writer:
        """How records of a stream are written.

        Args:
            stream: A name that the input or the `streams` setting uses.
            keys: Key properties of its SCHEMA message.

        Raises:
            ConfigError: If there is no such sink, or its vendor is not configured.
        """
        writer, before = self.writers.get(stream, keys)
        if before is None:
            self._open(writer)
        elif before is not writer:
            # Records that are open were prepared with the earlier keys; the next get the new ones.
            self.delivery.change_keys(writer)
        return writer

    def _open(self, writer: Writer) -> None:
        """Take the lease of a sink, and settle what earlier runs left open there."""
        self.deletions.check(writer)
        if self.setting("dry_run"):
            return
        longest = 0.0
        if writer.transport is not None:
            longest = writer.transport.longest_attempt
            writer.transport.before_send = self._leases.prove
        self._leases.take(writer.account, writer.stream, self.plugin.connection.clock, longest)
        self.delivery.resume(writer)

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
        prepared = prepare(writer, write, identity, other_keys)
        if isinstance(prepared, RefusedError):
            self.refuse(writer, write, prepared)
            return
        if not write.key and writer.stream not in self._keyless:
            self._keyless.add(writer.stream)
            self.logger.warning(
                "%s: its records have no business key (primary_keys), so none is recognised "
                "when it comes again: each is sent every time",
                writer.stream,
            )
        for stream, record in prepared.before:
            self._submit_part(write.number, stream, record)
        self.delivery.submit(writer, write)
        for stream, record in prepared.behind:
            self._submit_part(write.number, stream, record)

    def _submit_part(self, number: int, stream: str, record: Body) -> None:
        """Submit a record that came inside another one."""
        writer = self.writer_of(stream)
        if self.notes_input:
            self.deletions.note(writer, self.writers.columns(writer).take(record), number)
        write = self.writers.received(writer, number, record)
        if not self.trial.leaves_out(writer, write, self.delivery.tallies[writer.stream]):
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

    def _resubmit(self, child: Child, still_waits: t.Callable[[], bool]) -> None:
        writer = self.writer_of(child.stream)  # another run may have written there until now
        if still_waits():
            record = codec.decode(child.record.encode())
            self.submit(writer, self.writers.received(writer, 0, record), child.key)

    def note_state(self, number: int, value: t.Any) -> None:  # noqa: ANN401 - any JSON
        """Take a STATE message; it goes out when all that came before it is settled.

        Args:
            number: The newest number that was given out when it came.
            value: Its value.

        Raises:
            ErpError: If the run cannot go on.
        """
        self._states.note(number, value)
        seconds = self.setting("checkpoint_seconds")
        if not seconds:
            self.delivery.flush()
        if time.monotonic() - self._emitted_at >= seconds:
            self._checkpoint()

    def settle_all(self) -> None:
        """Settle everything at the end of the input and emit the last STATE.

        Raises:
            ErpError: If the run cannot go on, or has failed.
        """
        self.delivery.finish()
        self._emit_state()

    def _look_for_state(self) -> None:
        """Emit STATE in time also while no input comes, or while it has to wait."""
        if "delivery" in self.__dict__:
            self._emit_state()
            self.delivery.nudge()
        if "summary" in self.__dict__ and not self.setting("dry_run"):
            self.summary.meter.tell_if_due()

    def _checkpoint(self) -> None:
        """Emit the newest STATE that is settled, and let go out what waits for a full batch.

        Nothing is waited for: records that are slow hold back the STATE behind them alone.
        """
        self._emit_state()
        self._emitted_at = time.monotonic()
        self.delivery.nudge()

    def _emit_state(self) -> None:
        """Emit the newest STATE whose records are all settled; a plan settles nothing."""
        if not self.setting("dry_run"):
            self._states.emit()

    def _judge(self) -> None:
        """Turn rejections into the exit code that the settings ask for."""
        goes_on = self.setting("on_reject") == "continue"
        rejections = self.summary.rejections(self.config.get("max_rejects") if goes_on else 0)
        if rejections and self.setting("dry_run"):
            where = f"in {file}" if (file := self.setting("plan_file")) else "above"
            msg = f"{rejections} in this dry run; the plan {where} says why"
            raise ExitCode(msg, REJECTED)
        msg = rejections and rejections + self.dead_letters.place(self.ledger, self.writers.made)
        plan = self.summary.unapproved(self.approval.missing if self.approval else 0)
        if msg := "; ".join(filter(None, (msg, plan, self.deletions.waits, self.trial.said))):
            raise ExitCode(msg, REJECTED)
