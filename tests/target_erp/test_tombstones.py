"""A record that its source has deleted is never written live, whatever maps and spellings do."""

from __future__ import annotations

import itertools
import json
import typing as t

import pytest

from target_erp.marks import TOMBSTONE
from target_erp.run import REJECTED
from target_erp.target import TargetErp
from tests.support.plugins import Message, record, run_target, schema, state
from tests.support.scale import mostly_nightly
from tests.support.stub import Reply

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

ACCOUNTS = "cimcloud_accounts"
STAMP = "2026-01-31T00:00:00Z"
MAPS: list[Message] = [
    {},
    {"nm": "nm.upper()"},
    {"__else__": None, "ref_id": "ref_id", "nm": "nm"},
    {"__else__": "__NULL__", "ref_id": "ref_id"},
    {TOMBSTONE: None, "SDC_DELETED_AT": None, "sdc_deleted_at": None, "_SDC_DELETED_AT": None},
    {"__filter__": "nm", "__else__": None, "ref_id": "ref_id"},
]
SPELLINGS = [TOMBSTONE, "_SDC_DELETED_AT", "sdc_deleted_at", "SDC DELETED AT"]


@pytest.fixture(autouse=True)
def _gone(vendor: Vendor) -> None:
    """The vendor takes each deletion: what is to go is not there any more."""
    vendor.script = lambda request: Reply(404) if request.method == "DELETE" else None


def run(vendor: Vendor, column: str, maps: Message, match: str, *, flat: bool = False) -> t.Any:
    """Writes two records, then the same with one of them deleted."""
    config = vendor.config(
        deletes=[ACCOUNTS],
        guards={"max_deletes": 5},
        cimcloud={"delete_path": "{path}/ref_id/{value}"},
        match_properties=match,
        stream_maps={ACCOUNTS: maps} if maps else {},
        flattening_enabled=flat,
        flattening_max_depth=1 if flat else 0,
    )
    said = schema(ACCOUNTS, ["ref_id"], ref_id={}, nm={"type": "string"})
    before = [record(ACCOUNTS, ref_id=str(n), nm="A", **{column: ""}) for n in (1, 2)]
    first = run_target(config, [said, *before, state(1)])
    assert first.code == 0, first.error
    vendor.taken.clear()
    gone = record(ACCOUNTS, ref_id="1", nm="B", **{column: STAMP})
    stays = record(ACCOUNTS, ref_id="2", nm="C", **{column: None})
    return config, run_target(config, [said, gone, stays, state(2)])


@pytest.mark.parametrize(
    ("column", "maps", "match", "flat"),
    mostly_nightly(
        (column, *mapped[:1], match, *mapped[1:])
        for column, mapped, match in itertools.product(
            SPELLINGS, [*((one, False) for one in MAPS), ({}, True)], ("exact", "loose")
        )
    ),
    ids=str,
)
def test_what_is_deleted_is_not_written_live(
    vendor: Vendor,
    column: str,
    maps: Message,
    match: str,
    flat: bool,  # noqa: FBT001
) -> None:
    config, done = run(vendor, column, maps, match, flat=flat)
    # Where the map leaves its key alone, the record that stays is unchanged.
    sent = ["2"] if "nm" in maps or "__else__" not in maps else []
    assert [row["ref_id"] for row in vendor.taken] == sent
    assert all(name in {"ref_id", "nm"} for row in vendor.taken for name in row)
    deletions = [path for path in vendor.stub.paths if path.startswith("DELETE")]
    if match == "loose" or column == TOMBSTONE:
        assert (done.code, done.states) == (0, [2]), done.error
        assert deletions == ["DELETE /site/accounts/ref_id/1"]
        return
    assert (done.code, deletions) == (REJECTED, [])
    (letter,) = vendor.letters(ACCOUNTS)
    assert TOMBSTONE in letter["reason"]
    assert "match_properties: loose" in letter["reason"]
    for settings in ({}, {"match_properties": "loose"}):
        try:
            TargetErp(config={**config, "stream_maps": {}, **settings}).replay()
        except Exception as error:  # noqa: BLE001 - the letter says it again
            assert "rejected" in str(error)  # noqa: PT017
        # A letter from behind a map that has dropped the column cannot say it again.
        if not maps or maps == MAPS[1]:
            assert [row["ref_id"] for row in vendor.taken] == ["2"]


def test_a_map_may_say_itself_what_is_deleted(vendor: Vendor) -> None:
    maps = {TOMBSTONE: "removed", "removed": None}
    config = vendor.config(
        deletes=[ACCOUNTS],
        guards={"max_deletes": 5},
        cimcloud={"delete_path": "{path}/ref_id/{value}"},
        stream_maps={ACCOUNTS: maps},
    )
    said = schema(ACCOUNTS, ["ref_id"], ref_id={})
    fill = [record(ACCOUNTS, ref_id=n, removed=None) for n in ("1", "2")]
    assert run_target(config, [said, *fill]).code == 0
    done = run_target(config, [said, record(ACCOUNTS, ref_id="1", removed=STAMP)])
    assert done.code == 0, done.error
    assert "DELETE /site/accounts/ref_id/1" in vendor.stub.paths


def test_a_replay_of_a_deletion_that_was_not_allowed_writes_nothing(vendor: Vendor) -> None:
    config = vendor.config()
    said = schema(ACCOUNTS, ["ref_id"], ref_id={})
    gone = record(ACCOUNTS, ref_id="1", nm="A", **{TOMBSTONE: STAMP})
    assert run_target(config, [said, gone]).code == REJECTED
    (letter,) = vendor.letters(ACCOUNTS)
    assert letter["class"] == "no_delete"
    # So do letters that an earlier version has left.
    old = {name: value for name, value in letter.items() if name != "deletes"}
    for line in (letter, old):
        (vendor.dead_letters / f"{ACCOUNTS}.jsonl").write_text(json.dumps(line) + "\n")
        with pytest.raises(Exception, match="rejected"):
            TargetErp(config=config).replay()
        assert (vendor.taken, vendor.writes) == ([], [])
    assert vendor.letters(ACCOUNTS)[-1]["class"] == "no_delete"
