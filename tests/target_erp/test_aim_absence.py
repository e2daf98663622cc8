"""AIM's look-ups against whatever a shop may answer: never absent without proof, never found for
another record (aim.md 6, 8.1)."""

from __future__ import annotations

import itertools
import json
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erp_ledger import Known, RecordStatus
from erp_vendors.errors import DataError, ErpError
from target_erp.delivery.model import ABSENT, NOT_SHOWN, Finding, LookUpResult
from tests.erp_vendors.aim.shop import OK, Shop, error, open_shop, stock_error
from tests.support.scale import full, mostly_nightly
from tests.support.stub import Reply
from tests.support.writers import Account, prepared
from tests.target_erp.aim_records import ADD

if t.TYPE_CHECKING:
    from tests.target_erp.aim_records import Record

pytestmark = pytest.mark.slow

Row = dict[str, t.Any]

CUSTOMER = {**ADD, "Email": "ann@example.com", "HomePhone": "555-0100", "City": "Austin"}
SHOWN = {
    "Acct": 7,
    "Name": "Ann Lee",
    "Email": "ann@example.com",
    "Phone": "5550100",
    "City": "Austin",
}
KID = {"Acct": 7, "Name": "Kid Lee", "School": "North"}
HOME = {
    "CustomerAccount": 7,
    "AddressName": "Home",
    "AddressInfo": {"Address1": "1 Way", "City": "Austin", "HomePhone": "555-0100"},
}
HOME_SHOWN = {
    "Id": 3,
    "Name": "Home",
    "Address1": "1 Way",
    "City": "Austin",
    "Phone": "5550100",
    "Active": True,
}
ORDER = {"OrderNumber": "W-1", "LineItems": [{"Sku": "A", "Qty": 1}]}
PICKS = {
    "WebOrder": "W-1",
    "Items": [{"Id": 1, "QuantityPicked": 2}, {"Id": 2, "QuantityPicked": 1}],
}
BACK = {"Acct": 7, "Sub": 1, "ReturnDate": "2031-03-04T10:30:00"}
BACK_SHOWN = {
    "Acct": 7,
    "Sub": 1,
    "ScheduledReturnDate": "2031-03-04T10:30:00.0000000",
    "ScheduledReturnedRef": "SR1",
}
TICKET = {
    "RefNumber": "S-1",
    "CustomerAcct": 7,
    "ItemDescription": "Cello",
    "Notes": "bow",
}
TICKET_SHOWN = {
    "RefNumber": "0000012",
    "SoldToCustomerAcct": 7,
    "ItemDescription": "Cello",
    "Notes": "bow",
}
CONTRACT = {"WebRef": "C-1", "InstrumentId": 1, "RateId": 1, "CusAcct": 7}
IMAGES = {"ItemPk": 1, "NewImages": [{"FileName": "a.png", "Base64Image": "aGVsbG8="}]}
DELIVERY = {
    "RefNumber": "D-1",
    "TicketType": "Loaner",
    "Images": [{"Data": "aGVsbG8=", "FileName": "a"}],
}

READS = {
    "customers": ("MatchCustomer", "PossibleMatches", CUSTOMER),
    "customer_dependants": ("CustomerInfo", "", KID),
    "shipping_addresses": ("ShippingAddressLookup", "ShipTos", HOME),
    "web_orders": ("ECommerceOrderStatus", "", ORDER),
    "web_order_picks": ("CustomerOrderFulfillment", "Orders", PICKS),
    "scheduled_returns": ("ContractScheduledReturns", "Contracts", BACK),
    "service_tickets": ("ServiceTicketFullDetails", "Tickets", TICKET),
    "contracts": ("ContractFullDetails", "Contracts", CONTRACT),
    "inventory_images": ("InventoryImage", "Images", IMAGES),
    "delivery_tickets": ("DeliveryTickets", "Tickets", DELIVERY),
}
"""By sink: the read that is asked, its list, and a record."""
DOCUMENTED = ("customers", "customer_dependants", "shipping_addresses", "scheduled_returns")
"""Sinks whose look-up is documented to show what was written."""
NEVER_UNSEEN = ("delivery_tickets", "web_order_picks")
"""Sinks that change what is there: that it is not shown proves nothing, whatever else is shown."""


class Desk:
    """A shop whose answer to a look-up is set from outside."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._account = Account("aim", shop.config())
        clock = self._account.client("aim").transport.budget.clock
        clock.sleep = lambda _: None

    def look(self, sink: str, answer: t.Any, record: Record | None = None) -> LookUpResult:
        operation, _, known = READS[sink]
        writer = self._account.writer(sink)
        self.shop.special = lambda name, params: (
            (answer(params) if callable(answer) else answer) if name == operation else None
        )
        lost = Known(RecordStatus.INTENT, b"", None, None, None, 0)
        try:
            return writer.find(prepared(writer, record or known, known=lost), fresh=True)
        finally:
            self.shop.special = lambda *_: None

    def shown(self, sink: str, rows: t.Sequence[Row], record: Record | None = None) -> LookUpResult:
        """The look-up of a record where the shop shows some rows, whatever it is asked."""
        return self.look(sink, listing(sink, rows), record)


def ok(**members: t.Any) -> Reply:
    return Reply(body={"Status": OK, **members})


def listing(sink: str, rows: t.Sequence[Row]) -> Reply:
    if sink == "customer_dependants":
        return ok(Customer={"Acct": 7, "DependantInfo": list(rows)})
    return ok(**{READS[sink][1]: list(rows)})


@pytest.fixture(scope="module")
def desk() -> t.Iterator[Desk]:
    with open_shop() as shop:
        yield Desk(shop)


NOTHING: dict[str, Reply] = {
    "no content": Reply(204),
    "null": Reply(body=b"null"),
    "an empty object": Reply(body={}),
    "no envelope": Reply(body={"PossibleMatches": [], "ShipTos": [], "Contracts": []}),
    "a bare list": Reply(body=b"[]"),
    "an empty envelope": Reply(body={"Status": {}}),
    "a word of failure": Reply(body={"Status": {"StatusCode": "Failed"}}),
    "a word and a message": Reply(body={"Status": {"StatusCode": "Ok", "ErrorMessage": "later"}}),
    "maintenance": Reply(body={"error": "maintenance"}),
    "a message": Reply(body={"Message": "An error has occurred."}),
    "an error": Reply(body=error("Something broke")),
    "no operation": Reply(body=error("Unable to resolve service.", "NotFound")),
    "an unknown parameter": Reply(body=error("Unknown parameter Email")),
    "no database": Reply(body=error("The database was not found")),
    "a missing address": Reply(404),
    "a missing page": Reply(404, b"<html>Not found</html>"),
    "a server error": stock_error(500, "boom"),
}


@pytest.mark.parametrize(("what", "sink"), mostly_nightly(itertools.product(NOTHING, READS)))
def test_an_answer_that_is_none_proves_nothing(desk: Desk, sink: str, what: str) -> None:
    with pytest.raises(ErpError):
        desk.look(sink, NOTHING[what])


@pytest.mark.parametrize("sink", READS)
def test_a_list_that_is_left_out_proves_nothing_by_itself(desk: Desk, sink: str) -> None:
    look = desk.look(sink, ok(Customer={"Acct": 7}) if sink == "customer_dependants" else ok())
    assert look == NOT_SHOWN or (sink in NEVER_UNSEEN and look.finding is Finding.CANNOT_TELL)


@pytest.mark.parametrize("sink", READS)
@pytest.mark.parametrize("rows", [{}, {"Id": 1}, "none", 5, [1], [None]], ids=repr)
def test_something_else_than_a_list_proves_nothing(desk: Desk, sink: str, rows: t.Any) -> None:
    if sink == "web_orders":
        look = desk.look(sink, ok(LineItems=rows))
    elif sink == "customer_dependants":
        look = desk.look(sink, ok(Customer={"Acct": 7, "DependantInfo": rows}))
    elif sink == "web_order_picks":
        look = desk.look(sink, ok(WebOrder="W-1", Items=rows, Orders=rows))
    else:
        with pytest.raises(DataError):
            desk.look(sink, ok(**{READS[sink][1]: rows}))
        return
    assert look.finding in {Finding.NOT_SHOWN, Finding.CANNOT_TELL}


@pytest.mark.parametrize("sink", [*DOCUMENTED, "inventory_images"])
def test_a_clear_answer_without_it_is_an_absence(desk: Desk, sink: str) -> None:
    assert desk.shown(sink, []) == ABSENT


@pytest.mark.parametrize("sink", ["customers", "scheduled_returns", "shipping_addresses"])
@pytest.mark.parametrize(
    "more", [{"RemainingRecords": 1}, {"RemainingRecords": "3"}, {"TotalRecords": 2}]
)
def test_a_list_that_is_cut_proves_nothing(desk: Desk, sink: str, more: Row) -> None:
    with pytest.raises(DataError, match="more records"):
        desk.look(sink, ok(**{READS[sink][1]: []}, **more))


@pytest.mark.parametrize("sink", ["service_tickets", "contracts"])
def test_a_look_up_that_is_not_documented_proves_no_absence(desk: Desk, sink: str) -> None:
    assert desk.shown(sink, []) == NOT_SHOWN
    assert (
        desk.look(sink, Reply(body=error("No tickets or contracts were found"))).finding
        is Finding.NOT_SHOWN
    )


FOUND = Finding.FOUND
CANNOT_TELL = Finding.CANNOT_TELL
GONE = Finding.ABSENT
ROWS: list[tuple[str, list[Row], Finding]] = [
    ("customers", [SHOWN], FOUND),
    ("customers", [{**SHOWN, "Name": "ANN  LEE ", "Phone": "(555) 0100"}], FOUND),
    ("customers", [{**SHOWN, "City": None}], FOUND),
    ("customers", [{**SHOWN, "Name": "Lee, Ann"}], CANNOT_TELL),
    ("customers", [{**SHOWN, "City": "Dallas"}], CANNOT_TELL),
    ("customers", [{**SHOWN, "Acct": None}], CANNOT_TELL),
    ("customers", [{**SHOWN, "Email": None}], CANNOT_TELL),
    ("customers", [{**SHOWN, "Name": None}], CANNOT_TELL),
    ("customers", [{**SHOWN, "Phone": "+1 555-0100"}], CANNOT_TELL),
    ("customers", [SHOWN, {**SHOWN, "Acct": 8}], CANNOT_TELL),
    ("customers", [{}], CANNOT_TELL),
    ("customers", [{**SHOWN, "Name": "Bob Lee"}], GONE),
    ("customers", [{**SHOWN, "Email": "bob@example.com"}], GONE),
    ("customers", [{**SHOWN, "Phone": "5550199"}], GONE),
    ("customers", [{**SHOWN, "Acct": 8, "Name": "Bob Lee"}, SHOWN], FOUND),
    ("customer_dependants", [{"Id": 4, "Name": "KID LEE", "School": "north"}], FOUND),
    ("customer_dependants", [{"Id": 4, "Name": "Kid Lee"}], CANNOT_TELL),
    ("customer_dependants", [{"Id": 4, "Name": "Kid Lee", "School": "South"}], CANNOT_TELL),
    ("customer_dependants", [{"Id": 4, "School": "North"}], CANNOT_TELL),
    ("customer_dependants", [{"Id": 4, "Name": "Kid Ley", "School": "North"}], GONE),
    (
        "customer_dependants",
        [{"Id": n, "Name": "Kid Lee", "School": "North"} for n in (4, 5)],
        CANNOT_TELL,
    ),
    ("shipping_addresses", [HOME_SHOWN], FOUND),
    ("shipping_addresses", [{**HOME_SHOWN, "City": "AUSTIN", "Phone": "555 0100"}], FOUND),
    ("shipping_addresses", [HOME_SHOWN, {**HOME_SHOWN, "Id": 4}], CANNOT_TELL),
    ("shipping_addresses", [{**HOME_SHOWN, "Active": False}], CANNOT_TELL),
    ("shipping_addresses", [{**HOME_SHOWN, "Zip": "78701"}], CANNOT_TELL),
    ("shipping_addresses", [{**HOME_SHOWN, "Address1": None}], CANNOT_TELL),
    ("shipping_addresses", [{**HOME_SHOWN, "Name": None}], CANNOT_TELL),
    ("shipping_addresses", [{**HOME_SHOWN, "Address1": "2 Way"}], GONE),
    ("shipping_addresses", [{**HOME_SHOWN, "Name": "Work"}], GONE),
    *(
        ("web_order_picks", [{"WebOrder": order, "Items": items}], finding)
        for order, picked, finding in (
            ("W-1", (2, 1), FOUND),
            ("W-1", ("2.00", 1), FOUND),
            # Whether a report replaces the one before or adds to it: either way it was not taken.
            ("W-1", (1, 0), GONE),
            ("W-1", (0, 0), GONE),
            ("W-1", (2, 0), CANNOT_TELL),
            ("W-1", (4, 2), CANNOT_TELL),
            ("W-1", (None, 1), CANNOT_TELL),
            ("W-1", (True, 1), CANNOT_TELL),
            ("W-1", ("NaN", 1), CANNOT_TELL),
            ("W-2", (2, 1), CANNOT_TELL),
        )
        for items in ([{"Id": n, "QuantityPicked": q} for n, q in enumerate(picked, 1)],)
    ),
    (
        "web_order_picks",
        [{"WebOrder": "W-1", "Items": [{"Id": 1, "QuantityPicked": 2}]}],
        CANNOT_TELL,
    ),
    ("web_order_picks", [{**PICKS}, {**PICKS}], CANNOT_TELL),
    ("scheduled_returns", [BACK_SHOWN], FOUND),
    ("scheduled_returns", [{**BACK_SHOWN, "ScheduledReturnDate": "2031-03-04T10:30:00"}], FOUND),
    (
        "scheduled_returns",
        [{**BACK_SHOWN, "ScheduledReturnDate": "2031-03-04T00:00:00"}],
        CANNOT_TELL,
    ),
    (
        "scheduled_returns",
        [{**BACK_SHOWN, "ScheduledReturnDate": "2031-03-04T16:30:00Z"}],
        CANNOT_TELL,
    ),
    (
        "scheduled_returns",
        [{**BACK_SHOWN, "ScheduledReturnDate": "/Date(1930386600000)/"}],
        CANNOT_TELL,
    ),
    ("scheduled_returns", [{**BACK_SHOWN, "ScheduledReturnDate": None}], CANNOT_TELL),
    ("scheduled_returns", [{**BACK_SHOWN, "Sub": None}], CANNOT_TELL),
    ("scheduled_returns", [BACK_SHOWN, BACK_SHOWN], CANNOT_TELL),
    ("scheduled_returns", [{**BACK_SHOWN, "Sub": 2}], GONE),
    ("scheduled_returns", [{**BACK_SHOWN, "ScheduledReturnDate": "2031-03-05T10:30:00"}], GONE),
    # The shop shows these whatever it is asked: its filter by reference filters nothing.
    ("service_tickets", [TICKET_SHOWN], CANNOT_TELL),
    ("service_tickets", [{**TICKET_SHOWN, "Notes": "Bow! is broken", "Tax1": 1}], CANNOT_TELL),
    ("service_tickets", [{"RefNumber": "12", "Services": [{"Text": "Cello: bow"}]}], CANNOT_TELL),
    ("service_tickets", [{**TICKET_SHOWN, "WebRef": "S-1"}], FOUND),
    ("service_tickets", [{**TICKET_SHOWN, "RefNumber": "S-1", "Notes": "peg"}], Finding.NOT_SHOWN),
    ("service_tickets", [{**TICKET_SHOWN, "SoldToCustomerAcct": 8}], Finding.NOT_SHOWN),
    ("contracts", [{"WebRef": "C-1", "Acct": 7}], FOUND),
    ("contracts", [{"Acct": 7, "Sub": 1}], CANNOT_TELL),
    ("contracts", [{"WebRef": "C-2", "Acct": 7}], CANNOT_TELL),
    ("contracts", [{"WebRef": "C-1", "Acct": 8}], CANNOT_TELL),
    ("contracts", [{"WebRef": "C-1"}, {"WebRef": "C-1"}], CANNOT_TELL),
    ("inventory_images", [{"ImageStream": "aGVsbG8=", "UriPk": 1}], FOUND),
    ("inventory_images", [{"Url": "https://x/a.png", "UriPk": 1}], CANNOT_TELL),
    ("inventory_images", [{"UriPk": 1}], CANNOT_TELL),
    ("inventory_images", [{"ErrorMessage": "no image"}], CANNOT_TELL),
    ("delivery_tickets", [{"RefNumber": "D-1", "HasImages": False}], GONE),
    ("delivery_tickets", [{"RefNumber": "D-1", "HasImages": True}], CANNOT_TELL),
    ("delivery_tickets", [{"RefNumber": "D-1"}], CANNOT_TELL),
    ("delivery_tickets", [{"HasImages": False}], CANNOT_TELL),
    ("delivery_tickets", [], CANNOT_TELL),
]


@pytest.mark.parametrize(("sink", "rows", "finding"), ROWS, ids=map(str, range(len(ROWS))))
def test_rows_prove_presence_or_absence(
    desk: Desk, sink: str, rows: list[Row], finding: Finding
) -> None:
    assert desk.shown(sink, rows).finding is finding


@pytest.mark.parametrize("rows", [[TICKET_SHOWN], [{"ItemDescription": "Cello", "Notes": "bow"}]])
def test_a_ticket_is_found_by_a_reference_that_filters(desk: Desk, rows: list[Row]) -> None:
    def shop(params: t.Mapping[str, str]) -> Reply:
        return ok(Tickets=rows if params.get("RefNumber") == "S-1" else [])

    assert desk.look("service_tickets", shop) == LookUpResult.found("S-1")
    assert desk.look("service_tickets", shop, {**TICKET, "RefNumber": "S-2"}) == NOT_SHOWN
    # AIM's own number may be the same as our reference.
    assert desk.look("service_tickets", shop, {**TICKET, "Notes": "peg"}) == NOT_SHOWN


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (ok(OrderStatus="O", LineItems=[{"Sku": "A"}]), FOUND),
        (ok(OrderStatus="O"), FOUND),
        (ok(OrderStatusDescription="Not shipped"), FOUND),
        (ok(OrderStatusDescription="Order not found"), Finding.NOT_SHOWN),
        (ok(LineItems=[], ShippingInfo=[]), Finding.NOT_SHOWN),
        (ok(LineItems=[{"Sku": "B"}]), CANNOT_TELL),
        (Reply(body=error("Order W-1 was not found")), GONE),
        (stock_error(404, "Order W-1 was not found"), GONE),
    ],
)
def test_the_status_of_an_order_proves_presence_or_absence(
    desk: Desk, answer: Reply, finding: Finding
) -> None:
    assert desk.look("web_orders", answer).finding is finding


def test_an_order_of_another_type_is_not_ours(desk: Desk) -> None:
    def shop(params: t.Mapping[str, str]) -> Reply:
        if params.get("OrderType") == "A":
            return ok(OrderStatus="O", LineItems=[{"Sku": "A"}])
        return Reply(body=error("Order not found"))

    assert desk.look("web_orders", shop).finding is CANNOT_TELL


@pytest.mark.parametrize("question", ["all", "Email", "Name"])
def test_a_customer_is_seen_however_the_filters_combine(desk: Desk, question: str) -> None:
    """The shop may want one filter to fit, or all, and may have changed what it keeps."""

    def shop(params: t.Mapping[str, str]) -> Reply:
        asked = [name for name in ("Name", "Email", "HomePhone") if name in params]
        hit = asked == [question] or (question == "all" and len(asked) == 3)
        return ok(PossibleMatches=[SHOWN] if hit else [])

    assert desk.look("customers", shop) == LookUpResult.found("7")


@pytest.mark.parametrize("day", ["2031-03-04", "2031-03-04T10:30"])
def test_a_moment_that_is_sent_in_part(desk: Desk, day: str) -> None:
    assert (
        desk.shown("scheduled_returns", [BACK_SHOWN], {**BACK, "ReturnDate": day}).finding is FOUND
    )


@pytest.mark.parametrize("shown", ["2031-03-03T23:30:00", "2031-03-04T10:30:00"])
def test_a_moment_with_a_zone_may_be_another_day_at_the_shop(desk: Desk, shown: str) -> None:
    record = {**BACK, "ReturnDate": "2031-03-04T10:30:00+12:00"}
    rows = [{**BACK_SHOWN, "ScheduledReturnDate": shown}]
    assert desk.shown("scheduled_returns", rows, record).finding is CANNOT_TELL


def test_texts_that_the_shop_cuts(desk: Desk) -> None:
    long = "A name of more than twenty characters, and a good deal more than that"
    rows = [{**SHOWN, "Name": long[:30]}]
    assert desk.shown("customers", rows, {**CUSTOMER, "Name": long}).finding is CANNOT_TELL
    rows = [{**TICKET_SHOWN, "Notes": long[:30]}]
    assert desk.shown("service_tickets", rows, {**TICKET, "Notes": long}).finding is CANNOT_TELL
    rows = [{**HOME_SHOWN, "Zip": "78701"}]
    record = {**HOME, "AddressInfo": {**HOME["AddressInfo"], "Zip": "78701-1234"}}  # type: ignore[dict-item]
    assert desk.shown("shipping_addresses", rows, record).finding is CANNOT_TELL


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "Ok", "Error", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("Status", "StatusCode", "ErrorMessage", "Message", "Acct", "Id", "WebRef"),
                    *("PossibleMatches", "ShipTos", "Contracts", "Tickets", "Images", "Customer"),
                    *("DependantInfo", "OrderStatus", "LineItems", "RemainingRecords", "Name"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("sink", READS)
@settings(max_examples=full(8, 40), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    answer=JSON | st.dictionaries(st.sampled_from([name for _, name, _ in READS.values()]), JSON)
)
def test_no_answer_shows_a_record_or_its_absence_by_accident(
    desk: Desk, sink: str, answer: t.Any
) -> None:
    clear = isinstance(answer, dict) and answer.get("Status") == OK
    for body in (answer, {**answer, "Status": OK}) if isinstance(answer, dict) else (answer,):
        desk.shop.operations.clear()
        try:
            look = desk.look(sink, Reply(body=json.dumps(body).encode()))
        except ErpError:
            continue
        clear = isinstance(body, dict) and body.get("Status") == OK
        assert look.finding is not Finding.FOUND or (
            sink == "web_orders" and body.get("OrderStatus")
        )
        if look.finding is Finding.ABSENT:
            assert clear
            assert sink in {*DOCUMENTED, "inventory_images"}


def shown_by_a_shop(row: Row) -> st.SearchStrategy[Row]:
    """A row of what was sent as a shop may keep it: members left out, text in other letters."""
    kept = {
        name: st.sampled_from(
            [value, None, str(value).upper(), f" {value} "] if isinstance(value, str) else [value]
        )
        for name, value in row.items()
    }
    more = st.dictionaries(st.sampled_from(["Pk", "Barcode", "TaxLoc"]), st.just("x"))
    return st.builds(lambda known, extra: {**extra, **known}, st.fixed_dictionaries(kept), more)


WRITTEN: dict[str, Row] = {
    "customers": SHOWN,
    "customer_dependants": {"Id": 4, "Name": "Kid Lee", "School": "North"},
    "shipping_addresses": HOME_SHOWN,
    "scheduled_returns": BACK_SHOWN,
}


@pytest.mark.parametrize("sink", WRITTEN)
@settings(max_examples=full(8, 40), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_record_that_is_there_is_never_absent(desk: Desk, sink: str, data: st.DataObject) -> None:
    row = data.draw(shown_by_a_shop(WRITTEN[sink]))
    others = data.draw(st.lists(shown_by_a_shop({**WRITTEN[sink], "Id": 9}), max_size=1))
    look = desk.shown(sink, [*others, row])
    assert look.finding in {Finding.FOUND, Finding.CANNOT_TELL}


IDENTIFIES = {
    "customers": ("Name", "Email", "Phone"),
    "customer_dependants": ("Name", "School"),
    "shipping_addresses": ("Name", "Address1", "City", "Phone"),
    "scheduled_returns": ("Acct", "Sub", "ScheduledReturnDate"),
}


@pytest.mark.parametrize("sink", WRITTEN)
@settings(max_examples=full(8, 40), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_another_record_is_never_found(desk: Desk, sink: str, data: st.DataObject) -> None:
    row = data.draw(shown_by_a_shop(WRITTEN[sink]))
    name = data.draw(st.sampled_from(IDENTIFIES[sink]))
    other = {**row, name: {"Acct": 8, "Sub": 2}.get(name, "7 others")}
    assert desk.shown(sink, [other]).finding is not Finding.FOUND
    # Two of a kind cannot be told apart.
    assert desk.shown(sink, [WRITTEN[sink], WRITTEN[sink]]).finding is Finding.CANNOT_TELL
