"""The settings `resources` and `openapi`, from the entry to the record."""

from __future__ import annotations

import contextlib
import io
import json
import typing as t

import pytest

from erp_plugin.cli import ExitCode
from tap_erp.tap import TapErp
from tests.erp_vendors.openapi_files import Content, Save, document, reply, saver
from tests.erp_vendors.tables import PREFIX, listing
from tests.support.plugins import record, run_target, schema
from tests.support.stub import Reply, Request, Stub, running_stub

if t.TYPE_CHECKING:
    import pathlib


@pytest.fixture
def save(tmp_path: pathlib.Path) -> Save:
    return saver(tmp_path)


def run_tap(config: Content) -> tuple[list[Content], str]:
    raw, error = io.BytesIO(), ""
    with contextlib.redirect_stdout(io.TextIOWrapper(raw, write_through=True)) as out:
        tap = TapErp(config=config)
        # Only what the settings added: the vendor's other paths are not played here.
        for stream in tap.streams.values():
            stream.selected = stream.name.endswith("_stock")
        try:
            tap.sync_all()
        except ExitCode as ending:
            error = str(ending)
        out.flush()
    return [json.loads(line) for line in raw.getvalue().splitlines()], error


def play(request: Request) -> Reply:
    """Both vendors' stock."""
    known = {
        f"{PREFIX}/Stock": [{"guid": "g-1", "updatedAt": 5}],
        f"{PREFIX}/Stock/g-1": {"stockName": "Nails"},
        "/site/stock": [{"id": "s-1", "level": 2}],
        "/site/stock/1": [{"id": "s-1", "level": 2}],
        "/site/authenticate": {"token": "a-token", "expiration": "2999-01-01T00:00:00Z"},
        "/site/stock/": {"success": True, "importedRecords": 1},
    }
    found = known.get(request.path)
    return Reply(404) if found is None else Reply(body=found)


ENTRIES: dict[str, Content] = {
    "aimsio": {
        "name": "stock",
        "path": "Stock",
        "write_path": "Stock",
        "success": {"status": 200, "type": "array"},
    },
    "cimcloud": {"name": "stock", "path": "stock", "write_path": "stock", "primary_keys": ["id"]},
}
RECORDS: dict[str, Content] = {
    "aimsio": {"stockName": "Nails", "guid": "g-1", "updatedAt": 5},
    "cimcloud": {"id": "s-1", "level": 2},
}
WRITTEN: dict[str, tuple[str, t.Any]] = {
    "aimsio": (f"POST {PREFIX}/Stock", {"stockList": [RECORDS["aimsio"]]}),
    "cimcloud": ("POST /site/stock/", [RECORDS["cimcloud"]]),
}


def config_of(vendor: str, stub: Stub, **block: t.Any) -> Content:
    more = {"site_name": "site", "auth_key": "key-1234"} if vendor == "cimcloud" else {}
    common = {"api_url": stub.url, "username": "user", "password": "s3cret-pass"}
    return {vendor: {**common, **more, "requests_per_second": 1000, **block}}


@pytest.mark.parametrize("vendor", ENTRIES)
def test_a_custom_resource_end_to_end(vendor: str, tmp_path: pathlib.Path) -> None:
    with running_stub(play) as stub:
        config = config_of(vendor, stub, resources=[ENTRIES[vendor]])
        messages, error = run_tap(config)
        assert error == ""
        records = [message["record"] for message in messages if message["type"] == "RECORD"]
        assert records == [RECORDS[vendor]]
        (described,) = (message for message in messages if message["type"] == "SCHEMA")
        assert described["stream"] == f"{vendor}_stock"
        keys = described["key_properties"]
        assert set(keys) <= set(described["schema"]["properties"])

        places = {"ledger": str(tmp_path / "ledger.sqlite"), "dead_letters": str(tmp_path)}
        stream = f"{vendor}_stock"
        sent = [schema(stream, keys), record(stream, **RECORDS[vendor])]
        assert run_target({**config, **places}, sent).code == 0
        path, wanted = WRITTEN[vendor]
        (request,) = (r for r in stub.requests if f"{r.method} {r.path}" == path)
        assert request.json == wanted


@pytest.mark.parametrize("vendor", ENTRIES)
def test_a_stream_from_the_file_end_to_end(vendor: str, save: Save) -> None:
    start = PREFIX if vendor == "aimsio" else "/site"
    name = "Stock" if vendor == "aimsio" else "stock"
    row = {"type": "object", "properties": {"stockName": {"type": "string"}}}
    content = document(
        {f"{start}/{name}": {"get": listing(row)}, f"{start}/{name}/{{x}}": {"get": reply(row)}}
    )
    with running_stub(play) as stub:
        messages, error = run_tap(config_of(vendor, stub, openapi=save(content)))
    assert error == ""
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    assert records == [RECORDS[vendor]]
    (described,) = (message for message in messages if message["type"] == "SCHEMA")
    assert described["schema"]["properties"]["stockName"] == {"type": ["string", "null"]}


def test_a_custom_resource_that_is_not_there_fails_its_stream() -> None:
    with running_stub(lambda _: Reply(404)) as stub:
        messages, error = run_tap(config_of("aimsio", stub, resources=[ENTRIES["aimsio"]]))
    assert "aimsio_stock" in error
    assert "404" in error
    assert [message["type"] for message in messages if message["type"] == "RECORD"] == []
