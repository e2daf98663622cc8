"""Masks secrets in everything that a person may read."""

from __future__ import annotations

import base64
import contextlib
import html.entities
import json
import logging
import re
import threading
import typing as t
import urllib.parse

from erp_vendors.http import unescape

MASK = "*****"
_SHORTEST = 3
"""Secrets shorter than this many characters are not masked: they would blank out half the log."""
_SHORTEST_BASE64 = 6
"""Secrets shorter than this many bytes are not masked in base64: too few of its characters would
be made of the secret alone."""
_LONGEST_ESCAPE = 16
"""Characters that one of a secret takes at most where a text is cut: `%2526%23x5A%253B`."""

_AMPERSAND = r"(?:&|\\+u0026|\\+x26|%(?:25)*26)(?:(?:amp|#0*38|#x0*26)(?:;|%(?:25)*3b))*"
"""The character that begins an entity of HTML, escaped any number of times."""
_HASH, _SEMICOLON = r"(?:#|%(?:25)*23)", r"(?:;|%(?:25)*3b)"
_ENTITIES: dict[str, list[str]] = {}
"""Names of HTML's entities by character."""
for _name, _char in html.entities.html5.items():
    if _name.endswith(";"):
        _ENTITIES.setdefault(_char, []).append(re.escape(_name[:-1]))
_USER_INFO = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:([^/?#]+)@"
    r"|([^:/?#]+:(?!\d*[/?#]).+)@)",  # a password with a / in it, which makes no address
    re.IGNORECASE | re.DOTALL,
)


class Redactor:
    """Knows the secrets of this process and replaces each of their forms by a mask.

    Forms: plain, URL-encoded, escaped as in JSON, in HTML or in Python's `repr` (also several times
    over, as in a log line in JSON that quotes JSON), and base64 (alone or anywhere inside a longer
    text such as `user:password`). A text that holds escapes is also searched as it reads without
    them, as any character may be escaped, be there a need to or not.
    """

    def __init__(self) -> None:
        self._forms: frozenset[str] = frozenset()
        self._decoded_forms: frozenset[str] = frozenset()
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._reach = 0
        self._lock = threading.Lock()

    def add(self, *secrets: str | None) -> None:
        """Register secrets.

        Args:
            *secrets: Plain secrets; None and very short ones are ignored.
        """
        long_enough = [secret for secret in secrets if secret and len(secret) >= _SHORTEST]
        forms = {form for secret in long_enough for form in _forms_of(secret)}
        # A secret may look escaped itself; then it is found in a decoded text as it is decoded.
        decoded = {view.text for secret in long_enough for view in unescape.views(secret)}
        patterns = {secret: _pattern(secret) for secret in long_enough if _may_be_escaped(secret)}
        with self._lock:
            self._patterns = {**self._patterns, **patterns}
            self._forms |= forms
            self._decoded_forms |= {form for form in decoded if len(form) >= _SHORTEST}
            self._reach = _LONGEST_ESCAPE * max(map(len, self._forms), default=0)

    def __call__(self, text: str) -> str:
        """Mask every known secret.

        Returns:
            The text with each form of each secret replaced by `*****`.
        """
        return self._masked(text, len(text))

    def cut(self, text: str, size: int, mark: str = "") -> str:
        """Mask every known secret, and shorten the text then, so that no part of one is left.

        Args:
            text: Any text. What lies far behind the cut is not looked at.
            size: Characters that are kept.
            mark: Stands after them if there were more.

        Returns:
            At most `size` characters and the mark.
        """
        # A secret that begins in the part that is shown may end behind it, so more is looked at.
        looked_at = text[: 4 * size + self._reach]
        whole = len(looked_at) == len(text)
        shown = self._masked(looked_at, len(text) if whole else 4 * size)
        return shown if whole and len(shown) <= size else shown[:size] + mark

    def bytes_for(self, size: int) -> int:
        """Bytes at the start of a body in UTF-8 that hold all that `cut` looks at.

        Args:
            size: As for `cut`.
        """
        return 4 * (4 * size + self._reach + 2)  # a character has at most 4; 2 for the order mark

    def _masked(self, text: str, size: int) -> str:
        """The first characters of a text, masked.

        Args:
            text: The text.
            size: Characters of it, before they are masked.
        """
        done, parts = 0, []
        for start, end in self._spans(text):
            if start >= size:
                break
            if start >= done:
                parts += [text[done:start], MASK]
            done = max(done, end)
        return "".join([*parts, text[done:size]]) if parts else text[:size]

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets stand, escaped or not, in order; some may overlap."""
        spans = list(self._found(text, self._forms))
        forms = self._forms | self._decoded_forms
        for view in unescape.views(text) if forms else ():
            spans += [
                (view.starts[start], view.ends[end - 1])
                for start, end in self._found(view.text, forms)
            ]
        return sorted(spans)

    def _found(self, text: str, forms: t.Iterable[str]) -> t.Iterator[tuple[int, int]]:
        for form in forms:
            start = text.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = text.find(form, start + 1)
        for pattern in self._patterns.values():
            yield from (found.span() for found in pattern.finditer(text))


def _forms_of(secret: str) -> t.Iterator[str]:
    yield secret
    yield urllib.parse.quote(secret, safe="")
    yield urllib.parse.quote_plus(secret)
    yield from _in_base64(secret.encode())
    with contextlib.suppress(UnicodeEncodeError):
        yield from _in_base64(secret.encode("latin-1"))  # as many clients write Basic credentials


def _in_base64(raw: bytes) -> t.Iterator[str]:
    if len(raw) < _SHORTEST_BASE64:
        return
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
        for before in range(3):
            # Inside a longer text only the characters made of this secret's bits alone are fixed.
            encoded = encode(b"\0" * before + raw).decode().rstrip("=")
            first = (before * 8 + 5) // 6
            last = (before + len(raw)) * 8 // 6
            yield encoded[first:last]


def _may_be_escaped(secret: str) -> bool:
    return any(not _is_simple(char) for char in secret)


def _is_simple(char: str) -> bool:
    """Whether nothing escapes a character."""
    return char.isascii() and char.isalnum()


def _pattern(secret: str) -> re.Pattern[str]:
    """The secret with its characters escaped, each in any way and any number of times."""
    # Not from the middle of backslashes, of which all have been tried from the first one on.
    return re.compile(rf"(?:(?<!\\)|(?!\\)){''.join(map(_character, secret))}", re.IGNORECASE)


def _character(char: str) -> str:
    if _is_simple(char):
        return rf"\\*{re.escape(char)}"
    code = ord(char)
    forms = {r"\\+" if char == "\\" else rf"\\*{re.escape(char)}"}
    for escaped in (json.dumps(char)[1:-1], repr(char)[1:-1]):
        if escaped != char:
            forms.add(re.escape(escaped).replace(r"\\", r"\\+"))
    forms |= {rf"\\+u{code:04x}", rf"\\+x{code:02x}"}
    entities = {f"{_HASH}0*{code}", f"{_HASH}x0*{code:x}", *_ENTITIES.get(char, ())}
    forms |= {f"{_AMPERSAND}{entity}{_SEMICOLON}" for entity in entities}
    with contextlib.suppress(UnicodeEncodeError):  # half of a pair has no bytes
        forms.add("".join(rf"%(?:25)*{byte:02x}" for byte in char.encode()))
    return f"(?:{'|'.join(sorted(forms))})"


def secrets_in(address: str) -> tuple[str, ...]:
    """The credentials inside an address: `https://user:password@host/`.

    Args:
        address: Any text.

    Returns:
        All that stands before the @, and the password of it, or what is there in place of one;
        nothing if there is none.
    """
    found = _USER_INFO.match(address.strip())
    if found is None:
        return ()
    whole = found[1] or found[2]
    user, _, password = whole.partition(":")
    kept = password or user
    return whole, kept, urllib.parse.unquote(kept)


redact = Redactor()
"""The process's redactor: clients register their secrets here, log formatters read it."""


class RedactingFormatter(logging.Formatter):
    """Wraps another formatter and masks secrets in the finished line, tracebacks included."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Format with the wrapped formatter, then mask."""
        return redact(self._inner.format(record))


def protect_logging() -> None:
    """Make every handler that is installed now mask secrets in its lines."""
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if not isinstance(handler.formatter, RedactingFormatter):
            handler.setFormatter(RedactingFormatter(handler.formatter or logging.Formatter()))
