from __future__ import annotations

import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tests.erp_vendors.aims360.fake import Fake
from tests.support.stub import running_stub
from tests.tap_erp.played_cimcloud import Played

SIZE = 30


@pytest.fixture(scope="session")
def shared_sandbox() -> t.Iterator[RunningSandbox]:
    """One sandbox without limits for all tests that do not need their own."""
    with running_sandbox(limits=False, size=SIZE) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox) -> t.Iterator[RunningSandbox]:
    """The shared sandbox with fresh data and counters."""
    shared_sandbox.reset(data=True)
    yield shared_sandbox
    shared_sandbox.clear_faults()


@pytest.fixture
def played() -> t.Iterator[Played]:
    played = Played()
    with running_stub(played) as played.stub:
        yield played


@pytest.fixture
def fake() -> t.Iterator[Fake]:
    fake = Fake()
    with running_stub(fake) as stub:
        fake.url = stub.url
        yield fake
