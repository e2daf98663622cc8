from __future__ import annotations

import typing as t

import pytest

from tests.erp_vendors.aims360.fake import Fake, Reader
from tests.support.stub import running_stub


@pytest.fixture
def fake() -> t.Iterator[Fake]:
    fake = Fake()
    with running_stub(fake) as stub:
        fake.url = stub.url
        yield fake


@pytest.fixture
def reader(fake: Fake) -> Reader:
    return Reader(fake, aqua_poll_seconds=2)
