"""The configuration that `--config` names, as the commands for people take it.

It may hold the keys of both plugins. Each plugin gets those that it knows, and a vendor's block
that stands under the other plugin's name in the environment serves it as well.
"""

from __future__ import annotations

import copy
import dataclasses
import pathlib
import typing as t

import click

from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.masking import explain_masks, masked_settings
from erp_vendors.vendors import VENDORS
from tap_erp.settings import SETTINGS as TAP_SETTINGS
from target_erp.settings import SETTINGS as TARGET_SETTINGS

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from target_erp.target import TargetErp

ENVIRONMENT = "ENV"
"""What stands for the variables of the environment in place of a file."""
_OWN = {
    "tap-erp": {setting.name for setting in TAP_SETTINGS},
    "target-erp": {setting.name for setting in TARGET_SETTINGS},
}
"""The keys that a plugin has for itself."""
Config = dict[str, t.Any]
Plugin = t.TypeVar("Plugin", bound="ErpPlugin")


@dataclasses.dataclass(frozen=True, slots=True)
class Configuration:
    """What the options `--config` name.

    Attributes:
        names: Files, and `ENV` for the environment, as they were given.
        settings: What stands in the files; of a key that stands in several, the last one counts.
    """

    names: tuple[str, ...] = ()
    settings: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def reads_environment(self) -> bool:
        """Whether the environment was named."""
        return ENVIRONMENT in self.names

    def of(self, plugin: type[ErpPlugin]) -> Config:
        """The configuration of one plugin.

        Args:
            plugin: The tap or the target.

        Raises:
            ConfigError: If a variable of the environment cannot be read, or is a secret's mask.
        """
        others = set().union(*_OWN.values()) - _OWN[plugin.name]
        config = {name: value for name, value in self.settings.items() if name not in others}
        if self.reads_environment:
            own, blocks = _from_environment(plugin)
            config = {**blocks, **config, **own}
        return without_masks(config)

    def check(self) -> None:
        """Check the files by what both plugins know, for a command that makes no plugin.

        Raises:
            ConfigError: If anything is wrong; its one line names all that is.
        """
        if not self.settings:
            return
        from erp_plugin.config import problems_of  # noqa: PLC0415 - as the plugins below
        from tap_erp.tap import TapErp  # noqa: PLC0415 - the plugins are slow to import
        from target_erp.target import TargetErp  # noqa: PLC0415

        schema = copy.deepcopy(TargetErp.config_jsonschema)
        for plugin in (TapErp, TargetErp):
            schema["properties"] = {
                **plugin.config_jsonschema["properties"],
                **schema["properties"],
            }
            plugin.append_builtin_config(schema)
        problems = problems_of(dict(self.settings), schema)
        if problems:
            msg = f"config: {'; '.join(problems)}"
            raise ConfigError(msg)

    def target(self) -> TargetErp:
        """A target that can write to all vendors, to ask what can be written; it reaches none.

        Raises:
            ConfigError: If the configuration is wrong.
        """
        from target_erp.target import TargetErp  # noqa: PLC0415 - the plugins are slow to import
        from target_erp.templates import any_account  # noqa: PLC0415

        config = any_account()
        for name, value in self.of(TargetErp).items():
            config[name] = {**config[name], **value} if name in config else value
        # Nothing is written: a variable that would have no effect on a run has none here, either.
        every = TargetErp.config_jsonschema["properties"]
        return TargetErp(config=config, differs_on_purpose=every)

    def sinks(self) -> list[str]:
        """Names of all sinks, those of the configuration included.

        Raises:
            ConfigError: If the configuration is wrong.
        """
        from target_erp.writers import sink_names  # noqa: PLC0415 - as the plugins

        target = self.target()
        return [name for vendor in target.vendors for name in sink_names(target, vendor)]

    def make(self, plugin: type[Plugin], **settings: t.Any) -> Plugin:  # noqa: ANN401
        """Make a plugin with its configuration.

        Args:
            plugin: The tap or the target.
            **settings: Settings that stand above the configuration and the environment.

        Raises:
            ConfigError: If the configuration is wrong.
        """
        return plugin(config={**self.of(plugin), **settings}, differs_on_purpose=settings.keys())


def read(names: t.Iterable[str]) -> Configuration:
    """Read the files that were named.

    Args:
        names: Files, and `ENV` for the environment.

    Raises:
        ConfigError: If a file cannot be read, holds no JSON object, or holds a secret's mask.
    """
    settings: Config = {}
    names = tuple(names)
    for name in names:
        if name != ENVIRONMENT:
            settings.update(_read_file(name))
    return Configuration(names, settings)


def without_masks(settings: Config, where: str = "") -> Config:
    """Settings, if none of them holds the mask of a secret.

    Args:
        settings: The settings.
        where: Where they stand, for the error.

    Raises:
        ConfigError: If one does.
    """
    for line in explain_masks(masked_settings(settings)):
        msg = f"config: {where}{line}"
        raise ConfigError(msg)
    return settings


def _not_blank(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(map(str.strip, value)):
        msg = "it is empty; leave it out if there is none"
        raise click.BadParameter(msg)
    return value


config_option = click.option(
    "--config",
    multiple=True,
    callback=_not_blank,
    metavar="FILE",
    help="Configuration of tap and target; ENV for the environment. May be given again.",
)


def _read_file(name: str) -> Config:
    try:
        settings = codec.decode(pathlib.Path(name).read_bytes())
    except (OSError, ValueError) as error:
        msg = f"cannot read the configuration {name} (--config): {error}"
        raise ConfigError(msg) from None
    if not isinstance(settings, dict):
        msg = f"the configuration {name} (--config) is no JSON object"
        raise ConfigError(msg)
    return without_masks(settings, f"{name} (--config): ")


def _from_environment(plugin: type[ErpPlugin]) -> tuple[Config, Config]:
    """What the plugin's own variables say, and the vendors' blocks of the other plugin's."""
    from erp_plugin import environment  # noqa: PLC0415 - the plugins are slow to import

    schema = plugin.config_jsonschema
    plugin.append_builtin_config(schema)
    others = environment.other_vendors(environment.project_name_of(plugin.name))
    mine = {name: part for name, part in schema["properties"].items() if name not in others}
    blocks = {"properties": {name: part for name, part in mine.items() if name in VENDORS}}
    (other,) = _OWN.keys() - {plugin.name}
    return (
        environment.from_environment(environment.prefix_of(plugin.name), {"properties": mine}),
        environment.from_environment(environment.prefix_of(other), blocks),
    )
