"""Dead letters: durable, readable whatever became of their file, gone when nobody needs them."""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os
import stat
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_ledger import Ledger, LedgerRecord, RecordStatus, letter_files
from erp_ledger.letters import handle
from erp_sandbox.testing import running_sandbox
from erp_vendors.errors import ConfigError
from erp_vendors.masking import hidden_in, hiding, is_masked, masked
from target_erp.delivery import Outcome, RefusedError, Write
from target_erp.delivery.dead_letters import DeadLetters, dismiss, newest, still_open
from tests.support.scale import mostly_nightly
from tests.target_erp.shops import OPTIONS, SHOPS
from tests.target_erp.shops import letters as letters_in

if t.TYPE_CHECKING:
    import pathlib

STREAM = "shop_orders"


def written(key: str = "", stream: str = STREAM, **record: t.Any) -> Write:
    pair = (("number", key),) if key else ()
    return Write(1, stream, record or {"number": key}, pair, record)


def add(letters: DeadLetters, write: Write, text: str = "bad", **more: t.Any) -> None:
    letters.add(write, Outcome.REFUSED, RefusedError(text), **more)


def lines_of(folder: pathlib.Path) -> list[bytes]:
    return (folder / f"{STREAM}.jsonl").read_bytes().splitlines()


@pytest.mark.parametrize(
    "torn",
    [
        b'{"stream":"shop_or',
        b"\0\0\0",
        b"[]",
        b'"text"',
        b"{}",
        b'{"stream":"x","key":3,"record":{}}',
    ],
)
@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_a_torn_line_is_named_once_and_the_others_are_read(
    tmp_path: pathlib.Path, torn: bytes, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    letters = DeadLetters(str(tmp_path), "r")
    file = tmp_path / f"{STREAM}.jsonl"
    if place == "start":
        file.write_bytes(torn + b"\n")
    add(letters, written("1"))
    if place == "middle":
        with file.open("ab") as out:
            out.write(torn)  # the process died
    add(letters, written("2"))
    if place == "end":
        with file.open("ab") as out:
            out.write(torn)
    for _ in range(2):
        assert [handle(letter) for letter in newest(str(tmp_path))] == ["number=1", "number=2"]
    number = {"start": 1, "middle": 2, "end": 3}[place]
    (warning,) = caplog.messages
    assert f"{file} line {number}" in warning
    add(letters, written("3"))
    assert len(newest(str(tmp_path))) == 3


@pytest.mark.slow
def test_a_letter_is_durable_when_it_is_added(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr("os.fsync", fsync)
    folder = tmp_path / "new" / "dead"
    letters = DeadLetters(str(folder), "r")
    add(letters, written("1"))
    file = folder / f"{STREAM}.jsonl"
    assert synced == [file.stat().st_ino, folder.stat().st_ino]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: add(letters, written(str(n))), range(200)))
    assert len(lines_of(folder)) == 201
    assert len(synced) < 150, "threads that come together share a sync"


def test_files_are_their_owners_whatever_the_umask(tmp_path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        add(DeadLetters(str(tmp_path / "a" / "b"), "r"), written("1"))
    finally:
        os.umask(before)
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    file = tmp_path / "a" / "b" / f"{STREAM}.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    add(DeadLetters(str(tmp_path / "a" / "b"), "r"), written("1"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_names_the_setting(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="'dead_letters'"):
        add(DeadLetters(str(tmp_path / "file"), "r"), written("1"))


def test_tidying_leaves_the_newest_letter_of_who_has_not_got_through(
    tmp_path: pathlib.Path, ledger: Ledger
) -> None:
    letters = DeadLetters(str(tmp_path), "r")
    for n in (1, 2, 3, 4, 1, 5):
        add(letters, written(str(n)), f"try {n}")
    both = Write(1, STREAM, {"id": 9}, (("id", "9"), ("number", "5")))
    add(letters, both)  # known by one of its keys
    add(letters, written(other=1))
    add(letters, written(other=2))
    with (tmp_path / f"{STREAM}.jsonl").open("ab") as file:
        file.write(b'{"torn')
    ledger.write("acc", STREAM, [LedgerRecord("number=2", b"d", RecordStatus.ACCEPTED)])
    ledger.write(
        "acc", STREAM, [LedgerRecord("tax=3", b"d", RecordStatus.DELETED, aliases=("number=3",))]
    )
    ledger.write("acc", STREAM, [LedgerRecord("number=4", b"d", RecordStatus.WAITING)])
    names = [handle(letter) for letter in still_open(newest(str(tmp_path)), ledger)]
    assert names[:3] == ["number=4", "number=1", "id=9"]
    letters.compact(ledger, [("acc", STREAM), ("acc", "none")], {(STREAM, names[3])})
    assert [handle(letter) for letter in newest(str(tmp_path))] == [*names[:3], names[4]]
    assert lines_of(tmp_path)[-1] == b'{"torn', "what cannot be read is nobody's to remove"
    before = (tmp_path / f"{STREAM}.jsonl").stat().st_ino
    letters.compact(ledger, [("acc", STREAM)])
    assert (tmp_path / f"{STREAM}.jsonl").stat().st_ino == before
    assert list(tmp_path.glob(".*")) == []
    letters.close()


def test_a_letter_of_one_account_is_not_taken_for_another_ones(
    tmp_path: pathlib.Path, ledger: Ledger
) -> None:
    letters = DeadLetters(str(tmp_path), "r")
    add(letters, written("1"), account="ours")
    ledger.write("theirs", STREAM, [LedgerRecord("number=1", b"d", RecordStatus.ACCEPTED)])
    assert len(still_open(newest(str(tmp_path)), ledger)) == 1
    ledger.write("ours", STREAM, [LedgerRecord("number=1", b"d", RecordStatus.ACCEPTED)])
    assert still_open(newest(str(tmp_path)), ledger) == []


def test_tidying_leaves_the_letters_of_other_accounts(
    tmp_path: pathlib.Path, ledger: Ledger
) -> None:
    """A letter is there a moment before the ledger knows that a newer version was refused."""
    letters = DeadLetters(str(tmp_path), "r")
    accepted = [LedgerRecord(f"number={n}", b"d", RecordStatus.ACCEPTED) for n in (1, 3)]
    for account in ("theirs", "ours"):
        ledger.write(account, STREAM, accepted)
        for number in ("1", "2"):
            add(letters, written(number), account=account)
    add(letters, written("3"))
    letters.compact(ledger, [("ours", STREAM)])
    found = [(letter["account"], handle(letter)) for letter in newest(str(tmp_path))]
    assert sorted(found) == [("ours", "number=2"), ("theirs", "number=1"), ("theirs", "number=2")]
    (letter,) = [one for one in newest(str(tmp_path)) if one["account"] == "ours"]
    dismiss(str(tmp_path), [letter])
    found = [(letter["account"], handle(letter)) for letter in newest(str(tmp_path))]
    assert sorted(found) == [("theirs", "number=1"), ("theirs", "number=2")]
    letters.close()


def test_a_file_that_goes_while_it_is_looked_for_has_no_letters(
    tmp_path: pathlib.Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = DeadLetters(str(tmp_path), "r")
    add(letters, written("1"))
    add(letters, written("2", stream="another"))
    ledger.write("acc", STREAM, [LedgerRecord("number=1", b"d", RecordStatus.ACCEPTED)])
    real = letter_files.read

    def read(path: pathlib.Path) -> t.Any:
        with monkeypatch.context() as patch:
            patch.setattr(letter_files, "read", real)
            letters.compact(ledger, [("acc", STREAM)])  # as a run does that ends now
        return real(path)

    monkeypatch.setattr(letter_files, "read", read)
    assert [handle(letter) for letter in newest(str(tmp_path))] == ["number=2"]
    assert newest(str(tmp_path), STREAM) == []
    letters.close()


@pytest.mark.slow
def test_many_letters_are_a_few_questions(
    tmp_path: pathlib.Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)
    letters = DeadLetters(str(tmp_path), "r")
    for n in range(1200):
        add(letters, written(str(n)))
    half = [LedgerRecord(f"number={n}", b"d", RecordStatus.ACCEPTED) for n in range(600)]
    ledger.write("acc", STREAM, half)
    store = ledger._store  # noqa: SLF001 - to count its questions
    asked: list[str] = []
    real = store.read

    def read(statement: str, values: t.Any) -> t.Any:
        asked.append(statement)
        return real(statement, values)

    monkeypatch.setattr(store, "read", read)
    assert len(still_open(newest(str(tmp_path)), ledger)) == 600
    assert len(asked) < 10
    letters.close()


def _adds(folder: str, name: str, count: int) -> None:
    letters = DeadLetters(folder, name)
    for n in range(count):
        add(letters, written(f"{name}-{n}"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting", mostly_nightly(("sqlite", "postgresql"), keep=(0,)), indirect=True
)
def test_tidying_loses_nothing_that_another_process_adds(
    tmp_path: pathlib.Path, ledger: Ledger
) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_adds, args=(str(tmp_path), n, 150)) for n in "ab"]
    for process in processes:
        process.start()
    letters, rounds = DeadLetters(str(tmp_path), "c"), 0
    while any(process.is_alive() for process in processes):
        add(letters, written("ours"), f"round {rounds}")
        letters.compact(ledger, [("acc", STREAM)])
        rounds += 1
    for process in processes:
        process.join()
    letters.compact(ledger, [("acc", STREAM)])
    assert rounds > 5
    found = {handle(letter) for letter in newest(str(tmp_path))}
    assert found == {"number=ours", *(f"number={name}-{n}" for name in "ab" for n in range(150))}
    letters.close()


def test_who_is_dismissed_is_gone_and_nobody_else(tmp_path: pathlib.Path) -> None:
    letters = DeadLetters(str(tmp_path), "r")
    for write in (written("1"), written("1"), written("2"), written(a=1), written(a=2)):
        add(letters, write)
    folder = str(tmp_path)
    dismiss(folder, newest(folder, STREAM, "1"))
    assert handle(newest(folder)[0]) == "number=2"
    nameless = [handle(letter) for letter in newest(folder)[1:]]
    assert len(set(nameless)) == 2
    dismiss(folder, newest(folder, STREAM, nameless[0]))
    assert [handle(letter) for letter in newest(folder)] == ["number=2", nameless[1]]
    dismiss(folder, newest(folder))
    assert newest(folder) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(1000, 10**6) | st.text(min_size=4, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "CcInfo", "ccinfo", "pw", "b"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(record=JSON)
def test_no_secret_is_left_wherever_it_stands(record: t.Any) -> None:
    names = frozenset({"ccInfo", "PW"})
    secrets = list(hidden_in(record, names))
    shown = masked(record, names)
    assert list(hidden_in(shown, names)) == ["*****"] * len(list(hidden_in(shown, names)))
    assert is_masked(shown) or shown == record
    text = hiding(record, names)(f"it says {json.dumps(secrets)}")
    for secret in secrets:
        if len(secret) > 3:
            assert secret not in text
    assert masked(record, ()) == record


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("apiToken", True),
        ("API_KEY", True),
        ("portal.client-secret", True),
        ("contact__Password", True),
        ("cardNumber", True),
        ("tokens_used", False),
        ("secretary", False),
        ("passwordless", False),
        ("keyboard", False),
        ("partNumber", False),
    ],
)
def test_a_name_tells_that_a_property_of_no_document_is_secret(name: str, secret: object) -> None:
    record = {"lines": [{name: "hunter2-1"}]}
    assert masked(record, ()) == {"lines": [{name: "*****" if secret else "hunter2-1"}]}
    assert ("hunter2-1" in hiding(record, ())("hunter2-1 is bad")) is not secret


@pytest.mark.slow
@pytest.mark.parametrize("vendor", SHOPS)
def test_no_report_plan_or_letter_shows_what_a_name_calls_secret(
    vendor: str, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = SHOPS[vendor]
    with running_sandbox(size=3, limits=False, options=OPTIONS) as sandbox:
        held = sandbox.rows(vendor, shop.resource)[0]
        row = shop.record(held, **{shop.text[0]: "ours", "apiToken": "hunter2-token"})
        bad = {**row, shop.key[0]: [], "password": "hunter2-word"}
        settings = shop.config(sandbox, tmp_path, on_conflict="refuse")
        shop.run_with({**settings, "dry_run": True, "plan_file": str(tmp_path / "p")}, row, bad)
        shop.run_with(settings, row, bad)
    assert letters_in(tmp_path, shop.stream)
    texts = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert all(b"hunter2" not in text for text in texts)
    assert "hunter2" not in caplog.text


PAIRED = frozenset({"Key=BIRTHDAY", "encrypted=TRUE"})


@pytest.mark.parametrize(
    ("pair", "hidden"),
    [
        ({"Key": "BIRTHDAY", "Value": "1990-01-31"}, True),
        ({"key": " birthday ", "VALUE": 19900131}, True),
        ({"Key": "BIRTHDAY", "Value": {"Day": "1990-01-31"}}, True),
        ({"Key": "shoe", "Value": "1990-01-31", "Encrypted": True}, True),
        ({"Key": "shoe", "Value": "1990-01-31", "Encrypted": False}, False),
        ({"Key": "shoe", "Value": "BIRTHDAY"}, False),
        ({"Name": "BIRTHDAY", "Value": "1990-01-31"}, False),
        ({"Key": ["BIRTHDAY"], "Value": "1990-01-31"}, False),
        ({"BIRTHDAY": "1990-01-31"}, False),
    ],
    ids=repr,
)
def test_a_secret_may_be_the_value_of_a_pair(pair: dict[str, t.Any], hidden: object) -> None:
    record = {"Inputs": [{"Key": "open", "Value": "seen"}, pair]}
    (value,) = [name for name in pair if name.lower() == "value"] or [""]
    shown = masked(record, PAIRED)
    assert shown["Inputs"][0] == record["Inputs"][0]
    assert shown["Inputs"][1] == ({**pair, value: "*****"} if hidden else pair)
    assert bool(list(hidden_in(record, PAIRED))) is hidden
    assert is_masked(shown) is hidden


def test_letters_hide_nested_secrets(tmp_path: pathlib.Path) -> None:
    record = {"Payments": [{"CcInfo": {"Number": "4111111111111111", "Cvv": 737}, "Amount": 1}]}
    error = RefusedError(
        "Payments[0]: 4111111111111111 is bad", answer="4111111111111111 or 737?", request="POST /x"
    )
    letters = DeadLetters(str(tmp_path), "r")
    letters.add(Write(1, STREAM, record, (), record), Outcome.REFUSED, error, frozenset({"CcInfo"}))
    text = (tmp_path / f"{STREAM}.jsonl").read_text()
    assert "4111111111111111" not in text
    assert "737" not in text
    (letter,) = newest(str(tmp_path))
    assert letter["record"] == {"Payments": [{"CcInfo": "*****", "Amount": 1}]}


@pytest.mark.slow
def test_a_run_says_which_of_its_letters_a_later_version_takes_out(tmp_path: pathlib.Path) -> None:
    shop = SHOPS["pentamic"]
    (text, shown), other = shop.text, shop.other[0]
    with running_sandbox(size=3, limits=False, options=OPTIONS) as sandbox:
        held, alone = sandbox.rows("pentamic", shop.resource)[:2]
        settings = shop.config(sandbox, tmp_path, on_conflict="refuse")
        rows = [shop.record(row) for row in (held, alone)]
        shop.run_with(settings, *rows)
        for row in (held, alone):
            sandbox.change("pentamic", shop.resource, row[shop.id], {shown: "person"})
        later = {name: v for name, v in rows[0].items() if name != text} | {other: "later"}
        changed = [{**row, text: "ours"} for row in rows]
        run = shop.run_with(settings, *changed, later)
    (letter,) = letters_in(tmp_path, shop.stream)
    assert letter["record"] == changed[1]
    assert run.code == 3
    assert "2 records were rejected (of 1 of them a later version got through" in run.error
