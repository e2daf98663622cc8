"""The commands that say what can be written."""

from __future__ import annotations

import json

from click.testing import CliRunner

from erp_cli.templates import list_sinks, show_template


def test_sinks_are_a_table_or_json_lines() -> None:
    shown = CliRunner().invoke(list_sinks)
    assert shown.exit_code == 0
    assert "aimsio_employees" in shown.stdout
    lines = CliRunner().invoke(list_sinks, ["--json"]).stdout.splitlines()
    names = [json.loads(line)["name"] for line in lines]
    assert {"aim_web_orders", "pentamic_customers", "cimcloud_order_passthrough"} <= set(names)


def test_a_template_alone_goes_to_stdout() -> None:
    run = CliRunner().invoke(show_template, ["pentamic_customers", "--format", "csv"])
    assert run.stdout == "taxCode,name,id,address,phone\n"
    assert "required" in run.stderr
    skeleton = CliRunner().invoke(show_template, ["pentamic_customers"])
    assert json.loads(skeleton.stdout)["name"] == "<required; text>"
    select = CliRunner().invoke(show_template, ["pentamic_customers", "--format", "sql"])
    assert '"tax_code" as "taxCode",  -- required; key; text or whole number' in select.stdout
