"""A site's own key for reading takes nothing away from what records are recognised by."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_erp.delivery import RefusedError
from target_erp.delivery.model import one_text, values_in
from target_erp.target import TargetErp
from target_erp.writers import make_writer
from tests.support.stub import Reply, running_stub
from tests.support.writers import prepared, sent
from tests.target_erp.test_look_ups import Accounts, Pentamic
from tests.target_erp.test_write_success import answer, send, sinks
from tools.coverage.data import data_of

if t.TYPE_CHECKING:
    from target_erp.delivery import Writer
    from tools import answers as page

Row = dict[str, t.Any]
OWN = ("site_key", "site_part")
OPTIONS: dict[str, Row] = {"aimsio": {"partial_updates": True}}


def documented(row: page.Row) -> list[str]:
    """The keys that a sink has without any setting, each of which identifies a record alone."""
    return [name for name in row.writer.keys if name != "order"]


SINKS = {row.writer.stream: row for row in sinks().values() if row.name.startswith("`")}
ALONE = sorted(stream for stream, row in SINKS.items() if documented(row))


def with_own(row: page.Row, own: t.Sequence[str], keys: t.Sequence[str] = ()) -> Writer:
    """The writer of a sink whose stream is read by another key."""
    resource = row.writer.stream.partition("_")[2]
    entry = {"name": resource, "primary_keys": list(own)}
    block = {**OPTIONS.get(row.vendor, {}), "resources": [entry]}
    return make_writer(target_of(row.vendor, block), row.writer.stream, keys)


def target_of(vendor: str, block: Row) -> TargetErp:
    """A target with one vendor."""
    return TargetErp(config={vendor: {**data_of(vendor).credentials, **block}})


def record_of(names: t.Iterable[str]) -> Row:
    return {name: f"K-{name}" for name in names}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("stream", ALONE)
def test_each_key_that_a_record_carries_counts_and_the_own_one_first(
    stream: str, count: int
) -> None:
    row = SINKS[stream]
    own, known = OWN[:count], documented(row)
    writer = with_own(row, own)
    for name in known:
        assert writer.identify(record_of([name])) == ((name, f"K-{name}"),)
        found = [key for key, _ in writer.identify(record_of([*own, name]))]
        assert sorted(found) == sorted([",".join(own), name])
        if row.vendor != "aim":
            assert found[0] == ",".join(own)
    assert [key for key, _ in writer.identify(record_of(own))] == [",".join(own)]
    assert {key for key, _ in writer.identify(record_of([*own, *known]))} == {
        ",".join(own),
        *known,
    }
    assert writer.identify({}) == ()


@pytest.mark.parametrize("stream", ALONE)
def test_an_override_that_says_the_same_changes_nothing(stream: str) -> None:
    row = SINKS[stream]
    known = documented(row)
    for name in known:
        assert set(with_own(row, [name]).keys) >= set(known)


@pytest.mark.parametrize("keys", [(), ("source_id",), ("source_id", "part")])
@pytest.mark.parametrize("stream", ALONE)
def test_key_properties_of_the_source_take_nothing_away_either(
    stream: str, keys: tuple[str, ...]
) -> None:
    row = SINKS[stream]
    writer = make_writer(target_of(row.vendor, OPTIONS.get(row.vendor, {})), stream, keys)
    for name in documented(row):
        assert writer.identify(record_of([name]))[0] == (name, f"K-{name}")


PREPARED = {
    "aims360_orders": {"thirdPartyOrderID": "T-1"},
    "aimsio_employees": {"employeeCode": "E-1"},
    "aimsio_companies": {"companyCode": "C-1"},
    "aimsio_job_orders": {"jobNumber": "J-1"},
    "aimsio_nrbs": {"nrbOriginReference": "N-1"},
    "cimcloud_accounts": {"ref_id": "1"},
    "cimcloud_customers": {"username": "ann"},
    "cimcloud_products": {"sku": "S"},
    "cimcloud_orders": {"c_ordnum": "7"},
    "pentamic_customers": {"taxCode": "0106", "name": "Ann"},
}


@pytest.mark.parametrize("stream", PREPARED)
def test_a_record_with_the_documented_key_is_taken_with_or_without_the_own_one(
    stream: str,
) -> None:
    row = SINKS[stream]
    needs = {name: "G" for name in ("nrbGuid",) if stream == "aimsio_nrbs"}
    with_it = with_own(row, OWN[:1])
    for more in ({}, {"site_key": "X"}):
        done = with_it.prepare({**PREPARED[stream], **needs, **more})
        assert done.body.items() >= {**PREPARED[stream], **more}.items()
        assert done.key[0][0] == ("site_key" if more else next(iter(PREPARED[stream])))
    assert with_it.upsert is (row.writer.upsert and stream != "aimsio_companies")


def test_a_new_account_is_created_by_its_user_key_and_both_find_it() -> None:
    place = Accounts()
    entry = {"name": "accounts", "primary_keys": ["acct_guid"]}
    with running_stub(place.script) as place.stub:
        writer = place.writer(resources=[entry])
        done = answer({"success": True, "importedRecords": 1, "updatedRecords": 0})
        write = prepared(writer, {"ref_id": "1", "nm": "A"})
        send(writer, write, done)
        assert (write.created, write.key) == (True, (("ref_id", "1"),))
        both = prepared(writer, {"acct_guid": "G", "ref_id": "1"})
        assert both.body == {"acct_guid": "G", "ref_id": "1"}, "the primary key outranks the other"
        place.stub.requests.clear()
        place.rows = [{"acct_guid": "G", "ref_id": "2"}]
        assert writer.find(both, fresh=True).vendor_id == "G"
        searches = [path.rpartition("/")[2] for path in place.stub.paths if "search" in path]
        assert searches == ["searchexact~acct_guid~G"]


def test_a_surrogate_that_is_named_as_the_key_is_sent() -> None:
    row = SINKS["cimcloud_products"]
    both = {"p_key": "AB", "sku": "S"}
    assert row.writer.prepare(both).body == {"sku": "S"}
    named = with_own(row, ["p_key"]).prepare(both)
    assert (named.body, named.key[0]) == (both, ("p_key", "AB"))


def test_a_documented_entity_needs_one_of_its_own_keys() -> None:
    writer = with_own(SINKS["aimsio_employees"], OWN[:1])
    with pytest.raises(RefusedError, match="no employeeCode or employeeGuid"):
        writer.prepare({"site_key": "X"})


@pytest.mark.parametrize(
    ("own", "record", "path", "body"),
    [
        ("id", {"id": 5}, "PUT /customers/5", {}),
        ("taxCode", {"id": 5}, "PUT /customers/5", {}),
        ("taxCode", {}, "POST /customers", {}),
        ("code", {"id": 5}, "PUT /customers/5", {}),
        ("code", {"id": 5, "code": "X"}, "PUT /customers/5", {"code": "X"}),
        ("code", {"code": "X"}, "PUT /customers/X", {}),
        ("code", {}, "POST /customers", {}),
    ],
)
def test_a_customers_id_stays_its_id(own: str, record: Row, path: str, body: Row) -> None:
    place = Pentamic()
    sent_to: list[tuple[str, Row]] = []

    def script(request: t.Any) -> Reply:
        if "customers" not in request.path or request.method == "GET":
            return place.script(request)
        sent_to.append((f"{request.method} {request.path}", request.json))
        return Reply(body={"id": 5, "code": "X", **request.json})

    entry = {"name": "customers", "primary_keys": [own]}
    with running_stub(script) as place.stub:
        sent(place.writer(resources=[entry]), {**place.record, **record})
    assert sent_to == [(path, {**place.record, **body})]


PART = st.text(st.sampled_from("ab,\\"), max_size=4)


@given(one=st.lists(PART, min_size=2, max_size=2), other=st.lists(PART, min_size=2, max_size=2))
def test_keys_of_several_values_are_told_apart(one: list[str], other: list[str]) -> None:
    """Otherwise the ledger would take two records for one."""
    assert (one_text(one) == one_text(other)) == (one == other)
    assert values_in(one_text(one)) == one
