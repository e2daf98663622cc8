"""Reads the schemas of an OpenAPI or Swagger document: references followed, parts merged."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import urllib.parse

KINDS = ("string", "integer", "number", "boolean", "object", "array")
"""JSON types of values, null left out."""
_KNOWN = (*KINDS, "null", "file")
_CHAIN = 100
"""References that lead to references, before it counts as a circle."""
_INDEX = re.compile(r"[0-9]{1,9}")
_SHORT = 100
"""Characters of a name or a value that a message shows."""
_PARTS = 2_000
"""Parts that one schema may be composed of."""
_FLAGS = ("readOnly", "writeOnly", "x-ms-navigationProperty")
_BESIDE_REF = ("description", "nullable", "x-nullable", *_FLAGS)
"""What generators put next to a `$ref`, and mean."""


class FaultError(Exception):
    """A mistake in the file; what it belongs to cannot be used. The message names the place."""

    def __init__(self, node: Node, problem: str, *keys: str) -> None:
        """Name it.

        Args:
            node: Where it is.
            problem: What is wrong.
            *keys: Way from there to the very place.
        """
        place = "/".join([node.place, *map(escaped, keys)])
        super().__init__(f"at {place}: {problem}")


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
        refs: Places that it stands at: its own, and those of the references that lead to it.
        inner: References to what it is composed of, if it is not referred to itself.
        flags: `readOnly`, `writeOnly` or `x-ms-navigationProperty`, where it says so.
    """

    kinds: set[str] = dataclasses.field(default_factory=set)
    formats: set[str | None] = dataclasses.field(default_factory=set)
    nullable: bool = False
    description: str = ""
    properties: dict[str, list[Node]] = dataclasses.field(default_factory=dict)
    required: set[str] = dataclasses.field(default_factory=set)
    items: Node | None = None
    refs: frozenset[str] = frozenset()
    inner: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()

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

    def __init__(self, root: dict[str, t.Any]) -> None:
        """Read a document.

        Args:
            root: The document's content.
        """
        self.root = Node(root, "#")
        self._flat: dict[str, Flat] = {}
        self._targets: dict[str, Node] = {}

    def members(self, node: Node, key: str) -> list[tuple[str, Node]]:
        """The members of an object that a part may have.

        Raises:
            FaultError: If it is something else than an object.
        """
        if key not in node.content:
            return []
        inner = node.at(key)
        if isinstance(inner.content, dict) and isinstance(inner.content.get("$ref"), str):
            inner = self.resolved(inner)
        if not isinstance(inner.content, dict):
            raise FaultError(inner, "must be an object")
        return [(name, inner.at(name)) for name in inner.content]

    def elements(self, node: Node, key: str) -> list[Node]:
        """The elements of a list that a part may have; null is none.

        Raises:
            FaultError: If it is something else than a list.
        """
        value = node.content.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise FaultError(node, "must be a list", key)
        inner = node.at(key)
        return [inner.at(index) for index in range(len(value))]

    def resolved(self, node: Node) -> Node:
        """Follow references until an object stands there.

        Raises:
            FaultError: If a reference leads nowhere, out of the file, or in a circle.
        """
        refs = node.refs
        for _ in range(_CHAIN):
            content = node.content
            if not isinstance(content, dict):
                raise FaultError(node, "must be an object")
            if "$ref" not in content:
                return Node(content, node.place, refs)
            target = self._target(node)
            refs |= {target.place}
            beside = {name: content[name] for name in _BESIDE_REF if name in content}
            if beside and isinstance(target.content, dict):
                target = target._replace(content={**target.content, **beside})
            node = target
        raise FaultError(node, "$ref leads in a circle")

    def answer(self, operation: Node) -> Node | None:
        """The schema of an operation's success answer, of the first one that has any.

        `default` is one if the file names no success; otherwise it describes errors.
        """
        responses = dict(self.members(operation, "responses"))
        codes = sorted(code for code in responses if code.startswith("2")) or ["default"]
        found = (self._media(self.resolved(responses[code])) for code in codes if code in responses)
        return next((schema for schema in found if schema is not None), None)

    def body(self, operation: Node) -> Node | None:
        """The schema of an operation's JSON body, if it has one."""
        if "requestBody" in operation.content:
            return self._media(self.resolved(operation.at("requestBody")))
        for element in self.elements(operation, "parameters"):
            parameter = self.resolved(element)
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
            FaultError: If it has a mistake, or is composed of too many parts.
        """
        key = node.place
        if isinstance(node.content, dict) and node.content.keys() == {"$ref"}:
            node = self.resolved(node)
            key = f"$ref {node.place}"  # one for all that refer to it
        if key not in self._flat:
            self._flat[key] = self._merged(node)
        return self._flat[key]

    def _merged(self, node: Node) -> Flat:
        """As `flat`. Each part is taken once, so that parts that share parts cost no more."""
        whole: Flat | None = None
        # Schemas to merge; whether they all apply (allOf); whether no reference leads to them.
        todo = [(node, True, True)]
        seen: set[tuple[str, bool]] = set()
        refs: list[frozenset[str]] = []
        extra = False
        while todo:
            part, all_of, inline = todo.pop()
            if isinstance(part.content, bool):
                continue
            part = self.resolved(part)
            if {(part.place, True), (part.place, all_of)} & seen:
                continue
            again = (part.place, False) in seen
            seen.add((part.place, all_of))
            if len(seen) > _PARTS:
                raise FaultError(node, f"is composed of more than {_PARTS:,} parts")
            flat = self._own(part)
            if whole is None:
                whole, named = flat, bool(part.refs)
            elif again:
                whole.required |= flat.required
            else:
                whole.merge(flat, all_of=all_of)
                if inline and part.refs:
                    refs.append(part.refs)
                    inline = False
            extra |= inline and bool(flat.properties)
            parts = [
                (element, all_of and keyword == "allOf", inline)
                for keyword in ("allOf", "anyOf", "oneOf")
                for element in self.elements(part, keyword)
            ]
            todo += reversed(parts)
        if whole is None:
            return Flat()
        inner = frozenset[str]().union(*refs)
        if len(refs) == 1 and not extra:
            # The schema is only another name for the one that it refers to.
            whole.refs |= inner
        whole.inner = frozenset() if named else inner
        return whole

    def _own(self, node: Node) -> Flat:
        """A schema without its compositions."""
        content = node.content
        given = content.get("type") or []
        kinds = [given] if isinstance(given, str) else given
        if not isinstance(kinds, list) or any(kind not in _KNOWN for kind in kinds):
            problem = f"there is no type {printable(repr(given))}"
            raise FaultError(node, problem, "type")
        description, said = content.get("description"), content.get("format")
        # Some write `properties:` in YAML, and nothing below it.
        properties = [] if content.get("properties") is None else self.members(node, "properties")
        flat = Flat(
            kinds={"string" if kind == "file" else kind for kind in kinds if kind != "null"},
            nullable="null" in kinds
            or True in (content.get("nullable"), content.get("x-nullable")),
            description=description.strip() if isinstance(description, str) else "",
            properties={name: [sub] for name, sub in properties},
            refs=node.refs | {node.place},
            flags=frozenset(key for key in _FLAGS if content.get(key) is True),
        )
        required = content.get("required")
        if isinstance(required, list):  # in Swagger 2, some write `required: true` on a property
            flat.required = {name for name in required if isinstance(name, str)}
        if "items" in content:
            flat.items = node.at("items")
            flat.kinds.add("array")
            if flat.items.content is None or isinstance(flat.items.content, list):
                # Nothing said, or one schema for each position: anything.
                flat.items = flat.items._replace(content=True)
            elif not isinstance(flat.items.content, (dict, bool)):
                raise FaultError(flat.items, "must be an object")
        if flat.properties or (not kinds and isinstance(content.get("additionalProperties"), dict)):
            flat.kinds.add("object")
        if "string" in flat.kinds:
            flat.formats.add(said if isinstance(said, str) else None)
        return flat

    def _target(self, source: Node) -> Node:
        ref = source.content["$ref"]
        if not isinstance(ref, str) or (ref and not ref.startswith("#")):
            problem = "leads out of this file; bundle all of it into one file"
            raise FaultError(source, f"$ref {printable(repr(ref))} {problem}")
        if ref in self._targets:
            return self._targets[ref]
        node = self.root
        for part in ref.split("/")[1:]:
            key = urllib.parse.unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(node.content, dict) and key in node.content:
                node = node.at(key)
            elif (
                isinstance(node.content, list)
                and _INDEX.fullmatch(key)
                and int(key) < len(node.content)
            ):
                node = node.at(int(key))
            else:
                node = self.root
                break
        if node is self.root:
            raise FaultError(source, f"$ref {printable(repr(ref))} leads nowhere")
        self._targets[ref] = node
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
    return printable(key).replace("~", "~0").replace("/", "~1")


def printable(text: str) -> str:
    """A text in one line, shortened if it is very long.

    Args:
        text: What stands in the file.
    """
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
