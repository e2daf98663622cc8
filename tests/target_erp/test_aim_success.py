"""What AIM answers to a write: only the documented success counts (aim.md 3.2, 5.2)."""

from __future__ import annotations

import contextlib
import json
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erp_vendors.aim.write_specs import WRITE_SPECS
from erp_vendors.errors import CallError, Phase
from target_erp.delivery import RefusedError
from target_erp.delivery.answers import UnclearError
from target_erp.delivery.writer import Statement
from target_erp.writers.aim_lookups import look_up_of
from tests.erp_vendors.aim.shop import OK, Shop, error, open_shop, stock_error, to_xml
from tests.support.scale import full
from tests.support.stub import Reply
from tests.support.writers import Account, prepared, sent
from tests.target_erp.aim_records import ADD, CUSTOM, RECORDS

if t.TYPE_CHECKING:
    from target_erp.delivery import Write

pytestmark = pytest.mark.slow

CASES = sorted(RECORDS)


class Desk:
    """A shop whose answer to a write is set from outside."""

    def __init__(self, shop: Shop, entries: t.Iterable[t.Any] = (CUSTOM,)) -> None:
        self.shop = shop
        self.shop.operations["MatchCustomer"] = lambda _: {"PossibleMatches": []}
        self._account = Account("aim", shop.config(resources=list(entries)))

    def send(self, case: str, reply: Reply, **more: t.Any) -> Write:
        sink, operation, record = RECORDS[case]
        self.shop.special = lambda name, _: reply if name == operation else None
        try:
            return sent(self._account.writer(sink), {**record, **more})
        finally:
            self.shop.special = lambda *_: None

    def problem(self, case: str, reply: Reply) -> CallError | RefusedError | None:
        try:
            self.send(case, reply)
        except (CallError, RefusedError) as error:
            return error
        return None


@pytest.fixture(scope="module")
def shop() -> t.Iterator[Shop]:
    with open_shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def desk(shop: Shop) -> Desk:
    return Desk(shop)


@pytest.fixture(scope="module")
def writers(shop: Shop) -> list[t.Any]:
    account = Account("aim", shop.config(resources=[CUSTOM]))
    return [account.writer(sink, ["crm_id"]) for sink in {sink for sink, _, _ in RECORDS.values()}]


def test_every_operation_is_here() -> None:
    tried = {operation for _, operation, _ in RECORDS.values()}
    assert tried == {operation.name for sink in WRITE_SPECS for operation in sink.operations}


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.sampled_from(["", "Ok", "OK", "Error", "ERROR", "Failed", "0", "E1", "maintenance", "7"])
)
NAMES = st.sampled_from(
    [
        *("Status", "StatusCode", "ErrorCode", "ErrorMessage", "ErrorDisplayText", "ErrorItems"),
        *("Message", "message", "error", "ResponseStatus", "Errors", "Images", "Acct", "Customer"),
        *("status", "statusCode", "errorMessage", "PossibleMatches", "WebRef", "Success", "Data"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=6,
)
STATUS = st.dictionaries(
    st.sampled_from(["StatusCode", "ErrorCode", "ErrorMessage", "ErrorDisplayText", "Login"]),
    SCALARS,
)
ENVELOPES = st.builds(
    lambda status, more: {**more, "Status": status},
    STATUS | STATUS.map(lambda status: {**status, "StatusCode": "Ok"}) | SCALARS,
    st.dictionaries(NAMES, VALUES, max_size=2),
)
BODIES = (VALUES | ENVELOPES).map(lambda body: json.dumps(body).encode())
BROKEN = st.sampled_from(
    [
        b"",
        b" ",
        b"<html><body>Sign in</body></html>",
        b"<!DOCTYPE html><html></html>",
        b"<Answer/>",
        b"<Answer><Status><StatusCode>Ok</StatusCode>",
        b"<Answer><Message>An error has occurred.</Message></Answer>",
        b'{"Status": {"StatusCode": "Ok"',
        b'{"a":',
        b"Ok",
        b"[" * 3000,
    ]
)


def is_clear(raw: bytes) -> bool:
    """The success that the sheet documents, read a second time."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    status = body.get("Status") if isinstance(body, dict) else None
    if not isinstance(status, dict) or not isinstance(status.get("StatusCode"), str):
        return False
    return status["StatusCode"].lower() in {"ok", "0", "e1", "maintenance", "7"} and not any(
        status.get(name) not in (None, "", "0", 0) or status.get(name) is False
        for name in ("ErrorCode", "ErrorMessage")
    )


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=full(8, 40), deadline=None, suppress_health_check=list(HealthCheck))
@given(body=BODIES | BROKEN, status=st.sampled_from([200, 200, 201, 202]))
def test_nothing_else_than_the_documented_success_counts(
    desk: Desk, case: str, body: bytes, status: int
) -> None:
    problem = desk.problem(case, Reply(status, body))
    if problem is None:
        assert is_clear(body)
    elif isinstance(problem, UnclearError):
        assert (problem.phase, problem.answered_status) == (Phase.SENT, status)
    elif isinstance(problem, RefusedError):
        assert problem.reason == "error_items"
    else:
        assert problem.phase is Phase.ANSWERED  # a refusal in AIM's form


@pytest.mark.parametrize("case", CASES)
def test_the_documented_success_counts(desk: Desk, case: str) -> None:
    for word in ("Ok", "OK", "Success", "Done"):
        status = {"StatusCode": word, "Login": "E7", "ErrorCode": "0", "ErrorMessage": ""}
        desk.send(case, Reply(body={"Status": status}))
        desk.send(case, Reply(body=to_xml("Response", {"Status": {"StatusCode": word}})))


UNCLEAR: dict[str, t.Any] = {
    "nothing": b"",
    "null": None,
    "an empty object": {},
    "a list": [],
    "a list of answers": [{"Status": OK}],
    "a number": 1,
    "true": True,
    "text": "Ok",
    "a page": b"<html>Sign in</html>",
    "cut": b'{"Status": {"StatusCode": "Ok"',
    "XML that breaks off": b"<Response><Status><StatusCode>Ok",
    "XML without Status": b"<Response><Acct>7</Acct></Response>",
    "an error of no form": {"error": "maintenance"},
    "a message": {"Message": "An error has occurred."},
    "no word": {"Status": {}},
    "a word of failure": {"Status": {"StatusCode": "Failed"}},
    "a number for a word": {"Status": {"StatusCode": 0}},
    "a text for an envelope": {"Status": "Ok"},
    "a list for an envelope": {"Status": ["Ok"]},
    "two words": {"Status": {"statusCode": "Error", "StatusCode": "Ok"}},
    "a word and a message": {"Status": {"StatusCode": "Ok", "ErrorMessage": "a note"}},
    "a word and a code": {"Status": {"StatusCode": "Ok", "ErrorCode": "E1"}},
    "a message beside it": {"Status": OK, "Message": "queued"},
    "an error beside it": {"Status": OK, "ErrorDetails": "boom"},
    "an exception beside it": {"Status": OK, "Exception": {"Type": "x"}},
    "items of an odd type": {"Status": OK, "ErrorItems": "one"},
    "items in an object": {"Status": OK, "ErrorItems": {"Sku": "A"}},
    "images of an odd type": {"Status": OK, "Images": "none"},
}


@pytest.mark.parametrize("case", CASES)
def test_an_answer_that_proves_nothing_is_unclear(desk: Desk, case: str) -> None:
    for what, body in UNCLEAR.items():
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        problem = desk.problem(case, Reply(body=raw))
        assert isinstance(problem, UnclearError), what
        # What has an envelope must never be learned: its shape does not show what is in it.
        assert not (problem.can_be_learned and "Status" in (problem.shape.members or ())), what


REFUSALS: tuple[t.Any, ...] = (
    error("No", "E1"),
    {"Status": {"StatusCode": "ERROR"}},
    {"Status": {"StatusCode": "Rejected", "ErrorMessage": "No"}},
    {"status": {"statusCode": "Error", "errorMessage": "No"}},
    {"ResponseStatus": {"ErrorCode": "E1", "Message": "No"}},
    {"responseStatus": {"errorCode": "E1", "message": "No"}},
    {"ResponseStatus": {"Errors": [{"ErrorCode": "E1"}]}},
    to_xml("Response", {"Status": {"StatusCode": "Error", "ErrorMessage": "No"}}),
)


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_in_the_vendors_form_is_one(desk: Desk, case: str) -> None:
    for body in REFUSALS:
        problem = desk.problem(case, Reply(body=body))
        assert isinstance(problem, CallError)
        assert problem.phase is Phase.ANSWERED


@pytest.mark.parametrize("items", [[{"Sku": "A", "ErrorMessage": "unknown"}], [{}], ["A"], [None]])
def test_rows_that_failed_are_a_refusal(desk: Desk, items: list[t.Any]) -> None:
    for case in CASES:
        with pytest.raises(RefusedError, match="refuses 1 items"):
            desk.send(case, Reply(body={"Status": OK, "ErrorItems": items}))
    for nothing in (None, [], ""):
        desk.send("ScanForImport", Reply(body={"Status": OK, "ErrorItems": nothing}))


@pytest.mark.parametrize("pk", [5, "5"], ids=repr)
def test_an_image_that_failed_is_a_refusal_if_it_is_ours(desk: Desk, pk: t.Any) -> None:
    failed = {"UriPk": pk, "ErrorMessage": "not found"}
    reply = Reply(body={"Status": OK, "Images": [failed]})
    with pytest.raises(RefusedError, match="refuses 1 items"):
        desk.send("InventoryImage", reply, UriImagePksToDelete=[5])
    desk.send("InventoryImage", Reply(body={"Status": OK, "Images": [failed, None, 3]}))


def test_customers_who_stop_a_creation_are_no_success(desk: Desk) -> None:
    body = {"Status": OK, "PossibleMatches": [{"Acct": 5, "Name": "Ann Lee"}]}
    with pytest.raises(UnclearError) as caught:
        desk.send("AddCustomer with CHECK", Reply(body=body))
    assert not caught.value.can_be_learned
    assert desk.send("AddCustomer", Reply(body=body)).created is True


ANN = {"Acct": 5, "Name": "Ann Lee", "Email": "ann@example.com"}


@pytest.mark.parametrize(
    ("answer", "account"),
    [
        ({"Acct": 5}, "5"),
        ({"Acct": "5"}, "5"),
        ({"Customer": ANN}, "5"),
        ({"Customer": {"Acct": 5, "Name": "ANN  LEE"}}, "5"),
        ({"Acct": 0}, None),
        ({"Acct": True}, None),
        ({"Acct": {"Acct": 5}}, None),
        ({"PossibleMatches": [ANN]}, None),
        ({"Data": {"Customer": ANN}}, None),
        ({"Location": {"Acct": 5, "Desc": "Main"}}, None),
        ({"BillTo": {"Acct": 5, "Name": "Lee Music"}}, None),
        ({"Customer": {**ANN, "Email": "other@example.com"}}, None),
        ({"Customer": ANN, "Other": {**ANN, "Acct": 6}}, None),
        ({"Customer": {**ANN, "Acct": "A5"}}, None),
    ],
)
def test_the_account_of_a_new_customer(
    desk: Desk, answer: dict[str, t.Any], account: str | None
) -> None:
    write = desk.send("AddCustomer", Reply(body={"Status": OK, **answer}))
    assert write.vendor_id == (account or "untold")


def test_an_update_keeps_the_account_that_it_names(desk: Desk) -> None:
    desk.shop.operations["MatchCustomer"] = lambda _: {"PossibleMatches": [ANN]}
    write = desk.send("UpdateCustomer", Reply(body={"Status": OK, "Acct": 99}))
    assert (write.vendor_id, write.created) == ("7", False)
    desk.shop.operations["MatchCustomer"] = lambda _: {"PossibleMatches": []}


@pytest.mark.parametrize(
    ("case", "created"),
    [
        ("AddCustomer", True),
        ("UpdateCustomer", False),
        ("CustomerDependant", True),
        ("LinkExternalId", None),
        ("EditInventory", False),
        ("InventoryImage", None),
        ("custom", None),
    ],
)
def test_created_is_said_only_where_it_is_certain(desk: Desk, case: str, created: object) -> None:
    assert desk.send(case, Reply(body={"Status": OK})).created is created


@pytest.mark.parametrize("case", CASES)
def test_the_user_says_what_a_success_looks_like(shop: Shop, case: str) -> None:
    success: dict[str, t.Any] = {"status": 202, "type": "object", "members": ["Job"]}
    if case == "ContractScheduledReturns PUT":
        success["method"] = "PUT"
    entries = [{"name": "clockings", **CUSTOM}, {"name": RECORDS[case][0]}]
    entries = [{**entry, "success": success} for entry in entries]
    desk = Desk(shop, {str(entry["name"]): entry for entry in reversed(entries)}.values())
    assert desk.problem(case, Reply(202, {"Job": 5})) is None
    assert isinstance(desk.problem(case, Reply(200, {"Job": 5})), UnclearError)
    assert isinstance(desk.problem(case, Reply(202, {"Job": 5, "Message": "no"})), UnclearError)


@pytest.mark.parametrize(
    ("reply", "refusal"),
    [
        (Reply(404, error("Account 7 was not found")), True),
        (stock_error(404, "Customer not found", "NotFound"), True),
        (stock_error(405, "The contract is closed", "Closed"), True),
        (Reply(404, to_xml("E", error("Account 7 was not found"))), True),
        (Reply(404), False),
        (Reply(404, b"<html>Not found</html>"), False),
        (Reply(404, {"Message": "No HTTP resource was found that matches the request"}), False),
        (stock_error(405, "Method not supported", "NotImplemented"), False),
        (Reply(404, error("Unable to resolve service AddCustomer.", "NotFound")), False),
        (Reply(404, error("The module is not licensed")), False),
    ],
)
def test_a_missing_record_and_a_missing_operation(
    desk: Desk, reply: Reply, refusal: object
) -> None:
    with pytest.raises(CallError) as caught:
        desk.send("UpdateCustomer", reply)
    writer = Account("aim", desk.shop.config()).writer("customers")
    assert writer.is_refusal(caught.value) is refusal


@pytest.mark.parametrize("sink", [sink.name for sink in WRITE_SPECS])
def test_every_sink_states_what_is_known(desk: Desk, sink: str) -> None:
    writer: t.Any = Account("aim", desk.shop.config()).writer(sink)
    assert isinstance(writer.statement, Statement)
    assert all(writer.statement)
    reads = [look_up.read for look_up in map(look_up_of, writer.sink.operations) if look_up]
    assert all(read in writer.statement.look_up for read in reads)
    assert writer.can_look_up is bool(reads)


@settings(max_examples=full(15, 100), deadline=None, suppress_health_check=list(HealthCheck))
@given(record=st.dictionaries(NAMES | st.sampled_from(["AddressInfo", "crm_id", "Sub"]), VALUES))
def test_any_record_can_be_asked_for_its_keys(
    writers: list[t.Any], record: dict[str, t.Any]
) -> None:
    for writer in writers:
        keys = writer.identify(record)
        assert all(isinstance(part, str) for pair in keys for part in pair)
        with contextlib.suppress(RefusedError):
            assert prepared(writer, record).key == keys


def test_the_users_keys_are_further_ones(desk: Desk) -> None:
    entries = [
        {"name": "customers", "primary_keys": ["Pk"]},
        {"name": "web_orders", "primary_keys": ["site_no"]},
        {"name": "shipping_addresses", "primary_keys": ["guid"]},
    ]
    account = Account("aim", desk.shop.config(resources=entries))
    writer: t.Any = account.writer("web_orders", ["line", "part"])
    order = {"OrderNumber": "W-1", "site_no": 5, "line": 1, "part": 2, "LineItems": []}
    assert prepared(writer, order).key == (
        ("OrderNumber", "W-1"),
        ("line,part", "1,2"),
        ("site_no", "5"),
    )
    writer = account.writer("customers", ["crm_id"])
    customer = {**ADD, "crm_id": "C-1", "Pk": 9, "Acct": 7}
    assert writer.identify(customer) == (("crm_id", "C-1"), ("Pk", "9"), ("Acct", "7"))
    writer = account.writer("shipping_addresses")
    both = (("guid", "g"), ("CustomerAccount,AddressName", "7,Home"))
    assert writer.identify({"CustomerAccount": 7, "AddressName": "Home", "guid": "g"}) == both
    assert writer.identify({"guid": "g"}) == (("guid", "g"),)
