"""Settings that name a store: a file on this machine, or a server by its URL."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact

Kind = t.Literal["sqlite", "postgresql", "redis"]

_SCHEMES: dict[Kind, tuple[str, ...]] = {
    "postgresql": ("postgresql://", "postgres://"),
    "redis": ("redis://", "rediss://", "unix://"),
}
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)://")
_SERVERS = re.compile(
    r"\s*(postgres|redis|mysql|mariadb|mssql|oracle|mongodb)[A-Za-z0-9+.-]*:", re.IGNORECASE
)
_KEYWORDS = re.compile(
    r"\s*(host|hostaddr|port|dbname|user)\s*=|.*\bpassword\s*=", re.IGNORECASE | re.DOTALL
)
_HINTS: tuple[tuple[str, str], ...] = (
    ("password", "the server refuses the login; check user and password"),
    ("authentication", "the server refuses the login; check user and password"),
    ("wrongpass", "the server refuses the login; check user and password"),
    ("noauth", "the server refuses the login; check user and password"),
    ("role", "the server refuses the login; check user and password"),
    ("pg_hba", "the server does not let this machine in (pg_hba.conf)"),
    ("database", "the server has no such database, or does not let this user in"),
    ("ssl", "the TLS connection failed; check sslmode and the certificates"),
    ("certificate", "the TLS connection failed; check sslmode and the certificates"),
    ("resolve", "there is no such host"),
    ("name or service", "there is no such host"),
    ("refused", "nothing answers at this host and port"),
    ("timeout", "the server does not answer in time"),
    ("timed out", "the server does not answer in time"),
    ("too many", "the server has no connection left"),
    ("permission denied", "the user lacks a permission"),
)


def kind_of(setting: str, value: str, *kinds: Kind) -> Kind:
    """What a setting names; the whole text of a URL is a secret from then on.

    Schemes are taken exactly as they are listed, in lower case. Whatever else looks like an address
    is an error, because as a path it would be a local file with the password in its name.

    Args:
        setting: Name of the setting, for errors.
        value: Its value.
        *kinds: What it may name besides an SQLite file.

    Raises:
        ConfigError: If it is an address of another kind.
    """
    scheme = _SCHEME.match(value)
    if not ("://" in value or _SERVERS.match(value) or _KEYWORDS.match(value)):
        return "sqlite"
    redact.add(value, value.strip(), *_parts(value))
    for kind in kinds:
        if value.startswith(_SCHEMES[kind]):
            return kind
    forms = [form for kind in kinds for form in _SCHEMES[kind]]
    wrong = f"the scheme '{scheme[1]}://' is not known" if scheme else "it is no path and no URL"
    if scheme and f"{scheme[1].lower()}://" in forms:
        wrong = f"'{scheme[1].lower()}://' is written in lower case, with nothing before it"
    msg = f"setting '{setting}': {wrong}; it takes the path of a file, or {'…, '.join(forms)}…"
    raise ConfigError(msg)


def explained(error: BaseException) -> str:
    """Why a driver failed, in words of our own.

    The driver's message is not shown: it may repeat hosts, users and parts of passwords.

    Args:
        error: What the driver raised.
    """
    said = str(error).lower()
    state = getattr(error, "sqlstate", None)
    name = f"{type(error).__name__}{f', SQLSTATE {state}' if state else ''}"
    if state is None:
        for word, meaning in _HINTS:
            if word in said:
                return f"{meaning} ({name})"
        if "percent-encoded" in said or "invalid" in said or "port" in said:
            return (
                "the URL is not usable; characters such as @ : / % in user or password are "
                f"written percent-encoded ({name})"
            )
    return name


def _parts(url: str) -> t.Iterator[str]:
    """The parts of a URL that may be a password, however the URL is written."""
    _, _, rest = url.partition("://")
    # A password that is not percent-encoded may hold the very characters that end it in a URL.
    for login in {rest.rpartition("@")[0], rest.partition("/")[0].rpartition("@")[0]}:
        _, _, password = login.partition(":")
        yield password
        yield urllib.parse.unquote(password)
        yield urllib.parse.unquote_plus(password)
    query = rest.partition("?")[2]
    for name, value in urllib.parse.parse_qsl(query):
        if "pass" in name.lower():
            yield value
    for quoted in re.findall(r"\b\w*pass\w*\s*=\s*('[^']*'|[^\s&]+)", url, re.IGNORECASE):
        yield quoted.strip("'")
