"""Lists, lists per customer, and writes (pentamic.md 4 and 6)."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import CallError, ConfigError, DataError
from tests.erp_vendors.pentamic.played import ANN, BOB, Pentamic
from tests.support.stub import Reply, Request


def once(*replies: Reply) -> t.Callable[[Request], Reply | None]:
    waiting = iter(replies)
    return lambda _: next(waiting, None)


def test_a_parents_list_is_read_once(pentamic: Pentamic) -> None:
    client = pentamic.client()
    customers = client.resources["customers"]
    assert client.rows(customers) == client.rows(customers) == [ANN, BOB]
    assert pentamic.calls == ["GET /api/customers?orderBy=id"]
    client.rows(customers, again=True)
    assert len(pentamic.calls) == 2


@pytest.mark.parametrize(
    ("order", "path"),
    [("", "/api/customers"), ("name desc", "/api/customers?orderBy=name+desc")],
)
def test_the_order_is_a_setting(pentamic: Pentamic, order: str, path: str) -> None:
    pentamic.client(order_by=order).check()
    assert pentamic.calls == [f"GET {path}"]


def test_children_belong_to_their_parent(pentamic: Pentamic) -> None:
    client = pentamic.client()
    invoices = client.resources["customer_invoices"]
    assert client.children(invoices, 2) == [{"id": 21}]
    assert client.children(invoices, 99) is None
    assert client.children(invoices, "a/b c") is None
    assert pentamic.calls[-1] == "GET /api/customers/a%2Fb%20c/invoices"


@pytest.mark.parametrize("reply", [Reply(204), Reply(body=b"null"), Reply(body=[])])
def test_no_children_in_any_form(pentamic: Pentamic, reply: Reply) -> None:
    pentamic.instead = lambda _: reply
    client = pentamic.client()
    assert client.children(client.resources["customer_invoices"], 1) == []


@pytest.mark.parametrize("reply", [Reply(body=b"null"), Reply(body={"data": []})])
def test_but_a_missing_list_of_customers_is_malformed(pentamic: Pentamic, reply: Reply) -> None:
    pentamic.instead = lambda _: reply
    with pytest.raises(DataError, match="pentamic: GET /customers"):
        pentamic.client().check()


def test_half_an_answer_is_asked_for_again(pentamic: Pentamic) -> None:
    pentamic.instead = once(Reply(body=b'[{"id": 1'), Reply(body=b"<html>busy</html>"))
    client = pentamic.client()
    assert client.rows(client.resources["customers"]) == [ANN, BOB]
    assert len(pentamic.calls) == 3


def test_an_answer_that_stays_unreadable_is_a_data_error(pentamic: Pentamic) -> None:
    pentamic.instead = lambda _: Reply(body=b'[{"name": "Ann Private"', headers={})
    said = r"neither JSON nor XML that can be read: Expecting ',' .* \(23 bytes"
    with pytest.raises(DataError, match=said) as caught:
        pentamic.client().check()
    assert "Private" not in str(caught.value)
    assert len(pentamic.calls) == 3


@pytest.mark.parametrize(("status", "calls"), [(400, 1), (404, 1), (405, 1), (500, 5), (503, 5)])
def test_calls_that_are_repeated(pentamic: Pentamic, status: int, calls: int) -> None:
    pentamic.instead = lambda _: Reply(status)
    with pytest.raises(CallError, match=f"HTTP {status}"):
        pentamic.client(order_by="").check()  # else a 400 may be about the order
    assert len(pentamic.calls) == calls


def test_a_list_that_is_refused_without_its_order_as_well_is_an_error(pentamic: Pentamic) -> None:
    pentamic.instead = lambda _: Reply(400)
    with pytest.raises(CallError, match="HTTP 400"):
        pentamic.client().check()
    assert pentamic.calls == ["GET /api/customers?orderBy=id", "GET /api/customers"]


def test_a_create_is_sent_once_whatever_happens(pentamic: Pentamic) -> None:
    client = pentamic.client()
    customers = client.resources["customers"]
    record = {"name": "Ann", "taxCode": "0106459932"}
    pentamic.instead = lambda request: Reply(body={"id": 7, **request.json})
    answer = client.create(customers, record)
    assert (answer.status, answer.json()) == (200, {"id": 7, **record})
    for reply in (Reply(500), Reply(cut="before"), Reply(body=b"{}", cut="half")):
        pentamic.instead = once(reply, Reply(body={}))
        before = len(pentamic.calls)
        with pytest.raises(CallError):
            client.create(customers, record)
        assert pentamic.calls[before:] == ["POST /api/customers"]


@pytest.mark.parametrize("reply", [Reply(503), Reply(cut="before")])
def test_updates_and_deletes_are_repeated(pentamic: Pentamic, reply: Reply) -> None:
    client = pentamic.client()
    customers = client.resources["customers"]
    pentamic.instead = once(reply, Reply(body=ANN))
    assert client.update(customers, 1, ANN).attempts == 2
    assert pentamic.stub.requests[-1].json == ANN
    pentamic.instead = once(reply, Reply())
    assert client.delete(customers, 1).attempts == 2
    assert pentamic.calls == ["PUT /api/customers/1"] * 2 + ["DELETE /api/customers/1"] * 2


@pytest.mark.parametrize(
    ("form", "given", "sent"),
    [
        ("string", "0106459932", b'"0106459932"'),
        ("string", 106459932, b'"106459932"'),
        ("number", "106459932", b"106459932"),
        ("number", "0106459932", b"106459932"),
        ("number", "0106459932-001", b'"0106459932-001"'),
        ("number", 5, b"5"),
        ("string", None, b"null"),
    ],
)
def test_the_form_of_a_tax_code_is_a_setting(
    pentamic: Pentamic, form: str, given: t.Any, sent: bytes
) -> None:
    pentamic.instead = lambda _: Reply()
    record = {"taxCode": given}
    client = pentamic.client(tax_code_as=form)
    client.create(client.resources["customers"], record)
    assert pentamic.stub.requests[-1].body == b'{"taxCode":' + sent + b"}"
    assert record == {"taxCode": given}


def test_paths_and_keys_are_settings(pentamic: Pentamic) -> None:
    client = pentamic.client(
        resources=[
            {"name": "customers", "path": "clients", "primary_keys": ["code"]},
            {"name": "pentamic_customer_invoices", "path": "/clients/{code}/bills"},
            {"name": "vouchers", "path": "vouchers/"},
            {"name": "voucher_lines", "path": "vouchers/{id}/lines"},
        ]
    )
    found = {
        name: (r.path, r.is_child and r.parent_property) for name, r in client.resources.items()
    }
    assert found == {
        "customers": ("/clients", False),
        "customer_invoices": ("/clients/{code}/bills", "_customer_id"),
        "vouchers": ("/vouchers", False),
        "voucher_lines": ("/vouchers/{id}/lines", "_voucher_id"),
    }
    pentamic.instead = lambda request: Reply(body=[{"path": request.path}])
    assert client.children(client.resources["voucher_lines"], 5) == [
        {"path": "/api/vouchers/5/lines"}
    ]


@pytest.mark.parametrize(
    "path", ["/nowhere/{id}/lines", "/customers/{id}/invoices/{invoice}/lines"]
)
def test_a_child_needs_a_parent(pentamic: Pentamic, path: str) -> None:
    with pytest.raises(ConfigError, match=r"pentamic\.resources \(lines\): .* needs a resource"):
        pentamic.client(resources=[{"name": "lines", "path": path}])
