"""Say whether version, changelog, tag and the repository's address agree.

    python -m tools.release                                      version and changelog
    python -m tools.release --tag v0.1.0 --repository URL        what is about to be published

It needs nothing but Python.
"""

from __future__ import annotations

import argparse
import datetime as dt
import pathlib
import re
import sys
import typing as t

ROOT = pathlib.Path(__file__).resolve().parent.parent
_VERSION = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
_REPOSITORY = re.compile(r'^Repository = "([^"]+)"$', re.MULTILINE)
_HEADING = re.compile(r"^## \[([^\]]+)\](?: - (\S+))?$", re.MULTILINE)
_UNRELEASED = "unreleased"


def problems(
    project: str, changelog: str, tag: str | None = None, repository: str | None = None
) -> list[str]:
    """What does not agree, a line each.

    Args:
        project: Text of pyproject.toml.
        changelog: Text of CHANGELOG.md.
        tag: Tag of the release, if there is to be one now.
        repository: Address that it is made from.
    """
    version = _first(_VERSION, project)
    headings = [(name, date) for name, date in _HEADING.findall(changelog) if name != "Unreleased"]
    found = []
    if not headings or headings[0][0] != version:
        newest = headings[0][0] if headings else "none"
        found.append(f"pyproject.toml has version {version}, CHANGELOG.md begins with {newest}")
    numbers = [tuple(map(int, name.split("."))) for name, _ in headings]
    if numbers != sorted(set(numbers), reverse=True):
        found.append("CHANGELOG.md: versions must stand once each, the newest first")
    for number, (name, date) in enumerate(headings):
        if not _is_date(date) and not (number == 0 and date == _UNRELEASED):
            found.append(f"CHANGELOG.md: {name} needs its date, such as 2026-01-31")
    if tag is not None:
        if tag != f"v{version}":
            found.append(f"the tag {tag} is not v{version}, the version of pyproject.toml")
        if headings and headings[0][1] == _UNRELEASED:
            found.append(f"CHANGELOG.md: {version} has no date yet")
        if re.search(r"^## \[Unreleased\]\n+(?!## )\S", changelog, re.MULTILINE):
            found.append(f"CHANGELOG.md: what stands under Unreleased belongs to {version}")
    if repository is not None and repository != _first(_REPOSITORY, project):
        found.append(f"pyproject.toml: [project.urls] does not name {repository}")
    return found


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Check, and print what does not agree.

    Args:
        arguments: The command line without the program's name.

    Returns:
        Exit code.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tag", help="tag of the release")
    parser.add_argument("--repository", help="address of the repository that it is made from")
    options = parser.parse_args(arguments)
    project, changelog = ((ROOT / name).read_text("utf-8") for name in _FILES)
    found = problems(project, changelog, options.tag, options.repository)
    sys.stderr.write("".join(f"{line}\n" for line in found))
    return int(bool(found))


_FILES = ("pyproject.toml", "CHANGELOG.md")

if __name__ == "__main__":
    sys.exit(main())
