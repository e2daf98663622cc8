"""An AIMS360 for tests: OData lists that can change under the reader, jobs, tokens."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import decimal
import io
import json
import re
import sys
import typing as t
import urllib.parse

from erp_plugin.cli import ExitCode
from erp_vendors.aims360 import AIMS360, Aims360Client
from erp_vendors.aims360.aqua import AquaJob, Export
from erp_vendors.errors import ErpError
from erp_vendors.http.budget import Clock
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from tap_erp.tap import TapErp
from tests.support.stub import Reply, Request
from tests.support.transport import VirtualClock

Row = dict[str, t.Any]

TOKEN = "a-token-of-some-length"
CUSTOMERS = "/customers/v1.0/customers"
JOBS = "/jobsmanagement/odata/v1.0/backgroundjob"
JOB = "/jobsmanagement/v1.0/backgroundjob"
EXPORT = "/reports/v1.0/reports/exportdata"
ORDERS = Export(name="orders", source="Orders", view="All Orders")
ROWS = [{"Order": "1"}, {"Order": "2"}]
OVERLOADED = Reply(400, {"requestId": "r", "error": {"code": "Request_ProcessingFailed"}})


def iso(moment: dt.datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def customers(count: int, first: int = 0) -> list[Row]:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    return [
        {"customerID": f"c{n:04}", "lastModifiedOn": iso(start + dt.timedelta(minutes=n))}
        for n in range(first, first + count)
    ]


def ids(records: list[Row], key: str = "customerID") -> list[str]:
    return [record[key] for record in records]


def options(request: Request) -> dict[str, str]:
    """Query options, percent-decoded."""
    query = urllib.parse.urlsplit(request.path).query
    return {name: values[0] for name, values in urllib.parse.parse_qs(query).items()}


class Fake:
    """What the stub answers; its attributes are switches."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Row]] = {}
        self.singles: dict[str, Row] = {}
        self.refused: set[str] = set()
        self.ignored: set[str] = set()
        self.cap = 1000
        self.counts = True
        self.order: t.Callable[[Row], t.Any] | None = None
        self.shown: t.Callable[[Row], Row] = lambda row: row
        self.before: t.Callable[[Request], Reply | None] = lambda _: None
        self.requests: list[Request] = []
        # Jobs: what the next ones show at each look, and what they make.
        self.url = ""
        self.statuses = ["Queued", "Inprogress", "Completed"]
        self.jobs: dict[str, Row] = {}
        self.outputs: dict[str, Reply] = {}
        self.link = "{url}/documentmanagement/v1.0/aimsdocument/{job}/an-anonymous-access-token"
        self.output: t.Callable[[Row], Reply] = lambda _: Reply(body=b"[]")
        self.ends = 0

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.before(request) or self._answer(request)

    def _answer(self, request: Request) -> Reply:
        path = urllib.parse.unquote(urllib.parse.urlsplit(request.path).path)
        if "an-anonymous-access-token" in path:
            return self.outputs[path]
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Reply(401)
        if request.method == "POST":
            return self.post(path, request)
        if path == JOBS and "jobId eq" in options(request).get("$filter", ""):
            return self.look(request)
        if path in self.lists:
            return self._list(path, options(request))
        return Reply(body=self.singles[path]) if path in self.singles else Reply(404)

    def paths(self, part: str) -> list[dict[str, str]]:
        return [options(request) for request in self.requests if part in request.path]

    def _list(self, path: str, asked: dict[str, str]) -> Reply:
        bad = {name for name in asked if name in self.refused}
        if bad:
            return Reply(400, {"error": {"code": "BadRequest", "message": f"no {bad.pop()}"}})
        rows = list(self.lists[path])
        if "$filter" in asked and "$filter" not in self.ignored:
            rows = [row for row in rows if matches(row, asked["$filter"])]
        if "$orderby" in asked and "$orderby" not in self.ignored:
            rows.sort(key=lambda row: [str(row.get(key)) for key in asked["$orderby"].split(",")])
        elif self.order:
            rows.sort(key=self.order)
        skip = 0 if "$skip" in self.ignored else int(asked.get("$skip", 0))
        page = rows[skip : skip + min(self.cap, int(asked.get("pagesize", 100)))]
        page = [self.shown(row) for row in page]
        # As in the vendor's sample, the link to the next page says nothing.
        body: Row = {"value": page, "@odata.nextLink": "https://apieast1.aims360.rest/nowhere"}
        if self.counts and asked.get("$count") == "true":
            body["@odata.count"] = len(rows)
        return Reply(body=body)

    def post(self, path: str, request: Request) -> Reply:
        if path == EXPORT:
            job_id = f"00000000-0000-0000-0000-{len(self.jobs):012}-20260101000000000"
            self.jobs[job_id] = {"jobID": job_id, "canReRun": "Yes", "ask": request.json}
        elif path.endswith("/rerun") and path.split("/")[-2] in self.jobs:
            job_id = path.split("/")[-2]
        else:
            return Reply(404)
        self.jobs[job_id].setdefault("looks", []).extend(self.statuses)
        return Reply(202, {"jobId": job_id, "jobStatus": "Queued"})

    def look(self, request: Request) -> Reply:
        job_id = options(request)["$filter"].removeprefix("jobId eq '").removesuffix("'")
        job = self.jobs.get(job_id)
        if job is None:
            return Reply(body={"value": []})
        if job["looks"]:
            status = job["jobStatus"] = job["looks"].pop(0)
            if status == "Completed":
                self.complete(job)
        return Reply(body={"value": [{k: v for k, v in job.items() if k not in {"ask", "looks"}}]})

    def complete(self, job: Row) -> None:
        self.ends += 1
        job["completedDate"] = f"2026-01-01T00:00:{self.ends:02}.00Z"
        reply = self.output(job["ask"])
        if reply.headers.get("X-Inline"):
            job.update(responseType="In-line JSON", response=reply.raw.decode())
            return
        link = self.link.format(url=self.url, job=job["jobID"])
        job.update(responseType="Publishlink", publishLink=link)
        self.outputs[urllib.parse.urlsplit(link).path] = reply


def matches(row: Row, condition: str) -> bool:
    """As much of `$filter` as the tap uses."""
    return all(_matches(row, part) for part in condition.split(" and "))


def _matches(row: Row, part: str) -> bool:
    match = re.fullmatch(r"(\w+) (eq|ge|le) (.+)", part)
    assert match, part
    column, operator, text = match.groups()
    value = row.get(column)
    if value is None:
        return False
    if text.startswith("'"):
        assert operator == "eq"
        return bool(value == text[1:-1].replace("''", "'"))
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text):
        wanted, found = (dt.datetime.fromisoformat(s.replace("Z", "+00:00")) for s in (text, value))
        return found >= wanted if operator == "ge" else found <= wanted
    return str(value) == text


@dataclasses.dataclass
class TapRun:
    """What a run of the tap left behind."""

    code: int
    error: str
    messages: list[Row]

    def records(self, stream: str) -> list[Row]:
        return [
            m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream
        ]

    def schemas(self, stream: str) -> list[Row]:
        return [m for m in self.messages if m["type"] == "SCHEMA" and m["stream"] == stream]

    @property
    def state(self) -> Row:
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return t.cast("Row", states[-1]) if states else {}


def config(url: str, **block: t.Any) -> Row:
    """A configuration without limits."""
    unlimited = {"requests_per_second": 100_000, "calls_per_minute": 1_000_000}
    return {
        "aims360": {
            "api_url": url,
            "access_token": TOKEN,
            "aqua_poll_seconds": 0.001,
            **unlimited,
            **block,
        },
    }


def run_tap(
    config: Row, *wanted: str, state: Row | None = None, catalog: Row | None = None
) -> TapRun:
    """Run some streams of the tap in this process, with the exit code of the command."""
    code, error = 0, ""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        try:
            tap = TapErp(config=config, state=state, catalog=catalog)
            for stream in tap.streams.values():
                stream.selected = stream.name in wanted
            tap.sync_all()
        except ExitCode as ending:
            code, error = ending.code, str(ending)
        except ErpError as failure:
            code, error = 1, str(failure)
        sys.stdout.flush()
    out.seek(0)
    return TapRun(
        code,
        error,
        [json.loads(line, parse_float=decimal.Decimal) for line in out.read().splitlines()],
    )


def make_client(url: str, clock: Clock | None = None, **block: t.Any) -> Aims360Client:
    """A client without limits; `access_token=None` leaves the pasted token out."""
    values = {name: v for name, v in config(url, **block)["aims360"].items() if v is not None}
    settings = Block("aims360", AIMS360.settings, values)
    return Aims360Client(settings, Connection(clock=clock or Clock()))


def fail(what: str) -> None:
    raise AssertionError(what)


class Reader:
    """Reads an export as a stream does, and remembers its job."""

    def __init__(self, fake: Fake, export: Export = ORDERS, **block: t.Any) -> None:
        self.fake = fake
        self.clock = VirtualClock()
        self.client = make_client(fake.url, self.clock, **block)
        self.export = export
        self.job: AquaJob | None = None
        fake.output = lambda _: Reply(body={"totalRecordCount": 2, "data": ROWS})

    def read(self) -> list[dict[str, t.Any]]:
        return list(self.client.aqua.read(self.export, self.job, self.remember).rows(fail))

    def remember(self, job: AquaJob | None) -> None:
        self.job = job

    @property
    def job_id(self) -> str:
        assert self.job is not None
        return self.job.id

    @property
    def waits(self) -> list[float]:
        return [seconds for seconds in self.clock.slept if seconds > 0.1]

    @property
    def posts(self) -> list[str]:
        return [
            request.path.rpartition("/")[2]
            for request in self.fake.requests
            if request.method == "POST"
        ]
