"""docs/add-a-vendor.md: who follows the page has a vendor that is read, written and checked."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import typing as t
import urllib.parse

import pytest

from tests.support.stub import Reply, Request, Stub, running_stub

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/add-a-vendor.md"
COPIED = (
    *("erp_vendors", "erp_plugin", "erp_ledger", "tap_erp", "target_erp", "schemas"),
    *("erp_cli", "hub"),
    *("erp_sandbox", "demo", "tools", "tests", "docs"),
    *("pyproject.toml", "meltano.yml", ".env.example", "README.md"),
)
SECONDS = 600
"""After which a command hangs; under load it takes a minute."""
BLOCK = re.compile(
    r"^`(?P<path>[\w./]+)`\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
CREDENTIALS = "Basic bm9ydGg6c2VjcmV0LWtleQ=="


def item(sku: str, changed_at: str) -> dict[str, str]:
    return {"sku": sku, "name": f"Item {sku}", "changed_at": changed_at}


@dataclasses.dataclass
class Acme:
    """Plays the vendor: two items a page."""

    items: list[dict[str, str]]
    url: str = ""

    def __call__(self, request: Request) -> Reply:
        if request.headers["Authorization"] != CREDENTIALS:
            return Reply(401)
        if request.method == "POST":
            return Reply(200, request.json)
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.path).query))
        since = query.get("changed_since", "")
        rows = [row for row in self.items if row["changed_at"] >= since]
        end = 2 * int(query["page"])
        following = int(query["page"]) + 1 if end < len(rows) else None
        return Reply(200, {"rows": rows[end - 2 : end], "next_page": following})


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The repository with the page's blocks in it."""
    folder = tmp_path_factory.mktemp("repository")
    for name in COPIED:
        if (ROOT / name).is_dir():
            # What is compiled stays valid; what is only just being compiled has a longer name.
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for block in BLOCK.finditer(PAGE.read_text("utf-8")):
        path = folder / block["path"]
        if block["kind"] == "diff":
            patch(path, block["text"])
        else:
            assert not path.exists(), f"{block['path']}: a block must not replace a shared file"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"])
    return folder


def patch(path: pathlib.Path, diff: str) -> None:
    """Add the lines with a plus between those without."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] == " ")
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{path.name} does not hold what the page shows of it"
    path.write_text(text.replace(before, "".join(line[1:] for line in lines)))


@pytest.fixture
def acme() -> Acme:
    return Acme([item("A", "2026-01-01T10:00:00Z"), item("B", "2026-01-02T10:00:00Z")])


@pytest.fixture
def server(acme: Acme) -> t.Iterator[Stub]:
    with running_stub(acme) as stub:
        yield stub


def run(copy: pathlib.Path, *arguments: str, given: str = "") -> str:
    """Run a module of the copy."""
    answer = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-4000:]
    return answer.stdout


def config(folder: pathlib.Path, server: Stub, **more: object) -> str:
    block = {"api_url": server.url, "company": "north", "api_key": "secret-key"}
    file = folder / "config.json"
    file.write_text(json.dumps({"acme": {**block, "requests_per_second": 1000}, **more}))
    return str(file)


def messages(output: str, kind: str) -> list[t.Any]:
    found = [json.loads(line) for line in output.splitlines()]
    return [message for message in found if message["type"] == kind]


def test_acme_is_read_page_by_page_and_then_from_the_bookmark_on(
    copy: pathlib.Path, acme: Acme, server: Stub, tmp_path: pathlib.Path
) -> None:
    acme.items.append(item("C", "2026-01-03T10:00:00Z"))
    settings = config(tmp_path, server)
    first = run(copy, "tap_erp", "--config", settings)
    (schema,) = messages(first, "SCHEMA")
    assert (schema["stream"], schema["key_properties"]) == ("acme_items", ["sku"])
    assert set(schema["schema"]["properties"]) == {"sku", "name", "changed_at"}
    assert [message["record"] for message in messages(first, "RECORD")] == acme.items
    assert [request.path for request in server.requests] == [
        "/north/items?page=1",
        "/north/items?page=2",
    ]
    state = messages(first, "STATE")[-1]["value"]
    assert state["bookmarks"]["acme_items"]["replication_key"] == "changed_at"

    acme.items[0] = item("A", "2026-01-04T10:00:00Z")
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state))
    second = run(copy, "tap_erp", "--config", settings, "--state", str(file))
    assert [message["record"] for message in messages(second, "RECORD")] == [acme.items[0]]
    (request,) = server.requests[2:]
    # An hour before the newest stamp, as the setting lookback_seconds has it.
    assert request.path == "/north/items?changed_since=2026-01-03T09%3A00%3A00.000000Z&page=1"


def test_a_complete_reading_of_acme_tells_that_other_rows_are_gone(
    copy: pathlib.Path, server: Stub, tmp_path: pathlib.Path
) -> None:
    settings = config(tmp_path, server, reconcile_days=0)
    output = run(copy, "tap_erp", "--config", settings)
    versions = {message["version"] for message in messages(output, "RECORD")}
    (activated,) = messages(output, "ACTIVATE_VERSION")
    assert (activated["stream"], {activated["version"]}) == ("acme_items", versions)


def test_acme_is_written(copy: pathlib.Path, server: Stub, tmp_path: pathlib.Path) -> None:
    price = {"sku": "A", "price": 12.5}
    schema = {"properties": {"sku": {"type": "string"}, "price": {"type": "number"}}}
    lines = [
        {"type": "SCHEMA", "stream": "acme_prices", "schema": schema, "key_properties": ["sku"]},
        {"type": "RECORD", "stream": "acme_prices", "record": price},
        {"type": "STATE", "value": {"seen": 1}},
    ]
    settings = config(
        tmp_path,
        server,
        ledger=str(tmp_path / "ledger.sqlite"),
        dead_letters=str(tmp_path / "dead_letters"),
        report_file="",
    )
    given = "".join(json.dumps(line) + "\n" for line in lines)
    output = run(copy, "target_erp", "--config", settings, given=given)
    (request,) = server.requests
    assert (request.method, request.path, request.json) == ("POST", "/north/prices", price)
    assert request.headers["Authorization"] == CREDENTIALS
    assert json.loads(output.splitlines()[-1]) == {"seen": 1}
    # The second time the ledger knows it.
    run(copy, "target_erp", "--config", settings, given=given)
    assert len(server.requests) == 1


def test_the_credentials_of_acme_are_checked(
    copy: pathlib.Path, server: Stub, tmp_path: pathlib.Path
) -> None:
    run(copy, "tap_erp", "--config", config(tmp_path, server), "--test")
    assert [request.path for request in server.requests] == ["/north/items?page=1"]


def test_the_code_of_the_page_is_clean(copy: pathlib.Path) -> None:
    files = [block["path"] for block in BLOCK.finditer(PAGE.read_text("utf-8"))]
    code = [file for file in files if file.endswith(".py")]
    run(copy, "ruff", "check", *code)
    run(copy, "ruff", "format", "--check", *code)


@pytest.mark.nightly
def test_the_code_of_the_page_has_its_types(copy: pathlib.Path) -> None:
    packages = (f"--package={name}" for name in ("erp_vendors", "tap_erp", "target_erp"))
    run(copy, "mypy", *packages)


def test_the_checks_and_the_generated_pages_find_acme(copy: pathlib.Path) -> None:
    run(
        copy, "pytest", "-q", "-p", "no:cacheprovider", "tests/test_schemas.py", "-k", "acme or one"
    )
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\nsettings:")[2].partition("\n\n")[0]
    tools = re.findall(r"python -m (tools\.\w+)$", recipe, re.MULTILINE)
    assert len(tools) > 5
    for tool in tools:
        run(copy, tool)
    for name, line in (
        ("docs/coverage.md", "### Acme: 2 of 3 covered"),
        ("docs/vendors/answers.md", "## Acme"),
        ("docs/assumptions.md", "| `changed_since` (1) |"),
        ("docs/settings.md", "| `acme.company` |"),
        ("docs/openapi.md", "| acme | rows in `rows` |"),
        ("meltano.yml", "- name: tap-erp--acme"),
        (".env.example", "#TAP_ERP_ACME_API_KEY="),
    ):
        assert line in (copy / name).read_text("utf-8"), name
