"""The fleet of `deploy/airflow`, run by Airflow itself; `make fleet` is its whole form."""

from __future__ import annotations

import typing as t

import pytest

from tests.fleet.accounts import READ, SHORT, WRITE
from tests.fleet.story import fleet

if t.TYPE_CHECKING:
    import pathlib

# It takes minutes on a busy machine; `make fleet` is the whole of it.
pytestmark = pytest.mark.nightly


def test_a_short_fleet_without_scheduler(tmp_path: pathlib.Path) -> None:
    with fleet(tmp_path / "fleet", SHORT, retries=0) as one:
        one.kill_a_reading()
        one.run(READ, one.airflow.test)
        one.check_tables()
        one.revive()
        one.make_views()
        one.kill_a_write(whole=False)
        one.run(WRITE, one.airflow.test)
        one.revive()
        one.check_writes()
    assert not one.wrong
