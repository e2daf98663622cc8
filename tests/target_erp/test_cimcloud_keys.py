"""CIMcloud rows by their keys: what is an upsert, what is looked up, what can be deleted (6.1)."""

from __future__ import annotations

import typing as t
import urllib.parse

import pytest

from erp_vendors.errors import CallError
from target_erp.delivery import RefusedError
from target_erp.delivery.answers import UnclearError
from target_erp.delivery.model import Finding, Reference
from target_erp.run import REJECTED
from tests.support.plugins import record, run_target, schema
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.writers import Account, prepared, sent

if t.TYPE_CHECKING:
    import pathlib


class Site:
    """A site with one answer to writes and some rows to searches."""

    stub: Stub

    def __init__(self) -> None:
        self.rows: list[dict[str, t.Any]] = []
        self.counts = (1, 0)
        self.special: t.Callable[[Request], Reply | None] = lambda _: None
        self.filters = True

    def answer(self, request: Request) -> Reply:
        special = self.special(request)
        if special is not None:
            return special
        if request.path.endswith("/authenticate"):
            return Reply(body={"token": "a-token", "expiration": "2999-01-01T00:00:00Z"})
        if request.method == "GET":
            return Reply(body=self._search(urllib.parse.unquote(request.path.rpartition("/")[2])))
        created, updated = self.counts
        return Reply(body={"success": True, "importedRecords": created, "updatedRecords": updated})

    def _search(self, text: str) -> list[dict[str, t.Any]]:
        _, column, value = text.split("~")
        return [
            row
            for row in self.rows
            if not self.filters or str(row.get(column)).lower() == value.lower()
        ]

    def block(self) -> dict[str, t.Any]:
        return {
            "api_url": self.stub.url,
            "site_name": "site",
            "auth_key": "key-1234",
            "username": "user",
            "password": "s3cret-pass",
            "requests_per_second": 1000,
        }

    def account(self, **block: t.Any) -> Account:
        return Account("cimcloud", {**self.block(), **block})

    @property
    def calls(self) -> list[str]:
        return [path for path in self.stub.paths if "authenticate" not in path]


@pytest.fixture
def site() -> t.Iterator[Site]:
    server = Site()
    with running_stub(server.answer) as server.stub:
        yield server


@pytest.mark.parametrize(
    ("resource", "keys", "entry", "upsert", "key"),
    [
        ("accounts", (), {}, True, ("ref_id", "1")),
        ("accounts", ("id",), {}, True, ("ref_id", "1")),
        ("credits", ("id",), {}, False, ("id", "7")),
        ("credits", ("id", "ref_id"), {}, False, ("id,ref_id", "7,1")),
        ("credits", ("x",), {"primary_keys": ["id"]}, True, ("id", "7")),
        ("customers", (), {"primary_keys": ["id"]}, True, ("id", "7")),
        ("credits", (), {"primary_keys": ["id", "ref_id"]}, True, ("id,ref_id", "7,1")),
    ],
)
def test_which_keys_are_upserts(  # noqa: PLR0917
    site: Site,
    resource: str,
    keys: tuple[str, ...],
    entry: dict[str, t.Any],
    upsert: bool,  # noqa: FBT001
    key: tuple[str, str],
) -> None:
    block = {"resources": [{"name": resource, **entry}]} if entry else {}
    writer = site.account(**block).writer(resource, keys)
    write = prepared(writer, {"id": 7, "ref_id": "1", "x": 1})
    assert (writer.upsert, writer.batch_size) == (upsert, 10 if upsert else 1)
    assert write.key[0] == key


def test_a_row_of_an_unproven_key_is_made_once_and_then_only_updated(site: Site) -> None:
    writer = site.account().writer("credits", ["id"])
    write = sent(writer, {"id": 7, "amount": 1})
    assert (write.created, write.vendor_id) == (True, "7")
    later = prepared(writer, {"id": 7, "amount": 2}, vendor_id="7")
    assert (writer.is_idempotent(write), writer.is_idempotent(later)) == (True, True)
    assert not writer.is_idempotent(prepared(writer, {"id": 8}))
    site.counts = (0, 1)
    writer.send([later])
    assert later.created is False
    assert site.calls == ["POST /site/credits/", "PUT /site/credits/"]
    site.special = lambda request: (
        Reply(cut="before") if request.method == "POST" and "credits" in request.path else None
    )
    with pytest.raises(CallError):
        sent(writer, {"id": 9})
    assert site.calls.count("POST /site/credits/") == 2


def test_put_refuses_clearly_what_is_not_there(site: Site) -> None:
    site.counts = (0, 0)
    writer = site.account(write_method="PUT").writer("accounts")
    with pytest.raises(RefusedError, match=r"PUT only updates .* has no such row"):
        sent(writer, {"ref_id": "1"})


def test_a_key_that_is_none_is_told_of(site: Site) -> None:
    site.counts = (0, 0)
    writer = site.account().writer("credits", ["id"])
    with pytest.raises(RefusedError, match=r"not find it by id: .* primary_keys"):
        sent(writer, {"id": 7}, vendor_id="7")


@pytest.mark.parametrize(
    ("counts", "created"),
    [((2, 0), True), ((0, 2), False), ((2, 2), False), ((1, 1), None)],
)
def test_whether_rows_were_new(
    site: Site,
    counts: tuple[int, int],
    created: bool | None,  # noqa: FBT001
) -> None:
    site.counts = counts
    writer = site.account().writer("accounts")
    writes = [prepared(writer, {"ref_id": number}) for number in "12"]
    writer.send(writes)
    assert [write.created for write in writes] == [created, created]


@pytest.mark.parametrize("counts", [(3, 1), (0, 3), (-1, 3), (True, 1), ("2", 0), (2.0, 0)])
def test_counts_that_cannot_be_about_these_rows_are_unclear(
    site: Site, counts: tuple[t.Any, t.Any]
) -> None:
    site.counts = counts
    writer = site.account().writer("accounts")
    with pytest.raises(UnclearError) as unclear:
        writer.send([prepared(writer, {"ref_id": number}) for number in "12"])
    assert not unclear.value.can_be_learned, "what an aggregate means, its values say"


def test_a_row_is_found_by_its_key_or_keys(site: Site) -> None:
    site.rows = [
        {"order": "A/1", "line": 1},
        {"order": "A/1", "line": 2},
        {"order": "b", "line": 1},
    ]
    writer = site.account().writer("order_details", ["order", "line"])
    assert writer.can_look_up
    write = prepared(writer, {"order": "a/1", "line": 2})
    assert writer.find(write, fresh=True).vendor_id == "a/1,2"
    for order, line in (("A/1", 3), ("c", 1)):
        look = writer.find(prepared(writer, {"order": order, "line": line}), fresh=True)
        assert look.finding is Finding.NOT_SHOWN, "no document names these columns"
    # The first column is searched for, the others are compared.
    assert site.calls[0] == "GET /site/order_details/searchexact~order~a%2F1"


def test_a_search_that_cannot_be_trusted_is_no_absence(site: Site) -> None:
    writer = site.account().writer("credits", ["id"])
    look = writer.find(prepared(writer, {"id": "a~b"}), fresh=True)
    assert (look.finding, "no escape" in look.why) == (Finding.CANNOT_TELL, True)
    site.rows, site.filters = [{"id": "1"}], False
    assert writer.find(prepared(writer, {"id": "1"}), fresh=True).vendor_id == "1"
    look = writer.find(prepared(writer, {"id": "2"}), fresh=True)
    assert (look.finding, "other rows" in look.why) == (Finding.CANNOT_TELL, True)
    assert not site.account().writer("credits").can_look_up


def test_a_key_that_the_vendor_does_not_tell_stays_unknown_in_the_next_run(
    site: Site, tmp_path: pathlib.Path
) -> None:
    def answer(request: Request) -> Reply | None:
        if "credits" not in request.path:
            return None
        return Reply(cut="before") if request.method == "POST" else Reply(400, {"message": "no"})

    site.special = answer
    config = {
        "cimcloud": site.block(),
        "ledger": str(tmp_path / "ledger.sqlite"),
        "dead_letters": str(tmp_path / "dead"),
        "report_file": "none",
    }
    messages = [schema("cimcloud_credits", ["id"]), record("cimcloud_credits", id=7)]
    for _ in range(2):
        run = run_target(config, messages)
        assert run.code == REJECTED
        assert "unknown" in run.error
    assert site.calls.count("POST /site/credits/") == 1


def test_a_contact_names_its_account(site: Site) -> None:
    writer = site.account().writer("customers")
    write = prepared(writer, {"username": "ann", "a_id": "00-1"})
    assert write.parents == (Reference("cimcloud_accounts", ("ref_id=00-1",)),)


def test_flags_may_be_text_or_numbers(site: Site) -> None:
    writer = site.account().writer("accounts")
    for status in ("1", 1, True, None):
        writer.prepare({"ref_id": "1", "status": status})
    order = site.account().writer("order_passthrough")
    with pytest.raises(RefusedError, match="customer: required"):
        order.prepare({"order_number": "1"})


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{path}/{value}", "/site/products/a%2Fb"),
        ("/{path}/searchexact~{column}~{value}", "/site/products/searchexact~sku~a%2Fb"),
    ],
)
def test_rows_are_deleted_where_the_setting_says_how(site: Site, template: str, path: str) -> None:
    assert not site.account().writer("products").deletable
    writer = site.account(delete_path=template).writer("products")
    assert writer.deletable
    writer.delete(prepared(writer, {"sku": "a/b"}))
    assert site.calls == [f"DELETE {path}"]
    site.special = lambda request: Reply(404) if request.method == "DELETE" else None
    writer.delete(prepared(writer, {"sku": "a/b"}))  # it is gone
    site.special = lambda request: (
        Reply(body={"success": False, "message": "locked"}) if request.method == "DELETE" else None
    )
    with pytest.raises(RefusedError, match="locked"):
        writer.delete(prepared(writer, {"sku": "a/b"}))
    with pytest.raises(RefusedError, match="no escape"):
        writer.delete(prepared(writer, {"sku": "a~b"}))


def test_only_single_keys_of_standard_resources_can_be_deleted(site: Site) -> None:
    account = site.account(delete_path="{path}/{value}")
    assert not account.writer("order_passthrough").deletable
    assert not account.writer("credits").deletable
    assert not account.writer("credits", ["a", "b"]).deletable
    assert account.writer("credits", ["a"]).deletable
