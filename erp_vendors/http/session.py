"""What `requests.Session` does for a call, with all that is the same for every call done once.

`requests` looks up proxies, netrc and cookies and merges headers anew for each call, which costs
more CPU than the call itself. One `HttpSession` serves one thread.

For speed: together with `wire` 1,800 one-record POSTs a second with ten threads, against 750
through `requests.Session` (docs/architecture.md). Benchmark: `writes_speed`. This module may go
when `requests` prepares and sends a call as cheaply.
"""

from __future__ import annotations

import functools
import io
import typing as t
import zlib

import requests
from requests.cookies import extract_cookies_to_jar
from requests.hooks import default_hooks, dispatch_hook
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import Timeout

from erp_vendors.http import body
from erp_vendors.http.header import UnfitHeaderError, is_header
from erp_vendors.http.wire import WireAdapter, origin_of

if t.TYPE_CHECKING:
    from erp_vendors.http.body import Into

CONNECT_SECONDS = 10.0
_ADDRESSES = 256
"""Prepared addresses that are kept. No vendor has as many that are called more than once."""


class HttpSession:
    """Prepares and sends the calls of one thread.

    Cookies that an answer sets go out with the thread's later calls, as with `requests`. Redirects
    are not followed, and a netrc file is not looked at: credentials come from the settings.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        timeout: float,
        verify: bool | str,
        pins: t.Mapping[str, str],
        max_bytes: int,
    ) -> None:
        """Make a session.

        Args:
            user_agent: User-Agent header.
            timeout: Seconds to wait for an answer.
            verify: True, False, or the path of a CA bundle.
            pins: SHA-256 of the only certificate to trust, by `https://host:port/`.
            max_bytes: Largest answer that is kept in memory, in bytes, decoded.
        """
        self._max_bytes = max_bytes
        self._session = requests.Session()
        for prefix in ("http://", "https://", *pins):
            adapter = WireAdapter(pins.get(prefix), pool_connections=1, pool_maxsize=1)
            self._session.mount(prefix, adapter)
        self._headers = {**requests.utils.default_headers(), "User-Agent": user_agent}
        self._verify = verify
        self._timeout = Timeout(connect=CONNECT_SECONDS, read=timeout)
        self._routes: dict[str, tuple[WireAdapter, t.Any]] = {}  # by origin

    def prepare(
        self,
        method: str,
        url: str,
        params: t.Mapping[str, str],
        headers: t.Mapping[str, str],
        content: bytes | None,
        *,
        cookies: bool = True,
    ) -> requests.PreparedRequest:
        """Make a request that can be sent.

        Args:
            method: HTTP method in capitals.
            url: Whole address.
            params: Query parameters.
            headers: Headers besides those that every call has.
            content: Body.
            cookies: The vendor's cookies go with it.

        Raises:
            requests.exceptions.InvalidURL: If the address is none; also its siblings.
        """
        request = requests.PreparedRequest()
        request.method = method
        request.url = _address(url, tuple(params.items()))
        request.headers = CaseInsensitiveDict(self._headers)
        request.headers.update(headers)
        request.body = content or None
        if content or method not in {"GET", "HEAD"}:
            request.headers["Content-Length"] = str(len(content or b""))
        request.hooks = default_hooks()
        if cookies and self._session.cookies:
            request.prepare_cookies(self._session.cookies)
        return request

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        for adapter in self._session.adapters.values():
            adapter.close()

    def send(
        self, request: requests.PreparedRequest, into: Into | None = None
    ) -> requests.Response:
        """Send a request and read the whole answer.

        Args:
            request: What `prepare` made.
            into: Where the body goes if the answer is a success; it has none then.

        Raises:
            UnfitHeaderError: If one of its headers cannot be sent; nothing was.
            requests.RequestException: If there is no complete answer.
            TooLargeError: If it is larger than its limit.
        """
        for name, value in request.headers.items():
            if not is_header(value):
                raise UnfitHeaderError(name)
        address = t.cast("str", request.url)
        origin = origin_of(address)
        if origin not in self._routes:
            adapter = t.cast("WireAdapter", self._session.get_adapter(address))
            environment = self._session.merge_environment_settings(
                address, proxies={}, stream=True, verify=self._verify, cert=None
            )
            self._routes[origin] = adapter, environment
        adapter, environment = self._routes[origin]
        try:
            response = adapter.send(request, timeout=self._timeout, **environment)
        except LocationParseError as error:  # `requests` lets it through
            raise requests.exceptions.InvalidURL(error) from None
        is_success = 200 <= response.status_code < 300  # noqa: PLR2004
        try:
            self._read(response, into if is_success else None)
        except requests.RequestException:
            response.close()
            raise
        except (ValueError, zlib.error, HTTPError) as error:  # such as of a negative length
            response.close()
            raise requests.exceptions.ChunkedEncodingError(error) from None
        if "Set-Cookie" in response.headers:
            extract_cookies_to_jar(  # type: ignore[no-untyped-call]
                self._session.cookies, request, response.raw
            )
        if request.hooks["response"]:
            response = dispatch_hook(  # type: ignore[no-untyped-call]
                "response", request.hooks, response
            )
        return response

    def _read(self, response: requests.Response, into: Into | None) -> None:
        """Read the body, which is text in UTF-8 then, if its charset is declared."""
        response._content = b""  # noqa: SLF001 - what `requests` itself sets, without any limit
        if into is not None:
            into.file.seek(0)
            into.file.truncate()
            body.read(response, into.file, into.limit)
            return
        # `getvalue` of a `BytesIO` hands out the content without a copy.
        found = io.BytesIO()
        body.read(response, found, self._max_bytes)
        charset = body.charset_of(response.headers.get("Content-Type", ""))
        text = t.cast("io.BytesIO", body.in_utf8(found, charset, io.BytesIO))
        response._content = text.getvalue()  # noqa: SLF001


@functools.lru_cache(maxsize=_ADDRESSES)
def _address(url: str, params: tuple[tuple[str, str], ...]) -> str:
    request = requests.PreparedRequest()
    request.prepare_url(url, dict(params))
    return t.cast("str", request.url)
