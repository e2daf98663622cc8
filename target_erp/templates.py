"""What can be written, and what a record of it looks like: to be filled in by people."""

from __future__ import annotations

import json
import re
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS
from target_erp.delivery.documented import Documented, is_assumed, is_epoch, kinds_of
from target_erp.text_table import UNCUT, table
from target_erp.writers import make_writer, sink_names

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from target_erp.delivery import Writer

    Schema = t.Mapping[str, t.Any]

KINDS = ("csv", "json", "sql")
"""The forms of a template."""
_WORDS = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
}
_LOGIN = frozenset({"username", "client_id", "app_id", "site_name", "scope"})
"""Settings beside secrets that a vendor's client cannot do without."""
_NOBODY = "(nobody)"
"""Stands for a login; as it counts as a secret, it is a word that no text holds."""
_NESTED = frozenset({"array", "object"})
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|\W+")


class Property(t.NamedTuple):
    """A property of a sink's records.

    Attributes:
        name: Its name.
        kind: Its type, in words; empty if no document says it.
        notes: What is to be known of it: `required`, `key`, its values, what it refers to.
        required: A new record must have it.
        schema: Its JSON schema.
    """

    name: str
    kind: str
    notes: tuple[str, ...]
    required: bool
    schema: Schema

    @property
    def nested(self) -> bool:
        """Whether no cell of a table can hold it."""
        return bool(kinds_of(self.schema)) and kinds_of(self.schema) <= _NESTED

    @property
    def about(self) -> str:
        """All of it in one line."""
        return "; ".join(filter(None, (*self.notes, self.kind)))


class SinkLine(t.NamedTuple):
    """A sink, as the list of sinks shows it.

    Attributes:
        name: Its name.
        keys: What identifies a record: alternatives with `or` between them.
        required: What a new record must have.
        writes: What can be done.
    """

    name: str
    keys: str
    required: tuple[str, ...]
    writes: str


def sinks(plugin: ErpPlugin) -> list[SinkLine]:
    """What can be written.

    Args:
        plugin: The target; the sinks of its vendors are listed.

    Raises:
        ConfigError: If a vendor's block cannot be used.
    """
    return [
        _line(make_writer(plugin, name, ()))
        for vendor in VENDORS
        if vendor in plugin.vendors
        for name in sink_names(plugin, vendor)
    ]


def any_account() -> dict[str, t.Any]:
    """A configuration that has all vendors, to ask what can be written; it reaches none."""
    return {
        vendor.name: {
            setting.name: _NOBODY
            for setting in vendor.settings
            if setting.kind == "string"
            and setting.default is None
            and (setting.secret or setting.name in _LOGIN)
        }
        for vendor in VENDORS.values()
    }


def properties(documented: Documented) -> list[Property]:
    """What documents say of a sink's records, what is required first.

    Args:
        documented: What they know.
    """
    schemas = [one for one in (documented.schema, documented.given) if one]
    known: dict[str, Schema] = {}
    for names in documented.keys:
        known.update((name, {}) for name in names)
    for schema in reversed(schemas):
        known.update(schema.get("properties", {}))
    found = [
        _property(name, schema, documented)
        for name, schema in known.items()
        if name not in documented.left_out
    ]
    return sorted(found, key=lambda one: (not one.required, "key" not in one.notes))


def template(plugin: ErpPlugin, sink: str, kind: str) -> str:
    """A record of a sink to be filled in.

    Args:
        plugin: The target.
        sink: The sink.
        kind: `csv` for a header line, `json` for an object whose values say what belongs there, or
            `sql` for a select whose columns have the names of the properties.

    Raises:
        ConfigError: If there is no such sink, or no document says what its records have.
    """
    if kind not in KINDS:
        msg = f"no template has the form '{kind}'; there are {', '.join(KINDS)}"
        raise ConfigError(msg)
    found = properties(_documented(plugin, sink))
    if not found:
        vendor, _, name = sink.partition("_")
        msg = (
            f"no document names the properties of {sink}; say them in an entry of the setting "
            f"{vendor}.resources (name: {name}, schema, primary_keys)"
        )
        raise ConfigError(msg)
    if kind == "csv":
        lacking = [one.name for one in found if one.nested and one.required]
        if lacking:
            msg = (
                f"no row of a table can hold {' and '.join(lacking)}, which {sink} requires; take "
                "--format json, or --format sql with columns of the type jsonb"
            )
            raise ConfigError(msg)
        return ",".join(_cell(one.name) for one in found if not one.nested)
    if kind == "json":
        left_out = _documented(plugin, sink).left_out
        return json.dumps({one.name: _placeholder(one, left_out) for one in found}, indent=2)
    return _select(sink, found)


def legend(plugin: ErpPlugin, sink: str, width: int = UNCUT) -> str:
    """What a template's properties mean, as a table for people.

    Args:
        plugin: The target.
        sink: The sink.
        width: Characters of a line.

    Raises:
        ConfigError: If there is no such sink.
    """
    rows = [("property", "type", "what")]
    for one in properties(_documented(plugin, sink)):
        notes = (*one.notes, *(("not for CSV",) if one.nested else ()))
        rows.append((one.name, one.kind, "; ".join(notes)))
    return table(rows, width)


def _documented(plugin: ErpPlugin, sink: str) -> Documented:
    return make_writer(plugin, sink, ()).documented or Documented()


def _line(writer: Writer) -> SinkLine:
    documented = writer.documented or Documented()
    found = properties(documented)
    keys = " or ".join(" + ".join(names) for names in documented.keys)
    writes = "creates" if writer.create_only else "creates, updates"
    deletes = ", deletes" if writer.deletable else ""
    required = tuple(one.name for one in found if one.required)
    return SinkLine(writer.stream, keys or "(none)", required, writes + deletes)


def _property(name: str, schema: Schema, documented: Documented) -> Property:
    settled = {other for need in documented.needs for other in need.names}
    required = name in documented.schema.get("required", ()) and name not in settled
    notes = []
    for need in documented.needs:
        if name in need.names:
            required = required or (not need.when and len(need.names) == 1)
            if len(need.names) > 1 or need.when:
                asked = f" with {need.when}" if need.when else ""
                notes.append(f"{' or '.join(need.names)} is required{asked}")
    if required:
        notes.insert(0, "required")
    if any(name in names for names in documented.keys):
        notes.append("key")
    if name in documented.references:
        sink, key = documented.references[name]
        notes.append(f"the {key} of a record of {sink}")
    if options := _options(schema):
        notes.append(f"one of {', '.join(options)}")
    if is_epoch(schema):
        notes.append("epoch milliseconds")
    if schema and is_assumed(schema):
        notes.append("assumed")
    kind = " or ".join(words for kind, words in _WORDS.items() if kind in kinds_of(schema))
    return Property(name, kind, tuple(notes), required, schema)


def _options(schema: Schema) -> list[str]:
    values = [value for value in schema.get("enum", ()) if value is not None]
    return list(dict.fromkeys(str(value).strip() for value in values))


def _placeholder(one: Property, left_out: t.Collection[str] = ()) -> t.Any:  # noqa: ANN401
    """What stands for a value: text that says what belongs there, in the value's own form."""
    schema = one.schema
    if one.nested:
        is_list = "array" in kinds_of(schema)
        inner: t.Any = schema.get("items") if is_list else schema
        inner = inner if isinstance(inner, dict) else {}
        parts = inner.get("properties", {})
        if is_list and not parts and kinds_of(inner) and not kinds_of(inner) & _NESTED:
            return [_placeholder(_property("", inner, Documented()))]
        nothing = Documented()
        body = {
            name: _placeholder(_property(name, part, nothing))
            for name, part in parts.items()
            if f"{one.name}.{name}" not in left_out
        }
        return [body] if is_list else body
    return f"<{one.about or 'any value'}>"


def _select(sink: str, found: t.Sequence[Property]) -> str:
    """A select for PostgreSQL; its source is for the user to name."""
    lines = []
    for number, one in enumerate(found):
        column = _quoted("_".join(filter(None, _WORD.split(one.name))).lower())
        if is_epoch(one.schema):
            column = f"(extract(epoch from {column}) * 1000)::bigint"
        elif one.nested:
            column = f"{column}::jsonb"
        comma = "," if number < len(found) - 1 else ""
        lines.append(f"  {column} as {_quoted(one.name)}{comma}  -- {one.about}".rstrip(" -"))
    return "\n".join([f"-- {sink}", "select", *lines, "from your_table"])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _cell(name: str) -> str:
    return _quoted(name) if re.search(r'[",\r\n]', name) else name
