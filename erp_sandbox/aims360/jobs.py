"""AIMS360's background jobs: Aqua exports, from the request to the file (10)."""

from __future__ import annotations

import json
import secrets
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from erp_sandbox.aims360 import views
from erp_sandbox.aims360.seed import DOCUMENT_PATH, OPERATOR
from erp_sandbox.aims360.values import absolute, compact, moment_text, refusal
from erp_sandbox.exchange import SandboxAnswer, json_answer

if TYPE_CHECKING:
    from erp_sandbox.aims360.auth import Aims360Authority
    from erp_sandbox.aims360.options import Aims360Options
    from erp_sandbox.aims360.seed import Aims360Seed
    from erp_sandbox.exchange import SandboxCall
    from erp_sandbox.store import Row
    from erp_sandbox.vendor import SandboxVendor

SCOPES = ("Public", "Private", "PeopleInOrganization")
STORAGE_PATH = "/storage"
_DAY = 86_400


class Jobs:
    """Submits, runs and reruns export jobs, and hands out their files.

    A job's record is brought up to the vendor's clock whenever somebody looks at it.

    Args:
        vendor: The tenant.
        options: Its options.
        seeder: Makes the record of a new job.
        authority: Checks who fetches a file that is not public.
    """

    def __init__(
        self,
        vendor: SandboxVendor,
        options: Aims360Options,
        seeder: Aims360Seed,
        authority: Aims360Authority,
    ) -> None:
        self._vendor = vendor
        self._options = options
        self._seeder = seeder
        self._authority = authority
        self._clock = vendor.bench.clock
        self._jobs = vendor.collections["background_jobs"]
        self._documents = vendor.collections["documents"]

    def submit(self, call: SandboxCall) -> SandboxAnswer:
        """Answer ``POST exportdata`` (10, step 1 and 2)."""
        body = _lowered(_body(call))
        settings = body.get("exportdatasettings")
        settings = _lowered(settings) if isinstance(settings, dict) else {}
        source, name = str(settings.get("source", "")), str(settings.get("viewname", ""))
        scope = next(
            (s for s in SCOPES if s.lower() == str(body.get("publishlinkaccessscope")).lower()),
            None,
        )
        kind = str(body.get("outputformat", "")).lower()
        if str(body.get("exporttype", "")).lower() != "view":
            raise refusal(400, "InvalidInput", "exportType must be View.")
        if str(body.get("exportcriteriaversion", "")).lower() != "v1.0":
            raise refusal(400, "InvalidInput", "exportCriteriaVersion must be v1.0.")
        if kind not in {"json", "csv"}:
            # Excel exists at the vendor (DOC) and is not played here.
            raise refusal(400, "InvalidInput", "outputFormat must be JSON or CSV.")
        if scope is None:
            raise refusal(400, "InvalidInput", "publishLinkAccessScope is not valid.")
        if views.find(source, name) is None and self._options.unknown_view == "refuse":
            raise refusal(400, "InvalidInput", f"View '{name}' of '{source}' was not found.")
        now = self._clock.utc()
        key, document = (f"{uuid.uuid4()}-{compact(now)}" for _ in range(2))
        token = f"{secrets.token_hex(20)}{compact(now)}"
        folder = DOCUMENT_PATH if self._options.publish_link == "document" else STORAGE_PATH
        row: Row = {
            "@odata.etag": None,
            **self._seeder.blank_job(key, now),
            "jobDescription": f"{source} / {name}",
            "clientRequestId": call.headers.get("client-request-id"),
            "responseType": "Publishlink",
            "publishLink": f"{folder}/{document}/{token}",
            "publishLinkAccessScope": scope,
            "response": None,
            "canReRun": "Yes" if self._options.rerun_allowed else "No",
            "_source": source,
            "_view": name,
            "_format": kind,
            "_document": document,
            "_run": 0,
            "_purge_ms": self._ms(self._options.purge_days * _DAY),
        }
        self._jobs.put(self._queued(row, 0.0))
        call.count("created")
        return self._reply(call, self._jobs.get(key) or row)

    def rerun(self, call: SandboxCall, key: str) -> SandboxAnswer:
        """Answer ``POST .../rerun``; job id and link stay (10, step 6)."""
        row = self.find(key)
        if row.get("canReRun") != "Yes":
            raise refusal(400, "InvalidInput", "The job cannot be rerun.")
        queued = self._queued({**row, "_run": row["_run"] + 1}, self._options.stale_seconds)
        if self._options.stale_seconds:
            # For a while the record still shows the run before (INF, 10 step 6).
            shown = {name: value for name, value in queued.items() if name.startswith("_")}
            queued = {**row, **shown}
        self._jobs.put(queued)
        call.count("rerun")
        return self._reply(call, row, run=f"{key}-{row['_run'] + 1}")

    def find(self, key: str) -> Row:
        """Return a job as it is now.

        Raises:
            Refusal: There is none, or it has been purged.
        """
        row = self._jobs.get(key)
        if row is not None:
            row = self._moved(row)
        if row is None:
            raise refusal(404, "ResourceNotFound", "The job was not found.")
        return row

    def move_all(self) -> None:
        """Bring all job records up to date."""
        for row in self._jobs:
            self._moved(row)

    def download(
        self, call: SandboxCall, document: str, token: str | None, *, storage: bool
    ) -> SandboxAnswer:
        """Answer a publish link or a document's own link (10, step 5)."""
        self.move_all()
        row = self._documents.get(document)
        if row is None:
            raise refusal(404, "ResourceNotFound", "The document was not found.")
        if token is not None and "_token" in row and row["_token"] != token:
            raise refusal(403, "AuthenticationFailed", "Access Denied")
        if storage:
            if "authorization" in call.headers:
                text = "Only one authentication mechanism is allowed: drop Authorization."
                raise refusal(400, "InvalidAuthenticationInfo", text)
        elif token is None or row["accessScope"] != "PUBLIC":
            self._authority.check(call)
        return self._output(row)

    def _output(self, row: Row) -> SandboxAnswer:
        if "_view" not in row:
            return SandboxAnswer(200, b"a document of the sandbox\n", "application/octet-stream")
        kind = "text/csv; charset=utf-8" if row["_format"] == "csv" else "application/json"
        return SandboxAnswer(200, row["_output"].encode(), kind)

    def _ms(self, seconds: float) -> int:
        return self._clock.now_ms() + int(seconds * 1000)

    def _reply(self, call: SandboxCall, row: Row, run: str | None = None) -> SandboxAnswer:
        """Return the reply to a submit or a rerun (10, step 2)."""
        body: Row = {
            "jobId": row["jobID"],
            "jobStatus": "Queued",
            "publishLink": absolute(call, self._options.region, row["publishLink"]),
            "publishLinkAccessScope": str(row["publishLinkAccessScope"]).upper(),
        }
        if run is not None:
            body["jobRunId"] = run
        return json_answer(body, self._options.submit_status)

    def _queued(self, row: Row, wait: float) -> Row:
        """Return a job at the start of a run, ``wait`` seconds from now."""
        now = moment_text(self._clock.utc(), 3)
        queue, run = self._options.queue_seconds, self._options.run_seconds
        return {
            **row,
            "jobStatus": "Queued",
            "jobStatusText": "Waiting",
            "percentCompleted": 0,
            "startDate": None,
            "completedDate": None,
            "modifiedDate": now,
            "_queued_ms": self._ms(wait),
            "_start_ms": self._ms(wait + queue),
            "_end_ms": self._ms(wait + queue + run),
        }

    def _moved(self, row: Row) -> Row | None:
        """Return a job as it is now, None when it is purged; seeded jobs never change."""
        now = self._clock.now_ms()
        if "_purge_ms" in row and now >= row["_purge_ms"]:
            self._jobs.delete(row["jobID"])
            self._documents.delete(row["_document"])
            return None
        if row.get("_end_ms") is None or now < row["_queued_ms"]:
            return row
        changed: dict[str, Any] = {}
        if now >= row["_end_ms"]:
            changed = self._ended(row)
        elif now >= row["_start_ms"]:
            whole = row["_end_ms"] - row["_start_ms"]
            changed = {
                "jobStatus": self._options.in_progress,
                "jobStatusText": "Working",
                "percentCompleted": min(99, (now - row["_start_ms"]) * 100 // whole),
                "startDate": _moment(row["_start_ms"]),
                "completedDate": None,
                "modifiedDate": _moment(row["_start_ms"]),
            }
        elif row["jobStatus"] != "Queued":
            changed = {
                "jobStatus": "Queued",
                "jobStatusText": "Waiting",
                "percentCompleted": 0,
                "completedDate": None,
                "modifiedDate": _moment(row["_queued_ms"]),
            }
        if not changed:
            return row
        row = {**row, **changed, "@odata.etag": f'W/"{now}"'}
        self._jobs.put(row)
        return row

    def _ended(self, row: Row) -> dict[str, Any]:
        """Return the end of a run, and write its output."""
        ended: dict[str, Any] = {
            "startDate": _moment(row["_start_ms"]),
            "completedDate": _moment(row["_end_ms"]),
            "modifiedDate": _moment(row["_end_ms"]),
            "_end_ms": None,
        }
        view = views.find(row["_source"], row["_view"])
        if view is None or row["_view"] in self._options.failing_views:
            text = f"View '{row['_view']}' could not be exported."
            return {**ended, "jobStatus": "Failed", "jobStatusText": text, "completedDate": None}
        vendor = self._vendor
        dates = self._options.csv_dates
        cells = views.cells(view, row["_view"], vendor.collections, vendor.bench, dates)
        if row["_format"] == "csv":
            output = views.as_csv(view, cells, bom=self._options.csv_bom)
        else:
            output = views.as_json(view, cells)
        ended |= {"jobStatus": "Completed", "jobStatusText": "Done", "percentCompleted": 100}
        if row["_format"] == "json" and 0 < self._options.inline_rows >= len(cells):
            return {
                **ended,
                "responseType": "In-line JSON",
                "publishLink": None,
                "response": output.decode(),
            }
        self._publish(row, output)
        described = {
            "documentName": f"{row['_view']}.{row['_format']}",
            "DownloadLink": row["publishLink"],
            "SizeInMB": len(output) // 1_048_576,
            "Type": f".{row['_format']}",
            "DocumentID": row["_document"],
            "ExpiryDate": row["purgeDateTime"],
            "Version": "1.0",
        }
        return {**ended, "response": json.dumps([described])}

    def _publish(self, row: Row, output: bytes) -> None:
        """Put a job's output among the documents."""
        self._documents.put(
            {
                "documentGUID": row["_document"],
                "accessScope": str(row["publishLinkAccessScope"]).upper(),
                "documentName": f"{row['_view']}.{row['_format']}",
                "fileType": row["_format"].upper(),
                "category": "backgroundJob",
                "aimsReference": row["jobID"],
                "User": OPERATOR,
                "title": None,
                "description": row["jobDescription"],
                "downloadUri": f"{DOCUMENT_PATH}/{row['_document']}",
                "fileSize": len(output),
                "fileSizeInMB": 0,
                "lastUploaded": _moment(row["_end_ms"]),
                "_view": row["_view"],
                "_format": row["_format"],
                "_token": row["publishLink"].rpartition("/")[2],
                "_output": output.decode(),
            }
        )


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)
    return moment_text(moment, 7)


def _body(call: SandboxCall) -> dict[str, Any]:
    try:
        body = call.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refusal(400, "InvalidInput", "The body must be a JSON object.")
    return body


def _lowered(body: dict[str, Any]) -> dict[str, Any]:
    """Return an object with lower-case names; the samples spell ``source`` in two ways (10)."""
    return {name.lower(): value for name, value in body.items()}
