"""What users rely on of each vendor: tests/interface/<vendor>.json, written from its documents."""

from __future__ import annotations

import dataclasses
import json
import pathlib

from erp_vendors.vendors import VENDORS

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "interface"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interface:
    """One vendor's streams and sinks, by the names of their resources.

    Attributes:
        read: Streams.
        written: Sinks.
        further: Streams beyond what the interface asks for.
        optional: Streams that need a setting of their own.
        rarely_called: Calls that an ordinary run does not make, each with what it takes.
        keys: By schema: the properties that may not be null, a parent's keys included.
        required: By schema of a write: what no write can do without.
    """

    read: list[str]
    written: list[str]
    further: list[str] = dataclasses.field(default_factory=list)
    optional: list[str] = dataclasses.field(default_factory=list)
    rarely_called: dict[str, str] = dataclasses.field(default_factory=dict)
    keys: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    required: dict[str, list[str]] = dataclasses.field(default_factory=dict)


INTERFACES = {
    vendor: Interface(**json.loads((FOLDER / f"{vendor}.json").read_text("utf-8")))
    for vendor in VENDORS
}
