"""Secrets are masked in every form in which they could reach a log."""

from __future__ import annotations

import base64
import html
import html.entities
import io
import json
import logging
import traceback
import typing as t
import urllib.parse

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from singer_sdk.logging import ConsoleFormatter, StructuredFormatter

from erp_vendors.http.redact import (
    MASK,
    RedactingFormatter,
    Redactor,
    protect_logging,
    redact,
    secrets_in,
)

AWKWARD = "pä\"s\\w/r d+&=%\n'x"
FORMS: dict[str, t.Callable[[str], str]] = {
    "plain": str,
    "url": lambda secret: urllib.parse.quote(secret, safe=""),
    "form": urllib.parse.quote_plus,
    "json": json.dumps,
    "json unescaped": lambda secret: json.dumps(secret, ensure_ascii=False),
    "json with slashes": lambda secret: json.dumps(secret).replace("/", "\\/"),
    "json with capitals": lambda secret: json.dumps(secret).replace("u00e", "u00E"),
    "json in json in json": lambda secret: json.dumps(json.dumps({"x": json.dumps(secret)})),
    "html": html.escape,
    "html unquoted": lambda secret: html.escape(secret, quote=False),
    "html twice": lambda secret: html.escape(html.escape(secret)),
    "html by names": lambda secret: "".join(
        f"&{html.entities.codepoint2name[ord(c)]};" if ord(c) in html.entities.codepoint2name else c
        for c in secret
    ),
    "html in numbers": lambda secret: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in secret),
    "html in hex": lambda secret: "".join(
        c if c.isascii() and c.isalnum() else f"&#x{ord(c):04X};" for c in secret
    ),
    "html in json": lambda secret: json.dumps({"x": html.escape(secret)}),
    "html in url": lambda secret: urllib.parse.quote(html.escape(secret)),
    "json of .net": lambda secret: "".join(
        c if c.isascii() and c.isalnum() else f"\\u{ord(c):04X}" for c in secret
    ),
    "html in json of .net": lambda secret: html.escape(secret).replace("&", "\\u0026"),
    "url in parts": lambda secret: urllib.parse.quote(secret, safe="/+&="),
    "url twice": lambda secret: urllib.parse.quote(urllib.parse.quote(secret, safe=""), safe=""),
    "repr": repr,
    "repr of json": lambda secret: repr(json.dumps(secret)),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for addresses": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "basic auth": lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
    "basic auth in latin-1": lambda secret: base64.b64encode(
        f"user:{secret}".encode("latin-1" if max(secret) < "\u0100" else "utf-8")
    ).decode(),
    "basic auth 1": lambda secret: base64.b64encode(f"user1:{secret}".encode()).decode(),
    "basic auth 2": lambda secret: base64.b64encode(f"user12:{secret}:x".encode()).decode(),
}


def readable(secret: str, text: str) -> bool:
    """Whether the secret can be read out of a text, be it through base64."""
    if any(form(secret) in text for name, form in FORMS.items() if "base64" not in name):
        return True
    for word in text.split():
        padded = word + "=" * (-len(word) % 4)
        try:
            if secret.encode() in base64.b64decode(padded, altchars="-_"):
                return True
        except ValueError:
            continue
    return False


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", ["hunter2-hunter2", AWKWARD, "sécret✓✓", "abc>>>???~~~def"])
def test_every_form_is_masked(secret: str, form: str) -> None:
    mask = Redactor()
    mask.add(secret)
    text = mask(f"before {FORMS[form](secret)} after")
    assert MASK in text
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert not readable(secret, text)


@given(st.text(min_size=6, max_size=30), st.text(max_size=10), st.text(max_size=10))
@example("aaaaaa", "", "a")
def test_no_secret_survives_in_base64_at_any_offset(secret: str, before: str, after: str) -> None:
    mask = Redactor()
    mask.add(secret)
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    masked = mask(encoded)
    assert MASK in masked
    assert encoded not in masked


def test_longer_secrets_first_so_that_no_remainder_is_left() -> None:
    mask = Redactor()
    mask.add("secret-key")
    mask.add("secret-key-of-the-site")
    assert mask("x=secret-key-of-the-site") == f"x={MASK}"


def test_empty_and_very_short_secrets_are_left_alone() -> None:
    mask = Redactor()
    mask.add(None, "", "a", "ab")
    assert mask("a cab and a tab") == "a cab and a tab"


def test_text_without_secrets_is_unchanged() -> None:
    mask = Redactor()
    mask.add("hunter2-hunter2")
    assert mask("nothing to see") == "nothing to see"


@pytest.fixture
def secret() -> str:
    redact.add(AWKWARD)
    return AWKWARD


@pytest.mark.parametrize("formatter", [ConsoleFormatter(), StructuredFormatter()])
def test_log_lines_exceptions_and_tracebacks(secret: str, formatter: logging.Formatter) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter(formatter))
    logger = logging.getLogger("erp.test_log_lines")
    logger.propagate = False
    logger.handlers = [handler]
    logger.warning("message %s and %r", secret, secret)
    logger.warning("extra", extra={"body": {"password": secret}})
    for form in FORMS.values():
        try:
            try:
                raise KeyError(form(secret))  # noqa: TRY301
            except KeyError as inner:
                msg = f"outer {form(secret)}"
                raise RuntimeError(msg) from inner
        except RuntimeError:
            logger.exception("failed with %s", form(secret))
    text = stream.getvalue()
    assert text.count(MASK) >= 3 * len(FORMS)
    assert not readable(secret, text)
    if isinstance(formatter, StructuredFormatter):
        for line in text.splitlines():
            assert not readable(secret, json.dumps(json.loads(line), ensure_ascii=False))


def test_every_handler_gets_protected_once(secret: str) -> None:
    stream = io.StringIO()
    logger = logging.getLogger("erp.test_redact")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    before = {each: each.formatter for each in logging.getLogger().handlers}
    try:
        protect_logging()
        protect_logging()
        logger.error("x %s", secret)
        formatter = t.cast("t.Any", handler.formatter)
        assert isinstance(formatter, RedactingFormatter)
        assert not isinstance(formatter._inner, RedactingFormatter)  # noqa: SLF001 - once alone
    finally:
        logger.removeHandler(handler)
        for each, old in before.items():
            each.setFormatter(old)
    assert stream.getvalue() == f"x {MASK}\n"


def test_a_traceback_printed_by_others_shows_no_secret_once_masked(secret: str) -> None:
    try:
        int(secret)
    except ValueError:
        text = redact(traceback.format_exc())
    assert not readable(secret, text)


@pytest.mark.parametrize(
    ("address", "hidden"),
    [
        ("https://user:pass-word@host/path", "user:pass-word pass-word"),
        ("https://user:pass%2Fword@host:8443/", "pass/word pass%2Fword"),
        ("https://a-token@host", "a-token"),
        ("https://user:pa/ss@host/", "pa/ss"),
        ("postgresql://me:secret-1@host/db", "secret-1"),
        ("https://user: pass-word @host/", "pass-word"),
    ],
)
def test_credentials_inside_an_address_are_secrets(address: str, hidden: str) -> None:
    mask = Redactor()
    mask.add(*secrets_in(address))
    for text in (address, *hidden.split()):
        masked = mask(f"GET {text} failed")
        assert MASK in masked
        assert not any(secret in masked for secret in hidden.split())


@pytest.mark.parametrize(
    "address",
    [
        "https://host/",
        "https://host:8443/a@b",
        "https://host/a:b@c",
        "https://host?x=a@b",
        "a@b",
        "",
    ],
)
def test_an_address_without_credentials_holds_no_secret(address: str) -> None:
    assert secrets_in(address) == ()


@given(st.text(min_size=4), st.lists(st.sampled_from(sorted(FORMS)), max_size=1))
def test_no_form_of_any_secret_is_left(secret: str, names: list[str]) -> None:
    for name in names:
        try:
            text = FORMS[name](secret)
        except UnicodeEncodeError:
            continue  # half of a pair is in no text
        mask = Redactor()
        try:
            mask.add(secret)
        except UnicodeEncodeError:
            continue
        if "base64" not in name and "basic" not in name:
            assert MASK in mask(text)
