"""The documentation site: it builds without a warning, its links lead somewhere, its pages fit."""

from __future__ import annotations

import functools
import html.parser
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import typing as t
import urllib.parse

import pytest

from erp_vendors.vendors import VENDORS
from tests.support.browser import Visit, visit
from tests.support.shared import made_once
from tools import vendors
from tools.pictures.__main__ import PICTURES
from tools.site import hooks

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 180
WIDTHS = (1300, 400)
PROBE = """<!doctype html><meta charset="utf-8"><title>probe</title>
<style>body { margin: 0 } iframe { border: 0; display: block }</style>
<img src="/held" alt="">
<script>
const asked = PAGES_, WIDTHS = WIDTHS_, found = {};
const settled = async (frame) => {
  const inside = () => frame.contentDocument;
  // Diagrams are drawn after the page has loaded: each takes the place of its text.
  for (let n = 0; n < 400 && inside().querySelector("pre.mermaid"); n++)
    await new Promise((go) => setTimeout(go, 25));
};
const look = async (frame) => {
  await settled(frame);
  const page = frame.contentDocument, room = page.documentElement.clientWidth;
  const wide = [...page.querySelectorAll("article *")].filter((e) =>
    !e.closest(".md-typeset__scrollwrap, pre, .tabbed-labels, .headerlink, svg")
    && e.getBoundingClientRect().right > room + 1);
  return {
    room,
    width: page.documentElement.scrollWidth,
    wide: wide.map((e) => e.tagName + " " + e.textContent.trim().slice(0, 60)).slice(0, 5),
    diagrams: [...page.querySelectorAll("div.mermaid")].map((e) => e.offsetHeight),
    undrawn: page.querySelectorAll("pre.mermaid").length,
    pictures: [...page.querySelectorAll("article img")].map((e) => e.naturalWidth),
    scrolled: [...page.querySelectorAll(".md-typeset__scrollwrap")]
      .filter((e) => e.scrollWidth > e.clientWidth + 1).length,
  };
};
(async () => {
  const frame = document.createElement("iframe");
  document.body.append(frame);
  for (const address of asked) {
    const loaded = new Promise((go) => frame.addEventListener("load", go, { once: true }));
    frame.width = WIDTHS[0], frame.height = 900;
    frame.src = address;
    await loaded;
    for (const width of WIDTHS) {
      frame.width = width;
      await new Promise(requestAnimationFrame);
      found[width + " " + address] = await look(frame);
    }
  }
  await fetch("/found", { method: "POST", body: JSON.stringify(found) });
})();
</script>"""


def build(folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    def make(folder: pathlib.Path) -> None:
        done = build(folder)
        assert done.returncode == 0, done.stdout + done.stderr
        said = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
        assert said == [], "make docs must say nothing"

    return made_once(tmp_path_factory, "site", make)


class Links(html.parser.HTMLParser):
    """What a page leads to, what it loads, and where in it others can lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and "href" in given:
            self.leads.append(given["href"])
        if tag == "link" and given.get("rel") not in {"canonical", "next", "prev"}:
            self.loads.append(given["href"])
        self.loads += [given["src"]] if "src" in given else []


@pytest.fixture(scope="module")
def pages(site: pathlib.Path) -> dict[pathlib.Path, Links]:
    found = site.rglob("*.html")
    return {path: Links(path.read_text("utf-8")) for path in found if path.name != "404.html"}


def target(page: pathlib.Path, link: str) -> tuple[pathlib.Path, str]:
    path, _, place = urllib.parse.unquote(link).partition("#")
    there = (page.parent / path).resolve() if path else page
    return (there / "index.html" if there.is_dir() else there), place


def test_every_link_leads_somewhere(pages: dict[pathlib.Path, Links]) -> None:
    lost = []
    for page, links in pages.items():
        for link in links.leads:
            if urllib.parse.urlsplit(link).scheme:
                continue
            there, place = target(page, link)
            known = pages[there].places if there in pages else set()
            if not there.is_file() or (place and place not in known | {"__skip", "__top"}):
                lost.append(f"{page.parent.name}: {link}")
    assert lost == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[pathlib.Path, Links]) -> None:
    for page, links in pages.items():
        for link in links.loads:
            assert not urllib.parse.urlsplit(link).netloc, f"{page}: {link}"
            assert target(page, link)[0].is_file(), f"{page}: {link}"


def test_links_into_the_repository_name_files_that_are_there(
    pages: dict[pathlib.Path, Links],
) -> None:
    leads = {link for links in pages.values() for link in links.leads}
    found = [re.fullmatch(r"https://[^#]+/(?:blob|tree)/main/([^#]+)", link) for link in leads]
    paths = [match[1] for match in found if match]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


class Server(http.server.ThreadingHTTPServer):
    """Serves the site, and takes what the probe has found."""

    def __init__(self, folder: pathlib.Path, probe: str) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
        self.probe = probe.encode()
        self.found: dict[str, dict[str, t.Any]] = {}
        self.done = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        server = t.cast("Server", self.server)
        if self.path == "/held":  # the probe has come to rest when this has come
            server.done.wait(SECONDS)
            self.answer(b"")
        elif self.path == "/probe":
            self.answer(server.probe)
        else:
            super().do_GET()

    def do_POST(self) -> None:
        server = t.cast("Server", self.server)
        server.found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(b"")
        server.done.set()

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002 - its name there
        pass


class Looked(t.NamedTuple):
    visit: Visit
    pages: dict[str, dict[str, t.Any]]
    """By width and address."""


@pytest.fixture(scope="module")
def looked(site: pathlib.Path, pages: dict[pathlib.Path, Links]) -> Looked:
    """Every page in a frame of each width, one after the other."""
    names = [f"/{name}" for name in sorted(page.relative_to(site).as_posix() for page in pages)]
    probe = PROBE.replace("PAGES_", json.dumps(names)).replace("WIDTHS_", json.dumps(WIDTHS))
    with Server(site, probe) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            found = visit(f"http://{server.address}/probe", reach=server.address, rest_ms=0)
        finally:
            server.done.set()
            server.shutdown()
    assert len(server.found) == len(names) * len(WIDTHS), found.console
    return Looked(found, server.found)


def test_no_page_is_wider_than_its_window(looked: Looked) -> None:
    assert {page: one["wide"] for page, one in looked.pages.items() if one["wide"]} == {}
    wide = {page: one for page, one in looked.pages.items() if one["width"] > one["room"]}
    assert wide == {}


def test_the_settings_need_no_scrolling_sideways(looked: Looked) -> None:
    assert looked.pages["1300 /settings/index.html"]["scrolled"] == 0


def test_pictures_and_diagrams_are_drawn(looked: Looked) -> None:
    assert all(width > 0 for one in looked.pages.values() for width in one["pictures"])
    assert looked.pages["1300 /first-contact/index.html"]["pictures"]
    assert [page for page, one in looked.pages.items() if one["undrawn"]] == []
    drawn = looked.pages["1300 /architecture/index.html"]["diagrams"]
    assert len(drawn) == 2
    assert min(drawn) > 100


def test_every_picture_is_drawn_by_a_command_and_shown_on_a_page() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "docs").rglob("*.md")]
    shown = {name for text in texts for name in re.findall(r"\]\(pictures/([^)]+)\)", text)}
    there = {path.name for path in (ROOT / "docs" / "pictures").iterdir()}
    assert shown == there == set(PICTURES)


def test_the_browser_asks_no_other_host_and_complains_of_nothing(looked: Looked) -> None:
    assert looked.visit.requests == []
    assert looked.visit.console == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_has_a_page_with_all_parts(vendor: str) -> None:
    text = (ROOT / vendors.page_name(vendor)).read_text("utf-8")
    for name in vendors.PARTS:
        assert f"<!-- {name} -->\n" in text
        assert f"<!-- /{name} -->\n" in text


def test_a_window_that_is_no_setting_stands_among_the_limits_too() -> None:
    text = (ROOT / vendors.page_name("cimcloud")).read_text("utf-8")
    assert "100 calls in 15 minutes" in text.partition("<!-- limits -->")[2].partition("<!-- /")[0]


def test_the_generated_parts_are_in_step() -> None:
    assert vendors.main(["--check"]) == 0, "run `make settings`"


@pytest.mark.parametrize(
    ("link", "source", "expected"),
    [
        ("[a](CHANGELOG.md)", "contributing.md", "[a](changelog.md)"),
        ("[a](docs/reading.md#x)", "contributing.md", "[a](reading.md#x)"),
        ("[a](../../CONTRIBUTING.md)", "vendors/aim.md", "[a](../contributing.md)"),
        (
            "[a](../tests/conformance)",
            "conformance.md",
            "[a](https://r/tree/main/tests/conformance)",
        ),
        ("[a](reading.md)", "writing.md", "[a](reading.md)"),
        ("```\n[a](../README.md)\n```", "writing.md", "```\n[a](../README.md)\n```"),
    ],
)
def test_links_between_files_become_links_between_pages(
    link: str, source: str, expected: str
) -> None:
    known = {*hooks.OUTSIDE.values(), "reading.md", "writing.md"}
    assert hooks.led(link, source, known, "https://r") == expected


def test_a_page_that_is_not_there_yet_is_left_out_of_the_navigation(tmp_path: pathlib.Path) -> None:
    nav = [{"Operate": [{"Report": "report.md"}, {"Fleet": "fleet.md"}]}, {"Decisions": "d/"}]
    (tmp_path / "d").mkdir()
    for name in ("2.md", "1.md", "README.md"):
        (tmp_path / "d" / name).touch()
    rest = {"Decisions": ["d/README.md", "d/1.md", "d/2.md"]}
    assert hooks.completed(nav, tmp_path) == [{"Operate": [{"Report": "report.md"}]}, rest]
    (tmp_path / "fleet.md").touch()
    assert hooks.completed(nav, tmp_path) == [nav[0], rest]
