"""A run keeps to one CPU, and gives the others back."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import typing as t

import pytest

from target_erp.cpu_affinity import keep_to_one_cpu
from target_erp.target import TargetErp

if t.TYPE_CHECKING:
    import pathlib

if not hasattr(os, "sched_setaffinity"):
    pytest.skip("this system cannot keep a thread on a CPU", allow_module_level=True)

KEEPER = """
import json, os, sys
from target_erp import cpu_affinity
cpu_affinity._LOCK = json.loads(sys.argv[2])
os.sched_setaffinity(0, json.loads(sys.argv[1]))
with cpu_affinity.keep_to_one_cpu():
    print(json.dumps(sorted(os.sched_getaffinity(0))), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def lock(monkeypatch: pytest.MonkeyPatch) -> str:
    """Locks that no run beside this test can have."""
    name = f"\0erp-singer/test/{secrets.token_hex(8)}/{{}}"
    monkeypatch.setattr("target_erp.cpu_affinity._LOCK", name)
    return name


def test_a_run_and_its_threads_keep_to_one_cpu() -> None:
    before = os.sched_getaffinity(0)
    seen: list[set[int]] = []

    def look() -> None:
        seen.append(os.sched_getaffinity(0))

    with keep_to_one_cpu():
        look()
        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join()
    assert os.sched_getaffinity(0) == before
    own, threads = seen
    assert own == threads
    assert len(own) == 1
    assert own <= before


def test_a_run_of_the_target_is_one(tmp_path: pathlib.Path) -> None:
    before = os.sched_getaffinity(0)
    seen: list[set[int]] = []
    config = {
        "aimsio": {"api_url": "http://127.0.0.1:1", "username": "ann", "password": "pass-w0rd"},
        "ledger": str(tmp_path / "ledger.sqlite"),
        "dead_letters": str(tmp_path / "dead"),
        "report_file": "none",
    }
    target = TargetErp(config=config)
    target.run.perform(lambda: seen.append(os.sched_getaffinity(0)))
    assert [len(cpus) for cpus in seen] == [1]
    assert os.sched_getaffinity(0) == before


def test_a_run_that_fails_gives_the_cpus_back() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(ZeroDivisionError), keep_to_one_cpu():
        raise ZeroDivisionError
    assert os.sched_getaffinity(0) == before


def test_no_two_runs_of_a_machine_keep_to_one_cpu(lock: str) -> None:
    """With one process more than there are CPUs, the last one stays on all of them."""
    allowed = sorted(os.sched_getaffinity(0))[:3]
    processes: list[subprocess.Popen[str]] = []

    def start() -> list[int]:
        arguments = [json.dumps(allowed), json.dumps(lock)]
        process = subprocess.Popen(
            [sys.executable, "-c", KEEPER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return t.cast("list[int]", json.loads(t.cast("t.IO[str]", process.stdout).readline()))

    try:
        pinned = [start() for _ in allowed]
        assert sorted(pinned) == [[cpu] for cpu in allowed]
        assert start() == allowed
        processes[0].kill()  # however it ends, its CPU is free again
        processes[0].wait(30)
        assert start() == pinned[0]
    finally:
        for process in processes:
            process.communicate("over\n", timeout=30)


def test_a_cpu_is_given_back_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {90_003})
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cpus: chosen.append(cpus))
    for _ in range(2):
        with keep_to_one_cpu():
            pass
    assert chosen == [{90_003}] * 4


def test_threads_that_run_at_once_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    before = os.sched_getaffinity(0)
    with keep_to_one_cpu():
        assert os.sched_getaffinity(0) == before


def test_where_pinning_is_forbidden_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", forbid)
    done = False
    with keep_to_one_cpu():
        done = True
    assert done
