"""Writes changes of the configuration into a JSON file or into meltano.yml."""

from __future__ import annotations

import difflib
import io
import itertools
import pathlib
import stat
import typing as t

import msgspec

from erp_cli.doctor.changes import apply
from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.http.redact import redact
from erp_vendors.private import replace_file

if t.TYPE_CHECKING:
    from erp_cli.doctor.changes import Config, SettingChange

Changes = t.Mapping[str, t.Sequence["SettingChange"]]
"""Changes by vendor."""
_YAML = frozenset({".yml", ".yaml"})
_KINDS = {"extractors": "tap-erp", "loaders": "target-erp"}


class Rewrite(t.NamedTuple):
    """A file and what is going to stand in it.

    Attributes:
        file: The file.
        before: Its text; None for a new file.
        after: Its new text.
    """

    file: pathlib.Path
    before: str | None
    after: str

    @property
    def difference(self) -> str:
        """The difference of an existing file as lines of a diff, secrets masked."""
        if self.before is None:
            return ""
        name = str(self.file)
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        lines = difflib.unified_diff(before, after, name, name)
        return redact("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))

    def write(self) -> None:
        """Put the new text in place of the old one in one step; a new file is its owner's alone.

        Raises:
            ConfigError: If the file cannot be written, or somebody has changed it meanwhile.
        """
        file = self.file.resolve()  # a link stays a link: what it leads to is replaced
        try:
            if (file.read_bytes() if file.exists() else None) != _encoded(self.before):
                msg = (
                    f"{self.file} (--write) was changed meanwhile, so nothing was written; call "
                    "this again"
                )
                raise ConfigError(msg)
            if self.before is None:
                replace_file(file, [self.after.encode()])
            else:
                replace_file(file, [self.after.encode()], stat.S_IMODE(file.stat().st_mode))
        except OSError as error:
            msg = f"cannot write {self.file} (--write): {error.strerror}"
            raise ConfigError(msg) from None


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def rewrite(name: str, changes: Changes, whole: Config) -> Rewrite:
    """Say what is going to stand in a file; nothing is written yet.

    Args:
        name: A configuration in JSON, a `meltano.yml`, or a new JSON file.
        changes: The changes, by vendor.
        whole: The whole configuration of the tap, for a new file.

    Raises:
        ConfigError: If the file cannot be read, or has no place for the changes.
    """
    file = pathlib.Path(name)
    try:
        # As it is on the disk, so that line ends stay what they are.
        before = file.read_bytes().decode() if file.exists() else None
    except (OSError, ValueError) as error:
        msg = f"cannot read {name} (--write): {error}"
        raise ConfigError(msg) from None
    if file.suffix.lower() in _YAML:
        if before is None:
            msg = f"{name} (--write) does not exist; name a meltano.yml, or a new file in JSON"
            raise ConfigError(msg)
        return Rewrite(file, before, _in_yaml(name, before, changes))
    if before is None:
        config = {**whole}
        for vendor, found in changes.items():
            config[vendor] = {**config.get(vendor, {})}
            apply(config[vendor], vendor, found)
        return Rewrite(file, None, _json(config))
    return Rewrite(file, before, _in_json(name, before, changes))


def _in_json(name: str, before: str, changes: Changes) -> str:
    try:
        config = codec.decode(before.encode())
    except ValueError as error:
        msg = f"{name} (--write) is no JSON: {error}"
        raise ConfigError(msg) from None
    if not isinstance(config, dict):
        msg = f"{name} (--write) is no JSON object"
        raise ConfigError(msg)
    if not any(changes.values()):
        return before
    for vendor, found in changes.items():
        if found:
            apply(config.setdefault(vendor, {}), vendor, found)
    return _json(config)


def _json(config: Config) -> str:
    return f"{msgspec.json.format(codec.encode(config), indent=2).decode()}\n"


def _in_yaml(name: str, before: str, changes: Changes) -> str:
    # Imported where a YAML file is written, as this takes longer than most commands.
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # no line is broken anew
    try:
        document = yaml.load(before)
    except YAMLError as error:
        msg = f"{name} (--write) is no YAML: {' '.join(str(error).split())}"
        raise ConfigError(msg) from None
    if not any(changes.values()):
        return before
    _indent_as(yaml, before)
    for vendor, found in changes.items():
        if found:
            places = _places(document, vendor)
            if not places:
                msg = (
                    f"{name} (--write) has no extractor of tap-erp with {vendor}; add one "
                    f"(`erp definition tap-erp--{vendor}`), or name a JSON file"
                )
                raise ConfigError(msg)
            for config in places:
                _apply_in_yaml(config, vendor, found)
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def _places(document: t.Any, vendor: str) -> list[t.Any]:  # noqa: ANN401 - YAML holds anything
    """The `config` of the plugins of a Meltano project that read or write a vendor.

    That is those whose own `config` names the vendor, or are named after it; else the plugin that
    they inherit from.
    """
    plugins = (document or {}).get("plugins") or {}
    found = []
    for kind, base in _KINDS.items():
        entries = [
            entry
            for entry in plugins.get(kind) or ()
            if _descends(entry, base, plugins.get(kind) or ())
        ]
        named = [entry for entry in entries if _names(entry, vendor)]
        for entry in named or [entry for entry in entries if entry["name"] == base]:
            if not entry.get("config"):
                entry["config"] = {}
            found.append(entry["config"])
    return found


def _descends(entry: t.Any, base: str, entries: t.Iterable[t.Any]) -> bool:  # noqa: ANN401
    """Whether a plugin is `tap-erp` or `target-erp`, or inherits from it."""
    seen = set()
    while entry is not None and entry.get("name") not in seen:
        name, parent = entry.get("name", ""), entry.get("inherit_from")
        if name == base or (str(name).partition("--")[0] == base and not parent):
            return True
        seen.add(name)
        if parent and str(parent).partition("--")[0] == base:
            return True
        entry = next((other for other in entries if other.get("name") == parent), None)
    return False


def _names(entry: t.Any, vendor: str) -> bool:  # noqa: ANN401
    config = entry.get("config") or {}
    stated = any(key == vendor or str(key).startswith(f"{vendor}.") for key in config)
    return stated or str(entry["name"]).endswith(f"--{vendor}")


def _apply_in_yaml(config: t.Any, vendor: str, changes: t.Sequence[SettingChange]) -> None:  # noqa: ANN401
    """Make changes where the settings stand, below the vendor or with dotted names."""
    if vendor in config or not any(str(key).startswith(f"{vendor}.") for key in config):
        if not config.get(vendor):
            config[vendor] = {}
        apply(config[vendor], vendor, changes)
        return
    prefix = f"{vendor}."
    block = {
        key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)
    }
    apply(block, vendor, changes)
    for key, value in block.items():
        config[f"{prefix}{key}"] = value


def _indent_as(yaml: t.Any, text: str) -> None:  # noqa: ANN401 - ruamel has no types of its own
    """Let lists be indented as most of the file's are."""
    lines = text.splitlines()
    dashes = [
        (len(above) - len(above.lstrip()), len(line) - len(line.lstrip()))
        for above, line in itertools.pairwise(lines)
        if above.rstrip().endswith(":") and line.lstrip().startswith("- ")
    ]
    inside = sum(line > above for above, line in dashes)
    if dashes and inside * 2 > len(dashes):
        yaml.indent(mapping=2, sequence=4, offset=2)
    else:
        yaml.indent(mapping=2, sequence=2, offset=0)
