"""Shows what was found: for people as tables, for scripts as JSON."""

from __future__ import annotations

import io
import typing as t

from erp_cli.doctor.connection import Level
from erp_cli.doctor.examiner import Access
from erp_vendors.assumption import VerdictState
from erp_vendors.http import codec
from erp_vendors.http.redact import redact
from erp_vendors.vendors import VENDORS
from target_erp.printable import visible

if t.TYPE_CHECKING:
    from rich.table import Table

    from erp_cli.doctor.changes import SettingChange
    from erp_cli.doctor.examination import Report

_COLORS = {
    Level.GREEN: "green",
    Level.AMBER: "yellow",
    Level.RED: "red",
    VerdictState.HOLDS: "green",
    VerdictState.DIFFERS: "yellow",
    VerdictState.UNTOLD: "bright_black",
    Access.READ: "green",
    Access.SKIPPED: "bright_black",
    Access.MISSING: "yellow",
    Access.DENIED: "yellow",
    Access.FAILED: "red",
}
_WORDS = {
    VerdictState.HOLDS: "hold",
    VerdictState.DIFFERS: "differ",
    VerdictState.UNTOLD: "cannot be told from reads",
}


class Shown(t.NamedTuple):
    """What is shown of a vendor.

    Attributes:
        report: What was found.
        changes: Settings that fit and are or can be written.
        kept: Settings that the configuration states otherwise.
        sinks: What was found out about what can be written.
    """

    report: Report
    changes: t.Sequence[SettingChange]
    kept: t.Sequence[SettingChange]
    sinks: t.Sequence[t.Mapping[str, t.Any]] = ()


def tables(found: t.Sequence[Shown], width: int, *, color: bool) -> str:
    """The results for people: a summary of each vendor, then the details of each.

    Args:
        found: The vendors.
        width: Columns of the screen.
        color: Colors are wanted.
    """
    from rich.console import Console  # noqa: PLC0415 - most commands show no such table

    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, color_system="standard" if color else None,
        highlight=False, markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    for one in found:
        console.print(summary(one))
        console.print()
    for one in found:
        for table in _details(one):
            console.print(table)
            console.print()
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip("\n")


def summary(one: Shown) -> Table:
    """What was found about a vendor, on less than a screen."""
    report = one.report
    usable = ("can be used", "green") if report.usable else ("cannot be used", "red")
    calls = f"{len(report.exchanges)} of at most {report.most_calls} calls"
    table = _table(f"{VENDORS[report.vendor].title}: {usable[0]} ({calls})", usable[1])
    for step in report.steps:
        table.add_row(step.name, _cell(step.level.value, _COLORS[step.level]), _cell(step.said))
        if step.do:
            table.add_row("", _cell("do", "bold"), _cell(step.do))
    told = dict.fromkeys(VerdictState, 0)
    for state in _states(report).values():
        told[state] += 1
    words = ", ".join(f"{number} {_WORDS[state]}" for state, number in told.items() if number)
    differing = any(change.why for change in (*one.changes, *one.kept))
    level = Level.AMBER if differing else Level.GREEN
    if report.findings:
        word = "ok" if level is Level.GREEN else "set"
        table.add_row("assumptions", _cell(word, _COLORS[level]), _cell(words))
    for said in _grouped(change for change in one.changes if change.why):
        table.add_row("", _cell("fits", "bold"), _cell(said))
    learned = dict.fromkeys(
        change.setting.partition("[")[2].partition("]")[0]
        for change in one.changes
        if not change.why
    )
    if learned:
        said = (
            f"{len(learned)} streams have an entry that was learned: {', '.join(learned)} (--write)"
        )
        table.add_row("resources", _cell("ok", "green"), _cell(said))
    for change in one.kept:
        said = f"{_brief(change)}; the configuration says {_value(change.present)} (--overwrite)"
        table.add_row("", _cell("fits", "bold"), _cell(said))
    return table


def _grouped(changes: t.Iterable[SettingChange]) -> t.Iterator[str]:
    """The changes in words, those that several streams share in one line."""
    alike: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        before, bracket, rest = change.setting.partition("[")
        name, _, key = rest.partition("]")
        streams = alike.setdefault((f"{before}{bracket}|{key}", _value(change.value)), [])
        streams += [name] if bracket else []
    for (setting, value), streams in alike.items():
        before, _, key = setting.partition("|")
        yield f"{before}{', '.join(streams)}{']' if streams else ''}{key}: {value}"


def _states(report: Report) -> dict[str, VerdictState]:
    """The state of each assumption; of several findings, one that differs counts most."""
    rank = [VerdictState.DIFFERS, VerdictState.HOLDS, VerdictState.UNTOLD]
    found: dict[str, VerdictState] = {}
    for finding in report.findings:
        known = found.get(finding.name, finding.state)
        found[finding.name] = min(known, finding.state, key=rank.index)
    return found


def _details(one: Shown) -> t.Iterator[Table]:
    report = one.report
    title = VENDORS[report.vendor].title
    if report.samples:
        table = _table(f"{title}: streams", "bold")
        for name, sample in report.samples.items():
            rows = f"{len(sample.rows)} rows" if sample.access is Access.READ else sample.said
            note = report.notes.get(name)
            said = f"{rows}; {note}" if note else rows
            word = _cell(sample.access.value, _COLORS[sample.access])
            table.add_row(f"{report.vendor}_{name}", word, _cell(said))
        yield table
    if report.findings:
        table = _table(f"{title}: assumptions", "bold")
        alike: dict[tuple[str, VerdictState, str], list[str]] = {}
        for finding in report.findings:
            streams = alike.setdefault((finding.name, finding.state, finding.seen), [])
            streams += [finding.stream] if finding.stream else []
        for (name, state, seen), streams in alike.items():
            said = f"{', '.join(streams)}: {seen}" if streams else seen
            table.add_row(_cell(name), _cell(state.value, _COLORS[state]), _cell(said))
        yield table
    if one.sinks:
        table = _table(f"{title}: writes, which no read can try", "bold")
        for sink in one.sinks:
            table.add_row(
                _cell(sink["name"]), _cell(sink["about"], "bright_black"), _cell(sink["said"])
            )
        yield table


def _table(title: str, style: str) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(
        title=Text(title, style), title_justify="left", box=None, show_header=False,
        padding=(0, 2, 0, 0),
    )  # fmt: skip
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    return table


def _cell(text: str, style: str = "") -> t.Any:  # noqa: ANN401 - rich is imported late
    from rich.text import Text  # noqa: PLC0415

    return Text(visible(redact(text)), style)


def _value(value: object) -> str:
    text = codec.encode(value).decode()
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


_LONG = 160


def _brief(change: SettingChange) -> str:
    return f"{change.setting}: {_value(change.value)}"


def as_json(found: t.Sequence[Shown], written: str | None) -> str:
    """The results for scripts: one object.

    Args:
        found: The vendors.
        written: File that was written, or None.
    """
    said = {"vendors": [_vendor(one) for one in found], "written": written}
    return redact(codec.encode(said).decode())


def saved(found: t.Sequence[Shown]) -> str:
    """What was tried and answered, with the results, as JSON; secrets are masked."""
    vendors = []
    for one in found:
        calls = [
            {
                "method": call.method,
                "url": call.url,
                "status": call.status,
                "seconds": round(call.seconds, 3),
                "answer": call.body,
            }
            for call in one.report.exchanges
        ]
        vendors.append({**_vendor(one), "calls_made": calls})
    return redact(codec.encode({"vendors": vendors}).decode())


def _vendor(one: Shown) -> dict[str, t.Any]:
    report = one.report
    return {
        "vendor": report.vendor,
        "usable": report.usable,
        "calls": len(report.exchanges),
        "most_calls": report.most_calls,
        "steps": [
            {"step": step.name, "result": step.level.value, "said": step.said, "do": step.do}
            for step in report.steps
        ],
        "streams": [
            {
                "stream": f"{report.vendor}_{name}",
                "access": sample.access.value,
                "rows": len(sample.rows),
                "said": sample.said,
                "learned": report.notes.get(name, ""),
            }
            for name, sample in report.samples.items()
        ],
        "assumptions": [
            {
                "name": finding.name,
                "state": finding.state.value,
                "seen": finding.seen,
                "stream": finding.stream and f"{report.vendor}_{finding.stream}",
            }
            for finding in report.findings
        ],
        "changes": [_change(change) for change in one.changes],
        "kept": [_change(change) for change in one.kept],
        "sinks": list(one.sinks),
    }


def _change(change: SettingChange) -> dict[str, t.Any]:
    return {
        "setting": change.setting,
        "value": change.value,
        "present": change.present,
        "assumption": change.why,
    }
