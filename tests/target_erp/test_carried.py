"""What an update carries back of the vendor's record, where it replaces the whole record or may."""

from __future__ import annotations

import typing as t

import pytest

from target_erp.target import TargetErp
from tests.target_erp.test_policy_settings import BLOCKS

if t.TYPE_CHECKING:
    import pathlib

    from target_erp.delivery import Writer
    from tests.target_erp.shops import Row

CUSTOM = {
    "aimsio": {
        "name": "gadgets",
        "path": "/Gadget",
        "write_path": "/Gadget",
        "primary_keys": ["gadgetGuid"],
        "replication_key": "gadgetUpdatedAt",
        "schema": {"properties": {"gadgetName": {"type": "string"}}},
    },
    "pentamic": {
        "name": "gadgets",
        "path": "/gadgets",
        "write_path": "/gadgets",
        "primary_keys": ["id"],
    },
}


def make_writer(sink: str, folder: pathlib.Path, **settings: t.Any) -> Writer:
    vendor = sink.partition("_")[0]
    resources = {"resources": [CUSTOM[vendor]]} if sink.endswith("gadgets") else {}
    config = {
        vendor: {**BLOCKS[vendor], **resources},
        "ledger": str(folder / "ledger.sqlite"),
        "dead_letters": str(folder / "dead"),
        "report_file": "none",
        **settings,
    }
    return TargetErp(config=config).run.writers.get(sink, ())[0]


CARRIED: dict[str, tuple[Row, set[str]]] = {
    "aimsio_employees": (
        {"employeeNickName": "A", "employeeUpdatedAt": 1, "employeeFormData": {"a": 1}},
        {"employeeNickName"},
    ),
    # Of these, documents name next to nothing.
    "aimsio_equipment": ({"equipmentName": "Loader", "equipmentUpdatedAt": 1}, {"equipmentName"}),
    "aimsio_job_orders": (
        {"jobNumber": "J", "jobId": 7, "nrbList": [{"nrbGuid": "g"}]},
        {"jobNumber"},
    ),
    "aimsio_gadgets": ({"gadgetName": "A", "gadgetUpdatedAt": 1}, {"gadgetName"}),
    "pentamic_customers": (
        {"name": "Ann", "creditLimit": 7, "phone": None},
        {"name", "creditLimit"},
    ),
    "pentamic_gadgets": ({"colour": "red"}, {"colour"}),
    "aim_customers": ({"City": "Calgary", "Balance": 7, "Address2": ""}, {"City"}),
}
"""What the vendor shows, and the names of what goes back with an update."""


@pytest.mark.parametrize("sink", CARRIED)
def test_what_no_document_names_is_carried_and_what_is_only_shown_is_not(
    sink: str, tmp_path: pathlib.Path
) -> None:
    row, names = CARRIED[sink]
    writer = make_writer(sink, tmp_path)
    assert writer.replaces
    assert writer.carried(row) == {name: row[name] for name in names}


@pytest.mark.parametrize("unknown", ["drop", "refuse"])
def test_what_is_not_to_be_sent_is_not_sent_back(unknown: str, tmp_path: pathlib.Path) -> None:
    row, _ = CARRIED["pentamic_customers"]
    writer = make_writer("pentamic_customers", tmp_path, unknown_properties=unknown)
    assert writer.carried(row) == {"name": "Ann"}


@pytest.mark.parametrize("sink", ["aimsio_invoices", "aimsio_timecards"])
def test_a_change_of_status_carries_nothing(sink: str, tmp_path: pathlib.Path) -> None:
    assert not make_writer(sink, tmp_path).replaces
