"""CIMcloud's deletions: by keys of several columns, in the forms that `delete_path` can state."""

from __future__ import annotations

import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from erp_vendors.cimcloud.delete_path import DeletePath
from erp_vendors.errors import ConfigError
from target_erp.writers.keys import columns_of
from tests.support.plugins import record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox
    from tests.support.plugins import Message, TargetRun

LEVELS = "cimcloud_inventory_levels"
KEY = [("sku", "a/b"), ("warehouse", "1,2")]


@pytest.mark.parametrize(
    ("template", "one", "several"),
    [
        ("{path}/{value}", "levels/a%2Fb", None),
        ("/{path}/searchexact~{column}~{value}", "levels/searchexact~sku~a%2Fb", None),
        ("{path}/{values}", "levels/a%2Fb", "levels/a%2Fb/1%2C2"),
        ("{path}/{values:,}", "levels/a%2Fb", "levels/a%2Fb,1%2C2"),
        ("{path}({values:;})", "levels(a%2Fb)", "levels(a%2Fb;1%2C2)"),
        (
            "{path}/{search}",
            "levels/searchexact~sku~a%2Fb",
            "levels/(searchexact~sku~a%2Fb)|and|(searchexact~warehouse~1%2C2)",
        ),
    ],
)
def test_the_address_of_a_row(template: str, one: str, several: str | None) -> None:
    how = DeletePath(template)
    assert how.takes(1)
    assert how.filled("levels", KEY[:1]) == one
    assert how.takes(2) is (several is not None)
    if several is not None:
        assert how.filled("levels", KEY) == several


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{path}/{key}", "nothing is known to fill {key} with"),
        ("{path}", "must say where the row's key stands"),
        ("{path}/delete", "must say where the row's key stands"),
        ("{path}/{column}", "must say where the row's key stands"),
    ],
)
def test_an_address_of_a_whole_table_is_refused_at_the_start(
    template: str, said: str, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(ConfigError, match=r"'cimcloud\.delete_path'") as raised:
        DeletePath(template)
    assert said in str(raised.value)
    with running_sandbox(size=1) as sandbox:
        run = Levels(sandbox, tmp_path, template).run()
        assert run.code == 1
        assert said in run.error
        assert not [call for call in sandbox.calls("cimcloud") if call["method"] != "GET"]


def test_values_are_told_apart_or_not_at_all() -> None:
    assert columns_of({"a": 1, "b": "x,y"}, "a,b", "1,x,y") == [("a", "1"), ("b", "x,y")]
    assert columns_of({"a,b": "1,2"}, "a,b", "1,2") == [("a", "1"), ("b", "2")]
    assert columns_of({}, "a,b", "1,x\\,y") == [("a", "1"), ("b", "x,y")]
    assert columns_of({}, "a", "1,2") == [("a", "1,2")]
    with pytest.raises(ValueError, match="a value holds a comma"):
        columns_of({"a,b": "1,x,y"}, "a,b", "1,x,y")


class Levels:
    """A target that keeps the stock of a site's warehouses, and deletes what is gone."""

    def __init__(self, sandbox: RunningSandbox, folder: pathlib.Path, template: str) -> None:
        self.sandbox = sandbox
        self.before = self.there()
        self._config: Message = {
            "cimcloud": {
                "api_url": sandbox.vendor_url("cimcloud"),
                "site_name": "sandbox-site",
                "auth_key": "sandbox-key",
                "username": "sandbox-user",
                "password": "sandbox-password",
                "requests_per_second": 1000,
                "delete_path": template,
                "resources": [{"name": "inventory_levels", "primary_keys": ["sku", "warehouse"]}],
            },
            "deletes": [LEVELS],
            "guards": {"max_deletes": 5},
            "ledger": str(folder / "ledger.sqlite"),
            "dead_letters": str(folder / "letters"),
            "report_file": "none",
        }

    def run(self, *pairs: tuple[str, str], gone: tuple[str, str] | None = None) -> TargetRun:
        """Write the levels of some goods in some warehouses; they are all that there is."""
        rows = [
            record(LEVELS, sku=sku, warehouse=warehouse, qty_on_hand=7) for sku, warehouse in pairs
        ]
        if gone:
            rows.append(
                record(LEVELS, sku=gone[0], warehouse=gone[1], _sdc_deleted_at="2026-01-31")
            )
        end = [] if gone else [{"type": "ACTIVATE_VERSION", "stream": LEVELS, "version": 1}]
        return run_target(self._config, [schema(LEVELS, ["sku", "warehouse"]), *rows, *end])

    def there(self) -> set[tuple[str, str]]:
        rows = self.sandbox.rows("cimcloud", "inventory_levels")
        return {(row["sku"], row["warehouse"]) for row in rows}

    @property
    def new(self) -> set[tuple[str, str]]:
        """What is there that was not before the first run."""
        assert self.there() >= self.before
        return self.there() - self.before


@pytest.mark.parametrize(
    ("form", "template"),
    [("user_key", "{path}/{values}"), ("search", "{path}/{search}")],
)
def test_rows_with_keys_of_several_columns_are_deleted(
    tmp_path: pathlib.Path, form: str, template: str
) -> None:
    options = {"cimcloud": {"delete_form": form, "methods": ("GET", "POST", "DELETE")}}
    with running_sandbox(size=3, limits=False, options=options) as sandbox:
        levels = Levels(sandbox, tmp_path, template)
        assert levels.run(("S 1", "N/E"), ("S 1", "W"), ("S-2", "W")).code == 0
        assert levels.new == {("S 1", "N/E"), ("S 1", "W"), ("S-2", "W")}
        run = levels.run(("S 1", "W"), ("S-2", "W"))
        assert (run.code, run.error) == (0, "")
        assert levels.new == {("S 1", "W"), ("S-2", "W")}
        run = levels.run(gone=("S 1", "W"))
        assert (run.code, run.error) == (0, "")
        assert levels.new == {("S-2", "W")}
        # Somebody else was faster: that is no error.
        (key,) = (
            row["il_key"]
            for row in sandbox.rows("cimcloud", "inventory_levels")
            if row["sku"] == "S-2" and row["warehouse"] == "W"
        )
        sandbox.delete("cimcloud", "inventory_levels", key)
        run = levels.run(gone=("S-2", "W"))
        assert (run.code, run.error) == (0, "")


def test_a_form_for_one_column_deletes_no_row_of_several(tmp_path: pathlib.Path) -> None:
    with running_sandbox(size=3, limits=False) as sandbox:
        levels = Levels(sandbox, tmp_path, "{path}/{value}")
        run = levels.run(("S 1", "W"))
        assert run.code == 1
        assert LEVELS in run.error
        assert not [call for call in sandbox.calls("cimcloud") if call["method"] == "DELETE"]
