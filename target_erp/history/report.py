"""One self-contained HTML page about the newest runs: no script, nothing to fetch."""

from __future__ import annotations

import collections
import html
import json
import typing as t

if t.TYPE_CHECKING:
    from target_erp.ledger import Run

OUTCOMES = {
    "accepted": "#2f7d5b",
    "unchanged": "#9db8ad",
    "refused": "#c2502e",
    "unknown": "#7a4fa3",
}
"""Outcomes and their colours, which differ in lightness, too."""

_HEIGHT, _BAR, _GAP = 160, 14, 6
_REASONS = 10

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>target-erp: runs</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: #222; background: #fff; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
td, th {{ text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #ddd; }}
td:first-child, th:first-child {{ text-align: left; }}
.swatch {{ display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }}
.scroll {{ overflow-x: auto; }}
</style></head><body>
<h1>target-erp: the last {count} runs</h1>
<p>{legend}</p>
<h2>Records per run</h2>
<div class="scroll">{runs}</div>
<h2>Why records were refused</h2>
{reasons}
<h2>Runs</h2>
<div class="scroll">{table}</div>
</body></html>
"""


def page(runs: t.Sequence[Run], letters: t.Iterable[t.Mapping[str, t.Any]]) -> str:
    """Build the page.

    Args:
        runs: Runs, newest first.
        letters: The newest dead letter of each record.

    Returns:
        HTML.
    """
    reports = [_totals(run) for run in runs]
    legend = "".join(
        f'<span class="swatch" style="background:{colour}"></span>{outcome}'
        for outcome, colour in OUTCOMES.items()
    )
    return _PAGE.format(
        count=len(runs),
        legend=legend,
        runs=_bars(reports[::-1]),
        reasons=_reasons(letters),
        table=_table(runs, reports),
    )


def _totals(run: Run) -> dict[str, int]:
    streams = json.loads(run.report or "{}").get("streams", {}).values()
    return {outcome: sum(stream.get(outcome, 0) for stream in streams) for outcome in OUTCOMES}


def _bars(reports: t.Sequence[t.Mapping[str, int]]) -> str:
    most = max((sum(report.values()) for report in reports), default=0) or 1
    width = max(len(reports) * (_BAR + _GAP), 60) + 60
    parts = [
        (
            f'<svg role="img" aria-label="Records per run, oldest first" width="{width}" '
            f'height="{_HEIGHT + 20}" viewBox="0 0 {width} {_HEIGHT + 20}">'
        ),
        (
            f'<text x="0" y="12" font-size="11">{most}</text>'
            f'<text x="0" y="{_HEIGHT}" font-size="11">0</text>'
        ),
    ]
    for place, report in enumerate(reports):
        x, y = 50 + place * (_BAR + _GAP), float(_HEIGHT)
        for outcome, colour in OUTCOMES.items():
            height = report[outcome] * (_HEIGHT - 10) / most
            y -= height
            if height:
                parts.append(
                    f'<rect x="{x}" y="{y:.1f}" width="{_BAR}" height="{height:.1f}" '
                    f'fill="{colour}"><title>{report[outcome]} {outcome}</title></rect>'
                )
    return "".join([*parts, "</svg>"])


def _reasons(letters: t.Iterable[t.Mapping[str, t.Any]]) -> str:
    counts = collections.Counter(
        (str(letter["stream"]), str(letter["class"]), str(letter["status"] or ""))
        for letter in letters
    )
    if not counts:
        return "<p>No record was refused.</p>"
    most = max(counts.values())
    rows = "".join(
        f"<tr><td>{html.escape(stream)}</td><td>{html.escape(reason)} {html.escape(status)}</td>"
        f'<td><svg width="200" height="12"><rect width="{200 * count / most:.0f}" height="12" '
        f'fill="{OUTCOMES["refused"]}"/></svg></td><td>{count}</td></tr>'
        for (stream, reason, status), count in counts.most_common(_REASONS)
    )
    return (
        "<table><tr><th>stream</th><th>class, status</th><th></th><th>records</th></tr>"
        f"{rows}</table>"
    )


def _table(runs: t.Sequence[Run], reports: t.Sequence[t.Mapping[str, int]]) -> str:
    head = "".join(f"<th>{outcome}</th>" for outcome in OUTCOMES)
    rows = "".join(
        f"<tr><td>{html.escape(run.started_at)}</td>"
        f"<td>{html.escape(run.ended_at or 'did not end')}</td>"
        + "".join(f"<td>{report[outcome]}</td>" for outcome in OUTCOMES)
        + "</tr>"
        for run, report in zip(runs, reports, strict=True)
    )
    return f"<table><tr><th>started</th><th>ended</th>{head}</tr>{rows}</table>"
