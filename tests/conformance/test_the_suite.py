"""The suite itself: it catches a naive target, and its server does what it says."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import typing as t

import pytest

from .adapter import load
from .server import most_in

if t.TYPE_CHECKING:
    from .conftest import Benches
    from .running import Bench

HERE = pathlib.Path(__file__).parent
NAIVE = f"{__package__}.naive:Naive"
ADAPTERS = "conformance.naive:Naive conformance.naive:Careless"

CAUGHT = {
    "test_answers": [
        "a_lost_answer_neither_loses_nor_doubles[Naive-cut after]",
        "a_lost_answer_neither_loses_nor_doubles[Naive-503 after]",
        "a_lost_answer_neither_loses_nor_doubles[Naive-garbage before]",
        "a_write_may_be_carried_out_after_its_connection_broke[Naive]",
    ],
    "test_success": ["answers_that_are_no_success_do_not_count_as_one[Naive-before]"],
    "test_outages": [
        "an_outage_fails_the_run_and_refuses_nothing[Naive-404-1]",
        "an_outage_fails_the_run_and_refuses_nothing[Naive-500-30]",
        "an_outage_fails_the_run_and_refuses_nothing[Naive-a login page-1]",
        "a_record_that_alone_meets_500_holds_up_no_other[Naive]",
    ],
    "test_kill": ["killed_at_random_points[Naive]"],
    "test_messages": [
        "a_batch_of_files_is_refused_and_no_file_is_read",
        "a_broken_message_ends_the_run_behind_what_came_before[a state without a value]",
        "a_broken_message_ends_the_run_behind_what_came_before[a schema that is null]",
        "a_record_without_its_key_is_reported_and_holds_up_no_other[Naive]",
        "a_schema_may_come_with_another_key[Naive]",
    ],
    "test_flow": ["state_comes_out_although_something_is_always_open"],
    "test_records": [
        "the_same_record_twice_is_one_record[Naive]",
        "the_same_input_again_writes_nothing_in_any_order[Naive]",
        "state_is_never_ahead[Naive]",
        "poison_stands_alone[Naive-arrive]",
    ],
    "test_side_by_side": ["two_runs_at_once_write_each_record_once[Naive]"],
    "test_write_modes": [
        "what_a_mode_forbids_is_left_alone[Careless-create_only-arrive]",
        "what_a_mode_forbids_is_left_alone[Careless-update_only-arrive]",
    ],
    "test_lost_updates": [
        "what_a_person_has_changed_stands_run_after_run[Careless]",
        "what_a_person_has_changed_beside_it_stays[Careless]",
    ],
    "test_approved_plans": [
        "a_plan_writes_nothing_and_is_written_when_it_is_applied[Careless]",
        "of_new_records_only_what_is_approved_is_made[Careless]",
        "of_changes_only_what_is_approved_is_made[Careless]",
        "a_plan_may_be_applied_again_after_a_kill[Careless]",
    ],
}
"""What is wrong with the naive target, by the test that must say so."""
PASSED = {
    "test_answers": [
        "a_lost_answer_neither_loses_nor_doubles[Naive-cut before]",
        "a_lost_answer_neither_loses_nor_doubles[Naive-503 before]",
        "slow_answers_are_waited_for[Naive]",
    ],
    "test_messages": [
        "of_states_alone_the_last_one_comes_out",
        "annotations_of_a_schema_refuse_nothing[Naive]",
        "nothing_that_a_schema_refers_to_is_fetched",
    ],
    "test_flow": ["the_target_reads_no_more_than_so_far_ahead"],
    "test_records": ["text_arrives_as_it_is[Naive]", "null_and_absent_are_not_filled[Naive]"],
    "test_lost_updates": ["a_target_is_in_no_conflict_with_itself[Careless]"],
}
"""What it gets right."""
SKIPPED = {
    "test_write_modes": ["what_a_mode_forbids_is_left_alone[Naive-create_only-arrive]"],
    "test_lost_updates": ["what_a_person_has_changed_stands_run_after_run[Naive]"],
    "test_approved_plans": ["a_plan_writes_nothing_and_is_written_when_it_is_applied[Naive]"],
}
"""What its adapter does not promise."""


def test_a_copy_of_the_suite_catches_a_naive_target_where_it_is_wrong(
    tmp_path: pathlib.Path,
) -> None:
    """In a folder of its own, without anything of this project."""
    ours = shutil.ignore_patterns("vendors.py", "test_at_scale.py", "__pycache__")
    shutil.copytree(HERE, tmp_path / "conformance", ignore=ours)
    run = subprocess.run(
        [
            *[sys.executable, "-m", "pytest", "-q", "-rA", "--no-header", "-p", "no:cacheprovider"],
            *[
                f"conformance/{module}.py::test_{name}"
                for module in CAUGHT
                for name in (*CAUGHT[module], *PASSED.get(module, ()), *SKIPPED.get(module, ()))
            ],
        ],
        env={**os.environ, "CONFORMANCE_ADAPTERS": ADAPTERS},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    said = {
        outcome: set(re.findall(rf"(?m)^{outcome} \S*?(\w+)\.py::test_(.*?)(?: - |$)", run.stdout))
        for outcome in ("FAILED", "PASSED", "ERROR")
    }
    assert said["ERROR"] == set(), run.stdout
    skips = re.findall(r"(?m)^SKIPPED \[1\] \S*?(\w+)\.py:\d+: this target .+$", run.stdout)
    assert sorted(skips) == sorted(SKIPPED), "each with a reason"
    assert {(m, name) for m, names in CAUGHT.items() for name in names} == said["FAILED"]
    assert {(m, name) for m, names in PASSED.items() for name in names} == said["PASSED"]


@pytest.fixture
def naive(benches: Benches) -> Bench:
    return benches(NAIVE)


def test_the_findings_name_what_is_wrong(naive: Bench) -> None:
    records = naive.records(30)
    naive.server.rule("cut", after=True, skip=3, times=1)
    run = naive.run(naive.messages(records), death={"skip": 14})
    found = naive.findings(records, run)
    assert found.doubled == ["3@example.com"]
    assert found.lost == [f"{number}@example.com" for number in range(13, 30)]
    assert found.ahead[-1] > 13
    assert (found.stale, found.altered) == ([], [])


def test_findings_know_old_versions_and_foreign_ones(naive: Bench) -> None:
    ours = naive.adapter.record(1)
    sent = [{**ours, "notes": "old"}, {**ours, "notes": "new"}]
    for row in (sent[1], sent[0], {**ours, "notes": "nobody's"}):
        assert call(naive, "POST", "/contacts", row)[0] == 201
    found = naive.findings(sent)
    assert (found.stale, found.altered) == (["1@example.com"], ["1@example.com"])
    assert naive.server.stats["duplicates"] == 2


def call(bench: Bench, method: str, path: str, body: t.Any = None) -> tuple[int, bytes]:
    """One call on a connection of its own."""
    connection = http.client.HTTPConnection(bench.server.url.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_faults_before_commit_nothing_and_faults_after_do(naive: Bench) -> None:
    row = naive.adapter.record(1)
    naive.server.rule("status", status=503, times=1)
    assert (call(naive, "POST", "/contacts", row)[0], naive.server.log) == (503, [])
    naive.server.rule("status", after=True, status=503, times=1)
    assert (call(naive, "POST", "/contacts", row)[0], len(naive.server.log)) == (503, 1)
    naive.server.rule("half", after=True, times=1)
    with pytest.raises(http.client.IncompleteRead):
        call(naive, "POST", "/contacts", row)
    naive.server.rule("cut", after=True, times=1)
    with pytest.raises(ConnectionError):
        call(naive, "POST", "/contacts", row)
    assert (len(naive.server.log), naive.server.stats["duplicates"]) == (3, 2)
    assert naive.server.stats["calls"] == {"write": 4}


def test_rules_choose_their_requests(naive: Bench) -> None:
    naive.server.rule("status", on="read", skip=1, times=2)
    codes = [call(naive, "GET", "/contacts?email=a")[0] for _ in range(4)]
    assert codes == [200, 503, 503, 200]
    naive.server.no_rules()
    naive.server.rule("status", each=1)
    rows = naive.records(2)
    codes = [call(naive, "POST", "/contacts", rows[number])[0] for number in (0, 1, 1, 0)]
    assert codes == [503, 503, 201, 201]
    naive.server.reset(seed=3)
    naive.server.rule("status", on="GET", probability=0.5)
    first = [call(naive, "GET", "/contacts?email=a")[0] for _ in range(20)]
    naive.server.reset(seed=3)
    naive.server.rule("status", on="GET", probability=0.5)
    assert [call(naive, "GET", "/contacts?email=a")[0] for _ in range(20)] == first
    assert {200, 503} == set(first)


def test_the_highest_rate_is_that_of_any_second() -> None:
    assert most_in(1.0, []) == 0
    assert most_in(1.0, [0.0, 0.9, 1.0, 1.1, 1.85, 5.0]) == 4
    assert most_in(1.0, [0.0, 1.0, 2.0]) == 1


def test_an_adapter_with_a_bug_is_told_from_a_fault(naive: Bench) -> None:
    assert call(naive, "GET", "/contacts")[0] == 500
    with pytest.raises(AssertionError, match="KeyError"):
        _ = naive.server.stats


def test_a_chunked_body_is_read(naive: Bench) -> None:
    connection = http.client.HTTPConnection(naive.server.url.removeprefix("http://"), timeout=10)
    text = json.dumps(naive.adapter.record(1)).encode()
    connection.request("POST", "/contacts", body=iter([text[:9], text[9:]]), encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()


def test_requests_that_come_without_waiting_are_answered_in_their_order(naive: Bench) -> None:
    host, _, port = naive.server.url.removeprefix("http://").partition(":")
    lines = [f"GET /contacts?email={number} HTTP/1.1\r\n\r\n" for number in range(1500)]
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall("".join([*lines, "GET /_/end HTTP/1.1\r\n\r\n"]).encode())
        came = b""
        while b"most_in_flight" not in came:
            came += connection.recv(65536)
    assert came.count(b"HTTP/1.1 200") == 1501


def test_the_example_loads() -> None:
    assert load(NAIVE).record(1)["email"] == "1@example.com"
