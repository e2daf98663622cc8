"""An approved plan at every vendor: what is in it and unchanged on both sides is written."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.http import codec
from target_erp.planning.plan_file import lines_of
from tests.support.plugins import TargetRun, record, run_target, schema, state
from tests.target_erp.shops import OPTIONS, SHOPS, Row, Shop, counts

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.slow

POLICIES: dict[str, Row] = {"nothing": {}, "refuse": {"on_conflict": "refuse"}, "rules": {}}


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

    def __init__(self, shop: Shop, sandbox: RunningSandbox, folder: pathlib.Path, **sink: t.Any):
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
    quiet, drifted, elsewhere, edited, same, absent = rows
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
    assert shop.texts(sandbox, quiet[key])[0] == "ours 0"
    assert shop.texts(sandbox, elsewhere[key])[0] == "ours 2"
    assert shop.texts(sandbox, drifted[key])[0] == "theirs"
    assert shop.texts(sandbox, edited[key])[0] == held[3][shop.text[1]]
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
