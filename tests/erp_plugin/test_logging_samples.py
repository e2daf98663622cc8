"""The samples of a logging configuration in docs/operating.md do what they are there for."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import pytest

from tests.support.stub import Reply, running_stub
from tests.tap_erp.running import aimsio, selected

PAGE = (pathlib.Path(__file__).parents[2] / "docs/operating.md").read_text("utf-8")
STREAM = "aimsio_employees"


def sample(name: str, folder: pathlib.Path) -> pathlib.Path:
    found = re.search(rf"<!-- {name} -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    path = folder / "logging.yaml"
    path.write_text(found[1])
    return path


def lines(text: str) -> list[dict[str, t.Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.slow
def test_the_plugins_log_json_and_the_filter_leaves_out_a_metric(tmp_path: pathlib.Path) -> None:
    variable = "SINGER_SDK_LOG_CONFIG"
    with running_stub(lambda _: Reply(body=[])) as stub:
        config = aimsio(stub.url)
        for name, content in (("config", config), ("catalog", selected(config, STREAM))):
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tap_erp"),
                *("--config", "config.json", "--catalog", "catalog.json"),
            ],
            env={**os.environ, variable: str(sample(variable, tmp_path))},
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
    told = {line["metric_info"]["metric"] for line in lines(done.stderr) if "metric_info" in line}
    assert told == {"http_request_count", "record_count", "sync_duration"}
