"""Modes, rules and keys of a sync at every vendor: what is sent, and what is held then."""

from __future__ import annotations

import itertools
import json
import typing as t

import pytest

from erp_vendors.http import codec
from target_erp.planning.plan_file import lines_of
from tests.support.plugins import run_target, schema
from tests.support.scale import mostly_nightly
from tests.target_erp.shops import SHOPS, Row, Shop, counts, letters

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

pytestmark = pytest.mark.slow

WAS, WAS_TOO = "was", "was too"
EMPTY = ""


class Case(t.NamedTuple):
    """One policy, one record that the vendor has, and what becomes of it.

    Attributes:
        policy: What `sinks` says, with T and O for the two properties.
        sent: Values of the two properties in the record.
        outcome: What becomes of it.
        held: What the vendor has of the two properties afterwards.
        calls: Calls that write.
        was: What the vendor has of them before.
    """

    policy: Row
    sent: tuple[str, str]
    outcome: str
    held: tuple[t.Any, t.Any]
    calls: int = 1
    was: tuple[t.Any, t.Any] = (WAS, WAS_TOO)


MINE = ("mine", "mine too")
DONE = "updated"
THERE = {
    "nothing": Case({}, MINE, DONE, MINE),
    "upsert": Case({"mode": "upsert"}, MINE, DONE, MINE),
    "update_only": Case({"mode": "update_only"}, MINE, DONE, MINE),
    "update_only, the same": Case(
        {"mode": "update_only"}, (WAS, WAS_TOO), "unchanged", (WAS, WAS_TOO), 0
    ),
    "update_only, respelt": Case(
        {"mode": "update_only"}, ("1.10", "A b"), DONE, ("1.10", "A b"), was=("1.1", "A  b")
    ),
    "create_only": Case({"mode": "create_only"}, MINE, "skipped", (WAS, WAS_TOO), 0),
    "a list": Case({"fields": ["T"]}, MINE, DONE, ("mine", WAS_TOO)),
    "a list, the same": Case({"fields": ["T"]}, (WAS, "mine too"), "unchanged", (WAS, WAS_TOO), 0),
    "always": Case({"fields": {"O": "always"}}, MINE, DONE, (WAS, "mine too")),
    "always, blank": Case({"fields": {"O": "always"}}, ("mine", EMPTY), DONE, (WAS, EMPTY)),
    "fill_empty, full": Case({"fields": {"T": "fill_empty"}}, MINE, "unchanged", (WAS, WAS_TOO), 0),
    "fill_empty, empty": Case(
        {"fields": {"O": "fill_empty"}}, MINE, DONE, (WAS, "mine too"), was=(WAS, None)
    ),
    "never_clear, blank": Case(
        {"fields": {"T": "always", "O": "never_clear"}}, ("mine", EMPTY), DONE, ("mine", WAS_TOO)
    ),
    "never_clear, value": Case({"fields": {"O": "never_clear"}}, MINE, DONE, (WAS, "mine too")),
    "protect": Case({"fields": {"T": "protect", "O": "always"}}, MINE, DONE, (WAS, "mine too")),
    "mode and rules": Case({"mode": "update_only", "fields": ["T"]}, MINE, DONE, ("mine", WAS_TOO)),
    "refuse, nobody else": Case(
        {"on_conflict": "refuse", "fields": ["O"]}, MINE, "conflict", (WAS, WAS_TOO), 0
    ),
}
"""A record that the vendor has, and the ledger does not know."""
ABSENT: dict[str, tuple[Row, str]] = {
    "nothing": ({}, "created"),
    "update_only": ({"mode": "update_only"}, "skipped"),
    "create_only": ({"mode": "create_only"}, "created"),
    "a list": ({"fields": ["T"]}, "created"),
    "rules": ({"fields": {"T": "protect", "O": "fill_empty"}}, "created"),
    "refuse": ({"on_conflict": "refuse"}, "created"),
    "all but modes": ({"on_conflict": "refuse", "fields": ["T"]}, "created"),
}
"""A record that the vendor does not have."""


AIM_NEW = {"LocationId": 1, "CustomerDefaultId": 1, "TaxAuthorityId": 1}
KEYS = {"aim": ("Email",)}
"""What a new record is known by, where the vendor gives the key."""


def _named(policy: Row, shop: Shop) -> Row:
    """A policy with the shop's names for T and O."""
    text = json.dumps(policy).replace('"T"', f'"{shop.text[0]}"')
    named: Row = json.loads(text.replace('"O"', f'"{shop.other[0]}"'))
    return named


@pytest.mark.parametrize(("vendor", "case"), mostly_nightly(itertools.product(SHOPS, THERE)))
def test_a_record_that_is_there(
    vendor: str, case: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop, (policy, sent, outcome, held, calls, was) = SHOPS[vendor], THERE[case]
    row = sandbox.rows(vendor, shop.resource)[2]
    set_to = dict(zip((shop.text[1], shop.other[1]), was, strict=True))
    before = sandbox.change(vendor, shop.resource, row[shop.id], set_to)
    record = shop.record(row, **{shop.text[0]: sent[0], shop.other[0]: sent[1]})
    run = shop.run(sandbox, tmp_path, record, **_named(policy, shop))
    counted = counts(run, shop.stream)
    if outcome == "conflict":
        assert run.code == 3
        assert counted == {"refused": 1}
        assert [letter["class"] for letter in letters(tmp_path, shop.stream)] == ["conflict"]
    else:
        assert run.code == 0, run.error
        asks = policy not in ({}, {"mode": "upsert"})
        expected = {outcome} if asks else {outcome, "written"}
        assert set(counted) <= expected, counted
        assert sum(counted.values()) == 1
        assert letters(tmp_path, shop.stream) == []
    writes = shop.writes(sandbox)
    assert len(writes) == calls, writes
    after = shop.held(sandbox, row[shop.key[1]])
    assert after is not None
    got = tuple(
        after[name] or EMPTY if value == EMPTY else after[name]
        for name, value in zip((shop.text[1], shop.other[1]), held, strict=True)
    )
    assert got == held
    stamps = {shop.text[1], shop.other[1], shop.stamp, "AdditionalDetails", "_changed", "Last"}
    if "fields" in policy or not calls:
        # Nothing else has changed, though each of these vendors clears what an update lacks.
        unchanged = {name: value for name, value in before.items() if name not in stamps}
        assert {name: after[name] for name in unchanged} == unchanged
    elif calls:
        ((_, (body,)),) = writes
        assert {name: body.get(name) for name in (shop.text[0], shop.other[0])} == {
            shop.text[0]: sent[0],
            shop.other[0]: sent[1],
        }
    if outcome != "conflict":
        # What was settled is not asked for again: no call at all.
        last = sandbox.calls(vendor)[-1]["number"]
        again = shop.run(sandbox, tmp_path, record, **_named(policy, shop))
        skipped = outcome == "skipped"
        assert counts(again, shop.stream) == {"skipped" if skipped else "unchanged": 1}
        assert shop.writes(sandbox, last) == []
        assert skipped or shop.reads(sandbox, last) == [], "an unchanged record costs nothing"


@pytest.mark.parametrize(("vendor", "case"), mostly_nightly(itertools.product(SHOPS, ABSENT)))
def test_a_record_that_is_not_there(
    vendor: str, case: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop, (policy, outcome) = SHOPS[vendor], ABSENT[case]
    record = shop.fresh(7)
    if vendor == "aim":
        # AIM gives the account itself.
        del record["Acct"]
        record |= {"Name": "Somebody New", "Email": "new@example.com", **AIM_NEW}
    run = shop.run_with(
        shop.config(sandbox, tmp_path, **_named(policy, shop)), record, keys=KEYS.get(vendor, ())
    )
    assert run.code == 0, run.error
    counted = counts(run, shop.stream)
    assert set(counted) <= {outcome, "written"}, counted
    assert sum(counted.values()) == 1
    held = [
        row
        for row in sandbox.rows(vendor, shop.resource)
        if (row[shop.text[1]], row[shop.other[1]]) == ("new", "new too")
    ]
    assert len(held) == (outcome == "created")
    writes = shop.writes(sandbox)
    assert len(writes) == (outcome == "created")
    if writes:
        ((_, (body,)),) = writes
        assert (body[shop.text[0]], body[shop.other[0]]) == ("new", "new too"), "created whole"
    if outcome == "skipped":
        # A later mode sends it: the ledger does not count it as unchanged.
        again = shop.run_with(shop.config(sandbox, tmp_path), record, keys=KEYS.get(vendor, ()))
        assert again.code == 0, again.error
        assert len(shop.writes(sandbox)) == 1


@pytest.mark.parametrize("vendor", SHOPS)
def test_a_skipped_record_is_counted_and_listed(
    vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS[vendor]
    row = sandbox.rows(vendor, shop.resource)[0]
    record = shop.record(row, **{shop.text[0]: "mine"})
    run = shop.run(sandbox, tmp_path, record, mode="create_only")
    assert run.code == 0
    report = json.loads((tmp_path / "report.json").read_text())["streams"][shop.stream]
    assert report["skipped"] == 1
    assert report["refused"] == 0
    ((listed),) = report["skipped_records"]
    assert str(row[shop.key[1]]) in listed["key"]
    assert "create_only" in listed["reason"]


@pytest.mark.parametrize("vendor", SHOPS)
def test_a_trial_leaves_the_others_to_a_later_run(
    vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS[vendor]
    rows = sandbox.rows(vendor, shop.resource)
    records = [shop.record(row, **{shop.text[0]: f"mine {n}"}) for n, row in enumerate(rows[:4])]
    lines = [
        schema(shop.stream),
        *({"type": "RECORD", "stream": shop.stream, "record": one} for one in records[:2]),
        {"type": "STATE", "value": {"at": 2}},
        *({"type": "RECORD", "stream": shop.stream, "record": one} for one in records[2:]),
        {"type": "STATE", "value": {"at": 4}},
    ]
    given: list[t.Any] = [codec.encode(line) for line in lines]
    run = run_target(shop.config(sandbox, tmp_path, max_records=2), given)
    assert run.code == 3
    assert f"2 records of {shop.stream} were left out" in run.error
    assert run.states == [{"at": 2}], "STATE does not pass what was left out"
    keys = [row[shop.key[1]] for row in rows[:4]]
    changed = [shop.texts(sandbox, key) for key in keys]
    assert [texts and texts[0] for texts in changed][:2] == ["mine 0", "mine 1"]
    assert not any(str(texts and texts[0]).startswith("mine") for texts in changed[2:])
    run = run_target(shop.config(sandbox, tmp_path, only=[str(keys[3])]), given)
    assert run.code == 3
    assert run.states == [], "the first record is left out"
    texts = [shop.texts(sandbox, key) for key in keys]
    assert [one and one[0] for one in texts][3] == "mine 3"
    assert not str(texts[2] and texts[2][0]).startswith("mine")
    run = run_target(shop.config(sandbox, tmp_path), given)
    assert run.code == 0, run.error
    assert run.states[-1] == {"at": 4}


@pytest.mark.parametrize("vendor", SHOPS)
def test_the_key_of_the_sync_finds_the_record(
    vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS[vendor]
    rows = sandbox.rows(vendor, shop.resource)
    sandbox.change(vendor, shop.resource, rows[1][shop.id], {shop.text[1]: "just this one"})
    record = shop.record(rows[1], **{shop.text[0]: "just this one", shop.other[0]: "mine too"})
    if vendor != "pentamic":  # its name and tax code are required
        del record[shop.key[0]]
    run = shop.run(sandbox, tmp_path, record, match_on=shop.text[0])
    assert run.code == 0, (run.error, letters(tmp_path, shop.stream))
    assert shop.texts(sandbox, rows[1][shop.key[1]]) == ("just this one", "mine too")
    assert len(sandbox.rows(vendor, shop.resource)) == len(rows), "nothing was created"
    last = sandbox.calls(vendor)[-1]["number"]
    again = shop.run(sandbox, tmp_path, record, match_on=[shop.text[0]])
    assert counts(again, shop.stream) == {"unchanged": 1}
    assert shop.writes(sandbox, last) == shop.reads(sandbox, last) == []


@pytest.mark.parametrize("vendor", SHOPS)
def test_several_matches_are_refused_and_listed(
    vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS[vendor]
    rows = sandbox.rows(vendor, shop.resource)
    for row in rows[1:3]:
        sandbox.change(vendor, shop.resource, row[shop.id], {shop.text[1]: "two of them"})
    record = shop.record(rows[1], **{shop.text[0]: "two of them", shop.other[0]: "mine too"})
    run = shop.run(sandbox, tmp_path, record, match_on=shop.text[0])
    assert run.code == 3
    assert shop.writes(sandbox) == []
    (letter,) = letters(tmp_path, shop.stream)
    assert letter["class"] == "ambiguous"
    name = shop.key[1] if vendor == "cimcloud" else shop.id
    for row in rows[1:3]:
        assert str(row[name]) in letter["reason"]


@pytest.mark.parametrize("vendor", SHOPS)
def test_no_match_and_another_record_of_the_vendors_key(
    vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS[vendor]
    row = sandbox.rows(vendor, shop.resource)[1]
    record = shop.record(row, **{shop.text[0]: "nobody has this", shop.other[0]: "mine too"})
    run = shop.run(sandbox, tmp_path, record, match_on=shop.text[0])
    assert run.code == 3, counts(run, shop.stream)
    assert shop.writes(sandbox) == []
    assert shop.held(sandbox, row[shop.key[1]]) == row
    (letter,) = letters(tmp_path, shop.stream)
    assert letter["class"] == "ambiguous"


@pytest.mark.parametrize("vendor", SHOPS)
def test_a_record_without_the_key_of_the_sync_is_refused(
    vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    """No other key of it takes that one's place."""
    shop = SHOPS[vendor]
    rows = zip(sandbox.rows(vendor, shop.resource), (None, "", "  "), strict=False)
    records = [shop.record(row, **{shop.text[0]: value}) for row, value in rows]
    run = shop.run(sandbox, tmp_path, *records, match_on=shop.text[0])
    assert (run.code, sandbox.calls(vendor)) == (3, [])
    found = letters(tmp_path, shop.stream)
    assert [letter["class"] for letter in found] == ["no_key"] * len(records)
    assert all(f"it has no {shop.text[0]}" in letter["reason"] for letter in found)


PLANNED = {
    "update_only": {"mode": "update_only"},
    "create_only": {"mode": "create_only"},
    "a list": {"fields": ["T"]},
    "rules": {"fields": {"T": "fill_empty", "O": "never_clear"}},
    "refuse": {"on_conflict": "refuse"},
    "all": {"mode": "update_only", "fields": ["O"], "on_conflict": "refuse"},
}


@pytest.mark.parametrize(("vendor", "case"), mostly_nightly(itertools.product(SHOPS, PLANNED)))
def test_a_plan_says_what_the_run_does(
    vendor: str, case: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop, policy = SHOPS[vendor], _named(PLANNED[case], SHOPS[vendor])
    rows = sandbox.rows(vendor, shop.resource)
    for row in rows[:4]:
        fields = {shop.text[1]: WAS, shop.other[1]: WAS_TOO}
        sandbox.change(vendor, shop.resource, row[shop.id], fields)
    there = [shop.record(shop.held(sandbox, row[shop.key[1]]) or {}) for row in rows[:4]]
    if shop.stamp:
        there[2][shop.stamp] = "2001-01-01T00:00:00" if vendor == "cimcloud" else 1
    changed = [{**row, shop.text[0]: "mine", shop.other[0]: "mine too"} for row in there[:3]]
    new = [] if vendor == "aim" else [shop.fresh(3), shop.fresh(4)]
    rows = [*changed, there[3], *new, {**changed[0], shop.text[0]: "later"}]
    config = shop.config(sandbox, tmp_path, **policy)
    for _ in range(2):
        plan = tmp_path / "plan.jsonl"
        planned = shop.run_with({**config, "dry_run": True, "plan_file": str(plan)}, *rows)
        assert planned.code in {0, 3}, planned.error
        assert shop.writes(sandbox) == [] or _, "a plan writes nothing"
        steps = [line["step"] for line in lines_of(str(plan))[1]]
        counted = counts(shop.run_with(config, *rows), shop.stream)
        done = sum(counted.get(name, 0) for name in ("created", "updated", "written"))
        assert steps.count("create") + steps.count("update") == done, (steps, counted)
        for step in ("unchanged", "skipped", "refused"):
            assert steps.count(step) == counted.get(step, 0), (steps, counted)
