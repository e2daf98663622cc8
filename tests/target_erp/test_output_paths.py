"""Files and folders that a run writes: decided before the first write, and their owner's."""

from __future__ import annotations

import os
import stat
import typing as t

import pytest

from tests.support.plugins import record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

    from tests.target_erp.conftest import Vendor

STREAM = "cimcloud_accounts"
MESSAGES = [schema(STREAM), record(STREAM, ref_id="1", nm="Ann")]
FILES = ("ledger", "report_file", "plan_file")


def config(vendor: Vendor, folder: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    files = {name: str(folder / f"{name}.out") for name in FILES}
    return {**vendor.config(), **files, **more}


@pytest.mark.parametrize("setting", [*FILES, "dead_letters"])
@pytest.mark.parametrize("kind", ["folder", "under a file"])
def test_an_output_that_cannot_be_written_ends_the_run_before_anything_is_sent(
    vendor: Vendor, tmp_path: pathlib.Path, setting: str, kind: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" if kind == "folder" else tmp_path / "file" / "below" / "x"
    if setting == "dead_letters" and kind == "folder":
        path = tmp_path / "file"  # it is the other way round
    changed = {setting: str(path), "dry_run": setting == "plan_file"}
    for _ in range(2):  # the same way each time
        run = run_target(config(vendor, tmp_path, **changed), MESSAGES)
        assert (run.code, f"'{setting}'" in run.error) == (1, True)
    assert vendor.stub.paths == []


@pytest.mark.parametrize("setting", [*FILES, "dead_letters"])
def test_missing_folders_are_made(vendor: Vendor, tmp_path: pathlib.Path, setting: str) -> None:
    path = tmp_path / "no" / "such" / "folder" / "x"
    changed = {setting: str(path), "dry_run": setting == "plan_file"}
    before = os.umask(0)
    try:
        for _ in range(2):
            assert run_target(config(vendor, tmp_path, **changed), MESSAGES).code == 0
    finally:
        os.umask(before)
    assert path.exists()
    while (path := path.parent) != tmp_path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_all_files_are_their_owners_whatever_the_umask(
    vendor: Vendor, tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "out"
    settings = config(vendor, out, dead_letters=str(out / "dead"))
    out.mkdir()
    (out / "report_file.out").write_text("of an earlier version")
    before = os.umask(0)
    try:
        run_target({**settings, "dry_run": True}, MESSAGES)
        refused = record(STREAM, ref_id="2", lines=[{"a": 1}])
        assert run_target(settings, [*MESSAGES, refused]).code == 3
    finally:
        os.umask(before)
    found = {path.name: path for path in out.rglob("*") if path.is_file()}
    assert {"ledger.out", "report_file.out", "plan_file.out", f"{STREAM}.jsonl"} <= set(found)
    assert any(name.endswith(".lock") for name in found)
    assert {name: oct(stat.S_IMODE(path.stat().st_mode)) for name, path in found.items()} == (
        dict.fromkeys(found, "0o600")
    )


def test_a_dry_run_makes_nothing_but_its_plan(vendor: Vendor, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    run_target(config(vendor, out, dry_run=True, dead_letters=str(out / "dead")), MESSAGES)
    assert [path.name for path in out.iterdir()] == ["plan_file.out"]
