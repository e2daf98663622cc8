"""Write docs/dependencies.md: what is required, why, and under which licence.

The requirements and their reasons, which stand behind them as comments, come from pyproject.toml;
the licences from what is installed. What is not installed here, as it is for another Python or
platform, keeps the licence that the page says.

    python -m tools.dependencies            write
    python -m tools.dependencies --check    exit with 1 and a diff if the page is out of step
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
import typing as t

from tools import generated

PAGE = "docs/dependencies.md"
_HEAD = """\
# Dependencies

*Written by `make settings` from `pyproject.toml` and the metadata of the installed packages.*

The licences are those that the packages themselves state. `constraints.txt` has the versions that
the tests run with, those of indirect dependencies too.
"""
LISTS = {
    "dependencies": "Always",
    "sandbox": "Extra `sandbox`",
    "meltano": "Extra `meltano`",
    "postgres": "Extra `postgres`",
    "redis": "Extra `redis`",
    "dev": "To work on it (`dev`)",
    "docs": "To build the documentation (`docs`)",
    "release": "To release it (`release`)",
}
"""Lists of pyproject.toml, with their headings."""
_VENDORED = """\
## In the repository

| What | Why | Licence |
|---|---|---|
| `docs/assets/mermaid/mermaid.tiny.js`, \
[@mermaid-js/tiny](https://www.npmjs.com/package/@mermaid-js/tiny) 11.17.2 | draws the diagrams of \
the documentation site; no part of the wheel | MIT |
"""
_LIST = re.compile(r"^(?P<name>[a-z]+) = \[\n(?P<lines>.*?)^\]$", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r'^  "(?P<what>[^"]+)",(?: #(?P<why>.*))?$', re.MULTILINE)
_ROW = re.compile(r"^\| `(?P<name>[\w.-]+)[^`]*` \|.*\| (?P<licence>[^|]+) \|$", re.MULTILINE)
_SPELLINGS = (
    ("apache", "Apache-2.0"),
    ("mit", "MIT"),
    ("bsd", "BSD"),
    ("mozilla", "MPL-2.0"),
    ("lgpl", "LGPL-3.0-only"),
    ("lesser", "LGPL-3.0-only"),
)
"""Licences by a word of what packages say that have no SPDX expression."""


class ReasonError(Exception):
    """A requirement has no reason behind it."""


def requirements(text: str) -> dict[str, dict[str, tuple[str, str]]]:
    """Names of distributions by list, each with its requirement and its reason.

    Args:
        text: pyproject.toml.

    Raises:
        ReasonError: If a requirement has no reason.
    """
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for block in _LIST.finditer(text):
        if block["name"] not in LISTS:
            continue
        entries = found.setdefault(block["name"], {})
        for line in _LINE.finditer(block["lines"]):
            if not (line["why"] or "").strip():
                msg = f"pyproject.toml: say behind {line['what']!r}, as a comment, why it is needed"
                raise ReasonError(msg)
            required = line["what"].partition(";")[0].strip()
            name = re.split(r"[^\w.-]", required, maxsplit=1)[0]
            known = entries.get(name)
            entries[name] = (
                f"{known[0]}, or {required[len(name) :]}" if known else required,
                line["why"].strip(),
            )
    return found


def page(text: str, before: str) -> str:
    """The page's text.

    Args:
        text: pyproject.toml.
        before: The page as it is, for licences of what is not installed.
    """
    known = {row["name"]: row["licence"] for row in _ROW.finditer(before)}
    lines = [_HEAD]
    for part, entries in requirements(text).items():
        lines += [f"## {LISTS[part]}", "", "| What | Why | Licence |", "|---|---|---|"]
        for name, (required, why) in entries.items():
            stated = licence(name) or known.get(name, "not known here")
            lines.append(f"| `{required}` | {why} | {stated} |")
        lines.append("")
    return "\n".join([*lines, _VENDORED])


def licence(name: str) -> str:
    """What an installed distribution says of its licence; empty if it is not installed.

    Args:
        name: Name of the distribution.
    """
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    if expression := metadata.get_all("License-Expression"):
        return str(expression[0])
    said = [one for one in metadata.get_all("Classifier") or [] if one.startswith("License ::")]
    said += [str(one).partition("\n")[0] for one in metadata.get_all("License") or []]
    for word, spelling in _SPELLINGS:
        if any(word in one.lower() for one in said):
            return spelling
    return "; ".join(filter(None, said)) or "not stated"


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Write the page, or check it.

    Args:
        arguments: The command line without the program's name.

    Returns:
        Exit code: 1 if `--check` was given and the page is out of step.
    """
    check = generated.is_check(__doc__, arguments)
    path = generated.ROOT / PAGE
    before = path.read_text("utf-8") if path.exists() else ""
    text = page((generated.ROOT / "pyproject.toml").read_text("utf-8"), before)
    return int(generated.write(PAGE, text, check=check) and check)


if __name__ == "__main__":
    sys.exit(main())
