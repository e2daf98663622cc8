"""What the scripts have in common that write files of this repository."""

from __future__ import annotations

import argparse
import difflib
import pathlib
import sys
import typing as t

ROOT = pathlib.Path(__file__).resolve().parent.parent


def is_check(doc: str | None, arguments: t.Sequence[str] | None) -> bool:
    """Read a script's command line, whose only option is `--check`.

    Args:
        doc: The script's docstring; its first line is the description.
        arguments: The command line without the program's name.
    """
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, show a diff")
    return bool(parser.parse_args(arguments).check)


def write(name: str, text: str, *, check: bool) -> bool:
    """Write a file if its text has changed, or show the difference.

    Args:
        name: Path of the file from the top of the repository.
        text: What the file should hold.
        check: Change nothing.

    Returns:
        Whether the file held something else.
    """
    path = ROOT / name
    old = path.read_text("utf-8") if path.exists() else ""
    if text == old:
        return False
    if check:
        before, after = old.splitlines(keepends=True), text.splitlines(keepends=True)
        sys.stdout.writelines(difflib.unified_diff(before, after, name, "as it should be"))
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        sys.stdout.write(f"{name}: written\n")
    return True
