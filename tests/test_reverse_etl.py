"""The examples of docs/reverse-etl.md: what each tap emits goes to the sandbox as the page says.

The fast tests feed messages as the taps emit them; the nightly ones run the taps themselves.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import pathlib
import re
import typing as t
import urllib.parse
import urllib.request

import pytest
import yaml

from demo.sandbox import block
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from target_erp.run import REJECTED
from tests.support.plugins import Message, TargetRun, run_target
from tests.support.programs import messages, program
from tests.support.services import POSTGRES, postgres_url

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "reverse-etl.md"
EXAMPLES = {
    title: yaml.safe_load(text)
    for title, text in re.findall(r"```yaml\n# (\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
}
HIRED = 1769817600000
"""Midnight of 2026-01-31 in UTC."""


def extractor(title: str) -> Message:
    return t.cast("Message", EXAMPLES[title]["extractors"][0])


class Office:
    """The sandbox, and a target that writes to it as an example says."""

    def __init__(self, sandbox: RunningSandbox, folder: pathlib.Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        with urllib.request.urlopen(sandbox.url) as answer:  # noqa: S310 - loopback
            self.played = json.load(answer)["vendors"]
        self.trade = self.rows("aimsio", "billable_items")[0]["billableItemCode"]
        self.customer = self.rows("aims360", "customers")[0]["customerID"]
        style = self.rows("aims360", "style_colors")[0]["styleColorID"]
        sizes = [{"sizeName": "M", "orderQuantity": 2}]
        self.lines = [{"styleColorID": style, "price": 12.5, "sizes": sizes}]
        self.order = {
            "thirdPartyOrderID": "O-NEW",
            "customerID": self.customer,
            "note1": "by hand",
            "lineItems": self.lines,
        }

    def rows(self, vendor: str, resource: str) -> list[Message]:
        return self.sandbox.rows(vendor, resource)

    def blocks(self, *vendors: str) -> Message:
        return {name: block(VENDORS[name], self.played[name]) for name in vendors}

    def write(self, title: str, lines: t.Iterable[Message | str], **more: t.Any) -> TargetRun:
        """Run the target as an example says: a dry run first, which must write nothing."""
        own = EXAMPLES[title]["loaders"][0]["config"]
        blocks = self.blocks("aims360", "aimsio", "cimcloud")
        config = {
            **own,
            **{name: {**one, **own.get(name, {})} for name, one in blocks.items()},
            "ledger": str(self.folder / "ledger.sqlite"),
            "dead_letters": str(self.folder / "letters"),
            "report_file": "none",
            **more,
        }
        lines = list(lines)
        held = self.held()
        plan = run_target({**config, "dry_run": True, "plan_file": "none"}, lines)
        assert self.held() == held
        run = run_target(config, lines)
        assert plan.code == run.code, (plan.error, run.error)
        return run

    def held(self) -> object:
        calls = (self.sandbox.calls(vendor) for vendor in ("aims360", "aimsio", "cimcloud"))
        return sum(
            call["method"] in {"POST", "PUT"} and "auth" not in call["path"]
            for some in calls
            for call in some
        )

    def letters(self) -> list[str]:
        files = (self.folder / "letters").glob("*.jsonl")
        return [
            json.loads(line)["reason"] for file in files for line in file.read_text().splitlines()
        ]

    def new(self, vendor: str, resource: str, key: str, value: str) -> Message:
        (row,) = [row for row in self.rows(vendor, resource) if row[key] == value]
        return row


@pytest.fixture
def office(tmp_path: pathlib.Path) -> t.Iterator[Office]:
    with running_sandbox(size=5, limits=False) as sandbox:
        yield Office(sandbox, tmp_path)


def schema(stream: str, keys: list[str], **kinds: str) -> Message:
    properties = {name: {"type": [kind, "null"]} for name, kind in kinds.items()}
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": keys,
    }


def record(stream: str, **values: t.Any) -> Message:
    return {"type": "RECORD", "stream": stream, "record": values}


def state(value: object) -> Message:
    return {"type": "STATE", "value": {"bookmarks": value}}


PERSON = {"employee_first_name": "Ann", "employee_last_name": "Lee"}


def staff(office: Office) -> Message:
    return {
        "employee_code": "E-NEW",
        **PERSON,
        "employment_type": "DIRECT_HIRE",
        "employee_status_uname": "active_employee_status",
        "employee_trade_code": office.trade,
        "employment_hire_date": "2026-01-31",
    }


def from_postgres(office: Office) -> list[Message]:
    person = staff(office)
    kinds = dict.fromkeys(person, "string") | {"employee_average_day_pay": "number"}
    return [
        schema("hr-audit", ["id"], id="integer", what="string"),
        record("hr-audit", id=1, what="x"),
        schema("hr-orders", ["third_party_order_id"], third_party_order_id="string"),
        record(
            "hr-orders",
            third_party_order_id="O-NEW",
            customer_id=office.customer,
            line_items=office.lines,
        ),
        schema("hr-staff", ["employee_code"], **kinds),
        record("hr-staff", **person, employee_average_day_pay=12.50),
        state({"hr-staff": {}}),
    ]


def check_postgres(office: Office, run: TargetRun) -> None:
    assert run.code == 0, (run.error, office.letters())
    row = office.new("aimsio", "employees", "employeeCode", "E-NEW")
    assert (row["employmentHireDate"], row["employeeFirstName"]) == (HIRED, "Ann")
    assert row["employeeAverageDayPay"] == 12.5
    order = office.new("aims360", "orders", "thirdPartyOrderID", "O-NEW")
    assert order["lineItems"][0]["styleColorID"] == office.lines[0]["styleColorID"]


def test_from_postgresql(office: Office) -> None:
    check_postgres(office, office.write("postgresql", from_postgres(office)))
    again = office.write("postgresql", from_postgres(office))
    assert again.target.run.summary.as_json(0, "")["streams"]["aimsio_employees"]["unchanged"] == 1


def test_a_date_without_the_map_is_refused_with_the_reason(office: Office) -> None:
    run = office.write("postgresql", from_postgres(office), stream_maps={})
    assert run.code == REJECTED
    (why,) = office.letters()
    assert "employmentHireDate: '2026-01-31' is text" in why
    assert "offset" in why


def from_spreadsheets(office: Office) -> list[Message]:
    person = {name.replace("_", ""): value for name, value in staff(office).items()} | {
        "employmenthiredate": "2026-01-31 00:00:00",
        "employeecode": "007",
        "employeenotes": None,
    }
    file = {"_sdc_filename": "staff.xlsx", "_sdc_worksheet": "Staff"}
    kinds = dict.fromkeys((*person, *file), "string") | {"employeeaveragedaypay": "number"}
    accounts = {"ref_id": "string", "nm": "string", "num": "string", "_sdc_filename": "string"}
    return [
        schema("cimcloud_accounts", ["ref_id"], **accounts),
        record("cimcloud_accounts", ref_id="A-NEW", nm="Ann", num="", _sdc_filename="accounts.csv"),
        schema("aimsio_employees", ["employeecode"], **kinds),
        record("aimsio_employees", **person, employeeaveragedaypay=12.5, **file),
        state({}),
    ]


def check_spreadsheets(office: Office, run: TargetRun) -> None:
    assert run.code == 0, (run.error, office.letters())
    row = office.new("aimsio", "employees", "employeeCode", "007")
    assert (row["employmentHireDate"], row["employeeLastName"]) == (HIRED, "Lee")
    account = office.new("cimcloud", "accounts", "ref_id", "A-NEW")
    assert account["nm"] == "Ann"
    assert not account.get("num")


def test_from_spreadsheets(office: Office) -> None:
    check_spreadsheets(office, office.write("spreadsheets", from_spreadsheets(office)))


def check_jsonl(office: Office, run: TargetRun) -> None:
    assert run.code == 0, (run.error, office.letters())
    order = office.new("aims360", "orders", "thirdPartyOrderID", "O-NEW")
    assert order["note1"] == "by hand"


def test_from_json_lines(office: Office) -> None:
    announced = schema("aims360_orders", ["thirdPartyOrderID"], note1="string", lineItems="array")
    sent = record("aims360_orders", **office.order, _sdc_filename="orders.jsonl")
    check_jsonl(office, office.write("jsonl", [announced, sent, state({})]))
    typo = record("aims360_orders", **{**office.order, "thirdPartyOrderID": "O-2"}, buyr="x")
    assert office.write("jsonl", [announced, typo]).code == REJECTED
    assert "did you mean 'buyer'?" in office.letters()[0]


def test_from_one_erp_to_another(office: Office) -> None:
    config = {**office.blocks("cimcloud"), "start_date": "2000-01-01T00:00:00Z"}
    out = io.TextIOWrapper(io.BytesIO())
    reader = TapErp(config=config)
    catalog = reader.catalog_dict
    for stream in catalog["streams"]:
        for one in stream["metadata"]:
            one["metadata"]["selected"] = stream["tap_stream_id"] == "cimcloud_accounts"
    with contextlib.redirect_stdout(out):
        TapErp(config=config, catalog=catalog).sync_all()
    out.flush()
    lines = t.cast("t.Any", out).buffer.getvalue().decode().splitlines()
    before = {row["companyCode"] for row in office.rows("aimsio", "companies")}
    run = office.write("erp", lines)
    assert run.code == 0, (run.error, office.letters())
    accounts = {row["ref_id"]: row["nm"] for row in office.rows("cimcloud", "accounts")}
    companies = {
        row["companyCode"]: row["companyName"]
        for row in office.rows("aimsio", "companies")
        if row["companyCode"] not in before
    }
    assert companies == accounts
    again = office.write("erp", lines)
    assert again.target.run.summary.as_json(0, "")["streams"]["aimsio_companies"]["unchanged"] == 5


@pytest.mark.nightly
def test_tap_postgres(office: Office) -> None:
    psycopg = pytest.importorskip("psycopg")
    tables = re.search(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert tables
    with postgres_url() as url, psycopg.connect(url, autocommit=True) as database:
        (name,) = database.execute("select current_schema()").fetchone()
        database.execute(tables[1].replace("hr.", f"{name}."))
        person = {**staff(office), "employee_average_day_pay": "12.50"}
        database.execute(
            f"insert into staff ({', '.join(person)}) "  # noqa: S608 - our own names
            f"values ({', '.join(['%s'] * len(person))})",
            list(person.values()),
        )
        database.execute("insert into audit values (1, 'x')")
        database.execute(
            "insert into orders values ('O-NEW', %s, %s::jsonb)",
            [office.customer, json.dumps(office.lines)],
        )
        server = urllib.parse.urlsplit(POSTGRES)
        config = {
            **extractor("postgresql")["config"],
            "host": server.hostname,
            "port": server.port or 5432,
            "user": server.username,
            "password": server.password or "none",
            "database": server.path.strip("/"),
            "filter_schemas": [name],
        }
        command = program("tap-postgres", extractor("postgresql")["pip_url"])
        found = messages(command, config, office.folder)
        found = [line.replace(f'"{name}-', '"hr-') for line in found]
    check_postgres(office, office.write("postgresql", found))


@pytest.mark.nightly
def test_tap_spreadsheets(office: Office) -> None:
    command = program("tap-spreadsheets", extractor("spreadsheets")["pip_url"])
    person = {"employeeCode": "007", "employeeFirstName": "Ann", "employeeLastName": "Lee"}
    person |= {"employmentType": "DIRECT_HIRE", "employeeStatusUname": "active_employee_status"}
    person |= {"employeeTradeCode": office.trade, "employeeAverageDayPay": 12.5}
    _workbook(command, office.folder / "staff.xlsx", person)
    (office.folder / "accounts.csv").write_text("ref_id,nm,num\nA-NEW,Ann,\n")
    found = messages(command, extractor("spreadsheets")["config"], office.folder)
    check_spreadsheets(office, office.write("spreadsheets", found))


def _workbook(command: pathlib.Path, file: pathlib.Path, row: Message) -> None:
    """A worksheet with a header and one row, made by the library that the tap reads it with."""
    import subprocess  # noqa: PLC0415

    program = (
        "import datetime, json, openpyxl, sys\n"
        "row = json.loads(sys.argv[2])\n"
        "row['employmentHireDate'] = datetime.datetime(2026, 1, 31)\n"
        "book = openpyxl.Workbook()\n"
        "book.active.title = 'Staff'\n"
        "book.active.append(list(row))\n"
        "book.active.append(list(row.values()))\n"
        "book.save(sys.argv[1])\n"
    )
    python = command.with_name("python")
    subprocess.run([str(python), "-c", program, str(file), json.dumps(row)], check=True)


@pytest.mark.nightly
def test_tap_jsonl(office: Office) -> None:
    command = program("tap-jsonl", extractor("jsonl")["pip_url"])
    (office.folder / "orders.jsonl").write_text(json.dumps(office.order) + "\n")
    config = extractor("jsonl")["config"]
    check_jsonl(office, office.write("jsonl", messages(command, config, office.folder)))


def test_the_expressions_of_the_page(office: Office) -> None:
    table = PAGE.read_text("utf-8").split("| wanted |")[1]
    maps: Message = {}
    for cell in re.findall(r"\| `(.+)` \|$", table, re.MULTILINE):
        maps |= yaml.safe_load(cell)
    assert len(maps) == 7
    stream = "aimsio_companies"
    values = {"phone": "1", "active": 1, "country": "CA", "number": 7, "iban": "secret"}
    values |= {"line_items": '[{"a": 1}]', "companyName": "C"}
    rows = [record(stream, **values), record(stream, **{**values, "active": 0})]
    lines = [schema(stream, [], **dict.fromkeys(values, "string")) | {}, *rows]
    lines[0]["schema"]["properties"] = {}
    run = office.write("jsonl", lines, stream_maps={stream: maps}, unknown_properties="send")
    assert run.code == 0, (run.error, office.letters())
    assert run.target.run.summary.records_filtered == 1
    row = office.new("aimsio", "companies", "companyCode", "CA-7")
    assert row["line_items"] == [{"a": 1}]
    assert row["employmentType"] == "DIRECT_HIRE"
    assert row["active"] is True
    assert "iban" not in row


def test_a_moment_is_what_the_page_says() -> None:
    moment = dt.datetime(2026, 1, 31, tzinfo=dt.timezone.utc)
    assert moment.timestamp() * 1000 == HIRED
