"""The vendor's tables in DuckDB, loaded by target-duckdb, as docs/warehouses.md says."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tests.support.vendor_users import meddle
from tests.warehouses.duck import WRONG, Duck, as_loaded, read_back
from tests.warehouses.runs import settings, tap_lines
from tests.warehouses.vendor_tables import vendor_tables

if t.TYPE_CHECKING:
    import pathlib

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]

VENDORS = ("aims360", "aimsio", "cimcloud", "pentamic")
KEYS = {
    "aims360_orders": ["order"],
    "aimsio_employees": ["employeeGuid"],
    "aimsio_object_index": ["entity", "id"],
    "cimcloud_accounts": ["ref_id"],
    "cimcloud_shipments": [],
    "pentamic_customers": ["id"],
}


@pytest.fixture
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=6, limits=False) as sandbox:
        sandbox.shift_clock(-5)
        yield sandbox


def texts(rows: t.Iterable[dict[str, t.Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def test_the_warehouse_has_what_the_vendor_has_but_for_deletions(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    duck, config = Duck(tmp_path), settings(sandbox, VENDORS)
    for fresh in (True, False):
        run = tap_lines(config, KEYS, duck.state)
        assert (run.code, run.error) == (0, "")
        duck.load(run.text)
        loaded = dict(zip(KEYS, duck.answers([f"from {name}" for name in KEYS]), strict=True))
        for vendor in VENDORS:
            for name, rows in vendor_tables(sandbox, vendor).items():
                if name not in KEYS:
                    continue
                want = [as_loaded(name, row) for row in rows]
                columns = {column for row in want for column in row}
                found = [read_back(row, columns) for row in loaded[name]]
                if fresh:
                    assert texts(found) == texts(want), name
                else:
                    assert set(texts(want)) <= set(texts(found)), name
                    assert len(found) > len(want), "what was deleted stays, or stands twice"
            meddle(sandbox, vendor, KEYS)


@pytest.mark.nightly
@pytest.mark.parametrize(("duckdb", "lost"), [(WRONG, 1), ("duckdb<1.3", 0)])
def test_which_duckdb_loses_the_first_row_of_each_batch(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, duckdb: str, lost: int
) -> None:
    duck = Duck(tmp_path, duckdb)
    run = tap_lines(settings(sandbox, ["pentamic"]), ["pentamic_customers"], {})
    duck.load(run.text, batch_size_rows=3)
    (row,) = duck.rows("select count(*) as number from pentamic_customers")
    batches = 2
    assert row["number"] == len(sandbox.rows("pentamic", "customers")) - lost * batches
