"""The sandbox as a process of its own, and its control endpoints."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
import typing as t
import urllib.parse
import urllib.request

if t.TYPE_CHECKING:
    import pathlib

    from erp_vendors.vendor import Vendor

Json = t.Any
_START_SECONDS = 30.0


class DemoSandbox:
    """A running sandbox.

    Attributes:
        url: Its address.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, body: object = None) -> Json:
        """Call an endpoint.

        Args:
            method: HTTP method.
            path: Path, with its first slash.
            body: What to send as JSON.

        Returns:
            The decoded answer.

        Raises:
            urllib.error.HTTPError: If the sandbox refuses.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def vendors(self) -> dict[str, Json]:
        """Address, credentials and row counts of each played vendor."""
        return t.cast("dict[str, Json]", self.call("GET", "/")["vendors"])

    def report(self) -> dict[str, Json]:
        """Counters of each played vendor."""
        return t.cast("dict[str, Json]", self.call("GET", "/_sandbox/report"))

    def rows(self, vendor: str, resource: str) -> list[dict[str, Json]]:
        """All rows of a resource."""
        return t.cast(
            "list[dict[str, Json]]", self.call("GET", f"/_sandbox/data/{vendor}/{resource}")
        )

    def change(self, vendor: str, resource: str, key: str, fields: dict[str, Json]) -> None:
        """Change a record as the vendor's own users would."""
        self.call("PATCH", _record(vendor, resource, key), {"fields": fields})

    def delete(self, vendor: str, resource: str, key: str) -> None:
        """Remove a record as the vendor's own users would."""
        self.call("DELETE", _record(vendor, resource, key))


def block(vendor: Vendor, played: t.Mapping[str, Json]) -> dict[str, str]:
    """The keys of a vendor's block that lead to the sandbox.

    Args:
        vendor: The vendor.
        played: What the sandbox's index page says of it.

    Returns:
        Addresses and credentials; other paths, such as `token_path`, become `token_url`.
    """
    address = urllib.parse.urlsplit(played["base_url"])
    values = {"api_url": played["base_url"], **played["credentials"]}
    for name, path in played.items():
        if name.endswith("_path"):
            url = address._replace(path=path).geturl()
            values[f"{name.removesuffix('_path')}_url"] = url
    known = {setting.name for setting in vendor.settings}
    return {name: str(value) for name, value in values.items() if name in known and value}


@contextlib.contextmanager
def running(log: pathlib.Path, *arguments: str) -> t.Iterator[DemoSandbox]:
    """Run a sandbox on a free port, and end it however the block ends.

    Args:
        log: File for what it says.
        *arguments: Further options of `erp-sandbox serve`.

    Yields:
        The sandbox, ready for calls.

    Raises:
        RuntimeError: If it does not start.
    """
    command = [sys.executable, "-m", "erp_sandbox", "serve", "--port", "0", *arguments]
    with log.open("wb") as file:
        # Its own session, so that Ctrl-C reaches it only after the steps that use it have ended.
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield DemoSandbox(_address(process, log))
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: pathlib.Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"listening on (http://\S+)\n", log.read_text("utf-8"))
        if found:
            return found[1]
        time.sleep(0.05)
    msg = f"the sandbox did not start:\n{log.read_text('utf-8')}"
    raise RuntimeError(msg)


def _record(vendor: str, resource: str, key: str) -> str:
    return f"/_sandbox/data/{vendor}/{resource}/{urllib.parse.quote(key, safe='')}"
