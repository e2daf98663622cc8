"""What counts as done: for every sink a short list, and never what is plainly no success."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import typing as t

import hypothesis
import pytest
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from erp_vendors.http import Answer
from erp_vendors.success import success_schema
from target_erp.delivery import RefusedError, Write
from target_erp.delivery.answers import Answers, AnswerShape, UnclearError
from target_erp.writers.answer_check import by_schema
from tests.support.scale import full, mostly_nightly
from tools import answers as page
from tools import generated
from tools.coverage.entries import tap_with, writers

if t.TYPE_CHECKING:
    from target_erp.delivery import Writer

pytestmark = pytest.mark.slow

Row = dict[str, t.Any]
CALLS = {
    "aim": ("write_operation",),
    "aims360": ("create",),
    "aimsio": ("post",),
    "cimcloud": ("write", "delete"),
    "pentamic": ("create", "update", "delete"),
}
"""How the client of each vendor writes."""


@functools.cache
def sinks() -> dict[str, page.Row]:
    return {f"{row.vendor} {row.name}": row for row in page.rows()}


SINKS = sorted(sinks())


def answer(body: object, status: int = 200, kind: str = "application/json") -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, CaseInsensitiveDict({"Content-Type": kind}), raw)


def write_for(writer: Writer, **more: t.Any) -> Write:
    """A record with all keys that identify one when it is created."""
    own: t.Any = getattr(writer, "_keys", None)
    given: t.Any = getattr(writer, "sink", None)
    names = [
        n for names in (own.alternatives if own else given.keys if given else ()) for n in names
    ]
    record = {name: f"K-{name}" for name in (*names, *writer.keys) if name not in {"id", "order"}}
    record |= {"name": "Ann", "your key": "K-1", **more}
    return Write(1, writer.stream, record, writer.identify(record), dict(record))


def send(writer: Writer, write: Write, given: Answer, method: str = "send") -> None:
    """Send a record to a vendor that answers so."""
    with pytest.MonkeyPatch.context() as patch:
        client = t.cast("t.Any", writer).client
        for name in CALLS[writer.vendor]:
            patch.setattr(client, name, lambda *_, **__: given)
        if writer.vendor == "aim":
            patch.setattr(writer, "_check_operation", lambda *_: None)
        if method == "delete":
            writer.delete(write)
        else:
            writer.send([write])


# An answer, whatever it may be.

NAMES = st.sampled_from(
    [
        *("error", "errors", "Error", "message", "Message", "ErrorCode", "ErrorMessage", "Status"),
        *("success", "status", "order", "id", "name", "taxCode", "your key", "rows", "data", "x"),
        *("importedRecords", "updatedRecords", "recordCountInRequest", "exception", "detail"),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from(
        [0.5, "", "0", "x", "maintenance", "true", "error", "K-1", "Ann", "0106", "OK"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=8,
)
TEXTS = VALUES.map(json.dumps)
BODIES = st.one_of(
    TEXTS.map(str.encode),
    TEXTS.map(lambda text: text.encode("utf-16")),
    TEXTS.map(lambda text: text[:-1].encode()),
    st.sampled_from([b"", b" ", b"OK", b"<html><body>Log in</body></html>", b"<!DOCTYPE html>\n"]),
    st.sampled_from([b'{"a":', b'"', b"[1", b"\xff\xfe", b"nul", b"{}", b"[]", b"null", b"1"]),
    st.binary(max_size=8),
)


def parsed(given: Answer) -> t.Any:
    try:
        return given.json()
    except ValueError:
        return None


def is_stated(writer: Writer, said: t.Any, write: Write) -> bool:
    """Whether an answer is at least what the documents ask for; written apart from the sinks."""
    if not isinstance(said, dict) or said.get("error") not in (None, "", False, 0, "0", [], {}):
        return False
    described = getattr(t.cast("t.Any", writer), "resource", None)
    if described is not None and described.answer_schema and said.get("your key"):
        return True
    return STATED.get(writer.stream, STATED.get(writer.vendor, lambda *_: False))(said, write)


def is_aggregate(said: Row, _: Write) -> bool:
    counts = [said.get(name, 0) for name in ("importedRecords", "updatedRecords")]
    whole = all(type(count) is int and 0 <= count <= 1 for count in counts)
    asked = said.get("recordCountInRequest", 1)
    return said.get("success") is True and whole and any(counts) and asked == 1


def is_the_record(said: Row, write: Write) -> bool:
    alike = [n for n, v in write.record.items() if n in said and str(said[n]) == str(v)]
    return bool(said.get("id") or said.get("your key")) and bool(alike)


STATED: dict[str, t.Callable[[Row, Write], bool]] = {
    "aim": lambda said, _: (
        "Status" in said and not said.get("ErrorCode") and not said.get("ErrorMessage")
    ),
    "aims360": lambda said, _: said.get("your key") == "K-1",
    "aims360_orders": lambda said, _: (
        bool(said.get("order")) and not isinstance(said["order"], (bool, dict, list))
    ),
    "cimcloud": is_aggregate,
    "cimcloud_order_passthrough": lambda *_: False,
    "pentamic": is_the_record,
}
"""By sink, or else by vendor."""


@pytest.mark.parametrize("name", SINKS)
@hypothesis.given(body=BODIES, status=st.sampled_from([200, 201, 202, 204]))
@hypothesis.settings(max_examples=full(8, 60), deadline=None)
def test_nothing_counts_as_done_but_what_is_stated(name: str, body: bytes, status: int) -> None:
    writer = sinks()[name].writer
    write, given = write_for(writer), answer(body, status)
    try:
        send(writer, write, given)
    except UnclearError as error:
        unclear: UnclearError | None = error
    except RefusedError:
        return
    else:
        unclear = None
    if unclear is None:
        assert is_stated(writer, parsed(given), write), body
        return
    assert unclear.answered_status == status
    assert not (body.lstrip().startswith(b"<") and unclear.can_be_learned)


PLAINLY_NONE: tuple[object, ...] = (
    b"<html><body>Log in</body></html>",
    b'{"a":',
    None,
    {},
    [],
    {"error": "maintenance"},
    {"Message": "An error has occurred."},
    {"data": {"errors": ["x"]}, "id": 5, "order": "1", "your key": "K-1"},
    {"status": 503, "title": "Service Unavailable", "order": "1", "id": 5, "name": "Ann"},
)


@pytest.mark.parametrize(
    ("name", "said"), mostly_nightly(itertools.product(SINKS, PLAINLY_NONE)), ids=repr
)
def test_plainly_no_success_is_none_however_often_the_answer_comes(name: str, said: object) -> None:
    writer = sinks()[name].writer
    for _ in range(2):
        with pytest.raises((UnclearError, RefusedError)):
            send(writer, write_for(writer), answer(said))


GOOD: dict[str, Row] = {
    "aim": {"Status": {"StatusCode": "Success"}},
    "aims360": {"order": "000123", "your key": "K-1"},
    "aimsio": {"your key": "K-1"},
    "cimcloud": {"success": True, "importedRecords": 1, "updatedRecords": 0, "message": None},
    "pentamic": {"id": 5, "your key": "K-1", "name": "ann"},
}


@pytest.mark.parametrize("name", SINKS)
def test_stated_answers_count_and_others_are_learned_or_named(name: str) -> None:
    row = sinks()[name]
    writer, good = row.writer, answer(GOOD[row.vendor])
    assert writer.answers is not None
    if writer.answers.is_understood:
        send(writer, write_for(writer), good)
    else:
        with pytest.raises(UnclearError):
            send(writer, write_for(writer), good)
    # A shape of no other answer, and of one that can be told from a failure.
    odd = answer({"thanks": 1, "your key": "K-1"}, 202)
    fresh = Answers(writer.stream, given=())
    with pytest.raises(UnclearError) as unclear:
        fresh.check(odd, [write_for(writer)])
    assert unclear.value.can_be_learned
    fresh.learn(AnswerShape.parse(json.loads(unclear.value.shape.as_json(whole=True))))
    assert fresh.check(odd, [write_for(writer)]) == {"thanks": 1, "your key": "K-1"}
    assert fresh.is_understood
    with pytest.raises(UnclearError):
        fresh.check(answer({"thanks": 1, "error": "no"}, 202), [write_for(writer)])


@pytest.mark.parametrize("name", [name for name in SINKS if "custom" in name or "`" in name])
def test_a_setting_names_success_for_every_sink(name: str) -> None:
    row = sinks()[name]
    shape = {"status": 202, "type": "object", "members": ["thanks"]}
    resource = row.writer.stream.partition("_")[2]
    entry: Row = {"name": resource, "success": shape}
    if resource == page.CUSTOM:
        entry |= {"path": "/x", "write_path": "/x", "primary_keys": ["your key"]}
    tap = tap_with({row.vendor: {"resources": [entry]}})
    writer = dict(writers(tap, row.vendor))[resource]
    send(writer, write_for(writer), answer({"thanks": 1}, 202))
    with pytest.raises(UnclearError) as unclear:
        send(writer, write_for(writer), answer({"tanks": 1}, 202))
    assert writer.answers is not None
    snippet = writer.answers.snippet(unclear.value.shape)
    assert f'"name": "{resource}"' in snippet
    assert '"status":202' in snippet.replace(" ", "")


def test_the_setting_cannot_name_what_is_never_success() -> None:
    import jsonschema_rs  # noqa: PLC0415

    schema = jsonschema_rs.validator_for(success_schema())
    assert schema.is_valid({"status": 200, "type": "object", "members": ["id"]})
    assert schema.is_valid([{"type": "empty"}, {"method": "PUT"}])
    for wrong in ({}, [], {"type": "markup"}, {"type": "broken"}, {"status": 404}, "200", [{}]):
        assert not schema.is_valid(wrong), wrong
    answers = Answers("v_x", given=[{"status": 200}])
    for body in (b"<html>", b'{"a":', b'{"error": "maintenance"}', b'{"Message": "An error"}'):
        with pytest.raises(UnclearError):
            answers.check(answer(body), [])
    assert answers.check(answer({"fine": 1}), []) == {"fine": 1}
    named = Answers("v_x", given=[{"members": ["message"]}])
    assert named.check(answer({"message": "Saved"}), []) == {"message": "Saved"}


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        (b"OK", b"OK", True),
        (b"Service unavailable", b"OK", False),
        (b"Saved 17", b"Saved 18", True),
        (b'"OK"', b'"maintenance"', False),
        (b"true", b"false", False),
        (b"", b" ", True),
        (b'{"a":1}', b'{"a":2}', True),
        (b'{"a":1}', b'{"a":1,"b":2}', False),
        (b'{"status":"ok"}', b'{"status":"error"}', False),
        (b'{"code":200}', b'{"code":503}', False),
        (b'{"errors":[]}', b'{"errors":["x"]}', False),
        (b"[]", b'[{"a":1}]', False),
    ],
)
def test_a_learned_answer_covers_only_those_that_mean_the_same(
    first: bytes, second: bytes, *, alike: bool
) -> None:
    answers = Answers("v_x")
    with pytest.raises(UnclearError) as unclear:
        answers.check(answer(first), [])
    if not unclear.value.can_be_learned:
        assert not alike
        return
    answers.learn(unclear.value.shape)
    if alike:
        answers.check(answer(second), [])
        return
    with pytest.raises(UnclearError):
        answers.check(answer(second), [])


def test_a_deletion_is_not_proven_by_any_answer() -> None:
    writer = sinks()["pentamic `pentamic_customers`"].writer
    write = dataclasses.replace(write_for(writer), deletes=True, vendor_id="5")
    for body in (b"", b"{}", b"<html>", b'{"error": "x"}', b'{"id":5,"name":"Ann"}'):
        with pytest.raises(UnclearError):
            send(writer, write, answer(body), "delete")


@pytest.mark.parametrize(
    ("record", "said", "done"),
    [
        ({}, {"id": 5, "name": "Ann", "taxCode": 106}, True),
        ({}, b'{"id": 5, "name": "Ann", "taxCode": 0106}', True),
        ({}, b"<customer><id>5</id><name>Ann</name><taxCode>0106</taxCode></customer>", True),
        ({}, {"id": 5, "name": "Bob", "taxCode": "0106"}, False),
        ({}, {"id": 5, "name": "Ann", "taxCode": "0107"}, False),
        ({}, {"id": 0, "name": "Ann", "taxCode": "0106"}, False),
        ({}, {"name": "Ann", "taxCode": "0106"}, False),
        ({}, {"id": 5}, False),
        ({"id": 5}, {"id": 5, "name": "Ann", "taxCode": "0106"}, True),
        ({"id": 5}, {"id": 6, "name": "Ann", "taxCode": "0106"}, False),
        ({"id": 5}, {"name": "Ann", "taxCode": "0106"}, False),
    ],
)
def test_a_customer_is_done_when_it_is_shown(record: Row, said: object, *, done: bool) -> None:
    writer = sinks()["pentamic `pentamic_customers`"].writer
    write = write_for(writer, taxCode="0106", **record)
    if done:
        send(writer, write, answer(said))
        assert (write.vendor_id, write.created) == ("5", not record)
        return
    with pytest.raises(UnclearError):
        send(writer, write, answer(said))
    assert write.created is None


def test_every_sink_states_what_is_known() -> None:
    for name, row in sinks().items():
        assert all(row.writer.statement), name
    assert generated.ROOT.joinpath(page.PAGE).read_text("utf-8") == page.page(sinks().values())


DESCRIBED = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer"},
        "key": {"type": ["string", "null"]},
        "message": {"type": ["string", "null"]},
    },
}


@pytest.mark.parametrize(
    ("schema", "said", "done"),
    [
        (DESCRIBED, {"id": 5}, True),
        (DESCRIBED, {"id": 5, "more": 1}, True),
        (DESCRIBED, {"id": "5"}, False),
        (DESCRIBED, {"key": "K"}, False),
        (DESCRIBED, {"id": 0}, False),
        (DESCRIBED, {"id": 5, "key": "other"}, False),
        (DESCRIBED, {"id": 5, "message": "Saved"}, False),
        (DESCRIBED, {"id": 5, "message": "Saved", "key": "K"}, True),
        (DESCRIBED, {"id": 5, "key": "K", "error": "no"}, False),
        ({**DESCRIBED, "required": []}, {"error": "maintenance"}, False),
        ({**DESCRIBED, "required": []}, {"Message": "An error has occurred."}, False),
        ({**DESCRIBED, "required": []}, {}, False),
        ({"type": "array", "items": DESCRIBED}, [{"id": 5}], True),
        ({"type": "array", "items": DESCRIBED}, [], False),
        ({"type": "array", "items": DESCRIBED}, [{"id": 5}, {"error": "x"}], False),
        ({"type": "array", "items": DESCRIBED}, {"id": 5}, False),
    ],
)
def test_the_schema_of_an_openapi_file_does_not_let_everything_pass(
    schema: Row, said: object, *, done: bool
) -> None:
    write = Write(1, "v_x", {"key": "K"}, (("key", "K"),), {"key": "K"})
    rule = by_schema(schema)
    assert rule is not None
    assert rule(answer(said), said, [write]) is done
    assert by_schema(None) is None


def test_an_answer_to_a_batch_has_to_show_all_of_it() -> None:
    rule = by_schema({"type": "array", "items": DESCRIBED})
    writes = [Write(n, "v_x", {"key": n}, (("key", n),), {"key": n}) for n in "ab"]
    assert rule is not None
    for keys, done in (("ab", True), ("a", False), ("aa", False), ("ac", False)):
        said = [{"id": number, "key": key} for number, key in enumerate(keys, 1)]
        assert rule(answer(said), said, writes) is done, keys
