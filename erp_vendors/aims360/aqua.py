"""Aqua exports: background jobs whose output holds the rows of a view (aims360.md 10)."""

from __future__ import annotations

import dataclasses
import logging
import typing as t
import urllib.parse

from erp_vendors.aims360.catalog import hint
from erp_vendors.aims360.odata import Row, equal, pick, read_page, with_query
from erp_vendors.aims360.output import Output
from erp_vendors.aims360.publish_link import fetch
from erp_vendors.aims360.settings import VENDOR
from erp_vendors.errors import (
    CallError,
    ConfigError,
    DataError,
    MissingResourceError,
)
from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer, Transport
    from erp_vendors.settings import Block
    from erp_vendors.vendor import Connection

logger = logging.getLogger("erp.aims360")

_EXPORT_PATHS = ("/reports/v1.0/reports/exportdata", "/reports/v1.0/exportdata")
"""Today's path and an earlier one (7.1, DOC)."""
_JOBS_PATH = "/jobsmanagement/odata/v1.0/backgroundjob"
_JOB_PATH = "/jobsmanagement/v1.0/backgroundjob"
_FAILED = frozenset({"failed", "error", "cancelled", "canceled", "aborted"})
_RUNNING = frozenset({"queued", "inprogress"})
_SLOWEST = 10
"""The poll interval grows to this many times the first one."""
_STALE_SECONDS = 60.0
"""A job that was run again may show its previous run's "Completed" for so long (10.6, INF)."""
_RUN_MARKS = ("completedDate", "jobRunId")
"""Properties of a job's record that differ from run to run."""
_WEAK_MARKS = ("modifiedDate", "startDate", "@odata.etag")
"""The same, but the vendor may change these as soon as it is told to run the job again."""


class JobError(DataError):
    """A job failed, or does not come to an end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One entry of `aqua_exports`.

    Attributes:
        name: The stream is `aims360_aqua_<name>`.
        source: Aqua source.
        view: View of that source.
        primary_keys: Columns that identify a row.
        replication_key: Column that says when a row changed, or None.
        format: json or csv.
        where: The entry, for messages.
    """

    name: str
    source: str
    view: str
    primary_keys: tuple[str, ...] = ()
    replication_key: str | None = None
    format: str = "json"
    where: str = f"{VENDOR}.aqua_exports"


def exports(block: Block) -> list[Export]:
    """The Aqua exports that the user wants.

    Raises:
        ConfigError: If two have the same name.
    """
    found: dict[str, Export] = {}
    for index, entry in enumerate(block.get("aqua_exports") or ()):
        given = {key: value for key, value in entry.items() if value is not None}
        given["name"] = given["name"].removeprefix(f"{VENDOR}_aqua_")
        # The vendor's own list pads names with blanks (11.1, DOC).
        given.update(source=given["source"].strip(), view=given["view"].strip())
        given["primary_keys"] = tuple(given.get("primary_keys", ()))
        export = Export(**given, where=f"{VENDOR}.aqua_exports[{index}]")
        if export.name in found:
            msg = f"{export.where}: the name '{export.name}' is taken by {found[export.name].where}"
            raise ConfigError(msg)
        found[export.name] = export
    return list(found.values())


class AquaJob(t.NamedTuple):
    """What one run tells the next one about a job.

    Attributes:
        id: Its id.
        late: The run ended before the job did, so nobody has read its output yet.
    """

    id: str
    late: bool = False


class Aqua:
    """Makes jobs, waits for them, and fetches what they made."""

    def __init__(self, block: Block, connection: Connection, transport: Transport) -> None:
        self._block = block
        self._connection = connection
        self._transport = transport
        self._clock = connection.clock

    def read(
        self, export: Export, job: AquaJob | None, remember: t.Callable[[AquaJob | None], None]
    ) -> Output:
        """Run an export and fetch its output.

        Args:
            export: What to export.
            job: The job of an earlier run, which may do its work again; None for a new one.
            remember: Told the job as soon as it is known, so that a run that is interrupted leaves
                it to the next one; told None when the job is no good any more.

        Raises:
            JobError: If the job fails or does not end in time.
            DataError: If an answer is not what the documents describe.
            ErpError: If a call fails.
        """
        record = self._again(job, remember) if job else None
        if job is None or record is None:
            job = AquaJob(self.submit(export))
            remember(job)
            record = self._end(job, remember)
        output = self.output(record, export)
        if job.late:
            remember(AquaJob(job.id))
        return output

    def _end(
        self,
        job: AquaJob,
        remember: t.Callable[[AquaJob | None], None],
        before: Row | None = None,
        run_id: object = None,
    ) -> Row:
        """Wait as `wait` does; if that fails, tell `remember` what the next run must know."""
        try:
            return self.wait(job.id, before, run_id)
        except JobFailedError:
            remember(None)
            raise
        except JobError:
            # The next run looks whether it is done; if not, the run after that makes a new job.
            remember(None if job.late else AquaJob(job.id, late=True))
            raise

    def submit(self, export: Export) -> str:
        """Make a job (10.1, DOC).

        Returns:
            Its id.

        Raises:
            DataError: If the answer has none.
            ErpError: If the call fails.
        """
        body = {
            "exportType": "View",
            "exportDataSettings": {"source": export.source, "viewName": export.view},
            "exportCriteriaVersion": "v1.0",
            "outputFormat": export.format.upper(),
            "publishLinkAccessScope": self._block.get("aqua_publish_scope"),
        }
        answer = self._post_export(export, codec.encode(body))
        job_id = pick(_object(answer), "jobId")
        if not job_id:
            msg = f"{VENDOR}: the export of {export.where} gave no job id: {answer.text[:300]}"
            raise DataError(msg)
        logger.info("%s: job %s was made for %s", export.where, job_id, export.view)
        return str(job_id)

    def _post_export(self, export: Export, body: bytes) -> Answer:
        for path in _EXPORT_PATHS:
            try:
                # A second job does no harm: an export only reads.
                return self._transport.call(
                    "POST", path, body=body, repeatable=True, optional=path != _EXPORT_PATHS[-1]
                )
            except MissingResourceError:
                continue
            except CallError as error:
                help_ = hint(export.source, export.view) if error.status else ""
                if not help_:
                    raise
                msg = f"{error} ({export.where}: {help_})"
                raise DataError(msg) from None
        raise AssertionError  # the last path is not optional

    def job(self, job_id: str) -> Row | None:
        """A job's record (10.3, DOC).

        Returns:
            The record; None if there is none, or not yet.

        Raises:
            DataError: If the answer is not what the documents describe.
            ErpError: If the call fails.
        """
        path = with_query(_JOBS_PATH, {"$filter": equal("jobId", job_id)})
        rows = read_page(_JOBS_PATH, self._transport.get_json(path), ["jobID"]).rows
        return rows[0] if rows else None

    def wait(self, job_id: str, before: Row | None = None, run_id: object = None) -> Row:
        """Wait until a job is done.

        Args:
            job_id: Its id.
            before: Its record before it was told to run again; a record that still shows the end
                of that run is not believed.
            run_id: Id of the new run, if the vendor gave one.

        Returns:
            The record of the completed job.

        Raises:
            JobFailedError: If it fails, or nothing shows that it runs again.
            JobError: If it does not end in time.
            ErpError: If a call fails.
            Interrupted: If the run is asked to stop.
        """
        first: float = self._block.get("aqua_poll_seconds")
        deadline: float = self._block.get("aqua_timeout_seconds")
        started = self._clock.now()
        pause, ran, known = first, before is None, _RUNNING
        while True:
            passed = self._clock.now() - started
            self._clock.sleep(max(0.0, min(pause, deadline - passed)))
            pause = min(1.5 * pause, _SLOWEST * first)
            record = self.job(job_id)
            status = _status(record)
            passed = self._clock.now() - started
            if status in _FAILED:
                raise JobFailedError(_failure(job_id, record))
            if status == "completed":
                if record and (ran or _ran_again(record, before or {}, run_id)):
                    return record
                if passed >= min(_STALE_SECONDS, deadline):
                    msg = f"{VENDOR}: job {job_id} does not run again"
                    raise JobFailedError(msg)
            elif record:
                ran = True
                if status not in known:
                    known |= {status}
                    logger.warning("%s: job %s has the unknown status %r", VENDOR, job_id, status)
            if passed >= deadline:
                done = pick(record or {}, "percentCompleted")
                msg = (
                    f"{VENDOR}: job {job_id} is still '{status}' ({done}%) after {passed:.0f} s; "
                    f"the next run looks at it again ({VENDOR}.aqua_timeout_seconds)"
                )
                raise JobError(msg)

    def _again(self, job: AquaJob, remember: t.Callable[[AquaJob | None], None]) -> Row | None:
        """The record of an earlier run's job that has run again; None if a new job must be made."""
        before, run_id = None, None
        try:
            record = self.job(job.id)
            status = _status(record)
            if record is None or status in _FAILED:
                return None
            if status == "completed":
                if job.late:
                    return record
                allowed = str(pick(record, "canReRun")).casefold() in {"yes", "true"}
                if not allowed or not self._block.get("aqua_rerun"):
                    return None
                before, run_id = record, pick(_object(self._rerun(job.id)), "jobRunId")
        except CallError as error:
            if error.unreachable:
                raise
            logger.info("%s: job %s is not run again: %s", VENDOR, job.id, error)
            return None
        try:
            # Also a job that still runs, because an earlier run ended while it waited.
            return self._end(job, remember, before, run_id)
        except JobFailedError as error:
            logger.info("%s; making a new job", error)
            return None

    def _rerun(self, job_id: str) -> Answer:
        path = f"{_JOB_PATH}/{urllib.parse.quote(job_id, safe='')}/rerun"
        return self._transport.call("POST", path, repeatable=True)

    def output(self, record: Row, export: Export) -> Output:
        """Fetch what a completed job made (10.5).

        Args:
            record: The job's record.
            export: What was exported.

        Raises:
            DataError: If there is no output, or the link's host does not give it.
            ErpError: If the call fails.
        """
        response = pick(record, "response")
        text = response.encode() if isinstance(response, str) else codec.encode(response)
        if "line" in str(pick(record, "responseType")).casefold():
            return Output(text, "json", export.where)
        link = pick(record, "publishLink") or _link_in(text)
        if not isinstance(link, str):
            msg = f"{VENDOR}: job {pick(record, 'jobID')} is completed but has no publishLink"
            raise DataError(msg)
        body, kind = fetch(link, self._block, self._connection, self._transport)
        if "html" in kind:
            msg = f"{export.where}: the publishLink leads to a web page instead of the export"
            raise DataError(msg)
        form = next((form for form in ("csv", "json") if form in kind), export.format)
        return Output(body, form, export.where)


class JobFailedError(JobError):
    """A job came to its end without success."""


def _status(record: Row | None) -> str:
    """The status in one spelling; a job that is not listed yet counts as queued."""
    if record is None:
        return "queued"
    return str(pick(record, "jobStatus")).casefold().replace(" ", "")


def _same(record: Row | None, before: Row | None) -> bool:
    names = (*_RUN_MARKS, *_WEAK_MARKS)
    return all(pick(record or {}, name) == pick(before or {}, name) for name in names)


def _ran_again(record: Row, before: Row, run_id: object) -> bool:
    """Whether a completed record tells of a later run than the record before did."""
    if run_id is not None and pick(record, "jobRunId") == run_id:
        return True
    if pick(record, "completedDate") is not None:
        return bool(pick(record, "completedDate") != pick(before, "completedDate"))
    # The vendor may stamp a job as modified as soon as it is told to run it, so this comes last.
    return not _same(record, before)


def _failure(job_id: str, record: Row | None) -> str:
    why = pick(record or {}, "jobStatusText") or "no reason given"
    return f"{VENDOR}: job {job_id} ended as '{pick(record or {}, 'jobStatus')}': {why}"


def _object(answer: Answer) -> Row:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _link_in(response: bytes) -> str | None:
    """The link inside a job's `response`: JSON text of a one-element array (10.5, DOC)."""
    try:
        files = codec.decode(response)
    except ValueError:
        return None
    file = files[0] if isinstance(files, list) and files else files
    link = pick(file, "DownloadLink") if isinstance(file, dict) else None
    return link if isinstance(link, str) else None
