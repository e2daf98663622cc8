"""Draw the pictures of docs/ that show what people see, from the sandbox's answers.

    python -m tools.pictures                    draw all of them
    python -m tools.pictures progress.svg       draw one

They hold no fonts and fetch nothing. What a command says is tested where it is made; the pictures
are drawn anew by hand when it has changed. The report needs Chromium.
"""

from __future__ import annotations

import argparse
import sys
import typing as t

from tools.generated import ROOT
from tools.pictures.doctor import doctor
from tools.pictures.progress import progress
from tools.pictures.report import report

PICTURES: dict[str, t.Callable[[], bytes]] = {
    "doctor.svg": doctor,
    "progress.svg": progress,
    "report.png": report,
}


def main() -> int:
    """Draw pictures.

    Returns:
        Exit code.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    folder = ROOT / "docs" / "pictures"
    folder.mkdir(exist_ok=True)
    for name in parser.parse_args().names or PICTURES:
        (folder / name).write_bytes(PICTURES[name]())
        sys.stdout.write(f"docs/pictures/{name}: drawn\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
