"""`--test` looks at every vendor, whatever happens with one of them."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import ErpError
from tap_erp.tap import TapErp

CONFIG = {
    "aimsio": {"username": "u", "password": "hunter2-hunter2"},
    "cimcloud": {"auth_type": "basic", "site_name": "s", "username": "u", "password": "p"},
}


@pytest.mark.parametrize("error", [UnicodeEncodeError("latin-1", "日", 0, 1, "no"), ValueError()])
def test_a_check_that_fails_in_an_unknown_way_ends_no_other(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def check(client: t.Any) -> None:
        asked.append(client.block.vendor)
        raise error

    for vendor, name in (("aimsio", "AimsioClient"), ("cimcloud", "CimcloudClient")):
        monkeypatch.setattr(f"erp_vendors.{vendor}.client.{name}.check", check)
    tap = TapErp(config=CONFIG)
    with pytest.raises(ErpError, match=r"2 of 2 vendors: aimsio: .*; cimcloud: ") as caught:
        tap.check_credentials()
    assert asked == ["aimsio", "cimcloud"]
    assert len(str(caught.value).splitlines()) == 1
