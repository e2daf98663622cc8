"""Runs, dead letters and open outcomes as the target leaves them behind, made up for pages."""

from __future__ import annotations

import datetime as dt
import json
import typing as t

from erp_ledger import FoundRecord, LedgerRecord, LedgerRun, RecordStatus

NOW = dt.datetime(2026, 11, 27, 6, 30, tzinfo=dt.timezone.utc)
EMPLOYEES = "aimsio_employees"
ORDERS = "aims360_orders"


def stamp(hours: float) -> str:
    """A moment so many hours before `NOW`."""
    return (NOW - dt.timedelta(hours=hours)).isoformat(timespec="milliseconds")


def past(
    hours: float,
    streams: t.Mapping[str, t.Mapping[str, t.Any]] | None = None,
    *,
    ended: bool = True,
    **report: t.Any,
) -> LedgerRun:
    """A run that started so many hours before `NOW`."""
    whole = {
        "run": f"{10_000 - hours:08.0f}",
        "started_at": stamp(hours),
        "exit_code": 0,
        "error": "",
        "seconds": 95.0,
        "records_read": 1200,
        "streams": streams or {},
        "vendors": {"aimsio": {"calls": 130, "seconds_waiting": 20.5}},
        **report,
    }
    if not ended:
        return LedgerRun(whole["run"], whole["started_at"], None, None)
    return LedgerRun(whole["run"], whole["started_at"], stamp(hours - 0.1), json.dumps(whole))


def letter(key: str = "E-1", reason: str = "bad trade", **more: t.Any) -> dict[str, t.Any]:
    """A dead letter."""
    return {
        "stream": EMPLOYEES,
        "account": "",
        "key": {"employeeCode": key},
        "record": {"employeeCode": key},
        "payload": {"employeeCode": key},
        "request": "POST https://erp.example.com/api/employees",
        "outcome": "refused",
        "class": "refused",
        "reason": reason,
        "status": 400,
        "answer": reason,
        "attempts": 1,
        "run": "00009995",
        "first_at": stamp(30),
        "last_at": stamp(4),
        **more,
    }


def doubt(
    key: str = "thirdPartyOrderID=W-1", mark: RecordStatus = RecordStatus.UNKNOWN
) -> FoundRecord:
    """A line of the ledger whose outcome nobody noted."""
    entry = LedgerRecord(key, b"0" * 16, mark, None, 1, "00009995", stamp(30), stamp(4), None)
    return FoundRecord("aims360|api_url=https://west.example.com|username=ann", ORDERS, entry)
