"""The command: one-line errors that name the setting, exit codes, and a clean stdout."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import (
    HASTY,
    Message,
    aimsio,
    cimcloud,
    make_tap,
    run_command,
    sandbox_config,
    selected,
    written,
)

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

SECRET = 'hunter2-"Passwörd"\\/ x'
LOGIN = {"username": "ann", "password": SECRET}


def one_error(err: str) -> str:
    """The only error line; fails if there is a traceback or a second one."""
    assert "Traceback" not in err
    (line,) = [line for line in err.splitlines() if "| ERROR" in line]
    return line.partition("| ERROR")[2]


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({}, "no vendor is configured: add a block for at least one of"),
        ({"start_date": "2026-01-01"}, "no vendor is configured"),
        ({"aimsio": None}, "no vendor is configured"),
        ({"shopify": {}}, "unknown setting 'shopify'"),
        ({"aimsoi": {}}, "did you mean 'aimsio'?"),
        ({"username": "x"}, "unknown setting 'username'; did you mean '"),
        (
            {"aimsio": {"usrname": "x"}},
            "unknown setting 'aimsio.usrname'; did you mean 'aimsio.username'?",
        ),
        (
            {"cimcloud": {"resources": [{"name": "x", "pth": "y"}]}},
            "'cimcloud.resources[0].pth'; did you mean 'cimcloud.resources[0].path'?",
        ),
        ({"aimsio": "ann"}, "setting 'aimsio' must be of type object"),
        (
            {"aimsio": {"timeout_seconds": "slow"}},
            "setting 'aimsio.timeout_seconds' must be of type",
        ),
        (
            {"aimsio": {"environment": "moon"}},
            "setting 'aimsio.environment' must be one of: portal",
        ),
        ({"aimsio": LOGIN, "start_date": "yesterday"}, "setting 'start_date' must be a date"),
        ({"aimsio": LOGIN, "lookback_seconds": -1}, "setting 'lookback_seconds' does not fit"),
        ({"aimsio": {"resources": [{"name": "x"}]}}, "aimsio.resources[0] (x)"),
        (
            {"cimcloud": {"date_formt": "x"}, "zzz": 1},
            "'cimcloud.date_format'?; unknown setting 'zzz'",
        ),
    ],
)
def test_a_wrong_configuration_is_named(config: Message, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        assert make_tap(config).streams
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["--discover", "--test", ""])
def test_a_wrong_configuration_ends_every_command_with_one_line(
    tmp_path: pathlib.Path, mode: str
) -> None:
    config = written(tmp_path, "config", {"aimsio": {"usrname": SECRET}})
    code, out, err = run_command("--config", config, *filter(None, [mode]))
    assert (code, out) == (1, "")
    assert "config: unknown setting 'aimsio.usrname'" in one_error(err)


@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "No such file"), ("{", "line 1"), ('["x"]', "JSON object"), ("\udcff", "decode")],
    ids=["no file", "half", "a list", "no text"],
)
def test_a_configuration_file_that_cannot_be_read_is_named(
    tmp_path: pathlib.Path, text: str | None, reason: str
) -> None:
    file = tmp_path / "settings.json"
    if text is not None:
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    code, out, err = run_command("--config", str(file))
    assert (code, out) == (1, "")
    assert f"config: {file}" in one_error(err)
    assert reason in one_error(err)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "no vendor is configured"),
        (
            {"TAP_ERP_AIMSIO_TIMEOUT_SECONDS": "soon"},
            "variable TAP_ERP_AIMSIO_TIMEOUT_SECONDS must",
        ),
        ({"TAP_ERP_AIMSIO": "ann", "TAP_ERP_AIMSIO_USERNAME": "x"}, "variable TAP_ERP_AIMSIO must"),
        ({"TAP_ERP_AIMSIO_USERNAME": "ann"}, "aimsio.password is not set"),
    ],
    ids=["none", "bad number", "bad block", "half a login"],
)
def test_a_wrong_environment_is_named(environ: dict[str, str], named: str) -> None:
    code, out, err = run_command("--config", "ENV", "--test", **environ)
    assert (code, out) == (1, "")
    assert named in one_error(err)


def test_nested_settings_from_the_environment(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    block = aimsio(sandbox.vendor_url("aimsio"))["aimsio"]
    environ = {f"TAP_ERP_AIMSIO_{name.upper()}": str(value) for name, value in block.items()}
    catalog = written(tmp_path, "catalog", selected({"aimsio": block}, "aimsio_users"))
    code, out, _ = run_command("--config", "ENV", "--catalog", catalog, **environ)
    assert code == 0
    kinds = [json.loads(line)["type"] for line in out.splitlines()]
    assert kinds.count("RECORD") == 30


def test_a_wrong_password(sandbox: RunningSandbox, tmp_path: pathlib.Path) -> None:
    config = sandbox_config(sandbox)
    config["aimsio"]["password"] = config["cimcloud"]["password"] = SECRET
    code, out, err = run_command("--config", written(tmp_path, "config", config))
    assert code == 1
    error = one_error(err)
    assert "the credentials in 'aimsio' were refused" in error
    assert "check cimcloud.auth_key, username and password" in error
    assert "hunter2" not in out + err
    assert sandbox.report("aimsio")["calls"] == 1, "not once for every stream"
    assert sandbox.report("cimcloud")["calls"] == 1
    assert not [line for line in out.splitlines() if json.loads(line)["type"] == "RECORD"]


@pytest.mark.slow
def test_an_unreachable_host(tmp_path: pathlib.Path) -> None:
    with running_stub(lambda _: Reply()) as stub:
        url = stub.url
    config = written(tmp_path, "config", aimsio(url))
    code, out, err = run_command("--config", config, "--test", program=HASTY)
    assert (code, out) == (1, "")
    assert "cannot reach the server; check aimsio.api_url" in one_error(err)


def test_the_connection_test_reads_no_stream(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    config = sandbox_config(sandbox)
    config["cimcloud"]["read_online_orders"] = True
    code, out, err = run_command("--config", written(tmp_path, "config", config), "--test")
    assert (code, out) == (0, "")
    assert "Aimsio: connected, credentials accepted" in err
    assert "CIMcloud: connected, credentials accepted" in err
    assert sandbox.report("aimsio")["by_path"] == {"GET /rest/api/standard/v1/Employee": 1}
    assert sandbox.report("cimcloud")["by_path"] == {
        "GET /{site}/healthcheck/canary": 1,
        "GET /{site}/validate": 1,
        "POST /{site}/authenticate": 1,
    }


def test_discovery_makes_no_call_and_needs_no_credentials(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    config = {"aimsio": {"api_url": sandbox.vendor_url("aimsio")}, "cimcloud": {}}
    code, out, _ = run_command("--config", written(tmp_path, "config", config), "--discover")
    assert code == 0
    names = {stream["tap_stream_id"] for stream in json.loads(out)["streams"]}
    assert len(names) == 12 + 16
    assert {"aimsio_job_orders", "aimsio_object_index", "cimcloud_invoice_lines"} <= names
    assert "cimcloud_online_orders" not in names
    assert sandbox.report("aimsio")["calls"] == 0


@pytest.mark.parametrize("form", ["json", "markdown", "text"])
def test_about_in_every_form(form: str) -> None:
    chosen = [] if form == "text" else ["--format", form]
    code, out, err = run_command("--about", *chosen)
    assert code == 0
    assert "Traceback" not in err
    if form == "json":
        about = json.loads(out)
        assert about["name"] == "tap-erp"
        block = about["settings"]["properties"]["aimsio"]
        assert block["properties"]["password"]["secret"] is True
        assert "secret" not in block["properties"]["username"]
        assert about["settings"]["additionalProperties"] is False
    else:
        assert "tap-erp" in out
        assert "aimsio" in out


@pytest.mark.slow
def test_nothing_but_singer_messages_on_stdout(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    config = written(tmp_path, "config", sandbox_config(sandbox))
    code, out, err = run_command("--config", config)
    assert code == 0
    messages = [json.loads(line) for line in out.splitlines()]
    kinds = {message["type"] for message in messages}
    assert kinds == {"SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION"}
    announced = set()
    for message in messages:
        if message["type"] == "SCHEMA":
            announced.add(message["stream"])
        elif message["type"] != "STATE":
            assert message["stream"] in announced
    assert len(announced) == 28
    assert "of 28 streams in " in err
    # The last STATE says of each stream what it has read, also of those without a key.
    keyless = {m["stream"] for m in messages if m["type"] == "SCHEMA" and not m["key_properties"]}
    assert all(name.startswith("cimcloud_") for name in keyless)
    states = [json.loads(line) for line in out.splitlines() if '"STATE"' in line[:20]]
    assert len(states[-1]["value"]["bookmarks"]) == 28


CONSOLE = ""
STRUCTURED = """
version: 1
disable_existing_loggers: false
formatters:
  json: {(): singer_sdk.logging.StructuredFormatter}
handlers:
  console: {class: logging.StreamHandler, formatter: json, stream: ext://sys.stderr}
root: {level: DEBUG, handlers: [console]}
"""


@pytest.mark.slow
@pytest.mark.parametrize("log_config", [CONSOLE, STRUCTURED], ids=["console", "structured"])
def test_no_secret_in_any_log(tmp_path: pathlib.Path, log_config: str) -> None:
    """The vendor echoes everything it was sent, in its errors."""

    def echo(request: Request) -> Reply:
        body = request.body.decode() or request.headers.get("Authorization", "")
        if request.path.endswith("/authenticate") and request.json["AuthUserName"] == "good":
            return Reply(body={"token": "t0ken-\"of-'the\\site", "refresh_token": "refr3sh-t0ken"})
        return Reply(400, {"you sent": body, "as text": json.dumps(body)})

    environ = {"LOGLEVEL": "DEBUG"}
    if log_config:
        (tmp_path / "logging.yml").write_text(log_config)
        environ["SINGER_SDK_LOG_CONFIG"] = str(tmp_path / "logging.yml")
    with running_stub(echo) as stub:
        for user in ("good", "bad"):
            config = {
                **aimsio(stub.url, password=SECRET),
                **cimcloud(stub.url, username=user, password=SECRET, auth_key="k3y-of-the-app"),
            }
            file = written(tmp_path, "config", config)
            code, out, err = run_command("--config", file, **environ)
            assert code == 1
            assert "*****" in err
            for secret in ("hunter2", "k3y-of-the-app", "t0ken-", "refr3sh", "aHVudGVyMi"):
                assert secret not in out + err, secret


HEAVY = (
    "erp_vendors.http.transport",
    *(f"erp_vendors.{vendor}.client" for vendor in VENDORS),
    *(f"tap_erp.streams.{vendor}" for vendor in VENDORS),
    "pyrate_limiter",
    "rich",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "needed"),
    [("--about", set()), ("--discover", {"erp_vendors.aimsio.client", "tap_erp.streams.aimsio"})],
)
def test_a_command_imports_only_what_it_needs(
    tmp_path: pathlib.Path, command: str, needed: set[str]
) -> None:
    program = (
        "import sys, tap_erp.tap as tap\n"
        "try:\n"
        "    tap.main()\n"
        "finally:\n"
        f"    print(*(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)\n"
    )
    config = written(tmp_path, "config", aimsio("http://127.0.0.1:1"))
    arguments = ["--config", config] if command == "--discover" else []
    code, _, err = run_command(command, *arguments, program=program)
    assert code == 0
    imported = set(err.splitlines()[-1].split())
    assert {name for name in imported if any(vendor in name for vendor in VENDORS)} == needed
    assert command == "--discover" or not imported
