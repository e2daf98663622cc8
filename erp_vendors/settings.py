"""The settings: one table per vendor, from which the config schema and its checks are made."""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.success import success_schema

if t.TYPE_CHECKING:
    from jsonschema import ValidationError

Kind = t.Literal["string", "integer", "number", "boolean", "array", "object"]


NONE = "none"
"""What stands for an empty value, as a blank one counts as not set; see `Setting.or_none`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One key of the configuration.

    Attributes:
        name: Key.
        kind: JSON type.
        title: Label, a few words.
        description: What it does, with its unit.
        default: Value when the key is absent.
        secret: Masked by Meltano and in every log.
        identity: It tells one account of the vendor from another, as the usual names of `Block` do.
        must_agree: It protects the data, or says where they go: no run begins while a variable of
            the environment says something else. So does each `identity`.
        or_none: The word `none` stands for an empty value.
        options: Allowed values.
        schema: Further JSON schema, for arrays and objects.
    """

    name: str
    kind: Kind
    title: str
    description: str
    default: t.Any = None
    secret: bool = False
    identity: bool = False
    must_agree: bool = False
    or_none: bool = False
    options: tuple[str, ...] = ()
    schema: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    def value_of(self, given: t.Any) -> t.Any:  # noqa: ANN401 - settings have many types
        """The value that is meant, or the default.

        Args:
            given: What the user set; None for nothing.
        """
        if given is None:
            return self.default
        return "" if self.or_none and given == NONE else given

    def as_schema(self) -> dict[str, t.Any]:
        """JSON schema of this key, in the SDK's dialect (`secret`)."""
        schema: dict[str, t.Any] = {
            "type": [self.kind, "string"] if self.schema.get("or_string") else self.kind,
            "title": self.title,
            "description": self.description,
        }
        if self.options:
            schema["enum"] = list(self.options)
        if self.default is not None:
            schema["default"] = self.default
        if self.secret:
            schema.update(secret=True, writeOnly=True)
        schema.update({key: value for key, value in self.schema.items() if key != "or_string"})
        return schema


def object_schema(settings: t.Iterable[Setting], **more: t.Any) -> dict[str, t.Any]:  # noqa: ANN401
    """JSON schema of an object that has these keys and no others.

    Args:
        settings: The keys.
        **more: Further JSON schema of the object.
    """
    return {
        "type": "object",
        "properties": {setting.name: setting.as_schema() for setting in settings},
        "additionalProperties": False,
        **more,
    }


ROWS_IN = "Member of an answer that holds its records (`data`, `data.rows`); empty: no member does."
RESOURCE_ENTRY = (
    Setting("name", "string", "Name", "Name of a built-in stream to change, or of a new one."),
    Setting("path", "string", "Path", "Path it is read at."),
    Setting("write_path", "string", "Write path", "Path it is written at."),
    Setting(
        "primary_keys",
        "array",
        "Primary keys",
        "Properties that identify a record.",
        schema={"items": {"type": "string"}},
    ),
    Setting(
        "replication_key", "string", "Replication key", "Property that says when a record changed."
    ),
    Setting("schema", "object", "Schema", "JSON schema of its records."),
    Setting("rows_in", "string", "Rows in", ROWS_IN),
    Setting(
        "may_be_empty",
        "boolean",
        "May be empty",
        "An empty answer means that all records were deleted, and not that a permission was lost; "
        "of a list of what is going on it says that what is not in it counts as deleted.",
        False,  # noqa: FBT003
    ),
    Setting(
        "success",
        "object",
        "Success",
        "What an answer to a write looks like when it has worked, where no document says so: "
        "{status, type, members, method}, each of them optional, or a list of such.",
        schema=success_schema(),
    ),
)


def connection_settings(*, per_second: float, in_flight: int) -> tuple[Setting, ...]:
    """The keys that every vendor block has.

    Args:
        per_second: The vendor's documented limit in calls per second.
        in_flight: The vendor's documented number of calls at once.
    """
    positive = {"exclusiveMinimum": 0}
    return (
        Setting(
            "timeout_seconds",
            "number",
            "Timeout",
            "Seconds to wait for an answer.",
            60,
            schema=positive,
        ),
        Setting(
            "max_concurrency",
            "integer",
            "Calls at once",
            "Largest number of calls in flight.",
            in_flight,
            schema={"minimum": 1},
        ),
        Setting(
            "requests_per_second",
            "number",
            "Calls per second",
            "Largest number of calls in any second; raise it only by agreement with the vendor. "
            "Above 1 a fraction is rounded down, as no second may see more.",
            per_second,
            schema=positive,
            must_agree=True,
        ),
        Setting(
            "verify_tls",
            "boolean",
            "Check TLS",
            "Check the server's certificate.",
            True,  # noqa: FBT003
            must_agree=True,
        ),
        Setting(
            "max_answer_bytes",
            "integer",
            "Largest answer",
            "Bytes of an answer that are read at most, after decompression; a call whose answer is "
            "larger fails.",
            1 << 28,
            schema={"minimum": 1},
        ),
        Setting("ca_bundle", "string", "CA bundle", "File of certificate authorities to trust."),
        Setting(
            "openapi",
            "string",
            "OpenAPI file",
            "Path of the vendor's own OpenAPI or Swagger file: its schemas replace the built-in "
            "ones, and what it describes besides becomes streams and sinks.",
        ),
        Setting(
            "resources",
            "array",
            "Resources",
            "Overrides of built-in streams, and custom ones.",
            schema={"items": object_schema(RESOURCE_ENTRY, required=["name"])},
        ),
    )


def null_values(default: str, meaning: str) -> Setting:
    """The key that says what becomes of null properties when a record is written.

    Args:
        default: `drop` or `send`.
        meaning: What a null does at this vendor, as far as it is known.
    """
    text = f"Null properties of a record: leave them out (drop), or send them (send). {meaning}"
    return Setting(
        "null_values",
        "string",
        "Null values",
        text,
        default,
        must_agree=True,
        options=("drop", "send"),
    )


_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")
_ADDRESSES = ("api_url", "token_url")
_NO_BASE = re.compile(r"[?#\s]")
_IDENTITY = (
    "api_url",
    "environment",
    "region",
    "site_name",
    "username",
    "client_id",
    "app_id",
)
"""The usual names of settings that tell one account from another; see `Setting.identity`."""


class Block:
    """A vendor's block of the configuration, with the table's defaults behind it."""

    def __init__(
        self, vendor: str, settings: t.Iterable[Setting], values: t.Mapping[str, t.Any]
    ) -> None:
        self.vendor = vendor
        self._settings = {setting.name: setting for setting in settings}
        self._values = values

    def get(self, name: str) -> t.Any:  # noqa: ANN401 - settings have many types
        """The value of a key, or its default."""
        return self._settings[name].value_of(self._values.get(name))

    @property
    def account(self) -> str:
        """Whose data the block gives access to: address and login, but no secret."""
        own = (name for name, setting in self._settings.items() if setting.identity)
        names = [name for name in dict.fromkeys((*_IDENTITY, *own)) if name in self._settings]
        parts = (f"{name}={_USER_INFO.sub('', str(self.get(name)))}" for name in names)
        return f"{self.vendor}|{'|'.join(parts)}"

    def knows(self, name: str) -> bool:
        """Whether the vendor has a key of this name."""
        return name in self._settings

    def must_agree(self, name: str) -> bool:
        """Whether a key protects the data or says where they go; so does the block as a whole.

        Args:
            name: The key, with those inside of it behind a dot.
        """
        name = name.partition(".")[0]
        if not name or name in _IDENTITY:
            return True
        setting = self._settings[name]
        return setting.must_agree or setting.identity

    def given(self, name: str) -> bool:
        """Whether the user set this key."""
        return self._values.get(name) is not None

    def require(self, *names: str) -> tuple[str, ...]:
        """The values of keys that this run cannot do without.

        Raises:
            ConfigError: If any is missing; the message names them all.
        """
        values = [self.get(name) for name in names]
        missing = [
            f"{self.vendor}.{name}" for name, value in zip(names, values, strict=True) if not value
        ]
        if missing:
            msg = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
            raise ConfigError(msg)
        return tuple(map(str, values))


def is_block(definition: t.Mapping[str, t.Any]) -> bool:
    """Whether a setting is made of settings; an object with keys of the user's own is not.

    Args:
        definition: Its JSON schema.
    """
    return definition.get("additionalProperties") is False


def as_given(config: t.Mapping[str, t.Any], schema: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Drop what is not set: nulls, blank texts, and blocks that held nothing else.

    Args:
        config: The configuration, or a block of it.
        schema: Its JSON schema. A setting without settings of its own, such as a stream map, stays
            as it is.
    """
    found = {}
    for name, value in config.items():
        definition = schema["properties"].get(name, {})
        if isinstance(value, dict) and is_block(definition):
            block = as_given(value, definition)
            if block or not value:
                found[name] = block
        elif value is not None and not (isinstance(value, str) and not value.strip()):
            found[name] = value
    return found


def explain(error: ValidationError, known: t.Mapping[str, t.Any]) -> list[str]:
    """Turn a JSON-schema error about the configuration into lines that name the setting.

    Args:
        error: The error.
        known: The config schema, to find what the user may have meant.

    Returns:
        One line per wrong key. Values are not shown: they may be secrets.
    """
    if error.context:
        # None of several forms fits. What is meant is the form that fits down to the deepest place.
        return explain(max(reversed(error.context), key=lambda one: len(one.absolute_path)), known)
    path = _dotted(error.absolute_path)
    schema = t.cast("dict[str, t.Any]", error.schema)
    wanted: t.Any = error.validator_value
    if error.validator == "additionalProperties":
        allowed = list(schema.get("properties", {}))
        return [
            f"unknown setting '{_join(path, name)}'{_hint(path, name, allowed, known)}"
            for name in t.cast("dict[str, t.Any]", error.instance)
            if name not in allowed
        ]
    if error.validator == "required":
        present = t.cast("dict[str, t.Any]", error.instance)
        return [
            f"setting '{_join(path, name)}' is missing" for name in wanted if name not in present
        ]
    if error.validator == "enum":
        return [f"setting '{path}' must be one of: {', '.join(map(str, wanted))}"]
    if error.validator == "type":
        kinds = wanted if isinstance(wanted, str) else " or ".join(wanted)
        kinds = "true or false" if kinds == "boolean" else f"of type {kinds}"
        return [f"setting '{path}' must be {kinds}"]
    return [f"setting '{path}' does not fit: {error.validator} {wanted}"]


def explain_addresses(config: t.Mapping[str, t.Any]) -> list[str]:
    """Say which addresses of vendors' blocks can have no path behind them.

    Args:
        config: The configuration; what is no block or no text is left to its schema.

    Returns:
        One line per wrong setting. Its value is not shown: it may hold a secret.
    """
    lines = []
    for block, values in config.items():
        for name in _ADDRESSES if isinstance(values, dict) else ():
            value = values.get(name)
            found = _NO_BASE.search(value.strip()) if isinstance(value, str) else None
            if found is not None:
                what = {"?": "a query (?)", "#": "a fragment (#)"}.get(found[0], "a blank")
                lines.append(f"setting '{block}.{name}' must be an address without {what}")
    return lines


def _dotted(path: t.Iterable[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _hint(path: str, name: str, allowed: list[str], known: t.Mapping[str, t.Any]) -> str:
    if not path:
        for block, definition in known["properties"].items():
            if name in definition.get("properties", {}):
                return f"; did you mean '{block}.{name}'?"
    close = difflib.get_close_matches(name, allowed, n=1)
    if close:
        return f"; did you mean '{_join(path, close[0])}'?"
    return f"; known here: {', '.join(sorted(allowed))}" if path else ""
