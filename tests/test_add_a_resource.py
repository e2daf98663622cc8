"""docs/add-a-resource.md: its entry makes a stream and a sink, and the files it names are there."""

from __future__ import annotations

import pathlib
import re
import sys

import pytest

from erp_vendors.cimcloud import resources
from target_erp.writers import make_writer
from tools.coverage.entries import tap_with

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs/add-a-resource.md").read_text("utf-8")


def test_the_entry_makes_a_stream_and_a_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"(?ms)^ +```python\n(.*?)^ +```$", TEXT)
    entry = eval(block.strip(), dict(vars(resources)))  # noqa: S307
    assert tap_with({}).streams  # which imports all modules that have the table
    table = resources.RESOURCES
    for module in list(sys.modules.values()):
        if getattr(module, "RESOURCES", None) is table:
            monkeypatch.setattr(module, "RESOURCES", (*table, entry))
    tap = tap_with({})
    stream = tap.streams["cimcloud_returns"]
    assert (stream.primary_keys, stream.replication_key) == (("return_key",), "last_modify_date")
    writer = make_writer(tap, "cimcloud_returns", ())
    assert writer.keys == ("return_key", "return_no")
    assert writer.after == ("cimcloud_orders",)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w.]+/[\w./]+)`", TEXT))))
def test_the_files_that_the_page_names_are_there(path: str) -> None:
    # The example's own files are what the reader is to write.
    assert (ROOT / path).exists() or pathlib.Path(path).name == "returns.json"
