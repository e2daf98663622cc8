"""Aimsio's look-ups: what has changed since the index was marked."""

from __future__ import annotations

import typing as t

import pytest

from target_erp.delivery import RefusedError
from target_erp.delivery.model import Finding
from tests.support.stub import Reply, running_stub
from tests.support.writers import prepared
from tests.target_erp.test_look_ups import Aimsio, Row

if t.TYPE_CHECKING:
    from target_erp.delivery import Write, Writer


@pytest.fixture
def aimsio() -> t.Iterator[Aimsio]:
    place = Aimsio()
    place.rows = [place.other, place.mine]
    with running_stub(place.script) as place.stub:
        yield place


def looked(place: Aimsio, writer: Writer, write: Write) -> tuple[Finding, bool | None, int]:
    """Finding, whether it has changed, and how many single records were read for it."""
    place.stub.requests.clear()
    look = writer.find(write, fresh=True)
    read = [one for one in place.stub.paths if not one.endswith("/Company")]
    return look.finding, look.changed, len(read)


def test_a_mark_tells_what_was_there_before(aimsio: Aimsio) -> None:
    writer = aimsio.writer()
    write = prepared(writer, aimsio.record)
    assert looked(aimsio, writer, write) == (Finding.FOUND, None, 2)
    writer.mark()
    # It is known, and it is the one of before: a write of it has not been executed.
    assert looked(aimsio, writer, write) == (Finding.FOUND, False, 0)
    aimsio.rows = [aimsio.other, {**aimsio.mine, "updatedAt": 5}]
    assert looked(aimsio, writer, write) == (Finding.FOUND, True, 1)
    aimsio.rows = [aimsio.other, {"guid": "G1"}]
    assert looked(aimsio, writer, write)[:2] == (Finding.FOUND, None)


def test_after_a_mark_only_what_has_changed_is_read(aimsio: Aimsio) -> None:
    aimsio.rows = [aimsio.other]
    writer = aimsio.writer()
    writer.mark()
    write = prepared(writer, aimsio.record)
    assert looked(aimsio, writer, write) == (Finding.NOT_SHOWN, None, 0)
    assert writer.control()
    aimsio.rows = [aimsio.other, aimsio.mine]
    assert looked(aimsio, writer, write) == (Finding.FOUND, True, 1)
    guid = prepared(writer, {"companyGuid": "G1"})
    assert looked(aimsio, writer, guid)[:2] == (Finding.FOUND, True)


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"G1": {"companyGuid": "G9", "companyCode": "C-1"}}, "another record"),
        ({"G1": {"error": "maintenance"}}, "something else"),
        ({"G1": {"Message": "An error has occurred."}}, "something else"),
        ({"G1": {}}, "something else"),
        ({}, "cannot be read"),
    ],
)
def test_single_records_that_cannot_be_used_prove_no_absence(
    aimsio: Aimsio, details: dict[str, Row], why: str
) -> None:
    aimsio.details = {"G2": aimsio.details["G2"], **details}
    writer = aimsio.writer()
    look = writer.find(prepared(writer, {"companyCode": "C-9"}), fresh=True)
    assert (look.finding, why in look.why) == (Finding.CANNOT_TELL, True)


def test_a_key_that_no_record_shows_proves_no_absence(aimsio: Aimsio) -> None:
    aimsio.details = {key: {"companyGuid": key, "name": "x"} for key in ("G1", "G2")}
    writer = aimsio.writer()
    look = aimsio.look(writer)
    assert (look.finding, "no record shows companyCode" in look.why) == (Finding.CANNOT_TELL, True)


def test_a_status_is_refused_only_where_the_index_tells(aimsio: Aimsio) -> None:
    aimsio.resource = "invoices"
    index: list[Row] = [{"guid": "I-1", "updatedAt": 1}]
    aimsio.is_look_up = lambda request: request.path.endswith("/Invoice")  # type: ignore[method-assign]
    aimsio.answer = lambda: Reply(body=index)
    paid = {"invoiceStatus": "PAID"}
    aimsio.writer().prepare({"invoiceGuid": "I-1", **paid})
    with pytest.raises(RefusedError, match="no existing one") as refused:
        aimsio.writer().prepare({"invoiceGuid": "I-2", **paid})
    assert refused.value.reason == "would_create"
    index.append({"updatedAt": 2})
    aimsio.writer().prepare({"invoiceGuid": "I-1", **paid})
    with pytest.raises(RefusedError, match="cannot be told") as refused:
        aimsio.writer().prepare({"invoiceGuid": "I-2", **paid})
    assert refused.value.reason == "no_look_up"
