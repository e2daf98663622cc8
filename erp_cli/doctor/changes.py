"""Turns what was found into changes of the configuration."""

from __future__ import annotations

import copy
import typing as t

from erp_vendors.assumption import VerdictState
from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from erp_cli.doctor.examination import Report

Config = dict[str, t.Any]
_RESOURCES = "resources"


class SettingChange(t.NamedTuple):
    """One setting that fits what was seen.

    Attributes:
        setting: Its name, as in `cimcloud.resources[credits].primary_keys`.
        value: The value that fits.
        present: The value that the configuration states; None for none.
        why: Name of the assumption that differs; empty for what was learned.
    """

    setting: str
    value: t.Any
    present: t.Any = None
    why: str = ""

    @property
    def is_stated(self) -> bool:
        """Whether the configuration states another value, which only `--overwrite` changes."""
        return self.present is not None

    def __str__(self) -> str:
        """The setting with its value."""
        return f"{self.setting}: {codec.encode(self.value).decode()}"


def changes_of(report: Report, block: t.Mapping[str, t.Any]) -> list[SettingChange]:
    """The settings that fit what was found and that the configuration does not state yet.

    Args:
        report: What was found about a vendor.
        block: The vendor's block, as the configuration states it.
    """
    found: dict[str, SettingChange] = {}

    def propose(setting: str, value: t.Any, present: t.Any, why: str) -> None:  # noqa: ANN401
        if value != present and setting not in found:
            found[setting] = SettingChange(setting, value, present, why)

    def propose_entry(name: str, entry: t.Mapping[str, t.Any], why: str) -> None:
        stated = _entry(block, report.vendor, name) or {}
        for key, value in entry.items():
            setting = f"{report.vendor}.{_RESOURCES}[{name}].{key}"
            propose(setting, value, stated.get(key), why)

    for finding in report.findings:
        if finding.state is VerdictState.DIFFERS:
            for name, value in finding.settings.items():
                propose(f"{report.vendor}.{name}", value, block.get(name), finding.name)
            propose_entry(finding.stream, finding.entry, finding.name)
    for name, sample in report.samples.items():
        propose_entry(name, sample.entry, "")
    for name, entry in report.learned.items():
        propose_entry(name, entry, "")
    return list(found.values())


def applied(
    block: t.Mapping[str, t.Any], vendor: str, changes: t.Iterable[SettingChange]
) -> Config:
    """A vendor's block with changes made.

    Args:
        block: The block; it stays as it is.
        vendor: Its name.
        changes: The changes, all of this vendor.
    """
    changed = copy.deepcopy(dict(block))
    apply(changed, vendor, changes)
    return changed


def apply(
    block: t.MutableMapping[str, t.Any],
    vendor: str,
    changes: t.Iterable[SettingChange],
) -> None:
    """Make changes in a vendor's block.

    Args:
        block: The block, changed in place.
        vendor: Its name.
        changes: The changes, all of this vendor.
    """
    for change in changes:
        place = change.setting.removeprefix(f"{vendor}.")
        if not place.startswith(f"{_RESOURCES}["):
            block[place] = copy.deepcopy(change.value)  # several blocks may get it
            continue
        name, _, key = place.removeprefix(f"{_RESOURCES}[").partition("].")
        entry = _entry(block, vendor, name)
        if entry is None:
            if not block.get(_RESOURCES):
                block[_RESOURCES] = []
            block[_RESOURCES].append({"name": name})
            entry = block[_RESOURCES][-1]
        entry[key] = copy.deepcopy(change.value)


def _entry(
    block: t.Mapping[str, t.Any], vendor: str, name: str
) -> t.MutableMapping[str, t.Any] | None:
    entries = block.get(_RESOURCES) or ()
    for entry in entries if isinstance(entries, list) else ():
        if str(entry.get("name", "")).removeprefix(f"{vendor}_") == name:
            return t.cast("t.MutableMapping[str, t.Any]", entry)
    return None
