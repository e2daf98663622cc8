"""What is checked before anything is sent, and how it is said."""

from __future__ import annotations

import decimal
import typing as t

import pytest

from erp_vendors.aimsio.resources import RESOURCES as AIMSIO
from erp_vendors.errors import ConfigError
from erp_vendors.resource import Need, Resource
from target_erp.delivery import RefusedError
from target_erp.writers.write_validator import WriteValidator, without_nulls
from tests.support.writers import Account

D = decimal.Decimal
EMPLOYEE = {
    "employeeCode": "E-1",
    "employmentType": "DIRECT_HIRE",
    "employeeStatusUname": "active_employee_status",
    "employeeFirstName": "Ann",
    "employeeLastName": "Lee",
    "employeeTradeCode": "T",
}


def refusal(validator: WriteValidator, body: dict[str, t.Any]) -> str:
    with pytest.raises(RefusedError) as refused:
        validator.check(body)
    assert refused.value.reason == "schema"
    return str(refused.value)


def validator(**properties: t.Any) -> WriteValidator:
    return WriteValidator({"type": "object", "properties": properties})


def employees() -> WriteValidator:
    return WriteValidator.of("aimsio", next(one for one in AIMSIO if one.name == "employees"))


def test_the_fields_and_the_reasons_are_named() -> None:
    body = {
        **EMPLOYEE,
        "employeeStatusUname": "active",
        "employeeAverageDayPay": "12",
        "employeeHolidayHoursTopUp": True,
        "employmentHireDate": D("1.5"),
    }
    del body["employeeLastName"]
    text = refusal(employees(), body)
    parts = text.split("; ")
    assert "employeeLastName: required and missing" in parts
    assert len(parts) == 4
    assert parts[3] == "and 2 more"
    for name, words in {
        "employeeStatusUname": "'active' is none of active_employee_status, inactive_permanent",
        "employeeAverageDayPay": "'12' is text, the vendor wants a number",
        "employeeHolidayHoursTopUp": "true is a flag, the vendor wants a number",
        "employmentHireDate": "1.5 is a number, the vendor wants a whole number",
        "employeeFirstName": "it is null, the vendor wants text",
    }.items():
        alone = {**EMPLOYEE, name: {**body, "employeeFirstName": None}[name]}
        assert f"{name}: {words}" in refusal(employees(), alone)


@pytest.mark.parametrize(
    "number",
    [
        D("1.50"),
        D("12345678901234567890.123456789012345678901234567890"),
        D("1E+400"),
        D("1E-400"),
        10**60,
        -(2**64),
    ],
)
def test_numbers_of_any_size_are_numbers(number: t.Any) -> None:
    numbers = validator(amount={"type": "number"}, whole={"type": "integer"})
    numbers.check({"amount": number})
    if isinstance(number, int):
        numbers.check({"whole": number})


@pytest.mark.parametrize("options", [["1", 1, "2", 2], ["1", "2", None]])
def test_an_enumeration_lists_no_value_twice(options: list[t.Any]) -> None:
    assert refusal(validator(code={"enum": options}), {"code": "3"}).endswith("is none of 1, 2")
    blank = validator(code={"enum": ["A", " A", "B"]})
    assert refusal(blank, {"code": "C"}).endswith("is none of A, B")


def test_values_of_secret_properties_are_not_shown() -> None:
    schema = {
        "type": "object",
        "properties": {
            "pw": {"type": "integer"},
            "card": {
                "type": "object",
                "properties": {"token": {"enum": ["a"]}, "no": {"pattern": "^a"}},
            },
            "any": {"anyOf": [{"required": ["x"]}]},
        },
    }
    strict = WriteValidator(schema, secrets=frozenset({"pw", "card"}))
    body = {
        "pw": "hunter2",
        "card": {"token": "hunter2", "no": "hunter2"},
        "any": {"pw": "hunter2"},
    }
    for name, value in body.items():
        text = refusal(strict, {name: value})
        assert name in text
        assert "hunter2" not in text


def test_one_of_several_may_be_needed_and_settles_what_is_required_of_it() -> None:
    schema = {"type": "object", "properties": {}, "required": ["a", "b", "c"]}
    needs = (Need(("a", "b")), Need(("type", "typeName"), "rate"))
    strict = WriteValidator(schema, needs=needs)
    strict.check({"a": 1, "c": 1})
    strict.check({"b": 1, "c": 1, "rate": 1, "typeName": "x"})
    text = refusal(strict, {"a": "", "b": None, "rate": 1, "type": ""})
    assert text.split("; ") == [
        "c: required and missing",
        "a or b: required and missing",
        "type or typeName: required with rate and missing",
    ]
    WriteValidator(schema, needs=needs, partial=True).check({})


def test_assumed_rules_are_not_enforced() -> None:
    items = {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {
            "guess": {"type": "string", "description": "Name (INF, x 1)"},
            "rows": {"type": "array", "items": items, "description": "Rows (INF, x 1)"},
            "known": {"type": "string", "description": "Name (DOC, x 1)"},
        },
    }
    tolerant = WriteValidator(schema)
    tolerant.check({"guess": 1, "rows": "none"})
    assert "known" in refusal(tolerant, {"known": 1})
    assert "rows[0].code: required" in refusal(tolerant, {"rows": [{}]})
    scalars = WriteValidator(schema, scalars=True)
    for value in (1, D("1.5"), True, "x"):
        scalars.check({"known": value})
    assert "known" in refusal(scalars, {"known": [1]})


def test_whose_schema_counts() -> None:
    own = {"type": "object", "properties": {"code": {"type": "integer"}}}
    file = {"type": "object", "properties": {"code": {"type": "boolean"}}, "required": ["code"]}
    custom = Resource(name="projects", schema=own, write_path="/Project")
    WriteValidator.of("aimsio", custom).check({"code": 1})
    assert "code" in refusal(WriteValidator.of("aimsio", custom), {"code": "x"})
    described = Resource(name="projects", schema=own, write_schema=file)
    WriteValidator.of("aimsio", described).check({"code": True})
    assert "code: required" in refusal(WriteValidator.of("aimsio", described), {})
    # What is read of a built-in resource says nothing of what it takes.
    builtin = Resource(name="employees", schema=own)
    assert "employeeCode: required" in refusal(WriteValidator.of("aimsio", builtin), {"code": "x"})
    with pytest.raises(ConfigError, match="schema"):
        WriteValidator({"type": "nonsense"})


def test_nulls_go_from_objects_and_stay_in_lists() -> None:
    value = {"a": None, "b": {"c": None, "d": [None, {"e": None}]}, "f": 0, "g": ""}
    assert without_nulls(value) == {"b": {"d": [None, {}]}, "f": 0, "g": ""}


ACCOUNTS = {
    "aim": {
        "api_url": "http://127.0.0.1:9",
        **dict.fromkeys(("api_key", "app_id", "username", "password"), "x"),
    },
    "aims360": {"access_token": "x"},
    "aimsio": {"username": "x", "password": "x"},
    "cimcloud": dict.fromkeys(("site_name", "auth_key", "username", "password"), "x"),
    "pentamic": dict.fromkeys(("client_id", "client_secret", "scope"), "x"),
}


@pytest.mark.parametrize(
    ("vendor", "resource", "record", "default"),
    [
        ("aim", "web_orders", {"OrderNumber": "1", "OrderNotes": None}, "drop"),
        ("aims360", "orders", {"thirdPartyOrderID": "1", "note1": None}, "drop"),
        ("aimsio", "companies", {"companyCode": "1", "companyName": None}, "send"),
        ("cimcloud", "accounts", {"ref_id": "1", "nm": None}, "drop"),
        ("cimcloud", "products", {"sku": "1", "ds": None}, "drop"),
        ("pentamic", "customers", {"name": "A", "taxCode": "1", "phone": None}, "send"),
    ],
)
def test_a_setting_decides_about_nulls(
    vendor: str, resource: str, record: dict[str, t.Any], default: str
) -> None:
    exact = {**record, "big": 10**40, "exact": D("1.50")}
    for setting in ("drop", "send", None):
        block = {**ACCOUNTS[vendor], **({"null_values": setting} if setting else {})}
        body = Account(vendor, block).writer(resource).prepare(exact).body
        sends = (setting or default) == "send"
        assert body == {n: v for n, v in exact.items() if v is not None or sends}
        assert str(body["exact"]) == "1.50"
