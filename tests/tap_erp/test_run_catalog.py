"""A catalog that another run works with, or that was made with another configuration."""

from __future__ import annotations

import copy
import json
import threading
import typing as t

import pytest

from tests.support.stub import Reply, running_stub
from tests.support.waiting import wait_until
from tests.tap_erp.running import aimsio, command, run_command, selected, written

if t.TYPE_CHECKING:
    import pathlib

    from tests.support.stub import Request

STREAM = "aimsio_companies"
MELTANO = {"MELTANO_EXTRACTOR_NAME": "tap-erp--aimsio"}


def test_a_second_run_with_a_catalog_of_meltanos_ends_with_1(tmp_path: pathlib.Path) -> None:
    """It knows nothing of Meltano but the variable, so a run without it may share any catalog."""
    go_on = threading.Event()

    def script(request: Request) -> Reply:  # noqa: ARG001 - every call waits
        assert go_on.wait(60)
        return Reply(body=[])

    with running_stub(script) as stub:
        config = aimsio(stub.url)
        files = (
            f"--config={written(tmp_path, 'config', config)}",
            f"--catalog={written(tmp_path, 'tap.properties', selected(config, STREAM))}",
        )
        first = command(*files, environ=MELTANO)
        try:
            wait_until(lambda: stub.requests)
            code, out, said = run_command(*files, **MELTANO)
            assert (code, out) == (1, ""), said
            assert "meltano el tap-erp--aimsio <loader> --state-id=<id>" in said
            assert "tap.properties.json: another run" in said
            assert len(stub.requests) == 1
            go_on.set()
            assert run_command(*files)[0] == 0
        finally:
            go_on.set()
            first.communicate(timeout=60)
        assert first.returncode == 0
        assert run_command(*files, **MELTANO)[0] == 0


def test_a_catalog_that_cannot_be_locked_is_read_with_a_warning(tmp_path: pathlib.Path) -> None:
    with running_stub(lambda _: Reply(body=[])) as stub:
        config = aimsio(stub.url)
        (tmp_path / "catalog.json.lock").mkdir()
        code, _, said = run_command(
            f"--config={written(tmp_path, 'config', config)}",
            f"--catalog={written(tmp_path, 'catalog', selected(config, STREAM))}",
            **MELTANO,
        )
    assert code == 0, said
    assert said.count("cannot lock the catalog") == 1


def _without(catalog: t.Any, name: str) -> t.Any:
    catalog["streams"] = [one for one in catalog["streams"] if one["stream"] != name]
    return catalog


def _with(catalog: t.Any, name: str, *, on: bool = True) -> t.Any:
    entry = copy.deepcopy(catalog["streams"][0]) | {"stream": name, "tap_stream_id": name}
    for part in entry["metadata"]:
        if not part["breadcrumb"]:
            part["metadata"]["selected"] = on
    catalog["streams"].append(entry)
    return catalog


@pytest.mark.parametrize(
    ("change", "environ", "told"),
    [
        pytest.param(lambda one: one, MELTANO, "", id="its own"),
        pytest.param(
            lambda one: _with(one, "cimcloud_orders"),
            {},
            "selects 1 streams that this configuration does not have, and that are not read: "
            "cimcloud_orders (not configured: cimcloud)",
            id="another vendor",
        ),
        pytest.param(
            lambda one: _with(one, "aimsio_custom"), {}, "aimsio_custom; it may", id="another one"
        ),
        pytest.param(lambda one: _with(one, "aimsio_custom", on=False), {}, "", id="unselected"),
        pytest.param(
            lambda one: _without(one, "aimsio_users"),
            MELTANO,
            "lacks 1 streams of this configuration, so they are not read: aimsio_users",
            id="too few",
        ),
        pytest.param(lambda one: _without(one, "aimsio_users"), {}, "", id="written by hand"),
    ],
)
def test_a_catalog_that_does_not_fit_is_told(
    tmp_path: pathlib.Path, change: t.Callable[[t.Any], t.Any], environ: dict[str, str], told: str
) -> None:
    with running_stub(lambda _: Reply(body=[])) as stub:
        config = aimsio(stub.url)
        code, out, said = run_command(
            f"--config={written(tmp_path, 'config', config)}",
            f"--catalog={written(tmp_path, 'catalog', change(selected(config, STREAM)))}",
            **environ,
        )
    assert code == 0, said
    assert {json.loads(line).get("stream", STREAM) for line in out.splitlines()} <= {STREAM}
    assert ("the catalog" in said) == bool(told), said
    assert told in said
