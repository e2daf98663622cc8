"""The command; see the package."""

from __future__ import annotations

import sys
import typing as t

from tools import coverage, generated
from tools.coverage.compare import find
from tools.coverage.page import PAGE, page_of


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Write the page, or check it.

    Args:
        arguments: The command line without the program's name.

    Returns:
        Exit code.
    """
    check = generated.is_check(coverage.__doc__, arguments)
    found = find()
    for problem in found.problems:
        sys.stderr.write(f"{problem}\n")
    stale = generated.write(PAGE, page_of(found), check=check)
    return 1 if found.problems or (check and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
