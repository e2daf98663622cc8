"""Where an address leads, spelled as `requests` will ask for it."""

from __future__ import annotations

import functools
import typing as t
import urllib.parse

import requests

_PORTS = {"http": 80, "https": 443}


class Origin(t.NamedTuple):
    """The server that an address leads to.

    Attributes:
        scheme: http or https.
        host: Its name or number, in small letters.
        port: Its port.
    """

    scheme: str
    host: str
    port: int


@functools.lru_cache(maxsize=256)
def origin(address: str) -> Origin | None:
    """The server that a whole address leads to.

    It is read out of what `requests` makes of the address, as `requests` does when it connects, so
    that no spelling of it can lead elsewhere.

    Returns:
        None if it is no address that can be called.
    """
    request = requests.PreparedRequest()
    try:
        request.prepare_url(address, {})
        parts = urllib.parse.urlsplit(request.url or "")
        port = parts.port or _PORTS[parts.scheme]
    except (requests.RequestException, KeyError, ValueError):
        return None
    return Origin(parts.scheme, parts.hostname, port) if parts.hostname else None
