"""Write docs/assumptions.md from the vendors' tables of assumptions.

python -m tools.assumptions            write
python -m tools.assumptions --check    exit with 1 and a diff if the page is out of step
"""

from __future__ import annotations

import importlib
import sys
import typing as t

from erp_vendors.vendors import VENDORS
from tools import generated

if t.TYPE_CHECKING:
    from erp_vendors.assumption import Assumption

PAGE = "docs/assumptions.md"
_HEAD = """\
# What is assumed

*Written by `make settings` from `erp_vendors/<vendor>/assumptions.py`.*

The vendors' public documents leave these points open. Each is a setting or a branch that takes
several answers, and [`erp doctor`](first-contact.md) finds out what is so at your account, as far
as reads can tell. The sections are those of the vendors' fact sheets.
"""


def page() -> str:
    """The page's text."""
    return "\n".join([_HEAD, *(part for name in VENDORS for part in _vendor(name))])


def _vendor(name: str) -> list[str]:
    table: tuple[Assumption, ...] = importlib.import_module(
        f"erp_vendors.{name}.assumptions"
    ).ASSUMPTIONS
    reads = [one for one in table if not one.writes]
    writes = [one for one in table if one.writes]
    lines = [
        f"## {VENDORS[name].title}",
        "",
        "| name | assumed | how reads tell | what changes it |",
        "|---|---|---|---|",
    ]
    for one in reads:
        told = one.told_by or f"they cannot: {one.untold}"
        lines.append(f"| `{one.name}` ({one.section}) | {one.text} | {told} | {one.setting} |")
    if writes:
        lines += [
            "",
            "| about writes | assumed | smallest safe trial | what changes it |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| `{one.name}` ({one.section}) | {one.text} | {one.trial} | {one.setting} |"
            for one in writes
        ]
    return [*lines, ""]


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Write the page, or check it.

    Args:
        arguments: The command line without the program's name.

    Returns:
        Exit code: 1 if `--check` was given and the page is out of step.
    """
    check = generated.is_check(__doc__, arguments)
    return int(generated.write(PAGE, page(), check=check) and check)


if __name__ == "__main__":
    sys.exit(main())
