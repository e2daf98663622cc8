"""The page of `erp ledger report`, photographed by a headless Chromium."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import typing as t

from erp_ledger import open_ledger
from erp_sandbox.testing import running_sandbox
from target_erp.delivery.dead_letters import newest, still_open
from target_erp.report.page import page
from tools.generated import ROOT

if t.TYPE_CHECKING:
    from erp_ledger import LedgerRun

_STREAM = "aimsio_employees"
_SIZE = 160
_NIGHTS = 14
_FIELDS = (
    "employeeCode",
    "employeeFirstName",
    "employeeLastName",
    "employeeTradeCode",
    "employeeStatusUname",
    "employmentType",
    "employeePhone",
)
_SCHEMA = {"type": "object", "properties": {name: {"type": "string"} for name in _FIELDS}}
_WINDOW = "1000,966"


def report() -> bytes:
    """Two weeks of nightly runs that were made in a few seconds, as PNG."""
    with running_sandbox(size=_SIZE, limits=False) as sandbox, tempfile.TemporaryDirectory() as at:
        folder = pathlib.Path(at)
        block = {
            "api_url": sandbox.vendor_url("aimsio"),
            "username": "sandbox-user",
            "password": "sandbox-password",
            "requests_per_second": 1000,
        }
        rows = [
            {name: str(row[name]) for name in _FIELDS if row.get(name)}
            for row in sandbox.rows("aimsio", "Employee")
        ]
        chance = random.Random(1)  # noqa: S311 - no secret
        for night in range(_NIGHTS):
            for row in chance.sample(rows, chance.randint(10, 50)):
                row["employeePhone"] = f"+1 780 555 {chance.randint(100, 9999):04}"
            if night == _NIGHTS - 5:
                for row in rows[:3]:
                    row["employmentType"] = "VOLUNTEER"
            if night == _NIGHTS - 2:
                rows[7]["employeeTradeCode"] = "NO-SUCH-TRADE"
            wrong = {"password": "expired"} if night == _NIGHTS // 2 else {}
            _write(folder, {**block, **wrong}, rows)
        with contextlib.closing(open_ledger(str(folder / "ledger.sqlite"))) as ledger:
            letters = still_open(newest(str(folder / "letters")), ledger)
            html = page(_nightly(ledger.runs(_NIGHTS)), letters)
        (folder / "report.html").write_text(html, "utf-8")
        return _photographed(folder / "report.html", folder)


def _write(folder: pathlib.Path, block: dict[str, t.Any], rows: list[dict[str, str]]) -> None:
    key = ["employeeCode"]
    messages: list[dict[str, t.Any]] = [
        {"type": "SCHEMA", "stream": _STREAM, "schema": _SCHEMA, "key_properties": key},
        *({"type": "RECORD", "stream": _STREAM, "record": row} for row in rows),
    ]
    config = {
        "aimsio": block,
        "ledger": str(folder / "ledger.sqlite"),
        "dead_letters": str(folder / "letters"),
        "on_reject": "continue",
    }
    (folder / "config.json").write_text(json.dumps(config))
    subprocess.run(
        [sys.executable, "-m", "target_erp", "--config", "config.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input="".join(f"{json.dumps(one)}\n" for one in messages).encode(),
        capture_output=True,
        check=False,
    )


def _nightly(runs: t.Sequence[LedgerRun]) -> list[LedgerRun]:
    """The runs, newest first, as if there had been one each night."""

    def earlier(stamp: str | None, days: int) -> str | None:
        return stamp and (dt.datetime.fromisoformat(stamp) - dt.timedelta(days=days)).isoformat()

    return [
        run._replace(
            started_at=str(earlier(run.started_at, days)), ended_at=earlier(run.ended_at, days)
        )
        for days, run in enumerate(runs)
    ]


def _photographed(file: pathlib.Path, folder: pathlib.Path) -> bytes:
    picture = folder / "report.png"
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    subprocess.run(  # noqa: S603 - found above
        [
            chromium,
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            f"--user-data-dir={folder}/profile",
            f"--window-size={_WINDOW}",
            f"--screenshot={picture}",
            file.as_uri(),
        ],
        capture_output=True,
        check=True,
    )
    return picture.read_bytes()
