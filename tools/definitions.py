"""The plugins' definitions in the form of Meltano Hub, for `hub/` and for meltano.yml."""

from __future__ import annotations

import json
import typing as t

from erp_vendors.vendors import VENDORS

if t.TYPE_CHECKING:
    from tools.settings import Setting

TYPES = {"tap-erp": "extractors", "target-erp": "loaders"}
"""Meltano's type of plugin."""
_LABEL = "AIMS360, Aimsio, AIM, CIMcloud and Pentamic"
_COMMANDS = {
    "tap-erp": {
        "doctor": ("doctor --config ENV", "Find out what the accounts are like."),
        "streams": ("streams --config ENV", "List the streams that can be read."),
    },
    "target-erp": {
        "rejects": ("ledger rejects", "List records that have not got through."),
        "replay": ("ledger replay --config ENV", "Send refused records again."),
        "unknown": ("ledger unknown", "List records whose outcome nobody knows."),
        "report": ("ledger report", "Write an HTML page about the newest runs."),
        "sinks": ("sinks", "List what can be written."),
        "template": ("template", "Print a record of a sink to be filled in."),
    },
}
"""What `meltano invoke PLUGIN:NAME` calls: arguments of `erp`, and what it does."""
LOADERS: dict[str, tuple[str, dict[str, str | int | bool]]] = {
    "target-postgres": (
        "meltanolabs-target-postgres~=0.8.1",
        {
            "default_target_schema": "erp",
            "activate_version": True,
            "add_record_metadata": True,
            "validate_records": False,
            "batch_size_rows": 50_000,
        },
    ),
    "target-duckdb": (
        "target-duckdb==0.8.0 duckdb<1.3",
        {
            "default_target_schema": "erp",
            "primary_key_required": False,
            "add_metadata_columns": True,
        },
    ),
}
"""Recommended loaders: what is installed, and the settings (docs/warehouses.md says why)."""
_ADVANCED = frozenset(
    {
        "ca_bundle",
        "max_answer_bytes",
        "max_concurrency",
        "openapi",
        "rate_limit_store",
        "requests_per_second",
        "resources",
        "timeout_seconds",
        "user_agent",
        "validate_records",
        "verify_tls",
    }
)
"""Settings that few people need; so are the SDK's own, by their prefixes."""
_ADVANCED_PREFIXES = ("stream_map", "flattening_", "faker_config")


def names(plugin: str) -> list[str]:
    """The definitions of a plugin: the one with all vendors, and one for each vendor.

    Args:
        plugin: `tap-erp` or `target-erp`.
    """
    return [plugin, *(f"{plugin}--{vendor}" for vendor in VENDORS)]


def ordered(found: t.Iterable[Setting]) -> list[Setting]:
    """Settings in the order in which people need them: credentials first, advanced ones last.

    Args:
        found: The settings; those of equal rank keep their order.
    """
    return sorted(found, key=_rank)


def definition(
    name: str,
    found: t.Iterable[Setting],
    capabilities: t.Iterable[str],
    written: t.Callable[..., t.Any],
) -> list[str]:
    """Lines of a definition.

    Args:
        name: Such as `tap-erp--aimsio`, which has the settings of this vendor alone.
        found: All settings of the plugin.
        capabilities: What the plugin can, as Meltano calls it.
        written: Makes the lines of settings.
    """
    plugin, _, only = name.partition("--")
    vendors = [vendor for vendor in VENDORS if not only or vendor == only]
    mine = [
        one
        for one in found
        if (block := one.name.partition(".")[0]) in vendors or block not in VENDORS
    ]
    lines = [
        f"name: {name}",
        # The variables of the environment begin with it, whatever a project calls the plugin.
        f"namespace: {plugin.replace('-', '_')}",
        "variant: erp-singer",
        f"label: {_text(VENDORS[only].title if only else _LABEL)}",
        "pip_url: erp-singer",
        f"executable: {plugin}",
        f"capabilities: [{', '.join(capabilities)}]",
        "commands:",
    ]
    for command, (arguments, text) in _COMMANDS[plugin].items():
        lines += [
            f"  {command}:",
            "    executable: erp",
            f"    args: {arguments}",
            f"    description: {_text(text)}",
        ]
    if plugin == "tap-erp":
        lines += ["annotations:", "  erp-singer:", "    loaders:"]
        for loader in LOADERS:
            lines += [f"      {loader}:", *(f"        {line}" for line in recommended(loader))]
    lines.append("settings_group_validation:")
    for vendor in vendors:
        for login in VENDORS[vendor].logins:
            lines.append(f"- [{', '.join(f'{vendor}.{key}' for key in login)}]")
    return [*lines, *written(ordered(mine))]


def recommended(loader: str) -> list[str]:
    """Lines of what a loader is installed from and of its settings.

    Args:
        loader: See `LOADERS`.
    """
    requirement, config = LOADERS[loader]
    values = (f"  {name}: {json.dumps(value).strip(chr(34))}" for name, value in config.items())
    return [f"pip_url: {requirement}", "config:", *values]


def _rank(setting: Setting) -> int:
    block, _, key = setting.name.rpartition(".")
    if block in VENDORS and any(key in login for login in VENDORS[block].logins):
        return 0
    if key in _ADVANCED or setting.name.startswith(_ADVANCED_PREFIXES):
        return 3
    return 2 if setting.name.partition(".")[0] in VENDORS else 1


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
