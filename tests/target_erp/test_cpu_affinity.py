"""A run keeps to one CPU, and gives the others back."""

from __future__ import annotations

import os
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


def test_runs_side_by_side_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 9})
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cpus: chosen.append(cpus))
    for process in range(30, 33):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        with keep_to_one_cpu():
            pass
    assert chosen[::2] == [{3}, {5}, {9}]
    assert chosen[1::2] == [{3, 5, 9}] * 3


def test_threads_that_run_at_once_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    before = os.sched_getaffinity(0)
    with keep_to_one_cpu():
        assert os.sched_getaffinity(0) == before


def test_where_it_is_forbidden_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", forbid)
    done = False
    with keep_to_one_cpu():
        done = True
    assert done
