"""Pentamic customers: created once, updated by id, deleted; the list answers for all (6)."""

from __future__ import annotations

import concurrent.futures
import threading
import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from erp_vendors.errors import CallError
from target_erp.delivery import RefusedError
from target_erp.delivery.answers import UnclearError
from target_erp.delivery.model import Finding
from tests.support.stub import Reply, Request, running_stub
from tests.support.writers import Account, prepared, sent

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox
    from target_erp.delivery import Writer

ANN = {"name": "Ann", "taxCode": "0106"}


def block(url: str, **more: t.Any) -> dict[str, t.Any]:
    return {
        "api_url": f"{url}/pentamic/api",
        "token_url": f"{url}/pentamic/connect/token",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "scope": "pa-api",
        "requests_per_second": 1000,
        **more,
    }


@pytest.fixture
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=3, limits=False) as sandbox:
        yield sandbox


def found(writer: Writer, record: dict[str, t.Any]) -> str | Finding | None:
    look = writer.find(prepared(writer, record), fresh=False)
    return look.vendor_id if look.finding is Finding.FOUND else look.finding


def delete(
    writer: Writer, record: dict[str, t.Any], *, learned: bool = False, **more: t.Any
) -> None:
    """Delete a record; what is answered is settled by the list until it is learned."""
    write = prepared(writer, record, deletes=True, **more)
    if learned:
        writer.delete(write)
        return
    with pytest.raises(UnclearError) as unclear:
        writer.delete(write)
    assert writer.find(write, fresh=True).finding is Finding.ABSENT
    assert writer.answers is not None
    writer.answers.learn(unclear.value.shape)


def codes(sandbox: RunningSandbox) -> list[str]:
    return [str(row["taxCode"]) for row in sandbox.rows("pentamic", "customers")]


def lists(sandbox: RunningSandbox) -> int:
    calls = sandbox.calls("pentamic")
    return sum(call["method"] == "GET" for call in calls)


def test_a_customer_is_created_then_updated_then_deleted(sandbox: RunningSandbox) -> None:
    writer = Account("pentamic", block(sandbox.url)).writer("customers")
    write = sent(writer, ANN)
    assert write.created is True
    assert sandbox.row("pentamic", "customers", write.vendor_id)["name"] == "Ann"
    later = sent(writer, {**ANN, "name": "Anna"}, vendor_id=write.vendor_id)
    assert later.created is False
    assert sandbox.row("pentamic", "customers", write.vendor_id)["name"] == "Anna"
    assert writer.deletable
    delete(writer, ANN, vendor_id=write.vendor_id)
    assert "0106" not in codes(sandbox)
    writer.delete(prepared(writer, ANN, vendor_id=write.vendor_id))  # it is gone already


def test_a_customer_is_deleted_by_its_tax_code_too(sandbox: RunningSandbox) -> None:
    writer = Account("pentamic", block(sandbox.url)).writer("customers")
    sent(writer, ANN)
    before = len(codes(sandbox))
    writer.delete(prepared(writer, {"name": "?", "taxCode": "106"}))  # that is another code
    assert len(codes(sandbox)) == before
    delete(writer, {"name": "?", "taxCode": "0106"})
    assert len(codes(sandbox)) == before - 1
    writer.delete(prepared(writer, ANN))
    assert len(codes(sandbox)) == before - 1


def test_a_deletion_that_is_refused_is_refused(sandbox: RunningSandbox) -> None:
    writer = Account("pentamic", block(sandbox.url)).writer("customers")
    sandbox.add_fault("status", vendor="pentamic", method="DELETE", status=400)
    with pytest.raises(CallError):
        writer.delete(prepared(writer, ANN, vendor_id="1"))


def test_one_listing_serves_many_and_knows_what_was_written(sandbox: RunningSandbox) -> None:
    writer = Account("pentamic", block(sandbox.url)).writer("customers")
    new = [{"name": f"N{n}", "taxCode": f"77{n}"} for n in range(4)]
    assert [found(writer, row) for row in new] == [Finding.ABSENT] * 4
    assert lists(sandbox) == 1
    ids = [sent(writer, row).vendor_id for row in new]
    assert [found(writer, row) for row in new] == ids
    assert lists(sandbox) == 1
    sent(writer, {**new[0], "taxCode": "880"}, vendor_id=ids[0])
    assert found(writer, new[0]) is Finding.ABSENT
    assert found(writer, {**new[0], "taxCode": "880"}) == ids[0]
    assert lists(sandbox) == 1
    delete(writer, new[1])
    assert found(writer, new[1]) is Finding.ABSENT
    assert lists(sandbox) == 2, "what a deletion answers is not described, so the list is read"
    delete(writer, new[2], learned=True)
    assert found(writer, new[2]) is Finding.ABSENT
    assert lists(sandbox) == 2


def test_lost_answers_that_wait_for_one_list_share_it() -> None:
    first, go = threading.Event(), threading.Event()
    listed = []

    def answer(request: Request) -> Reply:
        if request.method == "POST":
            return Reply(body={"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
        listed.append(request.path)
        first.set()
        go.wait(5)
        return Reply(body=[{"id": n, "name": "x", "taxCode": str(n)} for n in range(1, 9)])

    with running_stub(answer) as stub:
        account = Account("pentamic", block(stub.url, max_concurrency=8))
        writer = account.writer("customers")
        writes = [prepared(writer, {"name": "x", "taxCode": str(n)}) for n in range(1, 9)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            searches = [pool.submit(writer.find, writes[0], fresh=True)]
            first.wait(5)
            searches += [pool.submit(writer.find, write, fresh=True) for write in writes[1:]]
            go.set()
            found = [search.result(10) for search in searches]
    assert [look.vendor_id for look in found] == [str(n) for n in range(1, 9)]
    # The first list was asked for before the others were; the second answers them all.
    assert len(listed) <= 3


def test_two_customers_with_one_tax_code_are_ambiguous(sandbox: RunningSandbox) -> None:
    for number in (1, 2):
        sandbox.insert("pentamic", "customers", {"id": 900 + number, **ANN})
    writer = Account("pentamic", block(sandbox.url)).writer("customers")
    with pytest.raises(RefusedError, match=r"901, 902|902, 901"):
        writer.find(prepared(writer, ANN), fresh=True)
    # Another key of the source says nothing about the vendor's customers.
    other = Account("pentamic", block(sandbox.url)).writer("customers", ["name"])
    look = other.find(prepared(other, {"name": "Ann", "taxCode": "5"}), fresh=True)
    assert look.finding is Finding.ABSENT


def test_required_fields_are_asked_for_before_the_call(sandbox: RunningSandbox) -> None:
    writer = Account("pentamic", block(sandbox.url)).writer("customers")
    with pytest.raises(RefusedError, match="taxCode: required and missing"):
        writer.prepare({"id": "5", "name": "Ann"})
    assert writer.prepare({**ANN, "id": "5"}).key[0] == ("id", "5")
    assert sandbox.calls("pentamic") == []


def test_a_custom_resource_without_a_list_cannot_be_asked(sandbox: RunningSandbox) -> None:
    entries = [
        {"name": "vouchers", "write_path": "/vouchers", "primary_keys": ["no"]},
        {"name": "bills", "path": "/bills", "write_path": "/bills", "primary_keys": ["no"]},
    ]
    account = Account("pentamic", block(sandbox.url, resources=entries))
    vouchers, bills = account.writer("vouchers"), account.writer("bills")
    assert (vouchers.can_look_up, vouchers.check_before_create) == (False, False)
    assert (bills.can_look_up, bills.check_before_create) == (True, True)
    assert vouchers.prepare({"no": 7}).key == (("no", "7"),)


@pytest.mark.parametrize("number", [16, "16"], ids=repr)
@pytest.mark.parametrize("form", ["unquoted", "string"])
def test_a_code_without_zeros_is_another_one(form: str, number: t.Any) -> None:
    options = {"pentamic": {"tax_code": form}}
    with running_sandbox(size=3, limits=False, options=options) as sandbox:
        writer = Account("pentamic", block(sandbox.url)).writer("customers")
        first = sent(writer, {"name": "Zeros", "taxCode": "0016"})
        again = Account("pentamic", block(sandbox.url)).writer("customers")
        assert found(again, {"name": "Zeros", "taxCode": "0016"}) == first.vendor_id
        assert found(again, {"name": "None", "taxCode": number}) is Finding.ABSENT


def test_zeros_that_the_vendor_has_lost_are_not_missed() -> None:
    with running_sandbox(
        size=3, limits=False, options={"pentamic": {"tax_code": "int"}}
    ) as sandbox:
        writer = Account("pentamic", block(sandbox.url)).writer("customers")
        first = sent(writer, {"name": "Zeros", "taxCode": "0016"})
        again = Account("pentamic", block(sandbox.url)).writer("customers")
        assert found(again, {"name": "Zeros", "taxCode": "0016"}) == first.vendor_id
