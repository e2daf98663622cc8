"""Aimsio: the index, the details, and what a site may do differently (aimsio.md 4)."""

from __future__ import annotations

import base64
import typing as t

import pytest

from erp_vendors.aimsio import AIMSIO, AimsioClient, IndexEntry
from erp_vendors.aimsio.resources import RESOURCES
from erp_vendors.errors import ConfigError, CredentialsError, DataError, MissingResourceError
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from tests.support.stub import Reply, Request, Stub, running_stub

pytestmark = pytest.mark.usefixtures("short_pauses")

PREFIX = "/rest/api/standard/v1"


def make(url: str, **settings: t.Any) -> AimsioClient:
    values = {"api_url": url, "username": "ann", "password": "pass-word", **settings}
    values.setdefault("requests_per_second", 10_000)
    return AimsioClient(Block("aimsio", AIMSIO.settings, values), Connection(user_agent="demo/1"))


@pytest.fixture
def stub() -> t.Iterator[Stub]:
    with running_stub(lambda _: Reply(body=[])) as stub:
        yield stub


def test_calls_carry_the_login_and_the_agent(stub: Stub) -> None:
    make(stub.url).check()
    (request,) = stub.requests
    assert request.path == f"{PREFIX}/Employee"
    login = base64.b64decode(request.headers["Authorization"].removeprefix("Basic "))
    assert login == b"ann:pass-word"
    assert request.headers["User-Agent"] == "demo/1"


@pytest.mark.parametrize("tail", ["", "/", PREFIX, f"{PREFIX}/"])
def test_the_address_may_have_the_prefix(stub: Stub, tail: str) -> None:
    make(f"{stub.url}{tail}").check()
    assert stub.paths == [f"GET {PREFIX}/Employee"]


@pytest.mark.parametrize(
    ("environment", "host"),
    [("portal", "https://portal.aimsio.com"), ("sandbox", "https://sandbox.aimsio.com")],
)
def test_each_environment_has_its_host(environment: str, host: str) -> None:
    client = make("", environment=environment)
    assert client.transport.options.base_url == host + PREFIX


def test_limits_are_the_vendors_unless_set() -> None:
    block = Block("aimsio", AIMSIO.settings, {"username": "a", "password": "b"})
    limits = AimsioClient(block, Connection()).transport.budget.limits
    assert (limits.per_second, limits.in_flight, limits.window_calls) == (10, 10, None)
    limits = make("", requests_per_second=3, max_concurrency=2).transport.budget.limits
    assert (limits.per_second, limits.in_flight) == (3, 2)


def test_without_credentials_the_settings_are_named() -> None:
    with pytest.raises(ConfigError, match=r"aimsio\.username and aimsio\.password are not set"):
        AimsioClient(Block("aimsio", AIMSIO.settings, {}), Connection())


def test_the_index_takes_what_it_can_and_says_what_it_cannot(stub: Stub) -> None:
    stub.script = lambda _: Reply(
        body=[
            {"dtype": "JobOrder", "guid": "g-1", "updatedAt": 5},
            {"dtype": "User", "id": 7, "updatedAt": "12"},
            {"guid": "", "id": "i-1", "updatedAt": None},
            {"guid": "g-2"},
            {"guid": "g-3", "updatedAt": 1.0},
            None,
            "g-4",
            {"dtype": "JobOrder", "updatedAt": 5},
            {"guid": None, "id": None, "updatedAt": 5},
            {"guid": True, "updatedAt": 5},
            {"guid": ["x"], "updatedAt": 5},
            {"guid": "g-5", "updatedAt": "yesterday"},
            {"guid": "g-6", "updatedAt": {}},
        ]
    )
    client = make(stub.url)
    index = client.index(client.resources["job_orders"])
    assert index.entries == [
        IndexEntry("g-1", 5, "JobOrder"),
        IndexEntry(7, 12, "User", is_guid=False),
        IndexEntry("i-1", None, None, is_guid=False),
        IndexEntry("g-2", None, None),
        IndexEntry("g-3", 1, None),
    ]
    assert [fault.split()[1] for fault in index.faults] == [str(number) for number in range(5, 13)]
    assert all("/JobOrder" in fault for fault in index.faults)
    assert "g-5" in index.faults[-2]


def test_an_index_is_read_once_per_run(stub: Stub) -> None:
    client = make(stub.url)
    users = client.resources["users"]
    client.index(users)
    client.index(users)
    assert len(stub.requests) == 1
    client.index(users, again=True)
    assert len(stub.requests) == 2


@pytest.mark.parametrize("body", [{"guid": "x"}, "text", 5, None])
def test_an_index_that_is_no_list_is_refused(stub: Stub, body: object) -> None:
    stub.script = lambda _: Reply(body=body)
    client = make(stub.url)
    with pytest.raises(DataError, match="/Employee"):
        client.index(client.resources["employees"])


def test_only_a_guessed_entity_may_be_missing(stub: Stub) -> None:
    stub.script = lambda _: Reply(404)
    client = make(stub.url)
    with pytest.raises(MissingResourceError):
        client.index(client.resources["timecards"])
    with pytest.raises(Exception, match="HTTP 404"):
        client.index(client.resources["job_orders"])


def test_details_by_key_escaped_for_the_path(stub: Stub) -> None:
    def script(request: Request) -> Reply:
        return Reply(body={"path": request.path})

    stub.script = script
    client = make(stub.url)
    jobs = client.resources["job_orders"]
    for key, sent in (("g 1/2?#é", "g%201%2F2%3F%23%C3%A9"), (7, "7")):
        assert client.detail(jobs, key) == {"path": f"{PREFIX}/JobOrder/{sent}"}


@pytest.mark.parametrize("status", [404, 405])
def test_a_detail_that_is_gone_is_none(stub: Stub, status: int) -> None:
    stub.script = lambda _: Reply(status)
    client = make(stub.url)
    assert client.detail(client.resources["job_orders"], "g-1") is None


def test_a_detail_in_a_list_of_one_is_taken(stub: Stub) -> None:
    client = make(stub.url)
    stub.script = lambda _: Reply(body=[{"a": 1}])
    assert client.detail(client.resources["users"], 1) == {"a": 1}


@pytest.mark.parametrize("body", [[], [{}, {}], "x", None])
def test_a_detail_that_is_no_object_is_refused(stub: Stub, body: object) -> None:
    client = make(stub.url)
    stub.script = lambda _: Reply(body=body)
    with pytest.raises(DataError, match="/User/1"):
        client.detail(client.resources["users"], 1)


def test_a_user_without_api_permission_is_told_so(stub: Stub) -> None:
    stub.script = lambda _: Reply(403, {"message": "API permission is not enabled"})
    with pytest.raises(CredentialsError, match="permission"):
        make(stub.url).check()


def test_a_custom_resource_is_read_like_the_others(stub: Stub) -> None:
    client = make(stub.url, resources=[{"name": "locations", "path": "Location"}])
    client.index(client.resources["locations"])
    assert stub.paths == [f"GET {PREFIX}/Location"]
    only_written = make(stub.url, resources=[{"name": "notes", "write_path": "Note"}])
    assert only_written.resources["notes"].path == ""
    assert only_written.resources["notes"].write_path == "/Note"


@pytest.mark.parametrize("name", sorted(resource.name for resource in RESOURCES if resource.guid))
def test_a_detail_that_is_another_record_is_refused(stub: Stub, name: str) -> None:
    client = make(stub.url)
    resource = client.resources[name]
    stub.script = lambda _: Reply(body={resource.guid: "G-1"})
    assert client.detail(resource, "g-1", is_guid=True) == {resource.guid: "G-1"}
    assert client.detail(resource, 7) == {resource.guid: "G-1"}
    with pytest.raises(DataError, match=f"another record: {resource.guid} is G-1"):
        client.detail(resource, "g-2", is_guid=True)
