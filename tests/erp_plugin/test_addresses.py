"""Addresses in the settings of any vendor: what can have no path behind it is refused."""

from __future__ import annotations

import pytest

from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact
from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp

SETTINGS = [
    (vendor.name, setting.name)
    for vendor in VENDORS.values()
    for setting in vendor.settings
    if setting.name.endswith("_url")
]


def test_every_vendor_has_an_address() -> None:
    assert {vendor for vendor, _ in SETTINGS} == set(VENDORS)


@pytest.mark.parametrize(("vendor", "setting"), SETTINGS)
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://host/?key=hidden-word", "a query"),
        ("https://host?key=hidden-word", "a query"),
        ("https://host/#hidden-word", "a fragment"),
        ("https://user:hidden-word#x@host/", "a fragment"),
        ("https://user:hidden word@host/", "a blank"),
        ("https://user:hidden-word @host/", "a blank"),
        ("https://user:hidden\nword@host/", "a blank"),
    ],
)
def test_an_address_with_more_than_a_path_is_refused(
    vendor: str, setting: str, address: str, why: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        TapErp(config={vendor: {setting: address}})
    said = str(caught.value)
    assert f"setting '{vendor}.{setting}' must be an address without {why}" in said
    assert "\n" not in said
    assert "hidden" not in said
    if "@" in address and "#" not in address:
        assert "hidden" not in redact(f"cannot call {address}")


@pytest.mark.parametrize(("vendor", "setting"), SETTINGS)
def test_other_addresses_are_taken(vendor: str, setting: str) -> None:
    for address in ("https://host", " https://host:8443/a/path/ ", "http://user:pass-word@host/"):
        TapErp(config={vendor: {setting: address}})
