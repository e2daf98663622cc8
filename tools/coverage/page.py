"""The text of docs/coverage.md."""

from __future__ import annotations

import textwrap
import typing as t

from erp_vendors.vendors import VENDORS
from tools.coverage.data import data_of
from tools.coverage.entries import options, spelled_key

if t.TYPE_CHECKING:
    from tools.coverage.compare import Found
    from tools.coverage.entries import Entry

PAGE = "docs/coverage.md"
_WIDTH = 95


def page_of(found: Found) -> str:
    """The page's text.

    Args:
        found: What `tools.coverage.compare.find` has found.
    """
    lines = [
        "# Coverage: streams, sinks, and every operation of the vendors",
        "",
        *_wrapped(
            "Written by `python -m tools.coverage` (`make settings`) from the code's tables; do "
            "not edit it. Reasons come from `tools/coverage/vendors/`, the operations that public "
            "documents name from `tests/operations/`. A path that these do not name can be set "
            "with `resources`: [reading](reading.md)."
        ),
        "",
        "## Streams and sinks",
        "",
        *_wrapped(
            f"`*`: only with a setting of its own ({', '.join(_optional())}). A key in parts has "
            "`+` between them; commas separate alternatives, of which a record needs one. (none): "
            "nothing tells two records apart, so loaders append what is read, and each record is "
            "written once. Start of the run: the records carry no stamp, but the vendor can be "
            "asked for what has changed since."
        ),
    ]
    for vendor, entries in found.entries.items():
        read = sum(entry.read_key is not None for entry in entries.values())
        written = sum(entry.write_key is not None for entry in entries.values())
        lines += [
            "",
            f"### {VENDORS[vendor].title}: streams {read}, sinks {written}",
            "",
            *entry_table(entries),
        ]
    lines += [
        "",
        "## Operations",
        "",
        *_wrapped(
            "Marks: DOC stated in the vendor's public documents, OBS seen in public client code "
            "(v: of the vendor's staff), INF assumed, UNK not found. `<...>`: no path is public; "
            "what is guessed instead can be replaced with `resources`.",
            *(data_of(vendor).note for vendor in found.rows),
        ),
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
                text += f" (guessed: {spelled_key([path] for path in dict.fromkeys(row.guesses))})"
            lines.append(f"| `{row.operation}` | {row.mark} | {text} |")
    return "\n".join(lines) + "\n"


def entry_table(entries: t.Mapping[str, Entry]) -> list[str]:
    """The lines of a table of streams and sinks.

    Args:
        entries: A vendor's, by name.
    """
    lines = [
        "| Stream, sink | Read: key properties | Replication key | Written: found by |",
        "|---|---|---|---|",
    ]
    for name, entry in sorted(entries.items()):
        star = " `*`" if entry.optional else ""
        key = "(not read)" if entry.read_key is None else entry.read_key
        by = "(not written)" if entry.write_key is None else entry.write_key
        lines.append(f"| `{name}`{star} | {key} | {entry.bookmark} | {by} |")
    return lines


def _optional() -> list[str]:
    return sorted(f"`{name}`" for given in options().values() for name in given)


def _wrapped(*sentences: str) -> list[str]:
    return textwrap.wrap(" ".join(filter(None, sentences)), _WIDTH, break_on_hyphens=False)
