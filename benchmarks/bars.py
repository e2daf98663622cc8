"""What is asked of each benchmark: the rows of the table of results."""

from __future__ import annotations

import typing as t


class Bar(t.NamedTuple):
    """One number that is asked for.

    Attributes:
        name: Short name.
        benchmark: Benchmark that measures it.
        what: What is measured, for the table.
        sign: `>=` if the number is a floor, `<=` if it is a ceiling.
        limit: The number.
        unit: Of the number, or empty.
    """

    name: str
    benchmark: str
    what: str
    sign: t.Literal[">=", "<="]
    limit: float
    unit: str = ""

    def holds(self, value: float) -> bool:
        """Whether a measured value is good enough."""
        return value <= self.limit if self.sign == "<=" else value >= self.limit

    @property
    def asked(self) -> str:
        """The limit, for people."""
        return f"{'at most' if self.sign == '<=' else 'at least'} {shown(self.limit, self.unit)}"


def shown(value: float, unit: str) -> str:
    """A number with its unit, as short as is useful.

    Args:
        value: The number.
        unit: Its unit; `x` for a ratio.
    """
    digits = 0 if value >= 100 or value == int(value) else 2  # noqa: PLR2004
    return f"{value:,.{digits}f}{unit if unit in ('x', '%') else f' {unit}'}".rstrip()


MORE = "… "
"""Begins what goes on from the bar before."""

_D, _P, _C = "details", "paged_reads", "cimcloud_limits"
_R, _N, _L, _W = "raw_tap", "null_target", "writes_latency", "writes_speed"
_K, _S, _A, _U = "ledger_lookup", "scale", "calls", "startup"
_V, _B = "slow_vendor", "bases"

BARS: tuple[Bar, ...] = (
    Bar("aimsio_share", _D, "Aimsio details under 10 calls/s: share of the limit", ">=", 95, "%"),
    Bar("aimsio_peak", _D, "… most calls in any second", "<=", 10),
    Bar(
        "aimsio_speedup",
        _D,
        "… limit lifted, ten in flight, against one after the other",
        ">=",
        8,
        "x",
    ),
    Bar("aim_share", _D, "AIM children under 10 calls/s: share of the limit", ">=", 95, "%"),
    Bar("aim_peak", _D, "… most calls in any second", "<=", 10),
    Bar(
        "aim_speedup",
        _D,
        "… limit lifted, ten in flight, against one after the other",
        ">=",
        8,
        "x",
    ),
    Bar(
        "aims360_pages",
        _P,
        "AIMS360 pages, ten in flight, against one after the other",
        ">=",
        4,
        "x",
    ),
    Bar("cimcloud_pages", _P, "CIMcloud pages, likewise", ">=", 4, "x"),
    Bar("aim_pages", _P, "AIM pages, likewise", ">=", 4, "x"),
    Bar(
        "cimcloud_window",
        _C,
        "CIMcloud, 100 calls in 15 minutes: share of the limit",
        ">=",
        95,
        "%",
    ),
    Bar("cimcloud_seconds", _C, "… 2 calls/s: share of the limit", ">=", 95, "%"),
    Bar("cimcloud_window_peak", _C, "… most calls in any 15 minutes", "<=", 100),
    Bar("cimcloud_seconds_peak", _C, "… most calls in any second", "<=", 2),
    Bar("tap_dlt", _R, "Tap, no latency, against dlt's extract step", ">=", 1, "x"),
    Bar("tap_honest", _R, "… records right, schema sent, deselected column left out", ">=", 1),
    Bar("null_rate", _N, "Target, null vendor, validated, with ledger", ">=", 30_000, "records/s"),
    Bar("null_ratio", _N, "… against the plain SDK target", ">=", 6, "x"),
    Bar(
        "late_rate", _L, "Writes, one call each, ten in flight, with ledger", ">=", 150, "records/s"
    ),
    Bar("late_drt", _L, "… against drt-core", ">=", 8, "x"),
    Bar("late_hotglue", _L, "… against hotglue-singer-sdk", ">=", 8, "x"),
    Bar("late_order", _L, "… records of a key out of order", "<=", 0),
    Bar(
        "fast_rate", _W, "Writes, no latency, one call each, with ledger", ">=", 1_200, "records/s"
    ),
    Bar(
        "look_up",
        _K,
        "Ledger look-up alone, in no order, 1,000,000 lines against 10,000",
        "<=",
        1.2,
        "x",
    ),
    Bar("look_up_order", _K, "… in the order of the keys", "<=", 1.2, "x"),
    Bar("look_up_run", _K, "… as part of a run of unchanged records, per record", "<=", 1.2, "x"),
    Bar(
        "base_ratio",
        _B,
        "Ledger's rows a second without the base of 20 fields, against those with it",
        "<=",
        2.5,
        "x",
    ),
    Bar("base_bytes", _B, "… bytes of the ledger that the base adds to a record", "<=", 500, "B"),
    Bar("tap_memory", _S, "Tap's memory, 1,000,000 records against 10,000", "<=", 1.2, "x"),
    Bar("tap_peak", _S, "… at 1,000,000", "<=", 250, "MB"),
    Bar("target_memory", _S, "Target's memory, 1,000,000 records against 10,000", "<=", 1.2, "x"),
    Bar("target_peak", _S, "… at 1,000,000", "<=", 250, "MB"),
    Bar(
        "slow_memory",
        _V,
        "Target's memory before a vendor of 300 ms, a STATE every 100 records, 50,000 records "
        "against 3,000",
        "<=",
        1.2,
        "x",
    ),
    Bar("slow_peak", _V, "… at 50,000", "<=", 250, "MB"),
    Bar("slow_states", _V, "… STATE lines that came out meanwhile, one a second", ">=", 10),
    Bar("tap_growth", _S, "Tap's time per record, 1,000,000 against 10,000", "<=", 1.2, "x"),
    Bar("target_growth", _S, "Target's time per record, likewise", "<=", 1.2, "x"),
    Bar("child_growth", _S, "Time per child, 10,000 children against 1,000", "<=", 1.2, "x"),
    Bar("aimsio_calls", _A, "Unchanged re-sync: calls per Aimsio entity", "<=", 1),
    Bar("cimcloud_calls", _A, "… pages per CIMcloud stream", "<=", 1),
    Bar("target_calls", _A, "… writes of the target", "<=", 0),
    Bar("about", _U, "tap-erp --about against the emptiest SDK tap", "<=", 1.3, "x"),
    Bar("discover_calls", _U, "--discover for five vendors: calls", "<=", 0),
)

BENCHMARKS: tuple[str, ...] = (
    *dict.fromkeys(bar.benchmark for bar in BARS),
    "warehouse",
    "ledger_size",
    "shared_budget",
)
"""Modules of `benchmarks.suite`, in the order of the table; the last three have no bar."""
