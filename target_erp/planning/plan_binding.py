"""What a plan of the target is bound to: accounts, and the settings that decide what is written."""

from __future__ import annotations

import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.settings import connection_settings
from erp_vendors.vendors import VENDORS
from target_erp.planning.plan_file import Binding, PlanFile, approval_of
from target_erp.settings import SETTINGS

if t.TYPE_CHECKING:
    from erp_ledger import Ledger
    from erp_plugin import ErpPlugin
    from target_erp.delivery.approval import Approval

_OF_A_RUN = frozenset(
    {
        "apply",
        "checkpoint_seconds",
        "dead_letters",
        "dry_run",
        "guards",
        "ledger",
        "max_rejects",
        "on_reject",
        "plan_file",
        "plan_max_hours",
        "report_file",
        "webhook",
    }
)
"""Settings that say how a run goes and what it leaves behind, and not what is written."""
_OF_A_CONNECTION = {setting.name for setting in connection_settings(per_second=1, in_flight=1)} - {
    "openapi",
    "resources",
}
_OF_THE_SDK = ("stream_maps", "stream_map_config", "flattening_enabled", "flattening_max_depth")


def binding_of(plugin: ErpPlugin) -> Binding:
    """What a plan is bound to.

    Args:
        plugin: The target.
    """
    config = plugin.config
    settings: dict[str, t.Any] = {
        setting.name: setting.value_of(config.get(setting.name))
        for setting in SETTINGS
        if setting.name not in _OF_A_RUN
    }
    settings.update({name: config.get(name) or None for name in _OF_THE_SDK})
    accounts = {}
    for vendor in plugin.vendors:
        block = plugin.block(vendor)
        accounts[vendor] = block.account
        for setting in VENDORS[vendor].settings:
            # A secret may be renewed at any time, as an access token is.
            if not setting.secret and setting.name not in _OF_A_CONNECTION:
                settings[f"{vendor}.{setting.name}"] = block.get(setting.name)
    return Binding(plugin.plugin_version, accounts, settings)


def plan_file_of(plugin: ErpPlugin, path: str, ledger: Ledger | None) -> PlanFile | None:
    """The file that a dry run writes.

    Args:
        plugin: The target.
        path: The setting `plan_file`; empty for nowhere.
        ledger: The ledger; None if there is none yet.

    Raises:
        ConfigError: If the file cannot be written.
    """
    return PlanFile(path, binding_of(plugin), ledger) if path else None


def approved_plan(
    plugin: ErpPlugin, setting: t.Callable[[str], t.Any], ledger: t.Callable[[], Ledger]
) -> Approval | None:
    """The plan that a run applies, if there is one.

    Args:
        plugin: The target.
        setting: Gives a setting of the target.
        ledger: Gives the ledger.

    Raises:
        ConfigError: If it cannot be applied; nothing was written.
    """
    if not setting("apply"):
        return None
    if setting("dry_run"):
        msg = "config: 'apply' and 'dry_run' exclude each other: a plan is made or applied"
        raise ConfigError(msg)
    hours = float(setting("plan_max_hours"))
    return approval_of(setting("apply"), hours, binding_of(plugin), ledger())
