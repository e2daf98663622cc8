"""Two writers, the target and a person: nothing of the person's is ever overwritten unseen.

The person writes through the sandbox's own control interface, at any moment but within the window
between the target's look and its write. The same machine with that window held open fails.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import tempfile
import typing as t
from unittest import mock

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from erp_ledger import Ledger
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.errors import Interrupted
from target_erp.delivery.sender import Sender
from tests.support.scale import full
from tests.target_erp.shops import OPTIONS, SHOPS, Row, Shop, counts, letters

if t.TYPE_CHECKING:
    from erp_ledger.store import Change
    from target_erp.delivery import Write, Writer

pytestmark = pytest.mark.slow

VALUES = st.sampled_from(["a", "b", "c", "d"])
FIELDS = st.sampled_from(["text", "other"])
OURS = st.dictionaries(FIELDS, VALUES, max_size=2)
WRITES = {
    "aimsio": ("POST", "BillableItem"),
    "cimcloud": ("POST", "account/"),
    "pentamic": ("PUT", "customers"),
    "aim": ("POST", "UpdateCustomer"),
}
"""Method and path of the calls that change a record."""


class TwoWriters(RuleBasedStateMachine):
    """One record; the target, a person, and a tap that reads when it likes.

    Attributes:
        unseen: What the person has set since the tap read the record last, by field. The vendor
            must keep it until the tap has read it, or the target's own record has that value.
        base: Values that the ledger may know of each field. What the person sets back to one of
            them is no conflict, because nothing tells it from what was there.
    """

    sandbox: t.ClassVar[RunningSandbox]
    shop: t.ClassVar[Shop]
    holds_window_open = False

    @initialize(deleted_at=st.integers(3, full(7, 15)))
    def begin(self, deleted_at: int) -> None:
        self.steps, self.deleted_at = 0, deleted_at
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.sandbox.shift_clock(0)
        self.sandbox.reset(data=True)
        self.clock = 0
        self.row = self.sandbox.rows(self.shop.vendor, self.shop.resource)[1]
        self.names = {
            "text": (self.shop.text[0], self.shop.text[1]),
            "other": (self.shop.other[0], self.shop.other[1]),
        }
        self.unseen: dict[str, str] = {}
        self.base: dict[str, set[str]] = {"text": set(), "other": set()}
        self.edits = 0
        self._edit("text", "a")
        self._edit("other", "a")
        self._read()

    @rule(field=FIELDS, value=VALUES)
    def person_writes(self, field: str, value: str) -> None:
        self._edit(field, value)

    @rule()
    def person_saves_without_a_change(self) -> None:
        self.clock += 10
        self.sandbox.shift_clock(self.clock)
        self.sandbox.change(self.shop.vendor, self.shop.resource, self.row[self.shop.id], {})

    @rule()
    def tap_reads(self) -> None:
        self._read()

    @rule(ours=OURS)
    def target_writes(self, ours: dict[str, str]) -> None:
        self._run(ours)

    @rule(ours=OURS, lost=st.integers(1, 12))
    def target_writes_and_answers_get_lost(self, ours: dict[str, str], lost: int) -> None:
        method, path = WRITES[self.shop.vendor]
        vendor = self.shop.vendor
        self.sandbox.add_fault("cut_after", vendor=vendor, method=method, path=path, times=lost)
        try:
            self._run(ours, may_fail=True)
        finally:
            self.sandbox.clear_faults()

    @rule(ours=OURS, commits=st.integers(0, 3))
    def target_writes_and_is_killed(self, ours: dict[str, str], commits: int) -> None:
        """After so many commits it notes nothing more; a call needs a commit before it."""
        left = iter(range(commits))
        commit = Ledger.commit

        def mortal(ledger: Ledger, changes: t.Sequence[Change]) -> None:
            if changes and next(left, None) is None:
                msg = "killed"
                raise Interrupted(msg)
            commit(ledger, changes)

        with mock.patch.object(Ledger, "commit", mortal):
            self._run(ours, may_fail=True)

    @invariant()
    def ledger_is_deleted_once(self) -> None:
        self.steps += 1
        if self.steps == self.deleted_at:
            (self.folder / "ledger.sqlite").unlink(missing_ok=True)
            self.base = {field: set() for field in self.base}

    def teardown(self) -> None:
        with contextlib.suppress(AttributeError):
            shutil.rmtree(self.folder)

    def _edit(self, field: str, value: str) -> None:
        self.clock += 10
        self.sandbox.shift_clock(self.clock)
        name = self.names[field][1]
        if value in self.base[field]:
            self.unseen.pop(field, None)
        elif self._held()[field] != value:
            self.unseen[field] = value
        self.sandbox.change(
            self.shop.vendor, self.shop.resource, self.row[self.shop.id], {name: value}
        )

    def _read(self) -> None:
        held = self.shop.held(self.sandbox, self.row[self.shop.key[1]])
        assert held is not None
        self.snapshot = self.shop.record(held)
        self.unseen.clear()

    def _held(self) -> dict[str, t.Any]:
        row = self.sandbox.row(self.shop.vendor, self.shop.resource, self.row[self.shop.id])
        return {field: row[theirs] for field, (_, theirs) in self.names.items()}

    def _run(self, ours: t.Mapping[str, str], *, may_fail: bool = False) -> None:
        record: Row = {**self.snapshot, **{self.names[f][0]: v for f, v in ours.items()}}
        # Taking over what the person has set is no overwriting.
        for field, (own, _) in self.names.items():
            if record[own] == self.unseen.get(field):
                del self.unseen[field]
        with self._window():
            run = self.shop.run(self.sandbox, self.folder, record, on_conflict="refuse")
        held = self._held()
        lost = {field: value for field, value in self.unseen.items() if held[field] != value}
        assert not lost, f"overwritten unseen: {lost} by {record}; {counts(run, self.shop.stream)}"
        for field, (own, _) in self.names.items():
            before = self.base[field] if may_fail or run.code else set()
            self.base[field] = before | ({record[own]} if may_fail or not run.code else set())
        if run.code == 3:
            assert letters(self.folder, self.shop.stream)[-1]["class"] == "conflict"
        else:
            assert run.code == 0 or may_fail, run.error

    @contextlib.contextmanager
    def _window(self) -> t.Iterator[None]:
        """With the window held open, the person writes in it."""
        if not self.holds_window_open:
            yield
            return
        screen = Sender._screen  # noqa: SLF001 - between the look and the write

        def screened(sender: Sender, writer: Writer, batch: list[Write]) -> list[Write]:
            send = screen(sender, writer, batch)
            if send:
                self._edit("text", "z")
            return send

        with mock.patch.object(Sender, "_screen", screened):
            yield


class OpenWindow(TwoWriters):
    """The same, and the person writes in the window."""

    holds_window_open = True


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=4, limits=False, options=OPTIONS) as running:
        yield running


SETTINGS = settings(
    max_examples=full(6, 60), stateful_step_count=full(10, 25), deadline=None, database=None
)
ANY_FAILURE = settings(SETTINGS, max_examples=50, phases=[Phase.generate])
"""For the machine that must fail: its history need not be the shortest one."""


@pytest.mark.parametrize("vendor", SHOPS)
def test_nothing_of_the_person_is_overwritten_unseen(vendor: str, sandbox: RunningSandbox) -> None:
    TwoWriters.sandbox, TwoWriters.shop = sandbox, SHOPS[vendor]
    run_state_machine_as_test(TwoWriters, settings=SETTINGS)


@pytest.mark.parametrize("vendor", SHOPS)
def test_the_machine_sees_what_happens_in_the_window(vendor: str, sandbox: RunningSandbox) -> None:
    OpenWindow.sandbox, OpenWindow.shop = sandbox, SHOPS[vendor]
    with pytest.raises(AssertionError, match="overwritten unseen"):
        run_state_machine_as_test(OpenWindow, settings=ANY_FAILURE)
