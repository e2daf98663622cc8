"""Messages in, STATE and exit codes out."""

from __future__ import annotations

import typing as t

import pytest

from erp_plugin.cli import FAILED
from erp_vendors.errors import ConfigError
from target_erp.run import REJECTED
from target_erp.target import MELTANO_TEST_STREAM
from tests.support.plugins import record, run_target, schema, state
from tests.support.stub import Reply, Request

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

EMPLOYEES = "aimsio_employees"


def employee(number: int, **more: t.Any) -> dict[str, t.Any]:
    return record(EMPLOYEES, employeeCode=f"E-{number}", employeeFirstName="Zoë", **more)


def refuse(*numbers: int) -> t.Callable[[dict[str, t.Any]], str | None]:
    codes = {f"E-{number}" for number in numbers}
    return lambda row: "bad trade code" if row["employeeCode"] in codes else None


def test_records_reach_the_vendor_and_the_last_state_goes_out(vendor: Vendor) -> None:
    messages = [schema(EMPLOYEES, ["employeeCode"]), employee(1), state({"n": 1})]
    messages += [employee(2), state({"n": 2})]
    run = run_target(vendor.config(), messages)
    assert (run.code, run.states) == (0, [{"n": 2}])
    assert [row["employeeCode"] for row in vendor.taken] == ["E-1", "E-2"]
    assert list(vendor.dead_letters.iterdir()) == []


def test_values_go_out_as_they_came(vendor: Vendor) -> None:
    line = (
        '{"type": "RECORD", "stream": "aimsio_employees", "record": {"employeeCode": "00123", '
        '"employeeAverageDayPay": 1234567.8900, "employmentHireDate": -86400000, '
        '"employeeNotes": null, "big": 12345678901234567890123}}'
    )
    assert run_target(vendor.config(), [schema(EMPLOYEES), line]).code == 0
    body = vendor.stub.requests[-1].body.decode()
    assert '"employeeCode":"00123"' in body
    assert '"employeeAverageDayPay":1234567.8900' in body
    assert '"employmentHireDate":-86400000' in body
    assert '"employeeNotes":null' in body
    assert '"big":12345678901234567890123' in body


def test_marks_of_taps_and_loaders_stay_home(vendor: Vendor) -> None:
    marks = {"_sdc_filename": "a.jsonl", "_sdc_extracted_at": "2026-01-01T00:00:00Z"}
    row = record(EMPLOYEES, employeeCode="E-1", **marks)
    assert run_target(vendor.config(), [schema(EMPLOYEES), row]).code == 0
    assert vendor.taken == [{"employeeCode": "E-1"}]


def test_a_refused_record_stands_alone_in_the_dead_letters(vendor: Vendor) -> None:
    vendor.judge = refuse(7)
    messages = [schema(EMPLOYEES), *(employee(n) for n in range(16)), state("end")]
    run = run_target(vendor.config(aimsio={"batch_size": 16}), messages)
    assert (run.code, run.states) == (REJECTED, ["end"])
    assert "1 records were rejected" in run.error
    assert str(vendor.dead_letters) in run.error
    assert sorted(row["employeeCode"] for row in vendor.taken) == sorted(
        f"E-{n}" for n in range(16) if n != 7
    )
    (letter,) = vendor.letters(EMPLOYEES)
    assert letter["key"] == {"employeeCode": "E-7"}
    assert letter["record"]["employeeFirstName"] == "Zoë"
    assert letter["payload"]["employeeCode"] == "E-7"
    assert letter["status"] == 400
    assert "bad trade code" in letter["answer"]
    assert letter["class"] == "refused"
    # 2k + k*log2(n) calls for one bad record in sixteen.
    assert len(vendor.writes) <= 2 + 2 * 4


def test_the_rest_is_written_after_a_rejection_unless_told_to_stop(vendor: Vendor) -> None:
    vendor.judge = refuse(0)
    messages = [schema(EMPLOYEES), *(employee(n) for n in range(40)), state("end")]
    config = {"batch_size": 1, "max_concurrency": 1}
    stopped = run_target(vendor.config(aimsio=config, on_reject="stop"), messages)
    assert stopped.code == REJECTED
    assert "E-0" in stopped.error
    assert len(vendor.taken) < 39
    assert stopped.states == []


@pytest.mark.parametrize(
    ("allowed", "code"),
    [(None, 0), (2, 0), ("20%", 0), (1, REJECTED), ("10%", REJECTED), ("0", REJECTED)],
)
def test_on_reject_continue_allows_so_many(vendor: Vendor, allowed: t.Any, code: int) -> None:
    vendor.judge = refuse(3, 4)
    config = vendor.config(on_reject="continue")
    if allowed is not None:
        config["max_rejects"] = allowed
    run = run_target(config, [schema(EMPLOYEES), *(employee(n) for n in range(10))])
    assert run.code == code
    assert len(vendor.letters(EMPLOYEES)) == 2


def test_a_wrong_max_rejects_is_a_config_error(vendor: Vendor) -> None:
    with pytest.raises(ConfigError, match=r"max_rejects.*percentage.*many"):
        run_target(vendor.config(on_reject="continue", max_rejects="many"), [])


@pytest.mark.parametrize(
    ("on_reject", "code"), [("fail", REJECTED), ("continue", 0), ("stop", REJECTED)]
)
def test_a_record_without_its_key_is_refused(vendor: Vendor, on_reject: str, code: int) -> None:
    messages = [
        schema(EMPLOYEES, ["employeeCode"]),
        employee(1),
        record(EMPLOYEES, employeeFirstName="nobody"),
        record(EMPLOYEES, employeeCode="", employeeGuid="g-3"),
        employee(4),
        state({"n": 2}),
    ]
    run = run_target(vendor.config(aimsio={"batch_size": 1}, on_reject=on_reject), messages)
    assert run.code == code
    first, *others = vendor.letters(EMPLOYEES)
    assert (first["class"], first["key"]) == ("no_key", {})
    assert "'employeeCode'" in first["reason"]
    if on_reject == "stop":
        assert "record 2" in run.error
        if not run.states:
            return
        # What was under way has come to its end: then STATE may pass it.
    assert run.states == [{"n": 2}]
    (second,) = others
    assert second["key"] == {"employeeGuid": "g-3"}
    assert [row["employeeCode"] for row in vendor.taken] == ["E-1", "E-4"]


def test_a_record_that_no_key_identifies_is_refused(vendor: Vendor) -> None:
    run = run_target(vendor.config(), [schema(EMPLOYEES), record(EMPLOYEES, employeeNickName="x")])
    assert run.code == REJECTED
    assert vendor.writes == []
    (letter,) = vendor.letters(EMPLOYEES)
    assert letter["class"] == "no_key"
    assert "employeeCode or employeeGuid" in letter["reason"]


def test_a_record_that_its_schema_forbids_is_refused_with_field_and_reason(vendor: Vendor) -> None:
    messages = [
        schema(EMPLOYEES, employeeCode={"type": "string"}, hours={"type": ["number", "null"]}),
        record(EMPLOYEES, employeeCode="E-1", hours="many"),
        record(EMPLOYEES, employeeCode="E-2", hours=7.5),
    ]
    assert run_target(vendor.config(), messages).code == REJECTED
    (letter,) = vendor.letters(EMPLOYEES)
    assert letter["reason"].startswith("hours does not fit")
    assert [row["employeeCode"] for row in vendor.taken] == ["E-2"]


def test_an_unknown_stream_ends_the_run_or_is_skipped(vendor: Vendor) -> None:
    messages = [schema("orders"), record("orders", id=1), schema(EMPLOYEES), employee(1), state(1)]
    run = run_target(vendor.config(), messages)
    assert run.code == FAILED
    assert "'orders'" in run.error
    assert "unknown_streams" in run.error
    run = run_target(vendor.config(unknown_streams="skip"), messages)
    assert (run.code, run.states) == (0, [1])
    assert [row["employeeCode"] for row in vendor.taken] == ["E-1"]


def test_a_foreign_name_is_mapped_to_a_sink(vendor: Vendor) -> None:
    messages = [schema("hr_staff"), record("hr_staff", employeeCode="E-9")]
    run = run_target(vendor.config(streams={"hr_staff": EMPLOYEES}), messages)
    assert run.code == 0
    assert vendor.writes == ["POST /rest/api/standard/v1/Employee"]


def test_a_stream_of_a_vendor_without_block_names_the_block(vendor: Vendor) -> None:
    config = vendor.config()
    del config["cimcloud"]
    run = run_target(config, [schema("cimcloud_accounts")])
    assert run.code == FAILED
    assert "'cimcloud'" in run.error


def test_a_stream_that_cannot_be_written_has_no_sink(vendor: Vendor) -> None:
    run = run_target(vendor.config(), [schema("aimsio_users")])
    assert (run.code, "aimsio_users" in run.error) == (FAILED, True)


def test_meltanos_test_stream_checks_credentials_and_writes_nothing(vendor: Vendor) -> None:
    messages = [
        schema(MELTANO_TEST_STREAM, ["id"]),
        record(MELTANO_TEST_STREAM, id=1),
        state({"value": "test"}),
    ]
    run = run_target(vendor.config(), messages)
    assert (run.code, run.states) == (0, [{"value": "test"}])
    assert "GET /rest/api/standard/v1/Employee" in vendor.stub.paths
    assert "GET /site/validate" in vendor.stub.paths
    assert vendor.taken == []


def test_wrong_credentials_end_the_run_and_keep_the_state_back(vendor: Vendor) -> None:
    vendor.script = lambda request: Reply(401, b"no") if request.method == "POST" else None
    run = run_target(vendor.config(), [schema(EMPLOYEES), employee(1), state(1)])
    assert (run.code, run.states) == (FAILED, [])
    assert "'aimsio'" in run.error
    assert "s3cret-pass" not in run.error


def test_a_missing_permission_ends_the_run(vendor: Vendor) -> None:
    vendor.script = lambda request: Reply(403, b"no") if request.method == "POST" else None
    run = run_target(vendor.config(), [schema(EMPLOYEES), employee(1), state(1)])
    assert (run.code, run.states) == (FAILED, [])
    assert "permission" in run.error


def test_state_stops_before_what_is_not_settled(vendor: Vendor) -> None:
    vendor.script = lambda _: Reply(403) if len(vendor.taken) >= 3 else None
    messages: list[t.Any] = [schema(EMPLOYEES)]
    for n in range(8):
        messages += [employee(n), state(n)]
    config = vendor.config(aimsio={"batch_size": 1, "max_concurrency": 1})
    run = run_target(config, messages)
    assert (run.code, run.states) == (FAILED, [2])


def test_checkpoints_come_out_while_the_run_goes_on(vendor: Vendor) -> None:
    messages: list[t.Any] = [schema(EMPLOYEES)]
    for n in range(3):
        messages += [employee(n), state(n)]
    run = run_target(vendor.config(checkpoint_seconds=0), messages)
    assert run.states == [0, 1, 2]
    assert len(vendor.writes) == 3  # each checkpoint settles what came before it
    assert run_target(vendor.config(checkpoint_seconds=60), messages).states == [2]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("not json", "line 2 of the input is not a JSON object"),
        ("[]", "line 2 of the input is not a JSON object"),
        ('{"type": "RECROD"}', "unknown message type 'RECROD'"),
        ('{"type": "RECORD", "stream": "aimsio_employees"}', "line 2 of the input"),
        ('{"type": "RECORD", "stream": "aimsio_nrbs", "record": {}}', "aimsio_nrbs"),
    ],
)
def test_bad_input_names_the_line(vendor: Vendor, line: str, complaint: str) -> None:
    run = run_target(vendor.config(), [schema(EMPLOYEES), line])
    assert run.code == FAILED
    assert complaint in run.error
    assert "\n" not in run.error


@pytest.mark.slow
def test_a_poison_record_that_makes_the_server_fail_does_not_stop_the_rest(vendor: Vendor) -> None:
    def poison(request: Request) -> Reply | None:
        return Reply(500, b"oops") if b"E-3" in request.body else None

    vendor.script = poison
    config = vendor.config()
    for number in range(1, 4):
        rows = (employee(n, employeeAddress=f"Street {number}") for n in range(6))
        run = run_target(config, [schema(EMPLOYEES), *rows])
        # Whether it is the record's fault shows when it happens again and again.
        assert run.code == (FAILED if number < 3 else REJECTED)
        assert len(vendor.taken) == 5 * number
    (letter,) = vendor.letters(EMPLOYEES)
    assert (letter["class"], letter["status"]) == ("server_error", 500)


def test_a_vendor_that_is_down_ends_the_run(vendor: Vendor) -> None:
    vendor.script = lambda request: Reply(503, b"down") if request.method == "POST" else None
    messages = [schema(EMPLOYEES), *(employee(n) for n in range(8)), state("end")]
    run = run_target(vendor.config(), messages)
    assert (run.code, run.states) == (FAILED, [])
    assert "503" in run.error


def test_secrets_stay_out_of_dead_letters(vendor: Vendor) -> None:
    vendor.script = lambda request: (
        Reply(400, f"{request.headers} {request.body!r}".encode())
        if request.path == "/site/customers/"
        else None
    )
    row = record("cimcloud_customers", username="ann", pw="hunter2-hunter2")
    assert run_target(vendor.config(), [schema("cimcloud_customers"), row]).code == REJECTED
    text = (vendor.dead_letters / "cimcloud_customers.jsonl").read_text()
    assert "ann" in text
    assert "a-token" not in text
    assert '"pw":"*****"' in text
    assert "hunter2" not in text


def test_a_record_refused_before_it_is_prepared_keeps_its_key(vendor: Vendor) -> None:
    row = record(EMPLOYEES, employeeCode="E-1", employeeStatusUname="happy")
    assert run_target(vendor.config(), [schema(EMPLOYEES), row]).code == REJECTED
    assert vendor.writes == []
    (letter,) = vendor.letters(EMPLOYEES)
    assert letter["key"] == {"employeeCode": "E-1"}
    assert "employeeStatusUname" in letter["reason"]


def test_a_dead_letter_that_cannot_be_written_ends_the_run(vendor: Vendor) -> None:
    """Nobody waits for a record that can neither be written nor be kept."""
    (vendor.dead_letters / f"{EMPLOYEES}.jsonl").mkdir(parents=True)
    bad = record(EMPLOYEES, employeeFirstName="nobody")
    messages = [schema(EMPLOYEES, ["employeeCode"]), bad, employee(1), state("end")]
    run = run_target(vendor.config(), messages)
    assert (run.code, run.states) == (FAILED, [])
    assert "dead_letters" in run.error
    assert "\n" not in run.error


@pytest.mark.parametrize("declared", [["acct_guid"], ["ref_id"]])
def test_a_new_record_needs_no_key_of_the_site(declared: list[str], vendor: Vendor) -> None:
    """Its own key is for reading; the documented one is enough to create a record."""
    accounts = "cimcloud_accounts"
    block = {"resources": [{"name": "accounts", "primary_keys": ["acct_guid"]}]}
    messages = [
        schema(accounts, declared),
        record(accounts, ref_id="1", nm="new"),
        record(accounts, ref_id="2", acct_guid="g-2", nm="known"),
    ]
    run = run_target(vendor.config(cimcloud=block), messages)
    assert (run.code, len(vendor.taken)) == (0, 2)
    letters = [*messages, record(accounts, nm="neither")]
    run = run_target(vendor.config(cimcloud=block), letters)
    assert run.code == REJECTED
