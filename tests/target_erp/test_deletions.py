"""Deletions: only where allowed, behind a guard, never from an empty input."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import ConfigError
from target_erp.delivery import Outcome, Prepared, Write, Writer
from target_erp.sinks.keys import key_of
from target_erp.target import REJECTED
from tests.support.plugins import Message, record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

    from tests.support.plugins import TargetRun

THINGS = "pentamic_things"


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
            "report_file": "",
            "deletes": [THINGS],
            "guards": {"max_deletes": 10},
        }
        return run_target({**base, **config}, [schema(THINGS, ["id"]), *messages])

    def fill(self, *numbers: int, version: int = 1) -> list[Message]:
        return [{**record(THINGS, id=n, name=f"thing {n}"), "version": version} for n in numbers]


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site(tmp_path)
    monkeypatch.setattr("target_erp.target.make_writer", lambda *_: site.things)
    return site


def activate(version: int) -> Message:
    return {"type": "ACTIVATE_VERSION", "stream": THINGS, "version": version}


def tombstone(number: int) -> Message:
    return record(THINGS, id=number, _sdc_deleted_at="2026-01-01T00:00:00Z")


def test_a_tombstone_deletes_once(site: Site) -> None:
    assert site.run(*site.fill(1, 2)).code == 0
    run = site.run(tombstone(1))
    assert (run.code, sorted(site.things.rows)) == (0, ["2"])
    assert run.target.delivery.tallies[THINGS][Outcome.DELETED] == 1
    calls = site.things.calls
    again = site.run(tombstone(1))
    assert (again.code, site.things.calls) == (0, calls)


def test_a_deleted_record_can_come_back(site: Site) -> None:
    site.run(*site.fill(1))
    site.run(tombstone(1))
    run = site.run(*site.fill(1))
    assert sorted(site.things.rows) == ["1"]
    assert run.target.delivery.tallies[THINGS][Outcome.CREATED] == 1


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
    site.run(*site.fill(1, 2, 3), activate(1))
    site.things.rows["99"] = {"id": 99}  # somebody else's
    run = site.run(*site.fill(2, version=2), activate(2))
    assert (run.code, sorted(site.things.rows)) == (0, ["2", "99"])
    assert run.target.delivery.tallies[THINGS][Outcome.DELETED] == 2


def test_an_empty_input_deletes_nothing(site: Site) -> None:
    site.run(*site.fill(1, 2, 3), activate(1))
    assert site.run(activate(2)).code == 0
    assert len(site.things.rows) == 3


def test_other_streams_delete_nothing_by_version(site: Site) -> None:
    site.run(*site.fill(1, 2), activate(1), deletes=[])
    assert site.run(*site.fill(2, version=2), activate(2), deletes=[]).code == 0
    assert len(site.things.rows) == 2


@pytest.mark.parametrize("allowed", [1, "30%"])
def test_the_guard_stops_the_run_before_its_first_write(site: Site, allowed: t.Any) -> None:
    site.run(*site.fill(1, 2, 3), activate(1))
    calls = site.things.calls
    run = site.run(*site.fill(1, 7, version=2), activate(2), guards={"max_deletes": allowed})
    assert run.code == 1
    assert "guards.max_deletes" in run.error
    assert site.things.calls == calls
    assert len(site.things.rows) == 3


def test_tombstones_count_for_the_guard(site: Site) -> None:
    site.run(*site.fill(1, 2, 3))
    run = site.run(tombstone(1), tombstone(2), guards={"max_deletes": 1})
    assert (run.code, len(site.things.rows)) == (1, 3)


def test_a_plan_shows_deletions(site: Site) -> None:
    site.run(*site.fill(1, 2), activate(1))
    plan = site.folder / "plan.jsonl"
    run = site.run(*site.fill(2, version=2), activate(2), dry_run=True, plan_file=str(plan))
    assert (run.code, len(site.things.rows)) == (0, 2)
    assert '"step":"delete"' in plan.read_text()
