"""An approved plan at every vendor: what is in it and unchanged on both sides is written."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_ledger import open_ledger
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.http import codec
from target_erp.delivery import Prepared, Write, Writer
from target_erp.delivery.approval import Approval, Fingerprints, PlanLine
from target_erp.planning.plan_file import Binding, PlanFile, approval_of, lines_of
from target_erp.planning.planner import Planner
from tests.support.plugins import TargetRun, record, run_target, schema, state
from tests.target_erp.shops import OPTIONS, SHOPS, Row, Shop, counts
from tests.target_erp.test_plan_and_run import order

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=10, limits=False, options=OPTIONS) as running:
        yield running


@pytest.fixture
def sandbox(shared: RunningSandbox) -> RunningSandbox:
    shared.reset(data=True)
    return shared


class Site:
    """One sink, its ledger and its plan."""

    def __init__(
        self, shop: Shop, sandbox: RunningSandbox, folder: pathlib.Path, **sink: t.Any
    ) -> None:
        self.shop, self.sandbox = shop, sandbox
        self.config = shop.config(sandbox, folder, **sink)
        self.plan_file = folder / "plan.jsonl"
        self.report = folder / "report.json"

    def run(self, *rows: Row, **settings: t.Any) -> TargetRun:
        """A run whose input has a STATE behind each record."""
        messages: list[Row] = [schema(self.shop.stream)]
        for number, row in enumerate(rows, 1):
            messages += [record(self.shop.stream, **row), state(number)]
        return run_target({**self.config, **settings}, [codec.encode(one) for one in messages])

    def plan(self, *rows: Row, **settings: t.Any) -> list[str]:
        """Make a plan; the steps in it."""
        self.run(*rows, dry_run=True, plan_file=str(self.plan_file), **settings)
        return [line["step"] for line in lines_of(str(self.plan_file))[1]]

    def apply(self, *rows: Row, **settings: t.Any) -> TargetRun:
        """Apply the plan."""
        return self.run(*rows, apply=str(self.plan_file), **settings)

    def text(self, row: Row) -> t.Any:
        """What the vendor has of a record's text."""
        texts = self.shop.texts(self.sandbox, row[self.shop.key[0]])
        return None if texts is None else texts[0]

    def reasons(self) -> dict[str, str]:
        """What was not approved, and why."""
        stream = json.loads(self.report.read_text())["streams"][self.shop.stream]
        return {
            one["key"].partition("=")[2]: one["reason"] for one in stream["not_approved_records"]
        }


@pytest.mark.parametrize("policy", ["nothing", "rules"])
@pytest.mark.parametrize("vendor", SHOPS)
def test_after_a_drift_exactly_what_is_approved_and_undrifted_is_written(
    vendor: str, policy: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS[vendor]
    text, other = shop.text[0], shop.other[0]
    sink = {"fields": [text, other]} if policy == "rules" else {}
    site = Site(shop, sandbox, tmp_path, **sink)
    held = sandbox.rows(vendor, shop.resource)[:6]
    rows = [shop.record(row, **{text: f"ours {n}"}) for n, row in enumerate(held)]
    quiet, drifted, elsewhere, edited, same, _absent = rows
    same[text] = held[4][shop.text[1]]
    assert set(site.plan(*rows)) <= {"update", "unchanged"}
    sandbox.change(vendor, shop.resource, held[1][shop.id], {shop.text[1]: "theirs"})
    edited = {**edited, text: "another"}
    unplanned = shop.record(sandbox.rows(vendor, shop.resource)[7], **{text: "unplanned"})
    since = len(sandbox.calls(vendor))
    run = site.apply(quiet, drifted, elsewhere, edited, same, unplanned)
    key = shop.key[0]
    written = [row for _, bodies in shop.writes(sandbox, since) for row in bodies]
    assert {str(row.get(key, row.get(shop.id))) for row in written} <= {
        str(row[name]) for row in (quiet, elsewhere, same) for name in (key,)
    } | {str(held[n][shop.id]) for n in (0, 2, 4)}
    assert site.text(quiet) == "ours 0"
    assert site.text(elsewhere) == "ours 2"
    assert site.text(drifted) == "theirs"
    assert site.text(edited) == held[3][shop.text[1]]
    assert (run.code, run.states) == (3, [1]), run.error
    assert counts(run, shop.stream)["not_approved"] == 3
    assert "3 records are not approved by the plan" in run.error
    assert "1 writes of the plan were not made" in run.error
    why = site.reasons()
    assert set(why) == {str(row[key]) for row in (drifted, edited, unplanned)}
    assert text in why[str(drifted[key])]
    assert f"another one than in the plan in {text}" in why[str(edited[key])]
    assert why[str(unplanned[key])] == "it is not in the plan"
    # What was written is known: once more, nothing is to be done for it.
    again = site.apply(quiet, elsewhere)
    assert counts(again, shop.stream) == {"unchanged": 2}


@pytest.mark.parametrize("vendor", SHOPS)
def test_records_that_are_new(vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path) -> None:
    shop = SHOPS[vendor]
    if vendor == "aim":
        pytest.skip("AIM gives its customers their numbers")
    site = Site(shop, sandbox, tmp_path)
    text = shop.text[0]
    new, twice, meanwhile, unplanned = (shop.fresh(number) for number in range(4))
    later = {**twice, text: "later"}
    assert site.plan(new, twice, meanwhile, later) == ["create", "create", "create", "update"]
    assert lines_of(str(site.plan_file))[1][0]["changes"].keys() == new.keys()
    shop.run(sandbox, tmp_path / "another", {**meanwhile, text: "theirs"})
    run = site.apply(new, twice, meanwhile, later, unplanned)
    assert (site.text(new), site.text(twice), site.text(meanwhile)) == ("new", "later", "theirs")
    assert site.text(unplanned) is None
    assert (run.code, run.states) == (3, [2]), run.error
    assert site.reasons() == {
        str(meanwhile[shop.key[0]]): "the plan creates it, and now the vendor has it",
        str(unplanned[shop.key[0]]): "it is not in the plan",
    }


@pytest.mark.parametrize("vendor", SHOPS)
def test_rules_are_weighed_anew_and_nothing_beyond_the_plan_goes_out(
    vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS[vendor]
    text, other = shop.text[0], shop.other[0]
    site = Site(shop, sandbox, tmp_path, fields={text: "always", other: "fill_empty"})
    held = sandbox.rows(vendor, shop.resource)[1]
    sandbox.change(vendor, shop.resource, held[shop.id], {shop.other[1]: "full"})
    row = shop.record(held, **{text: "ours", other: "ours too"})
    assert site.plan(row) == ["update"]
    sandbox.change(vendor, shop.resource, held[shop.id], {shop.other[1]: None})
    run = site.apply(row)
    assert run.code == 3
    assert site.text(row) == held[shop.text[1]]
    (why,) = site.reasons().values()
    assert why == f"the vendor's record has changed since the plan: {other}"


def test_skips_and_conflicts_stay_what_they_are(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS["cimcloud"]
    site = Site(shop, sandbox, tmp_path, on_conflict="refuse", mode="update_only")
    held = sandbox.rows("cimcloud", shop.resource)[:2]
    first, second = (shop.record(row, nm="read") for row in held)
    old = {**second, "last_modify_date": "2001-01-01"}
    assert site.plan(old, shop.fresh(1)) == ["refused", "skipped"]
    conflict, skipped = lines_of(str(site.plan_file))[1]
    assert conflict["class"] == "conflict"
    assert conflict["conflicts"]["nm"]["theirs"] == held[1]["nm"]
    assert "update_only" in skipped["reason"]
    run = site.apply(old, shop.fresh(1))
    assert counts(run, shop.stream) == {"refused": 1, "skipped": 1}
    assert first["ref_id"] != second["ref_id"]


UNFIT: dict[str, tuple[Row, str]] = {
    "other settings": ({"resync": True}, r"other settings \(resync\)"),
    "other sinks": ({"sinks": {"cimcloud_accounts": {"fields": ["nm"]}}}, r"\(sinks\)"),
    "too old": ({"plan_max_hours": 0.000_000_1}, "hours old, and plan_max_hours is 1e-07"),
    "a plan of a plan": ({"dry_run": True}, "'apply' and 'dry_run' exclude each other"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_plan_that_does_not_fit_is_refused_before_the_first_write(
    case: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop, (settings, said) = SHOPS["cimcloud"], UNFIT[case]
    site = Site(shop, sandbox, tmp_path)
    row = shop.record(sandbox.rows("cimcloud", shop.resource)[0], nm="ours")
    site.plan(row)
    since = len(sandbox.calls("cimcloud"))
    with pytest.raises(AssertionError, match=said):
        _done(site.apply(row, **settings))
    assert shop.writes(sandbox, since) == []


def test_another_account_and_another_ledger_are_told(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS["cimcloud"]
    site = Site(shop, sandbox, tmp_path)
    row = shop.record(sandbox.rows("cimcloud", shop.resource)[0], nm="ours")
    shop.run(sandbox, tmp_path, shop.fresh(7))  # now there is a ledger
    site.plan(row)
    other = {**site.config["cimcloud"], "site_name": "elsewhere"}
    with pytest.raises(AssertionError, match=r"another account \(cimcloud\)"):
        _done(site.apply(row, cimcloud=other))
    with pytest.raises(AssertionError, match="another ledger"):
        _done(site.apply(row, ledger=str(tmp_path / "other.sqlite")))
    renewed = {**site.config["cimcloud"], "max_concurrency": 1}
    _done(site.apply(row, cimcloud=renewed))
    assert site.text(row) == "ours"


@pytest.mark.parametrize(
    "change", ["cut", "a line less", "another value", "another header", "none"]
)
def test_a_plan_that_was_cut_or_changed_is_refused(
    change: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS["cimcloud"]
    site = Site(shop, sandbox, tmp_path)
    rows = [shop.record(row, nm="ours") for row in sandbox.rows("cimcloud", shop.resource)[:2]]
    site.plan(*rows)
    text = site.plan_file.read_text()
    changed = {
        "cut": text[:-20],
        "a line less": "".join(text.splitlines(keepends=True)[:-1]),
        "another value": text.replace('"ours"', '"mine"'),
        "another header": text.replace('"made_at":"2', '"made_at":"3'),
        "none": "",
    }[change]
    assert changed != text
    site.plan_file.write_text(changed)
    since = len(sandbox.calls("cimcloud"))
    run = site.apply(*rows)
    assert run.code == 1
    assert "cut or changed" in run.error if changed else "cannot read" in run.error
    assert sandbox.calls("cimcloud")[since:] == []


def test_deletions_are_approved_one_by_one(sandbox: RunningSandbox, tmp_path: pathlib.Path) -> None:
    shop = SHOPS["pentamic"]
    site = Site(shop, sandbox, tmp_path)
    rows = [shop.fresh(number) for number in range(3)]
    _done(site.run(*rows))
    kept, gone, later = rows

    def given(*deleted: Row) -> list[bytes]:
        marked = {row["taxCode"]: {**row, "_sdc_deleted_at": "2026-01-01"} for row in deleted}
        properties: Row = {name: {} for name in (*kept, "_sdc_deleted_at")}
        messages = [schema(shop.stream, ["taxCode"], **properties)]
        messages += [record(shop.stream, **marked.get(row["taxCode"], row)) for row in rows]
        return [codec.encode(one) for one in [*messages, state("end")]]

    settings = {**site.config, "deletes": [shop.stream], "guards": {"max_deletes": 2}}
    plan = str(site.plan_file)
    run_target({**settings, "dry_run": True, "plan_file": plan}, given(gone))
    assert [line["step"] for line in lines_of(plan)[1]] == ["unchanged", "delete", "unchanged"]
    run = run_target({**settings, "apply": plan}, given(gone, later))
    assert counts(run, shop.stream) == {"unchanged": 1, "deleted": 1, "not_approved": 1}
    assert [site.text(row) for row in rows] == ["new", None, "new"]
    assert (run.code, run.states) == (3, [])


def test_orders_that_can_only_be_created(sandbox: RunningSandbox, tmp_path: pathlib.Path) -> None:
    config = {
        "aims360": {
            "api_url": f"{sandbox.url}/aims360/west",
            "access_token": "sandbox.access.token",
        },
        "ledger": str(tmp_path / "ledger.sqlite"),
        "dead_letters": str(tmp_path / "dead"),
        "report_file": "none",
    }
    stream, plan = "aims360_orders", str(tmp_path / "plan.jsonl")
    orders = [order(sandbox, number) for number in range(3)]

    def given(*some: Row) -> list[bytes]:
        messages = [schema(stream), *(record(stream, **row) for row in some), state("end")]
        return [codec.encode(message) for message in messages]

    run_target({**config, "dry_run": True, "plan_file": plan}, given(*orders[:2]))
    assert [line["step"] for line in lines_of(plan)[1]] == ["create", "create"]
    edited = {**orders[1], "note1": "edited"}
    run = run_target({**config, "apply": plan}, given(orders[0], edited, orders[2]))
    assert counts(run, stream) == {"created": 1, "not_approved": 2}, run.error
    there = {row.get("thirdPartyOrderID") for row in sandbox.rows("aims360", "orders")}
    assert there & {"T-0", "T-1", "T-2"} == {"T-0"}
    assert (run.code, run.states) == (3, [])


def test_a_record_without_a_key_is_approved_as_often_as_it_is_planned() -> None:
    prints = Fingerprints(b"key")
    write = Write(1, "s", {}, body={"a": 1})
    line = PlanLine("s", {}, "create", {}, prints.record(write), prints.change(Sink(), write, None))
    approval = Approval([line, line], prints)
    approval.take(write)
    said = [approval.objection(Sink(), write, None) for _ in range(3)]
    assert said == ["", "", "the plan has this write no more often than it has been made"]
    approval.give_back(write)  # it waits for a parent, and comes again
    assert approval.objection(Sink(), write, None) == ""
    assert approval.objection(Sink(), write, None)


def test_a_plan_binds_secrets_by_the_key_of_the_ledger_alone(tmp_path: pathlib.Path) -> None:
    write = Write(1, "s", {}, key=(("ref_id", "1"),), body={"ref_id": "1", "pw": "hunter2-1"})
    plan = tmp_path / "plan"
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    for known in (None, ledger):
        planner = Planner(PlanFile(str(plan), BINDING, known), ledger=None)
        planner.submit(Sink(), write)
        planner.summary()
        header, (line,) = lines_of(str(plan))
        assert "hunter2" not in plan.read_text()
        assert bool(header["key"]) == (known is None)
        assert bool(line["record"]) == bool(line["change"]) == (known is not None)
        approval = approval_of(str(plan), 24, BINDING, ledger)
        approval.take(write)
        said = approval.objection(Sink(), write, None)
        assert said == ("" if known else NO_LEDGER)
        # Another secret is another record, though the plan shows the same.
        write.body = {"ref_id": "1", "pw": "hunter2-2"}
        approval.take(write)
        assert approval.objection(Sink(), write, None)
        write.body = {"ref_id": "1", "pw": "hunter2-1"}
    ledger.close()


NO_LEDGER = "the plan was made without a ledger, so nothing binds the secrets in this record"
BINDING = Binding("1", {}, {})


class Sink(Writer):
    """A writer whose vendor has nothing."""

    stream = "s"
    secrets = frozenset({"pw"})

    def prepare(self, record: Row) -> Prepared:
        raise NotImplementedError

    def send(self, writes: list[Write]) -> None:
        raise NotImplementedError

    def current(self, write: Write) -> Row | None:  # noqa: ARG002
        return None


def _done(run: TargetRun) -> None:
    assert run.code == 0, run.error
