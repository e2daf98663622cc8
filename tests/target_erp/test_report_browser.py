"""The page of `erp ledger report` in a real browser: it draws, fits, and asks for nothing."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import typing as t

import pytest

from erp_ledger import RecordStatus
from target_erp.report.page import page
from tests.support.browser import Visit, visit
from tests.support.history import EMPLOYEES, NOW, ORDERS, doubt, letter, past

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.slow

NASTY = "<script>document.title='taken'</script><img src='http://elsewhere.example/x.png'>"
PROBE = """<script>
addEventListener("load", () => {
  const box = (e) => e.getBoundingClientRect();
  const all = (what) => [...document.querySelectorAll(what)];
  const named = (e) => e.tagName + " " + e.textContent.slice(0, 60);
  const room = document.documentElement.clientWidth;
  const meet = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  parent.postMessage(JSON.stringify({
    title: document.title,
    width: [document.documentElement.scrollWidth, room],
    bars: all('svg[role="img"] rect').map((e) =>
      [e.getBBox().width, e.getBBox().height, box(e).width, box(e).height]),
    charts: all('svg[role="img"]').map((e) => [box(e).left, box(e).width, box(e).height]),
    labels: all("svg text").map((e) => {
      const own = e.getBBox(), whole = e.ownerSVGElement.viewBox.baseVal;
      const right = own.x + own.width, bottom = own.y + own.height;
      return [own.x, right, whole.width, bottom, whole.height, box(e).height];
    }),
    overlaps: all("svg").filter((svg) => {
      const texts = [...svg.querySelectorAll("text")].map(box);
      return texts.some((a, i) => texts.some((b, j) => i < j && meet(a, b)));
    }).map(named),
    sticksOut: all("body *").filter((e) => !e.closest(".scroll") && box(e).right > room + 0.5)
      .map(named),
    spills: all("td, th, p, li, strong, h1, h2, h3, caption")
      .filter((e) => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1).map(named),
    ground: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
  }), "*");
});
</script>"""
FRAME = """<!doctype html><meta charset="utf-8">
<style>body { margin: 0 } iframe { border: 0 }</style>
<script>
addEventListener("message", (event) => {
  document.getElementById("probe").textContent = event.data;
});
</script>
<iframe src="report.html" width="WIDTH" height="900"></iframe><pre id="probe"></pre>"""
"""Chromium's own window cannot be as narrow as that of a telephone."""


@dataclasses.dataclass
class Seen:
    """What the browser made of a page."""

    visit: Visit
    probe: dict[str, t.Any]


def nightly() -> str:
    """What two months of nightly runs leave behind, with texts of every kind."""
    runs = [
        past(
            4 + 24 * n,
            {
                EMPLOYEES: {"created": n, "updated": 900, "unchanged": 10**9, "refused": n % 4},
                ORDERS: {"created": 7, "waiting": n % 2, "unknown": int(n % 3 == 0)},
            },
            exit_code=3 if n % 4 else 0,
            error="records were rejected" if n % 4 else "",
        )
        for n in range(60)
    ]
    runs[5:7] = [past(120, ended=False), past(145, exit_code=1, error="E" * 200 + NASTY)]
    letters = [letter(f"E-{n}", f"no trade {n}") for n in range(20)]
    letters += [letter("L" * 90, "withoutaspace" * 40), letter(NASTY, NASTY, stream=NASTY)]
    doubts = [
        doubt(),
        doubt("x=" + "9" * 80, RecordStatus.INTENT),
        doubt(NASTY)._replace(account=NASTY),
    ]
    return page(runs, letters, doubts, NOW)


def look(
    folder: pathlib.Path, text: str, *, width: int, more: str = "", dark: bool = False
) -> Seen:
    """Open a page, probe it; the policy that forbids scripts is off for the probe."""
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', text)
    assert policy is not None
    probed = text.replace(policy[0], "").replace("</body>", f"{more}{PROBE}</body>")
    (folder / "report.html").write_text(probed, encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    found = visit(frame, dark=dark)
    probe = re.search(r'<pre id="probe">(.+?)</pre>', found.dom, re.DOTALL)
    assert probe is not None, found.console
    return Seen(found, json.loads(html.unescape(probe[1])))


@pytest.fixture(scope="module", params=[1280, 400])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    seen = look(tmp_path_factory.mktemp("page"), nightly(), width=request.param)
    assert request.param - 20 <= seen.probe["width"][1] <= request.param  # less a scroll bar
    return seen


def test_the_report_asks_for_nothing_and_logs_nothing(seen: Seen) -> None:
    assert seen.visit.requests == []
    assert seen.visit.console == []
    assert "did not get through: 1 unknown" in seen.probe["title"]


def test_every_bar_is_drawn(seen: Seen) -> None:
    bars = seen.probe["bars"]
    assert len(bars) > 400
    for own_width, own_height, width, height in bars:
        assert min(own_width, own_height) >= 1
        assert min(width, height) >= 1
    for left, width, height in seen.probe["charts"]:
        assert left >= 0
        assert width > 100
        assert height > 5


def test_labels_lie_inside_their_charts_can_be_read_and_do_not_overlap(seen: Seen) -> None:
    labels = seen.probe["labels"]
    assert len(labels) >= 20
    for left, right, width, bottom, height, pixels in labels:
        assert 0 <= left < right <= width
        assert bottom <= height
        assert pixels >= 9
    assert seen.probe["overlaps"] == []


def test_nothing_sticks_out_of_the_page(seen: Seen) -> None:
    whole, window = seen.probe["width"]
    assert whole == window
    assert seen.probe["sticksOut"] == []
    assert seen.probe["spills"] == []


def test_the_report_is_dark_where_dark_is_preferred(tmp_path: pathlib.Path) -> None:
    text = page([past(4)], [], (), NOW)
    light = look(tmp_path, text, width=1280).probe
    dark = look(tmp_path, text, width=1280, dark=True).probe
    assert (light["ground"], light["ink"]) == ("rgb(255, 255, 255)", "rgb(29, 33, 37)")
    assert (dark["ground"], dark["ink"]) == ("rgb(20, 23, 26)", "rgb(230, 233, 236)")


def test_the_policy_stops_what_is_no_part_of_the_page(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page([past(4)], [], (), NOW).replace("</body>", f"{NASTY}</body>"), "utf-8")
    found = visit(file)
    assert found.requests == []
    assert "<title>target-erp: The last run succeeded.</title>" in found.dom
    assert len(found.console) >= 2  # both were refused


def test_the_browser_checks_notice_a_bad_page(tmp_path: pathlib.Path) -> None:
    more = f"{NASTY}<script>console.error('boo')</script><p style='width:2000px'>wide</p>"
    bad = look(tmp_path, page([past(4)], [], (), NOW), more=more, width=400)
    assert bad.visit.requests == ["http://elsewhere.example/x.png"]
    assert any("boo" in line for line in bad.visit.console)
    assert bad.probe["title"] == "taken"
    assert bad.probe["width"][0] > bad.probe["width"][1]
    assert bad.probe["sticksOut"] == ["P wide"]
