"""The Singer output of two streams, line by line, as it was when it was last looked at.

After a wanted change run this file with UPDATE_SNAPSHOTS=1 in the environment, and read the diff.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import re
import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from erp_vendors.http import codec
from tests.tap_erp.running import make_tap, sandbox_config, selected

FOLDER = pathlib.Path(__file__).parent / "snapshots"
EXTRACTED = re.compile(rb'"time_extracted":"[^"]+"')


def without_descriptions(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {
            key: without_descriptions(item)
            for key, item in value.items()
            if key != "description" or isinstance(item, dict)
        }
    return [without_descriptions(item) for item in value] if isinstance(value, list) else value


def normalised(line: bytes) -> bytes:
    """The line without the time, and without the prose of the schemas."""
    if line.startswith(b'{"type":"SCHEMA"'):
        return codec.encode(without_descriptions(codec.decode(line)))
    return EXTRACTED.sub(b'"time_extracted":"..."', line)


@pytest.mark.parametrize("stream", ["aimsio_price_books", "cimcloud_accounts"])
def test_the_output_is_what_it_was(stream: str) -> None:
    out = io.BytesIO()
    with running_sandbox(limits=False, size=4, seed=7) as sandbox:
        config = sandbox_config(sandbox)
        with contextlib.redirect_stdout(io.TextIOWrapper(out, write_through=True)):
            make_tap(config, catalog=selected(config, stream)).sync_all()
            lines = b"".join(normalised(line) + b"\n" for line in out.getvalue().splitlines())
    file = FOLDER / f"{stream}.jsonl"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_bytes(lines)
    assert lines.decode() == file.read_text(encoding="utf-8")
