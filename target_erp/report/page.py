"""One self-contained HTML page about the newest runs: no script, nothing to fetch."""

from __future__ import annotations

import collections
import datetime as dt
import importlib.resources
import string
import typing as t

from erp_ledger import RecordStatus
from erp_ledger.letters import last_at
from erp_vendors.http.redact import redact
from target_erp.printable import cut, visible
from target_erp.report.charts import ChartMark, Series, bar, columns, escaped
from target_erp.report.formats import duration, exact, moment, records, tick
from target_erp.report.letters import causes, conflicts_of, name_of, why
from target_erp.report.overview import Overview, overview
from target_erp.report.past_runs import (
    OPEN,
    OUTCOMES,
    WRITTEN,
    State,
    outcomes_in,
    past_run,
    spoken,
)

if t.TYPE_CHECKING:
    from erp_ledger import FoundRecord, LedgerRun
    from target_erp.report.letters import Letter
    from target_erp.report.past_runs import PastRun

_REASONS, _SINKS, _LETTERS, _UNKNOWN = 10, 40, 100, 100
_LONGEST = 300
"""Characters of a reason or an error; `erp ledger rejects --json` has all of them."""
_SYMBOLS = {"good": "✓", "warn": "!", "bad": "✗"}
_LEVELS = {
    State.SUCCEEDED: ("good", 0.25),
    State.REJECTED: ("warn", 0.6),
    State.FAILED: ("bad", 1.0),
    State.UNFINISHED: ("bad", 1.0),
}
"""Level and height of the mark below a run's columns."""
_DOUBTS = {
    RecordStatus.UNKNOWN: "the answer was lost",
    RecordStatus.INTENT: "the run was cut off, or is still sending it",
}


def page(
    runs: t.Sequence[LedgerRun],
    letters: t.Sequence[Letter],
    doubts: t.Sequence[FoundRecord] = (),
    now: dt.datetime | None = None,
) -> str:
    """Build the page.

    Args:
        runs: Runs, newest first.
        letters: The newest dead letter of each record that has not got through since.
        doubts: Lines of the ledger whose outcome nobody noted.
        now: The present, with zone (default: the clock).

    Returns:
        HTML.
    """
    now = now or dt.datetime.now(dt.timezone.utc)
    past = [past_run(run) for run in runs]
    found = overview(past, letters, doubts, now)
    template = importlib.resources.files(__package__).joinpath("page.html")
    return redact(
        string.Template(template.read_text(encoding="utf-8")).substitute(
            title=escaped(found.sentence),
            written=moment(now.isoformat()),
            level=found.level,
            symbol=_SYMBOLS[found.level],
            sentence=escaped(found.sentence),
            detail=escaped(found.detail),
            tasks=_tasks(found),
            reasons=_reasons(letters),
            over_time=_over_time(past[::-1]),
            sinks=_sinks(past),
            effort=_effort(past[::-1]),
            unknown=_unknown(doubts),
            letters=_letters(letters),
            runs=_runs(past),
        )
    )


def _tasks(found: Overview) -> str:
    if not found.tasks:
        return '<div class="tasks"><h2>Nothing needs a person.</h2></div>'
    items = "".join(
        f'<li>{escaped(task.what)} <a href="#{task.place}">Details</a>'
        + (f", <code>{escaped(task.command)}</code>" if task.command else "")
        + "</li>"
        for task in found.tasks
    )
    return f'<div class="tasks"><h2>What needs a person</h2><ol>{items}</ol></div>'


def _reasons(letters: t.Sequence[Letter]) -> str:
    refused = [letter for letter in letters if letter["outcome"] == "refused"]
    if not refused:
        return "<p>No record is refused.</p>"
    counts = causes(refused).most_common()
    rows = [
        [
            _cell(exact(count), "n"),
            _raw(
                f'{escaped(cause.reason)} <span class="muted">'
                f"({escaped(' '.join(filter(None, (cause.kind, cause.status))))})</span>"
                + bar(cause.reason, [("records", "refused", count)], counts[0][1])
            ),
        ]
        for cause, count in counts[:_REASONS]
    ]
    left = sum(count for _, count in counts[_REASONS:])
    caption = f"{records(len(refused))} refused that have not got through since"
    if left:
        caption += f"; {records(left)} for further reasons are left out"
    return _table(caption, ["n|records", "reason (class, status)"], rows)


def _over_time(past: t.Sequence[PastRun]) -> str:
    if not past:
        return "<p>No run yet.</p>"
    counts = [run.counts for run in past]
    labels = [moment(run.started_at) for run in past]
    ticks = [tick(run.started_at) for run in past]
    marks = [
        ChartMark(f"mark-{level}", height, run.state.value)
        for run in past
        for level, height in (_LEVELS[run.state],)
    ]
    used = [name for name in outcomes_in(counts) if any(count[name] for count in counts)]
    there = (*WRITTEN, "unchanged")

    def series(names: t.Iterable[str]) -> list[Series]:
        return [
            Series(spoken(name), _css(name), [count[name] for count in counts])
            for name in names
            if name in used
        ]

    done = columns("Records that the vendor has", labels, ticks, series(there))
    wrong = columns(
        "Records that were not written, and how each run ended",
        labels,
        ticks,
        series(name for name in used if name not in there),
        height=90,
        marks=marks,
    )
    return (
        f"{_legend(used)}<h3>Records that the vendor has</h3>{_scroll(done, 'chart')}"
        f"<h3>Records that were not written (a scale of its own)</h3>{_scroll(wrong, 'chart')}"
        '<p class="muted">Below each column: how the run ended. Low and green: succeeded; half and '
        "amber: rejected records; full and red: failed, or has not ended.</p>"
    )


def _sinks(past: t.Sequence[PastRun]) -> str:
    totals: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for run in past:
        for stream, counts in run.streams.items():
            totals[stream] += counts
    if not totals:
        return "<p>No record yet.</p>"
    by_open = sorted(
        totals.items(), key=lambda item: (-sum(item[1][name] for name in OPEN), item[0])
    )
    names = outcomes_in(totals.values())
    used = [name for name in names if any(counts[name] for counts in totals.values())]
    rows = [
        [
            _head(stream),
            _raw(
                bar(
                    stream,
                    [(spoken(name), _css(name), counts[name]) for name in used],
                    sum(counts.values()),
                ),
                "barcell",
            ),
            *(_count(counts[name]) for name in used),
        ]
        for stream, counts in by_open[:_SINKS]
    ]
    caption = f"All shown runs together, per sink{_left_out(len(totals), _SINKS, 'sinks')}"
    heads = ["sink", "share", *(f"n|{spoken(name)}" for name in used)]
    return _legend(used) + _scroll(_table(caption, heads, rows))


def _effort(past: t.Sequence[PastRun]) -> str:
    if not past:
        return "<p>No run yet.</p>"
    labels = [moment(run.started_at) for run in past]
    ticks = [tick(run.started_at) for run in past]
    seconds = [run.seconds or 0.0 for run in past]
    # Calls wait side by side: what they wait in all can be longer than the run.
    waiting = [min(run.waited, spent) for run, spent in zip(past, seconds, strict=True)]
    time = columns(
        "Duration of each run in seconds",
        labels,
        ticks,
        [
            Series("s waiting for limits", "waited", waiting),
            Series(
                "s working",
                "time",
                [spent - wait for spent, wait in zip(seconds, waiting, strict=True)],
            ),
        ],
        height=90,
    )
    calls = columns(
        "Calls of each run",
        labels,
        ticks,
        [Series("calls", "calls", [run.calls for run in past])],
        height=90,
    )
    return (
        f"<h3>Seconds</h3>{_legend(['time', 'waited'])}{_scroll(time, 'chart')}"
        '<p class="muted">Calls wait side by side; where together they waited for longer than the '
        "run took, the whole column counts as waiting.</p>"
        f"<h3>Calls</h3>{_scroll(calls, 'chart')}"
    )


def _unknown(doubts: t.Sequence[FoundRecord]) -> str:
    if not doubts:
        return "<p>No outcome is unknown.</p>"
    rows = [
        [
            _cell(moment(doubt.entry.last_at), "when"),
            _head(doubt.stream),
            _cell(doubt.entry.key, "key"),
            _cell(_DOUBTS.get(doubt.entry.status, doubt.entry.status.value)),
            _cell(exact(doubt.entry.attempts), "n"),
            _cell(moment(doubt.entry.first_at), "when"),
            _cell(doubt.account),
        ]
        for doubt in doubts[:_UNKNOWN]
    ]
    caption = f"Sent, and nobody noted what came of it{_left_out(len(doubts), _UNKNOWN)}"
    heads = ["last sent", "sink", "key", "why", "n|times", "first sent", "account"]
    return _scroll(_table(caption, heads, rows)) + (
        "<p><code>erp ledger unknown</code> shows what was sent, where to look for it, and the "
        "command that settles it.</p>"
    )


def _letters(letters: t.Sequence[Letter]) -> str:
    if not letters:
        return "<p>There are none.</p>"
    newest = sorted(letters, key=last_at, reverse=True)
    rows = [
        [
            _cell(moment(letter["last_at"]), "when"),
            _head(letter["stream"]),
            _cell(name_of(letter) or "(no key)", "key"),
            _cell(why(letter)),
            _cell(cut(visible("; ".join(_told(letter))), _LONGEST), "text"),
            _cell(letter["attempts"], "n"),
            _cell(moment(letter["first_at"]), "when"),
        ]
        for letter in newest[:_LETTERS]
    ]
    caption = (
        f"Records that have not got through since, newest first{_left_out(len(letters), _LETTERS)}"
    )
    heads = ["last", "sink", "key", "class, status", "reason", "n|attempts", "first"]
    return _scroll(_table(caption, heads, rows, "wide"))


def _told(letter: Letter) -> list[str]:
    return [letter["reason"], *conflicts_of(letter)]


def _runs(past: t.Sequence[PastRun]) -> str:
    if not past:
        return "<p>No run yet.</p>"
    rows = []
    names = outcomes_in(run.counts for run in past)
    for run in past:
        counts = run.counts
        level, _ = _LEVELS[run.state]
        code = "" if run.exit_code is None else f" ({run.exit_code})"
        rows.append(
            [
                _cell(moment(run.started_at), "when"),
                _raw(
                    f'<b class="{level}">{_SYMBOLS[level]} {run.state.value}{code}</b>'
                    + (f"<br>{escaped(cut(visible(run.error), _LONGEST))}" if run.error else ""),
                    "state",
                ),
                _cell("" if run.seconds is None else duration(run.seconds), "n"),
                _count(run.read),
                *(_count(counts[name]) for name in names),
                _count(run.calls),
                _cell(duration(run.waited), "n" if run.waited else "n zero"),
            ]
        )
    heads = [
        "started",
        "end (exit code)",
        "n|took",
        "n|read",
        *(f"n|{spoken(name)}" for name in names),
    ]
    heads += ["n|calls", "n|waited"]
    return _scroll(_table(f"The newest {len(past)} runs, newest first", heads, rows, "wide"))


def _legend(names: t.Sequence[str]) -> str:
    words = {"time": "working", "waited": "waiting for the vendor's limits"}
    if "written" in names:
        words["written"] = "written (created or updated)"
    items = "".join(
        '<li><svg viewBox="0 0 1 1" aria-hidden="true">'
        f'<rect class="{_css(name)}" width="1" height="1"/></svg>'
        f"{escaped(words.get(name, spoken(name)))}</li>"
        for name in names
    )
    return f'<ul class="legend">{items}</ul>'


def _css(name: str) -> str:
    """The class of an outcome's colour; outcomes that this version does not know share one."""
    return name if name in (*OUTCOMES, "time", "waited") else "other"


def _scroll(inside: str, css: str = "") -> str:
    # What is wider than a small screen scrolls by itself, with the keyboard, too.
    inside = f'<div class="{css}">{inside}</div>' if css else inside
    return f'<div class="scroll" role="group" tabindex="0">{inside}</div>'


def _table(
    caption: str, heads: t.Sequence[str], rows: t.Sequence[t.Sequence[str]], css: str = ""
) -> str:
    top = "".join(
        f'<th scope="col"{" class=n" if head.startswith("n|") else ""}>'
        f"{escaped(head.removeprefix('n|'))}</th>"
        for head in heads
    )
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<table class="{css}"><caption>{escaped(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )


def _raw(inside: str, css: str = "") -> str:
    return f'<td class="{css}">{inside}</td>' if css else f"<td>{inside}</td>"


def _cell(value: object, css: str = "") -> str:
    return _raw(escaped(value), css)


def _head(value: object) -> str:
    return f'<th scope="row">{escaped(value)}</th>'


def _count(value: int) -> str:
    return _cell(exact(value), "n" if value else "n zero")


def _left_out(count: int, most: int, what: str = "records") -> str:
    return f"; {exact(count - most)} more {what} are left out" if count > most else ""
