"""The settings that say what becomes of columns."""

from __future__ import annotations

import typing as t

from erp_vendors.settings import Setting

COLUMN_SETTINGS = (
    Setting(
        "match_properties",
        "string",
        "Matching of properties",
        "Which column goes to which property: exact (the one of its name), or loose (also "
        "employee_code and EMPLOYEE CODE to employeeCode; what may be two is refused).",
        "exact",
        options=("exact", "loose"),
        must_agree=True,
    ),
    Setting(
        "unknown_properties",
        "string",
        "Unknown properties",
        "What becomes of a property that no document of the vendor, no OpenAPI file and no schema "
        "in resources knows: send (with one warning), drop, or refuse the record.",
        "send",
        options=("send", "drop", "refuse"),
        must_agree=True,
    ),
    Setting(
        "coerce",
        "string",
        "Conversion of text",
        "Text where the vendor wants a number, a flag or epoch milliseconds: none sends it as it "
        "is, lossless converts what says exactly that and refuses the rest. Blank cells are then "
        "left out, or are null where null_values is set.",
        "none",
        options=("none", "lossless"),
        must_agree=True,
    ),
)
"""What becomes of columns; also by sink, in `sinks`."""


class ColumnSettings(t.NamedTuple):
    """What the settings say of one sink's columns.

    Attributes:
        match: `exact` or `loose`, the setting `match_properties`.
        unknown: `send`, `drop` or `refuse`, the setting `unknown_properties`.
        coerce: `none` or `lossless`, the setting of this name.
        blank_is_null: A blank cell is a null, which `null_values` decides about; else it is left
            out.
    """

    match: str = "exact"
    unknown: str = "send"
    coerce: str = "none"
    blank_is_null: bool = False

    @classmethod
    def of(
        cls, sink: t.Mapping[str, str], config: t.Mapping[str, t.Any], *, blank_is_null: bool
    ) -> ColumnSettings:
        """What holds for a sink.

        Args:
            sink: Its entry of the setting `sinks`.
            config: The target's configuration.
            blank_is_null: See the class.
        """
        match, unknown, coerce = (
            str(setting.value_of(sink.get(setting.name, config.get(setting.name))))
            for setting in COLUMN_SETTINGS
        )
        return cls(match, unknown, coerce, blank_is_null)
