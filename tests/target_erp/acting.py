"""A writer that does what a script says, and a way to run records through the real delivery."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import typing as t

from requests.structures import CaseInsensitiveDict

from erp_ledger import Ledger, open_ledger
from erp_vendors.errors import CallError, ErpError, MissingResourceError, Phase
from erp_vendors.http import Answer, codec
from target_erp.delivery import Delivery, Prepared, RefusedError, Write, Writer
from target_erp.delivery.answers import Answers
from target_erp.delivery.dead_letters import DeadLetters
from target_erp.delivery.journal import Journal
from target_erp.delivery.model import NOT_SHOWN, LookUpResult
from target_erp.delivery.watermark import Watermark

if t.TYPE_CHECKING:
    import pathlib

Row = dict[str, t.Any]
Act = t.Callable[[list[Write]], None]


def answer(body: object, status: int = 200) -> Answer:
    """A 2xx answer; text and bytes go out as they are."""
    raw = body if isinstance(body, bytes) else codec.encode(body)
    return Answer(status, CaseInsensitiveDict(), raw)


class Site(Writer):
    """A vendor in memory that outlives the runs.

    `act` is called with each batch before it is executed, `behind` after it: both may raise.
    """

    stream = "site_rows"
    vendor = "site"
    account = "acc"
    keys = ("key",)

    def __init__(self, **attributes: t.Any) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.calls: list[list[Row]] = []
        self.act: Act = lambda _: None
        self.behind: Act = lambda _: None
        self.look: t.Callable[[Write], LookUpResult] = self.seen
        self.looked: list[str] = []
        self.most = self.under_way = 0
        self.lock = threading.Lock()
        self.upsert = False
        self.answers = Answers(self.stream, documented=lambda *_: True)
        for name, value in attributes.items():
            setattr(self, name, value)

    def prepare(self, record: Row) -> Prepared:
        """One key, or several under the names `key`, `id` and `code`."""
        names = [name for name in ("id", "key", "code") if record.get(name)]
        return Prepared(tuple((name, str(record[name])) for name in names), record)

    def send(self, writes: list[Write]) -> None:
        """Execute a call between `act` and `behind`."""
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.calls.append([write.body for write in writes])
        try:
            self.act(writes)
            with self.lock:
                for write in writes:
                    rows = self.rows.setdefault(write.key[0][1], [])
                    if self.is_idempotent(write):
                        rows.clear()
                    rows.append(write.body)
            self.behind(writes)
        finally:
            with self.lock:
                self.under_way -= 1

    def seen(self, write: Write) -> LookUpResult:
        """The honest look-up."""
        rows = self.rows.get(write.key[0][1])
        return LookUpResult.found(write.key[0][1], rows[-1]) if rows else NOT_SHOWN

    def find(self, write: Write, *, fresh: bool) -> LookUpResult:  # noqa: ARG002
        """See `look`."""
        self.looked.append(write.identity)
        return self.look(write)


FAILURES: dict[str, t.Callable[[], Exception]] = {
    "404": lambda: CallError("HTTP 404", phase=Phase.ANSWERED, status=404),
    "405": lambda: CallError("HTTP 405", phase=Phase.ANSWERED, status=405),
    "500": lambda: CallError("HTTP 500", phase=Phase.ANSWERED, status=500, attempts=5),
    "429": lambda: CallError("HTTP 429", phase=Phase.ANSWERED, status=429),
    "a page with 400": lambda: CallError(
        "HTTP 400", phase=Phase.ANSWERED, status=400, body="<!DOCTYPE html><title>Blocked</title>"
    ),
    "503": lambda: CallError("HTTP 503", phase=Phase.ANSWERED, status=503),
    "no such path": lambda: MissingResourceError("HTTP 404, this site has no such path"),
}


@dataclasses.dataclass
class Run:
    """What a run through the delivery left behind."""

    delivery: Delivery
    error: str

    def __getitem__(self, outcome: str) -> int:
        tally = self.delivery.tallies[Site.stream]
        return next((count for kind, count in tally.items() if kind.value == outcome), 0)

    @property
    def counts(self) -> dict[str, int]:
        """Records by outcome, those that there are."""
        tally = self.delivery.tallies[Site.stream]
        return {kind.value: count for kind, count in tally.items() if count}


class Stage:
    """Runs of one pipeline: one ledger, one folder of dead letters."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.runs = 0
        self.ledger: Ledger
        self.delivery: Delivery

    def run(self, site: Site, rows: t.Iterable[Row], *, resync: bool = False) -> Run:
        """One run, from its first record to its end."""
        self.runs += 1
        with contextlib.closing(open_ledger(str(self.folder / "ledger.sqlite"))) as self.ledger:
            journal = Journal(self.ledger, f"run {self.runs}", resync=resync)
            letters = DeadLetters(str(self.folder / "letters"), f"run {self.runs}")
            delivery = self.delivery = Delivery(letters, journal, pause=lambda _: None)
            error = ""
            try:
                delivery.resume(site)
                for row in rows:
                    write = Write(delivery.watermark.issue(), site.stream, row)
                    try:
                        prepared = site.prepare(row)
                    except RefusedError as refused:
                        delivery.refuse(site, write, refused)
                    else:
                        write.key, write.body = prepared.key, prepared.body
                        delivery.submit(site, write)
                    delivery.watermark.settle(write.number)
                delivery.finish()
            except ErpError as problem:
                error = str(problem)
                delivery.close(10)
            return Run(delivery, error)

    @property
    def letters(self) -> list[Row]:
        """All dead letters."""
        folder = self.folder / "letters"
        lines = [line for file in folder.glob("*.jsonl") for line in file.read_bytes().splitlines()]
        return [codec.decode(line) for line in lines]


class GivenNumbers(Watermark):
    """Numbers that the test gives, in ascending order."""

    def __init__(self, settled: int = 0) -> None:
        super().__init__()
        for _ in range(settled):
            self.settle(self.issue())
        self._given = settled

    def hold(self, number: int) -> None:
        """Hold a number; one that is greater than all before is given out by that."""
        while self._given < number:
            self._given = self.issue()
            if self._given < number:
                self.settle(self._given)
            else:
                return
        super().hold(number)
