"""The demo's Meltano project: the plugins of this checkout, between SQLite files."""

from __future__ import annotations

import pathlib
import shlex
import sys
import typing as t

import yaml  # type: ignore[import-untyped, unused-ignore]

from demo.sandbox import block
from demo.warehouse import EDITS
from erp_vendors.vendors import VENDORS

ROOT = pathlib.Path(__file__).resolve().parent.parent

_LIMITS = {"requests_per_second", "calls_per_minute"}
_MODULES = {
    "tap-erp": "tap_erp",
    "target-erp": "target_erp",
    "erp": "erp_cli",
    "tap-sqlite": "demo.tap_sqlite",
    "target-sqlite": "demo.target_sqlite",
}
"""What the project's executables run."""
_DATABASE = {"name": "database", "label": "Database", "description": "Path of the SQLite file."}
_TAP_SQLITE = {
    "name": "tap-sqlite",
    "namespace": "tap_sqlite",
    "executable": "bin/tap-sqlite",
    "capabilities": ["catalog", "discover", "about", "state"],
    "settings": [_DATABASE, {"name": "views", "label": "Views", "kind": "object"}],
    # What people corrected in the warehouse: see demo/edits.sql.
    "config": {"views": {edit.view: [edit.key] for edit in EDITS}},
}
_TARGET_SQLITE = {
    "name": "target-sqlite",
    "namespace": "target_sqlite",
    "executable": "bin/target-sqlite",
    "capabilities": ["about", "activate-version"],
    "settings": [
        _DATABASE,
        {"name": "add_record_metadata", "label": "Metadata columns", "kind": "boolean"},
    ],
    # The column for deletions is needed to see them.
    "config": {"add_record_metadata": True},
}
_STREAMS = {edit.view: edit.sink for edit in EDITS}


def write_project(folder: pathlib.Path, warehouse: pathlib.Path) -> None:
    """Make a Meltano project whose plugins need no installation.

    Args:
        folder: Where; it exists.
        warehouse: The SQLite file that is read and written.
    """
    commands = folder / "bin"
    commands.mkdir()
    for name, module in _MODULES.items():
        # Meltano's "executable" takes no arguments, so a script names the module.
        path, python = shlex.quote(str(ROOT)), shlex.quote(sys.executable)
        script = commands / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {python} -m {module} "$@"\n', "utf-8")
        script.chmod(0o755)
    project = {
        "requires_meltano": ">=4.4,<5",
        "send_anonymous_usage_stats": False,
        "default_environment": "demo",
        "environments": [{"name": "demo"}],
        "plugins": {
            "extractors": [
                _local("extractors", "tap-erp"),
                *(
                    {
                        "name": f"tap-erp--{vendor}",
                        "inherit_from": "tap-erp",
                        "select": [f"{vendor}_*.*"],
                    }
                    for vendor in VENDORS
                ),
                _with_config(_TAP_SQLITE, database=str(warehouse)),
            ],
            "loaders": [
                _with_config(_local("loaders", "target-erp"), streams=_STREAMS),
                _with_config(_TARGET_SQLITE, database=str(warehouse)),
            ],
        },
        "jobs": [
            {"name": "read", "tasks": [f"tap-erp--{vendor} target-sqlite" for vendor in VENDORS]},
            {"name": "write", "tasks": ["tap-sqlite target-erp"]},
        ],
    }
    text = yaml.safe_dump(project, sort_keys=False, allow_unicode=True)
    (folder / "meltano.yml").write_text(text, "utf-8")


def connection(sandbox: t.Mapping[str, t.Any], scale: float) -> dict[str, str]:
    """Variables that lead both plugins to a sandbox.

    Args:
        sandbox: What it says of each vendor.
        scale: Factor on the calls per second that the vendors document.
    """
    found: dict[str, str] = {}
    for name, vendor in VENDORS.items():
        if name not in sandbox:
            continue
        values = block(vendor, sandbox[name])
        for setting in vendor.settings:
            if setting.name in _LIMITS and setting.default:
                values[setting.name] = str(round(setting.default * scale))
        for key, value in values.items():
            for plugin in ("TAP_ERP", "TARGET_ERP"):
                found[f"{plugin}_{name}_{key}".upper()] = value
    return found


def _local(kind: str, name: str) -> dict[str, t.Any]:
    """A plugin's definition, with the executables of this project instead of a package's."""
    definition = yaml.safe_load((ROOT / "hub" / kind / f"{name}.yml").read_text("utf-8"))
    del definition["pip_url"], definition["variant"]
    definition["executable"] = f"bin/{definition['executable']}"
    for command in definition["commands"].values():
        command["executable"] = f"bin/{command['executable']}"
    return t.cast("dict[str, t.Any]", definition)


def _with_config(definition: dict[str, t.Any], **config: t.Any) -> dict[str, t.Any]:  # noqa: ANN401
    return {**definition, "config": {**definition.get("config", {}), **config}}
