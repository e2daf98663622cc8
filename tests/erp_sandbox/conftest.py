"""Clients of the played vendors, over real sockets."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests

from erp_sandbox.testing import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from erp_sandbox.testing import RunningSandbox

PREFIX = "/aimsio/rest/api/standard/v1/"


class Aimsio:
    """Calls to the played Aimsio."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.url = sandbox.url + PREFIX
        self.http = requests.Session()
        self.http.auth = ("sandbox-user", "sandbox-password")

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.url + path, timeout=10, **more)

    def post(self, path: str, body: object) -> requests.Response:
        return self.http.post(self.url + path, json=body, timeout=10)

    def details(self, path: str) -> list[dict[str, Any]]:
        stubs = self.get(path).json()
        return [self.get(f"{path}/{stub.get('guid') or stub['id']}").json() for stub in stubs]


class Cimcloud:
    """Calls to the played CIMcloud."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.url = f"{sandbox.url}/cimcloud/sandbox-site/"
        self.http = requests.Session()

    def login(self) -> dict[str, Any]:
        body = {
            "AuthKey": "sandbox-key",
            "AuthUserName": "sandbox-user",
            "AuthPassword": "sandbox-password",
        }
        answer = self.http.post(self.url + "authenticate", json=body, timeout=10)
        answer.raise_for_status()
        self.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.url + path, timeout=10, **more)

    def post(self, path: str, body: object) -> requests.Response:
        return self.http.post(self.url + path, json=body, timeout=10)

    def put(self, path: str, body: object) -> requests.Response:
        return self.http.put(self.url + path, json=body, timeout=10)

    def keys(self, path: str, column: str) -> list[str]:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return [row[column] for row in answer.json()]


@pytest.fixture(scope="session")
def shared() -> Iterator[RunningSandbox]:
    """One sandbox without limits for all tests that do not need their own."""
    with running_sandbox(limits=False, options={"cimcloud": {"queue_delay": 0.2}}) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: RunningSandbox) -> Iterator[RunningSandbox]:
    """The shared sandbox with fresh data and counters."""
    shared.reset(data=True)
    yield shared
    shared.clear_faults()
    shared.shift_clock(0)


@pytest.fixture
def aimsio(sandbox: RunningSandbox) -> Iterator[Aimsio]:
    client = Aimsio(sandbox)
    yield client
    client.http.close()


@pytest.fixture
def cimcloud(sandbox: RunningSandbox) -> Iterator[Cimcloud]:
    client = Cimcloud(sandbox)
    client.login()
    yield client
    client.http.close()


@pytest.fixture
def aimsio_with() -> Callable[..., AbstractContextManager[Aimsio]]:
    """A sandbox of one's own: ``with aimsio_with(rate=5) as client``."""

    @contextmanager
    def make(*, limits: bool = False, size: int = 20, **options: object) -> Iterator[Aimsio]:
        with running_sandbox(limits=limits, size=size, options={"aimsio": options}) as sandbox:
            client = Aimsio(sandbox)
            yield client
            client.http.close()

    return make


@pytest.fixture
def cimcloud_with() -> Callable[..., AbstractContextManager[Cimcloud]]:
    """A sandbox of one's own: ``with cimcloud_with(batch="whole") as client``."""

    @contextmanager
    def make(
        *,
        limits: bool = False,
        size: int = 20,
        scale: float = 1,
        **options: object,
    ) -> Iterator[Cimcloud]:
        with running_sandbox(
            limits=limits, size=size, limit_scale=scale, options={"cimcloud": options}
        ) as sandbox:
            client = Cimcloud(sandbox)
            client.login()
            yield client
            client.http.close()

    return make
