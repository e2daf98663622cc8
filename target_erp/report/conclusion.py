"""What a person must know first: how the last run ended, and what only a person can do."""

from __future__ import annotations

import datetime as dt
import typing as t

from erp_ledger import RecordStatus
from target_erp.report.charts import exact
from target_erp.report.letters import causes
from target_erp.report.past_runs import OUTCOMES, State

if t.TYPE_CHECKING:
    from erp_ledger import FoundRecord
    from target_erp.report.letters import Letter
    from target_erp.report.past_runs import PastRun

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Task(t.NamedTuple):
    """Something for a person to do.

    Attributes:
        what: One sentence.
        command: What helps with it, or empty.
        place: Where on the page it is explained.
    """

    what: str
    command: str
    place: str


class Verdict(t.NamedTuple):
    """The first lines of the page.

    Attributes:
        level: `good`, `warn` or `bad`.
        sentence: How the last run ended.
        detail: When it was, and what it did.
        tasks: What needs a person.
    """

    level: t.Literal["good", "warn", "bad"]
    sentence: str
    detail: str
    tasks: list[Task]


def verdict(
    runs: t.Sequence[PastRun],
    letters: t.Sequence[Letter],
    doubts: t.Sequence[FoundRecord],
    now: dt.datetime,
) -> Verdict:
    """Judge the last run, and what is left of all of them.

    Args:
        runs: Newest first.
        letters: The newest dead letter of each record that has not got through since.
        doubts: Lines of the ledger whose outcome nobody noted.
        now: The present, with zone.
    """
    tasks = _tasks(letters, doubts)
    if not runs:
        return Verdict("warn", "No run has been noted in this ledger yet.", "", tasks)
    last = runs[0]
    level, sentence = _ending(last)
    if last.state is State.FAILED:
        tasks.insert(0, Task(f"Find out why the last run failed: {_error(last)}", "", "runs"))
    if tasks and level == "good":
        level = "warn"
    return Verdict(level, sentence, _detail(last, now), tasks)


def moment(stamp: str) -> str:
    """A UTC time for people, such as `27 Nov 2026 02:00`.

    Args:
        stamp: ISO 8601; anything else comes back as it is.
    """
    when = _parse(stamp)
    if when is None:
        return stamp
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year} {when:%H:%M}"


def tick(stamp: str) -> str:
    """The same in short, for an axis: `27 Nov 02:00`.

    Args:
        stamp: ISO 8601.
    """
    when = _parse(stamp)
    return stamp if when is None else f"{when.day} {_MONTHS[when.month - 1]} {when:%H:%M}"


def duration(seconds: float) -> str:
    """A time span for people, in its two largest units.

    Args:
        seconds: Zero or more.
    """
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"  # noqa: PLR2004
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} days {whole % _DAY // _HOUR} h"


def records(count: int) -> str:
    """A number of records in words.

    Args:
        count: Zero or more.
    """
    return "1 record" if count == 1 else f"{exact(count)} records"


def _ending(last: PastRun) -> tuple[t.Literal["good", "warn", "bad"], str]:
    counts = last.counts
    names = {"refused": "refused", "waiting": "waiting for another one", "unknown": "unknown"}
    parts = [f"{exact(counts[name])} {what}" for name, what in names.items() if counts[name]]
    left = records(sum(counts[name] for name in names))
    rest = f", but {left} did not get through: {', '.join(parts)}" if parts else ""
    if last.state is State.FAILED:
        return "bad", "The last run failed."
    if last.state is State.UNFINISHED:
        return "bad", "The last run has not ended: it is still running, or it was killed."
    if last.state is State.SUCCEEDED:
        return "good", f"The last run succeeded{rest}."
    return "warn", f"The last run finished{rest}."


def _detail(last: PastRun, now: dt.datetime) -> str:
    started = _parse(last.started_at)
    ago = f" ({duration(max(0.0, (now - started).total_seconds()))} ago)" if started else ""
    text = f"It started on {moment(last.started_at)} UTC{ago}"
    if last.seconds is not None:
        text += f" and took {duration(last.seconds)}"
    if last.state is State.UNFINISHED:
        return f"{text}. If it was killed, the next run continues where it was."
    counts = last.counts
    done = [f"{exact(counts[name])} {name}" for name in OUTCOMES if counts[name]]
    return f"{text}. Read {records(last.read)}: {', '.join(done) or 'nothing to write'}."


def _tasks(letters: t.Sequence[Letter], doubts: t.Sequence[FoundRecord]) -> list[Task]:
    tasks = []
    unknown = [doubt for doubt in doubts if doubt.entry.mark is RecordStatus.UNKNOWN]
    if unknown:
        text = f"Look up {records(len(unknown))} at the vendor: the answer was lost, and sending "
        text += f"{'it' if len(unknown) == 1 else 'them'} again could make doubles."
        tasks.append(Task(text, "erp-ledger unknown", "unknown"))
    refused = [letter for letter in letters if letter["outcome"] == "refused"]
    if refused:
        (cause, _), *more = causes(refused).most_common()
        often = "Most often" if more else "Reason"
        text = f"Correct {records(len(refused))} at the source, or send again once the reason is "
        text += f"gone. {often}: “{cause.reason or cause.kind}”."
        tasks.append(Task(text, "erp-ledger replay --config FILE", "reasons"))
    waiting = sum(letter["outcome"] == "waiting" for letter in letters)
    if waiting:
        text = f"{records(waiting).capitalize()} will go out when the record to which "
        text += f"{'it refers' if waiting == 1 else 'they refer'} gets through."
        tasks.append(Task(text, "erp-ledger rejects", "letters"))
    return tasks


def _error(last: PastRun) -> str:
    return last.error or "its report does not say; see its log"


def _parse(stamp: str) -> dt.datetime | None:
    try:
        when = dt.datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return None
    return when.astimezone(dt.timezone.utc) if when.tzinfo else when.replace(tzinfo=dt.timezone.utc)
