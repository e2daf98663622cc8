"""Reads the schemas of an OpenAPI or Swagger document: references followed, parts merged."""

from __future__ import annotations

import dataclasses
import typing as t
import urllib.parse

from erp_vendors.errors import ConfigError

KINDS = ("string", "integer", "number", "boolean", "object", "array")
"""JSON types of values, null left out."""
_KNOWN = (*KINDS, "null", "file")
_CHAIN = 100
"""References that lead to references, before it counts as a circle."""
_HIDDEN = ("readOnly", "writeOnly")
_BESIDE_REF = ("description", "nullable", "x-nullable", *_HIDDEN)
"""What generators put next to a `$ref`, and mean."""


class Node(t.NamedTuple):
    """A part of the document.

    Attributes:
        content: What stands there.
        place: Where, as a JSON pointer.
        refs: The references that led there.
    """

    content: t.Any
    place: str
    refs: frozenset[str] = frozenset()

    def at(self, key: str | int) -> Node:
        """The part under a key."""
        return Node(self.content[key], f"{self.place}/{escaped(str(key))}")


@dataclasses.dataclass
class Flat:
    """A schema whose references and compositions (allOf, anyOf, oneOf) are merged into it.

    Attributes:
        kinds: JSON types, without null; empty when the document does not say.
        formats: Formats of its text, None for text without one.
        nullable: Null is allowed.
        description: What it is.
        properties: The schemas of each property, more than one if several parts have it.
        required: Properties that must be there.
        items: Schema of an array's elements.
        refs: The references that lead to it.
        hidden: `readOnly` or `writeOnly`, where it says so.
    """

    kinds: set[str] = dataclasses.field(default_factory=set)
    formats: set[str | None] = dataclasses.field(default_factory=set)
    nullable: bool = False
    description: str = ""
    properties: dict[str, list[Node]] = dataclasses.field(default_factory=dict)
    required: set[str] = dataclasses.field(default_factory=set)
    items: Node | None = None
    refs: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    @property
    def is_record(self) -> bool:
        """Whether it can be an object."""
        return "object" in self.kinds or not self.kinds

    def merge(self, other: Flat, *, all_of: bool) -> None:
        """Take in a part of a composition."""
        self.kinds |= other.kinds
        self.formats |= other.formats
        self.nullable |= other.nullable
        self.description = self.description or other.description
        self.items = self.items or other.items
        for name, nodes in other.properties.items():
            self.properties.setdefault(name, []).extend(nodes)
        if all_of:
            self.required |= other.required


class SchemaReader:
    """Follows references, finds the schemas of answers, bodies and rows, and merges their parts."""

    def __init__(self, root: dict[str, t.Any], where: str) -> None:
        """Read a document.

        Args:
            root: The document's content.
            where: Names the file in messages.
        """
        self.root = Node(root, "#")
        self._where = where
        self._flat: dict[str, Flat] = {}

    def mistake(self, node: Node, problem: str, *keys: str) -> ConfigError:
        """An error that names file and place.

        Args:
            node: Where it is.
            problem: What is wrong.
            *keys: Way from there to the very place.
        """
        place = "/".join([node.place, *map(escaped, keys)])
        return ConfigError(f"{self._where} at {place}: {problem}")

    def members(self, node: Node, key: str) -> list[tuple[str, Node]]:
        """The members of an object that a part may have.

        Raises:
            ConfigError: If it is something else than an object.
        """
        value = node.content.get(key)
        if value is None:
            return []
        if not isinstance(value, dict):
            raise self.mistake(node, "must be an object", key)
        inner = node.at(key)
        return [(name, inner.at(name)) for name in value]

    def resolved(self, node: Node) -> Node:
        """Follow references until an object stands there.

        Raises:
            ConfigError: If a reference leads nowhere, out of the file, or in a circle.
        """
        refs: frozenset[str] = frozenset()
        for _ in range(_CHAIN):
            content = node.content
            if not isinstance(content, dict):
                raise self.mistake(node, "must be an object")
            if "$ref" not in content:
                return Node(content, node.place, refs)
            target = self._target(node)
            refs |= {target.place}
            beside = {name: content[name] for name in _BESIDE_REF if name in content}
            if beside and isinstance(target.content, dict):
                target = target._replace(content={**target.content, **beside})
            node = target
        raise self.mistake(node, "$ref leads in a circle")

    def answer(self, operation: Node) -> Node | None:
        """The schema of an operation's success answer, of the first one that has any."""
        responses = dict(self.members(operation, "responses"))
        codes = sorted(code for code in responses if code.startswith("2"))
        found = (self._media(self.resolved(responses[code])) for code in codes)
        return next((schema for schema in found if schema is not None), None)

    def body(self, operation: Node) -> Node | None:
        """The schema of an operation's JSON body, if it has one."""
        if "requestBody" in operation.content:
            return self._media(self.resolved(operation.at("requestBody")))
        parameters = operation.content.get("parameters", [])
        if not isinstance(parameters, list):
            raise self.mistake(operation, "must be a list", "parameters")
        for index in range(len(parameters)):
            parameter = self.resolved(operation.at("parameters").at(index))
            if parameter.content.get("in") == "body":
                return self._media(parameter)
        return None

    def rows(self, node: Node, wrappers: t.Collection[str]) -> Node | None:
        """The schema of a list's rows.

        Args:
            node: Schema of the whole answer or body.
            wrappers: Properties that a list may stand in.

        Returns:
            The schema; None if it is no list of objects.
        """
        flat = self.flat(node)
        if flat.items is not None:
            return flat.items if self.flat(flat.items).is_record else None
        for name, nodes in flat.properties.items():
            if name.lower() in wrappers:
                return self.rows(nodes[0], ())
        return None

    def lists(self, node: Node) -> dict[str, Node]:
        """The lists of objects among an object's properties, with the schemas of their rows."""
        found = {
            name: self.rows(nodes[0], ()) for name, nodes in self.flat(node).properties.items()
        }
        return {name: rows for name, rows in found.items() if rows is not None}

    def flat(self, node: Node) -> Flat:
        """A schema with its references and compositions merged into it.

        Args:
            node: A schema.

        Raises:
            ConfigError: If it has a mistake.
        """
        found = self._flat.get(node.place)
        if found is None:
            found = self._flat[node.place] = self._merged(node, frozenset())
        return found

    def _merged(self, node: Node, chain: frozenset[str]) -> Flat:
        """As `flat`; a reference that leads back to a schema around this one adds nothing."""
        if isinstance(node.content, bool):
            return Flat()
        node = self.resolved(node)
        if node.refs & chain:
            return Flat()
        flat = self._own(node)
        for keyword in ("allOf", "anyOf", "oneOf"):
            parts = node.content.get(keyword, [])
            if not isinstance(parts, list):
                raise self.mistake(node, "must be a list", keyword)
            for index in range(len(parts)):
                part = self._merged(node.at(keyword).at(index), chain | node.refs)
                flat.merge(part, all_of=keyword == "allOf")
        return flat

    def _own(self, node: Node) -> Flat:
        """A schema without its compositions."""
        content = node.content
        given = content.get("type") or []
        kinds = [given] if isinstance(given, str) else given
        if not isinstance(kinds, list) or any(kind not in _KNOWN for kind in kinds):
            problem = f"there is no type {given!r}"
            raise self.mistake(node, problem, "type")
        flat = Flat(
            kinds={"string" if kind == "file" else kind for kind in kinds if kind != "null"},
            nullable="null" in kinds
            or True in (content.get("nullable"), content.get("x-nullable")),
            description=str(content.get("description") or "").strip(),
            properties={name: [sub] for name, sub in self.members(node, "properties")},
            refs=node.refs,
            hidden=frozenset(key for key in _HIDDEN if content.get(key) is True),
        )
        required = content.get("required")
        if isinstance(required, list):  # in Swagger 2, some write `required: true` on a property
            flat.required = {name for name in required if isinstance(name, str)}
        if isinstance(content.get("items"), (dict, bool)):
            flat.items = node.at("items")
            flat.kinds.add("array")
        if flat.properties or (not kinds and isinstance(content.get("additionalProperties"), dict)):
            flat.kinds.add("object")
        if "string" in flat.kinds:
            flat.formats.add(content.get("format"))
        return flat

    def _target(self, source: Node) -> Node:
        ref = source.content["$ref"]
        if not isinstance(ref, str) or not ref.startswith("#/"):
            problem = f"$ref {ref!r} leads out of this file; bundle all of it into one file"
            raise self.mistake(source, problem)
        node = self.root
        for part in ref[2:].split("/"):
            key = urllib.parse.unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(node.content, dict) and key in node.content:
                node = node.at(key)
            elif isinstance(node.content, list) and key.isdigit() and int(key) < len(node.content):
                node = node.at(int(key))
            else:
                problem = f"$ref '{ref}' leads nowhere"
                raise self.mistake(source, problem)
        return node

    def _media(self, node: Node) -> Node | None:
        """The schema of a response or body: of its JSON (OpenAPI 3), or its only one (Swagger)."""
        if "schema" in node.content:
            return node.at("schema")
        media = dict(self.members(node, "content"))
        for name in sorted(media, key=lambda name: not name.startswith("application/json")):
            if "json" in name.lower() or name == "*/*":
                found = self.resolved(media[name])
                return found.at("schema") if "schema" in found.content else None
        return None


def escaped(key: str) -> str:
    """A key as a part of a JSON pointer.

    Args:
        key: Name of a member.
    """
    return key.replace("~", "~0").replace("/", "~1")
