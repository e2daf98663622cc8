"""No escape of a secret's characters, and no cut, lets it through."""

from __future__ import annotations

import html
import html.entities
import itertools
import json
import string
import typing as t
import urllib.parse

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from erp_vendors.http.call import excerpt
from erp_vendors.http.redact import MASK, Redactor, redact
from target_erp.printable import cut
from tests.support.scale import mostly_nightly

_NAMES = {ord(char): name for name, char in html.entities.html5.items() if len(char) == 1}


def _bytes(char: str, form: str) -> str:
    return "".join(form.format(byte) for byte in char.encode())


def _named(char: str) -> str:
    name = _NAMES.get(ord(char), "")
    return f"&{name}" if name.endswith(";") else f"&#{ord(char)};"


WAYS: dict[str, t.Callable[[str], str]] = {
    "plain": str,
    "decimal": lambda char: f"&#{ord(char)};",
    "decimal with zeros": lambda char: f"&#000{ord(char)};",
    "decimal open": lambda char: f"&#{ord(char)}",
    "hex": lambda char: f"&#x{ord(char):x};",
    "hex in capitals": lambda char: f"&#X{ord(char):04X};",
    "hex open": lambda char: f"&#x{ord(char):x}",
    "named": _named,
    "percent": lambda char: _bytes(char, "%{:02X}"),
    "percent in small letters": lambda char: _bytes(char, "%{:02x}"),
    "json": lambda char: json.dumps(char)[1:-1] if not char.isascii() else f"\\u{ord(char):04x}",
    "json in capitals": lambda char: f"\\u{ord(char):04X}" if ord(char) < 1 << 16 else char,
    "long": lambda char: f"\\U{ord(char):08x}",
    "css": lambda char: f"\\{ord(char):06x}" if ord(char) < 1 << 8 else char,
    "braced": lambda char: f"\\u{{{ord(char):x}}}",
    "x": lambda char: f"\\x{ord(char):02x}" if ord(char) < 1 << 7 else char,
    "x of bytes": lambda char: _bytes(char, "\\x{:02X}"),
    "octal": lambda char: _bytes(char, "\\{:03o}"),
}
_OPEN = frozenset({"decimal open", "hex open"})
_LETTERS = st.sampled_from(string.ascii_letters + string.digits + "-_.!/+=<>\"'&% äß✓😀")
_LAYERS: list[t.Callable[[str], str]] = [
    str,
    html.escape,
    lambda text: text.replace("%", "%25").replace("&", "%26").replace("#", "%23"),
    lambda text: text.replace("\\", "\\\\").replace("&", "\\u0026"),
    lambda text: "".join(f"&#{ord(char)};" if char in "&%\\#;" else char for char in text),
    lambda text: "".join(f"%{ord(c):02X}" if c.isascii() else c for c in text),
]


def _escaped(secret: str, ways: t.Sequence[str]) -> str:
    """A secret, each character in its way; an open entity takes no digit after it as its own."""
    text = ""
    for char, way, following in zip(secret, ways, f"{secret[1:]}.", strict=True):
        closed = way in _OPEN and following in f"{string.hexdigits};"
        text += f"{WAYS[way](char)}{';' if closed else ''}"
    return text


@st.composite
def secrets(draw: st.DrawFn) -> tuple[str, str]:
    """A secret and a text in which it stands escaped."""
    secret = draw(st.text(_LETTERS, min_size=3, max_size=20))
    ways = [draw(st.sampled_from(sorted(WAYS))) for _ in secret]
    return secret, _escaped(secret, ways)


@given(secrets(), st.lists(st.sampled_from(_LAYERS), max_size=2))
def test_no_escape_hides_a_secret(
    made: tuple[str, str], layers: list[t.Callable[[str], str]]
) -> None:
    secret, text = made
    for layer in layers:
        text = layer(text)
    mask = Redactor()
    mask.add(secret)
    masked = mask(f"(({text}))")
    assert masked.startswith("((")
    assert masked.endswith("))")
    assert MASK in masked
    for _ in range(4):
        assert secret not in masked
        masked = urllib.parse.unquote(html.unescape(masked))


@pytest.mark.parametrize("secret", ["Zebra7Kq9Long", 'p\\9"&w%4<ö$7/x✓', "%41%42-\\u0041&amp;"])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_each_way_alone(way: str, secret: str) -> None:
    mask = Redactor()
    mask.add(secret)
    assert mask(f"denied: {_escaped(secret, [way] * len(secret))} end") == f"denied: {MASK} end"


@given(st.text("&%\\;#x1a {}u-", max_size=60))
@example("%1a&#x1a;\\u{1a}")
def test_text_without_the_secret_is_unchanged(text: str) -> None:
    mask = Redactor()
    mask.add("QZQ", "ZQ-QZZQ%Q")
    assert mask(text) == text


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    mask = Redactor()
    mask.add("some-secret", text.encode("utf-8", "ignore").decode())
    mask(text)


def test_a_secret_inside_another_leaves_no_remainder() -> None:
    mask = Redactor()
    mask.add("abcd", "abcdefgh")
    assert mask("x abcd&#101;fgh y") == f"x {MASK} y"


@pytest.fixture
def token() -> str:
    made = "tok-Qx7Kz9Lm2Wv4Rt6Yp8"
    redact.add(made)
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "escape"), mostly_nightly(itertools.product((200, 2000), sorted(WAYS)))
)
def test_no_cut_leaves_a_part_of_a_secret(token: str, size: int, escape: str) -> None:
    text = _escaped(token, [escape] * len(token))
    for before in (size - 1, size - 5, 4 * size - 5, 4 * size - 1):
        for filling in ("a" * before, f"{token} " * (before // (len(token) + 1))):
            long = f"{filling}{text}|{'b' * 5 * size}"
            for shown in (redact.cut(long, size), cut(long, size), excerpt(long.encode())):
                assert "tok" not in shown
                assert text[:12] not in shown


def test_a_cut_text_is_marked() -> None:
    assert redact.cut("abcdef", 3, "…") == "abc…"
    assert redact.cut("abc", 3, "…") == "abc"
