"""Random histories of what the input has, against a vendor: only what is gone is deleted."""

from __future__ import annotations

import pathlib
import shutil
import tempfile
import typing as t
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.support.office import (
    ORPHAN,
    POISON,
    THINGS,
    WRONG,
    Office,
    Site,
    activate,
    described,
    thing,
)
from tests.support.plugins import Message, record, run_target, state
from tests.support.scale import full

pytestmark = pytest.mark.slow

FOREIGN = "99"
FILTERED = "secret"
NAMES: list[t.Any] = ["a", "b", "c", WRONG, POISON, ORPHAN, 7, FILTERED]
"""Three that get through, and all ways not to."""
STREAMS = ("kunden", "clienti")


class LedgerRecord(t.NamedTuple):
    """One thing that the source says.

    Attributes:
        number: Which record; None for one that carries no key.
        form: Which of its keys it carries.
        name: Decides what becomes of it.
        stream: Which of the two streams says it, if there are two.
        gone: It is a tombstone.
    """

    number: int | None
    form: str
    name: t.Any
    stream: int
    gone: bool = False


ENTRIES = st.lists(
    st.builds(
        LedgerRecord,
        st.sampled_from([1, 2, 3, 4, 1, 2, 3, 4, None]),
        st.sampled_from(["both", "id", "tax", "small"]),
        st.sampled_from(NAMES),
        st.sampled_from([0, 1]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=6,
)


class Table(RuleBasedStateMachine):
    """A source whose records come, change, get refused and vanish."""

    @initialize(two=st.booleans(), tells_ids=st.booleans())
    def begin(self, two: bool, tells_ids: bool) -> None:  # noqa: FBT001
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.site = Site(self.folder)
        self.site.office = Office(tells_ids=tells_ids)
        self.site.office.rows[FOREIGN] = {"id": FOREIGN, "tax": "T99", "name": "another's"}
        self.streams = STREAMS if two else (THINGS,)
        self.taxes: dict[int, str] = {}
        self.buried: set[int | None] = set()

    @rule(number=st.sampled_from([1, 2, 3, 4]))
    def change_a_tax_code(self, number: int) -> None:
        if self.site.office.tells_ids:  # or else nobody could know that it is the same record
            self.taxes[number] = f"T{number}{len(self.taxes)}{self.site.office.calls}"

    @rule(
        entries=ENTRIES,
        versions=st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0, 1])), max_size=3),
        limit=st.sampled_from([100, 100, 100, "100%", 0]),
        broken=st.sampled_from([False, False, False, True]),
    )
    def run(
        self,
        entries: list[LedgerRecord],
        versions: list[tuple[int, int]],
        limit: int | str,
        broken: bool,  # noqa: FBT001
    ) -> None:
        office, before = self.site.office, dict(self.site.office.rows)
        self.before = before
        calls, office.deleted = office.calls, []
        stated = {entry.number for entry in entries if entry.gone}
        self.buried |= stated
        messages: list[Message | str] = [described(stream) for stream in self.streams]
        for place, entry in enumerate([*entries, None]):
            messages += [
                activate(self._stream(s), n) for n, (at, s) in enumerate(versions) if at == place
            ]
            if entry is not None:
                messages += [self._message(entry, stated), state({"at": place})]
        if broken:
            messages.append("{")
        config = self.site.config(
            guards={"max_deletes": limit},
            streams=dict.fromkeys(STREAMS, THINGS) if len(self.streams) > 1 else {},
            stream_maps={
                stream: {"__filter__": f"name != '{FILTERED}'"} for stream in self.streams
            },
            on_reject="continue",
            max_rejects=100,
        )
        with mock.patch("target_erp.sink_writers.make_writer", return_value=office):
            run = run_target(config, messages)
        said = f"{messages}: exit {run.code} {run.error}: {before} became {office.rows}"
        assert FOREIGN in office.rows, said
        assert limit != 0 or office.deleted == [], said
        assert run.code != 1 or broken or "guards.max_deletes" in run.error, said
        if "guards.max_deletes" in run.error:
            assert limit == 0, said
            assert (office.calls, office.rows, run.states) == (calls, before, []), said
            return
        for number in (1, 2, 3, 4):
            expected = self._expected(number, entries, versions, broken=broken)
            if run.code == 3 and number not in live(entries) and self._may_wait(entries):
                expected = None  # its deletion may wait
            assert expected in {None, str(number) in office.rows}, f"{number}: {said}"
            kept = number in live(entries) and number not in stated
            assert not kept or str(number) not in office.deleted, said
        deletes = self._complete(entries, versions) and self._shown(entries)
        assert broken or run.code == 3 or not (deletes and self._waits(entries)), said
        assert run.code != 3 or (deletes and self._may_wait(entries)), said

    def _expected(
        self,
        number: int,
        entries: list[LedgerRecord],
        versions: list[tuple[int, int]],
        *,
        broken: bool,
    ) -> bool | None:
        """Whether the vendor has a record after a run; None if it depends on refusals."""
        there = str(number) in self.before
        if number in live(entries):
            tombstones = any(entry.gone and entry.number == number for entry in entries)
            return True if there and not tombstones else None
        if any(entry.number == number for entry in entries):
            return False  # tombstones alone
        deletes = self._complete(entries, versions) and self._shown(entries)
        return False if deletes and not self._waits(entries) and not broken else there

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def _stream(self, place: int) -> str:
        return self.streams[place % len(self.streams)]

    def _message(self, entry: LedgerRecord, stated: set[int | None]) -> Message:
        stream = self._stream(entry.stream)
        if entry.number is None:
            return thing(None, entry.name, stream) if not entry.gone else thing(None, WRONG, stream)
        tax = self.taxes.get(entry.number, f"T{entry.number}")
        # Two statements about one record are in order only if they have a key in common; and one
        # with a new tax code is recognised by its id.
        whole = entry.number in stated or entry.number in self.taxes or entry.form == "both"
        # What comes back after its deletion, and is spelled differently, is another record.
        whole = whole or (entry.form == "small" and entry.number in self.buried)
        # An id that neither input nor vendor has told with a tax code stands for another record.
        whole = whole or (entry.form == "id" and not self.site.office.tells_ids)
        keys: Message = {"id": entry.number} if whole or entry.form == "id" else {}
        if whole or entry.form != "id":
            keys["tax"] = tax.lower() if entry.form == "small" and not whole else tax
        if entry.gone:
            return record(stream, **keys, name="a", _sdc_deleted_at="2026-01-01T00:00:00Z")
        return {**record(stream, **keys, name=entry.name), "version": 1}

    def _complete(self, entries: list[LedgerRecord], versions: list[tuple[int, int]]) -> bool:
        """Whether each stream was declared complete at some place of the input."""
        declared = {self._stream(s) for at, s in versions if at <= len(entries)}
        return declared == set(self.streams)

    def _shown(self, entries: list[LedgerRecord]) -> bool:
        """Whether the input has a record that carries a key, and some record of each stream."""
        filled = {self._stream(e.stream) for e in entries if not e.gone or e.number is None}
        return bool(live(entries) - {None}) and filled == set(self.streams)

    def _may_wait(self, entries: list[LedgerRecord]) -> bool:
        """Whether a record that does not get through carries no key, or one of its keys alone."""
        return self._waits(entries) or any(
            entry.form != "both" and entry.name in [WRONG, POISON, ORPHAN, 7, FILTERED]
            for entry in entries
        )

    def _waits(self, entries: list[LedgerRecord]) -> bool:
        """Whether a record without a key does not get through; one that is filtered is not sent."""
        return any(
            entry.number is None and (entry.gone or entry.name in [WRONG, POISON, ORPHAN, 7])
            for entry in entries
        )


def live(entries: list[LedgerRecord]) -> set[int | None]:
    """The records that the input has."""
    return {entry.number for entry in entries if not entry.gone}


TestTable = Table.TestCase
TestTable.settings = settings(max_examples=full(10, 60), stateful_step_count=6, deadline=None)
