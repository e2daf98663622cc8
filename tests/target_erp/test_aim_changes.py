"""AIM: what was created is changed where an operation does it, and what AIM says of it is told."""

from __future__ import annotations

import json
import logging
import typing as t

import pytest

from erp_ledger import Known, RecordStatus
from erp_sandbox.testing import running_sandbox
from tests.erp_vendors.aim.shop import OK, Shop, open_shop, to_xml
from tests.support.aim import shop_block
from tests.support.plugins import record, run_target, schema
from tests.support.stub import Reply
from tests.support.writers import Account, prepared, sent
from tests.target_erp.aim_records import ADD, RECORDS

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox
    from tests.support.plugins import TargetRun

Message = dict[str, t.Any]
CONTRACT = {"InstrumentId": 1, "RateId": 1}
GUEST = {"Name": "Ann", "Email": "ann@example.com"}


class Site:
    """A sandbox, and a target that writes to it."""

    def __init__(self, sandbox: RunningSandbox, folder: pathlib.Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.settings: Message = {
            "aim": shop_block(sandbox),
            "ledger": str(folder / "ledger.sqlite"),
            "dead_letters": str(folder / "dead"),
            "report_file": "none",
        }

    def run(self, stream: str, keys: list[str], *rows: Message, **more: t.Any) -> TargetRun:
        messages = [schema(stream, keys), *(record(stream, **row) for row in rows)]
        return run_target({**self.settings, **more}, messages)

    def writes(self) -> list[str]:
        """The operations that were called, apart from reads and logins."""
        names = [
            call["template"].rpartition("/")[2]
            for call in self.sandbox.calls("aim")
            if call["method"] != "GET" and "Security" not in call["template"]
        ]
        self.sandbox.reset()
        return names

    def letters(self) -> list[Message]:
        files = sorted((self.folder / "dead").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def played(folder: pathlib.Path, **options: t.Any) -> t.Any:
    """A sandbox whose AIM has these options, and a place for the target's files."""
    folder.mkdir(exist_ok=True)
    return running_sandbox(size=4, limits=False, options={"aim": options})


@pytest.fixture
def shop() -> t.Iterator[Shop]:
    with open_shop() as shop:
        yield shop


@pytest.mark.parametrize("case", sorted(RECORDS))
def test_a_record_is_final_only_if_no_operation_changes_it(shop: Shop, case: str) -> None:
    """Whatever the sink: what decides is the operation that fits the record."""
    sink, _, row = RECORDS[case]
    writer: t.Any = Account("aim", shop.config(resources=[])).writer(
        "customers" if sink == "clockings" else sink, ["line_id"]
    )
    row = RECORDS["AddCustomer"][2] if sink == "clockings" else row
    known = Known(RecordStatus.ACCEPTED, b"", "7", None, None, 0)
    write = prepared(writer, {**row, "line_id": 1}, vendor_id="7", known=known)
    operation = writer._operation(writer.members_of(write))  # noqa: SLF001 - the table's own choice
    assert writer.cannot_change(write) is bool(operation.makes)


@pytest.mark.slow
@pytest.mark.parametrize("told", ["record", "status"])
@pytest.mark.parametrize("person", [{"Email": "ann@example.com"}, {"HomePhone": "555-0100"}, {}])
def test_a_customer_that_was_created_is_updated(
    tmp_path: pathlib.Path, told: str, person: Message
) -> None:
    with played(tmp_path, add_customer=told) as sandbox:
        site = Site(sandbox, tmp_path)
        # Nobody is found when it is created, as where a search lags behind.
        sandbox.add_fault("status", vendor="aim", path="MatchCustomer", status=500, times=20)
        row = {**ADD, "crm_id": "C-1", "City": "Dallas", "Address1": "1 Way", **person}
        assert site.run("aim_customers", ["crm_id"], row).code == 0
        sandbox.clear_faults()
        sandbox.reset()
        change = {**row, "City": "Austin", "Address1": "9 Far Way"}
        run = site.run("aim_customers", ["crm_id"], change)
        (ours,) = [one for one in sandbox.rows("aim", "customers") if one["Name"] == "Ann Lee"]
        if told == "status" and not person:
            # Its name alone does not tell it from others.
            assert (run.code, site.writes()) == (3, [])
            assert "give the record its Acct" in site.letters()[0]["reason"]
            assert site.run("aim_customers", ["crm_id"], {**change, "Acct": ours["Acct"]}).code == 0
        else:
            assert (run.code, run.error, ours["City"]) == (0, "", "Austin")
        assert site.writes() == ["UpdateCustomer"]
        # Its account is known from now on, whatever its name is.
        later = {**change, "Name": "Ann Roe", "Email": "roe@example.com"}
        assert site.run("aim_customers", ["crm_id"], later).code == 0
        assert sandbox.row("aim", "customers", ours["Acct"])["Name"] == "Ann Roe"


@pytest.mark.slow
@pytest.mark.parametrize("with_alike", [False, True])
def test_a_customer_whose_account_is_unknown_is_never_taken_for_another_one(
    tmp_path: pathlib.Path,
    with_alike: bool,  # noqa: FBT001
) -> None:
    with played(tmp_path, add_customer="status") as sandbox:
        site = Site(sandbox, tmp_path)
        sandbox.add_fault("status", vendor="aim", path="MatchCustomer", status=500, times=20)
        row = {**ADD, "crm_id": "C-1", "Email": "ann@example.com"}
        assert site.run("aim_customers", ["crm_id"], row).code == 0
        sandbox.clear_faults()
        sandbox.reset()
        if with_alike:
            sent(Account("aim", site.settings["aim"]).writer("customers"), dict(row))
            change = {**row, "City": "Austin"}
        else:
            change = {**row, "Email": "other@example.com"}
        site.writes()
        assert site.run("aim_customers", ["crm_id"], change).code == 3
        assert site.writes() == []


@pytest.mark.slow
@pytest.mark.parametrize("own", [{}, {"WebRef": "C-1"}], ids=["told by AIM", "our own"])
def test_a_contract_that_was_created_gets_its_customer(
    tmp_path: pathlib.Path, own: Message
) -> None:
    with played(tmp_path) as sandbox:
        site = Site(sandbox, tmp_path)
        acct = int(sandbox.rows("aim", "customers")[0]["Acct"])
        row = {"line_id": 5, **CONTRACT, **own, "CustomerInfo": GUEST}
        assert site.run("aim_contracts", ["line_id"], row).code == 0
        (made,) = [one for one in sandbox.rows("aim", "contracts") if one["WebRef"]]
        assert site.writes() == ["C2BPostContract"]
        run = site.run("aim_contracts", ["line_id"], {**row, "Acct": acct})
        assert (run.code, run.error, site.writes()) == (0, "", ["C2BSetContractCustomer"])
        (row_now,) = [one for one in sandbox.rows("aim", "contracts") if one["WebRef"]]
        assert (row_now["WebRef"], row_now["Acct"]) == (made["WebRef"], acct)
        # Nothing else of a contract can be changed.
        run = site.run("aim_contracts", ["line_id"], {**row, "SchoolName": "North"})
        assert (run.code, site.writes()) == (3, [])
        assert site.letters()[0]["class"] == "exists"


def test_a_reference_that_aim_answers_with_outranks_our_own(shop: Shop) -> None:
    shop.operations["C2BPostContract"] = lambda _: {"WebRef": "0007"}
    seen: list[Message] = []
    shop.operations["C2BSetContractCustomer"] = lambda params: seen.append(params) or {}
    writer = Account("aim", shop.config()).writer("contracts")
    row = {"WebRef": "C-1", **CONTRACT, "CusAcct": 7}
    write = sent(writer, row)
    assert write.vendor_id == "0007"
    sent(writer, {**row, "Acct": 8}, vendor_id=write.vendor_id)
    assert seen == [{"WebRef": "0007", "Acct": 8}]


@pytest.mark.slow
def test_a_return_that_was_scheduled_is_marked(tmp_path: pathlib.Path) -> None:
    with played(tmp_path) as sandbox:
        site = Site(sandbox, tmp_path)
        contract = sandbox.rows("aim", "contracts")[0]
        whose = {"Acct": contract["Acct"], "Sub": contract["Sub"]}
        stream = "aim_scheduled_returns"
        when = {"ReturnDate": "2031-03-04T10:30:00"}
        assert site.run(stream, [], {**whose, **when}).code == 0
        run = site.run(stream, [], whose)
        assert (run.code, run.error) == (0, "")
        rows = [row for row in sandbox.rows("aim", "scheduled_returns") if row["Sub"] == 1]
        assert all(row["MobileReturnedStatus"] for row in rows if row["Acct"] == contract["Acct"])


@pytest.mark.parametrize("answer", [True, False, None, "true", "false"])
@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_contract_that_waits_for_a_payment_is_told(
    shop: Shop, caplog: pytest.LogCaptureFixture, answer: object, form: str
) -> None:
    body = {"Status": OK, "PaymentRequired": answer, "Topic": "Rent", "WebRef": "W-9"}
    body["BaseUrl"] = "https://rent.example.com"
    reply = Reply(body=body if form == "json" else to_xml("C2BPostContractResponse", body))
    shop.special = lambda name, _: reply if name == "C2BPostContract" else None
    writer = Account("aim", shop.config()).writer("contracts", ["line_id"])
    with caplog.at_level(logging.WARNING):
        write = sent(writer, {"line_id": 5, **CONTRACT, "CusAcct": 7})
    assert (write.vendor_id, write.created) == ("W-9", True)
    told = [line for line in caplog.messages if "wants a payment" in line]
    assert [line.partition(": AIM")[0] for line in told] == (
        ["aim_contracts: line_id=5"] if answer in (True, "true") else []
    )


@pytest.mark.slow
def test_a_payment_that_is_wanted_stands_in_the_log_of_a_run(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with played(tmp_path, payment_required=True) as sandbox:
        site = Site(sandbox, tmp_path)
        rows = [{"line_id": n, **CONTRACT, "CustomerInfo": GUEST} for n in range(2)]
        run = site.run("aim_contracts", ["line_id"], *rows)
        assert run.code == 0
        lines = [line for line in caplog.messages if "wants a payment" in line]
        assert [line.split(": ")[1] for line in lines] == ["line_id=0", "line_id=1"]


SECRET = {
    "SOCIALSECURITY": "078-05-1120",
    "BANKACCOUNTNUMBER": "000123456789",
    "BIRTHDAY": "1990-01-31",
    "CELLPHONE_EXT": "555-0199-77",
    "DRIVERSLICENSENUMBER": "D1234567",
    "SIGCAPTURE": "aGVsbG8gc2lnbmF0dXJl",
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["refused", "cut_after", "a number"])
def test_personal_values_of_form_inputs_are_kept_nowhere(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    with played(tmp_path) as sandbox:
        site = Site(sandbox, tmp_path)
        inputs: list[Message] = [{"Key": key, "Value": value} for key, value in SECRET.items()]
        inputs.append({"Key": "RENTALNOTES", "Value": "a note that is seen"})
        row = {"line_id": 5, **CONTRACT, "CustomerInfo": GUEST, "FormInputList": inputs}
        if fault == "refused":
            del row["RateId"]
        elif fault == "a number":
            inputs[0]["Value"] = 78051120
        else:
            sandbox.add_fault("cut_after", vendor="aim", path="C2BPostContract", method="POST")
        with caplog.at_level(logging.DEBUG):
            assert site.run("aim_contracts", ["line_id"], row).code == 3
        kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        text = kept.decode("latin-1") + caplog.text
        assert "a note that is seen" in text
        assert [value for value in (*SECRET.values(), "78051120") if value in text] == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"AIMSchoolId": "N-1"}, "AIMSchoolId"),
        ({"Cat": "1"}, "Cat: '1' is text"),
        ({"Rate": {"Months": "3"}}, "Rate.Months: '3' is text"),
        ({"Rate": {"DownPay": "9.50"}}, "Rate.DownPay: '9.50' is text"),
    ],
)
def test_what_a_contract_does_not_take_is_refused(shop: Shop, more: Message, words: str) -> None:
    writer = Account("aim", shop.config()).writer("contracts")
    with pytest.raises(Exception, match=words):
        writer.prepare({"WebRef": "C-1", "InstrumentId": 1, "CusAcct": 7, **more})


@pytest.mark.slow
def test_all_members_of_a_contract_arrive(tmp_path: pathlib.Path) -> None:
    with played(tmp_path) as sandbox:
        site = Site(sandbox, tmp_path)
        rate = {"PlanCode": "P01", "Level": 2, "Months": 3, "DownPay": 19.5, "MoLease": 7}
        more = {"AIMSchoolId": "12", "Cat": 1, "Sub": 2, "ReturnTopic": True, "StatusId": 3}
        row = {"line_id": 5, "InstrumentId": 1, "Rate": rate, "CustomerInfo": GUEST, **more}
        assert site.run("aim_contracts", ["line_id"], row).code == 0
        (made,) = [one for one in sandbox.rows("aim", "contracts") if one["WebRef"]]
        taken = made["_sent"]
        assert {name: taken[name] for name in more} == {**more, "AIMSchoolId": 12}
        assert taken["Rate"] == rate
