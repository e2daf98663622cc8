"""Write docs/vendors/answers.md: what counts as done, sink by sink.

Each sink states what the answer to a write that has worked looks like, how a record is looked for,
and what proves that it is not there (`Writer.statement`).

    python -m tools.answers            write
    python -m tools.answers --check    exit with 1 and a diff if the page is out of step
"""

from __future__ import annotations

import dataclasses
import sys
import typing as t

from erp_vendors.vendors import VENDORS
from tools import generated
from tools.coverage.entries import tap_with, writers

if t.TYPE_CHECKING:
    from target_erp.delivery import Writer

PAGE = "docs/vendors/answers.md"
CUSTOM = "custom_example"
_ENTRY = {"name": CUSTOM, "path": "/x", "write_path": "/x", "primary_keys": ["your key"]}
_SCHEMA = {"type": "object", "properties": {"your key": {"type": "string"}}}


class Row(t.NamedTuple):
    """A sink, or a kind of them.

    Attributes:
        vendor: Its vendor.
        name: What the page calls it.
        writer: How it writes.
    """

    vendor: str
    name: str
    writer: Writer


def rows() -> list[Row]:
    """All sinks, and for each vendor a custom one without and with an OpenAPI file's schema."""
    tap = tap_with({vendor: {"resources": [_ENTRY]} for vendor in VENDORS})
    found = []
    for vendor in VENDORS:
        sinks = list(writers(tap, vendor))
        found += [Row(vendor, f"`{one.stream}`", one) for name, one in sinks if name != CUSTOM]
        found += [Row(vendor, "a custom one", one) for name, one in sinks if name == CUSTOM]
        resources = tap.client(vendor).resources
        resources[CUSTOM] = dataclasses.replace(resources[CUSTOM], answer_schema=_SCHEMA)
        described = dict(writers(tap, vendor))[CUSTOM]
        found.append(Row(vendor, "one of an OpenAPI file with the schema of its answer", described))
    return found


def page(found: t.Iterable[Row]) -> str:
    """The page's text, made of what `rows` has found."""
    lines = [
        "# What counts as done",
        "",
        "Written by `python -m tools.answers` (`make settings`) from the code; do not edit it.",
        "Numbers are chapters of the vendor's fact sheet. DOC: stated in public documents; OBS:",
        "seen in public client code (v: of the vendor's staff); INF: assumed; UNK: not known.",
        "",
        "- **Success**: the answers with a 2xx status that count as done. A page of HTML, JSON",
        "  that breaks off, and an object with an error or a message and no sign of the record",
        "  never do. The setting `success` of an entry in `resources` adds to them. *Learned*:",
        "  the first answer is settled by looking for the record; if it is there, what the answer",
        "  looks like counts from then on, also in later runs.",
        "- **Looked for**: how the vendor is asked whether it has a record.",
        "- **Not there**: what proves that it has none, so that the record may be sent again.",
        "  Where nothing proves it, a record whose answer is lost is parked as unknown.",
    ]
    for vendor, definition in VENDORS.items():
        lines += [
            "",
            f"## {definition.title}",
            "",
            "| Sink | Success | Looked for | Not there |",
            "|---|---|---|---|",
        ]
        alike: dict[t.Any, list[str]] = {}
        for row in found:
            if row.vendor == vendor:
                alike.setdefault(row.writer.statement, []).append(row.name)
        for statement, names in alike.items():
            cells = (", ".join(names), *statement)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Write the page, or check it.

    Args:
        arguments: The command line without the program's name.

    Returns:
        Exit code.
    """
    check = generated.is_check(__doc__, arguments)
    stale = generated.write(PAGE, page(rows()), check=check)
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
