"""The end of a run's last line: what a person can do about records that did not get through."""

from __future__ import annotations

import shlex
import typing as t

from erp_plugin.environment import project_name_of
from target_erp.delivery import Outcome
from target_erp.settings import SETTINGS

_PLACES = ("ledger", "dead_letters")
_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


_ANEW = {
    "trial": "a run without max_records and only (setting sinks)",
    "plan": "look at what is not approved, and make a new plan (dry_run, or erp plan)",
}
"""What to do where no command of `erp ledger` helps, by what has left records out."""


class Ended(t.Protocol):
    """The counts of a run that has ended."""

    def total(self, outcome: Outcome) -> int:
        """Records of all streams that ended so."""


def after(ended: Ended, setting: t.Callable[[str], t.Any], plan: object, trial: str) -> str:
    """What to do about records that did not get through.

    Args:
        ended: What the run has come to.
        setting: Gives a setting of the target.
        plan: The plan that is applied, if one is.
        trial: What a trial left out; empty if nothing.
    """
    left_out = "plan" if plan else "trial" if trial else ""
    unknown = ended.total(Outcome.UNKNOWN)
    refused = ended.total(Outcome.REFUSED) + ended.total(Outcome.WAITING)
    return next_step(helpful(refused, unknown, left_out), setting, left_out)


def helpful(refused: int, unknown: int, left_out: str = "") -> list[str]:
    """Subcommands of `erp ledger` that help after a run, those that help first.

    Args:
        refused: Records that were refused or wait.
        unknown: Records whose outcome nobody knows.
        left_out: What left records out; where nothing else is amiss, no command helps.
    """
    return ["rejects"] * bool(refused or not (unknown or left_out)) + ["unknown"] * bool(unknown)


def next_step(
    subcommands: t.Iterable[str], setting: t.Callable[[str], t.Any], left_out: str = "trial"
) -> str:
    """The commands that help, and where the report lies.

    Args:
        subcommands: Subcommands of `erp ledger`, those that help first.
        setting: Gives a setting of the target.
        left_out: What left records out: `trial` or `plan`.

    Returns:
        Part of a line.
    """
    places = [
        word
        for name in _PLACES
        # A URL may hold a password.
        if setting(name) != _DEFAULTS[name] and "://" not in setting(name)
        for word in (f"--{name.replace('_', '-')}", setting(name))
    ]
    project_name = project_name_of("target-erp")
    commands = []
    for subcommand in subcommands:
        command = shlex.join(["erp", "ledger", subcommand, *places])
        if project_name:
            command += f" (in the Meltano project: meltano invoke {project_name}:{subcommand})"
        commands.append(command)
    report = setting("report_file")
    what = ", ".join(commands) or _ANEW[left_out or "trial"]
    return f"next: {what}" + (f"; report: {report}" if report else "")
