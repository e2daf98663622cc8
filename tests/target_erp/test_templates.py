"""Templates hold what documents say, and the target knows every name in them."""

from __future__ import annotations

import csv
import io
import json
import typing as t

import pytest

from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS
from target_erp.column_settings import ColumnSettings
from target_erp.columns import Columns
from target_erp.delivery import RefusedError
from target_erp.target import TargetErp
from target_erp.templates import KINDS, any_account, legend, properties, sinks, template
from target_erp.writers import make_writer
from tests.support.interface import INTERFACES
from tests.support.services import postgres_url

SINKS = [f"{vendor}_{name}" for vendor in VENDORS for name in INTERFACES[vendor].written]


@pytest.fixture(scope="module")
def target() -> TargetErp:
    return TargetErp(config=any_account())


def documented(target: TargetErp, sink: str) -> t.Any:
    return make_writer(target, sink, ()).documented


def test_all_sinks_are_listed_with_their_keys(target: TargetErp) -> None:
    found = {line.name: line for line in sinks(target)}
    assert set(SINKS) <= found.keys()
    assert found["aimsio_employees"].keys == "employeeCode or employeeGuid"
    assert "employmentType" in found["aimsio_employees"].required
    assert found["aim_customers"].required[:1] == ("LocationId",)
    assert found["aims360_orders"].writes == "creates"
    assert found["pentamic_customers"].writes == "creates, updates, deletes"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sink", SINKS)
def test_the_target_knows_every_name_of_a_template(target: TargetErp, sink: str, kind: str) -> None:
    known = documented(target, sink)
    if not properties(known):
        with pytest.raises(ConfigError, match="no document names the properties"):
            template(target, sink, kind)
        return
    if kind == "csv" and any(one.nested and one.required for one in properties(known)):
        with pytest.raises(ConfigError, match="no row of a table can hold"):
            template(target, sink, kind)
        return
    text = template(target, sink, kind)
    if kind == "csv":
        (names,) = csv.reader(io.StringIO(text))
    elif kind == "json":
        names = list(json.loads(text))
    else:
        names = [line.split(' as "')[1].split('"')[0] for line in text.splitlines()[2:-1]]
    assert len(set(names)) == len(names)
    strict = Columns(sink, known, ColumnSettings(unknown="refuse"))
    assert strict.take(dict.fromkeys(names)).refusal is None
    required = [one.name for one in properties(known) if one.required]
    flat = [one.name for one in properties(known) if not (kind == "csv" and one.nested)]
    assert names == flat
    assert names[: len(required)] == required or kind == "csv"


@pytest.mark.parametrize("sink", ["aimsio_employees", "aimsio_billable_items", "aimsio_nrbs"])
def test_what_is_marked_as_required_is_asked_for(target: TargetErp, sink: str) -> None:
    writer = make_writer(target, sink, ())
    found = properties(documented(target, sink))
    required = {one.name for one in found if one.required}
    interface = INTERFACES["aimsio"].required[f"write/{sink.removeprefix('aimsio_')}"]
    assert required <= set(interface)
    with pytest.raises(RefusedError) as refused:
        writer.prepare({"employeeCode": "1", "billableItemCode": "1", "nrbExternalId": "1"})
    assert "required and missing" in str(refused.value)


def test_marks(target: TargetErp) -> None:
    said = legend(target, "aimsio_employees")
    assert "the billableItemCode of a record of aimsio_billable_items" in said
    assert "one of DIRECT_HIRE, SUBCONTRACTOR" in said
    assert "employeeTradeGuid or employeeTradeCode is required" in said
    select = template(target, "aimsio_employees", "sql")
    assert '(extract(epoch from "employment_hire_date") * 1000)::bigint' in select


def test_a_template_of_nothing_is_an_error(target: TargetErp) -> None:
    with pytest.raises(ConfigError, match="no sink knows"):
        template(target, "aimsio_nothing", "csv")
    with pytest.raises(ConfigError, match="no template has the form"):
        template(target, "aimsio_employees", "xml")


def test_a_resource_of_the_settings_has_a_template() -> None:
    entry = {
        "name": "credits",
        "primary_keys": ["cr_no"],
        "schema": {"properties": {"amount": {"type": "number"}}},
    }
    config: dict[str, t.Any] = any_account()
    config["cimcloud"] = {**config["cimcloud"], "resources": [entry]}
    assert template(TargetErp(config=config), "cimcloud_credits", "csv") == "cr_no,amount"


@pytest.mark.parametrize("sink", ["aimsio_employees", "aim_contracts", "aims360_orders"])
def test_a_select_runs(target: TargetErp, sink: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    select = template(target, sink, "sql")
    columns = []
    for line in select.splitlines()[2:-1]:
        name = line.split('"')[1]
        kind = "timestamptz" if "extract(" in line else "jsonb" if "::jsonb" in line else "text"
        columns.append(f'"{name}" {kind}')
    with postgres_url() as url, psycopg.connect(url) as connection:
        connection.execute(f"create temporary table your_table ({', '.join(columns)})")
        assert connection.execute(select).fetchall() == []
        connection.rollback()
