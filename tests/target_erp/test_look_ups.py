"""Looking for a record at each vendor: found, proven absent, not seen, or nobody can tell."""

from __future__ import annotations

import json
import typing as t
import urllib.parse

import pytest

from erp_vendors.errors import CallError, MissingResourceError
from target_erp.delivery import RefusedError
from target_erp.delivery.model import Finding, LookUpResult
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.writers import Account, prepared

if t.TYPE_CHECKING:
    from target_erp.delivery import Writer

pytestmark = pytest.mark.slow

Row = dict[str, t.Any]


class Place:
    """A vendor that answers a look-up as it is told, and lists what it has."""

    vendor: str
    resource: str
    record: t.ClassVar[Row]
    mine: t.ClassVar[Row]
    other: t.ClassVar[Row]
    absent = Finding.NOT_SHOWN
    several: Finding | None = Finding.FOUND

    def __init__(self) -> None:
        self.stub: Stub
        self.rows: list[Row] = []
        self.answer: t.Callable[[], Reply] | None = None
        self.filters = True

    def script(self, request: Request) -> Reply:
        if request.method == "POST":
            token = {"token": "a-token", "access_token": "t", "expires_in": 3600}
            return Reply(body={**token, "expiration": "2999-01-01T00:00:00Z"})
        if self.answer is not None and self.is_look_up(request):
            return self.answer()
        return self.list(request)

    def is_look_up(self, request: Request) -> bool:
        """Whether a GET is the look-up, and not the list."""
        raise NotImplementedError

    def list(self, request: Request) -> Reply:
        raise NotImplementedError

    def wrapped(self, rows: list[t.Any]) -> t.Any:
        return rows

    def block(self) -> Row:
        return {"username": "u", "password": "p-1234"}

    def writer(self, **more: t.Any) -> Writer:
        block = {"api_url": self.stub.url, "requests_per_second": 1000, **self.block(), **more}
        return Account(self.vendor, block).writer(self.resource)

    def look(self, writer: Writer, *, fresh: bool = True) -> LookUpResult:
        return writer.find(prepared(writer, self.record), fresh=fresh)


class Cimcloud(Place):
    vendor, resource = "cimcloud", "customers"
    record: t.ClassVar[Row] = {"username": "ann", "c_em": "a@x"}
    mine: t.ClassVar[Row] = {"username": "Ann"}
    other: t.ClassVar[Row] = {"username": "bob"}
    several = Finding.FOUND

    def block(self) -> Row:
        return {**super().block(), "site_name": "site", "auth_key": "key-1234"}

    def is_look_up(self, request: Request) -> bool:
        return "searchexact" in request.path

    def list(self, request: Request) -> Reply:
        search = urllib.parse.unquote(request.path.rpartition("/")[2])
        if "~" not in search or not self.filters:
            return Reply(body=self.rows)
        _, column, value = search.split("~")
        return Reply(
            body=[row for row in self.rows if str(row.get(column)).lower() == value.lower()]
        )


class Accounts(Cimcloud):
    """By a column that the vendor documents."""

    resource = "accounts"
    record: t.ClassVar[Row] = {"ref_id": "1", "nm": "A"}
    mine: t.ClassVar[Row] = {"ref_id": "1"}
    other: t.ClassVar[Row] = {"ref_id": "2"}
    absent = Finding.ABSENT


class Pentamic(Place):
    vendor, resource = "pentamic", "customers"
    record: t.ClassVar[Row] = {"name": "Ann", "taxCode": "0106"}
    mine: t.ClassVar[Row] = {"id": 1, "name": "Ann", "taxCode": 106}
    other: t.ClassVar[Row] = {"id": 2, "name": "Bob", "taxCode": "9"}
    absent = Finding.ABSENT
    several = None

    def block(self) -> Row:
        client = {"client_id": "c", "client_secret": "s3cret-pass", "scope": "s"}
        return {**client, "token_url": f"{self.stub.url}/token"}

    def is_look_up(self, request: Request) -> bool:  # noqa: ARG002
        return True

    def list(self, request: Request) -> Reply:  # noqa: ARG002
        return Reply(body=self.rows)


class Aims360(Place):
    vendor, resource = "aims360", "orders"
    record: t.ClassVar[Row] = {"thirdPartyOrderID": "T-1"}
    mine: t.ClassVar[Row] = {"thirdPartyOrderID": "t-1", "order": "000123"}
    other: t.ClassVar[Row] = {"thirdPartyOrderID": "T-2", "order": "000124"}

    def block(self) -> Row:
        return {"access_token": "a.b.c"}

    def is_look_up(self, request: Request) -> bool:
        return "filter" in request.path

    def list(self, request: Request) -> Reply:
        rows = self.rows
        if "filter" in request.path and self.filters:
            value = urllib.parse.unquote(request.path).partition("'")[2].partition("'")[0]
            rows = [r for r in rows if r["thirdPartyOrderID"].lower() == value.lower()]
        return Reply(body={"value": rows, "@odata.count": len(rows)})

    def wrapped(self, rows: list[t.Any]) -> t.Any:
        return {"value": rows}


class Aimsio(Place):
    """The index is what answers; single records are there."""

    vendor, resource = "aimsio", "companies"
    record: t.ClassVar[Row] = {"companyCode": "C-1"}
    mine: t.ClassVar[Row] = {"guid": "G1", "updatedAt": 1}
    other: t.ClassVar[Row] = {"guid": "G2", "updatedAt": 2}

    def __init__(self) -> None:
        super().__init__()
        self.details: dict[str, Row] = {
            "G1": {"companyGuid": "G1", "companyCode": "C-1"},
            "G2": {"companyGuid": "G2", "companyCode": "C-2"},
            "G3": {"companyGuid": "G3", "companyCode": "C-1"},
        }

    def is_look_up(self, request: Request) -> bool:
        return request.path.endswith("/Company")

    def list(self, request: Request) -> Reply:
        if request.path.endswith("/Company"):
            return Reply(body=self.rows)
        found = self.details.get(request.path.rpartition("/")[2])
        return Reply(404) if found is None else Reply(body=found)


PLACES: tuple[type[Place], ...] = (Accounts, Cimcloud, Pentamic, Aims360, Aimsio)


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Place]:
    monkeypatch.setattr("erp_vendors.pentamic.client._PAUSE", 0.0)
    made = request.param()
    with running_stub(made.script) as made.stub:
        yield made


def test_a_record_that_is_there_is_found(place: Place) -> None:
    place.rows = [place.other, place.mine]
    look = place.look(place.writer())
    assert look.finding is Finding.FOUND
    assert look.vendor_id


def test_a_record_is_absent_only_by_a_documented_look_up(place: Place) -> None:
    place.rows = [place.other]
    writer = place.writer()
    assert place.look(writer).finding is place.absent
    if place.absent is Finding.NOT_SHOWN:
        assert writer.control(), "the other one is listed, and found by the same look-up"


def test_an_empty_vendor_has_no_control(place: Place) -> None:
    writer = place.writer()
    assert place.look(writer).finding is place.absent
    # Only AIMS360 counts what it has; no count is no proof.
    assert writer.control() is (place.vendor == "aims360")
    place.answer = lambda: Reply(body=place.wrapped([]))
    assert place.look(writer).finding is place.absent


@pytest.mark.parametrize(
    "body",
    [
        {"error": "maintenance"},
        {"Message": "An error has occurred."},
        [{"error": "maintenance"}],
        [None],
        ["x"],
        None,
        b"",
        b"[{",
        b"<html><body>Log in</body></html>",
        7,
    ],
    ids=repr,
)
def test_an_answer_that_shows_neither_tells_nothing(place: Place, body: t.Any) -> None:
    place.rows = [place.other, place.mine]
    said = place.wrapped(body) if isinstance(body, list) else body
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    place.answer = lambda: Reply(body=raw)
    look = place.look(place.writer())
    assert look.finding is Finding.CANNOT_TELL
    assert look.why


def test_a_filter_that_is_ignored_proves_no_absence(place: Place) -> None:
    if place.vendor in {"pentamic", "aimsio"}:
        pytest.skip("it filters nothing")
    place.rows, place.filters = [place.other], False
    writer = place.writer()
    assert place.look(writer).finding is Finding.CANNOT_TELL


def test_several_records_with_one_key(place: Place) -> None:
    twin = {**place.mine, "guid": "G3"} if place.vendor == "aimsio" else {**place.mine, "id": 9}
    place.rows = [place.mine, twin]
    if place.several is None:
        with pytest.raises(RefusedError, match="2 records have"):
            place.look(place.writer())
    else:
        assert place.look(place.writer()).finding is place.several


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_look_up_that_fails_proves_nothing(place: Place, status: int) -> None:
    place.answer = lambda: Reply(status, {"error": {"code": "X", "message": "no"}})
    try:
        look = place.look(place.writer())
    except (CallError, MissingResourceError):
        return
    assert look.finding is Finding.CANNOT_TELL


def test_a_column_that_is_not_known_has_no_control() -> None:
    place = Cimcloud()
    place.rows = [{"c_id": "1"}, {"username": "", "c_id": "2"}]
    with running_stub(place.script) as place.stub:
        writer = place.writer()
        assert place.look(writer).finding is Finding.NOT_SHOWN
        assert not writer.control(), "no listed row has a username"


def test_rows_with_one_key_are_told_apart_by_better_keys() -> None:
    place = Accounts()
    place.rows = [{"ref_id": "1", "acct_guid": "other"}]
    with running_stub(place.script) as place.stub:
        entry = {"name": "accounts", "primary_keys": ["acct_guid"]}
        writer = place.writer(resources=[entry])
        write = prepared(writer, {"ref_id": "1", "acct_guid": "mine"})
        assert writer.find(write, fresh=True).finding is Finding.NOT_SHOWN
        place.rows = [{"ref_id": "1", "acct_guid": ""}]
        assert writer.find(write, fresh=True).finding is Finding.FOUND


def test_a_list_that_lacks_what_this_run_wrote_is_not_whole() -> None:
    place = Pentamic()
    place.rows = [place.other]
    with running_stub(place.script) as place.stub:
        writer = place.writer()
        assert place.look(writer).finding is Finding.ABSENT
        t.cast("t.Any", writer)._listing.add(place.mine)  # noqa: SLF001 - as `send` does
        write = prepared(writer, {"name": "Cy", "taxCode": "77"})
        look = writer.find(write, fresh=True)
        assert (look.finding, "this run has written" in look.why) == (Finding.CANNOT_TELL, True)
        place.rows = []
        assert writer.find(write, fresh=True).finding is Finding.CANNOT_TELL
        assert "taxCode" not in place.look(writer).why


def test_a_list_that_is_empty_and_was_not_before_proves_nothing() -> None:
    place = Pentamic()
    place.rows = [place.other]
    with running_stub(place.script) as place.stub:
        writer = place.writer()
        assert place.look(writer).finding is Finding.ABSENT
        place.rows = []
        look = place.look(writer)
        assert (look.finding, "was not before" in look.why) == (Finding.CANNOT_TELL, True)


@pytest.mark.parametrize(
    ("vendor", "body", "refusal"),
    [
        ("aims360", '{"requestId": "1", "error": {"code": "InvalidInput", "message": "x"}}', True),
        ("aims360", '{"error": {"code": "UnsupportedHttpVerb"}}', False),
        ("aims360", '{"error": "x"}', False),
        ("cimcloud", '{"success": false, "message": "x"}', True),
        ("cimcloud", '{"message": "x"}', False),
        ("pentamic", '{"error": "ID_NOTFOUND"}', True),
        ("pentamic", '{"error": "not found"}', False),
        ("aimsio", '{"errors": ["x"]}', False),
        *((name, text, False) for name in ("aims360", "cimcloud") for text in ("<html>", "", "[]")),
    ],
)
def test_which_404_is_about_the_record(vendor: str, body: str, *, refusal: bool) -> None:
    from erp_vendors.errors import Phase  # noqa: PLC0415

    made = next(place for place in PLACES if place.vendor == vendor)()
    with running_stub(made.script) as made.stub:
        error = CallError("x", phase=Phase.ANSWERED, status=404, body=body)
        assert made.writer().is_refusal(error) is refusal
