"""Write what `--about` says of the settings into the files that repeat it.

A file marks a place with `# <NAME>` and `# </NAME>`, or `<!-- NAME -->` and `<!-- /NAME -->`, each
on a line of its own, and gets the lines between them from here. The names are the keys of
`blocks()`; `settings` are the tables for people.

    python -m tools.settings            write
    python -m tools.settings --check    exit with 1 and a diff if a file is out of step
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import typing as t
import urllib.request

from demo.sandbox import block
from erp_sandbox.testing import running_sandbox
from erp_vendors.vendors import RESULTS, VENDORS
from target_erp.settings import SETTINGS as TARGET_SETTINGS
from tools import definitions, generated
from tools.generated import ROOT

FILES = (
    "meltano.yml",
    ".env.example",
    "README.md",
    "docs/settings.md",
    "docs/openapi.md",
    "docs/vendors/README.md",
)
"""Files that may hold marked places; one that does not exist is passed over."""
PLUGINS = {"tap-erp": "tap_erp", "target-erp": "target_erp"}
"""Modules by plugin."""
SANDBOX_URL = "http://127.0.0.1:8765"
"""Where `erp-sandbox serve` listens when not told otherwise."""

_KINDS = {"number": "string", "boolean": "string"}
"""Meltano's kind of setting by JSON type, where the names differ.

Its kind `decimal` breaks on every value from the environment (4.4: "Object of type Decimal is not
JSON serializable"), and its kind `boolean` takes every word that it does not know, such as
`enabled`, for false. So the plugins read both from text, and refuse what they do not know.
"""
_HUB_HEAD = "# Written by `make settings`; `meltano add NAME --from-ref FILE` takes it.\n"
_HUB_NOTES = {
    "tap-erp": "# `meltano run` has one catalog for all runs of a plugin, so one run at a time.\n"
    "# Several at once: `meltano el NAME <loader> --state-id=<id>`, with a folder for each run.\n",
    "target-erp": "",
}
_CAPABILITIES = {"tap-erp": set[str](), "target-erp": {"validate-records"}}
"""Capabilities that `--about` names and Meltano's schema does not know."""
_DATES = {"start_date"}
_LEDGER = next(setting.default for setting in TARGET_SETTINGS if setting.name == "ledger")
_MARK = re.compile(
    r"(?P<open>^ *(?:<!-- |# <)(?P<name>[a-z-]+)(?: -->|>)\n)"
    r"(?P<old>.*?)"
    r"(?P<close>^ *(?:<!-- |# <)/(?P=name)(?: -->|>)$)",
    re.MULTILINE | re.DOTALL,
)


class Setting(t.NamedTuple):
    """One setting as `--about` tells of it.

    Attributes:
        name: With dots, as in Meltano.
        schema: Its JSON schema.
        plugins: The plugins that have it.
    """

    name: str
    schema: dict[str, t.Any]
    plugins: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Meltano's kind."""
        if "enum" in self.schema:
            return "options"
        if self.name in _DATES:
            return "date_iso8601"
        # What may also be a text, such as a percentage, can only be typed as one.
        kind = "string" if "string" in self.types else self.types[0]
        return _KINDS.get(kind, kind)

    @property
    def types(self) -> list[str]:
        """The JSON types that it may have."""
        types = self.schema.get("type", "string")
        return [one for one in ([types] if isinstance(types, str) else types) if one != "null"]

    @property
    def description(self) -> str:
        """One line, with the default."""
        text = " ".join(str(self.schema.get("description", "")).split())
        if "default" in self.schema:
            text += f" Default: {_plain(self.schema['default'])}."
        return text.strip()


@functools.cache
def about(plugin: str) -> dict[str, t.Any]:
    """What a plugin says of itself; it is named by its command."""
    command = [sys.executable, "-m", PLUGINS[plugin], "--about", "--format", "json"]
    answer = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)  # noqa: S603
    return t.cast("dict[str, t.Any]", json.loads(answer.stdout))


def settings(plugin: str) -> list[Setting]:
    """A plugin's settings, the vendors' first."""
    return list(_flat(about(plugin)["settings"]["properties"], plugin))


def sandbox_config() -> dict[str, dict[str, str]]:
    """Config of each vendor's block that reads the local sandbox, if that plays the vendor."""
    with running_sandbox(size=1) as sandbox, urllib.request.urlopen(sandbox.url) as answer:  # noqa: S310
        played: dict[str, t.Any] = json.load(answer)["vendors"]
        return {
            name: {
                key: value.replace(sandbox.url, SANDBOX_URL)
                for key, value in block(vendor, played[name]).items()
            }
            for name, vendor in VENDORS.items()
            if name in played
        }


def blocks() -> dict[str, list[str]]:
    """The lines of every kind of place, by its name."""
    known = {plugin: settings(plugin) for plugin in PLUGINS}
    config = sandbox_config()
    return {
        **{f"{plugin}-definition": _entry(hub_definition(plugin)) for plugin in PLUGINS},
        **{name: definitions.recommended(name) for name in definitions.LOADERS},
        "tap-erp-vendors": [
            line
            for part in definitions.parts("tap-erp")
            for line in (
                f"- name: tap-erp--{part}",
                "  inherit_from: tap-erp",
                f'  select: ["{definitions.streams_of(part)}"]',
                *(["  config:", f"    {RESULTS}.ledger: {_LEDGER}"] if part == RESULTS else ()),
            )
        ],
        "target-erp-vendors": [
            line
            for vendor in VENDORS
            for line in (f"- name: target-erp--{vendor}", "  inherit_from: target-erp")
        ],
        "sandbox-config": _sandbox(config),
        "nightly-tasks": [f"- tap-erp--{vendor} target-postgres" for vendor in VENDORS],
        "env": _env(known),
        "settings": _tables(_merged(known.values())),
        "vendors": _rows(
            "page | vendor",
            (
                (f"[{name}]({name}.md)", vendor.title)
                for name, vendor in VENDORS.items()
                if (ROOT / f"docs/vendors/{name}.md").exists()
            ),
        ),
        "openapi-lists": _rows(
            "vendor | what counts as a list",
            ((name, vendor.openapi.lists) for name, vendor in VENDORS.items()),
        ),
        "custom-sinks": _rows(
            "vendor | how | the same record again | after a lost answer",
            ((name, *vendor.custom_sink) for name, vendor in VENDORS.items()),
        ),
    }


def hub_definition(name: str) -> list[str]:
    """Lines of a plugin's definition, as `hub/` has it.

    Args:
        name: See `definitions.names`.
    """
    plugin = name.partition("--")[0]
    known = [one for one in about(plugin)["capabilities"] if one not in _CAPABILITIES[plugin]]
    return definitions.definition(name, settings(plugin), known, _meltano)


def hub_files() -> dict[str, str]:
    """The texts of all files of `hub/`, by their paths."""
    return {
        f"hub/{definitions.TYPES[plugin]}/{name}.yml": _HUB_HEAD
        + _HUB_NOTES[plugin]
        + "".join(f"{line}\n" for line in hub_definition(name))
        for plugin in PLUGINS
        for name in definitions.names(plugin)
    }


def filled(text: str, found: t.Mapping[str, list[str]], name: str = "") -> str:
    """A file's text with its marked places filled, indented as their first marks are.

    Args:
        text: The text.
        found: See `blocks`.
        name: The file's name, for the error.

    Raises:
        ValueError: If a mark has a name that nobody knows.
    """

    def fill(match: re.Match[str]) -> str:
        if match["name"] not in found:
            msg = f"{name}: nothing is known to fill '{match['name']}' with"
            raise ValueError(msg)
        first = match["open"]
        indent = first[: len(first) - len(first.lstrip())]
        lines = [f"{indent}{line}".rstrip() + "\n" for line in found[match["name"]]]
        return first + "".join(lines) + match["close"]

    return _MARK.sub(fill, text)


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Write the files, or check them.

    Args:
        arguments: The command line without the program's name.

    Returns:
        Exit code.
    """
    check = generated.is_check(__doc__, arguments)
    found = blocks()
    stale = False
    for name in FILES:
        path = ROOT / name
        if path.exists():
            text = filled(path.read_text("utf-8"), found, name)
            stale = generated.write(name, text, check=check) or stale
    for name, text in hub_files().items():
        stale = generated.write(name, text, check=check) or stale
    return int(check and stale)


def _flat(properties: dict[str, t.Any], plugin: str, prefix: str = "") -> t.Iterator[Setting]:
    for name, schema in properties.items():
        # What has keys of the user's own, such as a stream's name, is one setting.
        if schema.get("properties") and not isinstance(schema.get("additionalProperties"), dict):
            yield from _flat(schema["properties"], plugin, f"{prefix}{name}.")
        else:
            yield Setting(f"{prefix}{name}", schema, (plugin,))


def _merged(found: t.Iterable[list[Setting]]) -> list[Setting]:
    merged: dict[str, Setting] = {}
    for group in found:
        for setting in group:
            known = merged.get(setting.name)
            plugins = (*known.plugins, *setting.plugins) if known else setting.plugins
            merged[setting.name] = (known or setting)._replace(plugins=plugins)
    return list(merged.values())


def _meltano(found: list[Setting]) -> list[str]:
    lines = ["settings:"]
    for setting in found:
        lines += [f"- name: {setting.name}", f"  kind: {setting.kind}"]
        label = setting.schema.get("title") or setting.name.rpartition(".")[2].replace("_", " ")
        lines.append(f"  label: {_plain(str(label)[:1].upper() + str(label)[1:], quote=True)}")
        if setting.description:
            lines.append(f"  description: {_plain(setting.description, quote=True)}")
        if setting.schema.get("secret") or setting.schema.get("writeOnly"):
            lines.append("  sensitive: true")
        if setting.kind == "options":
            lines.append("  options:")
            for value in setting.schema["enum"]:
                lines += [f"  - label: {_plain(value, quote=True)}"]
                lines += [f"    value: {_plain(value, quote=True)}"]
    return lines


def _entry(lines: list[str]) -> list[str]:
    """Lines of an object as an element of a list."""
    return [f"{'  ' if number else '- '}{line}" for number, line in enumerate(lines)]


def _sandbox(config: dict[str, dict[str, str]]) -> list[str]:
    return [
        f"{vendor}.{key}: {_plain(value, quote=True)}"
        for vendor, values in config.items()
        for key, value in values.items()
    ]


def _env(known: dict[str, list[Setting]]) -> list[str]:
    """Credentials and addresses; all else has a default or belongs in meltano.yml."""
    lines: list[str] = []
    for plugin, found in known.items():
        prefix = PLUGINS[plugin].upper()
        vendor = ""
        for setting in found:
            block, _, key = setting.name.partition(".")
            if not key or not _is_credential(setting):
                continue
            if block != vendor:
                vendor = block
                lines += ["", f"# {plugin}: {vendor}"]
            lines.append(f"# {prefix}_{block}_{key}=".replace("# ", "#").upper())
    return lines[1:]


def _is_credential(setting: Setting) -> bool:
    if "." not in setting.name or setting.kind != "string":
        return False
    names = r"_url|username|password|secret|token|key|client_id|app_id|site_name|scope|region"
    return bool(re.search(names, setting.name.partition(".")[2])) and not re.search(
        "session_|token_access", setting.name
    )


def _tables(found: list[Setting]) -> list[str]:
    """A narrow table a vendor, and one of what is about no vendor, each below a heading."""
    groups: dict[str, list[Setting]] = {name: [] for name in (*VENDORS, "")}
    for setting in found:
        first = setting.name.partition(".")[0]
        groups[first if first in VENDORS else ""].append(setting)
    lines = []
    for vendor, group in groups.items():
        title = VENDORS[vendor].title if vendor else "All vendors"
        lines += ["", f"## {title}", "", "| Setting | Meaning |", "|---|---|"]
        lines += [f"| `{setting.name}` | {_meaning(setting)} |" for setting in group]
    return [*lines, ""]


def _meaning(setting: Setting) -> str:
    text = " ".join(str(setting.schema.get("description", "")).split())
    facts = ["date" if setting.name in _DATES else " or ".join(setting.types)]
    if setting.schema.get("enum"):
        facts = [f"one of {', '.join(f'`{_plain(one)}`' for one in setting.schema['enum'])}"]
    if "default" in setting.schema:
        facts.append(f"default `{_plain(setting.schema['default'])}`")
    if len(setting.plugins) == 1:
        facts.append(f"{setting.plugins[0].partition('-')[0]} only")
    if setting.schema.get("secret"):
        facts.append("**secret**")
    return f"{text} ({'; '.join(facts)})".replace("|", "\\|").strip()


def _rows(head: str, rows: t.Iterable[t.Iterable[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return ["", f"| {head} |", "|---" * (head.count("|") + 1) + "|", *lines, ""]


def _plain(value: object, *, quote: bool = False) -> str:
    """A value as YAML (which takes JSON) or as people read it."""
    if isinstance(value, str) and not quote:
        return value
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
