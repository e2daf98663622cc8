"""The writers of the sinks that a run writes to, each made when its sink is first named."""

from __future__ import annotations

import typing as t

from target_erp.writers import make_writer

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from target_erp.delivery import Writer


class SinkWriters:
    """Writers by sink name.

    Attributes:
        made: Those that were made so far.
    """

    def __init__(self, plugin: ErpPlugin) -> None:
        """Make an empty collection of writers.

        Args:
            plugin: The target; its setting `streams` names sinks for foreign streams.
        """
        self._plugin = plugin
        self._keys: dict[str, tuple[str, ...]] = {}
        self.made: dict[str, Writer] = {}

    def get(self, stream: str, keys: t.Sequence[str]) -> tuple[Writer, Writer | None]:
        """The writer of a stream, and the one that its sink had until now.

        Args:
            stream: A name that the input or the setting `streams` uses.
            keys: Key properties of its SCHEMA message; none if there was no such message.

        Returns:
            Twice the same writer as long as the keys stay the same; None as the second one if the
            sink is new in this run.

        Raises:
            ConfigError: If there is no such sink, or its vendor is not configured.
        """
        name = (self._plugin.config.get("streams") or {}).get(stream, stream)
        before = self.made.get(name)
        if before is not None and (not keys or tuple(keys) == self._keys[name]):
            return before, before
        self._keys[name] = tuple(keys)
        self.made[name] = make_writer(self._plugin, name, keys)
        return self.made[name], before

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
