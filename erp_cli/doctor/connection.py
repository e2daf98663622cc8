"""The way to a vendor's servers: names, certificates, proxies, clocks."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import socket
import ssl
import typing as t
import urllib.parse

import requests.utils

from erp_vendors.http.redact import redact

if t.TYPE_CHECKING:
    from erp_vendors.http.options import TransportOptions

_SECONDS = 10.0
"""Seconds to wait for a connection."""
_CLOCK_SECONDS = 60.0
"""Seconds by which clocks may differ before anything depends on it: tokens are renewed a minute
before their end."""
_SOON = dt.timedelta(days=21)
"""A certificate that ends sooner is worth a word."""


class Level(enum.Enum):
    """How good a result is."""

    GREEN = "ok"
    AMBER = "look"
    RED = "failed"


class DoctorStep(t.NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: What it was.
        level: How good the result is.
        said: What was seen, or what the vendor said; one line.
        do: What to do; empty if nothing.
    """

    name: str
    level: Level
    said: str
    do: str = ""


def connection_steps(vendor: str, options: TransportOptions) -> t.Iterator[DoctorStep]:
    """Look at name, certificate and proxy of each server that the settings name; no vendor call.

    Args:
        vendor: Name of the vendor block.
        options: The vendor's connection.
    """
    seen: set[tuple[str | None, int]] = set()
    for address in (options.base_url, *options.trusted):
        url = urllib.parse.urlsplit(address)
        port = url.port or (443 if url.scheme == "https" else 80)
        if (url.hostname, port) not in seen:
            seen.add((url.hostname, port))
            yield from _server(vendor, options, address, url.hostname or "", port)


def clock_step(ahead: float | None) -> DoctorStep:
    """Say how far the vendor's clock is from this machine's.

    Args:
        ahead: Seconds by which it is ahead; None if no answer had a date.
    """
    if ahead is None:
        return DoctorStep("clock", Level.GREEN, "no answer had a date")
    if abs(ahead) <= _CLOCK_SECONDS:
        return DoctorStep(
            "clock", Level.GREEN, f"within {_CLOCK_SECONDS:.0f} seconds of the vendor's"
        )
    word = "behind" if ahead > 0 else "ahead of"
    return DoctorStep(
        "clock",
        Level.AMBER,
        f"this machine's clock is {abs(ahead):.0f} seconds {word} the vendor's",
        "set it by a time server (NTP): bookmarks and tokens depend on it",
    )


def _server(
    vendor: str, options: TransportOptions, address: str, host: str, port: int
) -> t.Iterator[DoctorStep]:
    proxy = requests.utils.select_proxy(address, requests.utils.get_environ_proxies(address))
    if proxy:
        yield DoctorStep(
            "proxy", Level.GREEN, f"{host} is reached through {redact(_without_user(proxy))}"
        )
        return  # which resolves the name, and whose certificate this machine may never see
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        do = f"check the address in {vendor}.api_url, and this machine's name server"
        yield DoctorStep("name", Level.RED, f"{host} has no address: {error}", do)
        return
    yield DoctorStep("name", Level.GREEN, f"{host} is {found[0][4][0]}")
    if address.lower().startswith("https://"):
        yield _certificate(vendor, options, host, port)


def _certificate(vendor: str, options: TransportOptions, host: str, port: int) -> DoctorStep:
    try:
        fingerprint = _fingerprint_of(host, port)
    except OSError as error:
        do = "check address and port, and whether a firewall lets this machine through"
        return DoctorStep("TLS", Level.RED, f"{host}:{port} cannot be reached: {error}", do)
    pin = next((pin for place, pin in options.pins.items() if _is_at(place, host, port)), None)
    if pin is not None:
        return _pinned(host, fingerprint, pin)
    if options.verify is False:
        said = f"certificates are not checked; that of {host} has the SHA-256 {fingerprint}"
        return DoctorStep("TLS", Level.AMBER, said, f"set {vendor}.verify_tls to true")
    try:
        until = _end_of_trusted(host, port, options.verify)
    except ssl.SSLCertVerificationError as error:
        said = f"the certificate of {host} is not trusted ({error.verify_message})"
        do = f"ask the vendor for its fingerprint; if it is this one, {_remedy(vendor)}"
        return DoctorStep("TLS", Level.RED, f"{said}; its SHA-256 is {fingerprint}", do)
    except OSError as error:
        return DoctorStep(
            "TLS", Level.RED, f"{host}: {error}", "ask the vendor which TLS it speaks"
        )
    said = f"the certificate of {host} is trusted until {until:%Y-%m-%d}"
    soon = until - dt.datetime.now(dt.timezone.utc) < _SOON
    level, do = (Level.AMBER, "remind the vendor to renew it") if soon else (Level.GREEN, "")
    return DoctorStep("TLS", level, said, do)


def _pinned(host: str, fingerprint: str, pin: str) -> DoctorStep:
    if pin == fingerprint:
        return DoctorStep("TLS", Level.GREEN, f"{host} has the certificate that is pinned")
    said = f"{host} has another certificate than the pinned one: its SHA-256 is {fingerprint}"
    do = "ask the vendor whether the certificate was renewed, then set the new fingerprint"
    return DoctorStep("TLS", Level.RED, said, do)


def _fingerprint_of(host: str, port: int) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent over this connection
    with (
        socket.create_connection((host, port), timeout=_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()


def _end_of_trusted(host: str, port: int, verify: bool | str) -> dt.datetime:  # noqa: FBT001 - as in requests
    """When the certificate of a server ends, which must be one to trust."""
    trusted = verify if isinstance(verify, str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
    context = ssl.create_default_context(cafile=trusted)
    with (
        socket.create_connection((host, port), timeout=_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        told = t.cast("dict[str, str]", connection.getpeercert() or {})
    seconds = ssl.cert_time_to_seconds(told["notAfter"])
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc)


def _remedy(vendor: str) -> str:
    from erp_vendors.vendors import VENDORS  # noqa: PLC0415 - only where a certificate is refused

    if any(setting.name == "tls_fingerprint" for setting in VENDORS[vendor].settings):
        return f"set {vendor}.tls_fingerprint to it (token_tls_fingerprint for a token server)"
    return f"put the certificate into a file and name that in {vendor}.ca_bundle"


def _is_at(place: str, host: str, port: int) -> bool:
    url = urllib.parse.urlsplit(place)
    return (url.hostname, url.port or 443) == (host, port)


def _without_user(proxy: str) -> str:
    url = urllib.parse.urlsplit(proxy)
    return (
        f"{url.scheme}://{url.hostname}:{url.port}"
        if url.port
        else f"{url.scheme}://{url.hostname}"
    )
