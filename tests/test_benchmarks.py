from __future__ import annotations

import importlib
import json
import re
import typing as t

import pytest

from benchmarks import configs, harness, table
from benchmarks.bars import BARS, BENCHMARKS, Bar, shown
from benchmarks.harness import Report, Samples, interleave, verdict
from benchmarks.processes import Counted, ProcessError, execute, ours, serving
from benchmarks.records import PLAIN, SIZE
from benchmarks.server import Counts
from benchmarks.suite import calls, cimcloud_limits, raw_tap
from benchmarks.vendors import CUSTOMERS, Call

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.slow

FLOOR = Bar("floor", "raw_tap", "Some rate", ">=", 4, "x")
CEILING = Bar("ceiling", "raw_tap", "… some peak", "<=", 10)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_of_a_bar_can_be_run(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.suite.{name}").run)


def test_no_bar_is_forgotten() -> None:
    assert len({bar.name for bar in BARS}) == len(BARS)
    harness.check("raw_tap", Report({"tap_dlt": None, "tap_honest": 1}))
    for values in ({"tap_dlt": 1.0}, {"tap_dlt": 1.0, "tap_honest": 1.0, "more": 1.0}):
        with pytest.raises(ValueError, match="raw_tap must measure"):
            harness.check("raw_tap", Report({**values}))


def test_sides_are_measured_in_turn_and_summed_up_by_their_median() -> None:
    order: list[str] = []
    values = {"a": iter([3.0, 900.0, 1.0]), "b": iter([1.0, 0.5, 2.0])}

    def side(name: str) -> t.Callable[[], float]:
        def measure() -> float:
            order.append(name)
            return next(values[name])

        return measure

    report = Report()
    interleave(report, {name: side(name) for name in values}, 3, "records/s")
    assert order == ["a", "b"] * 3
    assert report.median("a") == 3.0
    assert report.ratio("a", "b") == 3.0
    assert report.ratio("a", "a peer that is not there") is None
    assert str(report.sides["a"]) == "3 records/s (1 to 900, 3 runs)"


@pytest.mark.parametrize(
    ("bar", "value", "expected"),
    [
        (FLOOR, 4.0, "PASS"),
        (FLOOR, 3.99, "MISS"),
        (CEILING, 10.0, "PASS"),
        (CEILING, 11.0, "MISS"),
        (FLOOR, None, "not measured"),
    ],
)
def test_a_bar_is_a_floor_or_a_ceiling(bar: Bar, value: float | None, expected: str) -> None:
    assert verdict(bar, value) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (36412.7, "records/s", "36,413 records/s"),
        (1.234, "x", "1.23x"),
        (8.0, "x", "8x"),
        (95.951, "%", "95.95%"),
        (0.0, "", "0"),
    ],
)
def test_numbers_are_short(value: float, unit: str, expected: str) -> None:
    assert shown(value, unit) == expected


def test_a_report_names_each_of_its_bars(tmp_path: pathlib.Path) -> None:
    report = Report(values={"tap_dlt": 1.5}, sides={"us": Samples([2.0], "s")}, notes=["hm"])
    text = "\n".join(harness.lines("raw_tap", report))
    assert "2 s (once)" in text
    assert "PASS  tap_dlt: 1.50x (bar: at least 1x)" in text
    assert "not measured tap_honest" in text
    assert "note: hm" in text
    assert str(tmp_path) not in text


def test_the_table_has_a_row_for_each_group_and_says_what_is_missing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    harness.save("raw_tap", Report({"tap_dlt": 0.5, "tap_honest": 1.0}), quick=False, seconds=1)
    harness.save("startup", Report({"about": 1.1}), quick=True, seconds=1)
    text = table.table(table.read(tmp_path))
    rows = text.splitlines()
    (row,) = [row for row in rows if "against dlt" in row]
    assert row.endswith("| at least 1x; at least 1 | 0.50x; 1 | MISS |")
    (row,) = [row for row in rows if "--about" in row]
    assert row.endswith("| - | not measured |"), "a short run does not count"
    assert len(table.groups()) == len([row for row in rows if row.startswith("|")]) - 2
    saved = json.loads((tmp_path / "raw_tap.json").read_text())
    assert rows[0] == (f"Measured with `make bench`: commit {saved['commit']}, {saved['machine']}.")
    assert str(tmp_path) not in (tmp_path / "raw_tap.json").read_text()


def test_the_table_goes_between_its_marks_and_can_be_renewed() -> None:
    page = table.PAGE.read_text(encoding="utf-8")
    once = table.insert(page, "| first |")
    twice = table.insert(once, "| second |")
    assert "| first |" in once
    assert "| first |" not in twice
    assert twice.replace("| second |", "| first |") == once
    with pytest.raises(ValueError, match="no <!-- benchmarks"):
        table.insert("no marks", "| first |")


def test_the_figures_of_the_readme_stand_in_the_table() -> None:
    rows = table.PAGE.read_text(encoding="utf-8")
    readme = table.README.read_text(encoding="utf-8")
    shown_there = readme.partition(table.FIGURES_START)[2].partition(table.FIGURES_END)[0]
    lines = shown_there.strip().splitlines()
    assert len(lines) == len(table.FIGURES)
    for line, form in zip(lines, table.FIGURES, strict=True):
        parts = re.split(r"\{\w+\}", f"- {form}")
        found = re.fullmatch("(.+)".join(map(re.escape, parts)), line)
        assert found, line
        for value in found.groups():
            assert f" {value};" in rows or f" {value} |" in rows, value


def test_the_figures_of_one_process_on_the_page_of_scale_stand_in_the_table() -> None:
    rows = table.PAGE.read_text(encoding="utf-8")
    page = (table.PAGE.parents[1] / "docs" / "scale.md").read_text(encoding="utf-8")
    section = page.partition("## What one process does")[2].partition("\n## ")[0]
    values = re.findall(r"[\d.,]+(?:x| records/s| MB)", section)
    assert len(values) == 8
    for value in values:
        number = value.removesuffix(" MB")
        assert re.search(rf" {re.escape(number)}(?: MB)?[; ]", rows), value


def test_what_was_not_measured_is_no_figure() -> None:
    assert f"- The tap reads {harness.NOT_MEASURED} as fast" in table.figures({})


def test_records_are_as_large_as_they_are_said_to_be() -> None:
    for number in (1, 7, 9):
        assert len(PLAIN.render(number)) == SIZE
        assert len(json.loads(PLAIN.render(number))) == 20
    assert CUSTOMERS.moment(CUSTOMERS.after(CUSTOMERS.moment(5))) == CUSTOMERS.moment(5)


def test_the_fullest_second_is_found_wherever_it_begins() -> None:
    times = [0.0, 0.9, 1.1, 1.2, 1.89, 3.0]
    counted = Counted([(at, "call") for at in times], 1, 0, 0)
    assert counted.most_in_a_second() == 4
    assert counted.rate("call") == pytest.approx(5 / 3)


def test_the_server_pages_and_counts() -> None:
    with serving(700) as server:
        done = execute(*raw_tap.reading(server))
        counted = server.reset()
        assert done.said["records"] == 700
        assert counted.number("aims360 page") == 2
        assert server.reset().arrivals == []


def test_the_benchmark_checks_that_the_tap_is_honest() -> None:
    assert raw_tap.is_honest()


def test_the_server_notices_records_out_of_order() -> None:
    counts = Counts()
    first, second, other = (
        Call("write", b"", written=((key, version),))
        for key, version in (("a", 1), ("a", 2), ("b", 1))
    )
    counts.began(first, 0.0)
    counts.began(other, 0.0)
    assert counts.disorders == 0
    counts.began(second, 0.0)
    assert counts.disorders == 1, "the earlier version is under way"
    for call in (first, second, other):
        counts.ended(call)
    counts.began(first, 1.0)
    assert counts.disorders == 2, "the later version is there"
    assert counts.most_in_flight == 3


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(ProcessError, match="no vendor is configured"):
        execute(*ours("tap", config={}, streams=[]))


@pytest.mark.nightly  # `make bench` measures it, too
def test_an_unchanged_re_sync_makes_no_needless_call() -> None:
    report = calls.run(quick=True)
    assert report.values == {"aimsio_calls": 1, "cimcloud_calls": 1, "target_calls": 0}


def test_the_virtual_clock_keeps_the_limits() -> None:
    report = cimcloud_limits.run(quick=True)
    bars = {bar.name: bar for bar in BARS}
    assert report.values.keys() == {n for n, b in bars.items() if b.benchmark == "cimcloud_limits"}
    assert all(bars[name].holds(value or 0) for name, value in report.values.items())


def test_limits_of_the_configurations_are_lifted() -> None:
    for block in (configs.aims360, configs.aimsio, configs.aim, configs.cimcloud):
        (settings,) = block("http://127.0.0.1:1").values()
        assert settings["requests_per_second"] == configs.NO_LIMIT
