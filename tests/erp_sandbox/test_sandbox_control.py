from __future__ import annotations

import dataclasses
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from erp_sandbox.app import Sandbox
from erp_sandbox.cli import main
from erp_sandbox.config import Settings
from erp_sandbox.testing import running_sandbox
from erp_sandbox.vendor import vendors

if TYPE_CHECKING:
    from conftest import Aimsio, Cimcloud

    from erp_sandbox.testing import RunningSandbox

ROOT = Path(__file__).parents[2]


def control(sandbox: RunningSandbox, method: str, path: str, body: object = None) -> Any:
    answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=5)
    answer.raise_for_status()
    return answer.json()


def test_index_page_tells_urls_and_credentials(sandbox: RunningSandbox) -> None:
    page = requests.get(sandbox.url, timeout=5).json()
    assert set(page["vendors"]) == set(vendors())
    aimsio = page["vendors"]["aimsio"]
    assert aimsio["base_url"] == f"{sandbox.url}/aimsio"
    assert aimsio["credentials"] == {"username": "sandbox-user", "password": "sandbox-password"}
    assert aimsio["rows"]["employees"] == 60
    assert page["vendors"]["cimcloud"]["credentials"]["auth_key"] == "sandbox-key"
    assert control(sandbox, "GET", "ready") == {"ready": True}
    assert requests.get(f"{sandbox.url}/nowhere", timeout=5).status_code == 404


def test_report_and_log(aimsio: Aimsio) -> None:
    aimsio.get("Employee", params={"x": "1"})
    aimsio.get("Employee/none")
    aimsio.post("Employee", {"employeeList": []})
    report = control(aimsio.sandbox, "GET", "report?vendor=aimsio")["aimsio"]
    prefix = "/rest/api/standard/v1/Employee"
    assert report["calls"] == 3
    assert report["by_path"] == {
        f"GET {prefix}": 1,
        f"GET {prefix}/{{guid}}": 1,
        f"POST {prefix}": 1,
    }
    assert report["by_status"] == {"200": 1, "400": 1, "404": 1}
    assert report["max_calls_in_one_second"] == 3
    assert (report["max_in_flight"], report["in_flight"]) == (1, 0)
    log = control(aimsio.sandbox, "GET", "calls?vendor=aimsio")
    assert [call["status"] for call in log] == [200, 404, 400]
    assert log[0]["query"] == "x=1"
    assert log[0]["path"] == prefix
    assert json.loads(log[2]["body"]) == {"employeeList": []}
    assert float(log[0]["ended"]) >= float(log[0]["started"])
    later = control(aimsio.sandbox, "GET", f"calls?since={log[1]['number']}")
    assert [call["number"] for call in later] == [log[2]["number"]]
    control(aimsio.sandbox, "POST", "reset")
    assert control(aimsio.sandbox, "GET", "report")["aimsio"]["calls"] == 0
    assert control(aimsio.sandbox, "GET", "calls") == []


def test_data_can_be_read_changed_added_and_deleted(aimsio: Aimsio) -> None:
    sandbox = aimsio.sandbox
    rows = control(sandbox, "GET", "data/aimsio/employees")
    assert rows == control(sandbox, "GET", "data/aimsio/Employee")
    key = rows[0]["employeeGuid"]
    path = f"data/aimsio/employees/{key}"
    changed = control(sandbox, "POST", path, {"fields": {"employeeNotes": "hand"}})
    assert changed["employeeUpdatedAt"] > rows[0]["employeeUpdatedAt"]
    assert aimsio.get(f"Employee/{key}").json()["employeeNotes"] == "hand"
    control(sandbox, "POST", path, {"fields": {}, "stamp": 5})
    stubs = {stub["guid"]: stub["updatedAt"] for stub in aimsio.get("Employee").json()}
    assert stubs[key] == 5
    again = {"fields": {"employeeCode": rows[0]["employeeCode"]}}
    added = control(sandbox, "POST", "data/aimsio/employees", again)
    assert added["employeeGuid"] != key
    duplicates = sandbox.report("aimsio")["duplicates"]
    assert duplicates == {"employees": {rows[0]["employeeCode"]: 2}}
    control(sandbox, "DELETE", path)
    assert aimsio.get(f"Employee/{key}").status_code == 404
    assert sandbox.report("aimsio")["duplicates"] == {}
    control(sandbox, "POST", "reset", {"data": True})
    assert control(sandbox, "GET", "data/aimsio/employees") == rows


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "data/nobody/employees", None, 404),
        ("GET", "data/aimsio/nothing", None, 404),
        ("GET", "data/aimsio/employees/none", None, 404),
        ("POST", "data/aimsio/employees", {"employeeCode": "x"}, 400),
        ("POST", "clock", {}, 400),
        ("POST", "faults", [{"kind": "nonsense"}], 400),
        ("POST", "faults", [{"kind": "status", "stat": 1}], 400),
        ("POST", "faults", [{"kind": "status", "path": "("}], 400),
        ("POST", "faults", [{"kind": "status", "status": "x"}], 400),
        ("POST", "faults", ["x"], 400),
        ("GET", "report?vendor=nobody", None, 404),
    ],
)
def test_bad_control_calls_are_told(
    sandbox: RunningSandbox, method: str, path: str, body: object, status: int
) -> None:
    answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=5)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_faults_over_http(aimsio: Aimsio) -> None:
    rule = {
        "kind": "status", "vendor": "aimsio", "method": "get", "path": "Employee$", "after": 1,
        "times": 1, "status": 502, "headers": {"Retry-After": "3"}, "body": {"oops": True},
        "probability": 1,
    }  # fmt: skip
    control(aimsio.sandbox, "POST", "faults", [rule])
    answers = [aimsio.get(path) for path in ("Employee", "Company", "Employee", "Employee")]
    assert [answer.status_code for answer in answers] == [200, 200, 502, 200]
    assert answers[2].json() == {"oops": True}
    assert answers[2].headers["Retry-After"] == "3"
    assert control(aimsio.sandbox, "GET", "faults")[0]["used"] == 1
    assert control(aimsio.sandbox, "DELETE", "faults") == []


def write(aimsio: Aimsio, code: str) -> requests.Response:
    return aimsio.post("Company", {"companyList": [{"companyCode": code, "companyName": "x"}]})


def written(aimsio: Aimsio, code: str) -> bool:
    rows = aimsio.sandbox.rows("aimsio", "companies")
    return any(row["companyCode"] == code for row in rows)


@pytest.mark.serial
@pytest.mark.parametrize(
    ("kind", "executed", "outcome"),
    [
        ("status", False, "503"),
        ("status_after", True, "503"),
        ("cut_before", False, "cut"),
        ("cut_after", True, "cut"),
        ("half_body", True, "200"),
        ("garbage", True, "200"),
        ("wrong_type", True, "200"),
        ("delay", True, "200"),
    ],
)
def test_each_kind_of_fault_executes_or_not(
    aimsio: Aimsio, kind: str, *, executed: bool, outcome: str
) -> None:
    aimsio.sandbox.add_fault(kind, method="POST", times=1, seconds=0.3)
    start = time.monotonic()
    if kind.startswith("cut"):
        with pytest.raises(requests.ConnectionError):
            write(aimsio, "N-1")
    elif kind == "half_body":
        with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
            write(aimsio, "N-1")
    else:
        answer = write(aimsio, "N-1")
        assert str(answer.status_code) == outcome
        if kind == "garbage":
            assert answer.text.startswith("<!DOCTYPE html>")
        if kind == "wrong_type":
            assert isinstance(answer.json(), list)
    assert (time.monotonic() - start >= 0.3) is (kind == "delay")
    assert written(aimsio, "N-1") is executed
    report = aimsio.sandbox.report("aimsio")
    assert report["by_status"] == {outcome: 1}
    assert report["faults"] == {kind: 1}
    assert write(aimsio, "N-2").status_code == 200


def test_half_a_body_promises_all_of_it(aimsio: Aimsio) -> None:
    whole = len(aimsio.get("Company").content)
    aimsio.sandbox.add_fault("half_body")
    address = urlsplit(aimsio.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=5)
    headers = {"Authorization": "Basic c2FuZGJveC11c2VyOnNhbmRib3gtcGFzc3dvcmQ="}
    connection.request("GET", f"{address.path}Company", headers=headers)
    answer = connection.getresponse()
    assert answer.headers["Content-Length"] == str(whole)
    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    assert len(cut.value.partial) == whole // 2
    connection.close()


def test_truncated_json_is_a_complete_answer(cimcloud: Cimcloud) -> None:
    cimcloud.sandbox.add_fault("garbage", vendor="cimcloud", body="truncated", path="accounts")
    answer = cimcloud.get("accounts")
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_random_faults_repeat_with_the_seed() -> None:
    runs = []
    for _ in range(2):
        fault = {"kind": "status", "probability": 0.5}
        with running_sandbox(size=1, seed=7, limits=False, faults=[fault]) as sandbox:
            url = f"{sandbox.url}/cimcloud/sandbox-site/healthcheck/canary"
            runs.append([requests.get(url, timeout=5).status_code for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


def test_writes_survive_a_restart(tmp_path: Path) -> None:
    database = str(tmp_path / "sandbox.db")
    with running_sandbox(size=3, database=database, limits=False) as sandbox:
        row = sandbox.rows("aimsio", "companies")[0]
        change = {"companyNotes": "kept", "companyLimit": 0}
        sandbox.change("aimsio", "companies", row["companyGuid"], change)
        sandbox.delete("cimcloud", "credits", sandbox.rows("cimcloud", "credits")[0]["cr_key"])
        auth = ("sandbox-user", "sandbox-password")
        queued = [{"ref_id": f"Q-{number}"} for number in range(11)]
        url = f"{sandbox.url}/cimcloud/sandbox-site/accounts"
        assert requests.post(url, json=queued, auth=auth, timeout=5).status_code == 202
        products = sandbox.rows("cimcloud", "products")
    with running_sandbox(size=9, seed=5, database=database, limits=False) as sandbox:
        assert sandbox.row("aimsio", "companies", row["companyGuid"])["companyNotes"] == "kept"
        assert sandbox.rows("cimcloud", "products") == products
        assert len(sandbox.rows("cimcloud", "credits")) == 2
        assert len(sandbox.rows("cimcloud", "accounts")) == 14  # the queue was worked off


@pytest.mark.parametrize("name", list(vendors()))
def test_reset_brings_back_each_row_in_its_place(name: str) -> None:
    vendor = Sandbox(Settings(size=5)).vendors[name]

    def rows() -> str:
        return repr({key: list(found) for key, found in vendor.collections.items()})

    before = rows()
    for _ in range(3):
        for collection in vendor.collections.values():
            for number, row in enumerate(collection):
                if number % 2:
                    collection.delete(row[collection.shape.key])
                else:
                    collection.put({**row, "more": number})
        assert rows() != before
        vendor.reset_data()
        assert rows() == before


def test_a_sandbox_begins_with_the_same_rows_whatever_became_of_those_of_the_one_before() -> None:
    for _ in range(2):
        with running_sandbox(size=4) as sandbox:
            rows = sandbox.rows("aimsio", "employees")
            assert [row for row in rows if row["employeeNotes"] == "changed"] == []
            assert len(rows) == 4
            guids = [row["employeeGuid"] for row in rows]
            sandbox.change("aimsio", "employees", guids[0], {"employeeNotes": "changed"})
            sandbox.delete("aimsio", "employees", guids[1])


def test_seeds_differ() -> None:
    texts = []
    for seed in (1, 2):
        with running_sandbox(size=5, seed=seed) as sandbox:
            texts.append(sandbox.rows("aimsio", "employees"))
    assert texts[0] != texts[1]


def test_bad_options_are_told() -> None:
    bad: list[dict[str, Any]] = [
        {"aimsio": {"batch": "some"}},
        {"nobody": {}},
        {"cimcloud": {"refuse": ("x",)}},
        {"cimcloud": {"primary_keys": ("accounts",)}},
    ]
    for options in bad:
        with pytest.raises(ValueError, match=r"none of|unknown|not RES"):
            Sandbox(Settings(vendors=options))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('[{"kind": "status", "vendor": "cimcloud", "status": 418}]', "utf-8")
    command = [
        sys.executable, "-m", "erp_sandbox", "--port", "0", "serve", "--size", "4",
        "--faults", str(faults), "--cimcloud-site-name", "my-site",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ERP_SANDBOX_AIMSIO_USERNAME": "me"}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        line = process.stderr.readline()
        assert line.startswith("erp-sandbox listening on http://127.0.0.1:")
        url = line.split()[-1]
        path = f"{url}/aimsio/rest/api/standard/v1/Employee"
        answer = requests.get(path, auth=("me", "sandbox-password"), timeout=5)
        assert len(answer.json()) == 4
        canary = requests.get(f"{url}/cimcloud/my-site/healthcheck/canary", timeout=5)
        assert canary.status_code == 418
        process.send_signal(number)
        assert process.wait(5) == 0
        assert process.stderr.read() == ""
        assert process.stdout.read() == ""


def test_the_help_fits_a_screen_and_leaves_the_options_of_a_vendor_to_one_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["serve", "--help"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) <= 24
    assert max(map(len, shown)) <= 80
    for name, kind in vendors().items():
        assert not [line for line in shown if f"--{name}-" in line]
        assert main(["serve", "--help-vendor", name]) == 0
        told = capsys.readouterr().out
        assert kind.credentials_text(kind.Options()).replace(" ", "") in "".join(told.split())
        options = {line.split()[0] for line in told.splitlines() if line.startswith("  --")}
        assert len(options) == len(dataclasses.fields(kind.Options))
        assert all(option.startswith(f"--{name}-") for option in options)
    assert main(["serve", "--help-vendor", "nobody"]) == 1


def test_without_a_subcommand_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr()
    assert "serve  Serve all vendors" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serve", "--size", "many"], "Invalid value for '--size'"),
        (["--size", "many", "serve"], "Invalid value for '--size'"),
        (["serve", "--aim-order", "up"], "'up' is not one of 'none', 'key'"),
        (["serve", "--cimcloud-refuse", "x,y"], "'x' is none of"),
        (["sevre"], "No such command"),
        (["--port", "0"], "Missing command 'serve'"),
        (["serve", "--size", "0"], "is not in the range"),
        (["serve", "--nothing"], "No such option"),
    ],
)
def test_wrong_usage_is_told_in_a_line_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert told in shown.err
    assert shown.err.count("\n") == 1


def test_a_wrong_variable_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERP_SANDBOX_AIM_ORDER", "up")
    assert main(["serve"]) == 1
    assert "environment: ERP_SANDBOX_AIM_ORDER" in capsys.readouterr().err


def test_missing_packages_are_told_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "erp_sandbox.server", raising=False)
    assert main(["serve"]) == 1
    assert capsys.readouterr().err.endswith("pip install 'erp-singer[sandbox]'\n")


def test_a_port_in_use_is_told(sandbox: RunningSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    port = str(urlsplit(sandbox.url).port)
    assert main(["serve", "--port", port]) == 1
    assert capsys.readouterr().err.startswith("erp-sandbox cannot start: ")
