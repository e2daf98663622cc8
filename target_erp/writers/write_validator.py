"""What the vendor documents as wrong is refused before anything is sent."""

from __future__ import annotations

import typing as t

import jsonschema_rs

from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact
from erp_vendors.masking import names_a_secret
from target_erp.coercion import converted
from target_erp.delivery import RefusedError
from target_erp.delivery.documented import is_assumed, is_epoch, write_schema

if t.TYPE_CHECKING:
    from erp_vendors.resource import Need, Resource
    from target_erp.delivery.model import Body

    Schema = t.Mapping[str, t.Any]

_SHOWN_PROBLEMS = 3
_SHOWN_CHARACTERS = 60
_SCALARS = frozenset({"string", "number", "integer", "boolean"})
_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class WriteValidator:
    """Checks what goes to one place; compiled once, asked for every record."""

    def __init__(
        self,
        schema: Schema,
        *,
        needs: t.Sequence[Need] = (),
        secrets: frozenset[str] = frozenset(),
        partial: bool = False,
        scalars: bool = False,
    ) -> None:
        """Compile a write schema.

        Properties that are marked as assumed (INF) may be of any type.

        Args:
            schema: JSON schema of a body.
            needs: What must be there beyond its `required`.
            secrets: Properties whose values are never shown.
            partial: Nothing has to be there unless something else asks for it.
            scalars: A scalar may be of any scalar type.

        Raises:
            ConfigError: If the schema cannot be used.
        """
        self._schema = schema
        self._needs = tuple(need for need in needs if need.when or not partial)
        self._secrets = secrets
        settled = {name for need in needs for name in need.names}
        asked = [name for name in schema.get("required", ()) if name not in settled]
        tolerant = {**_tolerant(schema, scalars=scalars), "required": [] if partial else asked}
        try:
            self._validator = jsonschema_rs.validator_for(tolerant)
        except ValueError as error:
            msg = f"a schema for writing cannot be used: {error}"
            raise ConfigError(msg) from None

    @classmethod
    def of(
        cls,
        vendor: str,
        resource: Resource,
        *,
        secrets: frozenset[str] = frozenset(),
        partial: bool = False,
        scalars: bool = False,
    ) -> WriteValidator:
        """Make the validator of a resource, with the schema of `write_schema`.

        Args:
            vendor: Vendor block name.
            resource: What is written.
            secrets: See `WriteValidator`.
            partial: See `WriteValidator`.
            scalars: See `WriteValidator`; only for what `schemas/` says.

        Raises:
            ConfigError: If the schema cannot be used.
        """
        schema, packaged = write_schema(vendor, resource)
        return cls(
            schema,
            needs=resource.needs,
            secrets=secrets,
            partial=partial,
            scalars=scalars and packaged,
        )

    def check(self, body: Body) -> None:
        """Let a body pass.

        Args:
            body: What would be sent; decimals and large integers count as the numbers they are.

        Raises:
            RefusedError: If it does not fit; the message names the fields and why.
        """
        problems = [] if self._validator.is_valid(body) else self._problems(body)
        problems += [_lack(need) for need in self._needs if _is_lacking(need, body)]
        problems = list(dict.fromkeys(problems))
        if problems:
            more = len(problems) - _SHOWN_PROBLEMS
            text = "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" * (more > 0))
            raise RefusedError(text, reason="schema")

    def _problems(self, body: Body) -> list[str]:
        found = self._validator.iter_errors(body)
        return list(dict.fromkeys(self._explain(problem, body) for problem in found))

    def _explain(self, problem: jsonschema_rs.ValidationError, body: Body) -> str:
        path: list[str | int] = list(problem.instance_path)
        kind: t.Any = problem.kind
        if kind.name == "required":
            return f"{_dotted([*path, kind.property])}: required and missing"
        where = _dotted(path) or "the record"
        value = _at(body, path)
        hidden = any(part in self._secrets or names_a_secret(str(part)) for part in path)
        if kind.name == "type":
            wanted = " or ".join(_WORDS[name] for name in kind.types if name != "null")
            shown = "" if hidden or value is None else _shown(value)
            said = f"{where}: {shown or 'it'} is {_kind(value)}, the vendor wants {wanted}"
            epoch = is_epoch(_part(self._schema, path))
            if isinstance(value, str) and converted(value, kind.types, epoch=epoch):
                said += " (the setting coerce: lossless converts it)"
            return said
        if kind.name == "enum":
            # A vendor may take 1 and "1", or a word with a blank and without, which look the same.
            texts = (str(option).strip() for option in kind.options if option is not None)
            options = ", ".join(dict.fromkeys(texts))
            return f"{where}: {'it' if hidden else _shown(value) or 'it'} is none of {options}"
        if hidden or isinstance(value, (dict, list)):
            # The library's own words hold the value.
            return f"{where}: it does not fit the schema ({kind.name})"
        return f"{where}: {problem.message}"


def without_nulls(value: t.Any) -> t.Any:  # noqa: ANN401
    """A value without the null properties of its objects; nulls in lists stay.

    Args:
        value: Anything that JSON can hold.
    """
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def _tolerant(schema: Schema, *, scalars: bool) -> dict[str, t.Any]:
    """A schema in which nothing is asked for that is only assumed."""
    loose = dict(schema)
    if is_assumed(schema):
        loose = {name: loose[name] for name in ("properties", "items") if name in loose}
    kinds = loose.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if scalars and kinds & _SCALARS:
        loose = {"type": sorted(kinds | _SCALARS)}
    if isinstance(loose.get("properties"), dict):
        loose["properties"] = {
            name: _tolerant(part, scalars=scalars) if isinstance(part, dict) else part
            for name, part in loose["properties"].items()
        }
    if isinstance(loose.get("items"), dict):
        loose["items"] = _tolerant(loose["items"], scalars=scalars)
    return loose


def _is_lacking(need: Need, body: Body) -> bool:
    asked = not need.when or body.get(need.when) not in (None, "")
    return asked and all(body.get(name) in (None, "") for name in need.names)


def _lack(need: Need) -> str:
    asked = f" with {need.when}" if need.when else ""
    return f"{' or '.join(need.names)}: required{asked} and missing"


def _at(body: t.Any, path: t.Iterable[str | int]) -> t.Any:  # noqa: ANN401
    for part in path:
        body = body[part]
    return body


def _part(schema: Schema, path: t.Iterable[str | int]) -> Schema:
    """The schema of what stands at a place of a body."""
    part: t.Any = schema
    for name in path:
        inner = part.get("items") if isinstance(name, int) else part.get("properties", {}).get(name)
        part = inner if isinstance(inner, dict) else {}
    return t.cast("Schema", part)


def _dotted(path: t.Iterable[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def _kind(value: object) -> str:
    if isinstance(value, str):
        return _WORDS["string"]
    if isinstance(value, bool):
        return "a flag"
    for kinds, name in ((dict, "object"), (list, "array"), (type(None), "null")):
        if isinstance(value, kinds):
            return _WORDS[name]
    return _WORDS["number"]


def _shown(value: object) -> str:
    """A scalar as people would write it; nothing for an object or a list."""
    if isinstance(value, (dict, list)):
        return ""
    text = f"'{value}'" if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return redact.cut(text, _SHOWN_CHARACTERS, "…")
