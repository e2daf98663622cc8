"""What a person must know first: how the last run ended, and what only a person can do."""

from __future__ import annotations

import typing as t

from erp_ledger import RecordStatus
from target_erp.report.formats import duration, exact, moment, parsed, records
from target_erp.report.letters import CONFLICT, causes
from target_erp.report.past_runs import State, outcomes_in, spoken

if t.TYPE_CHECKING:
    import datetime as dt

    from erp_ledger import FoundRecord
    from target_erp.report.letters import Letter
    from target_erp.report.past_runs import PastRun


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


class Overview(t.NamedTuple):
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


def overview(
    runs: t.Sequence[PastRun],
    letters: t.Sequence[Letter],
    doubts: t.Sequence[FoundRecord],
    now: dt.datetime,
) -> Overview:
    """Judge the last run, and what is left of all of them.

    Args:
        runs: Newest first.
        letters: The newest dead letter of each record that has not got through since.
        doubts: Lines of the ledger whose outcome nobody noted.
        now: The present, with zone.
    """
    tasks = _tasks(letters, doubts)
    if not runs:
        return Overview("warn", "No run has been noted in this ledger yet.", "", tasks)
    last = runs[0]
    level, sentence = _ending(last)
    if last.state is State.FAILED:
        tasks.insert(0, Task(f"Find out why the last run failed: {_error(last)}", "", "runs"))
    if unapproved := last.counts["not_approved"]:
        text = f"Look at {records(unapproved)} that the plan of the last run did not approve (its "
        text += "report lists them with what differs), and make a new plan."
        tasks.insert(0, Task(text, "erp plan", "runs"))
    if tasks and level == "good":
        level = "warn"
    return Overview(level, sentence, _detail(last, now), tasks)


def _ending(last: PastRun) -> tuple[t.Literal["good", "warn", "bad"], str]:
    counts = last.counts
    names = {
        "refused": "refused",
        "not_approved": "not approved by the plan",
        "waiting": "waiting for another one",
        "unknown": "unknown",
    }
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
    started = parsed(last.started_at)
    ago = f" ({duration(max(0.0, (now - started).total_seconds()))} ago)" if started else ""
    text = f"It started on {moment(last.started_at)} UTC{ago}"
    if last.seconds is not None:
        text += f" and took {duration(last.seconds)}"
    if last.state is State.UNFINISHED:
        return f"{text}. If it was killed, the next run continues where it was."
    counts = last.counts
    done = [
        f"{exact(counts[name])} {spoken(name)}" for name in outcomes_in([counts]) if counts[name]
    ]
    return f"{text}. Read {records(last.read)}: {', '.join(done) or 'nothing to write'}."


def _tasks(letters: t.Sequence[Letter], doubts: t.Sequence[FoundRecord]) -> list[Task]:
    tasks = []
    unknown = [doubt for doubt in doubts if doubt.entry.status is RecordStatus.UNKNOWN]
    if unknown:
        text = f"Look up {records(len(unknown))} at the vendor: the answer was lost, and sending "
        text += f"{'it' if len(unknown) == 1 else 'them'} again could make doubles."
        tasks.append(Task(text, "erp ledger unknown", "unknown"))
    refused = [letter for letter in letters if letter["outcome"] == "refused"]
    conflicts = sum(letter["class"] == CONFLICT for letter in refused)
    if conflicts:
        text = f"Decide on {exact(conflicts)} {'conflict' if conflicts == 1 else 'conflicts'}: "
        text += "somebody has changed at the vendor what a run would have overwritten. A conflict "
        text += "ends when the vendor has been read again, or its value stands at the source."
        tasks.append(Task(text, "erp ledger rejects", "letters"))
    refused = [letter for letter in refused if letter["class"] != CONFLICT]
    if refused:
        (cause, _), *more = causes(refused).most_common()
        often = "Most often" if more else "Reason"
        text = f"Correct {records(len(refused))} at the source, or send again once the reason is "
        text += f"gone. {often}: “{cause.reason or cause.kind}”."
        tasks.append(Task(text, "erp ledger replay --config FILE", "reasons"))
    waiting = sum(letter["outcome"] == "waiting" for letter in letters)
    if waiting:
        text = f"{records(waiting).capitalize()} will go out when the record to which "
        text += f"{'it refers' if waiting == 1 else 'they refer'} gets through."
        tasks.append(Task(text, "erp ledger rejects", "letters"))
    return tasks


def _error(last: PastRun) -> str:
    return last.error or "its report does not say; see its log"
