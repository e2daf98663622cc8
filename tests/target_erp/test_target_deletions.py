"""Deletions: only where allowed, behind a guard, never from an empty input."""

from __future__ import annotations

import itertools
import typing as t

import pytest

from erp_vendors.errors import ConfigError, ErpError
from target_erp.delivery import Outcome, Prepared, Write, Writer
from target_erp.run import REJECTED
from target_erp.writers.keys import key_of
from tests.support.office import (
    ORPHAN,
    POISON,
    THINGS,
    WRONG,
    activate,
    described,
    thing,
    tombstone,
)
from tests.support.office import Site as OfficeSite
from tests.support.plugins import Message, record, run_target, schema, state
from tests.support.scale import mostly_nightly

if t.TYPE_CHECKING:
    import pathlib

    from tests.support.plugins import TargetRun


pytestmark = pytest.mark.slow


class Things(Writer):
    """A vendor's table in memory."""

    stream = THINGS
    vendor = "pentamic"
    account = "acc"
    keys = ("id",)
    deletable = True

    def __init__(self) -> None:
        self.rows: dict[str, Message] = {}
        self.calls = 0

    def prepare(self, record: Message) -> Prepared:
        return Prepared(key_of(record, self.keys), record)

    def send(self, writes: list[Write]) -> None:
        self.calls += 1
        for write in writes:
            self.rows[write.key[0][1]] = write.body

    def delete(self, write: Write) -> None:
        self.calls += 1
        self.rows.pop(write.key[0][1], None)

    def current(self, write: Write) -> Message | None:
        return self.rows.get(write.key[0][1])


class Site:
    """Runs the target against the table."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.things = Things()

    def run(self, *messages: Message, **config: t.Any) -> TargetRun:
        base: Message = {
            "pentamic": {"client_id": "c", "client_secret": "mirror-secret-1", "scope": "s"},
            "ledger": str(self.folder / "ledger.sqlite"),
            "dead_letters": str(self.folder / "dead"),
            "report_file": "none",
            "deletes": [THINGS],
            "guards": {"max_deletes": 10},
        }
        return run_target({**base, **config}, [schema(THINGS, ["id"]), *messages])

    def fill(self, *numbers: int, version: int = 1) -> list[Message]:
        return [{**record(THINGS, id=n, name=f"thing {n}"), "version": version} for n in numbers]


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site(tmp_path)
    monkeypatch.setattr("target_erp.sink_writers.make_writer", lambda *_: site.things)
    return site


def test_a_tombstone_deletes_once(site: Site) -> None:
    assert site.run(*site.fill(1, 2)).code == 0
    run = site.run(tombstone(1))
    assert (run.code, sorted(site.things.rows)) == (0, ["2"])
    assert run.target.run.delivery.tallies[THINGS][Outcome.DELETED] == 1
    calls = site.things.calls
    again = site.run(tombstone(1))
    assert (again.code, site.things.calls) == (0, calls)


def test_a_deleted_record_can_come_back(site: Site) -> None:
    site.run(*site.fill(1))
    site.run(tombstone(1))
    run = site.run(*site.fill(1))
    assert sorted(site.things.rows) == ["1"]
    assert run.target.run.delivery.tallies[THINGS][Outcome.CREATED] == 1


def test_without_leave_a_tombstone_deletes_nothing_and_is_not_lost(site: Site) -> None:
    site.run(*site.fill(1))
    run = site.run(tombstone(1), deletes=[])
    assert (run.code, sorted(site.things.rows)) == (REJECTED, ["1"])
    assert '"class":"no_delete"' in (site.folder / "dead" / f"{THINGS}.jsonl").read_text()


def test_deletions_need_a_guard_and_a_sink_that_can(site: Site) -> None:
    with pytest.raises(ConfigError, match=r"guards\.max_deletes"):
        site.run(guards={})
    site.things.deletable = False
    run = site.run(*site.fill(1))
    assert run.code == 1
    assert THINGS in run.error
    assert site.things.rows == {}


def test_a_new_version_of_a_table_deletes_what_it_lacks(site: Site) -> None:
    site.run(*site.fill(1, 2, 3), activate(version=1))
    site.things.rows["99"] = {"id": 99}  # somebody else's
    run = site.run(*site.fill(2, version=2), activate(version=2))
    assert (run.code, sorted(site.things.rows)) == (0, ["2", "99"])
    assert run.target.run.delivery.tallies[THINGS][Outcome.DELETED] == 2


def test_an_empty_input_deletes_nothing(site: Site) -> None:
    site.run(*site.fill(1, 2, 3), activate(version=1))
    assert site.run(activate(version=2)).code == 0
    assert len(site.things.rows) == 3


def test_other_streams_delete_nothing_by_version(site: Site) -> None:
    site.run(*site.fill(1, 2), activate(version=1), deletes=[])
    assert site.run(*site.fill(2, version=2), activate(version=2), deletes=[]).code == 0
    assert len(site.things.rows) == 2


@pytest.mark.parametrize("allowed", [1, "30%"])
def test_the_guard_stops_the_run_before_its_first_write(site: Site, allowed: t.Any) -> None:
    site.run(*site.fill(1, 2, 3), activate(version=1))
    calls = site.things.calls
    run = site.run(
        *site.fill(1, 7, version=2), activate(version=2), guards={"max_deletes": allowed}
    )
    assert run.code == 1
    assert "guards.max_deletes" in run.error
    assert site.things.calls == calls
    assert len(site.things.rows) == 3


def test_tombstones_count_for_the_guard(site: Site) -> None:
    site.run(*site.fill(1, 2, 3))
    run = site.run(tombstone(1), tombstone(2), guards={"max_deletes": 1})
    assert (run.code, len(site.things.rows)) == (1, 3)


def test_a_plan_shows_deletions(site: Site) -> None:
    site.run(*site.fill(1, 2), activate(version=1))
    plan = site.folder / "plan.jsonl"
    run = site.run(*site.fill(2, version=2), activate(version=2), dry_run=True, plan_file=str(plan))
    assert (run.code, len(site.things.rows)) == (0, 2)
    assert '"step":"delete"' in plan.read_text()


PRESENT: dict[str, list[Message]] = {
    "as before": [thing(1, tax="T1"), activate()],
    "changed": [thing(1, "another name", tax="T1"), activate()],
    "refused by the write schema": [thing(1, WRONG, tax="T1"), activate()],
    "refused by its SCHEMA": [thing(1, t.cast("str", 7), tax="T1"), activate()],
    "refused by the vendor": [thing(1, POISON, tax="T1"), activate()],
    "waiting": [thing(1, ORPHAN, tax="T1"), activate()],
    "by its tax code alone": [thing(tax="T1"), activate()],
    "by its id alone": [thing(1), activate()],
    "refused by its tax code alone": [thing(name=WRONG, tax="T1"), activate()],
    "after its version": [activate(), thing(1, tax="T1")],
    "refused after its version": [activate(), thing(1, WRONG, tax="T1")],
    "between two versions": [activate(), thing(1, tax="T1"), activate(version=2)],
    "of an older version": [thing(1, tax="T1"), activate(version=5)],
    "as a decimal": [thing(1.0, tax="T1"), activate()],
    "in other letters": [thing(tax="t1"), activate()],
    "twice": [thing(1, tax="T1"), thing(1, WRONG), activate(), activate()],
    "beside a tombstone of another": [tombstone(4), thing(1, tax="T1"), activate()],
    "after its own tombstone": [tombstone(1), thing(1, tax="T1"), activate()],
}


@pytest.fixture
def office(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> OfficeSite:
    site = OfficeSite(tmp_path)

    def make_writer(_: object, name: str, __: object) -> Writer:
        assert name == THINGS
        return site.office

    monkeypatch.setattr("target_erp.sink_writers.make_writer", make_writer)
    return site


FIRST = [thing(1, tax="T1"), thing(2, tax="T2"), thing(3, tax="T3")]


@pytest.mark.parametrize(
    ("known", "form"),
    mostly_nightly(itertools.product(("by id and tax code", "by tax code"), PRESENT)),
)
def test_a_record_that_the_input_has_in_any_form_is_not_gone(
    office: OfficeSite, form: str, known: str
) -> None:
    if known == "by id and tax code":
        assert office.run(*FIRST).code == 0
    else:
        office.office.rows = {str(n): {"id": str(n), "tax": f"T{n}"} for n in (1, 2, 3)}
        assert office.run(*(thing(tax=f"T{n}") for n in (1, 2, 3))).code == 0
    office.run(thing(3, tax="T3"), *PRESENT[form])
    assert "1" not in office.office.deleted or form == "after its own tombstone"
    assert {"1", "3"} <= set(office.office.rows)
    assert "2" not in office.office.rows


def test_a_record_that_a_stream_map_leaves_out_is_in_the_input(office: OfficeSite) -> None:
    office.run(*FIRST)
    maps = {THINGS: {"__filter__": "name != 'secret'", "id": "str(id - 100)"}}
    messages = [thing(101, "secret"), thing(103), activate()]
    assert office.run(*messages, stream_maps=maps).code == 0
    assert sorted(office.office.rows) == ["1", "3"]
    assert office.office.deleted == ["2"]


def test_a_map_that_cannot_say_which_record_was_left_out_lets_deletions_wait(
    office: OfficeSite,
) -> None:
    office.run(*FIRST)
    maps = {THINGS: {"__filter__": "name != 'secret'", "id": "str(100 / id)"}}
    run = office.run(thing(0, "secret"), thing(1), activate(), stream_maps=maps)
    assert run.code == REJECTED
    assert "stream maps" in run.error
    assert office.office.deleted == []


@pytest.mark.parametrize("maps", [{THINGS: None}, {"__else__": None}, {f"{THINGS}*": None}])
def test_a_stream_that_is_left_out_deletes_nothing(office: OfficeSite, maps: Message) -> None:
    office.run(*FIRST)
    assert office.run(thing(1), activate(), stream_maps=maps).code == 0
    assert office.office.deleted == []


def test_an_aliased_stream_deletes(office: OfficeSite) -> None:
    office.run(*FIRST)
    maps = {"kunden": {"__alias__": THINGS}}
    messages = [described("kunden"), thing(1, stream="kunden"), activate("kunden")]
    run = run_target(office.config(stream_maps=maps), messages)
    assert run.code == 0
    assert office.office.deleted == ["2", "3"]


@pytest.mark.parametrize("name", [WRONG, POISON, ORPHAN, 7])
@pytest.mark.parametrize("on_reject", ["fail", "continue"])
def test_deletions_wait_where_a_record_without_a_key_did_not_get_through(
    office: OfficeSite, name: t.Any, on_reject: str, caplog: pytest.LogCaptureFixture
) -> None:
    office.run(*FIRST)
    limit = {"on_reject": on_reject, "max_rejects": 5}
    run = office.run(thing(1), thing(name=name), activate(), **limit)
    assert run.code == REJECTED
    assert f"deletions of {THINGS} wait" in run.error
    assert len([r for r in caplog.records if "deletions wait" in r.getMessage()]) == 1
    assert office.office.deleted == []
    assert office.run(thing(1), activate()).code == 0
    assert office.office.deleted == ["2", "3"]


@pytest.mark.parametrize("name", [WRONG, POISON, ORPHAN, "left out"])
def test_a_row_that_may_be_a_record_that_did_not_get_through_is_not_deleted(
    office: OfficeSite, name: str
) -> None:
    """The ledger knows one by its id alone, and the input has some record by its tax code alone."""
    both = thing(1, tax="T1")
    office.run(both, thing(2), thing(3, tax="T3"))
    maps = {THINGS: {"__filter__": "name != 'left out'"}}
    unknown = {**record(THINGS, tax="T2", name=name), "version": 1}
    run = office.run(both, unknown, activate(), on_reject="continue", stream_maps=maps)
    assert (run.code, office.office.deleted) == (REJECTED, ["3"])
    assert "carries only tax" in run.error


def test_deletions_do_not_wait_for_others(office: OfficeSite) -> None:
    """A record without a key that gets through, and one with a key that does not."""
    office.run(*FIRST)
    run = office.run(thing(1), thing(name="no key"), thing(3, WRONG), activate())
    assert (run.code, office.office.deleted) == (REJECTED, ["2"])
    assert "deletions of" not in run.error


TWO = {"kunden": THINGS, "clienti": THINGS}


def fed(stream: str, *numbers: int, ends: bool = True) -> list[Message]:
    messages = [thing(number, stream=stream) for number in numbers]
    return [described(stream), *messages, *([activate(stream)] if ends else [])]


@pytest.mark.parametrize(
    ("messages", "gone"),
    [
        ([*fed("kunden", 1), *fed("clienti", 3)], ["2"]),
        ([*fed("kunden", 1, 3), *fed("clienti")], []),
        (fed("kunden", 1), []),
        ([*fed("kunden", 1), *fed("clienti", ends=False)], []),
        ([*fed("kunden", 1, ends=False), *fed("clienti", 3)], []),
    ],
    ids=["both", "one empty", "one missing", "the other open", "the first open"],
)
def test_two_streams_into_one_sink_delete_only_together(
    office: OfficeSite, messages: list[Message], gone: list[str]
) -> None:
    both = [*fed("kunden", 1, 2), *fed("clienti", 3)]
    assert run_target(office.config(streams=TWO), both).code == 0
    run = run_target(office.config(streams=TWO), messages)
    assert (run.code, office.office.deleted) == (0, gone)


@pytest.mark.parametrize("guards", [{"max_deletes": 1}, {"max_deletes": "40%", "max_updates": 9}])
@pytest.mark.parametrize(
    "messages",
    [
        [thing(1), activate()],
        [tombstone(1), tombstone(2)],
        [thing(1), tombstone(2), activate()],
    ],
    ids=["gone", "tombstones", "both"],
)
def test_the_guard_is_judged_without_calls(
    office: OfficeSite, guards: Message, messages: list[Message]
) -> None:
    office.run(*FIRST)
    calls = office.office.calls
    run = office.run(*messages, thing(9), state({"n": 1}), guards=guards)
    assert run.code == 1
    assert "guards.max_deletes" in run.error
    assert (office.office.calls, run.states, len(office.office.rows)) == (calls, [], 3)


def test_the_guard_counts_each_deletion_once(office: OfficeSite) -> None:
    office.run(*FIRST)
    messages = [tombstone(1), tombstone(1), tombstone(2), thing(3), activate()]
    assert office.run(*messages, guards={"max_deletes": 2}).code == 0
    assert sorted(office.office.deleted) == ["1", "2"]
    calls = office.office.calls
    # What an earlier run has deleted is no deletion any more.
    assert office.run(*messages, guards={"max_deletes": 0}).code == 0
    assert office.office.calls == calls
    back = office.run(thing(1), tombstone(1), thing(3), activate(), guards={"max_deletes": 0})
    assert (back.code, office.office.calls) == (1, calls)


def test_a_record_that_comes_back_is_written_and_can_go_again(office: OfficeSite) -> None:
    office.run(*FIRST)
    for _ in range(2):
        assert office.run(thing(1), activate()).code == 0
        assert sorted(office.office.rows) == ["1"]
        assert office.run(thing(1), thing(2, tax="T2"), thing(3, tax="T3"), activate()).code == 0
        assert sorted(office.office.rows) == ["1", "2", "3"]


def test_state_does_not_pass_a_version_whose_deletions_are_open(
    office: OfficeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run(*FIRST)

    def fails(_: Write) -> None:
        msg = "the vendor is down"
        raise ErpError(msg)

    monkeypatch.setattr(office.office, "delete", fails)
    messages = [thing(1), state({"n": 1}), thing(3), activate(), state({"n": 2})]
    for more in ([], [thing(4), state({"n": 3})]):
        run = office.run(*messages, *more)
        assert (run.code, run.states) == (1, [{"n": 1}])


def test_an_input_that_breaks_off_deletes_nothing(office: OfficeSite) -> None:
    office.run(*FIRST)
    run = office.run(thing(1, "new"), state({"n": 1}), activate(), state({"n": 2}), "{")
    assert run.code == 1
    assert "line 6" in run.error
    assert office.office.deleted == []
    assert office.office.rows["1"]["name"] == "new"
    assert run.states[-1]["n"] <= 2


def test_a_guard_of_writes_holds_for_what_comes_before_a_broken_line(office: OfficeSite) -> None:
    run = office.run(*FIRST, "{", deletes=[], guards={"max_creates": 2})
    assert (run.code, office.office.rows) == (1, {})
    assert "max_creates" in run.error
