"""Settings from variables of the environment, and variables that have no effect on a run.

Meltano hands over only the settings that the plugin's definition in `meltano.yml` declares, and a
run with configuration files does not read the environment at all. So a variable such as
`TARGET_ERP_DRY_RUN=true` can be without effect, and nobody would see it.
"""

from __future__ import annotations

import json
import os
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.settings import is_block
from erp_vendors.vendors import RESULTS, VENDORS

Json = t.Mapping[str, t.Any]

BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
"""Words for true and false, in any case."""
_NAMED_BY = {"tap-erp": "MELTANO_EXTRACTOR_NAME", "target-erp": "MELTANO_LOADER_NAME"}
"""The variable in which Meltano says what the project calls a plugin."""


class WithoutEffect(t.NamedTuple):
    """A variable whose value is not in force.

    Attributes:
        variable: Its name.
        setting: The setting that it names, such as `aimsio.environment`.
        block: It holds a whole block as JSON.
    """

    variable: str
    setting: str
    block: bool = False


class _Variables:
    """What variables say of one setting; the first prefix that says anything counts."""

    def __init__(self, prefixes: t.Sequence[str], environ: t.Mapping[str, str]) -> None:
        self._prefixes = prefixes
        self._environ = environ

    def of(self, path: t.Sequence[str]) -> tuple[str, str]:
        """Name and text of the variable that sets a setting; both empty if there is none."""
        for prefix in self._prefixes:
            name = prefix + "_".join(path).upper()
            text = self._environ.get(name, "")
            if text.strip():
                return name, text
        return "", ""


def project_name_of(plugin: str) -> str:
    """What the Meltano project calls a plugin; empty outside of Meltano.

    Args:
        plugin: The plugin's own name.
    """
    return os.environ.get(_NAMED_BY[plugin], "")


def other_blocks(project_name: str) -> set[str]:
    """The blocks that a plugin has nothing to do with, by what a Meltano project calls it.

    Args:
        project_name: Such as `tap-erp--aimsio`, which is about this vendor alone.
    """
    only = project_name.partition("--")[2].partition("-")[0]
    blocks = {*VENDORS, RESULTS}
    return blocks - {only} if only in blocks else set()


def prefix_of(name: str) -> str:
    """The beginning of the variables that set a plugin's settings, such as `TAP_ERP_`.

    Args:
        name: The plugin's name, or what a Meltano project calls it.
    """
    return f"{name.upper().replace('-', '_')}_"


def without_effect(
    prefixes: t.Sequence[str],
    schema: Json,
    config: Json,
    environ: t.Mapping[str, str] | None = None,
) -> list[WithoutEffect]:
    """Variables that name a setting and whose value differs from the one in force.

    Args:
        prefixes: Such as `TAP_ERP_`; the first one that sets a setting counts for it.
        schema: The config schema.
        config: The configuration in force.
        environ: Variables (default: the process's). Blank ones count as not set.
    """
    environ = os.environ if environ is None else environ
    if not any(name.startswith(tuple(prefixes)) for name in environ):
        return []
    return list(_differing(_Variables(prefixes, environ), (), schema, config))


def explanation(found: t.Iterable[WithoutEffect], project_name: str) -> str:
    """Why some variables have no effect, and what to do, without their values.

    Args:
        found: The variables.
        project_name: What a Meltano project calls the plugin; empty outside of Meltano.
    """
    found = list(found)
    named = ", ".join(f"{one.variable} (setting {one.setting})" for one in found)
    one_alone = len({one.variable for one in found}) == 1
    it = "it" if one_alone else "them"
    if project_name:
        remedy = (
            f"Meltano hands over only the settings that the definition of {project_name} in "
            f"meltano.yml declares; declare {it} there"
        )
        if any(one.block for one in found):
            remedy += ", each setting of a block by a name and a variable of its own"
    else:
        remedy = f"set {it} in the configuration, or give --config=ENV"
        if any(one.block for one in found):
            remedy += " (there, the variable of a setting stands above that of the whole block)"
    verb, those = ("has", "the variable") if one_alone else ("have", "the variables")
    return f"{named} {verb} no effect on this run: {remedy}, or unset {those}"


def _differing(
    variables: _Variables, path: tuple[str, ...], schema: Json, config: Json
) -> t.Iterator[WithoutEffect]:
    for name, definition in schema["properties"].items():
        here = (*path, name)
        variable, text = variables.of(here)
        value = config.get(name, definition.get("default"))
        if not is_block(definition):
            if variable and not _says(variable, text, definition, value):
                yield WithoutEffect(variable, ".".join(here))
            continue
        block = value if isinstance(value, dict) else {}
        if variable:
            yield from _differing_in_whole(variable, text, here, definition, block)
        yield from _differing(variables, here, definition, block)


def _differing_in_whole(
    variable: str, text: str, path: tuple[str, ...], definition: Json, block: Json
) -> t.Iterator[WithoutEffect]:
    """The same for a variable that holds a whole block as JSON."""
    try:
        said = parse_text(variable, text, definition)
    except ConfigError:
        said = None
    if not isinstance(said, dict):
        yield WithoutEffect(variable, ".".join(path), block=True)
        return
    for name, value in said.items():
        inner = definition["properties"].get(name, {})
        if value is not None and value != block.get(name, inner.get("default")):
            yield WithoutEffect(variable, ".".join((*path, name)), block=True)


def _says(variable: str, text: str, definition: Json, value: t.Any) -> bool:  # noqa: ANN401
    """Whether a text means the value that is in force."""
    try:
        said = parse_text(variable, text, definition)
    except ConfigError:
        return False
    if said == value or (value is None and said in ([], {})):
        return True
    if isinstance(said, dict) and isinstance(value, dict):
        # Meltano adds to it what meltano.yml says, and joins names of what is nested with dots.
        mine, theirs = dict(_flat(said)), dict(_flat(value))
        return all(name in theirs and theirs[name] == one for name, one in mine.items())
    # Some sources of settings know only text.
    return str(said) == str(value) or _number(said) == _number(value) is not None


def _flat(value: Json, path: str = "") -> t.Iterator[tuple[str, t.Any]]:
    """The leaves of an object, by their dotted names."""
    for name, part in value.items():
        if isinstance(part, dict) and part:
            yield from _flat(part, f"{path}{name}.")
        else:
            yield f"{path}{name}", part


def _number(value: t.Any) -> float | None:  # noqa: ANN401 - a setting's value
    try:
        return float(value)
    except (ValueError, TypeError):
        return None


def from_environment(
    prefix: str, schema: t.Mapping[str, t.Any], environ: t.Mapping[str, str] | None = None
) -> dict[str, t.Any]:
    """Read settings from environment variables, nested ones too.

    `TAP_ERP_AIMSIO_USERNAME` sets `aimsio.username`; `TAP_ERP_AIMSIO` may hold the whole block as
    JSON.

    Args:
        prefix: Such as `TAP_ERP_`.
        schema: The config schema.
        environ: Variables (default: the process's).

    Returns:
        The configuration that the variables describe; blank ones count as not set.

    Raises:
        ConfigError: If a variable cannot be read as its setting's type.
    """
    environ = os.environ if environ is None else environ
    config: dict[str, t.Any] = {}
    for name, definition in schema["properties"].items():
        variable = f"{prefix}{name.upper()}"
        if environ.get(variable, "").strip():
            config[name] = parse_text(variable, environ[variable], definition)
        if "properties" in definition:
            nested = from_environment(f"{variable}_", definition, environ)
            if nested:
                whole = config.get(name, {})
                if not isinstance(whole, dict):
                    msg = f"environment variable {variable} must hold a value of type object"
                    raise ConfigError(msg)
                config[name] = {**whole, **nested}
    return config


def parse_text(variable: str, text: str, definition: t.Mapping[str, t.Any]) -> t.Any:  # noqa: ANN401
    """The value that a variable gives a setting.

    Args:
        variable: Its name.
        text: Its text.
        definition: JSON schema of the setting.

    Raises:
        ConfigError: If the text cannot be read as the setting's type.
    """
    kinds = definition.get("type", "string")
    if "string" in kinds:
        return text
    try:
        if kinds == "boolean" or "boolean" in kinds:
            return BOOLEANS[text.strip().lower()]
        codec.decode(text.encode())  # it refuses what nests too deep, and endless numbers
        return json.loads(text)
    except (KeyError, ValueError):
        wanted = "true or false" if "boolean" in kinds else f"a value of type {kinds}"
        msg = f"environment variable {variable} must hold {wanted}"
        raise ConfigError(msg) from None
