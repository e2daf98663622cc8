"""The writers of the sinks that a run writes to, each made when its sink is first named."""

from __future__ import annotations

import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS
from target_erp.column_settings import ColumnSettings
from target_erp.columns import Columns
from target_erp.delivery import Write
from target_erp.policy_settings import check_policy, policy_of
from target_erp.writers import UnknownStreamError, make_writer

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from target_erp.delivery import Writer
    from target_erp.delivery.model import Body


class SinkWriters:
    """Writers by sink name.

    Attributes:
        made: Those that were made so far.
        silent: Nothing is said of columns, because another reading of the input says it.
    """

    def __init__(self, plugin: ErpPlugin) -> None:
        """Make an empty collection of writers.

        Args:
            plugin: The target; its setting `streams` names sinks for foreign streams.
        """
        self._plugin = plugin
        self.silent = False
        self._sinks: dict[str, dict[str, t.Any]] = plugin.config.get("sinks") or {}
        self._columns: dict[str, Columns] = {}
        self._said: dict[str, set[str]] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self.made: dict[str, Writer] = {}

    @property
    def sinks(self) -> list[tuple[str, str]]:
        """Account and name of each sink that has a writer."""
        return [(writer.account, writer.stream) for writer in self.made.values()]

    def get(self, stream: str, keys: t.Sequence[str]) -> tuple[Writer, Writer | None]:
        """The writer of a stream, and the one that its sink had until now.

        Args:
            stream: A name that the input or the setting `streams` uses.
            keys: Key properties of its SCHEMA message; none if there was no such message.

        Returns:
            Twice the same writer as long as the keys stay the same; None as the second one if the
            sink is new in this run.

        Raises:
            ConfigError: If there is no such sink, or its vendor is not configured; or if the
                setting `sinks` names something else than a sink.
        """
        if not self.made:
            self._check_sinks()
        name = (self._plugin.config.get("streams") or {}).get(stream, stream)
        before = self.made.get(name)
        if before is not None:
            keys = self._columns[name].named(keys)
            if not keys or keys == self._keys[name]:
                return before, before
        writer = self._make(name, keys)
        columns = self._columns_of(writer)
        named = columns.named(keys)
        if named != tuple(keys):
            writer = self._make(name, named)
        identity = (name for name, _ in writer.identify(dict.fromkeys(named, "1")))
        documented = writer.documented.keys if writer.documented else ()
        every = (*named, *writer.keys, *(one for names in documented for one in names))
        columns.keep(
            (part for names in identity for part in names.split(",")),
            (part for names in every for part in names.split(",")),
        )
        self._keys[name], self._columns[name], self.made[name] = named, columns, writer
        return writer, before

    def _make(self, name: str, keys: t.Sequence[str]) -> Writer:
        """A writer with what the settings allow its records to change."""
        writer = make_writer(self._plugin, name, keys)
        writer.policy = policy_of(self._sinks.get(name, {}))
        writer.carries_unknown = self._settings_of(writer).unknown == "send"
        return writer

    def columns(self, writer: Writer) -> Columns:
        """What becomes of the columns of a sink's records.

        Args:
            writer: The sink's writer.
        """
        return self._columns[writer.stream]

    def received(self, writer: Writer, number: int, record: Body) -> Write:
        """A record of the input, as its sink takes it: `columns` says under which names.

        Args:
            writer: Its sink's writer.
            number: Its number in the input.
            record: The record as it came.
        """
        taken = self.columns(writer).take(record)
        return Write(number, writer.stream, taken.record, refusal=taken.refusal)

    def _check_sinks(self) -> None:
        """Refuse settings of sinks that do not exist: they would have no effect.

        Raises:
            ConfigError: If a setting names such a sink, or asks for what its sink cannot do.
        """
        config = self._plugin.config
        named = [
            *(("sinks", name) for name in self._sinks),
            *(("streams", name) for name in (config.get("streams") or {}).values()),
            *(("deletes", name) for name in config.get("deletes") or ()),
        ]
        for setting, name in named:
            vendor = name.partition("_")[0]
            if vendor in VENDORS and vendor not in self._plugin.vendors:
                continue  # nothing is written there
            try:
                writer = self._make(name, ())
                check_policy(writer, deletes=name in (config.get("deletes") or ()))
            except UnknownStreamError:
                msg = f"config: '{setting}' names {name}, and no sink is called so; see erp sinks"
                raise ConfigError(msg) from None

    def _settings_of(self, writer: Writer) -> ColumnSettings:
        return ColumnSettings.of(
            self._sinks.get(writer.stream, {}),
            self._plugin.config,
            blank_is_null=self._plugin.block(writer.vendor).given("null_values"),
        )

    def _columns_of(self, writer: Writer) -> Columns:
        settings = self._settings_of(writer)
        said = None if self.silent else self._said.setdefault(writer.stream, set())
        return Columns(
            writer.stream, writer.documented, settings, secrets=writer.secrets, said=said
        )

    def site_keys_of(self, writer: Writer) -> frozenset[str]:
        """Key properties that the setting `resources` names for a sink.

        Args:
            writer: The sink's writer.
        """
        entries = (self._plugin.config.get(writer.vendor) or {}).get("resources") or ()
        return frozenset(
            name
            for entry in entries
            if f"{writer.vendor}_{str(entry['name']).removeprefix(writer.vendor + '_')}"
            == writer.stream
            for name in entry.get("primary_keys") or ()
        )
