"""Opens pages in headless Chromium, which reaches nothing but a recorder on loopback."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socketserver
import subprocess
import tempfile
import threading
import typing as t
import urllib.parse

from tests.support.services import chromium

if t.TYPE_CHECKING:
    import pathlib

_SECONDS = 90
_OWN_HOSTS = ("google.com", "googleapis.com", "gvt1.com")
"""Where Chromium calls by itself, whatever it is told; here it does not get through."""


@dataclasses.dataclass(frozen=True)
class Visit:
    """What came of opening a page.

    Attributes:
        dom: The document when the page had come to rest.
        console: Lines of the console.
        requests: Addresses that the page asked for.
    """

    dom: str
    console: list[str]
    requests: list[str]


class Recorder(socketserver.ThreadingTCPServer):
    """A proxy that notes what it is asked for and answers nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            parts = self.rfile.readline(9000).decode("latin-1").split()
            if len(parts) > 1:
                t.cast("Recorder", self.server).asked.append(parts[1])


def visit(
    page: pathlib.Path | str, *, dark: bool = False, reach: str = "", rest_ms: int = 3000
) -> Visit:
    """Open a page and let it come to rest.

    Args:
        page: The file, or an address.
        dark: The user prefers dark pages.
        reach: Host and port of a server on loopback that it may reach.
        rest_ms: Milliseconds of the page's own clock that it has; with 0 it has come to rest as
            soon as all that it asks for has come.
    """
    program = chromium()
    with Recorder() as recorder, tempfile.TemporaryDirectory() as home:
        threading.Thread(target=recorder.serve_forever, args=(0.01,), daemon=True).start()
        try:
            dom, log = _run(
                [
                    program,
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    f"--user-data-dir={home}/profile",
                    f"--proxy-server=http://127.0.0.1:{recorder.server_address[1]}",
                    f"--proxy-bypass-list=<-loopback>;{reach}",
                    "--enable-logging=stderr",
                    "--v=0",
                    *([f"--virtual-time-budget={rest_ms}"] if rest_ms else []),
                    "--window-size=1600,1000",
                    f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                    "--dump-dom",
                    page if isinstance(page, str) else page.as_uri(),
                ],
                home,
            )
        finally:
            recorder.shutdown()
        asked = [address for address in recorder.asked if not _is_own(address)]
    return Visit(dom, [line for line in log.splitlines() if ":CONSOLE" in line], asked)


def _run(command: list[str], home: str) -> tuple[str, str]:
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home},
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):  # its helpers, should any be left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == 0, err[-2000:]
    return out, err


def _is_own(address: str) -> bool:
    host = urllib.parse.urlsplit(address if "//" in address else f"//{address}").hostname or ""
    return any(host == own or host.endswith(f".{own}") for own in _OWN_HOSTS)
