from __future__ import annotations

import typing as t

import pytest

from tests.erp_vendors.pentamic.played import Pentamic, played


@pytest.fixture
def pentamic(short_pauses: None) -> t.Iterator[Pentamic]:  # noqa: ARG001
    with played() as found:
        yield found
