"""What `erp doctor` finds out about an Aimsio account, and a read with what it sets."""

from __future__ import annotations

import typing as t

import pytest

from erp_cli.doctor.connection import Level
from erp_cli.doctor.examiner import Access
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.aimsio.resources import RESOURCES
from erp_vendors.assumption import VerdictState
from tests.support import doctor
from tests.support.scale import mostly_nightly
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import aimsio, run_tap

pytestmark = pytest.mark.slow

SIZE = 12
GUESSED = {resource.name for resource in RESOURCES if not resource.documented}
UNNAMED = GUESSED - {"nrbs"}
"""Entities of which no page names a property."""
NAMED = {"payroll_periods", "price_books", "nrbs"}
"""Entities whose name a page's address shows, in lower case."""
PREFIX = "/rest/api/standard/v1"
CHANGED = {"companies": "companyName", "equipment": "equipmentName", "job_orders": "jobName"}


def by_key(rows: t.Iterable[dict[str, t.Any]], key: str) -> dict[str, dict[str, t.Any]]:
    return {str(row[key]): row for row in rows}


def reads_all(sandbox: RunningSandbox, config: doctor.Config) -> None:
    """A read equals the vendor's rows, and the next one what has changed since."""
    run = run_tap(config)
    assert run.code == 0, run.error
    stored_keys: dict[str, str] = {}
    for resource in RESOURCES:
        stream = f"aimsio_{resource.name}"
        (key,) = doctor.keys_of(run, stream)
        rows = sandbox.rows("aimsio", resource.name)
        prefix = resource.list_name.removesuffix("List")
        stored = stored_keys[resource.name] = next(
            name for name in (f"{prefix}Guid", f"{prefix}Id") if name in rows[0]
        )
        records = run.records(stream)
        assert doctor.values(records, key) == doctor.values(rows, stored), stream
        read = by_key(records, key)
        names = {stored, f"{prefix}UpdatedAt", f"{prefix}CreatedAt"}
        for one, row in by_key(rows, stored).items():
            record = read[one]
            for column in row.keys() - names:
                assert record[column] == row[column], (stream, column)
    for name, column in CHANGED.items():
        row = sandbox.rows("aimsio", name)[3]
        sandbox.change("aimsio", name, row[stored_keys[name]], {column: f"changed {name}"})
    second = run_tap(config, state=run.state)
    assert second.code == 0, second.error
    for resource in RESOURCES:
        records = second.records(f"aimsio_{resource.name}")
        expected = [f"changed {resource.name}"] if resource.name in CHANGED else []
        assert [record[CHANGED[resource.name]] for record in records] == expected


@pytest.mark.parametrize(
    ("name", "answer", "finding", "streams", "sets"),
    mostly_nightly(
        [
            ("paths", "lower", "paths", GUESSED, {"path"}),
            ("paths", "plural", "paths", GUESSED - NAMED, {"path"}),
            ("identity", "id", "identity", None, set()),
            ("identity", "id", "detail_keys", None, {"primary_keys"}),
            ("detail_keys", "plain", "detail_keys", UNNAMED, {"primary_keys"}),
            ("detail_keys", "absent", "detail_keys", UNNAMED, set()),
            ("detail_stamps", "plain", "detail_stamps", UNNAMED, {"replication_key"}),
            ("detail_stamps", "absent", "detail_stamps", UNNAMED, set()),
            ("detail", "list", "detail", {one.name for one in RESOURCES}, set()),
            ("index_extra", "embedded", "index_extra", {one.name for one in RESOURCES}, set()),
        ],
        keep=(0, 2),
    ),
)
def test_the_other_answer_is_found_and_read(
    name: str, answer: str, finding: str, streams: set[str] | None, sets: set[str]
) -> None:
    variants = {f"aimsio.{name}": answer}
    with running_sandbox(size=SIZE, limits=False, variants=variants) as sandbox:
        config = doctor.config_of(sandbox, "aimsio")
        report = doctor.examined(config, "aimsio")
        assert report.usable
        assert len(report.exchanges) <= report.most_calls
        found = [one for one in doctor.found(report, finding) if one.state is VerdictState.DIFFERS]
        assert found
        if streams is not None:
            assert {one.stream for one in found} >= streams - {"equipment"}
        for one in found:
            assert one.entry.keys() - {"write_path"} == sets
            assert not one.settings
        reads_all(sandbox, doctor.applied(config, report))


def test_nothing_differs_where_everything_is_as_assumed() -> None:
    with running_sandbox(size=SIZE, limits=False) as sandbox:
        config = doctor.config_of(sandbox, "aimsio")
        report = doctor.examined(config, "aimsio")
        assert doctor.proposes_nothing(report), report.findings
        told = {one.name for one in report.findings if one.state is VerdictState.HOLDS}
        assert told == {
            *("basic_auth", "paths", "identity", "index_extra", "detail"),
            *("detail_keys", "detail_stamps", "stamps_agree"),
        }
        # The index that proved the login is that of a stream, too.
        assert len(report.exchanges) == 2 * len(RESOURCES)
        assert {one.method for one in report.exchanges} == {"GET"}
        reads_all(sandbox, doctor.applied(config, report))


def test_another_spelling_is_found_with_few_calls() -> None:
    with running_sandbox(size=3, limits=False, variants={"aimsio.paths": "plural"}) as sandbox:
        report = doctor.examined(doctor.config_of(sandbox, "aimsio"), "aimsio")
    # What the first of them is spelled like, the others are.
    missed = [one for one in report.exchanges if one.status == 404]
    assert len(missed) <= 8


@pytest.mark.parametrize("status", [403, 401])
def test_a_user_without_permission_is_told_apart(status: int) -> None:
    variants = {"aimsio.no_permission": str(status)}
    with running_sandbox(size=3, limits=False, variants=variants) as sandbox:
        config = doctor.config_of(sandbox, "aimsio", username="no-permission")
        report = doctor.examined(config, "aimsio", deep=True)
    login = next(step for step in report.steps if step.name == "login")
    assert login.level is Level.RED
    assert len(report.exchanges) == 1, "a refused login is tried once"
    (found,) = doctor.found(report, "no_permission")
    assert found.state is (VerdictState.HOLDS if status == 403 else VerdictState.DIFFERS)


class Account:
    """A small Aimsio: job orders, and one entity that a test answers for."""

    def __init__(self, special: t.Callable[[str], Reply | None]) -> None:
        self.special = special

    def __call__(self, request: Request) -> Reply:
        path = request.path.removeprefix(PREFIX)
        special = self.special(path)
        if special is not None:
            return special
        entity, _, key = path.strip("/").partition("/")
        if entity not in {"JobOrder", "Employee"}:
            return Reply(404)
        prefix = "job" if entity == "JobOrder" else "employee"
        if key:
            return Reply(body={f"{prefix}Guid": key, f"{prefix}UpdatedAt": 1_700_000_000_000})
        return Reply(body=[{"guid": "a", "updatedAt": 1_700_000_000_000}])


def test_an_entity_that_the_login_may_not_read_is_no_failure() -> None:
    def special(path: str) -> Reply | None:
        return Reply(401) if path.startswith("/JobOrder") else None

    with running_stub(Account(special)) as stub:
        report = doctor.examined(aimsio(stub.url), "aimsio")
    assert report.usable
    assert report.samples["job_orders"].access is Access.DENIED
    (found,) = doctor.found(report, "no_permission")
    assert found.state is VerdictState.DIFFERS


def test_an_index_and_a_record_that_disagree_are_told() -> None:
    def special(path: str) -> Reply | None:
        if path == "/JobOrder/a":
            return Reply(body={"jobGuid": "a", "jobUpdatedAt": 1_600_000_000_000})
        return None

    with running_stub(Account(special)) as stub:
        report = doctor.examined(aimsio(stub.url), "aimsio")
    (found,) = [
        one for one in doctor.found(report, "stamps_agree") if one.state is VerdictState.DIFFERS
    ]
    assert found.stream == "job_orders"


def test_a_record_that_has_just_gone_is_passed_over() -> None:
    def special(path: str) -> Reply | None:
        if path == "/JobOrder":
            stamps = {"a": 1_600_000_000_000, "gone": 1_700_000_000_000}
            return Reply(body=[{"guid": key, "updatedAt": at} for key, at in stamps.items()])
        if path == "/JobOrder/a":
            return Reply(body={"jobGuid": "a", "jobUpdatedAt": 1_600_000_000_000})
        return Reply(404) if path == "/JobOrder/gone" else None

    with running_stub(Account(special)) as stub:
        report = doctor.examined(aimsio(stub.url), "aimsio", "aimsio_job_orders")
    assert [row["jobGuid"] for row in report.samples["job_orders"].rows] == ["a"]


def test_what_is_nowhere_ends_with_few_calls() -> None:
    with running_stub(Account(lambda _: None)) as stub:
        report = doctor.examined(aimsio(stub.url), "aimsio")
    assert report.usable
    assert len(report.exchanges) <= report.most_calls
    missing = {one.stream for one in doctor.found(report, "paths")}
    assert missing == GUESSED
    assert "no calls were left" not in str(report)


def test_a_path_that_the_settings_name_is_not_spelled_otherwise() -> None:
    entry = {"name": "companies", "path": "/Firma"}
    with running_stub(Account(lambda _: None)) as stub:
        report = doctor.examined(aimsio(stub.url, resources=[entry]), "aimsio", "aimsio_companies")
    paths = [one.url.rpartition("/")[2] for one in report.exchanges]
    assert paths.count("Firma") == 1
    assert len(paths) == 2


def test_the_tap_names_the_doctor(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    variants = {"aimsio.detail_keys": "absent"}
    with running_sandbox(size=3, limits=False, variants=variants) as sandbox:
        run_tap(doctor.config_of(sandbox, "aimsio"), "aimsio_companies", "aimsio_users")
    said = [one for one in caplog.messages if "says what fits (detail_keys)" in one]
    assert len(said) == 2  # one a stream
    with running_stub(Account(lambda _: None)) as stub:
        run_tap(aimsio(stub.url), "aimsio_companies")
    assert any("says what fits (paths)" in one for one in caplog.messages)
