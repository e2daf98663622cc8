"""Everything in the input ends: written, refused, filtered, or the run stops before its STATE."""

from __future__ import annotations

import collections
import contextlib
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erp_plugin.cli import FAILED, ExitCode
from target_erp.delivery import Outcome
from target_erp.run import REJECTED
from target_erp.target import TargetErp
from tests.support.plugins import Message, record, run_target, schema, state
from tests.support.scale import full

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

pytestmark = pytest.mark.slow

EMPLOYEES, EQUIPMENT, NRBS = "aimsio_employees", "aimsio_equipment", "aimsio_nrbs"
SCHEMA = schema(
    EMPLOYEES, ["employeeCode"], employeeCode={"type": ["string", "null"]}, n={"type": "integer"}
)

FILTERS: list[tuple[Message, bool]] = [
    ({EMPLOYEES: {"__filter__": "n > 100"}}, True),
    ({EMPLOYEES: {"__filter__": "False"}}, True),
    ({EMPLOYEES: None}, True),
    ({EMPLOYEES: "__NULL__"}, True),
    ({"__else__": None}, True),
    ({"aimsio_*": None}, True),
    ({EMPLOYEES: {"__else__": None, "__key_properties__": []}}, True),
    ({EMPLOYEES: {"__filter__": "n < 100"}}, False),
    ({EMPLOYEES: {"employeeNick": "employeeCode"}}, False),
    ({"other": None}, False),
    ({}, False),
]


@pytest.mark.parametrize(("maps", "filtered"), FILTERS, ids=str)
def test_records_that_stream_maps_filter_are_settled(
    vendor: Vendor,
    maps: Message,
    filtered: bool,  # noqa: FBT001
) -> None:
    messages: list[Message] = [SCHEMA]
    for n in range(3):
        messages += [record(EMPLOYEES, employeeCode=f"E-{n}", n=n), state(n)]
    run = run_target(vendor.config(stream_maps=maps, checkpoint_seconds=0), messages)
    assert (run.code, run.states) == (0, [0, 1, 2]), run.error
    assert len(vendor.taken) == (0 if filtered else 3)
    assert run.target.run.summary.records_filtered == (3 if filtered else 0)
    assert run.target.run.summary.as_json(0, "")["records_filtered"] == (3 if filtered else 0)


@pytest.mark.parametrize(
    ("maps", "unused"),
    [
        ({"aimsio_employes": {"employeePhone": None}}, "aimsio_employes"),
        ({"aimsio_j*": None}, "aimsio_j*"),
        ({EMPLOYEES: {"n": None}, "__else__": None}, ""),
        ({"aimsio_*": {"n": None}}, ""),
    ],
    ids=str,
)
def test_a_map_that_meets_no_stream_is_told(
    vendor: Vendor, maps: Message, unused: str, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [SCHEMA, record(EMPLOYEES, employeeCode="E-1", n=1), state(1)]
    assert run_target(vendor.config(stream_maps=maps), messages).code == 0
    told = [line for line in caplog.messages if "so nothing was mapped by it" in line]
    assert [unused in line for line in told] == [True] * bool(unused)


def test_a_stream_that_no_sink_knows_may_be_removed_by_a_map(vendor: Vendor) -> None:
    messages = [schema("foreign", ["id"]), record("foreign", id=1), state("end")]
    messages += [{"type": "ACTIVATE_VERSION", "stream": "foreign", "version": 1}]
    run = run_target(vendor.config(stream_maps={"foreign": None}), messages)
    assert (run.code, run.states) == (0, ["end"])


def test_a_record_that_goes_two_ways_is_settled_when_both_are(vendor: Vendor) -> None:
    maps = {
        EMPLOYEES: {"n": None},
        EQUIPMENT: {"__source__": EMPLOYEES, "equipmentCode": "employeeCode"}
        | {"__key_properties__": ["equipmentCode"], "__filter__": "n == 1"},
    }
    vendor.judge = lambda row: "no" if row.get("equipmentCode") == "E-1" else None
    messages = [SCHEMA, *(record(EMPLOYEES, employeeCode=f"E-{n}", n=n) for n in range(3))]
    run = run_target(vendor.config(stream_maps=maps), [*messages, state("end")])
    assert (run.code, run.states) == (REJECTED, ["end"]), run.error
    assert [row["employeeCode"] for row in vendor.taken] == ["E-0", "E-1", "E-2"]
    (letter,) = vendor.letters(EQUIPMENT)
    assert letter["key"]["equipmentCode"] == "E-1"


@pytest.mark.parametrize("expression", ["1/0", "n + int(employeeCode)", "nobody", "datetime"])
def test_a_map_that_cannot_be_applied_refuses_the_record_alone(
    vendor: Vendor, expression: str
) -> None:
    maps = {EMPLOYEES: {"employeeNick": f"{expression} if n == 1 else 'x'", "secret": None}}
    messages = [SCHEMA]
    for n in range(3):
        messages += [record(EMPLOYEES, employeeCode=f"E-{n}", n=n, secret="IBAN"), state(n)]
    config = vendor.config(stream_maps=maps)
    run = run_target(config, messages)
    assert (run.code, run.states[-1]) == (REJECTED, 2), run.error
    assert [row["employeeCode"] for row in vendor.taken] == ["E-0", "E-2"]
    (letter,) = vendor.letters(EMPLOYEES)
    assert letter["record"] == {"employeeCode": "E-1"}
    assert letter["key"] == {"employeeCode": "E-1"}
    for part in (EMPLOYEES, "record 2", "'employeeNick'", "stream_maps"):
        assert part in letter["reason"]
    # Sent again as it stands in the letter, it would be a record that no map has made.
    with contextlib.suppress(ExitCode):
        TargetErp(config=config).replay()
    assert len(vendor.taken) == 2
    assert len(vendor.letters(EMPLOYEES)) == 1
    fixed = run_target({**config, "stream_maps": {EMPLOYEES: {"secret": None}}}, messages)
    assert fixed.code == 0
    assert vendor.letters(EMPLOYEES) == []


def test_a_filter_that_fails_is_named(vendor: Vendor) -> None:
    maps = {EMPLOYEES: {"__filter__": "n / 0 > 1"}}
    run = run_target(
        vendor.config(stream_maps=maps), [SCHEMA, record(EMPLOYEES, employeeCode="E-0", n=0)]
    )
    assert run.code == REJECTED
    (letter,) = vendor.letters(EMPLOYEES)
    assert "'__filter__'" in letter["reason"]


def test_a_mapped_record_is_json_again(vendor: Vendor) -> None:
    maps = {
        EMPLOYEES: {
            "employeeNick": "datetime.date(2026, 1, 31)",
            "employeeNotes": "float('0.1') + float('0.2')",
            "n": None,
        }
    }
    run = run_target(
        vendor.config(stream_maps=maps), [SCHEMA, record(EMPLOYEES, employeeCode="E-0", n=0)]
    )
    assert run.code in {0, REJECTED}
    rows = vendor.taken or [letter["record"] for letter in vendor.letters(EMPLOYEES)]
    assert rows[0]["employeeNick"] == "2026-01-31"


KINDS = ("good", "refused", "no key", "misfit", "filtered", "ignored", "tombstone", "state", "null")


@settings(
    max_examples=full(10, 80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5)), max_size=30),
    st.sampled_from([0, 60]),
    st.booleans(),
)
def test_everything_in_the_input_ends(
    vendor: Vendor,
    kinds: list[tuple[str, int]],
    checkpoint: int,
    mapped: bool,  # noqa: FBT001
) -> None:
    vendor.taken.clear()
    for file in vendor.dead_letters.glob("*"):
        file.unlink()
    vendor.judge = lambda row: "bad" if row.get("employeeNick") == "refuse" else None
    messages: list[Message] = [SCHEMA, schema("foreign")]
    expected: collections.Counter[str] = collections.Counter()
    last, stopped = None, False
    newest: dict[str, str] = {}
    for place, (kind, number) in enumerate(kinds):
        body = {"employeeCode": f"E-{place if kind == 'refused' else number}", "n": place}
        if kind == "state":
            messages.append(state(place))
        elif kind == "null":
            messages.append({"type": "RECORD", "stream": EMPLOYEES, "record": None})
        elif kind == "ignored":
            messages.append(record("foreign", **body))
        else:
            body |= {
                "refused": {"employeeNick": "refuse"},
                "no key": {"employeeCode": None},
                "misfit": {"n": "text"},
                "filtered": {"employeeNick": "filter"},
                "tombstone": {"_sdc_deleted_at": "2026-01-01T00:00:00Z"},
            }.get(kind, {})
            messages.append(record(EMPLOYEES, **{"employeeNick": "", **body}))
        if not stopped:
            last = place if kind == "state" else last
            expected[kind] += 1
            if kind not in {"state", "null", "ignored"} and not (mapped and kind == "filtered"):
                # Without its key each is a record of its own.
                newest[f"{place}" if kind == "no key" else str(body["employeeCode"])] = kind
        stopped = stopped or kind == "null"
    maps = {EMPLOYEES: {"__filter__": "employeeNick != 'filter'"}} if mapped else {}
    config = vendor.config(stream_maps=maps, unknown_streams="skip", checkpoint_seconds=checkpoint)
    run = run_target(config, messages)
    refused = sum(expected[kind] for kind in ("refused", "no key", "misfit", "tombstone"))
    assert run.code == (FAILED if stopped else REJECTED if refused else 0), run.error
    assert run.states[-1:] == ([] if last is None else [last])
    tally = run.target.run.delivery.tallies[EMPLOYEES]
    filtered = expected["filtered"] if mapped else 0
    written = expected["good"] + (0 if mapped else expected["filtered"])
    assert tally[Outcome.REFUSED] == refused
    # Of a record that comes again, the newest version says whether there is a letter.
    stands = [kind for kind in newest.values() if kind not in {"good", "filtered"}]
    assert len(vendor.letters(EMPLOYEES)) == len(stands)
    assert tally.accepted + tally[Outcome.UNCHANGED] == written
    assert tally.read == refused + written
    assert run.target.run.summary.records_filtered == filtered
    assert run.target.run.summary.records_read == refused + written + filtered
    total = sum(expected[kind] for kind in KINDS if kind not in {"state", "null"})
    assert run.target.run.watermark.settled == total
    assert not run.target.run.watermark._open  # noqa: SLF001 - nothing is left over
