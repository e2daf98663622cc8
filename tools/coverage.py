"""Write docs/coverage.md: what reads or writes each operation of the vendors, or why nothing does.

The operations are those of the vendors' documents (tests/operations/<vendor>.json). What covers one
follows from the tables of the code; logins, connection tests, reasons, and what a guessed path
stands for are in coverage.json beside this file.

    python -m tools.coverage            write
    python -m tools.coverage --check    exit with 1 and a diff if the page is out of step
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import json
import pathlib
import re
import signal
import sys
import typing as t

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from erp_vendors.aim import AimResource
from erp_vendors.aim.operations import WRITE_SPECS, AimWriteSpec
from erp_vendors.aims360 import Aims360Resource
from erp_vendors.aimsio import AimsioResource
from erp_vendors.aimsio.client import PREFIX
from erp_vendors.cimcloud import CimcloudResource
from erp_vendors.pentamic.resources import PentamicResource
from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from target_erp.writers import UnknownStreamError, make_writer
from target_erp.writers.aim import AimWriter
from target_erp.writers.aim_lookups import look_up_of

if t.TYPE_CHECKING:
    from erp_vendors.resource import Resource
    from tap_erp.base import TapStream
    from target_erp.delivery import Writer

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = "docs/coverage.md"
OPERATIONS = ROOT / "tests/operations"
DATA = pathlib.Path(__file__).with_suffix(".json")
ROLES = ("login", "connection test")
"""What operations are used for besides streams and sinks."""

Config = dict[str, dict[str, t.Any]]

CREDENTIALS: Config = {
    "aim": dict.fromkeys(("api_key", "app_id", "username", "password"), "made-up"),
    "aims360": {"access_token": "made-up"},
    "aimsio": dict.fromkeys(("username", "password"), "made-up"),
    "cimcloud": dict.fromkeys(("site_name", "auth_key", "username", "password"), "made-up"),
    "pentamic": dict.fromkeys(("client_id", "client_secret", "scope"), "made-up"),
}
"""All vendors configured; nothing is called, so nobody is asked whether they are right."""
_EXPORT = "NAME"
_CHOSEN = "(as its entry says)"
OPTIONS: Config = {
    "aim": {"customer_access_tokens": {"accounts": [1]}},
    "aims360": {"aqua_exports": [{"name": _EXPORT, "source": "Orders", "view": "All Orders"}]},
    "cimcloud": {"read_online_orders": True},
}
"""Settings that bring further streams."""


@dataclasses.dataclass
class Entry:
    """A stream, a sink, or both under one name.

    Attributes:
        read_key: What identifies a record that is read; None if there is no stream.
        bookmark: Up to what a run has read.
        write_key: What identifies a record that is written; None if there is no sink.
        optional: It takes a setting to have the stream.
    """

    read_key: str | None = None
    bookmark: str = ""
    write_key: str | None = None
    optional: bool = False


class Use(t.NamedTuple):
    """A call that the code's tables make.

    Attributes:
        operation: Method and path.
        name: Stream or sink.
        resource: Name in the vendor's table.
        documented: The table does not call its path a guess.
    """

    operation: str
    name: str
    resource: str
    documented: bool


@dataclasses.dataclass
class Row:
    """An operation of a vendor's documents.

    Attributes:
        operation: Methods and path; a name in angle brackets where no path is public.
        mark: How sure the documents are of it.
        reason: Why nothing calls it.
        covers: What calls it.
        guesses: Paths that it is looked for at besides.
    """

    operation: str
    mark: str
    reason: str
    covers: list[str] = dataclasses.field(default_factory=list)
    guesses: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Found:
    """What the page says.

    Attributes:
        entries: Streams and sinks by vendor and name.
        rows: Operations by vendor.
        problems: What must not be: gaps, and data that is out of step; a line each.
    """

    entries: dict[str, dict[str, Entry]]
    rows: dict[str, list[Row]]
    problems: list[str]


def find() -> Found:
    """Ask the code what it has, and compare it with the vendors' operations; calls nobody."""
    tap = tap_with(OPTIONS)
    entries, uses = _reading(tap)
    _writing(tap, entries, uses)
    found = Found(entries, {}, [])
    data = json.loads(DATA.read_text("utf-8"))
    for vendor in VENDORS:
        own = {part: vendors.get(vendor, {}) for part, vendors in data.items()}
        found.rows[vendor] = _rows(found, vendor, uses[vendor], own)
    return found


def operations(vendor: str) -> list[dict[str, str]]:
    """The operations that a vendor's documents name.

    Args:
        vendor: Its name.

    Returns:
        `operation`, `section` of the fact sheet, and `mark` of each.
    """
    text = (OPERATIONS / f"{vendor}.json").read_text("utf-8")
    return t.cast("list[dict[str, str]]", json.loads(text))


def plain(operation: str) -> set[str]:
    """The calls that an operation may be, a method each, whatever its parameters are called.

    Args:
        operation: Methods with commas between them, and a path.
    """
    methods, _, path = operation.partition(" ")
    path = re.sub(r"\{[^}]*\}", "{}", path)
    return {f"{method} {path}" for method in methods.split(",")}


def page(found: Found) -> str:
    """The page's text.

    Args:
        found: See `find`.
    """
    lines = [
        "# Coverage: streams, sinks, and every operation of the vendors",
        "",
        "Written by `python -m tools.coverage` (`make settings`) from the code's tables; do not",
        "edit it. Reasons come from `tools/coverage.json`, the operations that public documents",
        "name from `tests/operations/`. A path that these do not name can be set with `resources`:",
        "[reading](reading.md).",
        "",
        "## Streams and sinks",
        "",
        "`*`: only with a setting of its own (`aqua_exports`, `customer_access_tokens`,",
        "`read_online_orders`). A key in parts has `+` between them; commas separate alternatives,",
        "of which a record needs one. (none): nothing tells two records apart, so loaders append",
        "what is read, and each record is written once. Start of the run: the records carry no",
        "stamp, but the vendor can be asked for what has changed since.",
    ]
    for vendor, entries in found.entries.items():
        read = sum(entry.read_key is not None for entry in entries.values())
        written = sum(entry.write_key is not None for entry in entries.values())
        lines += [
            "",
            f"### {VENDORS[vendor].title}: streams {read}, sinks {written}",
            "",
            "| Stream, sink | Read: key properties | Replication key | Written: found by |",
            "|---|---|---|---|",
        ]
        for name, entry in sorted(entries.items()):
            star = " `*`" if entry.optional else ""
            key = "(not read)" if entry.read_key is None else entry.read_key
            by = "(not written)" if entry.write_key is None else entry.write_key
            lines.append(f"| `{name}`{star} | {key} | {entry.bookmark} | {by} |")
    lines += [
        "",
        "## Operations",
        "",
        "Marks: DOC stated in the vendor's public documents, OBS seen in public client code (v: of",
        "the vendor's staff), INF assumed, UNK not found. `<...>`: no path is public; what is",
        "guessed instead can be replaced with `resources`. CIMcloud's PUT takes the place of POST",
        "with `cimcloud.write_method`.",
    ]
    for vendor, rows in found.rows.items():
        covered = sum(bool(row.covers) for row in rows)
        lines += [
            "",
            f"### {VENDORS[vendor].title}: {covered} of {len(rows)} covered",
            "",
            "| Operation | Mark | Covered by, or why it is left out |",
            "|---|---|---|",
        ]
        for row in rows:
            text = ", ".join(dict.fromkeys(row.covers)) or f"Left out: {row.reason}."
            if row.guesses:
                text += f" (guessed: {_key([path] for path in dict.fromkeys(row.guesses))})"
            lines.append(f"| `{row.operation}` | {row.mark} | {text} |")
    return "\n".join(lines) + "\n"


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Write the page, or check it.

    Args:
        arguments: The command line without the program's name.

    Returns:
        Exit code.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, show a diff")
    check: bool = parser.parse_args(arguments).check
    found = find()
    for problem in found.problems:
        sys.stderr.write(f"{problem}\n")
    path = ROOT / PAGE
    old = path.read_text("utf-8") if path.exists() else ""
    new = page(found)
    if new != old and check:
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
        sys.stdout.writelines(difflib.unified_diff(before, after, PAGE, "as it should be"))
    elif new != old:
        path.write_text(new, "utf-8")
        sys.stdout.write(f"{PAGE}: written\n")
    return 1 if found.problems or (check and new != old) else 0


def tap_with(options: Config) -> TapErp:
    """A tap with all vendors, which leaves this process's signal handlers alone.

    Args:
        options: Settings beside the credentials.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    config = {name: {**block, **options.get(name, {})} for name, block in CREDENTIALS.items()}
    try:
        return TapErp(config=config)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _reading(tap: TapErp) -> tuple[dict[str, dict[str, Entry]], dict[str, list[Use]]]:
    """The streams, and the calls that they make."""
    always = {stream.name for stream in tap_with({}).erp_streams}
    entries: dict[str, dict[str, Entry]] = {vendor: {} for vendor in VENDORS}
    uses: dict[str, list[Use]] = {vendor: [] for vendor in VENDORS}
    for stream in tap.erp_streams:
        name = stream.name.replace(_EXPORT, "<name>")
        entries[stream.vendor][name] = Entry(
            _key([stream.primary_keys]) if name == stream.name else _CHOSEN,
            _bookmark(stream) if name == stream.name else _CHOSEN,
            optional=stream.name not in always,
        )
        # The index of Aimsio's objects is made of several resources, an export of none.
        many: t.Iterable[Resource] = getattr(stream, "resources", ())
        one: Resource | None = getattr(stream, "resource", None) if name == stream.name else None
        for resource in many if one is None else (one,):
            calls = list(_reads(resource))
            uses[stream.vendor] += [
                Use(call, f"stream `{name}`", resource.name, resource.documented)
                for call in (calls if one is not None else calls[:1])
            ]
    return entries, uses


def _writing(tap: TapErp, entries: dict[str, dict[str, Entry]], uses: dict[str, list[Use]]) -> None:
    """Add the sinks, and the calls that they make."""
    for vendor in VENDORS:
        for name, writer in writers(tap, vendor):
            entry = entries[vendor].setdefault(writer.stream, Entry())
            place: AimWriteSpec | Resource
            if isinstance(writer, AimWriter):
                place, documented = writer.sink, True
                entry.write_key = _key(place.keys)
            else:
                # What all others have, though no two of them by the same base class.
                other = t.cast("t.Any", writer)
                place, documented = other.resource, other.resource.documented
                entry.write_key = _key([key] for key in other.keys)
            uses[vendor] += [
                Use(call, f"sink `{writer.stream}`", name, documented) for call in _writes(place)
            ]


def writers(tap: TapErp, vendor: str) -> t.Iterator[tuple[str, Writer]]:
    """The sinks of a vendor, each with the name of its resource.

    Args:
        tap: What has the vendor's client.
        vendor: Its name.
    """
    names = [*tap.client(vendor).resources, *(sink.name for sink in WRITE_SPECS if vendor == "aim")]
    for name in dict.fromkeys(names):
        try:
            yield name, make_writer(tap, f"{vendor}_{name}", ())
        except UnknownStreamError:
            continue


def _bookmark(stream: TapStream) -> str:
    if stream.replication_key:
        return f"`{stream.replication_key}`"
    return "Start of the run" if stream.replication_method == REPLICATION_INCREMENTAL else ""


def _key(alternatives: t.Iterable[t.Iterable[str]]) -> str:
    texts = (" + ".join(f"`{name}`" for name in names) for names in alternatives)
    return ", ".join(filter(None, texts)) or "(none)"


def _reads(resource: Resource) -> t.Iterator[str]:
    """How a resource is read: what its vendor's client makes of its table entry."""
    match resource:
        case AimsioResource():
            yield f"GET {PREFIX}{resource.path}"
            yield f"GET {PREFIX}{resource.path}/{{}}"
        case Aims360Resource():
            yield f"GET {resource.path}"
            if resource.single_path:
                yield f"GET {resource.single_path}/{{}}"
        case AimResource() | PentamicResource():
            yield f"GET /api/{resource.path.lstrip('/')}"
        case CimcloudResource():
            yield from (f"GET {path}" for path in resource.paths)


def _writes(place: AimWriteSpec | Resource) -> t.Iterator[str]:
    """How a sink writes, looking for the record included."""
    match place:
        case AimWriteSpec():
            yield from (f"{action.method} /api/{action.name}" for action in place.operations)
            for look_up in filter(None, map(look_up_of, place.operations)):
                yield f"GET /api/{look_up.read}"
        case AimsioResource():
            yield f"POST {PREFIX}{place.write_path}"
        case Aims360Resource():
            yield f"POST {place.write_path}"
        case PentamicResource():
            yield f"POST /api{place.write_path}"
            yield f"PUT /api{place.write_path}/{{}}"
            yield f"DELETE /api{place.write_path}/{{}}"
        case CimcloudResource():
            methods = ("POST",) if place.special else ("POST", "PUT")
            for path in (place.write_path,) if place.write_path else place.paths:
                yield from (f"{method} {path}" for method in methods)


def _rows(
    found: Found, vendor: str, uses: t.Iterable[Use], data: t.Mapping[str, t.Mapping[str, t.Any]]
) -> list[Row]:
    """The operations of one vendor; notes in `found` what does not fit together."""
    rows = [
        Row(entry["operation"], entry["mark"], reason=reason)
        for entry in operations(vendor)
        for reason in [_reason(entry["operation"], data["left_out"])]
    ]
    by_call = {call: row for row in rows for call in plain(row.operation)}
    by_name = {row.operation: row for row in rows}
    problems = _cover(by_call, uses, data["guesses"])
    for role, names in data["used"].items():
        if role not in (*ROLES, *found.entries[vendor]):
            problems.append(f"coverage.json: '{role}' is neither a role nor a stream")
        for row in filter(None, map(by_name.get, names)):
            row.covers.append(role if role in ROLES else f"stream `{role}`")
    for names in (*data["used"].values(), *data["left_out"].values()):
        problems += [
            f"coverage.json: '{name}' is no operation of tests/operations"
            for name in names
            if name not in by_name
        ]
    for row in rows:
        if not row.covers and not row.reason:
            problems.append(f"{row.operation}: neither covered nor left out for a reason")
        if row.covers and row.reason:
            problems.append(f"{row.operation}: left out, but covered by {', '.join(row.covers)}")
    found.problems += [f"{vendor}: {problem}" for problem in problems]
    return rows


def _reason(operation: str, left_out: t.Mapping[str, list[str]]) -> str:
    return next((reason for reason, names in left_out.items() if operation in names), "")


def _cover(
    by_call: t.Mapping[str, Row], uses: t.Iterable[Use], guesses: t.Mapping[str, str]
) -> list[str]:
    """Note in each row what calls it; returns what is wrong with the calls."""
    problems: list[str] = []
    needed: set[str] = set()
    for use in uses:
        (call,) = plain(use.operation)
        method, _, path = call.partition(" ")
        row = by_call.get(call)
        if row is None and not use.documented and use.resource in guesses:
            needed.add(use.resource)
            row = by_call.get(f"{method} {guesses[use.resource]}")
            if row is not None:
                row.guesses.append(path)
        if row is None:
            problems.append(f"{use.name}: no document names '{call}', and no guess explains it")
        else:
            row.covers.append(use.name)
    problems += [f"coverage.json: '{name}' is no guess" for name in guesses if name not in needed]
    return problems


if __name__ == "__main__":
    sys.exit(main())
