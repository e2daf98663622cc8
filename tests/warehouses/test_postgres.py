"""The vendor's tables in PostgreSQL, loaded by meltanolabs-target-postgres, run after run.

What is compared with is the sandbox's own rows. Every stream is in `make nightly`; each change is
judged by one or two of every kind: lists and children, with a bookmark and without, an index, a
snapshot, streams without a key.
"""

from __future__ import annotations

import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tests.support.scale import NIGHTLY, full
from tests.support.vendor_users import DATED, meddle
from tests.tap_erp.running import make_tap
from tests.tap_erp.test_union import VENDORS
from tests.warehouses.postgres import Postgres, warehouse
from tests.warehouses.runs import Lines, killed_lines, settings, tap_lines
from tests.warehouses.vendor_tables import SNAPSHOTS, UNPROVEN, vendor_tables

if t.TYPE_CHECKING:
    import pathlib

Message = dict[str, t.Any]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]

KINDS = {
    "aim_customer_info",
    "aim_ecommerce_products",
    "aim_invoices",
    "aim_store_transfers",
    "aim_transfer_lines",
    "aims360_warehouses",
    "aimsio_employees",
    "aimsio_object_index",
    "cimcloud_accounts",
    "cimcloud_shipments",
    "pentamic_customer_invoices",
    "pentamic_customers",
}
VENDORS_IN_TURN = [
    pytest.param(VENDORS, id="kinds"),
    *(pytest.param((vendor,), id=vendor, marks=pytest.mark.nightly) for vendor in VENDORS),
]
_AGO = -5
"""Seconds that the vendors' clocks are behind: AIMS360's windows end with a whole second."""


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=full(10, 25), limits=False) as sandbox:
        sandbox.shift_clock(_AGO)
        yield sandbox


class Company:
    """A company with some vendors, its tap, and its warehouse."""

    def __init__(
        self,
        sandbox: RunningSandbox,
        vendors: tuple[str, ...],
        folder: pathlib.Path,
        into: Postgres,
    ) -> None:
        self.sandbox, self.vendors, self.folder, self.into = sandbox, vendors, folder, into
        catalog = make_tap(settings(sandbox, vendors)).catalog_dict
        every = [str(entry["stream"]) for entry in catalog["streams"]]
        self.streams = [name for name in every if len(vendors) == 1 or name in KINDS]

    def vendor_has(self) -> dict[str, list[Message]]:
        """The rows of the streams that are read."""
        found: dict[str, list[Message]] = {}
        for vendor in self.vendors:
            found |= vendor_tables(self.sandbox, vendor)
        return {name: found[name] for name in self.streams}

    def meddle(self) -> None:
        """Let every vendor's users work."""
        for vendor in self.vendors:
            meddle(self.sandbox, vendor, self.into.keys)

    def read(self, days: float, **top: t.Any) -> Lines:
        """Run the tap from the state that the loader has left."""
        setting = settings(self.sandbox, self.vendors, reconcile_days=days, **top)
        return tap_lines(setting, self.streams, self.into.state)

    def killed(self, part: float) -> Lines:
        """Run the tap, reconciling, and kill it when it has come so far."""
        setting = settings(self.sandbox, self.vendors, reconcile_days=0)
        records = int(part * sum(map(len, self.vendor_has().values())))
        return killed_lines(setting, self.streams, self.into.state, records, self.folder)

    def keys(self, stream: str) -> set[tuple[str, ...]]:
        """The keys that the vendor has, as text."""
        names = self.into.keys[stream]
        return {tuple(str(row[name]) for name in names) for row in self.vendor_has()[stream]}

    def nothing_is_missing(self, but: t.Container[str] = ()) -> None:
        """Every row of the vendor's is alive, with the vendor's values."""
        for name, rows in self.vendor_has().items():
            if self.into.keys[name] and name not in but:
                assert self.into.lacks(name, rows) == [], name

    def nothing_is_twice(self) -> None:
        """Streams without a key hold what the vendor has, each row once."""
        for name, rows in self.vendor_has().items():
            if not self.into.keys[name]:
                assert self.into.differs(name, rows) == [], name

    def nothing_is_wrongly_gone(self) -> None:
        """No row that the vendor has is marked as deleted."""
        for name in self.streams:
            if self.into.keys[name]:
                assert not self.into.deleted_keys(name) & self.keys(name), name

    def all_is_equal(self, held: t.Mapping[str, set[t.Any]], *, marked: bool) -> None:
        """The tables are the vendor's, and other rows that were held are marked, or gone."""
        self.nothing_is_missing()
        self.nothing_is_twice()
        for name, rows in self.vendor_has().items():
            if name in SNAPSHOTS | UNPROVEN or not self.into.keys[name]:
                continue
            assert self.into.differs(name, rows) == [], name
            gone = held[name] - self.keys(name)
            assert self.into.deleted_keys(name) == (gone if marked else set()), name
            assert gone, name

    def held(self) -> dict[str, set[t.Any]]:
        """The keys of all rows in the warehouse, the deleted ones as well."""
        keyed = [name for name in self.streams if self.into.keys[name]]
        return {n: self.into.live_keys(n) | self.into.deleted_keys(n) for n in keyed}


@pytest.fixture(params=VENDORS_IN_TURN)
def company(
    request: pytest.FixtureRequest, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> t.Iterator[Company]:
    sandbox.reset(data=True)
    with warehouse(tmp_path) as into:
        yield Company(sandbox, request.param, tmp_path, into)
    sandbox.clear_faults()


def load(company: Company, lines: Lines, **config: t.Any) -> None:
    assert (lines.code, lines.error) == (0, "")
    company.into.load(lines.text, **config)


def test_the_warehouse_has_what_the_vendor_has(company: Company) -> None:
    load(company, company.read(days=7))
    for name, rows in company.vendor_has().items():
        assert company.into.differs(name, rows) == [], name

    company.meddle()
    load(company, company.read(days=7))  # only what changed
    company.nothing_is_missing(but=DATED)
    company.nothing_is_twice()

    company.meddle()
    for part in (0.4, 0.8)[: full(1, 2)]:
        company.into.load(company.killed(part).text)
        company.nothing_is_wrongly_gone()

    for after in (9, 30, 70)[: full(1, 3)]:
        lose_permission(company, after)
        company.nothing_is_wrongly_gone()

    held = company.held()
    company.meddle()
    load(company, company.read(days=0))
    company.all_is_equal(held, marked=True)

    if not NIGHTLY:  # each start of the loader takes seconds; how it deletes is its own matter
        return
    held = company.held()
    company.meddle()
    load(company, company.read(days=0), hard_delete=True)
    company.all_is_equal(held, marked=False)


def lose_permission(company: Company, after: int) -> None:
    """Have all calls refused from one on, in a reconciling run."""
    for vendor in company.vendors:
        body = "Access Denied" if vendor == "aims360" else "Forbidden"
        paths = "^(?!.*([Tt]oken|[Aa]uth|GetEndPoint|Login))"
        company.sandbox.add_fault(
            "status", vendor=vendor, status=403, after=after, path=paths, body=body
        )
    lines = company.read(days=0)
    assert lines.code == int(any(rule["used"] for rule in company.sandbox.faults()))
    company.sandbox.clear_faults()
    company.into.load(lines.text)
