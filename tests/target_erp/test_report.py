"""The page of `erp ledger report`: what it says, and that nothing in it can do harm."""

from __future__ import annotations

import importlib.resources
import re
import typing as t
from html.parser import HTMLParser

import pytest

from erp_ledger import RecordStatus
from erp_vendors.http.redact import redact
from target_erp.report.charts import Series, columns
from target_erp.report.formats import compact
from target_erp.report.letters import cause_of, causes
from target_erp.report.page import page
from target_erp.report.past_runs import past_run
from target_erp.report.record_details import record_details
from tests.support.history import EMPLOYEES, NOW, ORDERS, doubt, letter, past, stamp

pytestmark = pytest.mark.slow

HOSTILE = (
    "</td></table><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\"'\x1b\u202e${runs}"
)
EMPTY_TAGS = {"meta", "br"}
CONFLICT = {"class": "conflict"}


class Page(HTMLParser):
    """A page taken apart; fails where its tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY_TAGS:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += f"{data} "

    def count(self, tag: str) -> int:
        return [name for name, _ in self.tags].count(tag)

    @property
    def said(self) -> str:
        return " ".join(self.text.split())


def built(*args: t.Any) -> Page:
    return Page(page(*args, now=NOW))


def whole() -> str:
    runs = [
        past(4, {EMPLOYEES: {"created": 3, "refused": 2}, ORDERS: {"unknown": 1}}, exit_code=3),
        past(28, {EMPLOYEES: {"updated": 9, "deleted": 1}}),
        past(52, ended=False),
        past(76, exit_code=1, error="aimsio: HTTP 401"),
    ]
    return page(runs, [letter("E-1"), letter("E-2")], [doubt()], NOW)


def test_the_report_is_one_file() -> None:
    html = whole()
    tags = Page(html).tags
    assert not {"script", "link", "img", "iframe", "object", "use", "base"} & {n for n, _ in tags}
    attributes = [(name, value) for _, pairs in tags for name, value in pairs.items()]
    assert not [name for name, _ in attributes if name == "src" or name.startswith("on")]
    anchors = [str(value) for name, value in attributes if name == "href"]
    assert all(anchor.startswith("#") for anchor in anchors)
    assert {anchor[1:] for anchor in anchors} <= {v for name, v in attributes if name == "id"}
    assert not re.search(r"url\(|@import", html)
    assert "default-src 'none'" in html


def test_texts_of_people_and_vendors_stay_text() -> None:
    runs = [past(4, {HOSTILE: {"created": 3, "refused": 1}}, exit_code=1, error=HOSTILE)]
    letters = [letter(HOSTILE, HOSTILE, stream=HOSTILE, **{"class": HOSTILE, "status": HOSTILE})]
    doubts = [doubt(HOSTILE)._replace(account=HOSTILE, stream=HOSTILE)]
    found = built(runs, letters, doubts)
    assert {"script", "img"}.isdisjoint(name for name, _ in found.tags)
    assert found.text.count("<script>alert(1)</script>") >= 6
    assert not {"\x1b", "\u202e"} & set(found.text)
    assert "${runs}" in found.text


def test_every_chart_has_a_name_and_every_table_a_caption() -> None:
    html = whole()
    found = Page(html)
    charts = re.findall(r'<svg role="img"[^>]*>(.*?)</svg>', html, re.DOTALL)
    assert len(charts) >= 6
    for chart in charts:
        assert re.match(r"<title>[^<]+</title><desc>[^<]+</desc>", chart)
    assert found.count("table") == found.count("caption") == 5
    assert all(pairs.get("scope") for name, pairs in found.tags if name == "th")


@pytest.mark.parametrize(
    ("run", "sentence", "symbol"),
    [
        (past(4, {EMPLOYEES: {"created": 3}}), "The last run succeeded.", "✓"),
        (
            past(4, {EMPLOYEES: {"refused": 2, "waiting": 1, "unknown": 1}}, exit_code=3),
            "finished, but 4 records did not get through: 2 refused, 1 waiting for another one, 1",
            "!",
        ),
        (past(4, exit_code=1, error="boom"), "The last run failed.", "✗"),
        (past(4, ended=False), "The last run has not ended: it is still running, or it", "✗"),
    ],
)
def test_the_first_sentence_says_how_the_last_run_ended(
    run: t.Any, sentence: str, symbol: str
) -> None:
    said = built([run, past(28)], []).said
    start = said.index("The last run", said.index("all times are UTC"))
    assert sentence in said[start : start + 200]
    assert said[start - 2] == symbol
    assert "on 27 Nov 2026 02:30 UTC (4 h 0 min ago)" in said


def test_the_report_says_what_needs_a_person() -> None:
    letters = [letter("E-1"), letter("E-2"), letter("E-3", "no such job", outcome="waiting")]
    run = past(4, exit_code=1, error="aimsio: HTTP 401, the credentials were refused")
    said = built([run], letters, [doubt(), doubt("x=2", RecordStatus.INTENT)]).said
    tasks = said[said.index("What needs a person") : said.index("Runs over time")]
    assert "Find out why the last run failed: aimsio: HTTP 401, the credentials" in tasks
    assert "Look up 1 record at the vendor" in tasks
    assert "Correct 2 records at the source" in tasks
    assert "Reason: “bad trade”" in tasks
    assert "1 record will go out when" in tasks
    assert "erp ledger unknown" in tasks
    assert "erp ledger replay" in tasks


def test_a_run_that_succeeded_does_not_hide_what_earlier_ones_left() -> None:
    html = page([past(4)], [letter()], (), NOW)
    assert '<section class="verdict warn"' in html
    assert "Nothing needs a person" not in html
    assert "Nothing needs a person" in page([past(4)], [], (), NOW)
    assert '<section class="verdict good"' in page([past(4)], [], (), NOW)


def test_a_report_without_runs_says_so() -> None:
    found = built([], [])
    assert "No run has been noted in this ledger yet." in found.said
    assert found.count("svg") == 0


def test_a_report_that_is_no_report_is_survived() -> None:
    odd = past(4, {EMPLOYEES: {"created": "many", "refused": None}}, seconds="long", vendors=[1])
    run = past_run(odd)
    assert (run.counts.total(), run.seconds, run.calls) == (0, 0, 0)
    assert "The last run succeeded." in built([odd], []).said


def test_faults_that_differ_by_their_record_only_are_one_reason() -> None:
    letters = [
        letter(f"E-{n}", f"employeeCode E-{n} has {n + 21} characters, '{n}-x' is no trade")
        for n in range(9)
    ]
    ((cause, count),) = causes(letters).items()
    assert (count, cause.reason) == (9, "employeeCode … has # characters, '#-x' is no trade")
    guid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    assert cause_of(letter(reason=f"no job {guid}")).reason == "no job …"
    assert cause_of(letter("trade", "bad trades")).reason == "bad trades"
    assert len(cause_of(letter(reason="x" * 900)).reason) <= 140


def test_the_commonest_reasons_come_first_and_the_rest_is_counted() -> None:
    letters = [letter(f"E-{n}", "often") for n in range(5)]
    letters += [letter(f"F-{n}", f"reason {chr(97 + n)}") for n in range(12)]
    said = built([past(4)], letters).said
    reasons = said[said.index("Why records were refused") :]
    assert "17 records refused that have not got through since" in reasons
    assert "3 records for further reasons are left out" in reasons
    assert reasons.index("5 often (refused 400)") < reasons.index("1 reason a (refused 400)")


def test_dead_letters_stand_newest_first() -> None:
    said = built([past(4)], [letter("OLD", last_at=stamp(50)), letter("NEW")]).said
    table = said[said.index("Records that have not got through") :]
    assert table.index("employeeCode=NEW") < table.index("25 Nov 2026 04:30")
    assert table.index("25 Nov 2026 04:30") < table.index("employeeCode=OLD")


def test_long_tables_say_what_they_leave_out() -> None:
    letters = [letter(f"E-{n}") for n in range(1234)]
    doubts = [doubt(f"x={n}") for n in range(101)]
    runs = [past(4, {f"aims360_{n}": {"created": 1} for n in range(41)})]
    said = built(runs, letters, doubts).said
    assert "1,134 more records are left out" in said
    assert "1 more records are left out" in said
    assert "1 more sinks are left out" in said


def test_secrets_are_masked() -> None:
    redact.add("tok-9876543210")
    html = page([past(4, error="said tok-9876543210", exit_code=1)], [letter()], (), NOW)
    assert "tok-9876543210" not in html
    assert "said *****" in html


def rects(svg: str, css: str) -> list[tuple[float, float]]:
    """Width and height of the bars of one colour."""
    found = re.findall(rf'<rect class="{css}"[^>]* width="([\d.]+)" height="([\d.]+)"', svg)
    return [(float(wide), float(tall)) for wide, tall in found]


def test_one_refused_record_among_a_billion_is_seen() -> None:
    series = [Series("updated", "a", [10**9, 0]), Series("refused", "b", [1, 0])]
    svg = columns("n", ["x", "y"], ["x", "y"], series, height=100)
    assert rects(svg, "a") == [(26.0, 50.0)]
    ((wide, tall),) = rects(svg, "b")
    assert wide == 26
    assert tall >= 2
    assert "1,000,000,000 updated" in svg
    assert ">1G<" in svg


def test_two_hundred_runs_fit_and_the_newest_has_its_label() -> None:
    runs = [past(1 + 24 * n, {EMPLOYEES: {"created": n + 1}}) for n in range(200)]
    html = page(runs, [], (), NOW)
    first = re.findall(r'<svg role="img"[^>]*>.*?</svg>', html, re.DOTALL)[0]
    bars = re.findall(r'class="created" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', first)
    assert len(bars) == 200
    starts = [float(x) for x, _ in bars]
    assert starts == sorted(starts)
    assert all(float(wide) >= 1 for _, wide in bars)
    assert 52 <= starts[0] < starts[-1] + float(bars[-1][1]) <= 720
    labels = re.findall(r'text-anchor="(?:start|middle|end)">(\d[^<]*\d\d:\d\d)<', first)
    assert 3 <= len(labels) <= 6
    assert labels[0] == "27 Nov 05:30"


def test_numbers_on_an_axis_are_short() -> None:
    assert [compact(v) for v in (0, 0.5, 950, 1500, 2e6, 3e9, 10**15)] == [
        "0", "0.5", "950", "1.5k", "2M", "3G", "1P",
    ]  # fmt: skip


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as WCAG 2 defines it, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("place", [0, 1, 2], ids=["light", "dark", "print"])
def test_colours_can_be_told_from_the_page(place: int) -> None:
    template = importlib.resources.files("target_erp.report").joinpath("page.html")
    css = re.findall(r":root \{(.*?)\}", template.read_text(encoding="utf-8"), re.DOTALL)[place]
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", css))
    for ground in ("page", "panel"):
        for name in ("text", "muted", "link", "good", "warn", "bad"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for name in [
        "created",
        "updated",
        "written",
        "deleted",
        "calls",
        "unchanged",
        "refused",
        "waiting",
        "unknown",
    ]:
        assert contrast(colours[name], colours["page"]) >= 3, name


def test_skips_and_outcomes_of_a_later_version_are_shown_by_their_names() -> None:
    counts = {"read": 9, "created": 1, "skipped": 3, "postponed": 4, "calls": 7, "seconds": 1.5}
    runs = [past(1, {EMPLOYEES: {**counts, "skipped_records": [{"key": "a", "reason": "b"}]}})]
    assert dict(past_run(runs[0]).counts) == {"created": 1, "skipped": 3, "postponed": 4}
    made = Page(page(runs, [], now=NOW))
    assert "Read 1,200 records: 1 created, 3 skipped, 4 postponed." in made.said
    heads = [text for text in made.said.split() if text in {"skipped", "postponed"}]
    assert len(heads) > 4
    classes = {attrs.get("class") for name, attrs in made.tags if name == "rect"}
    assert {"created", "skipped", "other"} <= classes
    assert "postponed" not in classes
    hostile = [past(1, {EMPLOYEES: {"read": 1, HOSTILE: 1}})]
    assert Page(page(hostile, [], now=NOW)).count("script") == 0


def test_a_conflict_shows_what_it_is_about() -> None:
    fields = {"rate": {"base": "not known", "theirs": 12.5, "ours": None}}
    one = letter(reason="changed at the vendor", status=None, conflicts=fields, **CONFLICT)
    said = Page(page([past(1)], [one, letter("E-2")], now=NOW)).said
    assert "Decide on 1 conflict:" in said
    assert "Correct 1 record at the source" in said
    assert 'rate: 12.5 at the vendor, nothing here, "not known" before' in said
    shown = record_details(doubt(mark=RecordStatus.REFUSED), one, 200)
    assert "conflict" in shown
    assert "12.5 at the vendor" in shown
    assert "conflict" not in record_details(doubt(mark=RecordStatus.REFUSED), letter(), 200)
