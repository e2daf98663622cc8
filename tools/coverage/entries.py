"""The streams and sinks of the code, and the calls that they make; nobody is called."""

from __future__ import annotations

import dataclasses
import signal
import typing as t

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from target_erp.writers import UnknownStreamError, make_writer
from tools.coverage.calls import calls_of
from tools.coverage.data import data_of

if t.TYPE_CHECKING:
    from erp_vendors.resource import Resource
    from tap_erp.base import TapStream
    from target_erp.delivery import Writer

Config = dict[str, dict[str, t.Any]]

_CHOSEN_NAME = "NAME"
_CHOSEN = "(as its entry says)"


@dataclasses.dataclass
class Entry:
    """A stream, a sink, or both under one name.

    Attributes:
        read_key: What identifies a record that is read; None if there is no stream.
        bookmark: Up to what a run has read.
        write_key: What identifies a record that is written; None if there is no sink.
        optional: The stream is there only with a setting of its own.
    """

    read_key: str | None = None
    bookmark: str = ""
    write_key: str | None = None
    optional: bool = False


class Use(t.NamedTuple):
    """A call that the code's tables make.

    Attributes:
        operation: Method and path.
        name: Stream or sink.
        resource: Name in the vendor's table.
        documented: The table does not call its path a guess.
    """

    operation: str
    name: str
    resource: str
    documented: bool


def options() -> Config:
    """The settings that bring further streams, by vendor."""
    return {vendor: data_of(vendor).options for vendor in VENDORS}


def tap_with(settings: Config) -> TapErp:
    """A tap with all vendors, which leaves this process's signal handlers alone.

    Args:
        settings: Settings beside the credentials, by vendor.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    config = {
        vendor: {**data_of(vendor).credentials, **settings.get(vendor, {})} for vendor in VENDORS
    }
    try:
        return TapErp(config=config)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def entries_and_uses() -> tuple[dict[str, dict[str, Entry]], dict[str, list[Use]]]:
    """All streams and sinks by vendor and name, and the calls that they make by vendor."""
    tap = tap_with(options())
    entries, uses = _reading(tap)
    _writing(tap, entries, uses)
    return entries, uses


def writers(tap: TapErp, vendor: str) -> t.Iterator[tuple[str, Writer]]:
    """The sinks of a vendor, each with the name of its resource.

    Args:
        tap: What has the vendor's client.
        vendor: Its name.
    """
    for name in dict.fromkeys([*tap.client(vendor).resources, *calls_of(vendor).sinks]):
        try:
            yield name, make_writer(tap, f"{vendor}_{name}", ())
        except UnknownStreamError:
            continue


def spelled_key(alternatives: t.Iterable[t.Iterable[str]]) -> str:
    """A key as the page shows it.

    Args:
        alternatives: Properties that identify a record together, best alternative first.
    """
    texts = (" + ".join(f"`{name}`" for name in names) for names in alternatives)
    return ", ".join(filter(None, texts)) or "(none)"


def _reading(tap: TapErp) -> tuple[dict[str, dict[str, Entry]], dict[str, list[Use]]]:
    """The streams, and the calls that they make."""
    always = {stream.name for stream in tap_with({}).erp_streams}
    entries: dict[str, dict[str, Entry]] = {vendor: {} for vendor in VENDORS}
    uses: dict[str, list[Use]] = {vendor: [] for vendor in VENDORS}
    for stream in tap.erp_streams:
        name = stream.name.replace(_CHOSEN_NAME, "<name>")
        entries[stream.vendor][name] = Entry(
            spelled_key([stream.primary_keys]) if name == stream.name else _CHOSEN,
            _bookmark(stream) if name == stream.name else _CHOSEN,
            optional=stream.name not in always,
        )
        # The index of Aimsio's objects is made of several resources, an export of none.
        many: t.Iterable[Resource] = getattr(stream, "resources", ())
        one: Resource | None = getattr(stream, "resource", None) if name == stream.name else None
        for resource in many if one is None else (one,):
            calls = list(calls_of(stream.vendor).reads(resource))
            uses[stream.vendor] += [
                Use(call, f"stream `{name}`", resource.name, resource.documented)
                for call in (calls if one is not None else calls[:1])
            ]
    return entries, uses


def _writing(tap: TapErp, entries: dict[str, dict[str, Entry]], uses: dict[str, list[Use]]) -> None:
    """Add the sinks, and the calls that they make."""
    for vendor in VENDORS:
        calls = calls_of(vendor)
        for name, writer in writers(tap, vendor):
            entry = entries[vendor].setdefault(writer.stream, Entry())
            entry.write_key = spelled_key(calls.keys(writer))
            documented = calls.is_documented(writer)
            uses[vendor] += [
                Use(call, f"sink `{writer.stream}`", name, documented)
                for call in calls.writes(writer)
            ]


def _bookmark(stream: TapStream) -> str:
    if stream.replication_key:
        return f"`{stream.replication_key}`"
    return "Start of the run" if stream.replication_method == REPLICATION_INCREMENTAL else ""
