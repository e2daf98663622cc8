"""Two runs at once on one account, and what the target leaves in files."""

from __future__ import annotations

import threading
import typing as t

import pytest

from .book import POISON
from .findings import Findings

if t.TYPE_CHECKING:
    import pathlib

    from .book import Row
    from .running import Bench, Run


COUNT = 60
"""Records of each run."""


def test_two_runs_at_once_write_each_record_once(bench: Bench) -> None:
    """They share the account, and half of their records."""
    records = bench.records(COUNT * 3 // 2)
    runs: list[Run] = []
    bench.server.rule("delay", seconds=0.01)

    def run(some: list[Row]) -> None:
        runs.append(bench.run(bench.messages(some)))

    inputs = (records[:COUNT], records[COUNT // 2 :])
    threads = [threading.Thread(target=run, args=(some,), daemon=True) for some in inputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.code for one in runs] == [bench.adapter.ok] * 2, "\n".join(
        one.stderr for one in runs
    )
    assert (bench.reported, bench.findings(records)) == ([], Findings())


def test_files_of_the_target_are_readable_by_their_owner_only(bench: Bench) -> None:
    bench.adapter.command(bench.server.url, bench.folder)
    ours = set(bench.folder.rglob("*"))
    records = bench.records(8)
    records[2][bench.adapter.text] = POISON
    run = bench.run(bench.messages(records))
    assert run.code == bench.adapter.rejected, run.stderr
    left = [file for file in bench.folder.rglob("*") if file.is_file() and file not in ours]
    if not left:
        pytest.skip("this target leaves no files")
    open_to_others = {file.name: oct(file.stat().st_mode) for file in left if _is_open(file)}
    assert open_to_others == {}


def _is_open(file: pathlib.Path) -> bool:
    return bool(file.stat().st_mode & 0o077)


def test_a_torn_line_stops_no_later_run(bench: Bench) -> None:
    """A process that is killed while it writes leaves the beginning of a line."""
    records = bench.records(9)
    records[2][bench.adapter.text] = POISON
    assert bench.run(bench.messages(records)).code == bench.adapter.rejected
    files = bench.adapter.report_files(bench.folder)
    if not files:
        pytest.skip("this target reports into no file")
    for file in files:
        line = file.read_bytes()
        with file.open("ab") as out:
            out.write(line[: len(line) // 2])
    before = len(records)
    records += [bench.adapter.record(before + number) for number in range(4)]
    records[before + 1][bench.adapter.text] = POISON
    run = bench.run(bench.messages(records, before))
    assert run.code == bench.adapter.rejected, run.stderr
    assert bench.reported == sorted(records[n][bench.adapter.key] for n in (2, before + 1))
    assert bench.findings(records, run) == Findings()
    records[2][bench.adapter.text] = records[before + 1][bench.adapter.text] = "sound"
    run = bench.run(bench.messages(records))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()
