"""What a run tells the receiver of the webhook when all else is over: its report, or changes."""

from __future__ import annotations

import contextlib
import logging
import typing as t

from erp_ledger import open_ledger
from erp_ledger.partitions import iso, now
from erp_vendors.errors import ErpError
from erp_vendors.http import codec
from target_erp.planning.planner import allowance
from target_erp.sink_states import CHANGES, TOLD, Told, as_told, changes_of, states_of, told_before
from target_erp.webhook import deliver, webhook_setting

if t.TYPE_CHECKING:
    from erp_ledger import Ledger
    from erp_plugin import ErpPlugin
    from target_erp.delivery import Writer
    from target_erp.sink_states import Sink, SinkStates

logger = logging.getLogger("target-erp.webhook")

_RUNS = 1_000
"""Earlier runs that are looked through for what the receiver was told."""
Report = dict[str, t.Any]


class Notices:
    """Tells of a run, once."""

    def __init__(self, plugin: ErpPlugin, ledger: str) -> None:
        """Read the setting `webhook`; without it nobody is told.

        Args:
            plugin: The target.
            ledger: The setting of this name, or its default.

        Raises:
            ConfigError: If `webhook.max_rejects` cannot be understood.
        """
        self._plugin = plugin
        self._webhook: dict[str, t.Any] = dict(plugin.config.get("webhook") or {})
        self._ledger = ledger
        self._max_rejects = webhook_setting(self._webhook, "max_rejects")
        allowance("webhook.max_rejects", self._max_rejects, 0)
        self._changes_only = webhook_setting(self._webhook, "when") == "change"
        self._now: SinkStates = {}
        self._before: dict[Sink, Told] = {}

    def note(self, report: Report, ledger: Ledger, writers: t.Iterable[Writer]) -> None:
        """Put into a report what the receiver knows, before the ledger keeps it.

        Args:
            report: The run's report.
            ledger: Has the earlier runs.
            writers: Writers of the run's sinks.

        Raises:
            LedgerError: If the ledger fails.
        """
        if not (self._webhook and self._changes_only):
            return
        sinks = [(writer.account, writer.stream) for writer in writers]
        accounts = (self._plugin.block(vendor).account for vendor in self._plugin.vendors)
        whole: Sink = (", ".join(accounts), "")
        self._now = states_of(report, sinks, whole, self._max_rejects)
        earlier = (run for run in ledger.runs(_RUNS) if run.run != report["run"])
        self._before = told_before(earlier, self._now)
        report[TOLD] = as_told(self._before)

    def send(self, report: Report) -> None:
        """Tell the receiver, and note that it was told; no problem here changes the run's end.

        Args:
            report: The run's report; empty for a run that is not told of.
        """
        if not (self._webhook and report):
            return
        url, secret = self._webhook["url"], self._webhook.get("secret")
        if not self._changes_only:
            deliver(report, url=url, secret=secret)
            return
        changes = changes_of(self._before, self._now)
        if not changes:
            return
        told = {name: value for name, value in report.items() if name != TOLD}
        if deliver({**told, CHANGES: changes}, url=url, secret=secret):
            return  # the next run tells it
        at = iso(now())
        report[TOLD] = as_told({sink: Told(state, at) for sink, state in self._now.items()})
        try:
            # The run's own ledger is closed: its leases were given back before.
            with contextlib.closing(open_ledger(self._ledger)) as ledger:
                ledger.note_report(report["run"], codec.encode(report).decode())
        except ErpError as problem:
            logger.warning(
                "cannot note that the webhook was told, so it will be again: %s", problem
            )
