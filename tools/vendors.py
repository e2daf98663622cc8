"""Write the parts of docs/vendors/<vendor>.md that follow from the code.

A page marks each of them with `<!-- NAME -->` and `<!-- /NAME -->`: what a login needs, the limits
that are kept, streams and sinks, what is assumed, and what to ask the vendor. What stands between
the marks comes from the vendor's settings, its streams and sinks, and its table of assumptions.

docs/scale.md gets the number of calls that an account can make in a day.

    python -m tools.vendors            write
    python -m tools.vendors --check    exit with 1 and a diff if a page is out of step
"""

from __future__ import annotations

import importlib
import sys
import typing as t

from erp_vendors.vendors import VENDORS
from tools import generated
from tools.coverage.entries import entries_and_uses
from tools.coverage.page import entry_table
from tools.settings import filled

if t.TYPE_CHECKING:
    from erp_vendors.assumption import Assumption
    from erp_vendors.settings import Setting
    from erp_vendors.vendor import Vendor
    from tools.coverage.entries import Entry

_LIMITS = ("requests_per_second", "calls_per_minute", "max_concurrency", "batch_size", "page_size")
"""Settings that say how hard a vendor may be worked, in the order of the page."""
PARTS = ("needed", "limits", "streams-and-sinks", "assumed", "to-ask")
"""Names of the parts of a vendor's page."""
_DAY = 86_400
"""Seconds."""
_SCALE = "docs/scale.md"


def page_name(vendor: str) -> str:
    """Path of a vendor's page.

    Args:
        vendor: Its name.
    """
    return f"docs/vendors/{vendor}.md"


def parts(vendor: str, entries: t.Mapping[str, Entry]) -> dict[str, list[str]]:
    """The lines of each part of a vendor's page, by the part's name.

    Args:
        vendor: Its name.
        entries: Its streams and sinks by name.
    """
    definition = VENDORS[vendor]
    assumed: tuple[Assumption, ...] = importlib.import_module(
        f"erp_vendors.{vendor}.assumptions"
    ).ASSUMPTIONS
    found = (
        _needed(definition),
        _limits(definition),
        _entries(entries),
        _assumed(definition, assumed),
        _questions(assumed),
    )
    return dict(zip(PARTS, found, strict=True))


def calls_a_day() -> list[str]:
    """The lines of a table of what each vendor's limits let one account do in a day."""
    lines = [
        "",
        "| Vendor | Limits, as preset | Calls a day, at most | Held by |",
        "|---|---|---|---|",
    ]
    for vendor in VENDORS.values():
        settings = {setting.name: setting.default for setting in vendor.settings}
        limits = {
            f"{settings['requests_per_second']} a second": settings["requests_per_second"] * _DAY
        }
        if "calls_per_minute" in settings:
            limits[f"{settings['calls_per_minute']} a minute"] = settings["calls_per_minute"] * 1440
        limits |= _window(vendor)
        least = min(limits, key=lambda name: limits[name])
        lines.append(f"| {vendor.title} | {'; '.join(limits)} | {limits[least]:,.0f} | {least} |")
    return [*lines, ""]


def _window(vendor: Vendor) -> dict[str, float]:
    """What a longer window that is no setting allows in a day, by what it is called."""
    module = importlib.import_module(f"erp_vendors.{vendor.name}.settings")
    if not hasattr(module, "WINDOW_CALLS"):
        return {}
    name = f"{module.WINDOW_CALLS} in {module.WINDOW_SECONDS / 60:g} minutes"
    return {name: module.WINDOW_CALLS * _DAY / module.WINDOW_SECONDS}


def _needed(vendor: Vendor) -> list[str]:
    settings = {setting.name: setting for setting in vendor.settings}
    lines = ["", "| Setting | What it is |", "|---|---|"]
    lines += [
        f"| `{vendor.name}.{name}` | {_told(settings[name])} |"
        for name in dict.fromkeys(name for login in vendor.logins for name in login)
    ]
    if len(vendor.logins) > 1:
        ways = "; ".join(" + ".join(f"`{name}`" for name in login) for login in vendor.logins)
        lines += ["", f"Any of these is enough: {ways}."]
    return [
        *lines,
        "",
        f"`erp definition tap-erp--{vendor.name}` prints a definition for Meltano, these first.",
        f"All others: [settings](../settings.md). `erp doctor --vendor {vendor.name}` reads a",
        "little and tells whether they work.",
        "",
    ]


def _told(setting: Setting) -> str:
    text = setting.description
    if setting.options:
        text += f" One of: {', '.join(setting.options)}."
    if setting.default not in (None, ""):
        text += f" Default: `{setting.default}`."
    return text + (" **Secret.**" if setting.secret else "")


def _limits(vendor: Vendor) -> list[str]:
    settings = {setting.name: setting for setting in vendor.settings}
    rows = [
        f"| `{vendor.name}.{name}` | {settings[name].default} | {settings[name].description} |"
        for name in _LIMITS
        if name in settings
    ]
    more = [
        line
        for name in _window(vendor)
        for line in (
            f"Besides, {name.replace(' in ', ' calls in ')}: no setting, and left to the vendor's",
            "headers where `requests_per_second` is raised.",
            "",
        )
    ]
    return ["", "| Setting | Default | Meaning |", "|---|---|---|", *rows, "", *more]


def _entries(entries: t.Mapping[str, Entry]) -> list[str]:
    return ["", *entry_table(entries), "", "How to read it: [coverage](../coverage.md).", ""]


def _assumed(vendor: Vendor, assumed: t.Sequence[Assumption]) -> list[str]:
    told = sum(bool(one.told_by) for one in assumed)
    writes = sum(one.writes for one in assumed)
    anchor = vendor.title.lower().replace(" ", "-")
    return [
        "",
        f"The documents leave {len(assumed)} points open that the code needs. Of {told} of them",
        f"`erp doctor` tells what is so at your account; {writes} are about writes, which no read",
        f"can tell: [all of them](../assumptions.md#{anchor}).",
        "",
    ]


def _questions(assumed: t.Sequence[Assumption]) -> list[str]:
    """What neither a document nor a read can tell."""
    lines = [
        "",
        "Neither a document nor a read tells these points. Ask whether they are so at your",
        "account, or make the trial, in a test account where there is one. Numbers are sections",
        "of the vendor's fact sheet.",
        "",
    ]
    for one in assumed:
        if one.writes:
            lines.append(f"- {one.text} ({one.section}) *Trial:* {one.trial}.")
        elif one.untold:
            lines.append(f"- {one.text} ({one.section}) *Why no read tells:* {one.untold}.")
    return [*lines, ""]


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Write the pages, or check them.

    Args:
        arguments: The command line without the program's name.

    Returns:
        Exit code: 1 if `--check` was given and a page is out of step.
    """
    check = generated.is_check(__doc__, arguments)
    entries, _ = entries_and_uses()
    pages = {page_name(vendor): parts(vendor, entries[vendor]) for vendor in VENDORS}
    pages[_SCALE] = {"calls-a-day": calls_a_day()}
    stale = False
    for name, found in pages.items():
        path = generated.ROOT / name
        if path.exists():
            text = filled(path.read_text("utf-8"), found, name)
            stale = generated.write(name, text, check=check) or stale
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
