"""Settings that name sinks: a name that no sink has ends the run, whatever the setting."""

from __future__ import annotations

import typing as t

import pytest

from target_erp.marks import is_tombstone
from tests.support.plugins import run_target, schema

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

MISSPELT = "aimsio_employes"


@pytest.mark.parametrize("unknown_streams", ["error", "skip"])
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("streams", {"hr-staff": MISSPELT}),
        ("sinks", {MISSPELT: {"coerce": "lossless"}}),
        ("deletes", [MISSPELT]),
    ],
)
def test_a_misspelt_sink_ends_the_run(
    vendor: Vendor, setting: str, value: t.Any, unknown_streams: str
) -> None:
    config = vendor.config(
        unknown_streams=unknown_streams, guards={"max_deletes": 5}, **{setting: value}
    )
    run = run_target(config, [schema("aimsio_employees")])
    assert run.code == 1
    assert f"'{setting}' names {MISSPELT}" in run.error


@pytest.mark.parametrize("said", [None, "", "  ", False, "false", "False"], ids=repr)
def test_what_says_nothing_of_a_deletion_is_no_tombstone(said: object) -> None:
    assert not is_tombstone({"_sdc_deleted_at": said})


@pytest.mark.parametrize("said", ["2026-01-01T00:00:00Z", True, "true", 1767225600], ids=repr)
def test_a_stamp_or_true_is_a_tombstone(said: object) -> None:
    assert is_tombstone({"_sdc_deleted_at": said})
