from __future__ import annotations

import typing as t

import pytest

from tests.erp_vendors.aim.shop import Shop, open_shop


@pytest.fixture
def shop() -> t.Iterator[Shop]:
    with open_shop() as shop:
        yield shop
