"""Plan and run decide alike, and a record that can only be created is never created twice."""

from __future__ import annotations

import contextlib
import itertools
import typing as t

import pytest

from erp_ledger import Known, RecordStatus, open_ledger
from target_erp.delivery import Write
from target_erp.delivery.decide import Decision, by_ledger, by_look_up
from target_erp.delivery.model import ABSENT, NOT_SHOWN, Finding, LookUpResult
from target_erp.planning.planner import Planner, Step
from tests.target_erp.acting import Site, Stage

if t.TYPE_CHECKING:
    import pathlib

THIS, OTHER = Write(1, "s", {}, body={"v": 2}).digest, Write(1, "s", {}, body={"v": 1}).digest
LEDGER: dict[str, Known | None] = {
    "nothing": None,
    "this version": Known(RecordStatus.ACCEPTED, THIS, None, None, None, 1),
    "another version": Known(RecordStatus.ACCEPTED, OTHER, None, None, None, 1),
    "this refused, another held": Known(RecordStatus.REFUSED, THIS, OTHER, None, 1, 1),
    "another refused, this held": Known(RecordStatus.REFUSED, OTHER, THIS, None, 1, 1),
    "this refused, none held": Known(RecordStatus.REFUSED, THIS, None, None, 1, 1),
    "this in doubt": Known(RecordStatus.UNKNOWN, THIS, None, None, 1, 1),
    "another in doubt": Known(RecordStatus.UNKNOWN, OTHER, None, None, 1, 1),
    "forgotten": Known(RecordStatus.ACCEPTED, b"", None, None, None, 1),
    "deleted": Known(RecordStatus.DELETED, b"deleted", None, None, None, 1),
}
"""What the ledger knows of a record."""
THERE = {name for name, known in LEDGER.items() if known is not None and known.is_there}
HELD = {"this version", "another refused, this held"}
"""Where the ledger knows that the vendor has this version."""


@pytest.mark.parametrize("create_only", [False, True])
@pytest.mark.parametrize("finding", [None, *Finding], ids=str)
@pytest.mark.parametrize("ledger", LEDGER)
def test_a_look_up_decides(ledger: str, finding: Finding | None, create_only: bool) -> None:  # noqa: FBT001
    writer = Site(create_only=create_only)
    decision = by_look_up(writer, Write(1, "s", {}, body={"v": 2}, known=LEDGER[ledger]), finding)
    if finding is Finding.FOUND and ledger == "this in doubt":
        assert decision is Decision.ARRIVED
    elif (
        finding is Finding.ABSENT
        or not create_only
        or (finding is not Finding.FOUND and ledger not in THERE)
    ):
        assert decision is Decision.SEND
    elif ledger in {*HELD, "forgotten", "nothing"}:
        assert decision is Decision.UNCHANGED
    else:
        assert decision is Decision.EXISTS


@pytest.mark.parametrize("resync", [False, True])
@pytest.mark.parametrize("create_only", [False, True])
@pytest.mark.parametrize("ledger", LEDGER)
def test_the_ledger_decides(ledger: str, create_only: bool, resync: bool) -> None:  # noqa: FBT001
    write = Write(1, "s", {}, body={"v": 2}, known=LEDGER[ledger])
    decision = by_ledger(Site(create_only=create_only), write, resync=resync)
    if ledger in HELD and not resync:
        assert decision is Decision.UNCHANGED
    elif create_only and not resync and ledger in THERE - {"forgotten"}:
        assert decision is Decision.EXISTS
    else:
        assert decision is Decision.SEND


class Shown(Site):
    """A vendor that a plan can ask, too."""

    def current(self, write: Write) -> dict[str, t.Any] | None:
        """The newest version."""
        rows = self.rows.get(write.key[0][1])
        return rows[-1] if rows else None


LOOKS: dict[str, t.Callable[[Site, Write], LookUpResult]] = {
    "shows it": lambda site, write: (
        LookUpResult.found(write.key[0][1]) if site.rows.get(write.key[0][1]) else ABSENT
    ),
    "proves nothing": lambda site, write: (
        LookUpResult.found(write.key[0][1]) if site.rows.get(write.key[0][1]) else NOT_SHOWN
    ),
    "has lost it": lambda *_: ABSENT,
}


class Case(t.NamedTuple):
    """One way to meet a record again."""

    look: str
    create_only: bool
    forgets: bool
    resync: bool
    version: int


WAYS = [*LOOKS, "cannot be asked"]
CASES = [Case(*one) for one in itertools.product(WAYS, *[[False, True]] * 3, [1, 2])]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_plan_says_what_the_run_does(case: Case, tmp_path: pathlib.Path) -> None:
    look, create_only, forgets, resync, version = case
    site = Shown(can_look_up=look in LOOKS, create_only=create_only)
    if look in LOOKS:
        site.look = lambda write: LOOKS[look](site, write)
    stage = Stage(tmp_path)
    assert sum(stage.run(site, [{"key": "a", "v": 1}]).counts.values()) == 1
    if look == "has lost it":
        site.rows.clear()
    with contextlib.closing(open_ledger(str(tmp_path / "ledger.sqlite"))) as ledger:
        if forgets:
            ledger.forget("", site.stream, "")
        plan = Planner(None, ledger=ledger, resync=resync)
        plan.submit(site, Write(1, site.stream, {}, (("key", "a"),), {"key": "a", "v": version}))
    run = stage.run(site, [{"key": "a", "v": version}], resync=resync)
    planned = plan.counts[Step.CREATE] + plan.counts[Step.UPDATE]
    assert planned == sum(run[name] for name in ("created", "updated", "written")), run.counts
    assert plan.counts[Step.UNCHANGED] == run["unchanged"]
    assert plan.counts[Step.REFUSED] == run["refused"]
    assert len(site.calls) == 1 + planned
    if create_only:
        assert len(site.rows["a"] if site.rows else []) <= 1, "it is never there twice"
    elif forgets or resync or version != 1:
        assert planned == 1, "it is sent"
