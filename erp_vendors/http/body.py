"""The body of an answer: read up to a limit, and turned into UTF-8 from what it declares."""

from __future__ import annotations

import codecs
import functools
import re
import typing as t

import requests
from urllib3.response import GzipDecoderState

STEP = 1 << 16
"""Bytes that are read or decoded at once, so that no step can swell far beyond the limit."""
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE | re.ASCII)
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Python's codecs that are escapes or names of hosts, and no charsets of texts."""
_UTF8_NAMES = frozenset({"utf-8", "utf-8-sig", "ascii"})


class Into(t.NamedTuple):
    """Where the body of a successful answer goes instead of into memory.

    Attributes:
        file: Takes the body; it is emptied before each attempt.
        limit: Largest number of bytes, decoded.
        setting: Name of the setting that holds the limit, for messages.
    """

    file: t.BinaryIO
    limit: int
    setting: str


class TooLargeError(Exception):
    """A body is larger than its limit; the rest of it was not read."""


def read(response: requests.Response, into: t.BinaryIO, limit: int) -> None:
    """Read a body, and decode what compresses it, step by step.

    urllib3 decodes at most as many bytes at once as it is asked for, from version 2.6 on; so a
    small body that swells to any size ends at the limit, too.

    Args:
        response: The answer, of which nothing but its head was read.
        into: Takes the body.
        limit: Largest number of bytes, decoded.

    Raises:
        TooLargeError: If there is more; the connection is closed then.
        requests.RequestException: If the body breaks off, or cannot be decoded.
    """
    size = 0
    for part in response.iter_content(STEP):
        size += len(part)
        if size > limit:
            response.close()
            raise TooLargeError
        into.write(part)
    if response.raw.tell() and _breaks_off(getattr(response.raw, "_decoder", None)):
        msg = "its compression breaks off"
        raise requests.exceptions.ChunkedEncodingError(msg)


def _breaks_off(decoder: object) -> bool:
    """Whether compressed data ended before its end mark, which urllib3 lets pass.

    Args:
        decoder: urllib3's own, whose parts have no public names; guarded by tests.
    """
    for single in getattr(decoder, "_decoders", (decoder,)):
        is_whole = getattr(getattr(single, "_obj", None), "eof", True)
        # After a whole member of gzip, anything may follow.
        skips = getattr(single, "_state", None) == GzipDecoderState.SWALLOW_DATA
        if not is_whole and not skips:
            return True
    return False


@functools.lru_cache(maxsize=64)
def charset_of(content_type: str) -> str | None:
    """The charset that a Content-Type header declares, by Python's name for it.

    Returns:
        None without one, for an unknown one, and for UTF-8, which needs no declaration.
    """
    found = _CHARSET.search(content_type)
    try:
        name = codecs.lookup(found[1]).name if found else "utf-8"
        "".encode(name)  # a codec between bytes and bytes is no charset
    except (LookupError, ValueError):
        return None
    return None if name in _UTF8_NAMES | _NO_CHARSETS else name


def in_utf8(body: t.BinaryIO, charset: str | None, make: t.Callable[[], t.BinaryIO]) -> t.BinaryIO:
    """A text in UTF-8. Its declared charset counts where its bytes are none already.

    Args:
        body: The text, which can be read more than once.
        charset: What `charset_of` found.
        make: Makes an empty file in which the new text finds room.

    Returns:
        The new text, with UTF-8's byte-order mark, by which a reader of XML knows that its
        declaration does not count any more; or `body`, if it is UTF-8 or not in this charset.
    """
    if charset is None or _is_utf8(body):
        return body
    made = make()
    made.write(codecs.BOM_UTF8)
    decoder = codecs.getincrementaldecoder(charset)()
    try:
        for part in _parts(body):
            made.write(decoder.decode(part).encode())
        made.write(decoder.decode(b"", final=True).encode())
    except ValueError:  # its bytes are not of this charset
        made.close()
        return body
    return made


def _is_utf8(body: t.BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for part in _parts(body):
            decoder.decode(part)
            if b"\0" in part:
                return False  # text in UTF-16 or UTF-32 may be UTF-8 by chance
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _parts(body: t.BinaryIO) -> t.Iterator[bytes]:
    body.seek(0)
    while part := body.read(STEP):
        yield part
