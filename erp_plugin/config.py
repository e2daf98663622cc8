"""The configuration that the tap and the target share."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import threading
import typing as t

from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import PluginBase
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR
from typing_extensions import override

from erp_plugin import near_names
from erp_plugin.environment import (
    BOOLEANS,
    explanation,
    from_environment,
    other_blocks,
    prefix_of,
    project_name_of,
    without_effect,
)
from erp_vendors.errors import ConfigError, ErpError, Interrupted
from erp_vendors.http import codec
from erp_vendors.http.redact import redact, secrets_in
from erp_vendors.masking import explain_masks, masked_settings
from erp_vendors.settings import (
    Block,
    Setting,
    as_given,
    explain,
    explain_addresses,
    object_schema,
)
from erp_vendors.vendor import Client, Connection
from erp_vendors.vendors import VENDORS

if t.TYPE_CHECKING:
    import click
    from singer_sdk.plugin_base import _ConfigInput

USER_AGENT = Setting(
    "user_agent", "string", "User agent", "User-Agent header of every call.", "erp-singer"
)

RATE_LIMIT_STORE = Setting(
    "rate_limit_store",
    "string",
    "Rate limit store",
    "Where the rate budget of an account is kept: memory for one process; an SQLite path, redis:// "
    "or postgresql:// for several that share it.",
    "memory",
    secret=True,
    must_agree=True,
)

_COMMON_SETTINGS = (USER_AGENT, RATE_LIMIT_STORE)
"""What both plugins have beside the vendors' blocks."""


_OF_THE_SDK = frozenset(
    {"stream_maps", "stream_map_config", "flattening_enabled", "flattening_max_depth"}
)
"""Settings of the SDK that say what becomes of columns, some of which may have to stay out."""


def config_schema(settings: t.Iterable[Setting]) -> dict[str, t.Any]:
    """JSON schema of the whole configuration.

    Args:
        settings: The plugin's settings besides the vendors' blocks.
    """
    schema = object_schema((*settings, *_COMMON_SETTINGS))
    blocks = {
        vendor.name: object_schema(
            vendor.settings,
            title=vendor.title,
            description=f"Connection to {vendor.title}; without this block it has no streams.",
        )
        for vendor in VENDORS.values()
    }
    schema["properties"] = {**blocks, **schema["properties"]}
    return schema


def problems_of(config: dict[str, t.Any], schema: dict[str, t.Any]) -> list[str]:
    """What is wrong with a configuration.

    Args:
        config: The configuration; its texts may stand for numbers and booleans.
        schema: The config schema.

    Returns:
        One line per problem. Values are not shown: they may be secrets.
    """
    config = _as_meant(config, schema)
    return [
        *explain_masks(masked_settings(config)),
        *(
            line
            for error in DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(config)
            for line in explain(error, schema)
        ),
        *explain_addresses(config),
    ]


class ErpPlugin(PluginBase):
    """Checks the configuration and makes the vendors' clients.

    Attributes:
        own_settings: The settings that the other plugin does not have.
        sources: Blocks besides the vendors' of which one is enough.
    """

    own_settings: t.ClassVar[tuple[Setting, ...]] = ()
    sources: t.ClassVar[tuple[str, ...]] = ()
    package_name = "erp-singer"
    _clients: dict[str, Client]

    def __init__(
        self,
        *,
        differs_on_purpose: t.Collection[str] = (),
        **more: t.Any,  # noqa: ANN401 - as in the SDK
    ) -> None:
        """Make a plugin.

        Args:
            differs_on_purpose: Settings that may say something else than the environment, because
                the program itself has set them.
            **more: As in the SDK.

        Raises:
            ConfigError: If the configuration is wrong.
        """
        self._differs_on_purpose = differs_on_purpose
        super().__init__(**more)

    # Private in the SDK; guarded by test_the_hook_is_where_it_was (tests/test_sdk_hooks.py).
    @override
    def _setup_signal_handlers(self) -> None:
        """Let SIGHUP end the run as SIGTERM does, unless the process was told to outlive it."""
        super()._setup_signal_handlers()
        if threading.current_thread() is not threading.main_thread():
            return
        hang_up = getattr(signal, "SIGHUP", None)
        if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:  # nohup
            signal.signal(hang_up, self._handle_termination)

    # Private in the SDK; guarded by test_the_hook_is_where_it_was (tests/test_sdk_hooks.py).
    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the configuration; the SDK's messages would not name the setting.

        Raises:
            ConfigError: If anything is wrong; its one line names all that is.
        """
        self._clients = {}
        self._clients_lock = threading.Lock()
        self.connection = Connection()
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        self._config = _as_meant(self._config, schema)
        self._register_secrets()
        problems = problems_of(self._config, schema)
        if not problems and not self.vendors and not any(map(self._config.get, self.sources)):
            problems = [
                (
                    "no vendor is configured: add a block for at least one of "
                    f'{", ".join(VENDORS)}, such as {{"aimsio": {{"username": ...}}}}'
                )
            ]
        if problems and raise_errors:
            msg = f"config: {'; '.join(problems)}"
            raise ConfigError(msg)
        # Defaults inside of vendor blocks come from the settings tables: `Block.get`.
        for name, definition in schema["properties"].items():
            if "default" in definition:
                self._config.setdefault(name, definition["default"])
        self.check_environment(schema)
        self.connection = Connection(
            user_agent=self._config["user_agent"],
            rate_limit_store=self._config["rate_limit_store"],
        )
        return problems

    def check_environment(self, schema: dict[str, t.Any]) -> None:
        """Tell of variables that have no effect on this run.

        Raises:
            ConfigError: If one names a setting that protects the data or says where they go.
        """
        project_name = project_name_of(self.name)
        prefixes = [self._env_var_prefix]
        if project_name:
            prefixes.insert(0, prefix_of(project_name))
        passed_over = {*self._differs_on_purpose, *other_blocks(project_name)}
        found = [
            one
            for one in without_effect(prefixes, schema, self._config)
            if one.setting.partition(".")[0] not in passed_over
        ]
        grave = [one for one in found if self._must_agree(one.setting)]
        # A name that is near to several means the setting of a vendor that is configured.
        ordered = sorted(schema["properties"].items(), key=lambda one: one[0] in self._unused)
        names = near_names.strangers(
            prefixes,
            {"properties": dict(ordered)},
            left_out=other_blocks(project_name),
            siblings=bool(project_name),
        )
        names = [one for one in names if one.setting.partition(".")[0] not in passed_over]
        misspelt = [one for one in names if one.close and self._must_agree(one.setting)]
        problems = [explanation(grave, project_name)] * bool(grave)
        problems += [near_names.misspelt(misspelt)] * bool(misspelt)
        if problems:
            msg = f"config: {'; '.join(problems)}"
            raise ConfigError(msg)
        if found:
            self.logger.warning("%s", explanation(found, project_name))
        if names:
            self.logger.warning("%s", near_names.unknown(names))

    @property
    def _unused(self) -> set[str]:
        """The vendors that are not configured."""
        return VENDORS.keys() - self._config.keys()

    def _must_agree(self, setting: str) -> bool:
        """Whether a setting protects the data or says where they go.

        Args:
            setting: Its dotted name.
        """
        block, _, name = setting.partition(".")
        if block in VENDORS:
            return block in self._config and self.block(block).must_agree(name)
        return block in _OF_THE_SDK or any(
            own.name == block and own.must_agree for own in (*self.own_settings, *_COMMON_SETTINGS)
        )

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, t.Any]) -> None:
        """Add the SDK's own settings; what is no JSON schema in them would end the check."""
        own = set(config_jsonschema["properties"])
        super().append_builtin_config(config_jsonschema)
        for name, definition in config_jsonschema["properties"].items():
            if name not in own:
                _without_broken_parts(definition)

    def _register_secrets(self) -> None:
        for vendor in VENDORS.values():
            block = self._config.get(vendor.name)
            if isinstance(block, dict):
                secret = (block.get(setting.name) for setting in vendor.settings if setting.secret)
                redact.add(*(value for value in secret if isinstance(value, str)))
        redact.add(*(secret for text in _texts(self._config) for secret in secrets_in(text)))

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        """Read the configuration files; the SDK's messages would not name the file.

        Raises:
            ConfigError: If a file is missing or holds no JSON object.
        """
        for name in value:
            try:
                if name != "ENV" and not isinstance(_json_in(name), dict):
                    msg = "it holds something else"
                    raise TypeError(msg)  # noqa: TRY301
            except (OSError, ValueError, TypeError) as error:
                msg = f"config: {name or repr(name)} cannot be read as a JSON object ({error})"
                raise ConfigError(msg) from None
        return super().cb_config(ctx, param, value)

    # Private in the SDK; guarded by test_the_properties_are_properties_still.
    @classproperty
    @override
    def _env_var_config(cls) -> dict[str, t.Any]:  # noqa: N805
        """Settings from the environment; the SDK knows no settings inside of blocks."""
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        return from_environment(cls._env_var_prefix, schema)

    @property
    def vendors(self) -> list[str]:
        """Names of the configured vendors."""
        return [name for name in VENDORS if name in self._config]

    def block(self, vendor: str) -> Block:
        """The block of a configured vendor."""
        return Block(vendor, VENDORS[vendor].settings, self._config[vendor])

    def client(self, vendor: str) -> t.Any:  # noqa: ANN401 - each vendor's own class
        """The client of a configured vendor, one per run.

        Raises:
            ConfigError: If its credentials are not set.
        """
        with self._clients_lock:
            if vendor not in self._clients:
                make = VENDORS[vendor].client
                self._clients[vendor] = make(self.block(vendor), self.connection)
            return self._clients[vendor]

    @property
    def clients(self) -> dict[str, t.Any]:
        """The clients that were made so far, by vendor."""
        return self._clients

    def check_credentials(self) -> None:
        """Prove that every configured vendor can be reached and takes the credentials.

        Raises:
            ErpError: If one does not; the others have been looked at as well.
        """
        failed: list[ErpError] = []
        for vendor in self.vendors:
            try:
                client = self.client(vendor)
                with contextlib.closing(client.transport):
                    client.check()
            except Interrupted:
                raise
            except ErpError as error:
                failed.append(error)
            except Exception as error:  # noqa: BLE001 - the others are looked at all the same
                why = " ".join(redact(str(error)).split()) or "no reason is given"
                failed.append(ErpError(f"{vendor}: the check failed ({why})"))
            else:
                self.logger.info("%s: connected, credentials accepted", VENDORS[vendor].title)
        if len(failed) == 1:
            raise failed[0]
        if failed:
            msg = f"{len(failed)} of {len(self.vendors)} vendors: {'; '.join(map(str, failed))}"
            raise ErpError(msg)


def _texts(value: t.Any) -> t.Iterator[str]:  # noqa: ANN401 - any part of a configuration
    """All texts of a configuration, however deep they stand."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _json_in(name: str) -> t.Any:  # noqa: ANN401 - JSON can be anything
    """What a file holds, read more strictly than the SDK reads it afterwards."""
    if not name:
        msg = "its name is empty"
        raise ValueError(msg)
    return codec.decode(pathlib.Path(name).read_bytes())


def _without_broken_parts(schema: t.Any) -> None:  # noqa: ANN401 - any part of a schema
    """Remove what is no schema from every `anyOf`; the SDK's `__else__` holds the text `null`."""
    if isinstance(schema, dict):
        if isinstance(schema.get("anyOf"), list):
            schema["anyOf"] = [part for part in schema["anyOf"] if isinstance(part, (dict, bool))]
        for part in schema.values():
            _without_broken_parts(part)
    elif isinstance(schema, list):
        for part in schema:
            _without_broken_parts(part)


def _as_meant(config: dict[str, t.Any], schema: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A configuration without what is not set, and with texts read as the types they stand for."""
    return _from_text(as_given(config, schema), schema)


def _from_text(config: dict[str, t.Any], schema: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Read numbers and booleans that are given as text, as Meltano hands over variables."""
    found = dict(config)
    for name, definition in schema["properties"].items():
        value = found.get(name)
        if isinstance(value, dict) and "properties" in definition:
            found[name] = _from_text(value, definition)
        elif isinstance(value, str) and definition.get("type") in ("integer", "number"):
            with contextlib.suppress(ValueError):  # the check that follows tells
                found[name] = int(value) if definition["type"] == "integer" else float(value)
        elif isinstance(value, str) and definition.get("type") == "boolean":
            found[name] = BOOLEANS.get(value.strip().lower(), value)
    return found
