"""Secrets are masked in every form in which they could reach a log."""

from __future__ import annotations

import base64
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

from erp_vendors.http.redact import MASK, RedactingFormatter, Redactor, protect_logging, redact

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
    "repr": repr,
    "repr of json": lambda secret: repr(json.dumps(secret)),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for addresses": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "basic auth": lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
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


def test_none_empty_and_very_short_ones_are_left_alone() -> None:
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
