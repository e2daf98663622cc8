"""Draw the pictures of docs/ that show what a command says, from the sandbox's answers.

    python -m tools.pictures            draw

They hold no fonts and fetch nothing. What a command says is tested where it is made; the pictures
are drawn anew by hand when it has changed.
"""

from __future__ import annotations

import io
import sys

from rich.console import Console
from rich.terminal_theme import MONOKAI

from demo.sandbox import DemoSandbox, block
from erp_cli.doctor import show
from erp_cli.doctor.changes import changes_of
from erp_cli.doctor.examination import examine, plan
from erp_sandbox.testing import running_sandbox
from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from tools.generated import ROOT

_VARIANTS = {
    "cimcloud.date_literal": "iso",
    "cimcloud.stamp_column": "modified_date",
    "cimcloud.past_end": "not-found",
}
_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" \
xmlns="http://www.w3.org/2000/svg" role="img" aria-label="erp doctor">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Consolas, "DejaVu Sans Mono", monospace;
 font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>{lines}</defs>
<rect fill="#1b1d23" width="{width}" height="{height}" rx="8"/>
<g transform="translate(9, 9)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def doctor() -> str:
    """The summary of an examination, as SVG."""
    with running_sandbox(size=120, variants=_VARIANTS) as sandbox:
        played = DemoSandbox(sandbox.url).vendors()["cimcloud"]
        config = {"cimcloud": block(VENDORS["cimcloud"], played)}
        tap = TapErp(config=config, differs_on_purpose=TapErp.config_jsonschema["properties"])
        report = examine(plan(tap, "cimcloud", (), deep=False, most=None))
        fit = changes_of(report, config["cimcloud"])
    console = Console(record=True, width=112, file=io.StringIO(), force_terminal=True)
    console.print(show.summary(show.Shown(report, fit, ())))
    return console.export_svg(code_format=_FORMAT, theme=MONOKAI, unique_id="doctor")


def main() -> int:
    """Draw all pictures.

    Returns:
        Exit code.
    """
    file = ROOT / "docs" / "pictures" / "doctor.svg"
    file.parent.mkdir(exist_ok=True)
    file.write_text(doctor(), "utf-8")
    sys.stdout.write(f"{file.relative_to(ROOT)}: drawn\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
