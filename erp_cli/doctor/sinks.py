"""What reads say of the sinks: the keys that exist, values in use, and what stays open."""

from __future__ import annotations

import re
import typing as t

from erp_cli.doctor.columns import is_unique
from erp_vendors.errors import ErpError
from target_erp.templates import Property, properties
from target_erp.writers import make_writer, sink_names

if t.TYPE_CHECKING:
    from erp_cli.doctor.examination import Report
    from erp_cli.doctor.examiner import Row
    from target_erp.target import TargetErp

_FEW = 8
"""Most values of a column that looks like an enumeration."""
_WORD = re.compile(r"[\w.-]{1,30}")
"""What a value of an enumeration looks like; names and addresses of people do not."""
_ENOUGH = 10
"""Rows without which few values say nothing."""


class SinkNote(t.NamedTuple):
    """One thing about what can be written.

    Attributes:
        name: The sink, or the name of an assumption.
        about: What it says something of: `keys`, `required`, `values`, or `open`.
        said: What was seen, or the smallest safe trial.
    """

    name: str
    about: str
    said: str


def sink_notes(target: TargetErp, report: Report) -> t.Iterator[SinkNote]:
    """What the samples of an examination say of the sinks; no call is made.

    Args:
        target: The target with the same configuration.
        report: The examination of a vendor.
    """
    for sink in sink_names(target, report.vendor):
        sample = report.samples.get(sink.removeprefix(f"{report.vendor}_"))
        rows = sample.rows if sample else []
        try:
            documented = make_writer(target, sink, ()).documented
        except ErpError as error:
            yield SinkNote(sink, "open", str(error))
            continue
        if documented is None:
            continue
        found = properties(documented)
        yield from _keys(sink, documented.keys, rows)
        required = [one.name for one in found if one.required]
        if required:
            lacking = [name for name in required if rows and not _have(rows, name)]
            said = ", ".join(required)
            if lacking:
                said += f" (no row that was read has {', '.join(lacking)})"
            yield SinkNote(sink, "required", said)
        yield from _values(sink, found, rows)
    for one in report.open_writes:
        said = f"{one.text} Smallest safe trial: {one.trial}."
        yield SinkNote(one.name, "open", f"{said} Setting: {one.setting}." if one.setting else said)


def _keys(
    sink: str, alternatives: t.Iterable[tuple[str, ...]], rows: t.Sequence[Row]
) -> t.Iterator[SinkNote]:
    for names in alternatives:
        having = [row for row in rows if all(row.get(name) not in (None, "") for name in names)]
        name = " + ".join(names)
        if not having:
            said = f"{name}: in no row that was read" if rows else f"{name}: nothing was read"
        else:
            unique = "all different" if is_unique(having, names) else "some of them equal"
            said = f"{name}: {len(having)} of {len(rows)} rows have it, {unique}"
        yield SinkNote(sink, "keys", said)


def _values(sink: str, found: t.Iterable[Property], rows: t.Sequence[Row]) -> t.Iterator[SinkNote]:
    """Columns with few values, which are taken for enumerations; what they hold is shown."""
    for one in found:
        values = [row[one.name] for row in rows if isinstance(row.get(one.name), (str, bool))]
        kinds = list(dict.fromkeys(map(str, values)))
        documented = {str(value).strip() for value in one.schema.get("enum", ())}
        if documented:
            others = [kind for kind in kinds if kind.strip() not in documented]
            if others:
                said = f"{one.name}: also {', '.join(others[:_FEW])}, which no document names"
                yield SinkNote(sink, "values", said)
        elif (
            len(values) >= _ENOUGH
            and 1 < len(kinds) <= min(_FEW, len(values) // 3)
            and all(map(_WORD.fullmatch, kinds))
        ):
            yield SinkNote(sink, "values", f"{one.name}: {', '.join(kinds)}")


def _have(rows: t.Iterable[Row], name: str) -> bool:
    return any(row.get(name) not in (None, "") for row in rows)
