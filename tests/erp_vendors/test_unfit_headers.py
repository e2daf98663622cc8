"""Credentials and tokens that no header can carry: one line, and not one call with them."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import ConfigError, CredentialsError
from erp_vendors.http.auth import Auth
from erp_vendors.http.header import is_header
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from erp_vendors.vendors import VENDORS
from tests.support.stub import Reply, Request, running_stub
from tests.support.transport import make_transport

UNFIT = ["a token\r\nX-Other: y", "token\n", "token-日本", "to\0ken", "\ntoken-of-a-length"]
LOGIN = {"username": "somebody", "password": "hunter2-hunter2"}
GRANT = {"client_id": "me", "client_secret": "hunter3-hunter3"}


def _blocks(url: str) -> dict[str, tuple[str, dict[str, t.Any]]]:
    """Vendors with a login, and the vendor's name for the case."""
    cimcloud = {"api_url": url, "site_name": "site", "auth_key": "k", "auth_type": "bearer"}
    return {
        "aims360": ("aims360", {**LOGIN, **GRANT, "api_url": url}),
        "aim": ("aim", {**LOGIN, "api_url": url, "api_key": "key", "app_id": "app"}),
        "cimcloud": ("cimcloud", {**cimcloud, **LOGIN}),
        "pentamic": (
            "pentamic",
            {**GRANT, "scope": "all", "api_url": url, "token_url": f"{url}/token"},
        ),
    }


def check(vendor: str, values: dict[str, t.Any], **connection: t.Any) -> None:
    block = Block(vendor, VENDORS[vendor].settings, values)
    VENDORS[vendor].client(block, Connection(**connection)).check()


@pytest.mark.parametrize("token", UNFIT)
@pytest.mark.parametrize("vendor", ["aims360", "aim", "cimcloud", "pentamic"])
def test_a_token_that_no_header_can_carry(vendor: str, token: str) -> None:
    def script(_: Request) -> Reply:
        return Reply(
            body={
                "access_token": token,
                "token": token,
                "Token": f"x{token}y",
                "NewEndpointDomain": stub.url,
                "Status": {"StatusCode": "Ok"},
            }
        )

    with running_stub(script) as stub:
        name, values = _blocks(stub.url)[vendor]
        with pytest.raises(
            CredentialsError, match=rf"^{vendor}: .*127\.0\.0\.1.*[tT]oken that"
        ) as caught:
            check(name, values)
        logins = sum("healthcheck" not in path for path in stub.paths)
        assert logins == (2 if vendor == "aim" else 1)
    assert "X-Other" not in str(caught.value)
    assert "日本" not in str(caught.value)


@pytest.mark.parametrize(
    ("vendor", "name"), [("aims360", "access_token"), ("aim", "api_key"), ("aim", "app_id")]
)
@pytest.mark.parametrize("value", UNFIT[:1] + UNFIT[2:4])
def test_a_credential_that_no_header_can_carry(vendor: str, name: str, value: str) -> None:
    with running_stub(lambda _: Reply(body=[])) as stub:
        values = {**_blocks(stub.url)[vendor][1], name: value}
        with pytest.raises(ConfigError, match=rf"^{vendor}\.{name} holds a line break"):
            check(vendor, values)
        assert not stub.requests


@pytest.mark.parametrize("value", ["a\nb", "日本"])
def test_a_user_agent_that_no_header_can_carry(value: str) -> None:
    with running_stub(lambda _: Reply(body=[])) as stub:
        with pytest.raises(ConfigError, match="check user_agent"):
            make_transport(stub.url, user_agent=value).get_json("/x")
        assert not stub.requests


@pytest.mark.parametrize("value", UNFIT)
def test_whatever_signs_a_call(value: str) -> None:
    class Signs(Auth):
        def sign(self, request: t.Any, _: object) -> t.Any:
            request.headers["Authorization"] = value
            return request

    with running_stub(lambda _: Reply(body=[])) as stub:
        with pytest.raises(ConfigError, match=r"header Authorization .*credentials in 'demo'"):
            make_transport(stub.url, Signs()).call("POST", "/x")
        assert not stub.requests


def test_what_a_header_can_carry() -> None:
    assert all(map(is_header, ["", "a", "a\tb c", "Müller"]))
