"""The recipes of docs/warehouses.md: each of its blocks of code is run by a test."""

from __future__ import annotations

import csv
import json
import pathlib
import re
import typing as t

import pytest
import yaml

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tests.support.programs import program, run
from tests.support.vendor_users import meddle
from tests.tap_erp.test_union import VENDORS
from tests.warehouses.duck import CONFIG, LOADER, RIGHT, Duck
from tests.warehouses.postgres import LOADER as POSTGRES_LOADER
from tests.warehouses.postgres import warehouse
from tests.warehouses.runs import Message, settings, tap_lines
from tests.warehouses.vendor_tables import vendor_tables

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "warehouses.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"```(?:sql|yaml)\n(?:--|#) ([^\n]+)\n(.*?)```", PAGE, re.DOTALL))
POSTGRES = [title for title in BLOCKS if title.startswith("postgresql: ")]
STREAMS = [
    "aim_store_transfers",
    "aims360_orders",
    "aimsio_employees",
    "aimsio_object_index",
    "cimcloud_accounts",
    "cimcloud_shipments",
    "pentamic_customers",
]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]


def loader(title: str) -> Message:
    return t.cast("Message", yaml.safe_load(BLOCKS[title])["loaders"][0])


CSV = loader("target-csv")
FILES = {"target-jsonl": "target-jsonl==0.1.4", "target-csv": CSV["pip_url"]}


@pytest.fixture
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=6, limits=False) as sandbox:
        sandbox.shift_clock(-5)
        yield sandbox


def test_every_block_has_a_title_by_which_a_test_finds_it() -> None:
    assert len(BLOCKS) == len(re.findall(r"```(?:sql|yaml)\n", PAGE))
    others = ["target-postgres", "target-duckdb", "target-csv", "reconcile", "types"]
    duckdb = ["duckdb: before each run", "duckdb: aimsio"]
    vendors = ["views of every table", *VENDORS]
    assert sorted(BLOCKS) == sorted([*others, *duckdb, *(f"postgresql: {v}" for v in vendors)])


@pytest.mark.parametrize("name", ["target-postgres", "target-duckdb"])
def test_meltano_yml_has_the_settings_of_the_page(name: str) -> None:
    plugins = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))["plugins"]
    (found,) = [one for one in plugins["loaders"] if one["name"] == name]
    wanted = loader(name)
    assert found["pip_url"] == wanted["pip_url"]
    assert found["config"] == wanted["config"]
    known = {setting["name"] for setting in found["settings"]}
    assert found["config"].keys() <= known


def test_the_loaders_of_the_page_are_those_of_the_tests() -> None:
    assert loader("target-duckdb")["pip_url"] == f"{LOADER} {RIGHT}"
    assert loader("target-duckdb")["config"] == CONFIG
    assert loader("target-postgres")["pip_url"] == POSTGRES_LOADER.replace("==", "~=")


def load_twice(
    sandbox: RunningSandbox, into: t.Any, between: t.Callable[[], object], **config: t.Any
) -> None:
    """Load, change rows at every vendor, and load again when a reading in full is due."""
    top = yaml.safe_load(BLOCKS["reconcile"])["extractors"][0]["config"]
    assert top == {"reconcile_days": 7}
    for first in (True, False):
        days = {} if first else {"reconcile_days": 0}
        lines = tap_lines(settings(sandbox, VENDORS, **days), STREAMS, into.state)
        assert (lines.code, lines.error) == (0, "")
        into.load(lines.text, **config)
        if first:
            keys = {"cimcloud_accounts": ["ref_id"], "aims360_orders": ["order"]}
            for vendor in VENDORS:
                meddle(sandbox, vendor, keys)
            between()


def test_the_views_for_postgresql(sandbox: RunningSandbox, tmp_path: pathlib.Path) -> None:
    before = {v: vendor_tables(sandbox, v) for v in VENDORS}
    with warehouse(tmp_path) as into:
        config = {**loader("target-postgres")["config"], "default_target_schema": into.schema}
        load_twice(sandbox, into, lambda: None, **config)
        for title in POSTGRES:
            into.database.execute(t.cast("t.Any", BLOCKS[title]))
        # It can be repeated, although the others are made of its views.
        into.database.execute(t.cast("t.Any", BLOCKS["postgresql: views of every table"]))
        now = {v: vendor_tables(sandbox, v) for v in VENDORS}

        def column(view: str, name: str) -> list[t.Any]:
            return sorted(value for (value,) in into.rows(f'select "{name}" from {view}'))  # noqa: S608

        def has(when: t.Any, stream: str, name: str) -> list[t.Any]:
            rows = when[stream.partition("_")[0]][stream]
            return sorted(row[name] for row in rows)

        def gone(stream: str, name: str) -> list[t.Any]:
            return sorted({*has(before, stream, name)} - {*has(now, stream, name)})

        for stream, key in (
            ("aims360_orders", "order"),
            ("cimcloud_accounts", "ref_id"),
            ("pentamic_customers", "id"),
        ):
            assert column(f"{stream}_now", key) == has(now, stream, key)
            assert column(f"{stream}_deleted", key) == gone(stream, key) != []
        assert column("cimcloud_shipments_now", "sh_key") == sorted(
            str(key) for key in has(now, "cimcloud_shipments", "sh_key")
        )
        staff = "aimsio_employees"
        assert column("aimsio_employees_there", "employeeGuid") == has(now, staff, "employeeGuid")
        assert column("aimsio_employees_gone", "employeeGuid") == gone(staff, "employeeGuid") != []
        stamps = [stamp.timestamp() * 1000 for stamp in column(f"{staff}_updated", "updated_at")]
        assert {*has(now, staff, "employeeUpdatedAt")} <= {round(stamp) for stamp in stamps}
        transfers = has(now, "aim_store_transfers", "RefNumber")
        assert column("aim_open_transfers", "RefNumber") == transfers
        assert len(column("aim_store_transfers_now", "RefNumber")) > len(transfers)
        lines = [line for row in now["aims360"]["aims360_orders"] for line in row["lineItems"]]
        styles = sorted(line["styleColorID"] for line in lines)
        assert column("aims360_order_lines", "style_color_id") == styles != []
        assert column("pentamic_customers_lost", "id") == gone("pentamic_customers", "id")
        assert len(column("cimcloud_accounts_changed", "changed_at")) == len(
            now["cimcloud"]["cimcloud_accounts"]
        )


def test_a_schema_types_a_column_for_good(sandbox: RunningSandbox, tmp_path: pathlib.Path) -> None:
    config = settings(sandbox, ["cimcloud"])
    config["cimcloud"] |= yaml.safe_load(BLOCKS["types"])["cimcloud"]
    with warehouse(tmp_path) as into:
        lines = tap_lines(config, ["cimcloud_shipments"], {})
        assert (lines.code, lines.error) == (0, "")
        into.load(lines.text)
        assert into.keys["cimcloud_shipments"] == ["sh_key"]
        kinds = into.kinds("cimcloud_shipments")
        named = yaml.safe_load(BLOCKS["types"])["cimcloud"]["resources"][0]["schema"]["properties"]
        assert {name: kinds[name] for name in named} == {
            "sh_key": "text",
            "weight": "numeric",
            "ship_date": "timestamp without time zone",
        }
        assert kinds["tracking_no"] == "text"


def test_the_recipes_for_duckdb(sandbox: RunningSandbox, tmp_path: pathlib.Path) -> None:
    before = {row["employeeGuid"] for row in sandbox.rows("aimsio", "employees")}
    duck = Duck(tmp_path)
    load_twice(sandbox, duck, lambda: duck.rows(BLOCKS["duckdb: before each run"]))
    there = duck.rows(BLOCKS["duckdb: aimsio"] + "from aimsio_employees_there")
    gone = duck.rows("from aimsio_employees_gone")
    now = {row["employeeGuid"] for row in sandbox.rows("aimsio", "employees")}
    assert {row["employeeguid"] for row in there} == now
    assert {row["employeeguid"] for row in gone} == before - now != set()
    shipments = [str(row["sh_key"]) for row in sandbox.rows("cimcloud", "shipments")]
    assert sorted(row["sh_key"] for row in duck.rows("from cimcloud_shipments")) == sorted(
        shipments
    )


def rows_of(file: pathlib.Path) -> list[Message]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text) if file.suffix == ".csv" else map(json.loads, text))


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("command", "config", "runs"),
    [
        ("target-jsonl", {"destination_path": "out"}, 2),
        ("target-csv", {"output_path": "out"}, 1),
        ("target-csv", {"output_path": "out", **CSV["config"]}, 2),
    ],
    ids=["jsonl", "csv as it comes", "csv"],
)
def test_files_have_a_line_for_each_record(
    sandbox: RunningSandbox,
    tmp_path: pathlib.Path,
    command: str,
    config: Message,
    runs: int,
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "config.json").write_text(json.dumps(config))
    lines = tap_lines(settings(sandbox, ["pentamic"]), ["pentamic_customers"], {}).text
    for _ in range(2):
        run(program(command, FILES[command]), tmp_path, "--config", "config.json", lines=lines)
    found = [str(row["id"]) for file in out.iterdir() for row in rows_of(file)]
    customers = [str(row["id"]) for row in sandbox.rows("pentamic", "customers")]
    assert sorted(found) == sorted(runs * customers)
