"""Settings that name a store: what is no path and no URL that is known is an error."""

from __future__ import annotations

import logging
import os
import stat
import typing as t

import pytest

from erp_ledger import open_ledger
from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact
from erp_vendors.http.store import open_store
from erp_vendors.stores import explained, kind_of

if t.TYPE_CHECKING:
    import pathlib

SECRET = "hunter2hunter2"

UNKNOWN = [
    f"mysql://u:{SECRET}@127.0.0.1/x",
    f"POSTGRESQL://u:{SECRET}@127.0.0.1:1/x",
    f"Postgres://u:{SECRET}@127.0.0.1:1/x",
    f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/x",
    f"rediss+x://:{SECRET}@127.0.0.1:1/0",
    f"REDIS://:{SECRET}@127.0.0.1:1/0",
    f" postgresql://u:{SECRET}@127.0.0.1:1/x",
    f"sqlite:///{SECRET}.sqlite",
    f"file://{SECRET}",
    f"postgresql:u:{SECRET}@127.0.0.1",
    f"postgres:/u:{SECRET}@127.0.0.1",
    f"host=127.0.0.1 password={SECRET}",
    f"user=u password = '{SECRET}'",
    f"jdbc:postgresql://u:{SECRET}@127.0.0.1/x",
    f"'postgresql://u:{SECRET}@127.0.0.1/x'",
]


@pytest.mark.parametrize("value", UNKNOWN)
@pytest.mark.parametrize("setting", ["ledger", "rate_limit_store"])
def test_an_address_of_another_kind_is_an_error_and_makes_no_file(
    value: str, setting: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened = {"ledger": open_ledger, "rate_limit_store": lambda v: open_store(v, "acc", [(1, 1)])}
    with pytest.raises(ConfigError, match=f"'{setting}'") as error:
        opened[setting](value)
    assert "\n" not in str(error.value)
    assert SECRET not in str(error.value)
    assert SECRET not in redact(f"something else says {value}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path",
    [
        "ledger.sqlite",
        "a b/ledger.sqlite",
        "/data/host=1/l.db",
        "C:\\x",
        ":memory:",
        "postgres.db",
        "ü",
    ],
)
def test_paths_are_paths(path: str) -> None:
    assert kind_of("ledger", path, "postgresql") == "sqlite"


PASSWORDS = ["p@ss/w:rd", "pa%40ss", "a:b:c@d", "p/a/s/s", "p%zzq", "pass?word", "p#ssw", "p a s s"]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("scheme", ["postgresql", "redis"])
def test_a_server_that_cannot_be_used_shows_no_part_of_the_url(
    password: str, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"{scheme}://somebody:{password}@127.0.0.1:1/somewhere"
    calls: list[t.Callable[[], t.Any]] = [lambda: open_store(url, "account", [(1, 1)])]
    if scheme == "postgresql":
        calls.append(lambda: open_ledger(url))
    for call in calls:
        with pytest.raises(ConfigError) as error:
            call()
        said = redact(str(error.value) + caplog.text)
        assert password not in said
        assert "somebody" not in str(error.value)
        assert "127.0.0.1" not in str(error.value)
    assert password not in redact(f"log: {password} and {url}")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ('FATAL:  password authentication failed for user "bob"', "login"),
        ('FATAL:  role "bob" does not exist', "login"),
        ('FATAL:  database "secretdb" does not exist', "no such database"),
        ("failed to resolve host 'db.internal'", "no such host"),
        ("connection to server at db.internal failed: Connection refused", "nothing answers"),
        ('invalid percent-encoded token: "p%zz"', "percent-encoded"),
        ("WRONGPASS invalid username-password pair for bob", "login"),
        ("bob said something that nobody expected at db.internal", "RuntimeError"),
    ],
)
def test_drivers_texts_are_told_in_our_words(said: str, meant: str) -> None:
    text = explained(RuntimeError(said))
    assert meant in text
    for name in ("bob", "secretdb", "db.internal", "p%zz"):
        assert name not in text


def test_the_files_of_a_store_are_their_owners(tmp_path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        ledger = open_ledger(str(tmp_path / "new" / "ledger.sqlite"))
        ledger.begin_run("r")
        open_store(str(tmp_path / "rates" / "rates.sqlite"), "account", [(1, 1)]).take()
        found = [path for path in tmp_path.rglob("*") if not path.name.endswith("sqlite.lock")]
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in found}
        ledger.close()
    finally:
        os.umask(before)
    folders = {"new", "rates"}
    assert {"ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"} < set(modes)
    assert modes == {name: 0o700 if name in folders else 0o600 for name in modes}


def test_a_ledger_of_an_earlier_version_becomes_its_owners(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ledger.sqlite"
    open_ledger(str(path)).close()
    path.chmod(0o644)
    open_ledger(str(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
